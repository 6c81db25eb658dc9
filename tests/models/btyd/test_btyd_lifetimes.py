"""lifetimes stays in use: its fitters take our parameters, and both agree wherever lifetimes is right."""

import warnings

import matplotlib
import numpy as np
import pandas as pd
import pytest

from lifecycle.models.btyd import BgNbd, GammaGamma, MbgNbd, ParetoNbd
from lifecycle.models.btyd.collapse import learnable
from lifecycle.models.btyd.lifetimes_bridge import lifetimes_package

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def quiet():
    """lifetimes changes the warning filters and divides by zero as it works."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize(
    ("kind", "fitter"), [(BgNbd, "BetaGeoFitter"), (MbgNbd, "ModifiedBetaGeoFitter"), (ParetoNbd, "ParetoNBDFitter")]
)
def test_fits_agree_and_ours_is_not_lower(cdnow, kind, fitter):
    theirs = getattr(lifetimes_package(), fitter)().fit(*cdnow.history)
    ours = kind.fit(*cdnow.history)
    np.testing.assert_allclose(ours.parameters, theirs.params_.to_numpy(), rtol=2e-2 if kind is ParetoNbd else 2e-3)
    target = kind._target(learnable(*cdnow.history, None))
    assert ours.log_likelihood >= float(target.likelihood(theirs.params_.to_numpy())[0]) - 1e-8


@pytest.mark.parametrize("kind", [BgNbd, MbgNbd, ParetoNbd])
def test_predictions_agree(cdnow, kind):
    model = kind.fit(*cdnow.history)
    theirs = model.to_lifetimes(*cdnow.history)
    x, t_x, T = cdnow.history
    np.testing.assert_allclose(model.p_alive(x, t_x, T), theirs.conditional_probability_alive(x, t_x, T), rtol=1e-7)
    expected = theirs.predict(39, x, t_x, T)
    np.testing.assert_allclose(model.expected_purchases(39, x, t_x, T), expected, rtol=1e-7)
    times = np.array([1.0, 39.0, 200.0])
    np.testing.assert_allclose(
        model.expected_purchases_new(times), theirs.expected_number_of_purchases_up_to_time(times), rtol=1e-9
    )
    assert theirs._negative_log_likelihood_ == pytest.approx(-model.log_likelihood / 2357)


def test_where_lifetimes_has_no_number_there_is_one():
    """x = 0 and a + b < 1 is NaN there."""
    model = BgNbd(0.4, 5.0, 0.3, 0.5)
    theirs = model.to_lifetimes().conditional_expected_number_of_purchases_up_to_time(10, 0, 0, 3)
    assert not np.isfinite(theirs)
    assert 0 < float(model.expected_purchases(10, 0, 0, 3)) < 0.4 * 10 / 8


def test_money_agrees(cdnow):
    own = cdnow.frequency > 0
    x, mean = cdnow.frequency[own], cdnow.monetary_value[own]
    model = GammaGamma.fit(cdnow.frequency, cdnow.monetary_value)
    theirs = lifetimes_package().GammaGammaFitter().fit(pd.Series(x), pd.Series(mean))
    np.testing.assert_allclose(model.parameters, theirs.params_.to_numpy(), rtol=1e-3)
    value = model.to_lifetimes(x, mean).conditional_expected_average_profit()
    np.testing.assert_allclose(model.expected_monetary_value(x, mean), value.to_numpy(), rtol=1e-12)


@pytest.mark.parametrize("kind", [BgNbd, MbgNbd])
def test_its_plots_work_on_our_fits(cdnow, kind):
    from lifetimes import plotting
    from matplotlib import pyplot

    fitter = kind.fit(*cdnow.history).to_lifetimes(*cdnow.history)
    np.random.seed(0)  # noqa: NPY002 - lifetimes draws from the global generator
    assert plotting.plot_period_transactions(fitter).patches
    [matrix] = plotting.plot_probability_alive_matrix(fitter, max_frequency=5, max_recency=5).images
    shown = np.asarray(matrix.get_array())
    assert shown.shape == (6, 6)
    assert ((shown >= 0) & (shown <= 1)).all()
    pyplot.close("all")
