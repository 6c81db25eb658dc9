"""Exploration keeps money and counts and is drawn by known chances; measured rates price the list."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from lifecycle.decisions.actions import Action, RetentionPolicy
from lifecycle.decisions.experiments.rates import Rate, Rates
from lifecycle.decisions.gains import Worth
from lifecycle.decisions.plan_input import PlanInput
from lifecycle.decisions.plan_summary import summarise_plan
from lifecycle.decisions.priorities import plan
from lifecycle.decisions.vocabulary import DECLINE, MATURE, STAGES

OFFER = Action("offer", ("mature", "decline"), "email", "prevent", contact_cost=1.0, save_rate=0.1)


def base(n: int = 4000, seed: int = 0) -> PlanInput:
    rng = np.random.default_rng(seed)
    one = np.ones(n)
    worth = Worth(
        p_star=rng.uniform(0.3, 0.9, n),
        kappa=0.8 * one,
        churn_probability=0.5 * one,
        v_prevent=rng.gamma(2, 60, n),
        v_return=20 * one,
        churned=0 * one,
        expected_purchases=one,
        expected_spend=40 * one,
        order_value=40 * one,
        value_after_second=80 * one,
    )
    stage = np.where(np.arange(n) % 2, MATURE, DECLINE).astype(np.int8)
    cause = np.where(stage == DECLINE, 0, -1).astype(np.int8)
    return PlanInput(pa.array([f"c{i:05d}" for i in range(n)]), stage, cause, worth)


POLICY = RetentionPolicy((OFFER,), budget=1500.0, explore_share=0.2)


def test_money_and_contacts_stay_within_the_means() -> None:
    customers = base()
    found, without = plan(customers, POLICY), plan(customers, replace(POLICY, explore_share=0.0))
    summary = summarise_plan(found, customers, POLICY)
    assert found.targeted.sum() <= without.targeted.sum()
    assert summary.spent <= 1500
    assert summary.gain == pytest.approx(found.expected_gain[found.targeted].sum())
    assert summary.gain == pytest.approx(summary.prevented + summary.won_back + summary.grown - summary.spent)
    assert 0.8 * without.value < found.gain < without.value
    assert (found.explored[without.targeted] < 2).all()
    assert (found.explored[~without.targeted] != 1).all()


def test_about_the_share_is_explored_and_half_of_them_treated() -> None:
    found = plan(base(), POLICY)
    inside, outside = (found.explored == 1), (found.explored == 2)
    assert inside.sum() == pytest.approx(300, abs=60)
    assert 0.6 * inside.sum() < outside.sum() < 1.4 * inside.sum()
    for one in (inside, outside):
        assert found.selected[one].mean() == pytest.approx(0.5, abs=0.12)
    assert not (found.control & (found.explored > 0)).any()
    drawn = found.targeted | (found.explored > 0)
    assert (np.isfinite(found.propensity) == drawn).all()
    assert set(np.unique(found.propensity[drawn]).tolist()) == {0.5, 0.9}
    weights = np.where(found.selected, 1 / found.propensity, 0)[drawn]
    assert weights.sum() == pytest.approx(drawn.sum(), rel=0.05)  # chances are those stated


def test_the_draw_does_not_rest_on_the_order_of_customers() -> None:
    customers = base(1000)
    turned = replace(
        customers,
        customer_id=customers.customer_id[::-1],
        stage=customers.stage[::-1],
        cause=customers.cause[::-1],
        worth=customers.worth.at(np.arange(1000)[::-1]),
    )
    policy = replace(POLICY, budget=300.0)
    one, other = plan(customers, policy), plan(turned, policy)
    assert (one.explored == other.explored[::-1]).all()
    assert (one.targeted == other.targeted[::-1]).all()


def test_where_nobody_is_left_out_nobody_is_explored() -> None:
    found = plan(base(500), replace(POLICY, budget=None))
    assert not found.explored.any()


def measured(rate: float, sd: float, basis: str = "measured") -> Rates:
    return Rates(tuple(Rate("offer", stage, 0.1, 0.05, rate, sd, basis, 9, 1) for stage in ("mature", "decline")))  # type: ignore[arg-type]


def test_measured_rates_take_the_place_of_assumed_ones() -> None:
    customers = base(1000)
    policy = RetentionPolicy((OFFER,), control_share=0.0)
    assumed, same, none = (
        plan(customers, policy, rates) for rates in (Rates(), measured(0.1, 0.05), measured(0.0, 0.01))
    )
    np.testing.assert_array_equal(assumed.expected_gain, same.expected_gain)
    assert not none.targeted.any()
    assert set(assumed.basis[assumed.action >= 0]) == {0}
    assert set(same.basis[same.action >= 0]) == {2}
    assert summarise_plan(same, customers, policy, measured(0.1, 0.05)).basis == "measured"


def test_gains_are_linear_in_the_rate_and_the_interval_is_that_of_the_rate() -> None:
    customers = base(1000)
    policy = RetentionPolicy((OFFER,), control_share=0.0)
    one, double = plan(customers, policy, measured(0.1, 0.02)), plan(customers, policy, measured(0.2, 0.02))
    both = (one.action >= 0) & (double.action >= 0)
    np.testing.assert_allclose(double.expected_gain[both] + 1, 2 * (one.expected_gain[both] + 1))
    reach = 1.6448536 * 0.02 / 0.1
    np.testing.assert_allclose(one.gain_low[both] + 1, (1 - reach) * (one.expected_gain[both] + 1), rtol=1e-6)
    np.testing.assert_allclose(one.gain_high[both] + 1, (1 + reach) * (one.expected_gain[both] + 1), rtol=1e-6)


def test_a_stage_has_its_own_rate() -> None:
    customers = base(1000)
    rows = (
        Rate("offer", "mature", 0.1, 0.05, 0.0, 0.01, "measured", 9, 1),
        Rate("offer", "decline", 0.1, 0.05, 0.3, 0.01, "measured", 9, 1),
    )
    found = plan(customers, RetentionPolicy((OFFER,)), Rates(rows))
    assert {STAGES[code] for code in customers.stage[found.targeted]} == {"decline"}
