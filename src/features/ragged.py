"""Ragged tables: a history cut into neighbouring customers, reduced to chosen ones, or joined of several.

A ragged table is an array of ``offsets`` and columns of rows: owner ``i`` has the rows ``offsets[i]:offsets[i + 1]``.
Whatever points from one table into another does so by its place within the customer, so that no reference changes when
customers move.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

import numba
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lifecycle.features.history import Codes, History

I64 = NDArray[np.int64]
Rows = slice | I64
"""Which owners, or which rows: neighbours (nothing is copied), or any in any order (each at most once)."""
T = TypeVar("T")


def customers_between(history: History, lo: int, hi: int) -> History:
    """History of the customers ``lo`` up to but without ``hi``; arrays are views of the whole's, without an account."""
    return replace(_chosen(history, slice(lo, hi)), account=None)


def pieces(history: History, customers: int) -> Iterator[History]:
    """Stretches of at most that many neighbouring customers, one after the other."""
    for lo in range(0, history.n_customers, customers):
        yield customers_between(history, lo, min(lo + customers, history.n_customers))


def take(history: History, chosen: I64) -> History:
    """History of the chosen customers (positions, each at most once), in that order."""
    return _chosen(history, np.ascontiguousarray(chosen, np.int64))


def concatenate(parts: Sequence[History]) -> History:
    """One history of several with different customers and the same columns, sorted by id."""
    if len(parts) == 1:
        return parts[0]
    joined = replace(
        _joined(parts),
        log_first_day=min(p.log_first_day for p in parts),
        log_last_day=max(p.log_last_day for p in parts),
        account=parts[0].account,
    )
    return take(joined, pc.sort_indices(joined.customer_id).to_numpy().astype(np.int64))


@numba.njit(cache=True, nogil=True)
def gather(offsets: I64, chosen: I64) -> tuple[I64, I64]:
    """Rows and new offsets of the slices of ``chosen`` owners, in that order."""
    out = np.zeros(chosen.size + 1, np.int64)
    for i in range(chosen.size):
        out[i + 1] = out[i] + offsets[chosen[i] + 1] - offsets[chosen[i]]
    rows = np.empty(out[-1], np.int64)
    for i in range(chosen.size):
        first = offsets[chosen[i]]
        for k in range(out[i + 1] - out[i]):
            rows[out[i] + k] = first + k
    return rows, out


def join_codes(parts: Sequence[Codes]) -> Codes:
    """One column of codes from several with names of their own, names sorted."""
    names = pc.unique(pa.concat_arrays([p.names for p in parts]))
    names = names.take(pc.sort_indices(names))
    pieces = []
    for part in parts:
        place = np.append(pc.index_in(part.names, names).to_numpy().astype(np.int32), np.int32(-1))
        pieces.append(place[part.code])
    return Codes(np.concatenate(pieces), names)


def _chosen(history: History, owners: Rows) -> History:
    rows, offsets = _cut(history.offsets, owners)
    own: dict[str, Any] = {"offsets": offsets, "lines": _rows_of(history.lines, rows)}
    for field in fields(History):
        value = getattr(history, field.name)
        if field.name in own or field.name in _OF_THE_LOG or value is None:
            continue
        if hasattr(value, "offsets"):
            own[field.name] = _rows_of(value, owners)
        else:
            own[field.name] = entries(value, rows if field.name in _OF_A_DAY else owners)
    return replace(history, **own)


_OF_A_DAY = ("day", "amount", "void_day")
_OF_THE_LOG = ("log_first_day", "log_last_day", "account")


def _cut(offsets: I64, owners: Rows) -> tuple[Rows, I64]:
    """Rows of the owners, and the offsets that cut these."""
    if isinstance(owners, slice):
        first, last = int(offsets[owners.start]), int(offsets[owners.stop])
        return slice(first, last), offsets[owners.start : owners.stop + 1] - first
    return gather(offsets, owners)


def _rows_of(table: Any, owners: Rows) -> Any:
    """A ragged table of some owners."""
    rows, offsets = _cut(table.offsets, owners)
    columns = {field.name: getattr(table, field.name) for field in fields(table) if field.name != "offsets"}
    return type(table)(offsets=offsets, **{name: entries(column, rows) for name, column in columns.items()})


def entries(column: Any, rows: Rows) -> Any:
    """Some entries of a column: an array, codes, Arrow's array or table, or None."""
    if column is None:
        return None
    if isinstance(column, Codes):
        return Codes(column.code[rows], column.names)
    if isinstance(column, pa.Array | pa.ChunkedArray | pa.Table):
        return column[rows] if isinstance(rows, slice) else column.take(pa.array(rows))
    return column[rows]


def _joined(tables: Sequence[T]) -> T:
    """Ragged tables of different owners as one."""
    columns: dict[str, Any] = {}
    for field in fields(tables[0]):  # type: ignore[arg-type]
        values = [getattr(table, field.name) for table in tables]
        if field.name == "offsets":
            columns[field.name] = _joined_offsets(values)
        elif field.name not in _OF_THE_LOG:
            columns[field.name] = _all(values, _join)
    return replace(tables[0], **columns)  # type: ignore[type-var]


def _join(values: Sequence[Any]) -> Any:
    first = values[0]
    if isinstance(first, Codes):
        return join_codes(values)
    if isinstance(first, pa.Table):
        return pa.concat_tables(values)
    if isinstance(first, pa.Array):
        return pa.concat_arrays(values)
    return _joined(values) if hasattr(first, "offsets") else np.concatenate(values)


def _joined_offsets(parts: Sequence[I64]) -> I64:
    sizes = np.concatenate([np.diff(p) for p in parts])
    out = np.zeros(sizes.size + 1, np.int64)
    np.cumsum(sizes, out=out[1:])
    return out


def _all(values: Sequence[T | None], join: Callable[[Sequence[T]], T]) -> T | None:
    present = [v for v in values if v is not None]
    if present and len(present) != len(values):
        raise ValueError(
            f"concatenate: {len(values) - len(present)} of {len(values)} parts lack a column that others have."
        )
    return join(present) if present else None
