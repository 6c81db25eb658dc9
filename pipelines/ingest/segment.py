"""One bucket of one segment: whole customers as Parquet, written from assembled lines and read back.

Five files a bucket, rows of each in the order of the customers (sorted by id): ``customers`` (id and how many rows each
owns below), ``days`` (purchase days), ``lines`` (purchase lines), ``returns`` (return lines, unmatched ones too) and
``links`` (what each return undoes). Positions within a customer are relative, so that customers of several segments can
stand side by side.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.account import MICRO
from features.assemble import Assembled

PARTS = ("customers", "days", "lines", "returns", "links")

OPTIONAL = ("product", "category", "channel", "quantity", "cost")
"""Columns of the lines that a log may or may not have."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which optional columns the log has."""

    money: bool
    order: bool
    optional: tuple[str, ...]


def write_bucket(
    directory: Path, bucket: int, ids: pa.Array, staged: pa.Table, done: Assembled, columns: Columns
) -> None:
    """Write the five files of a bucket; ``staged`` holds the rows that ``done`` points to."""
    counts = [np.diff(o).astype(np.int32) for o in (done.days.offsets, done.line_offsets, done.return_offsets)]
    first_day_row = np.repeat(done.days.offsets[:-1], np.diff(done.link_offsets))
    first_line = np.repeat(done.line_offsets[:-1], np.diff(done.link_offsets))
    first_return = np.repeat(done.return_offsets[:-1], np.diff(done.link_offsets))
    value = staged["value"].combine_chunks().to_numpy()
    lines = staged.select([*columns.optional, "order_key", "row_hash"]).take(pa.array(done.line_rows))
    returns = staged.select(
        ["id", "day", "order_key", "row_hash", "raw_timestamp", "raw_amount", "raw_order", *columns.optional]
    )
    tables = {
        "customers": pa.table(
            {
                "customer_id": ids,
                "days": counts[0],
                "lines": counts[1],
                "returns": counts[2],
                "links": np.diff(done.link_offsets).astype(np.int32),
            }
        ),
        "days": pa.table(
            {
                "day": done.days.day,
                "amount": done.days.value / MICRO,
                "lines": done.days.lines,
                "void_day": done.days.void_day,
            }
        ),
        "lines": lines.append_column("value", pa.array(value[done.line_rows])).append_column(
            "void_day", pa.array(done.line_void_day)
        ),
        "returns": returns.take(pa.array(done.return_rows))
        .append_column("value", pa.array(-value[done.return_rows]))
        .append_column("matched", pa.array(done.return_matched)),
        "links": pa.table(
            {
                "event": (done.link_return - first_return).astype(np.int32),
                "day_row": (done.link_day_row - first_day_row).astype(np.int32),
                "line": (done.link_line - first_line).astype(np.int32),
                "value": done.link_value,
            }
        ),
    }
    for part, table in tables.items():
        pq.write_table(
            table,
            part_path(directory, bucket, part),
            compression="lz4",
            use_dictionary=[c for c in table.column_names if c in _REPEATING],
            dictionary_pagesize_limit=16 << 20,
            row_group_size=max(table.num_rows, 1),
            write_statistics=False,
        )


_REPEATING = ("product", "category", "channel", "void_day", "day", "lines", "days", "returns", "links", "quantity")


def part_path(directory: Path, bucket: int, part: str) -> Path:
    """File of one part of a bucket."""
    return directory / f"{part}-{bucket:04d}.parquet"


def read_part(directory: Path, bucket: int, part: str, columns: list[str] | None = None) -> pa.Table:
    """One part of a bucket; text columns of the lines as dictionaries."""
    path = part_path(directory, bucket, part)
    return pq.read_table(path, columns=columns, read_dictionary=["product", "category", "channel"], memory_map=True)
