"""Buy-till-you-die models: exact, certified, with uncertainty."""

from models.btyd.age_spans import AgeSpans
from models.btyd.bg_nbd import BgNbd
from models.btyd.checks import Finding, check, exceeded
from models.btyd.gamma_gamma import GammaGamma
from models.btyd.intervals import Intervals, central, intervals, predictive, tables
from models.btyd.mbg_nbd import MbgNbd
from models.btyd.pareto_nbd import ParetoNbd
from models.btyd.posterior import Posterior
from models.btyd.predictive_tables import Tables
from models.btyd.retention import RetentionTerms, retention_terms
from models.btyd.select import Choice, fit_best
from models.btyd.spend import probability_spend_below

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
    "predictive",
    "probability_spend_below",
    "retention_terms",
    "tables",
]
