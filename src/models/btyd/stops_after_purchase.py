"""BG/NBD and MBG/NBD in one: a customer may stop right after a purchase, and only then."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from lifecycle.models.btyd.ages import by_frequency_and_age
from lifecycle.models.btyd.alive_moments import discounted, pmf, purchases, stays
from lifecycle.models.btyd.collapse import Rows, learnable
from lifecycle.models.btyd.dropout import CHUNK, log_likelihood, log_likelihoods, log_odds_gone, probability_alive
from lifecycle.models.btyd.inputs import Floats, Histories, checked_counts, positive
from lifecycle.models.btyd.maximum_likelihood import Target, maximise
from lifecycle.models.btyd.purchase_model import PurchaseModel
from lifecycle.models.btyd.simulate import Lives, Simulated, arrivals
from lifecycle.models.btyd.threads import in_chunks
from lifecycle.models.btyd.weak_priors import beta_prior

Self = TypeVar("Self", bound="StopsAfterPurchase")
SUBSAMPLE = 20_000


def _edge(theta: Floats) -> str:
    _, _, a, b = theta
    if a / (a + b) < 0.01:
        return f" There a/(a+b) is {a / (a + b):.1g}: nobody seems ever to stop, and P(alive) would be 1 for everyone."
    if a + b > 1000.0:
        return " There a + b is large: customers hardly differ in how readily they stop."
    return ""


@dataclass(frozen=True)
class StopsAfterPurchase(PurchaseModel):
    """Purchases at rate λ ~ Gamma(r, α), stopping with probability p ~ Beta(a, b) after each purchase.

    ``first`` is 1 where the very first purchase may already be the last one. Given alive at T: λ ~ Gamma(r + x, α + T)
    and p ~ Beta(a, b + first + x), independent.
    """

    r: float
    alpha: float
    a: float
    b: float

    symbols: ClassVar[tuple[str, ...]] = ("r", "alpha", "a", "b")
    first: ClassVar[int]
    remedy: ClassVar[str]

    @classmethod
    def fit(
        cls: type[Self],
        frequency: npt.ArrayLike,
        recency: npt.ArrayLike,
        T: npt.ArrayLike,
        *,
        weights: npt.ArrayLike | None = None,
    ) -> Self:
        """Maximum likelihood, or the weak prior's mode where there is no proper maximum (``diagnostics.messages``).

        ``frequency``, ``recency``, ``T``: shape (customers,), any unit of time. Newton on collapsed rows with exact
        gradient and Hessian, started on a subsample.
        """
        rows = learnable(frequency, recency, T, weights)
        start = np.log([0.5, 0.5 * rows.mean_age / max(rows.mean_x, 0.05), 0.7, 2.5])
        stride = rows.weight.size // SUBSAMPLE
        sample = cls._target(rows.every(stride)) if stride > 1 else None
        parameters, fit = maximise(cls._target(rows), start, sample=sample, remedy=cls.remedy)
        return cls(*parameters, fitted=fit)

    @classmethod
    def _target(cls, rows: Rows) -> Target:
        return Target(
            symbols=cls.symbols,
            likelihood=lambda theta: log_likelihood(theta, rows, cls.first),
            likelihoods=lambda thetas: log_likelihoods(thetas, rows, cls.first),
            n=rows.n,
            rows=rows.weight.size,
            effort=float(rows.weight.size + rows.T.size + rows.t.size + 10 * rows.x.size),
            prior=beta_prior(rows.mean_age),
            edge=_edge,
        )

    @property
    def _m(self) -> float:
        return self.b + self.first

    def _log_odds_gone(self, at: Histories) -> Floats:
        parts = in_chunks(
            lambda i, j: log_odds_gone(self.r, self.alpha, self.a, self.b, self.first, *at[:3], i, j),
            at.T.size,
            size=CHUNK,
        )
        return np.concatenate(parts) if parts else np.empty(0)

    def _alive(self, at: Histories) -> Floats:
        out = np.empty(at.T.size)
        in_chunks(
            lambda i, j: probability_alive(self.r, self.alpha, self.a, self.b, self.first, *at[:3], out, i, j),
            at.T.size,
            size=CHUNK,
        )
        return out

    def _alive_purchases(self, at: Histories, horizon: float, discount_rate: float) -> Floats:
        def evaluate(x: float, T: Floats) -> Floats:
            posterior = self.r + x, self.a, self._m + x, self.alpha + T
            if discount_rate == 0.0:
                return purchases(*posterior, horizon=horizon)
            return discounted(*posterior, horizon=horizon, discount_rate=discount_rate)

        return by_frequency_and_age(at.frequency, at.T, self.alpha, evaluate)

    def _alive_silence(self, at: Histories, horizon: float) -> Floats:
        return np.asarray(np.exp(-(self.r + at.frequency) * np.log1p(horizon / (self.alpha + at.T))))

    def _alive_stays(self, at: Histories, horizon: float) -> Floats:
        return by_frequency_and_age(
            at.frequency,
            at.T,
            self.alpha,
            lambda x, T: stays(self.r + x, self.a, self._m + x, self.alpha + T, horizon=horizon),
        )

    def _alive_taken(self, at: Histories, leaving: float, horizon: float, discount_rate: float) -> Floats:
        return by_frequency_and_age(
            at.frequency,
            at.T,
            self.alpha,
            lambda x, T: discounted(
                self.r + x,
                self.a,
                self._m + x,
                self.alpha + T,
                horizon=horizon,
                discount_rate=discount_rate,
                leaving=leaving,
            ),
        )

    def _gone_purchases(self, at: Histories, horizon: float, discount_rate: float) -> Floats:
        def evaluate(x: float, t_x: Floats) -> Floats:
            if x == 0.0 and not self.first:
                return np.zeros(t_x.size)
            posterior = self.r + x, self.a + 1.0, self._m + x - 1.0, self.alpha + t_x
            return discounted(*posterior, horizon=horizon, discount_rate=discount_rate)

        return by_frequency_and_age(at.frequency, at.recency, self.alpha, evaluate)

    def _alive_pmf(self, n: npt.NDArray[np.int64], t: float, x: float, T: Floats) -> Floats:
        return pmf(n, self.r + x, self.a, self._m + x, self.alpha + T, horizon=t)

    def pmf(self, n: npt.ArrayLike, t: float) -> Floats:
        """P(a new customer makes n repeat purchases in the first t), an array of n's shape."""
        counts = checked_counts(n)
        age = np.array([self.alpha])
        values = pmf(counts.reshape(-1), self.r, self.a, self._m, age, horizon=positive("t", t, zero=True))[0]
        if self.first:
            lives = self.b / (self.a + self.b)
            values = lives * values + (1.0 - lives) * (counts.reshape(-1) == 0)
        return np.asarray(values.reshape(counts.shape))

    def _simulate(self, T: Floats, horizon: float, rng: np.random.Generator) -> Simulated:
        rate = rng.gamma(self.r, 1.0 / self.alpha, T.size)
        stop = rng.beta(self.a, self.b, T.size)
        stays = rng.random(T.size) >= stop if self.first else np.ones(T.size, np.bool_)
        return arrivals(rate, stop, np.where(stays, np.inf, 0.0), T, horizon, rng)

    @property
    def origin(self) -> float:
        """α: given alive, predictions are smooth in ln(α + T)."""
        return self.alpha

    def draw_lives(
        self,
        models: Sequence[PurchaseModel],
        which: npt.NDArray[np.int64],
        x: float,
        ages: Floats,
        rng: np.random.Generator,
    ) -> Lives:
        """Lives given alive after x purchases at each age, path i by ``models[which[i]]``; ages share their draws."""
        r, alpha, a, b = np.array([model.parameters for model in models])[which].T
        rate = rng.gamma(r + x)[:, None] / (alpha[:, None] + ages)
        stop = np.maximum(rng.beta(a, b + self.first + x), 1e-12)
        last = np.ceil(np.maximum(rng.standard_exponential(which.size) / -np.log1p(-np.minimum(stop, 1 - 1e-12)), 1.0))
        return Lives(rate, np.full(rate.shape, np.inf), last)

    def expected_purchases_new(self, t: npt.ArrayLike) -> Floats:
        """Expected repeat purchases of a new customer in the first ``t``, an array of t's shape."""
        times = np.asarray(t, np.float64)
        if not (np.isfinite(times) & (times >= 0.0)).all():
            raise ValueError("t must be finite and >= 0.")
        lives = self.b / (self.a + self.b) if self.first else 1.0
        age = np.array([self.alpha])
        flat = [
            float(purchases(self.r, self.a, self._m, age, horizon=positive("t", h))[0]) if h else 0.0
            for h in times.flat
        ]
        return np.asarray(lives * np.array(flat).reshape(times.shape))
