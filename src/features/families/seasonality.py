"""Season: what the customer did in the coming weeks a year ago, and on which weekdays and in which months they buy."""

import functools

import numba
import numpy as np
from numpy.typing import NDArray

from lifecycle.features.asof import AsOf
from lifecycle.features.registry import Feature, family

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

YEAR = 365
TOGETHER = 256
"""Customers whose columns are worked out side by side, so that the processor takes several at a time."""

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


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _season(
    offsets: I64, day: I32, amount: F64, as_of: int, reaches: bool, first: int, weekday: I32, month: I32, out: F64
) -> None:
    n, money = offsets.size - 1, amount.size > 0
    mine = np.empty((23, TOGETHER))
    days = np.empty(TOGETHER)
    for begin in range(0, n, TOGETHER):
        size = min(TOGETHER, n - begin)
        mine[:] = 0.0
        for t in range(size):
            lo, hi = offsets[begin + t], offsets[begin + t + 1]
            days[t] = hi - lo
            for j in range(lo, hi):
                mine[4 + weekday[day[j] - first], t] += 1.0
                mine[11 + month[day[j] - first], t] += 1.0
                since = day[j] - (as_of - YEAR)
                if 0 < since <= 90:
                    mine[1, t] += 1.0
                    if money:
                        mine[3, t] += amount[j]
                    if since <= 30:
                        mine[0, t] += 1.0
                        if money:
                            mine[2, t] += amount[j]
        for k in range(23):
            column, one = out[k, begin : begin + size], mine[k]
            if k >= 4:
                for t in range(size):
                    column[t] = one[t] / days[t]
            elif reaches and (money or k < 2):
                column[:] = one[:size]
            else:
                column[:] = np.nan


def calendar(view: AsOf) -> tuple[int, I32, I32]:
    """First day of a calendar that holds all days of a view; weekday (0 Monday to 6) and month (0 to 11) of each."""
    first = min(view.history.log_first_day, int(view.day.min())) if view.day.size else view.as_of
    return (first, *_calendar(first, view.as_of))


@functools.lru_cache(maxsize=64)
@numba.njit(cache=True, nogil=True)
def _calendar(first: int, last: int) -> tuple[I32, I32]:
    weekday, month = np.empty(last - first + 1, np.int32), np.empty(last - first + 1, np.int32)
    for day in range(first, last + 1):
        weekday[day - first] = (day + 3) % 7
        month[day - first] = month_of(day)
    return weekday, month


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
    first, weekday, month = calendar(view)
    reaches = view.history.log_first_day <= view.as_of - YEAR
    table = view.table(23)
    _season(view.offsets, view.day, view.amount, view.as_of, reaches, first, weekday, month, table)
    return table
