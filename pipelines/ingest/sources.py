"""Open a table wherever it is: as a relation of the engine, with its columns, size and identity."""

import hashlib
import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from lifecycle.pipelines.ingest import databases, spreadsheets
from lifecycle.pipelines.ingest.engine import only_row, reading
from lifecycle.pipelines.ingest.file_kinds import check_contents
from lifecycle.pipelines.ingest.line_count import check_lines
from lifecycle.pipelines.ingest.sql_values import Values, check_columns, files_sql, local_time, quoted
from lifecycle.pipelines.ingest.table_spec import IngestError, TableSpec
from lifecycle.pipelines.ingest.text_files import distinct, open_text

PLAIN = (".csv", ".txt", ".tsv", ".tab", ".psv", ".dat", ".asc")
ENDINGS: Mapping[str, tuple[str, ...]] = {
    "text": (*PLAIN, *(ending + packed for ending in PLAIN for packed in (".gz", ".zst"))),
    "parquet": (".parquet", ".pq"),
    "excel": (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"),
}
"""Kind of file -> how its name may end."""

_PACKAGE = "package:"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a table, the digest of its bytes, and what its state was then."""

    path: Path
    kind: str
    sha256: str
    state: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Source:
    """A table that the engine can read once.

    ``relation`` is SQL to select from; ``columns`` names and types; ``rows`` how many there are, about; ``zones`` the
    time zones of timestamps where they are not UTC; ``rejects`` SQL of the lines that could not be cut into columns
    (line, encoding), once the relation was read; ``cells`` is true for workbooks; ``lines`` how many rows and rejects
    must come out, None where that is not known beforehand.
    """

    relation: str
    columns: dict[str, str]
    rows: int
    zones: Mapping[str, str] = field(default_factory=dict)
    rejects: str | None = None
    cells: bool = False
    lines: int | None = None

    def with_columns(self, names: Iterable[str]) -> "Source":
        """The same with empty columns for those of the names that it lacks."""
        missing = [name for name in names if name not in self.columns]
        if not missing:
            return self
        empty = ", ".join(f"NULL::VARCHAR AS {quoted(name)}" for name in missing)
        columns = {**self.columns, **dict.fromkeys(missing, "VARCHAR")}
        return replace(self, relation=f"(SELECT *, {empty} FROM {self.relation})", columns=columns)

    def values(self, spec: TableSpec) -> Values:
        """Expressions over the columns."""
        return Values(self.columns, spec, self.zones, self.cells)


def find_files(spec: TableSpec, what: str) -> list[SourceFile]:
    """Files that a table's path names, each content once, in the order of their names.

    Raises an error that says where nothing was found.
    """
    given = spec.path if isinstance(spec.path, tuple) else (spec.path,)
    found: dict[str, SourceFile] = {}
    for entry in given:
        if entry is None:
            raise IngestError(f"{what}: neither a path nor a database (an address and a query) is given.")
        paths = _expand(str(entry), what, spec.outside)
        usable = [(path, kind) for path in paths if (kind := _kind(path)) is not None]
        if not usable:
            seen = f"{len(paths)} files of other kinds" if paths else "nothing"
            allowed = ", ".join((*PLAIN, *ENDINGS["parquet"], *ENDINGS["excel"]))
            raise IngestError(
                f"{what}: no CSV, Parquet or Excel file at {entry} (found {seen}; names may end in {allowed}, those of "
                "text also in .gz or .zst after that). Put the file there or mend the path."
            )
        for path, kind in usable:
            file = SourceFile(path, kind, _digest(path, spec), _state(path))
            found.setdefault(file.sha256 if spec.query is None else str(path), file)
    kinds = {f.kind for f in found.values()}
    if len(kinds) > 1 and spec.query is None:
        raise IngestError(
            f"{what}: files of several kinds ({', '.join(sorted(kinds))}) in one table. Keep to one kind."
        )
    return list(found.values())


def check_unchanged(files: Sequence[SourceFile], what: str) -> None:
    """Refuse files that changed while they were read."""
    for file in files:
        if not file.path.is_file() or _state(file.path) != file.state:
            raise IngestError(f"{what}: {file.path.name} changed while it was read. Ingest again when it is complete.")


def open_files(
    con: duckdb.DuckDBPyConnection,
    files: Sequence[SourceFile],
    spec: TableSpec,
    needed: Sequence[str],
    what: str,
    scratch: Path,
) -> Source:
    """Open files as one relation; ``needed`` are the roles whose columns every file must have."""
    paths = [file.path for file in files]
    for path in paths:
        check_contents(path, what)
    if spec.query is not None and spec.columns:
        return _queried(con, files, spec, what, scratch)
    if files[0].kind == "excel":
        rows, reader = spreadsheets.read(paths, spec, needed, what)
        return _registered(con, reader, what, rows, cells=True)
    with reading(f"{what}: {', '.join(path.name for path in paths[:5])}"):
        if files[0].kind == "text":
            text = open_text(paths, spec, needed, what, scratch)
            columns = _columns_of(con, text.relation)
            return Source(text.relation, columns, text.lines, rejects=text.rejects, lines=text.lines)
        zones = _checked_parquet(paths, spec, needed, what)
        folders = str(bool(_folder_columns(paths, spec))).lower()
        relation = (
            f"(SELECT * FROM read_parquet({files_sql(paths)}, union_by_name=true, hive_partitioning={folders}, "
            "hive_types_autocast=false, binary_as_string=true))"
        )
        [count] = only_row(con, f"SELECT count(*) FROM {relation}")
        return Source(relation, _columns_of(con, relation), int(count), zones=zones)


def _queried(
    con: duckdb.DuckDBPyConnection, files: Sequence[SourceFile], spec: TableSpec, what: str, scratch: Path
) -> Source:
    """The result of a query over files of any kind, as a table; while it runs, each file is one, called by its name.

    Timestamps with a time zone are local times in these tables.
    """
    plain = replace(spec, columns={})  # the query stays, as its names tell headers
    rejects: list[str] = []
    tables: list[str] = []
    read = 0
    for number, file in enumerate(files, 1):
        name = file.path.name.partition(".")[0]
        if name in tables:
            raise IngestError(f"{what}: two files are called {name!r}, as tables of the query. Rename one of them.")
        part = open_files(con, [file], plain, (), f"{what}, file {number}", scratch)
        with reading(f"{what}: {file.path.name}"):
            zones = _zones(pq.read_schema(file.path)) if file.kind == "parquet" else {}
            local = ", ".join(f"{local_time(quoted(one), zone)} AS {quoted(one)}" for one, zone in zones.items())
            columns = f"* REPLACE ({local})" if local else "*"
            con.execute(f"CREATE TEMP TABLE {quoted(name)} AS SELECT {columns} FROM {part.relation}").fetchall()
            [rows] = only_row(con, f"SELECT count(*) FROM {quoted(name)}")
            lost = 0 if part.rejects is None else only_row(con, f"SELECT count(*) FROM ({part.rejects})")[0]
            check_lines(f"{what}: {file.path.name}", part.lines, rows, lost)
            read += rows
        rejects += [] if part.rejects is None else [part.rejects]
        tables.append(name)
    result = quoted(f"queried_{what}")
    with reading(f"{what}: the query over the tables {tables}"):
        con.execute(f"CREATE TEMP TABLE {result} AS {(spec.query or '').strip().rstrip(';')}").fetchall()
    for name in tables:
        con.execute(f"DROP TABLE {quoted(name)}").fetchall()
    [count] = only_row(con, f"SELECT count(*) FROM {result}")
    if read and not count:
        raise IngestError(
            f"{what}: the query yields no row of the {read:,} that were read. Empty cells are NULL in its tables: "
            "write `column IS NULL` in place of `column = ''`."
        )
    return Source(result, _columns_of(con, result), int(count), rejects=" UNION ALL ".join(rejects) or None)


def open_database(con: duckdb.DuckDBPyConnection, spec: TableSpec, what: str) -> Source:
    """Open a query's result as a relation that can be read once."""
    rows, reader = databases.read(spec, what)
    return _registered(con, reader, what, rows)


def _columns_of(con: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    """Names and SQL types of a relation's columns."""
    return {str(row[0]): str(row[1]) for row in con.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()}


def _registered(
    con: duckdb.DuckDBPyConnection, reader: pa.RecordBatchReader, what: str, rows: int, *, cells: bool = False
) -> Source:
    name = f"source_{what}"
    zones = _zones(reader.schema)
    con.register(name, reader)
    return Source(quoted(name), _columns_of(con, quoted(name)), rows, zones=zones, cells=cells)


def _zones(schema: pa.Schema) -> dict[str, str]:
    """Time zones of a schema's timestamps where the engine, which works in UTC, would take another day."""
    stamps = {field.name: field.type.tz for field in schema if pa.types.is_timestamp(field.type)}
    return {name: zone for name, zone in stamps.items() if zone not in (None, "UTC", "Etc/UTC", "GMT", "Z", "+00:00")}


def _folder_columns(paths: Sequence[Path], spec: TableSpec) -> set[str]:
    """Columns of the table that are not in the files but in the names of their folders."""
    named = {part.partition("=")[0] for path in paths for part in _named_folders(path)}
    wanted = named & set(spec.columns.values())
    return wanted and wanted - {name for path in paths for name in pq.read_schema(path).names}


def _checked_parquet(paths: Sequence[Path], spec: TableSpec, needed: Sequence[str], what: str) -> dict[str, str]:
    """Time zones of Parquet files, which must agree in them and in the type of the ids, and have what is needed."""
    wanted = {role: spec.columns[role] for role in needed if role in spec.columns}
    zones: dict[str, str] | None = None
    beside = _folder_columns(paths, spec)
    ids: dict[str, str] = {}
    for path in paths:
        schema = pq.read_schema(path)
        where = f"{what}: {path.name}"
        distinct(schema.names, spec.columns, where)
        mine = [part.partition("=")[0] for part in _named_folders(path)]
        check_columns(
            where, wanted, dict.fromkeys([*schema.names, *(n for n in mine if n in beside)], ""), (), len(paths)
        )
        found = {name: zone for name, zone in _zones(schema).items() if name in spec.columns.values()}
        if zones is not None and found != zones:
            raise IngestError(
                f"{where}: its timestamps are in the time zones {found or 'UTC'}, those of {paths[0].name} in "
                f"{zones or 'UTC'}. Write all files in one time zone."
            )
        zones = found
        if spec.columns.get("customer_id", "") in schema.names:
            ids.setdefault(_id_class(schema.field(spec.columns["customer_id"]).type), path.name)
    if len(ids) > 1:
        listed = ", ".join(f"{kind} in {name}" for kind, name in sorted(ids.items()))
        raise IngestError(
            f"{what}: the ids in column {spec.columns['customer_id']!r} are {listed}: 00123 and 123 could be one "
            "customer or two. Write them as one type."
        )
    return zones or {}


def _id_class(kind: pa.DataType) -> str:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    numbers = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    return "numbers" if numbers else "text"


def _kind(path: Path) -> str | None:
    name = path.name.lower()
    return next((kind for kind, endings in ENDINGS.items() if name.endswith(endings)), None)


def _digest(path: Path, spec: TableSpec) -> str:
    """Digest of a file's bytes, and of what the names of its folders say for the table."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256")
    for part in _named_folders(path):
        if part.partition("=")[0] in spec.columns.values():
            digest.update(part.encode())
    return digest.hexdigest()


def _named_folders(path: Path) -> list[str]:
    """Folders of a file that give all its rows a value.

    >>> _named_folders(Path("sales/shop=7/dt=2020-01-01/part-0.parquet"))
    ['shop=7', 'dt=2020-01-01']
    """
    return [part for part in path.parts[:-1] if "=" in part]


def _state(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _expand(entry: str, what: str, outside: Path | None) -> list[Path]:
    if entry.startswith(_PACKAGE):
        package, _, inside = entry.removeprefix(_PACKAGE).partition("/")
        found = importlib.util.find_spec(package)
        if found is None or found.origin is None:
            raise IngestError(
                f"{what}: {entry}: no installed package is called {package!r}. Install it or name a file."
            )
        return [p] if (p := Path(found.origin).parent / inside).is_file() else []
    path = Path(entry)
    if path.is_file():
        return [path]
    if path.is_dir():
        several = [p for p in path.rglob("*") if not p.name.startswith((".", "_", "~"))]
    else:
        root = Path(path.anchor)
        several = list(root.glob(str(path.relative_to(root))))
    return sorted(p for p in several if p.is_file() and (outside is None or outside not in p.parents))
