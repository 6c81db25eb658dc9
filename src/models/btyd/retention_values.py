"""What retention can act on: the terms of value at risk, so that risk is counted once.

value at risk = p*·V_prevent + (1 − p*)·V_back, with V = margin·E[M]·w: what those still there stand to take away by
leaving within the horizon, and what those already gone would bring if they were alive again.
"""

from typing import NamedTuple

import numpy.typing as npt

from lifecycle.models.btyd.inputs import Floats, histories, positive
from lifecycle.models.btyd.purchase_model import PurchaseModel


class RetentionTerms(NamedTuple):
    """One entry a customer.

    ``q0`` P(no purchase in the horizon | alive now); ``kappa`` P(still alive at the horizon's end | alive now);
    ``w_prevent`` and ``w_back`` expected discounted purchases over the value horizon, see the module.
    """

    q0: Floats
    kappa: Floats
    w_prevent: Floats
    w_back: Floats


def retention_terms(
    model: PurchaseModel,
    *,
    horizon: float,
    value_horizon: float,
    discount_rate: float,
    frequency: npt.ArrayLike,
    recency: npt.ArrayLike,
    T: npt.ArrayLike,
) -> RetentionTerms:
    """Terms of value at risk, one a customer; ``discount_rate`` is continuous, all in the model's unit of time.

    ``w_back`` of a one-time buyer is 0 in BG/NBD, which holds that nobody leaves before a repeat purchase.

    >>> from lifecycle.models.btyd import BgNbd
    >>> model = BgNbd(0.2426, 4.4136, 0.7929, 2.4259)
    >>> terms = retention_terms(
    ...     model, horizon=13, value_horizon=52, discount_rate=0.002, frequency=2, recency=30.4, T=38.9
    ... )
    >>> bool(terms.w_back < terms.w_prevent / (1 - terms.kappa))
    True
    """
    loss = positive("horizon", horizon)
    value = positive("value_horizon", value_horizon, infinite=discount_rate > 0)
    rate = positive("discount_rate", discount_rate, zero=True)
    at = histories(frequency, recency, T)
    return RetentionTerms(
        *(
            terms.reshape(at.shape)
            for terms in (
                model._alive_silence(at, loss),
                model._alive_stays(at, loss),
                model._alive_taken(at, loss, value, rate),
                model._gone_purchases(at, value, rate),
            )
        )
    )
