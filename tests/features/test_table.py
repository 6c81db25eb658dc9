"""Tables of many dates against single frames, whole against parts, and the registry against its documentation."""

import datetime as dt
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from lifecycle.features import describe, families, registry, table
from lifecycle.features.asof import AsOf
from lifecycle.features.history import History
from lifecycle.features.outcomes import RateReference, base_level, observe
from lifecycle.features.registry import FEATURES, Feature, family
from lifecycle.features.window import Window

DATES = [dt.date(2021, 3, 1), dt.date(2021, 6, 1), dt.date(2021, 12, 1)]
REFERENCE = RateReference(0.5, 40.0)
HORIZON = 60


@pytest.fixture(scope="module")
def log() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    n = 5_000
    frame = pd.DataFrame(
        {
            "customer_id": pd.Series(rng.integers(0, 300, n)).map("c{:03d}".format),
            "timestamp": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 730, n), unit="D"),
            "amount": np.where(rng.random(n) < 0.1, -1, 1) * rng.integers(1, 4_000, n) / 100,
            "channel": rng.choice(["web", "store"], n),
            "product": pd.Series(rng.integers(0, 30, n)).map("p{}".format),
        }
    )
    late = pd.DataFrame({"customer_id": ["z"], "timestamp": [pd.Timestamp("2021-12-31")], "amount": [5.0]})
    return pd.concat([frame, late.assign(channel="web", product="p1")], ignore_index=True)


@pytest.fixture(scope="module")
def history(log: pd.DataFrame) -> History:
    people = pd.DataFrame({"customer_id": [f"c{i:03d}" for i in range(0, 300, 2)], "segment": list("ab") * 75})
    return History.from_frame(log, channel="channel", product="product", customers=people.assign(age=40))


def joined(batches: Iterator[pa.RecordBatch]) -> pd.DataFrame:
    return pa.Table.from_batches(list(batches)).to_pandas()


def test_all_dates_in_one_pass_give_what_single_frames_give(history: History) -> None:
    built = joined(table.build(history, DATES, horizon=HORIZON, reference=REFERENCE, rows_per_batch=70))
    for date in DATES:
        mine = built[built["as_of"] == date].set_index("customer_id")
        single = table.frame(history, date)
        assert mine.index.tolist() == single.index.tolist()
        for name in single.columns:
            if isinstance(single[name].dtype, pd.CategoricalDtype):
                assert mine[name].astype("str").tolist() == single[name].astype("str").tolist(), name
            else:
                np.testing.assert_array_equal(mine[name].to_numpy(float), single[name].to_numpy(float), err_msg=name)
        if date == DATES[-1]:
            assert mine.filter(like="outcome_").isna().all(axis=None), "the horizon is not complete in the log"
            continue
        seen = observe(history, Window(date, HORIZON), reference=REFERENCE)
        np.testing.assert_array_equal(mine["outcome_purchases"].to_numpy(float), seen.purchases)
        np.testing.assert_array_equal(mine["outcome_spend"].to_numpy(float), seen.spend)
        np.testing.assert_array_equal(mine["outcome_declining"].to_numpy(float), seen.declining)
        np.testing.assert_array_equal(mine["outcome_bought"].to_numpy(bool), seen.bought)


def test_batches_keep_the_row_cap_and_hold_whole_customers_of_one_date(history: History) -> None:
    batches = list(table.build(history, DATES, horizon=HORIZON, reference=REFERENCE, rows_per_batch=70))
    assert max(batch.num_rows for batch in batches) <= 70
    assert all(len(batch["as_of"].unique()) == 1 for batch in batches)
    assert len({batch.schema for batch in batches}) == 1
    with pytest.raises(ValueError, match="at least 1, got 0"):
        list(table.build(history, DATES, horizon=HORIZON, reference=REFERENCE, rows_per_batch=0))


def test_a_partition_of_raw_lines_gives_its_customers_rows(log: pd.DataFrame) -> None:
    names = {"product": "product", "channel": "channel"}
    whole = History.from_frame(log, **names)
    base = {d: base_level(whole, Window(d, HORIZON), reference=REFERENCE) for d in DATES[:2]}
    expected = joined(table.build(whole, DATES[:2], horizon=HORIZON, reference=REFERENCE))
    place = log["customer_id"].map({c: i % 3 for i, c in enumerate(sorted(log["customer_id"].unique()))})
    batches = [pa.RecordBatch.from_pandas(log[place == k], preserve_index=False) for k in range(3)]
    span = (log["timestamp"].min().date(), log["timestamp"].max().date())
    mine = joined(
        table.build_from_lines(
            iter(batches), DATES[:2], horizon=HORIZON, reference=REFERENCE, base=base, log_span=span, names=names
        )
    )
    order = ["as_of", "customer_id"]
    mine, expected = (f.sort_values(order).reset_index(drop=True) for f in (mine, expected))
    for name in expected.columns:
        if isinstance(expected[name].dtype, pd.CategoricalDtype):
            mine[name], expected[name] = mine[name].astype("str"), expected[name].astype("str")
    pd.testing.assert_frame_equal(mine, expected, check_exact=True)


def test_what_the_log_has_not_is_missing_and_not_zero() -> None:
    log = pd.DataFrame({"customer_id": ["a", "a"], "timestamp": pd.to_datetime(["2020-01-01", "2020-02-01"])})
    made = table.frame(History.from_frame(log, amount=None), dt.date(2020, 3, 1))
    money = [f.name for f in FEATURES.values() if f.unit == "money"]
    assert made[money].isna().all(axis=None)
    for name in ("products", "contacts_30d", "invoices_365d", "preferred_channel", "account_closed", "monetary_value"):
        assert made[name].isna().all(), name
    assert made.loc["a", ["frequency", "purchases_90d", "gap_mean"]].tolist() == [1.0, 2.0, 31.0]


def test_interactions_and_payments_counted_plainly() -> None:
    rng = np.random.default_rng(2)
    ids = [f"c{i:02d}" for i in range(40)]
    start, as_of = pd.Timestamp("2020-01-01"), pd.Timestamp("2021-06-30")

    def days(n: int, most: int = 700) -> pd.Series:
        return pd.Series(start + pd.to_timedelta(rng.integers(0, most, n), unit="D"))

    log = pd.DataFrame({"customer_id": ids, "timestamp": start, "amount": 1.0})
    events = pd.DataFrame({"customer_id": rng.choice(ids, 900), "timestamp": days(900)})
    events["kind"] = rng.choice(["visit", "service", "complaint", "Survey", "call"], 900)
    events["value"] = np.where(events["kind"] == "Survey", rng.integers(1, 6, 900), np.nan)
    bills = pd.DataFrame({"customer_id": rng.choice(ids, 600), "invoiced_at": days(600)})
    bills["due_at"] = bills["invoiced_at"] + pd.to_timedelta(30, unit="D")
    bills["paid_at"] = (bills["invoiced_at"] + pd.to_timedelta(rng.integers(0, 90, 600), unit="D")).where(
        rng.random(600) > 0.1
    )
    bills["amount"] = rng.integers(1, 9_000, 600) / 100
    made = table.frame(History.from_frame(log, interactions=events, payments=bills), as_of.date())
    for customer in ids:
        e = events[(events["customer_id"] == customer) & (events["timestamp"] <= as_of)]
        age = (as_of - e["timestamp"]).dt.days
        surveys = e[e["kind"] == "Survey"]
        latest = surveys[surveys["timestamp"] == surveys["timestamp"].max()]
        b = bills[(bills["customer_id"] == customer) & (bills["invoiced_at"] <= as_of)]
        paid = b["paid_at"] <= as_of
        judged = b[paid | (b["due_at"] < as_of)]
        late = (judged["paid_at"].where(judged["paid_at"] <= as_of, as_of) - judged["due_at"]).dt.days.clip(lower=0)
        recent = (as_of - judged["invoiced_at"]).dt.days < 180
        expected = {
            "contacts_30d": (age < 30).sum(),
            "contacts_90d": (age < 90).sum(),
            "contacts_365d": (age < 365).sum(),
            "days_since_contact": age.min(),
            "visits_30d": ((e["kind"] == "visit") & (age < 30)).sum(),
            "services_90d": ((e["kind"] == "service") & (age < 90)).sum(),
            "complaints_90d": ((e["kind"] == "complaint") & (age < 90)).sum(),
            "complaints_365d": ((e["kind"] == "complaint") & (age < 365)).sum(),
            "days_since_complaint": age[e["kind"] == "complaint"].min(),
            "satisfaction_last": latest["value"].max(),
            "satisfaction_mean": surveys["value"].mean(),
            "days_since_survey": age[e["kind"] == "Survey"].min(),
            "invoices_365d": ((as_of - b["invoiced_at"]).dt.days < 365).sum(),
            "outstanding_amount": b.loc[~paid, "amount"].sum(),
            "overdue_amount": b.loc[~paid & (b["due_at"] < as_of), "amount"].sum(),
            "days_to_pay_mean": (b["paid_at"] - b["invoiced_at"])[paid].dt.days.mean(),
            "days_late_mean": late.mean(),
            "days_late_most": late.max(),
            "late_share": (late > 0).mean(),
            "days_late_180d": late[recent].mean(),
            "days_late_change": late[recent].mean() - late[~recent].mean(),
        }
        for name, value in expected.items():
            assert made.loc[customer, name] == pytest.approx(value, nan_ok=True), (customer, name)


def test_attributes_beyond_the_contract_get_columns_of_their_own(history: History) -> None:
    made = table.frame(history, DATES[0])
    assert list(made.columns[-2:]) == ["attribute_segment", "attribute_age"]
    assert made.loc["c002", "attribute_segment"] == "b" and pd.isna(made.loc["c001", "attribute_segment"])
    assert made.loc["c002", "attribute_age"] == 40


def test_a_feature_is_one_function_in_one_file(history: History) -> None:
    @family("mine", Feature("purchases_twice", "days", "twice the purchase days"))
    def mine(view: AsOf) -> list[np.ndarray]:
        return [2.0 * np.diff(view.offsets)]

    try:
        made = table.frame(history, DATES[0])
        np.testing.assert_array_equal(made["purchases_twice"], 2 * (made["frequency"] + 1))
        assert "purchases_twice" in describe.page()
        with pytest.raises(ValueError, match="exists in family 'recency' already"):
            family("other", Feature("frequency", "days", "again"))(mine)
    finally:
        registry.forget("mine")
    assert "purchases_twice" not in FEATURES


def test_a_new_file_among_the_families_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "anew.py").write_text(
        "from lifecycle.features.registry import Feature, family\n\n"
        '@family("anew", Feature("purchases_thrice", "days", "three times the purchase days"))\n'
        "def anew(view):\n    return [3.0 * (view.offsets[1:] - view.offsets[:-1])]\n"
    )
    before = list(FEATURES)
    monkeypatch.setattr(families, "__path__", [*families.__path__, str(tmp_path)])
    try:
        assert families.load() == (*families.ORDER, "anew")
        assert list(FEATURES) == [*before, "purchases_thrice"]
    finally:
        registry.forget("anew")
        monkeypatch.delitem(sys.modules, "lifecycle.features.families.anew")


def test_the_documentation_is_made_from_the_registry() -> None:
    page = Path(__file__).parents[2] / "docs" / "features.md"
    assert page.read_text(encoding="utf-8") == describe.page(), (
        "docs/features.md is not current: write the text of lifecycle.features.describe.page() to it"
    )
    for feature in registry.features():
        assert feature.unit and feature.meaning and not feature.meaning.endswith("."), feature.name
