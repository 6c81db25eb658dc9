"""Open a table wherever it is: as a relation of the engine, with its columns, size and identity."""

import hashlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipelines.ingest import databases, spreadsheets
from pipelines.ingest.engine import only_row
from pipelines.ingest.spec import IngestError, TableSpec

TEXT = (".csv", ".txt", ".tsv", ".csv.gz", ".txt.gz", ".tsv.gz", ".csv.zst")
PARQUET = (".parquet", ".pq")
EXCEL = (".xlsx", ".xlsm", ".xls", ".ods")

_PACKAGE = "package:"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a table, and the digest of its bytes."""

    path: Path
    kind: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Source:
    """A table that the engine can read once.

    ``relation`` is SQL to select from; ``columns`` names and types; ``rows`` how many there are; ``whole`` is false for
    text whose rows were not counted beforehand.
    """

    relation: str
    columns: dict[str, str]
    rows: int


def quoted(name: str) -> str:
    """A SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A SQL string."""
    return "'" + text.replace("'", "''") + "'"


def find_files(spec: TableSpec, what: str) -> list[SourceFile]:
    """Files that a table's path names, each content once, in the order of their names.

    Raises an error that says where nothing was found.
    """
    given = spec.path if isinstance(spec.path, tuple) else (spec.path,)
    found: dict[str, SourceFile] = {}
    for entry in given:
        if entry is None:
            raise IngestError(f"{what}: neither a path nor a database (an address and a query) is given.")
        paths = _expand(str(entry), what)
        usable = [(p, kind) for p in paths if (kind := _kind(p)) is not None]
        if not usable:
            seen = f"{len(paths)} files of other kinds" if paths else "nothing"
            raise IngestError(
                f"{what}: no CSV, Parquet or Excel file at {entry} (found {seen}). Put the file there or mend the path."
            )
        for path, kind in usable:
            file = SourceFile(path, kind, _digest(path))
            found.setdefault(file.sha256, file)
    kinds = {f.kind for f in found.values()}
    if len(kinds) > 1:
        raise IngestError(
            f"{what}: files of several kinds ({', '.join(sorted(kinds))}) in one table. Keep to one kind."
        )
    return list(found.values())


def open_files(con: duckdb.DuckDBPyConnection, files: Sequence[SourceFile], spec: TableSpec, what: str) -> Source:
    """Open files as one relation."""
    if files[0].kind == "excel":
        reader = spreadsheets.read([f.path for f in files], spec.sheet, header=spec.header, what=what)
        return _registered(con, reader, what, sum(spreadsheets.rows(f.path, spec.sheet, what) for f in files))
    relation = _relation(files, spec)
    try:
        columns = columns_of(con, relation)
        [rows] = only_row(con, f"SELECT count(*) FROM {relation}")
    except duckdb.Error as error:
        names = ", ".join(f.path.name for f in files)
        raise IngestError(f"{what}: {names} cannot be read: {error}") from error
    return Source(relation, columns, int(rows))


def open_database(con: duckdb.DuckDBPyConnection, spec: TableSpec, what: str) -> Source:
    """Open a query's result as a relation that can be read once."""
    rows, reader = databases.read(spec, what)
    return _registered(con, reader, what, rows)


def columns_of(con: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    """Names and SQL types of a relation's columns."""
    return {str(row[0]): str(row[1]) for row in con.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()}


def _registered(con: duckdb.DuckDBPyConnection, reader: object, what: str, rows: int) -> Source:
    name = f"source_{what}"
    con.register(name, reader)
    return Source(name, columns_of(con, name), rows)


def _kind(path: Path) -> str | None:
    name = path.name.lower()
    for kind, endings in (("text", TEXT), ("parquet", PARQUET), ("excel", EXCEL)):
        if name.endswith(endings):
            return kind
    return None


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _expand(entry: str, what: str) -> list[Path]:
    if entry.startswith(_PACKAGE):
        package, _, inside = entry.removeprefix(_PACKAGE).partition("/")
        found = importlib.util.find_spec(package)
        if found is None or found.origin is None:
            raise IngestError(
                f"{what}: {entry}: no installed package is called {package!r}. Install it or name a file."
            )
        return [p] if (p := Path(found.origin).parent / inside).is_file() else []
    path = Path(entry)
    if path.is_dir():
        return sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith((".", "_")))
    if path.is_file():
        return [path]
    root = Path(path.anchor)
    return sorted(found for found in root.glob(str(path.relative_to(root))) if found.is_file())


def _relation(files: Sequence[SourceFile], spec: TableSpec) -> str:
    paths = "[" + ", ".join(literal(str(f.path)) for f in files) + "]"
    if files[0].kind == "parquet":
        return f"(SELECT * FROM read_parquet({paths}, union_by_name=true, hive_partitioning=false))"
    if spec.delimiter == "whitespace":
        return _whitespace(files, spec, paths)
    header = "true" if spec.header else "false"
    delimiter = literal("\t" if spec.delimiter in ("tab", "\\t") else spec.delimiter)
    return (
        f"(SELECT * FROM read_csv({paths}, all_varchar=true, header={header}, delim={delimiter}, quote='\"', "
        "escape='\"', union_by_name=true, hive_partitioning=false, sample_size=20480))"
    )


def _whitespace(files: Sequence[SourceFile], spec: TableSpec, paths: str) -> str:
    """Lines cut at runs of blanks: the engine reads whole lines, names come from the first line of the first file."""
    with files[0].path.open(encoding="utf-8") as lines:
        first = lines.readline().split()
    names = first if spec.header else [f"column{i}" for i in range(len(first))]
    fields = ", ".join(f"parts[{i + 1}] AS {quoted(name)}" for i, name in enumerate(names))
    skip = 1 if spec.header else 0
    return (
        f"(SELECT {fields} FROM (SELECT string_split_regex(trim(line, ' \t\r'), '\\s+') AS parts FROM read_csv("
        f"{paths}, columns={{'line': 'VARCHAR'}}, header=false, skip={skip}, delim='\x01', quote='', escape='', "
        "auto_detect=false) WHERE trim(line, ' \t\r') <> ''))"
    )
