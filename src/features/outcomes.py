"""Outcomes: what customers did in the horizon, and whether those who still bought were declining.

``declining`` is judged only where the customer's own rate expects at least three purchase days in the horizon
("eligible"): they buy, but spend at most half of what the own rate, the own mean basket and the base's season expect.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numba
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.asof import AsOf
from features.history import History
from features.horizon_choice import HorizonChoice as HorizonChoice
from features.horizon_choice import default_horizon as default_horizon
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

MOST_REMEMBERED = 4_000_000
"""Eligible buyers, over all dates, up to which one pass over the base is enough for its levels."""


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
def _horizon(
    customer: I64,
    offsets: I64,
    day: I32,
    amount: F64,
    void_day: I32,
    r_offsets: I64,
    r_day: I32,
    r_target: I64,
    r_amount: F64,
    as_of: int,
    end: int,
) -> tuple[I64, F64]:
    """Purchase days in (as_of, end] and their net amount, with the returns known at the end."""
    n = customer.size
    purchases, spend = np.zeros(n, np.int64), np.full(n, np.nan)
    for i in range(n):
        c = customer[i]
        spent = 0.0
        for j in range(offsets[c + 1] - 1, offsets[c] - 1, -1):
            if day[j] <= as_of:
                break
            if day[j] <= end and void_day[j] > end:
                purchases[i] += 1
                if amount.size:
                    spent += amount[j]
        if amount.size == 0:
            continue
        if purchases[i] > 0:
            for e in range(r_offsets[c], r_offsets[c + 1]):
                if r_day[e] > end:
                    break
                j = r_target[e]
                if day[j] > as_of and void_day[j] > end:
                    spent -= r_amount[e]
        spend[i] = np.rint(spent * 1e6) / 1e6
    return purchases, spend


@dataclass(frozen=True, slots=True)
class Past:
    """Customers of one part of the base against their own past.

    ``expected`` purchase days in the horizon; ``exposure`` α + T_ref; ``number``, ``total`` and ``squares`` (about the
    own mean) of the baskets in the reference period.
    """

    expected: F64
    exposure: F64
    eligible: NDArray[np.bool_]
    number: F64
    total: F64
    squares: F64


@dataclass(frozen=True, slots=True)
class _Judged:
    """The past of customers, and what they did in the horizon."""

    view: AsOf
    expected: F64
    eligible: NDArray[np.bool_]
    number: F64
    total: F64
    squares: F64
    purchases: I64
    spend: F64


def past_of(view: AsOf, window: Window, reference: RateReference) -> Past:
    """Judge the customers of a view by their reference period."""
    length, x, number, total, squares = _reference(
        view.offsets, view.day, view.amount, view.as_of, reference_span(window.horizon)
    )
    exposure = reference.alpha + length
    expected = (reference.r + x) / exposure * window.horizon
    eligible = (expected >= ELIGIBLE_FROM) & (length >= window.horizon) & view.history.has_money
    return Past(expected, exposure, eligible, number, total, squares)


def _judge(view: AsOf, window: Window, reference: RateReference) -> _Judged:
    past, history = past_of(view, window, reference), view.history
    purchases, spend = _horizon(
        view.customer,
        history.offsets,
        history.day,
        np.empty(0) if history.amount is None else history.amount,
        history.void_day,
        history.returns.offsets,
        history.returns.day,
        history.returns.target,
        history.returns.amount,
        view.as_of,
        window.end_day,
    )
    return _Judged(view, past.expected, past.eligible, past.number, past.total, past.squares, purchases, spend)


def _basket(judged: Past | _Judged, mean: float, weight: float) -> F64:
    with np.errstate(invalid="ignore"):
        return np.asarray((judged.total + weight * mean) / (judged.number + weight))


@dataclass(frozen=True, slots=True)
class _Buyers:
    """Eligible customers who bought in the horizon: what it takes to sum their expected and actual spend."""

    expected: F64
    number: F64
    total: F64
    spend: F64

    @staticmethod
    def of(judged: _Judged) -> "_Buyers":
        chosen = judged.eligible & (judged.purchases > 0)
        return _Buyers(judged.expected[chosen], judged.number[chosen], judged.total[chosen], judged.spend[chosen])

    def sums(self, mean: float, weight: float) -> F64:
        """Their number, actual and expected spend; parts of a base add up."""
        basket = (self.total + weight * mean) / (self.number + weight)
        return np.array([self.spend.size, self.spend.sum(), (self.expected * basket).sum()])


def _basket_sums(past: Past | _Judged) -> F64:
    """Sums over a part of the base from which the shrinkage of baskets follows; parts add up."""
    has = past.number > 0
    number, total = past.number[has], past.total[has]
    return np.array(
        [has.sum(), number.sum(), (number**2).sum(), total.sum(), (total**2 / number).sum(), past.squares[has].sum()]
    )


def shrinkage(sums: F64) -> tuple[float, float]:
    """Mean basket of the base and the weight, in baskets, with which it pulls a customer's own mean."""
    customers, n, n2, total, weighted, within = sums.tolist()
    if n == 0:
        return float("nan"), 0.0
    mean = total / n
    variance = within / max(n - customers, 1.0)
    between = (weighted - n * mean**2 - (customers - 1) * variance) / max(n - n2 / n, 1.0)
    return _steady(mean), _steady(min(variance / between, 1e9) if between > 0 else 1e9)


def season_factor(sums: F64) -> tuple[float, int]:
    """S and the number of customers behind it."""
    n, actual, expected = sums.tolist()
    if n < SEASON_FROM or expected <= 0:
        return 1.0, int(n)
    return _steady(float(np.clip(actual / expected, *SEASON_LIMITS))), int(n)


def _steady(value: float) -> float:
    """Ten significant digits: sums over the same base in other pieces differ in the sixteenth."""
    return float(f"{value:.9e}")


def base_level(histories: History | Iterable[History], window: Window, *, reference: RateReference) -> BaseLevel:
    """Mean basket, its weight and the season factor of a base as of the window's date; see :func:`base_levels`."""
    return base_levels(histories, [window], reference=reference)[window]


def base_levels(
    histories: History | Iterable[History], windows: Sequence[Window], *, reference: RateReference
) -> dict[Window, BaseLevel]:
    """Levels of a base as of several dates, in one pass over it, or two where the eligible buyers are very many.

    ``histories`` is the whole base, or something that gives its parts each time it is iterated over (a store). The
    season is NaN where the horizon is not complete in the log or the log has no amounts.
    """
    parts = [histories] if isinstance(histories, History) else histories
    baskets = {window: np.zeros(6) for window in windows}
    buyers: dict[Window, list[_Buyers]] = {window: [] for window in windows}
    remembered, complete = 0, set(windows)
    for part in parts:
        for window in windows:
            view = AsOf.of(part, window.as_of)
            if window.end_day > part.last_day or not part.has_money:
                complete.discard(window)
                baskets[window] += _basket_sums(past_of(view, window, reference))
                continue
            judged = _judge(view, window, reference)
            baskets[window] += _basket_sums(judged)
            if remembered <= MOST_REMEMBERED:
                buyers[window].append(_Buyers.of(judged))
                remembered += buyers[window][-1].spend.size
    shrunk = {window: shrinkage(sums) for window, sums in baskets.items()}
    seasons = {window: np.zeros(3) for window in complete}
    if remembered <= MOST_REMEMBERED:
        for window in complete:
            for some in buyers[window]:
                seasons[window] += some.sums(*shrunk[window])
    else:
        buyers.clear()
        for part in parts:
            for window in complete:
                judged = _judge(AsOf.of(part, window.as_of), window, reference)
                seasons[window] += _Buyers.of(judged).sums(*shrunk[window])
    factors = {window: season_factor(sums) for window, sums in seasons.items()}
    return {window: BaseLevel(*shrunk[window], *factors.get(window, (float("nan"), 0))) for window in windows}


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
