"""Metrics against scikit-learn and SciPy, and against what weights must mean."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from lifecycle.models.evaluation import metrics as m

RNG = np.random.default_rng(7)
N = 400
SCORE = RNG.random(N).round(2)  # with ties
HAPPENED = (RNG.random(N) < SCORE).astype(float)
AMOUNT = HAPPENED * RNG.lognormal(3, 1, N)
WEIGHT = RNG.integers(0, 4, N).astype(float)


@pytest.mark.parametrize("weight", [np.ones(N), WEIGHT])
def test_classification_metrics_agree_with_scikit_learn(weight):
    theirs = {
        m.log_loss: sk.log_loss(HAPPENED, np.clip(SCORE, 1e-15, 1 - 1e-15), sample_weight=weight),
        m.brier: sk.brier_score_loss(HAPPENED, SCORE, sample_weight=weight),
        m.auc: sk.roc_auc_score(HAPPENED, SCORE, sample_weight=weight),
        m.average_precision: sk.average_precision_score(HAPPENED, SCORE, sample_weight=weight),
    }
    for metric, value in theirs.items():
        assert metric(SCORE, HAPPENED)(weight) == pytest.approx(value, rel=1e-12), metric.__name__


@pytest.mark.parametrize("weight", [np.ones(N), WEIGHT])
def test_regression_metrics_agree_with_scikit_learn_and_scipy(weight):
    assert m.rmse(SCORE, AMOUNT)(weight) == pytest.approx(
        sk.root_mean_squared_error(AMOUNT, SCORE, sample_weight=weight), rel=1e-12
    )
    error = m.mean_of(np.abs(SCORE - AMOUNT))(weight)
    assert error == pytest.approx(sk.mean_absolute_error(AMOUNT, SCORE, sample_weight=weight), rel=1e-12)
    drawn = np.repeat(np.arange(N), weight.astype(int))
    assert m.spearman(SCORE, AMOUNT)(weight) == pytest.approx(
        stats.spearmanr(SCORE[drawn], AMOUNT[drawn])[0], rel=1e-12
    )


@pytest.mark.parametrize("factory", [m.lift, m.captured, m.normalised_gini, m.calibration_error, m.bias])
def test_a_weight_of_three_is_the_customer_three_times(factory):
    actual = AMOUNT if factory in (m.captured, m.normalised_gini, m.bias) else HAPPENED
    drawn = np.repeat(np.arange(N), WEIGHT.astype(int))
    if factory is m.calibration_error:  # bins are cut on the original customers and stay
        cut = m.Bins.equal_count(SCORE)
        gaps = [WEIGHT[cut.index == k] @ (SCORE - HAPPENED)[cut.index == k] for k in range(cut.count)]
        assert factory(SCORE, actual)(WEIGHT) == pytest.approx(np.abs(gaps).sum() / WEIGHT.sum(), rel=1e-12)
        return
    repeated = factory(SCORE[drawn], actual[drawn])(np.ones(drawn.size))
    assert factory(SCORE, actual)(WEIGHT) == pytest.approx(repeated, rel=1e-12)


def test_a_perfect_order_has_gini_one_and_the_reverse_minus_one():
    value = np.arange(1.0, 51.0)
    assert m.normalised_gini(value, value)(np.ones(50)) == pytest.approx(1.0)
    assert m.normalised_gini(-value, value)(np.ones(50)) == pytest.approx(-1.0)


def test_one_score_for_all_tells_nothing():
    same = np.full(N, 0.4)
    ones = np.ones(N)
    assert m.auc(same, HAPPENED)(ones) == 0.5
    assert m.lift(same, HAPPENED)(ones) == pytest.approx(1.0)
    assert m.captured(same, AMOUNT)(ones) == pytest.approx(0.1)
    assert np.isnan(m.spearman(same, AMOUNT)(ones))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 5.0))
def test_rank_metrics_see_order_alone(seed, power):
    rng = np.random.default_rng(seed)
    score, happened, amount = rng.random(60), rng.random(60) < 0.4, rng.exponential(1, 60)
    if happened.all() or not happened.any():
        return
    ones = np.ones(60)
    for metric, actual in [(m.auc, happened.astype(float)), (m.normalised_gini, amount), (m.spearman, amount)]:
        assert metric(score**power, actual)(ones) == pytest.approx(metric(score, actual)(ones), abs=1e-12)


def test_undefined_metrics_are_missing_rather_than_zero():
    ones, none = np.ones(4), np.zeros(4)
    score = np.array([0.1, 0.2, 0.3, 0.4])
    assert np.isnan(m.auc(score, none)(ones))
    assert np.isnan(m.average_precision(score, none)(ones))
    assert np.isnan(m.bias(score, none)(ones))
    assert np.isnan(m.normalised_gini(score, none)(ones))
