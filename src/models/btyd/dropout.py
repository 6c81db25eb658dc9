"""Likelihood of the models whose customers may stop right after a purchase: BG/NBD and MBG/NBD.

Both are one formula with ``first`` = 0 (no chance to stop after the first purchase: BG/NBD) or 1 (MBG/NBD). With
m = b + first and Δ = ln a − ln(m + x − 1) + (r + x) ln((α + T)/(α + t_x)), Δ = −∞ for x = 0 in BG/NBD,

    LL = lnΓ(r+x) − lnΓ(r) + r ln α + lnΓ(a+b) − lnΓ(a+b+x+first) + lnΓ(m+x) − lnΓ(b) − (r+x) ln(α+T) + ln(1 + e^Δ)

(Fader, Hardie and Lee 2005, eq. 6; Batislam, Denizel and Filiztekin 2007). Only the last two terms know T and t_x.
"""

import math

import numba
import numpy as np

from lifecycle.models.btyd.collapse import Codes, Rows
from lifecycle.models.btyd.inputs import Floats
from lifecycle.models.btyd.special import digamma, trigamma
from lifecycle.models.btyd.threads import in_chunks

CHUNK = 1 << 15


@numba.njit(cache=True, nogil=True)
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
    inv_a, log_a = 1.0 / a, math.log(a)
    value, product = 0.0, 1.0
    i = start
    while i < stop:
        code = x_of[i]
        k, B = r + x[code], 1.0 / (m + x[code] - 1.0)
        offset = log_a + math.log(B)
        q_1 = q_D = q_E = q_F = 0.0
        u_1 = u_D = u_E = u_DD = u_DE = u_EE = 0.0
        while i < stop and x_of[i] == code:
            w = weight[i]
            D = log_T[T_of[i]] - log_t[t_of[i]]
            at_T, at_t = inv_T[T_of[i]], inv_t[t_of[i]]
            E = at_T - at_t
            delta = offset + k * D
            e = math.exp(-abs(delta))
            value += w * max(delta, 0.0)
            if w == 1.0:
                product *= 1.0 + e
                if product > 1e250:
                    value += math.log(product)
                    product = 1.0
            else:
                value += w * math.log(1.0 + e)
            q = (1.0 if delta > 0.0 else e) / (1.0 + e)
            u = w * q * (1.0 - q)
            q = w * q
            q_1 += q
            q_D += q * D
            q_E += q * E
            q_F -= q * E * (at_T + at_t)
            u_1 += u
            u_D += u * D
            u_E += u * E
            u_DD += u * D * D
            u_DE += u * D * E
            u_EE += u * E * E
            i += 1
        out[1] += q_D
        out[2] += k * q_E
        out[3] += inv_a * q_1
        out[4] -= B * q_1
        out[5] += u_DD
        out[6] += k * u_DE + q_E
        out[7] += inv_a * u_D
        out[8] -= B * u_D
        out[9] += k * k * u_EE + k * q_F
        out[10] += inv_a * k * u_E
        out[11] -= B * k * u_E
        out[12] += inv_a * inv_a * (u_1 - q_1)
        out[13] -= inv_a * B * u_1
        out[14] += B * B * (u_1 + q_1)
    out[0] = value + math.log(product)
    return out


@numba.njit(cache=True, nogil=True)
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


@numba.njit(cache=True, nogil=True)
def log_odds_gone(
    r: float, alpha: float, a: float, b: float, first: int, x: Floats, t_x: Floats, T: Floats, start: int, stop: int
) -> Floats:
    """Δ of each history; −∞ for one-time buyers where ``first`` is 0."""
    out = np.empty(stop - start)
    previous, offset = -1.0, 0.0
    for i in range(start, stop):
        if x[i] != previous:
            previous = x[i]
            offset = -math.inf if x[i] + first == 0.0 else math.log(a / (b + (x[i] + first - 1.0)))
        out[i - start] = offset + (r + x[i]) * math.log1p((T[i] - t_x[i]) / (alpha + t_x[i]))
    return out


@numba.njit(cache=True, nogil=True)
def probability_alive(
    r: float,
    alpha: float,
    a: float,
    b: float,
    first: int,
    x: Floats,
    t_x: Floats,
    T: Floats,
    out: Floats,
    start: int,
    stop: int,
) -> None:
    """1/(1 + e^Δ) of each history into ``out``."""
    for i in range(start, stop):
        m = x[i] + first
        if m == 0.0:
            out[i] = 1.0
        else:
            odds = a / (b + (m - 1.0)) * math.exp((r + x[i]) * math.log1p((T[i] - t_x[i]) / (alpha + t_x[i])))
            out[i] = 1.0 / (1.0 + odds)


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


@numba.njit(cache=True, nogil=True)
def _values(
    thetas: Floats,
    first: int,
    x: Floats,
    t: Floats,
    T: Floats,
    x_weight: Floats,
    T_weight: Floats,
    T_purchases: Floats,
    x_of: Codes,
    t_of: Codes,
    T_of: Codes,
    weight: Floats,
    start: int,
    stop: int,
) -> Floats:
    """Log-likelihood alone at parameters ``start`` to ``stop``; rows without Δ are left out by the caller."""
    out = np.empty(stop - start)
    log_T, log_t = np.empty(T.size), np.empty(t.size)
    for place in range(start, stop):
        r, alpha, a, b = thetas[place, 0], thetas[place, 1], thetas[place, 2], thetas[place, 3]
        value, total, product = 0.0, 0.0, 1.0
        for j in range(T.size):
            log_T[j] = math.log(alpha + T[j])
            value -= (r * T_weight[j] + T_purchases[j]) * log_T[j]
            total += T_weight[j]
        for j in range(t.size):
            log_t[j] = math.log(alpha + t[j])
        value += total * (r * math.log(alpha) - math.lgamma(r) + math.lgamma(a + b) - math.lgamma(b))
        for j in range(x.size):
            if x_weight[j] > 0.0:
                m = x[j] + first
                value += x_weight[j] * (math.lgamma(r + x[j]) - math.lgamma(a + b + m) + math.lgamma(b + m))
        code, offset, k = -1, 0.0, 0.0
        for i in range(weight.size):
            if x_of[i] != code:
                code = x_of[i]
                k = r + x[code]
                offset = math.log(a / (b + first + x[code] - 1.0))
            delta = offset + k * (log_T[T_of[i]] - log_t[t_of[i]])
            if delta > 0.0:
                value += weight[i] * delta
            grown = 1.0 + math.exp(-abs(delta))
            if weight[i] == 1.0:
                product *= grown
                if product > 1e250:
                    value += math.log(product)
                    product = 1.0
            else:
                value += weight[i] * math.log(grown)
        out[place - start] = value + math.log(product)
    return out


def log_likelihoods(thetas: Floats, rows: Rows, first: int) -> Floats:
    """Log-likelihood at each row of ``thetas``, shape (points, 4)."""
    skipped = 0 if first else rows.zeros
    columns = rows.x_of[skipped:], rows.t_of[skipped:], rows.T_of[skipped:], rows.weight[skipped:]
    tables = rows.x, rows.t, rows.T, rows.x_weight, rows.T_weight, rows.T_purchases
    parts = in_chunks(
        lambda start, stop: _values(thetas, first, *tables, *columns, start, stop),
        len(thetas),
        size=1 + 200_000 // (rows.weight.size + 1000),
    )
    return np.concatenate(parts)
