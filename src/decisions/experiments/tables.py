"""The tables of experiments: which columns they have, what these mean and which values they may hold.

`plan`: one row a customer with a paying action, as a scoring planned it. `experiments`: one row an experiment × segment
× outcome, or one row in all where nothing can be told yet or ever. `rates`: one row an action × stage.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa

from lifecycle.decisions.experiments.effects import OUTCOMES
from lifecycle.decisions.experiments.rates import BASES
from lifecycle.decisions.scores import Column
from lifecycle.decisions.vocabulary import STAGES, STRATEGIES

_f8, _i4, _i8, _text, _flag, _date = pa.float64(), pa.int32(), pa.int64(), pa.string(), pa.bool_(), pa.date32()

STATES: Final = ("trusted", "not_trusted", "running", "no_control")
"""An experiment's effect counts; is shown and feeds nothing; is not read before its window ends; cannot be told."""

PLAN: Final[tuple[Column, ...]] = (
    Column("customer_id", _text, "", False, "the customer's id as text, or its keyed pseudonym"),
    Column("as_of", _date, "date", False, "date of the scoring"),
    Column("stage", _text, "", False, "lifecycle stage", words=STAGES),
    Column("strategy", _text, "", False, "what the stage and the cause ask for", words=STRATEGIES),
    Column("action", _text, "", False, "the paying action that is worth most"),
    Column("targeted", _flag, "", False, "on the list"),
    Column("control", _flag, "", False, "targeted, but left alone"),
    Column("explore", _flag, "", False, "on the list or not by the toss of a coin"),
    Column("propensity", _f8, "probability", True, "of being contacted, as drawn; null where not drawn", 0, 1),
    Column("movable", _f8, "probability", False, "what the rate is multiplied with: rise of P(buys) at a rate of 1"),
    Column("rate", _f8, "probability", False, "the rate that the gain rests on", 0, 1),
    Column("expected_gain", _f8, "money", False, "net gain at that rate"),
    Column("break_even", _f8, "probability", True, "the rate at which the action pays for itself", 0),
    Column("churn_probability", _f8, "probability", True, "P(no purchase in the horizon), forecast before", 0, 1),
    Column("expected_spend", _f8, "money", True, "forecast before"),
)

EXPERIMENTS: Final[tuple[Column, ...]] = (
    Column("experiment", _text, "", False, "name of the campaign, or the treatment and its first day"),
    Column("treatment", _text, "", False, "what was sent"),
    Column("first_day", _date, "date", False, "first contact"),
    Column("window_end", _date, "date", False, "last day of the last customer's window"),
    Column("state", _text, "", False, "whether its effect counts", words=STATES),
    Column("why_not", _text, "", False, "checks that failed, by commas; empty if none did"),
    Column("listed", _flag, "", False, "drawn by one of the product's own lists"),
    Column("segment_by", _text, "", False, "all, stage, strategy or action"),
    Column("segment", _text, "", False, "the segment; empty for all"),
    Column("outcome", _text, "", True, "null where nothing is told", words=OUTCOMES),
    Column("n_treated", _i8, "customers", False, "drawn as treated", 0),
    Column("n_control", _i8, "customers", False, "drawn as control", 0),
    *(
        Column(name, _f8, "outcome", True, meaning)
        for name, meaning in (
            ("mean_treated", "mean of the treated"),
            ("mean_control", "mean of the control group"),
            ("effect", "plain difference"),
            ("low", "lower end of its 95 % interval"),
            ("high", "upper end of its 95 % interval"),
            ("adjusted", "difference adjusted for what was known before"),
            ("se", "its standard error"),
            ("adj_low", "lower end of its 95 % interval"),
            ("adj_high", "upper end of its 95 % interval"),
            ("total", "adjusted difference summed over the treated"),
        )
    ),
    Column("p", _f8, "probability", True, "of the adjusted difference", 0, 1),
    Column("p_holm", _f8, "probability", True, "the same by Holm over the experiment's rows", 0, 1),
)

RATES: Final[tuple[Column, ...]] = (
    Column("action", _text, "", False, "name in the catalogue"),
    Column("stage", _text, "", False, "lifecycle stage", words=STAGES),
    Column("prior", _f8, "probability", False, "assumed rate", 0, 1),
    Column("prior_sd", _f8, "probability", False, "its standard deviation", 0),
    Column("rate", _f8, "probability", False, "what lists use from now on", 0, 1),
    Column("sd", _f8, "probability", False, "its standard deviation", 0),
    Column("basis", _text, "", False, "what it rests on", words=BASES),
    Column("contacts", _i8, "customers", False, "drawn in trusted experiments", 0),
    Column("campaigns", _i4, "experiments", False, "trusted experiments", 0),
)


def table(columns: tuple[Column, ...], values: Mapping[str, Any]) -> pa.Table:
    """Return a table of these columns; NaN becomes null.

    Raises
    ------
    ValueError
        naming the columns that are missing, unknown, or hold what they must not.

    >>> row = dict(action=["offer"], stage=["new"], prior=[0.1], prior_sd=[0.05], rate=[0.1], sd=[0.05],
    ...            basis=["assumed"], contacts=[0], campaigns=[0])
    >>> table(RATES, row).num_rows
    1
    """
    names = [column.name for column in columns]
    if set(names) != set(values):
        raise ValueError(f"table: columns must be {', '.join(names)}; found {', '.join(values)}.")
    arrays = {column.name: pa.array(values[column.name], column.type, from_pandas=True) for column in columns}
    faults = []
    for column in columns:
        found = arrays[column.name]
        if not column.nullable and found.null_count:
            faults.append(f"{column.name}: no null allowed, found {found.null_count}")
        if column.words:
            odd = sorted(set(found.drop_null().to_pylist()) - set(column.words))
            faults += (
                [f"{column.name}: one of {', '.join(column.words)} allowed, found {', '.join(odd)}"] if odd else []
            )
        if column.low is not None or column.high is not None:
            known = found.drop_null().to_numpy(zero_copy_only=False)
            low, high = (np.inf * sign if end is None else end for end, sign in ((column.low, -1), (column.high, 1)))
            outside = int(((known < low) | (known > high)).sum())
            faults += [f"{column.name}: {low:g} to {high:g} allowed, {outside} are outside"] if outside else []
    if faults:
        raise ValueError("table: " + "; ".join(faults) + ".")
    fields = [pa.field(c.name, c.type, c.nullable, {"meaning": c.meaning, "unit": c.unit}) for c in columns]
    return pa.table(list(arrays.values()), schema=pa.schema(fields))
