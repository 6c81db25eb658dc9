"""Stages as of any date: a pure function of the events up to that date and of a frozen policy.

Nothing is remembered between scorings: the stage, the one before, since when, and whether the customer had churned
and came back are all replayed from the customer's slice. Backfilled, missed and repeated scorings therefore agree.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import get_type_hints

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from lifecycle.decisions.season_factor import Season, Slices, season_sums
from lifecycle.decisions.stage_policy import StagePolicy
from lifecycle.decisions.stage_replay import Replayed, Rules, replay_slices
from lifecycle.decisions.vocabulary import NEW, STAGES
from lifecycle.features.window import NEVER, UNKNOWN_DAY, to_day


@dataclass(frozen=True, eq=False)
class StageHistory:
    """Stages of n customers, in the order of the history.

    Attributes
    ----------
    as_of : int
        day since 1970-01-01; the end of what was known.
    stage : NDArray[np.int8]
        int8[n]; position in `decisions.vocabulary.STAGES`; −1: not yet known at as_of.
    previous_stage : NDArray[np.int8]
        int8[n]; −1 where there was none.
    stage_since : NDArray[np.int32]
        int32[n]; first day of the present stage; `NEVER` where unknown.
    returned_after_churn : NDArray[np.bool_]
        bool[n]; the present life began with a purchase after the customer had churned.
    return_day : NDArray[np.int32]
        int32[n]; the latest such purchase day; `NEVER` where there was none.
    second_purchase_overdue : NDArray[np.bool_]
        bool[n]; one-time buyer in "new", silent past the policy's `overdue_limit`.
    usual_gap_days : NDArray[np.float64]
        float64[n]; (α + t_x)/(r + x); NaN for prospects, and for one-time buyers where the base's gap is longer than
        new lasts (nobody has ever kept it).
    frequency : NDArray[np.int64]
        int64[n]; repeat purchase days; −1 for prospects.
    last_day : NDArray[np.int32]
        int32[n]; last purchase day; `NEVER` for prospects.
    """

    as_of: int
    stage: NDArray[np.int8]
    previous_stage: NDArray[np.int8]
    stage_since: NDArray[np.int32]
    returned_after_churn: NDArray[np.bool_]
    return_day: NDArray[np.int32]
    second_purchase_overdue: NDArray[np.bool_]
    usual_gap_days: NDArray[np.float64]
    frequency: NDArray[np.int64]
    last_day: NDArray[np.int32]


def replay(
    history: Slices,
    as_of: date | int,
    policy: StagePolicy,
    *,
    season: Season | None = None,
) -> StageHistory:
    """Return every customer's stage as of a date, and how it came about.

    Parameters
    ----------
    history : Slices
        slices of purchase days with the day on which each was returned.
    as_of : date | int
        date or day since 1970-01-01.
    policy : StagePolicy
        the frozen rules.
    season : Season | None
        the whole base's season factor (`decisions.season_factor.season_of`); by default that of this history, which is
        right only where the history is the whole base.

    A customer without a purchase day is a prospect from the day of registration, or always where that is unknown; one
    whose first purchase is later than `as_of` and who has not registered by then is not yet known (−1) and is not to
    be scored.

    >>> from types import SimpleNamespace
    >>> day = np.array([0, 10, 20, 30], np.int32)
    >>> one = SimpleNamespace(offsets=np.array([0, 4]), day=day, void_day=np.full(4, NEVER, np.int32),
    ...     closed_day=None, registered_day=None, log_first_day=0)
    >>> policy = StagePolicy.from_rates(1.0, 20.0, 90)
    >>> [STAGES[replay(one, as_of, policy).stage[0]] for as_of in (0, 30, 65, 130)]
    ['new', 'growth', 'decline', 'churned']
    """
    today = to_day(as_of)
    outputs = _run(history, np.array([today], np.int32), policy, season)
    stage, count, first, last = outputs.stage[:, 0], outputs.n_days, outputs.first, outputs.last
    bought = count > 0
    recency = np.where(bought, last - first, 0)
    gap = np.where(bought, (policy.alpha + recency) / (policy.r + np.maximum(count - 1, 0)), np.nan)
    if policy.base_gap > policy.new_limit:
        gap[count == 1] = np.nan
    silence = np.where(bought, today - last, 0)
    overdue = (stage == NEW) & (silence > policy.overdue_limit)
    return StageHistory(
        as_of=today,
        stage=stage,
        previous_stage=outputs.previous,
        stage_since=outputs.since,
        returned_after_churn=outputs.returned,
        return_day=outputs.return_day,
        second_purchase_overdue=overdue,
        usual_gap_days=gap,
        frequency=count - 1,
        last_day=last,
    )


def stages_at(
    history: Slices,
    dates: Sequence[date | int],
    policy: StagePolicy,
    *,
    season: Season | None = None,
) -> NDArray[np.int8]:
    """Return int8[n, len(dates)]: every customer's stage as of each date, one pass; −1 where not yet known.

    Each column equals ``replay(history, date, …).stage``: what happened between a date and the last one is not known
    earlier.
    """
    days = np.array([to_day(one) for one in dates], np.int32)
    order = np.argsort(days, kind="stable")
    stages = _run(history, days[order], policy, season).stage
    unsorted = np.empty_like(stages)
    unsorted[:, order] = stages
    return unsorted


def stage_labels(codes: NDArray[np.int8]) -> pa.Array:
    """Return the canonical names of stage codes as Arrow strings; −1 becomes null.

    >>> stage_labels(np.array([0, 5, -1], np.int8)).to_pylist()
    ['prospect', 'churned', None]
    """
    names = pa.array(STAGES, pa.string())
    return names.take(pa.array(codes.astype(np.int32), pa.int32(), mask=codes < 0))


def transition_matrix(before: NDArray[np.int8], after: NDArray[np.int8]) -> pd.DataFrame:
    """Return how many customers went from each stage (rows; "unknown" = not yet a customer) to each stage (columns).

    >>> transition_matrix(np.array([-1, 1, 2], np.int8), np.array([1, 2, 2], np.int8)).loc["new", "growth"]
    np.int64(1)
    """
    size = len(STAGES) + 1
    counts = np.bincount((before.astype(np.int64) + 1) * size + after + 1, minlength=size * size).reshape(size, size)
    labels = ["unknown", *STAGES]
    return pd.DataFrame(counts, index=pd.Index(labels, name="from"), columns=pd.Index(labels, name="to")).drop(
        columns="unknown"
    )


def policy_transitions(
    history: Slices, as_of: date | int, old: StagePolicy, new: StagePolicy, *, old_season: Season, new_season: Season
) -> pd.DataFrame:
    """Return how many customers a new policy alone moves from each stage to each stage on one date.

    Such moves are nobody's doing: they are reported apart from `transition_matrix` between dates under one policy. The
    seasons are those of the whole base under each policy; matrices of buckets add up.
    """
    before = _run(history, np.array([to_day(as_of)], np.int32), old, old_season).stage[:, 0]
    after = _run(history, np.array([to_day(as_of)], np.int32), new, new_season).stage[:, 0]
    return transition_matrix(before, after)


def _run(
    history: Slices,
    dates: NDArray[np.int32],
    policy: StagePolicy,
    season: Season | None,
) -> Replayed:
    n = history.offsets.size - 1
    last = int(dates[-1])
    log_start = min(history.log_first_day, last)
    if season is None:
        season = season_sums(history, policy, last_day=last).factor(policy)
    if season.end < last or season.start > log_start:
        raise ValueError(
            f"the season factor covers days {season.start} to {season.end}; it must cover {log_start} to {last}: "
            "make it from the whole base up to the last date."
        )
    closed = np.full(n, NEVER, np.int32) if history.closed_day is None else history.closed_day
    outputs = Replayed(
        stage=np.empty((n, dates.size), np.int8),
        previous=np.empty(n, np.int8),
        since=np.empty(n, np.int32),
        return_day=np.empty(n, np.int32),
        returned=np.empty(n, np.bool_),
        first=np.empty(n, np.int32),
        last=np.empty(n, np.int32),
        n_days=np.empty(n, np.int64),
    )
    replay_slices(
        history.offsets,
        history.day,
        history.void_day,
        closed,
        _known_since(history),
        dates,
        season.factor,
        season.start,
        _rules(policy),
        log_start,
        outputs,
    )
    return outputs


def _rules(policy: StagePolicy) -> Rules:
    return Rules(**{name: kind(getattr(policy, name)) for name, kind in get_type_hints(Rules).items()})


def _known_since(history: Slices) -> NDArray[np.int32]:
    """Return the day from which each customer is known before a first purchase; NEVER if not, UNKNOWN_DAY if ever."""
    without = history.offsets[1:] == history.offsets[:-1]
    unknown = np.where(without, np.int32(UNKNOWN_DAY), np.int32(NEVER)).astype(np.int32)
    if history.registered_day is None:
        return unknown
    dated = (history.registered_day != NEVER) & (history.registered_day != UNKNOWN_DAY)
    return np.where(dated, history.registered_day, unknown)
