"""Equal histories become one row with a weight, and values become codes into short tables.

A likelihood needs logarithms of α + T and α + t_x and gamma functions of x: computed once a distinct value they cost
nothing, and what is left a row is one exponential. Rows are sorted by (x, T, t_x), so that neither the order of the
customers nor a split of equal ones moves a single bit of any sum.
"""

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from lifecycle.models.btyd.inputs import CHUNK, Floats, Histories, checked_weights, histories
from lifecycle.models.btyd.threads import in_chunks

Codes = npt.NDArray[np.int32]
_DENSE = 4096.0
"""Frequencies up to here get a table of all whole numbers, larger ones a table of those that occur."""


@dataclass(frozen=True, eq=False, slots=True)
class Rows:
    """Distinct histories with weights.

    ``x``, ``t``, ``T`` are tables of values (a table may hold values nobody has); row i is
    ``(x[x_of[i]], t[t_of[i]], T[T_of[i]])`` with ``weight[i]``; the first ``zeros`` rows are those with x = 0.
    ``x_weight`` is the weight of each x, ``T_weight`` and ``T_purchases`` the weight and the purchases of each T.
    """

    x: Floats
    t: Floats
    T: Floats
    x_of: Codes
    t_of: Codes
    T_of: Codes
    weight: Floats
    zeros: int
    x_weight: Floats
    T_weight: Floats
    T_purchases: Floats

    @property
    def n(self) -> float:
        """Customers, or the sum of their weights."""
        return float(self.T_weight.sum())

    @property
    def mean_age(self) -> float:
        """Mean age of the customers; the natural unit of time of the data."""
        return float(self.T_weight @ self.T) / self.n

    @property
    def mean_x(self) -> float:
        """Mean number of repeat purchases."""
        return float(self.x_weight @ self.x) / self.n

    def every(self, stride: int) -> "Rows":
        """Each ``stride``-th row: a systematic sample over the sorted histories, zeros and repeaters alike."""
        picked = slice(stride // 2, None, stride)
        x_of, t_of, T_of = (np.ascontiguousarray(codes[picked]) for codes in (self.x_of, self.t_of, self.T_of))
        weight = np.ascontiguousarray(self.weight[picked])
        return _with_totals(self.x, self.t, self.T, x_of, t_of, T_of, weight)


def _with_totals(x: Floats, t: Floats, T: Floats, x_of: Codes, t_of: Codes, T_of: Codes, weight: Floats) -> Rows:
    x_weight, T_weight, T_purchases = _totals(x, T.size, x_of, T_of, weight)
    zeros = int(np.searchsorted(x_of, 0, "right"))
    return Rows(x, t, T, x_of, t_of, T_of, weight, zeros, x_weight, T_weight, T_purchases)


@numba.njit(cache=True, nogil=True)
def _totals(x: Floats, n_T: int, x_of: Codes, T_of: Codes, weight: Floats) -> tuple[Floats, Floats, Floats]:
    """Weight of each x, weight and purchases of each T."""
    x_weight, T_weight, T_purchases = np.zeros(x.size), np.zeros(n_T), np.zeros(n_T)
    for i in range(weight.size):
        x_weight[x_of[i]] += weight[i]
        T_weight[T_of[i]] += weight[i]
        T_purchases[T_of[i]] += weight[i] * x[x_of[i]]
    return x_weight, T_weight, T_purchases


@numba.njit(cache=True, nogil=True)
def _distinct(values: Floats) -> tuple[Floats, Codes]:
    """Sorted distinct values and the code of each value, through a hash table with open addresses."""
    size = 1024
    while size < 2 * values.size:
        size *= 2
    slots = np.full(size, -1, np.int32)
    found = np.empty(values.size, np.float64)
    codes = np.empty(values.size, np.int32)
    bits = values.view(np.uint64)
    shift = np.uint64(33)
    count = 0
    for i in range(values.size):
        key = bits[i] * np.uint64(0x9E3779B97F4A7C15)
        slot = np.int64((key ^ (key >> shift)) & np.uint64(size - 1))
        while slots[slot] >= 0 and found[slots[slot]] != values[i]:
            slot = (slot + 1) & (size - 1)
        if slots[slot] < 0:
            slots[slot] = count
            found[count] = values[i]
            count += 1
        codes[i] = slots[slot]
    order = np.argsort(found[:count])
    rank = np.empty(count, np.int32)
    for position in range(count):
        rank[order[position]] = position
    for i in range(codes.size):
        codes[i] = rank[codes[i]]
    return found[:count][order], codes


@numba.njit(cache=True, nogil=True)
def _keys_of(
    x: Any, t: Any, T: Any, n_T: int, n_t: int, keys: npt.NDArray[Any], zeros: Floats, start: int, stop: int
) -> int:
    """Number the repeaters of a chunk into the head of ``keys``, count its one-time buyers a T; how many repeaters."""
    count = 0
    for i in range(start, stop):
        age = np.int64(T[i])
        again = x[i] > 0
        keys[count] = (np.int64(x[i]) * n_T + age) * n_t + np.int64(t[i])
        zeros[age] += 1 - again
        count += again
    return count


@numba.njit(cache=True, nogil=True)
def _sorted(keys: npt.NDArray[Any], spare: npt.NDArray[Any], span: int) -> npt.NDArray[Any]:
    """Radix sort of numbers below ``span``, eleven bits a pass, in ``keys`` or ``spare``."""
    counts = np.empty(2048, np.int64)
    shift = 0
    while (span - 1) >> shift > 0:
        counts[:] = 0
        for key in keys:
            counts[(np.int64(key) >> shift) & 2047] += 1
        below = 0
        for digit in range(counts.size):
            here = counts[digit]
            counts[digit] = below
            below += here
        for key in keys:
            place = (np.int64(key) >> shift) & 2047
            spare[counts[place]] = key
            counts[place] += 1
        keys, spare = spare, keys
        shift += 11
    return keys


@numba.njit(cache=True, nogil=True)
def _runs(keys: npt.NDArray[Any], zeros: Floats, n_T: int, n_t: int) -> tuple[Codes, Codes, Codes, Floats]:
    """Codes (x, t, T) and weights of the one-time buyers a T and of the runs in sorted ``keys``."""
    rows = 0
    for T in range(n_T):
        rows += zeros[T] > 0.0
    for i in range(keys.size):
        rows += i == 0 or keys[i] != keys[i - 1]
    x_of, t_of, T_of = np.zeros(rows, np.int32), np.zeros(rows, np.int32), np.zeros(rows, np.int32)
    weight = np.zeros(rows)
    row = 0
    for T in range(n_T):
        if zeros[T] > 0.0:
            T_of[row] = T
            weight[row] = zeros[T]
            row += 1
    for i in range(keys.size):
        if i == 0 or keys[i] != keys[i - 1]:
            key = np.int64(keys[i])
            rest = key // n_t
            t_of[row] = key - rest * n_t
            x = rest // n_T
            T_of[row] = rest - x * n_T
            x_of[row] = x
            row += 1
        weight[row - 1] += 1.0
    return x_of, t_of, T_of, weight


def _coded(values: Floats, largest: float, whole: bool) -> tuple[Floats, Any]:
    """Table and codes of ``values``: whole numbers of moderate size are their own codes."""
    if whole and largest <= 2 * values.size + 4096:
        return np.arange(largest + 1.0), values
    table, codes = _distinct(values)
    return table, codes


def collapse(at: Histories, weights: Floats | None = None) -> Rows:
    """Distinct rows of checked histories, sorted by (x, T, t_x), with summed weights (1 a customer where None).

    >>> rows = collapse(histories([2, 0, 2], [5, 0, 5], [9, 9, 9]))
    >>> rows.weight, rows.zeros
    (array([1., 2.]), 1)
    """
    n = at.T.size
    if n == 0:
        raise ValueError("there are no customers to learn from: frequency, recency and T are empty.")
    x_max, t_max, T_max = at.largest
    x, of_x = _coded(at.frequency, x_max, x_max <= _DENSE)
    if x[0] > 0.0:
        x, of_x = np.concatenate(([0.0], x)), of_x + np.int32(1)
    t, of_t = _coded(at.recency, t_max, at.whole)
    T, of_T = _coded(at.T, T_max, at.whole)
    span = x.size * T.size * t.size
    if span >= 2**63:
        raise ValueError(
            f"{x.size} frequencies x {T.size} ages x {t.size} recencies are too many to number. "
            "Measure time on a coarser grain (days)."
        )
    if weights is not None:
        return _weighted(x, t, T, of_x, of_t, of_T, weights)
    kind = np.uint32 if span < 2**32 else np.uint64
    keys: npt.NDArray[Any] = np.empty(at.repeaters, kind)

    def number(start: int, stop: int) -> tuple[npt.NDArray[Any], Floats]:
        part: npt.NDArray[Any] = np.empty(stop - start + 1, kind)
        one_time = np.zeros(T.size)
        count = _keys_of(of_x, of_t, of_T, T.size, t.size, part, one_time, start, stop)
        return part[:count], one_time

    zeros = np.zeros(T.size)
    filled = 0
    for part, one_time in in_chunks(number, n, size=CHUNK):
        keys[filled : filled + part.size] = part
        filled += part.size
        zeros += one_time
    keys = _sorted(keys, np.empty_like(keys), span)
    return _with_totals(x, t, T, *_runs(keys, zeros, T.size, t.size))


def _weighted(x: Floats, t: Floats, T: Floats, of_x: Any, of_t: Any, of_T: Any, weights: Floats) -> Rows:
    """The same where customers have weights, which are summed in the order of their size."""
    numbers = (of_x.astype(np.int64) * T.size + of_T.astype(np.int64)) * t.size + of_t.astype(np.int64)
    order = np.lexsort((weights, numbers))
    starts = np.flatnonzero(np.diff(numbers[order], prepend=-1))
    rest, t_of = np.divmod(numbers[order[starts]], t.size)
    x_of, T_of = np.divmod(rest, T.size)
    weight = np.add.reduceat(weights[order], starts)
    return _with_totals(x, t, T, x_of.astype(np.int32), t_of.astype(np.int32), T_of.astype(np.int32), weight)


def learnable(
    frequency: npt.ArrayLike, recency: npt.ArrayLike, T: npt.ArrayLike, weights: npt.ArrayLike | None
) -> Rows:
    """Collapsed rows of histories to fit a model to; ``ValueError`` where there is nothing to learn from."""
    at = histories(frequency, recency, T)
    rows = collapse(at, checked_weights(weights, at.T.size))
    if not rows.mean_age > 0.0:
        raise ValueError("every customer has T = 0, so there is no time to learn from. Fit at a later as_of.")
    return rows
