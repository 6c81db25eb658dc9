"""Likelihood of Pareto/NBD, whose customers die at any moment, by one integral over the time of death.

With k = r + x and everything relative to its value at the last purchase t_x, a history's likelihood is

    Z = ((α+T)/(α+t_x))^(−k) ((β+T)/(β+t_x))^(−s)  +  s ∫ ((α+τ)/(α+t_x))^(−k) ((β+τ)/(β+t_x))^(−s) dτ/(β+τ),

alive at T, or dead at τ in (t_x, T). In y = ln((c+τ)/(c+t_x)) with c = min(α, β) the integrand is log-concave and
smooth, so Gauss-Legendre nodes up to where it is e^(−45) hold it to rounding: no hypergeometric function, no sign, no
α = β case (compare Fader and Hardie, note 009). Scores and second derivatives are moments of the same nodes.
"""

import math

import numba
import numpy as np

from lifecycle.models.btyd.collapse import Codes, Rows
from lifecycle.models.btyd.inputs import Floats
from lifecycle.models.btyd.quadrature import legendre
from lifecycle.models.btyd.special import digamma, trigamma
from lifecycle.models.btyd.threads import in_chunks

CHUNK = 1 << 12
_DEEP = 45.0
_SHALLOW = 14.0
_EXACT = (16, 32)
_QUICK = (12, 24)
"""Gauss-Legendre nodes a panel, shallow and deep: exact to rounding, and to 1e-9 of the integral, which fits need."""


@numba.njit(cache=True, nogil=True)
def plan(k: float, s: float, alpha: float, beta: float, t_x: float, T: float) -> tuple[float, int, bool]:
    """Panel width in y, number of panels, and whether deep: up to T, or to where the integrand is under e^(−45)."""
    c = min(alpha, beta)
    start = c + t_x
    far_alpha, far_beta = (alpha - c) / start, (beta - c) / start
    y = math.log1p((T - t_x) / start)
    depth = 0.0
    for _ in range(6):
        grown = math.exp(y)
        depth = k * math.log((far_alpha + grown) / (far_alpha + 1.0)) - y
        depth += (s + 1.0) * math.log((far_beta + grown) / (far_beta + 1.0))
        if depth <= _DEEP:
            break
        slope = k * grown / (far_alpha + grown) + (s + 1.0) * grown / (far_beta + grown) - 1.0
        y -= (depth - _DEEP) / slope
    panels = math.ceil(0.5 * y)
    return y / max(panels, 1), panels, depth >= _SHALLOW


def death_rule(*, quick: bool = False) -> tuple[Floats, Floats]:
    """Nodes and weights on (0, 1), shape (2, many): row 0 the few (then zeros) of a shallow integrand, row 1 all."""
    few, many = _QUICK if quick else _EXACT
    node, weight = np.zeros((2, many)), np.zeros((2, many))
    node[0, :few], weight[0, :few] = legendre(few)
    node[1], weight[1] = legendre(many)
    return node, weight


@numba.njit(cache=True, nogil=True)
def log_parts(
    k: float, s: float, alpha: float, beta: float, t_x: float, T: float, node: Floats, node_weight: Floats
) -> tuple[float, float]:
    """Logs of the two parts of Z: alive at T, dead between t_x and T."""
    c = min(alpha, beta)
    start = c + t_x
    gap = T - t_x
    alive = -k * math.log1p(gap / (alpha + t_x)) - s * math.log1p(gap / (beta + t_x))
    if gap == 0.0:
        return alive, -math.inf
    width, panels, deep = plan(k, s, alpha, beta, t_x, T)
    rule = int(deep)
    nodes = node.shape[1] if deep else (node.shape[1] + 1) // 2
    near, power, far = k, s + 1.0, (beta - c) / start + 1.0
    if alpha > beta:
        near, power, far = s + 1.0, k, (alpha - c) / start + 1.0
    beyond, scale = far - 1.0, 1.0 / far
    total = 0.0
    for panel in range(panels):
        for j in range(nodes):
            y = width * (panel + node[rule, j])
            total += node_weight[rule, j] * math.exp(
                (1.0 - near) * y - power * math.log((math.exp(y) + beyond) * scale)
            )
    return alive, math.log(total) + math.log(width * s * start / (beta + t_x))


@numba.njit(cache=True, nogil=True)
def _death_sums(
    r: float,
    alpha: float,
    s: float,
    beta: float,
    x: Floats,
    t: Floats,
    T: Floats,
    x_of: Codes,
    t_of: Codes,
    T_of: Codes,
    weight: Floats,
    node: Floats,
    node_weight: Floats,
    start: int,
    stop: int,
) -> Floats:
    """Value, gradient (4) and Hessian (10) in (r, α, s, β) of Σ w (ln Z − k ln(α+t_x) − s ln(β+t_x))."""
    out = np.zeros(15)
    score = np.empty(4)
    mean = np.empty(4)
    second = np.empty(10)
    for i in range(start, stop):
        k, t_x, age, w = r + x[x_of[i]], t[t_of[i]], T[T_of[i]], weight[i]
        c = min(alpha, beta)
        origin = c + t_x
        log_alpha, log_beta = math.log(alpha + t_x), math.log(beta + t_x)
        far_alpha, far_beta = (alpha - c) / origin, (beta - c) / origin
        total = 0.0
        bend_alpha = bend_beta = bend_ra = bend_sb = bend_s = 0.0
        mean[:] = 0.0
        second[:] = 0.0
        width, panels, deep = plan(k, s, alpha, beta, t_x, age)
        rule = int(deep)
        nodes = node.shape[1] if deep else (node.shape[1] + 1) // 2
        for j in range(panels * nodes + 1):
            if j == panels * nodes:
                up_alpha = math.log((alpha + age) / (alpha + t_x))
                up_beta = math.log((beta + age) / (beta + t_x))
                mass = math.exp(-k * up_alpha - s * up_beta)
                inv_alpha, inv_beta = 1.0 / (alpha + age), 1.0 / (beta + age)
                power, extra = s, 0.0
            else:
                y = width * (j // nodes + node[rule, j % nodes])
                grown = math.exp(y)
                up_alpha = y if far_alpha == 0.0 else math.log((far_alpha + grown) / (far_alpha + 1.0))
                up_beta = y if far_beta == 0.0 else math.log((far_beta + grown) / (far_beta + 1.0))
                mass = math.exp(y - k * up_alpha - (s + 1.0) * up_beta)
                mass *= node_weight[rule, j % nodes] * width * s / (far_beta + 1.0)
                inv_alpha = 1.0 / ((far_alpha + grown) * origin)
                inv_beta = 1.0 / ((far_beta + grown) * origin)
                power, extra = s + 1.0, 1.0 / s
            total += mass
            score[0], score[1], score[2], score[3] = -up_alpha, -k * inv_alpha, extra - up_beta, -power * inv_beta
            bend_ra -= mass * inv_alpha
            bend_alpha += mass * k * inv_alpha * inv_alpha
            bend_s -= mass * extra * extra
            bend_sb -= mass * inv_beta
            bend_beta += mass * power * inv_beta * inv_beta
            position = 0
            for row in range(4):
                mean[row] += mass * score[row]
                for column in range(row, 4):
                    second[position] += mass * score[row] * score[column]
                    position += 1
        inverse = 1.0 / total
        out[0] += w * (math.log(total) - k * log_alpha - s * log_beta)
        mean *= inverse
        out[1] += w * (mean[0] - log_alpha)
        out[2] += w * mean[1]
        out[3] += w * (mean[2] - log_beta)
        out[4] += w * mean[3]
        position = 0
        for row in range(4):
            for column in range(row, 4):
                out[5 + position] += w * (second[position] * inverse - mean[row] * mean[column])
                position += 1
        out[6] += w * bend_ra * inverse
        out[9] += w * bend_alpha * inverse
        out[12] += w * bend_s * inverse
        out[13] += w * bend_sb * inverse
        out[14] += w * bend_beta * inverse
    return out


def log_likelihood(parameters: Floats, rows: Rows) -> Floats:
    """Log-likelihood (1), gradient (4) and Hessian (10, upper triangle by rows) in (r, α, s, β) on collapsed rows."""
    r, alpha, s, beta = (float(v) for v in parameters)
    node, node_weight = death_rule(quick=True)
    columns = rows.x_of, rows.t_of, rows.T_of, rows.weight
    total = np.zeros(15)
    for part in in_chunks(
        lambda start, stop: _death_sums(
            r, alpha, s, beta, rows.x, rows.t, rows.T, *columns, node, node_weight, start, stop
        ),
        rows.weight.size,
        size=CHUNK,
    ):
        total += part
    n = rows.n
    total += _constants(r, alpha, s, beta, rows.x, rows.x_weight, n)
    return total


@numba.njit(cache=True, nogil=True)
def _constants(r: float, alpha: float, s: float, beta: float, x: Floats, weight: Floats, n: float) -> Floats:
    """The terms lnΓ(r+x) − lnΓ(r) + r ln α + s ln β, with derivatives, summed over the customers."""
    out = np.zeros(15)
    for i in range(x.size):
        if weight[i] > 0.0:
            out[0] += weight[i] * (math.lgamma(r + x[i]) - math.lgamma(r))
            out[1] += weight[i] * (digamma(r + x[i]) - digamma(r))
            out[5] += weight[i] * (trigamma(r + x[i]) - trigamma(r))
    out[0] += n * (r * math.log(alpha) + s * math.log(beta))
    out[1] += n * math.log(alpha)
    out[2] += n * r / alpha
    out[3] += n * math.log(beta)
    out[4] += n * s / beta
    out[6] += n / alpha
    out[9] -= n * r / (alpha * alpha)
    out[13] += n / beta
    out[14] -= n * s / (beta * beta)
    return out


@numba.njit(cache=True, nogil=True)
def _values(
    thetas: Floats,
    x: Floats,
    t: Floats,
    T: Floats,
    x_weight: Floats,
    x_of: Codes,
    t_of: Codes,
    T_of: Codes,
    weight: Floats,
    node: Floats,
    node_weight: Floats,
    start: int,
    stop: int,
) -> Floats:
    """Log-likelihood alone at parameters ``start`` to ``stop``."""
    out = np.zeros(stop - start)
    for place in range(start, stop):
        r, alpha, s, beta = thetas[place, 0], thetas[place, 1], thetas[place, 2], thetas[place, 3]
        value = 0.0
        for j in range(x.size):
            if x_weight[j] > 0.0:
                gammas = math.lgamma(r + x[j]) - math.lgamma(r)
                value += x_weight[j] * (gammas + r * math.log(alpha) + s * math.log(beta))
        for i in range(weight.size):
            k, t_x = r + x[x_of[i]], t[t_of[i]]
            alive, dead = log_parts(k, s, alpha, beta, t_x, T[T_of[i]], node, node_weight)
            top = max(alive, dead)
            value += weight[i] * (
                top
                + math.log(math.exp(alive - top) + math.exp(dead - top))
                - k * math.log(alpha + t_x)
                - s * math.log(beta + t_x)
            )
        out[place - start] = value
    return out


def log_likelihoods(thetas: Floats, rows: Rows) -> Floats:
    """Log-likelihood at each row of ``thetas``, shape (points, 4)."""
    columns = rows.x, rows.t, rows.T, rows.x_weight, rows.x_of, rows.t_of, rows.T_of, rows.weight
    rule = death_rule(quick=True)
    parts = in_chunks(
        lambda start, stop: _values(thetas, *columns, *rule, start, stop),
        len(thetas),
        size=1 + 5_000 // (rows.weight.size + 20),
    )
    return np.concatenate(parts)
