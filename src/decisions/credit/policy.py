"""The frozen, versioned policy of credit: every number that is a decision of the firm's."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

RULES_VERSION: Final = 1
"""Raised whenever the rules themselves (not their numbers) change."""

GRADES: Final = ("A", "B", "C", "D", "E")


@dataclass(frozen=True, slots=True)
class CreditPolicy:
    """Numbers of the credit rules; money in the currency of the log.

    Attributes
    ----------
    pd_bounds : tuple[float, ...]
        highest probability of default of grades A to D; above the last is E.
    terms_days : tuple[int, ...]
        days of payment by grade; 0 is prepayment.
    caps : tuple[float, ...]
        highest limit by grade.
    terms_most, terms_bonus : int
        the firm's longest terms, and days more for a mature customer with a clean file.
    need_factor, grace_days : float, int
        u and grace of the need: u·(credit sales a day)·(terms + grace) + one order.
    loss_share : float
        φ: expected loss takes at most this share of the expected margin.
    equity_share : float
        cap of a firm whose equity is known, as a share of it.
    first_orders : float
        first limit of prospects and new customers, in first orders.
    mature_bonus : float
        raise of need and loss bound for a mature clean file, at most 0.5.
    raise_most : float
        a raise at one review is at most this share of the present limit, or one step of 1-2-5.
    clean_days_late, clean_invoices : int
        a clean file: never in default, at most so many days past due through a year, at least so many judged invoices.
    default_days, stage2_days : int
        days past due beyond which a customer is in default, and beyond which risk rose (IFRS 9 B5.5.37, 5.5.11).
    material_amount, material_share : float
        what is past due counts from max(amount, share of the open amount) on (Regulation (EU) 2018/171).
    terms_days_default : int
        terms of invoices that carry no due date.
    lgd, conversion : float
        assumed loss given default; share of the unused limit that is drawn before a default.
    pd_prior : float
        probability of default where the log holds no default to learn from; assumed.
    outcome_days, life_days : int
        outcome window of the probability; life of the expected loss.
    loss_budget : float
        most expected loss over all customers; infinite is none.
    alpha : float
        false-alarm rate of the payment trigger and of each side of the volume trigger.
    worse_days, use_share, pd_multiple : float
        days past due above the own maximum, use of the limit and rise of the probability that call for a review.
    review_months : tuple[int, ...]
        months after which a decision is old, by grade.

    >>> len(CreditPolicy().digest), CreditPolicy().digest == CreditPolicy(alpha=0.01).digest
    (16, False)
    """

    pd_bounds: tuple[float, ...] = (0.005, 0.02, 0.06, 0.15)
    terms_days: tuple[int, ...] = (60, 30, 14, 7, 0)
    caps: tuple[float, ...] = (float("inf"), float("inf"), float("inf"), float("inf"), 0.0)
    terms_most: int = 75
    terms_bonus: int = 15
    need_factor: float = 1.2
    grace_days: int = 7
    loss_share: float = 0.25
    equity_share: float = 0.1
    first_orders: float = 2.0
    mature_bonus: float = 0.25
    raise_most: float = 0.5
    clean_days_late: int = 10
    clean_invoices: int = 12
    default_days: int = 90
    stage2_days: int = 30
    material_amount: float = 100.0
    material_share: float = 0.01
    terms_days_default: int = 30
    lgd: float = 0.45
    conversion: float = 0.5
    pd_prior: float = 0.02
    outcome_days: int = 365
    life_days: int = 365
    loss_budget: float = float("inf")
    alpha: float = 0.05
    worse_days: int = 7
    use_share: float = 0.9
    pd_multiple: float = 2.0
    review_months: tuple[int, ...] = (24, 12, 6, 3, 3)

    def __post_init__(self) -> None:
        """Refuse numbers with which a worse customer could have more."""
        steps = (*self.pd_bounds,)
        if len(steps) != 4 or list(steps) != sorted(set(steps)) or not steps[0] > 0 or not steps[-1] < 1:
            raise ValueError(f"CreditPolicy.pd_bounds must be 4 rising numbers between 0 and 1; found {steps}.")
        for name in ("terms_days", "caps", "review_months"):
            values = getattr(self, name)
            if len(values) != 5 or list(values) != sorted(values, reverse=True) or values[-1] < 0:
                raise ValueError(f"CreditPolicy.{name} must be 5 numbers that never rise from A to E; found {values}.")
        for name, low, high in (
            ("mature_bonus", 0.0, 0.5), ("loss_share", 0.0, 1.0), ("lgd", 0.0, 1.0), ("pd_prior", 0.0, 1.0),
            ("conversion", 0.0, 1.0), ("alpha", 0.0, 0.5), ("raise_most", 0.0, 10.0), ("equity_share", 0.0, 1.0),
        ):  # fmt: skip
            if not low <= getattr(self, name) <= high:
                raise ValueError(
                    f"CreditPolicy.{name} must lie between {low:g} and {high:g}; found {getattr(self, name)!r}."
                )

    def grade(self, pd_: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the place in `GRADES` of probabilities of default (n,).

        >>> CreditPolicy().grade(np.array([0.001, 0.02, 0.5])).tolist()
        [0, 1, 4]
        """
        return np.searchsorted(np.array(self.pd_bounds), pd_, side="left").astype(np.int64)

    @property
    def digest(self) -> str:
        """16 hexadecimal digits over the rules' version and all numbers: the version of the policy."""
        content = json.dumps({"rules": RULES_VERSION, **asdict(self)}, sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]
