"""What every model of purchases answers, for arrays of histories; each model brings the handful of abstract methods."""

import math
from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.btyd.inputs import Floats, Histories, histories, positive
from models.btyd.model import Model


@dataclass(frozen=True)
class Simulated:
    """Simulated customers: histories up to ``T``, whether still alive then, and ``future`` purchases within the horizon."""

    frequency: Floats
    recency: Floats
    T: Floats
    alive: npt.NDArray[np.bool_]
    future: Floats


@dataclass(frozen=True)
class PurchaseModel(Model):
    """A model of when customers buy and when they stop. Times are in the unit of the data it was fitted to."""

    @abstractmethod
    def _log_odds_gone(self, at: Histories) -> Floats:
        """Logit of P(no longer alive at T | history); −inf where that is impossible."""

    @abstractmethod
    def _alive_purchases(self, at: Histories, horizon: float, discount_rate: float) -> Floats:
        """Expected discounted purchases within the horizon given alive at T."""

    @abstractmethod
    def _alive_silence(self, at: Histories, horizon: float) -> Floats:
        """P(no purchase within the horizon | alive at T)."""

    def p_alive(self, frequency: npt.ArrayLike, recency: npt.ArrayLike, T: npt.ArrayLike) -> Floats:
        """P(alive at T | history), one a customer. Never a verdict alone: 1 for every one-time buyer in BG/NBD."""
        at = histories(frequency, recency, T)
        return _logistic(-self._log_odds_gone(at)).reshape(at.shape)

    def expected_purchases(
        self, t: float, frequency: npt.ArrayLike, recency: npt.ArrayLike, T: npt.ArrayLike
    ) -> Floats:
        """Expected purchases in (T, T + t] given the history, one a customer."""
        return self.expected_discounted_purchases(t, 0.0, frequency, recency, T)

    def expected_discounted_purchases(
        self,
        h: float,
        discount_rate: float,
        frequency: npt.ArrayLike,
        recency: npt.ArrayLike,
        T: npt.ArrayLike,
    ) -> Floats:
        """Expected purchases in (T, T + h] given the history, each times e^(−δ·time from T); h may be infinite if δ > 0."""
        horizon = positive("h", h, zero=True, infinite=discount_rate > 0)
        rate = positive("discount_rate", discount_rate, zero=True)
        at = histories(frequency, recency, T)
        if at.T.size == 0 or horizon == 0.0:
            return np.zeros(at.shape)
        alive = _logistic(-self._log_odds_gone(at))
        return (alive * self._alive_purchases(at, horizon, rate)).reshape(at.shape)

    def dert(
        self, discount_rate: float, frequency: npt.ArrayLike, recency: npt.ArrayLike, T: npt.ArrayLike
    ) -> Floats:
        """Discounted expected residual transactions: all purchases after T at a continuous rate per unit of time."""
        return self.expected_discounted_purchases(
            math.inf, positive("discount_rate", discount_rate), frequency, recency, T
        )

    def probability_no_purchase(
        self, h: float, frequency: npt.ArrayLike, recency: npt.ArrayLike, T: npt.ArrayLike
    ) -> Floats:
        """P(no purchase in (T, T + h] | history): the churn probability, an outcome that can be checked."""
        horizon = positive("h", h, zero=True)
        at = histories(frequency, recency, T)
        gone = self._log_odds_gone(at)
        return (_logistic(gone) + _logistic(-gone) * self._alive_silence(at, horizon)).reshape(at.shape)


def _logistic(z: Floats) -> Floats:
    """1/(1 + e^(−z)) to full relative accuracy on both sides."""
    small = np.exp(-np.abs(z))
    return np.where(z > 0.0, 1.0, small) / (1.0 + small)
