"""Rhythm: how regular the gaps between purchase days are, and how unusual the present silence is."""

import numba
import numpy as np
from numpy.typing import NDArray

from lifecycle.features.asof import AsOf
from lifecycle.features.registry import Feature, family

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _rhythm(offsets: I64, day: I32, as_of: int, out: F64) -> None:
    for c in range(offsets.size - 1):
        lo, hi = offsets[c], offsets[c + 1]
        gaps = hi - lo - 1
        if gaps == 0:
            for k in range(7):
                out[k, c] = np.nan
            continue
        silence = as_of - day[hi - 1]
        mean = (day[hi - 1] - day[lo]) / gaps
        longest, shorter, squares = 0, 0, 0.0
        for j in range(lo + 1, hi):
            gap = day[j] - day[j - 1]
            longest = max(longest, gap)
            shorter += gap <= silence
            squares += (gap - mean) ** 2
        out[0, c] = mean
        out[2, c] = day[hi - 1] - day[hi - 2]
        out[3, c] = longest
        out[4, c] = silence / mean
        out[5, c] = shorter / gaps
        spread = np.sqrt(squares / (gaps - 1)) if gaps > 1 else np.nan
        out[1, c] = spread
        out[6, c] = 1.0 / (1.0 + (spread / mean) ** 2)


@family(
    "rhythm",
    Feature("gap_mean", "days", "mean gap between purchase days"),
    Feature("gap_std", "days", "standard deviation of the gaps (needs two gaps)"),
    Feature("gap_last", "days", "gap before the last purchase day"),
    Feature("gap_longest", "days", "longest gap between purchase days"),
    Feature("overdue_ratio", "ratio", "days since the last purchase over the mean gap"),
    Feature("silence_rank", "share", "share of the own gaps that are no longer than the present silence"),
    Feature(
        "regularity", "0 to 1", "1 / (1 + (std / mean)²) of the gaps: .5 for purchases at random, near 1 for clockwork"
    ),
)
def rhythm(view: AsOf) -> F64:
    """Gaps between purchase days against the present silence."""
    table = view.table(7)
    _rhythm(view.offsets, view.day, view.as_of, table)
    return table
