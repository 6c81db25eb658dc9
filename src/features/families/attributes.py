"""Customers' attributes: what the customers table says of them.

Attributes carry no date of their own: they are taken as known at any time. A column that was only learned later (a
customer's present segment, say) leaks; leave it out of the table. ``closed_at`` is dated: it is seen from its day on.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lifecycle.features.asof import AsOf
from lifecycle.features.history import History
from lifecycle.features.records.columns import codes
from lifecycle.features.registry import Column, Feature, family

KNOWN = ("consent", "channel", "acquisition_cost")
"""Attributes with features of their own; every further column becomes ``attribute_<name>``."""


@family(
    "attributes",
    Feature("acquisition_cost", "money", "what it cost to acquire the customer"),
    Feature("consent", "0 or 1", "whether the customer agreed to be contacted"),
    Feature("preferred_channel", "channel", "channel the customer prefers", kind="category"),
)
def attributes(view: AsOf) -> list[Column] | None:
    """Attributes of the contract."""
    table = view.history.attributes
    if table is None:
        return None
    missing = np.full(view.n, np.nan)
    numbers = [
        _numbers(view, name) if name in table.column_names else missing for name in ("acquisition_cost", "consent")
    ]
    channel = _picked(view, "channel") if "channel" in table.column_names else pa.nulls(view.n, pa.string())
    return [*numbers, codes(channel)]


@family("account", Feature("account_closed", "0 or 1", "whether the account was closed by the as-of date"))
def account(view: AsOf) -> list[Column] | None:
    """Whether the account was closed."""
    closed = view.history.closed_day
    return None if closed is None else [(closed[view.customer] <= view.as_of).astype(np.float64)]


def further(history: History) -> tuple[Feature, ...]:
    """Features of the customers table's other columns: numbers and truth values as numbers, text as categories."""
    if history.attributes is None:
        return ()
    found = []
    for field in history.attributes.schema:
        if field.name in KNOWN:
            continue
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        number = (
            pa.types.is_integer(kind)
            or pa.types.is_floating(kind)
            or pa.types.is_decimal(kind)
            or pa.types.is_boolean(kind)
        )
        text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        if number or text:
            meaning = f"column {field.name!r} of the customers table"
            found.append(
                Feature(
                    f"attribute_{field.name}",
                    "as given",
                    meaning,
                    "number" if number else "category",
                    "customers table",
                )
            )
    return tuple(found)


def further_columns(view: AsOf) -> list[Column]:
    """The columns of :func:`further`."""
    columns: list[Column] = []
    for feature in further(view.history):
        name = feature.name.removeprefix("attribute_")
        columns.append(_numbers(view, name) if feature.kind == "number" else codes(_picked(view, name)))
    return columns


def _picked(view: AsOf, name: str) -> pa.Array:
    assert view.history.attributes is not None
    column = view.history.attributes[name].combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column.take(pa.array(view.customer))


def _numbers(view: AsOf, name: str) -> np.ndarray:
    column = _picked(view, name)
    if pa.types.is_string(column.type):
        column = pc.utf8_lower(column)
        column = pc.if_else(pc.is_in(column, pa.array(["true", "yes", "y"])), "1", column)
        column = pc.if_else(pc.is_in(column, pa.array(["false", "no", "n"])), "0", column)
        column = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
    numbers: np.ndarray = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return numbers
