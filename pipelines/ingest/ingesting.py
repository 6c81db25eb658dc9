"""Ingest: sources in, a history store and an account of every row out."""

import datetime as dt
import fcntl
import math
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from lifecycle.features.records.account import Account
from lifecycle.features.records.side_contract import SIDE_TABLES
from lifecycle.pipelines.ingest import contract, id_map
from lifecycle.pipelines.ingest.build import Built, build_segment
from lifecycle.pipelines.ingest.engine import connect, engine_hash, reading
from lifecycle.pipelines.ingest.id_map import load_aliases
from lifecycle.pipelines.ingest.optional_tables import ExtraTable, write_table
from lifecycle.pipelines.ingest.quarantine import of_former, write_quarantine
from lifecycle.pipelines.ingest.sources import (
    Source,
    SourceFile,
    check_unchanged,
    find_files,
    open_database,
    open_files,
)
from lifecycle.pipelines.ingest.sql_values import check_columns, check_formats, id_type
from lifecycle.pipelines.ingest.store import FORMAT, QUARANTINE, HistoryStore, Manifest
from lifecycle.pipelines.ingest.table_spec import IngestError, QuarantineLimits, Tables, TableSpec
from lifecycle.pipelines.ingest.tolerance import judged

import duckdb  # isort: skip

Progress = Callable[[str, float], None]

LINES_PER_BUCKET = 1_500_000
"""Lines of one bucket: what is held in memory at a time."""

SCRATCH = ".ingest-"

NEEDED: Mapping[str, tuple[str, ...]] = {
    "id_map": id_map.NEEDED,
    **{what: roles.needed for what, roles in SIDE_TABLES.items()},
}
"""Optional table -> roles whose columns every file of it must have."""


def ingest(
    tables: Tables,
    directory: Path,
    *,
    as_of: dt.date | None = None,
    buckets: int | None = None,
    memory_limit: str = "1GB",
    zero_amount: str = "purchase",
    limits: QuarantineLimits | None = None,
    progress: Progress | None = None,
) -> Account:
    """Bring the tables into the history store at ``directory`` and return the account of the transactions' rows.

    Files that are in the store already are not read again; new files of transactions add one sorted segment; any other
    change builds the store anew. The same input changes nothing, and a crash at any point leaves the former store,
    because the manifest is written last.
    """
    report = progress or (lambda _what, _share: None)
    limits = limits or QuarantineLimits()
    directory.mkdir(parents=True, exist_ok=True)
    with _alone(directory):
        report("looking at the sources", 0.0)
        former = HistoryStore(directory, Manifest.read(directory)) if _current(directory) else None
        _sweep(directory, former)
        files = {what: find_files(spec, what) for what, spec in tables.present() if spec.path is not None}
        settings = _settings(tables, zero_amount)
        if former is not None and former.manifest.settings != settings:
            former = None
        inputs = {what: sorted(f.sha256 for f in found) for what, found in files.items()}
        if former is not None and former.manifest.inputs == inputs and len(files) == len(list(tables.present())):
            report("history is up to date", 1.0)
            return judged(former.account_as_of(_known(as_of, former)), limits, former.quarantine_path, kept=True)
        scratch = Path(tempfile.mkdtemp(prefix=SCRATCH, dir=directory))
        try:
            with connect(scratch, memory_limit) as con:
                work = _Work(con, tables, files, directory, scratch, zero_amount, buckets, report)
                manifest = work.run(former, inputs, settings)
            store = HistoryStore(directory, manifest)
            account = judged(store.account_as_of(_known(as_of, store)), limits, store.quarantine_path, kept=False)
            if former is None or manifest != former.manifest:
                manifest.publish(directory)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
            _sweep(directory, HistoryStore(directory, Manifest.read(directory)) if _current(directory) else None)
        report("history is ready", 1.0)
        return account


class _Work:
    """One ingest: what it reads and where it writes."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        tables: Tables,
        files: dict[str, list[SourceFile]],
        directory: Path,
        scratch: Path,
        zero_amount: str,
        buckets: int | None,
        report: Progress,
    ) -> None:
        self.con, self.tables, self.files = con, tables, files
        self.directory, self.scratch = directory, scratch
        self.zero_amount, self.buckets, self.report = zero_amount, buckets, report

    def run(self, former: HistoryStore | None, inputs: dict[str, list[str]], settings: dict[str, object]) -> Manifest:
        """Build what is new and return the manifest that names it."""
        added = self._added(former, inputs)
        base = former if added is not None else None
        fresh = self.files.get("transactions") if added is None else added
        spec = self.tables.transactions
        self.report("reading transactions", 0.0)
        source = self._open("transactions", spec, fresh) if fresh is None or fresh else None
        if base is not None:
            kind, n_buckets = base.manifest.id_type, base.manifest.n_buckets
            _check_ids(source, spec, kind)
            # What the first files had, and were checked to have, later ones may lack: as if all were read together.
            source = source and source.with_columns(spec.columns.values())
        else:
            assert source is not None
            check_columns("transactions", spec.columns, source.columns, ("customer_id", "timestamp"))
            kind = id_type(source.columns, spec.columns["customer_id"], "transactions")
            n_buckets = self.buckets or 1 << max(0, math.ceil(math.log2(max(source.rows, 1) / LINES_PER_BUCKET)))
        aliases, beside, pieces = self._aliases(kind)
        built: Built | None = None
        if source is not None:
            built = build_segment(
                self.con,
                source,
                spec,
                self.scratch,
                kind_of_id=kind,
                n_buckets=n_buckets,
                zero_amount=self.zero_amount,
                aliases=aliases,
                former=base,
                report=self.report,
            )
            if former is not None and spec.path is None and built.totals == former.manifest.totals:
                base, built = former, None  # a database that says what it said before
        extras = self._extras(base, inputs, kind, n_buckets, aliases)
        for what, files in self.files.items():
            check_unchanged(files, what)
        return self._manifest(
            base,
            built,
            replace(extras, tables=beside | extras.tables, pieces=pieces + extras.pieces),
            inputs,
            settings,
            n_buckets,
            kind,
        )

    def _added(self, former: HistoryStore | None, inputs: dict[str, list[str]]) -> list[SourceFile] | None:
        """Files of transactions that the store lacks; None where the store must be built anew."""
        if former is None or "transactions" not in inputs or self.tables.transactions.query is not None:
            return None
        known = former.manifest.inputs.get("transactions", [])
        if not set(known) <= set(inputs["transactions"]) or former.manifest.inputs.get("id_map") != inputs.get(
            "id_map"
        ):
            return None
        if self.tables.id_map is not None and self.tables.id_map.path is None:
            return None
        return [f for f in self.files["transactions"] if f.sha256 not in known]

    def _open(self, what: str, spec: TableSpec, files: list[SourceFile] | None) -> Source:
        check_formats(self.con, what, spec)
        if files is None:
            return open_database(self.con, spec, what)
        needed = contract.needed(spec) if what == "transactions" else NEEDED[what]
        return open_files(self.con, files, spec, needed, what, self.scratch)

    def _aliases(self, kind: str) -> tuple[str | None, dict[str, ExtraTable], list[str]]:
        """The id map as a table of the engine, its account, and queries for its rows in quarantine."""
        spec = self.tables.id_map
        if spec is None:
            return None, {}, []
        source = self._open("id_map", spec, self.files.get("id_map"))
        with reading("id_map"):
            aliases, account, pieces = load_aliases(self.con, source, spec, kind)
        return aliases, {"id_map": account}, pieces

    def _extras(
        self, base: HistoryStore | None, inputs: dict[str, list[str]], kind: str, n_buckets: int, aliases: str | None
    ) -> "_Extras":
        """The optional tables: the former folder where nothing changed, else a new one."""
        wanted = {what: spec for what, spec in self.tables.present() if what in SIDE_TABLES}
        if not wanted:
            return _Extras(None, None, {}, [])
        if base is not None and all(
            what in inputs and base.manifest.inputs.get(what) == inputs[what] for what in wanted
        ):
            return _former_extras(base, wanted)
        folder = self.scratch / "extras"
        folder.mkdir()
        tables, pieces = {}, []
        for what, spec in wanted.items():
            self.report(f"reading {what}", 0.0)
            source = self._open(what, spec, self.files.get(what))
            with reading(what):
                tables[what], found = write_table(
                    self.con,
                    what,
                    source,
                    spec.of(source.columns),
                    folder,
                    kind_of_id=kind,
                    n_buckets=n_buckets,
                    aliases=aliases,
                )
            pieces += found
        if base is not None and tables == {what: base.manifest.extra_tables.get(what) for what in wanted}:
            return _former_extras(base, wanted)
        return _Extras(folder, None, tables, pieces)

    def _manifest(
        self,
        base: HistoryStore | None,
        built: Built | None,
        extras: "_Extras",
        inputs: dict[str, list[str]],
        settings: dict[str, object],
        n_buckets: int,
        kind: str,
    ) -> Manifest:
        """The manifest of the store; the folder that is new takes the quarantine file of all tables."""
        if built is not None:
            write_quarantine(self.con, built.quarantine + extras.pieces, built.folder / QUARANTINE)
        elif extras.folder is not None:
            assert base is not None
            rows = of_former(base.quarantine_path, ["transactions"])
            write_quarantine(self.con, [rows, *extras.pieces], extras.folder / QUARANTINE)
        beside = extras.kept if extras.folder is None else _adopt(extras.folder, self.directory, "extras")
        if built is None:
            assert base is not None
            quarantine = base.manifest.quarantine if extras.folder is None or beside is None else beside
            return replace(
                base.manifest, inputs=inputs, extras=beside, extra_tables=extras.tables, quarantine=quarantine
            )
        segment = _adopt(built.folder, self.directory, "segment")
        return Manifest(
            format=FORMAT,
            engine_hash=engine_hash(),
            settings=settings,
            inputs=inputs,
            n_buckets=n_buckets,
            id_type=kind,
            columns=built.columns,
            segments=(*(base.manifest.segments if base is not None else ()), segment),
            extras=beside,
            extra_tables=extras.tables,
            first_day=built.first_day,
            last_day=built.last_day,
            ledger=built.ledger.lists(),
            totals=built.totals,
            equal_rows_kept=built.equal_rows_kept,
            zero_amount_purchases=built.zero_amount_purchases,
            unmatched=built.unmatched,
            currencies=built.currencies,
            quarantine=segment,
        )


@dataclass(frozen=True, slots=True)
class _Extras:
    """The optional tables of an ingest: a new folder in the scratch, or the former store's that is kept."""

    folder: Path | None
    kept: str | None
    tables: dict[str, ExtraTable]
    pieces: list[str]
    """Queries for their rows in quarantine."""


def _check_ids(source: Source | None, spec: TableSpec, kind: str) -> None:
    """Refuse new files whose ids are not of the type that the store has."""
    if source is not None and (found := id_type(source.columns, spec.columns["customer_id"], "transactions")) != kind:
        names = {"BIGINT": "whole numbers", "VARCHAR": "text"}
        raise IngestError(
            f"transactions: the ids of the new files are {names[found]}, those in the store {names[kind]}: 00123 and "
            "123 could be one customer or two. Write them as one type."
        )


def _former_extras(base: HistoryStore, wanted: Mapping[str, TableSpec]) -> _Extras:
    """The optional tables as a former store has them."""
    tables = {what: base.manifest.extra_tables[what] for what in wanted}
    return _Extras(None, base.manifest.extras, tables, [of_former(base.quarantine_path, list(wanted))])


def _adopt(built: Path, directory: Path, kind: str) -> str:
    """Move a finished folder into the store under the next free number."""
    taken = [int(p.name.rpartition("-")[2]) for p in directory.glob(f"{kind}-*")]
    name = f"{kind}-{max(taken, default=0) + 1:04d}"
    built.rename(directory / name)
    return name


def _current(directory: Path) -> bool:
    """Whether there is a store that this program and its engine can add to."""
    if not HistoryStore.exists(directory):
        return False
    try:
        return Manifest.read(directory).engine_hash == engine_hash()
    except IngestError:
        return False


def _sweep(directory: Path, store: HistoryStore | None) -> None:
    """Remove what a crash or a rebuild left: scratch folders, and segments that no manifest names and nobody reads."""
    unread = HistoryStore.unread(directory)
    kept = set() if store is None else {*store.manifest.segments, store.manifest.extras}
    for path in directory.iterdir():
        ours = path.name.startswith((SCRATCH, "segment-", "extras-")) and path.is_dir()
        if ours and path.name not in kept and (unread or path.name.startswith(SCRATCH)):
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Hold the store's lock: two ingests into one folder would sweep each other's work away."""
    with (directory / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise IngestError(f"another ingest is at work in {directory.name}. Wait for it to end.") from None
        yield


def _known(as_of: dt.date | None, store: HistoryStore) -> dt.date | None:
    """The as-of date of the account: as asked, else the last day of the log, but never a day that is still to come."""
    return as_of if as_of is not None else min(store.last_day, dt.date.today())


def _settings(tables: Tables, zero_amount: str) -> dict[str, object]:
    """Everything but the places that decides what the sources mean."""
    specs = {
        name: {
            "columns": dict(sorted(spec.columns.items())),
            "if_there": dict(sorted(spec.if_there.items())),
            "delimiter": spec.delimiter,
            "quote": spec.quote,
            "header": spec.header,
            "encoding": spec.encoding,
            "decimal": spec.decimal,
            "timestamp_format": list(spec.formats),
            "sheet": list(spec.sheets),
            "query": spec.query,
            "currency": spec.currency,
        }
        for name, spec in tables.present()
    }
    return {"tables": specs, "zero_amount": zero_amount}
