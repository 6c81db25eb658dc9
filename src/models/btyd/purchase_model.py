"""What every model of purchases answers, for arrays of histories; each model brings the handful of abstract methods."""

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from lifecycle.models.btyd.base_model import Model
from lifecycle.models.btyd.collapse import Rows, learnable
from lifecycle.models.btyd.inputs import Floats, Histories, checked_counts, histories, positive
from lifecycle.models.btyd.lifetimes_bridge import as_fitter
from lifecycle.models.btyd.maximum_likelihood import Target
from lifecycle.models.btyd.posterior import Posterior, draw
from lifecycle.models.btyd.simulate import Lives, Simulated


@dataclass(frozen=True)
class PurchaseModel(Model):
    """A model of when customers buy and when they stop. Times are in the unit of the data it was fitted to."""

    in_lifetimes: ClassVar[tuple[str, str]]

    @classmethod
    @abstractmethod
    def _target(cls, rows: Rows) -> Target:
        """The model's likelihood on collapsed rows."""

    def posterior(
        self,
        frequency: npt.ArrayLike,
        recency: npt.ArrayLike,
        T: npt.ArrayLike,
        *,
        weights: npt.ArrayLike | None = None,
        draws: int = 4000,
        seed: int = 0,
    ) -> Posterior:
        """Draws of the parameters given the customers the model was fitted to; the same for the same ``seed``."""
        return draw(self._target(learnable(frequency, recency, T, weights)), self.parameters, draws=draws, seed=seed)

    @abstractmethod
    def _log_odds_gone(self, at: Histories) -> Floats:
        """Logit of P(no longer alive at T | history); −inf where that is impossible."""

    def _alive(self, at: Histories) -> Floats:
        """P(alive at T | history)."""
        return logistic(-self._log_odds_gone(at))

    @abstractmethod
    def _alive_purchases(self, at: Histories, horizon: float, discount_rate: float) -> Floats:
        """Expected discounted purchases within the horizon given alive at T."""

    @abstractmethod
    def _alive_silence(self, at: Histories, horizon: float) -> Floats:
        """P(no purchase within the horizon | alive at T)."""

    @abstractmethod
    def _alive_stays(self, at: Histories, horizon: float) -> Floats:
        """P(still alive at T + horizon | alive at T)."""

    @abstractmethod
    def _alive_taken(self, at: Histories, leaving: float, horizon: float, discount_rate: float) -> Floats:
        """E[(1 − P(stays for ``leaving``)) · discounted purchases within the horizon if alive], given alive at T."""

    @abstractmethod
    def _gone_purchases(self, at: Histories, horizon: float, discount_rate: float) -> Floats:
        """Discounted purchases within the horizon of customers gone by T, were they alive again; 0 if none can be."""

    @abstractmethod
    def _alive_pmf(self, n: npt.NDArray[np.int64], t: float, x: float, T: Floats) -> Floats:
        """P(n purchases in (T, T + t] | alive at T), shape (ages, counts), for one frequency."""

    @abstractmethod
    def pmf(self, n: npt.ArrayLike, t: float) -> Floats:
        """P(a new customer makes n repeat purchases in the first t), an array of n's shape."""

    @abstractmethod
    def _simulate(self, T: Floats, horizon: float, rng: np.random.Generator) -> Simulated:
        """Customers of ages ``T`` and what they buy in the ``horizon`` after."""

    def simulate(self, T: npt.ArrayLike, rng: np.random.Generator, *, horizon: float = 0.0) -> Simulated:
        """Draw a customer for each age in ``T`` (continuous time); ``future`` counts purchases in (T, T + horizon]."""
        ages = np.ascontiguousarray(np.asarray(T, np.float64)).reshape(-1)
        if not (np.isfinite(ages) & (ages >= 0.0)).all():
            raise ValueError("T must be finite and >= 0.")
        return self._simulate(ages, positive("horizon", horizon, zero=True), rng)

    @property
    @abstractmethod
    def origin(self) -> float:
        """What to add to an age for its logarithm to be the natural variable of predictions."""

    @abstractmethod
    def draw_lives(
        self,
        models: Sequence["PurchaseModel"],
        which: npt.NDArray[np.int64],
        x: float,
        ages: Floats,
        rng: np.random.Generator,
    ) -> Lives:
        """Lives given alive after x purchases at each age, path i by ``models[which[i]]``; ages share their draws."""

    @abstractmethod
    def expected_purchases_new(self, t: npt.ArrayLike) -> Floats:
        """Expected repeat purchases of a new customer in the first ``t``, an array of t's shape."""

    def to_lifetimes(
        self,
        frequency: npt.ArrayLike | None = None,
        recency: npt.ArrayLike | None = None,
        T: npt.ArrayLike | None = None,
    ) -> Any:
        """The fitter of ``lifetimes`` with these parameters; given the customers' histories, also what plots need."""
        columns = None
        if frequency is not None and recency is not None and T is not None:
            at = histories(frequency, recency, T)
            columns = {"frequency": at.frequency, "recency": at.recency, "T": at.T, "weights": np.ones(at.T.size)}
        fitted = self.fitted
        mean = np.nan if fitted is None else fitted.log_likelihood / fitted.n
        return as_fitter(*self.in_lifetimes, dict(zip(self.symbols, self.parameters, strict=True)), mean, columns)

    def p_alive(self, frequency: npt.ArrayLike, recency: npt.ArrayLike, T: npt.ArrayLike) -> Floats:
        """P(alive at T | history), one a customer. Never a verdict alone: 1 for every one-time buyer in BG/NBD."""
        at = histories(frequency, recency, T)
        return self._alive(at).reshape(at.shape)

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
        """Expected purchases in (T, T + h] given the history, each times e^(−δ·time from T); h may be inf if δ > 0."""
        horizon = positive("h", h, zero=True, infinite=discount_rate > 0)
        rate = positive("discount_rate", discount_rate, zero=True)
        at = histories(frequency, recency, T)
        if at.T.size == 0 or horizon == 0.0:
            return np.zeros(at.shape)
        return (self._alive(at) * self._alive_purchases(at, horizon, rate)).reshape(at.shape)

    def dert(self, discount_rate: float, frequency: npt.ArrayLike, recency: npt.ArrayLike, T: npt.ArrayLike) -> Floats:
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
        return (logistic(gone) + logistic(-gone) * self._alive_silence(at, horizon)).reshape(at.shape)

    def conditional_pmf(
        self, n: npt.ArrayLike, t: float, frequency: npt.ArrayLike, recency: npt.ArrayLike, T: npt.ArrayLike
    ) -> Floats:
        """P(n purchases in (T, T + t] | history), shape (customers, counts)."""
        horizon = positive("t", t, zero=True)
        counts = checked_counts(n).reshape(-1)
        at = histories(frequency, recency, T)
        gone = self._log_odds_gone(at)
        out = np.empty((at.T.size, counts.size))
        for x in np.unique(at.frequency):
            members = np.flatnonzero(at.frequency == x)
            ages, codes = np.unique(at.T[members], return_inverse=True)
            out[members] = self._alive_pmf(counts, horizon, float(x), ages)[codes]
        return np.asarray(logistic(-gone)[:, None] * out + logistic(gone)[:, None] * (counts == 0))


def logistic(z: Floats) -> Floats:
    """1/(1 + e^(−z)) to full relative accuracy on both sides."""
    small = np.exp(-np.abs(z))
    return np.where(z > 0.0, 1.0, small) / (1.0 + small)
