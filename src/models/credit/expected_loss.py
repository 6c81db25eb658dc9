"""Exposure, loss given default, expected loss over twelve months and a lifetime, and impairment stages (IFRS 9)."""

import dataclasses
from typing import Final

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

LEAST_RESOLVED: Final = 30
"""Resolved defaults from which on the loss given default is estimated."""


@dataclasses.dataclass(frozen=True)
class LossGivenDefault:
    """Share of the exposure at default that is not recovered, with its 95 % interval and where it comes from.

    basis: "estimated" from resolved defaults, or "assumed" (a setting).
    """

    share: float
    low: float
    high: float
    resolved: int
    basis: str


def loss_given_default(exposure: FloatArray, recovered: FloatArray, *, assumed: float = 0.45) -> LossGivenDefault:
    """Estimate the loss given default from resolved defaults, or take the assumed one where they are fewer than 30.

    The mean of 1 − recovered/exposure is a share between 0 and 1; its interval is Wilson's with as many trials as the
    variance of the shares is worth, so that it stays between 0 and 1. 0.45 is the foundation approach for senior
    unsecured claims (Basel III, 2017).

    Parameters
    ----------
    exposure, recovered : numpy.ndarray
        money owed at default, and money that came in since (n,); rows without exposure say nothing.

    >>> loss_given_default(np.full(40, 100.0), np.r_[np.full(20, 100.0), np.zeros(20)]).share
    0.5
    """
    known = (exposure > 0) & np.isfinite(recovered)
    n = int(known.sum())
    if n < LEAST_RESOLVED:
        return LossGivenDefault(assumed, float("nan"), float("nan"), n, "assumed")
    loss = np.clip(1.0 - recovered[known] / exposure[known], 0.0, 1.0)
    mean, spread = float(loss.mean()), float(loss.var(ddof=1))
    trials = n * mean * (1 - mean) / spread if spread > 0 else float(n)
    z2 = 1.959963984540054**2
    middle = (mean + z2 / (2 * trials)) / (1 + z2 / trials)
    half = np.sqrt(z2 * (mean * (1 - mean) / trials + z2 / (4 * trials**2))) / (1 + z2 / trials)
    return LossGivenDefault(mean, float(middle - half), float(middle + half), n, "estimated")


def exposure_at_default(open_amount: FloatArray, limit: FloatArray, *, conversion: float = 0.5) -> FloatArray:
    """Return EAD = O + CCF·max(limit − O, 0), in money.

    >>> exposure_at_default(np.array([40.0, 120.0]), np.array([100.0, 100.0]))
    array([ 70., 120.])
    """
    return np.asarray(open_amount + conversion * np.maximum(limit - open_amount, 0.0), np.float64)


def lifetime_loss(
    pd_: FloatArray,
    lgd: FloatArray | float,
    ead: FloatArray,
    *,
    outcome_days: int = 365,
    life_days: int = 365,
    yearly_rate: float = 0.0,
    step_days: int = 30,
) -> FloatArray:
    """Return Σ_t S(t−1)·h·LGD·EAD/(1 + r)^t at the constant hazard −ln(1 − PD)/outcome_days, in money.

    Parameters
    ----------
    pd_ : numpy.ndarray
        probability of default within `outcome_days` (n,); 1 is a default already.
    lgd, ead : numpy.ndarray
        loss given default (share) and exposure (money).
    life_days : int
        usual life of an open invoice and the time until the next review.
    yearly_rate : float
        discount rate a year.
    step_days : int
        length of a period; the last one may be shorter.

    >>> lifetime_loss(np.array([0.1]), 0.5, np.array([100.0])).round(6)  # undiscounted, one year: PD·LGD·EAD
    array([5.])
    """
    ends = np.append(np.arange(step_days, life_days, step_days), life_days)
    starts = np.r_[0, ends[:-1]]
    left = np.log1p(-np.minimum(pd_, 1.0 - 1e-15))[:, None] / outcome_days
    falls = np.exp(left * starts) - np.exp(left * ends)
    loss = (falls * (1.0 + yearly_rate) ** (-ends / 365.0)).sum(axis=1)
    return np.asarray(np.where(pd_ >= 1.0, 1.0, loss) * lgd * ead, np.float64)


def impairment_stage(
    pd_: FloatArray,
    days_past_due: FloatArray,
    in_default: npt.NDArray[np.bool_],
    pd_at_decision: FloatArray,
    *,
    late_days: int = 30,
    multiple: float = 2.0,
    floor: float = 0.01,
) -> IntArray:
    """Return 3 in default; 2 where risk rose significantly; else 1 (IFRS 9 5.5.3, 5.5.11, B5.5.37).

    Risk rose where more than `late_days` are past due, or the probability is at least max(multiple × that at the last
    decision, floor); NaN at the last decision means there was none to rise from.
    """
    rose = pd_ >= np.maximum(multiple * pd_at_decision, floor)
    rose &= np.isfinite(pd_at_decision)
    return np.where(in_default, 3, np.where((days_past_due > late_days) | rose, 2, 1)).astype(np.int64)
