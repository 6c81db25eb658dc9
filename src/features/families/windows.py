"""Trailing windows: what happened in the last days, and against the window before."""

import numba
import numpy as np
from numpy.typing import NDArray

from features.asof import AsOf
from features.registry import Feature, family

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

WINDOWS = (7, 14, 30, 60, 90, 180, 365)
"""Lengths in days; a window of ``w`` days is (as_of − w, as_of], the one before it (as_of − 2w, as_of − w]."""


EDGES = np.array(sorted({w * k for w in WINDOWS for k in (1, 2)}))
"""Ages at which a window or the one before it ends: events between two edges count in the same windows."""

_BIN = np.searchsorted(EDGES, np.arange(EDGES[-1]), side="right").astype(np.int32)
_ENDS = np.searchsorted(EDGES, np.array(WINDOWS)).astype(np.int32)
_ENDS_BEFORE = np.searchsorted(EDGES, 2 * np.array(WINDOWS)).astype(np.int32)


@numba.njit(cache=True, nogil=True)
def _windows(offsets: I64, day: I32, amount: F64, as_of: int, bins: I32, ends: I32, ends_before: I32) -> F64:
    k, n = ends.size, offsets.size - 1
    money = amount.size > 0
    out = np.empty((5 * k, n))
    n_bins = ends_before[k - 1] + 1
    counts = np.empty(n_bins, np.int64)
    sums = np.empty(n_bins, np.float64)
    for c in range(n):
        counts[:] = 0
        sums[:] = 0.0
        for j in range(offsets[c + 1] - 1, offsets[c] - 1, -1):
            age = as_of - day[j]
            if age >= bins.size:
                break
            counts[bins[age]] += 1
            if money:
                sums[bins[age]] += amount[j]
        for b in range(1, n_bins):
            counts[b] += counts[b - 1]
            sums[b] += sums[b - 1]
        for w in range(k):
            number, spent = counts[ends[w]], sums[ends[w]]
            before, spent_before = counts[ends_before[w]] - number, sums[ends_before[w]] - spent
            out[5 * w, c] = number
            out[5 * w + 1, c] = spent if money else np.nan
            out[5 * w + 2, c] = spent / number if money and number > 0 else np.nan
            out[5 * w + 3, c] = number / before if before > 0 else np.nan
            # Amounts are multiples of a millionth: what is smaller is left over from subtracting.
            out[5 * w + 4, c] = spent / spent_before if spent_before > 1e-7 else np.nan
    return out


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
    table: F64 = _windows(view.offsets, view.day, view.amount, view.as_of, _BIN, _ENDS, _ENDS_BEFORE)
    return table
