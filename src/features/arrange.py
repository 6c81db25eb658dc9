"""Bring lines into the one order everything else relies on: customer, day, amount, product, order.

A counting sort by customer and a comparison sort within each customer's slice: linear in practice, because a customer
has few lines and logs arrive nearly in time order. The order is total up to lines that agree in every key, so the same
lines in any sequence give the same history.
"""

import numba
import numpy as np
from numpy.typing import NDArray

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]


@numba.njit(cache=True, nogil=True)
def _precedes(a: int, b: int, day: I32, value: I64, product: I32, order: I64, row: I64) -> bool:
    if day[a] != day[b]:
        return bool(day[a] < day[b])
    if value[a] != value[b]:
        return bool(value[a] < value[b])
    if product.size and product[a] != product[b]:
        return bool(product[a] < product[b])
    if order.size and order[a] != order[b]:
        return bool(order[a] < order[b])
    if row.size and row[a] != row[b]:
        return bool(row[a] < row[b])
    return a < b


@numba.njit(cache=True, nogil=True)
def _sift(perm: I64, lo: int, root: int, n: int, day: I32, value: I64, product: I32, order: I64, row: I64) -> None:
    while 2 * root + 1 < n:
        child = 2 * root + 1
        if child + 1 < n and _precedes(perm[lo + child], perm[lo + child + 1], day, value, product, order, row):
            child += 1
        if not _precedes(perm[lo + root], perm[lo + child], day, value, product, order, row):
            return
        perm[lo + root], perm[lo + child] = perm[lo + child], perm[lo + root]
        root = child


@numba.njit(cache=True, nogil=True)
def _sort_slice(perm: I64, lo: int, hi: int, day: I32, value: I64, product: I32, order: I64, row: I64) -> None:
    moves = 0
    for i in range(lo + 1, hi):
        item = perm[i]
        j = i - 1
        while j >= lo and _precedes(item, perm[j], day, value, product, order, row):
            perm[j + 1] = perm[j]
            j -= 1
        perm[j + 1] = item
        moves += i - 1 - j
        if moves > 32 * (hi - lo):  # far from sorted: heap sort keeps the worst case at n log n
            n = hi - lo
            for root in range(n // 2 - 1, -1, -1):
                _sift(perm, lo, root, n, day, value, product, order, row)
            for end in range(n - 1, 0, -1):
                perm[lo], perm[lo + end] = perm[lo + end], perm[lo]
                _sift(perm, lo, 0, end, day, value, product, order, row)
            return


@numba.njit(cache=True, nogil=True)
def _arrange(n: int, customer: I32, day: I32, value: I64, product: I32, order: I64, row: I64) -> tuple[I64, I64]:
    offsets = np.zeros(n + 1, np.int64)
    for i in range(customer.size):
        offsets[customer[i] + 1] += 1
    for c in range(n):
        offsets[c + 1] += offsets[c]
    fill = offsets[:-1].copy()
    perm = np.empty(customer.size, np.int64)
    for i in range(customer.size):
        c = customer[i]
        perm[fill[c]] = i
        fill[c] += 1
    for c in range(n):
        _sort_slice(perm, offsets[c], offsets[c + 1], day, value, product, order, row)
    return perm, offsets


def arrange(
    n: int,
    customer: I32,
    day: I32,
    value: I64,
    product: I32 | None = None,
    order: I64 | None = None,
    row: I64 | None = None,
) -> tuple[I64, I64]:
    """Permutation that sorts lines by (customer, day, value, product, order, row), and the customers' offsets.

    ``customer`` holds codes 0..n-1; ``row`` is a digest of the whole source row and settles what is left of ties.

    >>> customer = np.array([1, 0, 1], np.int32)
    >>> day = np.array([5, 9, 3], np.int32)
    >>> perm, offsets = arrange(2, customer, day, np.zeros(3, np.int64))
    >>> perm.tolist(), offsets.tolist()
    ([1, 2, 0], [0, 1, 3])
    """
    none32, none64 = np.empty(0, np.int32), np.empty(0, np.int64)
    perm, offsets = _arrange(
        n,
        customer,
        day,
        value,
        none32 if product is None else product,
        none64 if order is None else order,
        none64 if row is None else row,
    )
    return perm, offsets
