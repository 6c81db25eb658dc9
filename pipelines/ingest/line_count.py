"""Lines of a text file, counted apart from the engine that reads it: what comes out must be what went in.

The engine drops a line that is longer than its buffer without a word, and with it all that an open quote swallowed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lifecycle.pipelines.ingest.table_spec import IngestError

PIECE = 1 << 22
"""Bytes looked at together."""

SMALL = 32 << 20
"""Bytes of a file up to which the columns of every line are counted; it takes twice as long."""

LONGEST = 32 << 20
"""Bytes of a line that the engine can hold."""

PACKED = {".gz": "gzip", ".zst": "zstd"}
_NO_QUOTE = 0
"""A byte that no text holds, in the place of a quote."""


@dataclass(frozen=True, slots=True)
class LineCount:
    """What a text file holds below the lines that are skipped.

    Attributes
    ----------
    records : int
        lines that are not blank, the header among them; line ends within quotes do not count.
    ends : int
        kinds of line ends (CR LF, CR, LF).
    uneven : bool
        some line may end early, cells left out: certain for a small file, for a large one by its number of delimiters.
    inside : int
        line ends within quotes.
    longest, longest_at : int
        bytes of the longest line, and the physical line where it begins (1 is the file's first).
    """

    records: int
    ends: int
    uneven: bool
    inside: int
    longest: int
    longest_at: int


def count_lines(path: Path, *, delimiter: str, quote: str, skip: int, width: int = 0) -> LineCount:
    """Count the records of a file as a reader of quoted text would, without looking into them.

    ``width`` is how many columns a line should have.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "a.csv"
    >>> _ = file.write_text('id,note\\n1,"two\\nlines"\\n\\n2,"a ""word"" here"\\n')
    >>> count_lines(file, delimiter=",", quote='"', skip=0).records
    3
    """
    state = np.zeros(len(_STATE), np.int64)
    state[_LINE], state[_SKIP], state[_CLOSED] = 1, skip, -2
    mark = ord(quote) if quote else _NO_QUOTE
    before = ord(delimiter[-1]) if delimiter != "whitespace" else ord("\t")
    blank = delimiter == "whitespace"
    exact = path.stat().st_size <= SMALL
    held, delimiters = b"", 0
    for piece in _pieces(path):
        data = held + piece if held else piece
        delimiters += piece.count(before)
        held = b"\r" if data.endswith(b"\r") else b""
        _scan(np.frombuffer(data, np.uint8, len(data) - len(held)), mark, before, exact, blank, width, state)
    state[_QUOTED] = 0  # an open quote ends with the file
    _scan(np.frombuffer(held + b"\n", np.uint8), mark, before, exact, blank, width, state)
    state[_FEEDS] -= not held  # the end that was put behind the last line
    state[_PAIRS] -= bool(held)
    state[_RETURNS] += bool(held)
    kinds = int((state[[_PAIRS, _RETURNS, _FEEDS]] > 0).sum())
    longest, longest_at, inside = (int(one) for one in state[[_LONGEST, _LONGEST_AT, _INSIDE]])
    records = int(state[_RECORDS])
    uneven = bool(state[_SHORT]) if exact else delimiters != records * (width - 1)
    return LineCount(records, kinds, uneven and not blank, inside, longest, longest_at)


def refuse_long_line(count: LineCount, path: Path, what: str, quote: str) -> None:
    """Refuse a file with a line that the engine cannot hold."""
    if count.longest <= LONGEST:
        return
    remedy = (
        'A quote is probably opened there and not closed. Close it or double it; or set quote = "", if quotes mean '
        "nothing here."
        if quote
        else "Shorten it, or leave the column out of the export."
    )
    raise IngestError(
        f"{what}: {path.name}: the line that begins at line {count.longest_at:,} is {count.longest / 1e6:,.1f} MB "
        f"long; {LONGEST / 1e6:,.1f} MB can be read. {remedy}"
    )


def check_lines(what: str, expected: int | None, rows: int, lost: int) -> None:
    """Refuse a table of which another number of lines came out of the engine than its files hold.

    ``expected`` is None where a table is not read from text; ``lost`` are the lines that could not be cut into
    columns, which are kept and counted.
    """
    if expected is None or expected == rows + lost:
        return
    raise IngestError(
        f"{what}: the files hold {expected:,} lines below their headers, but {rows:,} rows and {lost:,} lines that "
        "cannot be cut into columns came out. Quotes are probably opened and not closed: mend them, or set quote = "
        '"", if quotes mean nothing here.'
    )


def opened(path: Path) -> Any:
    """A stream of a file's bytes, unpacked."""
    packed = next((kind for ending, kind in PACKED.items() if path.name.lower().endswith(ending)), None)
    return path.open("rb") if packed is None else pa.input_stream(str(path), compression=packed)


def _pieces(path: Path) -> Iterator[bytes]:
    with opened(path) as stream:
        while piece := stream.read(PIECE):
            yield piece


_STATE = (
    "quoted", "closed", "offset", "begin", "line", "begin_line", "skip", "records", "longest", "longest_at", "pairs",
    "returns", "feeds", "previous", "inside", "fields", "short",
)  # fmt: skip
(
    _QUOTED, _CLOSED, _OFFSET, _BEGIN, _LINE, _BEGIN_LINE, _SKIP, _RECORDS, _LONGEST, _LONGEST_AT, _PAIRS, _RETURNS,
    _FEEDS, _PREVIOUS, _INSIDE, _FIELDS, _SHORT,
) = range(len(_STATE))  # fmt: skip


@numba.njit(cache=True, nogil=True)
def _only_blanks(line: NDArray[np.uint8]) -> bool:
    for byte in line:  # noqa: SIM110 (compiled)
        if byte > 32:
            return False
    return True


@numba.njit(cache=True, nogil=True)
def _scan(
    data: NDArray[np.uint8],
    quote: int,
    delimiter: int,
    exact: bool,
    blank: bool,
    width: int,
    state: NDArray[np.int64],
) -> None:
    """Go through a piece that does not end between CR and LF; `state` goes on from piece to piece.

    `blank`: a line of blanks counts as blank.
    """
    quoted, closed, offset = state[_QUOTED], state[_CLOSED], state[_OFFSET]
    begin, line, begin_line, skip = state[_BEGIN], state[_LINE], state[_BEGIN_LINE], state[_SKIP]
    records, longest, longest_at = state[_RECORDS], state[_LONGEST], state[_LONGEST_AT]
    limit = max(quote, 13, delimiter if exact else 0)
    fields = state[_FIELDS]
    n = data.size
    for i in range(n):
        byte = data[i]
        if byte > limit:
            continue
        if byte == quote:
            if skip > 0:
                continue
            if quoted:
                quoted, closed = 0, offset + i
            elif offset + i == closed + 1 or offset + i == begin:
                quoted = 1
            else:
                before = np.int64(data[i - 1]) if i > 0 else state[_PREVIOUS]
                quoted = 1 if before == delimiter else 0
        elif byte == delimiter:
            fields += not quoted
        elif byte == 10 or byte == 13:
            ended = offset + i
            if byte == 10 and i > 0 and data[i - 1] == 13:
                state[_PAIRS] += 1
                if not quoted:
                    begin = ended + 1  # the line has ended with the CR
                continue
            paired = byte == 13 and i + 1 < n and data[i + 1] == 10
            if byte == 10:
                state[_FEEDS] += 1
            elif not paired:
                state[_RETURNS] += 1
            line += 1
            if quoted:
                state[_INSIDE] += 1
                continue
            if skip > 0:
                skip -= 1
            elif ended > begin and not (blank and _only_blanks(data[max(begin - offset, 0) : i])):
                records += 1
                state[_SHORT] += fields < width - 1
                if ended - begin > longest:
                    longest, longest_at = ended - begin, begin_line
            begin, begin_line, fields = ended + 1, line, 0
    if n:
        state[_PREVIOUS] = data[n - 1]
    state[_QUOTED], state[_CLOSED], state[_OFFSET] = quoted, closed, offset + n
    state[_FIELDS] = fields
    state[_BEGIN], state[_LINE], state[_BEGIN_LINE], state[_SKIP] = begin, line, begin_line, skip
    state[_RECORDS], state[_LONGEST], state[_LONGEST_AT] = records, longest, longest_at
