"""The scores table: the one place that says which columns it has, what they mean, and which rows are right.

Grain: one row a customer, sorted by priority. Invariants: `customer_id` is unique; `priority` is 1..n in row order;
`selected` is `targeted` without `control`; a column that is not nullable has no null. The writer calls `check` before
a byte is written.

Null for prospects, and for accounts closed before a first purchase: all that rests on purchases, that is, columns
marked "null without a purchase".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lifecycle.decisions.vocabulary import CAUSES, STAGES, STRATEGIES

VERSION: Final = "3"
"""Version of the table's shape, in the schema's metadata; a reader refuses others."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the scores table: its Arrow type, unit, nullability, meaning and the range or words it may hold."""

    name: str
    type: pa.DataType | None
    unit: str
    nullable: bool
    meaning: str
    low: float | None = None
    high: float | None = None
    words: tuple[str, ...] = ()


_P = "null without a purchase"
_M = f"{_P} and for a log without amounts"
_f8, _i4, _i8, _text, _flag, _date = pa.float64(), pa.int32(), pa.int64(), pa.string(), pa.bool_(), pa.date32()

COLUMNS: Final[tuple[Column, ...]] = (
    Column(
        "customer_id", None, "", False, "the customer's id as it came (text or whole number), or its keyed pseudonym"
    ),
    Column("as_of", _date, "date", False, "end of what was known when the row was made"),
    Column("horizon_days", _i4, "days", False, "length of what is predicted: (as_of, as_of + horizon_days]", 1),
    Column("priority", _i8, "rank", False, "1 = first to act on; a total order 1..n over all rows", 1),
    Column("stage", _text, "", False, "canonical lifecycle stage at as_of", words=STAGES),
    Column("stage_name", _text, "", False, "the stage in the language and scheme of the output"),
    Column("previous_stage", _text, "", True, "stage before this one; null if there was none", words=STAGES),
    Column("stage_since", _date, "date", True, "first day of the present stage; null for prospects of unknown age"),
    Column(
        "returned_after_churn",
        _flag,
        "",
        False,
        "the present life began with a purchase after the customer had churned",
    ),
    Column("second_purchase_overdue", _flag, "", False, "one-time buyer, silent for half of the time that new lasts"),
    Column("days_since_last_purchase", _i4, "days", True, f"days from the last purchase day to as_of; {_P}", 0),
    Column("frequency", _i8, "purchase days", True, f"repeat purchase days, the first not counted; {_P}", 0),
    Column(
        "usual_gap_days",
        _f8,
        "days",
        True,
        f"own gap between purchase days, (α + t_x)/(r + x) of the stage policy; {_P} and for one-time buyers where "
        "the base's gap is longer than new lasts",
        0,
    ),
    Column(
        "expected_next_purchase",
        _date,
        "date",
        True,
        "day by which the next purchase is as likely as not to have come, of purchases that come within two horizons; "
        f"after as_of; {_P} and for churned customers",
    ),
    Column(
        "expected_next_purchase_low", _date, "date", True, f"first day of its 90 % interval; {_P} and for the churned"
    ),
    Column(
        "expected_next_purchase_high", _date, "date", True, f"last day of its 90 % interval; {_P} and for the churned"
    ),
    Column(
        "p_alive",
        _f8,
        "probability",
        True,
        f"P(alive at as_of | own history); {_P} and for a model that has none",
        0,
        1,
    ),
    Column("expected_purchases", _f8, "purchase days", True, f"expected purchase days in the horizon; {_P}", 0),
    Column("expected_purchases_low", _f8, "purchase days", True, f"lower end of its predictive interval; {_P}", 0),
    Column("expected_purchases_high", _f8, "purchase days", True, f"upper end of its predictive interval; {_P}", 0),
    Column("expected_spend", _f8, "money", True, f"expected spend in the horizon; {_M}"),
    Column("expected_spend_low", _f8, "money", True, f"lower end of its predictive interval; {_M}"),
    Column("expected_spend_high", _f8, "money", True, f"upper end of its predictive interval; {_M}"),
    Column("residual_value", _f8, "money", True, f"discounted future margin; {_M}"),
    Column("residual_value_low", _f8, "money", True, f"lower end of its interval; {_M}"),
    Column("residual_value_high", _f8, "money", True, f"upper end of its interval; {_M}"),
    Column("clv", _f8, "money", True, f"customer lifetime value: past margin + residual value; {_M}"),
    Column("churn_probability", _f8, "probability", True, f"P(no purchase in the horizon); {_P}", 0, 1),
    Column(
        "loss_probability",
        _f8,
        "probability",
        True,
        f"P(no longer alive at the horizon's end) = 1 − p*·κ, what retention acts on; {_P}",
        0,
        1,
    ),
    Column(
        "decline_probability",
        _f8,
        "probability",
        True,
        "P(buys in the horizon, but spends at most half of what the own rate expects); null where the own "
        "rate expects fewer than 3 purchase days in the horizon",
        0,
        1,
    ),
    Column(
        "value_at_risk",
        _f8,
        "money",
        True,
        f"p*·V_prevent, margin over the value horizon that those still there stand to take away by leaving; {_M} and "
        "for the churned",
        0,
    ),
    Column(
        "winback_value",
        _f8,
        "money",
        True,
        f"P(return)·V_return, margin over the value horizon of the churned who return, most of them unasked; {_M} and "
        "for those still there",
        0,
    ),
    Column("strategy", _text, "", False, "what the stage and the cause ask for", words=STRATEGIES),
    Column("cause", _text, "", True, "why a declining customer declines; null in other stages", words=CAUSES),
    Column(
        "action", _text, "", True, "the action of the catalogue that is worth most for the customer; null if none pays"
    ),
    Column("channel", _text, "", True, "channel of the action; null if there is none"),
    Column(
        "expected_gain",
        _f8,
        "money",
        True,
        "net gain of the action: margin won − contact cost − expected incentive; gain_basis says what it rests on",
    ),
    Column("expected_gain_low", _f8, "money", True, "the same at the lower end of the 90 % interval of the rate"),
    Column("expected_gain_high", _f8, "money", True, "the same at its upper end"),
    Column(
        "gain_basis",
        _text,
        "",
        True,
        "what the rate rests on: assumed, measured by experiments with a control group, or both",
        words=("assumed", "mixed", "measured"),
    ),
    Column(
        "break_even_save_rate",
        _f8,
        "probability",
        True,
        "effect (save rate or lift) at which the action pays for itself; above 1: never; null without value terms",
        0,
    ),
    Column("targeted", _flag, "", False, "in the best list within budget, capacities, consent and contact rules"),
    Column("control", _flag, "", False, "targeted, but left alone so that the effect can be measured"),
    Column("selected", _flag, "", False, "to be contacted: targeted and not control"),
    Column("reasons", _text, "", False, "why, in words of the output's language"),
    Column(
        "reasons_from",
        _text,
        "",
        False,
        "model: its own contributions, strongest first; rules: on the same events",
        words=("model", "rules"),
    ),
    Column("model_version", _text, "", False, "digest of the model's content"),
    Column("policy_version", _text, "", False, "digest of the stage and retention policies"),
)

_BY_NAME: Final = {column.name: column for column in COLUMNS}


class ScoresError(ValueError):
    """The table is not a scores table; the text lists every deviation found."""


def schema(customer_id: pa.DataType | None = None) -> pa.Schema:
    """Return the Arrow schema; every field's metadata holds its meaning and unit.

    Parameters
    ----------
    customer_id : pa.DataType | None
        type of the ids, ``pa.string()`` (default) or ``pa.int64()``.

    >>> field = schema().field("churn_probability")
    >>> field.type, field.nullable, field.metadata[b"meaning"].decode()
    (DataType(double), True, 'P(no purchase in the horizon); null without a purchase')
    """
    id_type = pa.string() if customer_id is None else customer_id
    if id_type not in (pa.string(), pa.int64()):
        raise ScoresError(f"customer_id must be string or int64; found {id_type}. Cast the ids before scoring.")
    fields = [
        pa.field(
            column.name,
            id_type if column.type is None else column.type,
            column.nullable,
            {"meaning": column.meaning, "unit": column.unit},
        )
        for column in COLUMNS
    ]
    return pa.schema(fields, {"table": "scores", "version": VERSION})


def from_columns(columns: Mapping[str, Any]) -> pa.Table:
    """Return a scores table from arrays by column name: NumPy or Arrow, in any order of columns; NaN and NaT become
    null.

    Rows must already be sorted by priority. The result has the right columns and types; `check` judges the rest.

    Raises
    ------
    ScoresError
        if a column is missing or unknown, or cannot have its type.
    """
    missing = [name for name in _BY_NAME if name not in columns]
    unknown = [name for name in columns if name not in _BY_NAME]
    if missing or unknown:
        raise ScoresError(f"scores: missing columns {missing or 'none'}, unknown columns {unknown or 'none'}.")
    ids = columns["customer_id"]
    ids = ids if isinstance(ids, pa.Array | pa.ChunkedArray) else pa.array(ids)
    target = schema(pa.int64() if pa.types.is_integer(ids.type) else pa.string())
    arrays = []
    for field in target:
        values = ids if field.name == "customer_id" else columns[field.name]
        try:
            if isinstance(values, np.ndarray) and values.dtype.kind == "f" and not pa.types.is_floating(field.type):
                arrays.append(pa.array(values, from_pandas=True).cast(field.type))
            elif isinstance(values, pa.Array | pa.ChunkedArray):
                arrays.append(values.cast(field.type))
            else:
                arrays.append(pa.array(values, field.type, from_pandas=True))
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
            raise ScoresError(f"scores: column {field.name} cannot be {field.type}: {error}") from error
    return pa.table(arrays, schema=target)


def check(table: pa.Table, *, first: int = 1) -> pa.Table:
    """Return the table as it came if it is a scores table, or the part of one that begins with priority `first`.

    Raises
    ------
    ScoresError
        naming every column that deviates: which, what was allowed, what was found and in how many rows.
    """
    names = table.schema.names
    missing = [name for name in _BY_NAME if name not in names]
    unknown = [name for name in names if name not in _BY_NAME]
    if missing or unknown:
        raise ScoresError(f"scores: missing columns {missing or 'none'}, unknown columns {unknown or 'none'}.")
    if names != list(_BY_NAME):
        raise ScoresError(f"scores: columns must stand in the order of decisions.scores.COLUMNS; found {names}.")
    id_type = table.schema.field("customer_id").type
    wrong = [
        f"{expected.name}: must be {expected.type}, found {found.type}"
        for expected, found in zip(schema(id_type), table.schema, strict=True)
        if expected.type != found.type
    ]
    if not wrong:
        wrong = [fault for column in COLUMNS for fault in _faults(column, table.column(column.name))] + _row_faults(
            table, first
        )
    if wrong:
        raise ScoresError("scores: " + "; ".join(wrong) + ".")
    return table


def _faults(column: Column, values: pa.ChunkedArray) -> list[str]:
    """Return what is wrong within one column."""
    faults = []
    if not column.nullable and values.null_count:
        faults.append(f"{column.name}: no null allowed, found {values.null_count}")
    if pa.types.is_floating(values.type):
        bad = _count(pc.invert(pc.is_finite(values)))
        if bad:
            faults.append(f"{column.name}: {bad} values are NaN or infinite (missing must be null)")
    if column.low is not None:
        bad = _count(pc.less(values, pa.scalar(column.low, values.type)))
        if bad:
            faults.append(f"{column.name}: at least {column.low:g} allowed, {bad} are below")
    if column.high is not None:
        bad = _count(pc.greater(values, pa.scalar(column.high, values.type)))
        if bad:
            faults.append(f"{column.name}: at most {column.high:g} allowed, {bad} are above")
    if column.words:
        known = pc.is_in(values, value_set=pa.array(column.words, pa.string()))
        bad = _count(pc.and_(pc.is_valid(values), pc.invert(known)))
        if bad:
            faults.append(f"{column.name}: one of {', '.join(column.words)} allowed, {bad} are none of them")
    return faults


def _row_faults(table: pa.Table, first: int) -> list[str]:
    """Return which invariants between rows and columns do not hold."""
    faults = []
    n = table.num_rows
    if not np.array_equal(table.column("priority").to_numpy(), np.arange(first, first + n)):
        faults.append(f"priority: must be {first}..{first + n - 1} in row order")
    distinct = pc.count_distinct(table.column("customer_id")).as_py()
    if distinct != n:
        faults.append(f"customer_id: must be unique, {n - distinct} rows repeat one")
    targeted, control, selected = (table.column(name) for name in ("targeted", "control", "selected"))
    bad = _count(pc.not_equal(selected, pc.and_(targeted, pc.invert(control))))
    if bad:
        faults.append(f"selected: must be targeted without control, {bad} rows are not")
    bad = _count(pc.and_(control, pc.invert(targeted)))
    if bad:
        faults.append(f"control: drawn among targeted only, {bad} rows are not targeted")
    for name in ("expected_purchases", "expected_spend", "residual_value", "expected_gain"):
        bad = _count(pc.greater(table.column(f"{name}_low"), table.column(f"{name}_high")))
        if bad:
            faults.append(f"{name}_low: must not exceed {name}_high, {bad} rows do")
    bought = pc.is_valid(table.column("frequency"))
    bad = _count(pc.and_(pc.equal(table.column("stage"), "prospect"), bought))
    if bad:
        faults.append(f"frequency: prospects have bought nothing, {bad} have")
    may_lack = pc.is_in(table.column("stage"), pa.array(["prospect", "churned"]))
    bad = _count(pc.invert(pc.or_(bought, may_lack)))
    if bad:
        faults.append(f"stage: only prospects and closed accounts are without a purchase, {bad} other rows are")
    for name in ("days_since_last_purchase", "churn_probability", "expected_purchases"):
        bad = _count(pc.not_equal(pc.is_valid(table.column(name)), bought))
        if bad:
            faults.append(f"{name}: null for those without a purchase and only for them, {bad} rows differ")
    return faults


def _count(mask: pa.ChunkedArray) -> int:
    return int(pc.sum(mask).as_py() or 0)


def csv_safe(table: pa.Table) -> pa.Table:
    """Return the table with text cells that a spreadsheet would execute made harmless, ready for a CSV writer.

    A text cell whose first character (after spaces) is ``= + - @`` or a tab or carriage return gets an apostrophe in
    front, which spreadsheets read as "this is text" (OWASP, CSV injection). Numbers and dates stay as they are.

    >>> csv_safe(pa.table({"id": ["=1+1", "00001"], "x": [-1.5, 2.0]})).to_pydict()
    {'id': ["'=1+1", '00001'], 'x': [-1.5, 2.0]}
    """
    for position, field in enumerate(table.schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            cells = table.column(position)
            risky = pc.match_substring_regex(cells, r"^(\s*[=+\-@＝＋－＠]|[\t\r\n])")
            quoted = pc.binary_join_element_wise(pa.scalar("'", field.type), cells, pa.scalar("", field.type))
            safe = pc.if_else(risky, quoted, cells)
            table = table.set_column(position, field, safe)
    return table
