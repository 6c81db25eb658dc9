"""Measure scoring end to end: `python -P benchmarks/scoring.py [--customers 1] [--keep FOLDER] [--train]`, in millions.

``-P`` keeps this folder off the path, where a file called like the package would shadow it.

A champion is trained on a small shop of the same kind; then a log of ten lines a customer is ingested and scored by
``lifecycle score`` in a process of its own, so that start, compiled code from the cache, wall time and peak memory are
what a user has. A first scoring of the small shop compiles what is not compiled yet. Logs are made in a process of
their own as well: a child is charged with the memory that its parent had when it was started.
"""

import argparse
import importlib.util
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

PIECE = 1_000_000
SMALL = 60_000
LINES = 17.0
"""Lines a customer before some leave; about ten are left."""

STAYS = 500.0
"""Mean days from the first purchase until a customer leaves for good."""

CONFIG = """
[tables.transactions]
path = "log"
timestamp = "ts"
order_id = "order_id"
product = "product"
category = "category"
channel = "channel"

[time]
horizon_days = 90

[money]
currency = "EUR"
margin = 0.3

[retention]
budget = {budget}

[[retention.actions]]
name = "letter"
stages = ["growth", "mature", "decline", "churned"]
effect = "prevent"
contact_cost = 0.5

[[retention.actions]]
name = "voucher"
stages = ["new"]
effect = "activate"
contact_cost = 0.1
incentive = 1.0

[[retention.actions]]
name = "call"
stages = ["mature", "decline"]
effect = "prevent"
channel = "phone"
contact_cost = 5.0
save_rate = 0.3
capacity = 2000
personal = true

[learning]
candidates = ["combined"]
bootstrap = 20

[tracking]
uri = "sqlite:///{place}/mlflow.db"
experiment = "scoring-benchmark"
"""


def simulator() -> Any:
    """The simulated shop of the ingest benchmark, which nobody ever leaves."""
    spec = importlib.util.spec_from_file_location("features_benchmark", Path(__file__).with_name("features.py"))
    if spec is None or spec.loader is None:
        raise FileNotFoundError("benchmarks/features.py")
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.LINES_PER_CUSTOMER = LINES
    return module


def log_of(shop: Any, customers: int, seed: int, first_customer: int) -> pa.Table:
    """Lines of customers who each leave after a time of their own."""
    table = shop.simulate(int(LINES * customers), seed, first_customer)
    codes = table["customer_id"].combine_chunks().dictionary_encode().indices.to_numpy()
    day = table["ts"].combine_chunks().to_numpy().astype("datetime64[D]").astype(np.int64)
    _, begun = np.unique(codes, return_index=True)
    leaves = day[begun] + np.random.default_rng(seed).exponential(STAYS, begun.size)
    return table.filter(pa.array(day <= leaves[codes]))


def prepare(place: Path, name: str, customers: int, seeds: range) -> Path:
    """Write a shop's log and configuration; returns the configuration."""
    shop, folder = simulator(), place / name
    (folder / "log").mkdir(parents=True)
    for piece, seed in enumerate(seeds):
        table = log_of(shop, customers, seed, seed * PIECE)
        pq.write_table(table, folder / f"log/part-{piece:02d}.parquet", compression="zstd", row_group_size=500_000)
        del table
    config = folder / "shop.toml"
    config.write_text(CONFIG.format(place=place, budget=customers * len(seeds) // 50))
    return config


def prepared(place: Path, name: str, customers: int, seeds: range) -> Path:
    """`prepare` in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(prepare, place, name, customers, seeds).result()


def run(verb: str, config: Path) -> dict[str, float]:
    """Run a verb of the command in a process of its own: wall and processor seconds, peak memory in GB."""
    begun = time.perf_counter()
    command = [sys.executable, "-P", "-m", "pipelines", verb, "--config", str(config)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"lifecycle {verb} failed")
    return {
        "wall": time.perf_counter() - begun,
        "processor": usage.ru_utime + usage.ru_stime,
        "peak": usage.ru_maxrss / 2**20,
    }


def shops(place: Path, millions: int) -> Path:
    """Train on the small shop and ingest the large one, whose configuration is returned."""
    small, large = place / "small/shop.toml", place / f"large-{millions}/shop.toml"
    if not small.exists():
        prepared(place, "small", SMALL, range(100, 101))
        for verb in ("ingest", "train", "score"):
            run(verb, small)
    if not large.exists():
        prepared(place, f"large-{millions}", PIECE, range(millions))
        run("ingest", large)
    return large


def measure_training(large: Path) -> list[str]:
    """Train all candidates on the large shop, in an experiment of their own; lines of a table."""
    config = large.with_name("training.toml")
    text = large.read_text().replace('candidates = ["combined"]\nbootstrap = 20\n', "")
    config.write_text(text.replace('"scoring-benchmark"', '"training-benchmark"'))
    taken = run("train", config)
    return [
        "| training of all candidates | processor | peak |",
        "|---|---|---|",
        f"| {taken['wall']:.1f} s | {taken['processor']:.1f} s | {taken['peak']:.2f} GB |",
    ]


def measure(large: Path, times: int) -> list[str]:
    """Score the large shop a few times; lines of a table."""
    rows = ["| customers | wall | processor | peak | steps |", "|---|---|---|---|---|"]
    for _ in range(times):
        output = large.parent / "output"
        for folder in ("scores", "csv", "manifests", ".work"):
            shutil.rmtree(output / folder, ignore_errors=True)
        taken = run("score", large)
        [manifest] = (output / "manifests").glob("*.json")
        facts = json.loads(manifest.read_text())
        steps = ", ".join(f"{step} {seconds:.1f} s" for step, seconds in facts["seconds"].items())
        rows.append(
            f"| {facts['rows']:,} ({facts['list']['targeted']:,} on the list) | {taken['wall']:.1f} s | "
            f"{taken['processor']:.1f} s | {taken['peak']:.2f} GB | {steps} |"
        )
    return rows


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1, help="millions of customers")
    parser.add_argument("--times", type=int, default=3, help="how often to score")
    parser.add_argument("--keep", type=Path, help="folder for logs and models, which a next run uses again")
    parser.add_argument("--train", action="store_true", help="train all candidates on the large shop instead")
    given = parser.parse_args()
    print(f"Load of the machine by others before the start: {os.getloadavg()[0]:.1f} runnable processes.")
    with tempfile.TemporaryDirectory(prefix="lifecycle-bench-") as folder:
        place = Path(folder) if given.keep is None else given.keep.resolve()
        large = shops(place, given.customers)
        print("\n".join(measure_training(large) if given.train else measure(large, given.times)))


if __name__ == "__main__":
    main()
