"""The quarantine file: every row of every table that could not be used, why, and as it stood in its source."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from lifecycle.features.records.account import REASONS
from lifecycle.pipelines.ingest.contract import RAW
from lifecycle.pipelines.ingest.sql_values import files_sql, literal, quoted

SCHEMA = pa.schema(
    [
        ("table", pa.string()),
        ("reason", pa.string()),
        ("customer_id", pa.string()),
        ("timestamp", pa.string()),
        ("amount", pa.string()),
        ("order_id", pa.string()),
        ("product", pa.string()),
        ("category", pa.string()),
        ("channel", pa.string()),
        ("quantity", pa.float64()),
        ("cost", pa.float64()),
        ("source", pa.string()),
        ("row_hash", pa.int64()),
    ]
)
"""``source`` is the whole row as JSON, under the source's own names; of a line that cannot be cut, ``{"line": …}`` with
at most its first 10,000 characters, which is what the engine keeps."""

ROWS_PER_GROUP = 500_000


def of_staged(relation: str, *, reason: str | None = None) -> str:
    """SQL of staged rows of the transactions (see :func:`pipelines.ingest.contract.classify`) in quarantine.

    All for one ``reason``, or each for the one that its ``why`` says.
    """
    reasons = "[" + ", ".join(literal(name) for name in REASONS) + "]"
    return f"""
        SELECT 'transactions' AS "table", {f"{reasons}[why + 1]" if reason is None else literal(reason)} AS reason,
            CAST(id AS VARCHAR) AS customer_id, parts[1] AS "timestamp", parts[2] AS amount, parts[3] AS order_id,
            product, category, channel, quantity, cost, parts[-1] AS source, row_hash
        FROM (SELECT *, string_split(raw, {literal(RAW)}) AS parts FROM {relation})"""


def of_lines(relation: str, table: str) -> str:
    """SQL of a table's lines (line, row_hash) that could not be cut into columns, in quarantine."""
    return (
        f"SELECT {literal(table)} AS \"table\", 'line_malformed' AS reason, "
        f"CAST(to_json({{'line': line}}) AS VARCHAR) AS source, row_hash FROM {relation}"
    )


def of_former(path: Path, tables: Sequence[str], but: str = "FALSE") -> str:
    """SQL of what a former quarantine file holds of some tables, without the rows for which ``but`` is true."""
    listed = ", ".join(literal(table) for table in tables)
    return f'SELECT * FROM read_parquet({files_sql([path])}) WHERE "table" IN ({listed}) AND NOT ({but})'


def together(pieces: Sequence[str]) -> str:
    """SQL of the rows of several of these queries, with all columns of the file."""
    columns = ", ".join(quoted(name) for name in SCHEMA.names)
    kinds = {pa.float64(): "DOUBLE", pa.int64(): "BIGINT", pa.string(): "VARCHAR"}
    empty = ", ".join(f"NULL::{kinds[field.type]} AS {quoted(field.name)}" for field in SCHEMA)
    union = " UNION ALL BY NAME ".join([f"(SELECT {empty} WHERE FALSE)", *(f"({piece})" for piece in pieces)])
    return f"SELECT {columns} FROM ({union})"


def write_quarantine(con: duckdb.DuckDBPyConnection, pieces: Sequence[str], path: Path) -> None:
    """Write the rows of some queries in an order that does not depend on the order of reading: the same bytes."""
    with pq.ParquetWriter(path, SCHEMA, compression="zstd", write_statistics=False) as writer:
        for table in _in_order(con, pieces):
            writer.write_table(table, row_group_size=ROWS_PER_GROUP)


def _in_order(con: duckdb.DuckDBPyConnection, pieces: Sequence[str]) -> Iterator[pa.Table]:
    """Sorted rows in tables of one size."""
    order = '"table", reason, row_hash, customer_id, source'
    reader = con.sql(f"{together(pieces)} ORDER BY {order}").to_arrow_reader(ROWS_PER_GROUP)
    held: list[pa.RecordBatch] = []
    for batch in reader:
        held.append(batch)
        while sum(piece.num_rows for piece in held) >= ROWS_PER_GROUP:
            table = pa.Table.from_batches(held).cast(SCHEMA)
            yield table.slice(0, ROWS_PER_GROUP)
            held = table.slice(ROWS_PER_GROUP).to_batches()
    if held:
        yield pa.Table.from_batches(held).cast(SCHEMA)
