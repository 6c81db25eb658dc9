"""Customers drawn from a model: the truth that estimates and intervals are judged by."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lifecycle.models.btyd.inputs import Floats


@dataclass(frozen=True, eq=False)
class Simulated:
    """One entry a customer: history up to ``T``, whether alive then, and ``future`` purchases within the horizon."""

    frequency: Floats
    recency: Floats
    T: Floats
    alive: npt.NDArray[np.bool_]
    future: Floats


def arrivals(
    rate: Floats,
    stop: Floats,
    death: Floats,
    T: Floats,
    horizon: float,
    rng: np.random.Generator,
) -> Simulated:
    """Purchases at ``rate`` until T + horizon or ``death``, each the last one with probability ``stop``.

    Round by round over those still buying, so that the cost is that of the purchases made.
    """
    x, t_x, future = np.zeros(T.size), np.zeros(T.size), np.zeros(T.size)
    alive = death > T
    active = np.flatnonzero(death > 0.0)
    now = np.zeros(active.size)
    end = np.minimum(T + horizon, death)
    while active.size:
        now = now + rng.standard_exponential(active.size) / rate[active]
        still = now <= end[active]
        active, now = active[still], now[still]
        seen = now <= T[active]
        x[active[seen]] += 1.0
        t_x[active[seen]] = now[seen]
        future[active[~seen]] += 1.0
        stops = rng.random(active.size) < stop[active]
        alive[active[stops & seen]] = False
        active, now = active[~stops], now[~stops]
    return Simulated(x, t_x, T, alive, future)


@dataclass(frozen=True, eq=False)
class Lives:
    """Lives ahead of customers alive now, a row a path and a column an age.

    Purchases at ``rate`` until ``end``, at most ``purchases`` of them (one a path; infinite where only the end counts).
    """

    rate: Floats
    end: Floats
    purchases: Floats
