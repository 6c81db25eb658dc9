"""Trailing windows: what happened in the last days, and against the window before."""

import numba
import numpy as np
from numpy.typing import NDArray

from lifecycle.features.asof import AsOf
from lifecycle.features.registry import Feature, family

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

WINDOWS = (7, 14, 30, 60, 90, 180, 365)
"""Lengths in days; a window of ``w`` days is (as_of − w, as_of], the one before it (as_of − 2w, as_of − w]."""


EDGES = np.array(sorted({w * k for w in WINDOWS for k in (1, 2)}))
"""Ages at which a window or the one before it ends: events between two edges count in the same windows."""

TOGETHER = 256
"""Customers whose columns are worked out side by side, so that the processor takes several at a time."""

_BIN = np.searchsorted(EDGES, np.arange(EDGES[-1]), side="right").astype(np.int32)
_ENDS = np.searchsorted(EDGES, np.array(WINDOWS)).astype(np.int32)
_ENDS_BEFORE = np.searchsorted(EDGES, 2 * np.array(WINDOWS)).astype(np.int32)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _windows(offsets: I64, day: I32, amount: F64, as_of: int, bins: I32, ends: I32, ends_before: I32, out: F64) -> None:
    n, money = offsets.size - 1, amount.size > 0
    counts = np.empty((ends_before[-1] + 1, TOGETHER))
    sums = np.empty((ends_before[-1] + 1, TOGETHER))
    for begin in range(0, n, TOGETHER):
        size = min(TOGETHER, n - begin)
        counts[:] = 0.0
        sums[:] = 0.0
        for t in range(size):
            for j in range(offsets[begin + t + 1] - 1, offsets[begin + t] - 1, -1):
                age = as_of - day[j]
                if age >= bins.size:
                    break
                counts[bins[age], t] += 1.0
                if money:
                    sums[bins[age], t] += amount[j]
        for b in range(1, counts.shape[0]):
            for t in range(size):
                counts[b, t] += counts[b - 1, t]
                sums[b, t] += sums[b - 1, t]
        end = begin + size
        for w in range(ends.size):
            here, both, k = ends[w], ends_before[w], 5 * w
            _inside(counts[here], counts[both], 0.0, out[k, begin:end], out[k + 3, begin:end])
            if money:
                # Amounts are multiples of a millionth: what is smaller is left over from subtracting.
                _inside(sums[here], sums[both], 1e-7, out[k + 1, begin:end], out[k + 4, begin:end])
                _mean(sums[here], counts[here], out[k + 2, begin:end])
            else:
                for other in (k + 1, k + 2, k + 4):
                    out[other, begin:end] = np.nan


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _inside(inside: F64, up_to: F64, least: float, value: F64, ratio: F64) -> None:
    """What lies in a window, and its ratio to the window before; ``up_to`` holds both."""
    for t in range(value.size):
        value[t] = inside[t]
    for t in range(value.size):
        before = up_to[t] - inside[t]
        against = inside[t] / before
        ratio[t] = against if before > least else np.nan


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _mean(total: F64, number: F64, mean: F64) -> None:
    for t in range(mean.size):
        ratio = total[t] / number[t]
        mean[t] = ratio if number[t] > 0 else np.nan


@family(
    "windows",
    *(
        feature
        for w in WINDOWS
        for feature in (
            Feature(f"purchases_{w}d", "days", f"purchase days in the last {w} days"),
            Feature(f"spend_{w}d", "money", f"net amount of the last {w} days"),
            Feature(f"mean_amount_{w}d", "money", f"mean net amount of a purchase day in the last {w} days"),
            Feature(f"purchases_ratio_{w}d", "ratio", f"purchase days in the last {w} days over the {w} days before"),
            Feature(f"spend_ratio_{w}d", "ratio", f"net amount of the last {w} days over the {w} days before"),
        )
    ),
)
def windows(view: AsOf) -> F64:
    """Counts, sums, means and ratios to the window before."""
    table = view.table(5 * len(WINDOWS))
    _windows(view.offsets, view.day, view.amount, view.as_of, _BIN, _ENDS, _ENDS_BEFORE, table)
    return table
