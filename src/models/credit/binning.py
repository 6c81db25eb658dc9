"""Monotone bins of one attribute and their weight of evidence: what a scorecard is made of.

Sources: Siddiqi, *Credit Risk Scorecards* (2006), chapter 6; pooling of neighbours that run against the trend is the
pool-adjacent-violators algorithm (Ayer et al. 1955).
"""

import dataclasses
import itertools
from typing import Any, Final, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Trend = Literal["rising", "falling", "either"]

LEAST_SHARE: Final = 0.03
"""Least share of the rows in a bin."""

LEAST_OF_EACH: Final = 5
"""Least number of good and of bad rows in a bin; below it the weight of evidence is mostly noise."""

PIECES: Final = 50
"""Most pieces of about equal size that bins are pooled from."""

NOISE: Final = 1.28
"""Standard errors by which neighbours' bad rates must differ to stay apart."""


def weight_of_evidence(good: FloatArray, bad: FloatArray) -> FloatArray:
    """Return ln((good_i/good) / (bad_i/bad)) of each bin; all counts must be above 0.

    >>> weight_of_evidence(np.array([90.0, 10.0]), np.array([10.0, 10.0])).round(3)
    array([ 0.588, -1.609])
    """
    return np.asarray(np.log(good / good.sum()) - np.log(bad / bad.sum()), np.float64)


@dataclasses.dataclass(frozen=True)
class Bins:
    """Bins of one attribute: v lies in bin i where edges[i−1] < v ≤ edges[i]; missing values have a bin of their own.

    Attributes
    ----------
    name : str
        the attribute.
    edges : tuple[float, ...]
        upper ends of all bins but the last, ascending.
    categories : tuple[str, ...]
        of a text attribute: its values from the worst to the best bad rate; the place stands for the value.
    good, bad : tuple[float, ...]
        rows in each bin.
    missing_good, missing_bad : float
        rows without a value, or with a category not seen.
    low, high : float
        range of the values fitted on (NaN of text).
    """

    name: str
    edges: tuple[float, ...]
    good: tuple[float, ...]
    bad: tuple[float, ...]
    missing_good: float = 0.0
    missing_bad: float = 0.0
    categories: tuple[str, ...] = ()
    low: float = float("nan")
    high: float = float("nan")

    @classmethod
    def fit(cls, name: str, values: pd.Series, bad: FloatArray, *, trend: Trend = "either") -> Self:
        """Cut into pieces of about equal size, pool what runs against the trend, then what cannot be told apart.

        Parameters
        ----------
        name : str
            the attribute.
        values : pandas.Series
            numbers, or text (n,).
        bad : numpy.ndarray
            1 for a default, 0 for none (n,).
        trend : {"rising", "falling", "either"}
            how the bad rate goes with the value; "either" takes the direction with the larger information value.
        """
        categories = () if pd.api.types.is_numeric_dtype(values) else _ordered(values, bad)
        number = _numbers(values, categories)
        there = np.isfinite(number)
        missing_bad = float(bad[~there].sum())
        missing_good = float((~there).sum()) - missing_bad
        if categories:
            trend = "falling"
        kinds: tuple[Trend, ...] = ("rising", "falling") if trend == "either" else (trend,)
        found = []
        for kind in kinds:
            edges, good_in, bad_in = _pooled(number[there], bad[there], 1.0 if kind == "rising" else -1.0, bad.size)
            found.append(cls(name, edges, good_in, bad_in, missing_good, missing_bad, categories))
        best = max(found, key=lambda bins: bins.information_value)
        if categories or not there.any():
            return best
        return dataclasses.replace(best, low=float(number[there].min()), high=float(number[there].max()))

    @property
    def woe(self) -> FloatArray:
        """Weight of evidence by bin, the missing values' last; 0 where those are too few to say."""
        n = len(self.good)
        known = min(self.missing_good, self.missing_bad) >= LEAST_OF_EACH
        good = np.array([*self.good, self.missing_good] if known else self.good)
        bad = np.array([*self.bad, self.missing_bad] if known else self.bad)
        if min(good.min(initial=np.inf), bad.min(initial=np.inf)) <= 0:
            return np.zeros(n + 1)
        woe = weight_of_evidence(good, bad)
        return woe if known else np.append(woe, 0.0)

    @property
    def information_value(self) -> float:
        """IV = Σ (good_i/good − bad_i/bad)·WOE_i, never below 0."""
        good = np.array([*self.good, self.missing_good])
        bad = np.array([*self.bad, self.missing_bad])
        woe = self.woe
        used = woe != 0
        if not used.any():
            return 0.0
        counted = np.append(np.ones(len(self.good), np.bool_), used[-1])
        share = good / good[counted].sum() - bad / bad[counted].sum()
        return float((share * woe)[counted].sum())

    def place(self, values: pd.Series) -> IntArray:
        """Return the bin of each value; missing and unseen ones are in the bin after the last."""
        number = _numbers(values, self.categories)
        place = np.searchsorted(np.array(self.edges), number, side="left")
        return np.where(np.isfinite(number), place, len(self.good)).astype(np.int64)

    def outside(self, values: pd.Series) -> npt.NDArray[np.bool_]:
        """Whether a value lies outside what the bins were fitted on; a missing one does if none was missing then."""
        number = _numbers(values, self.categories)
        gone = ~np.isfinite(number)
        if self.missing_good + self.missing_bad == 0:
            strange = gone
        else:
            strange = gone & (values.notna().to_numpy() if self.categories else False)
        return strange | (~gone & ((number < self.low) | (number > self.high)))

    def to_document(self) -> dict[str, Any]:
        """Return a JSON-ready document."""
        return dataclasses.asdict(self)

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Rebuild from `to_document`."""
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in document.items()}
        return cls(**values)


def _ordered(values: pd.Series, bad: FloatArray) -> tuple[str, ...]:
    """Return categories from the worst to the best, bad rates drawn towards the base by ten rows."""
    text = values.astype("string")
    there = text.notna().to_numpy()
    frame = pd.DataFrame({"text": text[there].astype(object), "bad": bad[there]})
    sums = frame.groupby("text")["bad"].agg(["sum", "size"])
    rate = (sums["sum"] + 10.0 * bad.mean()) / (sums["size"] + 10.0)
    return tuple(str(name) for name in rate.sort_values(ascending=False, kind="stable").index)


def _numbers(values: pd.Series, categories: tuple[str, ...]) -> FloatArray:
    if not categories:
        number = pd.to_numeric(values, errors="coerce").to_numpy(np.float64, na_value=np.nan)
        return np.asarray(number, np.float64)
    places = {name: float(place) for place, name in enumerate(categories)}
    text = values.astype("string").astype(object)
    return np.asarray(text.map(places).to_numpy(np.float64, na_value=np.nan), np.float64)


def _pooled(
    number: FloatArray, bad: FloatArray, sign: float, rows: int
) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    """Return edges, good and bad counts of bins whose bad rate goes one way."""
    if number.size == 0:
        return (), (0.0,), (0.0,)
    cuts = np.unique(np.quantile(number, np.arange(1, PIECES) / PIECES, method="lower"))
    cuts = cuts[cuts < number.max()]
    place = np.searchsorted(cuts, number, side="left")
    bads = np.bincount(place, weights=bad, minlength=cuts.size + 1)
    goods = np.bincount(place, minlength=cuts.size + 1) - bads
    ends = [*cuts.tolist(), np.inf]
    bins: list[tuple[float, float, float]] = []  # good, bad, upper end
    for good_i, bad_i, end in zip(goods, bads, ends, strict=True):
        bins.append((float(good_i), float(bad_i), end))
        while len(bins) > 1 and sign * (_rate(bins[-1]) - _rate(bins[-2])) <= 0:
            bins[-2:] = [_joined(bins[-2], bins[-1])]
    while len(bins) > 1:
        gaps = [_gap(a, b, rows) for a, b in itertools.pairwise(bins)]
        closest = int(np.argmin(gaps))
        if gaps[closest] >= NOISE:
            break
        bins[closest : closest + 2] = [_joined(bins[closest], bins[closest + 1])]
    return tuple(b[2] for b in bins[:-1]), tuple(b[0] for b in bins), tuple(b[1] for b in bins)


def _rate(one: tuple[float, float, float]) -> float:
    return one[1] / (one[0] + one[1])


def _joined(a: tuple[float, float, float], b: tuple[float, float, float]) -> tuple[float, float, float]:
    return a[0] + b[0], a[1] + b[1], b[2]


def _gap(a: tuple[float, float, float], b: tuple[float, float, float], rows: int) -> float:
    """Return standard errors between two bad rates; below 0 where one bin is too small to stand alone."""
    small = min(a[0], a[1], b[0], b[1]) < LEAST_OF_EACH or min(a[0] + a[1], b[0] + b[1]) < LEAST_SHARE * rows
    n, m = a[0] + a[1], b[0] + b[1]
    pool = (a[1] + b[1]) / (n + m)
    gap = abs(_rate(a) - _rate(b)) / max(np.sqrt(pool * (1 - pool) * (1 / n + 1 / m)), 1e-12)
    return float(gap - 1e6) if small else float(gap)
