"""The contract of the optional tables for frames in memory: which rows can be used, and why the others cannot."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lifecycle.features.records import columns
from lifecycle.features.records.account import REASONS
from lifecycle.features.records.ledger import Ledger
from lifecycle.features.records.side_account import SIDE_CODES, USED
from lifecycle.features.window import NEVER, UNKNOWN_DAY

I8 = NDArray[np.int8]
I32 = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Roles:
    """Which columns a table needs, which one dates its rows, and which further dates, flags and amounts it may have."""

    needed: tuple[str, ...]
    dated_by: str | None = None
    dates: tuple[str, ...] = ()
    open_dates: tuple[str, ...] = ()
    """Further dates that may lie ahead: empty, or after 2199, means not yet."""
    flags: tuple[str, ...] = ()
    amount: str | None = None
    """A number that must be one where there is any."""
    numbers: tuple[str, ...] = ()
    """Numbers that are missing where they are none."""
    chances: tuple[str, ...] = ()
    """Probabilities that must lie between 0 and 1, both excluded, where there is any."""


SIDE_TABLES: Mapping[str, Roles] = {
    "customers": Roles(
        ("customer_id",),
        dates=("registered_at",),
        open_dates=("closed_at",),
        flags=("consent",),
        numbers=("acquisition_cost",),
    ),
    "interactions": Roles(("customer_id", "timestamp", "kind"), dated_by="timestamp", numbers=("value",)),
    "payments": Roles(
        ("customer_id", "invoiced_at", "paid_at", "amount"),
        dated_by="invoiced_at",
        open_dates=("due_at", "paid_at"),
        amount="amount",
    ),
    "campaigns": Roles(
        ("customer_id", "timestamp"),
        dated_by="timestamp",
        flags=("control",),
        numbers=("cost", "incentive_cost"),
        chances=("propensity",),
    ),
}
"""The optional tables of the input contract, the id map aside."""

TRUE = ("true", "t", "yes", "y", "1", "1.0", "是")
FALSE = ("false", "f", "no", "n", "0", "0.0", "否")
"""Texts of a flag, in any case."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The usable rows of a table, its dates as days and flags as booleans, and the ledger of all its rows."""

    table: pa.Table
    ledger: Ledger
    rows: int


def checked(what: str, frame: Any, id_type: pa.DataType, customers: pa.Table | None = None) -> Checked:
    """Check a frame's rows against the contract of the table ``what``; ids must be of the transactions' type.

    ``customers`` is that table, checked: nobody is contacted before being registered there.

    Raises KeyError for a column that is needed and missing, TypeError for ids of another type, ValueError for a
    customer with several rows that differ.
    """
    roles = SIDE_TABLES[what]
    table = columns.to_table(frame, what)
    for name in roles.needed:
        columns.column(table, name, what, name)
    reason = np.zeros(table.num_rows, np.int8)
    day = np.full(table.num_rows, UNKNOWN_DAY, np.int32)
    key = _ids(table, what, id_type)
    table = _put(table, "customer_id", key)
    _mark(reason, key.is_null().to_numpy(zero_copy_only=False), "customer_missing")
    if roles.dated_by is not None:
        day, found = columns.days(columns.column(table, roles.dated_by, what, roles.dated_by), what)
        for name, code in _DATE_CODES.items():
            _mark(reason, found == code, name)
        table = _put(table, roles.dated_by, _date_array(day))
    for name in (*roles.dates, *roles.open_dates):
        if name in table.column_names:
            further, bad = _further_date(table, name, what, name in roles.open_dates)
            _mark(reason, bad == 1, "date_unreadable")
            _mark(reason, bad == 2, "date_impossible")
            table = _put(table, name, _date_array(further))
    if roles.amount is not None:
        amount = columns.column(table, roles.amount, what, roles.amount)
        _, found = columns.micro(amount, f"{what}: {roles.amount}")
        for name, code in _AMOUNT_CODES.items():
            _mark(reason, found == code, name)
        table = _put(table, roles.amount, _numbers(amount))
    for name in roles.numbers:
        if name in table.column_names:
            table = _put(table, name, _numbers(columns.column(table, name, what, name)))
    for name in roles.chances:
        if name in table.column_names:
            given = columns.column(table, name, what, name)
            table = _put(table, name, _numbers(given))
            chance = table[name].to_numpy()
            _mark(reason, ~_empty(given) & ~((chance > 0) & (chance < 1)), "propensity_impossible")
    for name in roles.flags:
        if name in table.column_names:
            flag, unreadable = _flags(columns.column(table, name, what, name))
            _mark(reason, unreadable, "flag_unreadable")
            table = _put(table, name, flag)
            if name == "control":
                _mark(reason, pc.fill_null(flag, False).to_numpy(zero_copy_only=False), "held_back")
    if what == "customers":
        _one_row_each(table, reason)
    if what == "campaigns":
        _settle_campaigns(table, day, reason, customers)
    ledger = Ledger.of(day, reason, np.zeros(day.size, np.int64))
    return Checked(table.filter(pa.array(np.isin(reason, USED))), ledger, table.num_rows)


_DATE_CODES = {
    name: list(REASONS).index(name) for name in ("timestamp_missing", "timestamp_unreadable", "timestamp_impossible")
}
_AMOUNT_CODES = {
    name: list(REASONS).index(name) for name in ("amount_unreadable", "amount_not_finite", "amount_out_of_range")
}


def _mark(reason: I8, rows: NDArray[np.bool_], name: str) -> None:
    """Give rows their reason where they have none yet."""
    reason[rows & (reason == SIDE_CODES["in_use"])] = SIDE_CODES[name]


def _put(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, values)


def _ids(table: pa.Table, what: str, id_type: pa.DataType) -> pa.Array:
    key = columns.ids(columns.column(table, "customer_id", what, "customer_id"), what)
    if not pa.types.is_integer(key.type):
        key = columns.text_ids(key)
    if key.null_count == len(key):
        key = pa.nulls(len(key), id_type)
    if key.type != id_type:
        raise TypeError(f"{what}: customer_id is {key.type}, but the transactions' ids are {id_type}. Make them agree.")
    return key


def _date_array(day: I32) -> pa.Array:
    return pa.array(day, pa.int32(), mask=(day == UNKNOWN_DAY) | (day == NEVER)).cast(pa.date32())


def _further_date(table: pa.Table, name: str, what: str, may_be_open: bool) -> tuple[I32, I8]:
    """Days of a date that may be missing; 1 where it cannot be read, 2 where it is impossible."""
    day, found = columns.days(columns.column(table, name, what, name), f"{what}: {name}", far_is=NEVER)
    bad = np.zeros(day.size, np.int8)
    bad[found == _DATE_CODES["timestamp_unreadable"]] = 1
    bad[(found == _DATE_CODES["timestamp_impossible"]) & ~((day == NEVER) & may_be_open)] = 2
    return day, bad


def _numbers(array: pa.Array) -> pa.Array:
    """Finite numbers, null for anything else."""
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        array = pa.array(pd.to_numeric(pd.Series(array.to_pandas()), errors="coerce").to_numpy(np.float64))
    number = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return pa.array(number, mask=~np.isfinite(number))


def _flags(array: pa.Array) -> tuple[pa.Array, NDArray[np.bool_]]:
    """Truth values, null where empty; and which rows hold something that is none.

    >>> flags, bad = _flags(pa.array(["Yes", "0", "", "maybe"]))
    >>> flags.to_pylist(), bad.tolist()
    ([True, False, None, None], [False, False, False, True])
    """
    if pa.types.is_boolean(array.type):
        return array, np.zeros(len(array), np.bool_)
    text = pc.utf8_lower(pc.utf8_trim_whitespace(array.cast(pa.string())))
    yes, no = pc.is_in(text, pa.array(TRUE)), pc.is_in(text, pa.array(FALSE))
    empty = pc.or_kleene(pc.is_null(text), pc.equal(text, "")).fill_null(True)
    unreadable = pc.invert(pc.or_(pc.or_(yes, no), empty)).to_numpy(zero_copy_only=False)
    known = pc.or_(yes, no)
    return pc.if_else(known, yes, pa.scalar(None, pa.bool_())), unreadable


def _empty(array: pa.Array) -> NDArray[np.bool_]:
    """Where nothing is given: null, NaN or an empty text."""
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        array = pc.if_else(pc.equal(pc.utf8_trim_whitespace(array), ""), pa.scalar(None, array.type), array)
    return np.asarray(pc.is_null(array, nan_is_null=True).to_numpy(zero_copy_only=False), dtype=np.bool_)


def _settle_campaigns(table: pa.Table, day: I32, reason: I8, customers: pa.Table | None) -> None:
    """Set aside contacts from before the customer was registered, and whoever is treated and held back in one campaign.

    One campaign is one name of it, or, for rows without one, one treatment on one day.
    """
    if customers is not None and "registered_at" in customers.column_names:
        place = pc.index_in(table["customer_id"], columns.column(customers, "customer_id", "", ""))
        since = columns.dates(columns.column(customers, "registered_at", "", ""), UNKNOWN_DAY)
        known = place.fill_null(-1).to_numpy()
        early = (known >= 0) & (since[known] != UNKNOWN_DAY) & (day < since[known]) if since.size else known > 0
        for name in ("in_use", "held_back"):
            reason[early & (reason == SIDE_CODES[name])] = SIDE_CODES["before_customer"]
    if "control" not in table.column_names:
        return
    campaign = _texts(table, "campaign")
    otherwise = pc.binary_join_element_wise(_texts(table, "treatment"), pa.array(day).cast(pa.string()), "\0")
    named = pc.if_else(pc.equal(campaign, ""), pc.binary_join_element_wise("", otherwise, "\0"), campaign)
    rows = pd.DataFrame(
        {"id": table["customer_id"].to_pandas(), "name": named.to_pandas(), "held": reason == SIDE_CODES["held_back"]}
    )
    used = np.flatnonzero(np.isin(reason, USED))
    held = rows.iloc[used].groupby(["id", "name"])["held"]
    both = used[(held.transform("any") & ~held.transform("all")).to_numpy()]
    reason[both] = SIDE_CODES["ambiguous_assignment"]


def _texts(table: pa.Table, name: str) -> pa.Array:
    """A column as texts, empty where it has none."""
    if name not in table.column_names:
        return pa.array([""] * table.num_rows)
    return pc.fill_null(pc.cast(table[name].combine_chunks(), pa.string()), "")


def _one_row_each(table: pa.Table, reason: I8) -> None:
    """Keep the first of a customer's equal rows; rows that differ are an error."""
    usable = np.flatnonzero(reason == SIDE_CODES["in_use"])
    found = table.take(pa.array(usable)).to_pandas()
    again = found.duplicated().to_numpy()
    reason[usable[again]] = SIDE_CODES["duplicate"]
    differ = found.loc[~again, "customer_id"]
    twice = differ[differ.duplicated()]
    if len(twice):
        raise ValueError(
            f"customers: {twice.nunique():,} ids have several rows that differ (such as {twice.iloc[0]!r}); "
            "the table has one row a customer. Keep one each."
        )
