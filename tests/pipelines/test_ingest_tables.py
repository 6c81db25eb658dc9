"""The optional tables through ingest: accounts that add up, one quarantine for all, campaigns, currencies."""

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from lifecycle.features import table
from lifecycle.features.contacts import days_since_contact
from lifecycle.features.history import History
from lifecycle.features.registry import FAMILIES
from lifecycle.pipelines.ingest import HistoryStore, IngestError, QuarantineLimits, Tables, TableSpec, ingest

LOG = [("a", "2020-01-01", "5"), ("a2", "2020-02-01", "6"), ("b", "2020-03-01", "7"), ("", "2020-03-01", "8")]
BASIC = ("customer_id", "timestamp", "amount")
ALL = QuarantineLimits(max_share=1.0)


def spec(folder: Path, name: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> TableSpec:
    path = folder / f"{name}.csv"
    pd.DataFrame(rows, columns=list(columns)).to_csv(path, index=False)
    return TableSpec(path=path, columns={column: column for column in columns})


TABLES: dict[str, tuple[tuple[str, ...], list[tuple[tuple[str, ...], str]]]] = {
    "id_map": (
        ("alias", "customer_id"),
        [
            (("a2", "a"), "in_use"),
            (("a2", "a"), "duplicate"),
            (("", "a"), "alias_missing"),
            (("a3", ""), "customer_missing"),
        ],
    ),
    "customers": (
        ("customer_id", "registered_at", "closed_at", "consent", "city"),
        [
            (("a", "2019-01-01", "9999-12-31", "yes", "York"), "in_use"),
            (("a", "2019-01-01", "9999-12-31", "yes", "York"), "duplicate"),
            (("a2", "2019-05-01", "", "no", "Leeds"), "other_row"),
            (("", "2019-01-01", "", "", ""), "customer_missing"),
            (("d", "soon", "", "", ""), "date_unreadable"),
            (("e", "", "1500-01-01", "", ""), "date_impossible"),
            (("f", "", "", "perhaps", ""), "flag_unreadable"),
        ],
    ),
    "interactions": (
        ("customer_id", "timestamp", "kind", "value"),
        [
            (("a2", "2020-01-02", "visit", ""), "in_use"),
            (("b", "2020-01-02", "survey", "4"), "in_use"),
            (("b", "2020-04-01", "visit", ""), "after_as_of"),
            (("", "2020-01-02", "visit", ""), "customer_missing"),
            (("a", "", "visit", ""), "timestamp_missing"),
            (("a", "gestern", "visit", ""), "timestamp_unreadable"),
            (("a", "1777-01-01", "visit", ""), "timestamp_impossible"),
        ],
    ),
    "payments": (
        ("customer_id", "invoiced_at", "due_at", "paid_at", "amount"),
        [
            (("a", "2020-01-02", "2020-02-02", "", "5"), "in_use"),
            (("b", "2020-01-02", "", "9999-12-31", ""), "in_use"),
            (("a", "", "2020-02-02", "", "5"), "timestamp_missing"),
            (("a", "2020-01-02", "", "never", "5"), "date_unreadable"),
            (("b", "2020-01-02", "", "", "five"), "amount_unreadable"),
            (("b", "2020-01-02", "", "", "inf"), "amount_not_finite"),
            (("b", "2020-01-02", "", "", "1e15"), "amount_out_of_range"),
        ],
    ),
    "campaigns": (
        ("customer_id", "timestamp", "treatment", "cost", "control", "campaign", "propensity"),
        [
            (("a2", "2020-02-10", "mail", "0.5", "false", "", "0.9"), "in_use"),
            (("b", "2020-02-20", "mail", "", "", "", ""), "in_use"),
            (("b", "2020-02-25", "mail", "", "1", "", ""), "held_back"),
            (("b", "2020-05-01", "mail", "", "0", "", ""), "after_as_of"),
            (("stranger", "2020-02-20", "call", "", "no", "", ""), "in_use"),
            (("", "2020-02-20", "call", "", "no", "", ""), "customer_missing"),
            (("b", "2020-02-30", "call", "", "no", "", ""), "timestamp_unreadable"),
            (("b", "2020-02-20", "call", "", "maybe", "", ""), "flag_unreadable"),
            (("b", "2020-02-20", "call", "", "no", "", "1"), "propensity_impossible"),
            (("b", "2020-02-20", "call", "", "no", "", "-0.2"), "propensity_impossible"),
            (("b", "2020-02-20", "call", "", "no", "", "often"), "propensity_impossible"),
            (("a2", "2018-12-31", "mail", "", "no", "early", ""), "before_customer"),
            (("a", "2018-12-31", "mail", "", "yes", "early", ""), "before_customer"),
            (("b", "2020-01-20", "mail", "", "no", "spring", ""), "ambiguous_assignment"),
            (("b", "2020-02-01", "call", "", "yes", "spring", ""), "ambiguous_assignment"),
            (("a", "2020-02-01", "call", "", "yes", "spring", ""), "held_back"),
            (("b", "2020-01-07", "text", "", "yes", "", ""), "ambiguous_assignment"),
            (("b", "2020-01-07", "text", "", "no", "", ""), "ambiguous_assignment"),
        ],
    ),
}


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    beside = {name: spec(tmp_path, name, columns, [row for row, _ in rows]) for name, (columns, rows) in TABLES.items()}
    return Tables(spec(tmp_path, "log", BASIC, LOG), **beside)


def test_every_row_of_every_table_is_in_the_account_or_in_quarantine(tables: Tables, tmp_path: Path) -> None:
    account = ingest(tables, tmp_path / "out", buckets=3, limits=ALL).check()
    assert [one.table for one in account.tables] == list(TABLES)
    kept = pq.read_table(HistoryStore.open(tmp_path / "out").quarantine_path).to_pandas()
    assert kept.loc[kept["table"] == "transactions", "reason"].tolist() == ["customer_missing"]
    for one in account.tables:
        columns, rows = TABLES[one.table]
        wanted = pd.Series([reason for _, reason in rows]).value_counts().to_dict()
        assert {line.reason: line.rows for line in one.lines} == wanted, one.table
        assert one.rows() == one.input_rows == len(rows)
        mine = kept[kept["table"] == one.table]
        bad = {line.reason for line in one.lines if line.status == "quarantined"}
        told = {
            (reason, *(json.loads(text)[c] or "" for c in columns))
            for reason, text in zip(mine["reason"], mine["source"], strict=True)
        }
        assert told == {(reason, *row) for row, reason in rows if reason in bad}
    strangers = {one.table: (one.customers, one.strangers) for one in account.tables}
    assert strangers["campaigns"] == (3, 1) and strangers["interactions"] == (2, 0)


def test_frames_end_as_the_same_rows_of_files_do() -> None:
    frames = {}
    for name in ("customers", "campaigns"):
        columns, rows = TABLES[name]
        kept = [row for row, reason in rows if reason not in ("other_row",)]
        frames[name] = pd.DataFrame(kept, columns=list(columns)).replace({"a2": "a"})
    log = pd.DataFrame(LOG, columns=list(BASIC)).replace({"a2": "a"})
    account = History.from_frame(log, **frames).account
    assert account is not None
    [found] = [one for one in account.tables if one.table == "campaigns"]
    wanted = pd.Series([reason for _, reason in TABLES["campaigns"][1]]).value_counts().to_dict()
    later = wanted.pop("after_as_of", 0)
    told = {line.reason: line.rows for line in found.lines}
    assert told.pop("after_as_of", 0) == later
    assert told == wanted


def test_new_rows_of_one_table_keep_the_quarantine_of_the_others(tables: Tables, tmp_path: Path) -> None:
    ingest(tables, tmp_path / "out", limits=ALL)
    before = pq.read_table(HistoryStore.open(tmp_path / "out").quarantine_path).to_pandas()
    with (tmp_path / "campaigns.csv").open("a") as sent:
        sent.write("b,never,call,,no\n")
    ingest(tables, tmp_path / "out", limits=ALL)
    after = pq.read_table(HistoryStore.open(tmp_path / "out").quarantine_path).to_pandas()
    assert len(after) == len(before) + 1
    others = [frame[frame["table"] != "campaigns"].reset_index(drop=True) for frame in (before, after)]
    pd.testing.assert_frame_equal(*others)


def test_campaigns_reach_features_and_contacts_as_from_frames(tables: Tables, tmp_path: Path) -> None:
    ingest(tables, tmp_path / "out", buckets=3, limits=ALL)
    stored = HistoryStore.open(tmp_path / "out").read_all()
    columns, rows = TABLES["campaigns"]
    sent = pd.DataFrame([row for row, _ in rows], columns=list(columns))
    sent["customer_id"] = sent["customer_id"].replace({"a2": "a"})
    log = pd.DataFrame(LOG, columns=list(BASIC))
    log["customer_id"] = log["customer_id"].replace({"a2": "a"})
    by_frame = History.from_frame(log, campaigns=sent)
    as_of = dt.date(2020, 3, 1)
    names = [feature.name for feature in FAMILIES["campaigns"].features]
    pd.testing.assert_frame_equal(
        table.frame(stored, as_of)[names], table.frame(by_frame, as_of)[names], check_index_type=False
    )
    since = days_since_contact(stored, as_of)
    assert since is not None
    assert dict(zip(stored.customer_id.to_pylist(), since.tolist(), strict=True)) == {"a": 20, "b": 10, "stranger": 10}


def test_ids_of_another_type_beside_the_transactions(tmp_path: Path) -> None:
    log = spec(tmp_path, "log", BASIC, [("123", "2020-01-01", "5")])
    events = pd.DataFrame({"customer_id": [123.0, None], "timestamp": ["2020-01-01"] * 2, "kind": "visit"})
    events.to_parquet(tmp_path / "events.parquet")
    beside = TableSpec(path=tmp_path / "events.parquet", columns={c: c for c in events.columns})
    [found] = ingest(Tables(log, interactions=beside), tmp_path / "out").tables
    assert (found.rows("used"), found.strangers) == (1, 0)
    pd.DataFrame({"customer_id": [123], "timestamp": ["2020-01-01"], "amount": [5.0]}).to_parquet(
        tmp_path / "n.parquet"
    )
    numbers = TableSpec(path=tmp_path / "n.parquet", columns={c: c for c in BASIC})
    people = spec(tmp_path, "people", ("customer_id",), [("123",), ("x5",), ("5.7",), ("",)])
    [found] = ingest(Tables(numbers, customers=people), tmp_path / "other", limits=ALL).tables
    assert {line.reason: line.rows for line in found.lines} == {
        "in_use": 1,
        "customer_missing": 1,
        "customer_unreadable": 2,
    }


def test_rows_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    log = spec(tmp_path, "log", BASIC, LOG)
    people = spec(tmp_path, "people", ("customer_id", "city"), [("a", "X"), ("a", "Y")])
    with pytest.raises(IngestError, match=r"1 ids have several rows that differ \(such as 'a'\)"):
        ingest(Tables(log, customers=people), tmp_path / "out")
    pairs = spec(tmp_path, "map", ("alias", "customer_id"), [("x", "a"), ("x", "b")])
    with pytest.raises(IngestError, match=r"1 aliases name several customers \(such as 'x'\)"):
        ingest(Tables(log, id_map=pairs), tmp_path / "out")


MONEY = [("a", "2020-01-01", "5", "EUR"), ("b", "2020-01-02", "6", " eur"), ("c", "2020-01-03", "7", "")]


def test_several_currencies_need_one_to_be_chosen(tmp_path: Path) -> None:
    columns = (*BASIC, "currency")
    one = spec(tmp_path, "one", columns, MONEY)
    assert ingest(Tables(one), tmp_path / "one").rows("used") == 3
    two = spec(tmp_path, "two", columns, [*MONEY, ("d", "2020-01-04", "8", "USD")])
    said = r"in 2 currencies \(rows: EUR 2, USD 1, none 1\) and cannot be added\. Set \[money\] currency"
    with pytest.raises(IngestError, match=said):
        ingest(Tables(two), tmp_path / "two")
    chosen = TableSpec(path=two.path, columns=two.columns, currency="eur")
    account = ingest(Tables(chosen), tmp_path / "two", limits=ALL).check()
    assert (account.rows("used"), account.rows(reason="other_currency")) == (2, 2)
    (tmp_path / "in").mkdir()
    spec(tmp_path / "in", "jan", columns, MONEY)
    folder = TableSpec(path=tmp_path / "in", columns=one.columns)
    ingest(Tables(folder), tmp_path / "grown")
    spec(tmp_path / "in", "feb", columns, [("d", "2020-02-04", "8", "USD")])
    with pytest.raises(IngestError, match="in 2 currencies"):
        ingest(Tables(folder), tmp_path / "grown")
    assert HistoryStore.open(tmp_path / "grown").account.input_rows == 3
    counts = TableSpec(path=two.path, columns={c: c for c in two.columns if c != "amount"})
    assert ingest(Tables(counts), tmp_path / "counts").rows("used") == 4
    assert np.isfinite(float(account.input_amount))
