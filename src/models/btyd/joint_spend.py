"""What a customer will spend: transactions and their values jointly, in closed form.

The spend S of n purchases, given x purchases of mean z̄, has S/(S + v + x·z̄) ~ Beta(p·n, q + p·x). Hence

    P(S ≤ s) = 1 − P(alive) + P(alive)·Σ_n P(n | alive)·I_u(p·n, q + p·x),   u = s/(s + v + x·z̄),

where the term of n = 0 counts in full.
"""

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, expit

from lifecycle.models.btyd.gamma_gamma import GammaGamma, checked_money
from lifecycle.models.btyd.inputs import Floats, histories, positive
from lifecycle.models.btyd.purchase_model import PurchaseModel

_TAIL = 1e-13
_NOTHING = 1e-18
"""A count of so small a chance adds nothing that a double could hold."""
_BLOCK = 1 << 20
"""Customers times counts looked at together."""


def probability_spend_below(
    model: PurchaseModel,
    gamma_gamma: GammaGamma,
    threshold: npt.ArrayLike,
    horizon: float,
    frequency: npt.ArrayLike,
    recency: npt.ArrayLike,
    T: npt.ArrayLike,
    monetary_value: npt.ArrayLike,
) -> Floats:
    """P(spend in (T, T + horizon] <= threshold | history), one a customer; at threshold 0 the chance of no purchase.

    ``threshold`` money, a number or one a customer. Counts whose chance is under 1e-13 together are left out.

    >>> from lifecycle.models.btyd import BgNbd
    >>> model, money = BgNbd(0.2426, 4.4136, 0.7929, 2.4259), GammaGamma(6.2496, 3.7442, 15.4435)
    >>> below = probability_spend_below(model, money, 0.0, 39, 2, 30.43, 38.86, 25.0)
    >>> bool(abs(below - model.probability_no_purchase(39, 2, 30.43, 38.86)) < 1e-14)
    True
    """
    frequency, recency, T, monetary_value, threshold = np.broadcast_arrays(
        frequency, recency, T, monetary_value, threshold
    )
    at = histories(frequency, recency, T)
    x, mean = checked_money(frequency, monetary_value)
    limit = np.asarray(threshold, np.float64).reshape(-1)
    if not (limit >= 0.0).all():
        raise ValueError(f"threshold must be >= 0: {int(np.count_nonzero(~(limit >= 0.0)))} of {limit.size} are not.")
    t = positive("horizon", horizon, zero=True)
    shape = gamma_gamma.q + gamma_gamma.p * x
    scale = gamma_gamma.v + np.where(x > 0.0, x * np.where(x > 0.0, mean, 0.0), 0.0)
    with np.errstate(invalid="ignore"):
        u = np.where(np.isinf(limit), 1.0, limit / (limit + scale))
    below = np.empty(x.size)
    for value in np.unique(x):
        members = np.flatnonzero(x == value)
        ages, codes = np.unique(at.T[members], return_inverse=True)
        counts = enough(model, t, float(value), float(ages[0]), _TAIL)
        chance = model._alive_pmf(counts, t, float(value), ages)
        some = 1 + np.flatnonzero(chance[:, 1:].max(axis=0) > _NOTHING)
        rows = max(1, _BLOCK // max(some.size, 1))
        for start in range(0, members.size, rows):
            block, code = members[start : start + rows], codes[start : start + rows]
            within = betainc(gamma_gamma.p * some, shape[block, None], u[block, None])
            below[block] = np.minimum(chance[code, 0] + (chance[code][:, some] * within).sum(axis=1), 1.0)
    gone = model._log_odds_gone(at)
    return np.asarray(expit(gone) + expit(-gone) * below).reshape(at.shape)


def enough(model: PurchaseModel, t: float, x: float, youngest: float, tail: float) -> npt.NDArray[np.int64]:
    """0, 1, … up to where the rest has a chance under ``tail``; the youngest buy fastest.

    Whoever may stop buys no more than who goes on at the same rate, whose count is negative binomial: its tail
    I_z(n, r + x), z = t/(α + T + t), is known without a sum that rounding keeps from 1.
    """
    r, alpha = (float(value) for value in model.parameters[:2])
    rate, z = r + x, t / (alpha + youngest + t)
    size = 16
    while betainc(size, rate, z) >= tail:
        size *= 2
    low = size // 2
    while size - low > 8:
        middle = (low + size) // 2
        low, size = (middle, size) if betainc(middle, rate, z) >= tail else (low, middle)
    return np.arange(size)
