"""From measured effects to the rates that a list uses: a prior, shrunk as far as the evidence allows.

The rate of an action in a stage is r_as = r_a + u_as with r_a ~ N(assumed rate, rate sd²) and u_as ~ N(0, τ²).
Campaigns measure it with known errors; those of one stage are pooled by precision, τ² is DerSimonian & Laird's (1986),
and stages borrow from their action. Without a contact the posterior is the prior, to the last bit.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf, isfinite, sqrt
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from lifecycle.decisions.actions import Action
from lifecycle.decisions.gains import Gain, Worth, gain
from lifecycle.decisions.vocabulary import STAGES
from lifecycle.models.uplift.trial import NORMAL_90

Floats = NDArray[np.float64]
Codes = NDArray[np.int8]
Basis = Literal["assumed", "mixed", "measured"]
BASES: Final[tuple[Basis, ...]] = get_args(Basis)
MEASURED_FROM: Final = 0.9
"""Share of the prior's variance that evidence must have taken away for a rate to be called measured."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one campaign measured of an action in a stage.

    Attributes
    ----------
    action, stage : str
        whose rate it is.
    rate, sd : float
        Δ share of buyers over the movable share, and its standard error.
    contacts : int
        customers drawn.
    """

    action: str
    stage: str
    rate: float
    sd: float
    contacts: int


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate and how sure it is.

    Attributes
    ----------
    action, stage : str
        whose rate it is.
    prior, prior_sd : float
        what was assumed.
    rate, sd : float
        what the list uses: the posterior's mean cut to [0, 1], and its sd.
    basis : Basis
        assumed (no evidence), mixed, or measured (the evidence outweighs the prior ten to one).
    contacts, campaigns : int
        the evidence of this stage.
    """

    action: str
    stage: str
    prior: float
    prior_sd: float
    rate: float
    sd: float
    basis: Basis
    contacts: int
    campaigns: int


@dataclass(frozen=True, eq=False)
class Rates:
    """Rates by action and stage; what is not in here is as the catalogue assumes."""

    rows: tuple[Rate, ...] = ()
    _by_key: Mapping[tuple[str, str], Rate] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Index the rows."""
        object.__setattr__(self, "_by_key", {(row.action, row.stage): row for row in self.rows})

    def of(self, action: str, stage: str) -> Rate | None:
        """Return a rate, None where nothing is known beyond the catalogue."""
        return self._by_key.get((action, stage))

    def gain(self, action: Action, worth: Worth, stage: Codes) -> Gain:
        """Return what an action would bring for customers in these stages."""
        return gain(action, worth, self._by_stage(action, "rate", action.rate)[stage] if self.rows else None)

    def reach(self, action: Action, priced: Gain, stage: Codes) -> tuple[Floats, Floats]:
        """Return what the net gain changes by, at most, down and up within the 90 % interval of the rate in [0, 1]."""
        sd = self._by_stage(action, "sd", action.prior_sd)[stage]
        slope = priced.won - priced.incentive * priced.saved
        down = (np.maximum(priced.rate - NORMAL_90 * sd, 0.0) - priced.rate) * slope
        up = (np.minimum(priced.rate + NORMAL_90 * sd, 1.0) - priced.rate) * slope
        return np.minimum(down, up), np.maximum(down, up)

    def basis(self, action: Action, stage: Codes) -> Codes:
        """Return codes of `BASES`: what the rates of customers in these stages rest on."""
        found = [self.of(action.name, one) for one in STAGES]
        return np.array([0 if one is None else BASES.index(one.basis) for one in found], np.int8)[stage]

    def _by_stage(self, action: Action, what: str, otherwise: float) -> Floats:
        found = [self.of(action.name, stage) for stage in STAGES]
        return np.array([otherwise if one is None else getattr(one, what) for one in found], np.float64)


ASSUMED: Final = Rates()
"""Nothing was measured."""


def evidence(action: str, stage: str, *, effect: float, error: float, movable: float, contacts: int) -> Evidence | None:
    """Return what an effect on the share of buyers says of a rate; None where nothing could have been moved.

    Parameters
    ----------
    effect, error : float
        Δ share of buyers and its standard error.
    movable : float
        mean over those drawn of what the gain formula multiplies the rate with.

    >>> evidence("offer", "decline", effect=0.25, error=0.125, movable=0.5, contacts=900)
    Evidence(action='offer', stage='decline', rate=0.5, sd=0.25, contacts=900)
    """
    if not (movable > 0 and isfinite(effect) and isfinite(error) and error > 0):
        return None
    return Evidence(action, stage, effect / movable, error / movable, contacts)


def posterior(
    action: str, stages: Iterable[str], *, prior: float, prior_sd: float, found: Iterable[Evidence]
) -> tuple[Rate, ...]:
    """Return the rate of an action in each of its stages.

    Raises
    ------
    ValueError
        if the prior's sd is not positive.

    >>> seen = [Evidence("offer", "decline", 0.02, 0.03, 4000)]
    >>> one, other = posterior("offer", ("decline", "churned"), prior=0.1, prior_sd=0.05, found=seen)
    >>> round(one.rate, 4), one.basis, other.contacts, round(other.rate, 4)
    (0.0412, 'mixed', 0, 0.0412)
    """
    if not prior_sd > 0:
        raise ValueError(f"action {action!r}: the prior sd of its rate must be > 0; found {prior_sd!r}.")
    by_stage: dict[str, list[Evidence]] = {stage: [] for stage in stages}
    for one in found:
        if one.action == action and one.stage in by_stage:
            by_stage[one.stage].append(one)
    pooled = {stage: _pooled(rows) for stage, rows in by_stage.items() if rows}
    if not pooled:
        return tuple(Rate(action, s, prior, prior_sd, prior, prior_sd, "assumed", 0, 0) for s in by_stage)
    between = _between(list(pooled.values()))
    precision, weighted = 1 / prior_sd**2, prior / prior_sd**2
    for mean, variance in pooled.values():
        precision += 1 / (variance + between)
        weighted += mean / (variance + between)
    centre, spread = weighted / precision, 1 / precision
    rows = []
    for stage, seen in by_stage.items():
        mean, variance = pooled.get(stage, (centre, inf))
        own = between / (between + variance) if between > 0 and isfinite(variance) else 0.0
        rate = own * mean + (1 - own) * centre
        left = (own * variance if own > 0 else between) + (1 - own) ** 2 * spread
        basis: Basis = "measured" if left <= (1 - MEASURED_FROM) * prior_sd**2 else "mixed"
        contacts = sum(one.contacts for one in seen)
        rows.append(
            Rate(action, stage, prior, prior_sd, min(1.0, max(0.0, rate)), sqrt(left), basis, contacts, len(seen))
        )
    return tuple(rows)


def _pooled(rows: list[Evidence]) -> tuple[float, float]:
    """Mean and variance of campaigns of one stage, by precision."""
    precision = sum(1 / one.sd**2 for one in rows)
    return sum(one.rate / one.sd**2 for one in rows) / precision, 1 / precision


def _between(pooled: list[tuple[float, float]]) -> float:
    """τ² of DerSimonian & Laird (1986): how much stages differ beyond their errors."""
    if len(pooled) < 2:
        return 0.0
    weight = np.array([1 / variance for _, variance in pooled])
    mean = np.array([mean for mean, _ in pooled])
    q = float(weight @ (mean - weight @ mean / weight.sum()) ** 2)
    scale = float(weight.sum() - (weight**2).sum() / weight.sum())
    return max(0.0, (q - (len(pooled) - 1)) / scale)
