"""The base's season factor, day by day: what eligible customers who buy did buy, over what their own rates expected.

S(d) belongs to the horizon (d − horizon, d]. Only customers whose own rate, as known at the start of the horizon,
expects at least `volume_expected` purchase days count, and of these only those who bought: so S holds no attrition.
The sums are whole numbers (the expected days in units of 2⁻²⁰), so that the sums of the buckets of a base are the
sums of the base to the last bit.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

import numba
import numpy as np
from numpy.typing import NDArray

from lifecycle.decisions.stage_policy import StagePolicy
from lifecycle.decisions.stage_replay import count_until, next_review
from lifecycle.features.window import NEVER

_UNIT: Final = float(1 << 20)


class Slices(Protocol):
    """What the replay needs of `features.history.History`: customer i's purchase days are rows ``offsets[i]:offsets[i
    + 1]``."""

    @property
    def offsets(self) -> NDArray[np.int64]: ...  # noqa: D102
    @property
    def day(self) -> NDArray[np.int32]: ...  # noqa: D102
    @property
    def void_day(self) -> NDArray[np.int32]: ...  # noqa: D102
    @property
    def closed_day(self) -> NDArray[np.int32] | None: ...  # noqa: D102
    @property
    def registered_day(self) -> NDArray[np.int32] | None: ...  # noqa: D102
    @property
    def log_first_day(self) -> int: ...  # noqa: D102


@dataclass(frozen=True, slots=True, eq=False)
class SeasonSums:
    """Purchase days that came and that were expected, for the horizons that end on `start`, `start` + 1, …

    Sums of the buckets of a base add up to the sums of the base.
    """

    start: int
    came: NDArray[np.int64]
    expected: NDArray[np.int64]

    def __add__(self, other: "SeasonSums") -> "SeasonSums":
        """Add the sums of another bucket over the same days."""
        if self.start != other.start or self.came.size != other.came.size:
            raise ValueError(
                f"season sums of different days cannot be added: {self.came.size} days from {self.start} and "
                f"{other.came.size} days from {other.start}; give all buckets the same first and last day."
            )
        return SeasonSums(self.start, self.came + other.came, self.expected + other.expected)

    def factor(self, policy: StagePolicy) -> "Season":
        """Return S, drawn towards 1 by `policy.season_weight` purchase days."""
        weight = policy.season_weight
        return Season(self.start, (self.came + weight) / (self.expected / _UNIT + weight))


@dataclass(frozen=True, slots=True, eq=False)
class Season:
    """S for each day from `start` on; 1 where nobody was eligible."""

    start: int
    factor: NDArray[np.float64]

    @property
    def end(self) -> int:
        """Last day that the series covers."""
        return self.start + self.factor.size - 1

    def on(self, day: int) -> float:
        """Return S of the horizon that ends on the day."""
        return float(self.factor[day - self.start])


def season_sums(history: Slices, policy: StagePolicy, *, last_day: int) -> SeasonSums:
    """Return the sums of one bucket for every day from the log's first to `last_day`; nothing later is seen.

    >>> import numpy as np
    >>> from types import SimpleNamespace
    >>> day = np.arange(0, 364, 7, dtype=np.int32)
    >>> weekly = SimpleNamespace(
    ...     offsets=np.array([0, 52]), day=day, void_day=np.full(52, 2**31 - 1, np.int32), log_first_day=0
    ... )
    >>> policy = StagePolicy.from_rates(1.0, 7.0, 90)
    >>> sums = season_sums(weekly, policy, last_day=363)
    >>> int(sums.came[-1]), float(round(sums.expected[-1] / 2**20, 2))
    (12, 12.86)
    """
    first_day = min(history.log_first_day, last_day)
    n_days = last_day - first_day + 1
    came = np.zeros(n_days, np.int64)
    expected = np.zeros(n_days, np.int64)
    _sum_slices(
        history.offsets,
        history.day,
        history.void_day,
        policy.r,
        policy.alpha,
        policy.horizon,
        policy.volume_expected,
        first_day,
        last_day,
        came,
        expected,
    )
    return SeasonSums(first_day, came, expected)


def season_of(buckets: Iterable[Slices], policy: StagePolicy, *, last_day: int) -> Season:
    """Return the season factor of a whole base that comes in buckets, at least one.

    Raises
    ------
    ValueError
        if there is no bucket, or the buckets are not of one log.
    """
    sums = (season_sums(bucket, policy, last_day=last_day) for bucket in buckets)
    total = next(sums, None)
    if total is None:
        raise ValueError("a season factor needs at least one bucket of the base; found none.")
    for more in sums:
        total = total + more
    return total.factor(policy)


@numba.njit(cache=True, nogil=True)
def _sum_slices(
    offsets: NDArray[np.int64],
    day: NDArray[np.int32],
    void_day: NDArray[np.int32],
    r: float,
    alpha: float,
    horizon: int,
    least: float,
    first_day: int,
    last_day: int,
    came: NDArray[np.int64],
    expected: NDArray[np.int64],
) -> None:
    for i in range(offsets.size - 1):
        lo, hi = offsets[i], offsets[i + 1]
        if lo == hi:
            continue
        bought = day[lo:hi]
        voided = void_day[lo:hi]
        has_void = False
        for j in range(hi - lo):
            if voided[j] <= last_day:
                has_void = True
                break
        known_days = bought.copy()
        n_known = hi - lo
        today = int(bought[0])
        while today <= last_day:
            until = last_day + 1
            if has_void:  # the days known change when one is returned
                n_known = 0
                for j in range(hi - lo):
                    if voided[j] > today:
                        known_days[n_known] = bought[j]
                        n_known += 1
                        if voided[j] < until:
                            until = max(int(voided[j]), today + 1)
            if n_known > 0:
                _add_horizons(known_days, n_known, today, until, r, alpha, horizon, least, first_day, came, expected)
            today = until


@numba.njit(cache=True, nogil=True)
def _add_horizons(
    days: NDArray[np.int32],
    n: int,
    today: int,
    until: int,
    r: float,
    alpha: float,
    horizon: int,
    least: float,
    first_day: int,
    came: NDArray[np.int64],
    expected: NDArray[np.int64],
) -> None:
    """Add the horizons that end on today, …, until − 1 for one customer whose n known purchase days are given."""
    today = max(next_review(days, n, today, r, alpha, horizon, least), first_day)
    if today >= until:
        return
    known = count_until(days, n, today - horizon)
    seen = count_until(days, n, today)
    while today < until:
        start = today - horizon
        while known < n and days[known] <= start:
            known += 1
        while seen < n and days[seen] <= today:
            seen += 1
        mu = horizon * (r + known - 1) / (alpha + start - days[0])
        if mu < least:
            review = next_review(days, n, today + 1, r, alpha, horizon, least)
            if review == NEVER:
                return
            today = review
            continue
        if seen > known:
            came[today - first_day] += seen - known
            expected[today - first_day] += int(np.rint(mu * _UNIT))
        today += 1
