"""The distribution of what each customer will buy and spend: parameters uncertain, counts and values jointly random.

Given alive, and given x, the number of purchases depends on the age alone, and so does their spend S over v + x·z̄
(:mod:`models.btyd.spend`). Hence a table a frequency serves all its customers: survival functions on a few ages,
averaged over draws of the parameters. A customer adds P(alive), averaged over the same draws, and a scale.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt
from scipy.special import betainc, expit
from scipy.stats import gamma

from models.btyd.ages import Indices, groups
from models.btyd.gamma_gamma import GammaGamma
from models.btyd.inputs import Floats, Histories
from models.btyd.lives import discounted_spends
from models.btyd.purchases import PurchaseModel
from models.btyd.spend import enough
from models.btyd.threads import in_chunks

_AGES = 24
_SPENDS = 128
_COUNTS = 48
_TAIL = 1e-7
_RARE = 1e-5
_NOTHING = 1e-9
"""Residual value of so small a share of a purchase, discounted over centuries, is shown as 0."""


class _Group(NamedTuple):
    """Customers of one frequency and their tables, a row an age; ``place`` is a customer's fractional row."""

    members: Indices
    place: Floats
    counts: Floats
    spends: Floats
    residuals: Floats
    first_log: float
    log_step: float


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


def _places(ages: Floats, origin: float) -> tuple[Floats, Floats]:
    """Ages to tabulate and the customers' fractional rows among them: all if few, else equal steps of the logarithm."""
    distinct, codes = np.unique(ages, return_inverse=True)
    if distinct.size <= _AGES:
        return distinct, codes.astype(np.float64)
    low, high = math.log(origin + float(distinct[0])), math.log(origin + float(distinct[-1]))
    nodes = np.maximum(np.exp(np.linspace(low, high, _AGES)) - origin, 0.0)
    return nodes, (np.log(origin + ages) - low) * ((_AGES - 1) / (high - low))


def _span(spends: Sequence[GammaGamma], x: float, size: int) -> tuple[float, float]:
    """Logs of scaled spends between which nearly all lie: one cheap purchase, and ``size`` dear ones."""
    p, q = (float(np.mean([getattr(money, name) for money in spends])) for name in ("p", "q"))
    shape = q + p * x
    cheap = max(float(gamma.ppf(_RARE, p)), 1e-4 * p) / float(gamma.isf(_RARE, shape))
    dear = size * p / float(gamma.ppf(_RARE, shape))
    return math.log(0.5 * cheap), math.log(2.0 * dear)


class Predictive:
    """Predictive distributions of all customers over one horizon.

    Built from ``models`` and, with money, as many ``spends``: one each a draw of the parameters. All methods give one
    entry a customer. ``alive`` is P(alive), the mean over the draws.
    """

    def __init__(
        self,
        models: Sequence[PurchaseModel],
        spends: Sequence[GammaGamma] | None,
        at: Histories,
        monetary_value: Floats | None,
        *,
        horizon: float,
        discount_rate: float,
        seed: int,
    ) -> None:
        """Fill the tables; ``discount_rate`` > 0 is needed for residual value only."""
        self._models = models
        self._spends = spends
        self._horizon = horizon
        self._rate = discount_rate
        self._seed = seed
        self._n = at.T.size
        self.alive = np.zeros(self._n)
        for model in models:
            self.alive += expit(-model._log_odds_gone(at)) / len(models)
        if spends is not None and monetary_value is not None:
            self._v = float(np.mean([money.v for money in spends]))
            own = np.where(at.frequency > 0.0, at.frequency * np.where(at.frequency > 0.0, monetary_value, 0.0), 0.0)
            self._scale = self._v + own
        order, edges = groups(at.frequency)
        self._groups = in_chunks(
            lambda group, _: self._tables(at, order[edges[group] : edges[group + 1]]), edges.size - 1, size=1
        )

    def _tables(self, at: Histories, members: Indices) -> _Group:
        x = float(at.frequency[members[0]])
        ages = at.T[members]
        nodes, place = _places(ages, self._models[0].origin)
        size = 1 + max(enough(m, self._horizon, x, float(nodes[0]), _TAIL).size for m in self._models[:2])
        counts = np.arange(size)
        chances = [model._alive_pmf(counts, self._horizon, x, nodes) for model in self._models]
        survival = np.maximum(1.0 - np.cumsum(np.mean(chances, axis=0), axis=1), 0.0)
        empty = np.zeros((1, 1))
        if self._spends is None:
            return _Group(members, place, survival, empty, empty, 0.0, 1.0)
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
        return _Group(members, place, survival, spends, residuals, first, step)

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

    def purchase_cdf(self, n: npt.ArrayLike) -> Floats:
        """P(at most ``n`` purchases within the horizon), ``n`` one a customer or one for all; 0 under 0."""
        counts = np.broadcast_to(np.asarray(n, np.float64), self._n)
        out = np.empty(self._n)
        for group in self._groups:
            wanted = np.ascontiguousarray(counts[group.members])
            over = _above(group.counts, group.place, np.maximum(wanted, 0.0))
            out[group.members] = np.where(wanted < 0.0, 0.0, 1.0 - self.alive[group.members] * over)
        return out

    def purchase_quantile(self, level: float) -> Floats:
        """The smallest number of purchases with P(at most as many) >= ``level``."""
        out = np.empty(self._n)
        for group in self._groups:
            column = _column_where(group.counts, group.place, self._target(group, level))
            out[group.members] = np.ceil(column)
        return out

    def spend_cdf(self, spend: npt.ArrayLike) -> Floats:
        """P(spend within the horizon <= ``spend``), money, one a customer or one for all; the atom at 0 included."""
        money = np.broadcast_to(np.asarray(spend, np.float64), self._n)
        out = np.empty(self._n)
        for group in self._groups:
            scaled = money[group.members] / self._scale[group.members]
            with np.errstate(divide="ignore"):
                column = (np.log(scaled) - group.first_log) / group.log_step
            some = _above(group.counts, group.place, np.zeros(column.size))
            inside = _above(group.spends, group.place, np.maximum(column, 0.0))
            start = np.exp(group.first_log)
            near_zero = some + (inside - some) * scaled / start
            out[group.members] = 1.0 - self.alive[group.members] * np.where(column < 0.0, near_zero, inside)
        return out

    def spend_quantile(self, level: float) -> Floats:
        """The smallest spend with P(at most as much) >= ``level``; 0 where no purchase is that likely."""
        out = np.empty(self._n)
        for group in self._groups:
            target = self._target(group, level)
            some = _above(group.counts, group.place, np.zeros(target.size))
            column = _column_where(group.spends, group.place, target)
            scaled = np.where(target >= some, 0.0, np.exp(group.first_log + group.log_step * column))
            out[group.members] = self._scale[group.members] * scaled
        return out

    def residual_quantile(self, level: float) -> Floats:
        """Quantile of all discounted future spend, by simulated lives (:mod:`models.btyd.lives`)."""
        out = np.empty(self._n)
        for group in self._groups:
            target = self._target(group, level)
            column = (1.0 - np.minimum(target, 1.0)) * (group.residuals.shape[1] - 1)
            scaled = np.where(target >= 1.0, 0.0, np.exp(_above(group.residuals, group.place, column)))
            scaled[scaled < _NOTHING] = 0.0
            out[group.members] = self._scale[group.members] * scaled
        return out

    def _target(self, group: _Group, level: float) -> Floats:
        with np.errstate(divide="ignore"):
            return np.asarray((1.0 - level) / self.alive[group.members])
