"""Modified Newton minimisation for a handful of parameters, with a certificate of what was reached."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from lifecycle.models.btyd.inputs import Floats

Objective = Callable[[Floats], tuple[float, Floats, Floats]]


class Minimum(NamedTuple):
    """Where the search ended: point, value, gradient, Hessian there, iterations, and whether it converged."""

    point: Floats
    value: float
    gradient: Floats
    hessian: Floats
    iterations: int
    converged: bool


def minimise(
    objective: Objective, start: Floats, *, tolerance: float = 1e-11, limit: float = 25.0, iterations: int = 200
) -> Minimum:
    """Minimise ``objective(z) -> (value, gradient, Hessian)`` from ``start``.

    Eigenvalues of the Hessian are taken by magnitude (a saddle is left downhill) and bounded away from 0, a step is
    at most 2 long and halved until the value falls (Armijo). The search ends when the largest entry of the gradient is
    under ``tolerance``, when no step improves (rounding decides then), or when a coordinate leaves ``±limit``:
    log parameters that far out mean that there is no maximum inside.

    >>> square = lambda z: (float(z @ z), 2 * z, 2 * np.eye(z.size))
    >>> minimise(square, np.array([3.0, 1.0])).converged
    True
    """
    point = np.array(start, np.float64)
    value, gradient, hessian = objective(point)
    for iteration in range(iterations):
        if np.abs(gradient).max() <= tolerance:
            return Minimum(point, value, gradient, hessian, iteration, True)
        if np.abs(point).max() > limit:
            return Minimum(point, value, gradient, hessian, iteration, False)
        curvature, axes = np.linalg.eigh(hessian)
        bounded = np.maximum(np.abs(curvature), 1e-9 * max(float(np.abs(curvature).max()), 1e-9))
        step = -axes @ ((axes.T @ gradient) / bounded)
        step *= min(1.0, 2.0 / float(np.linalg.norm(step)))
        slope = float(gradient @ step)
        length = 1.0
        while True:
            candidate = point + length * step
            new = objective(candidate)
            if np.isfinite(new[0]) and new[0] <= value + 1e-4 * length * slope:
                break
            if -slope * length < 1e-13 * max(1.0, abs(value)):
                smaller = np.isfinite(new[0]) and np.abs(new[1]).max() < np.abs(gradient).max()
                if not smaller:
                    return Minimum(point, value, gradient, hessian, iteration, -slope < 1e-11 * max(1.0, abs(value)))
                break
            length *= 0.5
        point = candidate
        value, gradient, hessian = new
    return Minimum(point, value, gradient, hessian, iterations, False)
