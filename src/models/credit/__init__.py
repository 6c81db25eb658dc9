"""Credit risk: scorecard and boosted probability of default, late payment, expected loss, roll rates."""

from lifecycle.models.credit.binning import Bins
from lifecycle.models.credit.boosted import BoostedProbability
from lifecycle.models.credit.expected_loss import (
    exposure_at_default,
    impairment_stage,
    lifetime_loss,
    loss_given_default,
)
from lifecycle.models.credit.known_at_invoice import known_at_invoice, late_attributes
from lifecycle.models.credit.late import BetaBinomial, DaysLate
from lifecycle.models.credit.roll_rates import roll_rates
from lifecycle.models.credit.scorecard import CreditModelError, Scale, Scorecard

__all__ = [
    "BetaBinomial",
    "Bins",
    "BoostedProbability",
    "CreditModelError",
    "DaysLate",
    "Scale",
    "Scorecard",
    "exposure_at_default",
    "impairment_stage",
    "known_at_invoice",
    "late_attributes",
    "lifetime_loss",
    "loss_given_default",
    "roll_rates",
]
