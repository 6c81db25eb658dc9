"""What to ingest: plain, frozen descriptions of the tables and of what is tolerated."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

TRANSACTION_ROLES = (
    "customer_id",
    "timestamp",
    "amount",
    "unit_price",
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
    """Where a table is, what its columns are called and how its text is written.

    Either ``path`` (a file, a folder, a glob, or several; ``package:`` names a file inside an installed package) or
    ``uri_env`` with ``query`` (the *name* of an environment variable that holds a database address, and the SQL to run
    there); of files a ``query`` joins or changes them, each being a table called by the file's name without its ending.
    ``columns`` maps canonical names to the source's; a log without amounts has no ``amount``, and one with the
    price of an item in place of line totals has a ``unit_price``, which ``quantity`` multiplies. ``if_there`` does the
    same for columns that are used where the source has them.

    Of text files, ``delimiter`` is the character between columns, ``"whitespace"`` any run of blanks, and None the one
    of ``, ; tab |`` under which the columns of ``columns`` are found; ``quote`` is the mark around values that hold
    delimiters or line ends, empty where it has no such meaning; ``encoding`` is UTF-8 (or what a byte order mark says)
    unless given; ``decimal`` is the decimal mark of numbers in text, a point unless given; ``timestamp_format``
    one or several strptime formats, or a name of :data:`pipelines.ingest.sql_values.COUNTED`, ISO 8601 unless given.
    ``sheet`` names sheets of workbooks, ``"*"`` all that have the columns; without it only one may have them.
    ``currency`` keeps lines of that currency only. Files below ``outside`` are passed over in folders and globs: the
    project's own results.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    if_there: Mapping[str, str] = field(default_factory=dict)
    path: str | Path | tuple[str | Path, ...] | None = None
    delimiter: str | None = None
    quote: str = '"'
    header: bool = True
    encoding: str | None = None
    decimal: str | None = None
    timestamp_format: str | tuple[str, ...] | None = None
    sheet: str | tuple[str, ...] | None = None
    uri_env: str | None = None
    query: str | None = None
    currency: str | None = None
    outside: Path | None = None

    def of(self, found: Mapping[str, str]) -> "TableSpec":
        """The same with those of ``if_there`` among the columns that a source has."""
        more = {role: name for role, name in self.if_there.items() if name in found}
        return replace(self, columns={**self.columns, **more}, if_there={}) if self.if_there else self

    @property
    def money(self) -> tuple[str, ...]:
        """The columns that a line's amount is the product of: one, or price and quantity; none in a log without."""
        if "amount" in self.columns:
            return (self.columns["amount"],)
        return (self.columns["unit_price"], self.columns["quantity"]) if "unit_price" in self.columns else ()

    @property
    def sheets(self) -> tuple[str, ...]:
        """The sheets that are named."""
        return () if self.sheet is None else (self.sheet,) if isinstance(self.sheet, str) else tuple(self.sheet)

    @property
    def formats(self) -> tuple[str, ...]:
        """The timestamp formats; none means ISO 8601."""
        given = self.timestamp_format
        return () if given is None else (given,) if isinstance(given, str) else tuple(given)


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of one base; only the transactions are needed."""

    transactions: TableSpec
    customers: TableSpec | None = None
    id_map: TableSpec | None = None
    interactions: TableSpec | None = None
    payments: TableSpec | None = None
    campaigns: TableSpec | None = None

    def present(self) -> Iterator[tuple[str, TableSpec]]:
        """Names and descriptions of the tables there are, the transactions first."""
        for name in ("transactions", "id_map", "customers", "interactions", "payments", "campaigns"):
            spec = getattr(self, name)
            if spec is not None:
                yield name, spec


@dataclass(frozen=True, slots=True)
class QuarantineLimits:
    """Largest shares of a table's rows that may be quarantined, and of the transactions' for single reasons."""

    max_share: float = 0.3
    by_reason: Mapping[str, float] = field(default_factory=dict)


class IngestError(ValueError):
    """The input cannot be used as it is; the message says what to change."""
