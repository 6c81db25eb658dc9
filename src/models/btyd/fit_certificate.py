"""What a fit leaves beside the parameters: how good the point is, how sure, and what there is to say about it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lifecycle.models.btyd.inputs import Floats


@dataclass(frozen=True, slots=True)
class Fit:
    """Certificate of a fit.

    ``log_likelihood`` without any prior; ``n`` customers (or their weights' sum) in ``rows`` distinct rows;
    ``covariance`` of the parameters in the order of the model's fields; ``gradient`` the largest entry of the gradient
    in log parameters, a customer; ``smallest_eigenvalue`` of the Hessian of the negative log-likelihood in log
    parameters, a customer (> 0 proves a proper maximum); ``prior`` the sentence of the weak prior, if one was needed;
    ``messages`` whatever a reader must know, in words.
    """

    log_likelihood: float
    n: float
    rows: int
    covariance: tuple[tuple[float, ...], ...]
    gradient: float
    smallest_eigenvalue: float
    iterations: int
    prior: str | None = None
    messages: tuple[str, ...] = ()

    @property
    def standard_errors(self) -> tuple[float, ...]:
        """Square roots of the covariance's diagonal."""
        return tuple(math.sqrt(row[i]) for i, row in enumerate(self.covariance))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Fit":
        """The inverse of :meth:`to_dict`."""
        covariance = tuple(tuple(row) for row in values["covariance"])
        return cls(**{**values, "covariance": covariance, "messages": tuple(values["messages"])})


def covariance_of_logs(hessian: Floats, n: float) -> Floats:
    """Covariance of log parameters from the Hessian a customer, symmetric to the last bit."""
    inverse = np.linalg.inv(hessian) / n
    return 0.5 * (inverse + inverse.T)


def natural_covariance(parameters: Sequence[float], log_covariance: Floats) -> tuple[tuple[float, ...], ...]:
    """Covariance of the parameters themselves: at a stationary point the chain rule has no second term."""
    scale = np.asarray(parameters)
    return tuple(tuple(float(v) for v in row) for row in log_covariance * np.outer(scale, scale))
