"""One log through every kind of source: the same history, and an account that adds up each time."""

import gzip
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import adbc_driver_postgresql.dbapi
import adbc_driver_sqlite.dbapi
import numpy as np
import pandas as pd
import pytest

from lifecycle.features.history import History
from lifecycle.features.records.account import Account
from lifecycle.pipelines.ingest import HistoryStore, IngestError, Tables, TableSpec, ingest

COLUMNS = {
    "customer_id": "kunde",
    "timestamp": "ts",
    "amount": "betrag",
    "order_id": "order",
    "product": "product",
    "quantity": "qty",
}


@pytest.fixture(scope="module")
def log() -> pd.DataFrame:
    rng = np.random.default_rng(11)
    n = 600
    frame = pd.DataFrame(
        {
            "kunde": pd.Series(rng.integers(0, 60, n)).map("K{:03d}".format),
            "ts": pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 400, n), unit="D"),
            "betrag": rng.integers(1, 9_000, n) / 100,
            "order": pd.Series(rng.integers(0, 300, n)).map("O{:04d}".format),
            "product": pd.Series(rng.integers(0, 9, n)).map("P{}".format),
            "qty": rng.integers(1, 9, n).astype(float),
        }
    )
    back = frame.sample(60, random_state=1)
    back = back.assign(betrag=-back["betrag"], qty=-back["qty"], ts=back["ts"] + pd.to_timedelta(9, unit="D"))
    frame = pd.concat([frame, back, frame.head(5)], ignore_index=True)  # the last five are duplicates
    frame.loc[[3, 50], "kunde"] = None
    frame.loc[7, "betrag"] = None
    return frame


@pytest.fixture(scope="module")
def wanted(log: pd.DataFrame) -> History:
    return History.from_frame(
        log, customer_id="kunde", timestamp="ts", amount="betrag", order_id="order", product="product", quantity="qty"
    )


def assert_same(store: HistoryStore, account: Account, wanted: History) -> None:
    assert wanted.account is not None
    assert account.check().lines == wanted.account.lines
    assert (account.input_rows, account.input_amount) == (wanted.account.input_rows, wanted.account.input_amount)
    assert (account.customers, account.prospects) == (wanted.account.customers, wanted.account.prospects)
    history = store.read_all()
    assert history.customer_id.to_pylist() == wanted.customer_id.to_pylist()
    for field in ("offsets", "day", "amount", "void_day"):
        np.testing.assert_array_equal(getattr(history, field), getattr(wanted, field), err_msg=field)
    for field in ("offsets", "day", "target", "amount"):
        np.testing.assert_array_equal(getattr(history.returns, field), getattr(wanted.returns, field), err_msg=field)


def write_csv(log: pd.DataFrame, path: Path, sep: str = ",") -> None:
    log.assign(ts=log["ts"].dt.strftime("%d.%m.%Y")).to_csv(path, sep=sep, index=False)


@pytest.mark.parametrize("kind", ["csv", "semicolon", "gz", "parquet", "folder", "glob", "several", "xlsx"])
def test_files(
    kind: str, log: pd.DataFrame, wanted: History, tmp_path: Path, workbook: Callable[[pd.DataFrame, Path], None]
) -> None:
    place = tmp_path / "in"
    place.mkdir()
    options: dict[str, str] = {} if kind in ("parquet", "xlsx") else {"timestamp_format": "%d.%m.%Y"}
    path: str | tuple[str, ...] = str(place / "log.csv")
    if kind == "csv":
        write_csv(log, place / "log.csv")
    elif kind == "semicolon":
        write_csv(log, place / "log.csv", sep=";")
        options["delimiter"] = ";"
    elif kind == "gz":
        write_csv(log, place / "log.csv")
        (place / "log.csv.gz").write_bytes(gzip.compress((place / "log.csv").read_bytes()))
        path = str(place / "log.csv.gz")
    elif kind == "parquet":
        log.to_parquet(place / "log.parquet")
        path = str(place / "log.parquet")
    elif kind == "xlsx":
        workbook(log, place / "log.xlsx")
        path = str(place / "log.xlsx")
    else:
        (place / "deep").mkdir()
        write_csv(log.iloc[:300], place / "a.csv")
        write_csv(log.iloc[300:], place / "deep/b.csv")
        path = {"folder": str(place), "glob": str(place / "**/*.csv")}.get(
            kind, (str(place / "a.csv"), str(place / "deep"))
        )
    account = ingest(Tables(TableSpec(columns=COLUMNS, path=path, **options)), tmp_path / "out", buckets=3)
    assert_same(HistoryStore.open(tmp_path / "out"), account, wanted)


def test_sqlite(log: pd.DataFrame, wanted: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        log.assign(ts=log["ts"].dt.strftime("%Y-%m-%d")).to_sql("sales", connection, index=False)
    connection.close()
    monkeypatch.setenv("SHOP_DATABASE", f"sqlite:{tmp_path / 'shop.db'}")
    spec = TableSpec(columns=COLUMNS, uri_env="SHOP_DATABASE", query="SELECT * FROM sales;")
    account = ingest(Tables(spec), tmp_path / "out", buckets=2)
    assert_same(HistoryStore.open(tmp_path / "out"), account, wanted)
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*.parquet")}
    assert ingest(Tables(spec), tmp_path / "out", buckets=2) == account
    assert before == {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*.parquet")}


def test_postgresql(
    server: str, log: pd.DataFrame, wanted: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with adbc_driver_postgresql.dbapi.connect(server) as connection, connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE sales (kunde text, ts timestamp with time zone, betrag numeric(12, 2), "
            '"order" text, product text, qty double precision)'
        )
        for row in log.astype(object).where(log.notna(), None).itertuples(index=False):
            values = [None if v is None else str(v) for v in row]
            cells = ", ".join("NULL" if v is None else f"'{v}'" for v in values)
            cursor.execute(f"INSERT INTO sales VALUES ({cells})")
        connection.commit()
    monkeypatch.setenv("SHOP_DATABASE", server)
    spec = TableSpec(columns=COLUMNS, uri_env="SHOP_DATABASE", query="SELECT * FROM sales")
    account = ingest(Tables(spec), tmp_path / "out", buckets=2)
    assert_same(HistoryStore.open(tmp_path / "out"), account, wanted)


@pytest.mark.parametrize(
    ("address", "given"),
    [
        ("snowflake://me:word@account/base/scheme?warehouse=w", (("me:word@account/base/scheme?warehouse=w",), {})),
        (
            "bigquery://shop/sales",
            ((), {"db_kwargs": {"adbc.bigquery.sql.project_id": "shop", "adbc.bigquery.sql.dataset_id": "sales"}}),
        ),
        ("trino://host:8080/hive", (("trino://host:8080/hive",), {})),
    ],
)
def test_drivers_of_other_databases_get_the_address_as_they_take_it(
    address: str, given: Any, log: pd.DataFrame, wanted: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        log.assign(ts=log["ts"].dt.strftime("%Y-%m-%d")).to_sql("sales", connection, index=False)
    connection.close()
    calls: list[Any] = []

    def connect(*arguments: Any, **options: Any) -> Any:
        calls.append((arguments, options))
        return adbc_driver_sqlite.dbapi.connect(str(tmp_path / "shop.db"))

    package = f"adbc_driver_{address.partition(':')[0]}"
    for name in (package, f"{package}.dbapi"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setattr(sys.modules[f"{package}.dbapi"], "connect", connect, raising=False)
    monkeypatch.setenv("SHOP_DATABASE", address)
    spec = TableSpec(columns=COLUMNS, uri_env="SHOP_DATABASE", query="SELECT * FROM sales")
    account = ingest(Tables(spec), tmp_path / "out", buckets=2)
    assert_same(HistoryStore.open(tmp_path / "out"), account, wanted)
    assert calls == [given]


def test_a_databases_address_appears_in_no_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_DATABASE", f"postgresql://me:topsecret@/shop?host={tmp_path}/nowhere")
    spec = TableSpec(columns=COLUMNS, uri_env="SHOP_DATABASE", query="SELECT * FROM sales")
    with pytest.raises(IngestError, match=r"\$SHOP_DATABASE") as caught:
        ingest(Tables(spec), tmp_path / "out")
    assert "topsecret" not in str(caught.value)
    with pytest.raises(IngestError, match=r"NOWHERE .* is not set"):
        ingest(Tables(TableSpec(columns=COLUMNS, uri_env="NOWHERE", query="SELECT 1")), tmp_path / "out")
    monkeypatch.setenv("SHOP_DATABASE", "snowflake://user@account/base")
    with pytest.raises(IngestError, match="Install the package adbc-driver-snowflake"):
        ingest(Tables(spec), tmp_path / "out")


def test_a_missing_file_or_column_is_named(log: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(IngestError, match=r"no CSV, Parquet or Excel file at .*absent\.csv"):
        ingest(Tables(TableSpec(columns=COLUMNS, path=tmp_path / "absent.csv")), tmp_path / "out")
    with pytest.raises(IngestError, match="no installed package is called 'nosuchpackage'"):
        ingest(Tables(TableSpec(columns=COLUMNS, path="package:nosuchpackage/x.csv")), tmp_path / "out")
    write_csv(log, tmp_path / "log.csv")
    wrong = {**COLUMNS, "amount": "preis"}
    with pytest.raises(IngestError, match=r"amount = 'preis' is not among the columns \['kunde', 'ts', 'betrag'"):
        ingest(Tables(TableSpec(columns=wrong, path=tmp_path / "log.csv")), tmp_path / "out")
    with pytest.raises(IngestError, match=r"660 timestamp_unreadable|timestamp_unreadable|can be used"):
        ingest(
            Tables(TableSpec(columns=COLUMNS, path=tmp_path / "log.csv", timestamp_format="%Y/%m/%d")), tmp_path / "out"
        )
    assert not HistoryStore.exists(tmp_path / "out")
