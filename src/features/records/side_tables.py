"""The optional tables beside the transactions: customers, interactions, payments, campaigns, attached to a history."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lifecycle.features.history import Campaigns, Codes, History, Interactions, Payments, Returns
from lifecycle.features.records import columns
from lifecycle.features.records.side_account import TableAccount
from lifecycle.features.records.side_contract import SIDE_TABLES, Checked, checked
from lifecycle.features.window import NEVER, UNKNOWN_DAY

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

DATED = ("registered_at", "closed_at")
"""Columns of the customers table that become days of the history; the others are attributes."""


class SideTables:
    """The optional tables of one base, as Arrow: usable rows only, ids of the type that the transactions have."""

    def __init__(
        self,
        customers: pa.Table | None = None,
        interactions: pa.Table | None = None,
        payments: pa.Table | None = None,
        campaigns: pa.Table | None = None,
        checks: Mapping[str, Checked] | None = None,
    ) -> None:
        """Take tables that were checked already; use :meth:`read` for frames."""
        self.customers, self.interactions = customers, interactions
        self.payments, self.campaigns = payments, campaigns
        self._checks = checks or {}

    @staticmethod
    def read(frames: Mapping[str, Any], id_type: pa.DataType) -> "SideTables":
        """Take frames (or None) by the names of `SIDE_TABLES`; unusable rows are left out.

        What became of every row is in :meth:`accounts`.
        """
        checks = {what: checked(what, frame, id_type) for what, frame in frames.items() if frame is not None}
        return SideTables(**{what: check.table for what, check in checks.items()}, checks=checks)

    def accounts(self, as_of: int, ids: pa.Array) -> tuple[TableAccount, ...]:
        """How the rows of each table that was read from a frame ended, as of a day; ``ids`` have transactions."""
        named = self.named(ids)
        return tuple(
            TableAccount.of(
                what,
                check.ledger,
                input_rows=check.rows,
                as_of=as_of,
                customers=named[what][0],
                strangers=named[what][1],
            )
            for what, check in self._checks.items()
        )

    def _present(self) -> dict[str, pa.Table]:
        tables = {what: getattr(self, what) for what in SIDE_TABLES}
        return {what: table for what, table in tables.items() if table is not None}

    def ids(self) -> list[pa.Array]:
        """Ids that the tables name."""
        return [_column(table, "customer_id") for table in self._present().values()]

    def named(self, ids: pa.Array) -> dict[str, tuple[int, int]]:
        """Table -> how many customers it names, and how many of them are not among ``ids``."""
        found = {}
        for what, table in self._present().items():
            mine = pc.unique(_column(table, "customer_id"))
            known = pc.sum(pc.is_in(mine, ids)).as_py() or 0
            found[what] = (len(mine), len(mine) - known)
        return found

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
            campaigns=self._campaigns(history.customer_id),
            attributes=self._attributes(history.customer_id),
            registered_day=self._dates("registered_at", UNKNOWN_DAY, history.customer_id),
            closed_day=self._dates("closed_at", NEVER, history.customer_id),
        )

    def _interactions(self, ids: pa.Array) -> Interactions | None:
        table = self.interactions
        if table is None:
            return None
        code, day = _places(table, ids), _days(table, "timestamp", UNKNOWN_DAY)
        kind = columns.codes(_column(table, "kind"))
        value = np.full(day.size, np.nan)
        if "value" in table.column_names:
            value = columns.numbers(_column(table, "value"))
        order = np.lexsort((value, kind.code, day, code))
        return Interactions(
            offsets=_offsets(code[order], len(ids)),
            day=day[order],
            kind=Codes(kind.code[order], kind.names),
            value=value[order],
        )

    def _payments(self, ids: pa.Array) -> Payments | None:
        table = self.payments
        if table is None:
            return None
        code, invoiced = _places(table, ids), _days(table, "invoiced_at", UNKNOWN_DAY)
        due, paid = (_days(table, name, NEVER) for name in ("due_at", "paid_at"))
        amount = columns.numbers(_column(table, "amount"))
        order = np.lexsort((amount, paid, due, invoiced, code))
        return Payments(
            offsets=_offsets(code[order], len(ids)),
            invoiced_day=invoiced[order],
            due_day=due[order],
            paid_day=paid[order],
            amount=amount[order],
        )

    def _campaigns(self, ids: pa.Array) -> Campaigns | None:
        table = self.campaigns
        if table is None:
            return None
        code, day = _places(table, ids), _days(table, "timestamp", UNKNOWN_DAY)
        treatment = columns.codes(_column(table, "treatment")) if "treatment" in table.column_names else None
        cost = columns.numbers(_column(table, "cost")) if "cost" in table.column_names else None
        control = np.zeros(day.size, np.bool_)
        if "control" in table.column_names:
            control = pc.fill_null(_column(table, "control"), False).to_numpy(zero_copy_only=False)
        keys = [key for key in (cost, None if treatment is None else treatment.code) if key is not None]
        order = np.lexsort((*keys, control, day, code))
        return Campaigns(
            offsets=_offsets(code[order], len(ids)),
            day=day[order],
            control=control[order],
            treatment=None if treatment is None else Codes(treatment.code[order], treatment.names),
            cost=None if cost is None else cost[order],
        )

    def _dates(self, name: str, missing: int, ids: pa.Array) -> I32 | None:
        if self.customers is None or name not in self.customers.column_names:
            return None
        if self.customers.num_rows == 0:
            return np.full(len(ids), missing, np.int32)
        day, place = _days(self.customers, name, missing), self._rows(ids).fill_null(-1).to_numpy()
        return np.where(place >= 0, day[place], missing).astype(np.int32)

    def _attributes(self, ids: pa.Array) -> pa.Table | None:
        if self.customers is None:
            return None
        rest = [c for c in self.customers.column_names if c not in ("customer_id", *DATED)]
        return self.customers.select(rest).take(self._rows(ids))

    def _rows(self, ids: pa.Array) -> pa.Array:
        assert self.customers is not None
        return pc.index_in(ids, _column(self.customers, "customer_id"))


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


def _column(table: pa.Table, name: str) -> pa.Array:
    return columns.column(table, name, "", name)


def _days(table: pa.Table, name: str, missing: int) -> I32:
    """Days of a column of dates; ``missing`` where they are empty, or where the table has no such column."""
    if name not in table.column_names:
        return np.full(table.num_rows, missing, np.int32)
    return columns.dates(_column(table, name), missing)


def _places(table: pa.Table, ids: pa.Array) -> I32:
    places: I32 = pc.index_in(_column(table, "customer_id"), ids).to_numpy(zero_copy_only=False).astype(np.int32)
    return places


def _offsets(code: I32, n: int) -> I64:
    return np.searchsorted(code, np.arange(n + 1)).astype(np.int64)
