"""What the whole base tells about single customers as of a date, from sums that its parts add up to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lifecycle.features.array_pool import Blocks, Memory
from lifecycle.features.asof import AsOf
from lifecycle.features.history import History
from lifecycle.features.ordered_map import in_order
from lifecycle.features.ragged import pieces
from lifecycle.features.reference_period import RateReference, ahead_of, past_of, reference_span
from lifecycle.features.window import Window

F64 = NDArray[np.float64]

SEASON_FROM = 50
"""Eligible buyers below which the season factor is 1."""

SEASON_LIMITS = (0.5, 2.0)

TOGETHER = 65_536
"""Customers that are judged at a time, so that what is worked out of them stays near the processor."""


@dataclass(frozen=True, slots=True)
class BaseLevel:
    """What the whole base tells about single customers, as of a date.

    ``basket_mean`` and ``basket_weight`` shrink a customer's mean basket, (sum + weight · mean) / (number + weight), by
    Bühlmann's credibility: the weight is the variance within customers over the variance between them. ``season`` is S,
    actual over expected spend of eligible customers who buy; NaN where the horizon is not complete.
    """

    basket_mean: float
    basket_weight: float
    season: float
    n_season: int


@dataclass(frozen=True, eq=False, slots=True)
class _Sums:
    """Sums over a part of the base from which its level follows; those of parts add up, whatever the base's size.

    ``baskets`` as :meth:`features.reference_period.Past.sums` gives them; ``season``: number and spend of the eligible
    customers who buy in the horizon; ``expected``: by their number of baskets, sums of the purchases expected, and of
    these times the sum of the own baskets, from which the spend expected follows for any shrinkage.
    """

    baskets: F64
    season: F64
    expected: F64

    @staticmethod
    def of(part: History, window: Window, reference: RateReference, memory: Memory) -> "_Sums":
        view = AsOf.of(part, window.as_of, memory)
        past = past_of(view, window, reference)
        buyers = past.eligible & _complete(part, window)
        purchases, spend = ahead_of(view, window, buyers)
        buyers &= purchases > 0
        number, expected = past.number[buyers], past.expected[buyers]
        by_number = [
            np.bincount(number, weights, reference_span(window.horizon) + 2)
            for weights in (expected, expected * past.total[buyers])
        ]
        return _Sums(past.sums(), np.array([number.size, spend[buyers].sum()]), np.stack(by_number))

    def __add__(self, other: "_Sums") -> "_Sums":
        return _Sums(self.baskets + other.baskets, self.season + other.season, self.expected + other.expected)

    def level(self, *, complete: bool) -> BaseLevel:
        mean, weight = shrinkage(self.baskets)
        if not complete:
            return BaseLevel(mean, weight, float("nan"), 0)
        purchases, weighted = self.expected
        number = np.flatnonzero(purchases)
        spend = (weighted[number] + weight * mean * purchases[number]) / (number + weight)
        return BaseLevel(mean, weight, *season_factor(np.append(self.season, spend.sum())))


def _complete(part: History, window: Window) -> bool:
    return part.has_money and window.end_day <= part.last_day


def shrinkage(sums: F64) -> tuple[float, float]:
    """Mean basket of the base and the weight, in baskets, with which it pulls a customer's own mean."""
    customers, n, n2, total, weighted, within = sums.tolist()
    if n == 0:
        return float("nan"), 0.0
    mean = total / n
    variance = within / max(n - customers, 1.0)
    between = (weighted - n * mean**2 - (customers - 1) * variance) / max(n - n2 / n, 1.0)
    return _steady(mean), _steady(min(variance / between, 1e9) if between > 0 else 1e9)


def season_factor(sums: F64) -> tuple[float, int]:
    """S and the number of customers behind it."""
    n, actual, expected = sums.tolist()
    if n < SEASON_FROM or expected <= 0:
        return 1.0, int(n)
    return _steady(float(np.clip(actual / expected, *SEASON_LIMITS))), int(n)


def _steady(value: float) -> float:
    """Ten significant digits: sums over the same base in other pieces differ in the sixteenth."""
    return float(f"{value:.9e}")


def base_level(histories: History | Iterable[History], window: Window, *, reference: RateReference) -> BaseLevel:
    """Mean basket, its weight and the season factor of a base as of the window's date; see :func:`base_levels`."""
    return base_levels(histories, [window], reference=reference)[window]


def base_levels(
    histories: History | Iterable[History], windows: Sequence[Window], *, reference: RateReference, workers: int = 2
) -> dict[Window, BaseLevel]:
    """Levels of a base as of several dates, in one pass over it.

    ``histories`` is the whole base or its parts, one after the other: nothing but sums is kept of a part. The season is
    NaN where the horizon is not complete in the log or the log has no amounts.
    """
    parts = [histories] if isinstance(histories, History) else histories
    blocks = Blocks()
    tasks = ((some, window) for part in parts for some in pieces(part, TOGETHER) for window in windows)

    def work(task: tuple[History, Window]) -> tuple[Window, bool, _Sums]:
        return task[1], _complete(*task), _Sums.of(*task, reference, blocks)

    sums: dict[Window, _Sums] = {}
    complete: dict[Window, bool] = {}
    for window, done, more in in_order(work, tasks, workers):
        sums[window] = sums[window] + more if window in sums else more
        complete[window] = done
    return {window: sums[window].level(complete=complete[window]) for window in windows}
