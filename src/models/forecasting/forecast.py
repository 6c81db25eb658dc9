"""The two sides that every comparison joins: what was forecast and what came of it."""

import dataclasses
from typing import Self

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True, eq=False)
class Outcome:
    """What happened within the horizon, aligned with the customers of one snapshot.

    bought: did the customer buy at all; purchases: purchase days; spend: net money, all NaN for a log without amounts;
    eligible: is "declining" defined for the customer; declining: 1, 0, or NaN where it is not.
    """

    bought: BoolArray
    purchases: IntArray
    spend: FloatArray
    eligible: BoolArray
    declining: FloatArray

    @property
    def has_money(self) -> bool:
        """Whether spend is known."""
        return bool(np.isfinite(self.spend).any())

    def take(self, rows: IntArray) -> Self:
        """Return the outcome of some rows, in their order."""
        return type(self)(
            bought=self.bought[rows],
            purchases=self.purchases[rows],
            spend=self.spend[rows],
            eligible=self.eligible[rows],
            declining=self.declining[rows],
        )


@dataclasses.dataclass(frozen=True, eq=False)
class Forecast:
    """A candidate's answer, aligned with the customers of the snapshot it was asked about.

    Probabilities lie in [0, 1]. A column is NaN where the candidate has no answer: decline_probability where the
    customer is not eligible, p_alive where the candidate has no notion of it, expected_spend for a log without amounts.
    spend_low and spend_high bound each customer's spend at `level`, purchases_low and purchases_high the purchase days;
    None where the candidate states no interval.
    spend_sum_low and spend_sum_high bound the sum over the base, its level error included (NaN: not stated).
    """

    churn_probability: FloatArray
    decline_probability: FloatArray
    p_alive: FloatArray
    expected_purchases: FloatArray
    expected_spend: FloatArray
    spend_low: FloatArray | None = None
    spend_high: FloatArray | None = None
    purchases_low: FloatArray | None = None
    purchases_high: FloatArray | None = None
    level: float = 0.9
    spend_sum_low: float = float("nan")
    spend_sum_high: float = float("nan")

    def take(self, rows: IntArray) -> Self:
        """Return the forecast of some rows, in their order; the interval of the sum belongs to the whole and goes."""
        return dataclasses.replace(
            self,
            churn_probability=self.churn_probability[rows],
            decline_probability=self.decline_probability[rows],
            p_alive=self.p_alive[rows],
            expected_purchases=self.expected_purchases[rows],
            expected_spend=self.expected_spend[rows],
            spend_low=None if self.spend_low is None else self.spend_low[rows],
            spend_high=None if self.spend_high is None else self.spend_high[rows],
            purchases_low=None if self.purchases_low is None else self.purchases_low[rows],
            purchases_high=None if self.purchases_high is None else self.purchases_high[rows],
            spend_sum_low=float("nan"),
            spend_sum_high=float("nan"),
        )
