"""Calibrate probabilities on forecasts made out of time, with the map that forecasts best, or with none.

Maps: temperature (one number, on the logit), beta (three numbers, Kull, Silva Filho, Flach 2017) and isotonic (any
rising curve). Each is fitted on some folds and judged by log loss on another; the simplest that is better beyond noise
is taken.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from lifecycle.models.forecasting.fixed_order_sums import dot, mix

FloatArray = npt.NDArray[np.float64]

EDGE = 1e-6
KINDS = ("temperature", "beta", "isotonic")


@dataclasses.dataclass(frozen=True, eq=False)
class Fold:
    """Forecasts of one as-of date by a model that had seen nothing of its horizon, and what happened."""

    probability: FloatArray
    happened: FloatArray
    weight: FloatArray


@dataclasses.dataclass(frozen=True)
class Calibration:
    """A rising map from probability to probability.

    kind "none": as it is; "temperature": sigmoid(logit(p) / parameters[0]); "beta": sigmoid(a·ln p − b·ln(1 − p) + c);
    "isotonic": linear between (parameters[:k], parameters[k:]).

    >>> float(Calibration("temperature", (2.0,)).apply(np.array([0.9]))[0])
    0.75
    """

    kind: str
    parameters: tuple[float, ...] = ()
    reason: str = ""

    def apply(self, probability: FloatArray) -> FloatArray:
        """Map probabilities; the order of any two is kept (isotonic may make them equal)."""
        if self.kind == "none":
            return probability
        p = np.clip(probability, EDGE, 1.0 - EDGE)
        if self.kind == "temperature":
            return np.asarray(special.expit(special.logit(p) / self.parameters[0]), dtype=np.float64)
        if self.kind == "beta":
            a, b, c = self.parameters
            return np.asarray(special.expit(a * np.log(p) - b * np.log1p(-p) + c), dtype=np.float64)
        half = len(self.parameters) // 2
        return np.interp(p, self.parameters[:half], self.parameters[half:])

    def to_document(self) -> dict[str, Any]:
        """Return a JSON-ready document."""
        return {"kind": self.kind, "parameters": list(self.parameters), "reason": self.reason}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Rebuild from to_document."""
        return cls(document["kind"], tuple(document["parameters"]), document["reason"])


def _loss(probability: FloatArray, fold: Fold) -> FloatArray:
    p = np.clip(probability, EDGE, 1.0 - EDGE)
    return -(fold.happened * np.log(p) + (1.0 - fold.happened) * np.log1p(-p))


def _joined(folds: Sequence[Fold]) -> Fold:
    return Fold(*(np.concatenate([getattr(f, name) for f in folds]) for name in ("probability", "happened", "weight")))


def _fit_temperature(fold: Fold) -> tuple[float, ...]:
    logit = special.logit(np.clip(fold.probability, EDGE, 1.0 - EDGE))

    def loss(log_temperature: float) -> float:
        mapped = np.asarray(special.expit(logit / np.exp(log_temperature)), dtype=np.float64)
        return dot(fold.weight, _loss(mapped, fold))

    found = optimize.minimize_scalar(loss, bounds=(-1.5, 1.5), method="bounded", options={"xatol": 1e-6})
    return (float(np.exp(found.x)),)


def _fit_beta(fold: Fold) -> tuple[float, ...]:
    p = np.clip(fold.probability, EDGE, 1.0 - EDGE)
    design = np.stack([np.log(p), -np.log1p(-p), np.ones_like(p)])
    total = float(fold.weight.sum())

    def loss(theta: FloatArray) -> tuple[float, FloatArray]:
        score = mix(theta, design)
        residual = np.asarray(special.expit(score), dtype=np.float64) - fold.happened
        value = dot(fold.weight, np.logaddexp(0.0, score) - fold.happened * score) / total
        return value, np.array([dot(row, fold.weight * residual) / total for row in design])

    bounds = [(0.05, 20.0), (0.05, 20.0), (None, None)]
    found = optimize.minimize(loss, np.array([1.0, 1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=bounds)
    return tuple(float(v) for v in found.x)


def _fit_isotonic(fold: Fold) -> tuple[float, ...]:
    """Pool adjacent violators, each block drawn towards the base rate by one observation, joined by straight lines."""
    order = np.argsort(fold.probability, kind="stable")
    found = optimize.isotonic_regression(fold.happened[order], weights=fold.weight[order])
    blocks = found.blocks
    weight = np.add.reduceat(fold.weight[order], blocks[:-1])
    centre = np.add.reduceat((fold.weight * fold.probability)[order], blocks[:-1]) / weight
    rate = dot(fold.weight, fold.happened) / float(fold.weight.sum())
    level = (found.x[blocks[:-1]] * weight + rate) / (weight + 1.0)
    level = np.clip(np.maximum.accumulate(level), EDGE, 1.0 - EDGE)
    x, first = np.unique(np.clip(centre, EDGE, 1.0 - EDGE), return_index=True)
    return tuple(float(v) for v in np.concatenate([x, level[first]]))


_FITS = {"temperature": _fit_temperature, "beta": _fit_beta, "isotonic": _fit_isotonic}


def fit(kind: str, folds: Sequence[Fold]) -> Calibration:
    """Fit one kind of map on the folds."""
    return Calibration(kind, _FITS[kind](_joined(folds)))


def choose(folds: Sequence[Fold]) -> Calibration:
    """Choose the map by log loss out of time and fit it on all folds.

    Folds come in the order of time. Each map is fitted on all folds before one and judged on it, for every fold but the
    first. With one fold, or nothing to learn from, there is no out-of-time judgement and the forecast stays as it is.
    """
    usable = [f for f in folds if 0 < dot(f.weight, f.happened) < float(f.weight.sum())]
    if len(usable) < 2:
        reason = f"not calibrated: {len(usable)} complete out-of-time folds with both outcomes, at least 2 are needed"
        return Calibration("none", (), reason)
    best, told = Calibration("none"), []
    best_gain = 0.0
    for kind in KINDS:
        gains, weights = [], []
        for k in range(1, len(usable)):
            mapped = fit(kind, usable[:k]).apply(usable[k].probability)
            gains.append(_loss(usable[k].probability, usable[k]) - _loss(mapped, usable[k]))
            weights.append(usable[k].weight)
        gain, weight = np.concatenate(gains), np.concatenate(weights)
        mean = dot(weight, gain) / float(weight.sum())
        noise = float(np.sqrt(dot(weight**2, (gain - mean) ** 2)) / weight.sum())
        per_fold = [dot(w, g) / float(w.sum()) for g, w in zip(gains, weights, strict=True)]
        told.append(f"{kind} {mean:+.5f} ± {noise:.5f}")
        if mean > best_gain + 2.0 * noise and min(per_fold) > 0:
            best, best_gain = fit(kind, usable), mean
    reason = f"gain in log loss on later folds: {', '.join(told)}; taken: {best.kind}"
    return dataclasses.replace(best, reason=reason)
