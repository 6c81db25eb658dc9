"""The account of an optional table's rows: what came in, and how each row ended."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lifecycle.features.records.ledger import Ledger
from lifecycle.features.window import UNKNOWN_DAY

SIDE_REASONS: Mapping[str, tuple[str, str]] = {
    "in_use": ("used", "a row in use"),
    "held_back": ("used", "held back for a control group: no contact"),
    "duplicate": ("netted", "equals another row in every column"),
    "other_row": ("netted", "a further row of a customer whose ids the id map joins"),
    "after_as_of": ("later", "dated after the as-of date: kept, never seen"),
    "line_malformed": ("quarantined", "the line cannot be cut into the table's columns"),
    "alias_missing": ("quarantined", "no alias"),
    "customer_missing": ("quarantined", "no customer id"),
    "customer_unreadable": ("quarantined", "the customer id is no whole number, as those of the transactions are"),
    "timestamp_missing": ("quarantined", "no date"),
    "timestamp_unreadable": ("quarantined", "the date cannot be read"),
    "timestamp_impossible": ("quarantined", "dated before 1900 or after 2199"),
    "date_unreadable": ("quarantined", "a further date cannot be read"),
    "date_impossible": ("quarantined", "a further date lies before 1900"),
    "amount_unreadable": ("quarantined", "the amount cannot be read as a number"),
    "amount_not_finite": ("quarantined", "the amount is not a finite number"),
    "amount_out_of_range": ("quarantined", "the amount exceeds 1e11"),
    "flag_unreadable": ("quarantined", "consent or control is neither true nor false"),
    "propensity_impossible": ("quarantined", "the probability of being treated does not lie between 0 and 1"),
    "before_customer": ("quarantined", "contacted before the customer was registered"),
    "ambiguous_assignment": ("quarantined", "the customer is both treated and held back in one campaign"),
}
"""Reason -> (status, meaning); a row is tested in this order."""

SIDE_CODES: Mapping[str, int] = {reason: code for code, reason in enumerate(SIDE_REASONS)}

USED = tuple(code for code, (status, _) in enumerate(SIDE_REASONS.values()) if status == "used")


@dataclass(frozen=True, slots=True)
class TableLine:
    """Rows that ended for one reason."""

    status: str
    reason: str
    rows: int


@dataclass(frozen=True, slots=True)
class TableAccount:
    """How every row of an optional table ended, as of a date; the rows of ``lines`` add up to ``input_rows``.

    ``customers`` counts whom the usable rows name, ``strangers`` those of them whom no transaction names: if these are
    all, ids are probably written in two ways.
    """

    table: str
    input_rows: int
    lines: tuple[TableLine, ...]
    customers: int = 0
    strangers: int = 0

    @staticmethod
    def of(
        table: str, ledger: Ledger, *, input_rows: int, as_of: int, customers: int = 0, strangers: int = 0
    ) -> "TableAccount":
        """Account of a ledger as of a day: rows in use that are dated after it count as later.

        >>> ledger = Ledger.of(np.array([5, 9, 9], np.int32), np.array([0, 0, 9], np.int8), np.zeros(3, np.int64))
        >>> [(x.status, x.reason, x.rows) for x in TableAccount.of("payments", ledger, input_rows=3, as_of=7).lines]
        [('used', 'in_use', 1), ('later', 'after_as_of', 1), ('quarantined', 'timestamp_missing', 1)]
        """
        later = np.isin(ledger.reason, USED) & (ledger.day != UNKNOWN_DAY) & (ledger.day > as_of)
        reason = np.where(later, SIDE_CODES["after_as_of"], ledger.reason)
        names = list(SIDE_REASONS)
        lines = tuple(
            TableLine(SIDE_REASONS[names[code]][0], names[code], int(ledger.rows[reason == code].sum()))
            for code in sorted(set(reason.tolist()))
        )
        return TableAccount(table, input_rows, lines, customers, strangers)

    def rows(self, status: str | None = None, reason: str | None = None) -> int:
        """Number of rows with a status, a reason, or both."""
        return sum(x.rows for x in self.lines if status in (None, x.status) and reason in (None, x.reason))
