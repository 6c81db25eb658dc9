"""Spreadsheets as tables of text: the header names the columns, every cell becomes what a person reads in it."""

import datetime as dt
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from python_calamine import CalamineSheet, CalamineWorkbook, SheetTypeEnum

from lifecycle.pipelines.ingest.sql_values import check_columns
from lifecycle.pipelines.ingest.table_spec import IngestError, TableSpec
from lifecycle.pipelines.ingest.text_files import HEADER_LINES, distinct

ROWS_PER_BATCH = 20_000


EVERY = "*"
"""In place of a sheet's name: all sheets that have the columns."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of a workbook: how many of its rows come before the data, the names of its columns, rows at most."""

    path: Path
    name: str
    skip: int
    names: tuple[str, ...]
    height: int


def read(paths: Sequence[Path], spec: TableSpec, needed: Sequence[str], what: str) -> tuple[int, pa.RecordBatchReader]:
    """Rows of the sheets of several workbooks, at most, and a stream of Arrow batches of text, joined by column name.

    Of each workbook the sheets that are named, or the one that has the columns of the roles ``needed``: its header is
    the first row that holds them. Several of them are refused where none is named.
    """
    sheets = [sheet for path in paths for sheet in _sheets(path, spec, needed, what)]
    names = dict.fromkeys(name for sheet in sheets for name in sheet.names)
    schema = pa.schema([pa.field(name, pa.string()) for name in names])
    batches = (batch for sheet in sheets for batch in _batches(sheet, spec, schema))
    return sum(sheet.height for sheet in sheets), pa.RecordBatchReader.from_batches(schema, batches)


def _sheets(path: Path, spec: TableSpec, needed: Sequence[str], what: str) -> list[Sheet]:
    """The sheets of a workbook that belong to the table."""
    where = f"{what}: {path.name}"
    refuse_far_cells(path, where)
    with _workbook(where):
        book = CalamineWorkbook.from_path(str(path))
    chosen = spec.sheets if spec.sheets != (EVERY,) else ()
    for name in chosen:
        if name not in book.sheet_names:
            raise IngestError(f"{where} has no sheet {name!r}; its sheets are {book.sheet_names}. Name one of these.")
    tables = [sheet.name for sheet in book.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
    with _workbook(where):
        begun = {name: _begun(book.get_sheet_by_name(name)) for name in chosen or tables}
    firsts = {name: first for name, (first, _) in begun.items() if any(map(any, first))}
    empty = [name for name in chosen if name not in firsts]
    if empty or not firsts:
        raise IngestError(f"{where} has an empty sheet{f' {empty[0]!r}' if empty else ''}. Name the one with the data.")
    wanted = {role: spec.columns[role] for role in needed if role in spec.columns} if spec.header else {}
    found, passed = [], []
    for name, first in firsts.items():
        place = next((place for place, names in enumerate(first) if set(wanted.values()) <= set(names)), None)
        if place is None and name in chosen:
            _refuse_columns(f"{where}, sheet {name!r}", wanted, first)
        elif place is not None:
            names = distinct(first[place], spec.columns, where) if spec.header else _numbered(first[0])
            found.append(Sheet(path, name, place + spec.header, names, begun[name][1]))
        elif resembles(first, wanted.values()):
            passed.append((name, first))
    if found and passed:
        _refuse_columns(f"{where}, sheet {passed[0][0]!r}", wanted, passed[0][1])
    if not found:
        _refuse_columns(where, wanted, next(iter(firsts.values())))
    if len(found) > 1 and not spec.sheets:
        listed = [sheet.name for sheet in found]
        raise IngestError(
            f"{where} has {len(found)} sheets that may be meant: {listed}. Set sheet to one of them, to a list of "
            f'them, or to "{EVERY}" for all.'
        )
    return found


def resembles(rows: Sequence[Sequence[str]], wanted: Iterable[str]) -> bool:
    """Whether some row holds half of the columns or more, whatever the case: a table alike, headed otherwise.

    >>> resembles([["client", "Date", "Sum"]], ["Client", "Date", "Total"]), resembles([["Notes"]], ["Client", "Date"])
    (True, False)
    """
    names = {name.strip().lower() for name in wanted}
    return any(2 * len(names & {cell.strip().lower() for cell in row}) >= len(names) > 0 for row in rows)


@contextmanager
def _workbook(where: str) -> Iterator[None]:
    """What the reader says of a workbook that it cannot read, as an error of ours."""
    try:
        yield
    except Exception as error:  # the reader has a dozen kinds, which share no ancestor
        raise IngestError(f"{where} cannot be read as a workbook: {error}. Name a workbook that opens.") from error


MOST_CELLS = 100_000_000
"""Cells of a sheet, empty ones counted, that are read: the reader makes room for all of them at once."""

_CELL = re.compile(rb'<c r="([A-Z]{1,3})([0-9]{1,7})"')


def refuse_far_cells(path: Path, where: str) -> None:
    """Refuse a workbook with a cell so far from the others that there is no room for those between.

    Rows rise, so the last cells of a sheet tell its height; the width is that of its widest row.
    """
    if path.suffix.lower() not in (".xlsx", ".xlsm") or not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as parts:
        for name in (one for one in parts.namelist() if re.fullmatch(r"xl/worksheets/[^/]+\.xml", one)):
            widest, lowest, held = 1, 1, b""
            with parts.open(name) as stream:
                while piece := stream.read(1 << 22):
                    for column, row in _CELL.findall(held + piece) if _far(held + piece) else ():
                        widest, lowest = max(widest, _number(column)), max(lowest, int(row))
                    held = piece[-40:]
            if widest * lowest > MOST_CELLS:
                raise IngestError(
                    f"{where} has a sheet of {lowest:,} rows and {widest:,} columns, most of them empty ({name}). "
                    "Delete what stands far from the table, or export it as CSV."
                )


def _far(piece: bytes) -> bool:
    """Whether some cell lies far to the right, or far below: only then are all looked at."""
    return re.search(rb'<c r="[A-Z]{2,3}[0-9]{5,7}"', piece) is not None


def _number(letters: bytes) -> int:
    """Number of a column: A is 1, AA 27.

    >>> _number(b"A"), _number(b"AA"), _number(b"XFD")
    (1, 27, 16384)
    """
    number = 0
    for letter in letters:
        number = 26 * number + letter - 64
    return number


def _numbered(row: Sequence[str]) -> tuple[str, ...]:
    """Names of the columns of a sheet without a header."""
    return tuple(f"column{place}" for place in range(len(row)))


def _refuse_columns(where: str, wanted: Mapping[str, str], first: Sequence[Sequence[str]]) -> None:
    check_columns(where, wanted, dict.fromkeys(next(row for row in first if any(row)), ""), ())


def _begun(sheet: CalamineSheet) -> tuple[list[list[str]], int]:
    """The rows among which the header must be, and how many rows there are at most."""
    first = [[(text(cell) or "").strip() for cell in row] for row in islice(sheet.iter_rows(), HEADER_LINES)]
    return first, int(sheet.total_height)


def _batches(sheet: Sheet, spec: TableSpec, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    held: list[list[str | None]] = []
    with _workbook(f"{sheet.path.name}, sheet {sheet.name!r}"):
        rows = CalamineWorkbook.from_path(str(sheet.path)).get_sheet_by_name(sheet.name).iter_rows()
    for row in islice(rows, sheet.skip, None):
        cells = [text(cell, spec.decimal or ".") for cell in row]
        if any(cell is not None for cell in cells):
            held.append(cells)
        if len(held) == ROWS_PER_BATCH:
            yield _batch(held, sheet, schema)
            held = []
    if held:
        yield _batch(held, sheet, schema)


def _batch(held: list[list[str | None]], sheet: Sheet, schema: pa.Schema) -> pa.RecordBatch:
    found = dict(zip(sheet.names, zip(*held, strict=True), strict=True))
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
