"""Each check stays silent where the model's story is true, and speaks where it is made false."""

import numpy as np

from lifecycle.models.btyd import BgNbd, GammaGamma, check, exceeded
from lifecycle.models.btyd.checks import (
    cohorts_drift,
    frequencies_are_dispersed,
    gaps_are_regular,
    mean_spend_is_infinite,
    spend_depends_on_frequency,
)


def test_cdnow_passes_all(cdnow):
    model = BgNbd.fit(*cdnow.history)
    money = GammaGamma.fit(cdnow.frequency, cdnow.monetary_value)
    findings = check(model, money, *cdnow.history, cdnow.monetary_value, offsets=cdnow.offsets, day=cdnow.day)
    assert len(findings) == 5 and exceeded(findings) == ()
    assert all(finding.sentence.endswith(".") and finding.action for finding in findings)


def test_value_that_hangs_on_frequency():
    rng = np.random.default_rng(0)
    x = rng.integers(1, 20, 2000).astype(float)
    value = rng.gamma(5.0, 4.0, 2000)
    assert not spend_depends_on_frequency(x, value).exceeded
    found = spend_depends_on_frequency(x, value * x**0.5)
    assert found.exceeded and "too far down" in found.action


def test_regularity_recovers_erlang_shapes():
    """Gaps of shape k drawn a thousandth of a day fine: the estimate is k."""
    rng = np.random.default_rng(1)
    for shape in (1.0, 2.0, 5.0):
        scale = rng.gamma(0.7, 40.0, (20_000, 1)) + 1.0
        days = np.cumsum(np.column_stack((np.zeros(20_000), rng.gamma(shape, 1.0, (20_000, 2)) * scale)), axis=1)
        found = gaps_are_regular(np.arange(0, 60_001, 3), days.reshape(-1))
        assert abs(found.value - shape) < 0.15 * shape
        assert found.exceeded == (shape > 1.5)


def test_dispersion_of_the_models_own_customers_and_of_extreme_ones():
    rng = np.random.default_rng(2)
    model = BgNbd(0.6, 10.0, 0.6, 2.0)
    drawn = model.simulate(rng.uniform(10.0, 60.0, 20_000), rng)
    assert not frequencies_are_dispersed(model, drawn.frequency, drawn.recency, drawn.T).exceeded
    x = drawn.frequency.copy()
    x[x > 0] = np.where(rng.random(np.count_nonzero(x)) < 0.02, 40 * x[x > 0], x[x > 0])
    assert frequencies_are_dispersed(model, x, drawn.recency, drawn.T).exceeded


def test_drift():
    rng = np.random.default_rng(3)
    model, keener = BgNbd(0.6, 10.0, 0.6, 2.0), BgNbd(1.2, 10.0, 0.6, 2.0)
    old, young = model.simulate(rng.uniform(40.0, 60.0, 4000), rng), keener.simulate(rng.uniform(10.0, 40.0, 4000), rng)
    same = model.simulate(rng.uniform(10.0, 60.0, 8000), rng)
    assert not cohorts_drift(BgNbd, same.frequency, same.recency, same.T).exceeded
    both = (np.concatenate((getattr(old, name), getattr(young, name))) for name in ("frequency", "recency", "T"))
    found = cohorts_drift(BgNbd, *both)
    assert found.exceeded and found.value > 1.25


def test_infinite_mean():
    assert not mean_spend_is_infinite(GammaGamma(6.0, 3.7, 15.0)).exceeded
    assert mean_spend_is_infinite(GammaGamma(6.0, 0.9, 15.0)).exceeded
