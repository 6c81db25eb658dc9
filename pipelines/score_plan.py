"""Estimated customers as the plan asks for them: read part by part, as often as it likes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from decisions.plan_input import PlanInput
from pipelines.bundle import Bundle
from pipelines.estimates import worth_of
from pipelines.money_terms import MoneyTerms
from pipelines.score_parts import Parts

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
        return cls(parts, bundle, money, _cautious(parts))

    def pieces(self) -> Iterator[PlanInput]:
        """The customers of each part."""
        for part in self.parts.column_tables(PLAN_COLUMNS):
            yield PlanInput(
                customer_id=part["customer_id"].combine_chunks(),
                stage=part["stage"].to_numpy(),
                cause=part["cause"].to_numpy(),
                worth=worth_of(part, self.bundle, self.money),
                cautious=self.cautious,
                may_contact=part["may_contact"].to_numpy(zero_copy_only=False),
                days_since_contact=part["days_since_contact"].to_numpy(),
                purchases_at_risk=part["purchases_at_risk"].to_numpy(),
            )


def _cautious(parts: Parts) -> float | None:
    """Share of the base's money that is left at the lower end of its interval; None without one.

    The parts' lower ends are added up as if all came true at once: what is too high for one part is for the others.
    """
    total, left = 0.0, 0.0
    for part in parts.column_tables(["expected_spend", "least_share"]):
        spend, share = part["expected_spend"].to_numpy(), part["least_share"].to_numpy()
        stated = np.isfinite(spend) & np.isfinite(share)
        total += float(spend[stated].sum())
        left += float((spend[stated] * share[stated]).sum())
    return left / total if total > 0 else None
