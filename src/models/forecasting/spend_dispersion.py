"""How far a buyer's spend lies from what was expected of buyers: the shape behind the intervals of spend."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from lifecycle.models.forecasting.forecast import FloatArray, Outcome

POINTS = 201
LEAST = 1e-3
"""Spend given buying is asked of no smaller chance to buy than one in a thousand: no more is known of it."""


@dataclasses.dataclass(frozen=True)
class Spread:
    """How buyers' spend lies about what was expected of them.

    quantiles: of spend over expected spend, at even steps from 0 to 1; mean_square: Σ spend² / Σ expected², which the
    noise of a sum rests on: it is made by the large customers, and a surprise of one of whom nothing was expected is
    no part of it.
    """

    quantiles: tuple[float, ...]
    mean_square: float

    @classmethod
    def even(cls) -> Self:
        """Return the shape taken where none was learned: exponential, as spend of buyers commonly is."""
        steps = (np.arange(POINTS) + 0.5) / POINTS
        return cls(tuple(float(v) for v in -np.log1p(-steps)), 2.0)

    @classmethod
    def learn(cls, held: Sequence[tuple[FloatArray, FloatArray, Outcome]]) -> Self:
        """Learn from (probability to buy, expected spend, outcome) of folds out of time; 50 buyers at least."""
        spent, expected = [np.empty(0)], [np.empty(0)]
        for bought, spend, outcome in held:
            rows = outcome.bought & (spend > 0) & np.isfinite(outcome.spend)
            expected.append(spend[rows] / np.maximum(bought[rows], LEAST))
            spent.append(np.maximum(outcome.spend[rows], 0.0))
        actual, forecast = np.concatenate(spent), np.concatenate(expected)
        if actual.size < 50:
            return cls.even()
        found = np.quantile(actual / forecast, np.linspace(0.0, 1.0, POINTS))
        return cls(tuple(float(v) for v in found), float((actual**2).sum() / (forecast**2).sum()))

    def bounds(self, bought: FloatArray, spend: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
        """Each customer's interval of spend: zero with the chance not to buy, else the shape times what is expected."""
        tail = (1.0 - level) / 2.0
        steps = np.linspace(0.0, 1.0, len(self.quantiles))
        expected = spend / np.maximum(bought, LEAST)

        def quantile(q: float) -> FloatArray:
            within = np.divide(q - (1.0 - bought), bought, out=np.zeros_like(bought), where=bought > 0)
            return np.where(within > 0, expected * np.interp(within, steps, self.quantiles), 0.0)

        return quantile(tail), quantile(1.0 - tail)

    def noise_of_sum(self, bought: FloatArray, spend: FloatArray) -> float:
        """Standard deviation of the base's spend if customers act independently."""
        expected = spend / np.maximum(bought, LEAST)
        variance = bought * self.mean_square * expected**2 - spend**2
        return float(np.sqrt(np.maximum(variance, 0.0).sum()))

    def to_document(self) -> dict[str, Any]:
        """Return a JSON-ready document."""
        return {"quantiles": list(self.quantiles), "mean_square": self.mean_square}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Rebuild from to_document."""
        return cls(tuple(document["quantiles"]), document["mean_square"])
