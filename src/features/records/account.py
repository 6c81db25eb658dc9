"""The account of rows: what came in, and how each row ended.

Every row of the transactions is **used** (a purchase line), **netted** (a return set against what it undoes, a
duplicate), **later** (dated after ``as_of``: kept, never seen) or **quarantined** with a reason. Amounts are summed in
fixed point (a millionth of the currency unit), so that the parts add up to the input exactly and not nearly.
"""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from lifecycle.features.records.ledger import Ledger
from lifecycle.features.records.side_account import TableAccount, TableLine
from lifecycle.features.window import UNKNOWN_DAY, to_date, to_day

MICRO = 1_000_000
"""Fixed-point units in one unit of currency."""

LARGEST_AMOUNT = 1e11
"""Largest amount of one line, in units of currency, that is taken for a number and not for an accident."""

REASONS: Mapping[str, tuple[str, str]] = {
    "purchase": ("used", "a purchase line"),
    "return": ("netted", "a return, set against the purchases it undoes"),
    "return_beyond_purchases": ("netted", "a return larger than all earlier purchases: set against what there was"),
    "duplicate": ("netted", "equals another row in every column and carries an order id"),
    "after_as_of": ("later", "dated after the as-of date: kept, never seen"),
    "line_malformed": ("quarantined", "the line cannot be cut into the table's columns"),
    "customer_missing": ("quarantined", "no customer id"),
    "customer_unreadable": ("quarantined", "the customer id is no whole number, as the others are"),
    "timestamp_missing": ("quarantined", "no timestamp"),
    "timestamp_unreadable": ("quarantined", "the timestamp cannot be read as a date"),
    "timestamp_impossible": ("quarantined", "dated before 1900 or after 2199"),
    "amount_missing": ("quarantined", "no amount"),
    "amount_unreadable": ("quarantined", "the amount cannot be read as a number"),
    "amount_not_finite": ("quarantined", "the amount is not a finite number"),
    "amount_out_of_range": ("quarantined", "the amount exceeds 1e11"),
    "other_currency": ("quarantined", "the currency is missing or not the one configured"),
    "zero_amount": ("quarantined", "amount 0, which the configuration ignores"),
    "return_without_purchase": ("quarantined", "a return with no earlier purchase to undo"),
}
"""Reason -> (status, meaning), in the order in which a row is tested."""

REASON_CODES: Mapping[str, int] = {reason: code for code, reason in enumerate(REASONS)}

FIRST_POSSIBLE = to_day(dt.date(1900, 1, 1))
LAST_POSSIBLE = to_day(dt.date(2199, 12, 31))


class AccountError(ValueError):
    """The account does not add up to the input, or too much of the input was quarantined."""


@dataclass(frozen=True, slots=True)
class AccountLine:
    """Rows and amount that ended for one reason."""

    status: str
    reason: str
    rows: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Account:
    """How every row of the transactions ended, as of a date, and in ``tables`` every row of the optional tables.

    Invariant (:meth:`check`): rows and amounts of ``lines`` add up to ``input_rows`` and ``input_amount``, which were
    counted in the source itself; the same holds for the rows of each of ``tables``.
    """

    lines: tuple[AccountLine, ...]
    input_rows: int
    input_amount: Decimal
    has_money: bool
    as_of: dt.date
    first_day: dt.date | None
    last_day: dt.date | None
    customers: int
    prospects: int
    equal_rows_kept: int
    zero_amount_purchases: int
    unmatched_returns: Decimal
    sha256: str
    tables: tuple[TableAccount, ...] = ()

    @staticmethod
    def of(
        ledger: Ledger,
        *,
        input_rows: int,
        input_micro: int,
        has_money: bool,
        as_of: dt.date | int,
        customers: int,
        prospects: int,
        equal_rows_kept: int,
        zero_amount_purchases: int,
        unmatched_micro: int,
        sha256: str,
        tables: tuple[TableAccount, ...] = (),
    ) -> "Account":
        """Account of a ledger as of a date: dated rows after it count as later, however they would have ended."""
        names = list(REASONS)
        as_of_day = to_day(as_of)
        later = ledger.day > as_of_day
        accepted = np.isin(ledger.reason, [REASON_CODES[r] for r, (s, _) in REASONS.items() if s in ("used", "netted")])
        orphans = ledger.reason == REASON_CODES["return_without_purchase"]
        reason = np.where(later & (accepted | orphans), REASON_CODES["after_as_of"], ledger.reason)
        lines = []
        for code in sorted(set(reason.tolist())):
            mine = reason == code
            lines.append(
                AccountLine(
                    REASONS[names[code]][0],
                    names[code],
                    int(ledger.rows[mine].sum()),
                    _decimal(sum(ledger.micro[mine].tolist())),
                )
            )
        dated = ledger.day[accepted & (ledger.day != UNKNOWN_DAY)]
        return Account(
            lines=tuple(lines),
            input_rows=input_rows,
            input_amount=_decimal(input_micro),
            has_money=has_money,
            as_of=to_date(as_of_day),
            first_day=to_date(int(dated.min())) if dated.size else None,
            last_day=to_date(int(dated.max())) if dated.size else None,
            customers=customers,
            prospects=prospects,
            equal_rows_kept=equal_rows_kept,
            zero_amount_purchases=zero_amount_purchases,
            unmatched_returns=_decimal(unmatched_micro),
            sha256=sha256,
            tables=tables,
        )

    def rows(self, status: str | None = None, reason: str | None = None) -> int:
        """Number of rows with a status, a reason, or both."""
        return sum(line.rows for line in self._select(status, reason))

    def amount(self, status: str | None = None, reason: str | None = None) -> Decimal:
        """Amount of the rows with a status, a reason, or both."""
        return sum((line.amount for line in self._select(status, reason)), Decimal(0))

    def _select(self, status: str | None, reason: str | None) -> list[AccountLine]:
        return [x for x in self.lines if status in (None, x.status) and reason in (None, x.reason)]

    @property
    def quarantined_share(self) -> float:
        """Share of the input's rows that were quarantined."""
        return self.rows("quarantined") / self.input_rows if self.input_rows else 0.0

    def check(self) -> "Account":
        """Return the account itself if it adds up exactly; raise :class:`AccountError` if it does not."""
        if self.rows() != self.input_rows or self.amount() != self.input_amount:
            raise AccountError(
                f"The account of rows does not add up: {self.input_rows:,} rows and {self.input_amount:,} came in, "
                f"{self.rows():,} rows and {self.amount():,} are accounted for. This is a fault of the program."
            )
        for table in self.tables:
            if table.rows() != table.input_rows:
                raise AccountError(
                    f"The account of {table.table} does not add up: {table.input_rows:,} rows came in, "
                    f"{table.rows():,} are accounted for. This is a fault of the program."
                )
        return self

    def to_frame(self) -> pd.DataFrame:
        """One row a status and reason: rows, amount (float) and the meaning in words."""
        records = [(x.status, x.reason, x.rows, float(x.amount), REASONS[x.reason][1]) for x in self.lines]
        return pd.DataFrame(records, columns=["status", "reason", "rows", "amount", "meaning"])

    def to_json(self) -> str:
        """The account as JSON, amounts as decimal text."""
        return json.dumps(asdict(self), default=str, indent=2, sort_keys=True)

    @staticmethod
    def from_json(text: str) -> "Account":
        """The inverse of :meth:`to_json`."""
        raw: dict[str, Any] = json.loads(text)
        raw["lines"] = tuple(AccountLine(**{**x, "amount": Decimal(x["amount"])}) for x in raw["lines"])
        raw["tables"] = tuple(
            TableAccount(**{**x, "lines": tuple(TableLine(**line) for line in x["lines"])}) for x in raw["tables"]
        )
        for key in ("input_amount", "unmatched_returns"):
            raw[key] = Decimal(raw[key])
        for key in ("as_of", "first_day", "last_day"):
            raw[key] = None if raw[key] is None else dt.date.fromisoformat(raw[key])
        return Account(**raw)


def _decimal(micro: int) -> Decimal:
    return Decimal(int(micro)).scaleb(-6)
