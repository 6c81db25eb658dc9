"""Pareto/NBD: exponential lifetimes, gamma-Poisson purchases (Schmittlein, Morrison and Colombo, 1987)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numba
import numpy as np
import numpy.typing as npt

from lifecycle.models.btyd.ages import by_frequency_and_age
from lifecycle.models.btyd.collapse import Rows, learnable
from lifecycle.models.btyd.death import death_rule, log_likelihood, log_likelihoods, log_parts, plan
from lifecycle.models.btyd.equal_histories import once_each
from lifecycle.models.btyd.inputs import Floats, Histories, checked_counts, positive, read_only
from lifecycle.models.btyd.maximum_likelihood import Target, maximise
from lifecycle.models.btyd.purchase_counts import negative_binomial
from lifecycle.models.btyd.purchase_model import PurchaseModel
from lifecycle.models.btyd.quadrature import time_rule
from lifecycle.models.btyd.simulate import Lives, Simulated, arrivals
from lifecycle.models.btyd.threads import in_chunks
from lifecycle.models.btyd.weak_priors import gamma_prior

SUBSAMPLE = 10_000


@numba.njit(cache=True, nogil=True)
def _log_odds(
    r: float,
    alpha: float,
    s: float,
    beta: float,
    x: Floats,
    t_x: Floats,
    T: Floats,
    node: Floats,
    node_weight: Floats,
    start: int,
    stop: int,
) -> Floats:
    out = np.empty(stop - start)
    for i in range(start, stop):
        alive, dead = log_parts(r + x[i], s, alpha, beta, t_x[i], T[i], node, node_weight)
        out[i - start] = dead - alive
    return out


@numba.njit(cache=True, nogil=True)
def _lifetimes(s: float, B: Floats, t: Floats, t_weight: Floats) -> Floats:
    out = np.zeros(B.size)
    for i in range(B.size):
        for j in range(t.size):
            out[i] += t_weight[j] * math.exp(-s * math.log1p(t[j] / B[i]))
    return out


@numba.njit(cache=True, nogil=True)
def _taken(s: float, B: Floats, t: Floats, t_weight: Floats, leaving: float) -> Floats:
    out = np.zeros(B.size)
    for i in range(B.size):
        for j in range(t.size):
            lost = -math.expm1(-s * math.log1p(leaving / (B[i] + t[j])))
            out[i] += t_weight[j] * lost * math.exp(-s * math.log1p(t[j] / B[i]))
    return out


@numba.njit(cache=True, nogil=True)
def _gone_rates(
    r: float,
    alpha: float,
    s: float,
    beta: float,
    x: Floats,
    t_x: Floats,
    T: Floats,
    node: Floats,
    node_weight: Floats,
    t: Floats,
    t_weight: Floats,
    start: int,
    stop: int,
) -> Floats:
    """E of purchases ahead of customers dead since some time in (t_x, T], were they alive again at T."""
    out = np.zeros(stop - start)
    c = min(alpha, beta)
    for i in range(start, stop):
        k, origin = r + x[i], c + t_x[i]
        width, panels, deep = plan(k, s, alpha, beta, t_x[i], T[i])
        rule = int(deep)
        nodes = node.shape[1] if deep else (node.shape[1] + 1) // 2
        total, mass = 0.0, 0.0
        for j in range(max(panels, 1) * nodes):
            y = width * (j // nodes + node[rule, j % nodes])
            growth = origin * math.expm1(y)
            A, B = alpha + t_x[i] + growth, beta + t_x[i] + growth
            density = y - k * math.log1p(growth / (alpha + t_x[i])) - (s + 1.0) * math.log1p(growth / (beta + t_x[i]))
            weight = node_weight[rule, j % nodes] * math.exp(density)
            ahead = 0.0
            for l in range(t.size):  # noqa: E741
                ahead += t_weight[l] * math.exp(-(s + 1.0) * math.log1p(t[l] / B))
            mass += weight
            total += weight * k / A * ahead
        out[i - start] = total / mass
    return out


def _pmf(n: npt.NDArray[np.int64], k: float, A: Floats, s: float, B: Floats, horizon: float) -> Floats:
    """P(n purchases in the next ``horizon`` | alive), shape (ages, counts): dead before its end, or not."""
    lives = np.exp(-s * np.log1p(horizon / B))[:, None]
    out = lives * negative_binomial(n, k, (horizon / (A + horizon))[:, None])
    scale = min(float(A.min()) / k, float(B.min()) / (s + 1.0))
    for time, weight in zip(*time_rule(horizon, 0.0, scale), strict=True):
        dies = weight * s / B * np.exp(-(s + 1.0) * np.log1p(time / B))
        out += dies[:, None] * negative_binomial(n, k, (time / (A + time))[:, None])
    return np.asarray(out)


def _edge(theta: Floats, mean_age: float) -> str:
    _, _, s, beta = theta
    if s * mean_age / (beta + mean_age) < 0.01:
        return " There s·T/(β+T) is nearly 0: nobody seems ever to stop, and P(alive) would be 1 for everyone."
    return ""


@dataclass(frozen=True)
class ParetoNbd(PurchaseModel):
    """Purchases at rate λ ~ Gamma(r, α) until an unseen death at rate μ ~ Gamma(s, β).

    Given alive at T: λ ~ Gamma(r + x, α + T) and μ ~ Gamma(s, β + T), independent. Fields are the paper's symbols.

    >>> model = ParetoNbd(0.55328, 10.57768, 0.60624, 11.66874)
    >>> round(float(model.p_alive(26, 30.857, 31)), 4)
    0.9979
    """

    r: float
    alpha: float
    s: float
    beta: float

    name: ClassVar[str] = "Pareto/NBD"
    symbols: ClassVar[tuple[str, ...]] = ("r", "alpha", "s", "beta")
    in_lifetimes: ClassVar[tuple[str, str]] = ("ParetoNBDFitter", "pareto_nbd_model")

    @classmethod
    def fit(
        cls,
        frequency: npt.ArrayLike,
        recency: npt.ArrayLike,
        T: npt.ArrayLike,
        *,
        weights: npt.ArrayLike | None = None,
    ) -> "ParetoNbd":
        """Maximum likelihood, or the weak prior's mode where there is no proper maximum (``diagnostics.messages``)."""
        rows = learnable(frequency, recency, T, weights)
        rate = max(rows.mean_x, 0.05) / rows.mean_age
        start = np.log([0.6, 0.6 / rate, 0.6, 0.5 * rows.mean_age])
        stride = rows.weight.size // SUBSAMPLE
        sample = cls._target(rows.every(stride)) if stride > 1 else None
        remedy = "BG/NBD or MBG/NBD may have a maximum on such data."
        parameters, fit = maximise(cls._target(rows), start, sample=sample, remedy=remedy)
        return cls(*parameters, fitted=fit)

    @classmethod
    def _target(cls, rows: Rows) -> Target:
        return Target(
            symbols=cls.symbols,
            likelihood=lambda theta: log_likelihood(theta, rows),
            likelihoods=lambda thetas: log_likelihoods(thetas, rows),
            n=rows.n,
            rows=rows.weight.size,
            effort=60.0 * rows.weight.size,
            prior=gamma_prior(rows.mean_age),
            edge=lambda theta: _edge(theta, rows.mean_age),
        )

    def _log_odds_gone(self, at: Histories) -> Floats:
        return once_each(at, self._log_odds_over)

    def _log_odds_over(self, x: Floats, start: Floats, end: Floats) -> Floats:
        """Log odds of having died in (start, end] after ``start``, without a purchase there."""
        rule = death_rule()
        x, start, end = read_only(x, start, end)
        parts = in_chunks(
            lambda i, j: _log_odds(self.r, self.alpha, self.s, self.beta, x, start, end, *rule, i, j),
            x.size,
            size=1 << 13,
        )
        return np.concatenate(parts) if parts else np.empty(0)

    def _alive_purchases(self, at: Histories, horizon: float, discount_rate: float) -> Floats:
        rate = (self.r + at.frequency) / (self.alpha + at.T)
        B = self.beta + at.T
        if discount_rate == 0.0:
            length = np.log1p(horizon / B)
            z = (1.0 - self.s) * length
            mean = np.where(np.abs(z) < 1e-300, 1.0, np.expm1(z) / np.where(np.abs(z) < 1e-300, 1.0, z))
            return np.asarray(rate * B * length * mean)
        t, t_weight = self._time_rule(horizon, discount_rate, B)
        lifetimes = by_frequency_and_age(
            np.zeros(B.size), at.T, self.beta, lambda _, T: _lifetimes(self.s, self.beta + T, t, t_weight)
        )
        return np.asarray(rate * lifetimes)

    def _alive_silence(self, at: Histories, horizon: float) -> Floats:
        def evaluate(x: float, T: Floats) -> Floats:
            k = np.full(T.size, x)
            still = -(self.r + x) * np.log1p(horizon / (self.alpha + T)) - self.s * np.log1p(horizon / (self.beta + T))
            return np.asarray(np.exp(still + np.logaddexp(0.0, self._log_odds_over(k, T, T + horizon))))

        return by_frequency_and_age(at.frequency, at.T, min(self.alpha, self.beta), evaluate)

    def _alive_stays(self, at: Histories, horizon: float) -> Floats:
        return np.asarray(np.exp(-self.s * np.log1p(horizon / (self.beta + at.T))))

    def _time_rule(self, horizon: float, discount_rate: float, B: Floats) -> tuple[Floats, Floats]:
        return time_rule(horizon, discount_rate, float(B.min()) * min(1.0, 1.0 / self.s))

    def _alive_taken(self, at: Histories, leaving: float, horizon: float, discount_rate: float) -> Floats:
        B = self.beta + at.T
        rule = self._time_rule(horizon, discount_rate, B)
        lost = by_frequency_and_age(
            np.zeros(B.size), at.T, self.beta, lambda _, T: _taken(self.s, self.beta + T, *rule, leaving)
        )
        return np.asarray((self.r + at.frequency) / (self.alpha + at.T) * lost)

    def _gone_purchases(self, at: Histories, horizon: float, discount_rate: float) -> Floats:
        rules = *death_rule(), *self._time_rule(horizon, discount_rate, np.array([self.beta]))

        def evaluate(x: Floats, t_x: Floats, T: Floats) -> Floats:
            x, t_x, T = read_only(x, t_x, T)
            parts = in_chunks(
                lambda i, j: _gone_rates(self.r, self.alpha, self.s, self.beta, x, t_x, T, *rules, i, j),
                T.size,
                size=1 << 12,
            )
            return np.concatenate(parts) if parts else np.empty(0)

        return once_each(at, evaluate)

    def _alive_pmf(self, n: npt.NDArray[np.int64], t: float, x: float, T: Floats) -> Floats:
        return _pmf(n, self.r + x, self.alpha + T, self.s, self.beta + T, t)

    def pmf(self, n: npt.ArrayLike, t: float) -> Floats:
        """P(a new customer makes n repeat purchases in the first t), an array of n's shape."""
        counts = checked_counts(n)
        horizon = positive("t", t, zero=True)
        alpha, beta = np.array([self.alpha]), np.array([self.beta])
        return np.asarray(_pmf(counts.reshape(-1), self.r, alpha, self.s, beta, horizon)[0].reshape(counts.shape))

    def _simulate(self, T: Floats, horizon: float, rng: np.random.Generator) -> Simulated:
        rate = rng.gamma(self.r, 1.0 / self.alpha, T.size)
        death = rng.standard_exponential(T.size) / rng.gamma(self.s, 1.0 / self.beta, T.size)
        return arrivals(rate, np.zeros(T.size), death, T, horizon, rng)

    @property
    def origin(self) -> float:
        """The smaller of α and β: given alive, predictions are smooth in the logarithm of it plus T."""
        return min(self.alpha, self.beta)

    def draw_lives(
        self,
        models: Sequence[PurchaseModel],
        which: npt.NDArray[np.int64],
        x: float,
        ages: Floats,
        rng: np.random.Generator,
    ) -> Lives:
        """Lives given alive after x purchases at each age, path i by ``models[which[i]]``; ages share their draws."""
        r, alpha, s, beta = np.array([model.parameters for model in models])[which].T
        rate = rng.gamma(r + x)[:, None] / (alpha[:, None] + ages)
        end = (rng.standard_exponential(which.size) / rng.gamma(s))[:, None] * (beta[:, None] + ages)
        return Lives(rate, end, np.full(which.size, np.inf))

    def expected_purchases_new(self, t: npt.ArrayLike) -> Floats:
        """Expected repeat purchases of a new customer in the first ``t``, an array of t's shape."""
        times = np.asarray(t, np.float64)
        if not (np.isfinite(times) & (times >= 0.0)).all():
            raise ValueError("t must be finite and >= 0.")
        length = np.log1p(times / self.beta)
        z = (1.0 - self.s) * length
        mean = np.where(np.abs(z) < 1e-300, 1.0, np.expm1(z) / np.where(np.abs(z) < 1e-300, 1.0, z))
        return np.asarray(self.r / self.alpha * self.beta * length * mean)
