"""Whom to choose, and with which action: the multiple-choice knapsack with one budget and a capacity per action.

Maximise Σ v[i, a] over at most one action a per customer i, subject to Σ w[i, a] <= budget and at most capacity[a]
customers per action. The Lagrangian dual (Fisher, 1981) gives an upper bound for any multipliers; what it can prove
to be in or out of every optimum is fixed, and the core that is left is solved exactly by branch and bound (HiGHS). Up
to `EXACT` customers nothing but the optimum is returned; above, a choice that is certified to be within `GAP` of the
bound.
"""

from dataclasses import dataclass
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array

EXACT: Final = 300
"""Up to so many customers with a worthwhile action the optimum itself is returned."""

GAP: Final = 1e-3
"""Above, (bound − value)/bound is at most this."""

_CORE: Final = 200
_ROUNDS: Final = 200

Floats = NDArray[np.float64]
Choice = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """What was chosen: `choice[i]` is the action's position or −1; `bound` is proved to be at least the optimum's
    value."""

    choice: Choice
    value: float
    bound: float
    exact: bool

    @property
    def gap(self) -> float:
        """Proved distance from the optimum, as a share of the bound."""
        return 0.0 if self.exact or self.bound <= 0 else max(0.0, (self.bound - self.value) / self.bound)


def select(value: Floats, cost: Floats, budget: float | None, capacity: list[int | None]) -> Selection:
    """Choose at most one action a customer.

    Parameters
    ----------
    value : Floats
        (n, actions) net gain; what is not positive (−inf: not allowed) is never chosen.
    cost : Floats
        (n, actions), at least 0.
    budget : float | None
        the sum of costs must not exceed it; None is without limit.
    capacity : list[int | None]
        per action, the largest number of customers; None is without limit.

    Customers must come in the order in which ties are to be broken (by id): of customers with equal values and costs
    the first are chosen.

    >>> chosen = select(np.array([[10.0], [9.0], [6.0]]), np.array([[6.0], [5.0], [5.0]]), 10.0, [None])
    >>> chosen.choice.tolist(), chosen.value
    ([-1, 0, 0], 15.0)
    """
    choice = np.full(value.shape[0], -1, np.int64)
    money = np.inf if budget is None else float(budget)
    possible = (value > 0) & (cost <= money)
    worth = np.flatnonzero(possible.any(axis=1))
    if worth.size == 0:
        return Selection(choice, 0.0, 0.0, True)
    v = np.ascontiguousarray(np.where(possible[worth], value[worth], -np.inf))
    w = np.ascontiguousarray(np.where(possible[worth], cost[worth], 0.0))
    problem = _Problem(v, w, money, _limits(capacity, worth.size))
    chosen, bound, exact = _solve(problem)
    choice[worth] = _first_of_equals(v, w, chosen)
    total = problem.value(choice[worth])
    return Selection(choice, total, total if exact else bound, exact)


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    v: Floats
    w: Floats
    budget: float
    limit: Floats

    def value(self, choice: Choice) -> float:
        rows = np.flatnonzero(choice >= 0)
        return float(self.v[rows, choice[rows]].sum())

    def spent(self, choice: Choice) -> float:
        rows = np.flatnonzero(choice >= 0)
        return float(self.w[rows, choice[rows]].sum())

    def used(self, choice: Choice) -> Floats:
        return np.bincount(choice[choice >= 0], minlength=self.limit.size).astype(np.float64)

    def fits(self, choice: Choice) -> bool:
        return bool(self.spent(choice) <= self.budget and np.all(self.used(choice) <= self.limit))


def _limits(capacity: list[int | None], n: int) -> Floats:
    return np.array([np.inf if one is None or one >= n else float(one) for one in capacity])


def _solve(problem: _Problem) -> tuple[Choice, float, bool]:
    """Return (choice, upper bound, whether the choice is proved to be an optimum)."""
    n, actions = problem.v.shape
    free, _, _, _ = _relaxed(problem.v, problem.w, 0.0, np.zeros(actions))
    if problem.fits(free):
        return free, problem.value(free), True
    price, prices, bound = _dual(problem)
    reduced = problem.v - price * problem.w - prices
    order = np.argsort(-np.maximum(reduced.max(axis=1), 0.0), kind="stable")
    lagrangian, _, _, _ = _relaxed(problem.v, problem.w, price, prices)
    choice = _repaired(problem, lagrangian, reduced, order)
    best = np.maximum(reduced.max(axis=1), 0.0)
    below = best[:, None] - reduced
    while True:
        incumbent = problem.value(choice)
        # An option further below its customer's best than bound − incumbent is in no better choice.
        slack = (bound - incumbent) * (1 + 1e-9) + 1e-9 * max(1.0, abs(bound))
        open_option = below <= slack
        open_none = best <= slack
        unsettled = np.flatnonzero(open_option.sum(axis=1) + open_none > 1)
        exact = n <= EXACT or unsettled.size <= EXACT
        if exact:
            return _branch(problem, choice, lagrangian, unsettled, open_option, gap=0.0)[0], bound, True
        if bound - incumbent <= GAP / 2 * bound:
            return choice, bound, False
        if unsettled.size <= 4 * EXACT:
            found, proved = _branch(problem, choice, lagrangian, unsettled, open_option, gap=GAP / 4)
            return found, min(bound, proved), False
        distances = np.column_stack([np.where(open_option, below, np.inf), np.where(open_none, best, np.inf)])
        second = np.partition(distances, 1, axis=1)[:, 1]
        core = np.sort(np.argsort(second, kind="stable")[:_CORE])
        better, _ = _branch(problem, choice, choice, core, open_option, gap=0.0)
        if problem.value(better) <= incumbent:
            found, proved = _branch(problem, choice, lagrangian, unsettled, open_option, gap=GAP / 4)
            return found, min(bound, proved), False
        choice = better


@numba.njit(cache=True, nogil=True)
def _relaxed(v: Floats, w: Floats, price: float, prices: Floats) -> tuple[Choice, float, float, Floats]:
    """Return each customer's best option at given prices, the sum of reduced values, what is spent and used."""
    n, actions = v.shape
    choice = np.full(n, -1, np.int64)
    total = 0.0
    spent = 0.0
    used = np.zeros(actions)
    for i in range(n):
        best = 0.0
        for a in range(actions):
            reduced = v[i, a] - price * w[i, a] - prices[a]
            if reduced > best:
                best = reduced
                choice[i] = a
        a = choice[i]
        if a >= 0:
            total += best
            spent += w[i, a]
            used[a] += 1.0
    return choice, total, spent, used


def _dual(problem: _Problem) -> tuple[float, Floats, float]:
    """Return prices of budget and capacities with the least upper bound found, by cutting planes (Kelley, 1960)."""
    v, w = problem.v, problem.w
    actions = v.shape[1]
    finite = np.flatnonzero(np.isfinite(problem.limit))
    with_budget = np.isfinite(problem.budget)
    priced = v > 0
    ratio = np.where(priced & (w > 0), v / np.where(w > 0, w, 1.0), 0.0)
    tops = ([float(ratio.max())] if with_budget else []) + [float(v[:, a].max(initial=0.0)) for a in finite]
    rights = np.array(([problem.budget] if with_budget else []) + [problem.limit[a] for a in finite])
    top = np.maximum(np.array(tops), 1e-300)
    tolerance = 1e-9 if v.shape[0] <= 4 * EXACT else 1e-6
    cuts: list[Floats] = []
    heights: list[float] = []
    at = np.zeros(top.size)
    best_at, best_bound = at, np.inf
    for _ in range(_ROUNDS):
        price, prices = _unpack(at, with_budget, finite, actions)
        _, total, spent, used = _relaxed(v, w, price, prices)
        bound = float(at @ rights) + total
        if bound < best_bound:
            best_bound, best_at = bound, at
        slope = rights - np.array(([spent] if with_budget else []) + [used[a] for a in finite])
        cuts.append(slope * top)
        heights.append(bound - float(slope @ at))
        # Least height over all cuts, in prices scaled to [0, 1].
        scale = max(abs(best_bound), 1e-300)
        rows = np.column_stack([np.array(cuts) / scale, -np.ones(len(cuts))])
        master = linprog(
            np.r_[np.zeros(top.size), 1.0],
            A_ub=rows,
            b_ub=-np.array(heights) / scale,
            bounds=[(0.0, 1.0)] * top.size + [(None, None)],
            method="highs",
        )
        if master.x is None or master.fun is None or best_bound - master.fun * scale <= tolerance * scale:
            break
        at = np.clip(master.x[:-1], 0.0, 1.0) * top
    price, prices = _unpack(best_at, with_budget, finite, actions)
    return price, prices, best_bound


def _unpack(at: Floats, with_budget: bool, finite: NDArray[np.int64], actions: int) -> tuple[float, Floats]:
    prices = np.zeros(actions)
    prices[finite] = at[int(with_budget) :]
    return (float(at[0]) if with_budget else 0.0), prices


def _repaired(problem: _Problem, choice: Choice, reduced: Floats, order: Choice) -> Choice:
    """Return a choice that fits: the relaxed one in order of reduced value as far as it fits, then the rest."""
    result = np.full(choice.size, -1, np.int64)
    left = problem.budget
    room = problem.limit.copy()
    left = _fill(problem.w, choice, order, left, room, result)
    options = np.argsort(-reduced, axis=1, kind="stable")
    for rank in range(reduced.shape[1]):
        next_best = options[:, rank]
        allowed = np.where(np.isfinite(problem.v[np.arange(choice.size), next_best]), next_best, -1)
        key = reduced[np.arange(choice.size), next_best]
        left = _fill(problem.w, allowed, np.argsort(-key, kind="stable"), left, room, result)
    while not problem.fits(result):  # sums in another order differ in the last bit
        chosen = np.flatnonzero(result >= 0)
        result[chosen[np.argmin(problem.v[chosen, result[chosen]])]] = -1
    return result


@numba.njit(cache=True, nogil=True)
def _fill(w: Floats, choice: Choice, order: Choice, left: float, room: Floats, result: Choice) -> float:
    """Give customers, in order, the option chosen for them where it fits and they have none; return the money left."""
    for i in order:
        a = choice[i]
        if a >= 0 and result[i] < 0 and w[i, a] <= left and room[a] >= 1.0:
            result[i] = a
            left -= w[i, a]
            room[a] -= 1.0
    return left


def _branch(
    problem: _Problem, incumbent: Choice, settled: Choice, core: Choice, open_option: NDArray[np.bool_], *, gap: float
) -> tuple[Choice, float]:
    """Solve for the core by branch and bound, all others as `settled`.

    Returns the better of that and the incumbent, and a bound on every choice that has the others as `settled`.
    """
    outside = settled.copy()
    outside[core] = -1
    money = problem.budget - problem.spent(outside)
    room = problem.limit - problem.used(outside)
    if core.size == 0 or money < 0 or np.any(room < 0):
        return incumbent, problem.value(incumbent)
    rows, options = np.nonzero(open_option[core] & np.isfinite(problem.v[core]))
    if rows.size == 0:
        return incumbent, problem.value(incumbent)
    v, w = problem.v[core[rows], options], problem.w[core[rows], options]
    constraints = [_sums(rows, np.ones(rows.size), core.size, np.ones(core.size))]
    if np.isfinite(money):
        unit = 1e4 / max(money, float(w.max()), 1e-300)
        constraints.append(_sums(np.zeros(rows.size, np.int64), w * unit, 1, np.array([money * unit])))
    constraints += [
        _sums(np.zeros(rows.size, np.int64), (options == a).astype(np.float64), 1, room[[a]])
        for a in np.flatnonzero(np.isfinite(room))
    ]
    worth = 1e4 / max(float(v.max()), 1e-300)
    best = incumbent
    while True:
        answer = milp(
            -v * worth,
            integrality=np.ones(rows.size, np.int64),
            bounds=Bounds(0, 1),
            constraints=constraints,
            options={"mip_rel_gap": gap},
        )
        if answer.x is None:
            return best, problem.value(best)
        taken = answer.x > 0.5
        candidate = outside.copy()
        candidate[core[rows[taken]]] = options[taken]
        if problem.fits(candidate):
            found = candidate if problem.value(candidate) > problem.value(best) else best
            above = problem.value(outside) - float(answer.mip_dual_bound) / worth
            return found, max(problem.value(found), above * (1 + 1e-9))
        # The solver's tolerance let a sum pass the limit: this very combination, and no other, is ruled out.
        cut = np.where(taken, 1.0, 0.0)
        constraints.append(_sums(np.zeros(rows.size, np.int64), cut, 1, np.array([float(taken.sum()) - 1.0])))


def _sums(rows: NDArray[np.int64], coefficients: Floats, n_rows: int, upper: Floats) -> LinearConstraint:
    matrix = csr_array((coefficients, (rows, np.arange(rows.size))), shape=(n_rows, rows.size))
    return LinearConstraint(matrix, -np.inf, upper)


def _first_of_equals(v: Floats, w: Floats, choice: Choice) -> Choice:
    """Within groups of customers with equal values and costs, give the options to the first: none last."""
    key, columns = np.zeros(choice.size, np.uint64), (*v.T, *w.T)
    for position, column in enumerate(columns):
        odd = np.uint64((2 * position + 1) * 0x9E3779B97F4A7C15 % 2**64)
        key += (np.ascontiguousarray(column) + 0.0).view(np.uint64) * odd  # + 0.0: one zero, not two
    order = np.argsort(key, kind="stable")
    starts = np.zeros(choice.size, np.bool_)
    starts[:1] = True
    for column in columns:
        starts[1:] |= column[order[1:]] != column[order[:-1]]
    if starts.all():
        return choice
    group = np.empty(choice.size, np.int64)
    group[order] = np.cumsum(starts)
    rank = np.where(choice < 0, np.iinfo(np.int64).max, choice)
    by_position = np.lexsort((np.arange(choice.size), group))
    by_rank = np.lexsort((np.arange(choice.size), rank, group))
    result = np.empty_like(choice)
    result[by_position] = choice[by_rank]
    return result
