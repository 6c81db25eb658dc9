"""What an action is worth for a customer: margin won over the value horizon, minus contact and expected incentive.

Rates are assumed (see `decisions.actions`) until measured ones replace them. Gains are linear in the rate, so the rate
at which an action pays for itself needs no assumption at all.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from lifecycle.decisions.actions import Action
from lifecycle.decisions.vocabulary import STAGES

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Worth:
    """What is known of n customers' money, one entry a customer; NaN where it is not known, as for prospects.

    Attributes
    ----------
    p_star : Floats
        P(alive at as_of), consistent with `churn_probability`: clip((1 − churn_probability)/(1 − q0), 0, 1).
    kappa : Floats
        E[e^(−λpH)], P(still alive at the horizon's end | alive now).
    churn_probability : Floats
        P(no purchase in the horizon).
    v_prevent : Floats
        margin over the value horizon that leaving within the horizon would take from whoever is still there.
    v_return : Floats
        margin over the value horizon of the customer who returns, as if buying today: the purchase itself and what
        follows it.
    churned : Floats
        1 for those in the stage churned, 0 for those still there: the two are never added up.
    expected_purchases : Floats
        purchase days expected in the horizon.
    expected_spend : Floats
        money expected in the horizon.
    order_value : Floats
        expected amount of one purchase day.
    value_after_second : Floats
        margin over the value horizon of a customer who has just bought a second time.
    margin : float
        margin of amounts, in [0, 1]; one number.
    first_purchase_probability : float
        P(a prospect buys in the horizon unasked); one number.
    new_customer_value : float
        margin over the value horizon of a customer who has just bought for the first time; one number.
    first_order_value : float
        expected amount of a first purchase day; one number.
    mean_return : float
        mean P(buys in the horizon) of the churned; one number. A win-back rate is what it is for the mean churned
        customer, and in proportion to P(return) for each.
    """

    OF_A_CUSTOMER: ClassVar[tuple[str, ...]] = (
        "p_star",
        "kappa",
        "churn_probability",
        "v_prevent",
        "v_return",
        "churned",
        "expected_purchases",
        "expected_spend",
        "order_value",
        "value_after_second",
    )
    """The fields with an entry a customer; the others are one number each."""

    p_star: Floats
    kappa: Floats
    churn_probability: Floats
    v_prevent: Floats
    v_return: Floats
    churned: Floats
    expected_purchases: Floats
    expected_spend: Floats
    order_value: Floats
    value_after_second: Floats
    margin: float = 1.0
    first_purchase_probability: float = 0.0
    new_customer_value: float = 0.0
    first_order_value: float = 0.0
    mean_return: float = 0.0

    def __post_init__(self) -> None:
        """Refuse arrays of different lengths and a margin outside [0, 1]."""
        sizes = {name: getattr(self, name).size for name in self.OF_A_CUSTOMER}
        if len(set(sizes.values())) > 1:
            raise ValueError(f"Worth: all arrays must be of one length; found {sizes}.")
        if not 0 <= self.margin <= 1:
            raise ValueError(f"Worth: margin must lie in [0, 1]; found {self.margin!r}.")

    def at(self, rows: slice | NDArray[np.int64]) -> "Worth":
        """Return what is known of some of the customers."""
        return replace(self, **{name: getattr(self, name)[rows] for name in self.OF_A_CUSTOMER})

    def times(self, share: float) -> "Worth":
        """Return the same with every amount of money times a share: as much is bought, for so much less.

        The value terms of preventing and winning back, spend, baskets and what a new customer brings are all amounts;
        probabilities and numbers of purchases stay.
        """
        return replace(self, **{name: share * getattr(self, name) for name in _AMOUNTS})

    @property
    def value_at_risk(self) -> Floats:
        """See :func:`value_at_risk`; 0 for the churned."""
        return np.where(self.churned > 0, 0.0, value_at_risk(self.p_star, self.v_prevent))

    @property
    def winback_value(self) -> Floats:
        """See :func:`winback_value`; 0 for those still there."""
        return np.where(self.churned > 0, winback_value(self.churn_probability, self.v_return), 0.0)


def value_at_risk(p_star: Floats, v_prevent: Floats) -> Floats:
    """p*·V_prevent: what those still there stand to take away by leaving in the horizon if nothing is done."""
    return p_star * v_prevent


def winback_value(churn_probability: Floats, v_return: Floats) -> Floats:
    """P(return)·V_return: what the churned are to bring who come back in the horizon, unasked ones included."""
    return (1 - churn_probability) * v_return


_AMOUNTS = (
    "v_prevent",
    "v_return",
    "expected_spend",
    "order_value",
    "value_after_second",
    "new_customer_value",
    "first_order_value",
)


@dataclass(frozen=True, eq=False)
class Gain:
    """One action's gain for every customer: ``net = rate·(won − incentive·saved) − cost_if_no_effect``.

    Attributes
    ----------
    rate : float | Floats
        the effect, save rate or lift: one for all, or one a customer.
    won : Floats
        margin won at a rate of 1.
    saved : Floats
        P(an additional acceptance of the incentive) at a rate of 1.
    incentive : Floats
        money per acceptance.
    staying : Floats
        contact cost + incentive × P(taken by somebody who would have bought anyway).
    """

    rate: float | Floats
    won: Floats
    saved: Floats
    incentive: Floats
    staying: Floats

    @property
    def cost(self) -> Floats:
        """Contact cost + expected incentive: what the budget pays."""
        return self.staying + self.incentive * self.rate * self.saved

    @property
    def net(self) -> Floats:
        """Net gain at the rate."""
        return self.net_at(1.0)

    def net_at(self, multiple: float) -> Floats:
        """Net gain if the effect were `multiple` times the rate."""
        rate = self.rate * multiple
        return rate * self.won - self.staying - self.incentive * rate * self.saved

    @property
    def break_even(self) -> Floats:
        """The rate at which net is zero; inf where no rate repays the cost, NaN where the value is not known."""
        slope = self.won - self.incentive * self.saved
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = np.where(slope > 0, self.staying / slope, np.inf)
        return np.where(np.isnan(slope) | np.isnan(self.staying), np.nan, rate)


def gain(action: Action, worth: Worth, rate: float | Floats | None = None) -> Gain:
    """Return what an action would bring for every customer, whether or not it is offered in the customer's stage.

    Without `rate` the catalogue's is assumed.

    >>> one = np.ones(1)
    >>> worth = Worth(0.5 * one, 0.8 * one, 0.6 * one, 100 * one, 50 * one, 0 * one, one, 40 * one, 40 * one, 80 * one)
    >>> offer = Action("offer", ("decline",), "email", "prevent", contact_cost=1.0, save_rate=0.1)
    >>> float(gain(offer, worth).net[0].round(6))  # .1·.5·100 − 1
    4.0
    >>> gone = replace(worth, churned=one, mean_return=0.2)
    >>> float(gain(offer, gone).net[0].round(6))  # .02·(.4 / .2)·.6·50 − 1
    0.2
    """
    incentive = action.incentive + action.incentive_share * worth.order_value
    would_buy = 1 - worth.churn_probability
    if action.effect == "prevent":
        ratio = action.winback_rate / action.save_rate if action.save_rate > 0 else 0.0
        gone = worth.churned > 0
        back = ratio * brought_back(action, worth)
        won = np.where(gone, back * worth.v_return, worth.p_star * worth.v_prevent)
        saved = np.where(gone, back, worth.p_star * (1 - worth.kappa))
    elif action.effect == "activate":
        saved = worth.churn_probability
        won = saved * (worth.margin * worth.order_value + worth.value_after_second)
    elif action.effect == "develop":
        won = worth.margin * worth.expected_spend
        saved = worth.expected_purchases
    else:
        n = worth.p_star.size
        won = np.full(n, worth.margin * worth.first_order_value + worth.new_customer_value)
        saved = np.ones(n)
        incentive = np.full(n, action.incentive + action.incentive_share * worth.first_order_value)
        would_buy = np.full(n, worth.first_purchase_probability)
    staying = action.contact_cost + incentive * action.accept_if_staying * would_buy
    return Gain(action.rate if rate is None else rate, won, saved, incentive, staying)


def brought_back(action: Action, worth: Worth) -> Floats:
    """Chance that a contact brings a churned customer back who would not return unasked, by win-back rate: P(stays
    away)·P(return)/mean P(return), at most what a win-back rate of 1 would bring.

    Who has been gone for long and hardly ever comes back is as hardly ever won back, whatever they once spent.
    """
    returns = 1 - worth.churn_probability
    relative = returns / worth.mean_return if worth.mean_return > 0 else np.ones_like(returns)
    most = 1 / action.winback_rate if action.winback_rate > 0 else np.inf
    return worth.churn_probability * np.minimum(relative, most)


def offered(
    action: Action, stage: NDArray[np.int8], strategy: NDArray[np.int8], causes: tuple[int, ...]
) -> NDArray[np.bool_]:
    """Return for whom the catalogue offers the action: by stage, and in decline also by strategy."""
    by_stage: NDArray[np.bool_] = np.array([name in action.stages for name in STAGES])[stage]
    if not causes:
        return by_stage
    fits: NDArray[np.bool_] = (stage != STAGES.index("decline")) | np.isin(strategy, causes)
    return by_stage & fits
