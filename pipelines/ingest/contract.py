"""The contract of the transactions in SQL: every source row becomes days, fixed-point values, or gets a reason."""

from collections.abc import Mapping

from features.account import FIRST_POSSIBLE, LARGEST_AMOUNT, LAST_POSSIBLE, MICRO, REASON_CODES
from features.netting import NO_CODE
from features.window import UNKNOWN_DAY
from pipelines.ingest.sources import literal, quoted
from pipelines.ingest.spec import IngestError, TableSpec

RAW = "\x1f"
"""Stands between timestamp, amount and order in the raw text that returns and unusable rows keep."""

INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")
FLOATS = ("FLOAT", "DOUBLE")


def check_columns(what: str, wanted: Mapping[str, str], found: Mapping[str, str], needed: tuple[str, ...]) -> None:
    """Refuse a table that lacks a column that is needed or configured."""
    for role in needed:
        if role not in wanted:
            raise IngestError(f"{what}: {role} is needed. Say which of the columns {list(found)} it is.")
    for role, name in wanted.items():
        if name not in found:
            raise IngestError(f"{what}: {role} = {name!r} is not among the columns {list(found)}. Name one of these.")


def id_type(columns: Mapping[str, str], name: str, what: str) -> str:
    """SQL type in which ids are kept: VARCHAR for text, BIGINT for whole numbers."""
    kind = columns[name]
    if kind == "VARCHAR":
        return "VARCHAR"
    if kind in INTEGERS or kind in FLOATS:
        return "BIGINT"
    raise IngestError(f"{what}: ids must be text or whole numbers, got {kind} in column {name!r}.")


def id_sql(name: str, kind: str) -> str:
    """The id of a row of the source ``s``, NULL where there is none."""
    if kind == "VARCHAR":
        return f"CASE WHEN trim(s.{quoted(name)}) <> '' THEN s.{quoted(name)} END"
    return f"TRY_CAST(s.{quoted(name)} AS BIGINT)"


def date_sql(name: str, kind: str, timestamp_format: str | None) -> str:
    """The date of a column of the source ``s``, NULL where it cannot be read."""
    column = f"s.{quoted(name)}"
    if kind == "DATE":
        return column
    if kind.startswith("TIMESTAMP"):
        return f"TRY_CAST({column} AS DATE)"
    text = f"trim(CAST({column} AS VARCHAR))"
    if timestamp_format is not None:
        return f"TRY_CAST(try_strptime({text}, {literal(timestamp_format)}) AS DATE)"
    return (
        f"coalesce(TRY_CAST(TRY_CAST({text} AS TIMESTAMP) AS DATE), TRY_CAST(TRY_CAST({text} AS TIMESTAMPTZ) AS DATE), "
        f"TRY_CAST(try_strptime({text}, '%Y%m%d') AS DATE))"
    )


def day_sql(date: str) -> str:
    """Days since 1970-01-01 of a date, NULL where it is none or not finite."""
    return f"CASE WHEN isfinite({date}) THEN datediff('day', DATE '1970-01-01', {date}) END"


def classify(
    source: str,
    columns: Mapping[str, str],
    spec: TableSpec,
    *,
    kind_of_id: str,
    n_buckets: int,
    zero_amount: str,
    aliases: str | None,
) -> str:
    """SQL that reads each source row once and gives the staged row.

    ``aliases`` names a table (alias, customer_id) of the id map: ids are joined before anything else, so that one
    customer lies in one bucket. Rows set aside (``why`` is not 0) go to bucket ``n_buckets``; these and returns keep
    their raw text for the quarantine file.
    """
    names = spec.columns
    check_columns("transactions", names, columns, ("customer_id", "timestamp"))
    has_money = "amount" in names
    tests = [
        ("id IS NULL", "customer_missing"),
        (_absent("raw_timestamp", columns[names["timestamp"]]), "timestamp_missing"),
        ("day IS NULL AND date IS NULL", "timestamp_unreadable"),
        (f"day IS NULL OR day NOT BETWEEN {FIRST_POSSIBLE} AND {LAST_POSSIBLE}", "timestamp_impossible"),
    ]
    if has_money:
        tests += [
            (_absent("raw_amount", columns[names["amount"]]), "amount_missing"),
            ("number IS NULL", "amount_unreadable"),
            ("NOT isfinite(number)", "amount_not_finite"),
            (f"abs(number) > {LARGEST_AMOUNT}", "amount_out_of_range"),
        ]
    if "currency" in names and spec.currency is not None:
        tests.append((f"currency IS DISTINCT FROM {literal(spec.currency)}", "other_currency"))
    if has_money and zero_amount == "ignore":
        tests.append(("value = 0", "zero_amount"))
    reason = "CASE " + " ".join(f"WHEN {test} THEN {REASON_CODES[name]}" for test, name in tests) + " ELSE 0 END"
    carried = ", ".join(
        f"{name}" for name in ("order_key", "product", "category", "channel", "quantity", "cost", "row_hash")
    )
    return f"""
        SELECT CASE WHEN why = 0 THEN (hash(id) % {n_buckets})::USMALLINT ELSE {n_buckets} END AS bucket, id,
            CASE WHEN day BETWEEN {FIRST_POSSIBLE} AND {LAST_POSSIBLE} THEN day ELSE {UNKNOWN_DAY} END::INTEGER AS day,
            value, {carried}, why,
            CASE WHEN why <> 0 OR value < 0 THEN
                concat_ws('{RAW}', coalesce(CAST(raw_timestamp AS VARCHAR), ''),
                    coalesce(CAST(raw_amount AS VARCHAR), ''), coalesce(CAST(raw_order AS VARCHAR), '')) END AS raw
        FROM (SELECT *, ({reason})::UTINYINT AS why FROM (
            SELECT *, CASE WHEN isfinite(number) AND abs(number) <= {LARGEST_AMOUNT}
                THEN round(number * {MICRO})::BIGINT ELSE 0 END AS value
            FROM ({_read(source, columns, spec, kind_of_id, aliases)})))"""


def _absent(name: str, kind: str) -> str:
    """Test for a value that the source leaves empty."""
    return f"{name} IS NULL OR trim({name}) = ''" if kind == "VARCHAR" else f"{name} IS NULL"


def _read(source: str, columns: Mapping[str, str], spec: TableSpec, kind_of_id: str, aliases: str | None) -> str:
    """SQL that reads the canonical columns; ``s`` is the source row, so that its names cannot clash with ours."""
    names = spec.columns

    def raw(role: str) -> str:
        return f"s.{quoted(names[role])}" if role in names else "NULL::VARCHAR"

    def text(role: str) -> str:
        return f"nullif(CAST({raw(role)} AS VARCHAR), '')" if role in names else "NULL::VARCHAR"

    def number(role: str) -> str:
        return f"TRY_CAST(s.{quoted(names[role])} AS DOUBLE)" if role in names else "NULL::DOUBLE"

    date = date_sql(names["timestamp"], columns[names["timestamp"]], spec.timestamp_format)
    items = number("quantity")
    value = number("amount")
    if "amount" not in names:
        value = f"CASE WHEN isfinite({items}) AND abs({items}) <= 1e9 THEN {items} ELSE 1 END"
    order_key = f"{NO_CODE}::BIGINT"
    if "order_id" in names:
        is_text = columns[names["order_id"]] == "VARCHAR"
        some = f"nullif({raw('order_id')}, '')" if is_text else raw("order_id")
        order_key = f"CASE WHEN {some} IS NULL THEN {NO_CODE} ELSE (hash({some}) >> 1)::BIGINT END"
    raw_id = id_sql(names["customer_id"], kind_of_id)
    identity = raw_id if aliases is None else f"coalesce(m.customer_id, {raw_id})"
    joined = f"{source} AS s" if aliases is None else f"{source} AS s LEFT JOIN {aliases} AS m ON {raw_id} = m.alias"
    every = ", ".join(f"s.{quoted(c)}" for c in columns)
    return f"""
        SELECT {identity} AS id, {date} AS date, {day_sql(date)} AS day, {value} AS number, {items} AS quantity,
            {number("cost")} AS cost, {order_key} AS order_key, {text("product")} AS product,
            {text("category")} AS category, {text("channel")} AS channel, {text("currency")} AS currency,
            (hash({every}) >> 1)::BIGINT AS row_hash, {raw("timestamp")} AS raw_timestamp,
            {raw("amount")} AS raw_amount, {raw("order_id")} AS raw_order
        FROM {joined}"""
