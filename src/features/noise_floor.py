"""The noise floor of decline: how many customers would be called declining though nothing about them changed."""

from dataclasses import dataclass

import numpy as np

from lifecycle.features.asof import AsOf
from lifecycle.features.history import History
from lifecycle.features.outcomes import DECLINED_TO, BaseLevel, RateReference, base_level, past_of
from lifecycle.features.window import Window


@dataclass(frozen=True, slots=True)
class NoiseFloor:
    """Share of eligible customers with a constant rate who are labelled declining by chance; NaN without any.

    ``standard_error`` is that of the simulation alone.
    """

    share: float
    standard_error: float
    n_eligible: int
    n_simulated: int


def noise_floor(
    history: History,
    window: Window,
    *,
    reference: RateReference,
    base: BaseLevel | None = None,
    n_simulated: int = 200_000,
    seed: int = 0,
) -> NoiseFloor:
    """Simulate the horizon of the eligible customers with constant rates, and label it as the real one is labelled.

    A customer's rate is drawn from Gamma(r + x_ref, α + T_ref), what their reference period says of it; purchase days
    are Poisson, baskets gamma around the own mean with the spread that eligible customers' baskets have about theirs.
    The season is left out: it would multiply actual and expected spend alike.
    """
    past = past_of(AsOf.of(history, window.as_of), window, reference)
    mine = np.flatnonzero(past.eligible)
    if mine.size == 0:
        return NoiseFloor(float("nan"), float("nan"), 0, 0)
    level = base or base_level(history, window, reference=reference)
    rng = np.random.default_rng(seed)
    who = np.resize(mine, max(n_simulated, mine.size))
    expected, exposure = past.expected[who], past.exposure[who]
    mean = (past.total[who] + level.basket_weight * level.basket_mean) / (past.number[who] + level.basket_weight)
    own_mean = past.total[mine] / past.number[mine]
    spread = past.squares[mine].sum() / max(((past.number[mine] - 1) * own_mean**2).sum(), 1e-300)
    rate = rng.gamma(expected / window.horizon * exposure) / exposure
    purchases = rng.poisson(rate * window.horizon)
    spend = purchases * mean
    if spread > 0:
        spend = rng.gamma(np.maximum(purchases / spread, 1e-300)) * spread * mean
    share = float(((purchases > 0) & (spend <= DECLINED_TO * expected * mean)).mean())
    return NoiseFloor(share, float(np.sqrt(share * (1 - share) / who.size)), int(mine.size), int(who.size))
