"""What is known of the customers on a date: the view that every feature family computes from."""

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import DTypeLike, NDArray

from lifecycle.features.array_pool import FRESH, Memory
from lifecycle.features.history import History
from lifecycle.features.window import to_day

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

_NO_MONEY = np.empty(0, np.float64)


@dataclass(frozen=True, eq=False)
class AsOf:
    """The known purchase days of customers who have at least one, returns netted up to the date.

    ``offsets`` (n + 1) cuts ``day``, ``amount`` and ``row`` by customer; ``customer`` is the customer's place in
    ``history``, ``row`` the purchase day's. ``amount`` is empty for a log without amounts. Families that go back to the
    history (lines, returns, interactions, payments) must themselves leave out what is dated after ``as_of``.
    """

    history: History
    as_of: int
    customer: I64
    offsets: I64
    day: I32
    amount: F64
    row: I64
    memory: Memory = FRESH

    @staticmethod
    def of(history: History, as_of: dt.date | int | str, memory: Memory = FRESH) -> "AsOf":
        """The view of a history as of a date; ``memory`` lends what the view and its features are written to."""
        known = history.purchases(as_of, memory)
        amount = _NO_MONEY if known.amount is None else known.amount
        day = to_day(as_of)
        return AsOf(history, day, known.buyers, known.buyer_offsets, known.day, amount, known.row, memory)

    def array(self, dtype: DTypeLike) -> NDArray[Any]:
        """Room for an entry a customer, to be filled."""
        return self.memory.array(self.n, dtype, room=self.history.n_customers)

    def table(self, columns: int) -> F64:
        """Room for some columns of features, an entry a customer each, for the family to fill."""
        return self.memory.table(columns, self.n, room=self.history.n_customers)

    @property
    def n(self) -> int:
        """Number of customers in the view."""
        return self.customer.size

    @cached_property
    def customer_id(self) -> pa.Array:
        """Ids of the customers in the view."""
        if self.n == self.history.n_customers:
            return self.history.customer_id
        return self.history.customer_id.take(pa.array(self.customer))

    @property
    def index(self) -> "pd.Index[Any]":
        """The ids as the index of a frame."""
        index: pd.Index[Any] = pd.Index(self.customer_id.to_pandas(), name="customer_id")
        return index
