"""A segment of the store: whole customers in buckets of sorted Parquet files, written once and never changed.

Five files a bucket, rows of each in the order of the customers (sorted by id): ``customers`` (id and how many rows each
owns below), ``days`` (purchase days), ``lines`` (purchase lines), ``returns`` (return lines, unmatched ones too) and
``links`` (what each return undoes). Products, categories and channels are codes into the segment's sorted names.
Positions within a customer are relative, so that customers of several segments can stand side by side.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lifecycle.features.history import Codes, History, Lines, Returns
from lifecycle.features.ragged import gather
from lifecycle.features.records.account import MICRO
from lifecycle.features.records.assemble import Assembled
from lifecycle.pipelines.ingest.partition import CODED

MEASURED = ("quantity", "cost")
OPTIONAL = (*CODED, *MEASURED)
"""Columns of the lines that a log may or may not have."""

_REPEATING = frozenset((*CODED, "void_day", "day", "lines", "days", "returns", "links", "quantity"))


@dataclass(frozen=True, slots=True)
class Columns:
    """Which optional columns the log has."""

    money: bool
    order: bool
    optional: tuple[str, ...]


def write_bucket(folder: Path, bucket: int, ids: pa.Array, rows: pa.Table, done: Assembled, columns: Columns) -> None:
    """Write the five files of a bucket; ``rows`` holds the source rows that ``done`` points to."""
    links = np.diff(done.link_offsets)
    value = plain(rows["value"])
    lines = {name: plain(rows[name])[done.line_rows] for name in (*columns.optional, "order_key", "row_hash")}
    returned = pa.array(done.return_rows)
    tables = {
        "customers": {
            "customer_id": ids,
            "days": np.diff(done.days.offsets).astype(np.int32),
            "lines": np.diff(done.line_offsets).astype(np.int32),
            "returns": np.diff(done.return_offsets).astype(np.int32),
            "links": links.astype(np.int32),
        },
        "days": {
            "day": done.days.day,
            "amount": done.days.value / MICRO,
            "lines": done.days.lines,
            "void_day": done.days.void_day,
        },
        "lines": {"value": value[done.line_rows], "void_day": done.line_void_day, **lines},
        "returns": {
            **{name: rows[name].take(returned) for name in ("day", "order_key", "row_hash", "raw", *columns.optional)},
            "value": value[done.return_rows],
            "matched": done.return_matched,
        },
        "links": {
            "event": (done.link_return - np.repeat(done.return_offsets[:-1], links)).astype(np.int32),
            "day_row": (done.link_day_row - np.repeat(done.days.offsets[:-1], links)).astype(np.int32),
            "value": done.link_value,
        },
    }
    for part, table in tables.items():
        write_parquet(pa.table(table), part_path(folder, bucket, part))


def write_parquet(table: pa.Table, path: Path) -> None:
    """Write a table in one piece, the same bytes for the same rows."""
    pq.write_table(
        table,
        path,
        compression="lz4",
        use_dictionary=[c for c in table.column_names if c in _REPEATING],
        dictionary_pagesize_limit=16 << 20,
        row_group_size=max(table.num_rows, 1),
        write_statistics=False,
    )


def write_names(folder: Path, names: Mapping[str, pa.Array]) -> None:
    """Write the sorted names of the coded columns."""
    for column, values in names.items():
        pq.write_table(pa.table({"name": values}), folder / f"names-{column}.parquet", compression="zstd")


def read_names(folder: Path, column: str) -> pa.Array:
    """The sorted names of a coded column."""
    return whole(pq.read_table(folder / f"names-{column}.parquet")["name"])


def part_path(folder: Path, bucket: int, part: str) -> Path:
    """File of one part of a bucket."""
    return folder / f"{part}-{bucket:04d}.parquet"


def read_part(folder: Path, bucket: int, part: str, columns: list[str] | None = None) -> pa.Table:
    """One part of a bucket."""
    return pq.read_table(part_path(folder, bucket, part), columns=columns, memory_map=True)


def read_history(
    folder: Path, bucket: int, columns: Columns, first_day: int, last_day: int, *, with_lines: bool = True
) -> History:
    """History of a bucket of one segment; without the lines' own columns where only purchase days are needed."""
    customers = read_part(folder, bucket, "customers")
    days = read_part(folder, bucket, "days")
    wanted = columns.optional if with_lines else ()
    lines = read_part(folder, bucket, "lines", ["value", "void_day", *wanted] if with_lines else ["void_day"])
    links = read_part(folder, bucket, "links")
    return_offsets, link_offsets = _cut(customers["returns"]), _cut(customers["links"])
    per_link = np.diff(link_offsets)
    event = plain(links["event"])
    return_day = plain(read_part(folder, bucket, "returns", ["day"])["day"])

    def coded(name: str) -> Codes | None:
        return Codes(plain(lines[name]), read_names(folder, name)) if name in wanted else None

    return History(
        customer_id=whole(customers["customer_id"]),
        offsets=_cut(customers["days"]),
        day=plain(days["day"]),
        amount=plain(days["amount"]) if columns.money else None,
        void_day=plain(days["void_day"]),
        lines=Lines(
            offsets=_cut(days["lines"]),
            amount=plain(lines["value"]) / MICRO if columns.money and with_lines else None,
            void_day=plain(lines["void_day"]),
            product=coded("product"),
            category=coded("category"),
            channel=coded("channel"),
            quantity=plain(lines["quantity"]) if "quantity" in wanted else None,
            cost=plain(lines["cost"]) if "cost" in wanted else None,
        ),
        returns=Returns(
            offsets=link_offsets,
            day=return_day[event + np.repeat(return_offsets[:-1], per_link)],
            event=event,
            target=plain(links["day_row"]),
            amount=plain(links["value"]) / MICRO,
        ),
        log_first_day=first_day,
        log_last_day=last_day,
    )


def read_rows(folder: Path, bucket: int, columns: Columns, touched: pa.Array) -> pa.Table:
    """The source rows that the segment keeps of the touched customers, as they came out of the partition."""
    customers = read_part(folder, bucket, "customers")
    ids = whole(customers["customer_id"])
    chosen = np.flatnonzero(pc.is_in(ids, touched).to_numpy(zero_copy_only=False))
    days = read_part(folder, bucket, "days", ["day", "lines"])
    lines = read_part(folder, bucket, "lines")
    returns = read_part(folder, bucket, "returns")
    line_rows, line_offsets = gather(_cut(customers["lines"]), chosen)
    return_rows, return_offsets = gather(_cut(customers["returns"]), chosen)
    line_day = np.repeat(plain(days["day"]), plain(days["lines"]))
    kept = ["value", "order_key", "row_hash", *columns.optional]
    bought = lines.select(kept).take(pa.array(line_rows))
    bought = bought.append_column("day", pa.array(line_day[line_rows]))
    bought = bought.append_column("raw", pa.nulls(bought.num_rows, pa.string()))
    bought = bought.append_column("id", ids.take(pa.array(np.repeat(chosen, np.diff(line_offsets)))))
    back = returns.select([*kept, "day", "raw"]).take(pa.array(return_rows))
    back = back.append_column("id", ids.take(pa.array(np.repeat(chosen, np.diff(return_offsets)))))
    return pa.concat_tables([bought, back])


def _cut(counts: pa.ChunkedArray) -> np.ndarray:
    offsets = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts.to_numpy().astype(np.int64), out=offsets[1:])
    return offsets


def whole(column: pa.ChunkedArray) -> pa.Array:
    """A column in one piece."""
    merged = column.combine_chunks()
    return merged if isinstance(merged, pa.Array) else pa.concat_arrays(merged.chunks)


def plain(column: pa.ChunkedArray) -> np.ndarray:
    """A column without nulls as an array."""
    values: np.ndarray = column.to_numpy()
    return values
