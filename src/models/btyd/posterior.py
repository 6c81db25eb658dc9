"""Draws of the parameters: a normal at the mode, weighted by the likelihood; a Markov chain where that is not enough.

The density is likelihood times weak prior, in log parameters. With many customers it is normal to O(1/n): some dozens
of evaluations show it, and thousands would only repeat it. With few it is skewed: then every draw carries its weight,
and where fewer than a quarter of the draws are left in effect, an ensemble of walkers takes over (Goodman and Weare
2010).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from lifecycle.models.btyd.fit_certificate import covariance_of_logs
from lifecycle.models.btyd.inputs import Floats
from lifecycle.models.btyd.maximum_likelihood import Target, in_logs
from lifecycle.models.btyd.newton import minimise

TRIED = 64
"""Exact evaluations that judge the normal approximation where thousands would be wasteful."""
_AFFORDABLE = 3e8
_FREEDOM = 8.0
_WALKERS = 40
_BETWEEN = (30, 90, 270)


@dataclass(frozen=True, eq=False)
class Posterior:
    """Equally weighted draws of the parameters, shape (draws, parameters), in the order of ``symbols``.

    ``method`` is "normal" (accepted by its trial), "weighted" (importance, resampled) or "chain"; ``effective`` the
    number of independent draws they are worth; ``evaluations`` of the likelihood they cost.
    """

    symbols: tuple[str, ...]
    draws: Floats
    method: str
    effective: float
    evaluations: int

    @property
    def mean(self) -> dict[str, float]:
        """Posterior mean of each parameter."""
        return dict(zip(self.symbols, self.draws.mean(axis=0).tolist(), strict=True))

    @property
    def standard_deviations(self) -> dict[str, float]:
        """Posterior standard deviation of each parameter."""
        return dict(zip(self.symbols, self.draws.std(axis=0).tolist(), strict=True))

    def thinned(self, count: int) -> "Posterior":
        """``count`` of the draws, evenly spaced."""
        picked = np.linspace(0, len(self.draws) - 1, count).astype(int)
        return replace(self, draws=self.draws[picked], effective=min(self.effective, float(count)))


def draw(target: Target, near: tuple[float, ...], *, draws: int, seed: int) -> Posterior:
    """``draws`` from the posterior of ``target``, whose mode is sought from ``near``."""
    rng = np.random.default_rng(seed)
    mode = minimise(in_logs(target, target.prior), np.log(near))
    root = np.linalg.cholesky(covariance_of_logs(mode.hessian, target.n))
    size = mode.point.size

    def density(zs: Floats) -> Floats:
        values = target.likelihoods(np.exp(zs)) - target.prior.values(zs)
        return np.where(np.isfinite(values), values, -np.inf)

    if target.effort * draws > _AFFORDABLE:
        standard = rng.standard_normal((draws, size))
        zs = mode.point + standard @ root.T
        tried = _weights(density(zs[:TRIED]) + 0.5 * np.square(standard[:TRIED]).sum(axis=1))
        share = float(tried.sum() ** 2 / np.square(tried).sum()) / TRIED
        if share >= 0.5:
            return Posterior(target.symbols, np.exp(zs), "normal", share * draws, TRIED)
    stretch = np.sqrt(_FREEDOM / rng.chisquare(_FREEDOM, (draws, 1)))
    standard = rng.standard_normal((draws, size)) * stretch
    zs = mode.point + standard @ root.T
    heavy = 0.5 * (_FREEDOM + size) * np.log1p(np.square(standard).sum(axis=1) / _FREEDOM)
    weights = _weights(density(zs) + heavy)
    effective = float(weights.sum() ** 2 / np.square(weights).sum())
    places = np.searchsorted(np.cumsum(weights) / weights.sum(), (np.arange(draws) + rng.random()) / draws)
    chosen = zs[np.minimum(places, draws - 1)]
    if effective >= 0.25 * draws:
        return Posterior(target.symbols, np.exp(rng.permutation(chosen)), "weighted", effective, draws)
    starts = rng.permutation(chosen)[:_WALKERS] + 1e-3 * rng.standard_normal((_WALKERS, size)) @ root.T
    evaluations = draws
    for between in _BETWEEN:
        chain, effective, spent = _walk(density, starts, draws, between, rng)
        evaluations += spent
        if effective >= 0.25 * draws:
            break
        starts = np.array(chain[-_WALKERS:])
    return Posterior(target.symbols, np.exp(chain), "chain", effective, evaluations)


def _weights(logs: Floats) -> Floats:
    """Importance weights of mean 1, none above the square root of their number (Ionides 2008)."""
    weights = np.exp(logs - logs.max())
    weights /= weights.mean()
    return np.asarray(np.minimum(weights, np.sqrt(weights.size)))


def _walk(
    density: Callable[[Floats], Floats], walkers: Floats, draws: int, between: int, rng: np.random.Generator
) -> tuple[Floats, float, int]:
    """Stretch moves of two half ensembles, every ``between``-th step kept; draws, effective number, evaluations."""
    count, size = walkers.shape
    half = count // 2
    steps = -(-draws // count)
    at = density(walkers)
    kept = np.empty((steps, count, size))
    for step in range(-(steps // 4), steps):
        for _ in range(between):
            for mine, others in ((slice(half), slice(half, count)), (slice(half, count), slice(half))):
                stretch = np.square(1.0 + rng.random(half)) / 2.0
                partners = walkers[others][rng.integers(half, size=half)]
                proposed = partners + stretch[:, None] * (walkers[mine] - partners)
                value = density(proposed)
                accepted = np.log(rng.random(half)) < (size - 1) * np.log(stretch) + value - at[mine]
                walkers[mine] = np.where(accepted[:, None], proposed, walkers[mine])
                at[mine] = np.where(accepted, value, at[mine])
        if step >= 0:
            kept[step] = walkers
    evaluations = count * (1 + between * (steps + steps // 4))
    return kept.reshape(-1, size)[:draws], min(_independent(kept[:, :, j]) for j in range(size)), evaluations


def _independent(chains: Floats) -> float:
    """Effective draws of one coordinate, shape (steps, walkers), by the initial positive sequence (Geyer 1992)."""
    steps, walkers = chains.shape
    centred = chains - chains.mean()
    variance = float(np.square(centred).mean())
    total = 1.0
    for lag in range(1, steps - 1, 2):
        pair = sum(float((centred[: steps - j] * centred[j:]).mean()) for j in (lag, lag + 1)) / variance
        if pair <= 0.0:
            break
        total += 2.0 * pair
    return float(steps * walkers / total)
