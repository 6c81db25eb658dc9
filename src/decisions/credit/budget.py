"""The budget of loss: one multiplier on every customer's risk, so that all expected losses together keep within it."""

from dataclasses import dataclass
from typing import Final

from lifecycle.decisions.credit.limits import CreditState, Limits, limits
from lifecycle.decisions.credit.policy import CreditPolicy

_HALVINGS: Final = 80


@dataclass(frozen=True, eq=False, slots=True)
class BudgetedLimits:
    """Limits within the budget, the multiplier λ that it took, and by how much the budget cannot be kept (else 0)."""

    limits: Limits
    multiplier: float
    excess: float

    @property
    def feasible(self) -> bool:
        """Whether the budget is kept."""
        return self.excess <= 0


def within_budget(state: CreditState, policy: CreditPolicy) -> BudgetedLimits:
    """Decide all limits so that Σ PD·LGD·EAD ≤ `policy.loss_budget`.

    The multiplier λ of the one constraint weighs risk in the loss bound; it is 0 where the budget does not bind, and
    the least one that keeps the budget else, by bisection: limits go in steps, so the sum meets the budget from below.
    What is open already cannot be cut. Where its expected loss alone exceeds the budget, the excess is returned and no
    limit rises.
    """
    free = limits(state, policy)
    if float(free.expected_loss.sum()) <= policy.loss_budget:
        return BudgetedLimits(free, 0.0, 0.0)
    least = float((state.pd * state.lgd * state.open_amount).sum())
    if least > policy.loss_budget:
        return BudgetedLimits(limits(state, policy, raises=False), 0.0, least - policy.loss_budget)
    low, high = 0.0, 1.0
    while float(limits(state, policy, multiplier=high).expected_loss.sum()) > policy.loss_budget:
        low, high = high, 4.0 * high
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if float(limits(state, policy, multiplier=middle).expected_loss.sum()) > policy.loss_budget:
            low = middle
        else:
            high = middle
        if high - low <= 1e-12 * high:
            break
    return BudgetedLimits(limits(state, policy, multiplier=high), high, 0.0)
