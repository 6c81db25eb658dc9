"""Bring lines into the one order everything else relies on: customer, day, amount, product, order, the rest.

A counting sort by customer, first into groups of neighbours and then within each, and a comparison sort within each
customer's slice: linear in practice, because a customer has few lines and logs arrive nearly in time order. Lines that
agree in every key are put in the order of a digest of their whole source row, which is worked out for these few alone:
the same lines in any sequence give the same history.
"""

from collections.abc import Callable
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]


TOGETHER = 8_192
"""Customers in a group: the places of their rows lie near one another, so that the processor's cache holds them."""

GAPS = (1, 4, 10, 23, 57, 132, 301, 701, 1_577, 3_548, 7_983, 17_961, 40_412, 90_927, 204_585, 460_316, 1_035_711)
"""Gaps of Ciura, continued by 2.25."""


@numba.njit(cache=True, nogil=True)
def grown(values: I64) -> I64:
    """The same values with room for as many again."""
    out = np.empty(2 * values.size, np.int64)
    for i in range(values.size):
        out[i] = values[i]
    return out


@numba.njit(cache=True, nogil=True)
def _insert(day: I32, value: I64, row: I64, lo: int, hi: int, gap: int, budget: int, product: I32, order: I64) -> bool:
    """Insertion sort of a slice, every ``gap``-th line; gives up after ``budget`` moves."""
    for i in range(lo + gap, hi):
        d, v, r = day[i], value[i], row[i]
        j = i - gap
        while j >= lo:
            if day[j] != d:
                before = d < day[j]
            elif value[j] != v:
                before = v < value[j]
            elif product.size and product[row[j]] != product[r]:
                before = product[r] < product[row[j]]
            else:
                before = order.size > 0 and order[r] < order[row[j]]
            if not before:
                break
            day[j + gap], value[j + gap], row[j + gap] = day[j], value[j], row[j]
            j -= gap
            budget -= 1
        day[j + gap], value[j + gap], row[j + gap] = d, v, r
        if budget < 0:
            return False
    return True


@numba.njit(cache=True, nogil=True)
def _group(
    customer: I32, day: I32, value: I64, starts: I64, g_customer: I32, g_row: I64, g_day: I32, g_value: I64
) -> None:
    """Bring rows to their groups of neighbouring customers, in the sequence in which they come."""
    for i in range(customer.size):
        starts[customer[i] // TOGETHER + 1] += 1
    for g in range(starts.size - 1):
        starts[g + 1] += starts[g]
    fill = starts.copy()
    for i in range(customer.size):
        g = customer[i] // TOGETHER
        at = fill[g]
        g_customer[at], g_row[at], g_day[at], g_value[at] = customer[i], i, day[i], value[i]
        fill[g] = at + 1


@numba.njit(cache=True, nogil=True)
def _by_customer(
    starts: I64,
    g_customer: I32,
    g_row: I64,
    g_day: I32,
    g_value: I64,
    offsets: I64,
    row: I64,
    s_day: I32,
    s_value: I64,
) -> None:
    """Bring the rows of each group to their customers."""
    fill = np.empty(TOGETHER, np.int64)
    for g in range(starts.size - 1):
        first = g * TOGETHER
        n = min(TOGETHER, offsets.size - 1 - first)
        fill[:] = 0
        for i in range(starts[g], starts[g + 1]):
            fill[g_customer[i] - first] += 1
        at = starts[g]
        for c in range(n):
            size = fill[c]
            fill[c] = at
            at += size
            offsets[first + c + 1] = at
        for i in range(starts[g], starts[g + 1]):
            at = fill[g_customer[i] - first]
            row[at], s_day[at], s_value[at] = g_row[i], g_day[i], g_value[i]
            fill[g_customer[i] - first] = at + 1


@numba.njit(cache=True, nogil=True)
def _sort(
    offsets: I64, row: I64, s_day: I32, s_value: I64, product: I32, order: I64, gaps: I64
) -> tuple[I64, I64, int]:
    """Sort each customer's rows; places (with a number of the run) of rows that tie with a neighbour."""
    places = np.empty(1024, np.int64)
    runs = np.empty(1024, np.int64)
    ties, run = 0, 0
    for c in range(offsets.size - 1):
        lo, hi = offsets[c], offsets[c + 1]
        if not _insert(s_day, s_value, row, lo, hi, 1, 32 * int(hi - lo), product, order):
            for g in range(gaps.size - 1, -1, -1):
                if gaps[g] < hi - lo:
                    _insert(s_day, s_value, row, lo, hi, gaps[g], 1 << 62, product, order)
        tied = False
        for i in range(lo + 1, hi):
            a, b = row[i - 1], row[i]
            same = s_day[i] == s_day[i - 1] and s_value[i] == s_value[i - 1]
            same = same and (product.size == 0 or product[a] == product[b])
            same = same and (order.size == 0 or order[a] == order[b])
            if same:
                if ties + 2 > places.size:
                    places, runs = grown(places), grown(runs)
                if not tied:
                    run += 1
                    places[ties], runs[ties] = i - 1, run
                    ties += 1
                places[ties], runs[ties] = i, run
                ties += 1
            tied = same
    return places, runs, ties


class Arranged(NamedTuple):
    """Rows in order, customers' offsets, the rows' days and values, and which equal the row before in every column."""

    rows: I64
    offsets: I64
    day: I32
    value: I64
    equal: NDArray[np.bool_]


def arrange(
    n: int,
    customer: I32,
    day: I32,
    value: I64,
    product: I32 | None,
    order: I64 | None,
    digest: Callable[[I64], I64],
) -> Arranged:
    """Sort rows by (customer, day, value, product, order, digest).

    ``customer`` holds codes 0..n-1. ``digest`` gives a number for each of some rows that is equal where the whole
    source rows are; it is asked only for rows that agree in all the keys.

    >>> customer = np.array([1, 0, 1, 1], np.int32)
    >>> day = np.array([5, 9, 3, 5], np.int32)
    >>> value, same = np.zeros(4, np.int64), lambda rows: np.zeros(rows.size, np.int64)
    >>> done = arrange(2, customer, day, value, None, None, same)
    >>> done.rows.tolist(), done.offsets.tolist(), done.equal.tolist()
    ([1, 2, 0, 3], [0, 1, 4], [False, False, False, True])
    """
    size = customer.size
    starts, offsets = np.zeros(-(-n // TOGETHER) + 1, np.int64), np.zeros(n + 1, np.int64)
    # Memory that NumPy asks for comes in large pages; what compiled code asks for itself does not.
    grouped = np.empty(size, np.int32), np.empty(size, np.int64), np.empty(size, np.int32), np.empty(size, np.int64)
    rows, sorted_day, sorted_value = np.empty(size, np.int64), np.empty(size, np.int32), np.empty(size, np.int64)
    _group(customer, day, value, starts, *grouped)
    _by_customer(starts, *grouped, offsets, rows, sorted_day, sorted_value)
    del grouped
    places, runs, ties = _sort(
        offsets,
        rows,
        sorted_day,
        sorted_value,
        np.empty(0, np.int32) if product is None else product,
        np.empty(0, np.int64) if order is None else order,
        np.array(GAPS),
    )
    places, runs = places[:ties], runs[:ties]
    equal = np.zeros(rows.size, np.bool_)
    if places.size:
        tied = rows[places]
        code = digest(tied)
        sequence = np.lexsort((code, runs))
        rows[places] = tied[sequence]
        code = code[sequence]
        equal[places[1:]] = (runs[1:] == runs[:-1]) & (code[1:] == code[:-1])
    return Arranged(rows, offsets, sorted_day, sorted_value, equal)
