"""Fits: derivatives against differences of a plain likelihood, certificates, invariances, and fits without maximum."""

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betaln, gammaln, hyp2f1

from lifecycle.models.btyd import BgNbd, GammaGamma, MbgNbd, ParetoNbd, fit_best

PURCHASES = [BgNbd, MbgNbd, ParetoNbd]


def plain_bg(theta, x, t_x, T, first):
    """Fader, Hardie and Lee's eq. 6 (and its MBG/NBD sister), customer by customer."""
    r, alpha, a, b = theta
    y = x + first
    alive = betaln(a, b + y) - betaln(a, b) - (r + x) * np.log(alpha + T)
    with np.errstate(divide="ignore", invalid="ignore"):
        gone = np.where(y > 0, betaln(a + 1, b + y - 1) - betaln(a, b), -np.inf) - (r + x) * np.log(alpha + t_x)
    return np.sum(gammaln(r + x) - gammaln(r) + r * np.log(alpha) + np.logaddexp(alive, gone))


def plain_pareto(theta, x, t_x, T):
    """Fader and Hardie's note 009 with alpha >= beta, by 2F1."""
    r, alpha, s, beta = theta
    assert alpha >= beta
    k = r + s + x

    def part(time):
        z = (alpha - beta) / (alpha + time)
        return hyp2f1(k, s + 1, k + 1, z) / (alpha + time) ** k

    bracket = 1 / ((alpha + T) ** (r + x) * (beta + T) ** s) + s / k * (part(t_x) - part(T))
    return np.sum(gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta) + np.log(bracket))


@pytest.fixture(scope="module")
def some():
    rng = np.random.default_rng(11)
    drawn = BgNbd(0.6, 9.0, 0.8, 2.5).simulate(rng.uniform(5.0, 60.0, 300), rng)
    return drawn.frequency, drawn.recency, drawn.T


def spread(sums, size):
    """Value, gradient and full Hessian from a likelihood's sums."""
    hessian = np.zeros((size, size))
    hessian[np.triu_indices(size)] = sums[size + 1 :]
    return sums[0], sums[1 : size + 1], hessian + np.triu(hessian, 1).T


@pytest.mark.parametrize("kind", PURCHASES)
def test_value_gradient_and_hessian(some, kind):
    theta = np.array([0.7, 11.0, 0.9, 4.0])
    target = kind._target(_rows(some))
    value, gradient, hessian = spread(target.likelihood(theta), 4)
    plain = plain_pareto(theta, *some) if kind is ParetoNbd else plain_bg(theta, *some, kind.first)
    assert value == pytest.approx(plain, rel=1e-11)
    assert target.likelihoods(theta[None])[0] == pytest.approx(plain, rel=1e-8)
    for i in range(4):
        step = np.zeros(4)
        step[i] = 1e-5 * theta[i]
        up, down = (spread(target.likelihood(theta + sign * step), 4) for sign in (1, -1))
        assert (up[0] - down[0]) / (2 * step[i]) == pytest.approx(gradient[i], rel=2e-6, abs=1e-5)
        np.testing.assert_allclose((up[1] - down[1]) / (2 * step[i]), hessian[i], rtol=2e-6, atol=1e-4)


def _rows(history):
    from lifecycle.models.btyd.collapse import learnable

    return learnable(*history, None)


def test_gamma_gamma_value_gradient_and_hessian():
    rng = np.random.default_rng(12)
    x = rng.integers(1, 9, 200).astype(float)
    mean = rng.gamma(6 * x) / rng.gamma(4.0, 1 / 15.0, 200) / x
    from lifecycle.models.btyd.gamma_gamma import _Spends

    data = _Spends.of(x, mean, np.ones(200))
    theta = np.array([5.0, 3.0, 20.0])
    p, q, v = theta
    plain = np.sum(
        gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(v) + (p * x - 1) * np.log(mean)
        + p * x * np.log(x) - (p * x + q) * np.log(v + x * mean)
    )  # fmt: skip
    value, gradient, hessian = spread(data.log_likelihood(theta), 3)
    assert value == pytest.approx(plain, rel=1e-12)
    assert data.log_likelihoods(theta[None])[0] == pytest.approx(plain, rel=1e-12)
    for i in range(3):
        step = np.zeros(3)
        step[i] = 1e-5 * theta[i]
        up, down = (spread(data.log_likelihood(theta + sign * step), 3) for sign in (1, -1))
        assert (up[0] - down[0]) / (2 * step[i]) == pytest.approx(gradient[i], rel=2e-6, abs=1e-5)
        np.testing.assert_allclose((up[1] - down[1]) / (2 * step[i]), hessian[i], rtol=2e-6, atol=1e-5)


@pytest.mark.parametrize("kind", PURCHASES)
def test_certificate_of_a_proper_maximum(cdnow, kind):
    fit = kind.fit(*cdnow.history).diagnostics
    assert fit.gradient < 1e-10 and fit.smallest_eigenvalue > 0 and fit.iterations < 40
    assert fit.prior is None and fit.messages == () and fit.n == 2357 and fit.rows < 1100


@pytest.mark.parametrize("kind", PURCHASES)
def test_order_and_collapsing_and_unit_do_not_matter(cdnow, kind):
    x, t_x, T = cdnow.history
    model = kind.fit(x, t_x, T)
    order = np.random.default_rng(0).permutation(x.size)
    assert kind.fit(x[order], t_x[order], T[order]) == model  # not a bit moves
    rows, counts = np.unique(np.column_stack((x, t_x, T)), axis=0, return_counts=True)
    weighted = kind.fit(*rows.T, weights=counts)
    np.testing.assert_allclose(weighted.parameters, model.parameters, rtol=1e-9)
    assert weighted.n == model.n
    unit = np.array([1, 7, 1, 7]) if kind is ParetoNbd else np.array([1, 7, 1, 1])
    days = kind.fit(x, np.round(t_x * 7), np.round(T * 7))  # whole numbers take another way to their codes
    np.testing.assert_allclose(days.parameters, unit * np.array(model.parameters), rtol=1e-9)


@pytest.mark.parametrize(
    "truth", [BgNbd(0.25, 30.0, 0.8, 2.4), MbgNbd(0.6, 40.0, 0.6, 1.5), ParetoNbd(0.6, 60.0, 0.7, 90.0)]
)
def test_simulated_truth_is_recovered(truth):
    rng = np.random.default_rng(3)
    drawn = truth.simulate(rng.uniform(100.0, 700.0, 60_000), rng)
    model = type(truth).fit(drawn.frequency, drawn.recency, drawn.T)
    off = np.array(model.parameters) - truth.parameters
    assert off @ np.linalg.solve(model.covariance, off) < 23.5  # chi-square of 4 at 1 in 10,000
    alive = truth.p_alive(drawn.frequency, drawn.recency, drawn.T)
    assert alive.mean() == pytest.approx(drawn.alive.mean(), abs=0.01)


def test_large_samples_start_from_a_part_and_end_at_the_whole():
    rng = np.random.default_rng(5)
    drawn = BgNbd(0.25, 30.0, 0.8, 2.4).simulate(rng.uniform(100.0, 700.0, 150_000), rng)
    t_x, T = np.ceil(drawn.recency), np.ceil(drawn.T)
    model = BgNbd.fit(drawn.frequency, t_x, T)
    assert model.diagnostics.gradient < 1e-10
    doubled = BgNbd.fit(*(np.concatenate((v, v)) for v in (drawn.frequency, t_x, T)))
    np.testing.assert_allclose(doubled.parameters, model.parameters, rtol=1e-9)
    assert doubled.log_likelihood == pytest.approx(2 * model.log_likelihood, rel=1e-12)


@given(st.integers(1, 40), st.integers(0, 2**32 - 1), st.sampled_from(PURCHASES))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_any_few_customers_give_a_finite_fit_that_admits_its_prior(n, seed, kind):
    rng = np.random.default_rng(seed)
    T = rng.integers(1, 400, n).astype(float)
    x = rng.poisson(rng.choice([0.0, 0.3, 5.0]), n).astype(float)
    t_x = np.where(x > 0, rng.integers(1, T + 1), 0.0)
    fit = kind.fit(x, t_x, T)
    assert np.isfinite(fit.parameters).all() and np.isfinite(fit.log_likelihood)
    assert np.isfinite(fit.diagnostics.standard_errors).all()
    assert fit.diagnostics.smallest_eigenvalue > 0 and fit.diagnostics.gradient < 1e-6
    if fit.diagnostics.prior is not None:
        assert "no proper maximum" in fit.diagnostics.messages[0]
        assert "weak prior" in fit.diagnostics.messages[1]


def test_nobody_bought_again():
    model = BgNbd.fit(np.zeros(50), np.zeros(50), np.full(50, 30.0))
    assert model.diagnostics.prior is not None
    assert 0 < float(model.expected_purchases(30, 0, 0, 30)) < 1


def test_online_retail_runs_to_a_equal_zero_and_says_so(online_retail):
    for base in online_retail.values():
        model = BgNbd.fit(*base.history)
        assert "nobody seems ever to stop" in model.diagnostics.messages[0]
        assert model.a > 1e-3 and model.diagnostics.smallest_eigenvalue > 0
        choice = fit_best(*base.history)
        assert "no proper maximum" in choice.reason
        assert np.isfinite(choice.model.expected_purchases(90, *base.history)).all()


def test_mbg_takes_over_where_it_has_a_maximum():
    """Half leave at the first purchase, the rest hardly ever: BG/NBD, where nobody leaves at first, has no maximum."""
    rng = np.random.default_rng(1)
    drawn = MbgNbd(5.0, 30.0, 0.05, 0.05).simulate(np.full(60, 300.0), rng)
    choice = fit_best(drawn.frequency, drawn.recency, drawn.T)
    assert isinstance(choice.model, MbgNbd) and choice.model.diagnostics.prior is None
    assert "MBG/NBD takes over" in choice.reason and len(choice.considered) == 2


def test_gamma_gamma_without_finite_mean_is_held_at_the_observed_one():
    rng = np.random.default_rng(2)
    x = np.full(3000, 2.0)
    nu = rng.gamma(0.7, 1.0, 3000)
    mean = rng.gamma(8.0, 1.0, 3000) / nu / 2.0
    model = GammaGamma.fit(x, mean)
    assert model.q > 1.0 and "q is" in model.diagnostics.messages[0]
    assert model.population_mean == pytest.approx(mean.mean(), rel=0.5)
    assert np.isfinite(model.expected_monetary_value(0, np.nan))


def test_gamma_gamma_leaves_out_zero_means_and_counts_them(cdnow):
    mean = cdnow.monetary_value.copy()
    assert np.count_nonzero(mean == 0) == 0
    first = np.flatnonzero(cdnow.frequency > 0)[:3]
    mean[first] = 0.0
    model = GammaGamma.fit(cdnow.frequency, mean)
    assert model.n == 943 and model.diagnostics.messages[0].startswith("3 of 946")
    with pytest.raises(ValueError, match="must be finite and >= 0"):
        GammaGamma.fit([1, 2], [np.nan, 3.0])
    with pytest.raises(ValueError, match="none of 2 has both"):
        GammaGamma.fit([0, 0], [np.nan, 3.0])


def test_gamma_gamma_recovers_its_truth_and_shrinks():
    rng = np.random.default_rng(6)
    x = rng.integers(0, 9, 40_000).astype(float)
    nu = rng.gamma(3.7, 1 / 15.0, x.size)
    with np.errstate(invalid="ignore"):
        mean = rng.gamma(6.2 * np.maximum(x, 1)) / nu / np.where(x > 0, x, np.nan)
    model = GammaGamma.fit(x, mean)
    off = np.array(model.parameters) - (6.2, 3.7, 15.0)
    assert off @ np.linalg.solve(model.covariance, off) < 21.1  # chi-square of 3 at 1 in 10,000
    value = model.expected_monetary_value(x, mean)
    np.testing.assert_allclose(value[x == 0], model.population_mean)
    own = x > 0
    between = (value[own] - model.population_mean) * (mean[own] - value[own])
    assert (between >= -1e-9).all()
    assert value.mean() == pytest.approx((6.2 / nu).mean(), rel=0.02)


@pytest.mark.parametrize("kind", PURCHASES)
def test_json_returns_an_equal_value_in_a_kilobyte(cdnow, kind):
    model = kind.fit(*cdnow.history)
    text = model.to_json()
    assert kind.from_json(text) == model and len(text) < 2048
    assert json.loads(text)["model"] == kind.name
    with pytest.raises(ValueError, match="reads models named"):
        GammaGamma.from_json(text)
    bare = kind(*model.parameters)
    assert kind.from_json(bare.to_json()) == bare


def test_same_bits_in_another_process(cdnow, tmp_path):
    """Also on one core instead of all."""
    np.save(tmp_path / "history.npy", np.array(cdnow.history))
    code = (
        "import os, sys, numpy as np; os.cpu_count = lambda: 1\n"
        "from lifecycle.models.btyd import BgNbd\n"
        "history = np.load(sys.argv[1]); model = BgNbd.fit(*history)\n"
        "print(model.to_json()); print(model.dert(0.01, *history).sum().hex())"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "history.npy")], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    model = BgNbd.fit(*cdnow.history)
    assert found == [model.to_json(), float(model.dert(0.01, *cdnow.history).sum()).hex()]
