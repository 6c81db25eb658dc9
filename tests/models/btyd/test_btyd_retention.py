"""Terms of value at risk against simulation of what they mean."""

import numpy as np
import pytest

from lifecycle.models.btyd import BgNbd, MbgNbd, ParetoNbd, retention_terms

MODELS = [
    BgNbd(0.2426, 4.4136, 0.7929, 2.4259),
    MbgNbd(0.525, 6.18, 0.891, 1.614),
    ParetoNbd(0.553, 10.58, 0.606, 11.67),
]
H, Y, RATE, DRAWS = 13.0, 52.0, 0.01, 300_000


def worth(rate, leaving):
    return rate * -np.expm1(-(RATE + leaving) * Y) / (RATE + leaving)


def near(value, draws, weights=None):
    """Within five standard errors of the draws' (weighted) mean."""
    weights = np.ones(draws.size) if weights is None else weights
    mean = np.average(draws, weights=weights)
    error = np.sqrt(np.sum(np.square(weights * (draws - mean)))) / weights.sum()
    assert float(value) == pytest.approx(mean, abs=5 * error)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("history", [(3, 20.0, 38.0), (0, 0.0, 38.0), (26, 30.857, 31.0)])
def test_terms_mean_what_they_say(model, history):
    x, t_x, T = history
    rng = np.random.default_rng(7)
    terms = retention_terms(model, horizon=H, value_horizon=Y, discount_rate=RATE, frequency=x, recency=t_x, T=T)
    rate = rng.gamma(model.r + x, 1 / (model.alpha + T), DRAWS)
    if isinstance(model, ParetoNbd):
        leaving = rng.gamma(model.s, 1 / (model.beta + T), DRAWS)
        near(terms.q0, (leaving + rate * np.exp(-(rate + leaving) * H)) / (rate + leaving))
        past = rng.gamma(model.r + x, 1 / (model.alpha + t_x), DRAWS)
        death = rng.gamma(model.s, 1 / model.beta, DRAWS)
        chance = death / (past + death) * np.exp(-death * t_x) * -np.expm1(-(past + death) * (T - t_x))
        near(terms.w_back, worth(past, death), chance)
    else:
        m = model.b + model.first
        leaving = rate * rng.beta(model.a, m + x, DRAWS)
        near(terms.q0, np.exp(-rate * H))
        if x == 0 and not model.first:
            assert terms.w_back == 0.0
        else:
            past = rng.gamma(model.r + x, 1 / (model.alpha + t_x), DRAWS)
            near(terms.w_back, worth(past, past * rng.beta(model.a + 1, m + x - 1, DRAWS)))
    near(terms.kappa, np.exp(-leaving * H))
    near(terms.w_prevent, -np.expm1(-leaving * H) * worth(rate, leaving))


@pytest.mark.parametrize("model", MODELS)
def test_churn_splits_into_silence_and_departure(model):
    x, t_x, T = np.array([0, 2, 9]), np.array([0.0, 10.0, 30.0]), np.array([38.0, 38.0, 38.0])
    terms = retention_terms(model, horizon=H, value_horizon=Y, discount_rate=RATE, frequency=x, recency=t_x, T=T)
    alive = model.p_alive(x, t_x, T)
    churn = model.probability_no_purchase(H, x, t_x, T)
    np.testing.assert_allclose((1 - churn) / (1 - terms.q0), alive, rtol=1e-12)
    assert ((terms.kappa > 0) & (terms.kappa < 1)).all()
    whole = model.expected_discounted_purchases(Y, RATE, x, t_x, T) / alive
    assert (terms.w_prevent < whole * (1 - 1e-9)).all()


def test_leaving_for_certain_takes_everything():
    """With a horizon without end everyone leaves: what prevention can save is all there is."""
    model = BgNbd(0.6, 4.4, 3.0, 2.0)
    terms = retention_terms(model, horizon=1e9, value_horizon=Y, discount_rate=RATE, frequency=3, recency=20, T=38)
    whole = model.expected_discounted_purchases(Y, RATE, 3, 20, 38) / model.p_alive(3, 20, 38)
    assert float(terms.w_prevent) == pytest.approx(float(whole), rel=1e-4)
    assert float(terms.kappa) < 1e-4
