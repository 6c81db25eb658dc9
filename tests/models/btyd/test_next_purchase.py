"""The time to the next purchase against simulated customers whose next purchase is known."""

import numpy as np
import pytest

from lifecycle.models.btyd import MbgNbd, next_purchase_in

MODEL = MbgNbd(0.525, 6.18, 0.891, 1.614)


@pytest.mark.parametrize(("x", "T"), [(0, 31.0), (3, 38.0), (26, 31.0)])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_as_many_next_purchases_have_come_as_is_said(x, T, share):
    rng = np.random.default_rng(5)
    rate = rng.gamma(MODEL.r + x, 1.0 / (MODEL.alpha + T), 200_000)
    gap = rng.exponential(1.0 / rate)
    come = gap[gap <= 26.0]
    by = float(next_purchase_in(MODEL, within=26.0, share=share, frequency=x, T=T))
    assert np.mean(come <= by) == pytest.approx(share, abs=0.006)


def test_a_wide_window_is_the_whole_distribution_and_it_lies_ahead():
    by = next_purchase_in(MODEL, within=1e12, share=0.5, frequency=[3, 900], T=[38.0, 1e4])
    np.testing.assert_allclose(by, (6.18 + np.array([38.0, 1e4])) * (2 ** (1 / (0.525 + np.array([3, 900]))) - 1))
    assert (next_purchase_in(MODEL, within=1e-3, share=0.01, frequency=0, T=0.0) > 0).all()


@pytest.mark.parametrize(
    ("within", "share", "said"), [(26, 0, "share must be"), (26, 1.5, "share"), (0, 0.5, "within")]
)
def test_what_cannot_be_meant_is_refused(within, share, said):
    with pytest.raises(ValueError, match=said):
        next_purchase_in(MODEL, within=within, share=share, frequency=0, T=1.0)
