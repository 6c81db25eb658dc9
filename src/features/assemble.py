"""From clean lines in any order to sorted purchase lines, purchase days and linked returns.

The one place where lines become a history: :meth:`History.from_frame` and the ingest of files both come through here,
whole customers at a time.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from features.account import REASON_CODES
from features.arrange import arrange
from features.netting import NO_CODE, Days, collapse, net

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
    rows, offsets, day, value, equal = sequence
    reason = np.full(rows.size, REASON_CODES["purchase"], np.int8)
    equal_kept = int(equal.sum())
    duplicate = np.zeros(0, np.bool_)
    if lines.order is not None and equal_kept:
        duplicate = equal & (lines.order[rows] != NO_CODE)
        reason[rows[duplicate]] = REASON_CODES["duplicate"]
        equal_kept -= int(duplicate.sum())
    line_rows, line_offsets, line_day, line_value = _part(offsets, rows, day, value, duplicate, False)
    return_rows, return_offsets, return_day, return_value = _part(offsets, rows, day, value, duplicate, True)
    netted = net(
        line_offsets,
        line_day,
        line_value,
        None if lines.product is None else lines.product[line_rows],
        None if lines.order is None else lines.order[line_rows],
        return_offsets,
        return_day,
        return_value,
        None if lines.product is None else lines.product[return_rows],
        None if lines.order is None else lines.order[return_rows],
    )
    days = Days(*collapse(line_offsets, line_day, line_value, netted.void_day))
    reason[return_rows] = REASON_CODES["return_without_purchase"]
    reason[return_rows[netted.matched > 0]] = REASON_CODES["return_beyond_purchases"]
    reason[return_rows[(netted.matched > 0) & (netted.matched == return_value)]] = REASON_CODES["return"]
    excess = (return_value - netted.matched)[netted.matched > 0]
    return Assembled(
        days=days,
        line_rows=line_rows,
        line_offsets=line_offsets,
        line_value=line_value,
        line_void_day=netted.void_day,
        return_rows=return_rows,
        return_offsets=return_offsets,
        return_matched=netted.matched,
        link_offsets=np.searchsorted(netted.link_return, return_offsets).astype(np.int64),
        link_return=netted.link_return,
        link_line=netted.link_line,
        link_day_row=np.searchsorted(np.cumsum(days.lines), netted.link_line, side="right"),
        link_value=netted.link_value,
        reason=reason,
        equal_rows_kept=equal_kept,
        unmatched=int(excess.sum()),
    )


@numba.njit(cache=True, nogil=True)
def _part(
    offsets: I64, rows: I64, day: I32, value: I64, duplicate: NDArray[np.bool_], negative: bool
) -> tuple[I64, I64, I32, I64]:
    """Purchase lines, or return lines with their values turned positive; duplicates are in neither."""
    size = 0
    for i in range(rows.size):
        size += (value[i] < 0) == negative and not (duplicate.size and duplicate[i])
    out_offsets = np.zeros(offsets.size, np.int64)
    out_rows, out_day, out_value = np.empty(size, np.int64), np.empty(size, np.int32), np.empty(size, np.int64)
    k = 0
    for c in range(offsets.size - 1):
        for i in range(offsets[c], offsets[c + 1]):
            if (value[i] < 0) == negative and not (duplicate.size and duplicate[i]):
                out_rows[k], out_day[k], out_value[k] = rows[i], day[i], abs(value[i])
                k += 1
        out_offsets[c + 1] = k
    return out_rows, out_offsets, out_day, out_value
