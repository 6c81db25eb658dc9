"""Season: what the customer did in the coming weeks a year ago, and on which weekdays and in which months they buy."""

import numba
import numpy as np
from numpy.typing import NDArray

from features.asof import AsOf
from features.registry import Feature, family

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

YEAR = 365
COMING = (30, 90)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)


@numba.njit(cache=True, nogil=True)
def month_of(day: int) -> int:
    """Month (0 to 11) of a day count, by the civil-from-days algorithm with years that begin in March."""
    shifted = day + 719_468
    of_era = shifted - (shifted // 146_097) * 146_097
    year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    return ((5 * of_year + 2) // 153 + 2) % 12


@numba.njit(cache=True, nogil=True)
def _season(offsets: I64, day: I32, amount: F64, as_of: int, first_day: int, months: I32, base: int) -> F64:
    n = offsets.size - 1
    money = amount.size > 0
    reaches = first_day <= as_of - 365
    out = np.empty((23, n))
    mine = np.empty(23, np.float64)
    for c in range(n):
        mine[:] = 0.0
        lo, hi = offsets[c], offsets[c + 1]
        for j in range(lo, hi):
            since = day[j] - (as_of - 365)
            if 0 < since <= 90:
                mine[1] += 1
                if money:
                    mine[3] += amount[j]
                if since <= 30:
                    mine[0] += 1
                    if money:
                        mine[2] += amount[j]
            mine[4 + (day[j] + 3) % 7] += 1
            mine[11 + months[day[j] - base]] += 1
        for k in range(4):
            out[k, c] = mine[k] if reaches and (money or k < 2) else np.nan
        for k in range(4, 23):
            out[k, c] = mine[k] / (hi - lo)
    return out


@numba.njit(cache=True, nogil=True)
def _months(first: int, last: int) -> I32:
    out = np.empty(last - first + 1, np.int32)
    for day in range(first, last + 1):
        out[day - first] = month_of(day)
    return out


@family(
    "season",
    *(
        Feature(
            f"purchases_year_ago_{w}d",
            "days",
            f"purchase days in the coming {w} days a year ago; missing in a young log",
        )
        for w in COMING
    ),
    *(
        Feature(
            f"spend_year_ago_{w}d", "money", f"net amount in the coming {w} days a year ago; missing in a young log"
        )
        for w in COMING
    ),
    *(Feature(f"share_{name}", "share", f"share of purchase days on a {name.capitalize()}") for name in WEEKDAYS),
    *(Feature(f"share_{name}", "share", f"share of purchase days in {name.capitalize()}") for name in MONTHS),
)
def season(view: AsOf) -> F64:
    """Last year's coming weeks, weekdays and months."""
    first = min(view.history.log_first_day, int(view.day.min())) if view.day.size else view.as_of
    months = _months(first, max(view.as_of, first))
    table: F64 = _season(view.offsets, view.day, view.amount, view.as_of, view.history.log_first_day, months, first)
    return table
