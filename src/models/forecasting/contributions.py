"""What drives a customer's churn probability: LightGBM's own contributions, grouped by feature family."""

import dataclasses
from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from lifecycle.models.forecasting.candidate import Fitted
from lifecycle.models.forecasting.combination import MEMBERS, FittedCombined
from lifecycle.models.forecasting.design_matrix import BTYD, btyd_columns
from lifecycle.models.forecasting.forecast import FloatArray, IntArray
from lifecycle.models.forecasting.lightgbm_candidate import FittedBoosted
from lifecycle.models.forecasting.snapshot import Snapshot

MODEL_FAMILY: Final = "probability model"
BATCH: Final = 2_000
"""Customers at a time: contributions take 8 bytes a customer and column, several times over."""

_START: Final = BTYD.index("btyd_purchase_probability")
_TREES: Final = MEMBERS.index("lightgbm")


@dataclasses.dataclass(frozen=True, eq=False)
class Drivers:
    """The strongest drivers of some customers, strongest first (rows, top); all arrays have this shape.

    family: place in `families`; feature: place in `names` of the family's feature that weighs most, −1 beyond the last
    driver; contribution: what the family adds to the log odds of churn, against the average customer (positive raises
    the risk); value: the customer's own number of that feature, for a category the place of its value.
    """

    families: tuple[str, ...]
    names: tuple[str, ...]
    family: IntArray
    feature: IntArray
    contribution: FloatArray
    value: FloatArray

    def frame(self, snapshot: Snapshot, rows: IntArray) -> pd.DataFrame:
        """Return one row a customer and driver: customer_id, rank (from 1), family, feature, contribution, value."""
        top = self.feature.shape[1]
        known = self.feature.ravel() >= 0
        table = pd.DataFrame(
            {
                "customer_id": np.repeat(snapshot.customer_id[rows], top),
                "rank": np.tile(np.arange(1, top + 1), rows.size),
                "family": np.array([*self.families, ""], dtype=object)[self.family.ravel()],
                "feature": np.array([*self.names, ""], dtype=object)[self.feature.ravel()],
                "contribution": self.contribution.ravel(),
                "value": self.value.ravel(),
            }
        )
        return table[known].reset_index(drop=True)


def has_drivers(fitted: Fitted) -> bool:
    """Return whether a forecast of churn rests on trees, so that there are contributions to ask for."""
    return _trees_of(fitted) is not None


def drivers(
    fitted: Fitted, snapshot: Snapshot, rows: IntArray, families: Mapping[str, str], *, top: int = 3
) -> Drivers | None:
    """Return the families that weigh most in the churn forecast of some customers; None for one without trees.

    Exact contributions of 100 small trees cost about .05 ms a customer and core; only the trees that forecast whether
    the customer buys are asked. A combination is told by its trees.

    Parameters
    ----------
    fitted : Fitted
        the forecaster.
    snapshot : Snapshot
        what is known of the customers.
    rows : IntArray
        places in the snapshot.
    families : Mapping[str, str]
        the family of each registered feature by name; what is not in it forms the family "other". What the probability
        model says, as a start of the trees or as a column of theirs, is one family.
    top : int
        how many families a customer.
    """
    boosted = _trees_of(fitted)
    if boosted is None:
        return None
    names = boosted.layout.names
    of = [MODEL_FAMILY if name in BTYD else families.get(name, "other") for name in names]
    told = tuple(dict.fromkeys(of))
    member = np.array([told.index(name) for name in of])
    pieces = [rows[k : k + BATCH] for k in range(0, rows.size, BATCH)] or [rows]
    found = [_batch(boosted, snapshot.take(piece), member, len(told), top) for piece in pieces]
    family, feature, contribution, value = (np.concatenate(column) for column in zip(*found, strict=True))
    return Drivers(told, names, family, feature, contribution, value)


def _trees_of(fitted: Fitted) -> FittedBoosted | None:
    """The trees that have a say in who buys."""
    boosted: object = fitted
    if isinstance(fitted, FittedCombined):
        weights = fitted.pool.buys.values  # noqa: PD011 (a tuple, no frame)
        boosted = fitted.members[_TREES] if weights[_TREES] > 0 else None
    return boosted if isinstance(boosted, FittedBoosted) and boosted.buys is not None else None


def _batch(
    boosted: FittedBoosted, part: Snapshot, member: IntArray, n_families: int, top: int
) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
    model = boosted.btyd.predict(part)
    matrix = boosted.layout.matrix(part.features, btyd_columns(model))
    assert boosted.buys is not None
    to_churn = -boosted.buys.contributions(matrix)[:, :-1]
    to_churn[:, to_churn.shape[1] - len(BTYD) + _START] -= boosted.start.log_odds(model) - boosted.start.base
    grouped = np.zeros((part.n, n_families))
    # Column by column: the order of adding, and so the last digit, must not depend on how many rows there are.
    for column, place in enumerate(member):
        grouped[:, place] += to_churn[:, column]
    family = np.argsort(-np.abs(grouped), axis=1, kind="stable")[:, :top]
    line = np.arange(part.n)[:, None]
    contribution = grouped[line, family]
    # Of each family the column that pulls most in the family's own direction speaks for it.
    side = np.sign(contribution)[:, :, None] * to_churn[:, None, :]
    side = np.where(member[None, None, :] == family[:, :, None], side, -np.inf)
    feature = np.argmax(side, axis=2)
    none = contribution == 0
    return (
        np.where(none, -1, family).astype(np.int64),
        np.where(none, -1, feature).astype(np.int64),
        np.where(none, np.nan, contribution),
        np.where(none, np.nan, matrix[line, feature]),
    )
