"""Residual value: the forecast of the horizon and the far future of the probability model, joined without a seam."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def residual_value(
    *,
    margin: float,
    expected_spend: Floats,
    order_value: Floats,
    within: Floats,
    within_discounted: Floats,
    dert: Floats,
    p_star: Floats,
    p_alive: Floats,
) -> Floats:
    """Discounted future margin, n: the forecast spend of the horizon, then the probability model's tail.

    Within the horizon the forecast counts, discounted as the model's purchases are. Beyond it the model's tail counts,
    scaled by p*/P(alive): where the forecast holds a customer for gone, the far future goes with it. A forecast that
    equals the model's own gives the model's own residual value, margin × DERT × expected amount.

    Parameters
    ----------
    margin : float
        share of an amount that is earned.
    expected_spend : Floats
        forecast spend in the horizon, money.
    order_value : Floats
        expected amount of a purchase day, money.
    within : Floats
        the model's expected purchases in the horizon.
    within_discounted : Floats
        the same, discounted.
    dert : Floats
        the model's discounted expected residual transactions.
    p_star : Floats
        P(alive) that agrees with the forecast.
    p_alive : Floats
        the model's P(alive).

    >>> one = np.ones(1)
    >>> residual_value(margin=0.5, expected_spend=20 * one, order_value=10 * one, within=2 * one,
    ...                within_discounted=1.9 * one, dert=5 * one, p_star=0.8 * one, p_alive=0.8 * one).tolist()
    [25.0]
    """
    discount = np.divide(within_discounted, within, out=np.ones_like(within), where=within > 0)
    scale = np.divide(p_star, p_alive, out=np.zeros_like(p_star), where=p_alive > 0)
    tail = np.maximum(dert - within_discounted, 0.0) * scale * order_value
    return margin * (expected_spend * discount + tail)
