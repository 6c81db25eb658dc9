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

from models.btyd.inputs import Floats, Histories

Codes = npt.NDArray[np.int32]


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
    return Rows(
        x=x,
        t=t,
        T=T,
        x_of=x_of,
        t_of=t_of,
        T_of=T_of,
        weight=weight,
        zeros=int(np.searchsorted(x_of, 0, "right")),
        x_weight=np.bincount(x_of, weight, x.size).astype(np.float64),
        T_weight=np.bincount(T_of, weight, T.size).astype(np.float64),
        T_purchases=np.bincount(T_of, weight * x[x_of], T.size).astype(np.float64),
    )


@numba.njit(cache=True, nogil=True)
def _whole(values: Floats) -> tuple[bool, float]:
    """Whether all values are whole numbers, and their maximum."""
    largest = 0.0
    whole = True
    for value in values:
        whole &= value == np.floor(value)
        largest = max(largest, value)
    return whole, largest


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
def _keys(x_of: Codes, t_of: Codes, T_of: Codes, n_T: int, n_t: int, keys: npt.NDArray[Any], zeros: Floats) -> int:
    """Fill ``keys`` with one number a repeater, ``zeros`` with the count of one-time buyers a T; how many keys."""
    count = 0
    for i in range(x_of.size):
        if x_of[i] == 0:
            zeros[T_of[i]] += 1.0
        else:
            keys[count] = (np.int64(x_of[i]) * n_T + np.int64(T_of[i])) * n_t + np.int64(t_of[i])
            count += 1
    return count


@numba.njit(cache=True, nogil=True)
def _starts_of_runs(keys: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    starts = np.empty(keys.size, np.int64)
    count = 0
    for i in range(keys.size):
        if i == 0 or keys[i] != keys[i - 1]:
            starts[count] = i
            count += 1
    return starts[:count].copy()


@numba.njit(cache=True, nogil=True)
def _decode(
    keys: npt.NDArray[Any],
    starts: npt.NDArray[np.int64],
    n_T: int,
    n_t: int,
    x_of: Codes,
    t_of: Codes,
    T_of: Codes,
    count: Floats,
) -> None:
    for row in range(starts.size):
        key = np.int64(keys[starts[row]])
        t_of[row] = key % n_t
        key //= n_t
        T_of[row] = key % n_T
        x_of[row] = key // n_T
        count[row] = (starts[row + 1] if row + 1 < starts.size else keys.size) - starts[row]


def _coded(values: Floats) -> tuple[Floats, Codes]:
    """Table and codes of ``values``: whole numbers of moderate size are their own codes."""
    whole, largest = _whole(values)
    if whole and largest <= 2 * values.size + 4096:
        return np.arange(largest + 1.0), values.astype(np.int32)
    table, codes = _distinct(values)
    return table, codes


def collapse(histories: Histories, weights: Floats | None = None) -> Rows:
    """Distinct rows of checked histories, sorted by (x, T, t_x), with summed weights (1 a customer where None).

    >>> from models.btyd.inputs import histories
    >>> rows = collapse(histories([2, 0, 2], [5, 0, 5], [9, 9, 9]))
    >>> rows.weight, rows.zeros
    (array([1., 2.]), 1)
    """
    x, x_of = _coded(histories.frequency)
    present = np.bincount(x_of, minlength=x.size) > 0
    present[0] = True
    if not present.all():
        x_of = (np.cumsum(present, dtype=np.int32) - 1)[x_of]
        x = x[present]
    t, t_of = _coded(histories.recency)
    T, T_of = _coded(histories.T)
    span = x.size * T.size * t.size
    if span >= 2**63:
        raise ValueError(
            f"{x.size} frequencies x {T.size} ages x {t.size} recencies are too many to number. "
            "Measure time on a coarser grain (days)."
        )
    kind = np.uint32 if span < 2**32 else np.uint64
    if weights is None:
        keys: npt.NDArray[Any] = np.empty(int(np.count_nonzero(x_of)), kind)
        zeros = np.zeros(T.size)
        _keys(x_of, t_of, T_of, T.size, t.size, keys, zeros)
        keys.sort()
        of_zeros = np.flatnonzero(zeros).astype(np.int32)
        starts = _starts_of_runs(keys)
        x_of, t_of, T_of = (np.zeros(of_zeros.size + starts.size, np.int32) for _ in range(3))
        weight = np.empty(x_of.size)
        head = of_zeros.size
        T_of[:head] = of_zeros
        weight[:head] = zeros[of_zeros]
        _decode(keys, starts, T.size, t.size, x_of[head:], t_of[head:], T_of[head:], weight[head:])
    else:
        numbers = (x_of.astype(np.int64) * T.size + T_of) * t.size + t_of
        order = np.lexsort((weights, numbers))
        keys = numbers[order]
        starts = _starts_of_runs(keys)
        weight = np.add.reduceat(weights[order], starts)
        x_of, t_of, T_of = (np.ascontiguousarray(codes[order[starts]]) for codes in (x_of, t_of, T_of))
    return _with_totals(x, t, T, x_of, t_of, T_of, weight)
