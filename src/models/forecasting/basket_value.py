"""Money a purchase day: Gamma-Gamma where enough customers bought twice, else one mean for all."""

import dataclasses
import json
from typing import Any, Self

import numpy as np

from lifecycle.models.btyd import GammaGamma
from lifecycle.models.forecasting.forecast import FloatArray

FEWEST_REPEATERS = 10


@dataclasses.dataclass(frozen=True)
class Baskets:
    """Gamma-Gamma, or one mean for all where too few bought twice; neither without amounts."""

    model: GammaGamma | None
    mean: float | None

    @classmethod
    def fit(cls, frequency: FloatArray, monetary_value: FloatArray, spend: FloatArray) -> Self:
        """Fit to the repeat purchases known; spend is all NaN for a log without amounts.

        >>> Baskets.fit(np.array([1.0, 0.0]), np.array([4.0, np.nan]), np.array([10.0, 5.0])).mean
        5.0
        """
        if not np.isfinite(spend).any():
            return cls(None, None)
        days = float((frequency + 1.0).sum())
        mean = max(float(np.nansum(spend)) / days, 0.0)
        repeated = (frequency > 0) & (monetary_value > 0)
        if int(repeated.sum()) < FEWEST_REPEATERS:
            return cls(None, mean)
        return cls(GammaGamma.fit(frequency[repeated], monetary_value[repeated]), mean)

    def expected(self, frequency: FloatArray, monetary_value: FloatArray) -> FloatArray:
        """Return each customer's expected money a purchase day; NaN without amounts."""
        if self.mean is None:
            return np.full(frequency.size, np.nan)
        if self.model is None:
            return np.full(frequency.size, self.mean)
        return self.model.expected_monetary_value(frequency, np.maximum(monetary_value, 0.0))

    def to_document(self) -> dict[str, Any]:
        """Return a JSON-ready document."""
        return {"gamma_gamma": None if self.model is None else json.loads(self.model.to_json()), "mean": self.mean}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Rebuild from to_document."""
        model = document["gamma_gamma"]
        return cls(None if model is None else GammaGamma.from_json(json.dumps(model)), document["mean"])
