"""Weighted measures of a forecast: each prepares its ordering once and then takes any weights over the customers.

A bootstrap replicate is a vector of weights (how often each customer was drawn). Preparing sorts once, so that a
replicate costs a few cumulative sums; unit weights give the plain metric.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from lifecycle.models.forecasting.fixed_order_sums import dot

FloatArray = npt.NDArray[np.float64]
Measure = Callable[[FloatArray], float]

CLIP = 1e-15


def clipped(probability: FloatArray) -> FloatArray:
    """Keep probabilities off 0 and 1, so that one confident error does not make the log loss infinite."""
    return np.clip(probability, CLIP, 1.0 - CLIP)


def mean_of(values: FloatArray) -> Measure:
    """Weighted mean of a quantity that each customer has.

    >>> mean_of(np.array([1.0, 3.0]))(np.array([1.0, 3.0]))
    2.5
    """
    return lambda w: dot(w, values) / float(w.sum())


def log_loss(probability: FloatArray, happened: FloatArray) -> Measure:
    """Mean of −ln of the probability given to what happened."""
    p = clipped(probability)
    return mean_of(-(happened * np.log(p) + (1.0 - happened) * np.log1p(-p)))


def brier(probability: FloatArray, happened: FloatArray) -> Measure:
    """Mean squared distance between probability and event."""
    return mean_of((probability - happened) ** 2)


@dataclasses.dataclass(frozen=True, eq=False)
class Ranking:
    """Customers by descending score; `ends` closes each group of equal scores, which no ranking can tell apart."""

    order: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]

    @classmethod
    def descending(cls, score: FloatArray) -> "Ranking":
        """Rank by score, highest first; ties stay in the given order and share a group."""
        order = np.argsort(-score, kind="stable").astype(np.int64)
        ranked = score[order]
        ends = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), ranked.size - 1).astype(np.int64)
        return cls(order, ends)

    def cumulative(self, weighted: FloatArray) -> FloatArray:
        """Cumulative sum down the ranking at the end of each group of ties."""
        return np.asarray(np.cumsum(weighted[self.order])[self.ends], dtype=np.float64)

    def share_at(self, weighted: FloatArray, weight: FloatArray, share: float) -> float:
        """Part of `weighted` that lies in the top `share` of the weight; a group on the edge counts in part."""
        reached = np.concatenate(([0.0], self.cumulative(weight)))
        gained = np.concatenate(([0.0], self.cumulative(weighted)))
        total = gained[-1]
        return float(np.interp(share * reached[-1], reached, gained) / total) if total > 0 else float("nan")


def auc(score: FloatArray, happened: FloatArray) -> Measure:
    """Chance that who had the event scores above who had not, ties half (area under the ROC curve).

    >>> auc(np.array([0.9, 0.4, 0.4, 0.1]), np.array([1.0, 1.0, 0.0, 0.0]))(np.ones(4))
    0.875
    """
    ranking = Ranking.descending(score)

    def measure(w: FloatArray) -> float:
        hits = np.concatenate(([0.0], ranking.cumulative(w * happened)))
        misses = np.concatenate(([0.0], ranking.cumulative(w * (1.0 - happened))))
        possible = hits[-1] * misses[-1]
        return float(np.trapezoid(hits, misses) / possible) if possible > 0 else float("nan")

    return measure


def average_precision(score: FloatArray, happened: FloatArray) -> Measure:
    """Precision averaged over the recall gained at each distinct score, without interpolation."""
    ranking = Ranking.descending(score)

    def measure(w: FloatArray) -> float:
        hits = ranking.cumulative(w * happened)
        taken = ranking.cumulative(w)
        if hits[-1] <= 0:
            return float("nan")
        precision = np.divide(hits, taken, out=np.zeros_like(hits), where=taken > 0)
        return float(np.sum(np.diff(hits, prepend=0.0) * precision) / hits[-1])

    return measure


@dataclasses.dataclass(frozen=True, eq=False)
class Bins:
    """Customers in about equally filled bins of a score; equal scores are never parted, so there may be fewer bins."""

    index: npt.NDArray[np.int64]
    count: int

    @classmethod
    def equal_count(cls, score: FloatArray, bins: int = 10) -> "Bins":
        """Cut at the quantiles of the score."""
        edges = np.unique(np.quantile(score, np.arange(1, bins) / bins))
        raw = np.searchsorted(edges, score, side="left")
        used, index = np.unique(raw, return_inverse=True)
        return cls(index.astype(np.int64), int(used.size))

    def sums(self, weighted: FloatArray) -> FloatArray:
        """Sum of a weighted quantity in each bin."""
        return np.bincount(self.index, weights=weighted, minlength=self.count).astype(np.float64)


def calibration_error(probability: FloatArray, happened: FloatArray, bins: int = 10) -> Measure:
    """Mean distance between forecast and share over about equally filled bins (expected calibration error)."""
    cut = Bins.equal_count(probability, bins)
    gap = probability - happened

    def measure(w: FloatArray) -> float:
        return float(np.abs(cut.sums(w * gap)).sum() / w.sum())

    return measure


def lift(score: FloatArray, happened: FloatArray, share: float = 0.1) -> Measure:
    """Event rate among the top `share` by score, over the rate among all."""
    ranking = Ranking.descending(score)
    return lambda w: ranking.share_at(w * happened, w, share) / share


def captured(score: FloatArray, amount: FloatArray, share: float = 0.1) -> Measure:
    """Part of a total amount that lies with the top `share` of customers by score."""
    ranking = Ranking.descending(score)
    return lambda w: ranking.share_at(w * amount, w, share)


def bias(predicted: FloatArray, actual: FloatArray) -> Measure:
    """Forecast sum over actual sum, minus 1: +0.1 is a forecast 10 % too high."""

    def measure(w: FloatArray) -> float:
        total = dot(w, actual)
        return dot(w, predicted) / total - 1.0 if total > 0 else float("nan")

    return measure


def rmse(predicted: FloatArray, actual: FloatArray) -> Measure:
    """Root of the mean squared error."""
    squared = mean_of((predicted - actual) ** 2)
    return lambda w: float(np.sqrt(squared(w)))


def deviance(predicted: FloatArray, actual: FloatArray) -> Measure:
    """Mean Tweedie deviance of power 1.5 (Jørgensen 1987), amounts in units of the mean actual amount.

    Least at the customers' true means, as the squared error is, but not ruled by the few largest amounts; the absolute
    error is least at the medians, which for most customers is nothing. No forecast counts as less than a ten-thousandth
    of the mean amount, no amount as less than 0.

    >>> bool(deviance(np.array([1.0, 3.0]), np.array([1.0, 3.0]))(np.ones(2)) == 0.0)
    True
    """
    amount = np.maximum(actual, 0.0)
    unit = max(float(amount.mean()), CLIP)
    y, mean = np.sqrt(amount / unit), np.sqrt(np.maximum(predicted / unit, 1e-4))
    return mean_of(4.0 * (y - mean) ** 2 / mean)


def spearman(predicted: FloatArray, actual: FloatArray) -> Measure:
    """Correlation of the two rankings, ties sharing their middle rank."""
    rankings = (Ranking.descending(predicted), Ranking.descending(actual))

    def middle_ranks(ranking: Ranking, w: FloatArray) -> FloatArray:
        reached = ranking.cumulative(w)
        middle = reached - np.diff(reached, prepend=0.0) / 2.0
        ranks = np.empty(w.size)
        ranks[ranking.order] = np.repeat(middle, np.diff(ranking.ends, prepend=-1))
        return ranks

    def measure(w: FloatArray) -> float:
        a, b = (middle_ranks(ranking, w) for ranking in rankings)
        total = w.sum()
        a = a - dot(w, a) / total
        b = b - dot(w, b) / total
        spread = dot(w, a * a) * dot(w, b * b)
        return dot(w, a * b) / float(np.sqrt(spread)) if spread > 0 else float("nan")

    return measure


def normalised_gini(predicted: FloatArray, actual: FloatArray) -> Measure:
    """Gini of the actual amounts ranked by the forecast, over their Gini ranked by themselves: 1 is a perfect order.

    Negative actual amounts (more returned than bought) count as 0: a concentration curve needs amounts.
    """
    amount = np.maximum(actual, 0.0)
    rankings = (Ranking.descending(predicted), Ranking.descending(amount))

    def area(ranking: Ranking, w: FloatArray) -> float:
        people = np.concatenate(([0.0], ranking.cumulative(w)))
        money = np.concatenate(([0.0], ranking.cumulative(w * amount)))
        if money[-1] <= 0:
            return float("nan")
        return float(np.trapezoid(money / money[-1], people / people[-1])) - 0.5

    def measure(w: FloatArray) -> float:
        best = area(rankings[1], w)
        return area(rankings[0], w) / best if best > 0 else float("nan")

    return measure


def inside(low: FloatArray, high: FloatArray, actual: FloatArray) -> Measure:
    """Share of customers whose actual amount lies within the stated bounds, bounds included."""
    return mean_of(((actual >= low) & (actual <= high)).astype(np.float64))
