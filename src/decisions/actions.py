"""The catalogue of actions, and the policy that says how much may be spent on whom.

Every rate in here is an assumption until experiments with a control group replace it (`decisions.experiments`); tables
and reports call gains that rest on it "assumed".
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Final, Literal, get_args

from lifecycle.decisions.vocabulary import STAGES

Effect = Literal["prevent", "activate", "develop", "convert"]
EFFECTS: Final[tuple[Effect, ...]] = get_args(Effect)
DECLINE_STRATEGIES: Final = ("rescue", "respond", "improve")


@dataclass(frozen=True, slots=True)
class Action:
    """Something that can be done for a customer.

    Attributes
    ----------
    name : str
        unique in the catalogue.
    stages : tuple[str, ...]
        stages in which it is offered.
    channel : str
        how the customer is reached (e-mail, phone, letter …).
    effect : Effect
        "prevent" keeps those who stand to leave and wins back those who left; "activate" brings a new customer's second
        purchase; "develop" raises the spend; "convert" brings a prospect's first purchase.
    causes : tuple[str, ...]
        strategies of declining customers it fits (`DECLINE_STRATEGIES`); empty fits all.
    contact_cost : float
        money per contact.
    incentive : float
        money given to whoever accepts, as an amount …
    incentive_share : float
        … or as a share of the accepting customer's order.
    capacity : int | None
        at most so many contacts a scoring; None is without limit.
    save_rate : float
        assumed share of the losses that the action prevents.
    winback_save_rate : float | None
        assumed share of those gone that it brings back; None is a fifth of `save_rate`.
    lift : float
        assumed effect of "activate", "develop" and "convert".
    rate_sd : float | None
        how sure the assumed rate is, as a standard deviation; None is half of the rate.
    accept_if_staying : float
        share of those who would have bought anyway that takes the incentive.
    personal : bool
        done by a person; chosen for a declining customer only where its net value beats every automated action.

    >>> offer = Action("call", ("decline",), "phone", "prevent", contact_cost=8.0, save_rate=0.2)
    >>> offer.winback_rate
    0.04
    """

    name: str
    stages: tuple[str, ...]
    channel: str
    effect: Effect
    causes: tuple[str, ...] = ()
    contact_cost: float = 1.0
    incentive: float = 0.0
    incentive_share: float = 0.0
    capacity: int | None = None
    save_rate: float = 0.1
    winback_save_rate: float | None = None
    lift: float = 0.02
    accept_if_staying: float = 1.0
    personal: bool = False
    rate_sd: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        where = f"action {self.name!r}"
        _known(where, "stages", self.stages, STAGES)
        _known(where, "causes", self.causes, DECLINE_STRATEGIES)
        _known(where, "effect", (self.effect,), EFFECTS)
        for name in ("contact_cost", "incentive"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{where}: {name} must be at least 0; found {getattr(self, name)!r}.")
        for name in ("incentive_share", "save_rate", "winback_rate", "lift", "accept_if_staying"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{where}: {name} must lie in [0, 1]; found {getattr(self, name)!r}.")
        if self.rate_sd is not None and not 0 < self.rate_sd <= 1:
            raise ValueError(f"{where}: rate_sd must lie in (0, 1] or be none; found {self.rate_sd!r}.")
        if self.capacity is not None and self.capacity < 0:
            raise ValueError(f"{where}: capacity must be at least 0 or none; found {self.capacity!r}.")

    @property
    def winback_rate(self) -> float:
        """The assumed rate for those already gone."""
        return self.save_rate / 5 if self.winback_save_rate is None else self.winback_save_rate

    @property
    def rate(self) -> float:
        """The assumed effect: save rate or lift."""
        return self.save_rate if self.effect == "prevent" else self.lift

    @property
    def prior_sd(self) -> float:
        """How sure the assumed effect is; a rate of 0 is as unsure as one of a tenth."""
        return self.rate_sd if self.rate_sd is not None else (self.rate or 0.1) / 2


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """How much may be spent, on whom, and how it is measured; versioned by `digest`.

    Attributes
    ----------
    actions : tuple[Action, ...]
        the catalogue, names unique.
    budget : float | None
        money for contacts and expected incentives of one scoring; None is without limit.
    control_share : float
        share of the targeted that is left alone, so that the effect can be measured.
    min_days_between_contacts : int
        days that must have passed since the last contact.
    min_return : float
        least net gain per unit of money spent.
    value_horizon_days : int
        the one scale of all gains: margin over so many days.
    explore_share : float
        of the list, and of as many who are just not on it, the share treated by the toss of a coin, so that something
        is learned outside the list too; nobody where no paying action is left out.
    salt : str
        text that goes into the hash that draws the control group.
    """

    actions: tuple[Action, ...]
    budget: float | None = None
    control_share: float = 0.1
    min_days_between_contacts: int = 0
    min_return: float = 0.0
    value_horizon_days: int = 365
    explore_share: float = 0.0
    salt: str = "lifecycle"

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        names = [action.name for action in self.actions]
        if len(set(names)) != len(names):
            raise ValueError(f"retention: names of actions must be unique; found {names}.")
        if self.budget is not None and not self.budget >= 0:
            raise ValueError(f"retention.budget must be at least 0 or none; found {self.budget!r}.")
        if not 0 <= self.control_share < 1:
            raise ValueError(f"retention.control_share must lie in [0, 1); found {self.control_share!r}.")
        if not 0 <= self.explore_share <= 1:
            raise ValueError(f"retention.explore_share must lie in [0, 1]; found {self.explore_share!r}.")
        if self.value_horizon_days <= 0:
            raise ValueError(f"retention.value_horizon_days must be > 0; found {self.value_horizon_days!r}.")

    @property
    def digest(self) -> str:
        """16 hexadecimal digits over all numbers of the policy and its catalogue."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]


def default_actions(
    *,
    contact_cost: float = 1.0,
    incentive: float = 0.0,
    save_rate: float = 0.1,
    winback_save_rate: float | None = None,
) -> tuple[Action, ...]:
    """Return the catalogue that is used when the config names no actions: one retention offer and one for the second
    purchase.

    >>> [action.name for action in default_actions()]
    ['retention_offer', 'second_purchase_offer']
    """
    return (
        Action(
            "retention_offer",
            ("growth", "mature", "decline", "churned"),
            "email",
            "prevent",
            contact_cost=contact_cost,
            incentive=incentive,
            save_rate=save_rate,
            winback_save_rate=winback_save_rate,
        ),
        Action(
            "second_purchase_offer",
            ("new",),
            "email",
            "activate",
            contact_cost=contact_cost,
            incentive=incentive,
            lift=save_rate / 5,
        ),
    )


def _known(where: str, what: str, found: tuple[str, ...], allowed: tuple[str, ...]) -> None:
    unknown = [one for one in found if one not in allowed]
    if unknown:
        raise ValueError(f"{where}: {what} must be among {', '.join(allowed)}; found {', '.join(unknown)}.")
