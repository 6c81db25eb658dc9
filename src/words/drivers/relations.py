"""How customers stand with the firm: contacts, complaints, invoices, and how they came to it."""

from lifecycle.words.drivers.forms import Said, ago, counted, known, number, span, whole
from lifecycle.words.drivers.own import Own
from lifecycle.words.drivers.saying import about

_CONTACTS = {
    "contacts": ("contact", "互动"),
    "visits": ("visit", "访问"),
    "services": ("service contact", "服务"),
    "complaints": ("complaint", "投诉"),
}


_EVENTS = {"contact": "互动", "complaint": "投诉", "survey": "满意度调查", "return": "退货"}


@about("days_since_(contact|complaint|survey|return)")
def since(own: Own, what: str) -> Said:
    """Return when something last happened."""
    days, word = own.get(f"days_since_{what}"), _EVENTS[what]
    if not known(days):
        return Said(f"no {what} on record", f"没有{word}记录")
    en, zh = ago(days)
    return Said(f"last {what} {en}", f"最近一次{word}在{zh}")


@about(r"(contacts|visits|services|complaints)_(\d+)d")
def contacts(own: Own, many: str, days: str) -> Said:
    """Return how many contacts of a kind there were, and when the last was where that is known."""
    one, word = _CONTACTS[many]
    value = own[f"{many}_{days}d"]
    said = Said(
        f"{counted(value, one)} in the last {days} days",
        f"近 {days} 天{word} {whole(value)} 次" if value else f"近 {days} 天没有{word}",
    )
    last = own.get(f"days_since_{one}")
    if value == 0 or not known(last):
        return said
    en, zh = ago(last)
    return Said(f"{said.en}, last {en}", f"{said.zh}，最近一次在{zh}")


@about(r"campaign_contacts_(\d+)d")
def campaign_contacts(own: Own, days: str) -> Said:
    """Return how often campaigns contacted the customer, and when last."""
    value, last = own[f"campaign_contacts_{days}d"], own.get("days_since_campaign")
    if value == 0 or not known(last):
        return Said(f"no campaign contact in the last {days} days", f"近 {days} 天没有营销触达")
    en, zh = ago(last)
    return Said(
        f"{counted(value, 'campaign contact')} in the last {days} days, last {en}",
        f"近 {days} 天营销触达 {whole(value)} 次，最近一次在{zh}",
    )


@about("days_since_campaign")
def since_campaign(own: Own) -> Said:
    """Return when a campaign last contacted the customer."""
    days = own.get("days_since_campaign")
    if not known(days):
        return Said("no campaign contact on record", "没有营销触达记录")
    en, zh = ago(days)
    return Said(f"last campaign contact {en}", f"最近一次营销触达在{zh}")


@about(r"campaign_controls_(\d+)d")
def held_back(own: Own, days: str) -> Said:
    """Return how often the customer was left alone for a control group."""
    value = own[f"campaign_controls_{days}d"]
    if value == 0:
        return Said(f"never held back for a control group in the last {days} days", f"近 {days} 天从未列入对照组")
    return Said(
        f"held back for a control group {counted(value, 'time')} in the last {days} days",
        f"近 {days} 天列入对照组 {whole(value)} 次",
    )


@about(r"campaign_treatments_(\d+)d")
def treatments(own: Own, days: str) -> Said:
    """Return how many different offers there were."""
    value = own[f"campaign_treatments_{days}d"]
    return Said(
        f"{counted(value, 'kind of campaign', 'kinds of campaign')} in the last {days} days",
        f"近 {days} 天收到 {whole(value)} 种营销内容",
    )


@about(r"campaign_cost_(\d+)d")
def campaign_cost(own: Own, days: str) -> Said:
    """Return what campaigns to the customer cost."""
    value = own.money(own[f"campaign_cost_{days}d"])
    return Said(f"{value} spent on campaign contacts in the last {days} days", f"近 {days} 天营销触达成本 {value}")


@about("satisfaction_last", "satisfaction_mean")
def satisfaction(own: Own) -> Said:
    """Return the last answer and the mean of all."""
    last = own.get("satisfaction_last")
    if not known(last):
        return Said("no survey answered", "没有满意度调查记录")
    mean = number(own["satisfaction_mean"])
    return Said(
        f"satisfaction {number(last)} in the last survey, {mean} on average", f"最近满意度 {number(last)}，平均 {mean}"
    )


@about(r"invoices_(\d+)d")
def invoices(own: Own, days: str) -> Said:
    """Return how many invoices there were."""
    value = own[f"invoices_{days}d"]
    return Said(f"{counted(value, 'invoice')} in the last {days} days", f"近 {days} 天账单 {whole(value)} 张")


@about("(outstanding|overdue)_amount")
def outstanding(own: Own, kind: str) -> Said:
    """Return what is not paid yet."""
    value, word = own[f"{kind}_amount"], "未付" if kind == "outstanding" else "逾期未付"
    if value == 0:
        return Said(f"nothing {kind}", f"没有{word}账款")
    return Said(f"{own.money(value)} {kind}", f"{word} {own.money(value)}")


@about("days_to_pay_mean")
def days_to_pay(own: Own) -> Said:
    """Return how fast invoices are paid."""
    value = own.get("days_to_pay_mean")
    if not known(value):
        return Said("no invoice paid yet", "尚无已付账单")
    days, usual = span(value), own.median("days_to_pay_mean", whole)
    return Said(f"pays {days.en} after the invoice on average{usual.en}", f"平均开票后 {days.zh}付款{usual.zh}")


@about("late_share", "days_late_mean", "days_late_most")
def late(own: Own) -> Said:
    """Return how many invoices were late, and by how much at most."""
    judged = own.get("invoices_judged")
    if not known(judged) or judged == 0:
        return Said("no invoice due yet", "尚无到期账单")
    count, many = own["invoices_late"], whole(judged)
    if count == 0:
        return Said(f"none of {counted(judged, 'invoice')} late", f"{many} 张账单均未逾期")
    most = span(own["days_late_most"])
    return Said(
        f"{whole(count)} of {counted(judged, 'invoice')} late, by {most.en} at most",
        f"{many} 张账单中有 {whole(count)} 张逾期，最长 {most.zh}",
    )


@about(r"days_late_(\d+)d", "days_late_change")
def lately_late(own: Own, days: str = "180") -> Said:
    """Return how late invoices are of late, against those before."""
    now = own.get(f"days_late_{days}d")
    if not known(now):
        return Said(f"no invoice due in the last {days} days", f"近 {days} 天没有到期账单")
    change = own.get("days_late_change")
    lateness = span(now)
    if not known(change):
        return Said(
            f"invoices {lateness.en} late on average in the last {days} days", f"近 {days} 天账单平均逾期 {lateness.zh}"
        )
    before = span(max(now - change, 0.0))
    return Said(
        f"invoices {lateness.en} late on average in the last {days} days, {before.en} before",
        f"近 {days} 天账单平均逾期 {lateness.zh}，此前 {before.zh}",
    )


@about("days_since_registration")
def registered(own: Own) -> Said:
    """Return when the customer registered."""
    days = own.get("days_since_registration")
    if not known(days):
        return Said("date of registration not known", "注册日期未知")
    en, zh = ago(days)
    return Said(f"registered {en}", f"注册于{zh}")


@about("registration_to_purchase")
def to_purchase(own: Own) -> Said:
    """Return how long the first purchase took."""
    days = own.get("registration_to_purchase")
    if not known(days):
        return Said("date of registration not known", "注册日期未知")
    length = span(abs(days))
    if days == 0:
        return Said("first bought on the day of registration", "注册当天首次购买")
    if days < 0:
        return Said(f"registered {length.en} after the first purchase", f"首购后 {length.zh}注册")
    return Said(f"first bought {length.en} after registering", f"注册 {length.zh}后首次购买")


@about("first_channel")
def first_channel(own: Own) -> Said:
    """Return by which channel the customer came."""
    name = own.text("first_channel")
    return Said(f"came by the channel {name}", f"首购渠道为 {name}")


@about("preferred_channel")
def preferred_channel(own: Own) -> Said:
    """Return which channel the customer prefers."""
    name = own.text("preferred_channel")
    return Said(f"prefers the channel {name}", f"偏好渠道为 {name}")


@about("consent")
def consent(own: Own) -> Said:
    """Return whether the customer may be contacted."""
    if own["consent"] > 0:
        return Said("agreed to be contacted", "同意联系")
    return Said("did not agree to be contacted", "未同意联系")


@about("account_closed")
def account(own: Own) -> Said:
    """Return whether the account is open."""
    if own["account_closed"] > 0:
        return Said("account closed", "账户已关闭")
    return Said("account open", "账户未关闭")
