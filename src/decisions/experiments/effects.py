"""What an experiment did: differences by intention to treat, plain and adjusted, over all and by segment.

Plain: Welch's interval for means, Newcombe's hybrid score interval (1998) for shares. Adjusted: cross-fitted doubly
robust scores with ridge regressions on what was known before (Robins & Rotnitzky, 1995; CUPED of Deng et al., 2013, is
its linear case), mean and sd/√n. Where several outcomes or segments are looked at, p-values are Holm's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from lifecycle.models.uplift.crossfit import average, cross_fit, folds_of, scores
from lifecycle.models.uplift.trial import Floats, Trial

Flags = NDArray[np.bool_]

OUTCOMES: Final = ("buyers", "purchases", "spend", "margin", "net_worth")
Z_95: Final = float(norm.isf(0.025))


@dataclass(frozen=True, eq=False)
class Drawn:
    """The customers of an experiment and what came of them, n entries each.

    Attributes
    ----------
    x : Floats
        (n, p) what was known the day before.
    treated : Flags
        who was drawn for the treatment, reached or not.
    propensity : Floats
        probability of being treated.
    purchases, spend : Floats
        purchase days and money in the window, net of returns.
    cost, incentive : Floats
        money paid for the contact and as an incentive; 0 where there was none.
    margin : float
        share of spend that is earned.
    """

    x: Floats
    treated: Flags
    propensity: Floats
    purchases: Floats
    spend: Floats
    cost: Floats
    incentive: Floats
    margin: float = 1.0

    def values(self, outcome: str) -> Floats:
        """Return one outcome of every customer."""
        if outcome == "buyers":
            return (self.purchases > 0).astype(np.float64)
        if outcome == "purchases":
            return self.purchases.astype(np.float64)
        if outcome == "spend":
            return self.spend
        earned = self.margin * self.spend
        return earned if outcome == "margin" else earned - self.treated * (self.cost + self.incentive)


@dataclass(frozen=True, slots=True)
class Effect:
    """One difference of treated and control.

    Attributes
    ----------
    by, segment : str
        what customers are split by ("all", "stage", …) and the segment's name.
    outcome : str
        one of `OUTCOMES`: share of buyers, purchase days, spend, margin, and margin less contact and incentive, all a
        customer drawn.
    n_t, n_c : int
        customers drawn as treated and control.
    mean_t, mean_c : float
        their means.
    effect, low, high : float
        plain difference and its 95 % interval.
    adjusted, se, adj_low, adj_high : float
        adjusted difference, its standard error and 95 % interval.
    p, p_holm : float
        of the adjusted difference; Holm's over all rows of the experiment.
    total : float
        the adjusted difference summed over those treated (each customer by the propensity): segments add up to all.
    """

    by: str
    segment: str
    outcome: str
    n_t: int
    n_c: int
    mean_t: float
    mean_c: float
    effect: float
    low: float
    high: float
    adjusted: float
    se: float
    adj_low: float
    adj_high: float
    p: float
    p_holm: float
    total: float


def measure(
    drawn: Drawn,
    segments: Mapping[str, NDArray[np.str_]],
    *,
    outcomes: Iterable[str] = OUTCOMES,
    seed: int = 0,
) -> tuple[Effect, ...]:
    """Return the effect on every outcome over all and within every segment.

    Parameters
    ----------
    segments : Mapping[str, NDArray[np.str_]]
        what to split by, such as "stage", and (n,) each customer's segment; "" is in none.

    >>> rng = np.random.default_rng(0)
    >>> n = 4000
    >>> treated = rng.random(n) < 0.5
    >>> x = rng.normal(size=(n, 1))
    >>> bought = rng.random(n) < 0.2 + 0.1 * treated
    >>> drawn = Drawn(x, treated, np.full(n, 0.5), bought * 1.0, bought * 30.0, treated * 1.0, np.zeros(n), 0.5)
    >>> found = {one.outcome: one for one in measure(drawn, {})}
    >>> found["buyers"].adj_low < 0.1 < found["buyers"].adj_high, found["net_worth"].adjusted < found["margin"].adjusted
    (True, True)
    """
    trial = Trial.of(drawn.x, drawn.treated.astype(np.int64), drawn.purchases.astype(np.float64), drawn.propensity)
    fold = folds_of(trial, seed=seed)
    everyone = np.ones(trial.n, np.bool_)
    found = []
    for outcome in outcomes:
        values = drawn.values(outcome)
        of_outcome = trial.with_outcome(values)
        psi = scores(of_outcome, cross_fit(of_outcome, fold, kind="ridge").mean)
        contrast = psi[1] - psi[0]
        found.append(_effect("all", "", outcome, drawn, values, contrast, everyone))
        for by, segment in segments.items():
            found += [
                _effect(by, str(name), outcome, drawn, values, contrast, segment == name)
                for name in np.unique(segment)
                if name
            ]
    return _holm(found)


def _effect(by: str, segment: str, outcome: str, drawn: Drawn, values: Floats, contrast: Floats, rows: Flags) -> Effect:
    one, other = values[rows & drawn.treated], values[rows & ~drawn.treated]
    mean_t = float(one.mean()) if one.size else float("nan")
    mean_c = float(other.mean()) if other.size else float("nan")
    low, high = (newcombe if outcome == "buyers" else welch)(one, other)
    adjusted, error = average(contrast[rows]) if one.size > 1 and other.size > 1 else (float("nan"), float("nan"))
    p = float(2 * norm.sf(abs(adjusted) / error)) if error > 0 else float("nan")
    return Effect(
        by, segment, outcome, one.size, other.size, mean_t, mean_c, mean_t - mean_c, low, high,
        adjusted, error, adjusted - Z_95 * error, adjusted + Z_95 * error, p, p,
        float(contrast[rows] @ drawn.propensity[rows]),
    )  # fmt: skip


def welch(one: Floats, other: Floats) -> tuple[float, float]:
    """Return Welch's 95 % interval of the difference of means.

    >>> low, high = welch(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0]))
    >>> round(high, 3), low == -high
    (2.267, True)
    """
    if min(one.size, other.size) < 2:
        return float("nan"), float("nan")
    a, b = one.var(ddof=1) / one.size, other.var(ddof=1) / other.size
    if a + b == 0:
        return (float(one.mean() - other.mean()),) * 2
    free = (a + b) ** 2 / (a**2 / (one.size - 1) + b**2 / (other.size - 1))
    reach = float(t.isf(0.025, free)) * sqrt(a + b)
    middle = float(one.mean() - other.mean())
    return middle - reach, middle + reach


def newcombe(one: Floats, other: Floats) -> tuple[float, float]:
    """Return the 95 % interval of a difference of shares by Newcombe's hybrid score (1998, method 10).

    >>> low, high = newcombe(np.repeat([1.0, 0.0], [56, 14]), np.repeat([1.0, 0.0], [48, 32]))
    >>> round(low, 4), round(high, 4)
    (0.0524, 0.3339)
    """
    if not one.size or not other.size:
        return float("nan"), float("nan")
    p, q = float(one.mean()), float(other.mean())
    (l1, u1), (l2, u2) = _wilson(p, one.size), _wilson(q, other.size)
    return p - q - sqrt((p - l1) ** 2 + (u2 - q) ** 2), p - q + sqrt((u1 - p) ** 2 + (q - l2) ** 2)


def _wilson(p: float, n: int) -> tuple[float, float]:
    z = Z_95
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    reach = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return middle - reach, middle + reach


def _holm(found: list[Effect]) -> tuple[Effect, ...]:
    """Holm's step-down p-values (1979) over all that could be tested."""
    tested = sorted((i for i, one in enumerate(found) if one.p == one.p), key=lambda i: found[i].p)
    least = 0.0
    for rank, i in enumerate(tested):
        least = max(least, min(1.0, (len(tested) - rank) * found[i].p))
        found[i] = replace(found[i], p_holm=least)
    return tuple(found)
