"""Hand-written customers, each with the stage that a marketing manager would say."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.decisions.season_factor import Season
from lifecycle.decisions.stage_policy import StagePolicy
from lifecycle.decisions.stages import replay
from lifecycle.decisions.vocabulary import STAGES
from lifecycle.features.history import History
from lifecycle.features.window import to_day

AS_OF = dt.date(2024, 6, 30)
POLICY = StagePolicy.from_rates(1.0, 60.0, 90)  # the base buys every two months


def every(step: int, *, since: int, until: int = 0) -> list[int]:
    """Days before as_of: one purchase every `step` days from `since` days ago to `until` days ago."""
    return list(range(since, until - 1, -step))


def season(month: int, *years: int) -> list[int]:
    """Three purchases in one month of the given years, as days before as_of."""
    return [(AS_OF - dt.date(year, month, day)).days for year in years for day in (3, 11, 20)]


BACK_FOR_SIX_WEEKS = every(30, since=1000, until=420) + every(9, since=45, until=4)
BACK_FOR_HALF_A_YEAR = every(30, since=1100, until=600) + every(21, since=200, until=5)

# name, days before as_of of the purchases, stage. Negative days lie after as_of and must not be seen.
PURCHASES: list[tuple[str, list[int], str]] = [
    ("bought today for the first time", [0], "new"),
    ("one purchase last week", [7], "new"),
    ("one purchase four months ago, second overdue", [120], "new"),
    ("one purchase a year ago", [365], "churned"),
    ("one purchase three years ago", [1100], "churned"),
    ("two purchases, last week and a month before", [37, 7], "growth"),
    ("second purchase today", [45, 0], "growth"),
    ("twice on neighbouring days, yesterday", [2, 1], "growth"),
    ("twice two years ago, then nothing", [750, 700], "churned"),
    ("weekly for two years, last week too", every(7, since=730, until=5), "mature"),
    ("monthly for two years", every(30, since=720, until=12), "mature"),
    ("quarterly for four years", every(91, since=1456, until=40), "mature"),
    ("quarterly for four years, four months silent, nothing unusual yet", every(91, since=1456, until=120), "mature"),
    ("five purchases within six weeks", every(10, since=45, until=5), "growth"),
    ("weekly for two months, started lately", every(7, since=60, until=2), "growth"),
    ("accelerating: gaps from 90 to 7 days", [400, 310, 230, 160, 110, 75, 50, 32, 20, 12, 5], "mature"),
    ("accelerating young customer", [70, 40, 20, 8, 2], "growth"),
    ("slowing: weekly for a year, then monthly", [*every(7, since=540, until=180), 150, 120, 90, 60, 30, 2], "decline"),
    ("slowing: weekly for a year, now twice in three months", [*every(7, since=450, until=100), 60, 8], "decline"),
    ("weekly for a year, silent for five weeks", every(7, since=400, until=35), "decline"),
    ("weekly for a year, silent for two weeks: on holiday", every(7, since=400, until=14), "mature"),
    ("monthly for two years, silent for ten weeks", every(30, since=730, until=70), "decline"),
    ("monthly for a year, silent for five months", every(30, since=510, until=150), "churned"),
    ("weekly for a year, silent for four months", every(7, since=480, until=120), "churned"),
    ("three purchases, silent a little longer than usual", [200, 150, 100], "growth"),
    ("three purchases, silent for six months", [280, 230, 180], "decline"),
    ("regular, gone for a year, bought last week", [*every(30, since=1000, until=400), 6], "growth"),
    ("regular, gone for a year, back with six purchases in six weeks", BACK_FOR_SIX_WEEKS, "growth"),
    ("regular, gone for a year, back for half a year", BACK_FOR_HALF_A_YEAR, "mature"),
    ("twice gone, twice back", [*every(20, since=1400, until=1200), *every(20, since=800, until=700), 10], "growth"),
    ("buys every November only, in her off-season", season(11, 2021, 2022, 2023), "mature"),
    ("buys every August only, the season is to come", season(8, 2021, 2022, 2023), "mature"),
    ("bought in one September only, the next is to come", season(9, 2023), "churned"),
    ("buys every July only, missed the last season", season(7, 2020, 2021, 2022), "churned"),
    ("monthly, last purchase later than as_of only", [*every(30, since=700, until=10), -3], "mature"),
    ("buys yearly, every spring for six years", every(365, since=60 + 5 * 365, until=60), "mature"),
]  # fmt: skip


def history_of(days: list[int], returned: dict[int, int] | None = None, *, closed: int | None = None) -> History:
    """One customer; `returned` maps a purchase (days before as_of) to its return (days before as_of)."""
    stamp = pd.Timestamp(AS_OF)
    rows = [(stamp - pd.Timedelta(days=ago), 10.0 + k) for k, ago in enumerate(days)]
    amounts = {ago: 10.0 + k for k, ago in enumerate(days)}
    rows += [(stamp - pd.Timedelta(days=back), -amounts[ago]) for ago, back in (returned or {}).items()]
    frame = pd.DataFrame(rows, columns=["timestamp", "amount"]).assign(customer_id="c")
    customers = None
    if closed is not None:
        customers = pd.DataFrame({"customer_id": ["c"], "closed_at": [stamp - pd.Timedelta(days=closed)]})
    return History.from_frame(frame, customers=customers)


def stage_of(history: History) -> str:
    steady = Season(0, np.ones(to_day(AS_OF) + 1))
    return STAGES[replay(history, AS_OF, POLICY, season=steady).stage[0]]


@pytest.mark.parametrize(("days", "stage"), [row[1:] for row in PURCHASES], ids=[row[0] for row in PURCHASES])
def test_purchases_have_the_stage_a_manager_would_say(days, stage):
    log = [5000, *days]  # somebody's first purchase long ago, so that the log is long enough to know seasons
    frame = pd.DataFrame(
        {
            "customer_id": ["a", *["c"] * len(days)],
            "timestamp": [pd.Timestamp(AS_OF) - pd.Timedelta(days=ago) for ago in log],
            "amount": 10.0,
        }
    )
    steady = Season(0, np.ones(to_day(AS_OF) + 1))
    assert STAGES[replay(History.from_frame(frame), AS_OF, POLICY, season=steady).stage[1]] == stage


def test_where_hardly_anybody_comes_back_one_purchase_is_not_new_for_ever():
    """Three base gaps would be nine years here; a year after the only purchase a manager says that she is gone."""
    sparse = StagePolicy.from_rates(0.02, 22.0, 90)
    steady = Season(0, np.ones(to_day(AS_OF) + 1))

    def stage_and_overdue(silent):
        found = replay(history_of([silent]), AS_OF, sparse, season=steady)
        assert np.isnan(found.usual_gap_days[0]), "1,100 days are no gap of a customer's own"
        return STAGES[found.stage[0]], bool(found.second_purchase_overdue[0])

    assert [stage_and_overdue(days) for days in (5, 80, 365)] == [("new", False), ("new", True), ("churned", False)]


@given(st.floats(0.01, 20.0), st.floats(1.0, 2000.0), st.integers(14, 365))
def test_new_ends_by_three_base_gaps_or_when_the_chance_of_coming_back_has_fallen_to_three_tenths(r, alpha, horizon):
    policy = StagePolicy.from_rates(r, alpha, horizon)

    def chance(silent):
        return 1 - ((alpha + silent) / (alpha + silent + horizon)) ** r

    limit, gaps = policy.new_limit, 3 * policy.base_gap
    assert policy.overdue_limit < limit
    if limit == 90:
        assert gaps <= 90 or chance(90) <= 0.3 * chance(0) * (1 + 1e-9)
    elif limit < gaps:
        assert chance(limit) == pytest.approx(0.3 * chance(0), rel=1e-6)
    else:
        assert chance(limit) >= 0.3 * chance(0) * (1 - 1e-9)


def test_everything_returned_makes_a_prospect_again():
    assert stage_of(history_of([40, 20], {40: 30, 20: 15})) == "prospect"


def test_a_return_that_comes_later_is_not_known():
    assert stage_of(history_of([20], {20: -5})) == "new"


def test_one_of_two_purchases_returned_leaves_a_new_customer():
    assert stage_of(history_of([40, 20], {20: 15})) == "new"


def test_a_closed_account_is_churned_however_lately_it_bought():
    assert stage_of(history_of(every(7, since=400, until=3), closed=1)) == "churned"


def test_an_account_that_will_be_closed_is_not_churned_yet():
    assert stage_of(history_of(every(7, since=400, until=3), closed=-10)) == "mature"


def test_somebody_registered_without_a_purchase_is_a_prospect():
    frame = pd.DataFrame({"customer_id": ["b"], "timestamp": [pd.Timestamp(AS_OF)], "amount": [1.0]})
    customers = pd.DataFrame({"customer_id": ["a", "b"], "registered_at": [pd.Timestamp(AS_OF)] * 2})
    history = History.from_frame(frame, customers=customers)
    found = replay(history, AS_OF, POLICY)
    assert [STAGES[code] for code in found.stage] == ["prospect", "new"]
    assert found.stage_since.tolist() == [to_day(AS_OF)] * 2
