"""What the level of a base will be on a date, from by how much it was off on past dates.

A miss is taken for a constant, a season that comes again each year, a drift that fades within a horizon, and noise (a
Gaussian process; Rasmussen and Williams 2006, chapters 2 and 5). How strong season and drift are is not chosen but
averaged over, by how common each strength is and how well it explains the past: a season that the log has been through
is carried on, one that it has not is answered by little but a wider error.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy import stats

from lifecycle.models.forecasting.forecast import FloatArray

YEAR = 365.25
CONSTANT = 0.3
SEASONS = (0.05, 0.1, 0.2, 0.4, 0.8)
DRIFTS = (0.05, 0.1, 0.2, 0.3)
COMMON = 0.3  # mean of the exponential distribution that strengths of season are taken from
LASTING = 8.0  # years in which a season changes
YOUNG = 0.6  # error of a model fitted on the first days of a log, which falls with the days behind it
ROUGH = 0.05  # what no model of the level would explain
UNSEEN = 0.25  # error where the log has not been through the season: months of an even level say nothing of Christmas
PRIOR_DEGREES = 3.0


@dataclasses.dataclass(frozen=True, eq=False)
class Outlook:
    """Expected miss on each of the days asked for, its standard deviation, and how well that is known."""

    mean: FloatArray
    spread: FloatArray
    degrees: float


def unknown_reach(level: float) -> float:
    """Reach of the interval, in logs to either side, that holds a base's level where no past tells of it.

    >>> round(unknown_reach(0.9), 2)
    0.98
    """
    unknown = expect((), (), (), (), at=np.zeros(1), horizon=1)
    return float(stats.t.ppf((1 + level) / 2, unknown.degrees) * unknown.spread[0])


def expect(
    days: Sequence[int],
    misses: Sequence[float],
    noise: Sequence[float],
    behind: Sequence[int],
    *,
    at: FloatArray,
    horizon: int,
) -> Outlook:
    """Expect the misses on the days `at`, given those on past days (in logs), with their noise and days of log behind.

    >>> at = np.array([365.0])
    >>> found = expect([0, 90, 180, 270], [0.3] * 4, [0.01] * 4, [900, 990, 1080, 1170], at=at, horizon=90)
    >>> found.mean.round(1).tolist()
    [0.3]
    """
    if not misses:
        seasons = np.average(np.square(SEASONS), weights=np.exp(-np.array(SEASONS) / COMMON))
        spread = np.sqrt(CONSTANT**2 + seasons + np.mean(np.square(DRIFTS)))
        return Outlook(np.zeros(at.size), np.full(at.size, spread), PRIOR_DEGREES)
    past, y = np.asarray(days, dtype=np.float64), np.asarray(misses, dtype=np.float64)
    reach = max(30.0, horizon / 2.0)
    young = YOUNG * np.exp(-np.asarray(behind, dtype=np.float64) / max(60.0, horizon))
    error = np.asarray(noise, dtype=np.float64) ** 2 + young**2 + ROUGH**2
    inner, outer = past[:, None] - past[None, :], at[:, None] - past[None, :]
    means, variances, evidence = [], [], []
    for season in SEASONS:
        for drift in DRIFTS:
            half = np.linalg.cholesky(_alike(inner, season, drift, reach) + np.diag(error))
            white = np.linalg.solve(half, y)
            pulled = np.linalg.solve(half, _alike(outer, season, drift, reach).T)
            means.append((pulled * white[:, None]).sum(axis=0))
            variances.append(CONSTANT**2 + season**2 + drift**2 - (pulled**2).sum(axis=0))
            explained = -0.5 * float((white**2).sum()) - float(np.log(np.diag(half)).sum())
            evidence.append(explained - season / COMMON)
    weight = np.exp(np.array(evidence) - max(evidence))
    weight = (weight / weight.sum())[:, None]
    mean = (weight * np.array(means)).sum(axis=0)
    variance = (weight * (np.array(variances) + (np.array(means) - mean) ** 2)).sum(axis=0)
    seen = _season(outer, reach).max(axis=1)
    variance = np.maximum(variance, 0.0) + UNSEEN**2 * (1.0 - seen)
    horizons = (max(days) - min(days)) / horizon + 1.0
    return Outlook(mean, np.sqrt(variance), PRIOR_DEGREES + horizons)


def _alike(apart: FloatArray, season: float, drift: float, reach: float) -> FloatArray:
    """Covariance of two dates by the days between them."""
    yearly = _season(apart, reach) * np.exp(-np.abs(apart) / (LASTING * YEAR))
    return np.asarray(CONSTANT**2 + season**2 * yearly + drift**2 * np.exp(-np.abs(apart) / reach))


def _season(apart: FloatArray, reach: float) -> FloatArray:
    """How alike the time of year of two dates is, 1 for the same day."""
    return np.asarray(np.exp(-2.0 * (np.sin(np.pi * apart / YEAR) * YEAR / (2.0 * np.pi * reach)) ** 2))
