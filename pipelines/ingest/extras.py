"""The optional tables: customers, interactions and payments in the same buckets as the transactions, and the id map."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from features.side_tables import SideTables
from pipelines.ingest.contract import check_columns, date_sql, id_sql
from pipelines.ingest.engine import only_row
from pipelines.ingest.segment import part_path, write_parquet
from pipelines.ingest.sources import Source, quoted
from pipelines.ingest.spec import IngestError, TableSpec

ROLES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "customers": (("customer_id",), ("registered_at", "closed_at")),
    "interactions": (("customer_id", "timestamp", "kind"), ("timestamp",)),
    "payments": (("customer_id", "invoiced_at", "amount"), ("invoiced_at", "due_at", "paid_at")),
}
"""Table -> (columns it needs, columns that are dates)."""

NUMBERS = ("value", "amount", "acquisition_cost")


@dataclass(frozen=True, slots=True)
class ExtraTable:
    """One optional table in the store: its digest, its rows, and how many of them could not be used."""

    digest: str
    rows: int
    unusable: int


def load_aliases(con: duckdb.DuckDBPyConnection, source: Source, spec: TableSpec, kind_of_id: str) -> str:
    """Load the id map as a table (alias, customer_id) of the engine, chains followed to their end; return its name."""
    names = {"alias": "alias", "customer_id": "customer_id", **spec.columns}
    check_columns("id_map", names, source.columns, ("alias", "customer_id"))
    pairs = con.sql(
        f"SELECT DISTINCT {id_sql(names['alias'], kind_of_id)} AS alias, "
        f"{id_sql(names['customer_id'], kind_of_id)} AS customer_id FROM {source.relation} AS s"
    ).to_arrow_table()
    pairs = pairs.drop_null()
    target = dict(zip(pairs["alias"].to_pylist(), pairs["customer_id"].to_pylist(), strict=True))
    if len(target) < pairs.num_rows:
        raise IngestError(f"id_map: {pairs.num_rows - len(target):,} aliases name several customers. Keep one each.")
    ends = {}
    for alias in target:
        seen, end = {alias}, target[alias]
        while end in target and target[end] != end:
            if end in seen:
                raise IngestError(f"id_map: the aliases {sorted(map(str, seen))[:5]} go round in a circle. Break it.")
            seen.add(end)
            end = target[end]
        ends[alias] = end
    kind = pa.string() if kind_of_id == "VARCHAR" else pa.int64()
    table = pa.table({"alias": pa.array(list(ends), kind), "customer_id": pa.array(list(ends.values()), kind)})
    con.register("aliases_arrow", table)
    con.execute("CREATE OR REPLACE TEMP TABLE aliases AS SELECT * FROM aliases_arrow").fetchall()
    con.unregister("aliases_arrow")
    return "aliases"


def write_table(
    con: duckdb.DuckDBPyConnection,
    what: str,
    source: Source,
    spec: TableSpec,
    folder: Path,
    *,
    kind_of_id: str,
    n_buckets: int,
    aliases: str | None,
) -> ExtraTable:
    """Write an optional table into ``folder``, a file a bucket, sorted by customer and date."""
    needed, dates = ROLES[what]
    names = spec.columns
    check_columns(what, names, source.columns, needed)
    raw_id = id_sql(names["customer_id"], kind_of_id)
    identity = raw_id if aliases is None else f"coalesce(m.customer_id, {raw_id})"
    joined = "" if aliases is None else f" LEFT JOIN {aliases} AS m ON {raw_id} = m.alias"
    own = "TRUE" if aliases is None else "m.alias IS NULL"
    fields, tests = [], ["id IS NOT NULL"]
    for role, name in names.items():
        if role == "customer_id":
            continue
        kind = source.columns[name]
        if role in dates:
            fields.append(f"{date_sql(name, kind, spec.timestamp_format)} AS {quoted(role)}")
            if role in needed:
                tests.append(f"{quoted(role)} IS NOT NULL")
        elif role in NUMBERS or (what == "customers" and _is_number(con, source, name, kind)):
            fields.append(f"TRY_CAST(s.{quoted(name)} AS DOUBLE) AS {quoted(role)}")
        elif kind == "BOOLEAN":
            fields.append(f"s.{quoted(name)} AS {quoted(role)}")
        else:
            fields.append(f"nullif(CAST(s.{quoted(name)} AS VARCHAR), '') AS {quoted(role)}")
    every = ", ".join(f"s.{quoted(c)}" for c in source.columns)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE extra AS SELECT {identity} AS id, {own} AS own, (hash({every}) >> 1)::BIGINT AS "
        f"row_hash, {', '.join(fields) or 'NULL AS nothing'} FROM {source.relation} AS s{joined}"
    ).fetchall()
    usable = " AND ".join(tests)
    rows, unusable, digest = only_row(
        con, f"SELECT count(*), count(*) FILTER (NOT ({usable})), sum(row_hash::HUGEINT) FROM extra"
    )
    if what == "customers":
        _one_row_each(con)
    order = ", ".join(["id", *(quoted(d) for d in dates if d in names), "row_hash"])
    first = "QUALIFY row_number() OVER (PARTITION BY id ORDER BY own DESC, row_hash) = 1" if what == "customers" else ""
    for bucket in range(n_buckets):
        table = con.sql(
            f"SELECT id AS customer_id, * EXCLUDE (id, own, row_hash) FROM extra WHERE {usable} "
            f"AND hash(id) % {n_buckets} = {bucket} {first} ORDER BY {order}"
        ).to_arrow_table()
        write_parquet(table, part_path(folder, bucket, what))
    con.execute("DROP TABLE extra").fetchall()
    return ExtraTable(f"{int(rows)}-{int(digest or 0):x}", int(rows), int(unusable))


def _one_row_each(con: duckdb.DuckDBPyConnection) -> None:
    [twice] = only_row(con, "SELECT count(*) FROM (SELECT id FROM extra WHERE own GROUP BY id HAVING count(*) > 1)")
    if twice:
        raise IngestError(f"customers: {int(twice):,} ids appear in more than one row. Keep one row a customer.")


def _is_number(con: duckdb.DuckDBPyConnection, source: Source, name: str, kind: str) -> bool:
    """Whether a text column of a re-readable source holds nothing but numbers."""
    if kind != "VARCHAR":
        return kind not in ("BOOLEAN", "DATE") and not kind.startswith("TIMESTAMP")
    if not source.relation.startswith("("):
        return False
    column = f"nullif(trim(s.{quoted(name)}), '')"
    some, good = only_row(
        con, f"SELECT count({column}), count(TRY_CAST({column} AS DOUBLE)) FROM {source.relation} AS s"
    )
    return int(some) > 0 and int(some) == int(good)


def read_side_tables(folder: Path, bucket: int, present: Mapping[str, ExtraTable]) -> SideTables:
    """The optional tables of one bucket."""

    def one(what: str) -> pa.Table | None:
        return pq.read_table(part_path(folder, bucket, what)) if what in present else None

    return SideTables(one("customers"), one("interactions"), one("payments"))
