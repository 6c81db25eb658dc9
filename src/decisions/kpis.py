"""KPIs as the domain defines them, from sums that add up over the buckets of a base.

P is the horizon; A and B are the buyers in (end − 2P, end − P] and (end − P, end]. All is counted from purchase days
as known at `end`, so that a KPI of last year is what was known last year.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Final

import numba
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lifecycle.decisions.cause_sums import survey_answers
from lifecycle.decisions.season_factor import Season
from lifecycle.decisions.stage_policy import StagePolicy
from lifecycle.decisions.stages import stages_at
from lifecycle.decisions.vocabulary import CHURNED, MATURE, PROSPECT
from lifecycle.features.history import History
from lifecycle.features.window import to_date

_YEAR: Final = 365
PERIODS: Final = ("now", "before", "last_year")
"""The period that ends at as_of, the one before it, and the same period a year ago."""

NAMES: Final = (
    "retention_rate",
    "retention_rate_first_time",
    "retention_rate_earlier",
    "spend_retention",
    "repurchase_rate",
    "second_purchase_rate",
    "churn_rate",
    "return_rate",
    "loyal_share",
    "satisfaction",
    "buyers",
    "new_customers",
)
"""`loyal_share` is the share of the mature among those not churned, `satisfaction` the mean answer of the surveys."""


@dataclass(frozen=True, slots=True, eq=False)
class KpiSums:
    """What the KPIs of one period are made of; sums of buckets add up.

    Attributes
    ----------
    end : int
        last day of the period.
    a, a_first, kept, kept_first : int
        buyers in A, those of them whose first purchase fell in A, and how many of each are in B.
    spend_a, spend_kept : float
        spend of A's customers in A and in B; NaN for a log without amounts.
    buyers, new_customers : int
        buyers in B, and those of them who bought for the first time.
    year, year_twice : int
        customers with at least one and with at least two purchase days in 365 days.
    at_risk, second : NDArray[np.int64]
        by days since the first purchase (0..P): who was watched and had not bought again before, and who bought again
        on that day.
    at_start, entered : int
        not churned at the period's start, and how many of these are churned at its end.
    churned_at_start, came_back : int
        churned at the start, and how many of these bought in the period.
    at_end, mature : int
        not churned at the period's end, and how many of these are mature.
    answers, answered : float
        sum and number of the period's survey answers.
    """

    end: int
    a: int
    a_first: int
    kept: int
    kept_first: int
    spend_a: float
    spend_kept: float
    buyers: int
    new_customers: int
    year: int
    year_twice: int
    at_risk: NDArray[np.int64]
    second: NDArray[np.int64]
    at_start: int
    entered: int
    churned_at_start: int
    came_back: int
    at_end: int
    mature: int
    answers: float
    answered: int

    def __add__(self, other: "KpiSums") -> "KpiSums":
        """Add the sums of another bucket for the same period."""
        if self.end != other.end:
            raise ValueError(f"KPI sums of periods that end on days {self.end} and {other.end} cannot be added.")
        added = {one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)}
        return KpiSums(**(added | {"end": self.end}))

    def rates(self) -> dict[str, float]:
        """Return the KPIs by name (`NAMES`); NaN where nobody is counted."""
        hazard = np.divide(self.second, self.at_risk, out=np.zeros(self.second.size), where=self.at_risk > 0)
        watched = bool(self.at_risk.any())
        return {
            "retention_rate": _share(self.kept, self.a),
            "retention_rate_first_time": _share(self.kept_first, self.a_first),
            "retention_rate_earlier": _share(self.kept - self.kept_first, self.a - self.a_first),
            "spend_retention": _share(self.spend_kept, self.spend_a),
            "repurchase_rate": _share(self.year_twice, self.year),
            "second_purchase_rate": float(1 - np.prod(1 - hazard)) if watched else np.nan,
            "churn_rate": _share(self.entered, self.at_start),
            "return_rate": _share(self.came_back, self.churned_at_start),
            "loyal_share": _share(self.mature, self.at_end),
            "satisfaction": _share(self.answers, self.answered),
            "buyers": float(self.buyers),
            "new_customers": float(self.new_customers),
        }


def period_ends(as_of: int, horizon: int) -> tuple[int, int, int]:
    """Return the last days of `PERIODS`.

    >>> period_ends(1000, 90)
    (1000, 910, 635)
    """
    return as_of, as_of - horizon, as_of - _YEAR


def kpi_sums(
    history: History, ends: Sequence[int], policy: StagePolicy, *, season: Season | None = None
) -> tuple[KpiSums, ...]:
    """Return the sums of one bucket for the periods of one horizon that end on the given days."""
    dates = sorted({day for end in ends for day in (end - policy.horizon, end)})
    stages = dict(zip(dates, stages_at(history, dates, policy, season=season).T, strict=True))
    return tuple(_sums(history, end, policy.horizon, stages[end - policy.horizon], stages[end]) for end in ends)


def add_sums(buckets: Iterable[tuple[KpiSums, ...]]) -> tuple[KpiSums, ...]:
    """Return the sums of a base from those of its buckets, period by period."""
    total: tuple[KpiSums, ...] | None = None
    for sums in buckets:
        total = sums if total is None else tuple(left + right for left, right in zip(total, sums, strict=True))
    if total is None:
        raise ValueError("KPIs need at least one bucket; found none.")
    return total


def kpi_table(sums: Sequence[KpiSums], *, log_start: int, horizon: int) -> pd.DataFrame:
    """Return one row a KPI with the columns of `PERIODS` and the changes against the two earlier ones.

    Grain: one row a name of `NAMES`. A period of which the log does not hold all days is NaN: two horizons for
        retention and churn, a
    year for the repurchase rate.
    """
    table = pd.DataFrame(index=pd.Index(NAMES, name="kpi"))
    for period, one in zip(PERIODS, sums, strict=True):
        table[period] = pd.Series(_within(one, log_start, horizon))
    table["change_before"] = table["now"] - table["before"]
    table["change_last_year"] = table["now"] - table["last_year"]
    return table


def kpi_history(sums: Sequence[KpiSums], *, log_start: int, horizon: int) -> pd.DataFrame:
    """Return the KPIs of many periods. Grain: one row a period's last day (a date), one column a name of `NAMES`.

    What the log does not hold all days of is NaN, as in `kpi_table`.
    """
    rows = [_within(one, log_start, horizon) for one in sums]
    return pd.DataFrame(rows, columns=list(NAMES), index=pd.Index([to_date(one.end) for one in sums], name="end"))


def _within(one: KpiSums, log_start: int, horizon: int) -> dict[str, float]:
    """Return the KPIs of a period, NaN for those that need days from before the log began."""
    needed = {"repurchase_rate": _YEAR} | dict.fromkeys(
        ("buyers", "new_customers", "satisfaction", "loyal_share"), horizon
    )
    return {
        name: value if one.end - needed.get(name, 2 * horizon) + 1 >= log_start else np.nan
        for name, value in one.rates().items()
    }


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else float("nan")


def _sums(
    history: History, end: int, horizon: int, start_stage: NDArray[np.int8], end_stage: NDArray[np.int8]
) -> KpiSums:
    known = history.purchases(end)
    amount = np.empty(0) if known.amount is None else known.amount
    at_risk = np.zeros(horizon + 2, np.int64)
    second = np.zeros(horizon + 1, np.int64)
    bought = np.zeros(history.n_customers, np.bool_)
    counts, spend = _count(known.offsets, known.day, amount, end, horizon, at_risk, second, bought)
    live, still = ((stage >= 0) & (stage != PROSPECT) & (stage != CHURNED) for stage in (start_stage, end_stage))
    answers, day = survey_answers(history, end)
    answers = answers[day > end - horizon]
    gone = start_stage == CHURNED
    money = known.amount is not None
    return KpiSums(
        end=end,
        a=int(counts[0]),
        a_first=int(counts[1]),
        kept=int(counts[2]),
        kept_first=int(counts[3]),
        spend_a=float(spend[0]) if money else np.nan,
        spend_kept=float(spend[1]) if money else np.nan,
        buyers=int(counts[4]),
        new_customers=int(counts[5]),
        year=int(counts[6]),
        year_twice=int(counts[7]),
        at_risk=np.cumsum(at_risk[::-1])[::-1][: horizon + 1],
        second=second,
        at_start=int(live.sum()),
        entered=int((live & (end_stage == CHURNED)).sum()),
        churned_at_start=int(gone.sum()),
        came_back=int((gone & bought).sum()),
        at_end=int(still.sum()),
        mature=int((end_stage == MATURE).sum()),
        answers=float(answers.sum()),
        answered=int(answers.size),
    )


@numba.njit(cache=True, nogil=True)
def _count(
    offsets: NDArray[np.int64],
    day: NDArray[np.int32],
    amount: NDArray[np.float64],
    end: int,
    horizon: int,
    watched: NDArray[np.int64],
    second: NDArray[np.int64],
    bought: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Count one bucket; ``watched[d]`` gets those whose wait for the second purchase was last seen after d days."""
    counts = np.zeros(8, np.int64)
    spend = np.zeros(2)
    for i in range(offsets.size - 1):
        lo, hi = offsets[i], offsets[i + 1]
        if lo == hi:
            continue
        in_a = in_b = in_year = 0
        money_a = money_b = 0.0
        for j in range(lo, hi):
            age = end - day[j]
            if age < horizon:
                in_b += 1
                money_b += amount[j] if amount.size else 0.0
            elif age < 2 * horizon:
                in_a += 1
                money_a += amount[j] if amount.size else 0.0
            if age < _YEAR:
                in_year += 1
        first_age = end - day[lo]
        if in_a > 0:
            first = first_age < 2 * horizon
            counts[0] += 1
            counts[1] += first
            spend[0] += money_a
            spend[1] += money_b
            if in_b > 0:
                counts[2] += 1
                counts[3] += first
        if in_b > 0:
            counts[4] += 1
            counts[5] += first_age < horizon
            bought[i] = True
        counts[6] += in_year > 0
        counts[7] += in_year > 1
        if hi - lo > 1 and day[lo + 1] - day[lo] <= horizon:
            second[day[lo + 1] - day[lo]] += 1
            watched[day[lo + 1] - day[lo]] += 1
        else:
            watched[min(first_age, horizon + 1)] += 1
    return counts, spend
