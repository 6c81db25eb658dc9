"""Arrow columns of a source, turned into days, fixed-point amounts and codes; what cannot be read gets its reason."""

from typing import Any

import numba
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lifecycle.features.history import Codes
from lifecycle.features.records.account import FIRST_POSSIBLE, LARGEST_AMOUNT, LAST_POSSIBLE, MICRO, REASON_CODES
from lifecycle.features.records.netting import NO_CODE
from lifecycle.features.records.packed_text import pack
from lifecycle.features.window import UNKNOWN_DAY

F64 = NDArray[np.float64]
I8 = NDArray[np.int8]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

NO_ID = ("", "null", "nan", "na", "n/a", "#n/a", "none", "<na>", "nat", "\\n")
"""Texts that stand for a missing id in whatever wrote the table, in lower case."""

OK: int = 0
"""Reason code of a value that can be read (no reason to set a row aside)."""


def to_table(frame: Any, what: str) -> pa.Table:
    """Arrow table of a pandas, Polars or Arrow frame (anything that speaks ``__arrow_c_stream__``)."""
    if isinstance(frame, pa.Table):
        return frame
    if isinstance(frame, pd.DataFrame):
        try:
            return pa.Table.from_pandas(frame, preserve_index=False)
        except pa.ArrowException as error:
            raise TypeError(
                f"{what}: a column holds values of several types ({' '.join(map(str, error.args))}). Convert it to one "
                "first, such as with astype(str)."
            ) from None
    if hasattr(frame, "__arrow_c_stream__"):
        table = pa.table(frame)
        return pa.table([_plain_text(column) for column in table.columns], names=table.column_names)
    raise TypeError(
        f"{what}: expected a pandas, Polars or Arrow frame, got {type(frame).__module__}.{type(frame).__name__}. "
        "Collect a lazy one first."
    )


def _plain_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column, views of text made text, also those behind the codes of categories: Arrow cannot take from views."""
    kind = column.type
    if pa.types.is_dictionary(kind) and pa.types.is_string_view(kind.value_type):
        chunks = [
            pa.DictionaryArray.from_arrays(c.indices, c.dictionary.cast(pa.large_string())) for c in column.chunks
        ]
        return pa.chunked_array(chunks, pa.dictionary(kind.index_type, pa.large_string()))
    return column.cast(pa.large_string()) if pa.types.is_string_view(kind) else column


def column(table: pa.Table, name: str, what: str, role: str) -> pa.Array:
    """One column by name, in one piece; an error that lists the columns there are if it is missing."""
    if name not in table.column_names:
        raise KeyError(
            f"{what}: no column {name!r} for {role}; the columns are {table.column_names}. Name it by {role}=…."
        )
    found = table.column(name)
    merged = found.chunk(0) if found.num_chunks == 1 else found.combine_chunks()
    if isinstance(merged, pa.ChunkedArray):
        merged = pa.concat_arrays(merged.chunks) if merged.num_chunks else pa.array([], merged.type)
    if pa.types.is_dictionary(merged.type):
        merged = merged.dictionary_decode()
    return merged


def ids(array: pa.Array, what: str) -> pa.Array:
    """Customer ids as text or int64; whole numbers that pandas keeps as floats, beside missing ones, become int64."""
    kind = array.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return array
    if pa.types.is_integer(kind) or pa.types.is_null(kind):
        try:
            return array.cast(pa.int64())
        except pa.ArrowInvalid as error:
            raise TypeError(f"{what}: customer ids beyond 64 bits with a sign ({error}). Make them text.") from None
    if pa.types.is_floating(kind):
        array = pc.if_else(pc.is_finite(array), array, pa.scalar(None, kind))
        whole = pc.all(pc.equal(array, pc.round(array))).as_py()
        if whole is None or whole:
            return array.cast(pa.int64())
    raise TypeError(f"{what}: customer ids must be text or whole numbers, got {kind}. Convert the column first.")


def rank(array: pa.Array) -> tuple[pa.Array, I32]:
    """The distinct ids, sorted, and the place of each row's id among them; -1 where :func:`text_ids` finds none."""
    if pa.types.is_integer(array.type) and array.null_count == 0 and len(array):
        low, high = (value.as_py() for value in pc.min_max(array).values())
        if high - low < 4 * len(array):
            return _rank_dense(array.to_numpy(), low, high)
    is_text = not pa.types.is_integer(array.type)
    packed = pack(array) if is_text else None
    if packed is None:
        names, place = _rank_any(array)
    else:
        numbers, place = rank(pa.array(packed.numbers))
        names = packed.packing.unpack(numbers.to_numpy())
    if is_text and _may_need_care(*_bytes_of(names)):
        cleaned = text_ids(names)
        if not cleaned.equals(names):
            return rank(cleaned.take(pa.array(place, mask=place < 0)))
    return names, place


def _rank_any(array: pa.Array) -> tuple[pa.Array, I32]:
    encoded = array.dictionary_encode()
    names = encoded.dictionary if pa.types.is_integer(array.type) else encoded.dictionary.cast(pa.string())
    order = pc.sort_indices(names).to_numpy()
    place = np.empty(order.size + 1, np.int32)
    place[order] = np.arange(order.size, dtype=np.int32)
    place[-1] = -1
    indices = encoded.indices if encoded.indices.null_count == 0 else encoded.indices.fill_null(-1)
    return names.take(pa.array(order)), place[indices.to_numpy()]


def text_ids(array: pa.Array) -> pa.Array:
    """Ids of text without the blanks around them; null where nothing is left or only a word for a missing value.

    Whole numbers that end in .0 lose that: so are ids written that passed through a column of floats.

    >>> text_ids(pa.array([" 7 ", "007", "8.0", "NULL", "nan", ""])).to_pylist()
    ['7', '007', '8', None, None, None]
    """
    text = pc.utf8_trim_whitespace(array.cast(pa.string()))
    text = pc.replace_substring_regex(text, r"^([0-9]+)\.0$", r"\1")
    none = pc.is_in(pc.utf8_lower(text), pa.array(NO_ID))
    return pc.if_else(none, pa.scalar(None, pa.string()), text)


def _bytes_of(names: pa.Array) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Offsets and bytes of an array of text without nulls."""
    _, offsets, data = names.buffers()
    bounds = np.frombuffer(offsets, np.int32)[names.offset : names.offset + len(names) + 1]
    return bounds, np.empty(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)


@numba.njit(cache=True, nogil=True)
def _may_need_care(bounds: NDArray[np.int32], data: NDArray[np.uint8]) -> bool:
    """Whether some text may have blanks around it, end in .0, or be short enough to stand for a missing value."""
    for i in range(bounds.size - 1):
        lo, hi = bounds[i], bounds[i + 1]
        if hi - lo < 2:
            if hi == lo or data[lo] <= 32:
                return True
            continue
        first, last = data[lo], data[hi - 1]
        # Blanks beyond ASCII begin with a byte above 127 and end with one below 192, like many letters.
        if first <= 32 or last <= 32 or first > 127 or 127 < last < 192:
            return True
        if last == 48 and data[hi - 2] == 46:
            return True
        # The words begin with n, N, #, < or a backslash.
        if hi - lo <= 4 and (first == 110 or first == 78 or first == 35 or first == 60 or first == 92):
            return True
    return False


def _rank_dense(ids: I64, low: int, high: int) -> tuple[pa.Array, I32]:
    """Ranks of whole numbers close together, by a table over their range."""
    place, rank = np.zeros(high - low + 1, np.int32), np.empty(ids.size, np.int32)
    _mark(ids, low, place)
    found = np.flatnonzero(place)
    place[found] = np.arange(found.size, dtype=np.int32)
    _look_up(ids, low, place, rank)
    return pa.array(found + low), rank


@numba.njit(cache=True, nogil=True)
def _mark(ids: I64, low: int, place: I32) -> None:
    for i in range(ids.size):
        place[ids[i] - low] = 1


@numba.njit(cache=True, nogil=True)
def _look_up(ids: I64, low: int, place: I32, rank: I32) -> None:
    for i in range(ids.size):
        rank[i] = place[ids[i] - low]


def days(array: pa.Array, what: str, *, far_is: int = UNKNOWN_DAY) -> tuple[I32, I8]:
    """Days of a date, timestamp or ISO text column, and a reason code where there is none.

    A day is that of the local time as it is written, or of the column's own time zone. ``far_is`` is the day given to
    dates after 2199, which some systems write for "not yet".
    """
    kind = array.type
    missing = pc.is_null(array).to_numpy(zero_copy_only=False)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        missing = missing | pc.equal(array, "").fill_null(False).to_numpy(zero_copy_only=False)
        array = _written_dates(array)
    elif pa.types.is_timestamp(kind):
        if kind.tz is not None:
            array = pc.local_timestamp(array)
    elif pa.types.is_null(kind):
        array = array.cast(pa.date32())
    elif not pa.types.is_date(kind):
        raise TypeError(
            f"{what}: timestamps must be dates, timestamps or ISO text, got {kind}. Use pandas.to_datetime first."
        )
    unreadable = pc.is_null(array).to_numpy(zero_copy_only=False) & ~missing
    day = array.cast(pa.date32(), safe=False).cast(pa.int32()).fill_null(0).to_numpy(zero_copy_only=False)
    reason = np.zeros(day.size, np.int8)
    reason[(day < FIRST_POSSIBLE) | (day > LAST_POSSIBLE)] = REASON_CODES["timestamp_impossible"]
    reason[unreadable] = REASON_CODES["timestamp_unreadable"]
    reason[missing] = REASON_CODES["timestamp_missing"]
    wrong = reason != OK
    if wrong.any():
        day = np.where(wrong, np.where(day > LAST_POSSIBLE, far_is, UNKNOWN_DAY), day).astype(np.int32)
    return day, reason


def _written_dates(array: pa.Array) -> pa.Array:
    """Timestamps of ISO text, as written: an offset from UTC at the end does not shift the date."""
    stamps = pd.to_datetime(pd.Series(array.to_pandas()), errors="coerce", format="ISO8601", utc=True)
    read = pa.Array.from_pandas(stamps.dt.tz_localize(None))
    long = pc.greater(pc.utf8_length(array), len("2020-01-01 00:00:00"))
    if pc.any(long).as_py():
        beginning = pd.Series(pc.utf8_slice_codeunits(array, 0, len("2020-01-01")).to_pandas())
        written = pa.Array.from_pandas(pd.to_datetime(beginning, errors="coerce", format="%Y-%m-%d"))
        shifted = pc.and_(pc.and_(long, pc.is_valid(read)), pc.is_valid(written))
        read = pc.if_else(pc.fill_null(shifted, False), written.cast(read.type), read)
    return read


def dates(array: pa.Array, missing: int) -> I32:
    """Days of a column of dates, ``missing`` where it is empty."""
    day: I32 = array.cast(pa.date32()).cast(pa.int32()).fill_null(missing).to_numpy(zero_copy_only=False)
    return day


def micro(array: pa.Array, what: str) -> tuple[I64, I8]:
    """Fixed-point amounts of a numeric or text column, and a reason code where there is none."""
    kind = array.type
    missing = pc.is_null(array).to_numpy(zero_copy_only=False)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        number = pd.to_numeric(pd.Series(array.to_pandas()), errors="coerce").to_numpy(np.float64)
        unreadable = np.isnan(number) & ~missing
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        number = array.cast(pa.float64(), safe=False).fill_null(0.0).to_numpy(zero_copy_only=False)
        unreadable = np.zeros(number.size, np.bool_)
    else:
        raise TypeError(f"{what}: amounts must be numbers, got {kind}.")
    fixed, reason = np.empty(number.size, np.int64), np.empty(number.size, np.int8)
    _fixed(number, _NOT_FINITE, _OUT_OF_RANGE, fixed, reason)
    reason[unreadable] = REASON_CODES["amount_unreadable"]
    reason[missing] = REASON_CODES["amount_missing"]
    return fixed, reason


_NOT_FINITE, _OUT_OF_RANGE = REASON_CODES["amount_not_finite"], REASON_CODES["amount_out_of_range"]


@numba.njit(cache=True, nogil=True)
def _fixed(number: F64, not_finite: int, out_of_range: int, fixed: I64, reason: I8) -> None:
    for i in range(number.size):
        fixed[i], reason[i] = 0, OK
        if not np.isfinite(number[i]):
            reason[i] = not_finite
        elif abs(number[i]) > LARGEST_AMOUNT:
            reason[i] = out_of_range
        else:
            fixed[i] = np.int64(np.rint(number[i] * MICRO))


def flags(array: pa.Array) -> NDArray[np.bool_]:
    """Yes or no a row; no where it is missing."""
    values: NDArray[np.bool_] = pc.fill_null(array, False).to_numpy(zero_copy_only=False)
    return values


def numbers(array: pa.Array) -> F64:
    """A numeric column as float64, NaN where it is empty."""
    result: F64 = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return result


def codes(array: pa.Array) -> Codes:
    """Codes of a text column, in the order of the names; empty text is no value."""
    if not (pa.types.is_string(array.type) or pa.types.is_large_string(array.type)):
        array = array.cast(pa.string())
    encoded = array.dictionary_encode()
    names = encoded.dictionary
    order = pc.sort_indices(names).to_numpy()
    names = names.take(pa.array(order))
    rank = np.empty(order.size + 1, np.int32)
    rank[order] = np.arange(order.size, dtype=np.int32)
    rank[-1] = NO_CODE
    if order.size and names[0].as_py() == "":
        rank -= 1
        rank[rank < 0] = NO_CODE
        names = names[1:]
    return Codes(rank[encoded.indices.fill_null(order.size).to_numpy(zero_copy_only=False)], names.cast(pa.string()))
