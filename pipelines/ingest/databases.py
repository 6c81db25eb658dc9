"""Tables in databases, reached through ADBC and read as Arrow streams.

The address comes from an environment variable that the configuration names, and appears in no message. SQLite and
PostgreSQL come with the project; an address of another scheme (snowflake://, bigquery://, …) uses the driver package
of that name, if it is installed.
"""

import importlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pyarrow as pa

from lifecycle.pipelines.ingest.table_spec import IngestError, TableSpec

DRIVERS = {
    "postgresql": "adbc_driver_postgresql",
    "postgres": "adbc_driver_postgresql",
    "sqlite": "adbc_driver_sqlite",
    "file": "adbc_driver_sqlite",
}
"""Address scheme -> driver package; any other scheme ``x`` means ``adbc_driver_x``."""

WITHOUT_SCHEME = ("sqlite", "snowflake")
"""Schemes that their drivers do not want to see before the rest of the address."""

SQLITE_LOOKAHEAD = {"adbc.sqlite.query.batch_rows": "65536"}
"""SQLite's columns have no type of their own: the driver takes that of the values among so many first rows."""


def read(spec: TableSpec, what: str) -> tuple[int, pa.RecordBatchReader]:
    """Number of rows of the query's result, and the result as a stream of Arrow batches."""
    if not spec.uri_env or not spec.query:
        raise IngestError(
            f"{what}: a database needs an environment variable with its address and a query; one is missing."
        )
    address = address_of(spec.uri_env, what)
    query = spec.query.strip().rstrip(";")
    scheme, _, rest = address.partition(":")
    of_sqlite = scheme.lower() == "sqlite"
    if of_sqlite and not Path(rest.removeprefix("//")).is_file():
        raise IngestError(f"{what}: the database at ${spec.uri_env} is not there: no such file. Mend the address.")
    try:
        connection = connect(address, what)
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM ({query}) AS counted")
            [rows] = cursor.fetchone()
        cursor = connection.cursor()
        if of_sqlite:
            cursor.adbc_statement.set_options(**SQLITE_LOOKAHEAD)
        cursor.execute(query)
        reader = cursor.fetch_record_batch()
    except IngestError:
        raise
    except Exception as error:
        told = without_address(error, address, spec.uri_env)
        raise IngestError(f"{what}: the database at ${spec.uri_env} refused: {told}") from None
    return int(rows), pa.RecordBatchReader.from_batches(reader.schema, _held(reader, cursor, connection, address, spec))


def address_of(uri_env: str, what: str) -> str:
    """The database's address that an environment variable holds."""
    address = os.environ.get(uri_env)
    if not address:
        raise IngestError(f"{what}: the environment variable {uri_env} with the database's address is not set. Set it.")
    return address


def without_address(error: Exception, address: str, uri_env: str) -> str:
    """What a driver says, the address replaced by the name of its variable, and the password by stars."""
    told = str(error).replace(address, f"${uri_env}")
    for secret in secrets_of(address):
        told = told.replace(secret, "***")
    return told


def secrets_of(address: str) -> list[str]:
    """The password of an address and its pieces, the longest first: of a malformed address a driver may quote a piece.

    Everything between the first colon of the user and the last ``@`` is taken for the password, and what follows
    ``password=`` or ``pwd=``, whatever else the address may be. Pieces of one or two signs tell nothing.

    >>> secrets_of("postgresql://me:pass/word@x@host/shop?sslpassword=key")
    ['pass/word@x', 'pass', 'word', 'key']
    """
    user = address.partition("//")[2].rpartition("@")[0]
    given = [user.partition(":")[2], *re.findall(r"(?i)(?:password|pwd|token)=([^&;\s]+)", address)]
    whole = {form for one in given for form in (one, unquote(one))}
    pieces = {piece for one in whole for piece in re.split(r"[^0-9A-Za-z]+", one) if len(piece) > 2}
    return sorted((whole | pieces) - {""}, key=lambda secret: (-len(secret), secret))


def _held(
    reader: pa.RecordBatchReader, cursor: Any, connection: Any, address: str, spec: TableSpec
) -> Iterator[pa.RecordBatch]:
    """Batches of a reader whose connection stays open until the last one was taken."""
    try:
        yield from reader
    except Exception as error:
        told = without_address(error, address, spec.uri_env or "")
        raise OSError(f"{told}. A column with values of several types needs a CAST in the query.") from None
    finally:
        cursor.close()
        connection.close()


def connect(address: str, what: str) -> Any:
    """An open connection; nothing is written until it is committed."""
    scheme, separator, rest = address.partition(":")
    if not separator:
        raise IngestError(f"{what}: the database's address has no scheme (such as postgresql:// or sqlite:).")
    package = DRIVERS.get(scheme.lower(), f"adbc_driver_{scheme.lower()}")
    try:
        driver = importlib.import_module(f"{package}.dbapi")
    except ModuleNotFoundError:
        raise IngestError(
            f"{what}: no driver for {scheme} databases is installed. Install the package {package.replace('_', '-')}."
        ) from None
    if scheme.lower() == "bigquery":
        return driver.connect(db_kwargs=bigquery_options(address))
    uri = rest.removeprefix("//") if scheme.lower() in WITHOUT_SCHEME else address
    return driver.connect(uri)


def bigquery_options(address: str) -> dict[str, str]:
    """The options that BigQuery's driver takes in place of an address; those after ``?`` go to it as they are.

    >>> bigquery_options("bigquery://shop/sales?adbc.bigquery.sql.location=EU")["adbc.bigquery.sql.location"]
    'EU'
    """
    parts = urlsplit(address)
    places = {"project_id": parts.netloc, "dataset_id": parts.path.strip("/")}
    options = {f"adbc.bigquery.sql.{name}": place for name, place in places.items() if place}
    return options | dict(parse_qsl(parts.query))
