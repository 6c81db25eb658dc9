"""Values of a source's columns in SQL: ids, dates, numbers and flags; NULL where they cannot be read."""

import datetime as dt
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import duckdb
from babel.numbers import list_currencies

from lifecycle.features.records.columns import NO_ID
from lifecycle.features.records.side_contract import FALSE, TRUE
from lifecycle.features.window import to_day
from lifecycle.pipelines.ingest.engine import only_row
from lifecycle.pipelines.ingest.table_spec import IngestError, TableSpec

INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")
FLOATS = ("FLOAT", "DOUBLE")
LARGE = ("UBIGINT", "HUGEINT", "UHUGEINT", "UUID")

COUNTED: Mapping[str, tuple[float, int]] = {
    "epoch_s": (86_400.0, 0),
    "epoch_ms": (86_400e3, 0),
    "epoch_us": (86_400e6, 0),
    "excel_days": (1.0, -25_569),
}
"""Timestamp formats that count from an epoch -> (units in a day, days from 1970-01-01 to where the count begins)."""

UNITS: Mapping[str, float] = {"weeks": 1 / 7, "days": 1.0, "hours": 24.0, "minutes": 1_440.0, "seconds": 86_400.0}
"""Units of formats such as "days since 2016-01-01" -> units in a day."""

COMPACT = ("%Y%m%d", "%Y%m%d%H%M%S", "%Y%m%dT%H%M%S")
"""Forms of ISO 8601 without separators, which the engine's own cast does not read."""

BLANKS = " \t\n\r\v\f\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029"
BLANKS += "\u202f\u205f\u3000"
"""What may surround an id: Unicode's white space."""

_SIGNS = r"[A-Z]{0,2}\p{Sc}|kr\.?|zł|Kč|Ft|Rs\.?|Rp\.?|RM|Fr\.?|元|円|원"
NO_MONEY = ("KGS", "PTS", "XXX", "XTS")
"""Three capitals that people write for kilograms, points or nothing; money only where the configuration says so."""


def currency_pattern(chosen: str | None) -> str:
    """A regular expression of a currency: a sign, a common word, a code of ISO 4217, or the one that was chosen."""
    own = {chosen.strip().upper()} if chosen and re.fullmatch(r"\s*[A-Za-z]{3}\s*", chosen) else set()
    return f"(?:{_SIGNS}|{'|'.join(sorted(set(list_currencies()) - {*NO_MONEY} | own))})"


_GAP = r"[\s\x{00a0}\x{202f}\x{2009}]"
_SCALE = r"(?i)\b(mio|mln|mrd|tsd|bio)\b"
"""Three letters that multiply: no currency."""


def quoted(name: str) -> str:
    """A SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A SQL string."""
    return "'" + text.replace("'", "''") + "'"


def files_sql(paths: Iterable[Path]) -> str:
    """A SQL list of the files as they are called: what the engine takes for patterns in a name stands for itself.

    >>> files_sql([Path("sales[12].csv")])
    "['sales[[]12].csv']"
    """
    return "[" + ", ".join(literal(_PATTERN.sub(r"[\g<0>]", str(path))) for path in paths) + "]"


_PATTERN = re.compile(r"[\[*?]")
"""Signs that are patterns in the names of files."""


def id_type(columns: Mapping[str, str], name: str, what: str) -> str:
    """SQL type in which ids are kept: VARCHAR for text, BIGINT for whole numbers."""
    kind = columns[name]
    if kind == "VARCHAR" or kind.startswith("ENUM") or kind in LARGE:
        return "VARCHAR"
    if kind in INTEGERS or kind in FLOATS:
        return "BIGINT"
    if kind.startswith("DECIMAL") and kind.endswith(",0)"):
        return "BIGINT" if int(kind[len("DECIMAL(") : -len(",0)")]) <= 18 else "VARCHAR"
    raise IngestError(
        f"{what}: ids must be text or whole numbers, got {kind} in column {name!r}. Name another column, or convert it."
    )


@dataclass(frozen=True, slots=True)
class Values:
    """Expressions over the columns of a source row ``s``; its names cannot clash with ours.

    ``columns`` are the source's names and SQL types; ``zones`` the time zones of its timestamps where they are not
    UTC; ``cells`` says that dates may come from a workbook, as ISO text beside text in the given format.
    """

    columns: Mapping[str, str]
    spec: TableSpec
    zones: Mapping[str, str]
    cells: bool

    def kind(self, name: str) -> str:
        """SQL type of a column; enumerated values are text."""
        return "VARCHAR" if self.columns[name].startswith("ENUM") else self.columns[name]

    def raw(self, name: str) -> str:
        """The column as it is."""
        column = f"s.{quoted(name)}"
        return f"CAST({column} AS VARCHAR)" if self.columns[name].startswith("ENUM") else column

    def text(self, name: str) -> str:
        """The column as text, NULL where it is empty."""
        return f"nullif(CAST({self.raw(name)} AS VARCHAR), '')"

    def is_text(self, name: str) -> bool:
        """Whether the column holds text."""
        return self.kind(name) == "VARCHAR"

    def absent(self, name: str) -> str:
        """Test for a value that the source leaves empty."""
        column = self.raw(name)
        if self.kind(name) in FLOATS:
            # The engine takes isnan() to fail where a Parquet file states a least and a largest value: NaN is neither.
            return f"({column} IS NULL OR (NOT isfinite({column}) AND abs({column}) <> 'infinity'::{self.kind(name)}))"
        return f"({column} IS NULL OR trim({column}) = '')" if self.is_text(name) else f"{column} IS NULL"

    def identity(self, name: str, kept: str) -> str:
        """The id in the type ``kept``: text without blanks around it, whole numbers; NULL where there is none."""
        column, kind = self.raw(name), self.kind(name)
        if kind in FLOATS or kind.startswith("DECIMAL"):
            whole = f"TRY_CAST({column} AS HUGEINT)"
            exact = f" AND abs({column}) < 2.0 ** 53" if kind in FLOATS else ""
            column = f"CASE WHEN {column} = {whole}{exact} THEN {whole} END"
        elif kind == "VARCHAR":
            column = _clean_id(column)
        if kept == "VARCHAR":
            return column if kind == "VARCHAR" else f"CAST({column} AS VARCHAR)"
        number = f"TRY_CAST({column} AS BIGINT)"
        return f"CASE WHEN {number} = TRY_CAST({column} AS DOUBLE) THEN {number} END" if kind == "VARCHAR" else number

    def no_identity(self, name: str) -> str:
        """Test for an id that is not there at all, beside one that cannot be read."""
        return f"{_clean_id(self.raw(name))} IS NULL" if self.is_text(name) else self.absent(name)

    def date(self, name: str) -> str:
        """The date, NULL where it cannot be read: that of the local time as written, or of the column's time zone."""
        column, kind = self.raw(name), self.kind(name)
        if kind == "DATE":
            return column
        if kind.startswith("TIMESTAMP"):
            return f"TRY_CAST({local_time(column, self.zones.get(name))} AS DATE)"
        number = self.number(name)
        if kind in FLOATS or kind.startswith("DECIMAL"):
            column = f"CASE WHEN {column} = TRY_CAST({column} AS BIGINT) THEN TRY_CAST({column} AS BIGINT) END"
        text = f"trim(CAST({column} AS VARCHAR))"
        # The engine takes some words for dates.
        text = f"CASE WHEN lower({text}) NOT IN ('epoch', 'infinity', '-infinity') THEN {text} END"
        counts = [count for one in self.spec.formats if (count := counting(one)) is not None]
        tries = [_counted(number, *count) for count in counts]
        written = [one for one in self.spec.formats if counting(one) is None]
        for offset in (False, True):
            some = [_OFFSET.sub("", one) for one in written if bool(_OFFSET.search(one)) == offset]
            if some:
                local = f"regexp_replace({text}, {literal(_ZONE)}, '')" if offset else text
                tries.append(f"TRY_CAST(try_strptime({local}, [{', '.join(map(literal, some))}]) AS DATE)")
        if not tries or self.cells:
            tries += [f"TRY_CAST(TRY_CAST({text} AS {kind}) AS DATE)" for kind in ("TIMESTAMP", "TIMESTAMPTZ")]
        if not self.spec.formats:
            compact = ", ".join(literal(one) for one in COMPACT)
            tries.append(f"TRY_CAST(try_strptime({text}, [{compact}]) AS DATE)")
        return f"coalesce({', '.join(tries)})" if len(tries) > 1 else tries[0]

    def number(self, name: str) -> str:
        """The number, NULL where it cannot be read; text may hold currency signs and groups of thousands."""
        column = self.raw(name)
        plain = f"TRY_CAST({column} AS DOUBLE)"
        if not self.is_text(name):
            return plain
        point, currency = self.spec.decimal or ".", currency_pattern(self.spec.currency)
        group, places = (",", r"\.") if point == "." else (r"\.", ",")
        digits = rf"(?:\d{{1,3}}(?:(?:[{group}'’]|{_GAP})\d{{3}})+|\d{{1,3}}(?:{group}\d{{2}})*{group}\d{{3}}|\d+)"
        form = (
            rf"^{_GAP}*\(?{_GAP}*[-+−]?{_GAP}*{currency}?{_GAP}*[-+−]?{_GAP}*({digits}?(?:{places}\d*)?)"
            rf"{_GAP}*{currency}?{_GAP}*[-−]?{_GAP}*\)?{_GAP}*$"
        )
        found = f"regexp_replace(regexp_extract({column}, {literal(form)}, 1), '[^0-9{point}]', '', 'g')"
        if point == ",":
            found = f"replace({found}, ',', '.')"
        sign = f"CASE WHEN regexp_matches({column}, '[-−(]') THEN -1.0 ELSE 1.0 END"
        dressed = (
            f"CASE WHEN contains({column}, '(') = contains({column}, ')') AND NOT regexp_matches({column}, "
            f"{literal(_SCALE)}) AND NOT regexp_matches({column}, '[-+−(].*[-+−]') THEN {sign} * TRY_CAST({found} AS "
            "DOUBLE) END"
        )
        if point == ",":
            plain = f"CASE WHEN NOT contains({column}, '.') THEN {plain} END"
        return f"coalesce({plain}, {dressed})"

    def sign(self, name: str) -> str:
        """The currency that stands in the cell of an amount, NULL where none does."""
        if not self.is_text(name):
            return "NULL::VARCHAR"
        column = self.raw(name)
        found = f"regexp_extract({column}, {literal(currency_pattern(self.spec.currency))})"
        return f"CASE WHEN TRY_CAST({column} AS DOUBLE) IS NULL THEN nullif(trim({found}), '') END"

    def flag(self, name: str) -> str:
        """The truth value, NULL where there is none."""
        if self.columns[name] == "BOOLEAN":
            return self.raw(name)
        text = f"lower(trim(CAST({self.raw(name)} AS VARCHAR)))"
        yes, no = (", ".join(literal(word) for word in words) for words in (TRUE, FALSE))
        return f"CASE WHEN {text} IN ({yes}) THEN TRUE WHEN {text} IN ({no}) THEN FALSE END"

    def everything(self) -> str:
        """All columns, for a digest of the row: by name, since files may have them in another sequence."""
        return ", ".join(self.raw(name) for name in sorted(self.columns))


_OFFSET = re.compile(r"\s*%[zZ]\s*$")
"""Where a format has the offset or the zone at its end: the day is the local one, as it is written."""
_ZONE = r"\s*(?:[-+]\d{2}:?\d{2}(?::?\d{2})?|[A-Za-z][A-Za-z0-9/_+-]*)$"
"""The same in a text."""


def day_sql(date: str) -> str:
    """Days since 1970-01-01 of a date, NULL where it is none or not finite."""
    return f"CASE WHEN isfinite({date}) THEN datediff('day', DATE '1970-01-01', {date}) END"


def check_columns(
    what: str, wanted: Mapping[str, str], found: Mapping[str, str], needed: tuple[str, ...], files: int = 1
) -> None:
    """Refuse a table that lacks a column that is needed or configured; ``files`` is how many it is made of."""
    for role in needed:
        if role not in wanted:
            raise IngestError(f"{what}: {role} is needed. Say which of the columns {list(found)} it is.")
    for role, name in wanted.items():
        if name not in found:
            same = [other for other in found if other.strip().lower() == name.strip().lower()]
            hint = f" Did you mean {same[0]!r}?" if same else ""
            if any(_composed(other) == _composed(name) for other in found):
                hint = " One looks the same, but is made of other characters: copy it from the source."
            if files > 1 and not hint:
                hint = " If the files are tables that belong together, set query to the SQL that joins them."
            raise IngestError(
                f"{what}: {role} = {name!r} is not among the columns {list(found)}. Name one of these.{hint}"
            )


def _composed(name: str) -> str:
    """A name in the form in which letters and their accents are one character, blanks of any kind as one."""
    return " ".join(unicodedata.normalize("NFKC", name).split())


def refuse_unnamed_currency(what: str, values: Mapping[str, set[str]], spec: TableSpec) -> None:
    """Refuse amounts beside a column of several currencies that the configuration does not name.

    ``values``: column -> what some rows hold there.
    """
    if not spec.money or "currency" in spec.columns or spec.currency is not None:
        return
    codes = set(list_currencies()) - {*NO_MONEY}
    for name, found in values.items():
        named = {one.strip().upper() for one in found}
        if len(named) > 1 and named <= codes:
            raise IngestError(
                f"{what}: column {name!r} holds currencies ({', '.join(sorted(named)[:5])}), and their amounts "
                f"cannot be added. Set currency = {name!r} under [tables.transactions], and [money] currency to the "
                "one to keep."
            )


def check_kinds(
    what: str,
    columns: Mapping[str, str],
    dates: Mapping[str, str],
    numbers: Mapping[str, str],
    texts: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Refuse columns (role -> name) whose type can be no date, number or single text, as their role asks."""
    plain = (*INTEGERS, *FLOATS, *LARGE[:3], "VARCHAR")
    for role, name in dates.items():
        kind = columns[name]
        if kind not in (*plain, "DATE") and not kind.startswith(("TIMESTAMP", "DECIMAL", "ENUM")):
            raise IngestError(f"{what}: {role} must be dates, timestamps or text, got {kind} in column {name!r}.")
    for role, name in numbers.items():
        kind = columns[name]
        if kind not in plain and not kind.startswith(("DECIMAL", "ENUM")):
            raise IngestError(f"{what}: {role} must be numbers, got {kind} in column {name!r}.")
    for role, name in texts.items():
        if columns[name].endswith("]") or columns[name].startswith(("STRUCT", "MAP", "UNION")):
            raise IngestError(
                f"{what}: {role} must be one value a line, got {columns[name]} in column {name!r}. Write one line each."
            )


def check_formats(con: duckdb.DuckDBPyConnection, what: str, spec: TableSpec) -> None:
    """Refuse a timestamp format or a decimal mark that means nothing."""
    for one in spec.formats:
        remedy = (
            f"Give strptime formats, such as '%d/%m/%Y' or '%Y%m%d', one of {list(COUNTED)}, or a count such as "
            f"'days since 2016-01-01' ({', '.join(UNITS)})."
        )
        if counting(one) is None and "%" not in one:
            raise IngestError(f"{what}: timestamp_format = {one!r} has no fields. {remedy}")
        if counting(one) is None:
            try:
                only_row(con, f"SELECT try_strptime('2020', {literal(one)})")
            except duckdb.Error as error:
                raise IngestError(f"{what}: timestamp_format = {one!r} is none: {error}. {remedy}") from None
    if spec.decimal not in (None, ".", ","):
        raise IngestError(f"{what}: decimal = {spec.decimal!r}; it must be '.' or ','.")


def _clean_id(text: str) -> str:
    """Text of an id without blanks around it; NULL where nothing is left or a word for a missing value.

    A whole number that ends in .0 loses that: so are ids written that passed through a column of floats.

    What is slow (trimming, lower case) stands in it once, under a condition that is seldom true: the engine works out
    for every row what stands in a query twice.
    """
    plain_ends = f"left({text}, 1) BETWEEN '!' AND '~' AND right({text}, 1) BETWEEN '!' AND '~'"
    careful = f"regexp_replace(trim({text}, {literal(BLANKS)}), '^([0-9]+)[.]0$', '\\1')"
    trimmed = f"CASE WHEN {plain_ends} AND NOT suffix({text}, '.0') THEN {text} ELSE {careful} END"
    words = ", ".join(literal(word) for word in NO_ID)
    longest = max(map(len, NO_ID))
    return (
        f"CASE WHEN strlen({trimmed}) > {longest} THEN {trimmed} WHEN lower({trimmed}) NOT IN ({words}) "
        f"THEN {trimmed} END"
    )


def local_time(column: str, zone: str | None) -> str:
    """A timestamp with a time zone as the local time there; a zone may be a name, or an offset such as +05:30."""
    if zone is None:
        return column
    offset = re.fullmatch(r"([+-])(\d\d):?(\d\d)", zone)
    if offset is None:
        return f"timezone({literal(zone)}, {column})"
    minutes = int(f"{offset[1]}{60 * int(offset[2]) + int(offset[3])}")
    return f"(CAST(timezone('UTC', {column}) AS TIMESTAMP) + INTERVAL '{minutes} minutes')"


def counting(form: str) -> tuple[float, int] | None:
    """Units in a day and the day where a format's count begins; None for a format that does not count.

    >>> counting("days since 2016-01-01"), counting("%Y-%m-%d")
    ((1.0, 16801), None)
    """
    unit, since, date = form.partition(" since ")
    if not since:
        return COUNTED.get(form)
    try:
        return UNITS[unit], to_day(dt.date.fromisoformat(date))
    except (KeyError, ValueError):
        return None


def _counted(number: str, per_day: float, begins: int) -> str:
    """The date of a count from an epoch."""
    days = f"floor({number} / {per_day!r})"
    return f"CASE WHEN abs({days}) < 1e6 THEN DATE '1970-01-01' + (CAST({days} AS INTEGER) + {begins}) END"
