"""Where the trees begin: half of what the probability model says of who buys, all of what it says of how much.

A tree sees the ages and rates of the past only; the base it forecasts is older. The probability model carries over, so
the trees learn what it misses. Its log odds are halved towards the base's own, because where it is wrong (regular
buyers, seasons) trees should not have to unlearn it first: on real logs the half was better than all and than nothing.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from lifecycle.models.forecasting.design_matrix import BTYD, btyd_columns, given_buying
from lifecycle.models.forecasting.forecast import FloatArray, Forecast, Outcome
from lifecycle.models.forecasting.stacking import logit, shift_to

SHARE = 0.5
CARRIED = 0.5  # of a shift of the base's level that the past showed, as in level.py
BASKET = BTYD.index("btyd_expected_basket")


@dataclasses.dataclass(frozen=True)
class Start:
    """What is added to the trees: base log odds and shift for buying, log level for spend, log odds for declining."""

    base: float
    shift: float
    spend: float
    declines: float = 0.0

    def log_odds(self, model: Forecast) -> FloatArray:
        """Log odds to buy that the trees add to."""
        return SHARE * (-logit(model.churn_probability) + self.shift) + (1.0 - SHARE) * self.base

    def log_spend(self, model: Forecast) -> FloatArray:
        """Log of the spend of a buyer that the trees add to."""
        return _log_spend(model) + self.spend


def _log_spend(model: Forecast) -> FloatArray:
    """Log of basket times purchases given buying: no chance to buy, however small, makes it explode or vanish."""
    basket = btyd_columns(model)[:, BASKET]
    known = np.where(np.isfinite(basket) & (basket > 0), basket, 1.0)
    each = given_buying(model.expected_purchases, model.churn_probability, otherwise=1.0)
    return np.asarray(np.log(known) + np.log(np.maximum(each, 1.0)), dtype=np.float64)


def learn(models: Sequence[Forecast], outcomes: Sequence[Outcome]) -> tuple[FloatArray, FloatArray, Start]:
    """Return the starts of all rows, each snapshot at its own level, and the start for forecasts.

    With every snapshot at its own level the trees cannot take the drift of the base for a trait of its customers.
    """
    buyers = sum(float(o.bought.sum()) for o in outcomes)
    people = sum(o.bought.size for o in outcomes)
    base = float(np.log((buyers + 0.5) / (people - buyers + 0.5)))
    odds, spends, shifts, levels = [], [], [], []
    for model, outcome in zip(models, outcomes, strict=True):
        shift = shift_to(-logit(model.churn_probability), float(outcome.bought.sum()))
        odds.append(Start(base, shift, 0.0).log_odds(model))
        spend = _log_spend(model)
        rows = outcome.bought & (outcome.spend > 0)
        level = float(np.log(outcome.spend[rows].sum() / np.exp(spend[rows]).sum())) if rows.any() else 0.0
        spends.append(spend + level)
        shifts.append(shift)
        levels.append(level)
    start = Start(base, CARRIED * float(np.mean(shifts)), float(np.mean(levels)))
    return np.concatenate(odds), np.concatenate(spends), start
