"""What goes along with the loss of customers: each factor's share among the lost and among matched stayers.

Association, not cause: the table says so in its column `basis`.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

Flags = NDArray[np.bool_]


def loss_factors(factors: Mapping[str, Flags], lost: Flags, strata: NDArray[np.int64]) -> pd.DataFrame:
    """Compare lost customers with stayers of the same stratum (stage, frequency and value decile).

    Parameters
    ----------
    factors : mapping
        factor -> whether a customer had it (n,).
    lost : numpy.ndarray
        lost in the period (n,).
    strata : numpy.ndarray
        code of the stratum (n,); strata without both kinds are left out.

    Returns
    -------
    pandas.DataFrame
        one row a factor: lost, stayers (customers compared), share_lost, share_stayers (weighted as the lost are
        spread over strata), risk_ratio (Mantel and Haenszel 1959) with its 95 % interval low and high (Greenland and
        Robins 1985), p (its normal test), p_holm (Holm 1979), basis ("association").
    """
    size = int(strata.max(initial=-1)) + 1
    m, n = (np.bincount(strata[rows], minlength=size).astype(float) for rows in (lost, ~lost))
    both = (m > 0) & (n > 0)
    rows = []
    for name, has in factors.items():
        a, b = (np.bincount(strata[r & has], minlength=size).astype(float) for r in (lost, ~lost))
        inside = both
        x1, x0, n1, n0 = a[inside], b[inside], m[inside], n[inside]
        ratio, low, high, p = _mantel_haenszel(x1, x0, n1, n0)
        share_lost = float(x1.sum() / n1.sum()) if n1.sum() else float("nan")
        share_stay = float((n1 * x0 / n0).sum() / n1.sum()) if n1.sum() else float("nan")
        rows.append((name, int(n1.sum()), int(n0.sum()), share_lost, share_stay, ratio, low, high, p))
    columns = ["factor", "lost", "stayers", "share_lost", "share_stayers", "risk_ratio", "low", "high", "p"]
    table = pd.DataFrame(rows, columns=columns)
    table["p_holm"] = holm(table["p"].to_numpy(np.float64))
    table["basis"] = "association"
    return table


def holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return p values adjusted for many tests (Holm 1979); NaN stays NaN and is not counted.

    >>> holm(np.array([0.01, 0.04, 0.03])).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    out = np.full(p.size, np.nan)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    raised = p[order] * np.arange(order.size, 0, -1)
    out[order] = np.minimum(np.maximum.accumulate(raised), 1.0) if order.size else raised
    return out


def _mantel_haenszel(
    x1: NDArray[np.float64], x0: NDArray[np.float64], n1: NDArray[np.float64], n0: NDArray[np.float64]
) -> tuple[float, float, float, float]:
    """Return the pooled ratio of shares x1/n1 to x0/n0, its interval and p."""
    total = n1 + n0
    top, bottom = float((x1 * n0 / total).sum()), float((x0 * n1 / total).sum())
    if top <= 0 or bottom <= 0:
        return (float("nan"),) * 4
    variance = float(((n1 * n0 * (x1 + x0) - x1 * x0 * total) / total**2).sum()) / (top * bottom)
    log, sd = np.log(top / bottom), np.sqrt(variance)
    p = float(2 * stats.norm.sf(abs(log) / sd)) if sd > 0 else float("nan")
    return float(np.exp(log)), float(np.exp(log - 1.96 * sd)), float(np.exp(log + 1.96 * sd)), p
