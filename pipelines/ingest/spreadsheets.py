"""Spreadsheets as tables of text: the first row names the columns, every cell becomes what a person reads in it."""

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from python_calamine import CalamineSheet, CalamineWorkbook

from pipelines.ingest.spec import IngestError

ROWS_PER_BATCH = 20_000


def rows(path: Path, sheet: str | None, what: str) -> int:
    """Upper bound of a sheet's number of rows."""
    return int(_sheet(path, sheet, what).total_height)


def read(paths: Sequence[Path], sheet: str | None, *, header: bool, what: str) -> pa.RecordBatchReader:
    """Rows of the sheets of several workbooks with the same columns, as a stream of Arrow batches of text."""
    names = _names(paths[0], sheet, header, what)
    schema = pa.schema([pa.field(name, pa.string()) for name in names])
    return pa.RecordBatchReader.from_batches(schema, _batches(paths, sheet, header, what, schema))


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


def _names(path: Path, sheet: str | None, header: bool, what: str) -> list[str]:
    first = next(iter(_sheet(path, sheet, what).iter_rows()), None)
    if first is None:
        raise IngestError(f"{what}: {path.name} has an empty sheet. Name the one with the data.")
    if not header:
        return [f"column{i}" for i in range(len(first))]
    return [text(cell) or f"column{i}" for i, cell in enumerate(first)]


def _batches(
    paths: Sequence[Path], sheet: str | None, header: bool, what: str, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    for path in paths:
        names = _names(path, sheet, header, what)
        if names != schema.names:
            raise IngestError(f"{what}: {path.name} has the columns {names}, the first workbook has {schema.names}.")
        lines = iter(_sheet(path, sheet, what).iter_rows())
        if header:
            next(lines)
        held: list[list[str | None]] = []
        for line in lines:
            cells = [text(cell) for cell in line]
            if any(cell is not None for cell in cells):
                held.append(cells)
            if len(held) == ROWS_PER_BATCH:
                yield _batch(held, schema)
                held = []
        if held:
            yield _batch(held, schema)


def _batch(held: list[list[str | None]], schema: pa.Schema) -> pa.RecordBatch:
    columns = [pa.array(column, pa.string()) for column in zip(*held, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def text(cell: Any) -> str | None:
    """What a cell says: whole numbers without a decimal point, dates in ISO form, nothing for an empty cell.

    >>> text(17850.0), text(2.55), text(dt.date(2010, 12, 1)), text("")
    ('17850', '2.55', '2010-12-01', None)
    """
    if cell is None or cell == "":
        return None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, (dt.datetime, dt.date, dt.time)):
        return cell.isoformat()
    return str(cell)
