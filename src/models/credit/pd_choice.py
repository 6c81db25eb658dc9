"""Which model says how likely a default is: the scorecard, unless boosting is better beyond noise; or a setting."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from lifecycle.models.credit.binning import FloatArray, Trend
from lifecycle.models.credit.boosted import BoostedProbability
from lifecycle.models.credit.scorecard import Scorecard
from lifecycle.models.evaluation.metrics import auc, brier, calibration_error, clipped, log_loss
from lifecycle.models.forecasting.lightgbm_training import Settings

LEAST_DEFAULTS: Final = 20
"""Defaults, and good customers, below which no model is learned."""

LEAST_COMPARED: Final = 50
"""Defaults below which the scorecard is taken unjudged: folds would hold too few to compare with."""

FOLDS: Final = 5

SMALL: Final = Settings(rounds=80, learning_rate=0.05, leaves=6, rows_in_leaf=1 / 100, ridge=20.0, columns=0.5)


@dataclasses.dataclass(frozen=True)
class DefaultModel:
    """The model of the probability of default, its version, and how the candidates did on left-out folds.

    Attributes
    ----------
    model : Scorecard | BoostedProbability | None
        None where there are too few defaults to learn from: the probability is `assumed`.
    card : Scorecard | None
        kept beside the boosted model: its population says who is extrapolated.
    assumed : float
        the setting.
    metrics : mapping
        candidate -> metric -> value, on left-out folds; empty where none were compared.
    rows, defaults : int
        customers with a known outcome, and those in default.
    """

    model: Scorecard | BoostedProbability | None
    card: Scorecard | None
    assumed: float
    metrics: Mapping[str, Mapping[str, float]]
    rows: int
    defaults: int

    @property
    def basis(self) -> str:
        """Where the probability comes from: "learned" or "assumed"."""
        return "assumed" if self.model is None else "learned"

    @property
    def version(self) -> str:
        """16 hexadecimal digits over the model's content, or "assumed"."""
        if self.model is None:
            return "assumed"
        return hashlib.sha256(json.dumps(self.model.to_document(), sort_keys=True).encode()).hexdigest()[:16]

    def probability(self, attributes: pd.DataFrame) -> FloatArray:
        """Return the probability of default of each row (n,)."""
        if self.model is None:
            return np.full(len(attributes), self.assumed)
        return self.model.probability(attributes)

    def extrapolated(self, attributes: pd.DataFrame) -> npt.NDArray[np.bool_] | None:
        """Whether a row lies outside the population learned from; None where nothing was learned."""
        return None if self.card is None else self.card.extrapolated(attributes)


def choose_default_model(
    attributes: pd.DataFrame,
    bad: FloatArray,
    *,
    assumed: float,
    trends: Mapping[str, Trend] | None = None,
    seed: int = 7,
) -> DefaultModel:
    """Fit scorecard and boosting, judge both on the same five left-out folds, and keep the scorecard unless beaten.

    Boosting is taken where its log loss is lower by more than two standard errors of the paired difference.
    """
    n, defaults = bad.size, int(bad.sum())
    if min(defaults, n - defaults) < LEAST_DEFAULTS:
        return DefaultModel(None, None, assumed, {}, n, defaults)
    card = Scorecard.fit(attributes, bad, trends=trends)
    if min(defaults, n - defaults) < LEAST_COMPARED:
        return DefaultModel(card, card, assumed, {}, n, defaults)
    fold = np.empty(n, np.int64)
    for outcome in (0.0, 1.0):
        rows = np.flatnonzero(bad == outcome)
        fold[np.random.default_rng(seed).permutation(rows)] = np.arange(rows.size) % FOLDS
    found = {"credit_scorecard": np.empty(n), "credit_lightgbm": np.empty(n)}
    for k in range(FOLDS):
        rest, part = fold != k, fold == k
        found["credit_scorecard"][part] = Scorecard.fit(attributes[rest], bad[rest], trends=trends).probability(
            attributes[part]
        )
        boosted = BoostedProbability.fit(attributes[rest], bad[rest], trends=trends, settings=SMALL, seed=seed)
        found["credit_lightgbm"][part] = boosted.probability(attributes[part])
    gain = _loss(found["credit_scorecard"], bad) - _loss(found["credit_lightgbm"], bad)
    better = float(gain.mean()) > 2.0 * float(gain.std(ddof=1)) / np.sqrt(n)
    winner = BoostedProbability.fit(attributes, bad, trends=trends, settings=SMALL, seed=seed) if better else card
    metrics = {name: _metrics(p, bad) for name, p in found.items()}
    return DefaultModel(winner, card, assumed, metrics, n, defaults)


def _loss(p: FloatArray, bad: FloatArray) -> FloatArray:
    q = clipped(p)
    return -(bad * np.log(q) + (1.0 - bad) * np.log1p(-q))


def _metrics(p: FloatArray, bad: FloatArray) -> dict[str, float]:
    """Return auc, gini, ks (largest distance of the two distributions), log_loss, brier and ece."""
    w = np.ones(bad.size)
    area = auc(p, bad)(w)
    order = np.argsort(p, kind="stable")
    ends = np.append(p[order][1:] != p[order][:-1], True)
    gap = np.cumsum(1.0 - bad[order]) / (1.0 - bad).sum() - np.cumsum(bad[order]) / bad.sum()
    return {
        "auc": area,
        "gini": 2.0 * area - 1.0,
        "ks": float(np.abs(gap[ends]).max()),
        "log_loss": log_loss(p, bad)(w),
        "brier": brier(p, bad)(w),
        "ece": calibration_error(p, bad)(w),
    }
