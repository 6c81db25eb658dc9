"""The weak priors in log space that stand in where a likelihood has no maximum; wide against published fits."""

import numpy as np

from models.btyd.inputs import Floats
from models.btyd.maximum import NormalPrior

WIDTH = 2.0
"""Standard deviation of every prior, in logs: a factor of 7 either way at one standard deviation."""


def _squares(z: Floats, centre: Floats) -> tuple[float, Floats, Floats]:
    off = (z - centre) / WIDTH
    return 0.5 * float(off @ off), off / WIDTH, np.eye(z.size) / WIDTH**2


def beta_prior(mean_age: float) -> NormalPrior:
    """Prior of (r, α, a, b): r, α/mean T, a/(a+b) in logits, a + b, each normal in logs."""
    centre = np.log([0.5, 0.3 * mean_age])
    share, size = np.log(0.25 / 0.75), np.log(3.0)

    def value(z: Floats) -> tuple[float, Floats, Floats]:
        off = np.zeros(4)
        off[:2] = (z[:2] - centre) / WIDTH
        phi = 1.0 / (1.0 + np.exp(z[3] - z[2]))
        off[2] = (z[2] - z[3] - share) / WIDTH
        off[3] = (np.logaddexp(z[2], z[3]) - size) / WIDTH
        jacobian = np.eye(4)
        jacobian[2:, 2:] = [[1.0, -1.0], [phi, 1.0 - phi]]
        jacobian /= WIDTH
        hessian = jacobian.T @ jacobian
        bend = off[3] / WIDTH * phi * (1.0 - phi)
        hessian[2:, 2:] += bend * np.array([[1.0, -1.0], [-1.0, 1.0]])
        return 0.5 * float(off @ off), jacobian.T @ off, hessian

    return NormalPrior(
        value,
        f"ln r, ln(α / mean T), logit φ and ln κ, with φ = a/(a+b) and κ = a+b, are normal around "
        f"ln 0.5, ln 0.3, logit 0.25 and ln 3 with standard deviation {WIDTH:g}",
    )


def gamma_prior(mean_age: float) -> NormalPrior:
    """Prior of (r, α, s, β): r, α/mean T, s, β/mean T, each normal in logs."""
    centre = np.log([0.5, 0.3 * mean_age, 0.6, 0.3 * mean_age])
    return NormalPrior(
        lambda z: _squares(z, centre),
        f"ln r, ln(α / mean T), ln s and ln(β / mean T) are normal around ln 0.5, ln 0.3, ln 0.6 and ln 0.3 "
        f"with standard deviation {WIDTH:g}",
    )


def mean_held(mean: float, n: float) -> NormalPrior:
    """Hold the population mean p·v/(q − 1) of Gamma-Gamma at the customers' ``mean``, and q above 1.

    As strong as the data (its weight grows with ``n``): with q <= 1 there is no finite mean, however much data says so.
    """
    spread = 0.1

    def value(z: Floats) -> tuple[float, Floats, Floats]:
        q = float(np.exp(z[1]))
        if q <= 1.0:
            return np.inf, np.zeros(3), np.eye(3)
        squares, slope, hessian = _squares(z, np.log([3.0, 3.0, mean * 2.0 / 3.0]))
        off = (z[0] + z[2] - np.log((q - 1.0) * mean)) / spread
        direction = np.array([1.0, -q / (q - 1.0), 1.0]) / spread
        bend = np.zeros((3, 3))
        bend[1, 1] = off * q / (q - 1.0) ** 2 / spread
        return (
            squares + 0.5 * n * float(off * off),
            slope + n * off * direction,
            hessian + n * (np.outer(direction, direction) + bend),
        )

    return NormalPrior(
        value,
        f"the population mean p·v/(q−1) is held within about {spread:.0%} of the observed mean {mean:.6g}, "
        f"and ln p, ln q, ln(v/mean) are normal around ln 3, ln 3, ln 2/3 with standard deviation {WIDTH:g}",
    )
