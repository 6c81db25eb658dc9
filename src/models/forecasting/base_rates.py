"""The baseline: base rates of customers with alike recency and frequency."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from lifecycle.models.forecasting.candidate import check, check_horizon
from lifecycle.models.forecasting.forecast import FloatArray, Forecast
from lifecycle.models.forecasting.serialization import MODEL, to_json
from lifecycle.models.forecasting.snapshot import Snapshot, complete, outcome_of

FREQUENCY_EDGES = (1.0, 2.0, 4.0, 8.0)  # repeat purchases: 0, 1, 2-3, 4-7, 8+
RECENCY_EDGES = (0.25, 0.5, 1.0, 2.0)  # days since the last purchase, in horizons
CLASSES = (len(FREQUENCY_EDGES) + 1) * (len(RECENCY_EDGES) + 1)
PRIOR = 20.0  # observations at the base's own rate that a class starts with


def _classes(snapshot: Snapshot) -> npt.NDArray[np.int64]:
    since = (snapshot.T - snapshot.recency) / snapshot.horizon
    column = np.searchsorted(RECENCY_EDGES, since, side="left")
    return np.asarray(np.searchsorted(FREQUENCY_EDGES, snapshot.frequency, side="right") * 5 + column, dtype=np.int64)


def _rates(index: npt.NDArray[np.int64], happened: FloatArray) -> FloatArray:
    """Mean by class, drawn towards the mean of all by PRIOR observations; NaN where nothing was observed at all."""
    known = np.isfinite(happened)
    if not known.any():
        return np.full(CLASSES, np.nan)
    total = np.bincount(index[known], weights=happened[known], minlength=CLASSES)
    count = np.bincount(index[known], minlength=CLASSES)
    return np.asarray((total + PRIOR * happened[known].mean()) / (count + PRIOR), dtype=np.float64)


@dataclasses.dataclass(frozen=True, eq=False)
class FittedNaive:
    """Rates of each class; a list of CLASSES numbers each, NaN where the log tells nothing."""

    horizon: int
    bought: FloatArray
    purchases: FloatArray
    spend: FloatArray
    declining: FloatArray
    name: str = "naive"

    def predict(self, snapshot: Snapshot) -> Forecast:
        """Look up each customer's class."""
        check_horizon(self, snapshot)
        index = _classes(snapshot)
        decline = np.where(snapshot.eligible, self.declining[index], np.nan)
        missing = np.full(snapshot.n, np.nan)
        return Forecast(1.0 - self.bought[index], decline, missing, self.purchases[index], self.spend[index])

    def files(self) -> dict[str, bytes]:
        """Write the table."""
        rates = {
            key: [None if np.isnan(v) else float(v) for v in getattr(self, key)]
            for key in ("bought", "purchases", "spend", "declining")
        }
        return {MODEL: to_json({"kind": "naive", "horizon": self.horizon, "rates": rates})}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Rebuild from the document in files()."""
        rates = {key: np.array(values, dtype=np.float64) for key, values in document["rates"].items()}
        return cls(document["horizon"], rates["bought"], rates["purchases"], rates["spend"], rates["declining"])

    def params(self) -> dict[str, float | str]:
        """Return the number of classes."""
        return {"classes": float(CLASSES)}


@dataclasses.dataclass(frozen=True)
class Naive:
    """Base rates by class of frequency and recency, from all complete horizons."""

    name: str = "naive"

    def fit(self, snapshots: Sequence[Snapshot], *, seed: int) -> FittedNaive:  # noqa: ARG002 (nothing is drawn)
        """Count."""
        check(snapshots, owner=self.name)
        learned = complete(snapshots)
        if not learned:
            raise ValueError("naive: at least one snapshot with a complete horizon is needed, got none.")
        index = np.concatenate([_classes(s) for s in learned])
        outcomes = [outcome_of(s) for s in learned]

        def rates(column: str) -> FloatArray:
            return _rates(index, np.concatenate([np.asarray(getattr(o, column), dtype=np.float64) for o in outcomes]))

        return FittedNaive(learned[-1].horizon, rates("bought"), rates("purchases"), rates("spend"), rates("declining"))
