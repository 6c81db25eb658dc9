"""Payments: how late invoices are paid, what is outstanding, and whether that changes."""

import numba
import numpy as np
from numpy.typing import NDArray

from lifecycle.features.asof import AsOf
from lifecycle.features.registry import Feature, family

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

RECENT = 180
"""Days that count as recent for the change of payment behaviour."""


@numba.njit(cache=True, nogil=True)
def _payments(
    customer: I64, offsets: I64, invoiced: I32, due: I32, paid: I32, amount: F64, as_of: int, recent: int, never: int
) -> F64:
    out = np.full((9, customer.size), np.nan)
    for i in range(customer.size):
        c = customer[i]
        last_year, open_amount, overdue_amount, unpaid, undated = 0, 0.0, 0.0, 0, 0
        judged, late, days_late, most_late = 0, 0, 0.0, 0.0
        now, now_late, before, before_late = 0, 0.0, 0, 0.0
        settled, days_to_pay = 0, 0.0
        for e in range(offsets[c], offsets[c + 1]):
            if invoiced[e] > as_of:
                break
            age = as_of - invoiced[e]
            last_year += age < 365
            is_paid = paid[e] <= as_of
            has_amount = not np.isnan(amount[e])
            if is_paid:
                settled += 1
                days_to_pay += paid[e] - invoiced[e]
            elif has_amount:
                unpaid += 1
                undated += due[e] == never
                open_amount += amount[e]
                if due[e] < as_of:
                    overdue_amount += amount[e]
            if due[e] == never or (not is_paid and due[e] >= as_of):
                continue
            lateness = float(max((paid[e] if is_paid else as_of) - due[e], 0))
            judged += 1
            late += lateness > 0
            days_late += lateness
            most_late = max(most_late, lateness)
            if age < recent:
                now += 1
                now_late += lateness
            else:
                before += 1
                before_late += lateness
        out[0, i] = last_year
        out[1, i] = open_amount
        out[2, i] = overdue_amount if undated < unpaid or unpaid == 0 else np.nan
        if settled > 0:
            out[3, i] = days_to_pay / settled
        if judged > 0:
            out[4, i] = days_late / judged
            out[5, i] = most_late
            out[6, i] = late / judged
        if now > 0:
            out[7, i] = now_late / now
            if before > 0:
                out[8, i] = now_late / now - before_late / before
    return out


@family(
    "payments",
    Feature("invoices_365d", "invoices", "invoices of the last 365 days"),
    Feature("outstanding_amount", "money", "amount invoiced and not paid by the as-of date"),
    Feature(
        "overdue_amount",
        "money",
        "amount not paid by the as-of date though due before it; missing if no unpaid invoice says when",
    ),
    Feature("days_to_pay_mean", "days", "mean days from invoice to payment, of invoices paid"),
    Feature(
        "days_late_mean",
        "days",
        "mean days late of invoices paid or due; unpaid ones count as late up to the as-of date",
    ),
    Feature("days_late_most", "days", "most days late of an invoice paid or due"),
    Feature("late_share", "share", "share of invoices paid or due that were late"),
    Feature(
        f"days_late_{RECENT}d", "days", f"mean days late of invoices of the last {RECENT} days that are paid or due"
    ),
    Feature(
        "days_late_change", "days", f"mean days late of the last {RECENT} days' invoices less that of the earlier ones"
    ),
)
def payments(view: AsOf) -> F64 | None:
    """Payment behaviour known by the date: a payment dated later has not been made yet."""
    bills = view.history.payments
    if bills is None:
        return None
    table: F64 = _payments(
        view.customer,
        bills.offsets,
        bills.invoiced_day,
        bills.due_day,
        bills.paid_day,
        bills.amount,
        view.as_of,
        RECENT,
        np.iinfo(np.int32).max,
    )
    return table
