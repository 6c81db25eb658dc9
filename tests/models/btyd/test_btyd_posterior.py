"""Draws against quadrature on a grid, determinism, and the way chosen for the size of the data."""

import numpy as np
import pytest

from lifecycle.models.btyd import BgNbd, GammaGamma, MbgNbd
from lifecycle.models.btyd.collapse import learnable
from lifecycle.models.btyd.posterior import _walk


def few(kind, n, seed):
    rng = np.random.default_rng(seed)
    drawn = kind(0.5, 9.0, 0.8, 2.5).simulate(rng.uniform(5.0, 60.0, n), rng)
    return drawn.frequency, drawn.recency, drawn.T


def grid_moments(target, centre, width, nodes=17):
    """Mean and standard deviation of log parameters by brute force on a grid."""
    axes = [np.linspace(c - 5.5 * w, c + 5.5 * w, nodes) for c, w in zip(centre, width, strict=True)]
    zs = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))
    logs = target.likelihoods(np.exp(zs)) - target.prior.values(zs)
    mass = np.exp(logs - logs.max())
    mass /= mass.sum()
    mean = mass @ zs
    return mean, np.sqrt(mass @ np.square(zs - mean))


@pytest.mark.parametrize("kind", [BgNbd, MbgNbd])
def test_draws_have_the_moments_of_a_grid(kind):
    history = few(kind, 800, 4)
    model = kind.fit(*history)
    posterior = model.posterior(*history)
    logs = np.log(posterior.draws)
    rows = learnable(*history, None)
    mean, deviation = grid_moments(kind._target(rows), logs.mean(axis=0), logs.std(axis=0))
    error = 4.5 * deviation / np.sqrt(posterior.effective)
    assert (np.abs(logs.mean(axis=0) - mean) < error).all()
    np.testing.assert_allclose(logs.std(axis=0), deviation, rtol=0.12)
    assert posterior.effective > 1000 and posterior.evaluations >= 4000


def test_a_chain_finds_the_same_posterior():
    history = few(BgNbd, 400, 5)
    model = BgNbd.fit(*history)
    weighted = model.posterior(*history)
    target = BgNbd._target(learnable(*history, None))

    def density(zs):
        return target.likelihoods(np.exp(zs)) - target.prior.values(zs)

    rng = np.random.default_rng(0)
    starts = np.log(weighted.draws[:40]) + 0.001 * rng.standard_normal((40, 4))
    chain, effective, _ = _walk(density, starts, 4000, 20, rng)
    assert effective > 500
    logs = np.log(weighted.draws)
    error = 5.0 * logs.std(axis=0) * np.sqrt(1 / effective + 1 / weighted.effective)
    assert (np.abs(chain.mean(axis=0) - logs.mean(axis=0)) < error).all()


def test_where_weights_would_not_do_a_chain_takes_over():
    history = few(MbgNbd, 60, 2)
    posterior = MbgNbd.fit(*history).posterior(*history)
    assert posterior.method == "chain" and posterior.effective > 1000
    assert np.isfinite(posterior.draws).all() and posterior.draws.shape == (4000, 4)


def test_with_many_customers_a_trial_of_64_suffices():
    rng = np.random.default_rng(6)
    drawn = BgNbd(0.5, 60.0, 0.8, 2.5).simulate(rng.uniform(50.0, 600.0, 150_000), rng)
    history = drawn.frequency, np.ceil(drawn.recency), np.ceil(drawn.T)
    model = BgNbd.fit(*history)
    posterior = model.posterior(*history)
    assert posterior.method == "normal" and posterior.evaluations == 64 and posterior.effective > 3500
    np.testing.assert_allclose(posterior.draws.mean(axis=0), model.parameters, rtol=0.01)
    deviation = np.array(model.diagnostics.standard_errors)
    scaled = np.cov(posterior.draws.T) / np.outer(deviation, deviation)
    np.testing.assert_allclose(scaled, model.covariance / np.outer(deviation, deviation), atol=0.12)


def test_same_seed_same_draws(cdnow):
    model = BgNbd.fit(*cdnow.history)
    one, two, three = (model.posterior(*cdnow.history, seed=seed) for seed in (1, 1, 2))
    assert (one.draws == two.draws).all() and not (one.draws == three.draws).all()
    order = np.random.default_rng(0).permutation(cdnow.T.size)
    assert (model.posterior(*(v[order] for v in cdnow.history), seed=1).draws == one.draws).all()


def test_spend(cdnow):
    money = GammaGamma.fit(cdnow.frequency, cdnow.monetary_value)
    posterior = money.posterior(cdnow.frequency, cdnow.monetary_value)
    assert posterior.effective > 3000
    assert abs(posterior.mean["q"] - money.q) < 0.5 * posterior.standard_deviations["q"]
    np.testing.assert_allclose(
        list(posterior.standard_deviations.values()), list(money.standard_errors.values()), rtol=0.2
    )
