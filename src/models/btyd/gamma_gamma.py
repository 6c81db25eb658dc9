"""Gamma-Gamma: what a purchase is worth, given how many there were and their mean (Fader and Hardie, note 025)."""

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numba
import numpy as np
import numpy.typing as npt

from lifecycle.models.btyd.base_model import Model
from lifecycle.models.btyd.inputs import Floats, checked_weights, read_only
from lifecycle.models.btyd.lifetimes_bridge import as_fitter
from lifecycle.models.btyd.maximum_likelihood import Target, maximise
from lifecycle.models.btyd.posterior import Posterior, draw
from lifecycle.models.btyd.special import digamma, trigamma
from lifecycle.models.btyd.threads import in_chunks
from lifecycle.models.btyd.weak_priors import mean_held, spend_prior

CHUNK = 1 << 16
_SMALLEST_Q = 1.05


@numba.njit(cache=True, nogil=True)
def _spend_sums(v: float, x: Floats, spend: Floats, weight: Floats, start: int, stop: int) -> Floats:
    """Σ w of L, xL, R, xR, R², xR² with L = ln(v + S), R = 1/(v + S), S = x·z̄ the spend."""
    out = np.zeros(6)
    for i in range(start, stop):
        R = 1.0 / (v + spend[i])
        w = weight[i]
        L = w * math.log(v + spend[i])
        wR = w * R
        out[0] += L
        out[1] += x[i] * L
        out[2] += wR
        out[3] += x[i] * wR
        out[4] += wR * R
        out[5] += x[i] * wR * R
    return out


@numba.njit(cache=True, nogil=True)
def _log_spends(v: float, x: Floats, spend: Floats, weight: Floats, start: int, stop: int) -> tuple[float, float]:
    """Σ w L and Σ w x L, as in the sums above."""
    plain, times = 0.0, 0.0
    for i in range(start, stop):
        L = weight[i] * math.log(v + spend[i])
        plain += L
        times += x[i] * L
    return plain, times


@numba.njit(cache=True, nogil=True)
def _spend_gammas(p: float, q: float, x: Floats, weight: Floats) -> Floats:
    """Terms of gamma functions over distinct x: value, gradient (3), Hessian (6) in (p, q, v), and Σ w."""
    out = np.zeros(11)
    for i in range(x.size):
        w, n = weight[i], x[i]
        if w == 0.0 or n == 0.0:
            continue
        upper, lower = digamma(p * n + q), digamma(p * n)
        bend_upper, bend_lower = trigamma(p * n + q), trigamma(p * n)
        out[0] += w * (math.lgamma(p * n + q) - math.lgamma(p * n) - math.lgamma(q) + p * n * math.log(n))
        out[1] += w * n * (upper - lower + math.log(n))
        out[2] += w * (upper - digamma(q))
        out[4] += w * n * n * (bend_upper - bend_lower)
        out[5] += w * n * bend_upper
        out[7] += w * (bend_upper - trigamma(q))
        out[10] += w
    return out


@dataclass(frozen=True, eq=False, slots=True)
class _Spends:
    """Repeaters' purchases and spend, with the sums that no parameter touches."""

    x: Floats
    spend: Floats
    weight: Floats
    distinct: Floats
    distinct_weight: Floats
    log_mean: float
    x_log_mean: float

    @classmethod
    def of(cls, x: Floats, mean: Floats, weight: Floats) -> "_Spends":
        distinct, codes = np.unique(x, return_inverse=True)
        logs = weight * np.log(mean)
        return cls(
            x,
            x * mean,
            weight,
            distinct,
            np.bincount(codes, weight).astype(np.float64),
            float(logs.sum()),
            float(x @ logs),
        )

    @property
    def n(self) -> float:
        """Sum of the weights."""
        return float(self.weight.sum())

    @property
    def mean(self) -> float:
        """Mean over the customers of their mean purchase."""
        return float((self.weight / self.x) @ self.spend) / self.n

    def log_likelihood(self, parameters: Floats) -> Floats:
        """Value (1), gradient (3) and Hessian (6, upper triangle by rows) in (p, q, v)."""
        p, q, v = (float(value) for value in parameters)
        sums = np.zeros(6)
        for part in in_chunks(
            lambda start, stop: _spend_sums(v, self.x, self.spend, self.weight, start, stop), self.x.size, size=CHUNK
        ):
            sums += part
        L, xL, R, xR, RR, xRR = sums
        gammas = _spend_gammas(p, q, self.distinct, self.distinct_weight)
        n = gammas[10]
        total = gammas[:10]
        total[0] += n * q * math.log(v) + p * self.x_log_mean - self.log_mean - p * xL - q * L
        total[1] += self.x_log_mean - xL
        total[2] += n * math.log(v) - L
        total[3] += n * q / v - p * xR - q * R
        total[6] -= xR
        total[8] += n / v - R
        total[9] += -n * q / (v * v) + p * xRR + q * RR
        return np.asarray(total)

    def _logs(self, v: float) -> Floats:
        parts = in_chunks(
            lambda start, stop: _log_spends(v, self.x, self.spend, self.weight, start, stop), self.x.size, size=CHUNK
        )
        return np.asarray(np.sum(parts, axis=0))

    def log_likelihoods(self, thetas: Floats) -> Floats:
        """Log-likelihood at each row of ``thetas``, shape (points, 3)."""
        values = np.empty(len(thetas))
        for place, (p, q, v) in enumerate(thetas):
            L, xL = self._logs(float(v))
            gammas = _spend_gammas(p, q, self.distinct, self.distinct_weight)
            values[place] = (
                gammas[0] + gammas[10] * q * math.log(v) + p * self.x_log_mean - self.log_mean - p * xL - q * L
            )
        return values


@dataclass(frozen=True)
class GammaGamma(Model):
    """Purchases of a customer are Gamma(p, ν) with ν ~ Gamma(q, v): one shape, a scale that differs between customers.

    The value of purchases must not hang on how many there are: see :mod:`models.btyd.checks`.

    >>> model = GammaGamma(6.24957, 3.74423, 15.44353)
    >>> model.expected_monetary_value([0, 2], [float("nan"), 30.0]).round(2)
    array([35.17, 30.93])
    """

    p: float
    q: float
    v: float

    name: ClassVar[str] = "Gamma-Gamma"
    symbols: ClassVar[tuple[str, ...]] = ("p", "q", "v")

    @classmethod
    def fit(
        cls, frequency: npt.ArrayLike, monetary_value: npt.ArrayLike, *, weights: npt.ArrayLike | None = None
    ) -> "GammaGamma":
        """Maximum likelihood on customers with repeat purchases; the others may be there and carry no information.

        ``frequency`` repeat purchases, ``monetary_value`` their mean in money, shape (customers,). Repeaters whose mean
        is not above 0 cannot be explained by the model: they are left out, counted in ``diagnostics.messages``.
        """
        data, n_repeaters = _repeaters(frequency, monetary_value, weights)
        left_out = n_repeaters - data.x.size
        messages: tuple[str, ...] = ()
        if left_out:
            messages = (
                f"{left_out} of {n_repeaters} repeat customers have a mean purchase value of 0; "
                "they are left out of the fit and get an estimate like all others.",
            )
        parameters, fit = maximise(
            cls._target(data, held=True),
            np.log([3.0, 3.0, data.mean * 2.0 / 3.0]),
            proper=lambda theta: (
                None
                if theta[1] > _SMALLEST_Q
                else f"The fitted q is {theta[1]:.3g}: at q <= 1 the mean purchase value of the population is infinite."
            ),
            remedy="Look for a few very large purchases, or value customers by their own mean.",
        )
        return cls(*parameters, fitted=replace(fit, messages=messages + fit.messages))

    @classmethod
    def _target(cls, data: _Spends, *, held: bool) -> Target:
        return Target(
            symbols=cls.symbols,
            likelihood=data.log_likelihood,
            likelihoods=data.log_likelihoods,
            n=data.n,
            rows=data.x.size,
            effort=float(data.x.size + 20 * data.distinct.size),
            prior=mean_held(data.mean, data.n) if held else spend_prior(data.mean),
        )

    def posterior(
        self,
        frequency: npt.ArrayLike,
        monetary_value: npt.ArrayLike,
        *,
        weights: npt.ArrayLike | None = None,
        draws: int = 4000,
        seed: int = 0,
    ) -> Posterior:
        """Draws of the parameters given the customers the model was fitted to; the same for the same ``seed``."""
        data, _ = _repeaters(frequency, monetary_value, weights)
        held = self.fitted is not None and self.fitted.prior is not None
        return draw(self._target(data, held=held), self.parameters, draws=draws, seed=seed)

    def to_lifetimes(self, frequency: npt.ArrayLike | None = None, monetary_value: npt.ArrayLike | None = None) -> Any:
        """The fitter of ``lifetimes`` with these parameters; with the customers' values also its data."""
        columns = None
        if frequency is not None and monetary_value is not None:
            x, mean = checked_money(frequency, monetary_value)
            columns = {"frequency": x, "monetary_value": mean, "weights": np.ones(x.size)}
        mean_likelihood = np.nan if self.fitted is None else self.fitted.log_likelihood / self.fitted.n
        parameters = dict(zip(self.symbols, self.parameters, strict=True))
        return as_fitter("GammaGammaFitter", None, parameters, mean_likelihood, columns)

    @property
    def population_mean(self) -> float:
        """Mean value of a purchase over all customers, p·v/(q−1); infinite at q <= 1."""
        return self.p * self.v / (self.q - 1.0) if self.q > 1.0 else math.inf

    def expected_monetary_value(self, frequency: npt.ArrayLike, monetary_value: npt.ArrayLike) -> Floats:
        """E of a future purchase's value, p(v + x·z̄)/(p·x + q − 1): the own mean, drawn to the population's."""
        shape = np.broadcast_shapes(np.shape(frequency), np.shape(monetary_value))
        x, mean = checked_money(frequency, monetary_value)
        out = np.empty(x.size)
        in_chunks(lambda i, j: _expected(self.p, self.q, self.v, x, mean, out, i, j), x.size, size=CHUNK)
        return out.reshape(shape)


@numba.njit(cache=True, nogil=True)
def _expected(p: float, q: float, v: float, x: Floats, mean: Floats, out: Floats, start: int, stop: int) -> None:
    """p(v + S)/(p·x + q − 1) into ``out``, infinite where there is no mean."""
    for i in range(start, stop):
        spend = x[i] * mean[i] if x[i] > 0.0 else 0.0
        excess = p * x[i] + q - 1.0
        out[i] = p * (v + spend) / excess if excess > 0.0 else math.inf


@numba.njit(cache=True, nogil=True)
def _faults(x: Floats, mean: Floats, start: int, stop: int) -> tuple[int, int]:
    """How many frequencies are no whole numbers >= 0, and how many repeat customers' means are not finite and >= 0."""
    counts, money = 0, 0
    for i in range(start, stop):
        counts += not (x[i] >= 0.0 and x[i] == math.floor(x[i]) and x[i] < np.inf)
        money += x[i] > 0.0 and not (mean[i] >= 0.0 and mean[i] < np.inf)
    return counts, money


def checked_money(frequency: npt.ArrayLike, monetary_value: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Flat float64 arrays; the value of customers without repeat purchase may be missing, no other."""
    x, mean = np.broadcast_arrays(np.asarray(frequency, np.float64), np.asarray(monetary_value, np.float64))
    x, mean = read_only(*(np.ascontiguousarray(values).reshape(-1) for values in (x, mean)))
    found = in_chunks(lambda start, stop: _faults(x, mean, start, stop), x.size, size=CHUNK)
    counts, money = (sum(part[fault] for part in found) for fault in (0, 1))
    if counts:
        raise ValueError(f"frequency must be whole numbers >= 0: {counts} of {x.size} are not.")
    if money:
        raise ValueError(
            f"monetary_value must be finite and >= 0 where frequency > 0: {money} of {x.size} are not. "
            "Net returns against the purchase they undo, and leave out a day that nets to nothing."
        )
    return x, mean


def _repeaters(
    frequency: npt.ArrayLike, monetary_value: npt.ArrayLike, weights: npt.ArrayLike | None
) -> tuple[_Spends, int]:
    """Repeat customers with money, and how many repeat customers there are."""
    x, mean = checked_money(frequency, monetary_value)
    weight = checked_weights(weights, x.size)
    weight = np.ones(x.size) if weight is None else weight
    repeats = (x > 0.0) & (weight > 0.0)
    used = repeats & (mean > 0.0)
    if not used.any():
        raise ValueError(
            f"GammaGamma needs customers with frequency > 0 and monetary_value > 0: none of {x.size} has both. "
            "Fit over a longer period, or run without money."
        )
    x, mean, weight = (np.ascontiguousarray(values[used]) for values in (x, mean, weight))
    return _Spends.of(x, mean, weight), int(np.count_nonzero(repeats))
