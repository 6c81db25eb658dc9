"""Limit and terms of every customer: the least of need, loss and cap, then the stage's rule, then whole steps."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lifecycle.decisions.credit.policy import CreditPolicy
from lifecycle.decisions.vocabulary import CHURNED, DECLINE, MATURE, NEW, PROSPECT
from lifecycle.models.credit.expected_loss import exposure_at_default

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Flags = NDArray[np.bool_]

BOUNDS: Final = ("need", "loss", "cap", "stage", "raise")
DECISIONS: Final = ("prepay", "grant", "keep", "raise", "freeze", "cut", "collect", "refuse")


@dataclass(frozen=True, eq=False, slots=True)
class CreditState:
    """What is known of customers for a decision on credit: one row a customer, money in one currency.

    Attributes
    ----------
    stage : code in `vocabulary.STAGES`.
    pd, lgd : probability of default within the outcome window, loss given default.
    spend_a_day : upper end of the expected spend, by day of the horizon.
    spend_year : expected spend over the outcome window.
    margin : share of spend.
    order : usual order.
    open_amount : owed at the date.
    limit_now : present limit; NaN where there is none.
    days_past_due, worst_days : at the date; most within a year.
    judged : judged invoices.
    in_default, ever_default : now; ever.
    equity : of the firm; NaN where not known.
    """

    stage: I64
    pd: F64
    lgd: F64
    spend_a_day: F64
    spend_year: F64
    margin: F64
    order: F64
    open_amount: F64
    limit_now: F64
    days_past_due: F64
    worst_days: F64
    judged: F64
    in_default: Flags
    ever_default: Flags
    equity: F64

    def clean(self, policy: CreditPolicy) -> Flags:
        """Whether the file is clean: no default ever, hardly a day past due through a year, enough invoices."""
        worst = np.maximum(self.worst_days, self.days_past_due)
        enough = self.judged >= policy.clean_invoices
        return ~self.ever_default & ~self.in_default & (worst <= policy.clean_days_late) & enough


@dataclass(frozen=True, eq=False, slots=True)
class Limits:
    """Limit (money), what decided it, terms (days), the part of the open amount above the limit, and the decision."""

    limit: F64
    bound: I64
    terms_days: I64
    over_limit: F64
    decision: I64
    ead: F64
    expected_loss: F64


def step_down(amount: F64) -> F64:
    """Return the largest 1, 2 or 5 times a power of ten that is at most `amount`; 0 below 1.

    >>> step_down(np.array([0.4, 1.0, 1999.0, 2000.0, 99_999.0])).tolist()
    [0.0, 1.0, 1000.0, 2000.0, 50000.0]
    """
    positive = np.maximum(amount, 1.0)
    power = 10.0 ** np.floor(np.log10(positive))
    power = np.where(power * 10.0 <= positive, power * 10.0, np.where(power > positive, power / 10.0, power))
    lead = np.where(positive >= 5.0 * power, 5.0, np.where(positive >= 2.0 * power, 2.0, 1.0))
    return np.where(amount >= 1.0, lead * power, 0.0)


def step_up(amount: F64) -> F64:
    """Return the next step above `amount`.

    >>> step_up(np.array([0.0, 1.0, 170.0, 200.0, 500.0])).tolist()
    [1.0, 2.0, 200.0, 500.0, 1000.0]
    """
    at = step_down(amount)
    lead = at / 10.0 ** np.floor(np.log10(np.maximum(at, 1.0)) + 1e-9)
    return np.where(at < 1.0, 1.0, np.where(lead < 1.5, 2.0 * at, np.where(lead < 3.0, 2.5 * at, 2.0 * at)))


def terms(state: CreditState, policy: CreditPolicy) -> I64:
    """Return days of payment: by grade, more for a mature clean file, none in default, never above the firm's most."""
    days = np.array(policy.terms_days)[policy.grade(state.pd)]
    bonus = (state.stage == MATURE) & state.clean(policy) & (days > 0)
    return np.where(state.in_default, 0, np.minimum(days + policy.terms_bonus * bonus, policy.terms_most))


def limits(state: CreditState, policy: CreditPolicy, *, multiplier: float = 0.0, raises: bool = True) -> Limits:
    """Decide every limit on its own.

    need = u·spend a day·(terms + grace) + one order. Own lateness has no part in it: whoever pays late would get more.
    loss = φ·margin·spend over the outcome window / (PD·LGD·(1 + λ)). cap by grade, and by equity where it is known. Of
    the least, the stage's rule: prospects and new customers have at most the first limit; a mature clean file has need
    and loss times 1 + bonus, within the cap; decline never rises; churned and default have 0. A raise is at most 50 %
    or one step. A cut takes effect at once, and what is owed above a limit is `over_limit`.

    Parameters
    ----------
    state : CreditState
    policy : CreditPolicy
    multiplier : float
        λ ≥ 0 of the budget of loss; see `lifecycle.decisions.credit.budget`.
    raises : bool
        whether any limit may rise.

    Returns
    -------
    Limits
        never rising in PD, LGD and days past due; never falling in spend and margin.
    """
    grade, days = policy.grade(state.pd), terms(state, policy)
    bonus = 1.0 + policy.mature_bonus * ((state.stage == MATURE) & state.clean(policy))
    need = bonus * (policy.need_factor * state.spend_a_day * (days + policy.grace_days) + state.order)
    risk = state.pd * state.lgd * (1.0 + multiplier)
    earned = policy.loss_share * state.margin * np.maximum(state.spend_year, 0.0)
    loss = bonus * np.divide(earned, risk, out=np.full(risk.size, np.inf), where=risk > 0)
    cap = np.array(policy.caps)[grade]
    cap = np.where(np.isfinite(state.equity), np.minimum(cap, policy.equity_share * np.maximum(state.equity, 0)), cap)
    three = np.maximum(np.stack([need, loss, cap]), 0.0)
    bound, raw = three.argmin(axis=0), three.min(axis=0)

    has, now = np.isfinite(state.limit_now), np.nan_to_num(state.limit_now)
    most = np.full(raw.size, np.inf)
    most = np.where((state.stage == PROSPECT) | (state.stage == NEW), policy.first_orders * state.order, most)
    most = np.where((state.stage == DECLINE) & has, now, most)
    most = np.where((state.stage == CHURNED) | state.in_default, 0.0, most)
    bound, raw = np.where(most < raw, BOUNDS.index("stage"), bound), np.minimum(raw, most)
    room = np.maximum((1.0 + policy.raise_most) * now, step_up(now)) if raises else now
    room = np.where(has & ((now > 0) | (not raises)), room, np.where(has | raises, np.inf, 0.0))
    bound, raw = np.where(room < raw, BOUNDS.index("raise"), bound), np.minimum(raw, room)

    limit = step_down(raw)
    limit = np.where(has & (raw >= now), np.maximum(limit, now), limit)
    ead = exposure_at_default(state.open_amount, limit, conversion=policy.conversion)
    return Limits(
        limit,
        bound.astype(np.int64),
        days.astype(np.int64),
        np.maximum(state.open_amount - limit, 0.0),
        _decisions(state, limit, days, three.min(axis=0)),
        ead,
        state.pd * state.lgd * ead,
    )


def _decisions(state: CreditState, limit: F64, days: I64, computed: F64) -> I64:
    """Return the place in `DECISIONS` that says what happens to each customer."""
    has, now = np.isfinite(state.limit_now), np.nan_to_num(state.limit_now)
    say = DECISIONS.index
    fresh = np.where(limit > 0, say("grant"), np.where(state.stage == PROSPECT, say("refuse"), say("prepay")))
    fresh = np.where((state.stage == PROSPECT) & (limit == 0) & (computed >= 1.0), say("prepay"), fresh)
    held = np.where(computed > now, say("freeze"), say("keep"))
    held = np.where((step_down(computed) <= now) & (limit == now), say("keep"), held)
    old = np.where(limit > now, say("raise"), np.where(limit < now, say("cut"), held))
    found = np.where(has, old, fresh)
    found = np.where((days == 0) & ~(has & (limit < now)), say("prepay"), found)
    found = np.where(state.in_default, np.where(state.open_amount > 0, say("collect"), say("refuse")), found)
    return found.astype(np.int64)
