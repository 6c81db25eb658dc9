"""Features in words, so that a model's reasons can be read: English from the registry, Chinese from here."""

import re
from collections.abc import Callable
from typing import Final

from lifecycle.decisions.vocabulary import LANGUAGES, Language
from lifecycle.features.families.seasonality import MONTHS, WEEKDAYS
from lifecycle.features.registry import FEATURES

WEEKDAYS_ZH: Final = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
MONTHS_ZH: Final = tuple(f"{month} 月" for month in range(1, 13))

_PATTERNS: Final[tuple[tuple[re.Pattern[str], Callable[[str], str]], ...]] = (
    (re.compile(r"purchases_(\d+)d"), "近 {} 天购买次数".format),
    (re.compile(r"spend_(\d+)d"), "近 {} 天消费额".format),
    (re.compile(r"mean_amount_(\d+)d"), "近 {} 天平均客单价".format),
    (re.compile(r"purchases_ratio_(\d+)d"), "近 {} 天购买次数与此前之比".format),
    (re.compile(r"spend_ratio_(\d+)d"), "近 {} 天消费额与此前之比".format),
    (re.compile(r"purchases_year_ago_(\d+)d"), "去年未来 {} 天的购买次数".format),
    (re.compile(r"spend_year_ago_(\d+)d"), "去年未来 {} 天的消费额".format),
    (re.compile(r"purchases_first_(\d+)d"), "最初 {} 天购买次数".format),
    (re.compile(r"spend_first_(\d+)d"), "最初 {} 天消费额".format),
    (re.compile(r"contacts_(\d+)d"), "近 {} 天互动次数".format),
    (re.compile(r"visits_(\d+)d"), "近 {} 天访问次数".format),
    (re.compile(r"services_(\d+)d"), "近 {} 天服务次数".format),
    (re.compile(r"complaints_(\d+)d"), "近 {} 天投诉次数".format),
    (re.compile(r"products_(\d+)d"), "近 {} 天购买的商品种数".format),
    (re.compile(r"categories_(\d+)d"), "近 {} 天购买的品类数".format),
    (re.compile(r"channels_(\d+)d"), "近 {} 天使用的渠道数".format),
    (re.compile(r"returns_(\d+)d"), "近 {} 天退货次数".format),
    (re.compile(r"returned_amount_(\d+)d"), "近 {} 天退货金额".format),
    (re.compile(r"invoices_(\d+)d"), "近 {} 天账单数".format),
    (re.compile(r"days_late_(\d+)d"), "近 {} 天账单平均逾期天数".format),
    (re.compile(r"campaign_contacts_(\d+)d"), "近 {} 天营销触达次数".format),
    (re.compile(r"campaign_controls_(\d+)d"), "近 {} 天列入对照组次数".format),
    (re.compile(r"campaign_treatments_(\d+)d"), "近 {} 天营销内容种数".format),
    (re.compile(r"campaign_cost_(\d+)d"), "近 {} 天营销触达成本".format),
)

_WORDS: Final[dict[str, str]] = {
    "frequency": "重复购买次数",
    "recency": "首末次购买间隔",
    "T": "首购至今天数",
    "monetary_value": "重复购买平均金额",
    "days_since_last_purchase": "距上次购买天数",
    "spend": "累计消费额",
    "last_amount": "最近一次购买金额",
    "largest_amount": "单次最大购买金额",
    "amount_std": "购买金额波动",
    "last_amount_ratio": "最近一次金额与此前平均之比",
    "gap_mean": "平均购买间隔",
    "gap_std": "购买间隔波动",
    "gap_last": "最近一次购买间隔",
    "gap_longest": "最长购买间隔",
    "overdue_ratio": "沉默天数与平均间隔之比",
    "silence_rank": "沉默时间在自身间隔中的位次",
    "regularity": "购买规律性",
    "amount_slope": "购买金额趋势",
    "gap_slope": "购买间隔趋势",
    "purchase_rate_change": "近期购买频率变化",
    "spend_rate_change": "近期消费水平变化",
    "products": "购买过的商品种数",
    "product_concentration": "商品集中度",
    "categories": "购买过的品类数",
    "category_concentration": "品类集中度",
    "channels": "使用过的渠道数",
    "channel_concentration": "渠道集中度",
    "lines_per_purchase_day": "每次购买的明细数",
    "items_per_purchase_day": "每次购买的件数",
    "margin_share": "毛利率",
    "returns": "退货次数",
    "days_returned": "全部退货的购买次数",
    "days_since_return": "距上次退货天数",
    "returned_amount": "退货金额",
    "returned_share": "退货金额占比",
    "discount_share": "折让占比",
    "free_days_share": "零金额购买占比",
    "cohort": "首购时间",
    "cohort_month": "首购月份",
    "first_amount": "首次购买金额",
    "days_to_second_purchase": "首购至二次购买天数",
    "first_channel": "首购渠道",
    "days_since_registration": "注册至今天数",
    "registration_to_purchase": "注册至首购天数",
    "days_since_contact": "距上次互动天数",
    "days_since_complaint": "距上次投诉天数",
    "satisfaction_last": "最近一次满意度",
    "satisfaction_mean": "平均满意度",
    "days_since_survey": "距上次调查天数",
    "days_since_campaign": "距上次营销触达天数",
    "outstanding_amount": "未付金额",
    "overdue_amount": "逾期金额",
    "days_to_pay_mean": "平均付款天数",
    "days_late_mean": "平均逾期天数",
    "days_late_most": "最长逾期天数",
    "late_share": "逾期账单占比",
    "days_late_change": "逾期天数变化",
    "acquisition_cost": "获客成本",
    "consent": "是否同意联系",
    "preferred_channel": "偏好渠道",
    "account_closed": "账户是否关闭",
}


_MODEL: Final[dict[str, tuple[str, str]]] = {
    "btyd_purchase_probability": ("probability of a purchase, by the purchase model", "购买模型的购买概率"),
    "btyd_p_alive": ("probability of being active, by the purchase model", "购买模型的活跃概率"),
    "btyd_expected_purchases": ("expected purchases, by the purchase model", "购买模型的预期购买次数"),
    "btyd_expected_basket": ("expected amount a purchase, by the purchase model", "购买模型的预期客单价"),
    "btyd_expected_spend": ("expected spend, by the purchase model", "购买模型的预期消费额"),
}


def feature_words(name: str, *, language: Language = "en") -> str:
    """Return a feature's name for people; a column of the user's own keeps its name, underscores as spaces.

    >>> feature_words("spend_30d"), feature_words("spend_30d", language="zh"), feature_words("shoe_size")
    ('net amount of the last 30 days', '近 30 天消费额', 'shoe size')
    """
    if name in _MODEL:
        return _MODEL[name][LANGUAGES.index(language)]
    if language == "en":
        feature = FEATURES.get(name)
        return re.split(r"[;:(]", feature.meaning)[0].strip() if feature else name.replace("_", " ")
    return _chinese(name) or name.replace("_", " ")


def _chinese(name: str) -> str | None:
    if name in _WORDS:
        return _WORDS[name]
    share = name.removeprefix("share_")
    if share in WEEKDAYS:
        return f"{WEEKDAYS_ZH[WEEKDAYS.index(share)]}购买占比"
    if share in MONTHS:
        return f"{MONTHS_ZH[MONTHS.index(share)]}购买占比"
    for pattern, word in _PATTERNS:
        match = pattern.fullmatch(name)
        if match:
            return word(match.group(1))
    return None
