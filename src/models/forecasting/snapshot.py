"""What a candidate learns from and is asked about: everything known of the customers on one date."""

import dataclasses
import datetime
from collections.abc import Sequence
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from lifecycle.features import outcomes, rfm, table
from lifecycle.features.asof import AsOf
from lifecycle.features.history import History
from lifecycle.features.outcomes import BaseLevel, RateReference
from lifecycle.features.ragged import pieces
from lifecycle.features.window import Window
from lifecycle.models.btyd import MbgNbd
from lifecycle.models.forecasting.backcast import Past
from lifecycle.models.forecasting.decline_threshold import expect
from lifecycle.models.forecasting.forecast import BoolArray, FloatArray, IntArray, Outcome

ENOUGH = 100_000
"""Customers a training snapshot needs at most: more cost memory and time, and no accuracy was seen to come of them."""

AT_A_TIME = 100_000
"""Customers whose features are there at once while a sample is taken."""


@dataclasses.dataclass(frozen=True, eq=False)
class Snapshot:
    """All that was known of each customer on one date, and what came of it once the horizon is complete.

    One row a customer with a purchase day on or before as_of, in the order of the history. frequency, recency, T and
    monetary_value are the summary that buy-till-you-die models need, in days; monetary_value is NaN without a repeat
    purchase or without amounts; spend is net money so far, NaN without amounts. eligible says for whom "declining" is
    defined; decline_below is the spend in the horizon at or below which such a customer who buys counts as declining,
    before the base's season factor (NaN elsewhere). features holds the registered features, categories as pandas
    category. outcome is None where the horizon is not complete: such a snapshot still tells models fitted on the past
    alone what is known by then. past tells how a model would have done on earlier dates; it is None where the history
    was only a part of the base, which can be forecast but not learned from.
    """

    as_of: datetime.date
    horizon: int
    customer_id: npt.NDArray[np.generic]
    features: pd.DataFrame
    frequency: FloatArray
    recency: FloatArray
    T: FloatArray
    monetary_value: FloatArray
    spend: FloatArray
    eligible: BoolArray
    decline_below: FloatArray
    outcome: Outcome | None = None
    past: Past | None = None

    @classmethod
    def of(
        cls,
        history: History,
        window: Window,
        *,
        with_outcome: bool = True,
        reference: RateReference | None = None,
        base: BaseLevel | None = None,
        most: int | None = None,
    ) -> Self:
        """Take a snapshot of a history, with the outcome where asked for.

        reference: rates of the base that decline is judged against, by default from MBG/NBD fitted to this snapshot;
        base: the base's level where the history is only a part of it. most: keep at most so many customers (ENOUGH for
        training), an even sample that depends on the date and on nothing else; the others still count in reference and
        level.

        Raises
        ------
        ValueError
            nobody has a purchase day by as_of, or an outcome is asked for beyond the end of the log.
        """
        view = AsOf.of(history, window.as_of)
        summary = rfm.summary_of(view)
        if summary.empty:
            raise ValueError(f"No customer has a purchase day by {window.as_of}; the log begins {history.first_day}.")
        x, t_x, T = (summary[column].to_numpy(np.float64) for column in ("frequency", "recency", "T"))
        reference = reference or rate_reference(x, t_x, T)
        level = base or outcomes.base_level(history, window, reference=reference)
        expectation = expect(view, window, reference=reference, level=level)
        seen = None
        if with_outcome:
            seen = outcomes.observe(history, window, reference=reference, base=level, view=view)
        rows: IntArray | slice = slice(None)
        if most is not None and x.size > most:
            rng = np.random.default_rng(window.as_of.toordinal())
            rows = np.sort(rng.choice(x.size, most, replace=False)).astype(np.int64)
        outcome = None
        if seen is not None:
            came = Outcome(seen.bought, seen.purchases, seen.spend, seen.eligible, seen.declining)
            outcome = came if isinstance(rows, slice) else came.take(rows)
        return cls(
            as_of=window.as_of,
            horizon=window.horizon,
            customer_id=summary.index.to_numpy()[rows],
            features=_features(view, window.as_of, rows),
            frequency=x[rows],
            recency=t_x[rows],
            T=T[rows],
            monetary_value=summary["monetary_value"].to_numpy(np.float64)[rows],
            spend=summary["spend"].to_numpy(np.float64)[rows],
            eligible=expectation.eligible[rows],
            decline_below=expectation.decline_below[rows],
            outcome=outcome,
            past=Past.of(view) if base is None else None,
        )

    @property
    def n(self) -> int:
        """Number of customers."""
        return int(self.frequency.size)

    @property
    def has_money(self) -> bool:
        """Whether the log has amounts."""
        return bool(np.isfinite(self.spend).any())

    @property
    def value(self) -> FloatArray:
        """Net spend so far a horizon of age, one horizon at least: the stake in profit metrics (NaN without money)."""
        return self.spend / np.maximum(self.T, self.horizon) * self.horizon

    @property
    def end(self) -> datetime.date:
        """Last day of the horizon."""
        return self.as_of + datetime.timedelta(days=self.horizon)

    def without_outcome(self) -> Self:
        """Return the same knowledge with what came of it taken away."""
        return dataclasses.replace(self, outcome=None)

    def take(self, rows: IntArray) -> Self:
        """Return the snapshot of some customers, in the order of rows."""
        return dataclasses.replace(
            self,
            customer_id=self.customer_id[rows],
            features=self.features.iloc[rows],
            frequency=self.frequency[rows],
            recency=self.recency[rows],
            T=self.T[rows],
            monetary_value=self.monetary_value[rows],
            spend=self.spend[rows],
            eligible=self.eligible[rows],
            decline_below=self.decline_below[rows],
            outcome=None if self.outcome is None else self.outcome.take(rows),
        )


def _features(view: AsOf, as_of: datetime.date, rows: IntArray | slice) -> pd.DataFrame:
    """The features of those rows; of a sample part by part, so that the others' are never there at once."""
    if isinstance(rows, slice):
        return table.frame_of(view)
    found, begin = [], 0
    for part in pieces(view.history, AT_A_TIME):
        known = table.frame(part, as_of)
        first, last = np.searchsorted(rows, [begin, begin + len(known)])
        found.append(known.iloc[rows[first:last] - begin])
        begin += len(known)
    return pd.concat(found)


def rate_reference(frequency: FloatArray, recency: FloatArray, T: FloatArray) -> RateReference:
    """Rates of the base from MBG/NBD, which counts open gaps; a base whose customers all begin today has none yet."""
    if not (T > 0).any():
        return RateReference(1.0, 1.0)
    model = MbgNbd.fit(frequency, recency, T)
    return RateReference(model.r, model.alpha)


def complete(snapshots: Sequence["Snapshot"]) -> list[Snapshot]:
    """Return the snapshots whose outcome is known, in their order."""
    return [s for s in snapshots if s.outcome is not None]


def outcome_of(snapshot: Snapshot) -> Outcome:
    """Return the outcome of a snapshot that must have one.

    Raises
    ------
    ValueError
        the horizon is not complete.
    """
    if snapshot.outcome is None:
        raise ValueError(
            f"The snapshot as of {snapshot.as_of} has no outcome: its horizon ends {snapshot.end}, after the log."
        )
    return snapshot.outcome
