"""Outcomes: what customers did in the horizon, and whether those who still bought were declining.

``declining`` is judged only where the customer's own rate expects at least three purchase days in the horizon
("eligible"): they buy, but spend at most half of what the own rate, the own mean basket and the base's season expect.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numba
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.asof import AsOf
from features.history import History
from features.window import Window

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

REFERENCE_DAYS = 365
"""Longest reference period before the as-of date (or one horizon, if that is longer)."""

ELIGIBLE_FROM = 3.0
"""Expected purchase days in the horizon from which decline can be told from chance."""

DECLINED_TO = 0.5
"""Share of the expected spend at or below which a buyer is declining."""

SEASON_FROM = 50
"""Eligible buyers below which the season factor is 1."""

SEASON_LIMITS = (0.5, 2.0)


@dataclass(frozen=True, slots=True)
class RateReference:
    """Gamma(r, alpha) of the base's purchase rates, in days: own rate = (r + x_ref) / (alpha + T_ref)."""

    r: float
    alpha: float

    def __post_init__(self) -> None:
        """Refuse what is no gamma distribution."""
        if not (self.r > 0 and self.alpha > 0 and np.isfinite(self.r) and np.isfinite(self.alpha)):
            raise ValueError(
                f"RateReference: r and alpha must be positive and finite, got r={self.r}, alpha={self.alpha}."
            )


@dataclass(frozen=True, slots=True)
class BaseLevel:
    """What the whole base tells about single customers, as of a date.

    ``basket_mean`` and ``basket_weight`` shrink a customer's mean basket, (sum + weight · mean) / (number + weight), by
    Bühlmann's credibility: the weight is the variance within customers over the variance between them. ``season`` is S,
    actual over expected spend of eligible customers who buy; NaN where the horizon is not complete.
    """

    basket_mean: float
    basket_weight: float
    season: float
    n_season: int


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
    bought: NDArray[np.bool_]
    eligible: NDArray[np.bool_]
    expected: F64
    declining: F64
    base: BaseLevel


def reference_span(horizon: int) -> int:
    """Longest reference period for a horizon: 365 days, or the horizon if that is longer."""
    return max(REFERENCE_DAYS, horizon)


@numba.njit(cache=True, nogil=True)
def _reference(offsets: I64, day: I32, amount: F64, as_of: int, span: int) -> tuple[F64, I64, F64, F64, F64]:
    """Length, repeat purchases, and number, sum and sum of squares of baskets in each customer's reference period."""
    n = offsets.size - 1
    length, x = np.empty(n), np.empty(n, np.int64)
    number, total, squares = np.zeros(n), np.zeros(n), np.zeros(n)
    for c in range(n):
        lo, hi = offsets[c], offsets[c + 1]
        length[c] = min(as_of - day[lo], span)
        count = 0
        for j in range(hi - 1, lo - 1, -1):
            age = as_of - day[j]
            if age > length[c] or (age == length[c] and j > lo):
                break
            count += age < length[c]
            if amount.size:
                number[c] += 1
                total[c] += amount[j]
        if amount.size and number[c] > 0:
            mean = total[c] / number[c]
            for j in range(hi - int(number[c]), hi):
                squares[c] += (amount[j] - mean) ** 2
        x[c] = count
    return length, x, number, total, squares


@numba.njit(cache=True, nogil=True)
def _horizon(offsets: I64, day: I32, amount: F64, customer: I64, as_of: int) -> tuple[I64, F64]:
    n = customer.size
    purchases, spend = np.zeros(n, np.int64), np.zeros(n)
    for i in range(n):
        c = customer[i]
        for j in range(offsets[c + 1] - 1, offsets[c] - 1, -1):
            if day[j] <= as_of:
                break
            purchases[i] += 1
            if amount.size:
                spend[i] += amount[j]
    return purchases, spend


@dataclass(frozen=True, slots=True)
class _Judged:
    """Customers of one part of the base against their own past."""

    view: AsOf
    expected: F64
    eligible: NDArray[np.bool_]
    number: F64
    total: F64
    squares: F64
    purchases: I64
    spend: F64


def _judge(view: AsOf, window: Window, reference: RateReference) -> _Judged:
    history = view.history
    length, x, number, total, squares = _reference(
        view.offsets, view.day, view.amount, view.as_of, reference_span(window.horizon)
    )
    expected = (reference.r + x) / (reference.alpha + length) * window.horizon
    eligible = (expected >= ELIGIBLE_FROM) & (length >= window.horizon)
    if not history.has_money:
        eligible[:] = False
    known = history.purchases(window.end_day)
    amount = np.empty(0) if known.amount is None else known.amount
    purchases, spend = _horizon(known.offsets, known.day, amount, view.customer, view.as_of)
    if not history.has_money:
        spend[:] = np.nan
    return _Judged(view, expected, eligible, number, total, squares, purchases, spend)


@dataclass(frozen=True, slots=True)
class _Credibility:
    """Sums from which the shrinkage of baskets follows; parts of a base add up."""

    customers: float
    n: float
    n2: float
    total: float
    weighted: float
    within: float

    @staticmethod
    def of(judged: _Judged) -> "_Credibility":
        has = judged.number > 0
        number, total = judged.number[has], judged.total[has]
        return _Credibility(
            float(has.sum()),
            float(number.sum()),
            float((number**2).sum()),
            float(total.sum()),
            float((total**2 / number).sum()),
            float(judged.squares[has].sum()),
        )

    def level(self) -> tuple[float, float]:
        """Mean basket of the base and the weight, in baskets, with which it pulls a customer's own mean."""
        if self.n == 0:
            return float("nan"), 0.0
        mean = self.total / self.n
        within = self.within / max(self.n - self.customers, 1.0)
        spread = self.weighted - self.n * mean**2 - (self.customers - 1) * within
        between = spread / max(self.n - self.n2 / self.n, 1.0)
        if between <= 0:
            return mean, 1e9
        return mean, min(within / between, 1e9)


def base_level(histories: History | Iterable[History], window: Window, *, reference: RateReference) -> BaseLevel:
    """Mean basket, its weight and the season factor of a base, whole or in parts, as of the window's date."""
    parts = [histories] if isinstance(histories, History) else list(histories)
    judged = [_judge(AsOf.of(part, window.as_of), window, reference) for part in parts]
    sums = np.sum([np.array(dataclass_values(_Credibility.of(part))) for part in judged], axis=0)
    mean, weight = _Credibility(*sums.tolist()).level()
    last = max(part.last_day for part in parts)
    if last < window.end_day or not all(part.has_money for part in parts):
        return BaseLevel(mean, weight, float("nan"), 0)
    actual = expected = 0.0
    n = 0
    for part in judged:
        chosen = part.eligible & (part.purchases > 0)
        n += int(chosen.sum())
        actual += float(part.spend[chosen].sum())
        expected += float((part.expected * _basket(part, mean, weight))[chosen].sum())
    season = 1.0 if n < SEASON_FROM or expected <= 0 else float(np.clip(actual / expected, *SEASON_LIMITS))
    return BaseLevel(mean, weight, season, n)


def dataclass_values(sums: _Credibility) -> Sequence[float]:
    """The sums, in order."""
    return (sums.customers, sums.n, sums.n2, sums.total, sums.weighted, sums.within)


def _basket(judged: _Judged, mean: float, weight: float) -> F64:
    with np.errstate(invalid="ignore"):
        return np.asarray((judged.total + weight * mean) / (judged.number + weight))


def observe(history: History, window: Window, *, reference: RateReference, base: BaseLevel | None = None) -> Outcomes:
    """Outcomes of a window; ``base`` is needed where the history is a part of a larger base (see :func:`base_level`).

    Nothing on or before ``as_of`` counts as an outcome. Refuses a window whose end lies beyond the log.
    """
    if window.end_day > history.last_day:
        raise ValueError(
            f"observe: the horizon ends on {window.end}, but the log ends {window.end_day - history.last_day} days "
            "earlier. Take an earlier as_of or a shorter horizon."
        )
    view = AsOf.of(history, window.as_of)
    judged = _judge(view, window, reference)
    if base is None:
        base = base_level(history, window, reference=reference)
    declining = np.full(view.n, np.nan)
    mine = judged.eligible
    threshold = DECLINED_TO * judged.expected * _basket(judged, base.basket_mean, base.basket_weight) * base.season
    declining[mine] = ((judged.purchases > 0) & (judged.spend <= threshold))[mine]
    return Outcomes(
        customer_id=view.customer_id,
        purchases=judged.purchases,
        spend=judged.spend,
        bought=judged.purchases > 0,
        eligible=judged.eligible,
        expected=judged.expected,
        declining=declining,
        base=base,
    )


HORIZONS = (30, 60, 90, 180, 365)


@dataclass(frozen=True, slots=True)
class HorizonChoice:
    """A horizon chosen from the log, the reason in words, and for how many customers silence within it is normal."""

    days: int
    reason: str
    n_silence_is_normal: int


def default_horizon(history: History, as_of: dt.date | int) -> HorizonChoice:
    """Horizon that suits the base's rhythm: the smallest of 30 … 365 days of at least twice the median own gap.

    The median is over repeat customers who are not overdue (silent for no longer than twice their mean gap). The
    horizon is capped at a quarter of the log, so that training has windows to learn from.
    """
    view = AsOf.of(history, as_of)
    last, first = view.day[view.offsets[1:] - 1], view.day[view.offsets[:-1]]
    repeats = np.diff(view.offsets) - 1
    repeater = repeats > 0
    gap = (last - first)[repeater] / repeats[repeater]
    silence = view.as_of - last[repeater]
    active = silence <= 2 * gap
    quarter = (view.as_of - history.first_day + 1) // 4
    allowed = [h for h in HORIZONS if h <= quarter] or [max(quarter, 1)]
    if not active.any():
        return HorizonChoice(
            allowed[-1], "no repeat customer is on time: the longest horizon that a quarter of the log allows", 0
        )
    median = float(np.median(gap[active]))
    wanted = next((h for h in HORIZONS if h >= 2 * median), HORIZONS[-1])
    if wanted in allowed:
        return HorizonChoice(
            wanted, f"repeat customers who are on time buy every {median:.0f} days (median): twice that fits", 0
        )
    chosen = allowed[-1]
    normal = int((gap > chosen).sum())
    return HorizonChoice(
        chosen,
        f"repeat customers who are on time buy every {median:.0f} days (median), which asks for {wanted} days, but a "
        f"quarter of the log is {quarter} days; for {normal:,} repeat customers silence for {chosen} days is normal",
        normal,
    )
