"""Learned multiples: shorter where customers leave quickly, within their ranges, the same from buckets."""

import numpy as np
import pandas as pd
import pytest

from decisions.names import CHURNED, DECLINE, MATURE
from decisions.overview import return_rates
from decisions.stage_learning import CHURN_RANGE, DECLINE_RANGE, ReturnCurve, return_curve, with_learned_multiples
from decisions.stage_policy import StagePolicy
from decisions.stages import replay
from features.history import History
from features.slices import customers_between
from features.window import to_day


def bought_after(history, end, horizon):
    known = history.purchases(end + horizon)
    seen = np.concatenate([[0], np.cumsum(known.day > end)])
    return seen[known.offsets[1:]] > seen[known.offsets[:-1]]


def test_the_curve_falls_and_the_stages_keep_their_order(trial):
    curve = return_curve(trial.history, trial.last, trial.policy)
    assert (np.diff(curve.rates()) <= 1e-12).all()
    learned = with_learned_multiples(trial.policy, curve)
    assert DECLINE_RANGE[0] <= learned.decline_multiple <= DECLINE_RANGE[1]
    assert CHURN_RANGE[0] <= learned.churn_multiple <= CHURN_RANGE[1]
    stage = replay(trial.history, trial.last, learned).stage
    bought = bought_after(trial.history, to_day(trial.last), learned.horizon)
    returned = return_rates(stage, bought)["returned"]
    assert returned.iloc[CHURNED] < returned.iloc[DECLINE] < returned.iloc[MATURE]


def test_buckets_add_up(trial):
    history = trial.history
    whole = return_curve(history, trial.last, trial.policy)
    middle = history.n_customers // 2
    parts = [customers_between(history, 0, middle), customers_between(history, middle, history.n_customers)]
    total = return_curve(parts[0], trial.last, trial.policy) + return_curve(parts[1], trial.last, trial.policy)
    np.testing.assert_array_equal(total.customers, whole.customers)
    np.testing.assert_array_equal(total.returned, whole.returned)


@pytest.mark.parametrize(("leaving", "sooner"), [(0.02, False), (0.3, True)])
def test_where_customers_leave_quickly_a_shorter_silence_counts(leaving, sooner):
    """Buyers every 20 days at random who leave with a probability after each purchase."""
    rng = np.random.default_rng(5)
    rows = []
    for k in range(1500):
        day = rng.uniform(0, 300)
        while day < 700:
            rows.append((f"c{k}", pd.Timestamp("2020-01-01") + pd.Timedelta(days=int(day)), 1.0))
            if rng.random() < leaving:
                break
            day += rng.exponential(20)
    history = History.from_frame(pd.DataFrame(rows, columns=["customer_id", "timestamp", "amount"]))
    policy = StagePolicy.from_rates(20.0, 400.0, 60)
    learned = with_learned_multiples(policy, return_curve(history, history.last_day, policy))
    assert (learned.decline_multiple < DECLINE_RANGE[1]) == sooner


def test_a_small_base_teaches_nothing():
    policy = StagePolicy.from_rates(1.0, 30.0, 90)
    few = ReturnCurve(np.full(32, 3), np.zeros(32, np.int64))
    assert with_learned_multiples(policy, few) == policy
