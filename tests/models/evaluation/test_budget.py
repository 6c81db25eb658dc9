"""Profit metrics against plain re-computation and simulation."""

import numpy as np
import pytest

from lifecycle.models.evaluation.campaign_profit import Campaign, expected_maximum_profit, profit_at_budget

RNG = np.random.default_rng(3)
N = 300
CHURN = RNG.random(N)
CHURNED = (RNG.random(N) < CHURN).astype(float)
VALUE = RNG.lognormal(4, 1, N)
CAMPAIGN = Campaign(margin=0.4, contact_cost=1.5, incentive_cost=3.0, save_rate=0.3, budget=120.0)


def test_profit_at_budget_is_what_a_plain_loop_finds():
    stake = 0.4 * VALUE
    expected = CHURN * 0.3 * (stake - 3.0) - (1 - CHURN) * 3.0 - 1.5
    spent = profit = 0.0
    for i in np.argsort(-expected, kind="stable"):
        spent += 1.5 + 3.0 * (CHURN[i] * 0.3 + 1 - CHURN[i])
        if expected[i] <= 0 or spent > 120.0:
            break
        profit += (0.3 * (stake[i] - 3.0) if CHURNED[i] else -3.0) - 1.5
    found = profit_at_budget(CHURN, CHURNED, VALUE, CAMPAIGN)(np.ones(N))
    assert found == pytest.approx(profit, rel=1e-12)


def test_expected_maximum_profit_agrees_with_simulated_save_rates():
    stake = 0.4 * VALUE
    order = np.argsort(-CAMPAIGN.expected_profit(CHURN, stake), kind="stable")
    drawn = np.random.default_rng(1).beta(0.3 * 20, 0.7 * 20, 20_000)
    best = [max(0.0, np.max(np.cumsum(CAMPAIGN.realised(CHURNED, stake, rate)[order]))) / N for rate in drawn]
    found = expected_maximum_profit(CHURN, CHURNED, VALUE, CAMPAIGN)(np.ones(N))
    assert found == pytest.approx(np.mean(best), rel=0.02)


def test_knowing_who_churns_earns_at_least_as_much():
    ones = np.ones(N)
    oracle = profit_at_budget(CHURNED, CHURNED, VALUE, CAMPAIGN)(ones)
    assert oracle >= profit_at_budget(CHURN, CHURNED, VALUE, CAMPAIGN)(ones)


@pytest.mark.parametrize(
    ("field", "value"), [("margin", -0.1), ("contact_cost", -1.0), ("save_rate", 1.0), ("share", 0.0), ("budget", -5.0)]
)
def test_impossible_campaigns_are_refused_by_name(field, value):
    with pytest.raises(ValueError, match=f"Campaign.{field}"):
        Campaign(**{field: value})
