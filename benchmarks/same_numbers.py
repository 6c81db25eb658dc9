"""Do two states of this software give the same numbers, to the last bit?

    python -P benchmarks/same_numbers.py keep configs/cdnow.toml before     # with the state of before
    python -P benchmarks/same_numbers.py keep configs/cdnow.toml after      # with the state of after
    python -P benchmarks/same_numbers.py compare before after               # exit 0 only if no number moved

`keep` runs the whole job in a store of its own and keeps history, features, scores, metrics and the numbers of the
report. `compare` goes through them column by column. A refactoring may give things other names (`--renamed old=new`)
and print numbers otherwise; no number may move.
"""

import argparse
import json
import re
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

NUMBER = re.compile(r"[−-]?\d[\d,]*(?:\.\d+)?")
TIMED = re.compile(r"seconds|^system/")
"""Metrics that are never the same twice."""
DIGESTS = ("model_version", "policy_version")
"""Columns of the scores that stand for the content of files, whose keys may change."""


class _Text(HTMLParser):
    """The text of a page that people read, without styles and scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        self._hidden += tag in ("style", "script")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("style", "script")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)


def numbers_of(page: str) -> list[str]:
    """The numbers of an HTML page in their order; digests of versions are none."""
    reader = _Text()
    reader.feed(page)
    return NUMBER.findall(re.sub(r"\b[0-9a-f]{8,}\b", "", " ".join(reader.parts)))


def metrics_of(store: Path) -> dict[str, float]:
    """The last value of each metric by run and name; runs by their place, so that names of runs may change."""
    with sqlite3.connect(store) as database:
        runs = [row[0] for row in database.execute("SELECT run_uuid FROM runs ORDER BY start_time, name")]
        found = database.execute("SELECT run_uuid, key, value FROM latest_metrics").fetchall()
    place = {run: number for number, run in enumerate(runs)}
    return {f"{place[run]:02d} {key}": value for run, key, value in found if not TIMED.search(key)}


def keep(config_file: Path, folder: Path) -> None:
    """Run the job with this software and keep its numbers in a folder."""
    from lifecycle.features import table
    from lifecycle.pipelines import config as configuration
    from lifecycle.pipelines.ingest import HistoryStore
    from lifecycle.pipelines.steps import run_all

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        store = Path(scratch) / "mlflow.db"
        overrides = {"output.directory": f"{scratch}/output", "tracking.uri": f"sqlite:///{store}"}
        config = configuration.load(config_file, overrides)
        run_all(config)
        keep_outputs(config.directory, store, folder)
        history = HistoryStore.open(config.directory / "history")
        features = table.frame(history.read_all(), config.time.as_of or history.last_day)
    pq.write_table(
        pa.Table.from_pandas(features.copy().reset_index(), preserve_index=False), folder / "features.parquet"
    )


def keep_outputs(outputs: Path, store: Path, folder: Path) -> None:
    """Copy what `compare` reads of the outputs of a job."""
    for path in sorted((outputs / "history").rglob("*.parquet")):
        target = folder / "history" / path.relative_to(outputs / "history")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    (scores,) = (outputs / "scores").glob("*.parquet")
    shutil.copy(scores, folder / "scores.parquet")
    (report,) = (outputs / "report").glob("*.html")
    (folder / "report.json").write_text(json.dumps(numbers_of(report.read_text("utf-8"))))
    (folder / "metrics.json").write_text(json.dumps(metrics_of(store), indent=0, sort_keys=True))


def compare(before: Path, after: Path, renamed: Mapping[str, str]) -> Iterator[str]:
    """Yield every difference in words; nothing where all numbers are the same."""
    ours, theirs = (sorted(p.relative_to(x) for p in x.rglob("*.parquet")) for x in (before, after))
    if ours != theirs:
        yield f"tables differ: {len(ours)} before, {len(theirs)} after"
    for name in set(ours) & set(theirs):
        yield from _of_tables(str(name), pq.read_table(before / name), pq.read_table(after / name), renamed)
    old, new = (json.loads((x / "metrics.json").read_text()) for x in (before, after))
    old = {_renamed(key, renamed): value for key, value in old.items()}
    yield from (f"metric {key} is gone" for key in sorted(old.keys() - new.keys()))
    yield from (f"metric {key} is new" for key in sorted(new.keys() - old.keys()))
    for key in sorted(old.keys() & new.keys()):
        if not np.array_equal([old[key]], [new[key]], equal_nan=True):
            yield f"metric {key}: {old[key]!r} before, {new[key]!r} after"
    pages = [json.loads((x / "report.json").read_text()) for x in (before, after)]
    moved = [(a, b) for a, b in zip(*pages, strict=False) if a != b]
    if moved or len(pages[0]) != len(pages[1]):
        shown = ", ".join(f"{a} → {b}" for a, b in moved[:5])
        yield f"report: {len(pages[0])} numbers before, {len(pages[1])} after, {len(moved)} not in place: {shown}"


def _of_tables(name: str, old: pa.Table, new: pa.Table, renamed: Mapping[str, str]) -> Iterator[str]:
    old = old.rename_columns([renamed.get(column, column) for column in old.column_names])
    if old.num_rows != new.num_rows:
        yield f"{name}: {old.num_rows} rows before, {new.num_rows} after"
        return
    yield from (f"{name}: column {column} is gone" for column in old.column_names if column not in new.column_names)
    yield from (f"{name}: column {column} is new" for column in new.column_names if column not in old.column_names)
    shared = [
        [column for column in one.column_names if column in two.column_names] for one, two in ((old, new), (new, old))
    ]
    if shared[0] != shared[1]:
        yield f"{name}: the columns stand in another order, which moves what trees draw"
    for column in old.column_names:
        if column in new.column_names and column not in DIGESTS:
            was, now = old[column].combine_chunks(), new[column].combine_chunks()
            if not was.equals(now) and not _same_bits(was, now):
                yield f"{name}: column {column} moved"


def _same_bits(was: pa.Array, now: pa.Array) -> bool:
    """Whether two columns of numbers are the same where NaN equals NaN."""
    if not (pa.types.is_floating(was.type) and was.type == now.type):
        return False
    one, two = (x.to_numpy(zero_copy_only=False) for x in (was, now))
    return was.is_null().equals(now.is_null()) and np.array_equal(one, two, equal_nan=True)


def _renamed(key: str, renamed: Mapping[str, str]) -> str:
    place, _, name = key.partition(" ")
    return f"{place} {renamed.get(name, name)}"


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    keeping = verbs.add_parser("keep", help="run the job and keep its numbers")
    keeping.add_argument("config", type=Path)
    keeping.add_argument("folder", type=Path)
    comparing = verbs.add_parser("compare", help="compare what two states have kept")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("after", type=Path)
    comparing.add_argument("--renamed", action="append", default=[], metavar="OLD=NEW", help="a key that was renamed")
    asked = parser.parse_args()
    if asked.verb == "keep":
        keep(asked.config, asked.folder)
        return 0
    differences = list(compare(asked.before, asked.after, dict(pair.split("=", 1) for pair in asked.renamed)))
    for difference in differences:
        print(difference)
    print(f"{len(differences)} differences" if differences else "the same numbers")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
