"""As-of dates: the embargo holds for every log, and a log too short says how short."""

import datetime as dt
import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.features.window import to_day
from lifecycle.models.forecasting import origins, rolling
from lifecycle.models.forecasting.origins import LEAST_HISTORY, least_history, longest_horizon

FIRST = to_day(dt.date(2020, 1, 1))


@given(st.integers(7, 400), st.integers(30, 3000))
def test_no_horizon_reaches_into_the_test_window(horizon, span):
    test = dt.date(2020, 1, 1) + dt.timedelta(days=span)
    found = origins(FIRST, horizon, test)
    if span < horizon + LEAST_HISTORY:
        assert found.training == ()
        assert "only models that need no outcome" in found.statement
        return
    assert list(found.training) == sorted(set(found.training))
    assert found.training[-1] == test - dt.timedelta(days=horizon)
    behind = to_day(found.training[0]) - FIRST
    assert behind >= LEAST_HISTORY
    assert behind >= least_history(horizon) or len(found.training) == 1, "one date is better than none"
    assert all(day + dt.timedelta(days=horizon) <= test for day in found.training)
    assert 1 <= len(found.training) <= 7


@given(st.integers(7, 200), st.integers(300, 3000), st.integers(1, 8))
def test_rolling_origins_end_with_the_last_complete_window(horizon, span, count):
    last = FIRST + span
    if span < 2 * horizon + least_history(horizon):
        with pytest.raises(ValueError, match="too short for a backtest"):
            rolling(FIRST, last, horizon, count=count)
        return
    found = rolling(FIRST, last, horizon, count=count)
    assert 1 <= len(found) <= count
    assert to_day(found[-1].test_as_of) == last - horizon
    assert all(a.test_as_of < b.test_as_of for a, b in itertools.pairwise(found))


@given(st.integers(7, 400), st.integers(1, 500))
def test_the_remedy_named_in_the_error_works(horizon, span):
    last = dt.date(2020, 1, 1) + dt.timedelta(days=span)
    try:
        origins(FIRST, horizon, last - dt.timedelta(days=horizon))
    except ValueError as error:
        named = re.search(r"at most (\d+) days", str(error))
        if named is None:
            assert longest_horizon(span) == 0
            return
        shorter = int(named[1])
        assert origins(FIRST, shorter, last - dt.timedelta(days=shorter)).statement
        with pytest.raises(ValueError, match="too short"):
            origins(FIRST, shorter + 1, last - dt.timedelta(days=shorter + 1))
    else:
        assert horizon <= longest_horizon(span)


def test_cdnow_allows_four_origins():
    first, last = to_day(dt.date(1997, 1, 1)), to_day(dt.date(1998, 6, 30))
    found = rolling(first, last, 90)
    assert [str(o.test_as_of) for o in found] == ["1997-11-17", "1998-01-01", "1998-02-15", "1998-04-01"]
    assert "the latest 3 choose weights and calibration" in found[-1].statement


def test_two_years_of_log_teach_the_season_ahead():
    test = dt.date(2022, 1, 2)
    a_year_ago = test - dt.timedelta(days=365)
    assert origins(FIRST, 60, test).training[0] == a_year_ago
    assert origins(FIRST + 10, 60, test).training[0] > a_year_ago, "less than a year would lie behind it"
    assert origins(FIRST, 180, test).training.count(a_year_ago) == 0, "the even steps reach back further already"
    assert origins(FIRST, 400, test).training[0] <= test - dt.timedelta(days=400)
