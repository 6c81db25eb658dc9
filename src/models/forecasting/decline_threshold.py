"""For whom decline can be judged, and below which spend a buyer counts as declining, as known on the date itself."""

import dataclasses

import numpy as np

from lifecycle.features import outcomes
from lifecycle.features.asof import AsOf
from lifecycle.features.outcomes import DECLINED_TO, BaseLevel, RateReference
from lifecycle.features.window import Window
from lifecycle.models.forecasting.forecast import BoolArray, FloatArray


@dataclasses.dataclass(frozen=True, eq=False)
class Expectation:
    """One entry a customer with a purchase day by as_of: eligible, and the spend at or below which a buyer declines.

    The base's season factor is not in the threshold: it is known only when the horizon is complete. A model that knows
    no season does without it: what a season does to all, it does to a customer's spend and to the threshold alike.
    """

    eligible: BoolArray
    decline_below: FloatArray


def expect(view: AsOf, window: Window, *, reference: RateReference, level: BaseLevel) -> Expectation:
    """Judge eligibility as the outcome will, without looking at the horizon; ``level`` is the whole base's."""
    past = outcomes.past_of(view, window, reference)
    with np.errstate(invalid="ignore"):
        basket = (past.total + level.basket_weight * level.basket_mean) / (past.number + level.basket_weight)
    return Expectation(past.eligible, DECLINED_TO * past.expected * basket)
