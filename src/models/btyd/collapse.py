"""Equal histories become one row with a weight, and values become codes into short tables.

A likelihood needs logarithms of α + T and α + t_x and gamma functions of x: computed once a distinct value they cost
nothing, and what is left a row is one exponential. Rows are sorted by (x, T, t_x), so that neither the order of the
customers nor a split of equal ones moves a single bit of any sum.
"""

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from models.btyd.inputs import READ_ONLY, Floats, Histories

Codes = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False, slots=True)
class Rows:
    """Distinct histories with weights.

    ``x``, ``t``, ``T`` are tables of values (a table may hold values nobody has); row i is
    ``(x[ix[i]], t[it[i]], T[iT[i]])`` with ``weight[i]``; the first ``zeros`` rows are those with x = 0.
    ``x_weight`` is the weight of each x, ``T_weight`` and ``T_purchases`` the weight and the purchases of each T.
    """

    x: Floats
    t: Floats
    T: Floats
    ix: Codes
    it: Codes
    iT: Codes
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
    def mean_T(self) -> float:
        """Mean age of the customers; the natural unit of time of the data."""
        return float(self.T_weight @ self.T) / self.n

    @property
    def mean_x(self) -> float:
        """Mean number of repeat purchases."""
        return float(self.x_weight @ self.x) / self.n

    def every(self, stride: int) -> "Rows":
        """Each ``stride``-th row: a systematic sample over the sorted histories, zeros and repeaters alike."""
        ix, it, iT, weight = (np.ascontiguousarray(a[stride // 2 :: stride]) for a in (self.ix, self.it, self.iT, self.weight))
        return _with_totals(self.x, self.t, self.T, ix, it, iT, weight)


def _with_totals(x: Floats, t: Floats, T: Floats, ix: Codes, it: Codes, iT: Codes, weight: Floats) -> Rows:
    x_weight = np.bincount(ix, weight, x.size)
    T_weight = np.bincount(iT, weight, T.size)
    T_purchases = np.bincount(iT, weight * x[ix], T.size)
    return Rows(x, t, T, ix, it, iT, weight, int(np.searchsorted(ix, 0, "right")), x_weight, T_weight, T_purchases)


@numba.njit(numba.types.Tuple((numba.boolean, numba.float64))(READ_ONLY), cache=True, nogil=True)
def _whole(values: Floats) -> tuple[bool, float]:
    """Whether all values are whole numbers, and their maximum."""
    largest = 0.0
    whole = True
    for value in values:
        whole &= value == np.floor(value)
        largest = max(largest, value)
    return whole, largest


@numba.njit(numba.types.Tuple((numba.float64[::1], numba.int32[::1]))(READ_ONLY), cache=True, nogil=True)
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
def _keys(
    ix: Codes, it: Codes, iT: Codes, n_T: int, n_t: int, keys: npt.NDArray[np.unsignedinteger], zeros: Floats
) -> int:
    """Fill ``keys`` with one number a repeater, ``zeros`` with the count of one-time buyers a T; how many keys."""
    count = 0
    for i in range(ix.size):
        if ix[i] == 0:
            zeros[iT[i]] += 1.0
        else:
            keys[count] = (np.int64(ix[i]) * n_T + np.int64(iT[i])) * n_t + np.int64(it[i])
            count += 1
    return count


@numba.njit(cache=True, nogil=True)
def _starts_of_runs(keys: npt.NDArray[np.unsignedinteger]) -> npt.NDArray[np.int64]:
    starts = np.empty(keys.size, np.int64)
    count = 0
    for i in range(keys.size):
        if i == 0 or keys[i] != keys[i - 1]:
            starts[count] = i
            count += 1
    return starts[:count].copy()


@numba.njit(cache=True, nogil=True)
def _decode(
    keys: npt.NDArray[np.unsignedinteger],
    starts: npt.NDArray[np.int64],
    n_T: int,
    n_t: int,
    ix: Codes,
    it: Codes,
    iT: Codes,
    count: Floats,
) -> None:
    for row in range(starts.size):
        key = np.int64(keys[starts[row]])
        it[row] = key % n_t
        key //= n_t
        iT[row] = key % n_T
        ix[row] = key // n_T
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
    x, ix = _coded(histories.frequency)
    present = np.bincount(ix, minlength=x.size) > 0
    present[0] = True
    if not present.all():
        ix = (np.cumsum(present, dtype=np.int32) - 1)[ix]
        x = x[present]
    t, it = _coded(histories.recency)
    T, iT = _coded(histories.T)
    span = x.size * T.size * t.size
    if span >= 2**63:
        raise ValueError(
            f"{x.size} frequencies x {T.size} ages x {t.size} recencies are too many to number. "
            "Measure time on a coarser grain (days)."
        )
    kind = np.uint32 if span < 2**32 else np.uint64
    if weights is None:
        keys = np.empty(int(np.count_nonzero(ix)), kind)
        zeros = np.zeros(T.size)
        _keys(ix, it, iT, T.size, t.size, keys, zeros)
        keys.sort()
        of_zeros = np.flatnonzero(zeros).astype(np.int32)
        starts = _starts_of_runs(keys)
        ix, it, iT = (np.zeros(of_zeros.size + starts.size, np.int32) for _ in range(3))
        weight = np.empty(ix.size)
        head = of_zeros.size
        iT[:head] = of_zeros
        weight[:head] = zeros[of_zeros]
        _decode(keys, starts, T.size, t.size, ix[head:], it[head:], iT[head:], weight[head:])
    else:
        numbers = (ix.astype(kind) * kind(T.size) + iT.astype(kind)) * kind(t.size) + it.astype(kind)
        order = np.lexsort((weights, numbers))
        keys = numbers[order]
        starts = _starts_of_runs(keys)
        weight = np.add.reduceat(weights[order], starts)
        ix, it, iT = (np.ascontiguousarray(codes[order[starts]]) for codes in (ix, it, iT))
    return _with_totals(x, t, T, ix, it, iT, weight)
