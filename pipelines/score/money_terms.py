"""What turns purchases into value, in the units that models take."""

import math
from dataclasses import dataclass

from lifecycle.pipelines.config import Config

DAYS_PER_YEAR = 365.25


@dataclass(frozen=True)
class MoneyTerms:
    """Margin, continuous discount rate a day, days over which value is counted."""

    margin: float
    discount_rate: float
    value_horizon: int

    @classmethod
    def of(cls, config: Config) -> "MoneyTerms":
        """The terms of a configuration."""
        rate = math.log1p(config.money.discount_rate_per_year) / DAYS_PER_YEAR
        return cls(config.money.margin, rate, config.retention.value_horizon_days)
