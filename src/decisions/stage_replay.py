"""The compiled replay: one pass over a customer's slice gives the stage on any dates, since when, and what was before.

A customer's stage can only change on an own event (purchase, its return, closing of the account) or when a silence
passes a limit, both known in closed form; day by day the pass goes only where the volume rule could speak. What is
known on day D are purchase days ``day <= D < void_day``: a purchase that was returned later counts until it was
returned, as it did then.
"""

from typing import Final, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from lifecycle.decisions.vocabulary import CHURNED, DECLINE, GROWTH, MATURE, NEW, PROSPECT
from lifecycle.features.window import NEVER, UNKNOWN_DAY

_YEAR: Final = 365


class Rules(NamedTuple):
    """The numbers of a `StagePolicy` that the pass goes by, days as whole numbers."""

    r: float
    alpha: float
    horizon: int
    decline_multiple: float
    churn_multiple: float
    decline_floor: float
    churn_floor: float
    new_limit: int
    mature_purchases: int
    volume_expected: float
    volume_now: float
    volume_before: float
    lookback: int
    dwell: int
    season_window: int
    season_log: int


class Replayed(NamedTuple):
    """What the pass fills, one row a customer: `stage` has a column a date, the others are as of the last date."""

    stage: NDArray[np.int8]
    previous: NDArray[np.int8]
    since: NDArray[np.int32]
    return_day: NDArray[np.int32]
    returned: NDArray[np.bool_]
    first: NDArray[np.int32]
    last: NDArray[np.int32]
    n_days: NDArray[np.int64]


@numba.njit(cache=True, nogil=True)
def count_until(days: NDArray[np.int32], n: int, day: int) -> int:
    """Return how many of the first n ascending days are at most `day`."""
    low, high = 0, n
    while low < high:
        middle = (low + high) // 2
        if days[middle] <= day:
            low = middle + 1
        else:
            high = middle
    return low


@numba.njit(cache=True, nogil=True)
def _seasonal(days: NDArray[np.int32], n: int, today: int, window: int, first_allowed: int) -> bool:
    """Return whether the silence of today is the off-season of a year ago (see `StagePolicy.season_window`)."""
    a = today - _YEAR
    if a < first_allowed:
        return False
    before = count_until(days, n, a)
    if before == n or (before > 0 and days[before - 1] > a - window):
        return False
    comes_back = days[before]
    if comes_back <= a + window:
        return True
    silence = today - days[n - 1] + comes_back - a
    return before > 0 and silence <= comes_back - days[before - 1] + 28


@numba.njit(cache=True, nogil=True)
def _volume_fell(
    days: NDArray[np.int32],
    n: int,
    today: int,
    r: float,
    alpha: float,
    horizon: int,
    share: float,
    least: float,
    season: float,
) -> tuple[bool, bool]:
    """Return (at least `least` were expected, at most `share` of them came): purchase days of one horizon."""
    start = today - horizon
    if n == 0 or days[0] > start:
        return False, False
    known = count_until(days, n, start)
    expected = horizon * (r + known - 1) / (alpha + start - days[0])
    came = count_until(days, n, today) - known
    return expected >= least, came <= share * expected * season


@numba.njit(cache=True, nogil=True)
def next_review(days: NDArray[np.int32], n: int, today: int, r: float, alpha: float, horizon: int, least: float) -> int:
    """Return the first day >= today on which the volume rule expects enough purchase days to speak, or NEVER."""
    start = max(today - horizon, int(days[0]))
    known = count_until(days, n, start)
    while True:
        if horizon * (r + known - 1) >= least * (alpha + start - days[0]):
            return start + horizon
        if known == n:
            return NEVER
        start = int(days[known])
        while known < n and days[known] <= start:
            known += 1


@numba.njit(cache=True, nogil=True)
def replay_slices(
    offsets: NDArray[np.int64],
    day: NDArray[np.int32],
    void_day: NDArray[np.int32],
    closed_day: NDArray[np.int32],
    known_since: NDArray[np.int32],
    dates: NDArray[np.int32],
    season: NDArray[np.float64],
    season_start: int,
    rules: Rules,
    log_start: int,
    out: Replayed,
) -> None:
    """Fill `out` with the stages on `dates` (ascending).

    `season[d - season_start]` is the base's season factor of the horizon that ends on day d.
    """
    r, alpha, horizon = rules.r, rules.alpha, rules.horizon
    least, share_now, share_before = rules.volume_expected, rules.volume_now, rules.volume_before
    dwell, window = rules.dwell, rules.season_window
    first_seasonal = log_start + rules.season_log - _YEAR
    last_date = int(dates[-1])
    n_dates = dates.size
    n_customers = offsets.size - 1

    for i in range(n_customers):
        lo, hi = offsets[i], offsets[i + 1]
        bought = day[lo:hi]
        voided = void_day[lo:hi]
        closes = int(closed_day[i])
        has_void = False
        for j in range(hi - lo):
            if voided[j] <= last_date:
                has_void = True
                break
        known_days = bought.copy()

        n_known = 0  # purchase days known now
        cursor = 0  # rows of the slice that have happened
        stage = -1
        previous = -1
        since = NEVER
        life_start = NEVER
        returned = False
        return_day = NEVER
        by_volume = False
        left_decline = -1_000_000
        written = 0

        today = min(int(known_since[i]), int(bought[0]) if hi > lo else NEVER)
        if today == UNKNOWN_DAY:
            today = min(int(dates[0]), int(bought[0]) if hi > lo else NEVER)
            stage = PROSPECT
        while today <= last_date:
            # 1. own events of this day
            event = False
            purchase = False
            while cursor < hi - lo and bought[cursor] <= today:
                if voided[cursor] > today:
                    purchase = True
                cursor += 1
                event = True
            next_event = int(bought[cursor]) if cursor < hi - lo else NEVER
            if has_void:
                n_before = n_known
                n_known = 0
                for j in range(cursor):
                    if voided[j] > today:
                        known_days[n_known] = bought[j]
                        n_known += 1
                        if voided[j] < next_event:
                            next_event = int(voided[j])
                if n_known < n_before:
                    event = True
            else:
                n_known = cursor
            closed = closes <= today
            if not closed and closes < next_event:
                next_event = closes

            # 2. what the known purchase days say until the next event
            if n_known == 0:
                settled = PROSPECT
                decline_day = NEVER
                churn_day = NEVER
                returned = False
            else:
                if purchase and stage == CHURNED:
                    returned = True
                    return_day = today
                    life_start = today
                elif not returned:
                    life_start = int(known_days[0])
                last = int(known_days[n_known - 1])
                x = n_known - 1
                if x == 0:
                    settled = NEW if not returned else GROWTH
                    decline_day = NEVER
                    churn_day = last + rules.new_limit + 1
                else:
                    gap = (alpha + last - known_days[0]) / (r + x)
                    decline_day = last + int(np.floor(max(rules.decline_multiple * gap, rules.decline_floor))) + 1
                    churn_day = last + int(np.floor(max(rules.churn_multiple * gap, rules.churn_floor))) + 1
                    before_life = count_until(known_days, n_known, life_start - 1)
                    in_life = n_known - before_life
                    settled = GROWTH
                    if in_life >= rules.mature_purchases and last - known_days[before_life] >= horizon:
                        settled = MATURE
            if event and by_volume:
                speaks, fell = _volume_fell(
                    known_days, n_known, today, r, alpha, horizon, share_now, least, season[today - season_start]
                )
                by_volume = speaks and fell

            # 3. from day to day until the next event, jumping over days on which nothing can change
            until = min(next_event, last_date + 1)
            while today < until:
                entered = False
                rested = stage == DECLINE or today - left_decline >= dwell
                if settled >= GROWTH and not by_volume and rested and today < decline_day:
                    speaks, fell = _volume_fell(
                        known_days, n_known, today, r, alpha, horizon, share_now, least, season[today - season_start]
                    )
                    if speaks and fell:
                        then = today - rules.lookback
                        before, fell_before = _volume_fell(
                            known_days,
                            n_known,
                            then,
                            r,
                            alpha,
                            horizon,
                            share_before,
                            0.0,
                            season[max(then - season_start, 0)],
                        )
                        entered = before and fell_before
                now = settled
                if by_volume or entered or today >= decline_day:
                    now = DECLINE
                if today >= churn_day or (stage == CHURNED and not purchase and n_known > 0):
                    now = CHURNED  # a return does not bring anybody back
                kept = False
                worse = now > stage and now >= DECLINE
                if worse and _seasonal(known_days, n_known, today, window, first_seasonal):
                    now = stage
                    kept = True
                elif entered:
                    by_volume = True
                if closed:
                    now = CHURNED
                    kept = False
                if now != stage:
                    while written < n_dates and dates[written] < today:
                        out.stage[i, written] = stage
                        written += 1
                    if stage == DECLINE:
                        left_decline = today
                    if now == CHURNED:
                        by_volume = False
                    previous = stage
                    stage = now
                    since = today
                # the next day on which anything can change
                if closed or (stage == CHURNED and not kept) or stage == PROSPECT:
                    today = until
                elif kept:
                    today += 1
                elif stage == DECLINE:
                    today = min(until, max(today + 1, churn_day))
                else:
                    upcoming = min(decline_day, churn_day)
                    if settled >= GROWTH:
                        review = next_review(known_days, n_known, today + 1, r, alpha, horizon, least)
                        upcoming = min(upcoming, max(review, left_decline + dwell))
                    today = min(until, max(today + 1, upcoming))
        while written < n_dates:
            out.stage[i, written] = stage
            written += 1
        out.previous[i] = previous
        out.since[i] = since
        out.return_day[i] = return_day
        out.returned[i] = returned
        out.first[i] = known_days[0] if n_known > 0 else NEVER
        out.last[i] = known_days[n_known - 1] if n_known > 0 else NEVER
        out.n_days[i] = n_known
