"""Lines of text that could not be cut into columns: kept for the quarantine, counted like rows."""

import duckdb

from lifecycle.pipelines.ingest.engine import only_row
from lifecycle.pipelines.ingest.sources import Source
from lifecycle.pipelines.ingest.sql_values import quoted
from lifecycle.pipelines.ingest.table_spec import TableSpec
from lifecycle.pipelines.ingest.text_files import refuse_encoding, refuse_open_quote

LONGEST = 100
"""Malformed lines that are looked into for others in them, the longest first."""


def keep_rejects(con: duckdb.DuckDBPyConnection, what: str, source: Source, spec: TableSpec) -> tuple[str, int, int]:
    """Keep the malformed lines of a source that was read as a table (line, row_hash) of the engine.

    Returns the table's name, how many lines it has, and the sum of their digests. Lines that are not UTF-8 are an error
    unless the encoding was given: the whole file is then probably written in another. So is a line that swallowed
    others behind a quote that is never closed: the engine keeps its beginning only, and the rest would be lost.
    """
    name = quoted(f"malformed_{what}")
    none = "SELECT NULL::VARCHAR AS line, FALSE AS encoding, '' AS delimiter, 0 AS width WHERE FALSE"
    sql = source.rejects or none
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT *, (hash(line) >> 1)::BIGINT AS row_hash FROM ({sql})")
    if spec.encoding is None:
        foreign, line = only_row(con, f"SELECT count(*), min(line) FROM {name} WHERE encoding")
        if foreign:
            raise refuse_encoding(what, str(line), int(foreign))
    long = con.execute(
        f"SELECT line, delimiter, width FROM {name} WHERE regexp_matches(line, '[\\r\\n]') "
        f"ORDER BY length(line) DESC LIMIT {LONGEST}"
    ).fetchall()
    for line, delimiter, width in long:
        inside = sum(further.count(delimiter) >= width - 1 for further in line.splitlines()[1:])
        if inside > 1:
            raise refuse_open_quote(what, line.splitlines()[0], inside)
    rows, digest = only_row(con, f"SELECT count(*), coalesce(sum(row_hash::HUGEINT), 0) FROM {name}")
    return name, int(rows), int(digest)
