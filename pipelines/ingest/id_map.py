"""The id map: several ids of one customer, chains followed to their end."""

from typing import Any

import duckdb
import pyarrow as pa

from lifecycle.features.records.side_account import SIDE_CODES
from lifecycle.pipelines.ingest.engine import only_row
from lifecycle.pipelines.ingest.optional_tables import ExtraTable, account_of
from lifecycle.pipelines.ingest.sources import Source
from lifecycle.pipelines.ingest.sql_values import check_columns
from lifecycle.pipelines.ingest.table_spec import IngestError, TableSpec

NEEDED = ("alias", "customer_id")


def load_aliases(
    con: duckdb.DuckDBPyConnection, source: Source, spec: TableSpec, kind_of_id: str
) -> tuple[str, ExtraTable, list[str]]:
    """Load the id map as a table (alias, customer_id) of the engine.

    Returns its name, the account of the map's rows, and queries for those in quarantine.
    """
    check_columns("id_map", spec.columns, source.columns, NEEDED)
    values = source.values(spec)
    alias, customer = (values.identity(spec.columns[role], kind_of_id) for role in NEEDED)
    missing = values.no_identity(spec.columns["customer_id"])
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE extra AS SELECT {alias} AS __alias, {customer} AS __id, "
        f"CAST(CASE WHEN {alias} IS NULL THEN {SIDE_CODES['alias_missing']} "
        f"WHEN {missing} THEN {SIDE_CODES['customer_missing']} "
        f"WHEN {customer} IS NULL THEN {SIDE_CODES['customer_unreadable']} "
        f"ELSE {SIDE_CODES['in_use']} END AS UTINYINT) AS __why, NULL::INTEGER AS __day, "
        f"(hash({values.everything()}) >> 1)::BIGINT AS __hash, s AS __whole "
        f"FROM {source.relation} AS s"
    ).fetchall()
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE extra AS SELECT * REPLACE (CASE WHEN __why = {SIDE_CODES['in_use']} AND "
        "row_number() OVER (PARTITION BY __why, __alias, __id ORDER BY __hash) > 1 "
        f"THEN {SIDE_CODES['duplicate']} ELSE __why END AS __why) FROM extra"
    ).fetchall()
    used = f"FROM extra WHERE __why = {SIDE_CODES['in_use']}"
    twice, one = only_row(
        con, f"SELECT count(*), min(__alias) FROM (SELECT __alias {used} GROUP BY __alias HAVING count(*) > 1)"
    )
    if twice:
        raise IngestError(
            f"id_map: {int(twice):,} aliases name several customers (such as {one!r}). Keep one customer for each."
        )
    pairs = con.sql(f"SELECT __alias AS alias, __id AS customer_id {used}").to_arrow_table()
    ends = _ends(dict(zip(pairs["alias"].to_pylist(), pairs["customer_id"].to_pylist(), strict=True)))
    kind = pa.string() if kind_of_id == "VARCHAR" else pa.int64()
    table = pa.table({"alias": pa.array(list(ends), kind), "customer_id": pa.array(list(ends.values()), kind)})
    con.register("aliases_arrow", table)
    con.execute("CREATE OR REPLACE TEMP TABLE aliases AS SELECT * FROM aliases_arrow").fetchall()
    con.unregister("aliases_arrow")
    return "aliases", *account_of(con, "id_map", source, spec, None)


def _ends(target: dict[Any, Any]) -> dict[Any, Any]:
    """Where the chain of each alias ends."""
    ends = {}
    for alias in target:
        seen, end = {alias}, target[alias]
        while end in target and target[end] != end:
            if end in seen:
                raise IngestError(f"id_map: the aliases {sorted(map(str, seen))[:5]} go round in a circle. Break it.")
            seen.add(end)
            end = target[end]
        ends[alias] = end
    return ends
