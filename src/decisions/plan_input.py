"""What the plan needs of customers, in pieces, so that what is needed in passing takes the same memory at any size."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lifecycle.decisions.gains import Floats, Worth

Codes = NDArray[np.int8]
Flags = NDArray[np.bool_]

PIECE: int = 100_000
"""Customers of a `PlanInput` looked at together."""


class Customers(Protocol):
    """Customers whom the plan reads a few times from the first to the last: a `PlanInput`, or files of estimates."""

    @property
    def cautious(self) -> float | None:
        """Share of every amount of money that is left at the lower end of the forecast's interval, for the conservative
        gain; None if there is no interval."""
        ...

    def pieces(self) -> Iterator["PlanInput"]:
        """The customers in pieces, each time the same ones in the same order."""
        ...


@dataclass(frozen=True, eq=False)
class PlanInput:
    """What the plan needs of n customers.

    Attributes
    ----------
    customer_id : pa.Array
        Arrow array of strings or whole numbers, unique.
    stage : Codes
        codes of `decisions.vocabulary.STAGES`, none −1.
    cause : Codes
        codes of `decisions.vocabulary.CAUSES` (`decisions.causes.diagnose`), −1 outside decline.
    worth : Worth
        what is known of their money.
    cautious : float | None
        see `Customers`.
    may_contact : Flags | None
        consent given; None: everybody may be contacted.
    days_since_contact : Floats | None
        days since the last contact, inf where there was none; None: nobody was contacted.
    purchases_at_risk : Floats | None
        value at risk and value to win back in purchase days; ranks those whose value in money is not known.
    """

    customer_id: pa.Array
    stage: Codes
    cause: Codes
    worth: Worth
    cautious: float | None = None
    may_contact: Flags | None = None
    days_since_contact: Floats | None = None
    purchases_at_risk: Floats | None = None

    def pieces(self) -> Iterator["PlanInput"]:
        """The customers, at most `PIECE` at a time."""
        for start in range(0, self.stage.size, PIECE):
            yield self._of(slice(start, start + PIECE))

    def _of(self, rows: slice) -> "PlanInput":
        return replace(
            self,
            customer_id=self.customer_id[rows],
            stage=self.stage[rows],
            cause=self.cause[rows],
            worth=self.worth.at(rows),
            may_contact=None if self.may_contact is None else self.may_contact[rows],
            days_since_contact=None if self.days_since_contact is None else self.days_since_contact[rows],
            purchases_at_risk=None if self.purchases_at_risk is None else self.purchases_at_risk[rows],
        )
