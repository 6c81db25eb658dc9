"""The optional tables beside the transactions: customers, interactions, payments, campaigns, attached to a history."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lifecycle.features.history import Campaigns, History, Interactions, Payments
from lifecycle.features.ragged import entries
from lifecycle.features.records import columns
from lifecycle.features.records.side_account import TableAccount
from lifecycle.features.records.side_contract import SIDE_TABLES, Checked, checked
from lifecycle.features.window import NEVER, UNKNOWN_DAY

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

DATED = ("registered_at", "closed_at")
"""Columns of the customers table that become days of the history; the others are attributes."""


def _day(missing: int) -> tuple[Callable[[pa.Array], I32], Callable[[int], I32]]:
    return lambda column: columns.dates(column, missing), lambda n: np.full(n, missing, np.int32)


def _none(n: int) -> None:  # noqa: ARG001
    return None


EVENTS: Mapping[str, tuple[type, Mapping[str, tuple[str, Callable[[pa.Array], Any], Callable[[int], Any]]]]] = {
    "interactions": (
        Interactions,
        {
            "day": ("timestamp", *_day(UNKNOWN_DAY)),
            "kind": ("kind", columns.codes, _none),
            "value": ("value", columns.numbers, lambda n: np.full(n, np.nan)),
        },
    ),
    "payments": (
        Payments,
        {
            "invoiced_day": ("invoiced_at", *_day(UNKNOWN_DAY)),
            "due_day": ("due_at", *_day(NEVER)),
            "paid_day": ("paid_at", *_day(NEVER)),
            "amount": ("amount", columns.numbers, _none),
        },
    ),
    "campaigns": (
        Campaigns,
        {
            "day": ("timestamp", *_day(UNKNOWN_DAY)),
            "control": ("control", columns.flags, lambda n: np.zeros(n, np.bool_)),
            "treatment": ("treatment", columns.codes, _none),
            "cost": ("cost", columns.numbers, _none),
            "campaign": ("campaign", columns.codes, _none),
            "propensity": ("propensity", columns.numbers, _none),
            "incentive": ("incentive_cost", columns.numbers, _none),
        },
    ),
}
"""Table of events -> its type, and of each of the type's columns: name in the source, how it is read, what stands for
it where the source has none. Events of a customer are sorted by these columns in this order."""


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
        checks: dict[str, Checked] = {}
        for what in (one for one in SIDE_TABLES if frames.get(one) is not None):  # customers come first
            known = checks["customers"].table if "customers" in checks else None
            checks[what] = checked(what, frames[what], id_type, known)
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
            **{what: self._events(what, history.customer_id) for what in EVENTS},
            attributes=self._attributes(history.customer_id),
            registered_day=self._dates("registered_at", UNKNOWN_DAY, history.customer_id),
            closed_day=self._dates("closed_at", NEVER, history.customer_id),
        )

    def _events(self, what: str, ids: pa.Array) -> Any:
        """A table of events, sorted by customer and then by its columns in their order; None without the table."""
        table = getattr(self, what)
        if table is None:
            return None
        kind, sources = EVENTS[what]
        customer = pc.index_in(_column(table, "customer_id"), ids).to_numpy(zero_copy_only=False).astype(np.int32)
        read = {}
        for field, (name, convert, absent) in sources.items():
            read[field] = convert(_column(table, name)) if name in table.column_names else absent(table.num_rows)
        keys = [getattr(values, "code", values) for values in read.values() if values is not None]
        order = np.lexsort((*reversed(keys), customer))
        offsets = np.searchsorted(customer[order], np.arange(len(ids) + 1)).astype(np.int64)
        return kind(offsets=offsets, **{field: entries(values, order) for field, values in read.items()})

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
        returns=replace(history.returns, offsets=_stretch(history.returns.offsets, known)),
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
