"""Who must be looked at now, and why: each trigger with a known rate of false alarms where chance plays a part."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lifecycle.decisions.credit.policy import CreditPolicy
from lifecycle.models.credit.late import BetaBinomial

F64 = NDArray[np.float64]
Flags = NDArray[np.bool_]

TRIGGERS: Final = ("payment", "severity", "volume", "utilisation", "risk", "calendar")
CROSSED: Final = (15.0, 30.0, 60.0, 90.0)
MONTH: Final = 365.25 / 12.0


@dataclass(frozen=True, eq=False, slots=True)
class Watched:
    """What triggers look at, one row a customer; NaN where a value is not known (then its trigger is silent).

    Attributes
    ----------
    late_recent, judged_recent, late_before, judged_before : invoices of the last 180 days, and earlier ones.
    days_past_due, days_before, worst_before : at the date; at the last look; own maximum of the past.
    spend, spend_low, spend_high : of the last horizon, and the predictive interval given at its start.
    open_amount, limit : money.
    pd, pd_at_decision : probability of default now and at the last decision.
    days_since_decision : days.
    """

    late_recent: F64
    judged_recent: F64
    late_before: F64
    judged_before: F64
    days_past_due: F64
    days_before: F64
    worst_before: F64
    spend: F64
    spend_low: F64
    spend_high: F64
    open_amount: F64
    limit: F64
    pd: F64
    pd_at_decision: F64
    days_since_decision: F64


def triggers(watched: Watched, model: BetaBinomial, policy: CreditPolicy) -> Mapping[str, Flags]:
    """Return which triggers fire for each customer (n,), by the names of `TRIGGERS`.

    payment: P(K ≥ recent late | recent invoices, own earlier ones) < α by the Beta-binomial; of customers for whom
    nothing changed it fires for at most α. severity: more than 7 days beyond the own maximum, or past 15, 30, 60 or 90
    days. volume: spend outside the interval on either side; as many false alarms as the interval leaves out.
    utilisation: open / limit above 0.9. risk: probability at least twice that of the last decision. calendar: the last
    decision is older than the grade allows.
    """
    tail = model.tail(watched.late_recent, watched.judged_recent, watched.late_before, watched.judged_before)
    crossed = np.zeros(watched.pd.size, np.bool_)
    for days in CROSSED:
        crossed |= (watched.days_past_due >= days) & (watched.days_before < days)
    used = np.divide(
        watched.open_amount, watched.limit, out=np.where(watched.open_amount > 0, np.inf, 0.0), where=watched.limit > 0
    )
    months = np.array(policy.review_months)[policy.grade(watched.pd)]
    return {
        "payment": (watched.judged_recent > 0) & (tail < policy.alpha),
        "severity": (watched.days_past_due > watched.worst_before + policy.worse_days) | crossed,
        "volume": (watched.spend < watched.spend_low) | (watched.spend > watched.spend_high),
        "utilisation": np.isfinite(watched.limit) & (used > policy.use_share),
        "risk": watched.pd >= policy.pd_multiple * watched.pd_at_decision,
        "calendar": watched.days_since_decision > months * MONTH,
    }


def review_order(loss_change: F64, open_amount: F64, fired: Flags) -> NDArray[np.int64]:
    """Return the rows to review, by the rise of the expected loss, then by the open amount, largest first."""
    rows = np.flatnonzero(fired)
    order = np.lexsort((rows, -open_amount[rows], -np.nan_to_num(loss_change[rows])))
    return rows[order].astype(np.int64)
