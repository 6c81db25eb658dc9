"""Reasons from the model itself, for those who matter now: the listed, the controls, and the newly declining.

Exact contributions and words cost a fraction of a millisecond a customer, so not everybody gets them: the list in the
order of priority comes first, then those newly in decline, the highest value at risk first. The histories of these
customers are read again, bucket by bucket; nothing else is kept in memory, and the same inputs give the same words.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lifecycle.decisions.base_summary import NEWLY_DAYS
from lifecycle.decisions.priorities import Plan
from lifecycle.decisions.vocabulary import DECLINE, Language
from lifecycle.features import table
from lifecycle.features.history import History
from lifecycle.features.outcomes import RateReference
from lifecycle.features.ragged import take
from lifecycle.features.window import Window
from lifecycle.models import forecasting
from lifecycle.models.forecasting import Snapshot
from lifecycle.scoring.champion import Bundle
from lifecycle.scoring.free_memory import hand_back
from lifecycle.scoring.planning import Parts
from lifecycle.words import drivers as driver_words
from lifecycle.words import reasons

Places = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

CANDIDATES = 5
"""Families asked for, of which the three strongest that say different things are told."""

BATCH = 2_000
"""Customers whose numbers are in memory at a time."""

SAMPLE = 2_000
"""Customers of the first bucket whose medians stand for the base; buckets are cut by a hash of the id."""


@dataclass(frozen=True, eq=False)
class ModelReasons:
    """What the model says of some customers: their places in the plan, rising, and their drivers in words."""

    place: Places
    against: pa.Array
    favour: pa.Array

    @classmethod
    def none(cls) -> "ModelReasons":
        """Nobody's."""
        return cls(np.empty(0, np.int64), pa.nulls(0, pa.string()), pa.nulls(0, pa.string()))

    def at(self, places: Places) -> reasons.Drivers:
        """The drivers of customers by their places in the plan; null for whom the model was not asked about."""
        found = np.searchsorted(self.place, places)
        asked = found < self.place.size
        asked[asked] = self.place[found[asked]] == places[asked]
        rows = pa.array(found, mask=~asked)
        return reasons.Drivers(self.against.take(rows), self.favour.take(rows))


def model_reasons(
    read: Callable[[int], History],
    bundle: Bundle,
    window: Window,
    parts: Parts,
    plan: Plan,
    *,
    language: Language,
    currency: str,
    most: int,
) -> ModelReasons:
    """Ask the model about at most `most` customers.

    Parameters
    ----------
    read : Callable[[int], History]
        gives the history of a part of the base, by its number.
    bundle : Bundle
        the champion; one without trees has nothing to say.
    window : Window
        as_of and horizon.
    parts : Parts
        the estimates, in the order of the parts and of the plan.
    plan : Plan
        what to do with each customer.
    language : Language
        of the words.
    currency : str
        of the money in them.
    most : int
        how many customers at most.
    """
    if not forecasting.has_drivers(bundle.forecaster) or most == 0:
        return ModelReasons.none()
    wanted = whom(parts, plan, window, most=most)
    speaker = Speaker.of(read(0), bundle, window, language=language, currency=currency)
    said: list[driver_words.Spoken | None] = []
    begin = 0
    ids = parts.column_tables(["customer_id"])
    for bucket, (size, column) in enumerate(zip(parts.sizes, ids, strict=True)):
        mine = wanted[(wanted >= begin) & (wanted < begin + size)] - begin
        if mine.size:
            history = read(bucket)
            rows = pc.index_in(column["customer_id"].combine_chunks().take(pa.array(mine)), history.customer_id)
            rows = rows.to_numpy().astype(np.int64)
            for start in range(0, rows.size, BATCH):
                said += speaker.say(take(history, rows[start : start + BATCH]))
            del history
            hand_back()
        begin += size
    against = pa.array([None if one is None else one.against or None for one in said], pa.string())
    favour = pa.array([None if one is None else one.favour or None for one in said], pa.string())
    return ModelReasons(wanted, against, favour)


def whom(parts: Parts, plan: Plan, window: Window, *, most: int) -> Places:
    """Places in the plan of those to ask about, rising: the listed by priority, then the newly declining by risk."""
    needed = ("stage", "stage_since", "frequency", "value_at_risk")
    newly, at_risk, buyers = [], [], []
    begin = 0
    for size, part in zip(parts.sizes, parts.column_tables(needed), strict=True):
        column = {name: part[name].to_numpy() for name in needed}
        bought = column["frequency"] >= 0
        since = column["stage_since"] > window.as_of_day - NEWLY_DAYS
        rows = np.flatnonzero(bought & (column["stage"] == DECLINE) & since & ~plan.targeted[begin : begin + size])
        newly.append(rows + begin)
        at_risk.append(column["value_at_risk"][rows])
        buyers.append(bought)
        begin += size
    listed = np.flatnonzero(plan.targeted & np.concatenate(buyers))
    listed = listed[np.argsort(plan.priority[listed])]
    places, risk = np.concatenate(newly), np.concatenate(at_risk)
    places = places[np.lexsort([plan.priority[places], -np.where(np.isnan(risk), -np.inf, risk)])]
    return np.sort(np.concatenate([listed, places])[:most])


@dataclass(frozen=True, eq=False)
class Speaker:
    """Turns histories of customers into what the model says of them."""

    bundle: Bundle
    window: Window
    terms: driver_words.Terms
    language: Language

    @classmethod
    def of(cls, part: History, bundle: Bundle, window: Window, *, language: Language, currency: str) -> "Speaker":
        """A speaker who knows what is usual in the base, from the first part of it."""
        terms = driver_words.Terms(
            as_of=window.as_of,
            horizon=window.horizon,
            r=bundle.stages.r,
            alpha=bundle.stages.alpha,
            currency=currency,
            medians=driver_words.medians_of(_sample(part, window)),
        )
        return cls(bundle, window, terms, language)

    def say(self, history: History) -> list[driver_words.Spoken | None]:
        """Return the drivers of each customer of a history in words; each must have a purchase by the date."""
        snapshot = Snapshot.of(
            history,
            self.window,
            with_outcome=False,
            reference=RateReference(self.bundle.value.r, self.bundle.value.alpha),
        )
        if snapshot.n != history.n_customers:
            raise ValueError(
                f"the model can be asked about customers with a purchase by {self.window.as_of} only; "
                f"{history.n_customers - snapshot.n} of {history.n_customers} have none."
            )
        found = forecasting.drivers(
            self.bundle.forecaster,
            snapshot,
            np.arange(snapshot.n),
            driver_words.families(),
            top=CANDIDATES,
        )
        if found is None:
            return [None] * snapshot.n
        own = driver_words.own_numbers(history, snapshot.features, self.terms)
        return driver_words.spoken(
            found.names, found.feature, found.contribution, found.value, own, language=self.language
        )


def _sample(history: History, window: Window) -> pd.DataFrame:
    step = max(1, history.n_customers // SAMPLE)
    return table.frame(take(history, np.arange(0, history.n_customers, step, dtype=np.int64)), window.as_of)
