"""The evaluation: noise that is honest, pairs that are paired, and words where something is wrong."""

import dataclasses

import numpy as np
import pytest

from lifecycle.models.evaluation import MEANINGS, Campaign, decide, evaluate
from lifecycle.models.evaluation import evaluate as package_function
from lifecycle.models.evaluation.evaluation import RESAMPLED
from lifecycle.models.forecasting.forecast import Forecast, Outcome


def world(seed, n=1500, money=True):
    """Return (forecast, outcome, value) where the forecast is the truth the outcome was drawn from."""
    rng = np.random.default_rng(seed)
    p = rng.beta(0.8, 1.2, n)
    bought = rng.random(n) < p
    spend = np.where(bought, rng.gamma(2.0, 25.0, n), 0.0) if money else np.full(n, np.nan)
    eligible = rng.random(n) < 0.3
    declining = np.where(eligible, (bought & (rng.random(n) < 0.3)).astype(float), np.nan)
    outcome = Outcome(bought, bought.astype(np.int64), spend, eligible, declining)
    missing = np.full(n, np.nan)
    decline = np.where(eligible, 0.3 * p, np.nan)
    forecast = Forecast(1 - p, decline, missing, p, p * 50.0 if money else missing)
    return forecast, outcome, rng.lognormal(3, 1, n) if money else missing


def test_every_candidate_has_the_same_names():
    with_money, without = (
        evaluate(*world(1, money=money)[:2], value=world(1, money=money)[2], bootstrap=5) for money in (True, False)
    )
    assert list(with_money.metrics) == list(without.metrics) == list(MEANINGS)
    assert np.isnan(without.metrics["spend_mae"])
    assert np.isnan(without.metrics["profit_at_budget"])
    assert np.isfinite(without.metrics["churn_auc"])
    assert "spend_mae" not in without.intervals


def test_bootstrap_intervals_cover_the_truth():
    truth = evaluate(*world(99, 200_000)[:2], value=np.ones(200_000), bootstrap=1).metrics["churn_auc"]
    inside = 0
    for seed in range(30):
        forecast, outcome, value = world(seed, 600)
        low, high = evaluate(forecast, outcome, value=value, seed=seed, bootstrap=60).intervals["churn_auc"]
        inside += low <= truth <= high
    assert inside >= 22  # of 30 at 90 %: under 1 in 100 of falling lower


def test_a_large_base_has_narrow_intervals_from_few_draws():
    n = 4 * RESAMPLED
    forecast, outcome, value = world(5, n)
    small = forecast.take(np.arange(RESAMPLED)), outcome.take(np.arange(RESAMPLED)), value[:RESAMPLED]
    wide = evaluate(small[0], small[1], value=small[2], bootstrap=40).intervals["churn_brier"]
    narrow = evaluate(forecast, outcome, value=value, bootstrap=40).intervals["churn_brier"]
    assert (narrow[1] - narrow[0]) / (wide[1] - wide[0]) == pytest.approx(0.5, abs=0.2)


def test_pairing_sees_differences_that_single_intervals_hide():
    forecast, outcome, value = world(11)
    worse = dataclasses.replace(forecast, churn_probability=np.clip(forecast.churn_probability * 0.9, 0, 1))
    good, bad = (evaluate(f, outcome, value=value, bootstrap=100) for f in (forecast, worse))
    assert good.intervals["churn_log_loss"][1] > bad.intervals["churn_log_loss"][0]  # they overlap
    difference, low, high = bad.difference(good, "churn_log_loss")
    assert 0 < low < difference < high


def test_the_same_twice_is_the_same_to_the_last_bit():
    forecast, outcome, value = world(2)
    first, second = (evaluate(forecast, outcome, value=value, seed=4, bootstrap=20) for _ in range(2))
    np.testing.assert_equal(first.metrics, second.metrics)
    assert first.intervals == second.intervals
    assert evaluate(forecast, outcome, value=value, seed=5, bootstrap=20).intervals != first.intervals


def test_errors_say_which_and_how_many():
    forecast, outcome, value = world(3)
    with pytest.raises(ValueError, match=r"churn_probability must lie in \[0, 1\]; 2 of 1500"):
        broken = forecast.churn_probability.copy()
        broken[:2] = [1.2, np.nan]
        evaluate(dataclasses.replace(forecast, churn_probability=broken), outcome, value=value)
    with pytest.raises(ValueError, match="value has 3 entries, the outcome 1500"):
        evaluate(forecast, outcome, value=np.ones(3))
    other = evaluate(*world(4)[:2], value=world(4)[2], bootstrap=2)
    with pytest.raises(ValueError, match="same window"):
        evaluate(forecast, outcome, value=value, bootstrap=2).difference(other, "churn_auc")


def judged(forecast, outcome, value):
    return package_function(forecast, outcome, value=value, campaign=Campaign(), bootstrap=100)


def test_the_promotion_rule_in_all_its_cases():
    forecast, outcome, value = world(21, 3000)
    noise = np.random.default_rng(0).normal(0, 1.0, 3000)
    odds = np.log(forecast.churn_probability / (1 - forecast.churn_probability))
    blurred = dataclasses.replace(forecast, churn_probability=1 / (1 + np.exp(-(odds + noise))))
    shifted = dataclasses.replace(forecast, churn_probability=1 / (1 + np.exp(-(odds + 0.8))))
    good, poor, biased = (judged(f, outcome, value) for f in (forecast, blurred, shifted))

    assert decide(None, poor).promote
    assert decide(poor, good).promote
    assert "better beyond noise" in decide(poor, good).reason
    assert not decide(good, poor).promote
    assert not decide(good, good).promote
    assert "forecasts the same" in decide(good, good).reason
    assert decide(good, good, champion_age_days=91, horizon=90).promote
    assert not decide(good, good, champion_age_days=90, horizon=90).promote
    assert not decide(good, poor, champion_age_days=400, horizon=90).promote
    assert not decide(poor, good, reproduces=False).promote
    calibrated = decide(good, biased, metric="churn_auc", champion_age_days=400)
    assert not calibrated.promote
    assert "worse calibrated" in calibrated.reason
    with pytest.raises(ValueError, match="cannot decide a promotion"):
        decide(good, poor, metric="spend_bias")
