"""The level of a forecast: by how much sums were off in the latest complete horizons, and what to expect.

How many customers buy moves with season and trend; the trees begin at half of the shift that the past showed
(start.py), and of what is left nothing was found to carry on. How much a purchase brings, against the forecast, is
rather a trait of the model: half of that miss is corrected, as far as it exceeds its noise.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from scipy import stats

from models.learning.forecast import FloatArray

KEEP = 0.5
BASKET_SPREAD = 0.15  # how far the money a purchase day is commonly off, on the log scale
SUM_SPREAD = 0.15  # how far the sum over a base is commonly off from one horizon to the next, on the log scale
SEASON_SPREAD = 0.25  # and how far a season moves it that the log has not been through
SUM_PRIOR = 3.0  # horizons that the line above is worth


@dataclasses.dataclass(frozen=True)
class Level:
    """The factor on spend, and the spread of the sum.

    spread: standard deviation of the log of actual over forecast sum that is left; degrees: how well it is known.
    """

    spend: float = 1.0
    spread: float = SUM_SPREAD
    degrees: float = SUM_PRIOR
    folds: int = 0

    def to_document(self) -> dict[str, Any]:
        """Return a JSON-ready document."""
        return dataclasses.asdict(self)

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Rebuild from to_document."""
        return cls(**document)

    def sum_interval(self, expected: float, noise: float, level: float) -> tuple[float, float]:
        """Bounds of the sum over a base whose forecast is `expected`.

        noise: standard deviation of the sum from the customers' own randomness, in money.
        """
        if not expected > 0:
            return expected, expected
        spread = float(np.hypot(self.spread, noise / expected))
        reach = float(stats.t.ppf((1 + level) / 2, self.degrees)) * spread
        return expected * float(np.exp(-reach)), expected * float(np.exp(reach))


@dataclasses.dataclass(frozen=True)
class Miss:
    """How one fold's sums were off: log ratios actual to forecast of purchases and of money a purchase, its noise."""

    purchases: float
    basket: float
    basket_noise: float


def miss(purchases: FloatArray, spend: FloatArray, counted: FloatArray, spent: FloatArray) -> Miss:
    """Measure a fold; purchases and spend are forecasts, counted and spent what happened."""
    by_count = _log_ratio(float(counted.sum()), float(purchases.sum()))
    if not np.isfinite(spent).all() or spent.sum() <= 0 or not spend.sum() > 0:
        return Miss(by_count, 0.0, 0.0)
    by_spend = _log_ratio(float(spent.sum()), float(spend.sum()))
    # Linearised noise of ln(Σ spent / Σ counted) over customers.
    part = spent / spent.sum() - counted / max(float(counted.sum()), 1.0)
    return Miss(by_count, by_spend - by_count, float(np.sqrt((part**2).sum())))


def _log_ratio(actual: float, forecast: float) -> float:
    return float(np.log((actual + 0.5) / (forecast + 0.5)))


def learn(misses: Sequence[Miss], *, season_seen: bool) -> Level:
    """Expect the next level from the folds' misses.

    season_seen: whether the log holds the horizon's season of a year before; if not, the sum is that much less certain.
    """
    unseen = 0.0 if season_seen else SEASON_SPREAD
    if not misses:
        return Level(spread=float(np.hypot(SUM_SPREAD, unseen)))
    counts = np.array([m.purchases for m in misses])
    baskets = np.array([m.basket for m in misses])
    noise = float(np.mean([m.basket_noise for m in misses]))
    trust = BASKET_SPREAD**2 / (BASKET_SPREAD**2 + noise**2)
    correction = KEEP * trust * float(baskets.mean())
    left = counts + baskets - correction
    spread = float(np.sqrt((SUM_PRIOR * SUM_SPREAD**2 + float((left**2).sum())) / (SUM_PRIOR + left.size)))
    return Level(
        spend=float(np.exp(correction)),
        spread=float(np.hypot(spread, unseen)),
        degrees=SUM_PRIOR + left.size,
        folds=len(misses),
    )
