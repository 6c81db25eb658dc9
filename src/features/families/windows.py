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


@numba.njit(cache=True, nogil=True)
def _windows(offsets: I64, day: I32, amount: F64, as_of: int, lengths: I64) -> F64:
    k, n = lengths.size, offsets.size - 1
    money = amount.size > 0
    out = np.empty((5 * k, n))
    counts = np.empty(2 * k, np.int64)
    sums = np.empty(2 * k, np.float64)
    longest = 2 * lengths[k - 1]
    for c in range(n):
        counts[:] = 0
        sums[:] = 0.0
        for j in range(offsets[c + 1] - 1, offsets[c] - 1, -1):
            age = as_of - day[j]
            if age >= longest:
                break
            for w in range(k - 1, -1, -1):
                if age >= 2 * lengths[w]:
                    break
                at = w if age < lengths[w] else k + w
                counts[at] += 1
                if money:
                    sums[at] += amount[j]
        for w in range(k):
            before, spent_before = counts[k + w], sums[k + w]
            out[5 * w, c] = counts[w]
            out[5 * w + 1, c] = sums[w] if money else np.nan
            out[5 * w + 2, c] = sums[w] / counts[w] if money and counts[w] > 0 else np.nan
            out[5 * w + 3, c] = counts[w] / before if before > 0 else np.nan
            out[5 * w + 4, c] = sums[w] / spent_before if spent_before > 0 else np.nan
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
    table: F64 = _windows(view.offsets, view.day, view.amount, view.as_of, np.array(WINDOWS))
    return table
