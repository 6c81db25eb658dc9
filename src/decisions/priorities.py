"""The plan: for every customer a strategy, the best action and what it is worth, and within the means a list to act on.

Grain: one entry a customer, in the order of the input. `targeted` is the optimal list; the control group is drawn
within it by a hash of the id that does not change from run to run; `selected` is the rest. Money that the control
group leaves is not spent again. Where the policy explores, a few customers of the optimal list give their places to
others just outside it, both drawn by the toss of a coin.

Customers are read in pieces, three times: for the order of their ids, for what may be done, for what was chosen. What
is kept of all of them at once is the result, a place in an order, and the options that would pay.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lifecycle.decisions import strategies
from lifecycle.decisions.actions import DECLINE_STRATEGIES, RetentionPolicy
from lifecycle.decisions.draw import drawn
from lifecycle.decisions.experiments.explore import COIN, explore
from lifecycle.decisions.experiments.rates import ASSUMED, Rates
from lifecycle.decisions.gains import Floats, Gain, offered
from lifecycle.decisions.knapsack import select
from lifecycle.decisions.plan_input import Codes, Customers, Flags, PlanInput
from lifecycle.decisions.vocabulary import STRATEGIES

Places = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Plan:
    """What to do, one entry a customer, in the order of the input.

    Attributes
    ----------
    strategy, cause : Codes
        codes of `STRATEGIES` and `CAUSES` (−1: no cause).
    action : NDArray[np.int16]
        position in the policy's catalogue, −1 where no allowed action has a positive net value.
    expected_gain, gain_low, gain_high : Floats
        net gain of the action, and at the ends of the 90 % interval of its rate; NaN where there is none.
    basis : Codes
        codes of `decisions.experiments.rates.BASES` that the gain rests on, −1 where there is no action.
    movable : Floats
        what the action's rate is multiplied with to give the rise of P(buys); NaN where there is no action.
    break_even_save_rate : Floats
        effect at which the action (or, without one, the cheapest to repay) pays for itself; NaN if none can.
    targeted, control, selected : Flags
        the list, the part left alone, and the part to be contacted.
    explored : Codes
        1 = of the optimal list, targeted or not by the toss of a coin, 2 = the same just outside it, 0 = not explored.
    propensity : Floats
        probability with which a targeted or explored customer was drawn to be contacted; NaN for others.
    priority : NDArray[np.int32]
        1 = first; total order 1..n: the list by gain, then all others by best gain, value at risk or to win
        back, and id.
    value, bound, exact : float
        total gain of the optimal list, its proved upper bound, and whether it is proved optimal.
    gain : float
        total gain of the list as it is, with those explored.
    spent : float
        contact costs and expected incentives of the list, control group included.
    by_rate : tuple[tuple[float, float], ...]
        (multiple of the rates, total net gain of this list) pairs.
    conservative : float
        total gain of the list if money came out at the lower end of its interval; NaN without one.
    """

    strategy: Codes
    cause: Codes
    action: NDArray[np.int16]
    expected_gain: Floats
    gain_low: Floats
    gain_high: Floats
    basis: Codes
    movable: Floats
    break_even_save_rate: Floats
    targeted: Flags
    control: Flags
    selected: Flags
    explored: Codes
    propensity: Floats
    priority: NDArray[np.int32]
    value: float
    gain: float
    bound: float
    exact: bool
    spent: float
    by_rate: tuple[tuple[float, float], ...]
    conservative: float


RATE_MULTIPLES = (0.25, 0.5, 1.0, 1.5, 2.0)


def plan(customers: Customers, policy: RetentionPolicy, rates: Rates = ASSUMED) -> Plan:
    """Return the best list within budget, capacities, consent and contact rules; a pure function of its arguments.

    `rates` hold what experiments have measured; what is not in them is as the catalogue assumes.

    The order in which customers come does not matter: ties are broken by id.
    """
    by_id = _by_id(customers)
    n = by_id.size
    strategy, cause = np.empty(n, np.int8), np.empty(n, np.int8)
    best_net, at_risk, purchases = np.empty(n), np.empty(n), np.zeros(n)
    found: list[_Options] = []
    for rows, piece in numbered(customers):
        assigned = strategies.assign(piece.stage, piece.cause)
        gains = [rates.gain(action, piece.worth, piece.stage) for action in policy.actions]
        net, cost = _matrices(gains, policy, piece.stage, assigned)
        found.append(_Options.of(net, cost, _allowed(piece, policy), policy.min_return, first=rows.start))
        best_net[rows] = net.max(axis=1, initial=-np.inf)
        strategy[rows] = strategies.let_go(piece.stage, assigned, best_net[rows])
        cause[rows] = piece.cause
        at_risk[rows] = piece.worth.value_at_risk + piece.worth.winback_value
        if piece.purchases_at_risk is not None:
            purchases[rows] = piece.purchases_at_risk
    ranked = _descending(by_id, purchases, at_risk, best_net)
    del best_net, at_risk, purchases
    open_to = _Options.joined(found, by_id)
    del by_id

    chosen = select(open_to.net, open_to.cost, policy.budget, [action.capacity for action in policy.actions])
    listed = chosen.choice >= 0
    action, expected, targeted = np.full(n, -1, np.int16), np.full(n, np.nan), np.zeros(n, np.bool_)
    explored, propensity = np.zeros(n, np.int8), np.full(n, np.nan)
    spent, total = 0.0, chosen.value
    if listed.size:
        taken = np.where(listed, chosen.choice, open_to.net.argmax(axis=1))
        each = np.arange(taken.size)
        action[open_to.customer] = taken
        expected[open_to.customer] = open_to.net[each, taken]
        targeted[open_to.customer] = listed
        if policy.explore_share > 0 and not listed.all():
            found_out = explore(
                _ids_of(customers, open_to.customer),
                listed,
                taken,
                open_to.net[each, taken],
                open_to.cost[each, taken],
                share=policy.explore_share,
                salt=policy.salt,
            )
            explored[open_to.customer[found_out.inside]] = 1
            explored[open_to.customer[found_out.outside]] = 2
            targeted |= explored == 2
            targeted[open_to.customer[found_out.left_alone]] = False
            total = float(open_to.net[each, taken][targeted[open_to.customer]].sum())
        spent = float(open_to.cost[each, taken][targeted[open_to.customer]].sum())
    del open_to

    break_even, control = np.empty(n), np.zeros(n, np.bool_)
    low, high, movable, basis = np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan), np.full(n, -1, np.int8)
    by_rate, conservative = dict.fromkeys(RATE_MULTIPLES, 0.0), 0.0 if customers.cautious is not None else np.nan
    for rows, piece in numbered(customers):
        gains = [rates.gain(one, piece.worth, piece.stage) for one in policy.actions]
        rate = _least_break_even(gains, policy, piece.stage, strategy[rows])
        for position, one in enumerate(gains):
            mine = action[rows] == position
            rate = np.where(mine, one.break_even, rate)
            down, up = rates.reach(policy.actions[position], one, piece.stage)
            low[rows][mine], high[rows][mine] = (one.net + down)[mine], (one.net + up)[mine]
            movable[rows][mine] = one.saved[mine]
            basis[rows][mine] = rates.basis(policy.actions[position], piece.stage)[mine]
        break_even[rows] = np.where(np.isfinite(rate), rate, np.nan)
        mine = targeted[rows] & (explored[rows] == 0)
        control[rows][mine] = drawn(
            piece.customer_id.filter(pa.array(mine)), share=policy.control_share, salt=policy.salt
        )
        propensity[rows][mine] = 1 - policy.control_share
        mine = targeted[rows]
        for position, what in enumerate(policy.actions):
            places = np.flatnonzero(mine & (action[rows] == position))
            worth, stage = piece.worth.at(places), piece.stage[places]
            won = rates.gain(what, worth, stage)
            for multiple in by_rate:
                by_rate[multiple] += float(won.net_at(multiple).sum())
            if customers.cautious is not None:
                conservative += float(rates.gain(what, worth.times(customers.cautious), stage).net.sum())
    propensity[explored > 0] = COIN
    return Plan(
        strategy=strategy,
        cause=cause,
        action=action,
        expected_gain=expected,
        gain_low=low,
        gain_high=high,
        basis=basis,
        movable=movable,
        break_even_save_rate=break_even,
        targeted=targeted,
        control=control,
        selected=targeted & ~control,
        explored=explored,
        propensity=propensity,
        priority=_priorities(ranked, targeted, expected),
        value=chosen.value,
        gain=total,
        bound=chosen.bound,
        exact=chosen.exact,
        spent=spent,
        by_rate=tuple(by_rate.items()),
        conservative=conservative,
    )


def numbered(customers: Customers) -> Iterator[tuple[slice, PlanInput]]:
    """Yield the pieces of customers, each with the rows it has among all."""
    start = 0
    for piece in customers.pieces():
        yield slice(start, start + piece.stage.size), piece
        start += piece.stage.size


@dataclass(frozen=True, eq=False)
class _Options:
    """What may be done for whom: customers who have some allowed action of positive net value, and its net and cost.

    ``net`` (m, actions) is −inf where an action is not allowed. Whoever has no such action takes no memory here.
    """

    customer: Places
    net: Floats
    cost: Floats

    @classmethod
    def of(cls, net: Floats, cost: Floats, allowed: Flags, min_return: float, *, first: int) -> "_Options":
        """The options of a piece of the customers, the first of whom is customer number `first`."""
        usable = (net > 0) & (net >= min_return * cost) & allowed[:, None]
        rows = np.flatnonzero(usable.any(axis=1))
        return cls((rows + first).astype(np.int32), np.where(usable[rows], net[rows], -np.inf), cost[rows])

    @classmethod
    def joined(cls, parts: list["_Options"], order: Places) -> "_Options":
        """The options of all pieces, customers in the given order of all; the parts are used up."""
        if not parts:
            return cls(np.empty(0, np.int32), np.empty((0, 0)), np.empty((0, 0)))
        customer = np.concatenate([part.customer for part in parts])
        net = np.concatenate([part.net for part in parts])
        cost = np.concatenate([part.cost for part in parts])
        parts.clear()
        place = np.empty_like(order)
        place[order] = np.arange(order.size, dtype=order.dtype)
        by_place = np.argsort(place[customer])
        return cls(customer[by_place], net[by_place], cost[by_place])


def _ids_of(customers: Customers, places: Places) -> pa.Array:
    """Return the ids of customers by their numbers among all."""
    return pa.concat_arrays([piece.customer_id for _, piece in numbered(customers)]).take(pa.array(places))


def _by_id(customers: Customers) -> Places:
    """Return the numbers of all customers in the order of their ids."""
    ids = [piece.customer_id for _, piece in numbered(customers)]
    if not ids:
        return np.empty(0, np.int32)
    return np.asarray(pc.array_sort_indices(pa.concat_arrays(ids)).to_numpy(), dtype=np.int32)


def _allowed(piece: PlanInput, policy: RetentionPolicy) -> Flags:
    """Return who may be contacted now: consent is given and the last contact is long enough ago."""
    allowed = np.ones(piece.stage.size, np.bool_) if piece.may_contact is None else piece.may_contact
    if piece.days_since_contact is not None:
        allowed = allowed & ~(piece.days_since_contact < policy.min_days_between_contacts)
    return allowed


def _matrices(gains: list[Gain], policy: RetentionPolicy, stage: Codes, strategy: Codes) -> tuple[Floats, Floats]:
    """Return (net, cost), one column an action; −inf where it is not offered or its value is not known."""
    n = stage.size
    net = np.full((n, len(gains)), -np.inf)
    cost = np.zeros((n, len(gains)))
    for position, (one, action) in enumerate(zip(gains, policy.actions, strict=True)):
        causes = tuple(STRATEGIES.index(name) for name in action.causes)
        usable = offered(action, stage, strategy, causes) & np.isfinite(one.net)
        net[usable, position] = one.net[usable]
        cost[usable, position] = one.cost[usable]
    personal = np.array([action.personal for action in policy.actions], np.bool_)
    if personal.any() and not personal.all():
        rescued = np.isin(strategy, [STRATEGIES.index(name) for name in DECLINE_STRATEGIES])
        automated = net[:, ~personal].max(axis=1)
        beaten = rescued[:, None] & personal[None, :] & (net <= automated[:, None])
        net[beaten] = -np.inf
    return net, cost


def _least_break_even(gains: list[Gain], policy: RetentionPolicy, stage: Codes, strategy: Codes) -> Floats:
    """Return the smallest effect at which any action that is offered would pay for itself; inf where none can."""
    least = np.full(stage.size, np.inf)
    for one, what in zip(gains, policy.actions, strict=True):
        rate = one.break_even
        usable = offered(what, stage, strategy, ())
        least = np.where(usable & (rate < least), rate, least)
    return least


def _descending(ranked: Places, *keys: Floats) -> Places:
    """Return customers sorted from the largest to the least by the last key, ties by the one before it, and so on, and
    last as they stand; NaN comes last."""
    for key in keys:  # a stable sort keeps what those before have settled
        ranked = ranked[np.argsort(-np.where(np.isnan(key), -np.inf, key)[ranked], kind="stable")]
    return ranked


def _priorities(ranked: Places, targeted: Flags, expected: Floats) -> Places:
    """Return ranks 1..n: the targeted by gain, then whoever has an action by its gain, then all others as ranked."""
    with_action = np.isfinite(expected[ranked])
    first, others = ranked[with_action], ranked[~with_action]
    first = _descending(first, expected)
    listed = targeted[first]
    priority = np.empty_like(ranked)
    priority[np.concatenate([first[listed], first[~listed], others])] = np.arange(1, ranked.size + 1, dtype=np.int32)
    return priority
