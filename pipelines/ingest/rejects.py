"""Lines of text that could not be cut into columns: kept for the quarantine, counted like rows."""

import duckdb

from pipelines.ingest.engine import only_row
from pipelines.ingest.sources import Source
from pipelines.ingest.spec import TableSpec
from pipelines.ingest.text import refuse_encoding
from pipelines.ingest.values import quoted


def keep_rejects(con: duckdb.DuckDBPyConnection, what: str, source: Source, spec: TableSpec) -> tuple[str, int, int]:
    """Keep the malformed lines of a source that was read as a table (line, row_hash) of the engine.

    Returns the table's name, how many lines it has, and the sum of their digests. Lines that are not UTF-8 are an error
    unless the encoding was given: the whole file is then probably written in another.
    """
    name = quoted(f"malformed_{what}")
    sql = source.rejects or "SELECT NULL::VARCHAR AS line, FALSE AS encoding WHERE FALSE"
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT *, (hash(line) >> 1)::BIGINT AS row_hash FROM ({sql})")
    if spec.encoding is None:
        foreign, line = only_row(con, f"SELECT count(*), min(line) FROM {name} WHERE encoding")
        if foreign:
            raise refuse_encoding(what, str(line), int(foreign))
    rows, digest = only_row(con, f"SELECT count(*), coalesce(sum(row_hash::HUGEINT), 0) FROM {name}")
    return name, int(rows), int(digest)
