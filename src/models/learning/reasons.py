"""What drives a customer's churn probability: LightGBM's own contributions, grouped by feature family."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import pandas as pd

from models.learning.boosted import FittedBoosted
from models.learning.candidate import Fitted
from models.learning.combined import FittedCombined
from models.learning.forecast import FloatArray, IntArray
from models.learning.matrix import BTYD, btyd_columns
from models.learning.snapshot import Snapshot

MODEL_FAMILY = "probability model"
FAMILY_OF_BTYD: Mapping[str, str] = dict.fromkeys(BTYD, MODEL_FAMILY)
EXACT = 10_000
BATCH = 2_000


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


def drivers(
    fitted: Fitted,
    snapshot: Snapshot,
    rows: IntArray,
    families: Mapping[str, str],
    *,
    top: int = 3,
    raising: bool = True,
) -> Drivers | None:
    """Return the families that weigh most in the churn forecast of some customers; None for a candidate without trees.

    rows: places in the snapshot, at most EXACT by custom, as exact contributions cost a few milliseconds each.
    families: the family of each registered feature by name; what is not in it forms the family "other". raising: only
    what raises the risk. The start of the trees counts for the family "probability model".
    """
    boosted = fitted.member("lightgbm") if isinstance(fitted, FittedCombined) else fitted
    if not isinstance(boosted, FittedBoosted) or boosted.buys is None:
        return None
    names = boosted.layout.names
    of = [FAMILY_OF_BTYD.get(name) or families.get(name, "other") for name in names]
    told = tuple(dict.fromkeys([*of, MODEL_FAMILY]))
    member = np.array([told.index(name) for name in of])
    pieces = [rows[k : k + BATCH] for k in range(0, rows.size, BATCH)] or [rows]
    found = [_batch(boosted, snapshot, piece, member, told, top, raising) for piece in pieces]
    family, feature, contribution, value = (np.concatenate(column) for column in zip(*found, strict=True))
    return Drivers(told, names, family, feature, contribution, value)


def _batch(
    boosted: FittedBoosted,
    snapshot: Snapshot,
    rows: IntArray,
    member: IntArray,
    families: tuple[str, ...],
    top: int,
    raising: bool,
) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
    part = snapshot.take(rows)
    model = boosted.btyd.predict(part)
    matrix = boosted.layout.matrix(part.features, btyd_columns(model))
    assert boosted.buys is not None
    to_churn = -boosted.buys.contributions(matrix)[:, :-1]
    grouped = np.zeros((rows.size, len(families)))
    for place in range(len(families)):
        grouped[:, place] = to_churn[:, member == place].sum(axis=1)
    start = -(boosted.start.log_odds(model) - boosted.start.base)
    grouped[:, families.index(MODEL_FAMILY)] += start
    weight = grouped if raising else np.abs(grouped)
    order = np.argsort(-weight, axis=1, kind="stable")[:, :top]
    line = np.arange(rows.size)[:, None]
    contribution = grouped[line, order]
    # Of each family the column that pulls most in the family's own direction speaks for it.
    side = np.sign(contribution)[:, :, None] * to_churn[:, None, :]
    side = np.where(member[None, None, :] == order[:, :, None], side, -np.inf)
    feature = np.argmax(side, axis=2)
    value = matrix[line, feature]
    gone = (weight[line, order] <= 0) | ~np.isfinite(side.max(axis=2))
    return (
        np.where(gone, -1, order).astype(np.int64),
        np.where(gone, -1, feature).astype(np.int64),
        np.where(gone, np.nan, contribution),
        np.where(gone, np.nan, value),
    )
