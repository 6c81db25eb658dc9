"""How far apart the forecast puts large and small customers: one exponent, which leaves their order as it is.

Pools draw forecasts together: an average of experts is less sharp than each. Of the exponents whose deviance out of
time cannot be told from the best, the one with the smallest absolute error is taken.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from lifecycle.models.forecasting.forecast import FloatArray
from lifecycle.models.forecasting.stacking import deviance

EXPONENTS = (1.0, 1.05, 1.1, 1.15, 1.2, 1.25, 1.3)
ALIKE = 0.005  # of the deviance: less than this does not matter to anyone who acts on the forecast


@dataclasses.dataclass(frozen=True)
class Sharpness:
    """spend → scale · spend ** exponent; the scale keeps the sum over the base that the candidate was fitted for."""

    exponent: float = 1.0
    scale: float = 1.0

    def apply(self, spend: FloatArray) -> FloatArray:
        """Sharpen a forecast of spend."""
        return self.scale * spend**self.exponent

    def scaled_to(self, spend: FloatArray) -> Self:
        """Return the same exponent with the scale that keeps the sum of `spend`."""
        total = float((spend**self.exponent).sum())
        return dataclasses.replace(self, scale=float(spend.sum()) / total if total > 0 else 1.0)

    def to_document(self) -> dict[str, Any]:
        """Return a JSON-ready document."""
        return dataclasses.asdict(self)

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Rebuild from to_document."""
        return cls(**document)


def choose(folds: Sequence[tuple[FloatArray, FloatArray]]) -> Sharpness:
    """Choose the exponent on folds of (forecast, actual amounts) made out of time; 1 where there is none."""
    if not folds:
        return Sharpness()
    losses, errors = [], []
    for forecast, actual in folds:
        sharpened = [Sharpness(g).scaled_to(forecast).apply(forecast) for g in EXPONENTS]
        losses.append([deviance(s, actual) for s in sharpened])
        level = float(actual.sum()) / max(float(forecast.sum()), 1e-12)
        errors.append([float(np.abs(level * s - actual).sum()) / max(float(actual.sum()), 1e-12) for s in sharpened])
    means = np.array([[float(d.mean()) for d in fold] for fold in losses]).mean(axis=0)
    best = int(np.argmin(means))

    def noise(k: int) -> float:
        return float(np.mean([(fold[k] - fold[best]).std() / np.sqrt(fold[k].size) for fold in losses]))

    alike = [k for k in range(len(EXPONENTS)) if means[k] <= means[best] * (1.0 + ALIKE) + noise(k)]
    error = np.mean(errors, axis=0)
    return Sharpness(EXPONENTS[min(alike, key=lambda k: (float(error[k]), k))])
