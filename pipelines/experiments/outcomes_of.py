"""What was known of an experiment's customers before, and what came of them in their windows."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lifecycle.features.asof import AsOf
from lifecycle.features.table import compute
from lifecycle.pipelines.experiments.finding import Found
from lifecycle.pipelines.ingest import HistoryStore

Floats = npt.NDArray[np.float64]
FORECASTS = ("movable", "churn_probability", "expected_spend")
"""Of a list: made before the contact, so they may adjust its effect."""


@dataclass(frozen=True, eq=False)
class Observed:
    """One entry a row of ``Found.people``.

    Attributes
    ----------
    features : dict[str, Floats]
        numeric features as of the day before the first contact, and the list's forecasts; NaN where not known.
    purchases, spend : Floats
        purchase days and money in (day, day + window], netted as of its end; spend is 0 in a log without amounts.
    contacted : NDArray[np.bool_]
        contacted by this or any campaign from the first day to the end of the own window.
    """

    features: dict[str, Floats]
    purchases: Floats
    spend: Floats
    contacted: npt.NDArray[np.bool_]

    @property
    def x(self) -> Floats:
        """(n, p) the features that differ between these customers."""
        return matrix(self.features)


def matrix(features: dict[str, Floats]) -> Floats:
    """Return the columns that vary, side by side.

    >>> matrix({"a": np.array([1.0, 2.0]), "b": np.array([3.0, 3.0])}).tolist()
    [[1.0], [2.0]]
    """
    varying = [one for one in features.values() if np.unique(one[np.isfinite(one)]).size > 1]
    return np.stack(varying, axis=1) if varying else np.empty((len(next(iter(features.values()), [])), 0))


def observe(store: HistoryStore, found: Found, window: int) -> Observed:
    """Read features and outcomes of an experiment, bucket by bucket."""
    people = found.people.reset_index(drop=True)
    n = len(people)
    purchases, spend, contacted = np.zeros(n), np.zeros(n), np.zeros(n, np.bool_)
    features: list[tuple[npt.NDArray[np.int64], dict[str, Floats]]] = []
    for bucket, rows in people.groupby("bucket"):
        history = store.read(int(str(bucket)))
        at, place = rows.index.to_numpy(), rows["place"].to_numpy()
        days = rows["day"].to_numpy()
        for day in np.unique(days):
            end = int(day) + window
            bought = history.purchases(end)
            some = days == day
            for i, customer in zip(at[some], place[some], strict=True):
                own = slice(bought.offsets[customer], bought.offsets[customer + 1])
                inside = bought.day[own] > day
                purchases[i] = inside.sum()
                spend[i] = 0.0 if bought.amount is None else bought.amount[own][inside].sum()
        sent = history.campaigns
        if sent is not None:
            for i, customer, day in zip(at, place, days, strict=True):
                own = slice(sent.offsets[customer], sent.offsets[customer + 1])
                when = sent.day[own][~sent.control[own]]
                contacted[i] = bool(((when >= found.first_day) & (when <= day + window)).any())
        features.append(_features(history_view=AsOf.of(history, found.first_day - 1), at=at, place=place))
    columns: dict[str, Floats] = {}
    for name in sorted({name for _, part in features for name in part}):
        columns[name] = np.full(n, np.nan)
        for at, part in features:
            columns[name][at] = part.get(name, np.nan)
    columns |= {f"list_{name}": people[name].to_numpy(np.float64) for name in FORECASTS if name in people}
    return Observed(columns, purchases, spend, contacted)


def _features(
    history_view: AsOf, at: npt.NDArray[np.int64], place: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], dict[str, Floats]]:
    """Numeric features of some customers; NaN for those who had not bought."""
    row = np.full(history_view.history.n_customers, -1, np.int64)
    row[history_view.customer] = np.arange(history_view.n)
    mine = row[place]
    found = {}
    for name, column in compute(history_view).items():
        if isinstance(column, np.ndarray):
            found[name] = np.where(mine >= 0, column.astype(np.float64)[mine], np.nan) if history_view.n else None
    known = {name: values for name, values in found.items() if values is not None}
    return at, {**known, "had_bought": (mine >= 0).astype(np.float64)}
