"""The frozen, versioned rules by which a customer is in a stage."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from typing import Final

RULES_VERSION: Final = 2
"""Raised whenever the rules themselves (not their numbers) change, so that the digest of a policy changes with them."""


@dataclass(frozen=True, slots=True)
class StagePolicy:
    """Numbers of the stage rules; fixed at training, changed only with a promotion.

    With s days since the last purchase, own gap g = (α + t_x)/(r + x), base gap G = α/r and season factor S, from
    first to last:

    - churned: s > max(`churn_multiple`·g, `churn_floor`); a one-time buyer with s > `new_limit`; closed account;
    - decline: x ≥ 1 and s > max(`decline_multiple`·g, `decline_floor`); or volume: μ ≥ `volume_expected` purchase
      days were expected in the last horizon, at most `volume_now`·μ·S came, and `lookback` days earlier at most
      `volume_before`·μ·S;
    - mature: at least `mature_purchases` purchase days in the present life, spanning at least one horizon;
    - growth: other repeaters; whoever returns from churned starts here again;
    - new: one purchase day; prospect: none.

    `new_limit` is max(min(`new_multiple`·G, s*), `new_floor`). G is a gap only where most come back; where hardly
    anybody does, it is an age of man, and everybody would be new for ever. s* ends that: the silence after which a
    buyer, still there, has only `new_chance` of the chance of buying within the horizon that the first day gave.

    Decline by volume ends with an own purchase only, and does not begin again within `dwell` days: silence alone
    brings nobody back, and nobody flickers. A seasonal buyer (see `season_window`) keeps the stage.

    Attributes
    ----------
    r, alpha : float
        gamma shape and rate (days) of the base's purchase rate, from MBG/NBD, which counts open gaps.
    horizon : int
        days; the window of the volume rule and the least span of a mature life.
    season_window : int
        days; whoever bought within this many days after this date last year, but not in as many days before it, or came
        back then after a silence at least as long as the present one is going to be, keeps the stage.
    season_log : int
        days of log that the seasonal rule needs (13 months).
    season_weight : float
        purchase days by which the season factor is drawn towards 1, so that a few customers do not make a season.

    >>> policy = StagePolicy.from_rates(0.5, 40.0, 90)
    >>> policy.base_gap, round(policy.own_gap(frequency=3, recency=100.0), 1), len(policy.digest)
    (80.0, 40.0, 16)
    """

    r: float
    alpha: float
    horizon: int
    decline_multiple: float = 2.0
    churn_multiple: float = 4.0
    decline_floor: int = 28
    churn_floor: int = 90
    new_multiple: float = 3.0
    new_floor: int = 90
    new_chance: float = 0.3
    overdue_multiple: float = 1.5
    mature_purchases: int = 5
    volume_expected: float = 3.0
    volume_now: float = 0.5
    volume_before: float = 0.75
    lookback: int = 28
    dwell: int = 28
    season_window: int = 56
    season_log: int = 396
    season_weight: float = 100.0

    def __post_init__(self) -> None:
        """Refuse numbers with which the stages would not be exhaustive and exclusive."""
        for name in ("r", "alpha", "horizon"):
            if not getattr(self, name) > 0:
                raise ValueError(f"StagePolicy.{name} must be > 0; found {getattr(self, name)!r}.")
        if not 0 < self.new_chance < 1:
            raise ValueError(f"StagePolicy.new_chance must lie between 0 and 1; found {self.new_chance!r}.")
        if not 0 < self.decline_multiple < self.churn_multiple:
            raise ValueError(
                "StagePolicy: 0 < decline_multiple < churn_multiple must hold; "
                f"found {self.decline_multiple} and {self.churn_multiple}."
            )
        if not 0 < self.decline_floor < self.churn_floor:
            raise ValueError(
                "StagePolicy: 0 < decline_floor < churn_floor must hold; "
                f"found {self.decline_floor} and {self.churn_floor}."
            )

    @classmethod
    def from_rates(
        cls,
        r: float,
        alpha: float,
        horizon: int,
        *,
        decline_multiple: float = 2.0,
        churn_multiple: float = 4.0,
    ) -> "StagePolicy":
        """Return the default policy for a base whose purchase rate is Gamma(r, alpha per day)."""
        return cls(float(r), float(alpha), int(horizon), decline_multiple, churn_multiple)

    @property
    def base_gap(self) -> float:
        """G = α/r: the base's gap between purchase days, in days."""
        return self.alpha / self.r

    @property
    def new_limit(self) -> float:
        """Days of silence after which a one-time buyer has churned.

        With rates Gamma(r, α), P(buys within H | silent for s, still there) = 1 − ((α + s)/(α + s + H))^r; s* solves
        for `new_chance` of its value at s = 0.

        >>> StagePolicy.from_rates(1.0, 60.0, 90).new_limit  # three base gaps
        180.0
        >>> round(StagePolicy.from_rates(0.02, 60.0, 90).new_limit)  # three base gaps would be 9,000 days
        227
        """
        return max(min(self.new_multiple * self.base_gap, self._chance_left()), float(self.new_floor))

    @property
    def overdue_limit(self) -> float:
        """Days of silence after which the second purchase of a one-time buyer is overdue: 1.5 of the 3 gaps above."""
        share = self.overdue_multiple / self.new_multiple
        return min(self.overdue_multiple * self.base_gap, share * max(self._chance_left(), float(self.new_floor)))

    def _chance_left(self) -> float:
        at_first = -math.expm1(self.r * math.log(self.alpha / (self.alpha + self.horizon)))
        log_u = math.log1p(-self.new_chance * at_first) / self.r
        return self.horizon * math.exp(log_u) / -math.expm1(log_u) - self.alpha

    def own_gap(self, frequency: float, recency: float) -> float:
        """Return g = (α + t_x)/(r + x) in days, for one customer."""
        return (self.alpha + recency) / (self.r + frequency)

    @property
    def digest(self) -> str:
        """16 hexadecimal digits over the rules' version and all numbers: the version of the policy."""
        content = json.dumps({"rules": RULES_VERSION, **asdict(self)}, sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]
