"""Twelve weekly scorings of real logs under one policy: stages hold still without events, and prove themselves."""

import datetime as dt
from dataclasses import replace
from itertools import pairwise

import numpy as np

from lifecycle.decisions.base_summary import return_rates
from lifecycle.decisions.season_factor import season_of, season_sums
from lifecycle.decisions.stages import policy_transitions, replay, stages_at, transition_matrix
from lifecycle.decisions.vocabulary import CHURNED, DECLINE, MATURE
from lifecycle.features.window import to_day

WEEKS = 12


def weekly(trial):
    dates = [trial.last - dt.timedelta(weeks=back) for back in range(WEEKS, -1, -1)]
    return dates, stages_at(trial.history, dates, trial.policy)


def own_events(history, after, until):
    """Whether each customer bought, returned or closed the account in (after, until]."""
    found = np.zeros(history.n_customers, bool)
    customer = np.repeat(np.arange(history.n_customers), np.diff(history.offsets))
    for day in (history.day, history.void_day):
        found[customer[(day > after) & (day <= until)]] = True
    return found


def test_nobody_returns_to_a_former_stage_within_four_weeks_without_an_own_event(trial):
    dates, stages = weekly(trial)
    days = [to_day(one) for one in dates]
    for end in range(2, WEEKS + 1):
        for start in range(max(0, end - 4), end - 1):
            left = (stages[:, start + 1 : end] != stages[:, start, None]).any(axis=1)
            back = left & (stages[:, end] == stages[:, start]) & (stages[:, end] != stages[:, end - 1])
            assert not (back & ~own_events(trial.history, days[end - 1], days[end])).any()


def test_at_most_one_in_twenty_changes_stage_a_week(trial):
    _, stages = weekly(trial)
    known = stages[:, :-1] >= 0
    changes = [(stages[:, w] != stages[:, w + 1])[known[:, w]].mean() for w in range(WEEKS)]
    assert np.mean(changes) <= 0.05


def test_the_gone_return_less_than_the_declining_and_these_less_than_the_mature(trial):
    dates, stages = weekly(trial)
    for week in (0, 6, 12):
        end = to_day(dates[week])
        known = trial.history.purchases(end + trial.policy.horizon)
        customer = np.repeat(np.arange(trial.history.n_customers), np.diff(known.offsets))
        bought = np.zeros(trial.history.n_customers, bool)
        bought[customer[known.day > end]] = True
        returned = return_rates(stages[:, week], bought)["returned"]
        assert returned.iloc[CHURNED] < returned.iloc[DECLINE] < returned.iloc[MATURE]


def test_the_stage_replayed_is_the_stage_that_was_computed_then(trial):
    dates, stages = weekly(trial)
    for week in (0, 5, 12):
        then = replay(trial.history, dates[week], trial.policy)
        np.testing.assert_array_equal(then.stage, stages[:, week])


def test_previous_stage_and_since_when_agree_with_the_days_before(trial):
    now = replay(trial.history, trial.last, trial.policy)
    known = (now.stage >= 0) & (now.stage_since < to_day(trial.last)) & (now.stage_since > to_day(trial.last) - 20)
    days = list(range(to_day(trial.last) - 21, to_day(trial.last) + 1))
    daily = stages_at(trial.history, days, trial.policy)
    since = now.stage_since[known] - days[0]
    rows = np.flatnonzero(known)
    np.testing.assert_array_equal(daily[rows, since], now.stage[known])
    np.testing.assert_array_equal(daily[rows, since - 1], now.previous_stage[known])
    for k, row in enumerate(rows):
        assert (daily[row, since[k] :] == now.stage[row]).all()


def test_buckets_replay_like_the_whole(trial):
    history, last = trial.history, to_day(trial.last)
    cut = [0, history.n_customers // 3, history.n_customers // 2, history.n_customers]
    buckets = [Part(history, lo, hi) for lo, hi in pairwise(cut)]
    season = season_of(buckets, trial.policy, last_day=last)
    whole = season_sums(history, trial.policy, last_day=last).factor(trial.policy)
    np.testing.assert_array_equal(season.factor, whole.factor)
    stages = np.concatenate([replay(bucket, last, trial.policy, season=season).stage for bucket in buckets])
    np.testing.assert_array_equal(stages, replay(history, last, trial.policy).stage)


def test_the_matrix_between_two_dates_counts_everybody(trial):
    _, stages = weekly(trial)
    matrix = transition_matrix(stages[:, 0], stages[:, -1])
    assert matrix.to_numpy().sum() == (stages[:, -1] >= 0).sum()
    assert matrix.loc["growth", "mature"] == ((stages[:, 0] == 2) & (stages[:, -1] == 3)).sum()


def test_a_new_policy_moves_customers_apart_from_time(trial):
    last = to_day(trial.last)
    strict = replace(trial.policy, churn_multiple=3.0)
    seasons = [season_of([trial.history], policy, last_day=last) for policy in (trial.policy, strict)]
    matrix = policy_transitions(trial.history, last, trial.policy, strict, old_season=seasons[0], new_season=seasons[1])
    assert matrix.loc["decline", "churned"] > 0
    assert matrix.loc["churned"].drop("churned").sum() <= matrix.loc["decline", "churned"]
    same = policy_transitions(
        trial.history, last, trial.policy, trial.policy, old_season=seasons[0], new_season=seasons[0]
    )
    assert same.to_numpy().sum() == sum(same.loc[stage, stage] for stage in same.columns)


class Part:
    """Customers lo..hi of a history, as the replay sees them."""

    def __init__(self, history, lo, hi):
        rows = slice(history.offsets[lo], history.offsets[hi])
        self.offsets = history.offsets[lo : hi + 1] - history.offsets[lo]
        self.day, self.void_day = history.day[rows].copy(), history.void_day[rows].copy()
        self.closed_day = self.registered_day = None
        self.log_first_day = history.log_first_day
