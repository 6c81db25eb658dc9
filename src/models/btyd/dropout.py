"""Likelihood of the models whose customers may stop right after a purchase: BG/NBD and MBG/NBD.

Both are one formula with ``first`` = 0 (no chance to stop after the first purchase: BG/NBD) or 1 (MBG/NBD). With
m = b + first and Δ = ln a − ln(m + x − 1) + (r + x) ln((α + T)/(α + t_x)), Δ = −∞ for x = 0 in BG/NBD,

    LL = lnΓ(r+x) − lnΓ(r) + r ln α + lnΓ(a+b) − lnΓ(a+b+x+first) + lnΓ(m+x) − lnΓ(b) − (r+x) ln(α+T) + ln(1 + e^Δ)

(Fader, Hardie and Lee 2005, eq. 6; Batislam, Denizel and Filiztekin 2007). Only the last two terms know T and t_x.
"""

import math

import numba
import numpy as np

from models.btyd.collapse import Codes, Rows
from models.btyd.inputs import Floats
from models.btyd.special import digamma, trigamma
from models.btyd.threads import in_chunks

CHUNK = 1 << 15


@numba.njit(
    "float64[::1](float64, float64, float64, float64[::1], float64[::1], float64[::1], float64[::1], float64[::1],"
    "int32[::1], int32[::1], int32[::1], float64[::1], int64, int64)",
    cache=True,
    nogil=True,
)
def _dropout_sums(
    r: float,
    a: float,
    m: float,
    x: Floats,
    log_T: Floats,
    log_t: Floats,
    inv_T: Floats,
    inv_t: Floats,
    x_of: Codes,
    t_of: Codes,
    T_of: Codes,
    weight: Floats,
    start: int,
    stop: int,
) -> Floats:
    """Σ w ln(1 + e^Δ), its gradient (4) and Hessian (10, upper triangle by rows) in (r, α, a, b)."""
    out = np.zeros(15)
    inv_a = 1.0 / a
    log_a = math.log(a)
    previous = -1
    xi, k, B, log_B = 0.0, 0.0, 0.0, 0.0
    s0 = 0.0
    q_D = q_E = q_kE = q_F = q_B = q_1 = q_BB = 0.0
    u_DD = u_DE = u_D = u_DB = u_EE = u_E = u_EB = u_1 = u_B = u_BB = 0.0
    for i in range(start, stop):
        if x_of[i] != previous:
            previous = x_of[i]
            xi = x[previous]
            k = r + xi
            B = 1.0 / (m + xi - 1.0)
            log_B = math.log(B)
        w = weight[i]
        D = log_T[T_of[i]] - log_t[t_of[i]]
        E1 = inv_T[T_of[i]] - inv_t[t_of[i]]
        F = inv_t[t_of[i]] * inv_t[t_of[i]] - inv_T[T_of[i]] * inv_T[T_of[i]]
        delta = log_a + log_B + k * D
        e = math.exp(-abs(delta))
        q = 1.0 / (1.0 + e)
        s0 += w * ((delta if delta > 0.0 else 0.0) + math.log1p(e))
        u = w * q * (1.0 - q)
        q = w * (q if delta > 0.0 else 1.0 - q)
        kE = k * E1
        q_D += q * D
        q_E += q * E1
        q_kE += q * kE
        q_F += q * k * F
        q_B += q * B
        q_BB += q * B * B
        q_1 += q
        u_DD += u * D * D
        u_DE += u * D * kE
        u_D += u * D
        u_DB += u * D * B
        u_EE += u * kE * kE
        u_E += u * kE
        u_EB += u * kE * B
        u_1 += u
        u_B += u * B
        u_BB += u * B * B
    out[0] = s0
    out[1], out[2], out[3], out[4] = q_D, q_kE, q_1 * inv_a, -q_B
    out[5], out[6], out[7], out[8] = u_DD, u_DE + q_E, u_D * inv_a, -u_DB
    out[9], out[10], out[11] = u_EE + q_F, u_E * inv_a, -u_EB
    out[12], out[13] = (u_1 - q_1) * inv_a * inv_a, -u_B * inv_a
    out[14] = u_BB + q_BB
    return out


@numba.njit(
    "float64[::1](float64, float64, float64, float64, float64, float64[::1], float64[::1])", cache=True, nogil=True
)
def _gamma_sums(r: float, alpha: float, a: float, b: float, first: float, x: Floats, weight: Floats) -> Floats:
    """The terms of gamma functions over distinct x: value, gradient (4), Hessian (10) as in the kernel above."""
    out = np.zeros(15)
    total = 0.0
    for i in range(x.size):
        if weight[i] == 0.0:
            continue
        w, n = weight[i], x[i]
        m = n + first
        total += w
        out[0] += w * (
            (math.lgamma(r + n) - math.lgamma(r))
            - (math.lgamma(a + b + m) - math.lgamma(a + b))
            + (math.lgamma(b + m) - math.lgamma(b))
        )
        both = digamma(a + b) - digamma(a + b + m)
        curve = trigamma(a + b) - trigamma(a + b + m)
        out[1] += w * (digamma(r + n) - digamma(r))
        out[3] += w * both
        out[4] += w * (both + digamma(b + m) - digamma(b))
        out[5] += w * (trigamma(r + n) - trigamma(r))
        out[12] += w * curve
        out[13] += w * curve
        out[14] += w * (curve + trigamma(b + m) - trigamma(b))
    out[0] += total * r * math.log(alpha)
    out[1] += total * math.log(alpha)
    out[2] += total * r / alpha
    out[6] += total / alpha
    out[9] -= total * r / (alpha * alpha)
    return out


def log_likelihood(parameters: Floats, rows: Rows, first: int) -> Floats:
    """Log-likelihood (1), gradient (4) and Hessian (10, upper triangle by rows) in (r, α, a, b) on collapsed rows."""
    r, alpha, a, b = (float(v) for v in parameters)
    at_T, at_t = alpha + rows.T, alpha + rows.t
    log_T, log_t, inv_T, inv_t = np.log(at_T), np.log(at_t), 1.0 / at_T, 1.0 / at_t
    total = _gamma_sums(r, alpha, a, b, float(first), rows.x, rows.x_weight)
    exponent = r * rows.T_weight + rows.T_purchases
    total[0] -= exponent @ log_T
    total[1] -= rows.T_weight @ log_T
    total[2] -= exponent @ inv_T
    total[6] -= rows.T_weight @ inv_T
    total[9] += exponent @ (inv_T * inv_T)
    skipped = 0 if first else rows.zeros
    x_of, t_of, T_of, weight = rows.x_of[skipped:], rows.t_of[skipped:], rows.T_of[skipped:], rows.weight[skipped:]

    def sums(start: int, stop: int) -> Floats:
        return _dropout_sums(r, a, b + first, rows.x, log_T, log_t, inv_T, inv_t, x_of, t_of, T_of, weight, start, stop)

    for part in in_chunks(sums, weight.size, size=CHUNK):
        total += part
    return total
