"""What a file is by its first bytes, where its name says another thing: refused with what it is and what to do."""

import re
from collections.abc import Mapping
from pathlib import Path

from lifecycle.pipelines.ingest.table_spec import IngestError

MARKS: Mapping[bytes, tuple[str, str]] = {
    b"PK\x03\x04": ("zip", "a ZIP archive or a workbook. Unpack it, or let its name end in .xlsx if it is a workbook."),
    b"\x1f\x8b": ("gzip", "packed by gzip. Let its name end in .gz, or unpack it."),
    b"\x28\xb5\x2f\xfd": ("zstd", "packed by zstd. Let its name end in .zst, or unpack it."),
    b"PAR1": ("parquet", "a Parquet file. Let its name end in .parquet."),
    b"\xd0\xcf\x11\xe0": ("xls", "a workbook of the old kind, or one with a password. Let its name end in .xls."),
    b"SQLite format 3": ("sqlite", "an SQLite database. Set database_env and query in place of path."),
    b"%PDF": ("pdf", "a PDF document. Export the table as CSV."),
}
"""First bytes -> a word for what they mark, and the same in a sentence with the remedy."""

ENDINGS: Mapping[str, tuple[str, ...]] = {
    ".gz": ("gzip",),
    ".zst": ("zstd",),
    ".parquet": ("parquet",),
    ".pq": ("parquet",),
    ".xlsx": ("zip",),
    ".xlsm": ("zip",),
    ".xlsb": ("zip",),
    ".ods": ("zip",),
    ".xls": ("xls", "zip"),
}
"""End of a file's name -> the words that it allows; any other end means text, which has no mark."""

_PAGE = re.compile(rb"\s*<(!doctype html|html|\?xml)", re.IGNORECASE)
_JSON = re.compile(rb'\s*(\[\s*)?\{\s*"')


def check_contents(path: Path, what: str) -> None:
    """Refuse a file that is plainly not what the end of its name says."""
    with path.open("rb") as stream:
        begin = stream.read(200).removeprefix(b"\xef\xbb\xbf")
    if not begin:
        return
    found, told = next((said for mark, said in MARKS.items() if begin.startswith(mark)), ("", ""))
    allowed = next((words for ending, words in ENDINGS.items() if path.name.lower().endswith(ending)), ("",))
    where, start = f"{what}: {path.name}", begin[:40].decode("utf-8", "replace")
    if _PAGE.match(begin):
        raise IngestError(
            f"{where} is a web page or XML (it begins with {start!r}), such as a message in place of the data. "
            "Download it again, or export it as CSV."
        )
    if found not in allowed:
        also = told or "text, or damaged. Let its name end in .csv if it is text, or copy it again."
        raise IngestError(f"{where} is {also}")
    if not found and _JSON.match(begin):
        raise IngestError(f"{where} is JSON (it begins with {start!r}). Convert it to CSV or Parquet.")
