"""Ingest: sources in, a history store and an account of every row out."""

import datetime as dt
import hashlib
import math
import shutil
import tempfile
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features import columns as arrow_columns
from features.account import REASON_CODES, REASONS, Account, Ledger
from features.assemble import Assembled, CleanLines, assemble
from pipelines.ingest import contract, sources
from pipelines.ingest.segment import OPTIONAL, Columns, write_bucket
from pipelines.ingest.spec import IngestError, QuarantineLimits, Tables, TableSpec
from pipelines.ingest.stage import Progress, connect, only_row, set_aside, stage, staged_bucket
from pipelines.ingest.store import HistoryStore, Manifest

LINES_PER_BUCKET = 1_500_000
"""Lines of one bucket: what is held in memory at a time."""

SORT_FROM_BUCKETS = 32
"""Number of buckets from which sorting the staging table by bucket costs less than scanning it for each."""


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

    The same input again changes nothing. A crash at any point leaves the former store: the manifest is written last.
    """
    report = progress or (lambda _what, _share: None)
    limits = limits or QuarantineLimits()
    spec = tables.transactions
    directory.mkdir(parents=True, exist_ok=True)
    report("reading transactions", 0.0)
    files = sources.find_files(spec, "transactions")
    inputs = sorted(_file_digest(f.path) for f in files)
    settings = {"transactions": _spec_json(spec), "zero_amount": zero_amount, "buckets": buckets}
    former = HistoryStore.open(directory) if HistoryStore.exists(directory) else None
    if former is not None and former.manifest.inputs == inputs and former.manifest.settings == settings:
        report("history is up to date", 1.0)
        return _judged(former.account_as_of(as_of), limits, former.quarantine_path)
    scratch = Path(tempfile.mkdtemp(prefix=".ingest-", dir=directory))
    try:
        with connect(scratch, memory_limit) as con:
            relation = sources.relation(files, spec)
            manifest = _build(con, relation, spec, directory, scratch, buckets, zero_amount, report, former)
        manifest = manifest.with_inputs(inputs, settings)
        account = _judged(HistoryStore(directory, manifest).account_as_of(as_of), limits, None)
        manifest.publish(directory)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    report("history is ready", 1.0)
    return account


def _build(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    spec: TableSpec,
    directory: Path,
    scratch: Path,
    buckets: int | None,
    zero_amount: str,
    report: Progress,
    former: HistoryStore | None,
) -> Manifest:
    names = spec.columns
    found = contract.source_columns(con, relation)
    contract.check_columns("transactions", names, found, ("customer_id", "timestamp"))
    kind_of_id = contract.id_type(found, names["customer_id"], "transactions")
    n_buckets = buckets or _choose_buckets(con, relation)
    classified = contract.classify(
        relation,
        found,
        spec,
        kind_of_id=kind_of_id,
        n_buckets=n_buckets,
        zero_amount=zero_amount,
        aliases=None,
    )
    kept = Columns("amount" in names, "order_id" in names, tuple(c for c in OPTIONAL if c in names))
    totals = stage(con, classified, has_money=kept.money, ordered=n_buckets >= SORT_FROM_BUCKETS)
    number = former.manifest.next_segment() if former is not None else 1
    segment = directory / f"segment-{number:04d}"
    shutil.rmtree(segment, ignore_errors=True)
    building = scratch / "segment"
    building.mkdir()
    quarantined, ledger = set_aside(con, n_buckets)
    ledgers = [ledger]
    unusable = [_quarantine_rows(quarantined, [list(REASONS)[w] for w in quarantined["why"].to_pylist()])]
    equal = zero = unmatched = 0
    first, last = None, None
    for bucket in range(n_buckets):
        report("sorting and netting", bucket / n_buckets)
        staged = staged_bucket(con, bucket)
        ids, done, lines = assemble_bucket(staged, kept)
        write_bucket(building, bucket, ids, staged, done, kept)
        money = lines.value if kept.money else np.zeros_like(lines.value)
        ledgers.append(Ledger.of(lines.day, done.reason, money))
        orphans = done.reason == REASON_CODES["return_without_purchase"]
        if orphans.any():
            unusable.append(
                _quarantine_rows(staged.filter(pa.array(orphans)), ["return_without_purchase"] * int(orphans.sum()))
            )
        equal += done.equal_rows_kept
        zero += int((lines.value[done.line_rows] == 0).sum())
        unmatched += done.unmatched
        if lines.day.size:
            first = min(int(lines.day.min()), lines.day[0] if first is None else first)
            last = max(int(lines.day.max()), lines.day[0] if last is None else last)
    pq.write_table(pa.concat_tables(unusable), building / "quarantine.parquet", compression="zstd")
    if first is None or last is None:
        raise IngestError(
            f"transactions: none of the {totals.rows:,} rows can be used. Check the names of the columns and "
            "the format of the timestamps."
        )
    building.rename(segment)
    return Manifest.new(
        n_buckets=n_buckets,
        id_type=kind_of_id,
        columns=kept,
        segments=(segment.name,),
        first_day=int(first),
        last_day=int(last),
        ledger=Ledger.merge(ledgers),
        totals=totals,
        equal_rows_kept=equal,
        zero_amount_purchases=zero if kept.money else 0,
        unmatched=unmatched if kept.money else 0,
    )


def assemble_bucket(staged: pa.Table, kept: Columns) -> tuple[pa.Array, Assembled, CleanLines]:
    """Sort, net and collapse the staged rows of one bucket; ids in order."""
    encoded = arrow_columns.column(staged, "id", "staged", "id").dictionary_encode()
    order = pc.sort_indices(encoded.dictionary).to_numpy()
    rank = np.empty(order.size, np.int32)
    rank[order] = np.arange(order.size, dtype=np.int32)

    def plain(name: str) -> np.ndarray:
        return np.ascontiguousarray(staged[name].combine_chunks().to_numpy())

    lines = CleanLines(
        n=order.size,
        customer=rank[encoded.indices.to_numpy()],
        day=plain("day"),
        value=plain("value"),
        product=arrow_columns.codes(staged["product"].combine_chunks()).code if "product" in kept.optional else None,
        order=plain("order_key") if kept.order else None,
        row=plain("row_hash"),
    )
    return encoded.dictionary.take(pa.array(order)), assemble(lines), lines


def _quarantine_rows(staged: pa.Table, reasons: list[str]) -> pa.Table:
    """Rows for the quarantine file: as they stood in the source, and why."""
    rows = staged.select(
        ["id", "raw_timestamp", "raw_amount", "raw_order", "product", "category", "channel", "quantity"]
    )
    rows = rows.rename_columns(
        ["customer_id", "timestamp", "amount", "order_id", "product", "category", "channel", "quantity"]
    )
    rows = rows.set_column(0, "customer_id", rows["customer_id"].cast(pa.string()))
    return rows.append_column("reason", pa.array(reasons, pa.string()))


def _judged(account: Account, limits: QuarantineLimits, where: Path | None) -> Account:
    """The account if it adds up and not too much was quarantined."""
    account.check()
    place = "" if where is None else f" The rows are in {where.name}."
    if account.quarantined_share > limits.max_share:
        reasons = ", ".join(f"{x.rows:,} {x.reason}" for x in account.lines if x.status == "quarantined")
        raise IngestError(
            f"transactions: {account.rows('quarantined'):,} of {account.input_rows:,} rows "
            f"({account.quarantined_share:.1%}) would be quarantined, at most {limits.max_share:.1%} may be "
            f"({reasons}).{place} Mend the source or raise the limit."
        )
    for reason, share in limits.by_reason.items():
        if reason not in REASONS:
            raise IngestError(f"quarantine limits: no reason {reason!r}; the reasons are {list(REASONS)}.")
        if account.rows(reason=reason) > share * account.input_rows:
            raise IngestError(
                f"transactions: {account.rows(reason=reason):,} of {account.input_rows:,} rows would be quarantined as "
                f"{reason}, at most {share:.1%} may be.{place} Mend the source or raise the limit."
            )
    return account


def _choose_buckets(con: duckdb.DuckDBPyConnection, relation: str) -> int:
    [rows] = only_row(con, f"SELECT count(*) FROM {relation}")
    return 1 << max(0, math.ceil(math.log2(max(int(rows), 1) / LINES_PER_BUCKET)))


def _file_digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _spec_json(spec: TableSpec) -> dict[str, object]:
    return {
        "columns": dict(sorted(spec.columns.items())),
        "delimiter": spec.delimiter,
        "header": spec.header,
        "timestamp_format": spec.timestamp_format,
        "sheet": spec.sheet,
        "query": spec.query,
        "currency": spec.currency,
    }
