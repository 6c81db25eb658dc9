"""Who wins a training: the forecast that knows the truth, whatever another gains by saying too little."""

import numpy as np
import pytest

from lifecycle.models.evaluation import evaluate, winner
from lifecycle.models.forecasting import Forecast
from lifecycle.models.forecasting.forecast import Outcome


@pytest.fixture(scope="module")
def market():
    """Chances to buy and money a buyer that are known, and what came of them."""
    rng = np.random.default_rng(4)
    n = 6_000
    likely, basket = rng.beta(0.8, 2.0, n), rng.lognormal(3.0, 0.8, n)
    bought = rng.random(n) < likely
    spend = np.where(bought, basket * rng.gamma(1.5, 1 / 1.5, n), 0.0)
    outcome = Outcome(bought, bought.astype(np.int64), spend, np.zeros(n, bool), np.full(n, np.nan))
    return likely, basket, outcome


def judged(market, *, level=1.0, noise=0.0):
    likely, basket, outcome = market
    blur = np.exp(noise * np.random.default_rng(5).standard_normal(likely.size))
    p = np.clip(likely * blur, 1e-6, 1 - 1e-6)
    missing = np.full(p.size, np.nan)
    forecast = Forecast(1 - p, missing, missing, p, level * p * basket)
    return evaluate(forecast, outcome, value=basket, bootstrap=20)


def test_the_truth_wins_though_a_low_forecast_has_the_smaller_absolute_error(market):
    truth, low = judged(market), judged(market, level=0.6)
    assert low.metrics["spend_mae"] < truth.metrics["spend_mae"]
    assert truth.metrics["spend_deviance"] < low.metrics["spend_deviance"]
    name, why = winner({"bgnbd": low, "combined": truth})
    assert name == "combined"
    assert "ahead of bgnbd" in why


def test_a_large_lead_in_probability_outweighs_a_hairs_breadth_elsewhere(market):
    truth, blurred = judged(market), judged(market, noise=0.8)
    assert winner({"bgnbd": blurred, "lightgbm": truth})[0] == "lightgbm"
    assert winner({"mbgnbd": truth, "bgnbd": truth})[0] == "bgnbd"


def test_the_combination_gives_way_only_to_a_lead_beyond_noise(market):
    truth, alike, blurred = judged(market), judged(market, noise=0.01), judged(market, noise=0.8)
    assert winner({"combined": truth, "bgnbd": truth})[0] == "combined"
    name, why = winner({"combined": truth, "lightgbm": alike})
    assert name == "combined"
    assert why.startswith("lightgbm is 0.1% ahead in mean loss, not beyond noise: the combination stays first")
    assert winner({"combined": blurred, "lightgbm": truth})[0] == "lightgbm"


def test_references_never_win(market):
    truth, blurred = judged(market), judged(market, noise=0.8)
    assert winner({"lifetimes": truth, "naive": truth, "mbgnbd": blurred})[0] == "mbgnbd"
    with pytest.raises(ValueError, match="only what others are measured against"):
        winner({"naive": truth})
