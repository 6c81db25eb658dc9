"""LightGBM as a candidate: does the customer buy, how much if so, and does an eligible buyer decline."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from scipy import special

from lifecycle.models.forecasting import offset
from lifecycle.models.forecasting.candidate import check, check_horizon
from lifecycle.models.forecasting.design_matrix import Layout, btyd_columns, given_buying
from lifecycle.models.forecasting.fixed_order_sums import dot
from lifecycle.models.forecasting.forecast import FloatArray, Forecast
from lifecycle.models.forecasting.lightgbm_training import Settings, Trees, train
from lifecycle.models.forecasting.offset import Start
from lifecycle.models.forecasting.purchase_models import FittedPurchasing, Purchasing
from lifecycle.models.forecasting.serialization import MODEL, to_json
from lifecycle.models.forecasting.snapshot import Snapshot, complete, outcome_of

BTYD_MODEL = "mbgnbd"  # gives one-time buyers a chance to be gone, and has a maximum where BG/NBD has none
FEWEST_DECLINES = 200.0
FEWEST_EVENTS = 20.0
HEAVY_TAIL = 0.995
# More purchases expected by the probability model never make a purchase less likely, a larger expected basket never a
# purchase smaller, all else equal. Silence is left free: for a regular buyer a long gap may mean that it is time again.
RISING_BUYS = ("btyd_purchase_probability", "btyd_expected_purchases")
RISING_SPEND = ("btyd_expected_basket",)


def overlap_weights(days: Sequence[int], horizon: int) -> FloatArray:
    """Weigh snapshots so that every day of outcome counts once, however many horizons cover it.

    days: as-of days in rising order. The weights sum to the days covered over the horizon: three snapshots a third of a
    horizon apart are worth 5/3 of one.

    >>> overlap_weights([0, 30, 60], 90).round(3).tolist()
    [0.611, 0.444, 0.611]
    """
    cover = np.zeros(days[-1] - days[0] + horizon)
    for day in days:
        cover[day - days[0] : day - days[0] + horizon] += 1.0
    return np.array([float((1.0 / cover[day - days[0] : day - days[0] + horizon]).sum()) / horizon for day in days])


@dataclasses.dataclass(frozen=True)
class FittedBoosted:
    """Boosters with the layout of their columns and the buy-till-you-die model whose outputs are among them.

    buys, spend, declines are None where there was nothing to learn: then base_rate and the probability model stand in.
    The trees add to a start that the probability model gives (see offset.py).
    """

    horizon: int
    layout: Layout
    btyd: FittedPurchasing
    buys: Trees | None
    spend: Trees | None
    declines: Trees | None
    base_rate: float
    start: Start
    facts: tuple[tuple[str, float], ...]
    name: str = "lightgbm"

    def predict(self, snapshot: Snapshot) -> Forecast:
        """Forecast; p_alive is missing, trees have no notion of it."""
        check_horizon(self, snapshot)
        model = self.btyd.predict_buying(snapshot) if self.declines else self.btyd.predict(snapshot)
        matrix = self.layout.matrix(snapshot.features, btyd_columns(model))
        bought = self._bought(model, matrix)
        each = given_buying(model.expected_purchases, model.churn_probability, otherwise=1.0)
        purchases = bought * np.maximum(each, 1.0)
        if self.spend is None:
            basket = btyd_columns(model)[:, 3]
            spend = purchases * basket
        else:
            spend = bought * np.exp(self.start.log_spend(model) + self.spend.raw(matrix))
        missing = np.full(snapshot.n, np.nan)
        return Forecast(1.0 - bought, self._decline(snapshot, matrix, model, bought), missing, purchases, spend)

    def churn_probability(self, snapshot: Snapshot) -> FloatArray:
        """Forecast this alone, which takes less than all of predict."""
        check_horizon(self, snapshot)
        model = self.btyd.predict_buying(snapshot)
        return 1.0 - self._bought(model, self.layout.matrix(snapshot.features, btyd_columns(model)))

    def first(self, rounds: int) -> Self:
        """Return what fewer rounds would have given of who buys; spend and decline stay as they are."""
        return self if self.buys is None else dataclasses.replace(self, buys=self.buys.first(rounds))

    def _bought(self, model: Forecast, matrix: FloatArray) -> FloatArray:
        if self.buys is None:
            return np.full(matrix.shape[0], self.base_rate)
        return np.asarray(special.expit(self.start.log_odds(model) + self.buys.raw(matrix)), dtype=np.float64)

    def _decline(self, snapshot: Snapshot, matrix: FloatArray, model: Forecast, bought: FloatArray) -> FloatArray:
        """P(buys) times P(declines | buys), the second from trees or, with few positives, in closed form."""
        if self.declines is None:
            given = given_buying(model.decline_probability, model.churn_probability, otherwise=0.0)
            return np.asarray(bought * np.clip(given, 0.0, 1.0), dtype=np.float64)
        given = special.expit(self.start.declines + self.declines.raw(matrix))
        return np.where(snapshot.eligible, bought * given, np.nan)

    def files(self) -> dict[str, bytes]:
        """Write the document and the boosters' text."""
        return {MODEL: to_json(self.to_document())} | self.trees()

    def trees(self) -> dict[str, bytes]:
        """Return the boosters' text by file name."""
        named = {"buys": self.buys, "spend": self.spend, "declines": self.declines}
        return {f"{key}.txt": trees.text.encode() for key, trees in named.items() if trees is not None}

    def to_document(self) -> dict[str, Any]:
        """Return all but the trees, JSON-ready."""
        return {
            "kind": "boosted",
            "horizon": self.horizon,
            "layout": self.layout.to_document(),
            "btyd": self.btyd.to_document(),
            "base_rate": self.base_rate,
            "start": dataclasses.asdict(self.start),
            "facts": [list(fact) for fact in self.facts],
        }

    @classmethod
    def from_document(cls, document: dict[str, Any], texts: Mapping[str, bytes]) -> Self:
        """Rebuild from the document and texts in files()."""

        def read(name: str) -> Trees | None:
            return Trees.parse(texts[f"{name}.txt"].decode()) if f"{name}.txt" in texts else None

        return cls(
            horizon=document["horizon"],
            layout=Layout.from_document(document["layout"]),
            btyd=FittedPurchasing.from_document(document["btyd"]),
            base_rate=document["base_rate"],
            start=Start(**document["start"]),
            facts=tuple((str(key), float(value)) for key, value in document["facts"]),
            buys=read("buys"),
            spend=read("spend"),
            declines=read("declines"),
        )

    def params(self) -> dict[str, float | str]:
        """Return sizes and settings."""
        routes: dict[str, float | str] = {
            "buys": "trees" if self.buys else "base rate",
            "spend": "trees" if self.spend else "probability model",
            "declines": "trees" if self.declines else "closed form (too few positives)",
        }
        sizes = {"columns": float(len(self.layout.names)), "rounds": float(self.rounds)}
        return routes | sizes | dict(self.facts)

    @property
    def rounds(self) -> int:
        """Number of trees that say who buys; 0 where there was nothing to learn."""
        return 0 if self.buys is None else int(self.buys.booster.current_iteration())


@dataclasses.dataclass(frozen=True)
class Rows:
    """Training rows of all complete snapshots below one another."""

    matrix: FloatArray
    weight: FloatArray
    bought: FloatArray
    spend: FloatArray
    declining: FloatArray
    log_odds: FloatArray
    log_spend: FloatArray
    start: Start
    customers: int
    snapshots: float


def training_rows(snapshots: Sequence[Snapshot], layout: Layout) -> Rows:
    """Stack complete snapshots; BTYD columns of each are fitted to what was known on its own date."""
    models = [Purchasing(BTYD_MODEL).fit([s], seed=0).predict_buying(s) for s in snapshots]
    matrices = [layout.matrix(s.features, btyd_columns(m)) for s, m in zip(snapshots, models, strict=True)]
    sizes = [s.n for s in snapshots]
    weights = overlap_weights([s.as_of.toordinal() for s in snapshots], snapshots[0].horizon)
    outcomes = [outcome_of(s) for s in snapshots]
    log_odds, log_spend, begun = offset.learn(models, outcomes)
    return Rows(
        matrix=np.concatenate(matrices),
        weight=np.repeat(weights, sizes),
        bought=np.concatenate([o.bought.astype(np.float64) for o in outcomes]),
        spend=np.concatenate([o.spend for o in outcomes]),
        declining=np.concatenate([o.declining for o in outcomes]),
        log_odds=log_odds,
        log_spend=log_spend,
        start=begun,
        customers=max(sizes),
        snapshots=sum(sizes) / max(sizes),
    )


@dataclasses.dataclass(frozen=True)
class Boosted:
    """Two binary questions and a two-part value model, all in LightGBM."""

    settings: Settings = dataclasses.field(default_factory=Settings)
    name: str = "lightgbm"

    def fit(self, snapshots: Sequence[Snapshot], *, seed: int) -> FittedBoosted:
        """Learn from the complete snapshots; the BTYD model for forecasts is fitted to the last snapshot of all."""
        check(snapshots, owner=self.name)
        learned = complete(snapshots)
        if not learned:
            raise ValueError("lightgbm: at least one snapshot with a complete horizon is needed, got none.")
        layout = Layout.learn(learned)
        rows = training_rows(learned, layout)
        spend, level = self._spend(rows, layout, seed)
        declines, base = self._declines(rows, layout, seed)
        buyers = dot(rows.weight, rows.bought)
        rate = (buyers + 0.5) / (float(rows.weight.sum()) + 1.0)
        facts = (("training_rows", float(rows.bought.size)), ("training_snapshots", float(len(learned))))
        return FittedBoosted(
            horizon=learned[-1].horizon,
            layout=layout,
            btyd=Purchasing(BTYD_MODEL).fit(snapshots[-1:], seed=seed),
            buys=self._buys(rows, layout, seed, min(buyers, float(rows.weight.sum()) - buyers)),
            spend=spend,
            declines=declines,
            base_rate=rate,
            start=dataclasses.replace(rows.start, spend=rows.start.spend + level, declines=base),
            facts=facts,
        )

    def _parameters(self, objective: str, rows: Rows, share: float, seed: int) -> dict[str, Any]:
        customers = round(rows.customers * share)
        return self.settings.parameters(objective, customers=customers, snapshots=rows.snapshots, seed=seed)

    def _buys(self, rows: Rows, layout: Layout, seed: int, rarer: float) -> Trees | None:
        if rarer < FEWEST_EVENTS:
            return None
        parameters = self._parameters("binary", rows, 1.0, seed)
        rounds = self.settings.rounds
        return Trees.parse(
            train(
                rows.matrix,
                rows.bought,
                rows.weight,
                layout,
                parameters,
                rounds,
                start=rows.log_odds,
                rising=RISING_BUYS,
            )
        )

    def _spend(self, rows: Rows, layout: Layout, seed: int) -> tuple[Trees | None, float]:
        """Spend of buyers on the log scale of a gamma deviance.

        Amounts above a high quantile are cut for the trees, so that a few giants do not bend them, and what was cut is
        given back to all by the level.
        """
        use = np.flatnonzero((rows.bought > 0) & (rows.spend > 0))
        if use.size < FEWEST_EVENTS * rows.snapshots:
            return None, 0.0
        amount = rows.spend[use]
        cut = np.minimum(amount, np.quantile(amount, HEAVY_TAIL))
        parameters = self._parameters("gamma", rows, use.size / rows.bought.size, seed)
        matrix, weight = rows.matrix[use], rows.weight[use]
        trees = Trees.parse(
            train(
                matrix,
                cut,
                weight,
                layout,
                parameters,
                self.settings.rounds,
                start=rows.log_spend[use],
                rising=RISING_SPEND,
            )
        )
        fitted = dot(weight, np.exp(rows.log_spend[use] + trees.raw(matrix)))
        return trees, float(np.log(dot(weight, amount) / fitted))

    def _declines(self, rows: Rows, layout: Layout, seed: int) -> tuple[Trees | None, float]:
        use = np.flatnonzero(np.isfinite(rows.declining) & (rows.bought > 0))
        positives = dot(rows.weight[use], rows.declining[use])
        negatives = float(rows.weight[use].sum()) - positives
        if positives < FEWEST_DECLINES or negatives < FEWEST_DECLINES:
            return None, 0.0
        base = float(np.log(positives / negatives))
        parameters = self._parameters("binary", rows, use.size / rows.bought.size, seed)
        text = train(
            rows.matrix[use],
            rows.declining[use],
            rows.weight[use],
            layout,
            parameters,
            self.settings.rounds,
            start=np.full(use.size, base),
        )
        return Trees.parse(text), base
