"""KPIs against their definitions, counted by hand and by plain pandas."""

import datetime as dt
from functools import reduce
from itertools import pairwise
from operator import add

import numpy as np
import pandas as pd
import pytest

from lifecycle.decisions.base_summary import early_warning, return_rates, top_decile_share, value_by_stage
from lifecycle.decisions.kpis import NAMES, KpiSums, add_sums, kpi_history, kpi_sums, kpi_table, period_ends
from lifecycle.decisions.season_factor import season_of
from lifecycle.decisions.stage_policy import StagePolicy
from lifecycle.decisions.stages import stages_at
from lifecycle.decisions.vocabulary import CHURNED, DECLINE, STAGES
from lifecycle.features.history import History
from lifecycle.features.ragged import customers_between
from lifecycle.features.window import to_day

END = dt.date(2024, 6, 30)
POLICY = StagePolicy.from_rates(1.0, 30.0, 30)


def history_of(purchases: dict[str, list[int]], amount: float = 10.0) -> History:
    rows = [
        {"customer_id": name, "timestamp": pd.Timestamp(END) - pd.Timedelta(days=ago), "amount": amount}
        for name, ages in purchases.items()
        for ago in ages
    ]
    return History.from_frame(pd.DataFrame(rows))


def rates(purchases):
    return kpi_sums(history_of(purchases), [to_day(END)], POLICY)[0].rates()


def test_retention_counts_buyers_of_one_period_in_the_next():
    found = rates({"a": [45, 10], "b": [40], "c": [59, 0], "d": [60, 29], "e": [100, 31, 5], "f": [3]})
    # A = b, a, c, e (ages 30..59); d's ages are 60 and 29. Of these a, c and e are in B.
    assert found["retention_rate"] == pytest.approx(3 / 4)
    assert found["retention_rate_first_time"] == pytest.approx(2 / 3)
    assert found["retention_rate_earlier"] == 1.0
    assert (found["buyers"], found["new_customers"]) == (5.0, 1.0)
    assert found["spend_retention"] == pytest.approx(30 / 40)


def test_repurchase_counts_two_purchase_days_within_a_year():
    found = rates({"a": [364, 0], "b": [365, 0], "c": [10], "d": [400]})
    assert found["repurchase_rate"] == pytest.approx(1 / 3)


def test_second_purchase_rate_is_kaplan_meier_by_hand():
    # Waits: a bought again after 10 days; b after 20; c watched for 15 days only; d watched long, not again within 30.
    found = rates({"a": [100, 90], "b": [100, 80], "c": [15], "d": [200, 90]})
    assert found["second_purchase_rate"] == pytest.approx(1 - (1 - 1 / 4) * (1 - 1 / 2))


def test_churn_and_return_are_counted_apart():
    history = history_of({"gone": [130, 125, 120, 115], "back": [400, 390, 5], "here": [*range(300, 0, -10)]})
    end = to_day(END)
    stages = stages_at(history, [end - 30, end], POLICY)
    found = kpi_sums(history, [end], POLICY)[0]
    start, now = stages[:, 0], stages[:, 1]
    names = history.customer_id.to_pylist()
    assert STAGES[start[names.index("back")]] == "churned"
    assert STAGES[now[names.index("back")]] == "growth"
    assert found.churned_at_start == (start == CHURNED).sum()
    assert found.came_back == 1
    assert found.entered == ((start >= 0) & (start != CHURNED) & (now == CHURNED)).sum() == 1
    assert found.rates()["churn_rate"] == 1 / 2


def test_a_real_log_agrees_with_plain_pandas(cdnow):
    history, end, horizon = cdnow.history, to_day(cdnow.last), cdnow.policy.horizon
    found = kpi_sums(history, [end], cdnow.policy)[0].rates()
    known = history.purchases(end)
    frame = pd.DataFrame(
        {
            "customer": np.repeat(np.arange(history.n_customers), np.diff(known.offsets)),
            "age": end - known.day.astype(int),
            "amount": known.amount,
        }
    )
    a = frame[(frame.age >= horizon) & (frame.age < 2 * horizon)]
    b = frame[frame.age < horizon]
    kept = b[b.customer.isin(a.customer)]
    assert found["retention_rate"] == kept.customer.nunique() / a.customer.nunique()
    assert found["spend_retention"] == pytest.approx(kept.amount.sum() / a.amount.sum())
    year = frame[frame.age < 365].groupby("customer").size()
    assert found["repurchase_rate"] == (year >= 2).mean()
    # Everybody of CDNOW is watched for longer than the horizon: Kaplan-Meier is a plain share.
    first_two = frame.sort_values("age", ascending=False).groupby("customer").age.head(2)
    waits = frame.loc[first_two.index].groupby("customer").age.agg(["max", "min", "size"])
    second = (waits["size"] == 2) & (waits["max"] - waits["min"] <= horizon)
    assert found["second_purchase_rate"] == pytest.approx(second.mean())


def test_buckets_add_up(cdnow):
    history, end = cdnow.history, to_day(cdnow.last)
    season = season_of([history], cdnow.policy, last_day=end)
    ends = period_ends(end, cdnow.policy.horizon)
    whole = kpi_sums(history, ends, cdnow.policy, season=season)
    cut = [0, 5000, 5001, history.n_customers]
    parts = [
        kpi_sums(customers_between(history, lo, hi), ends, cdnow.policy, season=season) for lo, hi in pairwise(cut)
    ]
    for one, total in zip(whole, add_sums(parts), strict=True):
        assert one.rates() == pytest.approx(total.rates(), nan_ok=True)
    with pytest.raises(ValueError, match="cannot be added"):
        reduce(add, [parts[0][0], parts[0][1]])


def test_the_table_leaves_out_periods_that_the_log_does_not_hold():
    history = history_of({"a": [100, 50, 10], "b": [90, 70, 20]})
    table = kpi_table(kpi_sums(history, period_ends(to_day(END), 30), POLICY), log_start=history.first_day, horizon=30)
    assert list(table.index) == list(NAMES)
    assert np.isfinite(table.loc["retention_rate", ["now", "before", "change_before"]].astype(float)).all()
    assert table["last_year"].isna().all()
    assert np.isnan(table.loc["repurchase_rate", "now"])
    end = to_day(END)
    sums = kpi_sums(history, [end - 60, end - 30, end], POLICY)
    past = kpi_history(sums, log_start=history.first_day, horizon=30)
    assert past.index.tolist() == [END - dt.timedelta(days=back) for back in (60, 30, 0)]
    assert past["buyers"].notna().tolist() == [True, True, True]
    assert past["retention_rate"].notna().tolist() == [False, True, True]
    assert past["retention_rate"].iloc[-1] == table.loc["retention_rate", "now"]


def test_satisfaction_is_the_mean_answer_and_loyalty_the_share_of_the_mature():
    ages = {"loyal": [*range(300, 0, -10)], "young": [50, 20], "gone": [400, 390]}
    answers = [("loyal", 5, 4.0), ("young", 29, 2.0), ("young", 30, 1.0), ("gone", 2, np.nan)]
    events = pd.DataFrame(answers, columns=["customer_id", "ago", "value"]).assign(kind="Survey")
    events["timestamp"] = pd.Timestamp(END) - pd.to_timedelta(events.pop("ago"), unit="D")
    rows = [(name, pd.Timestamp(END) - pd.Timedelta(days=ago), 1.0) for name, own in ages.items() for ago in own]
    log = pd.DataFrame(rows, columns=["customer_id", "timestamp", "amount"])
    history = History.from_frame(log, interactions=events)
    found = kpi_sums(history, [to_day(END)], POLICY)[0]
    assert found.rates()["satisfaction"] == 3.0
    assert (found.mature, found.at_end) == (1, 2)
    assert found.rates()["loyal_share"] == 0.5
    assert np.isnan(rates(ages)["satisfaction"])


def test_nobody_is_nan_and_not_an_error():
    empty = KpiSums(0, *([0] * 4), 0.0, 0.0, *([0] * 4), np.zeros(31, int), np.zeros(31, int), *([0] * 8))
    assert np.isnan(empty.rates()["churn_rate"])
    assert np.isnan(empty.rates()["second_purchase_rate"])


def scores() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": ["a", "b", "c", "d"],
            "as_of": END,
            "stage": ["decline", "decline", "mature", "prospect"],
            "stage_since": [END - dt.timedelta(days=27), END - dt.timedelta(days=28), END, None],
            "previous_stage": ["mature", "growth", "growth", None],
            "value_at_risk": [5.0, 9.0, 2.0, np.nan],
            "winback_value": np.nan,
            "residual_value": [50.0, 30.0, 100.0, np.nan],
            "expected_spend": [1.0, 2.0, 3.0, np.nan],
            "loss_probability": [0.5, 0.6, 0.1, np.nan],
            "churn_probability": [0.7, 0.8, 0.2, np.nan],
            "cause": ["silence", "volume", None, None],
            "strategy": ["rescue", "rescue", "retain", "convert"],
            "action": ["offer", None, None, None],
            "reasons": ["", "", "", ""],
            "expected_gain": [3.0, 2.0, np.nan, np.nan],
            "targeted": [True, False, False, False],
            "selected": [True, False, False, False],
        }
    )


def test_value_by_stage_adds_up_to_the_base():
    table = value_by_stage(scores())
    assert list(table.index) == [*STAGES, "total"]
    assert table.loc["total", "residual_value"] == 180.0
    assert table.loc["decline", "customers"] == 2
    assert table.loc["decline", "expected_gain"] == 3.0  # of the targeted only
    assert table.loc["total", "churn_probability"] == pytest.approx(1.7 / 3)
    assert table.loc[list(STAGES), "share"].sum() == pytest.approx(1.0)
    whole = scores()
    pd.testing.assert_frame_equal(value_by_stage(whole.iloc[[row]] for row in range(len(whole))), table)


def test_the_early_warning_holds_who_newly_declines():
    assert early_warning(scores(), days=28)["customer_id"].tolist() == ["a"]
    assert early_warning(scores(), days=29)["customer_id"].tolist() == ["b", "a"]
    assert early_warning(scores().iloc[:0]).empty


def test_return_rates_and_concentration():
    table = return_rates(np.array([DECLINE, DECLINE, CHURNED, -1], np.int8), np.array([True, False, False, True]))
    assert table.loc["decline"].tolist() == [2.0, 0.5]
    assert np.isnan(table.loc["new", "returned"])
    assert np.isnan(top_decile_share(np.array([np.nan, 0.0])))
