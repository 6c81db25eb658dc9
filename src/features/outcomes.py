"""Outcomes: what customers did in the horizon, and whether those who still bought were declining.

``declining`` is judged only where the customer's own rate expects at least three purchase days in the horizon
("eligible"): they buy, but spend at most half of what the own rate, the own mean basket and the base's season expect.
"""

from dataclasses import dataclass

import numba
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lifecycle.features.asof import AsOf
from lifecycle.features.base_level import BaseLevel as BaseLevel
from lifecycle.features.base_level import base_level as base_level
from lifecycle.features.base_level import base_levels as base_levels
from lifecycle.features.history import History
from lifecycle.features.horizon_choice import HorizonChoice as HorizonChoice
from lifecycle.features.horizon_choice import default_horizon as default_horizon
from lifecycle.features.reference_period import ELIGIBLE_FROM as ELIGIBLE_FROM
from lifecycle.features.reference_period import Past as Past
from lifecycle.features.reference_period import RateReference as RateReference
from lifecycle.features.reference_period import ahead_of
from lifecycle.features.reference_period import past_of as past_of
from lifecycle.features.window import Window

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Flags = NDArray[np.bool_]

DECLINED_TO = 0.5
"""Share of the expected spend at or below which a buyer is declining."""


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What happened in the window, one entry a customer with a purchase day by ``as_of``, in the history's order.

    ``purchases`` purchase days in (as_of, end], net of returns up to the end; ``spend`` their net amount (NaN without
    amounts); ``bought`` whether there was one; ``eligible`` whether decline can be judged (nowhere without amounts);
    ``expected`` purchase days that the own rate expects; ``declining`` 1, 0, or NaN where not eligible.
    """

    customer_id: pa.Array
    purchases: I64
    spend: F64
    bought: Flags
    eligible: Flags
    expected: F64
    declining: F64
    base: BaseLevel


def observe(
    history: History,
    window: Window,
    *,
    reference: RateReference,
    base: BaseLevel | None = None,
    view: AsOf | None = None,
) -> Outcomes:
    """Outcomes of a window; ``base`` is needed where the history is a part of a larger base (see :func:`base_level`).

    ``view`` saves work where the view as of the window's date is there already. Nothing on or before ``as_of`` counts
    as an outcome. Refuses a window whose end lies beyond the log.
    """
    if window.end_day > history.last_day:
        raise ValueError(
            f"observe: the horizon ends on {window.end}, but the log ends {window.end_day - history.last_day} days "
            "earlier. Take an earlier as_of or a shorter horizon."
        )
    view = view or AsOf.of(history, window.as_of)
    level = base or base_level(history, window, reference=reference)
    past = past_of(view, window, reference)
    purchases, spend = ahead_of(view, window, np.ones(view.n, np.bool_))
    bought, declining = view.array(np.bool_), view.array(np.float64)
    terms = level.basket_mean, level.basket_weight, level.season
    _label(past.eligible, past.expected, past.number, past.total, purchases, spend, *terms, bought, declining)
    return Outcomes(view.customer_id, purchases, spend, bought, past.eligible, past.expected, declining, level)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _label(
    eligible: Flags,
    expected: F64,
    number: I64,
    total: F64,
    purchases: I64,
    spend: F64,
    mean: float,
    weight: float,
    season: float,
    bought: Flags,
    declining: F64,
) -> None:
    for i in range(eligible.size):
        bought[i] = purchases[i] > 0
        basket = (total[i] + weight * mean) / (number[i] + weight)
        low = bought[i] and spend[i] <= DECLINED_TO * expected[i] * basket * season
        declining[i] = low if eligible[i] else np.nan
