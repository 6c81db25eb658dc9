"""Probability of an event by LightGBM that may only go the known way in signed attributes, calibrated out of fold."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

import lightgbm
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from lifecycle.models.credit.binning import FloatArray, Trend
from lifecycle.models.credit.scorecard import check_outcome
from lifecycle.models.forecasting.calibration import Calibration, Fold, choose
from lifecycle.models.forecasting.lightgbm_training import Settings, Trees, tree_names

FOLDS: Final = 4
"""Folds from whose left-out parts the calibration is learned."""

SETTINGS: Final = Settings(
    rounds=250, learning_rate=0.04, leaves=15, rows_in_leaf=1 / 400, ridge=20.0, columns=0.4, rows=0.7
)


@dataclasses.dataclass(frozen=True)
class BoostedProbability:
    """P(event | attributes) = calibration(sigmoid(start + trees(attributes))).

    Attributes
    ----------
    columns : tuple[tuple[str, tuple[str, ...]], ...]
        attributes in order; text attributes with their values (others are missing), numbers with none.
    trees : Trees
        the booster, as LightGBM's text.
    start : float
        log odds of the event in the rows fitted on.
    calibration : Calibration
        rising map learned on left-out folds; "none" where no map is better beyond noise.
    """

    columns: tuple[tuple[str, tuple[str, ...]], ...]
    trees: Trees
    start: float
    calibration: Calibration

    @classmethod
    def fit(
        cls,
        attributes: pd.DataFrame,
        happened: FloatArray,
        *,
        trends: Mapping[str, Trend] | None = None,
        groups: npt.NDArray[np.int64] | None = None,
        settings: Settings = SETTINGS,
        seed: int = 7,
    ) -> Self:
        """Fit on rows whose outcome is known.

        Parameters
        ----------
        attributes : pandas.DataFrame
            what was known at the date (n rows).
        happened : numpy.ndarray
            1 or 0 (n,).
        trends : mapping, optional
            attribute -> "rising" or "falling": the only way in which the probability may go.
        groups : numpy.ndarray, optional
            rows of one group (a customer's) are left out together.

        Raises
        ------
        CreditModelError
            fewer than 20 rows with the event or 20 without.
        """
        check_outcome(happened)
        columns = tuple((str(name), _values(attributes[name])) for name in attributes)
        matrix = _matrix(columns, attributes)
        signs = [{"rising": 1, "falling": -1}.get((trends or {}).get(name, ""), 0) for name, _ in columns]
        start = float(special.logit(happened.mean()))
        offset = np.full(happened.size, start)
        fold = np.random.default_rng(seed).permutation(happened.size) % FOLDS
        if groups is not None:
            fold = np.random.default_rng(seed).permutation(int(groups.max()) + 1)[groups] % FOLDS
        outside = []
        for k in range(FOLDS):
            rest, part = fold != k, fold == k
            if part.any() and 0 < happened[rest].sum() < rest.sum():
                trees = _train(matrix[rest], happened[rest], offset[rest], columns, signs, settings, seed)
                found = special.expit(start + trees.raw(matrix[part]))
                outside.append(Fold(np.asarray(found), happened[part], np.ones(int(part.sum()))))
        trees = _train(matrix, happened, offset, columns, signs, settings, seed)
        return cls(columns, trees, start, choose(outside))

    def probability(self, attributes: pd.DataFrame) -> FloatArray:
        """Return P(event) of each row (n,)."""
        raw = self.trees.raw(_matrix(self.columns, attributes))
        return self.calibration.apply(np.asarray(special.expit(self.start + raw), np.float64))

    def contributions(self, attributes: pd.DataFrame) -> pd.DataFrame:
        """Return what each attribute adds to the log odds of the event: the reasons (n, attributes)."""
        table = self.trees.contributions(_matrix(self.columns, attributes))[:, :-1]
        return pd.DataFrame(table, columns=[name for name, _ in self.columns], index=attributes.index)

    def to_document(self) -> dict[str, Any]:
        """Return a JSON-ready document."""
        return {
            "columns": [[name, list(values)] for name, values in self.columns],
            "trees": self.trees.text,
            "start": self.start,
            "calibration": self.calibration.to_document(),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Rebuild from `to_document`."""
        return cls(
            tuple((name, tuple(values)) for name, values in document["columns"]),
            Trees.parse(document["trees"]),
            document["start"],
            Calibration.from_document(document["calibration"]),
        )


def _values(column: pd.Series) -> tuple[str, ...]:
    if pd.api.types.is_numeric_dtype(column):
        return ()
    return tuple(sorted(str(v) for v in column.dropna().unique())) or ("",)


def _matrix(columns: Sequence[tuple[str, tuple[str, ...]]], attributes: pd.DataFrame) -> FloatArray:
    out = np.full((len(attributes), len(columns)), np.nan)
    for place, (name, values) in enumerate(columns):
        if values:
            codes = {value: float(code) for code, value in enumerate(values)}
            out[:, place] = (
                attributes[name].astype("string").astype(object).map(codes).to_numpy(np.float64, na_value=np.nan)
            )
        else:
            out[:, place] = pd.to_numeric(attributes[name]).to_numpy(np.float64, na_value=np.nan)
    return out


def _train(
    matrix: FloatArray,
    happened: FloatArray,
    offset: FloatArray,
    columns: Sequence[tuple[str, tuple[str, ...]]],
    signs: Sequence[int],
    settings: Settings,
    seed: int,
) -> Trees:
    parameters = settings.parameters("binary", customers=happened.size, snapshots=1.0, seed=seed)
    if any(signs):
        parameters |= {"monotone_constraints": list(signs), "monotone_constraints_method": "intermediate"}
    data = lightgbm.Dataset(
        matrix,
        happened,
        init_score=offset,
        feature_name=tree_names([name for name, _ in columns]),
        categorical_feature=[place for place, (_, values) in enumerate(columns) if values],
        params={"verbosity": -1, "max_bin": parameters["max_bin"]},
    )
    return Trees.parse(str(lightgbm.train(parameters, data, num_boost_round=settings.rounds).model_to_string()))
