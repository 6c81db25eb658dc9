"""Calibration: the right map is found, none where none helps, and its order is kept."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from lifecycle.models.forecasting.calibration import KINDS, Calibration, Fold, choose, fit


def folds(distort, seed=0, count=3, n=4000):
    """Return folds whose events follow p while the forecast says distort(p)."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        p = rng.beta(0.7, 1.5, n)
        found.append(Fold(distort(p), (rng.random(n) < p).astype(float), np.ones(n)))
    return found


def test_overconfidence_is_cooled_by_its_temperature():
    found = choose(folds(lambda p: expit(logit(p) * 2.5)))
    assert found.kind == "temperature"
    assert found.parameters[0] == pytest.approx(2.5, rel=0.05)


def test_a_forecast_that_is_right_stays_as_it_is():
    found = choose(folds(lambda p: p))
    assert found.kind == "none"
    p = np.array([0.1, 0.9])
    assert found.apply(p) is p
    assert "taken: none" in found.reason


def test_a_one_sided_distortion_takes_more_than_a_temperature():
    found = choose(folds(lambda p: p**3))
    assert found.kind in ("beta", "isotonic")
    p = np.linspace(0.05, 0.95, 50)
    np.testing.assert_allclose(found.apply(p**3), p, atol=0.05)


def test_a_lucky_fold_is_not_enough():
    helpful, harmful = folds(lambda p: expit(logit(p) * 2.5), seed=1, count=1), folds(lambda p: p, seed=2, count=2)
    assert choose([*helpful, *harmful]).kind == "none"
    assert "at least 2 are needed" in choose(helpful).reason


@pytest.mark.parametrize("kind", KINDS)
def test_weights_stand_for_repeated_customers(kind):
    fold = folds(lambda p: expit(logit(p) * 1.7), count=1, n=300)[0]
    weight = np.random.default_rng(1).integers(1, 4, 300).astype(float)
    drawn = np.repeat(np.arange(300), weight.astype(int))
    repeated = Fold(fold.probability[drawn], fold.happened[drawn], np.ones(drawn.size))
    p = np.linspace(0.02, 0.98, 40)
    a = fit(kind, [Fold(fold.probability, fold.happened, weight)]).apply(p)
    np.testing.assert_allclose(a, fit(kind, [repeated]).apply(p), atol=2e-3)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.sampled_from(KINDS))
def test_order_is_kept_and_documents_come_back(seed, kind):
    found = fit(kind, folds(lambda p: np.sqrt(p), seed=seed, count=1, n=200))
    p = np.sort(np.random.default_rng(seed).random(100))
    mapped = found.apply(p)
    assert (np.diff(mapped) >= 0).all()
    assert ((mapped > 0) & (mapped < 1)).all()
    assert Calibration.from_document(found.to_document()) == found
