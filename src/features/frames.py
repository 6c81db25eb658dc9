"""A history from frames in memory: the contract of the tables, checked row by row, for notebooks and tests."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features import columns
from features.account import MICRO, REASON_CODES, Account, Ledger
from features.assemble import Assembled, CleanLines, assemble
from features.columns import OK
from features.history import Codes, History, Interactions, Lines, Payments, Returns
from features.window import NEVER, UNKNOWN_DAY

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
    customer_id = columns.ids(picked["customer_id"], "from_frame: customer_id")
    day, reason = columns.days(picked["timestamp"], "from_frame: timestamp")
    reason[pc.is_null(customer_id).to_numpy(zero_copy_only=False)] = REASON_CODES["customer_missing"]
    quantity = columns.numbers(picked["quantity"]) if "quantity" in picked else None
    value, value_reason = _values(picked.get("amount"), quantity, table.num_rows)
    reason = np.where(reason == OK, value_reason, reason)
    if zero_amount == "ignore" and "amount" in picked:
        reason[(reason == OK) & (value == 0)] = REASON_CODES["zero_amount"]
    money = value if "amount" in picked else np.zeros_like(value)

    keep = np.flatnonzero(reason == OK)
    picked_rows = pa.array(keep)
    tables = _Optional.read(customers, interactions, payments, customer_id.type)
    known = customer_id if keep.size == customer_id.__len__() else customer_id.take(picked_rows)
    all_ids, code = _rank_ids(known, tables.ids())
    product = columns.codes(picked["product"].take(picked_rows)) if "product" in picked else None
    order = columns.codes(picked["order_id"].take(picked_rows)) if "order_id" in picked else None
    lines = CleanLines(
        n=len(all_ids),
        customer=code,
        day=day[keep],
        value=value[keep],
        product=None if product is None else product.code,
        order=None if order is None else order.code.astype(np.int64),
        row=_row_digest(table, keep, code, day[keep], value[keep]),
    )
    done = assemble(lines)
    reason[keep] = done.reason
    rows = keep[done.line_rows]
    has_money = "amount" in picked
    span = day[keep]
    first, last = (int(span.min()), int(span.max())) if span.size else (0, 0)

    def coded(role: str, ready: Codes | None = None) -> Codes | None:
        if role not in picked:
            return None
        if ready is not None:
            return Codes(ready.code[done.line_rows], ready.names)
        return columns.codes(picked[role].take(pa.array(rows)))

    owner = np.repeat(np.arange(len(all_ids)), np.diff(done.days.offsets))
    customers_known = int(np.unique(owner[done.days.void_day > last]).size)
    account = Account.of(
        Ledger.of(day, reason, money),
        input_rows=table.num_rows,
        input_micro=int(money.sum()),
        has_money=has_money,
        as_of=last,
        customers=customers_known,
        prospects=len(all_ids) - customers_known,
        equal_rows_kept=done.equal_rows_kept,
        zero_amount_purchases=int((value[rows] == 0).sum()) if has_money else 0,
        unmatched_micro=done.unmatched if has_money else 0,
        sha256="",
    ).check()
    return History(
        customer_id=all_ids,
        offsets=done.days.offsets,
        day=done.days.day,
        amount=done.days.value / MICRO if has_money else None,
        void_day=done.days.void_day,
        lines=Lines(
            offsets=_line_offsets(done),
            amount=value[rows] / MICRO if has_money else None,
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
        interactions=tables.interactions_for(all_ids),
        payments=tables.payments_for(all_ids),
        attributes=tables.attributes_for(all_ids),
        registered_day=tables.customer_days("registered_at", UNKNOWN_DAY, all_ids),
        closed_day=tables.customer_days("closed_at", NEVER, all_ids),
        account=account,
    )


def returns_of(done: Assembled, day: I32) -> Returns:
    """The links of assembled lines as return events; ``day`` is the day of each source row."""
    return_day = day[done.return_rows]
    first_of_customer = np.repeat(done.return_offsets[:-1], np.diff(done.link_offsets))
    return Returns(
        offsets=done.link_offsets,
        day=return_day[done.link_return],
        event=(done.link_return - first_of_customer).astype(np.int32),
        target=done.link_day_row,
        line=done.link_line,
        amount=done.link_value / MICRO,
    )


def _line_offsets(done: Assembled) -> I64:
    offsets = np.zeros(done.days.day.size + 1, np.int64)
    np.cumsum(done.days.lines, out=offsets[1:])
    return offsets


def _values(amount: pa.Array | None, quantity: NDArray[np.float64] | None, n: int) -> tuple[I64, I8]:
    """Signed fixed-point value of each line: its amount, or its number of items where the log has no amounts."""
    if amount is not None:
        return columns.micro(amount, "from_frame: amount")
    if quantity is None:
        return np.full(n, MICRO, np.int64), np.zeros(n, np.int8)
    items = np.where(np.isfinite(quantity) & (np.abs(quantity) <= 1e9), quantity, 1.0)
    return np.rint(items * MICRO).astype(np.int64), np.zeros(n, np.int8)


def _rank_ids(known: pa.Array, others: list[pa.Array]) -> tuple[pa.Array, I32]:
    """All customers' ids, sorted, and the place of each line's customer among them."""
    encoded = known.dictionary_encode()
    distinct = pc.unique(pa.concat_arrays([encoded.dictionary, *others])) if others else encoded.dictionary
    order = pc.sort_indices(distinct).to_numpy()
    rank = np.empty(order.size, np.int32)
    rank[order] = np.arange(order.size, dtype=np.int32)
    # pc.unique keeps the order of first appearance, so that the dictionary's codes stay valid in it.
    return distinct.take(pa.array(order)), rank[encoded.indices.to_numpy()]


def _row_digest(table: pa.Table, keep: I64, customer: I32, day: I32, value: I64) -> I64:
    """A number for each kept row that is equal where rows are equal in every column of the source.

    Only rows that agree in customer, day and value can be equal: only these are compared in full.
    """
    row = np.arange(keep.size, dtype=np.int64)
    mixed = (customer.astype(np.uint64) << np.uint64(20)) ^ day.astype(np.uint64)
    mixed = mixed * np.uint64(0x9E3779B97F4A7C15) ^ value.astype(np.uint64) * np.uint64(0xC2B2AE3D27D4EB4F)
    sequence = np.argsort(mixed, kind="stable")
    twin = mixed[sequence][1:] == mixed[sequence][:-1]
    candidate = np.zeros(keep.size, np.bool_)
    candidate[sequence[1:][twin]] = True
    candidate[sequence[:-1][twin]] = True
    chosen = np.flatnonzero(candidate)
    if chosen.size:
        rows = table.take(pa.array(keep[chosen])).to_pandas()
        group = rows.groupby(list(rows.columns), dropna=False, sort=False).ngroup().to_numpy()
        first = np.full(int(group.max()) + 1, -1, np.int64)
        first[group[::-1]] = chosen[::-1]
        row[chosen] = first[group]
    return row


class _Optional:
    """The optional tables of one call, as Arrow."""

    def __init__(self, customers: pa.Table | None, interactions: pa.Table | None, payments: pa.Table | None) -> None:
        self.customers, self.interactions, self.payments = customers, interactions, payments

    @staticmethod
    def read(customers: Any, interactions: Any, payments: Any, id_type: pa.DataType) -> "_Optional":
        """Take the frames, with the ids in the type that the transactions have."""
        tables: list[pa.Table | None] = []
        for what, frame in (("customers", customers), ("interactions", interactions), ("payments", payments)):
            if frame is None:
                tables.append(None)
                continue
            table = columns.to_table(frame, what)
            key = columns.ids(columns.column(table, "customer_id", what, "customer_id"), what)
            if key.type != id_type and key.null_count < len(key):
                raise TypeError(
                    f"{what}: customer_id is {key.type}, but the transactions' ids are {id_type}. Make them agree."
                )
            place = table.column_names.index("customer_id")
            tables.append(table.set_column(place, "customer_id", key).filter(pc.is_valid(key)))
        found = tables[0]
        if found is not None:
            twice = found.num_rows - len(pc.unique(found["customer_id"]))
            if twice:
                raise ValueError(f"customers: {twice:,} ids appear more than once; the table has one row a customer.")
        return _Optional(tables[0], tables[1], tables[2])

    def ids(self) -> list[pa.Array]:
        """Ids that the optional tables name."""
        return [
            columns.column(table, "customer_id", "", "")
            for table in (self.customers, self.interactions, self.payments)
            if table
        ]

    def interactions_for(self, all_ids: pa.Array) -> Interactions | None:
        """Interactions sorted by customer and day."""
        table = self.interactions
        if table is None:
            return None
        code = pc.index_in(columns.column(table, "customer_id", "", ""), all_ids).to_numpy().astype(np.int32)
        day = columns.dates(
            columns.column(table, "timestamp", "interactions", "timestamp"), "interactions", UNKNOWN_DAY
        )
        kind = columns.codes(columns.column(table, "kind", "interactions", "kind"))
        value = np.full(day.size, np.nan)
        if "value" in table.column_names:
            value = columns.numbers(columns.column(table, "value", "interactions", "value"))
        dated = np.flatnonzero(day != UNKNOWN_DAY)
        order = dated[np.lexsort((value[dated], kind.code[dated], day[dated], code[dated]))]
        return Interactions(
            offsets=np.searchsorted(code[order], np.arange(len(all_ids) + 1)).astype(np.int64),
            day=day[order],
            kind=Codes(kind.code[order], kind.names),
            value=value[order],
        )

    def payments_for(self, all_ids: pa.Array) -> Payments | None:
        """Invoices sorted by customer and day invoiced."""
        table = self.payments
        if table is None:
            return None

        def dates(name: str, missing: int) -> I32:
            return columns.dates(columns.column(table, name, "payments", name), f"payments: {name}", missing)

        code = pc.index_in(columns.column(table, "customer_id", "", ""), all_ids).to_numpy().astype(np.int32)
        invoiced, due, paid = dates("invoiced_at", UNKNOWN_DAY), dates("due_at", NEVER), dates("paid_at", NEVER)
        amount = columns.numbers(columns.column(table, "amount", "payments", "amount"))
        dated = np.flatnonzero(invoiced != UNKNOWN_DAY)
        order = dated[np.lexsort((amount[dated], paid[dated], due[dated], invoiced[dated], code[dated]))]
        return Payments(
            offsets=np.searchsorted(code[order], np.arange(len(all_ids) + 1)).astype(np.int64),
            invoiced_day=invoiced[order],
            due_day=due[order],
            paid_day=paid[order],
            amount=amount[order],
        )

    def customer_days(self, name: str, missing: int, all_ids: pa.Array) -> I32 | None:
        """A date column of the customers table, aligned with the ids."""
        if self.customers is None or name not in self.customers.column_names:
            return None
        day = columns.dates(columns.column(self.customers, name, "customers", name), f"customers: {name}", missing)
        place = pc.index_in(all_ids, columns.column(self.customers, "customer_id", "", "")).fill_null(-1).to_numpy()
        return np.where(place >= 0, day[place], missing).astype(np.int32)

    def attributes_for(self, all_ids: pa.Array) -> pa.Table | None:
        """The customers table without ids and dates, aligned with the ids."""
        if self.customers is None:
            return None
        rest = [c for c in self.customers.column_names if c not in ("customer_id", "registered_at", "closed_at")]
        place = pc.index_in(all_ids, columns.column(self.customers, "customer_id", "", ""))
        return self.customers.select(rest).take(place)
