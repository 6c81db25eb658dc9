"""Returns and discounts: what came back, what was taken off on the spot, what was free."""

import numba
import numpy as np
from numpy.typing import NDArray

from lifecycle.features.asof import AsOf
from lifecycle.features.registry import Feature, family

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

RECENT = 365
TOGETHER = 256
"""Customers whose columns are filled side by side."""


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _returned(
    customer: I64,
    day_offsets: I64,
    day: I32,
    amount: F64,
    void_day: I32,
    offsets: I64,
    net: F64,
    r_offsets: I64,
    r_day: I32,
    r_event: I32,
    r_target: I32,
    r_amount: F64,
    as_of: int,
    recent: int,
    out: F64,
) -> None:
    n, money = customer.size, amount.size > 0
    for begin in range(0, n, TOGETHER):
        end = min(begin + TOGETHER, n)
        # Most customers have no return: 0 throughout, if what they bought was not free.
        plain = money and offsets[begin] < offsets[end]
        for j in range(offsets[begin], offsets[end]):
            plain &= net[j] > 0.0
        for k in range(9):
            out[k, begin:end] = np.nan if k == 3 or (k > 3 and not money) else 0.0
        for i in range(begin, end):
            c = customer[i]
            if plain and r_offsets[c] == r_offsets[c + 1]:
                continue
            events, recent_events, back, recent_back, off, last, event = 0, 0, 0.0, 0.0, 0.0, -1, -1
            for e in range(r_offsets[c], r_offsets[c + 1]):
                if r_day[e] > as_of:
                    break
                if r_day[e] == day[day_offsets[c] + r_target[e]]:
                    off += r_amount[e]
                    continue
                is_recent = as_of - r_day[e] < recent
                if r_event[e] != event:
                    event = r_event[e]
                    events += 1
                    recent_events += is_recent
                back += r_amount[e]
                if is_recent:
                    recent_back += r_amount[e]
                last = r_day[e]
            gross, undone, free = 0.0, 0, 0
            for j in range(day_offsets[c], day_offsets[c + 1]):
                if day[j] > as_of:
                    break
                undone += void_day[j] <= as_of
                if money:
                    gross += amount[j]
            out[0, i] = events
            out[1, i] = recent_events
            out[2, i] = undone
            if last >= 0:
                out[3, i] = as_of - last
            if money:
                for j in range(offsets[i], offsets[i + 1]):
                    free += net[j] == 0.0
                out[4, i] = back
                out[5, i] = recent_back
                out[8, i] = free / (offsets[i + 1] - offsets[i])
            out[6, i] = back / gross if gross > 0 else np.nan
            out[7, i] = off / gross if gross > 0 else np.nan


@family(
    "returns",
    Feature("returns", "lines", "return lines that undid a purchase of an earlier day"),
    Feature(
        f"returns_{RECENT}d", "lines", f"return lines of the last {RECENT} days that undid a purchase of an earlier day"
    ),
    Feature("days_returned", "days", "purchase days of which every line was returned"),
    Feature("days_since_return", "days", "days from the last return of an earlier purchase to the as-of date"),
    Feature("returned_amount", "money", "amount of earlier days' purchases that was returned"),
    Feature(f"returned_amount_{RECENT}d", "money", f"amount returned in the last {RECENT} days"),
    Feature("returned_share", "share", "amount returned over the gross amount of all purchases"),
    Feature(
        "discount_share", "share", "negative lines of the purchase day itself over the gross amount of all purchases"
    ),
    Feature("free_days_share", "share", "share of purchase days with a net amount of 0"),
)
def returned(view: AsOf) -> F64:
    """Returns known by the date."""
    history, links = view.history, view.history.returns
    table = view.table(9)
    _returned(
        view.customer,
        history.offsets,
        history.day,
        np.empty(0) if history.amount is None else history.amount,
        history.void_day,
        view.offsets,
        view.amount,
        links.offsets,
        links.day,
        links.event,
        links.target,
        links.amount,
        view.as_of,
        RECENT,
        table,
    )
    return table
