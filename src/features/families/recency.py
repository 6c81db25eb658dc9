"""Recency, frequency and value, as the buy-till-you-die models take them, and the spread of amounts."""

import numba
import numpy as np
from numpy.typing import NDArray

from lifecycle.features.asof import AsOf
from lifecycle.features.registry import Feature, family
from lifecycle.features.rfm import summary

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@family(
    "recency",
    Feature("frequency", "days", "repeat purchase days: purchase days after the first"),
    Feature("recency", "days", "age at the last purchase: days from the first to the last purchase day"),
    Feature("T", "days", "age: days from the first purchase day to the as-of date"),
    Feature("monetary_value", "money", "mean net amount of the repeat purchase days; missing without a repeat"),
    Feature("days_since_last_purchase", "days", "days from the last purchase day to the as-of date"),
    Feature("spend", "money", "net amount of all purchase days"),
)
def recency(view: AsOf) -> F64:
    """Recency, frequency and value as the buy-till-you-die models take them."""
    table = view.table(6)
    summary(view.offsets, view.day, view.amount, view.as_of, table)
    return table


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _amounts(offsets: I64, amount: F64, out: F64) -> None:
    for c in range(offsets.size - 1):
        lo, hi = offsets[c], offsets[c + 1]
        largest, total = amount[lo], 0.0
        for j in range(lo, hi):
            largest = max(largest, amount[j])
            total += amount[j]
        out[0, c] = amount[hi - 1]
        out[1, c] = largest
        if hi - lo == 1:
            out[2, c] = np.nan
            out[3, c] = np.nan
            continue
        mean, squares = total / (hi - lo), 0.0
        for j in range(lo, hi):
            squares += (amount[j] - mean) ** 2
        out[2, c] = np.sqrt(squares / (hi - lo - 1))
        before = (total - amount[hi - 1]) / (hi - lo - 1)
        out[3, c] = amount[hi - 1] / before if before > 0 else np.nan


@family(
    "amounts",
    Feature("last_amount", "money", "net amount of the last purchase day"),
    Feature("largest_amount", "money", "largest net amount of a purchase day"),
    Feature("amount_std", "money", "standard deviation of the purchase days' net amounts (needs two days)"),
    Feature("last_amount_ratio", "ratio", "net amount of the last purchase day over the mean of the earlier ones"),
)
def amounts(view: AsOf) -> F64 | None:
    """Spread of the purchase days' amounts."""
    if not view.amount.size:
        return None
    table = view.table(4)
    _amounts(view.offsets, view.amount, table)
    return table
