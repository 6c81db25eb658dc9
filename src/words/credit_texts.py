"""What `lifecycle credit` says, in English and in Chinese; braces are filled with values already formatted."""

from collections.abc import Mapping
from typing import Final

from lifecycle.decisions.vocabulary import LANGUAGES, Language

TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "by_stage": ("Credit by stage as of {date}", "各阶段信用状况，截至 {date}"),
    "by_grade": ("Credit by grade", "各信用等级状况"),
    "by_decision": ("Decisions", "授信决定"),
    "ageing": ("Open invoices by days past due", "未付发票账龄"),
    "rolls": ("Moves between ageing buckets within 30 days, customers", "30 天内账龄迁移（客户数）"),
    "review": ("Whom to review first", "优先复核的客户"),
    "stage": ("stage", "阶段"),
    "grade": ("grade", "等级"),
    "decision": ("decision", "决定"),
    "customers": ("customers", "客户数"),
    "open": ("open", "未付金额"),
    "overdue": ("overdue", "逾期金额"),
    "loss": ("expected loss", "预期损失"),
    "limit": ("limit", "额度"),
    "limit_now": ("limit now", "现有额度"),
    "amount": ("amount", "金额"),
    "share": ("share", "占比"),
    "customer": ("customer", "客户"),
    "why": ("triggers", "触发原因"),
    "total": ("total", "合计"),
    "before": ("before", "此前"),
    "sales_outstanding": ("Days sales outstanding: {days}.", "应收账款周转天数：{days}。"),
    "assumed": (
        "Probability of default {pd}: assumed. The log holds {defaults} defaults among {rows} customers whose outcome "
        "is known, too few to learn from; late payment is not taken for default.",
        "违约概率 {pd} 为假定值：在结果已知的 {rows} 位客户中只有 {defaults} 位违约，不足以学习；逾期付款不视为违约。",
    ),
    "learned": (
        "Probability of default within {days} days: {model}, from {defaults} defaults among {rows} customers.",
        "{days} 天内的违约概率：由 {rows} 位客户中的 {defaults} 次违约学得，模型为 {model}。",
    ),
    "shorter": (
        "The log is too short for {asked} days: outcomes are of {days} days, and not scaled up.",
        "数据时间不足 {asked} 天：结果按 {days} 天计，不作放大。",
    ),
    "none_late": ("No invoice was ever paid late.", "没有任何发票逾期付款。"),
    "all_late": ("Every invoice was paid late.", "所有发票均逾期付款。"),
    "alike": ("Customers do not differ in lateness beyond chance.", "客户间的逾期差异不超出偶然。"),
    "unlike": ("Customers are either always or never late.", "客户或总是逾期，或从不逾期。"),
    "no_invoices": (
        "No invoice says when it is due: lateness is not known (and not 0). Ages count from the default terms.",
        "发票没有到期日：逾期情况未知（并非为零）。账龄按默认账期计算。",
    ),
    "multiplier": (
        "Budget of loss {budget}: kept with a multiplier of {multiplier} on every customer's risk.",
        "损失预算 {budget}：对每位客户的风险乘以 {multiplier} 后得以遵守。",
    ),
    "infeasible": (
        "Budget of loss {budget}: cannot be kept; what is open already exceeds it by {excess}. No limit is raised.",
        "损失预算 {budget}：无法遵守，现有未付款项的预期损失已超出 {excess}。不提高任何额度。",
    ),
    "silent": (
        "Not watched: volume, risk and calendar, which need earlier decisions.",
        "未监控：购买量、风险变化与定期复核，因为没有此前的授信决定。",
    ),
    "file": ("Credit", "信用"),
    "file_money": (
        "Open {open}, overdue {overdue}, {days} days past due; limit {limit} ({bound}), {terms} days: {decision}.",
        "未付 {open}，逾期 {overdue}，逾期 {days} 天；额度 {limit}（{bound}），账期 {terms} 天：{decision}。",
    ),
    "file_risk": (
        "Grade {grade}: probability of default {pd} ({basis}), expected loss {loss}.",
        "等级 {grade}：违约概率 {pd}（{basis}），预期损失 {loss}。",
    ),
    "file_late": (
        "The next invoice is paid late with {late}, {days} days on average.",
        "下一张发票逾期付款的概率为 {late}，平均逾期 {days} 天。",
    ),
    "file_triggers": ("Review now: {triggers}.", "现在复核：{triggers}。"),
    "settled": ("Nothing is open: settled.", "没有未付款项：已结清。"),
    "basis_assumed": ("assumed", "假定"),
    "basis_learned": ("learned", "学得"),
    "prepay": ("prepayment", "预付"),
    "grant": ("grant", "授信"),
    "keep": ("keep", "保持"),
    "raise": ("raise", "提高"),
    "freeze": ("freeze", "冻结"),
    "cut": ("cut", "削减"),
    "collect": ("collect", "催收"),
    "refuse": ("refuse", "拒绝"),
    "bound_need": ("by need", "按需要"),
    "bound_loss": ("by loss", "按损失"),
    "bound_cap": ("by cap", "按上限"),
    "bound_stage": ("by stage", "按阶段"),
    "bound_raise": ("by the most of a raise", "按提额幅度"),
    "payment": ("pays later than before", "付款比以往更迟"),
    "severity": ("further past due", "逾期加重"),
    "volume": ("unusual volume", "购买量异常"),
    "utilisation": ("limit nearly used", "额度将用尽"),
    "risk": ("risk doubled", "风险倍增"),
    "calendar": ("decision is old", "授信决定已久"),
}


def say(key: str, language: Language, **values: object) -> str:
    """Return a text with its values.

    >>> say("sales_outstanding", "en", days=41)
    'Days sales outstanding: 41.'
    """
    return TEXTS[key][LANGUAGES.index(language)].format(**values)
