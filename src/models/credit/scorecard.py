"""A scorecard: points for every attribute's bin add up to a score, and the score is a probability of default."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize, special

from lifecycle.models.credit.binning import Bins, FloatArray, Trend

LEAST_INFORMATION: Final = 0.02
"""Information value below which an attribute predicts nothing (Siddiqi, chapter 6)."""

RIDGE: Final = 1.0
"""Penalty on the coefficients of the weights of evidence, which are about 1 each."""


class CreditModelError(ValueError):
    """A credit model cannot be fitted or used on these rows; the text says why and what to do."""


@dataclasses.dataclass(frozen=True)
class Scale:
    """Points = offset + factor·ln(odds of good), with factor = pdo/ln 2 and offset = base − factor·ln(odds).

    Attributes
    ----------
    base, odds, pdo : float
        `base` points at odds of good of `odds`; `pdo` more double the odds.

    >>> float(Scale().score(np.array([math.log(100)]))[0]) - 600.0  # 100 good to 1 bad: twice the odds of 50
    20.0
    """

    base: float = 600.0
    odds: float = 50.0
    pdo: float = 20.0

    @property
    def factor(self) -> float:
        """Points by which the score rises where ln(odds) rises by 1."""
        return self.pdo / math.log(2.0)

    @property
    def offset(self) -> float:
        """Score at even odds."""
        return self.base - self.factor * math.log(self.odds)

    def score(self, log_odds_good: FloatArray) -> FloatArray:
        """Return points of log odds of good."""
        return self.offset + self.factor * log_odds_good


@dataclasses.dataclass(frozen=True)
class Scorecard:
    """ln(odds of good) = intercept + Σ_j β_j·WOE_j, every β_j ≥ 0, in points.

    The probability of default is 1/(1 + odds). Attributes that say nothing (information value below 0.02), or whose
    coefficient would be negative beside the others, are left out. The fitted range of every attribute is kept: who
    lies outside was not in the population that the card was learned from.

    Attributes
    ----------
    bins : tuple[Bins, ...]
        bins of the attributes used.
    coefficients : tuple[float, ...]
        β_j.
    intercept : float
    scale : Scale
    information : Mapping[str, float]
        information value of every attribute offered.
    rows, defaults : int
        what it was fitted on.
    """

    bins: tuple[Bins, ...]
    coefficients: tuple[float, ...]
    intercept: float
    scale: Scale
    information: Mapping[str, float]
    rows: int
    defaults: int

    @classmethod
    def fit(
        cls,
        attributes: pd.DataFrame,
        bad: FloatArray,
        *,
        trends: Mapping[str, Trend] | None = None,
        scale: Scale | None = None,
    ) -> Self:
        """Fit on customers whose outcome is known.

        Parameters
        ----------
        attributes : pandas.DataFrame
            what was known at the date, a row a customer.
        bad : numpy.ndarray
            1 where the customer defaulted within the outcome window, else 0 (n,).
        trends : mapping, optional
            attribute -> "rising" or "falling", where the sign is known.
        scale : Scale, optional
            how odds become points.

        Raises
        ------
        CreditModelError
            fewer than 20 defaults or 20 good rows, or an outcome other than 0 and 1.
        """
        check_outcome(bad)
        fitted = [Bins.fit(str(c), attributes[c], bad, trend=(trends or {}).get(str(c), "either")) for c in attributes]
        information = {bins.name: bins.information_value for bins in fitted}
        used = [b for b in fitted if b.information_value >= LEAST_INFORMATION and len(b.good) + (b.woe[-1] != 0) > 1]
        base = math.log((bad.size - bad.sum()) / bad.sum())
        woe = np.column_stack([b.woe[b.place(attributes[b.name])] for b in used]) if used else np.zeros((bad.size, 0))
        intercept, beta = _logistic(woe, 1.0 - bad, base)
        keep = beta > 1e-9
        return cls(
            tuple(b for b, kept in zip(used, keep, strict=True) if kept),
            tuple(float(x) for x in beta[keep]),
            intercept,
            scale or Scale(),
            information,
            int(bad.size),
            int(bad.sum()),
        )

    def points(self, attributes: pd.DataFrame) -> pd.DataFrame:
        """Return points by attribute, with those that everybody has first ("base"); a row's sum is its score."""
        columns = {"base": np.full(len(attributes), self.scale.score(np.array([self.intercept]))[0])}
        for bins, beta in zip(self.bins, self.coefficients, strict=True):
            points = self.scale.factor * beta * bins.woe
            columns[bins.name] = points[bins.place(attributes[bins.name])]
        return pd.DataFrame(columns, index=attributes.index)

    def score(self, attributes: pd.DataFrame) -> FloatArray:
        """Return the score in points (n,)."""
        return np.asarray(self.points(attributes).to_numpy(np.float64).sum(axis=1), np.float64)

    def probability(self, attributes: pd.DataFrame) -> FloatArray:
        """Return the probability of default (n,)."""
        return np.asarray(special.expit((self.scale.offset - self.score(attributes)) / self.scale.factor), np.float64)

    def table(self) -> pd.DataFrame:
        """Return the card as people read it: attribute, bin, rows, bad rate, weight of evidence, points."""
        rows = []
        for bins, beta in zip(self.bins, self.coefficients, strict=True):
            lower = (-np.inf, *bins.edges)
            upper = (*bins.edges, np.inf)
            good, bad = (*bins.good, bins.missing_good), (*bins.bad, bins.missing_bad)
            for i, woe in enumerate(bins.woe):
                n = good[i] + bad[i]
                name = "missing" if i == len(bins.good) else _bin_name(bins, lower[i], upper[i])
                rate = bad[i] / n if n else float("nan")
                rows.append((bins.name, name, int(n), rate, float(woe), self.scale.factor * beta * float(woe)))
        return pd.DataFrame(rows, columns=["attribute", "bin", "rows", "bad_rate", "woe", "points"])

    def lost_points(self, attributes: pd.DataFrame) -> pd.DataFrame:
        """Return by attribute how many points fewer a customer has than the best bin gives: the reasons, in points."""
        points = self.points(attributes).drop(columns="base")
        pairs = zip(self.bins, self.coefficients, strict=True)
        best = [self.scale.factor * beta * bins.woe.max() for bins, beta in pairs]
        return pd.DataFrame(np.array(best) - points.to_numpy(), columns=points.columns, index=points.index)

    def extrapolated(self, attributes: pd.DataFrame) -> npt.NDArray[np.bool_]:
        """Whether a customer lies outside the fitted population in an attribute of the card (n,)."""
        outside = np.zeros(len(attributes), np.bool_)
        for bins in self.bins:
            outside |= bins.outside(attributes[bins.name])
        return outside

    def to_document(self) -> dict[str, Any]:
        """Return a JSON-ready document."""
        return {
            "bins": [bins.to_document() for bins in self.bins],
            "coefficients": list(self.coefficients),
            "intercept": self.intercept,
            "scale": dataclasses.asdict(self.scale),
            "information": dict(self.information),
            "rows": self.rows,
            "defaults": self.defaults,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Rebuild from `to_document`."""
        return cls(
            tuple(Bins.from_document(d) for d in document["bins"]),
            tuple(document["coefficients"]),
            document["intercept"],
            Scale(**document["scale"]),
            document["information"],
            document["rows"],
            document["defaults"],
        )


def check_outcome(bad: FloatArray, least: int = 20) -> None:
    """Refuse an outcome that no probability of default can be learned from."""
    strange = int((~np.isin(bad, (0.0, 1.0))).sum())
    if strange:
        raise CreditModelError(f"default must be 0 or 1; {strange:,} of {bad.size:,} rows are neither.")
    n = int(bad.sum())
    if min(n, bad.size - n) < least:
        raise CreditModelError(
            f"a probability of default needs at least {least} customers who defaulted and {least} who did not; found "
            f"{n:,} and {bad.size - n:,}. Late payment is not default: without defaults, set credit.pd_prior."
        )


def _logistic(x: FloatArray, good: FloatArray, base: float) -> tuple[float, FloatArray]:
    """Return intercept and coefficients ≥ 0 of a logistic regression with a small ridge."""
    signs = 2.0 * good - 1.0

    def loss(theta: FloatArray) -> tuple[float, FloatArray]:
        margin = signs * (theta[0] + x @ theta[1:])
        slope = -signs * special.expit(-margin)
        value = float(np.logaddexp(0.0, -margin).sum()) + 0.5 * RIDGE * float(((theta[1:] - 1.0) ** 2).sum())
        return value, np.r_[slope.sum(), x.T @ slope + RIDGE * (theta[1:] - 1.0)]

    start = np.r_[base, np.full(x.shape[1], 0.5)]
    bounds = [(None, None)] + [(0.0, None)] * x.shape[1]
    found = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 500})
    return float(found.x[0]), np.asarray(found.x[1:], np.float64)


def _bin_name(bins: Bins, low: float, high: float) -> str:
    if bins.categories:
        return ", ".join(name for place, name in enumerate(bins.categories) if low < place <= high)
    return f"≤ {high:g}" if low == -np.inf else f"> {low:g}" if high == np.inf else f"{low:g} to {high:g}"
