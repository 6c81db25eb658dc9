"""What the list is expected to bring, how sure that is, and the smallest effect that its control group can show."""

from dataclasses import dataclass
from math import nan, sqrt
from typing import Final

import numpy as np
from scipy.stats import norm

from lifecycle.decisions.actions import RetentionPolicy
from lifecycle.decisions.experiments.rates import ASSUMED, BASES, Basis, Rates
from lifecycle.decisions.plan_input import Customers
from lifecycle.decisions.priorities import Plan, numbered

SIGNIFICANCE: Final = 0.05
POWER: Final = 0.8


@dataclass(frozen=True, slots=True)
class Detectable:
    """The smallest effect that treated and control can be told apart by (two-sided 5 %, power 80 %).

    Attributes
    ----------
    purchase_share : float
        rise of the share of customers who buy in the horizon, in [0, 1]; NaN without a control group.
    save_rate : float
        the same as an effect of the actions (save rate or lift); NaN where no effect could show it.
    assumed_share : float
        by how much the share of buyers would rise at the assumed rates; NaN without a list.
    assumed_rate : float
        the assumed effect, the mean over the list's customers weighted by how many each could save.
    """

    purchase_share: float
    save_rate: float
    assumed_share: float
    assumed_rate: float


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """The list in numbers.

    Attributes
    ----------
    targeted, selected, control : int
        numbers of customers.
    spent : float
        contact costs and expected incentives of the list; budget: what was allowed, None without limit.
    selected_gain, selected_spent : float
        the part of gain and cost that falls on the selected, without the control group.
    gain : float
        total assumed net gain; conservative: the same if money came out at the lower end of the interval of the whole
        base's spend, NaN without one.
    prevented, won_back, grown : float
        what the gain is made of before costs: margin of losses prevented, of customers who had gone and come back, and
        of first, second and larger purchases; gain = their sum − spent.
    gap : float
        proved distance from the best possible list, 0 where it is the best.
    by_rate : tuple[tuple[float, float], ...]
        (multiple of the assumed rates, total net gain of this list) pairs.
    detectable : Detectable
        what the control group can show.
    basis : Basis
        whether the gain rests on assumed rates, on measured ones, or on both.
    explored : int
        customers of the optimal list and just outside it who are on the list or not by the toss of a coin.
    gain_low, gain_high : float
        the total gain if every rate were at the lower or upper end of its 90 % interval.
    worth_acting : int
        customers for whom some action has a positive net value, within the list or not.
    """

    targeted: int
    selected: int
    control: int
    spent: float
    budget: float | None
    gain: float
    conservative: float
    gap: float
    by_rate: tuple[tuple[float, float], ...]
    detectable: Detectable
    worth_acting: int
    selected_gain: float
    selected_spent: float
    prevented: float
    won_back: float
    grown: float
    basis: Basis = "assumed"
    explored: int = 0
    gain_low: float = nan
    gain_high: float = nan


def detectable_effect(buys: float, treated: int, control: int) -> float:
    """Return the smallest difference of two shares that can be told apart; NaN if a group is empty.

    Parameters
    ----------
    buys : float
        share of customers who would buy in the horizon anyway.

    >>> round(detectable_effect(0.3, 9000, 1000), 4)
    0.0428
    """
    if treated <= 0 or control <= 0:
        return nan
    factor = float(norm.ppf(1 - SIGNIFICANCE / 2) + norm.ppf(POWER))
    return factor * sqrt(buys * (1 - buys) * (1 / treated + 1 / control))


def summarise_plan(plan: Plan, customers: Customers, policy: RetentionPolicy, rates: Rates = ASSUMED) -> PlanSummary:
    """Return the list in numbers; `rates` are those that the plan was made with."""
    listed = plan.targeted
    selected, control = int(plan.selected.sum()), int(plan.control.sum())
    known, buying, selected_spent = 0, 0.0, 0.0
    movable, moved, prevented, won_back, grown = 0.0, 0.0, 0.0, 0.0, 0.0
    for rows, piece in numbered(customers):
        would_buy = 1 - piece.worth.churn_probability[listed[rows]]
        known += int(np.isfinite(would_buy).sum())
        buying += float(np.nansum(would_buy))
        for position, action in enumerate(policy.actions):
            mine = np.flatnonzero(listed[rows] & (plan.action[rows] == position))
            worth = piece.worth.at(mine)
            found = rates.gain(action, worth, piece.stage[mine])
            selected_spent += float(found.cost[plan.selected[rows][mine]].sum())
            movable += float(found.saved.sum())
            moved += float((found.rate * found.saved).sum())
            if action.effect == "prevent":
                brought = found.rate * found.won
                prevented += float(brought[worth.churned == 0].sum())
                won_back += float(brought[worth.churned > 0].sum())
            else:
                grown += float((found.rate * found.won).sum())
    share = detectable_effect(buying / known, selected, control) if known else nan
    size = int(listed.sum())
    rest_on = {int(code) for code in np.unique(plan.basis[listed])}
    rate = share * size / movable if movable > 0 else nan
    detectable = Detectable(
        purchase_share=share,
        save_rate=rate if rate <= 1 else nan,
        assumed_share=moved / size if size else nan,
        assumed_rate=moved / movable if movable > 0 else nan,
    )
    return PlanSummary(
        targeted=size,
        selected=selected,
        control=control,
        spent=plan.spent,
        budget=policy.budget,
        gain=plan.gain,
        conservative=plan.conservative,
        gap=0.0 if plan.exact or plan.bound <= 0 else max(0.0, 1 - plan.value / plan.bound),
        by_rate=plan.by_rate,
        detectable=detectable,
        worth_acting=int((plan.action >= 0).sum()),
        selected_gain=float(plan.expected_gain[plan.selected].sum()),
        selected_spent=selected_spent,
        prevented=prevented,
        won_back=won_back,
        grown=grown,
        basis=BASES[rest_on.pop()] if len(rest_on) == 1 else "mixed" if rest_on else "assumed",
        explored=int((plan.explored > 0).sum()),
        gain_low=float(plan.gain_low[listed].sum()),
        gain_high=float(plan.gain_high[listed].sum()),
    )
