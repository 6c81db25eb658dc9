"""Measure ingest and features on a simulated log: `python -P benchmarks/features.py [--lines 10] [--huge 10]`.

``-P`` keeps this folder off the path, where a file called like the package would shadow it.

Every comparison runs in the same minutes on the same machine: what counts are the ratios. Ingest and the 100M-line run
are processes of their own, so that their peak memory is theirs. Writes ``benchmarks/results/features.md``.
"""

import argparse
import datetime as dt
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from lifecycle.features import rfm
from lifecycle.features.history import History
from lifecycle.features.outcomes import RateReference
from lifecycle.pipelines.ingest import HistoryStore, Tables, TableSpec, ingest

LINES_PER_CUSTOMER = 10 / 1.7
START = np.datetime64("2021-01-01", "s")
SPAN = 1_095
AS_OF = dt.date(2023, 9, 30)
DATES = [dt.date(2022 + m // 12, 1 + m % 12, 1) for m in range(6, 18)]
WINDOWS = (7, 14, 30, 60, 90, 180, 365)
HORIZON = 90
REFERENCE = RateReference(0.5, 60.0)
COLUMNS = {
    "customer_id": "customer_id",
    "timestamp": "ts",
    "amount": "amount",
    "order_id": "order_id",
    "product": "product",
    "category": "category",
    "channel": "channel",
}
RESULTS = Path(__file__).parent / "results" / "features.md"


def simulate(n_lines: int, seed: int, first_customer: int) -> pa.Table:
    """Lines of a shop in time order: gamma rates, 1.7 lines an order, three lines in a hundred come back."""
    rng = np.random.default_rng(seed)
    n = int(n_lines / LINES_PER_CUSTOMER)
    rate = rng.gamma(0.6, 1.0, n) + 0.02
    orders = 1 + rng.poisson((n_lines / 1.7 / n - 1) * rate / rate.mean())
    customer = np.repeat(np.arange(n), orders)
    first = rng.integers(0, 900, n)[customer]
    day = first + (rng.random(customer.size) ** 0.8 * (SPAN - first)).astype(np.int64)
    order = np.repeat(np.arange(customer.size), 1 + rng.poisson(0.7, customer.size))
    customer, day = customer[order], day[order]
    product = (rng.pareto(0.8, order.size) * 20).astype(np.int64) % 5_000
    amount = np.round(rng.gamma(2.0, 8.0, order.size) + 0.5, 2)
    back = np.flatnonzero(rng.random(order.size) < 0.03)
    day = np.concatenate([day, np.minimum(day[back] + rng.integers(0, 30, back.size), SPAN)])
    customer, order, product = (np.concatenate([x, x[back]]) for x in (customer, order, product))
    amount = np.concatenate([amount, -amount[back]])
    stamp = START + (day * 86_400 + rng.integers(8 * 3600, 20 * 3600, day.size)).astype("timedelta64[s]")
    chosen = np.argsort(stamp, kind="stable")[:n_lines]
    ids = pa.array([f"C{first_customer + i:09d}" for i in range(n)])
    names, groups = pa.array([f"P{i:05d}" for i in range(5_000)]), pa.array([f"group {i:02d}" for i in range(40)])
    channels = pa.array(["web", "store", "app"])
    customer, product = customer[chosen], product[chosen]
    return pa.table(
        {
            "customer_id": ids.take(pa.array(customer)),
            "ts": pa.array(stamp[chosen]),
            "amount": amount[chosen],
            "order_id": pa.array(order[chosen] + seed * 10**9),
            "product": names.take(pa.array(product)),
            "category": groups.take(pa.array(product % 40)),
            "channel": channels.take(pa.array((customer * 7 + product) % 3)),
        }
    )


def clocked(work: Callable[[], Any], times: int = 1) -> tuple[float, Any]:
    """Best wall time of a few runs, and the last result."""
    best, result = float("inf"), None
    for _ in range(times):
        begun = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - begun)
    return best, result


def in_process(step: str, source: Path, out: Path, memory_limit: str) -> dict[str, float]:
    """Run a step of this program as a process of its own; its wall time and peak memory."""
    command = [sys.executable, "-P", __file__, "--step", step, str(source), str(out), memory_limit]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    report: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return report


def step(name: str, source: Path, out: Path, memory_limit: str) -> None:
    """What :func:`in_process` runs: print wall time, peak memory and a few counts as JSON."""
    report: dict[str, Any] = {}
    if name == "ingest":
        tables = Tables(TableSpec(path=source, columns=COLUMNS))
        report["seconds"], account = clocked(lambda: ingest(tables, out, memory_limit=memory_limit))
        report |= {"rows": account.check().input_rows, "customers": account.customers, "netted": account.rows("netted")}
    else:
        store = HistoryStore.open(out)
        report["seconds"], report["rows"] = clocked(lambda: count(store, [AS_OF], horizon=10_000))
    report["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps(report))


def count(store: HistoryStore, dates: list[dt.date], horizon: int) -> int:
    """Build tables and count their rows; a batch at a time."""
    return sum(batch.num_rows for batch in store.tables(dates, horizon=horizon, reference=REFERENCE))


def with_polars(path: Path, as_of: dt.date) -> int:
    """21 plain window sums in Polars: count, sum and mean of 7 windows a customer."""
    age = pl.lit(as_of) - pl.col("ts").dt.date()
    columns = []
    for w in WINDOWS:
        inside = pl.col("amount").filter(age < pl.duration(days=w))
        columns += [inside.count().alias(f"n{w}"), inside.sum().alias(f"s{w}"), inside.mean().alias(f"m{w}")]
    known = pl.scan_parquet(path).filter(pl.col("ts").dt.date() <= as_of)
    return known.group_by("customer_id").agg(columns).collect().height


def with_duckdb(path: Path, as_of: dt.date) -> int:
    """The same 21 window sums in DuckDB."""
    columns = ", ".join(
        f"count(*) FILTER ({inside}), sum(amount) FILTER ({inside}), avg(amount) FILTER ({inside})"
        for inside in (f"ts::DATE > DATE '{as_of - dt.timedelta(days=w)}'" for w in WINDOWS)
    )
    with duckdb.connect() as con:
        known = f"SELECT customer_id, {columns} FROM '{path}' WHERE ts::DATE <= DATE '{as_of}' GROUP BY customer_id"
        return int(con.sql(known).to_arrow_table().num_rows)


def coded_polars(path: Path, as_of: dt.date) -> int:
    """The same in Polars where customers and days are integers already."""
    day = (as_of - dt.date(1970, 1, 1)).days
    age = pl.lit(day) - pl.col("day")
    columns = []
    for w in WINDOWS:
        inside = pl.col("amount").filter(age < w)
        columns += [inside.count().alias(f"n{w}"), inside.sum().alias(f"s{w}"), inside.mean().alias(f"m{w}")]
    return pl.scan_parquet(path).filter(pl.col("day") <= day).group_by("customer").agg(columns).collect().height


def coded_duckdb(path: Path, as_of: dt.date) -> int:
    """The same in DuckDB where customers and days are integers already."""
    day = (as_of - dt.date(1970, 1, 1)).days
    columns = ", ".join(
        f"count(*) FILTER (day > {day - w}), sum(amount) FILTER (day > {day - w}), avg(amount) FILTER (day > {day - w})"
        for w in WINDOWS
    )
    with duckdb.connect() as con:
        table = con.sql(
            f"SELECT customer, {columns} FROM '{path}' WHERE day <= {day} GROUP BY customer"
        ).to_arrow_table()
    return int(table.num_rows)


def coded_lines(log: pa.Table, path: Path) -> None:
    """The log for its rivals: in the order it came, but customers as whole numbers and days as integers."""
    customer = log["customer_id"].combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
    seconds = log["ts"].combine_chunks().cast(pa.timestamp("s")).cast(pa.int64()).to_numpy()
    table = {"customer": customer, "day": (seconds // 86_400).astype(np.int32), "amount": log["amount"].to_numpy()}
    pq.write_table(pa.table(table), path)


def measure(place: Path, n_lines: int) -> list[tuple[str, str, str, str]]:
    """All bars but that of the 100M lines."""
    rows: list[tuple[str, str, str, str]] = []
    log = simulate(n_lines, 1, 0)
    pq.write_table(log, place / "log.parquet", compression="zstd", row_group_size=500_000)
    coded_lines(log, place / "coded.parquet")
    in_process("ingest", place / "log.parquet", place / "warm", "1GB")  # compiles, and warms the disk
    shutil.rmtree(place / "warm")
    report = in_process("ingest", place / "log.parquet", place / "store", "1GB")
    rows.append(
        (
            f"ingest of {n_lines:,} lines from Parquet, with account and netting",
            "≤ 15 s, ≤ 2 GB",
            f"{report['seconds']:.1f} s, {report['peak']:.2f} GB",
            verdict(report["seconds"] <= 15 and report["peak"] <= 2),
        )
    )
    store = HistoryStore.open(place / "store")
    count(store, DATES[:1], HORIZON)
    mine, n = clocked(lambda: count(store, [AS_OF], horizon=10_000), 3)
    log_file, coded = place / "log.parquet", place / "coded.parquet"
    polars, _ = clocked(lambda: with_polars(log_file, AS_OF), 3)
    duck, _ = clocked(lambda: with_duckdb(log_file, AS_OF), 3)
    polars_coded, _ = clocked(lambda: coded_polars(coded, AS_OF), 3)
    duck_coded, _ = clocked(lambda: coded_duckdb(coded, AS_OF), 3)
    rows.append(
        (
            f"all features of {n:,} customers, one date, from the history on disk",
            "≤ 1.5 s, faster than Polars' and DuckDB's 21 sums",
            f"{mine:.2f} s; on the log as it is Polars {polars:.2f} s, DuckDB {duck:.2f} s; with customers and days as "
            f"integers Polars {polars_coded:.2f} s, DuckDB {duck_coded:.2f} s",
            verdict(mine <= 1.5 and mine < min(polars, duck, polars_coded, duck_coded)),
        )
    )
    twelve, n = clocked(lambda: count(store, DATES, HORIZON), 2)
    for what, rival in (("log as it is", with_polars), ("log with customers and days as integers", coded_polars)):
        source = log_file if rival is with_polars else coded
        theirs, _ = clocked(lambda rival=rival, source=source: [rival(source, date) for date in DATES], 2)
        rows.append(
            (
                f"12 dates in one call, labels included ({n:,} rows), against the {what}",
                "≥ 2.5 × faster than Polars' 21 sums 12 times",
                f"{twelve:.1f} s against {theirs:.1f} s: {theirs / twelve:.2f} ×",
                verdict(theirs / twelve >= 2.5),
            )
        )
    history = store.read_all()
    built, _ = clocked(lambda: rfm.summarise(history, AS_OF), 3)
    frame = log.select(["customer_id", "ts", "amount"]).to_pandas()
    small = History.from_frame(frame.head(1_000), timestamp="ts")
    rfm.summarise(small, AS_OF)
    framed, _ = clocked(lambda: rfm.summarise(History.from_frame(frame, timestamp="ts"), AS_OF), 2)
    from lifetimes.utils import summary_data_from_transaction_data

    theirs, _ = clocked(
        lambda: summary_data_from_transaction_data(
            frame, "customer_id", "ts", monetary_value_col="amount", observation_period_end=pd.Timestamp(AS_OF)
        )
    )
    for what, seconds, bar in (("a built history", built, 15), ("a frame", framed, 4)):
        rows.append(
            (
                f"RFM summary from {what}",
                f"≥ {bar} × faster than lifetimes'",
                f"{seconds:.2f} s against {theirs:.1f} s: {theirs / seconds:.1f} ×",
                verdict(theirs / seconds >= bar),
            )
        )
    return rows


def measure_huge(place: Path, pieces: int) -> list[tuple[str, str, str, str]]:
    """100M lines in pieces of 10M."""
    (place / "huge").mkdir()
    for piece in range(pieces):
        log = simulate(10_000_000, piece + 1, piece * 2_000_000)
        pq.write_table(log, place / f"huge/part-{piece:02d}.parquet", compression="zstd", row_group_size=500_000)
        del log
    lines = pieces * 10_000_000
    taken = in_process("ingest", place / "huge", place / "huge-store", "1500MB")
    made = in_process("features", place / "huge", place / "huge-store", "1500MB")
    return [
        (
            f"ingest of {lines:,} lines ({taken['customers']:,} customers)",
            "finishes within 4 GB",
            f"{taken['seconds']:.0f} s, {taken['peak']:.2f} GB",
            verdict(taken["peak"] <= 4),
        ),
        (
            f"all features of {made['rows']:,} customers, one date, from the history on disk",
            "finishes within 4 GB",
            f"{made['seconds']:.1f} s, {made['peak']:.2f} GB",
            verdict(made["peak"] <= 4),
        ),
    ]


def verdict(met: bool) -> str:
    """Whether a bar was met, in a word."""
    return "met" if met else "**missed**"


def main() -> None:
    """Run what was asked for, and add the results to the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=float, default=10.0, help="millions of lines of the simulated log")
    parser.add_argument("--huge", type=int, default=0, help="also this many pieces of 10M lines (10 for 100M)")
    parser.add_argument("--step", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        step(given.step[0], Path(given.step[1]), Path(given.step[2]), given.step[3])
        return
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="lifecycle-bench-") as folder:
        rows = measure(Path(folder), int(given.lines * 1e6))
        if given.huge:
            rows += measure_huge(Path(folder), given.huge)
    text = [
        f"# Ingest and features: measured {dt.date.today()}, {os.cpu_count()} cores",
        "",
        f"Simulated log, seed 1. Load of the machine by others before the start: {load:.1f} runnable processes.",
        "",
        "| work | bar | measured | |",
        "|---|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text("\n".join(text) + "\n", encoding="utf-8")
    print("\n".join(text))


if __name__ == "__main__":
    main()
