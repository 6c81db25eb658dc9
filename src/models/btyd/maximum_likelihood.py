"""From a likelihood to a fit: Newton from a subsample, the verdict on the maximum, a weak prior where there is none."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lifecycle.models.btyd.fit_certificate import Fit, covariance_of_logs, natural_covariance
from lifecycle.models.btyd.inputs import Floats
from lifecycle.models.btyd.newton import Minimum, minimise
from lifecycle.models.btyd.weak_priors import Prior

UNCERTAIN = 3.0
"""A direction of log parameters whose standard error is larger (a factor of 20) is not identified by the data."""


@dataclass(frozen=True, eq=False, slots=True)
class Target:
    """The likelihood of one model on one set of customers.

    ``likelihood(θ)`` gives the log-likelihood with gradient and upper triangle of the Hessian by rows, and
    ``likelihoods(θs)`` the value alone at each row; both sum over ``n`` customers in ``rows`` rows. ``effort`` is the
    cost of one value, in units of an exponential. ``edge(θ)`` says in words what parameters far out would mean.
    """

    symbols: tuple[str, ...]
    likelihood: Callable[[Floats], Floats]
    likelihoods: Callable[[Floats], Floats]
    n: float
    rows: int
    effort: float
    prior: Prior
    edge: Callable[[Floats], str] = lambda _: ""


class Certified(NamedTuple):
    """Parameters and the certificate of their fit."""

    parameters: tuple[float, ...]
    fit: Fit


def in_logs(target: Target, prior: Prior | None) -> Callable[[Floats], tuple[float, Floats, Floats]]:
    """−(log-likelihood + log prior)/n with gradient and Hessian as a function of log parameters."""
    n, size = target.n, len(target.symbols)
    upper = np.triu_indices(size)

    def objective(z: Floats) -> tuple[float, Floats, Floats]:
        parameters = np.exp(np.clip(z, -300.0, 300.0))
        sums = target.likelihood(parameters) / -n
        gradient = sums[1 : size + 1] * parameters
        hessian = np.zeros((size, size))
        hessian[upper] = sums[size + 1 :]
        hessian += np.triu(hessian, 1).T
        hessian = hessian * np.outer(parameters, parameters) + np.diag(gradient)
        if prior is None:
            return float(sums[0]), gradient, hessian
        penalty, slope, curvature = prior.value(z)
        return float(sums[0] + penalty / n), gradient + slope / n, hessian + curvature / n

    return objective


def maximise(
    target: Target,
    start: Floats,
    *,
    sample: Target | None = None,
    proper: Callable[[Floats], str | None] = lambda _: None,
    remedy: str,
) -> Certified:
    """Maximum likelihood from ``start`` (log parameters), or with the prior where no proper maximum exists.

    Proper means: the search converged, the Hessian is positive definite, every direction of log parameters has a
    standard error of at most ``UNCERTAIN``, and ``proper`` finds no fault with the parameters. Otherwise the fit
    maximises likelihood times prior and says so in its messages. ``sample`` gives the search a head start.
    """
    point, steps = start, 0
    if sample is not None:
        rough = minimise(in_logs(sample, None), point, tolerance=1e-6)
        steps = rough.iterations
        if rough.converged:
            point = rough.point
    n = target.n
    found = minimise(in_logs(target, None), point)
    fault = _fault(target, found) or proper(np.exp(found.point))
    messages: tuple[str, ...] = ()
    log_likelihood = -n * found.value
    if fault is not None:
        steps += found.iterations
        found = minimise(in_logs(target, target.prior), start)
        messages = (fault, f"The fit therefore uses a weak prior: {target.prior.sentence}.", remedy)
        log_likelihood = float(target.likelihood(np.exp(found.point))[0])
    parameters = tuple(float(v) for v in np.exp(found.point))
    fit = Fit(
        log_likelihood=log_likelihood,
        n=n,
        rows=target.rows,
        covariance=natural_covariance(parameters, covariance_of_logs(found.hessian, n)),
        gradient=float(np.abs(found.gradient).max()),
        smallest_eigenvalue=float(np.linalg.eigvalsh(found.hessian)[0]),
        iterations=steps + found.iterations,
        prior=target.prior.sentence if messages else None,
        messages=messages,
    )
    return Certified(parameters, fit)


def _fault(target: Target, found: Minimum) -> str | None:
    """What is wrong with ``found`` as a maximum, in words, or None."""
    curvature, axes = np.linalg.eigh(found.hessian)
    if found.converged and curvature[0] > 0.0 and 1.0 / np.sqrt(target.n * curvature[0]) <= UNCERTAIN:
        return None
    direction = axes[:, 0]
    moving = " and ".join(
        f"{name} (now {np.exp(min(value, 700.0)):.3g})"
        for name, value, share in zip(target.symbols, found.point, direction, strict=True)
        if abs(share) > 0.3
    )
    edge = target.edge(np.exp(np.clip(found.point, -300.0, 300.0)))
    return f"The likelihood has no proper maximum: it hardly changes, or still rises, along {moving}.{edge}"
