"""The staging area: each source row read once into a scratch database, classified and given its bucket."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from features.account import Ledger

Progress = Callable[[str, float], None]


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
        """Digest of the content: the same rows in any order, files and pieces give the same."""
        text = json.dumps({"rows": self.rows, "sum": self.hash_sum, **context}, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


def connect(scratch: Path, memory_limit: str) -> duckdb.DuckDBPyConnection:
    """An engine with a memory limit that spills into the scratch folder."""
    con = duckdb.connect(str(scratch / "stage.duckdb"))
    con.execute(f"SET memory_limit = '{memory_limit}'")
    con.execute(f"SET temp_directory = '{(scratch / 'spill').as_posix()}'")
    con.execute("SET preserve_insertion_order = false")
    con.execute("SET TimeZone = 'UTC'")
    return con


def stage(con: duckdb.DuckDBPyConnection, classified: str, *, has_money: bool, ordered: bool) -> InputTotals:
    """Read the source once into the table ``staged``; sorted by bucket where many buckets would mean many scans."""
    con.execute(f"CREATE OR REPLACE TABLE staged AS {classified}" + (" ORDER BY bucket" if ordered else ""))
    row = only_row(con, "SELECT count(*), sum(value::HUGEINT), sum(row_hash::HUGEINT) FROM staged")
    return InputTotals(int(row[0]), int(row[1] or 0) if has_money else 0, int(row[2] or 0))


def only_row(con: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    """The single row of a query."""
    [row] = con.execute(sql).fetchall()
    return tuple(row)


def staged_bucket(con: duckdb.DuckDBPyConnection, bucket: int) -> pa.Table:
    """Rows of one bucket, in any order."""
    return con.sql(f"SELECT * EXCLUDE (bucket, why) FROM staged WHERE bucket = {bucket}").to_arrow_table()


def set_aside(con: duckdb.DuckDBPyConnection, n_buckets: int) -> tuple[pa.Table, Ledger]:
    """Rows that failed the contract, and their ledger."""
    rows = con.sql(
        f"SELECT * EXCLUDE (bucket) FROM staged WHERE bucket = {n_buckets} ORDER BY why, row_hash, raw_timestamp"
    ).to_arrow_table()
    ledger = Ledger.of(
        rows["day"].to_numpy().astype(np.int32), rows["why"].to_numpy().astype(np.int8), rows["value"].to_numpy()
    )
    return rows, ledger
