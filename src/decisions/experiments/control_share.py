"""How large the control group should be: what knowing the rate is worth, less what leaving customers alone costs."""

from dataclasses import dataclass
from math import ceil, inf, sqrt
from typing import Final

from scipy.stats import norm

SHARES: Final = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)


@dataclass(frozen=True, slots=True)
class Situation:
    """A list of one action.

    Attributes
    ----------
    contacts : int
        customers on the list each round, control group included.
    rate, sd : float
        what is known of the rate.
    break_even : float
        the rate at which a contact pays for itself.
    won : float
        net value of a contact for each unit of the rate: a contact is worth (rate − break_even)·won.
    movable : float
        share of the list that the rate applies to.
    buys : float
        share of the list that buys anyway.
    """

    contacts: int
    rate: float
    sd: float
    break_even: float
    won: float
    movable: float
    buys: float


@dataclass(frozen=True, slots=True)
class Advice:
    """What a control group is worth.

    Attributes
    ----------
    share : float
        the share of `SHARES` (or the present one) with the largest worth.
    worth, present_worth : float
        money over all rounds: value of information − value of contacts not made; at that share and at the present one.
    needed : int | None
        contacts at the present share after which a 90 % interval of the measured rate is no wider to either side than
        the distance from break-even; None where no number of contacts does.
    needed_at_half : int | None
        the same with half of the list as control.
    """

    share: float
    worth: float
    present_worth: float
    needed: int | None
    needed_at_half: int | None


def rate_error(situation: Situation, share: float, contacts: float) -> float:
    """Return the standard error of the rate measured with so many contacts, `share` of them control.

    >>> round(rate_error(Situation(4000, 0.1, 0.05, 0.05, 40.0, 0.3, 0.3), 0.1, 4000), 3)
    0.081
    """
    if not (0 < share < 1 and situation.movable > 0 and contacts > 0):
        return inf
    variance = situation.buys * (1 - situation.buys) * (1 / share + 1 / (1 - share)) / contacts
    return sqrt(variance) / situation.movable


def information_worth(situation: Situation, share: float, *, rounds: int) -> float:
    """Return what measuring one round brings over the rounds after it, less the contacts that its control group misses.

    The posterior mean is normal around the present rate with variance sd² − (posterior sd)²; after the round a contact
    is made only where its mean passes break-even, so the gain is that of an option (Raiffa & Schlaifer, 1961).
    """
    now = max(0.0, situation.rate - situation.break_even) * situation.won
    error = rate_error(situation, share, situation.contacts)
    learned = 0.0
    if situation.sd > 0 and error < inf:
        spread = situation.sd**2 / sqrt(situation.sd**2 + error**2)
        z = (situation.rate - situation.break_even) / spread
        learned = spread * float(norm.pdf(z) + z * norm.cdf(z)) * situation.won - now
    return situation.contacts * (max(0.0, learned) * max(0, rounds - 1) - share * now)


def advise(situation: Situation, *, share: float, rounds: int = 8) -> Advice:
    """Return the share of control that is worth most, and how many contacts it takes to know the rate.

    Parameters
    ----------
    share : float
        the present one.
    rounds : int
        campaigns that will use what is learned.

    >>> sure = advise(Situation(4000, 0.1, 1e-6, 0.02, 40.0, 0.3, 0.3), share=0.1)
    >>> sure.share  # nothing to learn: as few as possible
    0.02
    """
    worth = {one: information_worth(situation, one, rounds=rounds) for one in sorted({*SHARES, share} - {0.0})}
    best = max(worth, key=lambda one: worth[one])
    return Advice(
        best,
        worth[best],
        information_worth(situation, share, rounds=rounds),
        _needed(situation, share),
        _needed(situation, 0.5),
    )


def _needed(situation: Situation, share: float) -> int | None:
    distance = abs(situation.rate - situation.break_even)
    one = rate_error(situation, share, 1.0)
    if distance == 0 or one == inf:
        return None
    return ceil((float(norm.isf(0.05)) * one / distance) ** 2)
