"""The history store: a manifest and sorted segments on disk, read back bucket by bucket."""

import datetime as dt
import fcntl
import json
import os
import weakref
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lifecycle.features.history import History
from lifecycle.features.outcomes import RateReference, base_levels
from lifecycle.features.ragged import concatenate, take
from lifecycle.features.records.account import Account
from lifecycle.features.records.ledger import Ledger
from lifecycle.features.records.side_tables import SideTables
from lifecycle.features.table import CUSTOMERS_PER_BATCH, build
from lifecycle.features.window import Window, to_date, to_day
from lifecycle.pipelines.ingest.optional_tables import ExtraTable, read_side_tables
from lifecycle.pipelines.ingest.partition import InputTotals
from lifecycle.pipelines.ingest.segment import Columns, read_history, read_part, whole
from lifecycle.pipelines.ingest.table_spec import IngestError

MANIFEST = "manifest.json"
QUARANTINE = "quarantine.parquet"
FORMAT = 5


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the store consists of: written last and by one rename, so that it names only whole segments."""

    format: int
    engine_hash: int
    settings: Mapping[str, Any]
    inputs: Mapping[str, list[str]]
    """Table -> digests of the files it was read from; none for a database, which is read anew each time."""
    n_buckets: int
    id_type: str
    columns: Columns
    segments: tuple[str, ...]
    """Oldest first; of a customer in several, the newest holds the whole."""
    extras: str | None
    extra_tables: Mapping[str, ExtraTable]
    first_day: int
    last_day: int
    ledger: Mapping[str, list[int]]
    totals: InputTotals
    equal_rows_kept: int
    zero_amount_purchases: int
    unmatched: int
    currencies: Mapping[str, int]
    """Usable rows by the currency they name, where the log names any and none was chosen."""
    quarantine: str
    """Folder with the quarantine file of all tables: the one that was written last."""

    def publish(self, directory: Path) -> None:
        """Write the manifest by one rename."""
        draft = directory / (MANIFEST + ".new")
        with draft.open("w", encoding="utf-8") as stream:
            json.dump(asdict(self), stream, sort_keys=True)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(directory / MANIFEST)

    @staticmethod
    def read(directory: Path) -> "Manifest":
        """The manifest of a store."""
        try:
            raw = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
            if raw.get("format") != FORMAT:
                raise IngestError(
                    f"history store: format {raw.get('format')}, expected {FORMAT}. Run `lifecycle ingest`: it "
                    "builds the store anew."
                )
            raw["columns"] = Columns(**{**raw["columns"], "optional": tuple(raw["columns"]["optional"])})
            raw["totals"] = InputTotals(**raw["totals"])
            raw["segments"] = tuple(raw["segments"])
            raw["extra_tables"] = {name: ExtraTable(**table) for name, table in raw["extra_tables"].items()}
            return Manifest(**raw)
        except (json.JSONDecodeError, UnicodeDecodeError, AttributeError, KeyError, TypeError) as error:
            raise IngestError(
                f"history store: {MANIFEST} is damaged ({error}). Run `lifecycle ingest`: it builds the store anew."
            ) from None

    def the_ledger(self) -> Ledger:
        """The ledger as arrays."""
        return Ledger.of_lists(self.ledger)


class HistoryStore:
    """A history on disk, in buckets of whole customers."""

    def __init__(self, directory: Path, manifest: Manifest) -> None:
        """Take a folder and its manifest; use :meth:`open`."""
        self._directory = directory
        self.manifest = manifest

    @staticmethod
    def exists(directory: Path) -> bool:
        """Whether there is a store in the folder."""
        return (directory / MANIFEST).is_file()

    @staticmethod
    def open(directory: Path) -> "HistoryStore":
        """Open the store in a folder."""
        if not HistoryStore.exists(directory):
            raise IngestError(f"no history store in {directory.name}: run `lifecycle ingest` first.")
        reading = _readers(directory)
        if reading is not None:
            fcntl.flock(reading, fcntl.LOCK_SH)
        try:
            store = HistoryStore(directory, Manifest.read(directory))
        except IngestError:
            if reading is not None:
                os.close(reading)
            raise
        if reading is not None:  # as long as the store is there, no ingest takes its segments away
            weakref.finalize(store, os.close, reading)
        return store

    @staticmethod
    def unread(directory: Path) -> bool:
        """Whether nobody has the store open, so that what its manifest no longer names may go."""
        reading = _readers(directory)
        if reading is None:
            return True
        try:
            fcntl.flock(reading, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        finally:
            os.close(reading)
        return True

    def folder(self, segment: str) -> Path:
        """Folder of a segment."""
        return self._directory / segment

    @property
    def n_buckets(self) -> int:
        """Number of buckets."""
        return self.manifest.n_buckets

    @property
    def last_day(self) -> dt.date:
        """Last day of the log."""
        return to_date(self.manifest.last_day)

    @property
    def first_day(self) -> dt.date:
        """First day of the log."""
        return to_date(self.manifest.first_day)

    @property
    def has_money(self) -> bool:
        """Whether the log has amounts."""
        return self.manifest.columns.money

    @property
    def digest(self) -> str:
        """Digest of the content: rows of every table and the settings that decide how they are read."""
        return self.manifest.totals.sha256(
            {
                "settings": self.manifest.settings,
                "engine": self.manifest.engine_hash,
                "tables": {name: table.digest for name, table in self.manifest.extra_tables.items()},
            }
        )

    @property
    def quarantine_path(self) -> Path:
        """File with the rows of all tables that were quarantined, and why."""
        return self._directory / self.manifest.quarantine / QUARANTINE

    @property
    def account(self) -> Account:
        """Account of the rows as of the last day of the log."""
        return self.account_as_of(None)

    def account_as_of(self, as_of: dt.date | None) -> Account:
        """Account of the rows as of a date; by default the last day of the log."""
        day = self.manifest.last_day if as_of is None else to_day(as_of)
        everyone = buyers = 0
        named: Counter[tuple[str, int]] = Counter()
        for bucket in range(self.n_buckets):
            one = self._known(bucket, day)
            everyone, buyers = everyone + one[0], buyers + one[1]
            named.update({(name, place): count for name, pair in one[2].items() for place, count in enumerate(pair)})
        return Account.of(
            self.manifest.the_ledger(),
            input_rows=self.manifest.totals.rows,
            input_micro=self.manifest.totals.micro,
            has_money=self.has_money,
            as_of=day,
            customers=buyers,
            prospects=everyone - buyers,
            equal_rows_kept=self.manifest.equal_rows_kept,
            zero_amount_purchases=self.manifest.zero_amount_purchases,
            unmatched_micro=self.manifest.unmatched,
            sha256=self.digest,
            tables=tuple(
                table.account(name, day, named[name, 0], named[name, 1])
                for name, table in self.manifest.extra_tables.items()
            ),
        )

    def _known(self, bucket: int, as_of: int) -> tuple[int, int, dict[str, tuple[int, int]]]:
        """Customers of a bucket, those of them with a purchase day known as of a day, and whom each table names."""
        seen: list[pa.Array] = []
        buyers = 0
        for name in reversed(self.manifest.segments):
            folder = self._directory / name
            customers = read_part(folder, bucket, "customers", ["customer_id", "days"])
            ids, counts = whole(customers["customer_id"]), customers["days"].to_numpy()
            days = read_part(folder, bucket, "days", ["day", "void_day"])
            known = (days["day"].to_numpy() <= as_of) & (days["void_day"].to_numpy() > as_of)
            bought = np.zeros(counts.size, np.bool_)
            bought[np.repeat(np.arange(counts.size), counts)[known]] = True
            for newer in seen:
                bought &= ~pc.is_in(ids, newer).to_numpy(zero_copy_only=False)
            buyers += int(bought.sum())
            seen.append(ids)
        beside = self._side_tables(bucket)
        named = beside.named(pa.concat_arrays(seen))
        seen += beside.ids()
        everyone = len(seen[0]) if len(seen) == 1 else len(pc.unique(pa.concat_arrays(seen)))
        return everyone, buyers, named

    def _side_tables(self, bucket: int) -> SideTables:
        if self.manifest.extras is None:
            return read_side_tables(self._directory, bucket, {})
        return read_side_tables(self._directory / self.manifest.extras, bucket, self.manifest.extra_tables)

    def read(self, bucket: int, *, with_lines: bool = True) -> History:
        """History of one bucket of customers: of each customer the newest segment, with the optional tables.

        ``with_lines=False`` leaves out what single lines say (amounts, products, …): purchase days are all there.
        """
        if not 0 <= bucket < self.n_buckets:
            raise IndexError(f"history store: bucket {bucket} of {self.n_buckets}.")
        m = self.manifest
        parts: list[History] = []
        newer: list[pa.Array] = []
        for name in reversed(m.segments):
            part = read_history(
                self._directory / name, bucket, m.columns, m.first_day, m.last_day, with_lines=with_lines
            )
            ids = part.customer_id
            if newer:
                stale = pc.is_in(ids, pa.concat_arrays(newer)).to_numpy(zero_copy_only=False)
                part = take(part, np.flatnonzero(~stale)) if stale.any() else part
            parts.append(part)
            newer.append(ids)
        return self._side_tables(bucket).attach(concatenate(parts))

    def __iter__(self) -> Iterator[History]:
        """Histories of all buckets, one at a time; the next one is read while one is in use."""
        return self._each(with_lines=True)

    def _each(self, *, with_lines: bool) -> Iterator[History]:
        with ThreadPoolExecutor(1) as reader:
            ahead = reader.submit(self.read, 0, with_lines=with_lines)
            for bucket in range(self.n_buckets):
                history = ahead.result()
                if bucket + 1 < self.n_buckets:
                    ahead = reader.submit(self.read, bucket + 1, with_lines=with_lines)
                yield history

    @property
    def days_only(self) -> Iterable[History]:
        """The histories of all buckets without lines, for passes that need purchase days alone."""
        return _DaysOnly(self)

    def tables(
        self,
        as_of: Sequence[dt.date],
        *,
        horizon: int,
        reference: RateReference,
        rows_per_batch: int = CUSTOMERS_PER_BATCH,
        workers: int = 2,
    ) -> Iterator[pa.RecordBatch]:
        """Training tables of all buckets (see :func:`features.table.build`); one bucket is in memory at a time."""
        windows = [Window(date, horizon) for date in as_of]
        complete = [w for w in windows if w.end <= self.last_day]
        base = {w.as_of: level for w, level in base_levels(self.days_only, complete, reference=reference).items()}
        yield from build(
            self, as_of, horizon=horizon, reference=reference, rows_per_batch=rows_per_batch, base=base, workers=workers
        )

    def read_all(self) -> History:
        """History of all customers, sorted by id."""
        return concatenate([self.read(bucket) for bucket in range(self.n_buckets)])


def _readers(directory: Path) -> int | None:
    """The opened file that readers hold a shared lock of; None where this user may not write there."""
    try:
        return os.open(directory / ".readers", os.O_RDWR | os.O_CREAT, 0o666)
    except PermissionError:
        return None


class _DaysOnly:
    """A store whose histories come without lines, for passes that need purchase days alone."""

    def __init__(self, store: HistoryStore) -> None:
        self._store = store

    def __iter__(self) -> Iterator[History]:
        return self._store._each(with_lines=False)
