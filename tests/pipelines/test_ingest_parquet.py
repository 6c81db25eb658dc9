"""Parquet and workbooks as systems write them: types of ids, dates and amounts, time zones, files that disagree."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lifecycle.features.history import History
from lifecycle.features.records.account import Account
from lifecycle.features.window import to_date
from lifecycle.pipelines.ingest import HistoryStore, IngestError, QuarantineLimits, Tables, TableSpec, ingest

BASIC = {"customer_id": "customer_id", "timestamp": "timestamp", "amount": "amount"}
DAY = pa.array([dt.date(2020, 1, 1)])


def brought(path: Path, **options: Any) -> tuple[Account, History]:
    spec = TableSpec(path=path, columns=BASIC, **options)
    out = path.parent / "out"
    account = ingest(Tables(spec), out, limits=QuarantineLimits(max_share=1.0)).check()
    return account, HistoryStore.open(out).read_all()


def log(ids: pa.Array, stamps: pa.Array | None = None, amount: pa.Array | None = None) -> pa.Table:
    return pa.table(
        {
            "customer_id": ids,
            "timestamp": pa.array([dt.date(2020, 1, 1)] * len(ids)) if stamps is None else stamps,
            "amount": pa.array([1.0] * len(ids)) if amount is None else amount,
        }
    )


@pytest.mark.parametrize(
    ("ids", "kept"),
    [
        (pa.array(["00123", "123"]), ["00123", "123"]),
        (pa.array(["b", "a"], pa.large_string()).dictionary_encode(), ["a", "b"]),
        (pa.array([b"a", b"b"]), ["a", "b"]),
        (pa.array([9, 10], pa.int16()), [9, 10]),
        (pa.array([17850.0, None]), [17850]),
        (pa.array([1, 2**64 - 1], pa.uint64()), ["1", str(2**64 - 1)]),
        (pa.array([Decimal(7), Decimal(8)], pa.decimal128(18, 0)), [7, 8]),
        (pa.array([Decimal(7), Decimal(10**30)], pa.decimal128(38, 0)), ["1" + 30 * "0", "7"]),
    ],
)
def test_ids_of_any_type_that_names_somebody(ids: pa.Array, kept: list[Any], tmp_path: Path) -> None:
    pq.write_table(log(ids), tmp_path / "log.parquet")
    _, history = brought(tmp_path / "log.parquet")
    assert history.customer_id.to_pylist() == kept


def test_ids_with_fractions_are_no_ids(tmp_path: Path) -> None:
    ids = pa.array([17850.0, 17850.5, None, float("nan"), float("inf"), 2.0**60])
    pq.write_table(log(ids), tmp_path / "log.parquet")
    account, history = brought(tmp_path / "log.parquet")
    assert history.customer_id.to_pylist() == [17850]
    assert (account.rows(reason="customer_missing"), account.rows(reason="customer_unreadable")) == (2, 3)
    pq.write_table(log(pa.array([True, False])), tmp_path / "log.parquet")
    with pytest.raises(IngestError, match="ids must be text or whole numbers, got BOOLEAN in column 'customer_id'"):
        brought(tmp_path / "log.parquet")


@pytest.mark.parametrize(
    ("zone", "day"),
    [(None, "2020-01-01"), ("UTC", "2020-01-01"), ("America/New_York", "2019-12-31"), ("-05:30", "2019-12-31")],
)
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_a_day_is_that_of_the_columns_time_zone(zone: str | None, day: str, unit: str, tmp_path: Path) -> None:
    midnight = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit] * 1_577_836_800
    stamps = pa.array([midnight], pa.timestamp(unit, tz=zone))
    table = log(pa.array(["a"]), stamps)
    pq.write_table(table, tmp_path / "log.parquet")
    _, history = brought(tmp_path / "log.parquet")
    assert str(to_date(history.first_day)) == day == str(to_date(History.from_frame(table).first_day))


def test_amounts_may_be_decimals_and_not_truth_values_or_structures(tmp_path: Path) -> None:
    exact = pa.array([Decimal("5.25"), Decimal("-1.10")], pa.decimal128(12, 2))
    pq.write_table(log(pa.array(["a", "a"]), amount=exact), tmp_path / "log.parquet")
    account, _ = brought(tmp_path / "log.parquet")
    assert account.input_amount == Decimal("4.15") and account.rows(reason="return") == 1
    for amount, said in (
        (pa.array([True]), "amount must be numbers, got BOOLEAN"),
        (pa.array([{"v": 1.0}]), r"amount must be numbers, got STRUCT\(v DOUBLE\)"),
    ):
        pq.write_table(log(pa.array(["a"]), amount=amount), tmp_path / "log.parquet")
        with pytest.raises(IngestError, match=said):
            brought(tmp_path / "log.parquet")
    pq.write_table(log(pa.array(["a"]), pa.array([5], pa.time32("s"))), tmp_path / "log.parquet")
    with pytest.raises(IngestError, match="timestamp must be dates, timestamps or text, got TIME"):
        brought(tmp_path / "log.parquet")


def test_dates_as_numbers_need_a_format_unless_they_read_as_dates(tmp_path: Path) -> None:
    pq.write_table(log(pa.array(["a", "b"]), pa.array([20200101, 20200230])), tmp_path / "log.parquet")
    account, history = brought(tmp_path / "log.parquet")
    assert str(to_date(history.first_day)) == "2020-01-01" and account.rows(reason="timestamp_unreadable") == 1
    pq.write_table(log(pa.array(["a"]), pa.array([1_577_836_800_000])), tmp_path / "log.parquet")
    with pytest.raises(IngestError, match=r"1 timestamp_unreadable, such as '1577836800000'.*epoch_ms"):
        brought(tmp_path / "log.parquet")
    _, history = brought(tmp_path / "log.parquet", timestamp_format="epoch_ms")
    assert str(to_date(history.first_day)) == "2020-01-01"


def test_files_that_disagree_about_ids_or_zones_are_refused(tmp_path: Path) -> None:
    place = tmp_path / "in"
    place.mkdir()
    pq.write_table(log(pa.array(["00123"])), place / "a.parquet")
    pq.write_table(log(pa.array([123])), place / "b.parquet")
    with pytest.raises(IngestError, match=r"ids in column 'customer_id' are numbers in b\.parquet, text in a\.parquet"):
        brought(place)
    stamp = pa.array([0], pa.timestamp("us", tz="Asia/Tokyo"))
    pq.write_table(log(pa.array(["123"]), stamp), place / "b.parquet")
    with pytest.raises(IngestError, match=r"b\.parquet: its timestamps are in the time zones \{'timestamp': 'Asia/Tok"):
        brought(place)
    pq.write_table(log(pa.array(["123"])).drop_columns("amount"), place / "b.parquet")
    with pytest.raises(IngestError, match=r"b\.parquet: amount = 'amount' is not among the columns"):
        brought(place)
    (place / "b.parquet").write_bytes(b"no parquet at all")
    with pytest.raises(IngestError, match=r"b\.parquet is text, or damaged"):
        brought(place)


def test_new_files_with_ids_of_another_type_are_refused(tmp_path: Path) -> None:
    place = tmp_path / "in"
    place.mkdir()
    pq.write_table(log(pa.array([123])), place / "a.parquet")
    brought(place)
    pq.write_table(log(pa.array(["x5"])), place / "b.parquet")
    with pytest.raises(IngestError, match="ids of the new files are text, those in the store whole numbers"):
        brought(place)


def test_workbooks_with_titles_dates_of_two_kinds_and_serial_numbers(
    tmp_path: Path, workbook: Callable[[pd.DataFrame, Path], None]
) -> None:
    frame = pd.DataFrame({"customer_id": ["00123", 123.0], "timestamp": [pd.Timestamp("2020-02-13"), "14/02/2020"]})
    frame["amount"] = [5.5, "6,00 €"]
    titled = pd.DataFrame(
        [["Sales", None, None], list(frame.columns), *frame.to_numpy().tolist()], columns=["", "", ""]
    )
    workbook(titled.astype(object), tmp_path / "log.xlsx")
    _, history = brought(tmp_path / "log.xlsx", timestamp_format="%d/%m/%Y", decimal=",")
    assert history.customer_id.to_pylist() == ["00123", "123"]
    assert history.amount is not None and history.amount.tolist() == [5.5, 6.0]
    assert [str(to_date(day)) for day in history.day.tolist()] == ["2020-02-13", "2020-02-14"]
    workbook(frame.assign(timestamp=[43874.0, 43875.25]), tmp_path / "log.xlsx")
    _, history = brought(tmp_path / "log.xlsx", timestamp_format="excel_days", decimal=",")
    assert [str(to_date(day)) for day in history.day.tolist()] == ["2020-02-13", "2020-02-14"]
    workbook(pd.concat([frame, frame[["amount"]]], axis=1), tmp_path / "log.xlsx")
    with pytest.raises(IngestError, match=r"log\.xlsx has 2 columns called 'amount'"):
        brought(tmp_path / "log.xlsx")
    (tmp_path / "log.xlsx").write_bytes(b"no workbook")
    with pytest.raises(IngestError, match=r"log\.xlsx is text, or damaged"):
        brought(tmp_path / "log.xlsx")


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    pq.write_table(log(pa.array(["a"])), path)

    def meddle(what: str, _: float) -> None:
        if what == "sorting and netting":
            pq.write_table(log(pa.array(["a", "b"])), path)

    tables = Tables(TableSpec(path=path, columns=BASIC))
    with pytest.raises(IngestError, match=r"log\.parquet changed while it was read\. Ingest again"):
        ingest(tables, tmp_path / "out", progress=meddle)
    assert not HistoryStore.exists(tmp_path / "out")
    assert ingest(tables, tmp_path / "out").input_rows == 2
