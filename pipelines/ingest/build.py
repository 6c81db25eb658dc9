"""Build one segment: partition the new rows, then sort, net and collapse bucket by bucket.

Where the store has customers already, the new segment holds the whole of every customer whom the new rows touch: their
former rows are read back, so that a late row or a return of an old purchase is netted as if all had come at once.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lifecycle.features.records.account import REASON_CODES
from lifecycle.features.records.assemble import Assembled, CleanLines, assemble
from lifecycle.features.records.columns import rank
from lifecycle.features.records.ledger import Ledger
from lifecycle.features.window import UNKNOWN_DAY
from lifecycle.pipelines.ingest.contract import classify
from lifecycle.pipelines.ingest.engine import reading, stream
from lifecycle.pipelines.ingest.line_count import check_lines
from lifecycle.pipelines.ingest.partition import CODED, InputTotals, Partitioned, Vocabulary, partition
from lifecycle.pipelines.ingest.quarantine import of_former, of_lines, of_staged
from lifecycle.pipelines.ingest.refusals import (
    none_usable,
    refuse_decimal_commas,
    refuse_foreign_numbers,
    refuse_points,
    refuse_prices,
    refuse_rounded_ids,
    refuse_several_currencies,
)
from lifecycle.pipelines.ingest.rejects import keep_rejects
from lifecycle.pipelines.ingest.segment import (
    MEASURED,
    OPTIONAL,
    Columns,
    plain,
    read_names,
    read_part,
    read_rows,
    whole,
    write_bucket,
    write_names,
)
from lifecycle.pipelines.ingest.sources import Source
from lifecycle.pipelines.ingest.store import HistoryStore
from lifecycle.pipelines.ingest.table_spec import IngestError, TableSpec

ORPHAN = "return_without_purchase"

WORKERS = 2
"""Buckets at work at a time: what they hold in memory adds up."""


@dataclass(frozen=True, slots=True)
class Built:
    """A finished segment in the scratch folder, and the account of the whole store with it."""

    folder: Path
    columns: Columns
    first_day: int
    last_day: int
    ledger: Ledger
    totals: InputTotals
    equal_rows_kept: int
    zero_amount_purchases: int
    unmatched: int
    currencies: Mapping[str, int]
    quarantine: list[str]
    """Queries for the rows in quarantine, as long as the engine is open."""


def build_segment(
    con: duckdb.DuckDBPyConnection,
    source: Source,
    spec: TableSpec,
    scratch: Path,
    *,
    kind_of_id: str,
    n_buckets: int,
    zero_amount: str,
    aliases: str | None,
    former: HistoryStore | None,
    report: Callable[[str, float], None],
) -> Built:
    """Build a segment of a source's rows, on top of a former store if there is one."""
    sql = classify(source, spec, kind_of_id=kind_of_id, n_buckets=n_buckets, zero_amount=zero_amount, aliases=aliases)
    columns = Columns(bool(spec.money), "order_id" in spec.columns, tuple(c for c in OPTIONAL if c in spec.columns))
    known = _known_names(former, columns)
    with reading("transactions"):
        parted = partition(
            stream(con, sql),
            scratch / "parts",
            n_buckets=n_buckets,
            has_money=columns.money,
            vocabularies={name: Vocabulary(name, known.get(name, [])) for name in CODED},
        )
    malformed, lost, lost_digest = keep_rejects(con, "transactions", source, spec)
    check_lines("transactions", source.lines, parted.totals.rows, lost)
    totals = parted.totals.plus(InputTotals(lost, 0, lost_digest))
    pieces = [of_lines(malformed, "transactions")]
    aside = parted.rows_set_aside()
    if aside is not None:
        con.register("set_aside", aside)
        refuse_decimal_commas(con, "set_aside", spec)
        pieces.append(of_staged("set_aside"))
    if former is None and spec.money:
        refuse_prices(parted.signs, spec)
        refuse_points(parted.points, parted.pointed)
    refuse_foreign_numbers(*parted.foreign)
    base = None if former is None else former.manifest
    currencies = Counter(parted.currencies) + Counter({} if base is None else base.currencies)
    refuse_several_currencies(currencies)
    names, ranks = {}, {}
    for name, vocabulary in parted.vocabularies.items():
        names[name], ranks[name] = vocabulary.sorted()
    folder = scratch / "segment"
    folder.mkdir()
    write_names(folder, {name: names[name] for name in CODED if name in columns.optional})
    job = _Job(parted, folder, former, columns, kind_of_id, names, ranks)
    sums = _Sums(columns)
    sums.ledgers += [parted.set_aside, _of_lines(lost)]
    with ThreadPoolExecutor(WORKERS) as pool:
        for bucket, part in enumerate(pool.map(job.bucket, range(n_buckets))):
            report("sorting and netting", (bucket + 1) / n_buckets)
            sums.merge(part)
    if sums.orphans:
        con.register("orphans", pa.concat_tables(sums.orphans))
        pieces.append(of_staged("orphans", reason=ORPHAN))
    if former is not None:
        con.register("touched", pa.table({"id": pa.concat_arrays(sums.touched).cast(pa.string())}))
        again = f"reason = '{ORPHAN}' AND customer_id IN (SELECT id FROM touched)"
        pieces.append(of_former(former.quarantine_path, ["transactions"], but=again))
    first, last = _span(parted, former, lambda: none_usable(con, totals.rows, source, pieces))
    return Built(
        folder=folder,
        columns=columns,
        first_day=first,
        last_day=last,
        ledger=Ledger.merge([*sums.ledgers, *([] if base is None else [base.the_ledger()])]),
        totals=totals if base is None else totals.plus(base.totals),
        equal_rows_kept=sums.equal + (0 if base is None else base.equal_rows_kept),
        zero_amount_purchases=sums.zero + (0 if base is None else base.zero_amount_purchases),
        unmatched=sums.unmatched + (0 if base is None else base.unmatched),
        currencies=dict(currencies),
        quarantine=pieces,
    )


def _of_lines(lost: int) -> Ledger:
    """The ledger of lines that could not be cut."""
    code = REASON_CODES["line_malformed"]
    return Ledger.of(np.full(lost, UNKNOWN_DAY, np.int32), np.full(lost, code, np.int8), np.zeros(lost, np.int64))


class _Sums:
    """Running sums of a build; customers who are built anew are first taken away as they were."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self.ledgers: list[Ledger] = []
        self.orphans: list[pa.Table] = []
        self.touched: list[pa.Array] = []
        self.equal = self.zero = self.unmatched = 0

    def add(self, done: Assembled, lines: CleanLines, sign: int) -> None:
        """Count assembled lines, or take them away."""
        money = lines.value if self._columns.money else np.zeros_like(lines.value)
        ledger = Ledger.of(lines.day, done.reason, money)
        self.ledgers.append(ledger if sign > 0 else ledger.negative())
        self.equal += sign * done.equal_rows_kept
        if self._columns.money:
            self.zero += sign * int((done.line_value == 0).sum())
            self.unmatched += sign * done.unmatched

    def merge(self, other: "_Sums") -> None:
        """Add the sums of a bucket."""
        self.ledgers += other.ledgers
        self.orphans += other.orphans
        self.touched += other.touched
        self.equal += other.equal
        self.zero += other.zero
        self.unmatched += other.unmatched


@dataclass(frozen=True)
class _Job:
    """What the work on single buckets shares."""

    parted: Partitioned
    folder: Path
    former: HistoryStore | None
    columns: Columns
    kind_of_id: str
    names: Mapping[str, pa.Array]
    ranks: Mapping[str, np.ndarray]

    def bucket(self, bucket: int) -> _Sums:
        """Sort, net, collapse and write one bucket."""
        sums = _Sums(self.columns)
        rows = _ranked(self.parted.bucket(bucket), self.ranks, self.columns, self.kind_of_id)
        if self.former is not None:
            mine = pc.unique(whole(rows["id"]))
            sums.touched.append(mine)
            old = _former_rows(self.former, bucket, mine, self.columns, self.names)
            _, done, lines = _assembled(old, self.columns)
            sums.add(done, lines, -1)
            rows = pa.concat_tables([rows, old.select(rows.column_names)]).combine_chunks()
        ids, done, lines = _assembled(rows, self.columns)
        refuse_rounded_ids(ids)
        sums.add(done, lines, 1)
        orphans = np.flatnonzero(done.reason == REASON_CODES[ORPHAN])
        if orphans.size:
            sums.orphans.append(_named(rows.take(pa.array(np.sort(orphans))), self.names))
        write_bucket(self.folder, bucket, ids, rows, done, self.columns)
        return sums


def _known_names(former: HistoryStore | None, columns: Columns) -> dict[str, list[str]]:
    """Names of the coded columns in the former store's segments."""
    if former is None:
        return {}
    known: dict[str, list[str]] = {}
    for column in CODED:
        if column in columns.optional:
            parts = [read_names(former.folder(segment), column) for segment in former.manifest.segments]
            known[column] = pc.unique(pa.concat_arrays(parts)).to_pylist()
    return known


def _ranked(rows: pa.Table | None, ranks: Mapping[str, np.ndarray], columns: Columns, kind_of_id: str) -> pa.Table:
    """Rows of a bucket with the codes of sorted names, in one piece, and only the columns that the log has."""
    if rows is None:
        rows = _no_rows(kind_of_id)
    rows = rows.combine_chunks()
    fields = {name: rows[name] for name in ("id", "day", "value", "order_key", "row_hash", "raw")}
    for name in columns.optional:
        fields[name] = pa.array(ranks[name][plain(rows[name])]) if name in CODED else rows[name].fill_null(float("nan"))
    return pa.table(fields).combine_chunks()


def _no_rows(kind_of_id: str) -> pa.Table:
    kinds = {
        "id": pa.string() if kind_of_id == "VARCHAR" else pa.int64(),
        "day": pa.int32(),
        "value": pa.int64(),
        "order_key": pa.int64(),
        "product": pa.int32(),
        "category": pa.int32(),
        "channel": pa.int32(),
        "quantity": pa.float64(),
        "cost": pa.float64(),
        "row_hash": pa.int64(),
        "raw": pa.string(),
    }
    return pa.table({name: pa.array([], kind) for name, kind in kinds.items()})


def _former_rows(
    former: HistoryStore,
    bucket: int,
    touched: pa.Array,
    columns: Columns,
    names: Mapping[str, pa.Array],
) -> pa.Table:
    """What the former store keeps of the touched customers, each from its newest segment, coded by the new names."""
    parts = []
    wanted = touched
    for segment in reversed(former.manifest.segments):
        folder = former.folder(segment)
        rows = read_rows(folder, bucket, columns, wanted)
        for name in columns.optional:
            if name in CODED:
                places = pc.index_in(read_names(folder, name), names[name]).to_numpy(zero_copy_only=False)
                renamed = np.append(places, -1).astype(np.int32)
                at = rows.column_names.index(name)
                rows = rows.set_column(at, name, pa.array(renamed[plain(rows[name])]))
        parts.append(rows)
        here = whole(read_part(folder, bucket, "customers", ["customer_id"])["customer_id"])
        wanted = wanted.filter(pc.invert(pc.is_in(wanted, here)))
    return pa.concat_tables(parts).combine_chunks()


def _assembled(rows: pa.Table, columns: Columns) -> tuple[pa.Array, Assembled, CleanLines]:
    """Sort, net and collapse the rows of one bucket; ids in order."""
    ids, customer = rank(whole(rows["id"]))
    lines = CleanLines(
        n=len(ids),
        customer=customer,
        day=plain(rows["day"]),
        value=plain(rows["value"]),
        product=plain(rows["product"]) if "product" in columns.optional else None,
        order=plain(rows["order_key"]) if columns.order else None,
        digest=plain(rows["row_hash"]).__getitem__,
    )
    return ids, assemble(lines), lines


def _span(parted: Partitioned, former: HistoryStore | None, refusal: Callable[[], IngestError]) -> tuple[int, int]:
    """First and last day of the store with the new rows; an error where no row can be used at all."""
    days = [d for d in (parted.first_day, parted.last_day) if d is not None]
    if former is not None:
        days += [former.manifest.first_day, former.manifest.last_day]
    if not days:
        raise refusal()
    return min(days), max(days)


def _named(rows: pa.Table, names: Mapping[str, pa.Array]) -> pa.Table:
    """Rows with text for the codes of products, categories and channels, and every column that a staged row has."""
    for name in CODED:
        text = pa.nulls(rows.num_rows, pa.string())
        if name in rows.column_names:
            code = plain(rows[name])
            text = names[name].take(pa.array(code, mask=code < 0))
            rows = rows.drop_columns([name])
        rows = rows.append_column(name, text)
    for name in MEASURED:
        if name not in rows.column_names:
            rows = rows.append_column(name, pa.nulls(rows.num_rows, pa.float64()))
    return rows.cast(pa.schema([f.with_type(pa.string()) if f.name == "raw" else f for f in rows.schema]))
