"""A randomised trial as arrays: who was drawn into which arm with what probability, and what came of it."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Rows = NDArray[np.int64] | NDArray[np.bool_]

NORMAL_90 = 1.6448536269514722
"""A 90 % interval reaches so many standard errors to either side."""


@dataclass(frozen=True, eq=False)
class Trial:
    """Customers who were drawn into arms by chance.

    Attributes
    ----------
    x : Floats
        (n, p) what was known of them before the draw; NaN where it was not known.
    arm : Codes
        (n,) 0 = left alone, 1, 2, … = the treatments. Whom an arm was drawn for, not whom it reached.
    outcome : Floats
        (n,) what came of it, any unit; finite.
    propensity : Floats
        (n, arms) probability with which each arm was drawn, known by design; rows sum to 1.
    order : Codes
        (n,) breaks ties between equal scores, the least first: a rank of hashed ids, never the order of the file.

    >>> trial = Trial.of(np.zeros((4, 1)), np.array([0, 1, 0, 1]), np.array([0.0, 1.0, 0.0, 1.0]), 0.5)
    >>> trial.n, trial.arms, trial.propensity[0].tolist()
    (4, 2, [0.5, 0.5])
    """

    x: Floats
    arm: Codes
    outcome: Floats
    propensity: Floats
    order: Codes

    def __post_init__(self) -> None:
        """Refuse what no trial can be."""
        n = self.arm.size
        sizes = {"x": len(self.x), "outcome": self.outcome.size, "propensity": len(self.propensity)}
        if set(sizes.values()) != {n} or self.x.ndim != 2 or self.propensity.ndim != 2:
            raise ValueError(f"Trial: arm has {n} customers, others must have as many; found {sizes}.")
        if not np.isfinite(self.outcome).all():
            bad = int((~np.isfinite(self.outcome)).sum())
            raise ValueError(f"Trial: outcome must be finite; {bad:,} of {n:,} are not. Leave these customers out.")
        if not ((self.propensity > 0) & (self.propensity < 1)).all():
            bad = int((~((self.propensity > 0) & (self.propensity < 1))).any(axis=1).sum())
            raise ValueError(f"Trial: propensity must lie in (0, 1); it does not for {bad:,} of {n:,} customers.")
        if self.arm.min(initial=0) < 0 or self.arm.max(initial=0) >= self.arms:
            raise ValueError(f"Trial: arm must be 0 … {self.arms - 1}; found {np.unique(self.arm).tolist()}.")

    @classmethod
    def of(
        cls, x: Floats, arm: Codes, outcome: Floats, propensity: float | Floats, *, order: Codes | None = None
    ) -> "Trial":
        """Return a trial; `propensity`: of the only treatment, one number or (n,); or (arms,); or (n, arms).

        Without `order` ties are broken by a fixed shuffle.
        """
        n = arm.size
        share = np.asarray(propensity, np.float64)
        if share.ndim == 0 or (share.ndim == 1 and share.size == n):
            share = np.stack([1 - share, share], axis=-1)
        each = np.broadcast_to(share, (n, share.shape[-1]))
        shuffled = np.random.default_rng(0).permutation(n) if order is None else order
        return cls(
            np.asarray(x, np.float64), np.asarray(arm, np.int64), np.asarray(outcome, np.float64), each, shuffled
        )

    @property
    def n(self) -> int:
        """Customers."""
        return self.arm.size

    @property
    def arms(self) -> int:
        """Arms, the one that is left alone among them."""
        return int(self.propensity.shape[1])

    @property
    def treated(self) -> NDArray[np.bool_]:
        """Who was drawn into any arm but the first."""
        return self.arm > 0

    def at(self, rows: Rows) -> "Trial":
        """Return some of the customers."""
        return Trial(self.x[rows], self.arm[rows], self.outcome[rows], self.propensity[rows], self.order[rows])

    def with_outcome(self, outcome: Floats) -> "Trial":
        """Return the same draw with another outcome."""
        return replace(self, outcome=np.asarray(outcome, np.float64))
