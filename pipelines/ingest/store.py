"""The history store: a manifest and sorted segments on disk, read back bucket by bucket."""

import datetime as dt
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from features.account import MICRO, Account, Ledger
from features.columns import date_of
from features.combine import concatenate
from features.history import Codes, History, Lines, Returns
from features.window import to_date, to_day
from pipelines.ingest.segment import Columns, read_part
from pipelines.ingest.spec import IngestError
from pipelines.ingest.stage import InputTotals, only_row

MANIFEST = "manifest.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the store consists of: written last and by one rename, so that it names only whole segments."""

    format: int
    engine_hash: int
    n_buckets: int
    id_type: str
    columns: Columns
    segments: tuple[str, ...]
    first_day: int
    last_day: int
    ledger: Mapping[str, list[int]]
    totals: InputTotals
    equal_rows_kept: int
    zero_amount_purchases: int
    unmatched: int
    inputs: list[str]
    settings: Mapping[str, Any]

    @staticmethod
    def new(*, columns: Columns, ledger: Ledger, totals: InputTotals, **rest: Any) -> "Manifest":
        """A manifest of freshly built segments."""
        return Manifest(
            format=FORMAT,
            engine_hash=engine_hash(),
            columns=columns,
            ledger={
                "day": ledger.day.tolist(),
                "reason": ledger.reason.tolist(),
                "rows": ledger.rows.tolist(),
                "micro": ledger.micro.tolist(),
            },
            totals=totals,
            inputs=[],
            settings={},
            **rest,
        )

    def with_inputs(self, inputs: list[str], settings: Mapping[str, Any]) -> "Manifest":
        """The same manifest, with the inputs it was built from."""
        return replace(self, inputs=inputs, settings=settings)

    def next_segment(self) -> int:
        """Number of the next segment."""
        return 1 + max(int(name.rpartition("-")[2]) for name in self.segments)

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
        raw = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
        if raw.get("format") != FORMAT:
            raise IngestError(
                f"history store: format {raw.get('format')}, expected {FORMAT}. Delete the folder and ingest again."
            )
        raw["columns"] = Columns(**{**raw["columns"], "optional": tuple(raw["columns"]["optional"])})
        raw["totals"] = InputTotals(**raw["totals"])
        raw["segments"] = tuple(raw["segments"])
        return Manifest(**raw)

    def the_ledger(self) -> Ledger:
        """The ledger as arrays."""
        return Ledger(
            np.array(self.ledger["day"], np.int32),
            np.array(self.ledger["reason"], np.int8),
            np.array(self.ledger["rows"], np.int64),
            np.array(self.ledger["micro"], np.int64),
        )


def engine_hash() -> int:
    """A probe of the engine's hash function: digests of rows and buckets are only comparable where it agrees."""
    with duckdb.connect() as con:
        [probe] = only_row(con, "SELECT (hash('lifecycle', 1.5, 7) >> 1)::BIGINT")
    return int(probe)


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
        return HistoryStore(directory, Manifest.read(directory))

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
        """Digest of the content: rows of the input and the settings that decide how they are read."""
        settings = {k: v for k, v in self.manifest.settings.items() if k != "buckets"}
        return self.manifest.totals.sha256({"settings": settings, "engine": self.manifest.engine_hash})

    @property
    def quarantine_path(self) -> Path:
        """File with the rows that were quarantined, and why."""
        return self._directory / self.manifest.segments[-1] / "quarantine.parquet"

    @property
    def account(self) -> Account:
        """Account of the rows as of the last day of the log."""
        return self.account_as_of(None)

    def account_as_of(self, as_of: dt.date | None) -> Account:
        """Account of the rows as of a date; by default the last day of the log."""
        day = self.manifest.last_day if as_of is None else to_day(date_of(as_of))
        customers = everyone = 0
        for bucket in range(self.n_buckets):
            owned, known = self._known(bucket, day)
            customers += known
            everyone += owned
        return Account.of(
            self.manifest.the_ledger(),
            input_rows=self.manifest.totals.rows,
            input_micro=self.manifest.totals.micro,
            has_money=self.has_money,
            as_of=day,
            customers=customers,
            prospects=everyone - customers,
            equal_rows_kept=self.manifest.equal_rows_kept,
            zero_amount_purchases=self.manifest.zero_amount_purchases,
            unmatched_micro=self.manifest.unmatched,
            sha256=self.digest,
        )

    def _known(self, bucket: int, as_of: int) -> tuple[int, int]:
        """Number of customers in a bucket, and of those with a purchase day known as of a day."""
        folder = self._directory / self.manifest.segments[-1]
        counts = read_part(folder, bucket, "customers", ["days"])["days"].to_numpy()
        days = read_part(folder, bucket, "days", ["day", "void_day"])
        known = (days["day"].to_numpy() <= as_of) & (days["void_day"].to_numpy() > as_of)
        owner = np.repeat(np.arange(counts.size), counts)
        return counts.size, int(np.unique(owner[known]).size)

    def read(self, bucket: int) -> History:
        """History of one bucket of customers."""
        if not 0 <= bucket < self.n_buckets:
            raise IndexError(f"history store: bucket {bucket} of {self.n_buckets}.")
        folder = self._directory / self.manifest.segments[-1]
        customers = read_part(folder, bucket, "customers")
        days = read_part(folder, bucket, "days")
        columns = self.manifest.columns
        lines = read_part(folder, bucket, "lines", ["value", "void_day", *columns.optional])
        links = read_part(folder, bucket, "links")
        returns = read_part(folder, bucket, "returns", ["day"])
        offsets, line_offsets = _cut(customers["days"]), _cut(customers["lines"])
        return_offsets, link_offsets = _cut(customers["returns"]), _cut(customers["links"])
        per_link = np.diff(link_offsets)
        event = _plain(links["event"])
        day_offsets = np.zeros(days.num_rows + 1, np.int64)
        np.cumsum(_plain(days["lines"]), out=day_offsets[1:])
        return History(
            customer_id=_array(customers["customer_id"]),
            offsets=offsets,
            day=_plain(days["day"]),
            amount=_plain(days["amount"]) if columns.money else None,
            void_day=_plain(days["void_day"]),
            lines=Lines(
                offsets=day_offsets,
                amount=_plain(lines["value"]) / MICRO if columns.money else None,
                void_day=_plain(lines["void_day"]),
                product=_codes(lines, "product"),
                category=_codes(lines, "category"),
                channel=_codes(lines, "channel"),
                quantity=_plain(lines["quantity"]) if "quantity" in columns.optional else None,
                cost=_plain(lines["cost"]) if "cost" in columns.optional else None,
            ),
            returns=Returns(
                offsets=link_offsets,
                day=_plain(returns["day"])[event + np.repeat(return_offsets[:-1], per_link)],
                event=event,
                target=_plain(links["day_row"]) + np.repeat(offsets[:-1], per_link),
                line=_plain(links["line"]) + np.repeat(line_offsets[:-1], per_link),
                amount=_plain(links["value"]) / MICRO,
            ),
            log_first_day=self.manifest.first_day,
            log_last_day=self.manifest.last_day,
        )

    def read_all(self) -> History:
        """History of all customers, sorted by id."""
        return concatenate([self.read(bucket) for bucket in range(self.n_buckets)])


def _cut(counts: pa.ChunkedArray) -> np.ndarray:
    offsets = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts.to_numpy(), out=offsets[1:])
    return offsets


def _array(column: pa.ChunkedArray) -> pa.Array:
    merged = column.combine_chunks()
    return merged if isinstance(merged, pa.Array) else pa.concat_arrays(merged.chunks)


def _plain(column: pa.ChunkedArray) -> np.ndarray:
    plain: np.ndarray = column.to_numpy()
    return plain


def _codes(lines: pa.Table, name: str) -> Codes | None:
    if name not in lines.column_names:
        return None
    column = lines[name].unify_dictionaries().combine_chunks()
    chunk = column if isinstance(column, pa.DictionaryArray) else column.chunk(0)
    return Codes(chunk.indices.fill_null(-1).to_numpy(), chunk.dictionary)
