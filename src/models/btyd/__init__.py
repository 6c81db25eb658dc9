"""Buy-till-you-die models: exact, certified, with uncertainty."""

from lifecycle.models.btyd.age_spans import AgeSpans
from lifecycle.models.btyd.bg_nbd import BgNbd
from lifecycle.models.btyd.checks import Finding, check, exceeded
from lifecycle.models.btyd.gamma_gamma import GammaGamma
from lifecycle.models.btyd.intervals import Intervals, central, intervals, predictive, tables
from lifecycle.models.btyd.joint_spend import probability_spend_below
from lifecycle.models.btyd.mbg_nbd import MbgNbd
from lifecycle.models.btyd.model_choice import Choice, fit_best
from lifecycle.models.btyd.next_purchase import next_purchase_in
from lifecycle.models.btyd.pareto_nbd import ParetoNbd
from lifecycle.models.btyd.posterior import Posterior
from lifecycle.models.btyd.predictive_tables import Tables
from lifecycle.models.btyd.retention_values import RetentionTerms, retention_terms

__all__ = [
    "AgeSpans",
    "BgNbd",
    "Choice",
    "Finding",
    "GammaGamma",
    "Intervals",
    "MbgNbd",
    "ParetoNbd",
    "Posterior",
    "RetentionTerms",
    "Tables",
    "central",
    "check",
    "exceeded",
    "fit_best",
    "intervals",
    "next_purchase_in",
    "predictive",
    "probability_spend_below",
    "retention_terms",
    "tables",
]
