"""Estimated customers as the plan asks for them: read part by part, as often as it likes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from lifecycle.decisions.plan_input import PlanInput
from lifecycle.pipelines.score.champion import Bundle
from lifecycle.pipelines.score.estimates import worth_of
from lifecycle.pipelines.score.money_terms import MoneyTerms
from lifecycle.pipelines.score.score_parts import Parts

PLAN_COLUMNS = (
    "customer_id",
    "stage",
    "cause",
    "p_star",
    "kappa",
    "churn_probability",
    "v_prevent",
    "v_back",
    "expected_purchases",
    "expected_spend",
    "order_value",
    "value_after_second",
    "purchases_at_risk",
    "may_contact",
    "days_since_contact",
    "first_purchase",
)
"""Columns of the estimates that the plan needs."""


@dataclass(frozen=True)
class Estimated:
    """The customers of all parts, one part in memory at a time; see `decisions.plan_input.Customers`."""

    parts: Parts
    bundle: Bundle
    money: MoneyTerms
    cautious: float | None

    @classmethod
    def of(cls, parts: Parts, bundle: Bundle, money: MoneyTerms) -> "Estimated":
        """The customers, and what share of the base's money is left at the lower end of its interval."""
        return cls(parts, bundle, money, cautious_share(parts.column_tables(["expected_spend", "least_share"])))

    def pieces(self) -> Iterator[PlanInput]:
        """The customers of each part."""
        for part in self.parts.column_tables(PLAN_COLUMNS):
            yield plan_input(part, self.bundle, self.money, cautious=self.cautious)


def plan_input(estimates: pa.Table, bundle: Bundle, money: MoneyTerms, *, cautious: float | None) -> PlanInput:
    """What the plan needs of some customers."""
    return PlanInput(
        customer_id=estimates["customer_id"].combine_chunks(),
        stage=estimates["stage"].to_numpy(),
        cause=estimates["cause"].to_numpy(),
        worth=worth_of(estimates, bundle, money),
        cautious=cautious,
        may_contact=estimates["may_contact"].to_numpy(zero_copy_only=False),
        days_since_contact=estimates["days_since_contact"].to_numpy(),
        purchases_at_risk=estimates["purchases_at_risk"].to_numpy(),
    )


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
