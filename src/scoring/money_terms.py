"""What turns purchases into value, in the units that models take."""

import math
from dataclasses import dataclass

DAYS_PER_YEAR = 365.25


@dataclass(frozen=True)
class MoneyTerms:
    """Margin, continuous discount rate a day, days over which value is counted."""

    margin: float
    discount_rate: float
    value_horizon: int

    @classmethod
    def yearly(cls, margin: float, discount_rate_per_year: float, value_horizon_days: int) -> "MoneyTerms":
        """Terms from a yearly rate, as people state it.

        >>> round(math.exp(MoneyTerms.yearly(0.3, 0.1, 365).discount_rate * DAYS_PER_YEAR), 12)
        1.1
        """
        return cls(margin, math.log1p(discount_rate_per_year) / DAYS_PER_YEAR, value_horizon_days)
