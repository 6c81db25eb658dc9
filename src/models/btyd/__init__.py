"""Buy-till-you-die models: exact, certified, with uncertainty."""

from models.btyd.bg_nbd import BgNbd
from models.btyd.gamma_gamma import GammaGamma
from models.btyd.mbg_nbd import MbgNbd
from models.btyd.pareto_nbd import ParetoNbd

__all__ = ["BgNbd", "GammaGamma", "MbgNbd", "ParetoNbd"]
