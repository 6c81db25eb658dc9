"""Trend: do amounts and gaps rise or fall, and how does the recent past compare with the own past before it."""

import numba
import numpy as np
from numpy.typing import NDArray

from features.asof import AsOf
from features.registry import Feature, family

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

RECENT = 90
"""Days that count as the recent past."""


@numba.njit(cache=True, nogil=True)
def _trend(offsets: I64, day: I32, amount: F64, as_of: int, recent: int) -> F64:
    money = amount.size > 0
    out = np.full((4, offsets.size - 1), np.nan)
    for c in range(offsets.size - 1):
        lo, hi = offsets[c], offsets[c + 1]
        k = hi - lo
        if money and k > 1:
            t_mean, a_mean = 0.0, 0.0
            for j in range(lo, hi):
                t_mean += day[j] - day[lo]
                a_mean += amount[j]
            t_mean /= k
            a_mean /= k
            cross, square = 0.0, 0.0
            for j in range(lo, hi):
                t = day[j] - day[lo] - t_mean
                cross += t * (amount[j] - a_mean)
                square += t * t
            out[0, c] = cross / square
        if k > 2:
            gaps = k - 1
            middle = (gaps - 1) / 2.0
            mean = (day[hi - 1] - day[lo]) / gaps
            cross, square = 0.0, 0.0
            for g in range(gaps):
                gap = day[lo + g + 1] - day[lo + g]
                cross += (g - middle) * (gap - mean)
                square += (g - middle) ** 2
            out[1, c] = cross / square
        age = as_of - day[lo]
        if age > recent:
            now, before, spent_now, spent_before = 0, 0, 0.0, 0.0
            for j in range(lo, hi):
                if as_of - day[j] < recent:
                    now += 1
                    if money:
                        spent_now += amount[j]
                else:
                    before += 1
                    if money:
                        spent_before += amount[j]
            out[2, c] = (now / recent) / (before / (age - recent))
            if money and spent_before > 0:
                out[3, c] = (spent_now / recent) / (spent_before / (age - recent))
    return out


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
    table: F64 = _trend(view.offsets, view.day, view.amount, view.as_of, RECENT)
    return table
