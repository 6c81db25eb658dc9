"""How often and how regularly: silence, counts of purchases, gaps between them, and last year's coming weeks."""

from lifecycle.features.families.seasonality import MONTHS, WEEKDAYS
from lifecycle.words.drivers.forms import Said, ago, counted, known, span, whole
from lifecycle.words.drivers.own import Own
from lifecycle.words.drivers.saying import about
from lifecycle.words.feature_names import MONTHS_ZH, WEEKDAYS_ZH


def once(own: Own) -> Said:
    """Return what there is to say of somebody who bought on one day."""
    en, zh = ago(own["T"])
    return Said(f"bought once only, {en}", f"只购买过一次，{zh}")


@about("days_since_last_purchase", "recency", "overdue_ratio")
def silence(own: Own) -> Said:
    """Return how long ago the last purchase was, against the usual gap."""
    en, zh = ago(own.silence)
    gap = span(own.usual_gap)
    if own["frequency"] == 0:
        return Said(
            f"bought once only, {en}, usual gap of all customers {gap.en}",
            f"只购买过一次，{zh}，客户平常间隔 {gap.zh}",
        )
    return Said(f"last bought {en}, usual gap {gap.en}", f"最近一次购买在{zh}，平常间隔 {gap.zh}")


@about("silence_rank", "gap_longest")
def longest(own: Own) -> Said:
    """Return the present silence against the longest so far."""
    if own["frequency"] == 0:
        return once(own)
    now, most = span(own.silence), span(own["gap_longest"])
    return Said(
        f"silent for {now.en} now, longest gap so far {most.en}", f"目前已沉默 {now.zh}，此前最长间隔 {most.zh}"
    )


@about("frequency")
def frequency(own: Own) -> Said:
    """Return how often in which time."""
    if own["frequency"] == 0:
        return once(own)
    time = span(own["T"])
    return Said(
        f"{counted(own['frequency'], 'repeat purchase')} in {time.en}",
        f"首购以来 {time.zh}内重复购买 {whole(own['frequency'])} 次",
    )


@about("T")
def age(own: Own) -> Said:
    """Return how long ago the first purchase was."""
    en, zh = ago(own["T"])
    return Said(f"first bought {en}", f"首次购买在{zh}")


@about(r"purchases_(\d+)d", r"purchases_ratio_(\d+)d")
def purchases(own: Own, days: str) -> Said:
    """Return the purchases of a window and of the one before it."""
    now, window, known_for = own[f"purchases_{days}d"], int(days), own["T"]
    if known_for < window:
        en, zh = ago(known_for)
        if own["frequency"] == 0:
            return once(own)
        return Said(
            f"{counted(now, 'purchase')} since the first, {en}",
            f"首购在{zh}，至今购买 {whole(now)} 次",
        )
    said = Said(f"{counted(now, 'purchase')} in the last {days} days", f"近 {days} 天购买 {whole(now)} 次")
    before, length = own[f"purchases_before_{days}d"], whole(own.before(window))
    if now == 0 and (before == 0 or length == "0"):
        en, zh = ago(own.silence)
        return Said(f"{said.en}, last {en}", f"{said.zh}，最近一次在{zh}")
    if length == "0":
        return said
    return Said(f"{said.en}, {whole(before)} in the {length} before", f"{said.zh}，之前 {length} 天 {whole(before)} 次")


@about("purchase_rate_change")
def purchase_rate_change(own: Own) -> Said:
    """Return the purchases of the last 90 days and of all the time before."""
    now, known_for = own["purchases_90d"], own["T"]
    if known_for <= 90:
        return age(own)
    before, length = own.purchases - now, known_for + 1 - 90
    return Said(
        f"{counted(now, 'purchase')} in the last 90 days, {whole(before)} in the {whole(length)} before",
        f"近 90 天购买 {whole(now)} 次，之前 {whole(length)} 天 {whole(before)} 次",
    )


@about("gap_mean", "gap_last")
def gaps(own: Own) -> Said:
    """Return the last gap against the mean gap."""
    if own["frequency"] == 0:
        return once(own)
    last, mean = span(own["gap_last"]), span(own["gap_mean"])
    if own["frequency"] == 1:
        return Said(f"two purchases, {last.en} apart", f"购买过两次，相隔 {last.zh}")
    return Said(
        f"last gap between purchases {last.en}, {mean.en} on average",
        f"最近一次购买间隔 {last.zh}，平均 {mean.zh}",
    )


@about("gap_std", "regularity")
def regularity(own: Own) -> Said:
    """Return how much the gaps vary."""
    if own["frequency"] < 2:
        return gaps(own)
    spread, mean = span(own["gap_std"]), span(own["gap_mean"])
    return Said(
        f"gaps between purchases {mean.en} on average, give or take {spread.en}",
        f"购买间隔平均 {mean.zh}，波动 {spread.zh}",
    )


@about("gap_slope")
def gap_slope(own: Own) -> Said:
    """Return the gaps of the later half against those of the earlier half."""
    if own["frequency"] < 2:
        return gaps(own)
    later, earlier = span(own["gap_later"]), span(own["gap_earlier"])
    return Said(
        f"gaps between purchases {later.en} in the later half, {earlier.en} in the earlier",
        f"后半段购买间隔平均 {later.zh}，前半段 {earlier.zh}",
    )


@about(r"purchases_year_ago_(\d+)d")
def year_ago(own: Own, days: str) -> Said:
    """Return what the coming weeks of last year brought."""
    value = own[f"purchases_year_ago_{days}d"]
    return Said(
        f"{counted(value, 'purchase')} in the same coming {days} days a year ago",
        f"去年同期的未来 {days} 天购买 {whole(value)} 次",
    )


@about(rf"share_({'|'.join(WEEKDAYS)})")
def weekday(own: Own, day: str) -> Said:
    """Return how many of the purchases fell on a weekday."""
    return _share_on(own, f"share_{day}", f"on a {day.capitalize()}", f"在{WEEKDAYS_ZH[WEEKDAYS.index(day)]}")


@about(rf"share_({'|'.join(MONTHS)})")
def month(own: Own, name: str) -> Said:
    """Return how many of the purchases fell in a month."""
    return _share_on(own, f"share_{name}", f"in {name.capitalize()}", f"在{MONTHS_ZH[MONTHS.index(name)]}")


def _share_on(own: Own, name: str, en: str, zh: str) -> Said:
    share, total = own[name], own.purchases
    if share == 0:
        return Said(f"never bought {en}", f"从未{zh}购买")
    if total == 1:
        return Said(f"the only purchase fell {en}", f"唯一一次购买{zh}")
    part, many = whole(share * total), whole(total)
    return Said(f"{part} of {many} purchases {en}", f"{many} 次购买中有 {part} 次{zh}")


@about("cohort")
def cohort(own: Own) -> Said:
    """Return since when somebody is a customer."""
    first = own.first_day
    return Said(
        f"customer since {MONTHS[first.month - 1].capitalize()} {first.year}",
        f"自 {first.year} 年 {first.month} 月起为客户",
    )


@about("cohort_month")
def cohort_month(own: Own) -> Said:
    """Return the season of the first purchase."""
    place = round(own["cohort_month"]) - 1
    return Said(f"first bought in {MONTHS[place].capitalize()}", f"首次购买在{MONTHS_ZH[place]}")


@about("days_to_second_purchase")
def second(own: Own) -> Said:
    """Return how long the second purchase took."""
    if own["frequency"] == 0:
        return once(own)
    days, usual = span(own["days_to_second_purchase"]), own.median("days_to_second_purchase", whole)
    return Said(f"second purchase {days.en} after the first{usual.en}", f"首购后 {days.zh}再次购买{usual.zh}")


@about(r"purchases_first_(\d+)d")
def beginning(own: Own, days: str) -> Said:
    """Return how many purchases the first months saw."""
    value = own.get(f"purchases_first_{days}d")
    if not known(value):
        return age(own)
    usual = own.median(f"purchases_first_{days}d")
    return Said(
        f"{counted(value, 'purchase')} in the first {days} days{usual.en}",
        f"最初 {days} 天购买 {whole(value)} 次{usual.zh}",
    )
