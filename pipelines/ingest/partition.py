"""Partition the classified rows: one pass over the source, whole customers together in scratch files.

The engine reads and classifies; each batch is cut by bucket and appended to that bucket's Arrow stream on disk. Text
with few distinct values (products, categories, channels) becomes codes on the way, customers' ids stay as they are.
Memory is bounded by a batch; nothing is sorted here, and nothing has to be: each bucket is put in order by itself.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lifecycle.features.records.ledger import Ledger
from lifecycle.pipelines.ingest.table_spec import IngestError

CODED = ("product", "category", "channel")
MOST_NAMES = 4_000_000
ROWS_PER_BATCH = 500_000

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class InputTotals:
    """What came in, counted in the source itself: rows, fixed-point amount, and an order-free digest of the rows."""

    rows: int
    micro: int
    hash_sum: int

    def plus(self, other: "InputTotals") -> "InputTotals":
        """Totals of two inputs together."""
        return InputTotals(
            self.rows + other.rows, self.micro + other.micro, (self.hash_sum + other.hash_sum) % (1 << 128)
        )

    def sha256(self, context: Mapping[str, object]) -> str:
        """Digest of the content: the same rows in any order, files and pieces give the same.

        SHA-256 over the number of rows and the sum of their digests. A row's digest is the engine's 64-bit hash over
        all columns of the source, the same on every machine; it may change with the engine's version, and the store is
        built anew then. SHA-256 of each row would need no such reserve, but on ten million lines it takes 6 to 8 s of
        a processor and MD5 4 s, where all else takes 13 s.
        """
        text = json.dumps({"rows": self.rows, "sum": self.hash_sum, **context}, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


class Vocabulary:
    """Codes of a text column, growing batch by batch; at the end the names are sorted and the codes follow."""

    def __init__(self, what: str, names: Iterable[str] = ()) -> None:
        """Start with the names that are known already."""
        self._what = what
        self._code = {name: code for code, name in enumerate(names)}

    def encode(self, text: pa.Array) -> I32:
        """Codes of one batch, -1 for a missing value."""
        encoded = text.dictionary_encode()
        known = self._code
        place = np.array(
            [known.setdefault(name, len(known)) for name in encoded.dictionary.to_pylist()] + [-1], np.int32
        )
        if len(known) > MOST_NAMES:
            raise IngestError(
                f"transactions: column {self._what} has more than {MOST_NAMES:,} distinct values, too many for a "
                f"breadth of purchases. Name a column with fewer, or leave {self._what} out."
            )
        codes: I32 = place.take(encoded.indices.fill_null(len(place) - 1).to_numpy())
        return codes

    def sorted(self) -> tuple[pa.Array, I32]:
        """The names in order, and the rank of each code (the last entry is -1, for missing values)."""
        names = pa.array(list(self._code), pa.string())
        order = pc.sort_indices(names).to_numpy()
        rank = np.empty(order.size + 1, np.int32)
        rank[order] = np.arange(order.size, dtype=np.int32)
        rank[-1] = -1
        return names.take(pa.array(order)), rank


@dataclass(frozen=True, slots=True)
class Partitioned:
    """What lies in the scratch folder after the pass."""

    folder: Path
    totals: InputTotals
    vocabularies: Mapping[str, Vocabulary]
    set_aside: Ledger
    """Ledger of the rows that failed the contract; the rows themselves are in ``set_aside.arrow``."""
    first_day: int | None
    last_day: int | None
    currencies: Mapping[str, int]
    """Usable rows by the currency they name ("" for none); empty where the log's currencies were not to be counted."""
    signs: Sequence[int]
    """Usable rows with a negative quantity whose value is positive, and whose value is negative."""
    foreign: tuple[int, str]
    """Costs and quantities with a decimal comma that were not read, and one of them."""
    points: Sequence[int]
    """Usable rows whose amount has no point, a decimal point, and one that may stand between thousands."""
    pointed: str
    """One of the latter, as its row's text."""

    def bucket(self, bucket: int) -> pa.Table | None:
        """Rows of one bucket, in any order; None where it has none."""
        return _read(self.folder / f"bucket-{bucket:04d}.arrow")

    def rows_set_aside(self) -> pa.Table | None:
        """Rows that failed the contract."""
        return _read(self.folder / "set_aside.arrow")


class _Writers:
    """Arrow streams in a folder, opened when first needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[str, pa.ipc.RecordBatchStreamWriter] = {}

    def write(self, name: str, batch: pa.RecordBatch) -> None:
        """Append a batch to a stream."""
        if name not in self._open:
            self._open[name] = pa.ipc.new_stream(str(self._folder / name), batch.schema)
        self._open[name].write_batch(batch)

    def close(self) -> None:
        """Finish all streams."""
        for writer in self._open.values():
            writer.close()


def partition(
    batches: Iterable[pa.RecordBatch],
    folder: Path,
    *,
    n_buckets: int,
    has_money: bool,
    vocabularies: Mapping[str, Vocabulary],
) -> Partitioned:
    """Cut classified batches (see :func:`pipelines.ingest.contract.classify`) by bucket into streams in ``folder``."""
    folder.mkdir(parents=True)
    writers = _Writers(folder)
    totals = InputTotals(0, 0, 0)
    ledgers: list[Ledger] = []
    first: int | None = None
    last: int | None = None
    currencies: Counter[str] = Counter()
    signs, points = np.zeros(2, np.int64), np.zeros(3, np.int64)
    foreign: list[str] = []
    pointed = ""
    for batch in batches:
        value = batch["value"].to_numpy()
        micro = exact_sum(value) if has_money else 0
        totals = totals.plus(InputTotals(batch.num_rows, micro, exact_sum(batch["row_hash"].to_numpy())))
        bucket = batch["bucket"].to_numpy()
        bad = bucket == n_buckets
        if bad.any():
            rows = batch.filter(pa.array(bad)).select(
                [n for n in batch.schema.names if n not in _FOR_CHECKS or n == "why"]
            )
            writers.write("set_aside.arrow", rows)
            money = rows["value"].to_numpy() if has_money else np.zeros(rows.num_rows, np.int64)
            ledgers.append(Ledger.of(rows["day"].to_numpy(), rows["why"].to_numpy().astype(np.int8), money))
        good = np.flatnonzero(~bad)
        if good.size == 0:
            continue
        if "currency" in batch.schema.names:
            named = batch["currency"].filter(pa.array(~bad)).value_counts().to_pylist()
            currencies.update({one["values"] or "": one["counts"] for one in named})
        if "points" in batch.schema.names:
            kinds = batch["points"].to_numpy()[good]
            points += np.bincount(kinds, minlength=3)
            foreign += batch["foreign_number"].drop_null().to_pylist()
            if not pointed and (kinds == 2).any():
                pointed = f"{value[good[np.argmax(kinds == 2)]] / 1e6:.3f}"
        if batch["quantity"].null_count < batch.num_rows:
            back = batch["quantity"].to_numpy(zero_copy_only=False)[good] < 0
            signs += (back & (value[good] > 0)).sum(), (back & (value[good] < 0)).sum()
        order = good[np.argsort(bucket[good], kind="stable")]
        codes = {name: vocabulary.encode(batch[name]) for name, vocabulary in vocabularies.items()}
        columns = {
            name: pa.array(codes[name][order]) if name in codes else batch[name].take(pa.array(order))
            for name in batch.schema.names
            if name not in _FOR_CHECKS
        }
        day = columns["day"].to_numpy()
        first = int(day.min()) if first is None else min(first, int(day.min()))
        last = int(day.max()) if last is None else max(last, int(day.max()))
        sorted_batch = pa.RecordBatch.from_pydict(columns)
        cuts = np.searchsorted(bucket[order], np.arange(n_buckets + 1))
        for b in np.flatnonzero(np.diff(cuts)).tolist():
            writers.write(f"bucket-{b:04d}.arrow", sorted_batch.slice(cuts[b], cuts[b + 1] - cuts[b]))
    writers.close()
    return Partitioned(
        folder,
        totals,
        vocabularies,
        Ledger.merge(ledgers),
        first,
        last,
        dict(currencies),
        signs=signs.tolist(),
        foreign=(len(foreign), min(foreign, default="")),
        points=points.tolist(),
        pointed=pointed,
    )


_FOR_CHECKS = ("bucket", "why", "currency", "foreign_number", "points")
"""Columns of the classified rows that are looked at here and not kept."""


def exact_sum(values: I64) -> int:
    """Sum of 64-bit integers without overflow."""
    return (int((values >> 32).sum()) << 32) + int((values & 0xFFFFFFFF).sum())


def _read(path: Path) -> pa.Table | None:
    if not path.is_file():
        return None
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_stream(source).read_all()
