"""A history from frames in memory: the contract of the tables, checked row by row, for notebooks and tests."""

import warnings
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lifecycle.features.history import Codes, History, Lines, Returns
from lifecycle.features.records import columns
from lifecycle.features.records.account import MICRO, REASON_CODES, Account
from lifecycle.features.records.assemble import Assembled, CleanLines, assemble
from lifecycle.features.records.columns import OK
from lifecycle.features.records.ledger import Ledger
from lifecycle.features.records.side_tables import SideTables

I8 = NDArray[np.int8]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

ZERO_AMOUNT = ("purchase", "ignore")


def history_from_frame(
    frame: Any,
    *,
    names: Mapping[str, str | None],
    customers: Any = None,
    interactions: Any = None,
    payments: Any = None,
    campaigns: Any = None,
    zero_amount: str = "purchase",
) -> History:
    """Build a history of transactions in a frame and the optional tables beside it.

    ``names`` maps each role (customer_id, timestamp, amount, …) to a column, or to None where the log has none. Rows
    that cannot be used are counted with their reason in ``history.account``.
    """
    if zero_amount not in ZERO_AMOUNT:
        raise ValueError(f"from_frame: zero_amount must be one of {ZERO_AMOUNT}, got {zero_amount!r}.")
    table = columns.to_table(frame, "from_frame")
    picked = {role: columns.column(table, name, "from_frame", role) for role, name in names.items() if name is not None}
    with ThreadPoolExecutor(2) as pool:
        ranked = pool.submit(lambda: columns.rank(columns.ids(picked["customer_id"], "from_frame: customer_id")))
        quantity = columns.numbers(picked["quantity"]) if "quantity" in picked else None
        valued = pool.submit(_values, picked.get("amount"), quantity, table.num_rows)
        day, reason = columns.days(picked["timestamp"], "from_frame: timestamp")
        (every_id, code), (value, value_reason) = ranked.result(), valued.result()
    if quantity is not None and "amount" in picked:
        _check_signs(quantity, value)
    reason[code < 0] = REASON_CODES["customer_missing"]
    reason = np.where(reason == OK, value_reason, reason)
    _tell_unreadable(reason, picked)
    if zero_amount == "ignore" and "amount" in picked:
        reason[(reason == OK) & (value == 0)] = REASON_CODES["zero_amount"]
    money = value if "amount" in picked else np.zeros_like(value)

    usable = reason == OK
    keep = None if usable.all() else np.flatnonzero(usable)
    beside = {"customers": customers, "interactions": interactions, "payments": payments, "campaigns": campaigns}
    tables = SideTables.read(beside, every_id.type)
    all_ids, code = (every_id, code) if keep is None else _used(every_id, code[keep])
    product = columns.codes(_kept_of(picked["product"], keep)) if "product" in picked else None
    order = columns.codes(_kept_of(picked["order_id"], keep)) if "order_id" in picked else None
    lines = CleanLines(
        n=len(all_ids),
        customer=code,
        day=_kept(day, keep),
        value=_kept(value, keep),
        product=None if product is None else product.code,
        order=None if order is None else order.code.astype(np.int64),
        digest=lambda rows: _row_digest(table, rows if keep is None else keep[rows]),
    )
    done = assemble(lines)
    reason[usable] = done.reason
    rows = done.line_rows if keep is None else keep[done.line_rows]
    has_money = "amount" in picked
    span = _kept(day, keep)
    first, last = (int(span.min()), int(span.max())) if span.size else (0, 0)

    def coded(role: str, ready: Codes | None = None) -> Codes | None:
        if role not in picked:
            return None
        if ready is not None:
            return Codes(ready.code[done.line_rows], ready.names)
        return columns.codes(picked[role].take(pa.array(rows)))

    customers_known = int(_owners(done.days.offsets, done.days.void_day, last))
    others = tables.ids()
    n_everyone = len(pc.unique(pa.concat_arrays([all_ids, *others]))) if others else len(all_ids)
    account = Account.of(
        Ledger.of(day, reason, money),
        input_rows=table.num_rows,
        input_micro=int(money.sum()),
        has_money=has_money,
        as_of=last,
        customers=customers_known,
        prospects=n_everyone - customers_known,
        equal_rows_kept=done.equal_rows_kept,
        zero_amount_purchases=int((done.line_value == 0).sum()) if has_money else 0,
        unmatched_micro=done.unmatched if has_money else 0,
        sha256="",
        tables=tables.accounts(last, all_ids),
    ).check()
    history = History(
        customer_id=all_ids,
        offsets=done.days.offsets,
        day=done.days.day,
        amount=done.days.value / MICRO if has_money else None,
        void_day=done.days.void_day,
        lines=Lines(
            offsets=done.day_lines,
            amount=done.line_value / MICRO if has_money else None,
            void_day=done.line_void_day,
            product=coded("product", product),
            category=coded("category"),
            channel=coded("channel"),
            quantity=None if quantity is None else quantity[rows],
            cost=columns.numbers(picked["cost"])[rows] if "cost" in picked else None,
        ),
        returns=returns_of(done, lines.day),
        log_first_day=first,
        log_last_day=last,
        account=account,
    )
    return tables.attach(history)


def returns_of(done: Assembled, day: I32) -> Returns:
    """The links of assembled lines as return events; ``day`` is the day of each source row."""
    return_day = day[done.return_rows]
    links = np.diff(done.link_offsets)
    return Returns(
        offsets=done.link_offsets,
        day=return_day[done.link_return],
        event=(done.link_return - np.repeat(done.return_offsets[:-1], links)).astype(np.int32),
        target=(done.link_day_row - np.repeat(done.days.offsets[:-1], links)).astype(np.int32),
        amount=done.link_value / MICRO,
    )


def _values(amount: pa.Array | None, quantity: NDArray[np.float64] | None, n: int) -> tuple[I64, I8]:
    """Signed fixed-point value of each line: its amount, or its number of items where the log has no amounts."""
    if amount is not None:
        return columns.micro(amount, "from_frame: amount")
    if quantity is None:
        return np.full(n, MICRO, np.int64), np.zeros(n, np.int8)
    items = np.where(np.isfinite(quantity) & (np.abs(quantity) <= 1e9), quantity, 1.0)
    return np.rint(items * MICRO).astype(np.int64), np.zeros(n, np.int8)


MOST_UNREADABLE = 0.5
"""Share of rows with unreadable dates or amounts above which a frame is refused, as ingest does."""


def _tell_unreadable(reason: I8, picked: Mapping[str, pa.Array]) -> None:
    """Warn of rows whose date or amount cannot be read, with an example; refuse a frame that consists of such rows."""
    for role, remedy in (
        ("timestamp", "Dates as text must be ISO, such as 2024-01-25; use pandas.to_datetime(column, format=…) first"),
        ("amount", "Amounts must be plain numbers, such as 1000.50; take off currency signs and thousands first"),
    ):
        rows = np.flatnonzero(reason == REASON_CODES[f"{role}_unreadable"])
        if not rows.size:
            continue
        found = (
            f"from_frame: the {role} of {rows.size:,} of {reason.size:,} rows cannot be read, such as "
            f"{picked[role][int(rows[0])].as_py()!r}. {remedy}."
        )
        if rows.size > MOST_UNREADABLE * reason.size:
            raise ValueError(found)
        warnings.warn(f"{found} These rows are left out and counted in history.account.", stacklevel=4)


def _check_signs(quantity: NDArray[np.float64], value: I64) -> None:
    """Refuse amounts that do not follow their quantities below 0: prices of items, or returns without a sign."""
    back = quantity < 0
    against, along = int((back & (value > 0)).sum()), int((back & (value < 0)).sum())
    if against > along:
        raise ValueError(
            f"from_frame: {against:,} of {against + along:,} rows with a negative quantity have a positive amount, and "
            "would count as purchases. If it is the price of an item, multiply it by the quantity; if it is the line's "
            "total, make it negative for returns."
        )


@numba.njit(cache=True, nogil=True)
def _owners(offsets: I64, void_day: I32, last: int) -> int:
    """Number of customers with a purchase day that was not returned in full."""
    owners = 0
    for c in range(offsets.size - 1):
        for j in range(offsets[c], offsets[c + 1]):
            if void_day[j] > last:
                owners += 1
                break
    return owners


def _kept(values: Any, keep: I64 | None) -> Any:
    return values if keep is None else values[keep]


def _kept_of(column: pa.Array, keep: I64 | None) -> pa.Array:
    return column if keep is None else column.take(pa.array(keep))


def _used(ids: pa.Array, code: I32) -> tuple[pa.Array, I32]:
    """The ids that some usable row has, and the codes among them."""
    used = np.bincount(code, minlength=len(ids)) > 0
    if used.all():
        return ids, code
    return ids.filter(pa.array(used)), (np.cumsum(used) - 1).astype(np.int32)[code]


def _row_digest(table: pa.Table, rows: I64) -> I64:
    """A number for each of some rows of the source that is equal where rows are equal in every column."""
    found = table.take(pa.array(rows)).to_pandas()
    digest: I64 = pd.util.hash_pandas_object(found, index=False, categorize=False).to_numpy().view(np.int64)
    return digest
