"""The level of a forecast: what makes its sums over the base those to expect, by the date that is forecast from.

Who buys more than others and how much is the pool's to say; how much all of them together will buy moves with season
and trend, which the customers' own histories do not tell. So the sums are those of the probability model, corrected by
what it was off on past dates (past.py) as far as that is to be expected again (outlook.py).
"""

import dataclasses
import datetime
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from scipy import special, stats

from lifecycle.features.window import to_day
from lifecycle.models.forecasting import level_outlook as outlook
from lifecycle.models.forecasting.backcast import Miss
from lifecycle.models.forecasting.forecast import FloatArray, Forecast
from lifecycle.models.forecasting.stacking import logit, shift_to

STEP = 7
WEEKS = 54
YEAR = 365


@dataclasses.dataclass(frozen=True)
class Correction:
    """What is added on one date: to the log odds of buying, to the log of purchases and of spend.

    spread: standard deviation of the log of actual over forecast sum of spend that is left.
    """

    buying: float
    purchases: float
    spend: float
    spread: float


@dataclasses.dataclass(frozen=True)
class Level:
    """Corrections for as-of dates from `start` (a day count) on, a week apart, for a year and more.

    dates: past dates learned from; with none of them nothing is corrected. degrees: how well the spread is known.
    """

    start: int
    buying: tuple[float, ...]
    purchases: tuple[float, ...]
    spend: tuple[float, ...]
    spread: tuple[float, ...]
    degrees: float
    dates: int

    @classmethod
    def none(cls) -> Self:
        """Return a level that corrects nothing."""
        even = (0.0,) * WEEKS
        return cls(0, even, even, even, even, outlook.PRIOR_DEGREES, 0)

    def at(self, as_of: datetime.date) -> Correction:
        """Return the correction on a date; earlier than the first it is the first, beyond the table a year's earlier.

        >>> even = (0.0,) * WEEKS
        >>> level = Level(0, tuple(0.01 * k for k in range(WEEKS)), even, even, even, 3.0, 1)
        >>> [round(level.at(datetime.date(1970, 1, 1) + datetime.timedelta(days=d)).buying, 3) for d in (0, 14, 379)]
        [0.0, 0.02, 0.02]
        """
        day = max(to_day(as_of) - self.start, 0)
        last = STEP * (WEEKS - 1)
        if day > last:
            day -= -(-(day - last) // YEAR) * YEAR
        known = STEP * np.arange(WEEKS)
        tables = (self.buying, self.purchases, self.spend, self.spread)
        return Correction(*(float(np.interp(day, known, table)) for table in tables))

    def anchored(self, model: Forecast, log_odds: FloatArray, purchases: FloatArray, spend: FloatArray) -> Self:
        """Return the level for a pool whose own sums are others than the probability model's.

        model: the probability model's forecast on the first date; the others are the pool's, of the same customers.
        """
        if self.dates == 0:
            return self
        buyers = float(special.expit(-logit(model.churn_probability) + self.buying[0]).sum())
        by = shift_to(log_odds, buyers) - self.buying[0]
        return dataclasses.replace(
            self,
            buying=tuple(v + by for v in self.buying),
            purchases=tuple(v + _log_ratio(model.expected_purchases, purchases) for v in self.purchases),
            spend=tuple(v + _log_ratio(model.expected_spend, spend) for v in self.spend),
        )

    def sum_interval(self, as_of: datetime.date, expected: float, noise: float, level: float) -> tuple[float, float]:
        """Bounds of the sum over a base whose forecast is `expected`.

        noise: standard deviation of the sum from the customers' own randomness, in money.
        """
        if not expected > 0:
            return expected, expected
        spread = float(np.hypot(self.at(as_of).spread, noise / expected))
        reach = float(stats.t.ppf((1 + level) / 2, self.degrees)) * spread
        return expected * float(np.exp(-reach)), expected * float(np.exp(reach))

    def to_document(self) -> dict[str, Any]:
        """Return a JSON-ready document."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in dataclasses.asdict(self).items()}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Rebuild from to_document."""
        tables = {key: tuple(document[key]) for key in ("buying", "purchases", "spend", "spread")}
        return cls(start=document["start"], degrees=document["degrees"], dates=document["dates"], **tables)


def _log_ratio(wanted: FloatArray, found: FloatArray) -> float:
    """Return ln(Σ wanted / Σ found), 0 where either is not positive or not known."""
    a, b = float(wanted.sum()), float(found.sum())
    return float(np.log(a / b)) if a > 0 and b > 0 else 0.0


def learn(misses: Sequence[Miss], as_of: datetime.date, *, horizon: int) -> Level:
    """Expect the probability model's misses from a date on."""
    days = to_day(as_of) + STEP * np.arange(WEEKS, dtype=np.float64)

    def expect(name: str) -> outlook.Outlook:
        known = [m for m in misses if np.isfinite(getattr(m, name))]
        return outlook.expect(
            [m.day for m in known],
            [getattr(m, name) for m in known],
            [getattr(m, f"{name}_noise") for m in known],
            [m.behind for m in known],
            at=days,
            horizon=horizon,
        )

    buying, purchases, spend = (expect(name) for name in ("buying", "purchases", "spend"))
    return Level(
        to_day(as_of),
        _steady(buying.mean),
        _steady(purchases.mean),
        _steady(spend.mean),
        _steady(spend.spread),
        spend.degrees,
        len(misses),
    )


def _steady(values: FloatArray) -> tuple[float, ...]:
    """Ten digits: linear algebra on another number of cores differs in the sixteenth."""
    return tuple(float(f"{v:.9e}") for v in values)
