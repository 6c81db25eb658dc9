"""Numbers of the papers, vignettes and notes, to the digits they print."""

import numpy as np
import pytest

from lifecycle.models.btyd import BgNbd, GammaGamma, MbgNbd, ParetoNbd

CDNOW = [
    (BgNbd, (0.242595, 4.413602, 0.792922, 2.425907), -9582.4292, (1653.4, 0.7855, 1.6080, 0.6256)),
    (MbgNbd, (0.52484, 6.18309, 0.89136, 1.61400), -9582.1357, (1576.7, 0.7648, 1.6072, 0.6273)),
    (ParetoNbd, (0.55328, 10.57768, 0.60624, 11.66874), -9594.9762, (1665.5, 0.7545, 1.6028, 0.6302)),
]


@pytest.mark.parametrize(("kind", "parameters", "log_likelihood", "holdout"), CDNOW)
def test_cdnow_sample(cdnow, kind, parameters, log_likelihood, holdout):
    assert (cdnow.T.size, cdnow.frequency.sum(), cdnow.holdout.sum()) == (2357, 2457, 1882)
    model = kind.fit(*cdnow.history)
    np.testing.assert_allclose(model.parameters, parameters, rtol=0, atol=6e-6)
    assert model.log_likelihood == pytest.approx(log_likelihood, abs=6e-5)
    expected = model.expected_purchases(39, *cdnow.history)
    off = expected - cdnow.holdout
    found = (
        expected.sum(),
        np.abs(off).mean(),
        np.sqrt(np.square(off).mean()),
        np.corrcoef(expected, cdnow.holdout)[0, 1],
    )
    np.testing.assert_allclose(found, holdout, atol=0.06, rtol=0)
    np.testing.assert_allclose(found[1:], holdout[1:], atol=6e-5, rtol=0)


def test_standard_errors(cdnow):
    bg = BgNbd.fit(*cdnow.history)
    np.testing.assert_allclose(list(bg.standard_errors.values()), (0.01256, 0.37822, 0.18573, 0.70541), atol=6e-6)
    assert bg.covariance[2, 3] == pytest.approx(0.12322, abs=6e-6)
    pareto = ParetoNbd.fit(*cdnow.history)
    published = (0.0476264, 0.8427222, 0.1872594, 6.2105448)  # from numerical derivatives
    np.testing.assert_allclose(list(pareto.standard_errors.values()), published, rtol=2e-4)


@pytest.mark.parametrize(
    ("kind", "published"),
    [
        (BgNbd, (0.225, 0.523, 1.044, 1.520, 2.164, 2.654, 3.504, 6.157)),
        (ParetoNbd, (0.138, 0.600, 1.196, 1.714, 2.399, 2.907, 3.819, 6.403)),
    ],
)
def test_conditional_expectations_by_frequency(cdnow, kind, published):
    bins = np.minimum(cdnow.frequency, 7).astype(int)
    assert np.bincount(bins).tolist() == [1411, 439, 214, 100, 62, 38, 29, 64]
    expected = kind.fit(*cdnow.history).expected_purchases(39, *cdnow.history)
    np.testing.assert_allclose(np.bincount(bins, expected) / np.bincount(bins), published, atol=8e-4)
    actual = (0.237, 0.697, 1.393, 1.560, 2.532, 2.947, 3.862, 6.359)
    np.testing.assert_allclose(np.bincount(bins, cdnow.holdout) / np.bincount(bins), actual, atol=6e-4)


VIGNETTE_BG = BgNbd(0.2425945, 4.4136019, 0.7929199, 2.4258881)
VIGNETTE_PARETO = ParetoNbd(0.5533971, 10.5801985, 0.6060625, 11.6562237)


def test_single_customers():
    assert float(CDNOW[0][0](*CDNOW[0][1]).expected_purchases(39, 2, 30.43, 38.86)) == pytest.approx(1.226, abs=6e-4)
    assert float(VIGNETTE_BG.expected_purchases(52, 26, 30.857, 31)) == pytest.approx(25.75659, rel=4e-5)
    assert float(VIGNETTE_BG.p_alive(26, 30.857, 31)) == pytest.approx(0.9688523, abs=2e-6)
    assert float(VIGNETTE_BG.expected_purchases_new(52)) == pytest.approx(1.444004, rel=1e-5)
    assert float(VIGNETTE_PARETO.expected_purchases(52, 26, 30.857, 31)) == pytest.approx(25.45647, rel=1e-4)
    assert float(VIGNETTE_PARETO.p_alive(26, 30.857, 31)) == pytest.approx(0.997874, abs=4e-6)
    assert float(CDNOW[2][0](*CDNOW[2][1]).expected_purchases_new(52)) == pytest.approx(1.473434, abs=1e-5)


def test_many_early_purchases_expect_fewer_to_come():
    """The table of the BTYD vignette: purchases in 52 weeks after T = 39, the last at 20, for x = 10, 15, 20, 25."""
    x = [10, 15, 20, 25]
    bg = (0.3474606, 0.04283391, 0.004158973, 0.0003583685)
    np.testing.assert_allclose(VIGNETTE_BG.expected_purchases(52, x, 20, 39), bg, rtol=2e-4)
    pareto = (0.7062289, 0.1442396, 0.02250658, 0.00309267)
    np.testing.assert_allclose(VIGNETTE_PARETO.expected_purchases(52, x, 20, 39), pareto, rtol=1e-3)


def test_counts_of_new_customers():
    model = BgNbd(0.243, 4.414, 0.793, 2.426)  # as the vignette rounds them
    assert float(model.pmf(0, 39)) == pytest.approx(0.5737864, abs=6e-8)
    assert float(model.pmf(10, 2)) == pytest.approx(1.07869e-7, rel=6e-6)


def test_dert_agrees_with_the_converged_value():
    model = BgNbd(0.242595, 4.413602, 0.792922, 2.425907)
    assert float(model.dert(np.log(1.15) / 52, 2, 30.43, 38.86)) == pytest.approx(5.16953777, abs=1e-8)


def test_gamma_gamma_on_the_946_repeat_customers(cdnow):
    money = GammaGamma.fit(cdnow.frequency, cdnow.monetary_value)
    assert money.n == 946
    np.testing.assert_allclose(money.parameters, (6.24957, 3.74423, 15.44353), rtol=2e-6)
    assert money.log_likelihood == pytest.approx(-4055.9177, abs=6e-5)


def test_all_of_cdnow(cdnow_full):
    assert cdnow_full.T.size == 23_570
    model = BgNbd.fit(*cdnow_full.history)
    np.testing.assert_allclose(model.parameters, (0.251624, 4.788943, 0.723434, 2.161088), rtol=3e-6)
    assert model.log_likelihood == pytest.approx(-95368.4439, abs=6e-5)
    assert cdnow_full.holdout.sum() == 19_684
    assert model.expected_purchases(39, *cdnow_full.history).sum() == pytest.approx(16_873.7, abs=0.06)


@pytest.mark.parametrize(
    ("kind", "parameters", "log_likelihood"),
    [
        (ParetoNbd, (0.78644, 5.67904, 0.38624, 5.71779), -15782.392),
        (BgNbd, (0.34865, 2.58167, 0.50385, 3.64439), -15836.566),
        (MbgNbd, (1.25692, 6.03914, 0.36828, 0.71576), -15781.939),
    ],
)
def test_grocery(grocery, kind, parameters, log_likelihood):
    assert (grocery.T.size, grocery.holdout.sum()) == (1525, 3389)
    model = kind.fit(*grocery.history)
    np.testing.assert_allclose(model.parameters, parameters, rtol=0, atol=6e-6)
    assert model.log_likelihood == pytest.approx(log_likelihood, abs=6e-4)


@pytest.mark.parametrize(
    ("kind", "log_likelihood"), [(ParetoNbd, -5848.0978), (BgNbd, -5857.0197), (MbgNbd, -5848.0453)]
)
def test_apparel(apparel, kind, log_likelihood):
    assert kind.fit(*apparel.history).log_likelihood == pytest.approx(log_likelihood, abs=6e-5)
