"""What `lifecycle explain` says, in English and in Chinese; braces are filled with values already formatted."""

from collections.abc import Mapping
from typing import Final

from lifecycle.decisions.vocabulary import LANGUAGES, Language

TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "head": ("Customer {id} as of {date}", "客户 {id}，截至 {date}"),
    "timeline": ("{first} to {last}, {days} a column", "{first} 至 {last}，每列 {days}"),
    "day": ("1 day", "1 天"),
    "days": ("{n} days", "{n} 天"),
    "row_purchases": ("purchases", "购买次数"),
    "row_alive": ("P(alive)", "活跃概率"),
    "row_stage": ("stage", "阶段"),
    "alive_now": ("now {p}", "现为 {p}"),
    "stage_path": ("Stages: {path}.", "阶段变化：{path}。"),
    "stage_now": ("Stage: {stage}{since}.", "目前阶段：{stage}{since}。"),
    "since": (" since {date}", "（自 {date} 起）"),
    "purchase_day": ("1 purchase day", "共 1 个购买日"),
    "purchase_days": ("{n} purchase days", "共 {n} 个购买日"),
    "the_last": ("{n} purchase days, the last {shown}", "共 {n} 个购买日，最近 {shown} 个"),
    "col_day": ("day", "日期"),
    "col_gap": ("gap", "间隔"),
    "col_amount": ("net amount", "净金额"),
    "first_day": ("first", "首次"),
    "after": ("{days} after", "{days}后"),
    "estimates": ("Estimates", "估计值"),
    "no_estimates": (
        "Nothing is estimated of somebody who has not bought yet.",
        "对尚未购买者不作估计。",
    ),
    "col_what": ("what", "项目"),
    "col_value": ("value", "数值"),
    "col_interval": ("90 % interval", "90 % 区间"),
    "from_to": ("{low} to {high}", "{low} 至 {high}"),
    "expected_purchases": ("purchases in the next {days} days", "未来 {days} 天购买次数"),
    "expected_spend": ("spend in the next {days} days", "未来 {days} 天消费"),
    "residual_value": ("residual value (future margin, discounted)", "剩余价值（未来毛利，已折现）"),
    "churn_probability": ("P(no purchase in {days} days)", "{days} 天内不购买的概率"),
    "loss_probability": ("P(lost for good by then)", "届时永久流失的概率"),
    "decline_probability": ("P(buys, but at most half of the usual)", "会购买但不超过平常一半的概率"),
    "p_alive": ("P(alive), from purchases alone", "活跃概率（仅据购买记录）"),
    "value_at_risk": ("value at risk", "风险价值"),
    "winback_value": ("value to win back", "挽回价值"),
    "clv": ("lifetime value, past and future", "客户终身价值（过去与未来）"),
    "why_model": ("Why (the model's strongest drivers): {reasons}.", "原因（模型中最强的因素）：{reasons}。"),
    "why_rules": ("Why (by rules): {reasons}.", "原因（按规则）：{reasons}。"),
    "model_says": ("Strongest in the model: {reasons}.", "模型中最强的因素：{reasons}。"),
    "strategy": ("Strategy: {strategy}.", "策略：{strategy}。"),
    "advice": (
        "Action: {action} by {channel}, net gain {gain}, pays from an effect of {rate}; {role}; priority {priority}.",
        "行动：{action}（{channel}），净收益 {gain}，效果达到 {rate} 即可回本；{role}；优先级 {priority}。",
    ),
    "no_action": (
        "No action of the catalogue fits this customer and pays for itself.",
        "行动目录中没有适用于该客户且能够回本的行动。",
    ),
    "role_selected": ("selected, to be contacted", "入选，需要联系"),
    "role_control": ("selected, but left alone as control", "入选，作为对照组不联系"),
    "role_none": ("not within the means of this list", "不在本期名单资源范围内"),
}


def say(key: str, language: Language, **values: object) -> str:
    """Return a sentence in a language with its holes filled.

    >>> say("since", "zh", date="1998-05-16")
    '（自 1998-05-16 起）'
    """
    return TEXTS[key][LANGUAGES.index(language)].format(**values)
