"""Net returns against the purchases they undo, and collapse lines into purchase days.

A return is processed on its own day and may undo purchase lines of that day or earlier. It looks for them in this
sequence, each time the latest line first (then the largest amount, then the last product):

1. lines of the same order and product, 2. of the same order, 3. of the same product, 4. any line.

A line whose amount is used up is returned in full on that day (``void_day``); a line of amount 0 never is. What finds
nothing to undo stays unmatched. Since a return sees only lines up to its own day, netting up to a date never depends
on anything later.
"""

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from lifecycle.features.records.arrange import grown
from lifecycle.features.window import NEVER

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

NO_CODE = -1
"""Code of a product or order that the source leaves empty."""


class Netted(NamedTuple):
    """Result of :func:`net`: what each purchase line lost and which lines each return undid."""

    void_day: I32
    """Per purchase line: the day on which the last of its amount was returned, NEVER if some is left."""
    matched: I64
    """Per return line: the part of its amount that found purchases to undo."""
    link_return: I64
    """Per link: row of the return line."""
    link_line: I64
    """Per link: row of the purchase line."""
    link_value: I64
    """Per link: amount undone."""


@numba.njit(cache=True, nogil=True)
def _mix(a: int, b: int) -> int:
    x = np.uint64(a) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(b)
    x ^= x >> np.uint64(31)
    x *= np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(29)
    return int(np.int64(x))


@numba.njit(cache=True, nogil=True)
def _slot(keys: I64, tiers: I64, mask: int, tier: int, key: int) -> int:
    """Place of (tier, key) in the open table; the first free place if it is not there."""
    at = _mix(key, tier) & mask
    while tiers[at] >= 0 and not (tiers[at] == tier and keys[at] == key):
        at = (at + 1) & mask
    return at


@numba.njit(cache=True, nogil=True)
def _net(
    offsets: I64,
    day: I32,
    value: I64,
    product: I32,
    order: I64,
    r_offsets: I64,
    r_day: I32,
    r_value: I64,
    r_product: I32,
    r_order: I64,
) -> tuple[I32, I64, I64, I64, I64, int]:
    n = offsets.size - 1
    void_day = np.full(day.size, NEVER, np.int32)
    matched = np.zeros(r_day.size, np.int64)
    link_return = np.empty(2 * r_day.size + 16, np.int64)
    link_line = np.empty(2 * r_day.size + 16, np.int64)
    link_value = np.empty(2 * r_day.size + 16, np.int64)
    n_links = 0
    keys = np.empty(16, np.int64)
    tiers = np.empty(16, np.int64)
    heads = np.empty(16, np.int64)
    left = np.empty(16, np.int64)
    below = np.empty(64, np.int64)
    wanted = np.empty(4, np.int64)
    for c in range(n):
        if r_offsets[c] == r_offsets[c + 1] or offsets[c] == offsets[c + 1]:
            continue
        lo, hi = offsets[c], offsets[c + 1]
        size = 16
        while size < 8 * (hi - lo):
            size *= 2
        if keys.size < size:
            keys = np.empty(size, np.int64)
            tiers = np.empty(size, np.int64)
            heads = np.empty(size, np.int64)
            left = np.empty(size, np.int64)
            below = np.empty(4 * size, np.int64)
        mask = size - 1
        for i in range(size):
            tiers[i] = -1
        for i in range(lo, hi):
            left[i - lo] = value[i]
        at_line = lo
        for r in range(r_offsets[c], r_offsets[c + 1]):
            # Purchases join their stacks in time order, so that the top of a stack is the latest line known that day.
            while at_line < hi and day[at_line] <= r_day[r]:
                i = at_line - lo
                has_order = order.size > 0 and order[at_line] != NO_CODE
                has_product = product.size > 0 and product[at_line] != NO_CODE
                for tier in range(4):
                    if (tier < 2 and not has_order) or ((tier == 0 or tier == 2) and not has_product):
                        continue
                    key = 0
                    if tier == 0:
                        key = _mix(order[at_line], product[at_line])
                    elif tier == 1:
                        key = order[at_line]
                    elif tier == 2:
                        key = product[at_line]
                    at = _slot(keys, tiers, mask, tier, key)
                    below[4 * i + tier] = heads[at] if tiers[at] == tier else -1
                    keys[at] = key
                    tiers[at] = tier
                    heads[at] = i
                at_line += 1
            has_order = order.size > 0 and r_order[r] != NO_CODE
            has_product = product.size > 0 and r_product[r] != NO_CODE
            wanted[0] = _mix(r_order[r], r_product[r]) if has_order and has_product else 0
            wanted[1] = r_order[r] if has_order else 0
            wanted[2] = r_product[r] if has_product else 0
            wanted[3] = 0
            open_value = r_value[r]
            for tier in range(4):
                if (tier < 2 and not has_order) or ((tier == 0 or tier == 2) and not has_product):
                    continue
                at = _slot(keys, tiers, mask, tier, wanted[tier])
                if tiers[at] != tier:
                    continue
                top = heads[at]
                while open_value > 0 and top >= 0:
                    take = left[top] if left[top] < open_value else open_value
                    if take > 0:
                        left[top] -= take
                        open_value -= take
                        if left[top] == 0:
                            void_day[lo + top] = r_day[r]
                        if n_links == link_return.size:
                            link_return = grown(link_return)
                            link_line = grown(link_line)
                            link_value = grown(link_value)
                        link_return[n_links] = r
                        link_line[n_links] = lo + top
                        link_value[n_links] = take
                        n_links += 1
                    if left[top] == 0:
                        top = below[4 * top + tier]
                heads[at] = top
                if open_value == 0:
                    break
            matched[r] = r_value[r] - open_value
    return void_day, matched, link_return, link_line, link_value, n_links


def net(
    offsets: I64,
    day: I32,
    value: I64,
    product: I32 | None,
    order: I64 | None,
    r_offsets: I64,
    r_day: I32,
    r_value: I64,
    r_product: I32 | None,
    r_order: I64 | None,
) -> Netted:
    """Link every return line to the purchase lines it undoes.

    Purchase lines and return lines (prefix ``r_``) are sorted by customer and day and cut by offsets; values are
    non-negative fixed-point amounts. Products and orders are codes, ``NO_CODE`` where empty, None where the log has
    no such column.

    >>> offsets = np.array([0, 2]); r_offsets = np.array([0, 1])
    >>> day = np.array([1, 4], np.int32); r_day = np.array([6], np.int32)
    >>> netted = net(offsets, day, np.array([10, 7]), None, None, r_offsets, r_day, np.array([9]), None, None)
    >>> netted.void_day.tolist() == [NEVER, 6], netted.link_line.tolist(), netted.link_value.tolist()
    (True, [1, 0], [7, 2])
    """
    none32, none64 = np.empty(0, np.int32), np.empty(0, np.int64)
    void_day, matched, link_return, link_line, link_value, n_links = _net(
        offsets,
        day,
        value,
        none32 if product is None else product,
        none64 if order is None else order,
        r_offsets,
        r_day,
        r_value,
        none32 if r_product is None else r_product,
        none64 if r_order is None else r_order,
    )
    return Netted(void_day, matched, link_return[:n_links], link_line[:n_links], link_value[:n_links])


class Days(NamedTuple):
    """Purchase days: lines of one customer and day in one row."""

    offsets: I64
    day: I32
    value: I64
    lines: I32
    void_day: I32


def collapse(offsets: I64, day: I32, value: I64, void_day: I32) -> Days:
    """Collapse purchase lines, sorted by customer and day, into days."""
    d_offsets = np.zeros(offsets.size, np.int64)
    _count_days(offsets, day, d_offsets)
    m = int(d_offsets[-1])
    days = Days(d_offsets, np.empty(m, np.int32), np.zeros(m, np.int64), np.zeros(m, np.int32), np.empty(m, np.int32))
    _collapse(offsets, day, value, void_day, days.day, days.value, days.lines, days.void_day)
    return days


@numba.njit(cache=True, nogil=True)
def _count_days(offsets: I64, day: I32, d_offsets: I64) -> None:
    m = 0
    for c in range(offsets.size - 1):
        for i in range(offsets[c], offsets[c + 1]):
            m += i == offsets[c] or day[i] != day[i - 1]
        d_offsets[c + 1] = m


@numba.njit(cache=True, nogil=True)
def _collapse(
    offsets: I64, day: I32, value: I64, void_day: I32, d_day: I32, d_value: I64, d_lines: I32, d_void: I32
) -> None:
    row = -1
    for c in range(offsets.size - 1):
        for i in range(offsets[c], offsets[c + 1]):
            if i == offsets[c] or day[i] != day[i - 1]:
                row += 1
                d_day[row] = day[i]
                d_void[row] = void_day[i]
            d_value[row] += value[i]
            d_lines[row] += 1
            d_void[row] = max(d_void[row], void_day[i])
