"""Weights of a pool of forecasts, chosen on forecasts made out of time and held near even where the choice is noise."""

import dataclasses
import itertools
from collections.abc import Callable, Sequence

import numpy as np
from scipy import special

from lifecycle.models.forecasting.fixed_order_sums import mix
from lifecycle.models.forecasting.forecast import FloatArray

STEPS = 10
EDGE = 1e-6


@dataclasses.dataclass(frozen=True, eq=False)
class Held:
    """One out-of-time fold of one quantity: each member's forecast (members, n) and what happened (n)."""

    forecasts: FloatArray
    happened: FloatArray


@dataclasses.dataclass(frozen=True)
class Weights:
    """Weights by member (they sum to 1) and why they are these."""

    values: tuple[float, ...]
    reason: str


def logit(probability: FloatArray) -> FloatArray:
    """Log odds, probabilities kept off 0 and 1."""
    return np.asarray(special.logit(np.clip(probability, EDGE, 1.0 - EDGE)), dtype=np.float64)


def shift_to(log_odds: FloatArray, total: float) -> float:
    """Shift of log odds after which the probabilities sum to a total (Newton, monotone, so it cannot fail)."""
    goal = min(max(total, 0.5), log_odds.size - 0.5)
    shift = 0.0
    for _ in range(50):
        p = special.expit(log_odds + shift)
        step = float((goal - p.sum()) / max(float((p * (1.0 - p)).sum()), 1e-9))
        shift += min(max(step, -2.0), 2.0)
        if abs(step) < 1e-10:
            break
    return shift


def log_loss_of_pool(weights: FloatArray, fold: Held) -> FloatArray:
    """Log loss a customer of members pooled on log odds, their level set right: it is chosen elsewhere."""
    pooled = mix(weights, fold.forecasts)
    shifted = pooled + shift_to(pooled, float(fold.happened.sum()))
    return np.asarray(np.logaddexp(0.0, shifted) - fold.happened * shifted, dtype=np.float64)


def deviance_of_pool(weights: FloatArray, fold: Held) -> FloatArray:
    """Tweedie deviance of power 1.5 a customer, up to what the forecast cannot change, of members pooled in money.

    Minimal at the mean, like the squared error, but fit for amounts that are often zero and sometimes huge. The level
    is set right first, and the scale taken out: the mean amount is 1.
    """
    return deviance(mix(weights, fold.forecasts), fold.happened)


def deviance(forecast: FloatArray, happened: FloatArray) -> FloatArray:
    """Return the deviance of deviance_of_pool for one forecast."""
    actual = np.maximum(happened, 0.0)
    mean = max(float(actual.mean()), EDGE)
    total = float(forecast.sum())
    expected = np.maximum(forecast * (actual.size / total if total > 0 else 1.0), 1e-4)
    return np.asarray(2.0 * (actual / mean / np.sqrt(expected) + np.sqrt(expected)), dtype=np.float64)


Loss = Callable[[FloatArray, Held], FloatArray]


def choose(folds: Sequence[Held], even: Sequence[float], loss: Loss) -> Weights:
    """Choose weights in tenths by mean loss over the folds; of all that are within one standard error, those nearest
    even.

    even: the weights to hold to without evidence. The standard error is that of the difference to the best, over
    customers; folds overlap in customers, so they do not make it smaller.
    """
    centre = np.asarray(even, dtype=np.float64)
    if not folds:
        return Weights(tuple(float(v) for v in centre), "no fold out of time: even weights")
    grid = [np.array(g) / STEPS for g in itertools.product(range(STEPS + 1), repeat=centre.size) if sum(g) == STEPS]
    losses = [float(np.mean([loss(g, fold).mean() for fold in folds])) for g in grid]
    best = int(np.argmin(losses))
    noise = _noise(grid[best], centre, folds, loss)
    if float(np.mean([loss(centre, fold).mean() for fold in folds])) <= losses[best] + noise:
        chosen, told = centre, "even weights, the best are not better beyond noise"
    else:
        within = [k for k, value in enumerate(losses) if value <= losses[best] + noise]
        nearest = min(within, key=lambda k: (round(float(((grid[k] - centre) ** 2).sum()), 9), losses[k]))
        chosen, told = grid[nearest], "nearest to even within one standard error of the best"
    return Weights(tuple(float(v) for v in chosen), f"{len(folds)} folds out of time: {told}")


def _noise(best: FloatArray, centre: FloatArray, folds: Sequence[Held], loss: Loss) -> float:
    difference = [loss(best, fold) - loss(centre, fold) for fold in folds]
    return float(np.mean([d.std() / np.sqrt(d.size) for d in difference]))
