"""The contract of the transactions in SQL: every source row becomes days, fixed-point values, or gets a reason."""

from collections.abc import Mapping

from lifecycle.features.records.account import FIRST_POSSIBLE, LARGEST_AMOUNT, LAST_POSSIBLE, MICRO, REASON_CODES
from lifecycle.features.records.netting import NO_CODE
from lifecycle.features.window import UNKNOWN_DAY
from lifecycle.pipelines.ingest.sources import Source
from lifecycle.pipelines.ingest.sql_values import Values, check_columns, check_kinds, day_sql, literal, quoted
from lifecycle.pipelines.ingest.table_spec import TableSpec

RAW = "\x1f"
"""Stands between timestamp, amount, order and the whole row in the text that returns and unusable rows keep."""

DECIMAL_COMMA = r"^[^0-9]*((\d{1,3}([. '’]\d{3})*|\d+),\d{1,2}|\d{1,3}([.]\d{3}){2,})[^0-9]*$"
"""A number that can only be meant with a decimal comma: it has one, or several points between groups of thousands."""

THOUSANDS = r"^[^0-9]*[1-9]\d{0,2}[.]\d{3}[^0-9]*$"
"""A number whose only point may stand between thousands."""

TIMES = " × "
"""Stands between price and quantity in the text of an amount that is their product."""


def needed(spec: TableSpec) -> tuple[str, ...]:
    """Roles whose columns every file of the transactions must have, those that the table is said to have."""
    return ("customer_id", "timestamp", "amount", *(("unit_price", "quantity") if "unit_price" in spec.columns else ()))


def classify(
    source: Source, spec: TableSpec, *, kind_of_id: str, n_buckets: int, zero_amount: str, aliases: str | None
) -> str:
    """SQL that reads each source row once and gives the staged row.

    ``aliases`` names a table (alias, customer_id) of the id map: ids are joined before anything else, so that one
    customer lies in one bucket. Rows set aside (``why`` is not 0) go to bucket ``n_buckets``; these and returns keep
    their raw text for the quarantine file. ``currency`` is there where the log names currencies and none was chosen.
    """
    names = spec.columns
    check_columns("transactions", names, source.columns, ("customer_id", "timestamp"))
    numbers = {role: names[role] for role in ("amount", "unit_price", "quantity", "cost") if role in names}
    texts = {role: names[role] for role in ("order_id", "product", "category", "channel", "currency") if role in names}
    check_kinds("transactions", source.columns, {"timestamp": names["timestamp"]}, numbers, texts)
    has_money = bool(spec.money)
    values = source.values(spec)
    tests = [
        ("id IS NULL" if values.is_text(names["customer_id"]) else "no_id", "customer_missing"),
        ("id IS NULL", "customer_unreadable"),
        ("no_timestamp", "timestamp_missing"),
        ("day IS NULL AND date IS NULL", "timestamp_unreadable"),
        (f"day IS NULL OR day NOT BETWEEN {FIRST_POSSIBLE} AND {LAST_POSSIBLE}", "timestamp_impossible"),
    ]
    if has_money:
        tests += [
            ("no_amount", "amount_missing"),
            ("number IS NULL", "amount_unreadable"),
            ("NOT isfinite(number)", "amount_not_finite"),
            (f"abs(number) > {LARGEST_AMOUNT}", "amount_out_of_range"),
        ]
    carried = ["order_key", "product", "category", "channel", "quantity", "cost", "row_hash"]
    if "currency" in names and has_money and spec.currency is not None:
        tests.append((f"currency IS DISTINCT FROM {literal(currency_code(spec.currency))}", "other_currency"))
    elif has_money and spec.currency is not None:
        same = ", ".join(map(literal, alike(currency_code(spec.currency))))
        tests.append((f"currency NOT IN ({same})", "other_currency"))
    elif has_money:
        carried.append("currency")
    if has_money and zero_amount == "ignore":
        tests.append(("value = 0", "zero_amount"))
    if spec.decimal is None:
        carried += [f"{_foreign(values, names)} AS foreign_number", f"{_points(values)} AS points"]
    reason = "CASE " + " ".join(f"WHEN {test} THEN {REASON_CODES[name]}" for test, name in tests) + " ELSE 0 END"
    shown = ((names["timestamp"],), spec.money, (names["order_id"],) if "order_id" in names else ())
    written = (f" || {literal(TIMES)} || ".join(map(_written, some)) or "''" for some in shown)
    return f"""
        SELECT CASE WHEN why = 0 THEN (hash(id) % {n_buckets})::USMALLINT ELSE {n_buckets} END AS bucket, id,
            CASE WHEN day BETWEEN {FIRST_POSSIBLE} AND {LAST_POSSIBLE} THEN day ELSE {UNKNOWN_DAY} END::INTEGER AS day,
            value, {", ".join(carried)}, why,
            CASE WHEN why <> 0 OR value < 0
                THEN concat_ws('{RAW}', {", ".join(written)}, CAST(to_json(whole) AS VARCHAR)) END AS raw
        FROM (SELECT *, ({reason})::UTINYINT AS why FROM (
            SELECT *, CASE WHEN isfinite(number) AND abs(number) <= {LARGEST_AMOUNT}
                THEN round(number * {MICRO})::BIGINT ELSE 0 END AS value
            FROM ({_read(source, values, kind_of_id, aliases)})))"""


def _foreign(values: Values, names: Mapping[str, str]) -> str:
    """SQL of the text of a cost or a quantity with a decimal comma, which was not read; NULL where there is none."""
    written = {role: _written(names[role]) for role in ("cost", "quantity") if role in names}
    tests = [
        f"WHEN {role} IS NULL AND regexp_matches({text}, {literal(DECIMAL_COMMA)}) THEN {text}"
        for role, text in written.items()
        if values.is_text(names[role])
    ]
    return f"CASE {' '.join(tests)} END" if tests else "NULL::VARCHAR"


def _points(values: Values) -> str:
    """SQL of what a point in the amount may be: 0 there is none, 1 a decimal point, 2 perhaps one between thousands."""
    text = next((_written(name) for name in values.spec.money if values.is_text(name)), None)
    if text is None:
        return "0::UTINYINT"
    return (
        f"(CASE WHEN NOT contains({text}, '.') THEN 0 WHEN {text}[-3] = '.' OR {text}[-2] = '.' THEN 1 "
        f"WHEN regexp_matches({text}, {literal(THOUSANDS)}) THEN 2 ELSE 1 END)::UTINYINT"
    )


def _written(name: str) -> str:
    """SQL of what a column of the source row says."""
    return f"coalesce(CAST(whole.{quoted(name)} AS VARCHAR), '')"


def currency_code(text: str) -> str:
    """A currency as it is compared: without blanks around it, in capitals.

    >>> currency_code(" eur")
    'EUR'
    """
    return text.strip().upper()


ALIKE = {
    "$": ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN", "ARS", "CLP", "COP", "TWD"),
    "€": ("EUR",),
    "£": ("GBP", "EGP"),
    "¥": ("JPY", "CNY"),
    "元": ("CNY", "TWD"),
    "円": ("JPY",),
    "₹": ("INR",),
    "RS": ("INR", "PKR", "LKR"),
    "RS.": ("INR", "PKR", "LKR"),
    "KR": ("SEK", "NOK", "DKK", "ISK"),
    "KR.": ("SEK", "NOK", "DKK", "ISK"),
    "ZŁ": ("PLN",),
    "KČ": ("CZK",),
    "FT": ("HUF",),
    "RP": ("IDR",),
    "RP.": ("IDR",),
    "RM": ("MYR",),
    "FR": ("CHF",),
    "FR.": ("CHF",),
    "₩": ("KRW",),
    "원": ("KRW",),
    "US$": ("USD",),
    "CA$": ("CAD",),
    "A$": ("AUD",),
}
"""Signs and words of currencies, in capitals, and the codes that they may stand for."""


def alike(currency: str) -> set[str]:
    """What a currency may be written as: itself, its signs, and the codes of a sign.

    >>> sorted(alike("EUR")), "CAD" in alike("$")
    (['EUR', '€'], True)
    """
    return {currency, *ALIKE.get(currency, ()), *(sign for sign, codes in ALIKE.items() if currency in codes)}


def joined(values: Values, name: str, kind_of_id: str, relation: str, aliases: str | None) -> tuple[str, str, str]:
    """SQL of the id, of the test whether the row has the customer's own id, and of the relation with the id map."""
    own = values.identity(name, kind_of_id)
    if aliases is None:
        return own, "TRUE", f"{relation} AS s"
    return (
        f"coalesce(m.customer_id, {own})",
        "m.alias IS NULL",
        f"{relation} AS s LEFT JOIN {aliases} AS m ON {own} = m.alias",
    )


def _read(source: Source, values: Values, kind_of_id: str, aliases: str | None) -> str:
    """SQL that reads the canonical columns; ``s`` is the source row, so that its names cannot clash with ours."""
    names = values.spec.columns

    def text(role: str) -> str:
        return values.text(names[role]) if role in names else "NULL::VARCHAR"

    def number(role: str) -> str:
        return values.number(names[role]) if role in names else "NULL::DOUBLE"

    date = values.date(names["timestamp"])
    items = number("quantity")
    value = " * ".join(values.number(name) for name in values.spec.money)
    if not value:
        value = f"CASE WHEN isfinite({items}) AND abs({items}) <= 1e9 THEN {items} ELSE 1 END"
    order_key = f"{NO_CODE}::BIGINT"
    if "order_id" in names:
        order = values.raw(names["order_id"])
        order = f"nullif({order}, '')" if values.is_text(names["order_id"]) else order
        order_key = f"CASE WHEN {order} IS NULL THEN {NO_CODE} ELSE (hash({order}) >> 1)::BIGINT END"
    identity, _, relation = joined(values, names["customer_id"], kind_of_id, source.relation, aliases)
    no_id = "NULL" if values.is_text(names["customer_id"]) else values.no_identity(names["customer_id"])
    no_amount = " OR ".join(values.absent(name) for name in values.spec.money) or "FALSE"
    signs = [values.sign(name) for name in values.spec.money if values.is_text(name)]
    named = [f"trim({text('currency')})"] if "currency" in names else []
    currency = f"upper(coalesce({', '.join([*named, *signs, 'NULL'])}))"
    return f"""
        SELECT {identity} AS id, {no_id} AS no_id, {date} AS date,
            {day_sql(date)} AS day, {values.absent(names["timestamp"])} AS no_timestamp, {value} AS number,
            ({no_amount}) AS no_amount, {items} AS quantity, {number("cost")} AS cost, {order_key} AS order_key,
            {text("product")} AS product, {text("category")} AS category, {text("channel")} AS channel,
            {currency} AS currency, (hash({values.everything()}) >> 1)::BIGINT AS row_hash,
            s AS whole
        FROM {relation}"""
