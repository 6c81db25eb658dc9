"""The weak priors in log space that stand in where a likelihood has no maximum; wide against published fits.

They also keep posteriors proper: a likelihood that levels off along a + b → ∞ has an infinite area under it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lifecycle.models.btyd.inputs import Floats

WIDTH = 2.0
"""Standard deviation of every prior, in logs: a factor of 7 either way at one standard deviation."""


@dataclass(frozen=True, slots=True)
class Prior:
    """−ln density up to a constant on log parameters, and the sentence that says what it is.

    ``value(z)`` gives it with gradient and Hessian, ``values(zs)`` alone at each row of ``zs``.
    """

    value: Callable[[Floats], tuple[float, Floats, Floats]]
    values: Callable[[Floats], Floats]
    sentence: str


def _normal(centre: Floats, sentence: str) -> Prior:
    """Independent normals of the log parameters around ``centre``."""

    def value(z: Floats) -> tuple[float, Floats, Floats]:
        off = (z - centre) / WIDTH
        return 0.5 * float(off @ off), off / WIDTH, np.eye(z.size) / WIDTH**2

    def values(zs: Floats) -> Floats:
        return np.asarray(0.5 * np.square((zs - centre) / WIDTH).sum(axis=1))

    return Prior(value, values, sentence)


def beta_prior(mean_age: float) -> Prior:
    """Prior of (r, α, a, b): ln r, ln(α/mean T), logit a/(a+b) and ln(a + b) are normal."""
    centre = np.log([0.5, 0.3 * mean_age, 0.25 / 0.75, 3.0])

    def offsets(zs: Floats) -> Floats:
        parts = zs[..., 0], zs[..., 1], zs[..., 2] - zs[..., 3], np.logaddexp(zs[..., 2], zs[..., 3])
        return np.asarray((np.stack(parts, axis=-1) - centre) / WIDTH)

    def value(z: Floats) -> tuple[float, Floats, Floats]:
        off = offsets(z)
        phi = 1.0 / (1.0 + np.exp(z[3] - z[2]))
        jacobian = np.eye(4)
        jacobian[2:, 2:] = [[1.0, -1.0], [phi, 1.0 - phi]]
        jacobian /= WIDTH
        hessian = jacobian.T @ jacobian
        bend = off[3] / WIDTH * phi * (1.0 - phi)
        hessian[2:, 2:] += bend * np.array([[1.0, -1.0], [-1.0, 1.0]])
        return 0.5 * float(off @ off), jacobian.T @ off, hessian

    return Prior(
        value,
        lambda zs: np.asarray(0.5 * np.square(offsets(zs)).sum(axis=1)),
        f"ln r, ln(α / mean T), logit φ and ln κ, with φ = a/(a+b) and κ = a+b, are normal around "
        f"ln 0.5, ln 0.3, logit 0.25 and ln 3 with standard deviation {WIDTH:g}",
    )


def gamma_prior(mean_age: float) -> Prior:
    """Prior of (r, α, s, β): r, α/mean T, s, β/mean T, each normal in logs."""
    return _normal(
        np.log([0.5, 0.3 * mean_age, 0.6, 0.3 * mean_age]),
        f"ln r, ln(α / mean T), ln s and ln(β / mean T) are normal around ln 0.5, ln 0.3, ln 0.6 and ln 0.3 "
        f"with standard deviation {WIDTH:g}",
    )


def spend_prior(mean: float) -> Prior:
    """Prior of (p, q, v): p, q and v over the customers' mean purchase, each normal in logs."""
    return _normal(
        np.log([3.0, 3.0, mean * 2.0 / 3.0]),
        f"ln p, ln q and ln(v / mean purchase) are normal around ln 3, ln 3 and ln 2/3 "
        f"with standard deviation {WIDTH:g}",
    )


def mean_held(mean: float, n: float) -> Prior:
    """Hold the population mean p·v/(q − 1) of Gamma-Gamma at the customers' ``mean``, and q above 1.

    As strong as the data (its weight grows with ``n``): with q <= 1 there is no finite mean, however much data says so.
    """
    spread = 0.1
    weak = spend_prior(mean)

    def value(z: Floats) -> tuple[float, Floats, Floats]:
        q = float(np.exp(z[1]))
        if q <= 1.0:
            return np.inf, np.zeros(3), np.eye(3)
        squares, slope, hessian = weak.value(z)
        off = (z[0] + z[2] - np.log((q - 1.0) * mean)) / spread
        direction = np.array([1.0, -q / (q - 1.0), 1.0]) / spread
        bend = np.zeros((3, 3))
        bend[1, 1] = off * q / (q - 1.0) ** 2 / spread
        return (
            squares + 0.5 * n * float(off * off),
            slope + n * off * direction,
            hessian + n * (np.outer(direction, direction) + bend),
        )

    def values(zs: Floats) -> Floats:
        excess = np.expm1(np.maximum(zs[:, 1], 0.0))
        with np.errstate(divide="ignore"):
            off = (zs[:, 0] + zs[:, 2] - np.log(excess * mean)) / spread
        return np.asarray(weak.values(zs) + 0.5 * n * off * off)

    return Prior(
        value,
        values,
        f"the population mean p·v/(q−1) is held within about {spread:.0%} of the observed mean {mean:.6g}, "
        f"and {weak.sentence}",
    )
