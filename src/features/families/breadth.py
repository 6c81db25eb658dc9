"""Breadth: how many different products, categories and channels, and how concentrated the lines are on few of them."""

import numba
import numpy as np
from numpy.typing import NDArray

from features.asof import AsOf
from features.history import Codes
from features.registry import Feature, family

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

RECENT = 365


@numba.njit(cache=True, nogil=True)
def _spread(
    offsets: I64, row: I64, day: I32, line_offsets: I64, void_day: I32, code: I32, n_codes: int, as_of: int, recent: int
) -> F64:
    n = offsets.size - 1
    out = np.full((3, n), np.nan)
    count = np.zeros(n_codes, np.int32)
    owner = np.full(n_codes, -1, np.int32)
    for c in range(n):
        distinct, distinct_recent, lines, squares = 0, 0, 0, 0
        # Backwards in time: the first sight of a code is its latest purchase.
        for j in range(offsets[c + 1] - 1, offsets[c] - 1, -1):
            is_recent = as_of - day[j] < recent
            for i in range(line_offsets[row[j]], line_offsets[row[j] + 1]):
                k = code[i]
                if k < 0 or void_day[i] <= as_of:
                    continue
                if owner[k] != c:
                    owner[k] = c
                    count[k] = 0
                    distinct += 1
                    distinct_recent += is_recent
                squares += 2 * count[k] + 1
                count[k] += 1
                lines += 1
        out[0, c] = distinct
        out[1, c] = distinct_recent
        if lines > 0:
            out[2, c] = squares / (lines * lines)
    return out


def _features(one: str, many: str) -> tuple[Feature, ...]:
    return (
        Feature(f"{many}", many, f"distinct {many} bought and not returned"),
        Feature(f"{many}_{RECENT}d", many, f"distinct {many} bought in the last {RECENT} days and not returned"),
        Feature(
            f"{one}_concentration", "0 to 1", f"Herfindahl index of the lines over {many}: 1 if all are of one {one}"
        ),
    )


def _of(view: AsOf, codes: Codes | None) -> F64 | None:
    if codes is None:
        return None
    lines = view.history.lines
    table: F64 = _spread(
        view.offsets,
        view.row,
        view.day,
        lines.offsets,
        lines.void_day,
        codes.code,
        len(codes.names),
        view.as_of,
        RECENT,
    )
    return table


@family("products", *_features("product", "products"))
def products(view: AsOf) -> F64 | None:
    """Breadth over products."""
    return _of(view, view.history.lines.product)


@family("categories", *_features("category", "categories"))
def categories(view: AsOf) -> F64 | None:
    """Breadth over categories."""
    return _of(view, view.history.lines.category)


@family("channels", *_features("channel", "channels"))
def channels(view: AsOf) -> F64 | None:
    """Breadth over channels."""
    return _of(view, view.history.lines.channel)


@numba.njit(cache=True, nogil=True)
def _basket(
    offsets: I64, row: I64, line_offsets: I64, void_day: I32, amount: F64, quantity: F64, cost: F64, as_of: int
) -> F64:
    n = offsets.size - 1
    out = np.full((3, n), np.nan)
    for c in range(n):
        lines, items, earned, sold = 0, 0.0, 0.0, 0.0
        for j in range(offsets[c], offsets[c + 1]):
            for i in range(line_offsets[row[j]], line_offsets[row[j] + 1]):
                if void_day[i] <= as_of:
                    continue
                lines += 1
                if quantity.size and not np.isnan(quantity[i]):
                    items += quantity[i]
                if cost.size and amount.size and not np.isnan(cost[i]):
                    earned += amount[i] - cost[i]
                    sold += amount[i]
        out[0, c] = lines / (offsets[c + 1] - offsets[c])
        if quantity.size:
            out[1, c] = items / (offsets[c + 1] - offsets[c])
        if sold > 0:
            out[2, c] = earned / sold
    return out


@family(
    "basket",
    Feature("lines_per_purchase_day", "lines", "mean number of lines, not returned, on a purchase day"),
    Feature(
        "items_per_purchase_day", "items", "mean number of items, not returned, on a purchase day; needs quantities"
    ),
    Feature("margin_share", "share", "amount less cost over amount of the lines whose cost is known; needs costs"),
)
def basket(view: AsOf) -> F64:
    """Size and margin of the baskets."""
    lines, none = view.history.lines, np.empty(0)
    table: F64 = _basket(
        view.offsets,
        view.row,
        lines.offsets,
        lines.void_day,
        none if lines.amount is None else lines.amount,
        none if lines.quantity is None else lines.quantity,
        none if lines.cost is None else lines.cost,
        view.as_of,
    )
    return table
