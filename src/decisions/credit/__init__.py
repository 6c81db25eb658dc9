"""Decisions on credit: policy, limits within a budget, terms, review triggers, win-back net of risk, loss factors."""

from lifecycle.decisions.credit.budget import BudgetedLimits, within_budget
from lifecycle.decisions.credit.limits import BOUNDS, DECISIONS, CreditState, Limits, limits, terms
from lifecycle.decisions.credit.loss_factors import loss_factors
from lifecycle.decisions.credit.policy import GRADES, CreditPolicy
from lifecycle.decisions.credit.triggers import TRIGGERS, Watched, review_order, triggers
from lifecycle.decisions.credit.win_back import net_winback, new_grade

__all__ = [
    "BOUNDS",
    "DECISIONS",
    "GRADES",
    "TRIGGERS",
    "BudgetedLimits",
    "CreditPolicy",
    "CreditState",
    "Limits",
    "Watched",
    "limits",
    "loss_factors",
    "net_winback",
    "new_grade",
    "review_order",
    "terms",
    "triggers",
    "within_budget",
]
