"""How likely an invoice is paid late, and by how many days: from a customer's own invoices, drawn towards the base."""

import dataclasses
from typing import Any, Final, Literal, Self

import numpy as np
import numpy.typing as npt
from scipy import optimize, special, stats

FloatArray = npt.NDArray[np.float64]
Bound = Literal["", "none_late", "all_late", "alike", "unlike", "no_invoices"]

_LEAST_MEAN: Final = 1e-4
_SPREAD: Final = (1e-2, 1e4)


@dataclasses.dataclass(frozen=True)
class BetaBinomial:
    """Late invoices k of n judged: p ~ Beta(a, b) over customers, k | p ~ Binomial(n, p).

    Judged is an invoice that was paid by the date, or due before it.

    Attributes
    ----------
    a, b : float
        prior, by maximum likelihood over the base.
    log_likelihood : float
    customers : int
        customers with a judged invoice.
    bound : str
        where the fit ended at a bound, which: "none_late" (no invoice was late), "all_late", "alike" (customers do not
        differ beyond chance), "unlike" (each is always or never late), "no_invoices"; else empty.

    >>> model = BetaBinomial(1.0, 3.0)
    >>> model.probability(np.array([0.0, 4.0]), np.array([0.0, 4.0]))
    array([0.25 , 0.625])
    """

    a: float
    b: float
    log_likelihood: float = float("nan")
    customers: int = 0
    bound: Bound = ""

    @classmethod
    def fit(cls, late: FloatArray, judged: FloatArray) -> Self:
        """Fit the prior; customers without a judged invoice say nothing.

        Parameters
        ----------
        late, judged : numpy.ndarray
            late and judged invoices of each customer (n,), 0 ≤ late ≤ judged.

        Raises
        ------
        ValueError
            a customer has more late than judged invoices, or a count below 0.
        """
        wrong = int(((late < 0) | (late > judged)).sum())
        if wrong:
            raise ValueError(f"late invoices must be between 0 and those judged; {wrong:,} of {late.size:,} are not.")
        n, k = judged[judged > 0], late[judged > 0]
        if n.size == 0:
            return cls(1.0, 1.0, 0.0, 0, "no_invoices")
        pairs, times = np.unique(np.column_stack((k, n)), axis=0, return_counts=True)
        k, n = pairs[:, 0], pairs[:, 1]

        def loss(theta: FloatArray) -> float:
            mean, spread = float(special.expit(theta[0])), float(np.exp(theta[1]))
            a, b = mean * spread, (1.0 - mean) * spread
            value = special.betaln(a + k, b + n - k) - special.betaln(a, b)
            return -float((times * value).sum())

        mean = float(np.clip((times * k).sum() / (times * n).sum(), _LEAST_MEAN, 1 - _LEAST_MEAN))
        edge = float(special.logit(_LEAST_MEAN))
        box = [(edge, -edge), (float(np.log(_SPREAD[0])), float(np.log(_SPREAD[1])))]
        starts = [np.array([special.logit(mean), np.log(s)]) for s in (0.5, 5.0, 50.0)]
        fits = [optimize.minimize(loss, start, method="L-BFGS-B", bounds=box) for start in starts]
        best = min(fits, key=lambda fit: float(fit.fun))
        if (times * k).sum() in (0, (times * n).sum()):
            bound: Bound = "all_late" if k.any() else "none_late"
            at = np.array([edge if bound == "none_late" else -edge, 0.0])
        else:
            at = np.asarray(best.x)
            bound = "alike" if at[1] > box[1][1] - 1e-3 else "unlike" if at[1] < box[1][0] + 1e-3 else ""
        m, s = float(special.expit(at[0])), float(np.exp(at[1]))
        return cls(m * s, (1.0 - m) * s, -loss(at), int(times.sum()), bound)

    def probability(self, late: FloatArray, judged: FloatArray) -> FloatArray:
        """Return P(next invoice is late) = (a + k)/(a + b + n)."""
        return (self.a + late) / (self.a + self.b + judged)

    def tail(
        self, late_recent: FloatArray, recent: FloatArray, late_before: FloatArray, before: FloatArray
    ) -> FloatArray:
        """Return P(K ≥ late_recent | recent invoices, what went before): small where payment got worse."""
        tail = np.ones(recent.size)
        some = late_recent > 0
        if some.any():  # most customers share their counts with others
            counts = np.column_stack((late_recent, recent, late_before, before))[some]
            kinds, place = np.unique(counts, axis=0, return_inverse=True)
            k, n, k0, n0 = kinds.T
            tail[some] = stats.betabinom.sf(k - 1, n.astype(np.int64), self.a + k0, self.b + n0 - k0)[place.ravel()]
        return tail

    def to_document(self) -> dict[str, Any]:
        """Return a JSON-ready document."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class DaysLate:
    """Expected days late = (τ·μ + own sum)/(τ + own invoices): own mean, drawn to the base's by τ invoices.

    τ is the variance within customers by that between them (Bühlmann's credibility), from one-way analysis of
    variance; it is infinite where customers do not differ.

    >>> DaysLate(4.0, 2.0).expected(np.array([0.0, 18.0]), np.array([0.0, 2.0]))
    array([4. , 6.5])
    """

    mean: float
    weight: float

    @classmethod
    def fit(cls, total: FloatArray, squares: FloatArray, judged: FloatArray) -> Self:
        """Fit from each customer's sum of days late, sum of their squares, and number of judged invoices (n,)."""
        has = judged > 0
        n, s, q = judged[has], total[has], squares[has]
        if n.size == 0:
            return cls(float("nan"), float("inf"))
        invoices, mean = float(n.sum()), float(s.sum() / n.sum())
        if invoices <= n.size or n.size < 2:
            return cls(mean, float("inf"))
        within = float((q - s**2 / n).sum()) / (invoices - n.size)
        between = float((n * (s / n - mean) ** 2).sum()) - (n.size - 1) * within
        between /= invoices - float((n**2).sum()) / invoices
        return cls(mean, within / between if between > 0 else float("inf"))

    def expected(self, total: FloatArray, judged: FloatArray) -> FloatArray:
        """Return expected days late of the next invoice (n,)."""
        if not np.isfinite(self.weight):
            return np.full(judged.size, self.mean)
        return (self.weight * self.mean + total) / np.maximum(self.weight + judged, 1e-300)
