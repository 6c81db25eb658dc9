"""How many purchase days a buyer has, about what was expected of buyers: the shape behind the intervals of purchases.

Zero is an atom of its own: nobody buys with the forecast's chance not to buy. The others' count beyond the first is
negative binomial, its distribution warped by how forecasts out of time have come true (recalibration by the PIT's own
distribution, Dawid 1984; Kuleshov, Fenner, Ermon 2018).
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import optimize, stats

from lifecycle.models.forecasting.forecast import FloatArray, Outcome

POINTS = 51
FEWEST_BUYERS = 50
HELD_TO = 50.0
"""Buyers that the warp must outweigh: with so many it goes half of the way from none."""
EXPONENTIAL = 1.0
"""Size of the negative binomial that is taken where none was learned: geometric."""


@dataclasses.dataclass(frozen=True)
class Counts:
    """How buyers' purchase days lie about what was expected of them.

    size: of the negative binomial of purchase days beyond the first (its variance is mean + mean² / size); warp: P(PIT
    ≤ u) at even steps of u from 0 to 1, rising.
    """

    size: float
    warp: tuple[float, ...]

    @classmethod
    def even(cls) -> Self:
        """Return the shape taken where none was learned."""
        return cls(EXPONENTIAL, tuple(float(u) for u in np.linspace(0.0, 1.0, POINTS)))

    @classmethod
    def learn(cls, held: Sequence[tuple[FloatArray, FloatArray, Outcome]]) -> Self:
        """Learn from (probability to buy, expected purchases, outcome) of folds out of time; 50 buyers at least."""
        beyond: list[FloatArray] = [np.empty(0)]
        mean: list[FloatArray] = [np.empty(0)]
        for bought, purchases, outcome in held:
            rows = outcome.bought
            mean.append(_beyond(bought[rows], purchases[rows]))
            beyond.append(outcome.purchases[rows].astype(np.float64) - 1.0)
        n, expected = np.concatenate(beyond), np.concatenate(mean)
        if n.size < FEWEST_BUYERS:
            return cls.even()

        def loss(log_size: float) -> float:
            size = float(np.exp(log_size))
            return -float(np.sum(stats.nbinom.logpmf(n, size, size / (size + expected))))

        found = optimize.minimize_scalar(loss, bounds=(-4.0, 6.0), method="bounded", options={"xatol": 1e-4})
        size = float(f"{np.exp(found.x):.9e}")
        share = size / (size + expected)
        high, low = stats.nbinom.cdf(n, size, share), stats.nbinom.cdf(n - 1.0, size, share)
        steps = np.linspace(0.0, 1.0, POINTS)
        # The mean over the randomisation of the PIT, in closed form: each buyer is spread evenly over [low, high].
        width = np.maximum(high - low, 1e-12)
        reached = np.array([np.clip((u - low) / width, 0.0, 1.0).mean() for u in steps])
        trust = n.size / (n.size + HELD_TO)
        warp = trust * reached + (1.0 - trust) * steps
        return cls(size, tuple(float(f"{u:.9e}") for u in (0.0, *warp[1:-1], 1.0)))

    def below(self, n: npt.ArrayLike, bought: FloatArray, purchases: FloatArray) -> FloatArray:
        """P(at most n purchase days), n and customers broadcast.

        bought: probability to buy; purchases: expected purchase days.

        >>> Counts.even().below(0, np.array([0.4]), np.array([1.0])).round(3).tolist()
        [0.6]
        """
        count = np.asarray(n, dtype=np.float64)
        share = self.size / (self.size + _beyond(bought, purchases))
        given = np.interp(stats.nbinom.cdf(count - 1.0, self.size, share), np.linspace(0.0, 1.0, POINTS), self.warp)
        return np.asarray(np.where(count < 0, 0.0, 1.0 - bought + bought * given), dtype=np.float64)

    def bounds(self, bought: FloatArray, purchases: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
        """Each customer's central interval of purchase days, in whole days."""
        tail = (1.0 - level) / 2.0
        share = self.size / (self.size + _beyond(bought, purchases))

        def quantile(q: float) -> FloatArray:
            within = np.divide(q - (1.0 - bought), bought, out=np.zeros_like(bought), where=bought > 0)
            found, rows = np.zeros_like(bought), np.flatnonzero(within > 0)  # for most customers it is 0
            plain = np.interp(within[rows], self.warp, np.linspace(0.0, 1.0, POINTS))
            found[rows] = 1.0 + np.maximum(stats.nbinom.ppf(np.minimum(plain, 1.0 - 1e-9), self.size, share[rows]), 0.0)
            return found

        return quantile(tail), quantile(1.0 - tail)

    def to_document(self) -> dict[str, Any]:
        """Return a JSON-ready document."""
        return {"size": self.size, "warp": list(self.warp)}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Rebuild from to_document."""
        return cls(document["size"], tuple(document["warp"]))


def _beyond(bought: FloatArray, purchases: FloatArray) -> FloatArray:
    """Purchase days expected of a buyer beyond the first, a little above 0 so that the distribution exists."""
    each = np.divide(purchases, bought, out=np.ones_like(purchases), where=bought > 0)
    return np.maximum(each - 1.0, 1e-6)
