"""Buy-till-you-die models as candidates: when customers buy (BG, MBG or Pareto/NBD) times how much (Gamma-Gamma)."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from lifecycle.models.btyd import BgNbd, MbgNbd, ParetoNbd
from lifecycle.models.btyd.joint_spend import probability_spend_below
from lifecycle.models.forecasting.basket_value import Baskets
from lifecycle.models.forecasting.candidate import check, check_horizon
from lifecycle.models.forecasting.forecast import FloatArray, Forecast
from lifecycle.models.forecasting.serialization import MODEL, to_json
from lifecycle.models.forecasting.snapshot import Snapshot

Purchases = BgNbd | MbgNbd | ParetoNbd

MODELS: dict[str, type[BgNbd] | type[MbgNbd] | type[ParetoNbd]] = {
    "bgnbd": BgNbd,
    "mbgnbd": MbgNbd,
    "paretonbd": ParetoNbd,
}


@dataclasses.dataclass(frozen=True)
class FittedPurchasing:
    """A model of purchases and one of baskets, both fitted to the last snapshot that was known."""

    name: str
    horizon: int
    model: Purchases
    baskets: Baskets

    def predict(self, snapshot: Snapshot) -> Forecast:
        """Forecast from frequency, recency, T and monetary value alone; no feature is looked at."""
        known = self.predict_buying(snapshot)
        return dataclasses.replace(known, decline_probability=self.decline(snapshot, known.churn_probability))

    def predict_buying(self, snapshot: Snapshot) -> Forecast:
        """Forecast all but decline, which takes longer than all else together where customers buy often."""
        check_horizon(self, snapshot)
        x, t_x, T = snapshot.frequency, snapshot.recency, snapshot.T
        purchases = self.model.expected_purchases(self.horizon, x, t_x, T)
        return Forecast(
            churn_probability=np.clip(self.model.probability_no_purchase(self.horizon, x, t_x, T), 0.0, 1.0),
            decline_probability=np.full(snapshot.n, np.nan),
            p_alive=self.model.p_alive(x, t_x, T),
            expected_purchases=purchases,
            expected_spend=purchases * self.baskets.expected(x, snapshot.monetary_value),
        )

    def decline(self, snapshot: Snapshot, silent: FloatArray) -> FloatArray:
        """P(buys, but spends no more than the threshold of decline), NaN where not eligible or not defined."""
        result = np.full(snapshot.n, np.nan)
        rows = np.flatnonzero(snapshot.eligible & np.isfinite(snapshot.decline_below))
        if rows.size == 0 or self.baskets.model is None:
            return result
        part = snapshot.take(rows.astype(np.int64))
        below = probability_spend_below(
            self.model,
            self.baskets.model,
            part.decline_below,
            self.horizon,
            part.frequency,
            part.recency,
            part.T,
            np.maximum(part.monetary_value, 0.0),
        )
        result[rows] = np.clip(below - silent[rows], 0.0, 1.0)
        return result

    def files(self) -> dict[str, bytes]:
        """Write the parameters and the certificates of their fits."""
        return {MODEL: to_json(self.to_document())}

    def to_document(self) -> dict[str, Any]:
        """Return a JSON-ready document."""
        return {
            "kind": "purchasing",
            "name": self.name,
            "horizon": self.horizon,
            "purchases": json.loads(self.model.to_json()),
            "baskets": self.baskets.to_document(),
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Rebuild from the document in files()."""
        model = MODELS[document["name"]].from_json(json.dumps(document["purchases"]))
        return cls(document["name"], document["horizon"], model, Baskets.from_document(document["baskets"]))

    def params(self) -> dict[str, float | str]:
        """Return the models' parameters and what their fits have to say."""
        named: dict[str, float | str] = dict(zip(self.model.symbols, self.model.parameters, strict=True))
        said = list(self.model.diagnostics.messages)
        if self.baskets.model is not None:
            named |= {f"gg_{s}": v for s, v in zip(("p", "q", "v"), self.baskets.model.parameters, strict=True)}
            said += self.baskets.model.diagnostics.messages
        return named | {"messages": " ".join(said) or "none"}


@dataclasses.dataclass(frozen=True)
class Purchasing:
    """BG/NBD, MBG/NBD or Pareto/NBD with Gamma-Gamma; name is a key of MODELS."""

    name: str

    def fit(self, snapshots: Sequence[Snapshot], *, seed: int) -> FittedPurchasing:  # noqa: ARG002 (nothing is drawn)
        """Fit to the last snapshot; outcomes are not needed."""
        check(snapshots, owner=self.name)
        last = snapshots[-1]
        model = MODELS[self.name].fit(last.frequency, last.recency, last.T)
        baskets = Baskets.fit(last.frequency, last.monetary_value, last.spend)
        return FittedPurchasing(self.name, last.horizon, model, baskets)
