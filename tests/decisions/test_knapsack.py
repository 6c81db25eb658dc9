"""The knapsack against enumeration, against an integer programme, and against its own certified bound."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from lifecycle.decisions.knapsack import EXACT, GAP, select


def enumerated(value, cost, budget, capacity):
    """The best value over all choices, one by one."""
    n, actions = value.shape
    best = 0.0
    for choice in product(range(-1, actions), repeat=n):
        rows = [i for i in range(n) if choice[i] >= 0]
        total = sum(value[i, choice[i]] for i in rows)
        if total <= best or not np.isfinite(total):
            continue
        if budget is not None and sum(cost[i, choice[i]] for i in rows) > budget:
            continue
        if all(limit is None or choice.count(a) <= limit for a, limit in enumerate(capacity)):
            best = total
    return best


def programmed(value, cost, budget, capacity):
    """The optimum of the whole integer programme, every option of every customer in it."""
    n, actions = value.shape
    usable = np.where(np.isfinite(value), value, 0.0).ravel()
    each = np.kron(np.eye(n), np.ones(actions))
    constraints = [LinearConstraint(each, -np.inf, 1), LinearConstraint(cost.reshape(1, -1), -np.inf, budget)]
    for a, limit in enumerate(capacity):
        if limit is not None:
            constraints.append(LinearConstraint(np.tile(np.arange(actions) == a, n).astype(float), -np.inf, limit))
    answer = milp(
        -usable,
        integrality=np.ones(n * actions),
        bounds=Bounds(0, np.isfinite(value).ravel().astype(float)),
        constraints=constraints,
        options={"mip_rel_gap": 0.0},
    )
    return -answer.fun


def check(value, cost, budget, capacity, chosen):
    """The choice keeps every limit to the last bit, and its stated value is its value."""
    rows = np.flatnonzero(chosen.choice >= 0)
    options = chosen.choice[rows]
    assert (value[rows, options] > 0).all()
    if budget is not None:
        assert cost[rows, options].sum() <= budget
    for a, limit in enumerate(capacity):
        assert limit is None or (options == a).sum() <= limit
    assert chosen.value == pytest.approx(value[rows, options].sum())
    assert chosen.bound >= chosen.value * (1 - 1e-12)


numbers = st.floats(0.01, 20.0)


@settings(max_examples=150, deadline=None)
@given(st.data(), st.integers(1, 6), st.integers(1, 2))
def test_small_problems_are_solved_like_enumeration_solves_them(data, n, actions):
    value = np.array(data.draw(st.lists(st.floats(-5, 20), min_size=n * actions, max_size=n * actions)))
    value = np.where(value > 15, -np.inf, value).reshape(n, actions)
    cost = np.array(data.draw(st.lists(numbers, min_size=n * actions, max_size=n * actions))).reshape(n, actions)
    budget = data.draw(st.none() | st.floats(0.0, 60.0))
    capacity = [data.draw(st.none() | st.integers(0, n)) for _ in range(actions)]
    chosen = select(value, cost, budget, capacity)
    check(value, cost, budget, capacity, chosen)
    assert chosen.exact
    assert chosen.value == pytest.approx(enumerated(value, cost, budget, capacity), rel=1e-9)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("n", "actions"), [(12, 1), (40, 3), (120, 2), (300, 1), (300, 4)])
def test_up_to_three_hundred_customers_nothing_is_better(n, actions, seed):
    rng = np.random.default_rng(seed)
    cost = rng.lognormal(0, 0.6, (n, actions))
    value = cost * rng.lognormal(0.5, 0.3 + 0.2 * seed, (n, actions)) - 1
    budget = 0.03 * (seed + 1) * cost.sum()
    capacity = [None, *(int(rng.integers(1, n // 4 + 2)) for _ in range(actions - 1))]
    chosen = select(value, cost, budget, capacity)
    check(value, cost, budget, capacity, chosen)
    assert chosen.exact
    assert chosen.value >= programmed(value, cost, budget, capacity) * (1 - 1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_whole_costs_are_solved_like_dynamic_programming_solves_them(seed):
    rng = np.random.default_rng(seed)
    cost = rng.integers(1, 40, (150, 1)).astype(float)
    value = cost + rng.integers(1, 6, (150, 1))  # strongly correlated: hard for greedy
    budget = 400
    best = np.zeros(budget + 1)
    for v, w in zip(value[:, 0], cost[:, 0].astype(int), strict=True):
        best[w:] = np.maximum(best[w:], best[:-w] + v)
    assert select(value, cost, float(budget), [None]).value == best[budget]


@pytest.mark.parametrize("n", [EXACT + 1, 2_000, 20_000])
@pytest.mark.parametrize("capacity", [[None, None], [None, 40]])
@pytest.mark.parametrize("tail", [0.3, 2.5])
def test_larger_problems_are_within_the_certified_bound(n, capacity, tail):
    rng = np.random.default_rng(n)
    cost = rng.lognormal(0, 0.8, (n, 2))
    value = cost * rng.lognormal(0.3, tail, (n, 2)) - 1  # tail 2.5: a few customers hold most of the value
    budget = 0.02 * cost.sum()
    chosen = select(value, cost, budget, capacity)
    check(value, cost, budget, capacity, chosen)
    assert chosen.gap <= GAP
    assert chosen.value >= (1 - GAP) * chosen.bound


def test_one_customer_too_dear_for_the_budget_does_not_spoil_the_rest():
    value = np.array([[1000.0], *[[2.0]] * 400])
    for dear in (101.0, 99.5):
        cost = np.array([[dear], *[[1.0]] * 400])
        chosen = select(value, cost, 100.0, [None])
        assert chosen.value == (200.0 if dear > 100 else 1000.0)
        assert chosen.gap <= GAP


@pytest.mark.parametrize("n", [301, 400])
def test_few_places_for_many_that_differ_little(n):
    rng = np.random.default_rng(n)
    cost = rng.uniform(30, 60, (n, 2))
    value = cost * rng.uniform(1.0, 1.02, (n, 2))
    chosen = select(value, cost, 100.0, [None, 1])  # room for two or three only: the relaxation is far off
    check(value, cost, 100.0, [None, 1], chosen)
    assert chosen.gap <= GAP


def test_of_equals_the_first_are_chosen():
    value = np.full((10, 1), 3.0)
    chosen = select(value, np.ones((10, 1)), 4.0, [None])
    assert chosen.choice.tolist() == [0, 0, 0, 0, -1, -1, -1, -1, -1, -1]


def test_nothing_is_chosen_where_nothing_pays():
    value = np.array([[-1.0, -np.inf], [0.0, -2.0]])
    chosen = select(value, np.ones((2, 2)), 10.0, [None, None])
    assert chosen.choice.tolist() == [-1, -1]
    assert (chosen.value, chosen.bound, chosen.exact) == (0.0, 0.0, True)


def test_actions_without_cost_need_no_budget():
    chosen = select(np.array([[2.0], [1.0]]), np.zeros((2, 1)), 0.0, [None])
    assert chosen.choice.tolist() == [0, 0]
