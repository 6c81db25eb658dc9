"""Features as numbers for LightGBM: the registered ones, then what buy-till-you-die models say of the customer."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd

from lifecycle.models.forecasting.forecast import FloatArray, Forecast
from lifecycle.models.forecasting.snapshot import Snapshot

BTYD = (
    "btyd_purchase_probability",
    "btyd_p_alive",
    "btyd_expected_purchases",
    "btyd_expected_basket",
    "btyd_expected_spend",
)


LEAST = 1e-6
"""Chances and amounts below this are as good as none: what is left of them after rounding differs by machine."""

UNDERFLOW = 1e-200
"""Expected purchases below this say nothing of the basket."""


def btyd_columns(forecast: Forecast) -> FloatArray:
    """Return the columns of BTYD from a buy-till-you-die forecast of the same customers (n, 5)."""
    purchases, spend = forecast.expected_purchases, forecast.expected_spend
    basket = np.divide(spend, purchases, out=np.full_like(purchases, np.nan), where=purchases > UNDERFLOW)
    buys, alive, count, money = (
        np.maximum(column, LEAST) for column in (1.0 - forecast.churn_probability, forecast.p_alive, purchases, spend)
    )
    return np.column_stack((buys, alive, count, basket, money))


def given_buying(amount: FloatArray, churn_probability: FloatArray, *, otherwise: float) -> FloatArray:
    """Return an expected amount per customer who buys, E / P(buys), and `otherwise` where both vanish.

    Dividing what is left of the two after rounding would give another answer on every machine.

    >>> given_buying(np.array([0.5, 0.0]), np.array([0.75, 1.0]), otherwise=1.0).round(4)
    array([2., 1.])
    """
    return (amount + otherwise * LEAST) / (1.0 - churn_probability + LEAST)


@dataclasses.dataclass(frozen=True)
class Layout:
    """Which columns a matrix has, in order, and the values each category may take (its code is the place in the list).

    Values not seen in training become missing, as do features that were constant or absent then.
    """

    numeric: tuple[str, ...]
    categories: tuple[tuple[str, tuple[str, ...]], ...]

    @classmethod
    def learn(cls, snapshots: Sequence[Snapshot]) -> Self:
        """Take the features that vary within the snapshots; categories with their values in sorted order."""
        numeric, categories = [], []
        for column in snapshots[-1].features.columns:
            parts = [s.features[column] for s in snapshots if column in s.features.columns]
            if isinstance(parts[0].dtype, pd.CategoricalDtype):
                values = sorted({str(v) for part in parts for v in part.cat.categories[np.unique(_codes(part))]})
                if len(values) > 1:
                    categories.append((str(column), tuple(values)))
            elif _varies(parts):
                numeric.append(str(column))
        return cls(tuple(numeric), tuple(categories))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all columns."""
        return (*self.numeric, *(name for name, _ in self.categories), *BTYD)

    @property
    def categorical(self) -> list[int]:
        """Places of the categorical columns."""
        return list(range(len(self.numeric), len(self.numeric) + len(self.categories)))

    def matrix(self, features: pd.DataFrame, btyd: FloatArray) -> FloatArray:
        """Return the matrix (n, columns); a feature that the table lacks is missing."""
        out = np.full((len(features), len(self.names)), np.nan)
        for place, name in enumerate(self.numeric):
            if name in features.columns:
                out[:, place] = features[name].to_numpy(dtype=np.float64)
        for place, (name, values) in enumerate(self.categories, start=len(self.numeric)):
            if name in features.columns:
                column = features[name].astype("category")
                lookup = {value: code for code, value in enumerate(values)}
                codes = np.array([lookup.get(str(v), np.nan) for v in column.cat.categories] + [np.nan])
                out[:, place] = codes[column.cat.codes.to_numpy()]
        out[:, len(self.numeric) + len(self.categories) :] = btyd
        return out

    def to_document(self) -> dict[str, Any]:
        """Return a JSON-ready document."""
        return {"numeric": list(self.numeric), "categories": [[name, list(values)] for name, values in self.categories]}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Rebuild from to_document."""
        categories = tuple((name, tuple(values)) for name, values in document["categories"])
        return cls(tuple(document["numeric"]), categories)


def _codes(column: "pd.Series[Any]") -> "np.ndarray[Any, np.dtype[np.int64]]":
    codes = column.cat.codes.to_numpy()
    return np.asarray(codes[codes >= 0], dtype=np.int64)


def _varies(parts: Sequence["pd.Series[Any]"]) -> bool:
    lows, highs = [], []
    missing, count = 0, 0
    for part in parts:
        values = part.to_numpy(dtype=np.float64)
        known = values[np.isfinite(values)]
        missing += values.size - known.size
        count += values.size
        if known.size:
            lows.append(known.min())
            highs.append(known.max())
    return bool(lows) and (min(lows) < max(highs) or 0 < missing < count)
