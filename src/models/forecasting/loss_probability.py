"""From churn, an outcome that can be checked, to loss, on which retention acts."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def still_there(churn_probability: FloatArray, q0: FloatArray) -> FloatArray:
    """Return p*: the probability to be alive that the churn forecast implies, by customer.

    q0: P(no purchase in the horizon | alive, own history), from the probability model. Who is alive buys with
    probability 1 − q0, so p* = clip((1 − churn_probability) / (1 − q0), 0, 1).

    >>> still_there(np.array([0.7, 0.1]), np.array([0.4, 0.4])).round(3).tolist()
    [0.5, 1.0]
    """
    buying = 1.0 - q0
    implied = np.divide(1.0 - churn_probability, buying, out=np.ones_like(buying), where=buying > 0)
    return np.clip(implied, 0.0, 1.0)


def loss_probability(churn_probability: FloatArray, q0: FloatArray, kappa: FloatArray) -> FloatArray:
    """Return P(no longer alive at the horizon's end) = 1 − p*·κ, by customer.

    kappa: P(alive at the horizon's end | alive now), from the probability model.

    >>> loss_probability(np.array([0.7]), np.array([0.4]), np.array([0.9])).round(3).tolist()
    [0.55]
    """
    return 1.0 - still_there(churn_probability, q0) * kappa
