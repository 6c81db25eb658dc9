"""What single customers are judged against, gathered from all buckets before the first one is estimated."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from lifecycle.decisions.cause_sums import CauseSums, cause_sums
from lifecycle.decisions.season_factor import Season, season_sums
from lifecycle.features.asof import AsOf
from lifecycle.features.history import History
from lifecycle.features.outcomes import BaseLevel, RateReference, base_level
from lifecycle.features.window import UNKNOWN_DAY, Window
from lifecycle.models.btyd import AgeSpans, Tables, tables
from lifecycle.scoring.champion import Bundle
from lifecycle.scoring.money_terms import MoneyTerms


@dataclass(frozen=True)
class WholeBase:
    """The base's season, purchase rates, basket, what causes need, the tables that intervals are read from, and the
    share of prospects who buy within a horizon unasked."""

    season: Season
    reference: RateReference
    level: BaseLevel
    causes: CauseSums
    tables: Tables
    first_purchase: float


def whole_base(
    histories: Iterable[History], bundle: Bundle, window: Window, money: MoneyTerms, *, days: Iterable[History]
) -> WholeBase:
    """Go through the parts of the base once with their lines; ``days`` gives the same parts, lines need not be there.

    ``days`` is gone through as often as the base's level needs.
    """
    reference = RateReference(bundle.value.r, bundle.value.alpha)
    season, causes, spans, prospects = None, None, AgeSpans({}), np.zeros(2, np.int64)
    for history in histories:
        sums = season_sums(history, bundle.stages, last_day=window.as_of_day)
        found = cause_sums(history, window.as_of_day, window.horizon)
        season = sums if season is None else season + sums
        causes = found if causes is None else causes + found
        spans = spans | _spans(history, window)
        prospects += prospects_then(history, window)
    if season is None or causes is None:
        raise ValueError("whole_base: the base has no part; give at least one history.")
    ready = tables(bundle.value, bundle.spend, spans, horizon=float(window.horizon), discount_rate=money.discount_rate)
    level = base_level(days, window, reference=reference)
    first_purchase = float(prospects[1] / max(prospects[0], 1))
    return WholeBase(season.factor(bundle.stages), reference, level, causes, ready, first_purchase)


def prospects_then(history: History, window: Window) -> tuple[int, int]:
    """How many were registered without a purchase a horizon before `as_of`, and how many of them have bought since.

    Nobody is counted where the customers table does not say when they registered, or the account was closed by then.
    """
    then = window.as_of_day - window.horizon
    if history.registered_day is None:
        return 0, 0
    before, after = (np.diff(history.purchases(day).offsets) > 0 for day in (then, window.as_of_day))
    waiting = (history.registered_day != UNKNOWN_DAY) & (history.registered_day <= then) & ~before
    if history.closed_day is not None:
        waiting &= history.closed_day > then
    return int(waiting.sum()), int((waiting & after).sum())


def _spans(history: History, window: Window) -> AgeSpans:
    known = AsOf.of(history, window.as_of)
    return AgeSpans.of(np.diff(known.offsets) - 1, window.as_of_day - known.day[known.offsets[:-1]])
