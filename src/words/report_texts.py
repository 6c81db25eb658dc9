"""Every sentence of the report in English and Chinese; braces are filled with numbers that are already formatted."""

from collections.abc import Mapping
from typing import Final

from lifecycle.decisions.vocabulary import LANGUAGES, Language
from lifecycle.words.account_texts import ACCOUNT
from lifecycle.words.experiment_texts import EXPERIMENTS

BESIDE: Final = ACCOUNT | EXPERIMENTS

TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    # Head
    "title": ("Customer lifecycle", "客户生命周期报告"),
    "as_of": ("as of {date}", "截至 {date}"),
    "looking": ("looking {days} days ahead", "预测未来 {days} 天"),
    "log": ("log from {first} to {last}", "数据自 {first} 至 {last}"),
    "contents": ("Contents", "目录"),
    # Headline
    "headline": ("In short", "概览"),
    "summary_active": (
        "{active} of {total} customers are active; {declining} of them are in decline.",
        "{total} 位客户中有 {active} 位仍活跃，其中 {declining} 位处于衰退期。",
    ),
    "summary_value": (
        "The future margin of all is worth {residual}; the most valuable tenth holds {decile} of it.",
        "未来毛利现值为 {residual}，其中最有价值的十分之一客户占 {decile}。",
    ),
    "summary_act": (
        "Acting on {selected} customers now is assumed to bring {gain} net, for {spent}.",
        "现在对 {selected} 位客户采取行动，假定净收益为 {gain}，花费 {spent}。",
    ),
    "summary_no_act": (
        "With the present costs and assumed rates, no contact pays for itself.",
        "按目前的成本与假定效果，没有任何接触能够回本。",
    ),
    "summary_no_money": (
        "The log has no amounts, so customers are judged by purchases alone and nobody is selected by value.",
        "数据中没有金额，因此只按购买次数评估客户，不按价值选择名单。",
    ),
    "card_customers": ("Customers", "客户数"),
    "card_active": ("{share} active", "活跃占 {share}"),
    "card_residual": ("Residual value", "剩余价值"),
    "card_residual_note": ("future margin, discounted", "未来毛利，已折现"),
    "card_risk": ("Value at risk", "风险价值"),
    "card_risk_note": (
        "margin of one year that those still there stand to take away",
        "在册客户可能带走的一年毛利",
    ),
    "card_winback": ("Value to win back", "挽回价值"),
    "card_winback_note": (
        "margin of one year of the churned expected to return, most of them unasked",
        "预计回归的流失客户的一年毛利，多数为自行回归",
    ),
    "card_selected": ("To contact now", "现在需联系"),
    "card_selected_note": ("{control} more left alone as control", "另有 {control} 位作为对照组不联系"),
    "card_gain": ("Assumed net gain", "假定净收益"),
    "card_gain_note": ("for {spent} spent", "花费 {spent}"),
    "card_retention": ("Retention rate", "留存率"),
    "card_retention_note": ("{change} against the period before", "较上期 {change}"),
    "card_forecast": ("Expected to buy", "预计会购买"),
    "card_forecast_note": ("of those not churned, in {days} days", "未流失客户，{days} 天内"),
    "card_satisfaction": ("Satisfaction", "满意度"),
    "card_satisfaction_note": ("mean of surveys in the last {days} days", "近 {days} 天调查平均值"),
    # Retention list
    "list": ("Whom to contact first", "优先联系名单"),
    "list_lead": (
        "The first {shown} of {selected} selected customers, in order of assumed gain. The whole list is in the "
        "scores table "
        "(column “selected”).",
        "{selected} 位入选客户中的前 {shown} 位，按假定收益排序。完整名单见评分表（selected 列）。",
    ),
    "list_empty": ("Nobody is selected.", "没有客户入选。"),
    "list_empty_costs": (
        "Nobody is selected: with the costs and assumed effects of the catalogue at the end of this page, no contact "
        "that may be made pays for itself.",
        "没有客户入选：按文末行动目录中的成本与假定效果，没有任何允许的接触能够回本。",
    ),
    "list_empty_means": (
        "Nobody is selected: an action would pay for {worth} customers, but budget and capacities leave no room.",
        "没有客户入选：有 {worth} 位客户的行动能够回本，但受预算与容量所限，无人入选。",
    ),
    "action_retention_offer": ("retention offer", "挽留优惠"),
    "action_second_purchase_offer": ("second-purchase offer", "复购优惠"),
    "channel_email": ("e-mail", "电子邮件"),
    "channel_phone": ("phone", "电话"),
    "channel_sms": ("text message", "短信"),
    "channel_letter": ("letter", "信函"),
    "channel_app": ("app", "应用推送"),
    "channel_wechat": ("WeChat", "微信"),
    "channel_visit": ("visit", "上门拜访"),
    "sheet_keep": ("Keep", "保留客户"),
    "sheet_win_back": ("Win back", "赢回客户"),
    "sheet_control": ("Control", "对照组"),
    "col_channel": ("Channel", "渠道"),
    "col_rank": ("#", "序"),
    "col_customer": ("Customer", "客户"),
    "col_stage": ("Stage", "阶段"),
    "col_strategy": ("Strategy", "策略"),
    "col_action": ("Action", "行动"),
    "col_gain": ("Assumed gain", "假定收益"),
    "col_at_risk": ("Value at risk", "风险价值"),
    "col_winback": ("To win back", "挽回价值"),
    "col_loss": ("P(lost)", "流失概率"),
    "col_silent": ("Days silent", "沉默天数"),
    "col_break_even": ("Pays from", "回本效果"),
    "col_why": ("Why", "原因"),
    "plan": ("What the list costs and brings", "名单的成本与收益"),
    "plan_targeted": ("Best list within the means", "资源范围内的最佳名单"),
    "plan_control": ("of these left alone as control", "其中作为对照组不联系"),
    "plan_selected": ("to be contacted", "需要联系"),
    "plan_worth": ("Customers for whom some action would pay", "某项行动能够回本的客户"),
    "plan_spent": ("− contacts and expected incentives", "− 接触与预期优惠成本"),
    "plan_budget": ("Budget", "预算"),
    "plan_no_budget": ("none set", "未设定"),
    "plan_prevented": ("+ losses prevented, margin at the assumed rates", "+ 阻止的流失（按假定效果的毛利）"),
    "plan_won_back": ("+ customers won back, margin at the assumed rates", "+ 挽回的客户（按假定效果的毛利）"),
    "plan_grown": ("+ first, second and larger purchases", "+ 首购、复购与增购"),
    "plan_gain": ("= assumed net gain", "= 假定净收益"),
    "plan_selected_gain": ("of this, from those to be contacted", "其中来自需联系的客户"),
    "plan_conservative": (
        "the same if money came out at the lower end of its interval",
        "同一名单在消费总额取区间下限时",
    ),
    "plan_exact": ("This is the best possible list.", "该名单为最优解。"),
    "plan_gap": (
        "No list within the same means can bring more than {gap} above this one.",
        "在同样的资源下，任何名单的收益最多只能高出 {gap}。",
    ),
    "plan_sensitivity": ("If the assumed rates were wrong", "如果假定效果不准"),
    "plan_sensitivity_lead": (
        "Net gain of this same list if every action worked at a multiple of its assumed rate.",
        "若每项行动的实际效果为假定值的若干倍，同一名单的净收益。",
    ),
    "plan_times": ("× {multiple}", "{multiple} 倍"),
    "plan_detectable": (
        "The control group can show a rise of {share} in the share of customers who buy within {days} days"
        " (two-sided 5 %, power 80 %){rate}.",
        "对照组能够识别的最小效果：{days} 天内购买比例提高 {share}（双侧 5 %，检验效能 80 %）{rate}。",
    ),
    "plan_assumed_seen": (
        "The assumed effect of {rate} would raise it by {share}: that would be seen.",
        "假定效果 {rate} 将使其提高 {share}，可以被识别。",
    ),
    "plan_assumed_unseen": (
        "The assumed effect of {rate} would raise it by {share}, which would look like chance: one list of this size "
        "cannot prove it. Join the answers of several lists, or enlarge the list or its control share.",
        "假定效果 {rate} 将使其提高 {share}，无法与偶然区分：单个名单规模不足以证明效果。"
        "请合并多期名单的结果，或扩大名单或对照组比例。",
    ),
    "plan_detectable_rate": (", which is an effect of {rate}", "，相当于效果 {rate}"),
    "plan_detectable_never": (
        ", more than any of these actions could reach",
        "，超出这些行动所能达到的程度",
    ),
    "plan_no_control": (
        "There is no control group, so the effect of this list cannot be measured.",
        "没有对照组，因此无法衡量该名单的效果。",
    ),
    "assumed": (
        "Save rates and lifts are assumptions until experiments replace them. “Pays from” is the effect at which an "
        "action "
        "covers its cost; it rests on no assumed effect.",
        "挽留率与提升率在有实验结果之前均为假设。“回本效果”是行动刚好收回成本所需的效果，不依赖任何假设。",
    ),
    # Early warning
    "warning": ("Early warning", "流失预警"),
    "warning_lead": (
        "{number} customers crossed into decline within the last {days} days; the most valuable first.",
        "近 {days} 天有 {number} 位客户进入衰退期，按价值排序。",
    ),
    "warning_empty": ("Nobody crossed into decline within the last {days} days.", "近 {days} 天没有客户进入衰退期。"),
    "col_since": ("Since", "自"),
    "col_before": ("Before", "此前阶段"),
    "col_cause": ("Cause", "原因类别"),
    # Stages
    "stages": ("Stages and their value", "各阶段及其价值"),
    "stages_lead": (
        "Where customers stand and where the money lies. Colours are the same throughout.",
        "客户所处阶段与价值分布。全文颜色一致。",
    ),
    "since_last": (
        "Since the scoring of {date}: customers not churned {active}, future margin {residual}, value at risk {risk}.",
        "自 {date} 的评分以来：未流失客户 {active}，未来毛利 {residual}，风险价值 {risk}。",
    ),
    "since_last_counts": (
        "Since the scoring of {date}: customers not churned {active}.",
        "自 {date} 的评分以来：未流失客户 {active}。",
    ),
    "col_customers": ("Customers", "客户数"),
    "col_share": ("Share", "占比"),
    "col_residual": ("Residual value", "剩余价值"),
    "col_spend": ("Expected spend", "预期消费"),
    "col_forecast": ("P(no purchase)", "不购买概率"),
    "col_selected": ("Selected", "入选"),
    "total": ("Total", "合计"),
    "flow": ("Who moved where", "阶段流动"),
    "flow_lead": (
        "From {from_date} to {to_date}: {moved} of {known} customers changed their stage, {joined} were new to the "
        "firm.",
        "自 {from_date} 至 {to_date}：{known} 位客户中有 {moved} 位改变阶段，另有 {joined} 位新客户。",
    ),
    "flow_policy": (
        "The rules of the stages changed since the last scoring; this alone moves {moved} customers. They are not "
        "among those above.",
        "自上次评分以来阶段规则有变，仅此一项使 {moved} 位客户改变阶段，未计入上述流动。",
    ),
    "flow_table": ("From (rows) to (columns)", "由（行）到（列）"),
    "unknown": ("First seen", "首次出现"),
    "proof": ("Do the stages mean anything?", "阶段划分是否有意义？"),
    "proof_lead": (
        "Share of each stage, as it stood on {date}, that bought again within {days} days.",
        "按 {date} 的阶段，{days} 天内再次购买的比例。",
    ),
    # KPIs
    "kpis": ("Key figures", "关键指标"),
    "col_kpi": ("Figure", "指标"),
    "col_now": ("Now", "本期"),
    "col_vs_before": ("Against the period before", "较上期"),
    "col_vs_year": ("Against last year", "较去年同期"),
    "kpi_lead": (
        "Each period lasts {days} days. 1 − retention is lapse, not churn. “–”: the log is too short; forecasts and "
        "values are compared where there was a scoring on that date.",
        "每期 {days} 天。1 − 留存率为未购买率，并非流失率。“–”表示数据期不足；预测与价值仅在当日有评分时比较。",
    ),
    "kpi_history": ("Over time", "历史走势"),
    "kpi_retention_rate": ("Retention rate", "留存率"),
    "kpi_retention_rate_first_time": ("Retention of first-time buyers", "首购客户留存率"),
    "kpi_retention_rate_earlier": ("Retention of earlier customers", "老客户留存率"),
    "kpi_spend_retention": ("Spend retention", "消费留存率"),
    "kpi_repurchase_rate": ("Repurchase rate (365 days)", "复购率（365 天）"),
    "kpi_second_purchase_rate": ("Second-purchase rate", "二次购买率"),
    "kpi_churn_rate": ("Churn rate", "流失率"),
    "kpi_return_rate": ("Return rate of the churned", "流失客户回归率"),
    "kpi_loyal_share": ("Loyalty: mature, of those not churned", "忠诚度（成熟期占未流失客户）"),
    "kpi_satisfaction": ("Satisfaction, mean of surveys", "满意度（调查平均值）"),
    "kpi_forecast": ("Forecast: no purchase, of those not churned", "预测不购买（未流失客户）"),
    "kpi_residual_value": ("Residual value of the base", "客户整体剩余价值"),
    "kpi_value_at_risk": ("Value at risk", "风险价值"),
    "kpi_winback_value": ("Value to win back", "挽回价值"),
    "kpi_buyers": ("Buyers", "购买客户数"),
    "kpi_new_customers": ("New customers", "新客户数"),
    # Trust
    "trust": ("Can you trust it?", "结果可信吗？"),
    "calibration": ("Forecast against what happened", "预测与实际"),
    "calibration_lead": (
        "Customers grouped by their forecast probability of no purchase; on the line, forecast and fact agree. "
        "Judged on a "
        "period that the model had not seen{until}.",
        "按预测的不购买概率分组；位于对角线上表示预测与事实一致。评估期未用于建模{until}。",
    ),
    "until": (", ending {date}", "，截至 {date}"),
    "calibration_x": ("Forecast: no purchase", "预测不购买"),
    "calibration_y": ("Observed: no purchase", "实际不购买"),
    "tracking": ("Purchases of the base, expected and actual", "整体购买量：预期与实际"),
    "expected": ("expected", "预期"),
    "actual": ("actual", "实际"),
    "candidates": ("Models compared on the same customers and days", "同一批客户、同一时期的模型比较"),
    "col_model": ("Model", "模型"),
    "in_use": ("in use", "使用中"),
    "metric_churn_log_loss": ("Log loss ↓", "对数损失 ↓"),
    "metric_churn_auc": ("AUC ↑", "AUC ↑"),
    "metric_churn_calibration_error": ("Calibration error ↓", "校准误差 ↓"),
    "metric_churn_lift_top_decile": ("Lift, top tenth ↑", "前十分之一提升度 ↑"),
    "metric_purchases_bias": ("Purchases, bias → 0", "购买次数偏差 → 0"),
    "metric_purchases_mae": ("Purchases, MAE ↓", "购买次数 MAE ↓"),
    "metric_spend_bias": ("Spend, bias → 0", "消费偏差 → 0"),
    "metric_spend_mae": ("Spend, MAE ↓", "消费 MAE ↓"),
    "metric_profit_at_budget": ("Assumed profit ↑", "假定利润 ↑"),
    "metric_churned_value_top_decile": ("Churned value, top tenth ↑", "前十分之一流失价值 ↑"),
    # Assumptions
    "assumptions": ("What this rests on", "前提与假设"),
    "rest_window": (
        "Nothing dated after {as_of} was seen. “No purchase” means no purchase within the next {horizon} days; "
        "silence is "
        "normal for whoever has a long gap, so action follows the probability of loss, not silence.",
        "未使用 {as_of} 之后的任何数据。“不购买”指未来 {horizon} 天内没有购买；购买间隔长的客户沉默属正常，"
        "因此行动依据流失概率而非沉默。",
    ),
    "rest_money": (
        "Money is in {currency}; margin {margin} of the amount; future money is discounted by {discount} a year; "
        "gains are "
        "margin over {value_days} days.",
        "货币为 {currency}；毛利率 {margin}；未来金额按年 {discount} 折现；收益为 {value_days} 天内的毛利。",
    ),
    "rest_money_unnamed": (
        "The currency of the amounts is not stated; margin {margin} of the amount; future money is discounted by "
        "{discount} a year; gains are margin over {value_days} days.",
        "未注明金额的货币；毛利率 {margin}；未来金额按年 {discount} 折现；收益为 {value_days} 天内的毛利。",
    ),
    "rest_stages": (
        "Stages: the base buys every {gap} days. New: one purchase, within {new} days. Decline: silent for more than "
        "{decline} times the own gap (at least {decline_floor} days), or at most {volume} of the expected purchases "
        "came. "
        "Churned: silent for more than {churn} times the own gap (at least {churn_floor} days), or the account was "
        "closed. "
        "Mature: at least {mature} purchase days over {horizon} days or more. Seasonal buyers keep their stage in "
        "their "
        "off-season.",
        "阶段规则：整体平均每 {gap} 天购买一次。开发期：只购买一次且未超过 {new} 天。衰退期：沉默超过自身间隔的 "
        "{decline} 倍（至少 "
        "{decline_floor} 天），或实际购买不超过预期的 {volume}。终止期：沉默超过自身间隔的 {churn} 倍（至少 "
        "{churn_floor} 天），或账户已关闭。"
        "成熟期：至少 {mature} 个购买日且跨度不少于 {horizon} 天。季节性客户在淡季保持原阶段。",
    ),
    "rest_causes_none": (
        "The log has neither categories nor interactions, so of the four strategies for decline only “rescue” and "
        "“let go” "
        "could be assigned.",
        "数据中既无品类也无互动记录，因此衰退期的四种策略中只能给出“急救”与“放弃”。",
    ),
    "rest_causes_no_categories": (
        "The log has no categories, so the strategy “respond” could not be assigned.",
        "数据中没有品类，因此无法给出“应对”策略。",
    ),
    "rest_causes_no_interactions": (
        "There are no complaints or surveys, so the strategy “improve” could not be assigned.",
        "没有投诉或调查数据，因此无法给出“完善”策略。",
    ),
    "rest_causes_returns": (
        "There are no complaints or surveys, so “improve” rests on returns alone.",
        "没有投诉或调查数据，因此“完善”策略仅依据退货。",
    ),
    "rest_offers": (
        "Offers also go to customers who would have bought anyway; that cost is counted.",
        "优惠也会发给本来就会购买的客户，这部分成本已计入。",
    ),
    "catalogue": ("The catalogue of actions", "行动目录"),
    "col_for": ("For", "适用阶段"),
    "col_contact": ("Contact", "接触成本"),
    "col_incentive": ("Incentive", "优惠"),
    "col_effect": ("Assumed effect", "假定效果"),
    "col_capacity": ("Capacity", "容量"),
    "effect_prevent": (
        "prevents {save} of the losses, wins back {winback}",
        "阻止 {save} 的流失，挽回 {winback}",
    ),
    "effect_lift": ("lift {lift}", "提升 {lift}"),
    "incentive_share": ("{share} of the order", "订单的 {share}"),
    "unlimited": ("unlimited", "不限"),
    "notes": ("Notes of models and data", "模型与数据说明"),
    "missing": ("Not available for this scoring.", "本次评分没有该内容。"),
    "versions": ("model {model} · policy {policy}", "模型 {model} · 策略 {policy}"),
    "separator": (", ", "、"),
    "stop": (" ", ""),
} | BESIDE


def text(key: str, language: Language, **values: object) -> str:
    """Return a sentence in a language with its holes filled.

    >>> text("as_of", "zh", date="2011年9月4日")
    '截至 2011年9月4日'
    """
    return TEXTS[key][LANGUAGES.index(language)].format(**values)


def has(key: str) -> bool:
    """Return whether there is such a sentence."""
    return key in TEXTS
