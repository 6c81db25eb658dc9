"""Expectations of a customer who is alive, λ ~ Gamma(k, A) and p ~ Beta(a, b) of stopping after each purchase.

The rate of purchases t ahead is S(t) = (k/A)·E(1 + p·t/A)^(−k−1), and all that BG/NBD and MBG/NBD predict is an
integral of it: purchases ∫S, discounted purchases ∫e^(−δt)S, what leaving within g takes away of them.
Given x these depend on the age alone, smoothly: see :mod:`models.btyd.ages`.
"""

import math

import numba
import numpy as np
import numpy.typing as npt
from scipy.special import betainc

from lifecycle.models.btyd.inputs import Floats
from lifecycle.models.btyd.purchase_counts import negative_binomial
from lifecycle.models.btyd.quadrature import beta_rule, time_rule


@numba.njit(cache=True, nogil=True)
def _purchases(k: float, p: Floats, weight: Floats, A: Floats, horizon: float) -> Floats:
    out = np.zeros(A.size)
    for i in range(A.size):
        u = horizon / A[i]
        total = 0.0
        for j in range(p.size):
            z = p[j] * u
            total += weight[j] * (k * u if z < 1e-290 else -math.expm1(-k * math.log1p(z)) / p[j])
        out[i] = total
    return out


@numba.njit(cache=True, nogil=True)
def _stays(k: float, p: Floats, weight: Floats, A: Floats, horizon: float) -> Floats:
    out = np.zeros(A.size)
    for i in range(A.size):
        u = horizon / A[i]
        total = 0.0
        for j in range(p.size):
            total += weight[j] * math.exp(-k * math.log1p(p[j] * u))
        out[i] = total
    return out


@numba.njit(cache=True, nogil=True)
def _discounted(k: float, p: Floats, weight: Floats, A: Floats, t: Floats, t_weight: Floats, leaving: float) -> Floats:
    out = np.zeros(A.size)
    for i in range(A.size):
        total = 0.0
        for j in range(p.size):
            inner = 0.0
            for l in range(t.size):  # noqa: E741
                here = A[i] + p[j] * t[l]
                value = t_weight[l] * math.exp(-(k + 1.0) * math.log1p(p[j] * t[l] / A[i]))
                if leaving >= 0.0:
                    value *= -math.expm1(-(k + 1.0) * math.log1p(p[j] * leaving / here))
                inner += value
            total += weight[j] * inner
        out[i] = total * k / A[i]
    return out


def purchases(k: float, a: float, b: float, A: Floats, *, horizon: float) -> Floats:
    """E of the number of purchases in the next ``horizon`` for one k and every rate parameter in ``A``."""
    p, weight = beta_rule(a, b, k + 1.0, horizon / float(A.min()))
    return np.asarray(_purchases(k, p, weight, A, horizon))


def stays(k: float, a: float, b: float, A: Floats, *, horizon: float) -> Floats:
    """κ = E e^(−λ·p·horizon): the chance not to have left by the horizon's end."""
    p, weight = beta_rule(a, b, k + 1.0, horizon / float(A.min()))
    return np.asarray(_stays(k, p, weight, A, horizon))


def discounted(
    k: float, a: float, b: float, A: Floats, *, horizon: float, discount_rate: float, leaving: float | None = None
) -> Floats:
    """E of purchases in the next ``horizon`` (may be infinite), discounted at the continuous ``discount_rate``.

    With ``leaving``: E of (1 − e^(−λ·p·leaving)) times those purchases, what a departure within ``leaving`` would take.
    """
    smallest = float(A.min())
    steepness = (k + 1.0) * max(1.0 / b, a / (a + b))
    t, t_weight = time_rule(horizon, discount_rate, smallest / max(steepness, 1.0))
    p, weight = beta_rule(a, b, k + 1.0, (float(t[-1]) + (leaving or 0.0)) / smallest)
    return np.asarray(_discounted(k, p, weight, A, t, t_weight, -1.0 if leaving is None else leaving))


def pmf(n: npt.NDArray[np.int64], k: float, a: float, b: float, A: Floats, *, horizon: float) -> Floats:
    """P(n purchases in the next ``horizon``), shape (ages, counts).

    Either all n were survived and the rest of the time was silent, or the n-th was the last and came in time; the
    chance that it came in time is an incomplete beta function, not one minus a sum that cancels.
    """
    z = (horizon / (A + horizon))[:, None]
    lasts = np.cumsum(np.log1p(-a / (a + b + np.arange(max(int(n.max(initial=0)), 1)))))
    survived = np.concatenate(([0.0], lasts))
    out = np.exp(survived[n]) * negative_binomial(n, k, z)
    some = n > 0
    stopped = a / (a + b + n[some] - 1.0) * np.exp(survived[n[some] - 1])
    out[:, some] += stopped * betainc(n[some], k, z)
    return np.asarray(out)
