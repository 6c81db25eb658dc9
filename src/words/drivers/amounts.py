"""What customers spent: in all, in windows, a purchase, and how that changed."""

from lifecycle.words.drivers.forms import Said, ago, known, percent, whole
from lifecycle.words.drivers.own import Own
from lifecycle.words.drivers.purchases import once
from lifecycle.words.drivers.saying import about


@about("spend")
def spend(own: Own) -> Said:
    """Return the spend of all time."""
    value, usual = own.money(own["spend"]), own.median("spend", own.money)
    return Said(f"spent {value} in all{usual.en}", f"累计消费 {value}{usual.zh}")


@about(r"spend_(\d+)d", r"spend_ratio_(\d+)d")
def window(own: Own, days: str) -> Said:
    """Return the spend of a window and of the one before it."""
    length, known_for, spent = int(days), own["T"], own[f"spend_{days}d"]
    value = own.money(spent)
    if known_for < length:
        en, zh = ago(known_for)
        usual = own.median(f"spend_{days}d", own.money)
        return Said(
            f"spent {value} since the first purchase, {en}{usual.en}", f"首购在{zh}，至今消费 {value}{usual.zh}"
        )
    said = Said(
        f"spent {value} in the last {days} days" if spent else f"nothing spent in the last {days} days",
        f"近 {days} 天消费 {value}" if spent else f"近 {days} 天没有消费",
    )
    before, earlier = own[f"spend_before_{days}d"], whole(own.before(length))
    if earlier == "0" or (spent == 0 and before == 0):
        return said
    return Said(
        f"{said.en}, {own.money(before)} in the {earlier} before", f"{said.zh}，之前 {earlier} 天 {own.money(before)}"
    )


@about("spend_rate_change")
def spend_rate_change(own: Own) -> Said:
    """Return the spend of the last 90 days and of all the time before."""
    known_for = own["T"]
    if known_for <= 90:
        return window(own, "90")
    value, before = own.money(own["spend_90d"]), own.money(own["spend"] - own["spend_90d"])
    earlier = whole(known_for + 1 - 90)
    return Said(
        f"spent {value} in the last 90 days, {before} in the {earlier} before",
        f"近 90 天消费 {value}，之前 {earlier} 天 {before}",
    )


@about(r"mean_amount_(\d+)d")
def mean_amount(own: Own, days: str) -> Said:
    """Return the mean purchase of a window against that of all time."""
    value, ever = own.get(f"mean_amount_{days}d"), own.money(own["spend"] / own.purchases)
    if not known(value):
        return Said(f"no purchase in the last {days} days", f"近 {days} 天没有购买")
    return Said(
        f"{own.money(value)} a purchase in the last {days} days, {ever} over all time",
        f"近 {days} 天每次购买 {own.money(value)}，历史平均 {ever}",
    )


@about("monetary_value")
def monetary_value(own: Own) -> Said:
    """Return the mean repeat purchase."""
    if own["frequency"] == 0:
        return once(own)
    value, usual = own.money(own["monetary_value"]), own.median("monetary_value", own.money)
    return Said(f"{value} a repeat purchase{usual.en}", f"重复购买平均 {value}{usual.zh}")


@about("last_amount", "last_amount_ratio")
def last_amount(own: Own) -> Said:
    """Return the last purchase against the mean of those before."""
    if own["frequency"] == 0:
        return first_amount(own)
    value = own.money(own["last_amount"])
    before = own.money((own["spend"] - own["last_amount"]) / own["frequency"])
    return Said(f"last purchase {value}, {before} on average before", f"最近一次购买 {value}，此前平均 {before}")


@about("first_amount")
def first_amount(own: Own) -> Said:
    """Return the first purchase."""
    value, usual = own.money(own["first_amount"]), own.median("first_amount", own.money)
    return Said(f"first purchase {value}{usual.en}", f"首次购买 {value}{usual.zh}")


@about("largest_amount")
def largest(own: Own) -> Said:
    """Return the largest purchase."""
    value, usual = own.money(own["largest_amount"]), own.median("largest_amount", own.money)
    return Said(f"largest purchase {value}{usual.en}", f"单次最大购买 {value}{usual.zh}")


@about("amount_std")
def spread(own: Own) -> Said:
    """Return how much purchases differ."""
    if own["frequency"] == 0:
        return once(own)
    value, mean = own.money(own["amount_std"]), own.money(own["spend"] / own.purchases)
    return Said(f"{mean} a purchase on average, give or take {value}", f"每次购买平均 {mean}，波动 {value}")


@about("amount_slope")
def slope(own: Own) -> Said:
    """Return the purchases of the later half against those of the earlier half."""
    if own["frequency"] == 0:
        return once(own)
    later, earlier = own.money(own["amount_later"]), own.money(own["amount_earlier"])
    if own["frequency"] == 1:
        return Said(f"first purchase {earlier}, second {later}", f"首次购买 {earlier}，第二次 {later}")
    return Said(
        f"{later} a purchase in the later half, {earlier} in the earlier", f"后半段每次购买 {later}，前半段 {earlier}"
    )


@about(r"spend_year_ago_(\d+)d")
def year_ago(own: Own, days: str) -> Said:
    """Return what the coming weeks of last year brought."""
    value = own.money(own[f"spend_year_ago_{days}d"])
    return Said(f"spent {value} in the same coming {days} days a year ago", f"去年同期的未来 {days} 天消费 {value}")


@about(r"spend_first_(\d+)d")
def beginning(own: Own, days: str) -> Said:
    """Return what the first months brought."""
    value = own.get(f"spend_first_{days}d")
    if not known(value):
        return first_amount(own)
    usual = own.median(f"spend_first_{days}d", own.money)
    return Said(
        f"spent {own.money(value)} in the first {days} days{usual.en}",
        f"最初 {days} 天消费 {own.money(value)}{usual.zh}",
    )


@about("returned_amount", "returned_share")
def returned(own: Own) -> Said:
    """Return what came back, against all that was bought."""
    if own["returns"] == 0:
        return Said("nothing returned so far", "至今没有退货")
    value = own.money(own["returned_amount"])
    share = own.get("returned_share")
    if not known(share):
        return Said(f"returned {value}", f"退货 {value}")
    return Said(
        f"returned {value}, {percent(share)} of all that was bought", f"退货 {value}，占购买总额 {percent(share)}"
    )


@about(r"returned_amount_(\d+)d")
def returned_lately(own: Own, days: str) -> Said:
    """Return what came back in a window."""
    value = own[f"returned_amount_{days}d"]
    if value == 0:
        return Said(f"nothing returned in the last {days} days", f"近 {days} 天没有退货")
    return Said(f"returned {own.money(value)} in the last {days} days", f"近 {days} 天退货 {own.money(value)}")


@about("discount_share")
def discount(own: Own) -> Said:
    """Return what was taken off on the spot."""
    share = own["discount_share"]
    if share == 0:
        return Said("never bought at a discount", "从未享受折让")
    return Said(f"{percent(share)} taken off by discounts", f"折让占 {percent(share)}")


@about("free_days_share")
def free(own: Own) -> Said:
    """Return how many purchases were free of charge."""
    share = own["free_days_share"]
    if share == 0:
        return Said("no purchase free of charge", "没有免费购买")
    part, many = whole(share * own.purchases), whole(own.purchases)
    return Said(f"{part} of {many} purchases free of charge", f"{many} 次购买中有 {part} 次免费")


@about("margin_share")
def margin(own: Own) -> Said:
    """Return the margin on what was bought."""
    share, usual = own["margin_share"], own.median("margin_share", percent)
    return Said(f"margin of {percent(share)} on what was bought{usual.en}", f"购买毛利率 {percent(share)}{usual.zh}")


@about("acquisition_cost")
def acquisition_cost(own: Own) -> Said:
    """Return what it cost to win the customer."""
    value, usual = own.money(own["acquisition_cost"]), own.median("acquisition_cost", own.money)
    return Said(f"cost {value} to acquire{usual.en}", f"获客成本 {value}{usual.zh}")
