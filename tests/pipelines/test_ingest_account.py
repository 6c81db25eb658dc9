"""The account of rows on the real logs, the reasons, the quarantine file and its limits."""

import datetime as dt
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from lifecycle.features.history import History
from lifecycle.features.records.account import Account
from lifecycle.pipelines.ingest import HistoryStore, IngestError, QuarantineLimits, Tables, TableSpec, ingest

CDNOW = TableSpec(
    path="package:lifetimes/datasets/CDNOW_master.txt",
    columns={"customer_id": "customer_id", "timestamp": "date", "amount": "dollar_value"},
    delimiter="whitespace",
    timestamp_format="%Y%m%d",
)
BASIC = {"customer_id": "customer_id", "timestamp": "timestamp", "amount": "amount"}


def test_cdnow(tmp_path: Path) -> None:
    account = ingest(Tables(CDNOW), tmp_path)
    assert (account.input_rows, float(account.input_amount)) == (69_659, 2_500_315.63)
    assert (account.customers, account.prospects) == (23_570, 0)
    assert (account.equal_rows_kept, account.zero_amount_purchases) == (255, 80)
    history = HistoryStore.open(tmp_path).read_all()
    assert history.customer_id[0].as_py() == "00001"
    early = ingest(Tables(CDNOW), tmp_path, as_of=dt.date(1997, 9, 30))
    assert early.check().rows("later") == account.rows("used") - early.rows("used") > 0
    ignoring = ingest(Tables(CDNOW), tmp_path, zero_amount="ignore")
    assert ignoring.rows(reason="zero_amount") == 80
    assert ignoring.customers == 23_570 - 68  # so many have no other purchase


def test_online_retail(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "online_retail/transactions.parquet"
    if not path.is_file():
        pytest.skip("the online retail log is not beside the project")
    columns = {**BASIC, "timestamp": "ts", "order_id": "order_id", "product": "product_id", "quantity": "quantity"}
    account = ingest(Tables(TableSpec(path=path, columns=columns)), tmp_path, buckets=2)
    assert account.check().input_rows == 541_909
    assert round(float(account.input_amount), 2) == 9_747_747.93
    assert account.rows(reason="customer_missing") == 135_080
    assert account.customers + account.prospects == 4_372
    assert account.rows("used") + account.rows("netted") + account.rows("quarantined") == 541_909
    by_frame = History.from_frame(
        pd.read_parquet(path), timestamp="ts", order_id="order_id", product="product_id", quantity="quantity"
    ).account
    assert by_frame is not None and account.lines == by_frame.lines
    priced = {role: name for role, name in columns.items() if role != "amount"} | {"unit_price": "unit_price"}
    by_price = ingest(Tables(TableSpec(path=path, columns=priced)), tmp_path / "priced")
    assert by_price.lines == account.lines, "the same amounts, worked out from price and quantity"
    quarantine = pq.read_table(HistoryStore.open(tmp_path).quarantine_path).to_pandas()
    assert quarantine["reason"].value_counts().to_dict() == {
        line.reason: line.rows for line in account.lines if line.status == "quarantined"
    }
    assert quarantine.loc[quarantine["reason"] == "return_without_purchase", "order_id"].str.startswith("C").all()
    with pytest.raises(IngestError, match=r"135,417 of 541,909 rows \(25\.0%\) .* at most 20\.0% may be"):
        ingest(Tables(TableSpec(path=path, columns=columns)), tmp_path, limits=QuarantineLimits(max_share=0.2))
    strict = QuarantineLimits(by_reason={"return_without_purchase": 0.0})
    with pytest.raises(IngestError, match="337 of 541,909 rows would be quarantined as return_without_purchase"):
        ingest(Tables(TableSpec(path=path, columns=columns)), tmp_path, limits=strict)


def test_grocery_has_no_amounts(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "grocery/transactions.parquet"
    if not path.is_file():
        pytest.skip("the grocery log is not beside the project")
    account = ingest(Tables(TableSpec(path=path, columns={"customer_id": "customer_id", "timestamp": "ts"})), tmp_path)
    assert not account.has_money and account.customers == 1_525 and account.rows("used") == 10_483
    store = HistoryStore.open(tmp_path)
    assert not store.has_money and store.read_all().amount is None


def test_every_reason_reaches_the_quarantine_with_the_rows_own_text(tmp_path: Path) -> None:
    rows = [
        ("", "2020-01-01", "5", "EUR", "customer_missing"),
        ("a", "", "5", "EUR", "timestamp_missing"),
        ("a", "gestern", "5", "EUR", "timestamp_unreadable"),
        ("a", "1777-01-01", "5", "EUR", "timestamp_impossible"),
        ("a", "2020-01-01", "", "EUR", "amount_missing"),
        ("a", "2020-01-01", "fünf", "EUR", "amount_unreadable"),
        ("a", "2020-01-01", "inf", "EUR", "amount_not_finite"),
        ("a", "2020-01-01", "1e15", "EUR", "amount_out_of_range"),
        ("a", "2020-01-01", "5", "USD", "other_currency"),
        ("a", "2020-01-01", "0", "EUR", "zero_amount"),
        ("a", "2020-01-01", "-1", "EUR", "return_without_purchase"),
        ("a", "2020-02-01", "7.25", "EUR", "purchase"),
        ("a", "2020-03-01", "-7.25", "EUR", "return"),
        ("a", "2020-04-01", "3", "EUR", "purchase"),
        ("a", "2020-04-02", "-4", "EUR", "return_beyond_purchases"),
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "timestamp", "amount", "currency", "expected"])
    frame.drop(columns="expected").to_csv(tmp_path / "log.csv", index=False)
    spec = TableSpec(path=tmp_path / "log.csv", columns={**BASIC, "currency": "currency"}, currency="EUR")
    account = ingest(Tables(spec), tmp_path / "out", zero_amount="ignore", limits=QuarantineLimits(max_share=1.0))
    assert {line.reason: line.rows for line in account.lines} == frame["expected"].value_counts().to_dict()
    assert float(account.unmatched_returns) == 1.0
    assert Account.from_json(account.to_json()) == account
    kept = pq.read_table(HistoryStore.open(tmp_path / "out").quarantine_path).to_pandas().set_index("reason")
    for row in frame[~frame["expected"].isin(["purchase", "return", "return_beyond_purchases"])].itertuples():
        assert kept.loc[row.expected, "timestamp"] == row.timestamp
        assert kept.loc[row.expected, "amount"] == row.amount


def test_days_still_to_come_count_as_later(tmp_path: Path) -> None:
    soon = dt.date.today() + dt.timedelta(days=400)
    frame = pd.DataFrame({"customer_id": ["a", "a"], "timestamp": ["2020-01-01", str(soon)], "amount": ["1", "2"]})
    frame.to_csv(tmp_path / "log.csv", index=False)
    account = ingest(Tables(TableSpec(path=tmp_path / "log.csv", columns=BASIC)), tmp_path / "out")
    assert (account.rows("used"), account.rows("later"), account.as_of) == (1, 1, dt.date.today())


def test_a_return_of_nothing_that_is_still_to_come_counts_as_later(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(
        "customer_id,timestamp,amount\na,2020-01-01,5\nb,2020-02-01,-3\na,2020-02-02,7\na,2020-02-03,1\n"
    )
    tables = Tables(TableSpec(path=tmp_path / "log.csv", columns=BASIC))
    early = ingest(tables, tmp_path / "out", as_of=dt.date(2020, 1, 31)).check()
    assert {x.reason: x.rows for x in early.lines} == {"purchase": 1, "after_as_of": 3}
    late = ingest(tables, tmp_path / "out").check()
    assert {x.reason: x.rows for x in late.lines} == {"purchase": 3, "return_without_purchase": 1}
