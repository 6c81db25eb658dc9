"""How a probability model would have done on past dates: by how much a whole base was off, date by date.

On each date the model is fitted to what was known and forecasts the horizon after it. Single customers do not matter
here, so a sample of the base is enough, and dates far back cost little.
"""

import dataclasses
from typing import Self

import numba
import numpy as np
import numpy.typing as npt

from lifecycle.features.asof import AsOf
from lifecycle.models.btyd import MbgNbd
from lifecycle.models.forecasting.basket_value import Baskets
from lifecycle.models.forecasting.forecast import FloatArray
from lifecycle.models.forecasting.stacking import logit, shift_to

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

SAMPLE = 20_000
FEWEST_CUSTOMERS = 50
FEWEST_BUYERS = 10
LEAST_LOG = 28  # days behind a date
LONGEST = 5 * 365  # days that are looked back
MOST_DATES = 100


@dataclasses.dataclass(frozen=True)
class Miss:
    """How far a forecast as of a day was off: actual against forecast, in logs, and the noise of each (a sd).

    behind: days of log before the day. buying: shift of the log odds that makes the number of buyers right; purchases:
    ratio of purchase days; spend: of money, NaN without amounts.
    """

    day: int
    behind: int
    buying: float
    buying_noise: float
    purchases: float
    purchases_noise: float
    spend: float
    spend_noise: float


@dataclasses.dataclass(frozen=True, eq=False)
class Past:
    """The purchase days of a sample of the base as known on a day (offsets cut day and amount by customer)."""

    first_day: int
    last_day: int
    offsets: I64
    day: I32
    amount: FloatArray

    @classmethod
    def of(cls, view: AsOf, *, most: int = SAMPLE) -> Self:
        """Take an even sample of a view, which depends on its date and on nothing else."""
        first = view.history.log_first_day
        if view.n <= most:
            return cls(first, view.as_of, view.offsets, view.day, view.amount)
        rng = np.random.default_rng(view.as_of)
        chosen = np.sort(rng.choice(view.n, most, replace=False))
        sizes = np.diff(view.offsets)[chosen]
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        rows = np.repeat(view.offsets[chosen] - offsets[:-1], sizes) + np.arange(offsets[-1])
        return cls(first, view.as_of, offsets, view.day[rows], view.amount[rows] if view.amount.size else view.amount)

    def until(self, day: int) -> Self:
        """Return the same sample as of an earlier day; only returns that came later are netted already."""
        return dataclasses.replace(self, last_day=day)

    def misses(self, horizon: int) -> tuple[Miss, ...]:
        """Measure the past dates whose horizon is complete, oldest first, at the steps of training dates."""
        latest = self.last_day - horizon
        reach = min(latest - self.first_day - LEAST_LOG, LONGEST)
        step = max(7, horizon // 3, -(-reach // MOST_DATES))
        found = [self._miss(day, horizon) for day in range(latest, latest - reach - 1, -step)]
        return tuple(miss for miss in reversed(found) if miss is not None)

    def _miss(self, as_of: int, horizon: int) -> Miss | None:
        """Measure one date; None where too few customers are known or buy, or all of them do."""
        known = _summary(self.offsets, self.day, self.amount, as_of, as_of + horizon)
        x, t_x, T, mean, total, counted, spent = known[:, known[2] >= 0]
        buyers = float((counted > 0).sum())
        if x.size < FEWEST_CUSTOMERS or not T.any() or not FEWEST_BUYERS <= buyers < x.size:
            return None
        model = MbgNbd.fit(x, t_x, T)
        odds = -logit(model.probability_no_purchase(horizon, x, t_x, T))
        shift = shift_to(odds, buyers)
        likely = 1.0 / (1.0 + np.exp(-odds - shift))
        purchases = model.expected_purchases(horizon, x, t_x, T)
        spend = purchases * Baskets.fit(x, mean, total).expected(x, mean)
        return Miss(
            as_of,
            as_of - self.first_day,
            shift,
            float(1.0 / np.sqrt((likely * (1.0 - likely)).sum())),
            *_log_ratio(counted, purchases),
            *_log_ratio(spent, spend),
        )


def _log_ratio(actual: FloatArray, forecast: FloatArray) -> tuple[float, float]:
    """Return ln(Σ actual / Σ forecast) and its noise over customers, linearised; NaN where a sum is not positive."""
    a, f = float(actual.sum()), float(forecast.sum())
    if not (a > 0 and f > 0):
        return float("nan"), float("nan")
    return float(np.log(a / f)), float(np.sqrt(((actual / a - forecast / f) ** 2).sum()))


@numba.njit(cache=True, nogil=True)
def _summary(offsets: I64, day: I32, amount: FloatArray, as_of: int, end: int) -> FloatArray:
    """Rows: frequency, recency, T (−1: not known yet), mean and total money by as_of; purchases and money until end."""
    n = offsets.size - 1
    money = amount.size > 0
    out = np.zeros((7, n))
    for c in range(n):
        lo, k = offsets[c], offsets[c]
        while k < offsets[c + 1] and day[k] <= as_of:
            if money:
                out[4, c] += amount[k]
            k += 1
        x = k - lo - 1
        out[0, c] = x
        out[2, c] = as_of - day[lo] if x >= 0 else -1.0
        out[1, c] = day[k - 1] - day[lo] if x > 0 else 0.0
        out[3, c] = (out[4, c] - amount[lo]) / x if money and x > 0 else np.nan
        while k < offsets[c + 1] and day[k] <= end:
            out[5, c] += 1.0
            if money:
                out[6, c] += amount[k]
            k += 1
        if not money:
            out[4, c] = np.nan
            out[6, c] = np.nan
    return out
