"""Spreadsheets as tables of text: the header names the columns, every cell becomes what a person reads in it."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from python_calamine import CalamineSheet, CalamineWorkbook

from pipelines.ingest.spec import IngestError, TableSpec
from pipelines.ingest.text import HEADER_LINES, distinct
from pipelines.ingest.values import check_columns

ROWS_PER_BATCH = 20_000


@dataclass(frozen=True, slots=True)
class Head:
    """Where the rows of a sheet begin, and the names of its columns."""

    skip: int
    names: tuple[str, ...]


def rows(path: Path, sheet: str | None, what: str) -> int:
    """Upper bound of a sheet's number of rows."""
    return int(_sheet(path, sheet, what).total_height)


def read(paths: Sequence[Path], spec: TableSpec, needed: Sequence[str], what: str) -> pa.RecordBatchReader:
    """Rows of the sheets of several workbooks as a stream of Arrow batches of text; columns are joined by name.

    The header is the first row that holds the columns of the roles ``needed``, which every sheet must have.
    """
    heads = [_head(path, spec, needed, what) for path in paths]
    names = dict.fromkeys(name for head in heads for name in head.names)
    schema = pa.schema([pa.field(name, pa.string()) for name in names])
    return pa.RecordBatchReader.from_batches(schema, _batches(paths, heads, spec, what, schema))


def _sheet(path: Path, sheet: str | None, what: str) -> CalamineSheet:
    try:
        book = CalamineWorkbook.from_path(str(path))
    except Exception as error:
        raise IngestError(f"{what}: {path.name} cannot be read as a workbook: {error}") from error
    if sheet is None:
        return book.get_sheet_by_index(0)
    if sheet not in book.sheet_names:
        raise IngestError(f"{what}: {path.name} has no sheet {sheet!r}; its sheets are {book.sheet_names}.")
    return book.get_sheet_by_name(sheet)


def _head(path: Path, spec: TableSpec, needed: Sequence[str], what: str) -> Head:
    where = f"{what}: {path.name}"
    first: list[list[str]] = []
    for line in _sheet(path, spec.sheet, what).iter_rows():
        first.append([(text(cell) or "").strip() for cell in line])
        if len(first) == HEADER_LINES:
            break
    filled = [line for line in first if any(line)]
    if not filled:
        raise IngestError(f"{where} has an empty sheet. Name the one with the data.")
    if not spec.header:
        return Head(0, tuple(f"column{i}" for i in range(len(first[0]))))
    wanted = {role: spec.columns[role] for role in needed if role in spec.columns}
    for place, names in enumerate(first):
        if set(wanted.values()) <= set(names):
            return Head(place + 1, distinct(names, spec.columns, where))
    check_columns(where, wanted, dict.fromkeys(filled[0], ""), ())
    raise AssertionError("a sheet whose first row holds every column has a header")


def _batches(
    paths: Sequence[Path], heads: Sequence[Head], spec: TableSpec, what: str, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    for path, head in zip(paths, heads, strict=True):
        held: list[list[str | None]] = []
        for number, line in enumerate(_sheet(path, spec.sheet, what).iter_rows()):
            if number < head.skip:
                continue
            cells = [text(cell, spec.decimal or ".") for cell in line]
            if any(cell is not None for cell in cells):
                held.append(cells)
            if len(held) == ROWS_PER_BATCH:
                yield _batch(held, head, schema)
                held = []
        if held:
            yield _batch(held, head, schema)


def _batch(held: list[list[str | None]], head: Head, schema: pa.Schema) -> pa.RecordBatch:
    found = dict(zip(head.names, zip(*held, strict=True), strict=True))
    columns = [pa.array(found[name], pa.string()) if name in found else pa.nulls(len(held)) for name in schema.names]
    return pa.RecordBatch.from_arrays([column.cast(pa.string()) for column in columns], schema=schema)


def text(cell: Any, decimal: str = ".") -> str | None:
    """What a cell says: numbers with the decimal mark of the table's texts, dates in ISO form, nothing where empty.

    >>> text(17850.0), text(2.55), text(2.55, ","), text(dt.date(2010, 12, 1)), text("")
    ('17850', '2.55', '2,55', '2010-12-01', None)
    """
    if cell is None or cell == "":
        return None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, float):
        return str(cell).replace(".", decimal)
    if isinstance(cell, (dt.datetime, dt.date, dt.time)):
        return cell.isoformat()
    return str(cell)
