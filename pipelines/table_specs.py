"""From the configuration's tables to what ingest takes."""

from pathlib import Path

from pipelines.config import PACKAGE_PREFIX, Config, Source, resolve
from pipelines.ingest.spec import QuarantineLimits, Tables, TableSpec

_SOURCE_KEYS = frozenset(Source.model_fields)


def table_specs(config: Config) -> Tables:
    """Describe every configured table: where it is and what its columns are called."""
    tables = config.tables
    currency = config.money.currency if tables.transactions.currency else None
    return Tables(
        transactions=_spec(tables.transactions, config.base, currency or None),
        customers=_spec(tables.customers, config.base) if tables.customers else None,
        id_map=_spec(tables.id_map, config.base) if tables.id_map else None,
        interactions=_spec(tables.interactions, config.base) if tables.interactions else None,
        payments=_spec(tables.payments, config.base) if tables.payments else None,
    )


def quarantine_limits(config: Config) -> QuarantineLimits:
    """How much of the input may be unusable."""
    return QuarantineLimits(max_share=config.ingest.max_quarantined_share)


def _spec(source: Source, base: Path, currency: str | None = None) -> TableSpec:
    columns = {
        role: getattr(source, role)
        for role in type(source).model_fields
        if role not in _SOURCE_KEYS and isinstance(getattr(source, role), str)
    }
    columns |= {name: name for name in getattr(source, "attributes", ())}
    paths = None if source.path is None else tuple(_place(path, base) for path in source.path)
    return TableSpec(
        columns=columns,
        path=paths,
        delimiter=source.delimiter,
        header=source.header,
        timestamp_format=source.timestamp_format,
        sheet=source.sheet,
        uri_env=source.database_env,
        query=source.query,
        currency=currency,
    )


def _place(path: str, base: Path) -> str:
    return path if path.startswith(PACKAGE_PREFIX) else str(resolve(path, base))
