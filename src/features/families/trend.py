"""Trend: do amounts and gaps rise or fall, and how does the recent past compare with the own past before it."""

import numba
import numpy as np
from numpy.typing import NDArray

from lifecycle.features.asof import AsOf
from lifecycle.features.registry import Feature, family

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

RECENT = 90
"""Days that count as the recent past."""


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _trend(offsets: I64, day: I32, amount: F64, as_of: int, recent: int, out: F64) -> None:
    money = amount.size > 0
    for c in range(offsets.size - 1):
        lo, hi = offsets[c], offsets[c + 1]
        k = hi - lo
        now, t_mean, a_mean, spent_now, spent_before = 0, 0.0, 0.0, 0.0, 0.0
        for j in range(lo, hi):
            is_recent = as_of - day[j] < recent
            now += is_recent
            if money:
                t_mean += day[j] - day[lo]
                a_mean += amount[j]
                spent_now += amount[j] if is_recent else 0.0
                spent_before += 0.0 if is_recent else amount[j]
        age, before = as_of - day[lo], k - now
        is_old = age > recent
        out[2, c] = (now / recent) / (before / (age - recent)) if is_old else np.nan
        has_both = is_old and spent_before > 0
        out[3, c] = (spent_now / recent) / (spent_before / (age - recent)) if has_both else np.nan
        slope, gap_slope = np.nan, np.nan
        if money and k > 1:
            t_mean /= k
            a_mean /= k
            cross, square = 0.0, 0.0
            for j in range(lo, hi):
                t = day[j] - day[lo] - t_mean
                cross += t * (amount[j] - a_mean)
                square += t * t
            slope = cross / square
        if k > 2:
            gaps = k - 1
            middle = (gaps - 1) / 2.0
            mean = (day[hi - 1] - day[lo]) / gaps
            cross = 0.0
            for g in range(gaps):
                gap = day[lo + g + 1] - day[lo + g]
                cross += (g - middle) * (gap - mean)
            gap_slope = cross / (gaps * (gaps * gaps - 1) / 12.0)
        out[0, c] = slope
        out[1, c] = gap_slope


@family(
    "trend",
    Feature("amount_slope", "money a day", "least-squares slope of the purchase days' net amounts over time"),
    Feature("gap_slope", "days a purchase", "least-squares slope of the gaps over their sequence (needs two gaps)"),
    Feature(
        "purchase_rate_change",
        "ratio",
        f"purchase days a day in the last {RECENT} days over those before; missing up to age {RECENT}",
    ),
    Feature(
        "spend_rate_change",
        "ratio",
        f"net amount a day in the last {RECENT} days over that before; missing up to age {RECENT}",
    ),
)
def trend(view: AsOf) -> F64:
    """Slopes and the recent against the own past."""
    table = view.table(4)
    _trend(view.offsets, view.day, view.amount, view.as_of, RECENT, table)
    return table
