"""From clean lines in any order to sorted purchase lines, purchase days and linked returns.

The one place where lines become a history: :meth:`History.from_frame` and the ingest of files both come through here,
whole customers at a time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from lifecycle.features.records.account import REASON_CODES
from lifecycle.features.records.arrange import Arranged, arrange
from lifecycle.features.records.netting import NO_CODE, Days, collapse, net

I8 = NDArray[np.int8]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class CleanLines:
    """Lines that passed the contract, in any order.

    ``customer`` codes 0..n-1 in the order of the ids; ``value`` fixed-point amount, negative for a return (items
    where the log has no amounts); ``product`` codes in the order of the names; ``order`` any number that tells orders
    apart; ``digest`` gives numbers for some rows that are equal where the whole source rows are. Codes are NO_CODE
    where the source has none.
    """

    n: int
    customer: I32
    day: I32
    value: I64
    product: I32 | None
    order: I64 | None
    digest: Callable[[I64], I64]


@dataclass(frozen=True, eq=False, slots=True)
class Assembled:
    """Sorted lines, days and returns of whole customers; ``line_rows`` and ``return_rows`` say where they came from."""

    days: Days
    day_lines: I64
    """Days' purchase lines."""
    line_rows: I64
    """Source row of each purchase line, sorted by customer and day."""
    line_offsets: I64
    """Customers' purchase lines."""
    line_value: I64
    line_void_day: I32
    return_rows: I64
    """Source row of each return line, matched or not, sorted by customer and day."""
    return_offsets: I64
    """Customers' return lines."""
    return_matched: I64
    link_offsets: I64
    """Customers' links."""
    link_return: I64
    link_line: I64
    link_day_row: I64
    link_value: I64
    reason: I8
    """Per source row: code of the reason for which it was used, netted or quarantined."""
    equal_rows_kept: int
    unmatched: int
    """Amount of returns in excess of what they could undo, returns with nothing to undo left out."""


def assemble(lines: CleanLines) -> Assembled:
    """Sort, drop duplicates that carry an order, net returns, collapse days.

    >>> lines = CleanLines(1, np.zeros(3, np.int32), np.array([4, 1, 4], np.int32),
    ...     np.array([-5, 5, 7]), None, None, lambda rows: rows)
    >>> done = assemble(lines)
    >>> done.days.day.tolist(), done.days.value.tolist(), done.link_value.tolist(), done.link_line.tolist()
    ([1, 4], [5, 7], [5], [1])
    """
    sequence = arrange(lines.n, lines.customer, lines.day, lines.value, lines.product, lines.order, lines.digest)
    rows, equal = sequence.rows, sequence.equal
    reason = np.full(rows.size, REASON_CODES["purchase"], np.int8)
    equal_kept = int(equal.sum())
    duplicate = np.zeros(0, np.bool_)
    if lines.order is not None and equal_kept:
        duplicate = equal & (lines.order[rows] != NO_CODE)
        reason[rows[duplicate]] = REASON_CODES["duplicate"]
        equal_kept -= int(duplicate.sum())
    bought, back = _split(sequence, duplicate)
    product, order = lines.product, lines.order
    netted = net(
        bought.offsets,
        bought.day,
        bought.value,
        None if product is None else product[bought.rows],
        None if order is None else order[bought.rows],
        back.offsets,
        back.day,
        back.value,
        None if product is None else product[back.rows],
        None if order is None else order[back.rows],
    )
    days = collapse(bought.offsets, bought.day, bought.value, netted.void_day)
    day_lines = np.empty(days.lines.size + 1, np.int64)
    _cut(days.lines, day_lines)
    reason[back.rows] = REASON_CODES["return_without_purchase"]
    reason[back.rows[netted.matched > 0]] = REASON_CODES["return_beyond_purchases"]
    reason[back.rows[(netted.matched > 0) & (netted.matched == back.value)]] = REASON_CODES["return"]
    excess = (back.value - netted.matched)[netted.matched > 0]
    return Assembled(
        days=days,
        day_lines=day_lines,
        line_rows=bought.rows,
        line_offsets=bought.offsets,
        line_value=bought.value,
        line_void_day=netted.void_day,
        return_rows=back.rows,
        return_offsets=back.offsets,
        return_matched=netted.matched,
        link_offsets=np.searchsorted(netted.link_return, back.offsets).astype(np.int64),
        link_return=netted.link_return,
        link_line=netted.link_line,
        link_day_row=np.searchsorted(day_lines[1:], netted.link_line, side="right"),
        link_value=netted.link_value,
        reason=reason,
        equal_rows_kept=equal_kept,
        unmatched=int(excess.sum()),
    )


class _Part(NamedTuple):
    """Lines of one kind, sorted by customer and day, with their source rows."""

    offsets: I64
    rows: I64
    day: I32
    value: I64


def _split(lines: Arranged, duplicate: NDArray[np.bool_]) -> tuple[_Part, _Part]:
    """Purchase lines, moved together in the memory of ``lines``, and return lines, values turned positive.

    Duplicates are in neither.
    """
    is_return = lines.value < 0
    if duplicate.size:
        is_return &= ~duplicate
    n = int(is_return.sum())
    offsets, rows = np.zeros(lines.offsets.size, np.int64), np.empty(n, np.int64)
    back = _Part(offsets, rows, np.empty(n, np.int32), np.empty(n, np.int64))
    kept = _move(lines.offsets, lines.rows, lines.day, lines.value, duplicate, *back)
    return _Part(lines.offsets, lines.rows[:kept], lines.day[:kept], lines.value[:kept]), back


@numba.njit(cache=True, nogil=True)
def _move(
    offsets: I64,
    rows: I64,
    day: I32,
    value: I64,
    duplicate: NDArray[np.bool_],
    r_offsets: I64,
    r_rows: I64,
    r_day: I32,
    r_value: I64,
) -> int:
    p, r, lo = 0, 0, 0
    for c in range(offsets.size - 1):
        hi = offsets[c + 1]
        for i in range(lo, hi):
            if duplicate.size and duplicate[i]:
                continue
            if value[i] < 0:
                r_rows[r], r_day[r], r_value[r] = rows[i], day[i], -value[i]
                r += 1
            else:
                rows[p], day[p], value[p] = rows[i], day[i], value[i]
                p += 1
        lo = hi
        offsets[c + 1], r_offsets[c + 1] = p, r
    return p


@numba.njit(cache=True, nogil=True)
def _cut(sizes: I32, offsets: I64) -> None:
    offsets[0] = 0
    for i in range(sizes.size):
        offsets[i + 1] = offsets[i] + sizes[i]
