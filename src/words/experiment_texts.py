"""What is said of experiments, rates and policies, in English and Chinese."""

from collections.abc import Mapping
from typing import Any, Final

from lifecycle.decisions.vocabulary import Language

EXPERIMENTS: Final[dict[str, tuple[str, str]]] = {
    "did_it_work": ("Did it work?", "活动有效吗？"),
    "did_lead": (
        "Every campaign that had a control group, by who was drawn and not by who was reached, within {days} days. The "
        "effect is the adjusted difference with its 95 % interval.",
        "所有设有对照组的营销活动，按抽签分组（而非实际触达）比较，观察期 {days} 天。效果为调整后的差异及其 95% 区间。",
    ),
    "did_none": (
        "No campaign has been measured. A campaigns table with control rows and `lifecycle measure` would bring it.",
        "尚未评估任何营销活动。提供含对照组的活动表并运行评估命令即可。",
    ),
    "did_campaign": ("Campaign", "活动"),
    "did_groups": ("Treated / control", "触达 / 对照"),
    "did_effect": ("Buyers, effect", "购买比例变化"),
    "did_worth": ("Net a contact", "每次触达净收益"),
    "did_verdict": ("Verdict", "结论"),
    "did_rates": ("Rates before and after", "效果率：之前与之后"),
    "did_action": ("Action", "措施"),
    "did_stage": ("Stage", "阶段"),
    "did_prior": ("Assumed", "假定"),
    "did_rate": ("Now", "现在"),
    "did_basis": ("Rests on", "依据"),
    "did_contacts": ("Contacts", "触达数"),
    "did_policies": ("Policies", "策略比较"),
    "did_policy": ("Policy", "策略"),
    "did_value": ("Worth a customer", "每位客户价值"),
    "did_claim": ("Claimed by its model", "模型自称"),
    "did_optimism": ("Optimism", "高估"),
    "did_curve": ("Gain by depth", "按深度的增益"),
    "basis_assumed": ("assumed", "假定"),
    "basis_mixed": ("assumed and measured", "假定与实测"),
    "basis_measured": ("measured", "实测"),
    "verdict_works": ("it worked: more bought because of it", "有效：购买者因此增多"),
    "verdict_harms": ("it did harm: fewer bought because of it", "有害：购买者因此减少"),
    "verdict_unclear": ("no effect can be told from chance", "效果与偶然无法区分"),
    "verdict_pays": ("and it paid", "且有盈利"),
    "verdict_costs": ("and it cost more than it brought", "但得不偿失"),
    "verdict_even": ("whether it paid is open", "是否盈利尚不确定"),
    "verdict_running": ("running until {end}: not read before", "进行中，至 {end}：此前不读取结果"),
    "verdict_no_control": ("no effect can be told: no control group", "无法判断效果：没有对照组"),
    "verdict_not_trusted": ("not trusted: {why}; feeds nothing", "不可信：{why}；不用于任何决策"),
    "why_too_small": ("too small", "样本过小"),
    "why_sample_ratio": ("the groups' sizes are not those planned", "两组人数与计划不符"),
    "why_balance": ("the groups differed before", "两组事前已有差异"),
    "why_foretold": ("who was treated can be foretold", "分组可由特征预测"),
    "why_contamination": ("the control group was contacted", "对照组被触达"),
    "uplift_differs": (
        "who responds differs by customer ({leader}): shown on held-out folds",
        "客户间反应不同（{leader}）：已在留出样本上证实",
    ),
    "uplift_constant": (
        "one effect for all: {leader} had the least loss, but {reason} (gain area from {low}, slope {slope} ± {se})",
        "对所有客户采用同一效果：{leader} 损失最小，但{reason}（增益面积下限 {low}，斜率 {slope} ± {se}）",
    ),
    "reason_loss_not_below_constant": ("its loss is not below the constant's", "其损失不低于常数效果"),
    "reason_gain_area_not_above_zero": ("its gain area is not above 0", "其增益面积不高于 0"),
    "reason_slope_not_above_zero": ("its slope is not above 0", "其斜率不高于 0"),
    "reason_not_on_other_folds": ("it does not show on other folds", "换一种分折即不成立"),
    "advice": (
        "{action}: a control group of {share} is worth most; at the present share it takes {needed} contacts until the "
        "rate is known to within its distance from break-even, with half as control {half}.",
        "{action}：对照组占 {share} 时价值最高；按目前比例需 {needed} 次触达才能把效果率确定到盈亏平衡差距之内，"
        "若对照组占一半则需 {half} 次。",
    ),
    "advice_never": ("no number of", "无法以任何数量的"),
    "advice_title": ("How large a control group?", "对照组应多大？"),
    "did_responds": ("Who responds?", "谁会响应？"),
    "did_policies_lead": (
        "Net value a customer by doubly robust scores. A learned policy (★: in use) replaces the best constant one "
        "only where the lower 90 % end of the difference is above 0. Beside it, what the model claims of itself.",
        "按双重稳健得分计算的每位客户净值。仅当差异的 90% 下限大于 0 时，学习得到的策略（★ 为在用）才取代最佳固定策略。"
        "旁列模型对自身的评价。",
    ),
    "did_curve_lead": (
        "Buyers gained a customer by treating the top share by learned effect, beyond treating as many by chance; with "
        "its 90 % band.",
        "按学习到的效果优先触达前若干比例客户，较随机触达同样人数每位客户多得的购买者；含 90% 区间带。",
    ),
    "did_rows": (
        "Rows of the campaigns table: {treated} contacts + {control} held back + {later} later + {quarantined} "
        "quarantined + {netted} netted = {all}; of them {not_counted} in no experiment.",
        "活动表行数：触达 {treated} + 对照 {control} + 晚于截止日 {later} + 隔离 {quarantined} + 冲抵 {netted} "
        "= {all}；"
        "其中 {not_counted} 行不属于任何实验。",
    ),
    "outcome_buyers": ("buyers", "购买者"),
    "outcome_margin": ("margin", "毛利"),
    "summary_act_measured": (
        "Acting on {selected} customers now is expected to bring {gain} net, for {spent}, by {basis} rates.",
        "现在对 {selected} 位客户采取行动，按{basis}的效果率预计净收益为 {gain}，花费 {spent}。",
    ),
    "summary_no_act_measured": (
        "With the present costs and {basis} rates, no contact pays for itself.",
        "按目前的成本与{basis}的效果率，没有任何接触能够回本。",
    ),
    "list_lead_measured": (
        "The first {shown} of {selected} selected customers, in order of gain by {basis} rates. The whole list is in "
        "the scores table (column “selected”).",
        "{selected} 位入选客户中的前 {shown} 位，按{basis}效果率下的收益排序。完整名单见评分表（selected 列）。",
    ),
    "col_gain_measured": ("Gain", "收益"),
    "card_gain_measured": ("Net gain by {basis} rates", "净收益（{basis}）"),
    "plan_prevented_measured": ("+ losses prevented, margin at {basis} rates", "+ 阻止的流失（按{basis}效果的毛利）"),
    "plan_won_back_measured": ("+ customers won back, margin at {basis} rates", "+ 挽回的客户（按{basis}效果的毛利）"),
    "plan_gain_measured": ("= net gain by {basis} rates", "= 净收益（{basis}）"),
    "plan_gain_range": ("within the 90 % interval of the rates", "效果率 90% 区间内"),
    "plan_sensitivity_measured": ("If the {basis} rates were wrong", "如果{basis}的效果不准"),
    "plan_sensitivity_lead_measured": (
        "Net gain of this same list if every action worked at a multiple of its rate.",
        "若每项行动的实际效果为该效果率的若干倍，同一名单的净收益。",
    ),
    "plan_assumed_seen_measured": (
        "The effect of {rate} ({basis}) would raise it by {share}: that would be seen.",
        "效果 {rate}（{basis}）将使其提高 {share}，可以被识别。",
    ),
    "plan_assumed_unseen_measured": (
        "The effect of {rate} ({basis}) would raise it by {share}, which would look like chance: one list of this size "
        "cannot prove it. Join the answers of several lists, or enlarge the list or its control share.",
        "效果 {rate}（{basis}）将使其提高 {share}，无法与偶然区分：单个名单规模不足以证明效果。"
        "请合并多期名单的结果，或扩大名单或对照组比例。",
    ),
    "assumed_measured": (
        "Rates are measured where campaigns with a control group could be trusted, and assumed elsewhere: see “Did it "
        "work?”. “Pays from” is the effect at which an action covers its cost; it rests on no rate.",
        "在有可信对照组的活动处效果率为实测，其余为假定：见“活动有效吗？”。“回本效果”是行动刚好收回成本所需的效果，"
        "不依赖任何效果率。",
    ),
    "explain_gain_basis": (
        "The gain rests on {basis} rates: {low} to {high} within their 90 % interval.",
        "收益依据{basis}的效果率：在其 90% 区间内为 {low} 至 {high}。",
    ),
}
"""Key -> English, Chinese."""


def say(key: str, language: Language, **values: str) -> str:
    """Return a text in a language.

    >>> say("basis_measured", "en")
    'measured'
    """
    return EXPERIMENTS[key][language == "zh"].format(**values)


def verdict(one: Mapping[str, Any], language: Language) -> str:
    """Return what an experiment of `experiments/DATE.json` says, in a sentence.

    >>> verdict({"state": "no_control"}, "en")
    'no effect can be told: no control group'
    """
    state = one["state"]
    if state == "running":
        return say("verdict_running", language, end=one["window_end"])
    if state == "no_control":
        return say("verdict_no_control", language)
    comma = "、" if language == "zh" else ", "
    if state == "not_trusted":
        why = comma.join(say(f"why_{name}", language) for name in one["why_not"].split(","))
        return say("verdict_not_trusted", language, why=why)
    buyers, worth = one["effects"]["buyers"], one["effects"]["net_worth"]
    effect = _sign(buyers["adj_low"], buyers["adj_high"], ("verdict_works", "verdict_harms", "verdict_unclear"))
    paid = _sign(worth["adj_low"], worth["adj_high"], ("verdict_pays", "verdict_costs", "verdict_even"))
    return comma.join([say(effect, language), say(paid, language)])


def uplift(choice: Mapping[str, Any], language: Language) -> str:
    """Return whether customers differ in their response, and why it is held so."""
    if choice["name"] != "constant":
        return say("uplift_differs", language, leader=choice["leader"])
    found = choice["leader_metrics"]
    return say(
        "uplift_constant",
        language,
        leader=choice["leader"],
        reason=say(f"reason_{choice['reason']}", language),
        low=f"{found['gain_area_low']:.2g}",
        slope=f"{found['slope']:.2f}",
        se=f"{found['slope_se']:.2f}",
    )


def advice(action: str, one: Mapping[str, Any], language: Language) -> str:
    """Return what control group is worth most and how many contacts it takes."""
    needed, half = (
        say("advice_never", language) if one[name] is None else f"{one[name]:,}"
        for name in ("needed", "needed_at_half")
    )
    return say("advice", language, action=action, share=f"{one['share']:.0%}", needed=needed, half=half)


def _sign(low: float | None, high: float | None, words: tuple[str, str, str]) -> str:
    if low is not None and low > 0:
        return words[0]
    return words[1] if high is not None and high < 0 else words[2]
