"""The optional tables beside the transactions: customers, interactions, payments, attached to a history."""

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features import columns
from features.history import Codes, History, Interactions, Payments, Returns
from features.window import NEVER, UNKNOWN_DAY

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

DATED = ("registered_at", "closed_at")
"""Columns of the customers table that become days of the history; the others are attributes."""


class SideTables:
    """The optional tables of one base, as Arrow, with ids of the type that the transactions have."""

    def __init__(self, customers: pa.Table | None, interactions: pa.Table | None, payments: pa.Table | None) -> None:
        """Take tables that were read already; use :meth:`read` for frames."""
        self.customers, self.interactions, self.payments = customers, interactions, payments

    @staticmethod
    def read(customers: Any, interactions: Any, payments: Any, id_type: pa.DataType) -> "SideTables":
        """Take frames with the columns of the input contract; rows without an id are left out."""
        tables: list[pa.Table | None] = []
        for what, frame in (("customers", customers), ("interactions", interactions), ("payments", payments)):
            if frame is None:
                tables.append(None)
                continue
            table = columns.to_table(frame, what)
            key = columns.ids(columns.column(table, "customer_id", what, "customer_id"), what)
            if not pa.types.is_integer(key.type):
                text = key.cast(pa.string())
                blank = pc.equal(pc.utf8_length(pc.utf8_trim_whitespace(text)), 0)
                key = pc.if_else(blank, pa.scalar(None, pa.string()), text)
            if key.null_count == len(key):
                key = pa.nulls(len(key), id_type)
            if key.type != id_type:
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
        return SideTables(tables[0], tables[1], tables[2])

    def ids(self) -> list[pa.Array]:
        """Ids that the tables name."""
        present = [t for t in (self.customers, self.interactions, self.payments) if t is not None]
        return [columns.column(table, "customer_id", "", "customer_id") for table in present]

    def attach(self, history: History) -> History:
        """The history with these tables; customers whom only they name become prospects."""
        if not self.ids():
            return history
        ids = pc.unique(pa.concat_arrays([history.customer_id, *self.ids()]))
        if len(ids) > history.n_customers:
            ids = ids.take(pc.sort_indices(ids))
            history = with_customers(history, ids)
        return replace(
            history,
            interactions=self._interactions(history.customer_id),
            payments=self._payments(history.customer_id),
            attributes=self._attributes(history.customer_id),
            registered_day=self._days("registered_at", UNKNOWN_DAY, history.customer_id),
            closed_day=self._days("closed_at", NEVER, history.customer_id),
        )

    def _interactions(self, ids: pa.Array) -> Interactions | None:
        table = self.interactions
        if table is None:
            return None
        code = _places(table, ids)
        stamps = columns.column(table, "timestamp", "interactions", "timestamp")
        day = columns.dates(stamps, "interactions: timestamp", UNKNOWN_DAY)
        kind = columns.codes(columns.column(table, "kind", "interactions", "kind"))
        value = np.full(day.size, np.nan)
        if "value" in table.column_names:
            value = columns.numbers(columns.column(table, "value", "interactions", "value"))
        dated = np.flatnonzero(day != UNKNOWN_DAY)
        order = dated[np.lexsort((value[dated], kind.code[dated], day[dated], code[dated]))]
        return Interactions(
            offsets=np.searchsorted(code[order], np.arange(len(ids) + 1)).astype(np.int64),
            day=day[order],
            kind=Codes(kind.code[order], kind.names),
            value=value[order],
        )

    def _payments(self, ids: pa.Array) -> Payments | None:
        table = self.payments
        if table is None:
            return None

        def dates(name: str, missing: int) -> I32:
            return columns.dates(columns.column(table, name, "payments", name), f"payments: {name}", missing)

        code = _places(table, ids)
        invoiced, due, paid = dates("invoiced_at", UNKNOWN_DAY), dates("due_at", NEVER), dates("paid_at", NEVER)
        amount = columns.numbers(columns.column(table, "amount", "payments", "amount"))
        dated = np.flatnonzero(invoiced != UNKNOWN_DAY)
        order = dated[np.lexsort((amount[dated], paid[dated], due[dated], invoiced[dated], code[dated]))]
        return Payments(
            offsets=np.searchsorted(code[order], np.arange(len(ids) + 1)).astype(np.int64),
            invoiced_day=invoiced[order],
            due_day=due[order],
            paid_day=paid[order],
            amount=amount[order],
        )

    def _days(self, name: str, missing: int, ids: pa.Array) -> I32 | None:
        if self.customers is None or name not in self.customers.column_names:
            return None
        day = columns.dates(columns.column(self.customers, name, "customers", name), f"customers: {name}", missing)
        place = self._rows(ids).fill_null(-1).to_numpy()
        return (
            np.where(place >= 0, day[place], missing).astype(np.int32)
            if day.size
            else np.full(len(ids), missing, np.int32)
        )

    def _attributes(self, ids: pa.Array) -> pa.Table | None:
        if self.customers is None:
            return None
        rest = [c for c in self.customers.column_names if c not in ("customer_id", *DATED)]
        return self.customers.select(rest).take(self._rows(ids))

    def _rows(self, ids: pa.Array) -> pa.Array:
        return pc.index_in(ids, columns.column(self.customers, "customer_id", "", "customer_id"))


def with_customers(history: History, ids: pa.Array) -> History:
    """The history over a sorted superset of its customers; the new ones have no purchase day."""
    place = pc.index_in(ids, history.customer_id).fill_null(-1).to_numpy()
    known = place >= 0
    return replace(
        history,
        customer_id=ids,
        offsets=_stretch(history.offsets, known),
        returns=Returns(
            _stretch(history.returns.offsets, known),
            history.returns.day,
            history.returns.event,
            history.returns.target,
            history.returns.line,
            history.returns.amount,
        ),
    )


def _stretch(offsets: I64, known: NDArray[np.bool_]) -> I64:
    counts = np.zeros(known.size, np.int64)
    counts[known] = np.diff(offsets)
    out = np.zeros(known.size + 1, np.int64)
    np.cumsum(counts, out=out[1:])
    return out


def _places(table: pa.Table, ids: pa.Array) -> I32:
    keys = columns.column(table, "customer_id", "", "customer_id")
    places: I32 = pc.index_in(keys, ids).to_numpy(zero_copy_only=False).astype(np.int32)
    return places
