"""A history: columnar arrays of what customers did, and offsets that say which rows are whose.

Customer ``i`` owns the purchase days ``offsets[i]:offsets[i + 1]``. Two levels: purchase days, from which most
features come, and purchase lines, for what needs products. Returns are events of their own, linked to the day and the
line they undo, because a return that comes later is not known yet.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any, NamedTuple

import numba
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lifecycle.features.array_pool import FRESH, Memory
from lifecycle.features.records.account import Account
from lifecycle.features.window import to_day

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class Codes:
    """A column of text as codes into its distinct values; code -1 where the source has none."""

    code: I32
    names: pa.Array


@dataclass(frozen=True, eq=False, slots=True)
class Lines:
    """Purchase lines, sorted by customer and day; ``offsets`` cuts them by row of the purchase days."""

    offsets: I64
    amount: F64 | None
    void_day: I32
    product: Codes | None = None
    category: Codes | None = None
    channel: Codes | None = None
    quantity: F64 | None = None
    cost: F64 | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Returns:
    """Links from return lines to what they undo, sorted by customer and day; ``offsets`` cuts them by customer.

    ``event`` numbers a customer's return lines (a return that undoes several purchase lines has several links);
    ``target`` is the place of the purchase day among the customer's, ``amount`` what is undone (in units of the day's
    amount; in items where the log has no amounts).
    """

    offsets: I64
    day: I32
    event: I32
    target: I32
    amount: F64


@dataclass(frozen=True, eq=False, slots=True)
class Interactions:
    """Contacts with a customer, sorted by customer and day: kind as a code, value NaN where the kind has none."""

    offsets: I64
    day: I32
    kind: Codes
    value: F64


@dataclass(frozen=True, eq=False, slots=True)
class Payments:
    """Invoices, sorted by customer and day invoiced; ``due_day`` and ``paid_day`` are NEVER where open or unknown."""

    offsets: I64
    invoiced_day: I32
    due_day: I32
    paid_day: I32
    amount: F64


@dataclass(frozen=True, eq=False, slots=True)
class Campaigns:
    """What the firm sent to customers, or held back, sorted by customer and day.

    ``control`` marks who was held back: a row of the campaign, but no contact. ``campaign`` names the campaign,
    ``propensity`` is the probability of being treated as drawn, ``incentive`` money paid. What may be None is so where
    the table has no such column; a single row without one has code -1 or NaN.
    """

    offsets: I64
    day: I32
    control: NDArray[np.bool_]
    treatment: Codes | None = None
    cost: F64 | None = None
    campaign: Codes | None = None
    propensity: F64 | None = None
    incentive: F64 | None = None


class Purchases(NamedTuple):
    """Purchase days as known on a date: days that were not returned by then, amounts net of the returns known.

    ``offsets`` (n + 1) cuts by customer of the history; ``row`` is the row of the history's purchase day. ``buyers``
    are the places of the customers with a day, ``buyer_offsets`` cuts by them.
    """

    offsets: I64
    day: I32
    amount: F64 | None
    row: I64
    buyers: I64
    buyer_offsets: I64


@dataclass(frozen=True, eq=False)
class History:
    """What each customer did. One entry a customer, sorted by ``customer_id``; prospects have no purchase day.

    Invariants: ``day`` rises strictly within a customer; ``amount`` is the gross amount of the day's purchase lines
    (None for a log without amounts); ``void_day`` is the day on which the last of the day's lines was returned, NEVER
    if one never was. ``log_first_day`` and ``log_last_day`` span the whole log, also where this is a part of it.
    """

    customer_id: pa.Array
    offsets: I64
    day: I32
    amount: F64 | None
    void_day: I32
    lines: Lines
    returns: Returns
    log_first_day: int
    log_last_day: int
    interactions: Interactions | None = None
    payments: Payments | None = None
    campaigns: Campaigns | None = None
    attributes: pa.Table | None = None
    registered_day: I32 | None = None
    closed_day: I32 | None = None
    account: Account | None = None

    @property
    def n_customers(self) -> int:
        """Number of customers, prospects included."""
        return self.offsets.size - 1

    @property
    def has_money(self) -> bool:
        """Whether the log has amounts."""
        return self.amount is not None

    @property
    def first_day(self) -> int:
        """First day of the log, as a day count."""
        return self.log_first_day

    @property
    def last_day(self) -> int:
        """Last day of the log, as a day count."""
        return self.log_last_day

    @staticmethod
    def from_frame(
        frame: Any,
        *,
        customer_id: str = "customer_id",
        timestamp: str = "timestamp",
        amount: str | None = "amount",
        order_id: str | None = None,
        product: str | None = None,
        category: str | None = None,
        quantity: str | None = None,
        channel: str | None = None,
        cost: str | None = None,
        customers: Any = None,
        interactions: Any = None,
        payments: Any = None,
        campaigns: Any = None,
        zero_amount: str = "purchase",
    ) -> "History":
        """Build a history from transactions in a pandas, Polars or Arrow frame; see :mod:`features.records.frames`.

        ``amount=None`` is a log without amounts. Rows that cannot be used are counted with their reason in
        ``history.account``, those of the optional tables too; these have the columns of the input contract, under
        their own names. Text is read as plain numbers and ISO dates: signs of currencies, groups of thousands, decimal
        commas and other dates are for ``lifecycle ingest``, or to be converted first (``pandas.read_csv(decimal=",")``,
        ``pandas.to_datetime(format=…)``).

        >>> import pandas as pd
        >>> log = pd.DataFrame({"customer_id": ["b", "a", "b"], "amount": [5.0, 7.0, 2.5],
        ...                     "timestamp": pd.to_datetime(["1997-01-03", "1997-01-01", "1997-01-09"])})
        >>> history = History.from_frame(log)
        >>> history.customer_id.to_pylist(), history.offsets.tolist(), history.amount.tolist()
        (['a', 'b'], [0, 1, 3], [7.0, 5.0, 2.5])
        """
        from lifecycle.features.records.frames import history_from_frame

        return history_from_frame(
            frame,
            names={
                "customer_id": customer_id,
                "timestamp": timestamp,
                "amount": amount,
                "order_id": order_id,
                "product": product,
                "category": category,
                "quantity": quantity,
                "channel": channel,
                "cost": cost,
            },
            customers=customers,
            interactions=interactions,
            payments=payments,
            campaigns=campaigns,
            zero_amount=zero_amount,
        )

    def purchases(self, as_of: dt.date | int | str, memory: Memory = FRESH) -> Purchases:
        """Purchase days known as of a date, returns up to that date netted; rows of ``day <= as_of < void_day``.

        ``memory`` lends the arrays.
        """
        n, days, amounts = self.n_customers, self.day.size, self.day.size if self.has_money else 0
        offsets, buyers, buyer_offsets = (memory.array(size, np.int64, room=size) for size in (n + 1, n, n + 1))
        day, row = memory.array(days, np.int32, room=days), memory.array(days, np.int64, room=days)
        amount = memory.array(amounts, np.float64, room=amounts)
        known, bought = _purchases(
            self.offsets,
            self.day,
            amount if self.amount is None else self.amount,
            self.void_day,
            self.returns.offsets,
            self.returns.day,
            self.returns.target,
            self.returns.amount,
            to_day(as_of),
            offsets,
            day,
            amount,
            row,
            buyers,
            buyer_offsets,
        )
        return Purchases(
            offsets,
            day[:known],
            amount[:known] if self.has_money else None,
            row[:known],
            buyers[:bought],
            buyer_offsets[: bought + 1],
        )


@numba.njit(cache=True, nogil=True)
def _purchases(
    offsets: I64,
    day: I32,
    amount: F64,
    void_day: I32,
    r_offsets: I64,
    r_day: I32,
    r_target: I32,
    r_amount: F64,
    as_of: int,
    out_offsets: I64,
    out_day: I32,
    out_amount: F64,
    out_row: I64,
    buyers: I64,
    buyer_offsets: I64,
) -> tuple[int, int]:
    """Fill what comes after ``as_of``; the number of days and of buyers."""
    n, money = offsets.size - 1, amount.size > 0
    k, b = 0, 0
    out_offsets[0], buyer_offsets[0] = 0, 0
    for c in range(n):
        for j in range(offsets[c], offsets[c + 1]):
            if day[j] > as_of:
                break
            # What was returned is overwritten by what comes next.
            out_day[k] = day[j]
            out_row[k] = j
            if money:
                out_amount[k] = amount[j]
            k += void_day[j] > as_of
        out_offsets[c + 1] = k
        if out_offsets[c] == k:
            continue
        buyers[b] = c
        b += 1
        buyer_offsets[b] = k
        if not money:
            continue
        for e in range(r_offsets[c], r_offsets[c + 1]):
            if r_day[e] > as_of:
                break
            j = offsets[c] + r_target[e]
            if void_day[j] > as_of:
                lo, hi = out_offsets[c], k - 1
                while lo < hi:
                    mid = (lo + hi) // 2
                    if out_row[mid] < j:
                        lo = mid + 1
                    else:
                        hi = mid
                # Amounts are multiples of a millionth: rounding takes off what subtraction in binary adds.
                out_amount[lo] = np.rint((out_amount[lo] - r_amount[e]) * 1e6) / 1e6
    return k, b
