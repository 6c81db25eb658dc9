"""Buy-till-you-die models: exact, certified, with uncertainty."""

from models.btyd.bg_nbd import BgNbd
from models.btyd.checks import Finding, check, exceeded
from models.btyd.gamma_gamma import GammaGamma
from models.btyd.intervals import Intervals, intervals, predictive
from models.btyd.mbg_nbd import MbgNbd
from models.btyd.pareto_nbd import ParetoNbd
from models.btyd.posterior import Posterior
from models.btyd.retention import RetentionTerms, retention_terms
from models.btyd.select import Choice, fit_best
from models.btyd.spend import probability_spend_below

__all__ = [
    "BgNbd",
    "Choice",
    "Finding",
    "GammaGamma",
    "Intervals",
    "MbgNbd",
    "ParetoNbd",
    "Posterior",
    "RetentionTerms",
    "check",
    "exceeded",
    "fit_best",
    "intervals",
    "predictive",
    "probability_spend_below",
    "retention_terms",
]
