"""What a ranking is worth in money when only some customers can be contacted.

A contact costs `contact_cost`. Of the customers who would not have bought in the horizon a share, the save rate, takes
the offer: they cost the incentive and keep their value. Customers who would have bought anyway take the incentive as
well. The value at stake is each customer's own. The save rate is an assumption, so every profit here is an assumed
profit.
"""

import dataclasses

import numpy as np
import numpy.typing as npt
from scipy import stats

from lifecycle.models.evaluation.metrics import Measure, Ranking

FloatArray = npt.NDArray[np.float64]

CONCENTRATION = 20.0  # Verbraken, Verbeke, Baesens (2013) take Beta(6, 14) for the save rate: mean .3 worth 20 trials
NODES = 15


@dataclasses.dataclass(frozen=True)
class Campaign:
    """The money side of a retention campaign; amounts in the log's currency.

    budget None: the part `share` of the base is contacted.
    """

    margin: float = 1.0
    contact_cost: float = 1.0
    incentive_cost: float = 0.0
    save_rate: float = 0.1
    budget: float | None = None
    share: float = 0.1

    def __post_init__(self) -> None:
        """Refuse what no campaign can have."""
        for name in ("margin", "contact_cost", "incentive_cost"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"Campaign.{name} must be at least 0, got {getattr(self, name)!r}.")
        for name in ("save_rate", "share"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"Campaign.{name} must lie between 0 and 1, got {getattr(self, name)!r}.")
        if self.budget is not None and not self.budget >= 0:
            raise ValueError(f"Campaign.budget must be at least 0 or None, got {self.budget!r}.")

    def expected_profit(self, churn_probability: FloatArray, stake: FloatArray) -> FloatArray:
        """Profit of contacting each customer, in expectation over the churn forecast."""
        kept = self.save_rate * (stake - self.incentive_cost)
        return churn_probability * kept - (1.0 - churn_probability) * self.incentive_cost - self.contact_cost

    def realised(self, churned: FloatArray, stake: FloatArray, save_rate: float) -> FloatArray:
        """Profit of having contacted each customer, given who churned and a save rate."""
        kept = save_rate * (stake - self.incentive_cost)
        return churned * kept - (1.0 - churned) * self.incentive_cost - self.contact_cost


def profit_at_budget(
    churn_probability: FloatArray, churned: FloatArray, value: FloatArray, campaign: Campaign
) -> Measure:
    """Realised profit of contacting in the order of expected profit until the budget or the gain ends.

    A customer costs the contact and the expected incentive. The forecast decides order and stop; what happened, the
    profit.
    """
    stake = campaign.margin * np.maximum(value, 0.0)
    expected = campaign.expected_profit(churn_probability, stake)
    gain = campaign.realised(churned, stake, campaign.save_rate)
    taking = churn_probability * campaign.save_rate + 1.0 - churn_probability
    cost = campaign.contact_cost + campaign.incentive_cost * taking
    order = Ranking.descending(expected).order
    wanted = expected[order] > 0

    def measure(w: FloatArray) -> float:
        ranked = w[order]
        if campaign.budget is None:
            affordable = np.cumsum(ranked) <= campaign.share * w.sum()
        else:
            affordable = np.cumsum(ranked * cost[order]) <= campaign.budget
        return float((ranked * gain[order])[wanted & affordable].sum())

    return measure


def expected_maximum_profit(
    churn_probability: FloatArray, churned: FloatArray, value: FloatArray, campaign: Campaign
) -> Measure:
    """Profit a customer at the best cut, averaged over a Beta distribution of the save rate (EMP with individual
    values).

    After Verbraken, Verbeke and Baesens (2013), whose one value for all is replaced by each customer's own. The Beta
    has the campaign's save rate as its mean; the mean over it is taken at equally likely quantiles.
    """
    stake = campaign.margin * np.maximum(value, 0.0)
    ranking = Ranking.descending(campaign.expected_profit(churn_probability, stake))
    quantiles = (np.arange(NODES) + 0.5) / NODES
    a = campaign.save_rate * CONCENTRATION
    rates = np.asarray(stats.beta.ppf(quantiles, a, CONCENTRATION - a), dtype=np.float64)

    def measure(w: FloatArray) -> float:
        # Profit is linear in the save rate, so two cumulative sums serve every rate.
        fixed = ranking.cumulative(w * campaign.realised(churned, stake, 0.0))
        slope = ranking.cumulative(w * churned * (stake - campaign.incentive_cost))
        best = [max(0.0, float(np.max(fixed + rate * slope))) for rate in rates]
        return float(np.mean(best) / w.sum())

    return measure
