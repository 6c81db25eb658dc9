"""The engine: an embedded database that reads files, casts and hashes, within a set memory limit."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from lifecycle.pipelines.ingest.partition import ROWS_PER_BATCH
from lifecycle.pipelines.ingest.table_spec import IngestError


def connect(scratch: Path, memory_limit: str) -> duckdb.DuckDBPyConnection:
    """An engine in memory that spills into the scratch folder; time zones are read as UTC."""
    con = duckdb.connect()
    con.execute("SET memory_limit = $limit", {"limit": memory_limit})
    con.execute("SET temp_directory = $folder", {"folder": (scratch / "spill").as_posix()})
    con.execute("SET autoinstall_known_extensions = false")
    con.execute("SET autoload_known_extensions = false")
    con.execute("SET preserve_insertion_order = false")
    con.execute("SET TimeZone = 'UTC'")
    return con


def only_row(con: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    """The single row of a query."""
    [row] = con.execute(sql).fetchall()
    return tuple(row)


def stream(con: duckdb.DuckDBPyConnection, sql: str) -> Iterator[pa.RecordBatch]:
    """Rows of a query as Arrow batches, in no particular order; the next ones are read while one is in use."""
    batches = iter(con.sql(sql).to_arrow_reader(ROWS_PER_BATCH))
    with ThreadPoolExecutor(1) as reader:
        ahead = reader.submit(next, batches, None)
        while (batch := ahead.result()) is not None:
            ahead = reader.submit(next, batches, None)
            yield batch


@contextmanager
def reading(what: str) -> Iterator[None]:
    """What the engine, a driver or a file says of a table that cannot be read, as an error of ours."""
    try:
        yield
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        remedy = (
            ". Is the file whole? Copy or export it again." if isinstance(error, duckdb.IOException | OSError) else ""
        )
        raise IngestError(f"{what} cannot be read: {said(error)}{remedy}") from error


def said(error: Exception) -> str:
    """The first paragraph of an engine's message: what follows advises on options that it does not have here."""
    return str(error).split("\n\n")[0].split("\nPossible ")[0].split("Detail: Python")[0].strip()


def engine_hash() -> int:
    """A probe of the engine's hash function: digests of rows and buckets are only comparable where it agrees."""
    with duckdb.connect() as con:
        [probe] = only_row(con, "SELECT (hash('lifecycle', 1.5, 7) >> 1)::BIGINT")
    return int(probe)
