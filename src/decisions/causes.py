"""Why a customer declines: our own fault, the market, or neither, from events since the last but one purchase.

In this order: an open complaint, low or fallen satisfaction, returns far above the base's (improve); a category that
the customer stopped while others go on, a main category that fell against the base's index (respond); else silence or
fewer purchases (rescue).
"""

from dataclasses import dataclass
from datetime import date

import numba
import numpy as np
from numpy.typing import NDArray

from lifecycle.decisions.cause_sums import COMPLAINT, RESOLUTION, SURVEY, CauseSums, kind_mask
from lifecycle.decisions.stage_policy import StagePolicy
from lifecycle.decisions.stages import StageHistory
from lifecycle.decisions.strategies import NO_CAUSE
from lifecycle.decisions.vocabulary import CAUSES, DECLINE
from lifecycle.features.history import History
from lifecycle.features.window import to_day

I64 = NDArray[np.int64]
I32 = NDArray[np.int32]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_CODE = {name: CAUSES.index(name) for name in CAUSES}
_YEAR = 365


@dataclass(frozen=True, slots=True)
class CausePolicy:
    """Limits of the causes.

    Attributes
    ----------
    low : float
        a survey value in this lowest part of the range of all values is low.
    fall : float
        a fall against the customer's own earlier mean by this part of the range counts.
    returns_multiple, returns_least : float
        returned share since the last but one purchase: more than so many times the base's, and at least this.
    market_fall : float
        a category whose index is at most this fell.
    category_days : int
        purchase days in a category within a year that make it the customer's own.
    """

    low: float = 0.4
    fall: float = 0.3
    returns_multiple: float = 3.0
    returns_least: float = 0.2
    market_fall: float = 0.8
    category_days: int = 3


def diagnose(
    history: History,
    as_of: date | int,
    stages: StageHistory,
    base: CauseSums,
    policy: StagePolicy,
    *,
    limits: CausePolicy | None = None,
) -> NDArray[np.int8]:
    """Return the cause of each declining customer as codes of `vocabulary.CAUSES`; `NO_CAUSE` in other stages.

    Parameters
    ----------
    history : History
        the customers; interactions, categories and returns are used where it has them.
    as_of : date | int
        nothing later is seen.
    stages : StageHistory
        `decisions.stages.replay` of the same history and date.
    base : CauseSums
        `decisions.cause_sums` of the whole base.
    policy : StagePolicy
        the stage policy, for what silence means.
    """
    limits = limits or CausePolicy()
    today = to_day(as_of)
    cause = np.full(stages.stage.size, NO_CAUSE, np.int8)
    declining = np.flatnonzero(stages.stage == DECLINE)
    if declining.size == 0:
        return cause
    silence = today - stages.last_day[declining].astype(np.int64)
    limit = np.maximum(policy.decline_multiple * stages.usual_gap_days[declining], policy.decline_floor)
    found = np.where(silence > limit, _CODE["silence"], _CODE["volume"])
    since = _last_but_one(history.offsets, history.day, history.void_day, declining, today)
    if history.lines.category is not None:
        main, stopped = _categories(history, declining, today, policy.horizon, limits.category_days)
        names = [str(name) for name in history.lines.category.names.to_pylist()]
        fell = np.array([*(base.index(name) <= limits.market_fall for name in names), False], np.bool_)[main]
        found = np.where(fell, _CODE["market"], found)
        found = np.where(stopped, _CODE["category_lost"], found)
    share = _returned_since(history, declining, since, today)
    far_above = (share > limits.returns_multiple * base.return_share) & (share >= limits.returns_least)
    found = np.where(far_above, _CODE["returns"], found)
    if history.interactions is not None:
        complained, dissatisfied = _feedback(history, declining, since, today, base, limits)
        found = np.where(dissatisfied, _CODE["satisfaction"], found)
        found = np.where(complained, _CODE["complaint"], found)
    cause[declining] = found
    return cause


@numba.njit(cache=True, nogil=True)
def _last_but_one(offsets: I64, day: I32, void_day: I32, customers: I64, today: int) -> I32:
    """Return the last but one purchase day known today (the only one, if there is one)."""
    out = np.empty(customers.size, np.int32)
    for i in range(customers.size):
        c = customers[i]
        last = before = -1
        for j in range(offsets[c], offsets[c + 1]):
            if day[j] > today:
                break
            if void_day[j] > today:
                before, last = last, j
        out[i] = day[before] if before >= 0 else day[last] if last >= 0 else today
    return out


def _returned_since(history: History, customers: I64, since: I32, today: int) -> Floats:
    """Return the share of what was bought since a day that was returned on a later day than bought."""
    links = history.returns
    amount = np.ones(history.day.size) if history.amount is None else history.amount
    back = np.ones(links.day.size) if history.amount is None else links.amount
    return _share_returned(
        history.offsets, history.day, amount, links.offsets, links.day, links.target, back, customers, since, today
    )


@numba.njit(cache=True, nogil=True)
def _share_returned(
    offsets: I64,
    day: I32,
    amount: Floats,
    link_offsets: I64,
    link_day: I32,
    target: I32,
    back: Floats,
    customers: I64,
    since: I32,
    today: int,
) -> Floats:
    out = np.zeros(customers.size)
    for i in range(customers.size):
        c = customers[i]
        gross = returned = 0.0
        for j in range(offsets[c], offsets[c + 1]):
            if since[i] <= day[j] <= today:
                gross += amount[j]
        for e in range(link_offsets[c], link_offsets[c + 1]):
            if since[i] <= link_day[e] <= today and link_day[e] > day[offsets[c] + target[e]]:
                returned += back[e]
        if gross > 0:
            out[i] = returned / gross
    return out


def _categories(history: History, customers: I64, today: int, horizon: int, days: int) -> tuple[I64, Flags]:
    """Return each customer's main category of the last year (−1: none) and whether the own category stopped."""
    lines = history.lines
    assert lines.category is not None
    return _own_categories(
        history.offsets,
        history.day,
        lines.offsets,
        lines.category.code,
        np.ones(lines.void_day.size) if lines.amount is None else lines.amount,
        lines.void_day,
        customers,
        today,
        horizon,
        days,
        len(lines.category.names),
    )


@numba.njit(cache=True, nogil=True)
def _own_categories(
    offsets: I64,
    day: I32,
    line_offsets: I64,
    code: I32,
    amount: Floats,
    line_void: I32,
    customers: I64,
    today: int,
    horizon: int,
    days: int,
    n_codes: int,
) -> tuple[I64, Flags]:
    main = np.full(customers.size, -1, np.int64)
    stopped = np.zeros(customers.size, np.bool_)
    year = np.zeros(n_codes)  # amount in the last year by category
    earlier = np.zeros(n_codes)  # amount in the year before the last horizon
    earlier_days = np.zeros(n_codes, np.int64)
    recent = np.zeros(n_codes, np.bool_)
    last_day = np.full(n_codes, -1, np.int64)
    for i in range(customers.size):
        c = customers[i]
        year[:] = 0.0
        earlier[:] = 0.0
        earlier_days[:] = 0
        recent[:] = False
        last_day[:] = -1
        others = False
        for j in range(offsets[c], offsets[c + 1]):
            age = today - day[j]
            if age < 0 or age >= 365 + horizon:
                continue
            for e in range(line_offsets[j], line_offsets[j + 1]):
                k = code[e]
                if k < 0 or line_void[e] <= today:
                    continue
                if age < 365:
                    year[k] += amount[e]
                if age < horizon:
                    recent[k] = True
                else:
                    earlier[k] += amount[e]
                    if last_day[k] != j:
                        earlier_days[k] += 1
                        last_day[k] = j
        if n_codes > 0 and year.max() > 0:
            main[i] = year.argmax()
        if n_codes > 0 and earlier.max() > 0:
            own = earlier.argmax()
            for k in range(n_codes):
                others = others or (k != own and recent[k])
            stopped[i] = earlier_days[own] >= days and not recent[own] and others
    return main, stopped


def _feedback(
    history: History, customers: I64, since: I32, today: int, base: CauseSums, limits: CausePolicy
) -> tuple[Flags, Flags]:
    """Return who has an open complaint, and whose satisfaction is low or fell, since a day."""
    events = history.interactions
    assert events is not None
    names = [str(name) for name in events.kind.names.to_pylist()]
    kinds = np.zeros(len(names) + 1, np.int64)
    for number, wanted in enumerate((COMPLAINT, RESOLUTION, SURVEY), start=1):
        kinds[kind_mask(names, wanted)] = number
    width = max(base.survey_high - base.survey_low, 0.0) if base.survey_high >= base.survey_low else 0.0
    low = base.survey_low + limits.low * width if width > 0 else -np.inf
    fall = limits.fall * width if width > 0 else np.inf
    return _heard(events.offsets, events.day, kinds[events.kind.code], events.value, customers, since, today, low, fall)


@numba.njit(cache=True, nogil=True)
def _heard(
    offsets: I64,
    day: I32,
    kind: I64,
    value: Floats,
    customers: I64,
    since: I32,
    today: int,
    low: float,
    fall: float,
) -> tuple[Flags, Flags]:
    complained = np.zeros(customers.size, np.bool_)
    dissatisfied = np.zeros(customers.size, np.bool_)
    for i in range(customers.size):
        c = customers[i]
        earlier_sum = 0.0
        earlier = 0
        for e in range(offsets[c], offsets[c + 1]):
            if day[e] > today:
                break
            if kind[e] == 1 and day[e] >= since[i]:
                complained[i] = True
            elif kind[e] == 2:
                complained[i] = False
            elif kind[e] == 3 and not np.isnan(value[e]):
                if day[e] >= since[i]:  # the latest survey decides
                    fell = earlier > 0 and earlier_sum / earlier - value[e] >= fall
                    dissatisfied[i] = value[e] <= low or fell
                earlier_sum += value[e]
                earlier += 1
    return complained, dissatisfied
