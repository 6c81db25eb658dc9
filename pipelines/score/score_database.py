"""The scores in a database: the rows of one date replaced in one transaction, through ADBC.

Whoever reads the table sees the former rows or the new ones, never some of both. On an error, a kill among them, the
former rows stay.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import adbc_driver_manager
import pyarrow as pa
import pyarrow.parquet as pq

from lifecycle.pipelines.config import Config
from lifecycle.pipelines.ingest import IngestError
from lifecycle.pipelines.ingest.databases import address_of, connect, without_address

BATCH_ROWS = 50_000
LOCKABLE = "PostgreSQL"
"""A database in which transactions do not wait for each other by themselves."""

UNTYPED = "SQLite"
"""The database that keeps any value in any column, and tells a column's type from what lies in it."""


class ScoreDatabaseError(RuntimeError):
    """The scores cannot be written to the database; the message names the remedy."""


@dataclass(frozen=True)
class Target:
    """A table of a database whose address an environment variable holds."""

    env: str
    table: str
    address: str = field(repr=False)

    @classmethod
    def of(cls, config: Config) -> "Target | None":
        """The configured target; None where there is none.

        Raises
        ------
        ScoreDatabaseError
            the environment variable is not set.
        """
        output = config.output
        if output.database_env is None:
            return None
        try:
            return cls(output.database_env, output.table, address_of(output.database_env, "output.database_env"))
        except IngestError as error:
            raise ScoreDatabaseError(str(error)) from None

    def holds(self, as_of: dt.date, facts: Mapping[str, Any]) -> bool:
        """Whether the table has as many rows of the date as the manifest says, all by its model and policies."""
        with self._connected() as connection:
            if not self._exists(connection):
                return False
            with connection.cursor() as cursor:
                cursor.execute(
                    f"SELECT count(*) FROM \"{self.table}\" WHERE as_of = '{as_of.isoformat()}' UNION ALL "
                    f"SELECT count(*) FROM \"{self.table}\" WHERE as_of = '{as_of.isoformat()}' "
                    f"AND model_version = '{facts['model_version']}' AND policy_version = '{facts['policy_version']}'"
                )
                return all(int(rows) == facts["rows"] for (rows,) in cursor.fetchall())

    def replace(self, as_of: dt.date, parquet: Path) -> int:
        """Put the rows of a scores file in the place of those of the same date; returns how many there are now.

        Raises
        ------
        ScoreDatabaseError
            the table has other columns, or the database refuses; its rows are as before.
        """
        with self._connected() as connection, pq.ParquetFile(parquet) as file:
            exists = self._exists(connection)
            if exists:
                self._check(connection, file.schema_arrow)
            batches = pa.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches(BATCH_ROWS))
            with connection.cursor() as cursor:
                if connection.adbc_get_info().get("vendor_name") == LOCKABLE:
                    # Of two that replace one date, the second must see what the first has written.
                    cursor.execute(f"SELECT pg_advisory_xact_lock(hashtext('lifecycle {self.table}'))::TEXT")
                    cursor.fetchall()
                if exists:
                    cursor.execute(f"DELETE FROM \"{self.table}\" WHERE as_of = '{as_of.isoformat()}'")
                cursor.adbc_ingest(self.table, batches, mode="append" if exists else "create")
                cursor.execute(f"SELECT count(*) FROM \"{self.table}\" WHERE as_of = '{as_of.isoformat()}'")
                [rows] = cursor.fetchone()
            if rows != file.metadata.num_rows:
                raise ScoreDatabaseError(
                    f"output.table {self.table!r}: {file.metadata.num_rows} rows of {as_of} were sent, {rows} arrived; "
                    "its rows are as before."
                )
            connection.commit()
        return int(rows)

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        """A connection whose work is undone unless it is committed; what is refused is said without the address."""
        try:
            with closing(connect(self.address, "output.database_env")) as connection:
                try:
                    yield connection
                finally:
                    connection.rollback()
        except IngestError as error:
            raise ScoreDatabaseError(str(error)) from None
        except adbc_driver_manager.Error as error:
            told = without_address(error, self.address, self.env)
            raise ScoreDatabaseError(
                f"output.table {self.table!r}: the database at ${self.env} refused, and its rows are as before: {told}"
            ) from None

    def _exists(self, connection: Any) -> bool:
        try:
            connection.adbc_get_table_schema(self.table)
        except adbc_driver_manager.Error as error:
            if error.status_code != adbc_driver_manager.AdbcStatusCode.NOT_FOUND:
                raise
            connection.rollback()  # a database may take the question for a fault of the transaction
            return False
        return True

    def _check(self, connection: Any, wanted: pa.Schema) -> None:
        found = connection.adbc_get_table_schema(self.table)
        missing = [name for name in wanted.names if name not in found.names]
        unknown = [name for name in found.names if name not in wanted.names]
        others = []
        if connection.adbc_get_info().get("vendor_name") != UNTYPED:
            both = [(one, found.field(one.name)) for one in wanted if one.name in found.names]
            others = [f"{mine.name} {theirs.type} for {mine.type}" for mine, theirs in both if mine.type != theirs.type]
        if missing or unknown or others:
            raise ScoreDatabaseError(
                f"output.table {self.table!r} is no table of these scores: missing columns {missing or 'none'}, "
                f"unknown columns {unknown or 'none'}, other types {others or 'none'}. Name another table, or rename "
                "this one; it is created where it does not exist."
            )
