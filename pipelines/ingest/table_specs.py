"""From the configuration's tables to what ingest takes."""

from collections.abc import Mapping
from pathlib import Path

from lifecycle.pipelines.config import PACKAGE_PREFIX, CampaignsTable, Config, PaymentsTable, Source, resolve
from lifecycle.pipelines.ingest.table_spec import QuarantineLimits, Tables, TableSpec

_SOURCE_KEYS = frozenset(Source.model_fields)


IF_THERE: Mapping[type[Source], tuple[str, ...]] = {
    CampaignsTable: ("treatment", "cost", "control", "campaign", "propensity", "incentive_cost"),
    PaymentsTable: ("due_at",),
}
"""Roles that are taken from a column of their own name where the source has one."""


def table_specs(config: Config) -> Tables:
    """Describe every configured table: where it is and what its columns are called."""
    tables = config.tables
    currency = config.money.currency if tables.transactions.currency else None
    beside = {
        name: _spec(source, config)
        for name in ("customers", "id_map", "interactions", "payments", "campaigns")
        if (source := getattr(tables, name)) is not None
    }
    return Tables(transactions=_spec(tables.transactions, config, currency or None), **beside)


def quarantine_limits(config: Config) -> QuarantineLimits:
    """How much of the input may be unusable."""
    return QuarantineLimits(max_share=config.ingest.max_quarantined_share)


def _spec(source: Source, config: Config, currency: str | None = None) -> TableSpec:
    columns = {
        role: getattr(source, role)
        for role in type(source).model_fields
        if role not in _SOURCE_KEYS and isinstance(getattr(source, role), str)
    }
    columns |= {name: name for name in getattr(source, "attributes", ())}
    if_there = {role: role for role in IF_THERE.get(type(source), ()) if role not in columns}
    paths = None if source.path is None else tuple(_place(path, config.base) for path in source.path)
    return TableSpec(
        columns=columns,
        if_there=if_there,
        path=paths,
        delimiter=source.delimiter,
        quote=source.quote,
        header=source.header,
        encoding=source.encoding,
        decimal=source.decimal,
        timestamp_format=source.timestamp_format,
        sheet=source.sheet,
        uri_env=source.database_env,
        query=source.query,
        currency=currency,
        outside=config.directory,
    )


def _place(path: str, base: Path) -> str:
    return path if path.startswith(PACKAGE_PREFIX) else str(resolve(path, base))
