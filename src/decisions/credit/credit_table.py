"""The credit table: the one place that says which columns it has, what they mean, and which rows are right.

Grain: one row a customer or prospect with an invoice, a credit decision or an external score. Invariants: `customer_id`
is unique; a column that is not nullable has no null; `over_limit` = max(open_amount − limit, 0); in default the limit
is 0; `expected_loss` = pd·lgd·ead; `settled` means that nothing is open.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa

from lifecycle.decisions.credit.limits import BOUNDS, DECISIONS
from lifecycle.decisions.credit.policy import GRADES
from lifecycle.decisions.credit.triggers import TRIGGERS
from lifecycle.decisions.scores import Column
from lifecycle.decisions.vocabulary import STAGES

VERSION: Final = "1"
"""Version of the table's shape, in the schema's metadata."""

_f8, _i4, _text, _flag, _date = pa.float64(), pa.int32(), pa.string(), pa.bool_(), pa.date32()

COLUMNS: Final = (
    Column("customer_id", None, "", False, "the customer's id"),
    Column("as_of", _date, "date", False, "end of what was known"),
    Column("stage", _text, "", False, "lifecycle stage at as_of", words=STAGES),
    Column("credit_score", _f8, "points", True, "points of the scorecard's scale, from the probability of default"),
    Column("grade", _text, "", False, "A (best) to E, by bounds on the probability", words=GRADES),
    Column("pd", _f8, "probability", False, "P(default within the outcome window); 1 in default", 0, 1),
    Column("pd_basis", _text, "", False, "learned from defaults, or assumed", words=("learned", "assumed")),
    Column("late_probability", _f8, "probability", True, "P(next invoice is paid late); null without due dates", 0, 1),
    Column(
        "expected_days_late", _f8, "days", True, "expected days late of the next invoice; null without due dates", 0
    ),
    Column("lgd", _f8, "share", False, "loss given default", 0, 1),
    Column("ead", _f8, "money", False, "exposure at default: open + conversion·max(limit − open, 0)"),
    Column("expected_loss", _f8, "money", False, "pd·lgd·ead, over the outcome window"),
    Column("expected_loss_lifetime", _f8, "money", False, "discounted expected loss over the life of the exposure"),
    Column("impairment_stage", _i4, "", False, "IFRS 9 stage: 1, 2 (risk rose), 3 (default)", 1, 3),
    Column("open_amount", _f8, "money", False, "invoiced and not paid by as_of"),
    Column("overdue_amount", _f8, "money", False, "open and past its due date"),
    Column("days_past_due", _i4, "days", False, "days since the overdue sum became material", 0),
    Column("limit_now", _f8, "money", True, "limit before this decision; null where there is none", 0),
    Column("limit", _f8, "money", False, "limit decided", 0),
    Column("limit_bound", _text, "", False, "what decided the limit", words=BOUNDS),
    Column("over_limit", _f8, "money", False, "open amount above the limit", 0),
    Column("terms_days", _i4, "days", False, "days of payment; 0 is prepayment", 0),
    Column("decision", _text, "", False, "what happens", words=DECISIONS),
    Column("review_due", _date, "date", False, "next review: now where a trigger fired"),
    Column(
        "triggers", _text, "", False, f"triggers that fired, of {', '.join(TRIGGERS)}; comma between, empty if none"
    ),
    Column(
        "reasons", _text, "", False, "what the probability and the limit rest on, in words of the output's language"
    ),
    Column("extrapolated", _flag, "", True, "outside the population that the model was learned from; null if assumed"),
    Column("settled", _flag, "", False, "nothing is open"),
    Column("model_version", _text, "", False, "digest of the model's content, or assumed"),
    Column("policy_version", _text, "", False, "digest of the credit policy"),
)


class CreditTableError(ValueError):
    """The table is not a credit table; the text lists every deviation."""


def schema(customer_id: pa.DataType) -> pa.Schema:
    """Return the Arrow schema; every field's metadata holds its meaning and unit."""
    fields = [
        pa.field(c.name, customer_id if c.type is None else c.type, c.nullable, {"meaning": c.meaning, "unit": c.unit})
        for c in COLUMNS
    ]
    return pa.schema(fields, {"table": "credit", "version": VERSION})


def from_columns(columns: Mapping[str, Any]) -> pa.Table:
    """Return a checked credit table from arrays by column name; NaN becomes null.

    Raises
    ------
    CreditTableError
        naming every column and invariant that deviates, and in how many rows.
    """
    names = {c.name for c in COLUMNS}
    if set(columns) != names:
        raise CreditTableError(
            f"credit: missing columns {sorted(names - set(columns))}, unknown {sorted(set(columns) - names)}."
        )
    ids = columns["customer_id"]
    ids = ids if isinstance(ids, pa.Array | pa.ChunkedArray) else pa.array(ids)
    target = schema(ids.type)
    arrays = [
        ids if f.name == "customer_id" else pa.array(np.asarray(columns[f.name]), from_pandas=True).cast(f.type)
        for f in target
    ]
    table = pa.table(arrays, schema=target)
    wrong = [fault for column in COLUMNS for fault in _faults(column, table)] + _row_faults(table)
    if wrong:
        raise CreditTableError("credit: " + "; ".join(wrong) + ".")
    return table


def _faults(column: Column, table: pa.Table) -> list[str]:
    values = table.column(column.name).drop_null()
    nulls = table.num_rows - len(values)
    faults = [f"{column.name}: no null allowed, found {nulls:,}"] if nulls and not column.nullable else []
    if column.words:
        bad = sum(value not in column.words for value in values.to_pylist())
        if bad:
            faults.append(f"{column.name}: one of {', '.join(column.words)} allowed, {bad:,} are none of them")
    if column.low is not None or column.high is not None:
        number = values.to_numpy().astype(np.float64)
        low, high = -np.inf if column.low is None else column.low, np.inf if column.high is None else column.high
        bad = int(((number < low) | (number > high)).sum())
        if bad:
            faults.append(f"{column.name}: {low:g} to {high:g} allowed, {bad:,} are outside")
    return faults


def _row_faults(table: pa.Table) -> list[str]:
    def column(name: str) -> Any:
        return table.column(name).to_numpy()

    twice = table.num_rows - len(table.column("customer_id").unique())
    loss = column("pd") * column("lgd") * column("ead")
    open_, limit = column("open_amount"), column("limit")
    checks = {
        "expected_loss must be pd·lgd·ead": ~np.isclose(column("expected_loss"), loss, rtol=1e-9, atol=1e-6),
        "over_limit must be max(open_amount − limit, 0)": ~np.isclose(
            column("over_limit"), np.maximum(open_ - limit, 0), atol=1e-6
        ),
        "the limit must be 0 in default": (column("impairment_stage") == 3) & (limit > 0),
        "settled means that nothing is open": column("settled") != (np.abs(open_) < 0.005),
    }
    faults = [f"{text}: {int(bad.sum()):,} rows are not so" for text, bad in checks.items() if bad.any()]
    return [f"customer_id: {twice:,} rows repeat one", *faults] if twice else faults
