"""The horizon that suits a base, chosen from its log."""

import datetime as dt
from dataclasses import dataclass

import numpy as np

from lifecycle.features.asof import AsOf
from lifecycle.features.history import History

HORIZONS = (30, 60, 90, 180, 365)
LEAST_PAST = 28
"""Days that must lie before two horizons, one to learn from and one to judge by."""


@dataclass(frozen=True, slots=True)
class HorizonChoice:
    """A horizon chosen from the log, the reason in words, and for how many customers silence within it is normal."""

    days: int
    reason: str
    n_silence_is_normal: int


def default_horizon(history: History, as_of: dt.date | int | str) -> HorizonChoice:
    """Horizon that suits the base's rhythm: the smallest of 30 … 365 days of at least twice the median own gap.

    The median is over repeat customers who are not overdue (silent for no longer than twice their mean gap). The
    horizon is capped at a quarter of the log, so that training has windows to learn from, and in logs of less than
    eight weeks at what leaves four weeks before two horizons.
    """
    view = AsOf.of(history, as_of)
    last, first = view.day[view.offsets[1:] - 1], view.day[view.offsets[:-1]]
    repeats = np.diff(view.offsets) - 1
    repeater = repeats > 0
    gap = (last - first)[repeater] / repeats[repeater]
    silence = view.as_of - last[repeater]
    active = silence <= 2 * gap
    span = view.as_of - history.first_day
    quarter = (span + 1) // 4
    allowed = [h for h in HORIZONS if h <= quarter] or [max(min(quarter, (span - LEAST_PAST) // 2), 1)]
    if not active.any():
        return HorizonChoice(
            allowed[-1], f"no repeat customer is on time: the longest horizon that a log of {span + 1} days allows", 0
        )
    median = float(np.median(gap[active]))
    wanted = next((h for h in HORIZONS if h >= 2 * median), HORIZONS[-1])
    if wanted in allowed:
        return HorizonChoice(
            wanted, f"repeat customers who are on time buy every {median:.0f} days (median): twice that fits", 0
        )
    chosen = allowed[-1]
    normal = int((gap > chosen).sum())
    return HorizonChoice(
        chosen,
        f"repeat customers who are on time buy every {median:.0f} days (median), which asks for {wanted} days, but a "
        f"log of {span + 1} days allows {chosen}, at most a quarter of it; for {normal:,} repeat customers silence "
        f"for {chosen} days is normal",
        normal,
    )
