"""The distribution of what each customer will buy and spend: parameters uncertain, counts and values jointly random.

Given alive, and given x, the number of purchases depends on the age alone, and so does their spend S over v + x·z̄
(:mod:`models.btyd.joint_spend`). Hence a table a frequency serves all its customers: survival functions on a few ages,
averaged over draws of the parameters. A customer adds P(alive), averaged over the same draws, and a scale. Tables made
for a whole base serve its parts: what is said of a customer then does not depend on the part.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt
from scipy.special import betainc, expit
from scipy.stats import gamma

from lifecycle.models.btyd.age_spans import MOST, AgeSpans
from lifecycle.models.btyd.ages import Indices, groups
from lifecycle.models.btyd.gamma_gamma import GammaGamma, checked_money
from lifecycle.models.btyd.inputs import Floats, Histories, histories
from lifecycle.models.btyd.joint_spend import enough
from lifecycle.models.btyd.purchase_model import PurchaseModel
from lifecycle.models.btyd.simulated_lives import discounted_spends
from lifecycle.models.btyd.threads import in_chunks

_SPENDS = 128
_COUNTS = 48
_TAIL = 1e-7
_RARE = 1e-5
_NOTHING = 1e-9
"""Residual value of so small a share of a purchase, discounted over centuries, is shown as 0."""


class _Table(NamedTuple):
    """Survival functions of one frequency, a row an age."""

    counts: Floats
    spends: Floats
    residuals: Floats
    first_log: float
    log_step: float


class _Group(NamedTuple):
    """Customers of one frequency; ``place`` is a customer's fractional row in the table."""

    members: Indices
    place: Floats
    table: _Table


@numba.njit(cache=True, nogil=True)
def _above(table: Floats, place: Floats, column: Floats) -> Floats:
    """The table at fractional rows ``place`` and columns ``column`` (the last column holds beyond it)."""
    out = np.empty(place.size)
    for i in range(place.size):
        row = min(int(place[i]), max(table.shape[0] - 2, 0))
        below = min(row + 1, table.shape[0] - 1)
        left = min(int(column[i]), table.shape[1] - 1)
        right = min(left + 1, table.shape[1] - 1)
        down, across = place[i] - row, min(column[i], table.shape[1] - 1.0) - left
        here = table[row, left] + across * (table[row, right] - table[row, left])
        there = table[below, left] + across * (table[below, right] - table[below, left])
        out[i] = here + down * (there - here)
    return out


@numba.njit(cache=True, nogil=True)
def _column_where(table: Floats, place: Floats, target: Floats) -> Floats:
    """Fractional column at which a falling row first is at or under ``target``; 0 if it always is."""
    out = np.empty(place.size)
    for i in range(place.size):
        row = min(int(place[i]), max(table.shape[0] - 2, 0))
        below = min(row + 1, table.shape[0] - 1)
        down = place[i] - row
        low, high = -1, table.shape[1] - 1
        while high - low > 1:
            middle = (low + high) // 2
            if table[row, middle] + down * (table[below, middle] - table[row, middle]) <= target[i]:
                high = middle
            else:
                low = middle
        value = table[row, high] + down * (table[below, high] - table[row, high])
        if low < 0 or value > target[i]:
            out[i] = high
        else:
            before = table[row, low] + down * (table[below, low] - table[row, low])
            out[i] = low + (before - target[i]) / (before - value)
    return out


def _nodes(ages: Floats, origin: float, *, wide: bool) -> Floats:
    """Ages to tabulate: those given, or even steps of the logarithm from the least to the greatest."""
    if not wide:
        return ages
    low, high = math.log(origin + float(ages[0])), math.log(origin + float(ages[-1]))
    return np.maximum(np.exp(np.linspace(low, high, MOST)) - origin, 0.0)


def _place(known: Floats, ages: Floats, origin: float, *, wide: bool) -> Floats:
    """Fractional rows of the ages among the nodes that `_nodes` makes of the known ones."""
    if not wide:
        return np.searchsorted(known, ages).astype(np.float64)
    low, high = math.log(origin + float(known[0])), math.log(origin + float(known[-1]))
    return np.asarray((np.log(origin + ages) - low) * ((MOST - 1) / (high - low)))


def _span(spends: Sequence[GammaGamma], x: float, size: int) -> tuple[float, float]:
    """Logs of scaled spends between which nearly all lie: one cheap purchase, and ``size`` dear ones."""
    p, q = (float(np.mean([getattr(money, name) for money in spends])) for name in ("p", "q"))
    shape = q + p * x
    cheap = max(float(gamma.ppf(_RARE, p)), 1e-4 * p) / float(gamma.isf(_RARE, shape))
    dear = size * p / float(gamma.ppf(_RARE, shape))
    return math.log(0.5 * cheap), math.log(2.0 * dear)


class Tables:
    """What living customers will buy and spend over one horizon, by frequency and age, for all customers of a base.

    Built from ``models`` and, with money, as many ``spends``: one each a draw of the parameters.
    """

    def __init__(
        self,
        models: Sequence[PurchaseModel],
        spends: Sequence[GammaGamma] | None,
        spans: AgeSpans,
        *,
        horizon: float,
        discount_rate: float,
        seed: int,
    ) -> None:
        """Fill the tables; ``discount_rate`` > 0 is needed for residual value only."""
        self._models = models
        self._spends = spends
        self._spans = spans
        self._horizon = horizon
        self._rate = discount_rate
        self._seed = seed
        self._v = float(np.mean([money.v for money in spends])) if spends is not None else 0.0
        frequencies = list(spans.ages)
        filled = in_chunks(lambda place, _: self._fill(frequencies[place]), len(frequencies), size=1)
        self._by_frequency = dict(zip(frequencies, filled, strict=True))

    def at(
        self,
        frequency: npt.ArrayLike,
        recency: npt.ArrayLike,
        T: npt.ArrayLike,
        monetary_value: npt.ArrayLike | None = None,
    ) -> "Predictive":
        """The distributions of some customers of the base; all are numbers or of one shape.

        Raises
        ------
        ValueError
            a customer's frequency or age is not among those that the tables were made for, or money is given without
            models of spend, or the other way round.
        """
        at = histories(frequency, recency, T)
        if (self._spends is None) != (monetary_value is None):
            raise ValueError("gamma_gamma and monetary_value come together: give both for money, neither without.")
        mean = None
        if monetary_value is not None:
            _, mean = checked_money(np.broadcast_to(frequency, at.shape), np.broadcast_to(monetary_value, at.shape))
        alive = np.zeros(at.T.size)
        for model in self._models:
            alive += expit(-model._log_odds_gone(at)) / len(self._models)
        scale = None
        if mean is not None:
            scale = self._v + np.where(at.frequency > 0.0, at.frequency * np.nan_to_num(mean), 0.0)
        order, edges = groups(at.frequency)
        found = [self._group(at, order[i:j]) for i, j in pairwise(edges)]
        return Predictive(found, alive, scale)

    def _group(self, at: Histories, members: Indices) -> _Group:
        x, ages = float(at.frequency[members[0]]), at.T[members]
        known, wide = self._spans.ages.get(x, np.empty(0)), x in self._spans.wide
        inside = (ages >= known[0]) & (ages <= known[-1]) if wide else np.isin(ages, known)
        if not inside.all():
            told = f"ages from {known[0]:g} to {known[-1]:g}" if known.size else "no customer"
            raise ValueError(
                f"the tables were made for other customers: at frequency {x:g} they know {told}, and "
                f"{np.count_nonzero(~inside)} of {ages.size} are of another age. Make them for the whole base."
            )
        return _Group(members, _place(known, ages, self._models[0].origin, wide=wide), self._by_frequency[x])

    def _fill(self, x: float) -> _Table:
        nodes = _nodes(self._spans.ages[x], self._models[0].origin, wide=x in self._spans.wide)
        size = 1 + max(enough(m, self._horizon, x, float(nodes[0]), _TAIL).size for m in self._models[:2])
        counts = np.arange(size)
        chances = [model._alive_pmf(counts, self._horizon, x, nodes) for model in self._models]
        survival = np.maximum(1.0 - np.cumsum(np.mean(chances, axis=0), axis=1), 0.0)
        empty = np.zeros((1, 1))
        if self._spends is None:
            return _Table(survival, empty, empty, 0.0, 1.0)
        first, last = _span(self._spends, x, size)
        step = (last - first) / (_SPENDS - 1)
        grid = np.exp(first + step * np.arange(_SPENDS))
        ratios = self._ratios(x)
        spends = np.mean(
            [
                self._spend_survival(g, x, chance, grid / ratio)
                for g, chance, ratio in zip(self._spends, chances, ratios, strict=True)
            ],
            axis=0,
        )
        residuals = empty
        if self._rate > 0.0:
            rng = np.random.default_rng([self._seed, int(x)])
            residuals = discounted_spends(self._models, self._spends, ratios, x, nodes, self._rate, rng)
        return _Table(survival, spends, residuals, first, step)

    def _ratios(self, x: float) -> Floats:
        """(v + x·z)/(v̂ + x·z) of every draw, at the population's mean purchase z."""
        spends = self._spends or ()
        typical = float(np.mean([g.p * g.v / max(g.q - 1.0, 0.05) for g in spends]))
        return np.array([(g.v + x * typical) / (self._v + x * typical) for g in spends])

    def _spend_survival(self, money: GammaGamma, x: float, chance: Floats, scaled: Floats) -> Floats:
        """P(S > s | alive) at ``scaled`` spends, shape (ages, spends)."""
        last = chance.shape[1]
        edges = np.unique(np.round(np.concatenate((np.arange(1, _COUNTS), np.geomspace(_COUNTS, max(last, 50), 40)))))
        edges = edges[edges <= last].astype(np.int64)
        if edges[-1] < last:
            edges = np.append(edges, last)
        mass = np.add.reduceat(chance, edges[:-1], axis=1)
        mean_count = 0.5 * (edges[:-1] + edges[1:] - 1)
        above = 1.0 - betainc(money.p * mean_count[:, None], money.q + money.p * x, scaled / (1.0 + scaled))
        return np.asarray(mass @ above)


class Predictive:
    """Predictive distributions of customers over one horizon; made by :meth:`Tables.at`.

    All methods give one entry a customer. ``alive`` is P(alive), the mean over the draws of the parameters.
    """

    def __init__(self, found: Sequence[_Group], alive: Floats, scale: Floats | None) -> None:
        """Take the customers' places in the tables, and the money that one unit of scaled spend is for each."""
        self._groups = found
        self.alive = alive
        self.has_money = scale is not None
        self._scale = np.full(alive.size, np.nan) if scale is None else scale
        self._n = alive.size

    def purchase_cdf(self, n: npt.ArrayLike) -> Floats:
        """P(at most ``n`` purchases within the horizon), ``n`` one a customer or one for all; 0 under 0."""
        counts = np.broadcast_to(np.asarray(n, np.float64), self._n)
        out = np.empty(self._n)
        for group in self._groups:
            wanted = np.ascontiguousarray(counts[group.members])
            over = _above(group.table.counts, group.place, np.maximum(wanted, 0.0))
            out[group.members] = np.where(wanted < 0.0, 0.0, 1.0 - self.alive[group.members] * over)
        return out

    def purchase_quantile(self, level: float) -> Floats:
        """The smallest number of purchases with P(at most as many) >= ``level``."""
        out = np.empty(self._n)
        for group in self._groups:
            column = _column_where(group.table.counts, group.place, self._target(group, level))
            out[group.members] = np.ceil(column)
        return out

    def spend_cdf(self, spend: npt.ArrayLike) -> Floats:
        """P(spend within the horizon <= ``spend``), money, one a customer or one for all; the atom at 0 included."""
        money = np.broadcast_to(np.asarray(spend, np.float64), self._n)
        out = np.empty(self._n)
        for group in self._groups:
            scaled = money[group.members] / self._scale[group.members]
            with np.errstate(divide="ignore"):
                column = (np.log(scaled) - group.table.first_log) / group.table.log_step
            some = _above(group.table.counts, group.place, np.zeros(column.size))
            inside = _above(group.table.spends, group.place, np.maximum(column, 0.0))
            start = np.exp(group.table.first_log)
            near_zero = some + (inside - some) * scaled / start
            out[group.members] = 1.0 - self.alive[group.members] * np.where(column < 0.0, near_zero, inside)
        return out

    def spend_quantile(self, level: float) -> Floats:
        """The smallest spend with P(at most as much) >= ``level``; 0 where no purchase is that likely."""
        out = np.empty(self._n)
        for group in self._groups:
            target = self._target(group, level)
            some = _above(group.table.counts, group.place, np.zeros(target.size))
            column = _column_where(group.table.spends, group.place, target)
            scaled = np.where(target >= some, 0.0, np.exp(group.table.first_log + group.table.log_step * column))
            out[group.members] = self._scale[group.members] * scaled
        return out

    def residual_quantile(self, level: float) -> Floats:
        """Quantile of all discounted future spend, by simulated lives (:mod:`models.btyd.simulated_lives`)."""
        out = np.empty(self._n)
        for group in self._groups:
            target = self._target(group, level)
            column = (1.0 - np.minimum(target, 1.0)) * (group.table.residuals.shape[1] - 1)
            scaled = np.where(target >= 1.0, 0.0, np.exp(_above(group.table.residuals, group.place, column)))
            scaled[scaled < _NOTHING] = 0.0
            out[group.members] = self._scale[group.members] * scaled
        return out

    def _target(self, group: _Group, level: float) -> Floats:
        with np.errstate(divide="ignore"):
            return np.asarray((1.0 - level) / self.alive[group.members])
