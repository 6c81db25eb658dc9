"""What is remarkable of a log is said once, with its numbers; of an ordinary log nothing is said."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

import lifecycle as lc
from lifecycle.pipelines.ingest import HistoryStore, Tables, TableSpec, ingest
from lifecycle.pipelines.ingest.data_check import data_check

COLUMNS = {"customer_id": "id", "timestamp": "day", "amount": "total"}
TODAY = dt.date(2024, 6, 30)


def log(n: int = 300, seed: int = 1) -> pd.DataFrame:
    """Ordinary buyers of two years."""
    rng = np.random.default_rng(seed)
    rows = [
        (f"c{k:03d}", day, round(float(rng.gamma(2.0, 20.0)), 2))
        for k in range(n)
        for day in np.cumsum(np.concatenate([[rng.integers(0, 300)], rng.exponential(rng.uniform(20, 120), 6)]))
        if day < 700
    ]
    frame = pd.DataFrame(rows, columns=["id", "day", "total"])
    return frame.assign(day=(pd.Timestamp("2022-07-01") + pd.to_timedelta(frame["day"].astype(int), "D")).dt.date)


def kinds(folder, *frames: pd.DataFrame, more: dict[str, str] | None = None) -> dict[str, str]:
    for place, frame in enumerate(frames):
        frame.to_csv(folder / f"log{place}.csv", index=False)
    spec = TableSpec(path=str(folder / "*.csv"), columns=COLUMNS | (more or {}))
    ingest(Tables(spec), folder / "out")
    return {one.kind: str(one) for one in data_check(HistoryStore.open(folder / "out"), TODAY)}


def test_ordinary_logs_are_not_remarked_on(tmp_path):
    assert kinds(tmp_path, log()) == {}
    cdnow = lc.datasets.cdnow_sample().rename(columns={"customer_id": "id", "date": "day", "amount": "total"})
    (tmp_path / "cdnow").mkdir()
    assert kinds(tmp_path / "cdnow", cdnow) == {}


def test_a_table_with_one_row_a_customer(tmp_path):
    found = kinds(tmp_path, log().drop_duplicates("id"))
    assert found["one row a customer"].startswith("No customer bought on two days (300 have a purchase).")


def test_guests_are_one_large_customer_and_an_ordinary_nought_is_not(tmp_path):
    base = log()
    guests = base.assign(id=base["id"].where(np.arange(len(base)) % 3 > 0, "Guest"))
    assert "'Guest'" in kinds(tmp_path, guests)["one large id"]
    (tmp_path / "nought").mkdir()
    assert kinds(tmp_path / "nought", base.assign(id=base["id"].replace("c000", "0"))) == {}


@pytest.mark.parametrize("twin", ["C007", "c\u200b007", "ｃ007"])
def test_ids_that_look_alike(twin, tmp_path):
    base = log()
    halves = base.assign(id=base["id"].where((base["id"] != "c007") | (np.arange(len(base)) % 2 > 0), twin))
    assert kinds(tmp_path, halves)["ids alike"].startswith("1 customers differ from another only in capitals")


def test_dates_apart_and_to_come_are_named(tmp_path):
    base = log()
    odd = base.head(8).assign(day=["1900-01-01"] * 4 + ["1970-01-01"] * 3 + ["2199-05-05"])
    found = kinds(tmp_path, pd.concat([base, odd]))
    assert found["days apart"].startswith("7 rows are dated years apart from all others: 1900-01-01, 1970-01-01.")
    assert found["days to come"].startswith("1 rows are dated after today, the latest 2199-05-05.")


def test_a_time_without_rows_and_a_day_with_too_many(tmp_path):
    base = log()
    day = pd.to_datetime(base["day"])
    gap = base[(day < "2023-03-01") | (day > "2023-08-01")]
    assert "There is no row between 2023-02-28 and 2023-08" in kinds(tmp_path, gap)["a time without rows"]
    (tmp_path / "heavy").mkdir()
    heavy = base.assign(day=base["day"].where(np.arange(len(base)) % 6 > 0, dt.date(2023, 1, 1)))
    assert "of all rows are dated 2023-01-01" in kinds(tmp_path / "heavy", heavy)["one heavy day"]


def test_ids_given_anew(tmp_path):
    base = log()
    late = pd.to_datetime(base["day"]) >= "2023-07-01"
    found = kinds(tmp_path, base.assign(id=base["id"].where(~late, "n" + base["id"])))
    assert "Hardly any customer who bought before 2023-07-01" in found["ids given anew"]


def test_exports_that_overlap_with_and_without_order_ids(tmp_path):
    base = log().sort_values("day")
    found = kinds(tmp_path, base.iloc[:500], base.iloc[450:])
    assert found["equal rows"].startswith("50 rows equal another in every column, and came in 2 files.")
    (tmp_path / "orders").mkdir()
    named = base.assign(order=np.arange(len(base)).astype(str), status="paid")
    pending = named.iloc[450:500].assign(status="pending")
    twice = kinds(
        tmp_path / "orders", pd.concat([named.iloc[:450], pending]), named.iloc[450:], more={"order_id": "order"}
    )
    assert twice["orders twice"].startswith("50 orders have lines of the same amount, and the log came in 2 files.")


def test_totals_on_every_line_and_huge_amounts(tmp_path):
    base = log()
    order = base.assign(order=np.arange(len(base)).astype(str))
    lines = pd.concat([order.assign(sku="x"), order.assign(sku="y")])
    found = kinds(tmp_path, lines, more={"order_id": "order", "product": "sku"})
    assert "have the same amount" in found["totals on every line"]
    (tmp_path / "huge").mkdir()
    huge = base.assign(total=base["total"].where(np.arange(len(base)) != 5, 9e6))
    assert kinds(tmp_path / "huge", huge)["huge amounts"].startswith("1 amounts above a thousand times the median")
