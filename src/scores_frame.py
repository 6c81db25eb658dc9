"""Scores as a pandas frame that remembers what it was made from, so that a plan can be made of any of its rows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lifecycle.decisions import scores as scores_table
from lifecycle.features.window import Window
from lifecycle.scoring.money_terms import MoneyTerms
from lifecycle.scoring.score_rows import known_columns

if TYPE_CHECKING:
    from lifecycle.trained_model import Model


def framed(columns: Mapping[str, Any]) -> pd.DataFrame:
    """Columns of the scores table (arrays or Arrow) as a frame: ids as index, dates as datetime64, counts as Int64."""
    made = {}
    for column in scores_table.COLUMNS:
        if column.name not in columns or column.name == "customer_id":
            continue
        values = columns[column.name]
        values = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values, from_pandas=True)
        found = values.to_pandas()
        if column.type == pa.date32():
            found = pd.to_datetime(found)
        elif column.type in (pa.int32(), pa.int64()):
            found = found.astype("Int64")
        made[column.name] = found
    return pd.DataFrame(made).set_index(pd.Index(columns["customer_id"].to_pandas(), name="customer_id"))


@dataclass(frozen=True, eq=False)
class Estimates:
    """What scores were made from: model, date, money, and the estimates of every customer."""

    model: "Model"
    window: Window
    money: MoneyTerms
    discount_rate_per_year: float
    currency: str
    table: pa.Table

    def at(self, ids: Iterable[Any]) -> pa.Table:
        """The estimates of some customers, in the order of their ids."""
        known = self.table["customer_id"].combine_chunks()
        place = pc.index_in(pa.array(list(ids), known.type), known)
        return self.table.take(place)


class Scores(pd.DataFrame):
    """Scores of customers as a frame; rows may be chosen freely before a plan is made of them."""

    _metadata = ("_estimates",)

    @classmethod
    def of(cls, estimates: Estimates) -> "Scores":
        """The scores of all customers of the estimates."""
        known = known_columns(estimates.table, estimates.window)
        made = cls(framed({"customer_id": estimates.table["customer_id"], **known}))
        object.__setattr__(made, "_estimates", estimates)
        return made

    @property
    def _constructor(self) -> Any:
        return Scores

    @property
    def estimates(self) -> Estimates:
        """What the scores were made from."""
        found = getattr(self, "_estimates", None)
        if not isinstance(found, Estimates) or self.index.name != "customer_id":
            raise TypeError("lifecycle: give the scores that model.score() returned, or rows of them.")
        return found
