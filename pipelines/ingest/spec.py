"""What to ingest: plain, frozen descriptions of the tables and of what is tolerated."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

TRANSACTION_ROLES = (
    "customer_id",
    "timestamp",
    "amount",
    "order_id",
    "product",
    "category",
    "quantity",
    "channel",
    "currency",
    "cost",
)
"""Canonical columns of the transactions; only the first two are needed."""


@dataclass(frozen=True, slots=True)
class TableSpec:
    """Where a table is and what its columns are called.

    Either ``path`` (a file, a folder, a glob, or several; ``package:`` names a file inside an installed package) or
    ``uri_env`` with ``query`` (the *name* of an environment variable that holds a database address, and the SQL to run
    there). ``columns`` maps canonical names to the source's; a log without amounts has no ``amount``.
    ``delimiter="whitespace"`` reads text cut by any run of blanks. ``currency`` keeps lines of that currency only.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    path: str | Path | tuple[str | Path, ...] | None = None
    delimiter: str = ","
    header: bool = True
    timestamp_format: str | None = None
    sheet: str | None = None
    uri_env: str | None = None
    query: str | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of one base; only the transactions are needed."""

    transactions: TableSpec
    customers: TableSpec | None = None
    id_map: TableSpec | None = None
    interactions: TableSpec | None = None
    payments: TableSpec | None = None


@dataclass(frozen=True, slots=True)
class QuarantineLimits:
    """Largest shares of the input's rows that may be quarantined, in all and for single reasons."""

    max_share: float = 0.3
    by_reason: Mapping[str, float] = field(default_factory=dict)


class IngestError(ValueError):
    """The input cannot be used as it is; the message says what to change."""
