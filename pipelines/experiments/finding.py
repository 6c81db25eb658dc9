"""The experiments that the campaigns table and the product's own lists hold: who was drawn for what, and when."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet as pq

from lifecycle.features.history import Codes
from lifecycle.features.window import to_date, to_day
from lifecycle.pipelines.config import Config
from lifecycle.pipelines.experiments.plan_files import files_by_date
from lifecycle.pipelines.ingest import HistoryStore
from lifecycle.scoring.pseudonyms import Pseudonyms

TOGETHER: Final = 7
"""Days within which contacts of one treatment without a campaign's name belong together."""
LIST_AGE: Final = 60
"""Days that a list may be older than the campaign that carries it out."""
MATCHED: Final = 0.5
"""Share of the contacted who must be on a list for the campaign to be its."""

_FROM_LIST = ("stage", "strategy", "action", "movable", "churn_probability", "expected_spend")


@dataclass(frozen=True, eq=False)
class Found:
    """One experiment: a treatment of a campaign against its control group.

    Attributes
    ----------
    name, treatment : str
        of the campaign (or the treatment with its first day), and what was sent.
    first_day, last_day : int
        of its contacts.
    people : pd.DataFrame
        one row a customer drawn: ``id`` (as in the store), ``bucket``, ``place`` (in the bucket's history), ``day``,
        ``treated``, ``reached``, ``propensity``, ``cost``, ``incentive``; of a list also stage, strategy, action,
        movable share and the forecasts made before.
    planned : bool
        propensities were planned, not counted from the rows.
    listed : dt.date | None
        date of the product's own list that drew them.
    rows : dict[str, int]
        rows of the campaigns table by what they were: treated, control, repeated (a further contact), ambiguous (both
        within a week, without a campaign's name), outside (not on the list that the campaign carries out).
    """

    name: str
    treatment: str
    first_day: int
    last_day: int
    people: pd.DataFrame
    planned: bool
    listed: dt.date | None
    rows: dict[str, int] = field(default_factory=dict)


def contacts(store: HistoryStore) -> pd.DataFrame:
    """Return all rows of the campaigns table that are in use: one row each, with the customer's bucket and place."""
    parts = []
    for bucket, history in enumerate(store.days_only):
        sent = history.campaigns
        if sent is None:
            continue
        place = np.repeat(np.arange(history.n_customers), np.diff(sent.offsets))
        nothing = np.full(place.size, np.nan)
        parts.append(
            pd.DataFrame(
                {
                    "id": history.customer_id.to_pandas().to_numpy()[place],
                    "bucket": bucket,
                    "place": place,
                    "day": sent.day,
                    "control": sent.control,
                    "campaign": _named(sent.campaign, place.size),
                    "treatment": _named(sent.treatment, place.size),
                    "cost": nothing if sent.cost is None else sent.cost,
                    "propensity": nothing if sent.propensity is None else sent.propensity,
                    "incentive": nothing if sent.incentive is None else sent.incentive,
                }
            )
        )
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _named(codes: Codes | None, n: int) -> npt.NDArray[np.object_]:
    if codes is None:
        return np.full(n, "", dtype=object)
    names = np.array([*codes.names.to_pylist(), ""], dtype=object)
    return names[codes.code]


def experiments(
    config: Config, store: HistoryStore, rows: pd.DataFrame, as_of: dt.date, key: Pseudonyms | None
) -> Iterator[Found]:
    """Yield every experiment among the rows dated by `as_of`, oldest first."""
    rows = rows[rows["day"] <= to_day(as_of)]
    rows = rows.assign(name=_campaign_names(rows))
    lists = _Lists(config, store, as_of, key)
    order = rows.groupby("name")["day"].min().sort_values(kind="stable")
    for name in order.index:
        mine = rows[rows["name"] == name].sort_values(["day", "control"], kind="stable")
        both = mine.groupby("id")["control"].transform("nunique") > 1
        held = mine[mine["control"] & ~both].drop_duplicates("id")
        sent = mine[~mine["control"] & ~both]
        treatments = sorted(sent["treatment"].unique()) or sorted(held["treatment"].unique())
        for treatment in treatments:
            reached = sent[sent["treatment"] == treatment]
            first = reached.drop_duplicates("id")
            shared = held if len(treatments) == 1 else held[held["treatment"].isin([treatment, ""])]
            shared = shared if len(shared) else held
            counts = {
                "treated": len(first),
                "control": len(shared),
                "repeated": len(reached) - len(first),
                "ambiguous": int(both.sum()),
                "outside": 0,
            }
            yield lists.join(name, treatment, first, shared, counts)


def _campaign_names(rows: pd.DataFrame) -> pd.Series:
    """The campaign's name; without one the treatment and the first of at most a week's days."""
    name = rows["campaign"].astype(object)
    for treatment, own in rows[rows["campaign"] == ""].groupby("treatment"):
        begun = None
        for day in np.unique(own["day"]):
            begun = day if begun is None or day > begun + TOGETHER else begun
            name.loc[own.index[own["day"] == day]] = f"{str(treatment) or 'campaign'} {to_date(int(begun))}"
    return name


class _Lists:
    """The plans of past scorings."""

    def __init__(self, config: Config, store: HistoryStore, as_of: dt.date, key: Pseudonyms | None) -> None:
        """Take the folder of plans; ids of the store are asked for only where a list is joined."""
        self._plans = files_by_date(config.directory / "plan", "parquet", as_of)
        self._store, self._key = store, key
        self._known: pd.DataFrame | None = None

    def join(self, name: str, treatment: str, sent: pd.DataFrame, held: pd.DataFrame, counts: dict[str, int]) -> Found:
        """Return the experiment: drawn by a list where most of the contacted are on it, else by the table's rows."""
        both = pd.concat([sent, held])
        first_day, last_day = int(both["day"].min()), int(both["day"].max())
        for day, path in reversed(self._plans):
            if to_day(day) > first_day or to_day(day) < first_day - LIST_AGE:
                continue
            planned = pq.read_table(path, filters=[("action", "=", treatment)]).to_pandas()
            planned = planned[planned["targeted"] | planned["explore"]]
            people = self._of_list(planned, both, first_day)
            on_list = sent["id"].isin(people["id"]) if len(people) else np.zeros(len(sent), bool)
            if len(people) and len(sent) and on_list.mean() >= MATCHED:
                outside = int((~both["id"].isin(people["id"])).sum())
                return Found(name, treatment, first_day, last_day, people, True, day, {**counts, "outside": outside})
        people = both.assign(treated=~both["control"], reached=~both["control"])
        share = float(people["treated"].mean()) if len(held) else np.nan
        known = people["propensity"].notna()
        people["propensity"] = people["propensity"].where(known, share)
        return Found(name, treatment, first_day, last_day, people, bool(known.all()), None, counts)

    def _of_list(self, planned: pd.DataFrame, rows: pd.DataFrame, first_day: int) -> pd.DataFrame:
        """Everybody whom a list drew, contacted or not: what was drawn counts, not what was done."""
        if self._known is None:
            self._known = self._customers()
        drawn = planned["targeted"] & ~planned["control"]
        people = planned.assign(treated=drawn).merge(self._known, on="customer_id", how="inner")
        done = rows.assign(reached=~rows["control"]).set_index("id")[["day", "reached", "cost", "incentive"]]
        people = people.join(done, on="id")
        people["reached"] = people["reached"].eq(True)
        return people.assign(day=people["day"].fillna(first_day).astype(np.int64))[
            ["id", "bucket", "place", "day", "treated", "reached", "propensity", "cost", "incentive", *_FROM_LIST]
        ]

    def _customers(self) -> pd.DataFrame:
        parts = []
        for bucket, history in enumerate(self._store.days_only):
            ids = history.customer_id
            shown = ids.cast("string") if self._key is None else self._key.of_all(ids)
            place = np.arange(history.n_customers)
            parts.append(
                pd.DataFrame(
                    {"customer_id": shown.to_pandas(), "id": ids.to_pandas(), "bucket": bucket, "place": place}
                )
            )
        return pd.concat(parts, ignore_index=True)
