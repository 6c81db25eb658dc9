"""Find the files of a table and say in SQL how the engine reads them."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from pipelines.ingest.spec import IngestError, TableSpec

TEXT = (".csv", ".txt", ".tsv", ".csv.gz", ".txt.gz", ".tsv.gz", ".csv.zst")
PARQUET = (".parquet", ".pq")
EXCEL = (".xlsx", ".xlsm", ".xls", ".ods")

_PACKAGE = "package:"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a table."""

    path: Path
    kind: str


def quoted(name: str) -> str:
    """A SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A SQL string."""
    return "'" + text.replace("'", "''") + "'"


def find_files(spec: TableSpec, what: str) -> list[SourceFile]:
    """Files that a table's path names, sorted; an error that says where nothing was found."""
    given = spec.path if isinstance(spec.path, tuple) else (spec.path,)
    found: list[SourceFile] = []
    for entry in given:
        if entry is None:
            raise IngestError(f"{what}: neither a path nor a database (uri_env and query) is given.")
        paths = _expand(str(entry))
        usable = [SourceFile(p, kind) for p in paths if (kind := _kind(p)) is not None]
        if not usable:
            seen = f"{len(paths)} files of other kinds" if paths else "nothing"
            raise IngestError(
                f"{what}: no CSV, Parquet or Excel file at {entry} (found {seen}). Put the file there or mend the path."
            )
        found.extend(usable)
    kinds = {f.kind for f in found}
    if len(kinds) > 1:
        raise IngestError(
            f"{what}: files of several kinds ({', '.join(sorted(kinds))}) in one table. Keep to one kind."
        )
    return found


def _kind(path: Path) -> str | None:
    name = path.name.lower()
    for kind, endings in (("text", TEXT), ("parquet", PARQUET), ("excel", EXCEL)):
        if name.endswith(endings):
            return kind
    return None


def _expand(entry: str) -> list[Path]:
    if entry.startswith(_PACKAGE):
        package, _, inside = entry.removeprefix(_PACKAGE).partition("/")
        found = importlib.util.find_spec(package)
        if found is None or found.origin is None:
            raise IngestError(f"{entry}: no installed package is called {package!r}. Install it or name a file.")
        return [p] if (p := Path(found.origin).parent / inside).is_file() else []
    path = Path(entry)
    if path.is_dir():
        return sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith((".", "_")))
    if path.is_file():
        return [path]
    root = Path(path.anchor)
    return sorted(found for found in root.glob(str(path.relative_to(root))) if found.is_file())


def relation(files: list[SourceFile], spec: TableSpec) -> str:
    """SQL of a relation with the source's columns, for CSV and Parquet files."""
    paths = "[" + ", ".join(literal(str(f.path)) for f in files) + "]"
    if files[0].kind == "parquet":
        return f"(SELECT * FROM read_parquet({paths}, union_by_name=true, hive_partitioning=false))"
    if spec.delimiter == "whitespace":
        return _whitespace(files, spec, paths)
    header = "true" if spec.header else "false"
    delimiter = literal("\t" if spec.delimiter in ("tab", "\\t") else spec.delimiter)
    return (
        f"(SELECT * FROM read_csv({paths}, all_varchar=true, header={header}, delim={delimiter}, quote='\"', "
        "escape='\"', union_by_name=true, hive_partitioning=false, auto_detect=true, sample_size=20480))"
    )


def _whitespace(files: list[SourceFile], spec: TableSpec, paths: str) -> str:
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
