"""Multiples of the own gap learned from a log: how long a silence is before a return becomes unlikely in this trade."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from decisions.stage_policy import StagePolicy
from features.history import History
from features.window import to_day

DECLINE_SHARE: Final = 0.6
CHURN_SHARE: Final = 0.3
DECLINE_RANGE: Final = (1.5, 3.0)
CHURN_RANGE: Final = (3.0, 6.0)
SNAPSHOTS: Final = 12
STEP_DAYS: Final = 28
LEAST_CUSTOMERS: Final = 1000
"""Fewer observations of a customer on a date than this teach nothing."""

_WIDTH: Final = 0.25
_BINS: Final = 32


@dataclass(frozen=True, slots=True, eq=False)
class ReturnCurve:
    """How many repeaters were silent for k·0.25 to (k + 1)·0.25 own gaps, and how many of them bought within the
    horizon.

    Curves of buckets add up.
    """

    customers: NDArray[np.int64]
    returned: NDArray[np.int64]

    def __add__(self, other: "ReturnCurve") -> "ReturnCurve":
        """Add the curve of another bucket."""
        return ReturnCurve(self.customers + other.customers, self.returned + other.returned)

    def rates(self) -> NDArray[np.float64]:
        """Return the share that bought, by silence in steps of a quarter gap, made to fall with silence."""
        seen = self.customers > 0
        share = np.divide(self.returned, self.customers, out=np.zeros(_BINS), where=seen)
        return np.asarray(isotonic_regression(share, weights=np.maximum(self.customers, 1e-9), increasing=False).x)

    def multiple(self, share: float, low: float, high: float) -> float:
        """Return the silence, in own gaps, from which returns are at most a share of those just after a purchase."""
        rates = self.rates()
        below = np.flatnonzero(rates <= share * rates[0])
        found = (below[0] + 0.5) * _WIDTH if below.size else high
        return float(np.clip(found, low, high))


def return_curve(history: History, as_of: date | int, policy: StagePolicy) -> ReturnCurve:
    """Return the curve of one bucket from up to 12 dates, four weeks apart, whose horizons are complete at `as_of`."""
    today = to_day(as_of)
    customers = np.zeros(_BINS, np.int64)
    returned = np.zeros(_BINS, np.int64)
    for back in range(SNAPSHOTS):
        date_then = today - policy.horizon - back * STEP_DAYS
        if date_then - policy.horizon < history.log_first_day:
            break
        then, later = history.purchases(date_then), history.purchases(date_then + policy.horizon)
        repeaters = np.flatnonzero(np.diff(then.offsets) > 1)
        first, last = then.day[then.offsets[repeaters]], then.day[then.offsets[repeaters + 1] - 1]
        x = np.diff(then.offsets)[repeaters] - 1
        gap = (policy.alpha + last - first) / (policy.r + x)
        place = ((date_then - last) / gap / _WIDTH).astype(np.int64)
        seen = np.concatenate([[0], np.cumsum(later.day > date_then)])
        bought = (seen[later.offsets[1:]] > seen[later.offsets[:-1]])[repeaters]
        within = place < _BINS
        customers += np.bincount(place[within], minlength=_BINS)
        returned += np.bincount(place[within & bought], minlength=_BINS)
    return ReturnCurve(customers, returned)


def with_learned_multiples(policy: StagePolicy, curve: ReturnCurve) -> StagePolicy:
    """Return the policy with this base's multiples: where returns fall to 60 % and to 30 % of those just after a
    purchase.

    A base of fewer than `LEAST_CUSTOMERS` observations keeps the multiples it has.

    >>> flat = ReturnCurve(np.full(32, 1000), np.linspace(900, 0, 32).astype(np.int64))
    >>> learned = with_learned_multiples(StagePolicy.from_rates(1.0, 30.0, 90), flat)
    >>> learned.decline_multiple, learned.churn_multiple
    (3.0, 5.625)
    """
    if curve.customers.sum() < LEAST_CUSTOMERS:
        return policy
    return replace(
        policy,
        decline_multiple=curve.multiple(DECLINE_SHARE, *DECLINE_RANGE),
        churn_multiple=max(curve.multiple(CHURN_SHARE, *CHURN_RANGE), DECLINE_RANGE[1] + _WIDTH),
    )
