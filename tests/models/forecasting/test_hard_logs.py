"""Logs that give little: no amounts, nobody returning, nobody buying, few customers."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from lifecycle.features.history import History
from lifecycle.features.window import Window
from lifecycle.models.evaluation import evaluate
from lifecycle.models.forecasting import NAMES, Snapshot, candidates, fit_all, load, origins, snapshot

START = dt.date(2023, 1, 2)
HORIZON = 60
TEST = START + dt.timedelta(days=330)


def log(n, seed, *, money=True, returns=True, until=420):
    """Return a history of n customers; without returns nobody buys twice, after `until` nobody buys at all."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        day = int(rng.integers(0, 120))
        gap = rng.gamma(2, 20)
        while day <= until:
            rows.append((f"c{i}", day, round(float(rng.lognormal(3, 1)), 2)))
            if not returns or rng.random() < 0.15:
                break
            day += 1 + int(rng.exponential(gap))
    rows += [("span", 0, 5.0), ("span", 420, 5.0)]
    frame = pd.DataFrame(rows, columns=["customer_id", "day", "amount"])
    frame["timestamp"] = pd.Timestamp(START) + pd.to_timedelta(frame["day"], unit="D")
    return History.from_frame(frame, amount="amount" if money else None)


def run(history, names=NAMES, test=TEST):
    """Fit all candidates and return (forecasts by name, test snapshot); every one survives being written and read."""
    chosen = origins(history.first_day, HORIZON, test)
    learned = [Snapshot.of(history, Window(day, HORIZON)) for day in chosen.training]
    snapshot = Snapshot.of(history, Window(test, HORIZON))
    fitted = fit_all(candidates(names), [*learned, snapshot.without_outcome()], seed=1)
    forecasts = {}
    for name, found in fitted.items():
        forecasts[name] = load(found.files()).predict(snapshot)
        p = forecasts[name].churn_probability
        assert ((p >= 0) & (p <= 1)).all(), name
        assert np.isfinite(forecasts[name].expected_purchases).all(), name
    return forecasts, snapshot


def test_without_amounts_spend_is_missing_and_the_rest_is_there():
    forecasts, snapshot = run(log(400, 2, money=False))
    assert not snapshot.has_money
    for name, forecast in forecasts.items():
        assert np.isnan(forecast.expected_spend).all(), name
        assert np.isnan(forecast.decline_probability).all(), name
    metrics = evaluate(forecasts["combined"], snapshot.outcome, value=snapshot.value, bootstrap=5).metrics
    assert metrics["churn_auc"] > 0.6
    assert np.isnan(metrics["spend_gini"])
    assert np.isnan(metrics["expected_maximum_profit"])


def test_nobody_ever_returns():
    forecasts, snapshot = run(log(200, 3, returns=False))
    assert (forecasts["combined"].churn_probability > 0.9).all()
    assert snapshot.outcome.bought.sum() <= 1
    evaluate(forecasts["combined"], snapshot.outcome, value=snapshot.value, bootstrap=5)


def test_a_horizon_in_which_nobody_buys():
    forecasts, snapshot = run(log(300, 4, until=250))
    assert snapshot.outcome.bought.sum() == 0
    metrics = evaluate(forecasts["combined"], snapshot.outcome, value=snapshot.value, bootstrap=5).metrics
    assert np.isnan(metrics["churn_auc"])
    assert np.isfinite(metrics["churn_brier"])


def test_thirty_customers_are_enough_to_answer():
    forecasts, _ = run(log(30, 5))
    assert set(forecasts) == set(NAMES)


def test_a_log_too_short_for_folds_holds_to_even_weights_and_says_so():
    history = log(300, 6)
    test = START + dt.timedelta(days=100)
    chosen = origins(history.first_day, HORIZON, test)
    assert "cannot be judged out of time" in chosen.statement
    learned = [Snapshot.of(history, Window(day, HORIZON)) for day in chosen.training]
    known = Snapshot.of(history, Window(test, HORIZON), with_outcome=False)
    params = candidates(["combined"])["combined"].fit([*learned, known], seed=1).params()
    assert "even weights" in params["weights_reason"]
    assert params["calibration"] == "none"


def test_an_outcome_beyond_the_log_is_refused():
    history = log(50, 7)
    with pytest.raises(ValueError, match="horizon ends on"):
        Snapshot.of(history, Window(START + dt.timedelta(days=400), HORIZON))
    with pytest.raises(ValueError, match="No customer has a purchase day by"):
        Snapshot.of(history, Window(START - dt.timedelta(days=1), HORIZON), with_outcome=False)


def test_a_sample_of_customers_depends_on_the_date_alone(monkeypatch):
    history = log(300, 8)
    window = Window(TEST, HORIZON)
    monkeypatch.setattr(snapshot, "AT_A_TIME", 70)
    one, two = (Snapshot.of(history, window, most=100) for _ in range(2))
    assert one.n == 100
    assert one.customer_id.tolist() == two.customer_id.tolist()
    whole = Snapshot.of(history, window)
    place = {c: k for k, c in enumerate(whole.customer_id.tolist())}
    rows = np.array([place[c] for c in one.customer_id.tolist()])
    np.testing.assert_array_equal(one.frequency, whole.frequency[rows])
    np.testing.assert_array_equal(one.eligible, whole.eligible[rows])
    np.testing.assert_array_equal(one.outcome.purchases, whole.outcome.purchases[rows])
    pd.testing.assert_frame_equal(one.features, whole.features.iloc[rows])
