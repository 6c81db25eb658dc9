"""What a customer's invoices show as of a date: open and overdue money by age, days past due, late ones, defaults."""

from dataclasses import dataclass
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from lifecycle.features.history import Payments
from lifecycle.features.window import NEVER

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

RECENT: Final = 180
"""Days that count as recent."""

COLUMNS: Final = (
    "invoices",
    "open_amount",
    "overdue_amount",
    "days_past_due",
    "judged",
    "late",
    "judged_recent",
    "late_recent",
    "timed",
    "days_late_sum",
    "days_late_squares",
    "worst_days",
    "worst_before",
    "defaults",
    "invoiced_365d",
    "no_due_date",
    "unpriced",
    "first_amount",
    "invoiced",
    "paid",
    "current",
    "overdue_1_30",
    "overdue_31_60",
    "overdue_61_90",
    "overdue_91",
)
"""Columns of the pass, in order."""

AGES: Final = COLUMNS[-5:]
"""Open money by days past due; they add up to open_amount."""


@dataclass(frozen=True, eq=False, slots=True)
class InvoiceState:
    """One row a customer, columns as `COLUMNS`; counts, money and days.

    judged: invoices paid by the date or due before it, of those that say when they are due; late: of those, paid or
    still open after the due date. timed, days_late_sum and days_late_squares are of judged invoices, open ones late so
    far. days_past_due counts from the due date at which the overdue sum, oldest first, exceeds the materiality
    threshold. worst_days: most days late of invoices of the last 365 days; worst_before: of earlier than recent ones.
    defaults: invoices that stood open for more than the default days after they were due. no_due_date: invoices taken
    to be due after the default terms for `open` and ages; they are not judged. unpriced: invoices without an
    amount. open_amount = invoiced − paid, in money.
    """

    table: F64

    def __getitem__(self, column: str) -> F64:
        """Return one column (n,)."""
        values: F64 = self.table[COLUMNS.index(column)]
        return values


def invoice_state(
    bills: Payments,
    as_of: int,
    *,
    terms_days: int = 30,
    material_amount: float = 100.0,
    material_share: float = 0.01,
    default_days: int = 90,
) -> InvoiceState:
    """Replay every customer's invoices to a day; what is dated later has not happened.

    Parameters
    ----------
    bills : Payments
        sorted by customer and day invoiced.
    as_of : int
        day.
    terms_days : int
        terms of invoices that carry no due date.
    material_amount, material_share : float
        an overdue sum counts from max(amount, share of what is open) on.
    default_days : int
        days past due beyond which an invoice is a default.

    >>> bills = Payments(
    ...     np.array([0, 2]), np.array([0, 10], np.int32), np.array([30, 40], np.int32),
    ...     np.array([50, NEVER], np.int32), np.array([500.0, 200.0]))
    >>> state = invoice_state(bills, 60)
    >>> state["open_amount"], state["days_past_due"], state["late"], state["overdue_1_30"]
    (array([200.]), array([20.]), array([2.]), array([200.]))
    """
    return InvoiceState(
        _replay(
            bills.offsets,
            bills.invoiced_day,
            bills.due_day,
            bills.paid_day,
            bills.amount,
            as_of,
            terms_days,
            material_amount,
            material_share,
            default_days,
            len(COLUMNS),
        )
    )


@numba.njit(cache=True, nogil=True)
def _replay(
    offsets: I64,
    invoiced: I32,
    due: I32,
    paid: I32,
    amount: F64,
    as_of: int,
    terms: int,
    material: float,
    share: float,
    default_days: int,
    columns: int,
) -> F64:
    n = offsets.size - 1
    out = np.zeros((columns, n))
    for i in range(n):
        first, last = offsets[i], offsets[i + 1]
        while last > first and invoiced[last - 1] > as_of:
            last -= 1
        overdue_day = np.empty(last - first)
        overdue_money = np.empty(last - first)
        overdue = 0
        for e in range(first, last):
            dated = due[e] != NEVER
            due_day = due[e] if dated else invoiced[e] + terms
            is_paid = paid[e] <= as_of
            age = as_of - invoiced[e]
            out[0, i] += 1
            out[15, i] += not dated
            out[16, i] += np.isnan(amount[e])
            money = 0.0 if np.isnan(amount[e]) else amount[e]
            if e == first:
                out[17, i] = money
            out[18, i] += money
            out[19, i] += money if is_paid else 0.0
            if age < 365:
                out[14, i] += money
            if not is_paid:
                out[1, i] += money
                past = as_of - due_day
                out[20 + (0 if past <= 0 else min((past - 1) // 30, 3) + 1), i] += money
                if past > 0:
                    out[2, i] += money
                    overdue_day[overdue] = due_day
                    overdue_money[overdue] = money
                    overdue += 1
            if not dated or (not is_paid and due_day >= as_of):
                continue
            days = float(max((paid[e] if is_paid else as_of) - due_day, 0))
            out[4, i] += 1
            out[5, i] += days > 0
            out[8, i] += 1
            out[9, i] += days
            out[10, i] += days * days
            out[13, i] += days > default_days
            if age < 365:
                out[11, i] = max(out[11, i], days)
            if age < RECENT:
                out[6, i] += 1
                out[7, i] += days > 0
            else:
                out[12, i] = max(out[12, i], days)
        threshold = max(material, share * out[1, i])
        if out[2, i] > threshold:
            order = np.argsort(overdue_day[:overdue])
            total = 0.0
            for k in order:
                total += overdue_money[k]
                if total > threshold:
                    out[3, i] = as_of - overdue_day[k]
                    break
    return out
