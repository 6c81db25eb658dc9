"""The summary that buy-till-you-die models take: frequency, recency, age and monetary value as of a date."""

import datetime as dt

import numba
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lifecycle.features.asof import AsOf
from lifecycle.features.history import History

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

COLUMNS = ("frequency", "recency", "T", "monetary_value", "days_since_last_purchase", "spend")


@numba.njit(cache=True, nogil=True, error_model="numpy")
def summary(offsets: I64, day: I32, amount: F64, as_of: int, out: F64) -> None:
    """Fill ``out`` (6, n) with the columns of ``COLUMNS``, for customers with at least one purchase day each."""
    for c in range(offsets.size - 1):
        lo, hi = offsets[c], offsets[c + 1]
        out[0, c] = hi - lo - 1
        out[1, c] = day[hi - 1] - day[lo]
        out[2, c] = as_of - day[lo]
        out[4, c] = as_of - day[hi - 1]
        if amount.size == 0:
            out[3, c] = np.nan
            out[5, c] = np.nan
            continue
        repeats = 0.0
        for j in range(lo + 1, hi):
            repeats += amount[j]
        out[3, c] = repeats / (hi - lo - 1) if hi - lo > 1 else np.nan
        out[5, c] = amount[lo] + repeats


def summarise(history: History, as_of: dt.date | int | str) -> pd.DataFrame:
    """Summary by customer as of a date, in days; one row a customer with a purchase day by then, as sorted there.

    Columns: ``frequency`` repeat purchase days; ``recency`` age at the last purchase; ``T`` age at ``as_of``;
    ``monetary_value`` mean net amount of the repeat purchase days, missing where there is none or the log has no money;
    ``days_since_last_purchase``; ``spend`` net amount of all purchase days.

    >>> import pandas as pd
    >>> log = pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": [5.0, 7.0, 2.5],
    ...                     "timestamp": pd.to_datetime(["1997-01-01", "1997-01-11", "1997-01-09"])})
    >>> summarise(History.from_frame(log), dt.date(1997, 1, 31)).loc["a"].tolist()
    [1.0, 10.0, 30.0, 7.0, 20.0, 12.0]
    """
    return summary_of(AsOf.of(history, as_of))


def summary_of(view: AsOf) -> pd.DataFrame:
    """The same of a view that is there already."""
    table = np.empty((len(COLUMNS), view.n))
    summary(view.offsets, view.day, view.amount, view.as_of, table)
    return pd.DataFrame(dict(zip(COLUMNS, table, strict=True)), index=view.index)
