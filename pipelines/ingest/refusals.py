"""What stops an ingest after its rows were read: the reason, with examples from the rows, and the remedy."""

from collections.abc import Iterable, Mapping, Sequence

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from lifecycle.features.records.account import REASON_CODES
from lifecycle.features.records.columns import NO_ID
from lifecycle.features.records.side_contract import FALSE, TRUE
from lifecycle.pipelines.ingest.contract import ALIKE, DECIMAL_COMMA, RAW, TIMES
from lifecycle.pipelines.ingest.engine import only_row
from lifecycle.pipelines.ingest.quarantine import together
from lifecycle.pipelines.ingest.sources import Source
from lifecycle.pipelines.ingest.sql_values import COUNTED, Values, literal, quoted
from lifecycle.pipelines.ingest.table_spec import IngestError, TableSpec

_FORMAT = (
    "set timestamp_format to a strptime format such as '%d/%m/%Y %H:%M', to a list of them, or to one of "
    f"{', '.join(COUNTED)}, 'days since 2016-01-01'"
)

REMEDIES: Mapping[str, str] = {
    "line_malformed": "set the delimiter, or mend the lines",
    "customer_missing": "name the column with the customers' ids",
    "timestamp_unreadable": _FORMAT,
    "timestamp_impossible": _FORMAT,
    "timestamp_missing": "name the column with the dates",
    "amount_unreadable": "name the column with the amounts, set decimal, or set amount = false",
    "amount_missing": "name the column with the amounts, or set amount = false",
    "flag_unreadable": f"write one of {', '.join(TRUE)} or of {', '.join(FALSE)}",
    "other_currency": "set [money] currency to the one that the log is in",
}
"""Reason -> what most often helps."""

ROUNDED = r"^(\d+[.,]\d+[eE][+]?\d+|\d+[eE][+]\d+)$"
"""A long whole number as spreadsheets and programs show it."""
MAYBE_ROUNDED = r"^\d+[eE]\d+$"
"""The same without a fraction and a sign: it may be an id in hexadecimal digits."""
HEXADECIMAL = r"^(?:[0-9a-fA-F]*[a-dfA-DF][0-9a-fA-F]*|\d+[eE]\d*[eE][0-9a-fA-F]*|[eE][0-9a-fA-F]*)$"
"""An id with letters that no rounded number has."""


def none_usable(con: duckdb.DuckDBPyConnection, rows: int, source: Source, pieces: Sequence[str]) -> IngestError:
    """The error where no row of the transactions can be used: why, an example of each, and what to do."""
    if rows == 0:
        return IngestError(
            f"transactions: there are no rows below the columns {list(source.columns)}. Name files that have rows."
        )
    found = con.execute(
        "SELECT reason, count(*), min(CASE WHEN reason LIKE 'timestamp%' THEN \"timestamp\" WHEN reason LIKE 'amount%' "
        f"THEN amount ELSE source END) FROM ({together(pieces)}) GROUP BY reason ORDER BY count(*) DESC, reason"
    ).fetchall()
    told = "; ".join(
        f"{count:,} {reason}{f', such as {str(example)[:120]!r}' if example else ''}"
        for reason, count, example in found
    )
    remedies = "; ".join(f"{reason}: {REMEDIES[reason]}" for reason, _, _ in found if reason in REMEDIES)
    return IngestError(
        f"transactions: none of the {rows:,} rows can be used ({told}). The columns are {list(source.columns)}. "
        f"What helps: {remedies or 'mend the source'}."
    )


def refuse_decimal_commas(con: duckdb.DuckDBPyConnection, relation: str, spec: TableSpec) -> None:
    """Refuse amounts with decimal commas where no decimal mark was given: others may have been read as thousands."""
    if spec.decimal is not None or not spec.money:
        return
    parts = f"string_split(string_split(raw, {literal(RAW)})[2], {literal(TIMES)})"
    foreign = [f"regexp_matches({parts}[{place}], {literal(DECIMAL_COMMA)})" for place in range(1, len(spec.money) + 1)]
    count, example = only_row(
        con,
        f"SELECT count(*), min(array_to_string({parts}, {literal(TIMES)})) FROM {relation} "
        f"WHERE why = {REASON_CODES['amount_unreadable']} AND ({' OR '.join(foreign)})",
    )
    if count:
        raise IngestError(
            f"transactions: amounts with a decimal comma, or with points between thousands: {int(count):,}, such as "
            f"{example!r}. Set decimal = ',' under [tables.transactions]; or decimal = '.', to quarantine them."
        )


def refuse_decimal_commas_beside(
    con: duckdb.DuckDBPyConnection, what: str, values: Values, roles: Iterable[str]
) -> None:
    """Refuse columns of an optional table that hold numbers only, some with a decimal comma, where no mark was given.

    The table's rows are the engine's ``loaded``.
    """
    if values.spec.decimal is not None:
        return
    missing = ", ".join(map(literal, NO_ID))
    for role in roles:
        name = values.spec.columns.get(role)
        if name is None or role == "customer_id" or not values.is_text(name):
            continue
        text, number = f"s.{quoted(name)}", values.number(name)
        comma = f"({number} IS NULL AND regexp_matches({text}, {literal(DECIMAL_COMMA)}))"
        other = f"({number} IS NULL AND NOT {comma} AND lower(trim({text})) NOT IN ({missing}))"
        words, count, example = only_row(
            con,
            f"SELECT count_if({other}), count_if({comma}), min(CASE WHEN {comma} THEN {text} END) FROM loaded AS s",
        )
        if count and (not words or role in NUMBERS):
            raise IngestError(
                f"{what}: numbers with a decimal comma, or with points between thousands, in column {name!r}: "
                f"{int(count):,}, such as {example!r}. Set decimal = ',' under [tables.{what}]; or decimal = '.', to "
                "take them for no numbers."
            )


NUMBERS = ("value", "amount", "cost", "acquisition_cost")
"""Roles that hold numbers and nothing else; an attribute may be text some of which looks like a number."""


def refuse_foreign_numbers(count: int, example: str) -> None:
    """Refuse costs and quantities with decimal commas where no decimal mark was given: they would be missing."""
    if count:
        raise IngestError(
            f"transactions: costs or quantities with a decimal comma: {count:,}, such as {example!r}. Set decimal = "
            "',' under [tables.transactions]; or decimal = '.', to take them for missing."
        )


def refuse_points(points: Sequence[int], example: str) -> None:
    """Refuse amounts all of whose points may stand between thousands; ``points``: rows with none, one, maybe such."""
    _, decimal, maybe = points
    if maybe and not decimal:
        raise IngestError(
            f"transactions: {maybe:,} amounts have a point with exactly three digits after it, such as {example!r}, "
            "and no amount has another: is it a point between thousands? Set decimal = ',' under "
            "[tables.transactions] if so; or decimal = '.', if it is the decimal point."
        )


def refuse_prices(signs: Sequence[int], spec: TableSpec) -> None:
    """Refuse amounts that do not follow their quantities below 0: prices of items, returns without a sign or with two.

    ``signs``: rows with a negative quantity whose amount is positive, and whose amount is negative.
    """
    against, along = signs
    if against <= along:
        return
    rows = f"transactions: {against:,} of {against + along:,} rows with a negative quantity have"
    if "unit_price" in spec.columns:
        raise IngestError(
            f"{rows} a negative {spec.columns['unit_price']!r} too: their product is positive and would count as a "
            "purchase. Make the prices positive."
        )
    name = spec.columns["amount"]
    raise IngestError(
        f"{rows} a positive amount, and would count as purchases. If {name!r} is the price of an item, set unit_price "
        f"= {name!r} in place of amount: the amount is then quantity × unit_price. If it is the line's total, make it "
        "negative for returns."
    )


def refuse_rounded_ids(ids: pa.Array) -> None:
    """Refuse distinct ids that a spreadsheet rounded: several customers may stand behind one."""
    if not pa.types.is_string(ids.type):
        return
    rounded = ids.filter(pc.match_substring_regex(ids, ROUNDED))
    maybe = ids.filter(pc.match_substring_regex(ids, MAYBE_ROUNDED))
    if len(maybe) and not pc.any(pc.match_substring_regex(ids, HEXADECIMAL)).as_py():
        rounded = pa.concat_arrays([rounded, maybe])
    if len(rounded):
        raise IngestError(
            f"transactions: ids that a spreadsheet rounded, such as {rounded[0].as_py()!r}: several customers may be "
            "behind one. Export the column as text, or from the system itself."
        )


def refuse_several_currencies(rows: Mapping[str, int]) -> None:
    """Refuse a log in several currencies where none was chosen: their amounts cannot be added."""
    named = {currency: count for currency, count in rows.items() if currency}
    for sign in [one for one in named if one in ALIKE]:
        same = [code for code in ALIKE[sign] if code in named]
        if len(same) == 1:  # a sign beside the one code that it may stand for
            named[same[0]] += named.pop(sign)
    if len(named) < 2:
        return
    ranked = sorted(named.items(), key=lambda one: (-one[1], one[0]))
    told = ", ".join(f"{currency} {count:,}" for currency, count in ranked[:10])
    further = f", {len(ranked) - 10} more" if len(ranked) > 10 else ""
    none = f", none {rows['']:,}" if rows.get("") else ""
    raise IngestError(
        f"transactions: the amounts are in {len(named)} currencies (rows: {told}{further}{none}) and cannot be added. "
        "Set [money] currency to the one to keep, and the rows of the others are quarantined; or convert the amounts "
        "first."
    )
