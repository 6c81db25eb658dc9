"""What is known of a customer's payments on the day before an invoice, for every invoice, by sums over sorted keys.

An invoice is judged from min(paid, due + 1) on: paid, or not paid when due. That it is late is known from due + 1 on,
how late from the payment on. Nothing dated on the invoice's own day or later enters.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from lifecycle.models.credit.binning import Trend
from lifecycle.models.credit.late import BetaBinomial
from lifecycle.models.forecasting.lightgbm_training import Settings

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

SETTINGS: Final = Settings(
    rounds=120, learning_rate=0.05, leaves=4, rows_in_leaf=1 / 80, ridge=10.0, columns=0.5, rows=0.7
)
"""Trees for the late model: small ones, since few invoices a customer say little beyond the own late share."""

TRENDS: Final[Mapping[str, Trend]] = {"own_late_probability": "rising"}
"""Signs known of the late model's attributes."""

_DAYS: Final = 1 << 32
NEVER: Final = int(np.iinfo(np.int32).max)


def known_at_invoice(customer: I64, invoiced: I64, due: I64, paid: I64, amount: F64) -> pd.DataFrame:
    """Return a row an invoice, in the order given, of what its customer's earlier invoices had shown by the day before.

    Parameters
    ----------
    customer : numpy.ndarray
        code of the customer, from 0 (n,).
    invoiced, due, paid : numpy.ndarray
        days (n,); `NEVER` where there is none.
    amount : numpy.ndarray
        money (n,).

    Returns
    -------
    pandas.DataFrame
        judged, late, (counts) late_recent, judged_recent (the last 180 days), days_late_mean, days_to_pay_mean, paid,
        open_amount, overdue_amount, invoices_before, days_since_invoice, amount, amount_ratio (to the own mean),
        terms_days, weekday, month_day.
    """
    has_due = due < NEVER
    judged_from = np.minimum(paid, np.where(has_due, due + 1, NEVER))
    judged_from = np.where(has_due, judged_from, NEVER)
    is_late = has_due & (paid > due)
    paid_once = paid < NEVER
    days_late = np.where(paid_once & has_due, np.maximum(paid - due, 0), 0).astype(np.float64)
    before = np.ones(customer.size)
    judged, late = _known(customer, judged_from, [before, is_late.astype(np.float64)], customer, invoiced)
    judged_old, late_old = _known(customer, judged_from, [before, is_late.astype(np.float64)], customer, invoiced - 180)
    settled, paid_sum, to_pay, late_sum = _known(
        customer, paid, [before, amount, np.where(paid_once, paid - invoiced, 0), days_late], customer, invoiced
    )
    earlier, invoiced_sum, day_sum = _known(customer, invoiced, [before, amount, before], customer, invoiced)
    late_from = np.where(is_late, due + 1, NEVER)
    (became_overdue,) = _known(customer, late_from, [amount], customer, invoiced)
    (overdue_paid,) = _known(customer, np.where(is_late, paid, NEVER), [amount], customer, invoiced)
    mean_amount = _ratio(invoiced_sum, earlier)
    return pd.DataFrame(
        {
            "judged": judged,
            "late": late,
            "judged_recent": judged - judged_old,
            "late_recent": late - late_old,
            "days_late_mean": _ratio(late_sum, settled),
            "days_to_pay_mean": _ratio(to_pay, settled),
            "paid": settled,
            "open_amount": invoiced_sum - paid_sum,
            "overdue_amount": became_overdue - overdue_paid,
            "invoices_before": day_sum,
            "days_since_invoice": _since_last(customer, invoiced),
            "amount": amount,
            "amount_ratio": _ratio(amount, mean_amount),
            "terms_days": np.where(has_due, due - invoiced, np.nan),
            "weekday": (invoiced + 3) % 7,
            "month_day": (
                invoiced.astype("datetime64[D]") - invoiced.astype("datetime64[D]").astype("datetime64[M]")
            ).astype(np.int64),
        }
    )


def late_attributes(known: pd.DataFrame, prior: BetaBinomial) -> pd.DataFrame:
    """Return what the late model is fitted on: what was known, and the customer's own late probability then."""
    own = prior.probability(known["late"].to_numpy(np.float64), known["judged"].to_numpy(np.float64))
    return known.assign(own_late_probability=own)


def _known(customer: I64, day: I64, values: list[F64], asked: I64, until: I64) -> list[F64]:
    """Return sums of each value over the asked customer's rows that are dated before the asked day."""
    usable = day < NEVER
    key = customer[usable] * _DAYS + day[usable]
    order = np.argsort(key, kind="stable")
    key = key[order]
    begin = np.searchsorted(key, asked * _DAYS, side="left")
    end = np.searchsorted(key, asked * _DAYS + np.maximum(until, 0), side="left")
    sums = []
    for value in values:
        total = np.concatenate(([0.0], np.cumsum(np.asarray(value, np.float64)[usable][order])))
        sums.append(total[end] - total[begin])
    return sums


def _since_last(customer: I64, invoiced: I64) -> F64:
    """Return days since the customer's last invoice of an earlier day; NaN for the first."""
    key = np.unique(customer * _DAYS + invoiced)
    mine = customer * _DAYS + invoiced
    place = np.searchsorted(key, mine, side="left") - 1
    last = key[np.maximum(place, 0)]
    known = (place >= 0) & (last // _DAYS == customer)
    return np.where(known, mine - last, np.nan).astype(np.float64)


def _ratio(top: F64, bottom: F64) -> F64:
    ratio: F64 = np.divide(top, bottom, out=np.full(top.size, np.nan), where=bottom > 0)
    return ratio
