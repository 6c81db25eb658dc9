"""Sums in a fixed order: a matrix library shares its sums among as many threads as it finds, and rounds accordingly."""

import numpy as np

from lifecycle.models.forecasting.forecast import FloatArray


def dot(a: FloatArray, b: FloatArray) -> float:
    """Σ a·b, the same bits on any number of cores.

    >>> dot(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    11.0
    """
    return float(np.sum(a * b))


def mix(weights: FloatArray, rows: FloatArray) -> FloatArray:
    """Weighted sum of the rows of an array (members, n), the same bits on any number of cores.

    >>> mix(np.array([0.5, 0.5]), np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([2., 3.])
    """
    total = np.zeros(rows.shape[1])
    for weight, row in zip(weights, rows, strict=True):
        if weight != 0.0:
            total += weight * row
    return total
