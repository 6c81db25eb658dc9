"""Intervals hold what they promise on customers of known parameters, whose fit knows only their histories."""

import numpy as np
import pytest

from lifecycle.models.btyd import (
    AgeSpans,
    BgNbd,
    GammaGamma,
    MbgNbd,
    ParetoNbd,
    central,
    intervals,
    predictive,
    probability_spend_below,
    tables,
)
from lifecycle.models.btyd.joint_spend import enough

MONEY = GammaGamma(6.25, 3.74, 15.44)
HORIZON, RATE, N = 52.0, 0.02, 40_000


class Market:
    """Customers with purchases and their values before and after T, by a plain loop over rounds of purchases."""

    def __init__(self, model, n, seed, discount_rate=RATE, horizon=HORIZON):
        rng = np.random.default_rng(seed)
        self.T = rng.uniform(10.0, 100.0, n)
        rate = rng.gamma(model.r, 1 / model.alpha, n)
        nu = rng.gamma(MONEY.q, 1 / MONEY.v, n)
        if isinstance(model, ParetoNbd):
            stop, death = np.zeros(n), rng.standard_exponential(n) / rng.gamma(model.s, 1 / model.beta, n)
        else:
            stop = rng.beta(model.a, model.b, n)
            death = np.where((rng.random(n) < stop) & (model.first == 1), 0.0, np.inf)
        self.x, self.t_x, spent = np.zeros(n), np.zeros(n), np.zeros(n)
        self.bought, self.spend, self.residual = np.zeros(n), np.zeros(n), np.zeros(n)
        who, now = np.flatnonzero(death > 0), np.zeros(np.count_nonzero(death > 0))
        end = np.minimum(death, self.T + 25.0 / discount_rate)
        while who.size:
            now = now + rng.standard_exponential(who.size) / rate[who]
            who, now = who[now <= end[who]], now[now <= end[who]]
            value = rng.gamma(MONEY.p, 1.0, who.size) / nu[who]
            past = now <= self.T[who]
            self.x[who[past]] += 1
            self.t_x[who[past]] = now[past]
            spent[who[past]] += value[past]
            soon = ~past & (now <= self.T[who] + horizon)
            self.bought[who[soon]] += 1
            self.spend[who[soon]] += value[soon]
            self.residual[who[~past]] += (value * np.exp(-discount_rate * (now - self.T[who])))[~past]
            stays = rng.random(who.size) >= stop[who]
            who, now = who[stays], now[stays]
        self.mean = np.where(self.x > 0, spent / np.maximum(self.x, 1), np.nan)
        self.rng = rng

    @property
    def history(self):
        return self.x, self.t_x, self.T


def shares(inside, expected):
    """Share inside, over all and in each tenth by expectation (ties broken by position)."""
    tenth = np.argsort(np.argsort(expected, kind="stable"), kind="stable") * 10 // expected.size
    return [inside.mean(), *(inside[tenth == i].mean() for i in range(10))]


@pytest.mark.parametrize(
    "truth",
    [
        BgNbd(0.2426, 4.4136, 0.7929, 2.4259),
        MbgNbd(0.525, 6.18, 0.891, 1.614),
        ParetoNbd(0.553, 10.58, 0.606, 11.67),
    ],
)
def test_calibration(truth):
    market = Market(truth, N, seed=20)
    model, money = type(truth).fit(*market.history), GammaGamma.fit(market.x, market.mean)
    ahead = predictive(
        model,
        money,
        horizon=HORIZON,
        discount_rate=RATE,
        frequency=market.x,
        recency=market.t_x,
        T=market.T,
        monetary_value=market.mean,
    )
    expected = model.expected_purchases(HORIZON, *market.history)
    under, upto = ahead.purchase_cdf(market.bought - 1.0), ahead.purchase_cdf(market.bought)
    counts = under + market.rng.random(N) * (upto - under)
    atom = market.rng.random(N) * ahead.spend_cdf(0.0)
    spends = np.where(market.bought > 0, ahead.spend_cdf(market.spend), atom)
    for pit in (counts, spends):
        for share in shares((pit >= 0.05) & (pit <= 0.95), expected):
            assert 0.88 <= share <= 0.92
        assert abs(np.mean(pit) - 0.5) < 0.01
    sampling = 4.0 * np.sqrt(0.9 * 0.1 / (N / 10))
    for low, high, value in (
        (ahead.purchase_quantile(0.05), ahead.purchase_quantile(0.95), market.bought),
        (ahead.spend_quantile(0.05), ahead.spend_quantile(0.95), market.spend),
        (ahead.residual_quantile(0.05), ahead.residual_quantile(0.95), market.residual),
    ):
        for share in shares((value >= low) & (value <= high), expected):
            assert share >= 0.90 - sampling


def test_parameters_of_few_customers_count():
    """Fitted to 150 customers, intervals for others still hold; taking the fit for the truth would not."""
    truth = BgNbd(0.4, 4.4, 0.8, 2.4)
    held = {True: [], False: []}
    for seed in range(6):
        market = Market(truth, 2150, seed=100 + seed)
        seen = [v[:150] for v in market.history]
        model = BgNbd.fit(*seen)
        others = dict(zip(("frequency", "recency", "T"), (v[150:] for v in market.history), strict=True))
        for honest, fitted in ((True, model), (False, BgNbd(*model.parameters))):
            ahead = predictive(
                fitted,
                None,
                horizon=HORIZON,
                **others,
                draws=24,
                posterior=model.posterior(*seen, draws=1000) if honest else None,
            )
            under, upto = ahead.purchase_cdf(market.bought[150:] - 1.0), ahead.purchase_cdf(market.bought[150:])
            pit = under + market.rng.random(2000) * (upto - under)
            held[honest].append(((pit >= 0.05) & (pit <= 0.95)).mean())
    assert 0.87 <= np.mean(held[True]) <= 0.93
    assert abs(np.mean(held[True]) - 0.9) <= abs(np.mean(held[False]) - 0.9) + 0.01


def test_tables_agree_with_the_closed_form():
    market = Market(BgNbd(0.25, 4.4, 0.8, 2.4), 3000, seed=1)
    for model in (BgNbd(0.25, 4.4, 0.8, 2.4), ParetoNbd(0.553, 10.58, 0.606, 11.67)):
        ahead = predictive(
            model,
            MONEY,
            horizon=HORIZON,
            frequency=market.x,
            recency=market.t_x,
            T=market.T,
            monetary_value=market.mean,
        )
        for limit in (0.0, 1.0, 20.0, 100.0, 500.0):
            exact = probability_spend_below(model, MONEY, limit, HORIZON, *market.history, market.mean)
            np.testing.assert_allclose(ahead.spend_cdf(limit), exact, atol=2e-3)
        counts = np.arange(4)
        exact = np.cumsum(model.conditional_pmf(counts, HORIZON, *market.history), axis=1)
        for n in counts:
            np.testing.assert_allclose(ahead.purchase_cdf(n), exact[:, n], atol=1e-3)


def test_spend_in_closed_form_is_what_simulation_gives():
    rng = np.random.default_rng(3)
    x, t_x, T, mean, draws = 3, 20.0, 38.0, 30.0, 200_000
    for model in (BgNbd(0.25, 4.4, 0.8, 2.4), MbgNbd(0.525, 6.18, 0.891, 1.614), ParetoNbd(0.553, 10.58, 0.606, 11.67)):
        n = np.arange(300)
        chance = model.conditional_pmf(n, HORIZON, x, t_x, T)[0]
        count = rng.choice(n, draws, p=chance / chance.sum())
        nu = rng.gamma(MONEY.q + MONEY.p * x, 1 / (MONEY.v + x * mean), draws)
        spend = np.where(count > 0, rng.gamma(MONEY.p * np.maximum(count, 1)) / nu, 0.0)
        for limit in (0.0, 30.0, 100.0, 300.0):
            exact = float(probability_spend_below(model, MONEY, limit, HORIZON, x, t_x, T, mean))
            assert (spend <= limit).mean() == pytest.approx(exact, abs=4.5 * np.sqrt(0.25 / draws))


def test_quantiles_invert_the_distribution():
    market = Market(BgNbd(0.25, 4.4, 0.8, 2.4), 2000, seed=2)
    ahead = predictive(
        BgNbd(0.25, 4.4, 0.8, 2.4),
        MONEY,
        horizon=HORIZON,
        frequency=market.x,
        recency=market.t_x,
        T=market.T,
        monetary_value=market.mean,
    )
    for level in (0.5, 0.9, 0.99):
        n = ahead.purchase_quantile(level)
        assert (ahead.purchase_cdf(n) >= level - 1e-12).all() and (ahead.purchase_cdf(n - 1.0) < level).all()
        money = ahead.spend_quantile(level)
        some = money > 0
        np.testing.assert_allclose(ahead.spend_cdf(money)[some], level, atol=1e-9)
        assert (ahead.spend_cdf(0.0)[~some] >= level).all()


def test_intervals_scale_with_money_nest_and_repeat(cdnow):
    model, money = BgNbd.fit(*cdnow.history), GammaGamma.fit(cdnow.frequency, cdnow.monetary_value)

    def ahead(level, unit=1.0, history=slice(None, None, 8)):
        return intervals(
            model,
            GammaGamma(money.p, money.q, money.v * unit),
            horizon=39,
            discount_rate=0.003,
            margin=0.4,
            frequency=cdnow.frequency[history],
            recency=cdnow.recency[history],
            T=cdnow.T[history],
            monetary_value=cdnow.monetary_value[history] * unit,
            level=level,
        )

    wide, narrow, again, cents = ahead(0.95), ahead(0.5), ahead(0.95), ahead(0.95, 100.0)
    for name in ("purchases", "spend", "margin", "residual"):
        low, high = f"{name}_low", f"{name}_high"
        assert (getattr(wide, low) <= getattr(narrow, low)).all()
        assert (getattr(wide, high) >= getattr(narrow, high)).all()
        assert (getattr(wide, high) == getattr(again, high)).all()
        scale = 1.0 if name == "purchases" else 100.0
        np.testing.assert_allclose(getattr(cents, high), scale * getattr(wide, high), rtol=1e-9)
    np.testing.assert_allclose(wide.margin_high, 0.4 * wide.spend_high)


def test_without_money_there_are_counts_only():
    ahead = intervals(
        BgNbd(0.25, 4.4, 0.8, 2.4),
        None,
        horizon=39,
        discount_rate=0.003,
        margin=0.4,
        frequency=[0, 3],
        recency=[0, 9],
        T=[30, 30],
        monetary_value=None,
    )
    assert np.isnan(ahead.spend_high).all() and (ahead.purchases_high >= 0).all()
    with pytest.raises(ValueError, match="come together"):
        predictive(BgNbd(1, 1, 1, 1), MONEY, horizon=1, frequency=[0], recency=[0], T=[1])


def test_tables_of_a_whole_base_say_of_a_part_what_they_say_of_the_whole():
    model = MbgNbd(0.6, 40.0, 0.8, 2.5)
    rng = np.random.default_rng(9)
    base = model.simulate(rng.integers(1, 400, 2_000), rng)
    x, t_x, T = base.frequency, base.recency, base.T
    mean = 20.0 + x
    parts = [np.arange(x.size) % 3 == k for k in range(3)]
    spans = [AgeSpans.of(x[part], T[part]) for part in parts]
    how = {"horizon": 30.0, "discount_rate": 0.001}
    ready = tables(model, MONEY, spans[2] | spans[0] | spans[1], **how)
    whole = central(ready.at(x, t_x, T, mean), margin=0.3)
    at_once = intervals(model, MONEY, **how, margin=0.3, frequency=x, recency=t_x, T=T, monetary_value=mean)
    alone = [central(ready.at(x[part], t_x[part], T[part], mean[part]), margin=0.3) for part in parts]
    for name in ("purchases_high", "spend_low", "spend_high", "residual_low", "residual_high"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(at_once, name), err_msg=name)
        for part, found in zip(parts, alone, strict=True):
            np.testing.assert_array_equal(getattr(found, name), getattr(whole, name)[part], err_msg=name)
    with pytest.raises(ValueError, match=r"frequency 2 they know ages from .* of another age"):
        ready.at(2.0, 3.0, 5_000.0, 20.0)
    with pytest.raises(ValueError, match="frequency 5000 they know no customer"):
        ready.at(5_000.0, 3.0, 9.0, 20.0)


@pytest.mark.parametrize(
    "model",
    [BgNbd(12.1, 19.3, 1.8, 435.0), MbgNbd(12.1, 19.3, 1.9, 468.0), ParetoNbd(11.9, 19.2, 4.1, 1746.0)],
    ids=lambda model: model.name,
)
def test_counts_of_daily_buyers_are_bounded_and_whole(model):
    # The sum of their chances is rounded to more than 1e-13 off 1: what is left out must not be measured by it.
    counts = enough(model, 60.0, 300.0, 400.0, 1e-13)
    assert counts.size < 200
    chances = model._alive_pmf(counts, 60.0, 300.0, np.array([400.0, 410.0]))
    np.testing.assert_allclose(chances.sum(axis=1), 1.0, atol=1e-10)
    assert probability_spend_below(model, MONEY, np.inf, 60.0, 300, 399.0, 400.0, 8.0) == pytest.approx(1.0, abs=1e-10)


@pytest.mark.parametrize(
    "model", [MbgNbd(1e-3, 30.0, 0.5, 50.0), ParetoNbd(1e-3, 30.0, 0.5, 50.0)], ids=lambda m: m.name
)
def test_a_base_of_one_time_buyers_has_intervals(model):
    # With r near 0 drawn rates underflow to 0; warnings are errors in the tests.
    x, t_x, T = np.array([0.0, 0.0, 1.0]), np.array([0.0, 0.0, 30.0]), np.array([10.0, 200.0, 300.0])
    found = intervals(
        model,
        MONEY,
        horizon=30.0,
        discount_rate=3e-4,
        margin=0.3,
        frequency=x,
        recency=t_x,
        T=T,
        monetary_value=np.array([np.nan, np.nan, 20.0]),
    )
    assert (found.residual_high[:2] == 0.0).all()
    assert found.residual_high[2] > 0.0
