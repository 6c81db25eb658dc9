"""The store grows by segments, changes nothing for the same input, and survives a crash at any point."""

import dataclasses
import hashlib
import multiprocessing
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lifecycle.pipelines.ingest import HistoryStore, IngestError, Tables, TableSpec, ingest
from lifecycle.pipelines.ingest.store import Manifest

COLUMNS = {
    "customer_id": "customer_id",
    "timestamp": "ts",
    "amount": "amount",
    "order_id": "order",
    "product": "product",
}


def make_log(seed: int = 5, n: int = 3_000) -> pa.Table:
    rng = np.random.default_rng(seed)
    amount = rng.integers(1, 40, n) / 4
    back = rng.random(n) < 0.2
    log = pa.table(
        {
            "customer_id": [f"c{i:03d}" for i in rng.integers(0, 200, n)],
            "ts": pa.array(np.datetime64("2022-01-01", "D") + rng.integers(0, 500, n)).cast(pa.timestamp("us")),
            "amount": np.where(back, -amount, amount),
            "order": [f"o{i}" for i in rng.integers(0, 900, n)],
            "product": [f"p{i}" for i in rng.integers(0, 25, n)],
        }
    )
    return pa.concat_tables([log, log.slice(0, 200)])  # 200 duplicates


def spec_of(path: Path) -> Tables:
    return Tables(TableSpec(path=path, columns=COLUMNS))


def contents(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name not in (".lock", "manifest.json")
    }


def assert_equal(one: Any, other: Any, where: str = "history") -> None:
    if isinstance(one, np.ndarray):
        np.testing.assert_array_equal(one, other, err_msg=where)
    elif isinstance(one, (pa.Array, pa.Table)):
        assert one.equals(other), where
    elif dataclasses.is_dataclass(one):
        for field in dataclasses.fields(one):
            assert_equal(getattr(one, field.name), getattr(other, field.name), f"{where}.{field.name}")
    else:
        assert one == other, where


def test_files_that_come_one_by_one_give_the_same_as_all_at_once(tmp_path: Path) -> None:
    log = make_log()
    part = np.random.default_rng(1).integers(0, 4, log.num_rows)
    (tmp_path / "in").mkdir()
    for k in range(4):
        former = contents(tmp_path / "out") if k else {}
        pq.write_table(log.filter(pa.array(part == k)), tmp_path / f"in/part{k}.parquet")
        account = ingest(spec_of(tmp_path / "in"), tmp_path / "out", buckets=3)
        now = contents(tmp_path / "out")
        assert {name: now[name] for name in former} == former, "what is there is not rewritten"
        store = HistoryStore.open(tmp_path / "out")
        assert store.manifest.segments == tuple(f"segment-{i + 1:04d}" for i in range(k + 1))
    pq.write_table(log, tmp_path / "all.parquet")
    at_once = ingest(spec_of(tmp_path / "all.parquet"), tmp_path / "whole", buckets=3)
    whole = HistoryStore.open(tmp_path / "whole")
    assert account == at_once and store.digest == whole.digest
    assert account.rows(reason="duplicate") >= 200
    assert_equal(store.read_all(), whole.read_all())
    assert pq.read_table(store.quarantine_path).equals(pq.read_table(whole.quarantine_path))


def test_the_same_file_twice_changes_nothing(tmp_path: Path) -> None:
    pq.write_table(make_log(), tmp_path / "log.parquet")
    account = ingest(spec_of(tmp_path / "log.parquet"), tmp_path / "out")
    before, manifest = contents(tmp_path / "out"), (tmp_path / "out/manifest.json").read_bytes()
    assert ingest(spec_of(tmp_path / "log.parquet"), tmp_path / "out") == account
    assert contents(tmp_path / "out") == before
    assert (tmp_path / "out/manifest.json").read_bytes() == manifest


def test_the_order_of_rows_and_the_number_of_buckets_do_not_matter(tmp_path: Path) -> None:
    log = make_log()
    pq.write_table(log, tmp_path / "log.parquet")
    pq.write_table(log.take(pa.array(np.random.default_rng(2).permutation(log.num_rows))), tmp_path / "mixed.parquet")
    ingest(spec_of(tmp_path / "log.parquet"), tmp_path / "a", buckets=2)
    ingest(spec_of(tmp_path / "mixed.parquet"), tmp_path / "b", buckets=2)
    ingest(spec_of(tmp_path / "mixed.parquet"), tmp_path / "c", buckets=7)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    a, c = HistoryStore.open(tmp_path / "a"), HistoryStore.open(tmp_path / "c")
    assert a.digest == c.digest
    assert_equal(a.read_all(), c.read_all())


def test_a_changed_file_or_setting_builds_the_store_anew(tmp_path: Path) -> None:
    log = make_log()
    pq.write_table(log, tmp_path / "log.parquet")
    first = ingest(spec_of(tmp_path / "log.parquet"), tmp_path / "out")
    pq.write_table(log.slice(0, 1_000), tmp_path / "log.parquet")
    second = ingest(spec_of(tmp_path / "log.parquet"), tmp_path / "out")
    assert (first.input_rows, second.input_rows) == (3_200, 1_000)
    store = HistoryStore.open(tmp_path / "out")
    assert len(store.manifest.segments) == 1
    folders = [p.name for p in (tmp_path / "out").iterdir() if p.is_dir()]
    assert folders == list(store.manifest.segments), "what no manifest names is swept away"


def test_a_file_that_is_taken_away_is_gone(tmp_path: Path) -> None:
    log = make_log()
    (tmp_path / "in").mkdir()
    for k in range(2):
        pq.write_table(log.slice(1_000 * k, 1_000), tmp_path / f"in/part{k}.parquet")
    assert ingest(spec_of(tmp_path / "in"), tmp_path / "out").input_rows == 2_000
    (tmp_path / "in/part0.parquet").unlink()
    left = ingest(spec_of(tmp_path / "in"), tmp_path / "out")
    pq.write_table(log.slice(1_000, 1_000), tmp_path / "alone.parquet")
    assert left == ingest(spec_of(tmp_path / "alone.parquet"), tmp_path / "whole")
    assert_equal(HistoryStore.open(tmp_path / "out").read_all(), HistoryStore.open(tmp_path / "whole").read_all())


def test_later_files_may_lack_columns_and_have_them_in_another_sequence(tmp_path: Path) -> None:
    columns = {role: role for role in ("customer_id", "timestamp", "amount", "order_id", "product", "quantity")}
    texts = (
        "customer_id,timestamp,amount,order_id,product,quantity\na,2020-01-01,5,o1,x,1\nb,2020-01-02,7,o2,y,2\n",
        "quantity,product,order_id,amount,timestamp,customer_id\n1,x,o1,5,2020-01-01,a\n3,z,o3,9,2020-01-05,b\n",
        "customer_id,timestamp,amount\na,2020-02-01,6\n",
    )
    (tmp_path / "in").mkdir()
    spec = Tables(TableSpec(columns=columns, path=tmp_path / "in"))
    for k, text in enumerate(texts):
        (tmp_path / f"in/{k}.csv").write_text(text)
        account = ingest(spec, tmp_path / "out", buckets=2)
    assert (account.rows("used"), account.rows(reason="duplicate")) == (4, 1)
    assert ingest(spec, tmp_path / "whole", buckets=2) == account
    assert_equal(HistoryStore.open(tmp_path / "out").read_all(), HistoryStore.open(tmp_path / "whole").read_all())


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("where", ["write_bucket", "write_names", "publish", "adopt"])
def test_a_crash_leaves_the_former_state(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = make_log()
    (tmp_path / "in").mkdir()
    pq.write_table(log.slice(0, 1_500), tmp_path / "in/a.parquet")
    account = ingest(spec_of(tmp_path / "in"), tmp_path / "out", buckets=2)
    before, manifest = contents(tmp_path / "out"), (tmp_path / "out/manifest.json").read_bytes()
    pq.write_table(log.slice(1_500), tmp_path / "in/b.parquet")

    def killed(*_: Any, **__: Any) -> None:
        raise Killed

    target = {"publish": (Manifest, "publish"), "adopt": (Path, "rename")}.get(where)
    with monkeypatch.context() as patch:
        if target is None:
            patch.setattr(f"lifecycle.pipelines.ingest.build.{where}", killed)
        else:
            patch.setattr(*target, killed)
        with pytest.raises(Killed):
            ingest(spec_of(tmp_path / "in"), tmp_path / "out", buckets=2)
    assert (tmp_path / "out/manifest.json").read_bytes() == manifest
    now = contents(tmp_path / "out")
    assert {name: now[name] for name in before} == before
    assert HistoryStore.open(tmp_path / "out").account == account
    whole = ingest(spec_of(tmp_path / "in"), tmp_path / "out", buckets=2)
    assert whole.check().input_rows == log.num_rows


def _die_in_the_middle(source: str, out: str) -> None:
    import lifecycle.pipelines.ingest.build as build

    def die(*_: Any) -> None:
        os._exit(9)

    build.write_bucket = die  # type: ignore[assignment]
    ingest(spec_of(Path(source)), Path(out), buckets=2)


def test_a_killed_process_leaves_the_former_state(tmp_path: Path) -> None:
    log = make_log()
    (tmp_path / "in").mkdir()
    pq.write_table(log.slice(0, 1_500), tmp_path / "in/a.parquet")
    account = ingest(spec_of(tmp_path / "in"), tmp_path / "out", buckets=2)
    pq.write_table(log.slice(1_500), tmp_path / "in/b.parquet")
    child = multiprocessing.get_context("spawn").Process(
        target=_die_in_the_middle, args=(str(tmp_path / "in"), str(tmp_path / "out"))
    )
    child.start()
    child.join(120)
    assert child.exitcode == 9
    assert HistoryStore.open(tmp_path / "out").account == account
    assert ingest(spec_of(tmp_path / "in"), tmp_path / "out", buckets=2).input_rows == log.num_rows
    left = [p.name for p in (tmp_path / "out").iterdir() if p.name.startswith(".ingest-")]
    assert left == []


def test_two_ingests_at_once_are_refused(tmp_path: Path) -> None:
    pq.write_table(make_log(), tmp_path / "log.parquet")
    refused = []

    def inside(what: str, _: float) -> None:
        if what == "reading transactions" and not refused:
            with pytest.raises(IngestError, match="another ingest is at work") as caught:
                ingest(spec_of(tmp_path / "log.parquet"), tmp_path / "out")
            refused.append(str(caught.value))

    ingest(spec_of(tmp_path / "log.parquet"), tmp_path / "out", progress=inside)
    assert len(refused) == 1


def test_an_id_map_and_the_other_tables(tmp_path: Path) -> None:
    pd.DataFrame(
        [("a", "2020-01-01", 5), ("a2", "2020-02-01", 6), ("b", "2020-03-01", 7)],
        columns=["customer_id", "timestamp", "amount"],
    ).to_csv(tmp_path / "log.csv", index=False)
    pd.DataFrame([("a2", "a1"), ("a1", "a")], columns=["alias", "customer_id"]).to_csv(
        tmp_path / "map.csv", index=False
    )
    pd.DataFrame(
        [("a", "2019-12-01", "", "true", "mail", "12.5"), ("p", "2020-05-01", "2020-06-01", "false", "", "")],
        columns=["customer_id", "registered_at", "closed_at", "consent", "channel", "acquisition_cost"],
    ).to_csv(tmp_path / "people.csv", index=False)
    pd.DataFrame(
        [("a1", "2020-02-02", "complaint", ""), ("b", "2020-02-02", "survey", "4"), ("", "2020-02-02", "visit", "")],
        columns=["customer_id", "timestamp", "kind", "value"],
    ).to_csv(tmp_path / "events.csv", index=False)
    pd.DataFrame(
        [("b", "2020-01-01", "2020-01-31", "2020-02-10", "70")],
        columns=["customer_id", "invoiced_at", "due_at", "paid_at", "amount"],
    ).to_csv(tmp_path / "bills.csv", index=False)

    def spec(name: str, *columns: str) -> TableSpec:
        return TableSpec(path=tmp_path / f"{name}.csv", columns={c: c for c in columns})

    tables = Tables(
        spec("log", "customer_id", "timestamp", "amount"),
        customers=spec("people", "customer_id", "registered_at", "closed_at", "consent", "channel", "acquisition_cost"),
        id_map=spec("map", "alias", "customer_id"),
        interactions=spec("events", "customer_id", "timestamp", "kind", "value"),
        payments=spec("bills", "customer_id", "invoiced_at", "due_at", "paid_at", "amount"),
    )
    account = ingest(tables, tmp_path / "out", buckets=2)
    assert (account.customers, account.prospects) == (2, 1)
    store = HistoryStore.open(tmp_path / "out")
    assert {table.table: table.rows("quarantined") for table in account.tables if table.rows("quarantined")} == {
        "interactions": 1
    }
    history = store.read_all()
    assert history.customer_id.to_pylist() == ["a", "b", "p"]
    assert np.diff(history.offsets).tolist() == [2, 1, 0]
    assert history.closed_day is not None and history.closed_day.tolist()[2] == 18414
    from lifecycle.features import table

    known = table.frame(history, pd.Timestamp("2020-03-01").date())
    assert known.loc["a", "complaints_90d"] == 1 and known.loc["b", "satisfaction_last"] == 4
    assert known.loc["b", ["days_late_mean", "late_share", "outstanding_amount"]].tolist() == [10.0, 1.0, 0.0]
    assert known.loc["a", ["acquisition_cost", "consent", "days_since_registration"]].tolist() == [12.5, 1.0, 91.0]
    assert known.loc["a", "preferred_channel"] == "mail" and pd.isna(known.loc["b", "preferred_channel"])
    segments = store.manifest.segments
    with (tmp_path / "events.csv").open("a") as events:
        events.write("b,2020-02-20,complaint,\n")
    ingest(tables, tmp_path / "out", buckets=2)
    store = HistoryStore.open(tmp_path / "out")
    assert store.manifest.segments == segments, "the transactions were not touched"
    known = table.frame(store.read_all(), pd.Timestamp("2020-03-01").date())
    assert known["complaints_90d"].tolist() == [1.0, 1.0]
    (tmp_path / "map.csv").write_text("alias,customer_id\na2,a\na,a2\n")
    with pytest.raises(IngestError, match="go round in a circle"):
        ingest(tables, tmp_path / "out", buckets=2)
