"""What the whole base did, counted part by part: KPIs, moves between stages, and who bought again."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lifecycle.decisions.base_summary import return_rates
from lifecycle.decisions.kpis import KpiSums, kpi_history, kpi_sums, kpi_table, period_ends
from lifecycle.decisions.season_factor import Season, season_of
from lifecycle.decisions.stage_policy import StagePolicy
from lifecycle.decisions.stages import policy_transitions, stages_at, transition_matrix
from lifecycle.features.history import History
from lifecycle.features.window import Window

KPI_PERIODS = 8


@dataclass(frozen=True)
class Moves:
    """What became of customers between two days.

    Attributes
    ----------
    transitions : pd.DataFrame
        `decisions.stages.transition_matrix` from the first day to the second.
    return_rates : pd.DataFrame
        `decisions.base_summary.return_rates` of the stages on the first day, within `days` after it.
    days : int
        days after the first day in which a purchase counts as coming back.
    """

    transitions: pd.DataFrame
    return_rates: pd.DataFrame
    days: int


@dataclass(frozen=True)
class BaseCounts:
    """KPIs of the period that ends at as_of and of those before it, and the moves within it.

    Attributes
    ----------
    kpis : pd.DataFrame
        `decisions.kpis.kpi_table`.
    kpi_history : pd.DataFrame
        `decisions.kpis.kpi_history` of the last periods.
    moves : Moves
        from the start of the period to its end.
    policy_transitions : pd.DataFrame | None
        `decisions.stages.policy_transitions` from another policy; None where there is none.
    """

    kpis: pd.DataFrame
    kpi_history: pd.DataFrame
    moves: Moves
    policy_transitions: pd.DataFrame | None


def count_base(
    histories: Iterable[History], policy: StagePolicy, window: Window, *, former: StagePolicy | None = None
) -> BaseCounts:
    """Count the base in two passes, one part of it after the other.

    Parameters
    ----------
    histories : Iterable[History]
        the parts of the base, gone through more than once; nothing but purchase days is needed of them.
    policy : StagePolicy
        the rules of the stages.
    window : Window
        as_of and the length of a period.
    former : StagePolicy | None
        the rules of an earlier scoring, if they were others: what they alone would move is told apart.
    """
    as_of, part = window.as_of_day, next(iter(histories), None)
    if part is None:
        raise ValueError("count_base: the base has no part; give at least one history.")
    first = part.log_first_day  # of the whole log, in every part
    season = season_of(histories, policy, last_day=as_of)
    former_season = None if former is None else season_of(histories, former, last_day=as_of)
    now = period_ends(as_of, window.horizon)
    past = [end for k in range(KPI_PERIODS) if (end := as_of - k * window.horizon) - window.horizon + 1 >= first]
    sums: tuple[KpiSums, ...] | None = None
    counter = _MoveCounter(as_of - window.horizon, as_of, window.horizon)
    by_policy: pd.DataFrame | None = None
    for history in histories:
        found = kpi_sums(history, [*now, *past[::-1]], policy, season=season)
        sums = found if sums is None else tuple(a + b for a, b in zip(sums, found, strict=True))
        counter.add(history, policy, season)
        if former is not None and former_season is not None:
            moved = policy_transitions(history, as_of, former, policy, old_season=former_season, new_season=season)
            by_policy = moved if by_policy is None else by_policy + moved
    assert sums is not None
    return BaseCounts(
        kpis=kpi_table(sums[: len(now)], log_start=first, horizon=window.horizon),
        kpi_history=kpi_history(sums[len(now) :], log_start=first, horizon=window.horizon),
        moves=counter.moves(),
        policy_transitions=by_policy,
    )


def count_moves(histories: Iterable[History], policy: StagePolicy, first: int, second: int, *, days: int) -> Moves:
    """Count who moved from which stage to which between two days, and who bought within some days after the first.

    Parameters
    ----------
    histories : Iterable[History]
        the parts of the base, gone through more than once; nothing but purchase days is needed of them.
    policy : StagePolicy
        the rules of the stages.
    first : int
        day since 1970-01-01.
    second : int
        a later one; nothing after it is seen.
    days : int
        how long after the first day a purchase counts; it must end by the second.

    Raises
    ------
    ValueError
        the days are not in order, or the count would end after the second.
    """
    if not first < first + days <= second:
        raise ValueError(
            f"the second day must lie at least {days} days after the first, so that it can be told who came back; "
            f"found {second - first}."
        )
    season = season_of(histories, policy, last_day=second)
    counter = _MoveCounter(first, second, days)
    for history in histories:
        counter.add(history, policy, season)
    return counter.moves()


class _MoveCounter:
    """Stages on two days and purchases between them, bucket by bucket."""

    def __init__(self, first: int, second: int, days: int) -> None:
        self._first, self._second, self._days = first, second, days
        self._before: list[np.ndarray] = []
        self._after: list[np.ndarray] = []
        self._bought: list[np.ndarray] = []

    def add(self, history: History, policy: StagePolicy, season: Season) -> None:
        stages = stages_at(history, [self._first, self._second], policy, season=season)
        known = history.purchases(self._second)
        counted = (known.day > self._first) & (known.day <= self._first + self._days)
        seen = np.concatenate([[0], np.cumsum(counted)])
        self._before.append(stages[:, 0])
        self._after.append(stages[:, 1])
        self._bought.append(seen[known.offsets[1:]] > seen[known.offsets[:-1]])

    def moves(self) -> Moves:
        before, after = np.concatenate(self._before), np.concatenate(self._after)
        return Moves(transition_matrix(before, after), return_rates(before, np.concatenate(self._bought)), self._days)
