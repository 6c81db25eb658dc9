"""Text files: where their columns begin, how a line is cut, and in which encoding they are written.

The engine cuts the lines; what it has to know is found here in the first lines of each file: the header is the first
line that holds the columns asked for. Nothing is guessed from the data. Lines that cannot be cut are kept as rejects.
"""

import codecs
import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lifecycle.pipelines.ingest.line_count import PACKED, count_lines, opened, refuse_long_line
from lifecycle.pipelines.ingest.sql_values import check_columns, files_sql, literal, quoted, refuse_unnamed_currency
from lifecycle.pipelines.ingest.table_spec import IngestError, TableSpec

DELIMITERS = (",", ";", "\t", "|")
"""Tried in this sequence where none is given."""

HEAD = 1 << 16
"""Bytes at the beginning of a file in which its header must lie."""

HEADER_LINES = 50
"""Lines at the beginning of a file, one of which must be the header."""

MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks of encodings that the engine does not read; UTF-8 may have one of its own."""

PIECE = 1 << 22
"""Bytes or characters that are written anew at a time."""

_UNREADABLE = "\ufffd"


@dataclass(frozen=True, slots=True)
class Layout:
    """How lines are cut: the delimiter, how many lines come before the header, and the names of the columns.

    ``uneven``: some lines may end early, cells that are empty left out; ``quoted_ends``: there are line ends in quotes.
    """

    delimiter: str
    skip: int
    names: tuple[str, ...]
    uneven: bool = False
    quoted_ends: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """Text files as one table: SQL of its rows, and SQL (once they were read) of the lines that could not be cut.

    The latter gives each line with its delimiter and the number of columns that it should have. ``lines`` is how many
    lines the files hold below their headers, counted apart from the engine.
    """

    relation: str
    rejects: str
    lines: int


def open_text(
    paths: Sequence[Path],
    spec: TableSpec,
    needed: Sequence[str],
    what: str,
    scratch: Path,
) -> Text:
    """Open text files as one table of text; their columns are joined by name, a missing one is NULL.

    ``needed`` are the roles whose columns every file must have. A file in another encoding than UTF-8, or with line
    ends of several kinds, is written anew into ``scratch`` first.
    """
    groups: dict[Layout, list[Path]] = {}
    total = 0
    for number, path in enumerate(paths):
        target = scratch / f"{what}-{number}.txt"
        readable = _readable(path, spec, what, target)
        lines = _first_lines(readable, path, spec, what)
        if lines:
            layout = _layout(lines[:HEADER_LINES], path, spec, needed, what, len(paths))
            refuse_unnamed_currency(f"{what}: {path.name}", _sample(lines, layout, spec), spec)
            width = len(layout.names)
            count = count_lines(readable, delimiter=layout.delimiter, quote=spec.quote, skip=layout.skip, width=width)
            refuse_long_line(count, path, what, spec.quote)
            if count.ends > 1 and not _packed(path):
                _write_anew(readable, target)
                readable = target
            if count.uneven:
                layout = replace(layout, uneven=True, quoted_ends=count.inside > 0)
            groups.setdefault(layout, []).append(readable)
            total += count.records - spec.header
    if not groups:
        names = ", ".join(path.name for path in paths[:5])
        raise IngestError(f"{what}: {names} {'is' if len(paths) == 1 else 'are'} empty. Name files that have rows.")
    parts = [
        _cut(files, layout, spec, re.sub(r"\W+", "_", f"{what}_{number}"))
        for number, (layout, files) in enumerate(groups.items(), 1)
    ]
    return Text(
        f"({' UNION ALL BY NAME '.join(cut for cut, _ in parts)})",
        " UNION ALL ".join(rejected for _, rejected in parts),
        total,
    )


def refuse_encoding(what: str, line: str, count: int) -> IngestError:
    """The error for text that is not UTF-8, shown by one of its lines."""
    if "\x00" in line:
        return IngestError(
            f'{what} is not UTF-8 text (such as {line[:120]!r}). Set encoding = "utf-16-le" or "utf-16-be": every '
            "other byte is 0."
        )
    return IngestError(
        f"{what}: {count:,} line{'s are' if count > 1 else ' is'} not UTF-8 text (such as {line[:120]!r}). Set "
        'encoding: "cp1252" (Western Windows), "latin-1", "gb18030" (Chinese), …; or "utf-8", to set such lines aside.'
    )


def refuse_open_quote(what: str, line: str, count: int) -> IngestError:
    """The error for a line that swallowed others, because it opens a quote that is not closed."""
    return IngestError(
        f"{what}: a quote is opened and not closed, and what follows is read as its text, {count:,} lines or more "
        f'(it begins with {line[:120]!r}). Close it or double it; or set quote = "", if quotes mean nothing here.'
    )


def _cut(files: Sequence[Path], layout: Layout, spec: TableSpec, name: str) -> tuple[str, str]:
    """SQL of the rows of files of one layout, and of the lines that cannot be cut; ``name`` tells layouts apart."""
    width = len(layout.names)
    about = f"{literal(layout.delimiter)} AS delimiter, {width} AS width"
    rejected = (
        f"SELECT any_value(csv_line) AS line, bool_or(error_type::VARCHAR = 'INVALID ENCODING') AS encoding, {about} "
        f"FROM {quoted(f'rejects_{name}')} GROUP BY scan_id, file_id, line, line_byte_position"
    )
    listed = files_sql(files)
    kept = f"store_rejects=true, rejects_table={literal(f'rejects_{name}')}, rejects_scan={literal(f'scan_{name}')}"
    if layout.delimiter != "whitespace":
        columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in layout.names)
        # The engine pads quoted line ends in one thread only.
        padded = f", null_padding=true, parallel={str(not layout.quoted_ends).lower()}" if layout.uneven else ""
        return (
            f"SELECT * FROM read_csv({listed}, auto_detect=false, header={str(spec.header).lower()}, "
            f"skip={layout.skip}, delim={literal(layout.delimiter)}, quote={literal(spec.quote)}, "
            f"escape={literal(spec.quote)}, columns={{{columns}}}, {kept}{padded})"
        ), rejected
    lines = (
        f"(SELECT line, string_split_regex(trim(line, ' \t\r'), '\\s+') AS parts FROM read_csv({listed}, "
        f"columns={{'line': 'VARCHAR'}}, header=false, skip={layout.skip + spec.header}, delim='\x01', quote='', "
        f"escape='', auto_detect=false, %s) WHERE trim(line, ' \t\r') <> '')"
    )
    fields = ", ".join(f"parts[{place}] AS {quoted(name)}" for place, name in enumerate(layout.names, 1))
    return (
        f"SELECT {fields} FROM {lines % kept} WHERE len(parts) = {width}",
        f"{rejected} UNION ALL SELECT line, false AS encoding, {about} FROM {lines % 'ignore_errors=true'} "
        f"WHERE len(parts) <> {width}",
    )


def _layout(lines: Sequence[str], path: Path, spec: TableSpec, needed: Sequence[str], what: str, files: int) -> Layout:
    """How one of so many files is laid out, from its first lines."""
    given = {"tab": "\t", "\\t": "\t"}.get(spec.delimiter or "", spec.delimiter)
    tried = DELIMITERS if given is None else (given,)
    if not spec.header:
        widths = {delimiter: len(_names(lines, delimiter, spec.quote)) for delimiter in tried}
        delimiter = max(widths, key=lambda one: widths[one])
        return Layout(delimiter, 0, tuple(f"column{place}" for place in range(widths[delimiter])))
    wanted = {role: spec.columns[role] for role in needed if role in spec.columns}
    if not wanted:
        return _layout_of_query(lines, tried, path, spec, what)
    for skip in range(len(lines)):
        for delimiter in tried:
            names = _names(lines[skip:], delimiter, spec.quote)
            if set(wanted.values()) <= set(names):
                return Layout(delimiter, skip, distinct(names, spec.columns, f"{what}: {path.name}"))
    first = next(place for place, line in enumerate(lines) if line.strip())
    nearest = max((_names(lines[first:], delimiter, spec.quote) for delimiter in tried), key=len)
    check_columns(f"{what}: {path.name}", wanted, dict.fromkeys(nearest, ""), (), files)
    raise AssertionError("a file whose first line holds every column has a layout")


def _layout_of_query(lines: Sequence[str], tried: Sequence[str], path: Path, spec: TableSpec, what: str) -> Layout:
    """How a file is laid out that a query reads: its header is the line with most of the names that the query uses."""
    words = {word.lower() for word in re.findall(r"[^\W\d]\w*", spec.query or "")}

    def known(names: Sequence[str]) -> int:
        return len({name.lower() for name in names if name} & words) + sum(
            any(not part.isalnum() for part in name) and name.lower() in (spec.query or "").lower() for name in names
        )

    cuts = [(skip, one, _names(lines[skip:], one, spec.quote)) for skip in range(len(lines)) for one in tried]
    best = max(known(names) for _, _, names in cuts)
    if not best:  # the query names no column
        first = next(place for place, line in enumerate(lines) if line.strip() and not line.lower().startswith("sep="))
        cuts = [cut for cut in cuts if cut[0] == first]
    skip, delimiter, names = max(cuts, key=lambda cut: (known(cut[2]), len(cut[2]) if not best else 0, -cut[0]))
    return Layout(delimiter, skip, distinct(names, spec.columns, f"{what}: {path.name}"))


def _sample(lines: Sequence[str], layout: Layout, spec: TableSpec) -> dict[str, set[str]]:
    """What the first lines hold in each column that the configuration does not name."""
    if layout.delimiter == "whitespace" or len(layout.delimiter) > 1 or not spec.header:
        return {}
    reader = csv.DictReader(
        lines[layout.skip :], layout.names, delimiter=layout.delimiter, quotechar=spec.quote or None,
        quoting=csv.QUOTE_MINIMAL if spec.quote else csv.QUOTE_NONE,
    )  # fmt: skip
    try:
        rows = list(reader)[1:-1]  # without the header, and the last line, which may go on
    except csv.Error:
        return {}
    return {
        name: {row[name] for row in rows if row[name]} for name in layout.names if name not in spec.columns.values()
    }


def _names(lines: Sequence[str], delimiter: str, quote: str) -> list[str]:
    """Names of the columns if the first of some lines is the header; it may run over several lines."""
    if delimiter == "whitespace":
        return lines[0].split()
    if len(delimiter) > 1:
        return [name.strip() for name in lines[0].split(delimiter)]
    try:
        if quote:
            reader = csv.reader(lines, delimiter=delimiter, quotechar=quote)
        else:
            reader = csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
        return [name.strip() for name in next(reader, [])]
    except csv.Error:
        return []


def distinct(names: Sequence[str], columns: Mapping[str, str], where: str) -> tuple[str, ...]:
    """Names that differ in more than case; an error if a column that is configured is there several times.

    >>> distinct(["id", "Amount", "amount", "x", "x", ""], {"amount": "amount"}, "sales.csv")
    ('id', 'Amount_2', 'amount', 'x', 'x_2', 'column5')
    """
    for name in columns.values():
        count = list(names).count(name)
        if count > 1:
            raise IngestError(f"{where} has {count} columns called {name!r}. Rename them, or name another column.")
    used = {name.lower() for name in columns.values() if name in names}
    found = []
    for place, name in enumerate(names):
        free = base = name or f"column{place}"
        if name not in columns.values():
            number = 2
            while free.lower() in used:
                free, number = f"{base}_{number}", number + 1
            used.add(free.lower())
        found.append(free)
    return tuple(found)


def _first_lines(readable: Path, path: Path, spec: TableSpec, what: str) -> list[str]:
    """The first lines of a file (none if all it has is blank)."""
    with opened(readable) as stream:
        head = stream.read(HEAD)
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(head).removeprefix("\ufeff")
    lines = list(io.StringIO(text, newline=None))
    if "\x00" in text and spec.encoding is None:
        raise refuse_encoding(f"{what}: {path.name}", lines[0].strip(), len(lines))
    if _UNREADABLE in text and spec.encoding is None:
        raise refuse_encoding(f"{what}: {path.name}", next(line for line in lines if _UNREADABLE in line).strip(), 1)
    if len(head) == HEAD and len(lines) > 1:
        lines.pop()  # it may go on
    return lines if text.strip() else []


def _readable(path: Path, spec: TableSpec, what: str, target: Path) -> Path:
    """The file itself, or a copy in UTF-8 with one kind of line ends if the engine could not read it."""
    encoding = spec.encoding
    if encoding is not None:
        try:
            "".encode(encoding)  # codecs that are no encodings of text, such as hex, are refused too
            encoding = codecs.lookup(encoding).name
        except (LookupError, ValueError, TypeError):
            raise IngestError(
                f'{what}: encoding = {spec.encoding!r} is not known. Name one such as "utf-8" or "cp1252".'
            ) from None
    if encoding is None:
        with opened(path) as stream:
            mark = stream.read(4)
        encoding = next((name for begins, name in MARKS if mark.startswith(begins)), None)
    if encoding in (None, "utf-8", "utf-8-sig", "ascii"):
        return path
    assert encoding is not None
    try:
        packed = io.BytesIO(opened(path).read()) if _packed(path) else path.open("rb")
        with (
            io.TextIOWrapper(packed, encoding=encoding, newline=None) as source,
            target.open("w", encoding="utf-8", newline="\n") as out,
        ):
            while piece := source.read(PIECE):
                out.write(piece)
    except UnicodeError as error:
        raise IngestError(f"{what}: {path.name} is not {encoding} text ({error}). Name its encoding.") from None
    return target


def _write_anew(path: Path, target: Path) -> None:
    """Copy a file with line feeds for all line ends."""
    held = b""
    with path.open("rb") as source, target.open("wb") as out:
        while piece := source.read(PIECE):
            piece = held + piece
            held = piece[-1:] if piece.endswith(b"\r") else b""
            piece = piece[: len(piece) - len(held)]
            out.write(piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n"))
        out.write(held.replace(b"\r", b"\n"))


def _packed(path: Path) -> bool:
    return path.name.lower().endswith(tuple(PACKED))
