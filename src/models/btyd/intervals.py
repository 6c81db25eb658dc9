"""Intervals for purchases, spend, margin and residual value of each customer: what the data leave open, and chance."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm, qmc

from lifecycle.models.btyd.age_spans import AgeSpans
from lifecycle.models.btyd.base_model import Model
from lifecycle.models.btyd.gamma_gamma import GammaGamma
from lifecycle.models.btyd.inputs import Floats, histories, positive
from lifecycle.models.btyd.posterior import Posterior
from lifecycle.models.btyd.predictive_tables import Predictive, Tables
from lifecycle.models.btyd.purchase_model import PurchaseModel


@dataclass(frozen=True, eq=False)
class Intervals:
    """Central intervals, one entry a customer; money fields are NaN without a model of spend.

    ``purchases`` and ``spend`` within the horizon, ``margin`` of that spend, ``residual`` margin of all discounted
    spend after now. Counts and the atom of spend at 0 make intervals conservative: they hold at least ``level``.
    """

    level: float
    purchases_low: Floats
    purchases_high: Floats
    spend_low: Floats
    spend_high: Floats
    margin_low: Floats
    margin_high: Floats
    residual_low: Floats
    residual_high: Floats


def predictive(
    model: PurchaseModel,
    gamma_gamma: GammaGamma | None,
    *,
    horizon: float,
    discount_rate: float = 0.0,
    frequency: npt.ArrayLike,
    recency: npt.ArrayLike,
    T: npt.ArrayLike,
    monetary_value: npt.ArrayLike | None = None,
    draws: int = 16,
    posterior: Posterior | None = None,
    spend_posterior: Posterior | None = None,
    seed: int = 0,
) -> Predictive:
    """Predictive distributions over ``horizon``, parameters averaged over ``draws`` of them; see :func:`tables`."""
    at = histories(frequency, recency, T)
    if (gamma_gamma is None) != (monetary_value is None):
        raise ValueError("gamma_gamma and monetary_value come together: give both for money, neither without.")
    ready = tables(
        model,
        gamma_gamma,
        AgeSpans.of(at.frequency, at.T),
        horizon=horizon,
        discount_rate=discount_rate,
        draws=draws,
        posterior=posterior,
        spend_posterior=spend_posterior,
        seed=seed,
    )
    return ready.at(frequency, recency, T, monetary_value)


def tables(
    model: PurchaseModel,
    gamma_gamma: GammaGamma | None,
    spans: AgeSpans,
    *,
    horizon: float,
    discount_rate: float = 0.0,
    draws: int = 16,
    posterior: Posterior | None = None,
    spend_posterior: Posterior | None = None,
    seed: int = 0,
) -> Tables:
    """What all customers of a base with these frequencies and ages share; :meth:`Tables.at` then serves any of them.

    Draws come from the given posteriors, else from the normal that the fits' covariances describe (in log
    parameters); a model made from given parameters counts as known. Same ``seed``, same bits.
    """
    t = positive("horizon", horizon)
    rate = positive("discount_rate", discount_rate, zero=True)
    sources: list[tuple[Model, Posterior | None]] = [(model, posterior)]
    if gamma_gamma is not None:
        sources.append((gamma_gamma, spend_posterior))
    normals = _normals(draws, sum(len(source.symbols) for source, _ in sources), seed)
    models, spends = [], None
    for source, given in sources:
        here, normals = normals[:, : len(source.symbols)], normals[:, len(source.symbols) :]
        parameters = _draws(source, given, here)
        if isinstance(source, GammaGamma):
            spends = [GammaGamma(*values) for values in parameters]
        else:
            models = [type(model)(*values) for values in parameters]
    if spends is not None and len(spends) != len(models):
        longest = max(len(spends), len(models))
        models = [models[i % len(models)] for i in range(longest)]
        spends = [spends[i % len(spends)] for i in range(longest)]
    return Tables(models, spends, spans, horizon=t, discount_rate=rate, seed=seed)


def intervals(
    model: PurchaseModel,
    gamma_gamma: GammaGamma | None,
    *,
    horizon: float,
    discount_rate: float,
    margin: float,
    frequency: npt.ArrayLike,
    recency: npt.ArrayLike,
    T: npt.ArrayLike,
    monetary_value: npt.ArrayLike | None,
    level: float = 0.9,
    draws: int = 16,
    posterior: Posterior | None = None,
    spend_posterior: Posterior | None = None,
    seed: int = 0,
) -> Intervals:
    """Central ``level`` intervals of every customer; see :func:`predictive` for the parameters' uncertainty.

    ``horizon`` and the continuous ``discount_rate`` (> 0) in the model's unit of time, ``margin`` a share of spend.

    >>> from lifecycle.models.btyd import BgNbd
    >>> model, money = BgNbd(0.2426, 4.4136, 0.7929, 2.4259), GammaGamma(6.2496, 3.7442, 15.4435)
    >>> ahead = intervals(
    ...     model, money, horizon=39, discount_rate=0.002, margin=0.3,
    ...     frequency=[2, 26], recency=[30.43, 30.857], T=[38.86, 31], monetary_value=[25.0, 40.0],
    ... )
    >>> ahead.purchases_low, ahead.purchases_high
    (array([0., 1.]), array([ 4., 39.]))
    """
    ahead = predictive(
        model,
        gamma_gamma,
        horizon=horizon,
        discount_rate=positive("discount_rate", discount_rate),
        frequency=frequency,
        recency=recency,
        T=T,
        monetary_value=monetary_value,
        draws=draws,
        posterior=posterior,
        spend_posterior=spend_posterior,
        seed=seed,
    )
    return central(ahead, margin=margin, level=level)


def central(ahead: Predictive, *, margin: float, level: float = 0.9) -> Intervals:
    """Central ``level`` intervals of the customers whose distributions are given; ``margin`` a share of spend."""
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must be between 0 and 1, got {level!r}.")
    share = positive("margin", margin, zero=True)
    low, high = 0.5 * (1.0 - level), 0.5 * (1.0 + level)
    counts = ahead.purchase_quantile(low), ahead.purchase_quantile(high)
    missing = np.full(counts[0].size, np.nan)
    spend, residual = (missing, missing), (missing, missing)
    if ahead.has_money:
        spend = ahead.spend_quantile(low), ahead.spend_quantile(high)
        residual = ahead.residual_quantile(low), ahead.residual_quantile(high)
    return Intervals(
        level,
        *counts,
        *spend,
        *(share * money for money in spend),
        *(share * money for money in residual),
    )


def _normals(draws: int, size: int, seed: int) -> Floats:
    """Standard normal draws of low discrepancy, with mean 0 and, where there are enough, covariance 1 exactly."""
    uniform = qmc.Sobol(size, seed=seed).random_base2(math.ceil(math.log2(max(draws, 1))))[:draws]
    normals = norm.ppf(np.clip(uniform, 1e-9, 1.0 - 1e-9))
    normals -= normals.mean(axis=0)
    if draws > 2 * size:
        root = np.linalg.cholesky(normals.T @ normals / draws)
        normals = np.linalg.solve(root, normals.T).T
    return np.asarray(normals)


def _draws(model: Model, given: Posterior | None, normals: Floats) -> Sequence[Sequence[float]]:
    """Draws of the parameters from the posterior, the fit's normal, or the one value of a model made by hand."""
    if given is not None:
        if given.symbols != model.symbols:
            raise ValueError(f"the posterior is of {given.symbols}, but {type(model).__name__} has {model.symbols}.")
        return [tuple(values) for values in given.thinned(len(normals)).draws.tolist()]
    if model.fitted is None:
        return [model.parameters]
    centre = np.array(model.parameters)
    root = np.linalg.cholesky(model.covariance / np.outer(centre, centre))
    return [tuple(values) for values in (centre * np.exp(normals @ root.T)).tolist()]
