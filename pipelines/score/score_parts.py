"""Estimates of all customers, a file a bucket: what a killed scoring leaves, and the next run need not make again."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from lifecycle.features.ragged import customers_between
from lifecycle.features.window import Window
from lifecycle.pipelines.atomic_files import replacing
from lifecycle.pipelines.ingest import HistoryStore
from lifecycle.pipelines.terminal import Progress
from lifecycle.scoring.champion import Bundle
from lifecycle.scoring.estimates import estimate
from lifecycle.scoring.free_memory import hand_back
from lifecycle.scoring.money_terms import MoneyTerms
from lifecycle.scoring.whole_base import whole_base

BATCH = 32_768
"""Customers estimated at a time, at most; a bucket is cut evenly, so the batches depend on the history alone."""

WORKERS = 2
"""Batches estimated at the same time: memory is bounded by so many."""


@dataclass(frozen=True)
class Parts:
    """The files in the order of the buckets, how many rows each holds, and how many buckets were there already."""

    paths: Sequence[Path]
    sizes: Sequence[int]
    resumed: int

    @property
    def rows(self) -> int:
        """Number of customers in all."""
        return sum(self.sizes)

    def column_tables(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Some columns of each part, in order."""
        return (pq.read_table(path, columns=list(columns)) for path in self.paths)


def estimate_all(
    store: HistoryStore, bundle: Bundle, window: Window, money: MoneyTerms, folder: Path, progress: Progress
) -> Parts:
    """Estimate every bucket that has no file in the folder yet; a file appears there only whole."""
    paths = [folder / f"{bucket:05d}.parquet" for bucket in range(store.n_buckets)]
    missing = [bucket for bucket, path in enumerate(paths) if not path.exists()]
    if missing:
        progress("season and level of the base")
        base = whole_base(store, bundle, window, money, days=store.days_only)
        with ThreadPoolExecutor(WORKERS) as pool:
            for done, bucket in enumerate(missing):
                progress(f"estimating {done / len(missing):.0%}")
                history = store.read(bucket)
                found = pool.map(
                    lambda cut, history=history: estimate(
                        customers_between(history, *cut), bundle, window, base, money
                    ),
                    even_cuts(history.n_customers, BATCH),
                )
                with replacing(paths[bucket]) as path:
                    pq.write_table(pa.concat_tables(found), path, compression="lz4")
                del history
                hand_back()
    sizes = [pq.read_metadata(path).num_rows for path in paths]
    return Parts(paths, sizes, len(paths) - len(missing))


def even_cuts(n: int, most: int) -> list[tuple[int, int]]:
    """Bounds that cut n in as few pieces as hold `most` at most, alike in size; one empty piece for nothing.

    >>> even_cuts(10, 4), even_cuts(0, 4)
    ([(0, 3), (3, 6), (6, 10)], [(0, 0)])
    """
    pieces = max(1, -(-n // most))
    return [(n * k // pieces, n * (k + 1) // pieces) for k in range(pieces)]
