"""The compiled replay against the rules written plainly, day by day; and what must not matter to it."""

from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle.decisions.season_factor import Season, season_sums
from lifecycle.decisions.stage_policy import StagePolicy
from lifecycle.decisions.stages import replay, stages_at
from lifecycle.decisions.vocabulary import CHURNED, DECLINE, GROWTH, MATURE, NEW, PROSPECT
from lifecycle.features.window import NEVER

POLICY = StagePolicy.from_rates(0.8, 20.0, 60)
END = 900


@dataclass
class Log:
    """Customers as lists of (day bought, day returned) with an account that may close."""

    purchases: list[list[tuple[int, int]]]
    closed: list[int]

    registered_day = None
    log_first_day = 0

    @property
    def offsets(self):
        return np.cumsum([0, *map(len, self.purchases)]).astype(np.int64)

    @property
    def day(self):
        return np.array([day for one in self.purchases for day, _ in one], np.int32)

    @property
    def void_day(self):
        return np.array([void for one in self.purchases for _, void in one], np.int32)

    @property
    def closed_day(self):
        return np.array(self.closed, np.int32)


def volume(days, today, share, least, season):
    """(enough expected, too few came) for the horizon that ends today."""
    start = today - POLICY.horizon
    if not days or days[0] > start:
        return False, False
    known = sum(day <= start for day in days)
    expected = POLICY.horizon * (POLICY.r + known - 1) / (POLICY.alpha + start - days[0])
    came = sum(start < day <= today for day in days)
    return expected >= least, came <= share * expected * season


def seasonal(days, today):
    then = today - 365
    if then < POLICY.season_log - 365:
        return False
    before = [day for day in days if day <= then]
    after = [day for day in days if day > then]
    if not after or (before and before[-1] > then - POLICY.season_window):
        return False
    if after[0] <= then + POLICY.season_window:
        return True
    return bool(before) and today - days[-1] + after[0] - then <= after[0] - before[-1] + 28


def plainly(purchases, closed, last, season):
    """Stage of one customer on every day from the first purchase to `last`, by the rules as they are written."""
    if not purchases or purchases[0][0] > last:
        return {}
    stages, stage, by_volume, returned, life, left = {}, None, False, False, None, -(10**6)
    known_before = None
    for today in range(purchases[0][0], last + 1):
        days = [day for day, void in purchases if day <= today < void]
        bought = today in days
        event = days != known_before or any(day == today for day, _ in purchases)
        if not days:
            returned, settled = False, PROSPECT
            decline = churn = 10**9
        else:
            if bought and stage == CHURNED:
                returned, life = True, today
            elif not returned:
                life = days[0]
            x = len(days) - 1
            gap = (POLICY.alpha + days[-1] - days[0]) / (POLICY.r + x)
            if x == 0:
                settled = GROWTH if returned else NEW
                decline, churn = 10**9, max(POLICY.new_multiple * POLICY.base_gap, POLICY.new_floor)
            else:
                decline = max(POLICY.decline_multiple * gap, POLICY.decline_floor)
                churn = max(POLICY.churn_multiple * gap, POLICY.churn_floor)
                present = [day for day in days if day >= life]
                stable = len(present) >= POLICY.mature_purchases and present[-1] - present[0] >= POLICY.horizon
                settled = MATURE if stable else GROWTH
        silence = today - days[-1] if days else 0
        if event and by_volume and known_before is not None:
            by_volume = all(volume(days, today, POLICY.volume_now, POLICY.volume_expected, season[today]))
        entered = False
        rested = stage == DECLINE or today - left >= POLICY.dwell
        if settled >= GROWTH and not by_volume and rested and silence <= decline:
            entered = all(volume(days, today, POLICY.volume_now, POLICY.volume_expected, season[today]))
            then = today - POLICY.lookback
            entered = entered and all(volume(days, then, POLICY.volume_before, 0.0, season[max(then, 0)]))
        now = settled
        if by_volume or entered or silence > decline:
            now = DECLINE
        if silence > churn or (stage == CHURNED and not bought and days):
            now = CHURNED
        if now >= DECLINE and (stage is None or now > stage) and seasonal(days, today):
            now = stage
        elif entered:
            by_volume = True
        if closed <= today:
            now = CHURNED
        if now != stage:
            left = today if stage == DECLINE else left
            by_volume = by_volume and now != CHURNED
            stage = now
        stages[today] = stage
        known_before = days
    return stages


@st.composite
def customers(draw):
    gaps = draw(st.lists(st.sampled_from([1, 2, 7, 7, 7, 14, 30, 45, 90, 200]), min_size=1, max_size=45))
    days = np.cumsum([draw(st.integers(0, 300)), *gaps])
    days = [int(day) for day in days if day <= END]
    wait = st.sampled_from([NEVER, NEVER, NEVER, NEVER, NEVER, 0, 3, 20, 100])
    voids = [min(day + draw(wait), NEVER) for day in days]
    return list(zip(days, voids, strict=True)), draw(st.sampled_from([NEVER, NEVER, NEVER, 500]))


@settings(max_examples=60, deadline=None)
@given(st.lists(customers(), min_size=1, max_size=4), st.integers(300, END))
def test_the_replay_does_what_the_rules_say(base, last):
    log = Log([one for one, _ in base], [closed for _, closed in base])
    season = season_sums(log, POLICY, last_day=END).factor(POLICY)
    dates = list(range(last - 120, last + 1, 3))
    found = stages_at(log, dates, POLICY, season=season)
    for row, (one, closed) in enumerate(base):
        expected = plainly(one, closed, last, season.factor)
        assert found[row].tolist() == [expected.get(day, -1) for day in dates]


@settings(max_examples=40, deadline=None)
@given(st.lists(customers(), min_size=1, max_size=3), st.integers(200, END - 100), st.integers(1, 400))
def test_later_events_and_the_calendar_do_not_matter(base, as_of, shift):
    log = Log([one for one, _ in base], [NEVER] * len(base))
    now = replay(log, as_of, POLICY)
    past = Log(
        [[(day, void if void <= as_of else NEVER) for day, void in one if day <= as_of] for one, _ in base],
        [NEVER] * len(base),
    )
    known = now.stage >= 0
    before = replay(past, as_of, POLICY)
    moved = Log(
        [[(d + shift, NEVER if v == NEVER else v + shift) for d, v in one] for one, _ in base], [NEVER] * len(base)
    )
    moved.log_first_day = shift
    later = replay(moved, as_of + shift, POLICY)
    for name in ("stage", "previous_stage", "returned_after_churn", "frequency"):
        np.testing.assert_array_equal(getattr(now, name)[known], getattr(before, name)[known])
        np.testing.assert_array_equal(getattr(now, name), getattr(later, name))
    dated = now.stage_since != NEVER
    np.testing.assert_array_equal(now.stage_since[dated] + shift, later.stage_since[dated])


def test_the_season_factor_is_that_of_the_definition():
    rng = np.random.default_rng(1)
    base = [sorted(rng.choice(500, size=rng.integers(20, 120), replace=False).tolist()) for _ in range(30)]
    log = Log([[(day, NEVER) for day in one] for one in base], [NEVER] * 30)
    season = season_sums(log, POLICY, last_day=499).factor(POLICY)
    for today in (150, 333, 499):
        start, came, expected = today - POLICY.horizon, 0, 0.0
        for days in base:
            known = sum(day <= start for day in days)
            if not known:
                continue
            mu = POLICY.horizon * (POLICY.r + known - 1) / (POLICY.alpha + start - days[0])
            bought = sum(start < day <= today for day in days)
            if mu >= POLICY.volume_expected and bought:
                came, expected = came + bought, expected + mu
        weight = POLICY.season_weight
        assert abs(season.on(today) - (came + weight) / (expected + weight)) < 1e-6


def test_a_rise_and_fall_of_the_whole_base_is_not_decline():
    """Weekly buyers who all buy half as often in a dull season stay what they are; one who alone does so declines."""
    steady = [*range(0, 400, 7)]
    dull = [*range(0, 310, 7), *range(317, 400, 24)]
    calm = Log([[(day, NEVER) for day in dull]] * 60, [NEVER] * 60)
    alone = Log([[(day, NEVER) for day in dull]] + [[(day, NEVER) for day in steady]] * 59, [NEVER] * 60)
    assert replay(calm, 399, POLICY).stage[0] == MATURE
    assert replay(alone, 399, POLICY).stage[0] == DECLINE


def test_a_season_that_does_not_reach_the_date_is_refused():
    log = Log([[(3, NEVER)]], [NEVER])
    try:
        replay(log, 100, POLICY, season=Season(0, np.ones(50)))
    except ValueError as error:
        assert "0 to 49" in str(error)
        assert "100" in str(error)
    else:
        raise AssertionError("a season that ends too early must be refused")
