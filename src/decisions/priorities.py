"""The plan: for every customer a strategy, the best action and what it is worth, and within the means a list to act on.

Grain: one entry a customer, in the order of the input. `targeted` is the optimal list; the control group is drawn
within it by a hash of the id that does not change from run to run; `selected` is the rest. Money that the control
group leaves is not spent again.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from decisions import strategies
from decisions.actions import DECLINE_STRATEGIES, RetentionPolicy
from decisions.gains import Floats, Gain, Worth, gain, offered
from decisions.knapsack import select
from decisions.names import STRATEGIES

Codes = NDArray[np.int8]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class PlanInput:
    """What the plan needs of n customers.

    Attributes:
        customer_id: Arrow array of strings or whole numbers, unique.
        stage: codes of `decisions.names.STAGES`, none −1.
        cause: codes of `decisions.names.CAUSES` (`decisions.causes.diagnose`), −1 outside decline.
        worth: what is known of their money.
        cautious: share of every amount of money that is left at the lower end of the forecast's interval, for the
            conservative gain; None if there is no interval.
        may_contact: consent given; None: everybody may be contacted.
        days_since_contact: days since the last contact, inf where there was none; None: nobody was contacted.
        purchases_at_risk: p*·W_prevent + (1 − p*)·W_back in purchase days; ranks those whose value in money is not
            known.
    """

    customer_id: pa.Array
    stage: Codes
    cause: Codes
    worth: Worth
    cautious: float | None = None
    may_contact: Flags | None = None
    days_since_contact: Floats | None = None
    purchases_at_risk: Floats | None = None


@dataclass(frozen=True, eq=False)
class Plan:
    """What to do, one entry a customer, in the order of the input.

    Attributes:
        strategy, cause: codes of `STRATEGIES` and `CAUSES` (−1: no cause).
        action: position in the policy's catalogue, −1 where no allowed action has a positive net value.
        expected_gain: assumed net gain of the action; NaN where there is none.
        cost: contact and expected incentive of the action; NaN where there is none.
        break_even_save_rate: effect at which the action (or, without one, the cheapest to repay) pays for itself; NaN
            if none can.
        targeted, control, selected: the list, the part left alone, and the part to be contacted.
        priority: 1 = first; total order 1..n: the list by gain, then all others by best gain, value at risk and id.
        value, bound, exact: total assumed gain of the list, its proved upper bound, and whether it is proved optimal.
        spent: contact costs and expected incentives of the list, control group included.
        by_rate: (multiple of the assumed rates, total net gain of this list) pairs.
        conservative: total assumed gain of the list if money came out at the lower end of its interval; NaN without
            one.
    """

    strategy: Codes
    cause: Codes
    action: NDArray[np.int64]
    expected_gain: Floats
    cost: Floats
    break_even_save_rate: Floats
    targeted: Flags
    control: Flags
    selected: Flags
    priority: NDArray[np.int64]
    value: float
    bound: float
    exact: bool
    spent: float
    by_rate: tuple[tuple[float, float], ...]
    conservative: float


RATE_MULTIPLES = (0.25, 0.5, 1.0, 1.5, 2.0)
_BLOCK = 100_000


def plan(customers: PlanInput, policy: RetentionPolicy) -> Plan:
    """Return the best list within budget, capacities, consent and contact rules; a pure function of its arguments.

    The order in which customers come does not matter: ties are broken by id.
    """
    n = customers.stage.size
    strategy = strategies.assign(customers.stage, customers.cause)
    allowed = np.ones(n, np.bool_) if customers.may_contact is None else customers.may_contact
    if customers.days_since_contact is not None:
        allowed = allowed & ~(customers.days_since_contact < policy.min_days_between_contacts)
    best_net, break_even = np.empty(n), np.empty(n)
    options = []
    for rows in _blocks(n):
        gains = [gain(action, customers.worth.at(rows)) for action in policy.actions]
        net, cost = _matrices(gains, policy, customers.stage[rows], strategy[rows])
        best_net[rows] = net.max(axis=1, initial=-np.inf)
        break_even[rows] = _least_break_even(gains, policy, customers.stage[rows], strategy[rows])
        options.append(_Options.of(net, cost, allowed[rows], policy.min_return, first=rows.start))
    strategy = strategies.let_go(customers.stage, strategy, best_net)

    order = _by_id(customers.customer_id)
    open_to = _Options.joined(options, order)
    options.clear()
    chosen = select(open_to.net, open_to.cost, policy.budget, [action.capacity for action in policy.actions])
    targeted = np.zeros(n, np.bool_)
    targeted[open_to.customer] = chosen.choice >= 0
    control = np.zeros(n, np.bool_)
    control[targeted] = in_control(
        customers.customer_id.filter(pa.array(targeted)), share=policy.control_share, salt=policy.salt
    )
    action = np.full(n, -1, np.int64)
    expected, paid = np.full(n, np.nan), np.full(n, np.nan)
    if open_to.customer.size:
        taken = np.where(chosen.choice >= 0, chosen.choice, open_to.net.argmax(axis=1))
        each = np.arange(taken.size)
        action[open_to.customer] = taken
        expected[open_to.customer] = open_to.net[each, taken]
        paid[open_to.customer] = open_to.cost[each, taken]
    for mine, position in _by_block_and_action(action, policy):
        break_even[mine] = gain(policy.actions[position], customers.worth.at(mine)).break_even
    choice = np.where(targeted, action, -1)
    return Plan(
        strategy=strategy,
        cause=customers.cause,
        action=action,
        expected_gain=expected,
        cost=paid,
        break_even_save_rate=np.where(np.isfinite(break_even), break_even, np.nan),
        targeted=targeted,
        control=control,
        selected=targeted & ~control,
        priority=_priorities(order, targeted, expected, best_net, customers),
        value=chosen.value,
        bound=chosen.bound,
        exact=chosen.exact,
        spent=float(paid[targeted].sum()),
        by_rate=tuple(
            (multiple, _total(customers.worth, choice, policy, rates=multiple)) for multiple in RATE_MULTIPLES
        ),
        conservative=np.nan
        if customers.cautious is None
        else _total(customers.worth, choice, policy, money=customers.cautious),
    )


@dataclass(frozen=True, eq=False)
class _Options:
    """What may be done for whom: customers who have some allowed action of positive net value, and its net and cost.

    ``net`` (m, actions) is −inf where an action is not allowed. Whoever has no such action takes no memory here.
    """

    customer: NDArray[np.int64]
    net: Floats
    cost: Floats

    @classmethod
    def of(cls, net: Floats, cost: Floats, allowed: Flags, min_return: float, *, first: int) -> "_Options":
        """The options of a block of customers, the first of whom is customer number `first`."""
        usable = (net > 0) & (net >= min_return * cost) & allowed[:, None]
        rows = np.flatnonzero(usable.any(axis=1))
        return cls(rows + first, np.where(usable[rows], net[rows], -np.inf), cost[rows])

    @classmethod
    def joined(cls, parts: list["_Options"], order: NDArray[np.int64]) -> "_Options":
        """The options of all blocks, customers in the given order of all."""
        if not parts:
            return cls(np.empty(0, np.int64), np.empty((0, 0)), np.empty((0, 0)))
        customer = np.concatenate([part.customer for part in parts])
        place = np.empty_like(order)
        place[order] = np.arange(order.size, dtype=order.dtype)
        by_place = np.argsort(place[customer])
        net, cost = (np.concatenate([getattr(part, name) for part in parts]) for name in ("net", "cost"))
        return cls(customer[by_place], net[by_place], cost[by_place])


def in_control(customer_id: pa.Array, *, share: float, salt: str) -> Flags:
    """Return who is left alone: a hash of salt and id, the same in every run and on every machine, falls below the
    share.

    >>> in_control(pa.array(["a", "b", "c"]), share=0.5, salt="x").tolist() == in_control(
    ...     pa.array(["a", "b", "c"]), share=0.5, salt="x"
    ... ).tolist()
    True
    """
    key = hashlib.blake2b(salt.encode(), digest_size=32).digest()
    limit = int(share * 2**64)
    ids = customer_id.cast(pa.string()).to_pylist()
    drawn = (
        int.from_bytes(hashlib.blake2b(one.encode(), digest_size=8, key=key).digest(), "big") < limit for one in ids
    )
    return np.fromiter(drawn, np.bool_, len(ids))


def _by_id(customer_id: pa.Array) -> NDArray[np.int64]:
    order: NDArray[np.int64] = pc.array_sort_indices(customer_id).to_numpy().view(np.int64)
    return order


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


def _priorities(
    order: NDArray[np.int64], targeted: Flags, expected: Floats, best_net: Floats, customers: PlanInput
) -> NDArray[np.int64]:
    """Return ranks 1..n: targeted first by gain, then others by best net value, then value at risk, then id."""
    keys: list[Callable[[], Floats | Flags]] = [
        lambda: _descending(customers.worth.value_at_risk),
        lambda: -best_net,
        lambda: _descending(expected),
        lambda: ~targeted,
    ]
    purchases = customers.purchases_at_risk
    if purchases is not None:
        keys.insert(0, lambda: _descending(purchases))
    ranked = order
    for key in keys:  # from the last to decide to the first; a stable sort keeps what those before have settled
        ranked = ranked[np.argsort(key()[ranked], kind="stable")]
    priority = np.empty(order.size, np.int64)
    priority[ranked] = np.arange(1, order.size + 1)
    return priority


def _descending(values: Floats) -> Floats:
    return -np.where(np.isnan(values), -np.inf, values)


def _total(
    worth: Worth, choice: NDArray[np.int64], policy: RetentionPolicy, *, rates: float = 1.0, money: float = 1.0
) -> float:
    """Return the net gain of the list at multiples of the assumed effects, and of every amount that customers spend."""
    chosen = _by_block_and_action(choice, policy)
    return float(sum(gain(policy.actions[a], worth.at(rows).times(money)).net_at(rates).sum() for rows, a in chosen))


def _by_block_and_action(action: NDArray[np.int64], policy: RetentionPolicy) -> Iterator[tuple[NDArray[np.int64], int]]:
    """Yield the rows that have each action, block by block."""
    for block in _blocks(action.size):
        for position in range(len(policy.actions)):
            rows = block.start + np.flatnonzero(action[block] == position)
            if rows.size:
                yield rows, position


def _blocks(n: int) -> list[slice]:
    """Return slices of at most `_BLOCK` customers, so that what is only needed in passing takes little memory."""
    return [slice(start, min(start + _BLOCK, n)) for start in range(0, n, _BLOCK)]
