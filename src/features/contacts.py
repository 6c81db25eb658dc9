"""When customers were last contacted: what keeps the next contact from coming too soon."""

import datetime as dt

import numba
import numpy as np
from numpy.typing import NDArray

from lifecycle.features.history import History
from lifecycle.features.window import to_day

F64 = NDArray[np.float64]


def days_since_contact(history: History, as_of: dt.date | int | str) -> F64 | None:
    """Days from each customer's last contact by a campaign to a date; None where the history has no campaigns.

    Returns ``float64[history.n_customers]``, prospects included, in the order of ``history.customer_id``: 0 for a
    contact on the as-of day itself, inf where there was none by then. Contacts after the date are not seen; whoever was
    held back for a control group was not contacted.

    >>> import pandas as pd
    >>> log = pd.DataFrame({"customer_id": ["a", "b"], "timestamp": ["2020-01-01"] * 2, "amount": [5.0, 7.0]})
    >>> sent = pd.DataFrame({"customer_id": ["a", "a", "b"], "control": [False, False, True],
    ...                      "timestamp": ["2020-02-01", "2020-03-09", "2020-02-01"]})
    >>> days_since_contact(History.from_frame(log, campaigns=sent), dt.date(2020, 2, 11)).tolist()
    [10.0, inf]
    """
    sent = history.campaigns
    if sent is None:
        return None
    days: F64 = _since(sent.offsets, sent.day, sent.control, to_day(as_of))
    return days


@numba.njit(cache=True, nogil=True)
def _since(offsets: NDArray[np.int64], day: NDArray[np.int32], control: NDArray[np.bool_], as_of: int) -> F64:
    out = np.full(offsets.size - 1, np.inf)
    for c in range(offsets.size - 1):
        for e in range(offsets[c], offsets[c + 1]):
            if day[e] > as_of:
                break
            if not control[e]:
                out[c] = as_of - day[e]
    return out
