"""Breadth: how many different products, categories and channels, and how concentrated the lines are on few of them."""

import numba
import numpy as np
from numpy.typing import NDArray

from lifecycle.features.asof import AsOf
from lifecycle.features.registry import Feature, family

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
    # Place 0 is for lines without a code.
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
        p_different, p_recent, p_pairs = 0, 0, 0
        g_different, g_recent, g_pairs = 0, 0, 0
        c_different, c_recent, c_pairs = 0, 0, 0
        # Backwards in time: the first sight of a code is its latest purchase.
        for i in range(last - 1, first - 1, -1):
            if void_day[i] <= as_of:
                continue
            lines += 1
            is_recent = i >= since
            if has_product:
                at = np.uint32(product[i] + 1)
                count = max(products[at] - mark, 0)
                products[at] = mark + count + 1
                p_different += count == 0
                p_recent += (count == 0) & is_recent
                p_pairs += count
            if has_category:
                at = np.uint32(category[i] + 1)
                count = max(categories[at] - mark, 0)
                categories[at] = mark + count + 1
                g_different += count == 0
                g_recent += (count == 0) & is_recent
                g_pairs += count
            if has_channel:
                at = np.uint32(channel[i] + 1)
                count = max(channels[at] - mark, 0)
                channels[at] = mark + count + 1
                c_different += count == 0
                c_recent += (count == 0) & is_recent
                c_pairs += count
        if has_product:
            without = max(products[0] - mark, 0)
            if without:
                p_recent -= _without_code(product, void_day, since, last, as_of)
            _summed(p_different, p_recent, p_pairs, lines, without, out, 0, c)
        if has_category:
            without = max(categories[0] - mark, 0)
            if without:
                g_recent -= _without_code(category, void_day, since, last, as_of)
            _summed(g_different, g_recent, g_pairs, lines, without, out, 3, c)
        if has_channel:
            without = max(channels[0] - mark, 0)
            if without:
                c_recent -= _without_code(channel, void_day, since, last, as_of)
            _summed(c_different, c_recent, c_pairs, lines, without, out, 6, c)
        mark += lines
        out[9, c] = lines / (hi - lo)
    for has, k in ((has_product, 0), (has_category, 3), (has_channel, 6)):
        if not has:
            out[k : k + 3] = np.nan


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _without_code(code: I32, void_day: I32, first: int, last: int, as_of: int) -> bool:
    """Whether some of the lines that were not returned has no code."""
    found = False
    for i in range(first, last):
        found |= void_day[i] > as_of and code[i] < 0
    return found


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _summed(different: int, recent: int, pairs: int, lines: int, without: int, out: F64, k: int, c: int) -> None:
    """Distinct codes, recent ones and the Herfindahl index; lines without a code were counted as if they had one."""
    coded = lines - without
    squares = coded + 2 * pairs - without * (without - 1)
    out[k, c] = different - (without > 0)
    out[k + 1, c] = recent
    out[k + 2, c] = squares / (coded * coded) if coded > 0 else np.nan


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
