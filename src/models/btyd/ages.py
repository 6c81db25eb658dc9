"""One computation for all customers with equal frequency and age, and few for all ages of one frequency.

Given x, what a living customer will do depends on A = rate parameter + age alone, and as a function of ln A it is
analytic in a strip about the real line: where there are more customers than Chebyshev nodes, the logarithm of the
result is interpolated between nodes, whose number the strip and the span of ages determine. Values off the nodes check
it; where they disagree, every distinct age is computed.
"""

import math
from collections.abc import Callable

import numba
import numpy as np
import numpy.typing as npt

from lifecycle.models.btyd.inputs import Floats
from lifecycle.models.btyd.threads import in_chunks

Indices = npt.NDArray[np.int64]
_STRIP = 0.5 * math.pi
_DIGITS = 37.0
_BLOCK = 256
_CHECKED = np.array([-0.97, -0.61, -0.13, 0.34, 0.78, 0.95])
"""Where on (−1, 1) an interpolation is compared with values of its own."""
_AGREES = 2e-13


def by_frequency_and_age(x: Floats, age: Floats, origin: float, evaluate: Callable[[float, Floats], Floats]) -> Floats:
    """``evaluate(x, ages)`` > 0 for every customer, called as little as possible; smooth in ln(origin + age).

    >>> by_frequency_and_age(np.array([1.0, 0.0, 1.0]), np.array([5.0, 7.0, 5.0]), 1.0, lambda x, age: 10 * x + age)
    array([15.,  7., 15.])
    """
    out = np.empty(x.size)
    order, edges = groups(x)

    def fill(group: int, _: int) -> None:
        members = order[edges[group] : edges[group + 1]]
        frequency = float(x[members[0]])
        _scatter(out, members, _over_ages(age[members], origin, lambda ages: evaluate(frequency, ages)))

    in_chunks(fill, edges.size - 1, size=1)
    return out


def _over_ages(ages: Floats, origin: float, evaluate: Callable[[Floats], Floats]) -> Floats:
    """``evaluate(ages)`` for one frequency; whole ages are looked up in a table from the least to the greatest."""
    low = float(ages.min())
    span = float(ages.max()) - low
    if ages.size > 64 + 2.0 * span:
        places = ages.astype(np.int32)
        if (places == ages).all():
            table = _smoothly(low + np.arange(span + 1.0), origin, evaluate)
            return np.asarray(table[places - np.int32(low)])
    return _smoothly(ages, origin, evaluate)


def _smoothly(ages: Floats, origin: float, evaluate: Callable[[Floats], Floats]) -> Floats:
    """``evaluate(ages)`` directly or between Chebyshev nodes."""
    low, high = math.log(origin + float(ages.min())), math.log(origin + float(ages.max()))
    half = 0.5 * (high - low)
    nodes = math.ceil(_DIGITS / math.asinh(_STRIP / half)) if half > 1e-12 else 1
    if ages.size > nodes > 1:
        angles = np.pi * (np.arange(nodes) + 0.5) / nodes
        places = np.concatenate((np.cos(angles), _CHECKED))
        values = evaluate(np.maximum(np.exp(low + half * (1.0 + places)) - origin, 0.0))
        if (values > 0.0).all():
            basis = np.cos(np.outer(np.arange(nodes), angles))
            logs = np.log(values)
            coefficients = (2.0 / nodes) * (basis @ logs[:nodes])
            if np.abs(_chebyshev(coefficients, _CHECKED) - logs[nodes:]).max() < _AGREES:
                return np.exp(_chebyshev(coefficients, (np.log(origin + ages) - low) / half - 1.0))
    distinct, codes = np.unique(ages, return_inverse=True)
    return evaluate(distinct)[codes]


@numba.njit(cache=True, nogil=True)
def _chebyshev(coefficients: Floats, z: Floats) -> Floats:
    """Σ c_j T_j(z) − c_0/2 by Clenshaw's recurrence, a block of arguments at a time."""
    out = np.empty(z.size)
    ahead = np.empty(_BLOCK)
    second = np.empty(_BLOCK)
    for start in range(0, z.size, _BLOCK):
        count = min(_BLOCK, z.size - start)
        ahead[:count] = 0.0
        second[:count] = 0.0
        for j in range(coefficients.size - 1, 0, -1):
            c = coefficients[j]
            for i in range(count):
                value = 2.0 * z[start + i] * ahead[i] - second[i] + c
                second[i] = ahead[i]
                ahead[i] = value
        for i in range(count):
            out[start + i] = z[start + i] * ahead[i] - second[i] + 0.5 * coefficients[0]
    return out


@numba.njit(cache=True, nogil=True)
def _scatter(out: Floats, members: Indices, values: Floats) -> None:
    for i in range(members.size):
        out[members[i]] = values[i]


def groups(x: Floats) -> tuple[Indices, Indices]:
    """Customers sorted by frequency, and where each frequency begins (and the last ends)."""
    largest = float(x.max(initial=0.0))
    if largest <= 4.0 * x.size + 4096.0:
        return _counted(x, int(largest))
    order = np.argsort(x, kind="stable")
    return order, np.append(np.flatnonzero(np.diff(x[order], prepend=-1.0)), x.size)


@numba.njit(cache=True, nogil=True)
def _counted(x: Floats, largest: int) -> tuple[Indices, Indices]:
    """Counting sort of whole numbers up to ``largest``."""
    starts = np.zeros(largest + 2, np.int64)
    for i in range(x.size):
        starts[np.int64(x[i]) + 1] += 1
    distinct = 0
    for value in range(largest + 1):
        distinct += starts[value + 1] > 0
    edges = np.empty(distinct + 1, np.int64)
    edge = 0
    for value in range(largest + 1):
        if starts[value + 1] > 0:
            edges[edge] = starts[value]
            edge += 1
        starts[value + 1] += starts[value]
    edges[distinct] = x.size
    order = np.empty(x.size, np.int64)
    for i in range(x.size):
        frequency = np.int64(x[i])
        order[starts[frequency]] = i
        starts[frequency] += 1
    return order, edges
