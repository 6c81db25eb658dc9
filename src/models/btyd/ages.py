"""One computation for all customers with equal frequency and age."""

from collections.abc import Callable

import numpy as np

from models.btyd.inputs import Floats


def by_frequency_and_age(x: Floats, age: Floats, evaluate: Callable[[float, Floats], Floats]) -> Floats:
    """``evaluate(x, distinct ages)`` for every distinct x, spread back over the customers.

    >>> by_frequency_and_age(np.array([1.0, 0.0, 1.0]), np.array([5.0, 7.0, 5.0]), lambda x, age: 10 * x + age)
    array([15.,  7., 15.])
    """
    out = np.empty(x.size)
    order = np.argsort(x, kind="stable")
    edges = np.flatnonzero(np.diff(x[order], prepend=-1.0))
    for start, stop in zip(edges, [*edges[1:], x.size], strict=True):
        members = order[start:stop]
        ages, codes = np.unique(age[members], return_inverse=True)
        out[members] = evaluate(float(x[members[0]]), ages)[codes]
    return out
