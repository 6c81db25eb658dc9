"""Breadth: how many different products, categories and channels, and how concentrated the lines are on few of them."""

import numba
import numpy as np
from numpy.typing import NDArray

from features.asof import AsOf
from features.registry import Feature, family

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

RECENT = 365


@numba.njit(cache=True, nogil=True)
def _breadth(
    offsets: I64,
    row: I64,
    day: I32,
    line_offsets: I64,
    void_day: I32,
    codes: tuple[I32, I32, I32],
    n_codes: int,
    amount: F64,
    quantity: F64,
    cost: F64,
    as_of: int,
    recent: int,
) -> F64:
    n = offsets.size - 1
    out = np.full((12, n), np.nan)
    count = np.zeros((3, n_codes), np.int32)
    owner = np.full((3, n_codes), -1, np.int32)
    distinct, distinct_recent = np.empty(3, np.int64), np.empty(3, np.int64)
    coded, squares = np.empty(3, np.int64), np.empty(3, np.int64)
    for c in range(n):
        distinct[:], distinct_recent[:], coded[:], squares[:] = 0, 0, 0, 0
        lines, items, earned, sold = 0, 0.0, 0.0, 0.0
        # Backwards in time: the first sight of a code is its latest purchase.
        for j in range(offsets[c + 1] - 1, offsets[c] - 1, -1):
            is_recent = as_of - day[j] < recent
            for i in range(line_offsets[row[j]], line_offsets[row[j] + 1]):
                if void_day[i] <= as_of:
                    continue
                lines += 1
                if quantity.size and not np.isnan(quantity[i]):
                    items += quantity[i]
                if cost.size and amount.size and not np.isnan(cost[i]):
                    earned += amount[i] - cost[i]
                    sold += amount[i]
                for kind in range(3):
                    if codes[kind].size == 0 or codes[kind][i] < 0:
                        continue
                    k = codes[kind][i]
                    if owner[kind, k] != c:
                        owner[kind, k] = c
                        count[kind, k] = 0
                        distinct[kind] += 1
                        distinct_recent[kind] += is_recent
                    squares[kind] += 2 * count[kind, k] + 1
                    count[kind, k] += 1
                    coded[kind] += 1
        for kind in range(3):
            if codes[kind].size == 0:
                continue
            out[3 * kind, c] = distinct[kind]
            out[3 * kind + 1, c] = distinct_recent[kind]
            if coded[kind] > 0:
                out[3 * kind + 2, c] = squares[kind] / (coded[kind] * coded[kind])
        out[9, c] = lines / (offsets[c + 1] - offsets[c])
        if quantity.size:
            out[10, c] = items / (offsets[c + 1] - offsets[c])
        if sold > 0:
            out[11, c] = earned / sold
    return out


def _features(one: str, many: str) -> tuple[Feature, ...]:
    return (
        Feature(f"{many}", many, f"distinct {many} bought and not returned"),
        Feature(f"{many}_{RECENT}d", many, f"distinct {many} bought in the last {RECENT} days and not returned"),
        Feature(f"{one}_concentration", "0 to 1", f"Herfindahl index of the lines over {many}: 1 if all are one"),
    )


@family(
    "breadth",
    *_features("product", "products"),
    *_features("category", "categories"),
    *_features("channel", "channels"),
    Feature("lines_per_purchase_day", "lines", "mean number of lines, not returned, on a purchase day"),
    Feature("items_per_purchase_day", "items", "mean number of items, not returned, a purchase day; needs quantities"),
    Feature("margin_share", "share", "amount less cost over amount of the lines whose cost is known; needs costs"),
)
def breadth(view: AsOf) -> F64:
    """Products, categories, channels, and what lies in a basket; from the lines that were not returned."""
    lines, none, no_code = view.history.lines, np.empty(0), np.empty(0, np.int32)
    kinds = (lines.product, lines.category, lines.channel)
    product, category, channel = (no_code if kind is None else kind.code for kind in kinds)
    table: F64 = _breadth(
        view.offsets,
        view.row,
        view.day,
        lines.offsets,
        lines.void_day,
        (product, category, channel),
        max((len(kind.names) for kind in kinds if kind is not None), default=0),
        none if lines.amount is None else lines.amount,
        none if lines.quantity is None else lines.quantity,
        none if lines.cost is None else lines.cost,
        view.as_of,
        RECENT,
    )
    return table
