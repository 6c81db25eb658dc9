"""Tenure and acquisition: when and how the customer came, and how the first months went."""

import numba
import numpy as np
from numpy.typing import NDArray

from lifecycle.features.asof import AsOf
from lifecycle.features.families.seasonality import calendar
from lifecycle.features.history import Codes
from lifecycle.features.registry import Column, Feature, family
from lifecycle.features.window import UNKNOWN_DAY

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

EARLY = 90
"""Days after the first purchase that count as the beginning."""


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _tenure(
    offsets: I64, day: I32, amount: F64, as_of: int, early: int, first_of_log: int, month: I32, out: F64
) -> None:
    money = amount.size > 0
    for c in range(offsets.size - 1):
        lo, hi = offsets[c], offsets[c + 1]
        first = day[lo]
        out[0, c] = first / 365.25
        out[1, c] = month[first - first_of_log] + 1
        out[2, c] = amount[lo] if money else np.nan
        out[3, c] = day[lo + 1] - first if hi - lo > 1 else np.nan
        begun, spent = np.nan, np.nan
        if as_of - first >= early:
            begun, spent = 0.0, 0.0
            for j in range(lo, hi):
                if day[j] - first > early:
                    break
                begun += 1.0
                if money:
                    spent += amount[j]
        out[4, c] = begun
        out[5, c] = spent if money else np.nan


@family(
    "acquisition",
    Feature("cohort", "years since 1970", "date of the first purchase day"),
    Feature("cohort_month", "1 to 12", "calendar month of the first purchase day"),
    Feature("first_amount", "money", "net amount of the first purchase day"),
    Feature("days_to_second_purchase", "days", "days from the first to the second purchase day"),
    Feature(
        f"purchases_first_{EARLY}d", "days", f"purchase days in the first {EARLY} days; missing for younger customers"
    ),
    Feature(f"spend_first_{EARLY}d", "money", f"net amount of the first {EARLY} days; missing for younger customers"),
)
def acquisition(view: AsOf) -> F64:
    """The first purchase and the first months."""
    first, _, month = calendar(view)
    table = view.table(6)
    _tenure(view.offsets, view.day, view.amount, view.as_of, EARLY, first, month, table)
    return table


@family(
    "first_channel",
    Feature("first_channel", "channel", "channel of the first purchase day's first line", kind="category"),
)
def first_channel(view: AsOf) -> list[Column] | None:
    """Channel of the first purchase; the first line in the order of amount and product that was not returned."""
    lines = view.history.lines
    if lines.channel is None:
        return None
    code = _first_code(view.offsets, view.row, lines.offsets, lines.void_day, lines.channel.code, view.as_of)
    return [Codes(code, lines.channel.names)]


@numba.njit(cache=True, nogil=True)
def _first_code(offsets: I64, row: I64, line_offsets: I64, void_day: I32, code: I32, as_of: int) -> I32:
    out = np.full(offsets.size - 1, -1, np.int32)
    for c in range(offsets.size - 1):
        first = row[offsets[c]]
        for i in range(line_offsets[first], line_offsets[first + 1]):
            if void_day[i] > as_of:
                out[c] = code[i]
                break
    return out


@family(
    "registration",
    Feature("days_since_registration", "days", "days from the registration to the as-of date; missing if it is later"),
    Feature("registration_to_purchase", "days", "days from the registration to the first purchase day"),
)
def registration(view: AsOf) -> list[Column] | None:
    """Registration, from the customers table."""
    if view.history.registered_day is None:
        return None
    registered = view.history.registered_day[view.customer].astype(np.float64)
    registered[(registered == UNKNOWN_DAY) | (registered > view.as_of)] = np.nan
    return [view.as_of - registered, view.day[view.offsets[:-1]] - registered]
