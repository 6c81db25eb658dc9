"""Numbers of purchases at a gamma-distributed rate."""

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from lifecycle.models.btyd.inputs import Floats


def negative_binomial(n: npt.NDArray[np.int64], k: float, z: Floats) -> Floats:
    """P(n events in time t) with λ ~ Gamma(k, A) and z = t/(A + t); ``n`` and ``z`` broadcast.

    >>> negative_binomial(np.array([0, 1]), 2.0, np.array(0.5))
    array([0.25, 0.25])
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        powers = np.where(n == 0, 0.0, n * np.log(z))
    return np.asarray(np.exp(gammaln(k + n) - gammaln(k) - gammaln(n + 1.0) + k * np.log1p(-z) + powers))
