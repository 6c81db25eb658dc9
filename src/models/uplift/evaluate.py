"""How good an ordering of customers by effect is: gain by depth, Qini, slope of the best linear predictor, groups."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from lifecycle.models.uplift.crossfit import average
from lifecycle.models.uplift.trial import NORMAL_90, Codes, Floats, Trial

DEPTHS: Final = np.arange(1, 101) / 100
BOOTSTRAPS: Final = 200


@dataclass(frozen=True, eq=False)
class GainCurve:
    """Gain of treating the top q beyond treating q of them by chance, in outcome per customer, for q in `DEPTHS`.

    Attributes
    ----------
    gain, low, high : Floats
        (100,) q·(ȳ_t − ȳ_c in the top q) − q·(ȳ_t − ȳ_c), and its 90 % band (bootstrap of customers within arms).
    area, area_low, area_high : float
        mean over depths, and its 90 % interval.
    """

    gain: Floats
    low: Floats
    high: Floats
    area: float
    area_low: float
    area_high: float


def fold_ranks(score: Floats, fold: Codes, order: Codes) -> Floats:
    """Return ranks within the fold in (0, 1], the largest score 1: folds' models need not agree on a level.

    >>> fold_ranks(np.array([5.0, 1.0, 0.2, 0.1]), np.array([0, 0, 1, 1]), np.arange(4)).tolist()
    [1.0, 0.5, 1.0, 0.5]
    """
    rank = np.empty(score.size)
    for k in np.unique(fold):
        rows = np.flatnonzero(fold == k)
        down = rows[np.lexsort((order[rows], -score[rows]))]
        rank[down] = 1 - np.arange(rows.size) / rows.size
    return rank


def gain_curve(trial: Trial, rank: Floats, *, bootstraps: int = BOOTSTRAPS, seed: int = 0) -> GainCurve:
    """Return what the ordering gains, with its band; two arms, means weighted by 1/propensity.

    >>> trial = Trial.of(np.zeros((4, 1)), np.array([1, 0, 1, 0]), np.array([1.0, 0.0, 0.0, 0.0]), 0.5)
    >>> round(float(gain_curve(trial, np.array([1.0, 0.9, 0.2, 0.1]), bootstraps=2).gain[49]), 3)
    0.25
    """
    down = np.lexsort((trial.order, -rank))
    treated, y = trial.treated[down], trial.outcome[down]
    weight = 1 / np.where(treated, trial.propensity[down, 1], trial.propensity[down, 0])
    start = np.minimum((np.concatenate([[0.0], DEPTHS[:-1]]) * trial.n).astype(np.int64), trial.n - 1)
    columns = np.stack([treated * weight, treated * weight * y, ~treated * weight, ~treated * weight * y])
    gain = _gain(np.add.reduceat(columns, start, axis=1))
    rng = np.random.default_rng(seed)
    arms = [np.flatnonzero(treated), np.flatnonzero(~treated)]
    drawn = np.empty((bootstraps, DEPTHS.size))
    for b in range(bootstraps):
        count = np.zeros(trial.n)
        for rows in arms:
            count[rows] = np.bincount(rng.integers(0, rows.size, rows.size), minlength=rows.size)
        drawn[b] = _gain(np.add.reduceat(columns * count, start, axis=1))
    low, high = np.quantile(drawn, [0.05, 0.95], axis=0)
    area_low, area_high = np.quantile(drawn.mean(axis=1), [0.05, 0.95])
    return GainCurve(gain, low, high, float(gain.mean()), float(area_low), float(area_high))


def _gain(sums: Floats) -> Floats:
    """From sums by depth (4, depths) of treated weight, outcome, control weight, outcome to the gain."""
    n_t, y_t, n_c, y_c = np.cumsum(sums, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        effect = np.where((n_t > 0) & (n_c > 0), y_t / n_t - y_c / n_c, 0.0)
    return np.asarray(DEPTHS * (effect - effect[-1]))


def qini(trial: Trial, rank: Floats) -> float:
    """Return the Qini coefficient as scikit-uplift 0.5.1 computes it: area above the diagonal over the perfect curve's.

    The perfect curve orders by y·t − y·(1 − t) and so knows outcomes; coefficients compare within one data set only.
    """
    treated = trial.treated.astype(np.float64)
    perfect = trial.outcome * treated - trial.outcome * (1 - treated)
    best = _qini_area(trial.outcome, perfect, treated)
    return float(_qini_area(trial.outcome, rank, treated) / best) if best else float("nan")


def _qini_area(y: Floats, score: Floats, treated: Floats) -> float:
    down = np.argsort(score, kind="stable")[::-1]
    y, score, treated = y[down], score[down], treated[down]
    last = np.r_[np.flatnonzero(np.diff(score)), score.size - 1]
    n_t = np.cumsum(treated)[last]
    n = last + 1.0
    n_c = n - n_t
    y_t, y_c = np.cumsum(y * treated)[last], np.cumsum(y * (1 - treated))[last]
    curve = y_t - y_c * np.divide(n_t, n_c, out=np.zeros_like(n_t), where=n_c > 0)
    n, curve = np.r_[0.0, n], np.r_[0.0, curve]
    return float(np.trapezoid(curve, n) - 0.5 * n[-1] * curve[-1])


def uplift_at(trial: Trial, rank: Floats, share: float = 0.3) -> float:
    """Return ȳ_t − ȳ_c among the top share of all customers (scikit-uplift's `overall`); NaN without one arm."""
    top = np.lexsort((trial.order, -rank))[: int(trial.n * share)]
    treated, y = trial.treated[top], trial.outcome[top]
    if treated.all() or not treated.any():
        return float("nan")
    return float(y[treated].mean() - y[~treated].mean())


def slope(contrast: Floats, effect: Floats, fold: Codes) -> tuple[float, float]:
    """Return (slope, standard error) of the best linear predictor of τ by the learned effect.

    Chernozhukov et al. (arXiv 1712.04802): ψ on τ̂ less its fold's mean, robust to unequal variances. 1 where the
    learned effects are right, 0 where they say nothing; (0, inf) where they do not differ.

    >>> slope(np.array([1.0, 3.0, 1.0, 3.0]), np.array([0.0, 1.0, 0.0, 1.0]), np.zeros(4, np.int64))
    (2.0, 0.0)
    """
    centred, residual = effect.astype(np.float64).copy(), contrast.astype(np.float64).copy()
    for k in np.unique(fold):
        centred[fold == k] -= effect[fold == k].mean()
        residual[fold == k] -= contrast[fold == k].mean()
    square = float(centred @ centred)
    if square <= 1e-18 * max(1.0, float(effect @ effect)):
        return 0.0, float("inf")
    beta = float(centred @ residual) / square
    return beta, float(np.sqrt(np.sum((centred * (residual - beta * centred)) ** 2))) / square


def groups(contrast: Floats, rank: Floats, number: int = 5) -> tuple[tuple[float, float], ...]:
    """Return (effect, standard error) of equal groups of customers, from the least learned effect to the largest."""
    group = np.minimum((rank * number * (1 - 1e-12)).astype(np.int64), number - 1)
    return tuple(average(contrast[group == g]) for g in range(number))


def lower_90(mean: float, error: float) -> float:
    """Return the lower end of a 90 % interval.

    >>> round(lower_90(1.0, 0.1), 4)
    0.8355
    """
    return mean - NORMAL_90 * error
