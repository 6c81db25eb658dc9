"""Compute once what equal histories share, where a computation is dear."""

from collections.abc import Callable

import numba
import numpy as np
import numpy.typing as npt

from lifecycle.models.btyd.inputs import Floats, Histories

Indices = npt.NDArray[np.int64]


@numba.njit(cache=True, nogil=True)
def _order(keys: Indices, span: int) -> npt.NDArray[np.int32]:
    """Order that sorts numbers below ``span``: a radix sort of positions, eleven bits a pass."""
    order = np.arange(keys.size).astype(np.int32)
    spare = np.empty_like(order)
    counts = np.empty(2048, np.int64)
    shift = 0
    while (span - 1) >> shift > 0:
        counts[:] = 0
        for key in keys:
            counts[(key >> shift) & 2047] += 1
        below = 0
        for digit in range(counts.size):
            here = counts[digit]
            counts[digit] = below
            below += here
        for position in order:
            place = (keys[position] >> shift) & 2047
            spare[counts[place]] = position
            counts[place] += 1
        order, spare = spare, order
        shift += 11
    return order


@numba.njit(cache=True, nogil=True)
def _first_of_each(keys: Indices, order: npt.NDArray[np.int32]) -> tuple[Indices, npt.NDArray[np.int32]]:
    """A customer of each distinct key, and for each customer which."""
    firsts = np.empty(keys.size, np.int64)
    codes = np.empty(keys.size, np.int32)
    count = 0
    for i in range(order.size):
        if i == 0 or keys[order[i]] != keys[order[i - 1]]:
            firsts[count] = order[i]
            count += 1
        codes[order[i]] = count - 1
    return firsts[:count].copy(), codes


def once_each(at: Histories, evaluate: Callable[[Floats, Floats, Floats], Floats]) -> Floats:
    """``evaluate(frequency, recency, T)`` of the distinct histories, spread back over all.

    Where times are not whole numbers nearly all histories differ, and each is computed.

    >>> from lifecycle.models.btyd.inputs import histories
    >>> once_each(histories([1, 1, 0], [2, 2, 0], [3, 3, 3]), lambda x, t_x, T: x + t_x + T)
    array([6., 6., 3.])
    """
    x_max, t_max, T_max = at.largest
    span = int((x_max + 1) * (T_max + 1) * (t_max + 1)) if at.whole else 1 << 62
    if span >= 1 << 44:
        return evaluate(at.frequency, at.recency, at.T)
    keys = ((at.frequency * (T_max + 1) + at.T) * (t_max + 1) + at.recency).astype(np.int64)
    firsts, codes = _first_of_each(keys, _order(keys, span))
    return evaluate(at.frequency[firsts], at.recency[firsts], at.T[firsts])[codes]
