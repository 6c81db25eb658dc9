"""Whole lives simulated a few thousand times a frequency: what the discounted spend of living customers may come to.

Sums of discounted amounts with a random end have no closed distribution. Draws are shared between ages, which only
stretch time, so that quantiles are smooth in the age; paths run through the parameters' draws in turn.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lifecycle.models.btyd.gamma_gamma import GammaGamma
from lifecycle.models.btyd.inputs import Floats
from lifecycle.models.btyd.purchase_model import PurchaseModel

PATHS = 4096
_ROUNDS = 40
_QUANTILES = 513
_SLOWEST = 1e-100
"""Where r is tiny a drawn rate may be too small for a double: still a rate, of no purchase in any time."""


def discounted_spends(
    models: Sequence[PurchaseModel],
    spends: Sequence[GammaGamma],
    ratios: Floats,
    x: float,
    ages: Floats,
    rate: float,
    rng: np.random.Generator,
) -> Floats:
    """Logs of quantiles of Σ e^(−δt)·M over v + x·z̄ given alive, shape (ages, quantiles 0 … 1).

    A path's first forty purchases are drawn one by one; what may follow takes its mean rate until a drawn end.
    """
    which = np.arange(PATHS) % len(models)
    drawn = models[0].draw_lives(models, which, x, ages, rng)
    life = replace(drawn, rate=np.maximum(drawn.rate, _SLOWEST))
    p, q = (np.array([getattr(money, name) for money in spends])[which] for name in ("p", "q"))
    worth = ratios[which] / rng.gamma(q + p * x)
    total = np.zeros((PATHS, ages.size))
    clock = np.zeros(PATHS)
    going = np.arange(PATHS)
    for round_ in range(_ROUNDS):
        clock[going] += rng.standard_exponential(going.size)
        time = clock[going, None] / life.rate[going]
        amount = rng.gamma(p[going]) * worth[going]
        total[going] += np.where(time <= life.end[going], amount[:, None] * np.exp(-rate * time), 0.0)
        going = going[(life.purchases[going] > round_ + 1) & (time <= life.end[going]).any(axis=1)]
        if going.size == 0:
            break
    if going.size:
        start = clock[going, None] / life.rate[going]
        left = np.minimum(
            rng.standard_gamma(np.maximum(life.purchases[going] - _ROUNDS, 1.0))[:, None] / life.rate[going],
            np.maximum(life.end[going] - start, 0.0),
        )
        mean = (p[going] * worth[going])[:, None] * life.rate[going]
        total[going] += mean * np.exp(-rate * start) * -np.expm1(-rate * left) / rate
    quantiles = np.quantile(total, np.linspace(0.0, 1.0, _QUANTILES), axis=0).T
    return np.ascontiguousarray(np.log(np.maximum(quantiles, 1e-300)))
