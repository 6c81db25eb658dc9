"""Estimated customers as the plan asks for them: read part by part, as often as it likes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lifecycle.decisions.gains import Worth
from lifecycle.decisions.plan_input import PlanInput
from lifecycle.scoring.champion import Bundle
from lifecycle.scoring.money_terms import MoneyTerms

Floats = npt.NDArray[np.float64]

PLAN_COLUMNS = (
    *(one.name for one in fields(PlanInput) if one.name not in ("worth", "cautious")),
    *Worth.OF_A_CUSTOMER,
    "first_purchase",
)
"""Columns of the estimates that the plan needs: the entries of its input, and of the customers' worth."""


class Parts(Protocol):
    """Estimates of all customers in parts: files of buckets, or tables in memory."""

    @property
    def sizes(self) -> Sequence[int]:
        """Customers of each part."""
        ...

    def column_tables(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Some columns of each part, in order."""
        ...


@dataclass(frozen=True)
class InMemory:
    """Estimates that are in memory."""

    tables: Sequence[pa.Table]

    @property
    def sizes(self) -> Sequence[int]:
        """Customers of each table."""
        return [table.num_rows for table in self.tables]

    def column_tables(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Some columns of each table."""
        return (table.select(list(columns)) for table in self.tables)


@dataclass(frozen=True)
class Estimated:
    """The customers of all parts, one part in memory at a time; see `decisions.plan_input.Customers`."""

    parts: Parts
    bundle: Bundle
    money: MoneyTerms
    cautious: float | None
    mean_return: float

    @classmethod
    def of(cls, parts: Parts, bundle: Bundle, money: MoneyTerms) -> "Estimated":
        """The customers, what share of the base's money is left at the lower end of its interval, and how likely a
        churned customer is to return."""
        cautious = cautious_share(parts.column_tables(["expected_spend", "least_share"]))
        return cls(parts, bundle, money, cautious, mean_return(parts.column_tables(["churned", "churn_probability"])))

    def pieces(self) -> Iterator[PlanInput]:
        """The customers of each part."""
        for part in self.parts.column_tables(PLAN_COLUMNS):
            yield plan_input(part, self.bundle, self.money, cautious=self.cautious, mean_return=self.mean_return)


def plan_input(
    estimates: pa.Table, bundle: Bundle, money: MoneyTerms, *, cautious: float | None, mean_return: float
) -> PlanInput:
    """What the plan needs of some customers."""
    return PlanInput(
        customer_id=estimates["customer_id"].combine_chunks(),
        stage=estimates["stage"].to_numpy(),
        cause=estimates["cause"].to_numpy(),
        worth=worth_of(estimates, bundle, money, mean_return=mean_return),
        cautious=cautious,
        may_contact=estimates["may_contact"].to_numpy(zero_copy_only=False),
        days_since_contact=estimates["days_since_contact"].to_numpy(),
        purchases_at_risk=estimates["purchases_at_risk"].to_numpy(),
    )


def worth_of(estimates: pa.Table, bundle: Bundle, money: MoneyTerms, *, mean_return: float) -> Worth:
    """What the plan needs to know of the customers' money."""
    entries: dict[str, Floats] = {name: estimates[name].to_numpy() for name in Worth.OF_A_CUSTOMER}
    value, basket = _new_customer(bundle, money)
    return Worth(
        **entries,
        margin=money.margin,
        first_purchase_probability=float(estimates["first_purchase"].to_numpy()[:1].sum()),
        new_customer_value=value,
        first_order_value=basket,
        mean_return=mean_return,
    )


def _new_customer(bundle: Bundle, money: MoneyTerms) -> tuple[float, float]:
    """Value of a prospect after a first purchase, and the amount of that purchase; 0 for a log without amounts."""
    if bundle.spend is None:
        return 0.0, 0.0
    basket = float(bundle.spend.expected_monetary_value(0.0, 0.0))
    more = float(bundle.value.expected_discounted_purchases(money.value_horizon, money.discount_rate, 0.0, 0.0, 0.0))
    return money.margin * basket * more, basket


def cautious_share(parts: Iterable[pa.Table]) -> float | None:
    """Share of the base's money that is left at the lower end of its interval; None without one.

    The parts' lower ends are added up as if all came true at once: what is too high for one part is for the others.
    """
    total, left = 0.0, 0.0
    for part in parts:
        spend, share = part["expected_spend"].to_numpy(), part["least_share"].to_numpy()
        stated = np.isfinite(spend) & np.isfinite(share)
        total += float(spend[stated].sum())
        left += float((spend[stated] * share[stated]).sum())
    return left / total if total > 0 else None


def mean_return(parts: Iterable[pa.Table]) -> float:
    """Mean P(buys in the horizon) of the churned; 0 where nobody has churned."""
    total, count = 0.0, 0
    for part in parts:
        churn, gone = part["churn_probability"].to_numpy(), part["churned"].to_numpy() > 0
        total += float((1.0 - churn[gone]).sum())
        count += int(gone.sum())
    return total / max(count, 1)
