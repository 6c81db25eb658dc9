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


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _breadth(
    offsets: I64,
    row: I64,
    day: I32,
    line_offsets: I64,
    void_day: I32,
    product: I32,
    category: I32,
    channel: I32,
    n_codes: int,
    as_of: int,
    recent: int,
    out: F64,
) -> None:
    has_product, has_category, has_channel = product.size > 0, category.size > 0, channel.size > 0
    # How often a code was seen, above a mark that is higher than any customer's before: nothing has to be cleared.
    # The last place is for lines without a code (-1).
    products, categories, channels = np.zeros((3, n_codes + 1), np.int64)
    mark = 0
    for c in range(offsets.size - 1):
        lo, hi = offsets[c], offsets[c + 1]
        first, last = line_offsets[row[lo]], line_offsets[row[hi - 1] + 1]
        since = last
        if as_of - day[lo] < recent:
            since = first
        else:
            for j in range(hi - 1, lo, -1):
                if as_of - day[j] >= recent:
                    break
                since = line_offsets[row[j]]
        lines = 0
        p_different, p_recent, p_lines, p_squares = 0, 0, 0, 0
        g_different, g_recent, g_lines, g_squares = 0, 0, 0, 0
        c_different, c_recent, c_lines, c_squares = 0, 0, 0, 0
        # Backwards in time: the first sight of a code is its latest purchase.
        for i in range(last - 1, first - 1, -1):
            if void_day[i] <= as_of:
                continue
            lines += 1
            is_recent = i >= since
            if has_product:
                coded = product[i] >= 0
                count = max(products[product[i]] - mark, 0)
                new = coded & (count == 0)
                products[product[i]] = mark + count + 1
                p_different += new
                p_recent += new & is_recent
                p_lines += coded
                p_squares += (2 * count + 1) * coded
            if has_category:
                coded = category[i] >= 0
                count = max(categories[category[i]] - mark, 0)
                new = coded & (count == 0)
                categories[category[i]] = mark + count + 1
                g_different += new
                g_recent += new & is_recent
                g_lines += coded
                g_squares += (2 * count + 1) * coded
            if has_channel:
                coded = channel[i] >= 0
                count = max(channels[channel[i]] - mark, 0)
                new = coded & (count == 0)
                channels[channel[i]] = mark + count + 1
                c_different += new
                c_recent += new & is_recent
                c_lines += coded
                c_squares += (2 * count + 1) * coded
        mark += lines
        out[0, c] = p_different if has_product else np.nan
        out[1, c] = p_recent if has_product else np.nan
        out[2, c] = p_squares / (p_lines * p_lines) if p_lines > 0 else np.nan
        out[3, c] = g_different if has_category else np.nan
        out[4, c] = g_recent if has_category else np.nan
        out[5, c] = g_squares / (g_lines * g_lines) if g_lines > 0 else np.nan
        out[6, c] = c_different if has_channel else np.nan
        out[7, c] = c_recent if has_channel else np.nan
        out[8, c] = c_squares / (c_lines * c_lines) if c_lines > 0 else np.nan
        out[9, c] = lines / (hi - lo)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _baskets(
    offsets: I64,
    row: I64,
    line_offsets: I64,
    void_day: I32,
    amount: F64,
    quantity: F64,
    cost: F64,
    as_of: int,
    out: F64,
) -> None:
    for c in range(offsets.size - 1):
        lo, hi = offsets[c], offsets[c + 1]
        items, earned, sold = 0.0, 0.0, 0.0
        for j in range(hi - 1, lo - 1, -1):
            for i in range(line_offsets[row[j]], line_offsets[row[j] + 1]):
                if void_day[i] <= as_of:
                    continue
                if quantity.size and not np.isnan(quantity[i]):
                    items += quantity[i]
                if cost.size and amount.size and not np.isnan(cost[i]):
                    earned += amount[i] - cost[i]
                    sold += amount[i]
        out[0, c] = items / (hi - lo) if quantity.size else np.nan
        out[1, c] = earned / sold if sold > 0 else np.nan


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
    table = view.table(12)
    _breadth(
        view.offsets,
        view.row,
        view.day,
        lines.offsets,
        lines.void_day,
        product,
        category,
        channel,
        max((len(kind.names) for kind in kinds if kind is not None), default=0),
        view.as_of,
        RECENT,
        table[:10],
    )
    if lines.quantity is None and lines.cost is None:
        table[10:] = np.nan
        return table
    _baskets(
        view.offsets,
        view.row,
        lines.offsets,
        lines.void_day,
        none if lines.amount is None else lines.amount,
        none if lines.quantity is None else lines.quantity,
        none if lines.cost is None else lines.cost,
        view.as_of,
        table[10:],
    )
    return table
