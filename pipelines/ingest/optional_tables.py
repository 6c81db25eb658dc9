"""The optional tables: customers, interactions, payments and campaigns in the same buckets as the transactions."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lifecycle.features.records.account import FIRST_POSSIBLE, LARGEST_AMOUNT, LAST_POSSIBLE
from lifecycle.features.records.ledger import Ledger
from lifecycle.features.records.side_account import SIDE_CODES, SIDE_REASONS, USED, TableAccount
from lifecycle.features.records.side_contract import SIDE_TABLES, Roles
from lifecycle.features.records.side_tables import SideTables
from lifecycle.features.window import UNKNOWN_DAY
from lifecycle.pipelines.ingest.contract import joined
from lifecycle.pipelines.ingest.engine import only_row
from lifecycle.pipelines.ingest.quarantine import of_lines
from lifecycle.pipelines.ingest.refusals import refuse_decimal_commas_beside
from lifecycle.pipelines.ingest.rejects import keep_rejects
from lifecycle.pipelines.ingest.segment import part_path, write_parquet
from lifecycle.pipelines.ingest.sources import Source
from lifecycle.pipelines.ingest.sql_values import Values, check_columns, check_kinds, day_sql, literal, quoted
from lifecycle.pipelines.ingest.table_spec import IngestError, TableSpec


@dataclass(frozen=True, slots=True)
class ExtraTable:
    """One optional table in the store: the digest of its content, how many rows it has, and how each ended."""

    digest: str
    rows: int
    ledger: Mapping[str, list[int]]

    def account(self, what: str, as_of: int, customers: int, strangers: int) -> TableAccount:
        """The account of its rows as of a day, with how many customers it names, and how many of them no other does."""
        return TableAccount.of(
            what,
            Ledger.of_lists(self.ledger),
            input_rows=self.rows,
            as_of=as_of,
            customers=customers,
            strangers=strangers,
        )


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
) -> tuple[ExtraTable, list[str]]:
    """Write an optional table into ``folder``, a file a bucket, sorted by customer and date.

    Returns what the store says of it, and queries for its rows in quarantine.
    """
    roles, names = SIDE_TABLES[what], spec.columns
    check_columns(what, names, source.columns, roles.needed)
    dates = (*([roles.dated_by] if roles.dated_by else []), *roles.dates, *roles.open_dates)
    numbers = (*([roles.amount] if roles.amount else []), *roles.numbers, *roles.chances)
    check_kinds(
        what,
        source.columns,
        {role: names[role] for role in dates if role in names},
        {role: names[role] for role in numbers if role in names},
    )
    con.execute(f"CREATE OR REPLACE TEMP TABLE loaded AS SELECT * FROM {source.relation}").fetchall()
    values = source.values(spec)
    identity, own, relation = joined(values, names["customer_id"], kind_of_id, "loaded", aliases)
    fields = "".join(f", {field} AS {quoted(role)}" for role, field in _fields(con, what, roles, values).items())
    day = day_sql(values.date(names[roles.dated_by])) if roles.dated_by else str(UNKNOWN_DAY)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE extra AS SELECT {identity} AS __id, {own} AS __own, "
        f"CAST({_reason(roles, values, identity)} AS UTINYINT) AS __why, CAST({day} AS INTEGER) AS __day, "
        f"(hash({values.everything()}) >> 1)::BIGINT AS __hash, s AS __whole{fields} FROM {relation}"
    ).fetchall()
    refuse_decimal_commas_beside(con, what, values, sorted({*numbers, *spec.columns} - {*dates, *roles.flags}))
    if what == "customers":
        _one_row_each(con)
    if what == "campaigns":
        _settle_campaigns(con, names, folder)
    table, pieces = account_of(con, what, source, spec, names[roles.dated_by] if roles.dated_by else None)
    order = ", ".join(["__id", *(quoted(role) for role in dates if role in names), "__hash"])
    columns = "".join(f", {quoted(role)}" for role in names if role != "customer_id")
    for bucket in range(n_buckets):
        part = con.sql(
            f"SELECT __id AS customer_id{columns} FROM extra WHERE __why IN {USED} "
            f"AND hash(__id) % {n_buckets} = {bucket} ORDER BY {order}"
        ).to_arrow_table()
        write_parquet(part, part_path(folder, bucket, what))
    return table, pieces


def account_of(
    con: duckdb.DuckDBPyConnection, what: str, source: Source, spec: TableSpec, dated_by: str | None
) -> tuple[ExtraTable, list[str]]:
    """The account of the rows in the table ``extra`` and of the malformed lines; queries for those in quarantine."""
    malformed, lost, lost_digest = keep_rejects(con, what, source, spec)
    cells = con.execute(
        f"SELECT CASE WHEN __day BETWEEN {FIRST_POSSIBLE} AND {LAST_POSSIBLE} THEN __day ELSE {UNKNOWN_DAY} END, "
        "__why, count(*) FROM extra GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    day, reason, rows = (np.array(column) for column in zip(*cells, strict=True)) if cells else np.zeros((3, 0))
    found = Ledger(day.astype(np.int32), reason.astype(np.int8), rows.astype(np.int64), np.zeros(rows.size, np.int64))
    if lost:
        unknown, code = np.array([UNKNOWN_DAY], np.int32), np.array([SIDE_CODES["line_malformed"]], np.int8)
        found = Ledger.merge([found, Ledger(unknown, code, np.array([lost]), np.array([0]))])
    [digest] = only_row(con, "SELECT coalesce(sum(__hash::HUGEINT), 0) FROM extra")
    total = int(found.rows.sum())
    reasons = "[" + ", ".join(literal(name) for name in SIDE_REASONS) + "]"
    bad = tuple(code for name, code in SIDE_CODES.items() if SIDE_REASONS[name][0] == "quarantined")
    stamp = f'CAST(__whole.{quoted(dated_by)} AS VARCHAR) AS "timestamp", ' if dated_by else ""
    name = quoted(f"quarantined_{what}")
    con.execute(
        f'CREATE OR REPLACE TEMP TABLE {name} AS SELECT {literal(what)} AS "table", {reasons}[__why + 1] AS reason, '
        f"CAST(__id AS VARCHAR) AS customer_id, {stamp}CAST(to_json(__whole) AS VARCHAR) AS source, __hash AS row_hash "
        f"FROM extra WHERE __why IN {bad}"
    ).fetchall()
    pieces = [f"SELECT * FROM {name}", of_lines(malformed, what)]
    return ExtraTable(f"{total}-{int(digest) + lost_digest:x}", total, found.lists()), pieces


def _reason(roles: Roles, values: Values, identity: str) -> str:
    """The code of the reason for which a row is used or not."""
    names = values.spec.columns
    tests = [
        (values.no_identity(names["customer_id"]), "customer_missing"),
        (f"{identity} IS NULL", "customer_unreadable"),
    ]
    if roles.dated_by is not None:
        date = values.date(names[roles.dated_by])
        tests += [
            (values.absent(names[roles.dated_by]), "timestamp_missing"),
            (f"{date} IS NULL", "timestamp_unreadable"),
            (
                f"coalesce({day_sql(date)} NOT BETWEEN {FIRST_POSSIBLE} AND {LAST_POSSIBLE}, TRUE)",
                "timestamp_impossible",
            ),
        ]
    for role in (*roles.dates, *roles.open_dates):
        if role in names:
            date = values.date(names[role])
            some = f"NOT {values.absent(names[role])}"
            early = f"{date} < DATE '1900-01-01'"
            far = "" if role in roles.open_dates else f" OR {date} > DATE '2199-12-31'"
            tests += [
                (f"{some} AND {date} IS NULL", "date_unreadable"),
                (f"{some} AND ({early}{far})", "date_impossible"),
            ]
    if roles.amount is not None:
        some, number = f"NOT {values.absent(names[roles.amount])}", values.number(names[roles.amount])
        tests += [
            (f"{some} AND {number} IS NULL", "amount_unreadable"),
            (f"{some} AND NOT isfinite({number})", "amount_not_finite"),
            (f"{some} AND abs({number}) > {LARGEST_AMOUNT}", "amount_out_of_range"),
        ]
    for role in roles.chances:
        if role in names:
            some, number = f"NOT {values.absent(names[role])}", values.number(names[role])
            tests.append((f"{some} AND NOT coalesce({number} > 0 AND {number} < 1, FALSE)", "propensity_impossible"))
    for role in roles.flags:
        if role in names:
            flag = values.flag(names[role])
            tests.append((f"NOT {values.absent(names[role])} AND {flag} IS NULL", "flag_unreadable"))
            if role == "control":
                tests.append((flag, "held_back"))
    cases = " ".join(f"WHEN {test} THEN {SIDE_CODES[name]}" for test, name in tests)
    return f"CASE {cases} ELSE {SIDE_CODES['in_use']} END"


def _fields(con: duckdb.DuckDBPyConnection, what: str, roles: Roles, values: Values) -> dict[str, str]:
    """Role -> its value in the store."""
    found = {}
    for role, name in values.spec.columns.items():
        if role == "customer_id":
            continue
        if role == roles.dated_by or role in roles.dates:
            found[role] = values.date(name)
        elif role in roles.open_dates:
            date = values.date(name)
            found[role] = f"CASE WHEN {date} <= DATE '2199-12-31' THEN {date} END"
        elif role in roles.flags:
            found[role] = values.flag(name)
        elif role == roles.amount or role in roles.numbers or role in roles.chances:
            number = values.number(name)
            found[role] = f"CASE WHEN isfinite({number}) AND abs({number}) <= {LARGEST_AMOUNT} THEN {number} END"
        elif what == "customers" and _is_number(con, values, name):
            found[role] = values.number(name)
        else:
            found[role] = values.raw(name) if values.kind(name) == "BOOLEAN" else values.text(name)
    return found


def _one_row_each(con: duckdb.DuckDBPyConnection) -> None:
    """Keep one row a customer: of equal rows the first, of rows that the id map joins the customer's own."""
    used, duplicate, other = SIDE_CODES["in_use"], SIDE_CODES["duplicate"], SIDE_CODES["other_row"]
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE extra AS SELECT * REPLACE (CASE WHEN __why = {used} AND row_number() OVER "
        f"(PARTITION BY __why, __id, __hash ORDER BY __own DESC) > 1 THEN {duplicate} ELSE __why END AS __why) "
        "FROM extra"
    ).fetchall()
    twice, one = only_row(
        con,
        f"SELECT count(*), min(__id) FROM (SELECT __id FROM extra WHERE __own AND __why = {used} GROUP BY __id "
        "HAVING count(*) > 1)",
    )
    if twice:
        raise IngestError(
            f"customers: {int(twice):,} ids have several rows that differ (such as {one!r}); the table has one row a "
            "customer. Keep one each."
        )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE extra AS SELECT * REPLACE (CASE WHEN __why = {used} AND row_number() OVER "
        f"(PARTITION BY __why, __id ORDER BY __own DESC, __hash) > 1 THEN {other} ELSE __why END AS __why) FROM extra"
    ).fetchall()


def _settle_campaigns(con: duckdb.DuckDBPyConnection, names: Mapping[str, str], folder: Path) -> None:
    """Set aside contacts from before the customer was registered, and whoever is treated and held back in one campaign.

    One campaign is one name of it, or, for rows without one, one treatment on one day.
    """
    files = sorted(folder.glob("customers-*.parquet"))
    if files and "registered_at" in pq.read_schema(files[0]).names:
        known = "[" + ", ".join(literal(str(one)) for one in files) + "]"
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE extra AS SELECT extra.* REPLACE (CASE WHEN __why IN {USED} AND "
            f"{day_sql('extra.timestamp')} < {day_sql('registered_at')} THEN {SIDE_CODES['before_customer']} "
            f"ELSE __why END AS __why) FROM extra LEFT JOIN (SELECT customer_id, registered_at FROM "
            f"read_parquet({known})) ON customer_id = __id"
        ).fetchall()
    if "control" not in names:
        return
    empty = literal("")
    campaign, treatment = (
        f"coalesce(CAST({quoted(role)} AS VARCHAR), {empty})" if role in names else empty
        for role in ("campaign", "treatment")
    )
    held = f"count(*) FILTER (__why = {SIDE_CODES['held_back']})"
    one = (
        f"OVER (PARTITION BY __why IN {USED}, __id, {campaign}, "
        f"CASE WHEN {campaign} = {empty} THEN {treatment} END, CASE WHEN {campaign} = {empty} THEN __day END)"
    )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE extra AS SELECT * REPLACE (CASE WHEN __why IN {USED} AND {held} {one} > 0 "
        f"AND {held} {one} < count(*) {one} THEN {SIDE_CODES['ambiguous_assignment']} ELSE __why END AS __why) "
        "FROM extra"
    ).fetchall()


def _is_number(con: duckdb.DuckDBPyConnection, values: Values, name: str) -> bool:
    """Whether a column holds nothing but numbers."""
    kind = values.kind(name)
    if kind != "VARCHAR":
        return (
            kind not in ("BOOLEAN", "DATE", "UUID")
            and not kind.startswith(("TIME", "STRUCT", "MAP"))
            and "[" not in kind
        )
    some, good = only_row(con, f"SELECT count({values.text(name)}), count({values.number(name)}) FROM loaded AS s")
    return int(some) > 0 and int(some) == int(good)


def read_side_tables(folder: Path, bucket: int, present: Mapping[str, ExtraTable]) -> SideTables:
    """The optional tables of one bucket."""
    tables: dict[str, pa.Table] = {
        what: pq.read_table(part_path(folder, bucket, what)) for what in SIDE_TABLES if what in present
    }
    return SideTables(**tables)
