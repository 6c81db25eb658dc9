"""Rows and amounts by day and reason: what an account of any as-of date is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from lifecycle.features.window import UNKNOWN_DAY

I8 = NDArray[np.int8]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

_REASONS = 32
"""More than there are reasons."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """Rows and fixed-point amounts by day and reason; arrays of one length, sorted by day and reason.

    ``day`` is UNKNOWN_DAY where rows have none; rows whose amount is no number add nothing to ``micro``.
    """

    day: I32
    reason: I8
    rows: I64
    micro: I64

    @staticmethod
    def of(day: I32, reason: I8, micro: I64) -> "Ledger":
        """Count single rows by day and reason.

        >>> ledger = Ledger.of(np.array([7, 7, 9], np.int32), np.zeros(3, np.int8), np.array([10, 5, 1]))
        >>> ledger.day.tolist(), ledger.rows.tolist(), ledger.micro.tolist()
        ([7, 9], [2, 1], [15, 1])
        """
        dated = day[day != UNKNOWN_DAY]
        first = int(dated.min()) if dated.size else 0
        span = (int(dated.max()) - first + 1) if dated.size else 0
        rows, sums = _tally(day, reason, micro, first, span)
        cells = np.flatnonzero(rows)
        place = cells // _REASONS
        return Ledger(
            day=np.where(place == 0, UNKNOWN_DAY, place - 1 + first).astype(np.int32),
            reason=(cells % _REASONS).astype(np.int8),
            rows=rows[cells],
            micro=sums[cells],
        )

    @staticmethod
    def merge(parts: "Sequence[Ledger]") -> "Ledger":
        """Add up the ledgers of several pieces; a piece may be negative (what an account loses)."""
        if not parts:
            return Ledger(np.empty(0, np.int32), np.empty(0, np.int8), np.empty(0, np.int64), np.empty(0, np.int64))
        key = np.concatenate([p.day.astype(np.int64) * _REASONS + p.reason for p in parts])
        keys, inverse = np.unique(key, return_inverse=True)
        rows, micro = np.zeros(keys.size, np.int64), np.zeros(keys.size, np.int64)
        np.add.at(rows, inverse, np.concatenate([p.rows for p in parts]))
        np.add.at(micro, inverse, np.concatenate([p.micro for p in parts]))
        kept = (rows != 0) | (micro != 0)
        keys = keys[kept]
        return Ledger((keys // _REASONS).astype(np.int32), (keys % _REASONS).astype(np.int8), rows[kept], micro[kept])

    def lists(self) -> dict[str, list[int]]:
        """The ledger as plain lists, for a file."""
        return {name: getattr(self, name).tolist() for name in ("day", "reason", "rows", "micro")}

    @staticmethod
    def of_lists(lists: "Mapping[str, list[int]]") -> "Ledger":
        """The inverse of :meth:`lists`."""
        return Ledger(
            np.array(lists["day"], np.int32),
            np.array(lists["reason"], np.int8),
            np.array(lists["rows"], np.int64),
            np.array(lists["micro"], np.int64),
        )

    def negative(self) -> "Ledger":
        """The same rows and amounts, to be taken away."""
        return Ledger(self.day, self.reason, -self.rows, -self.micro)


@numba.njit(cache=True, nogil=True)
def _tally(day: I32, reason: I8, micro: I64, first: int, span: int) -> tuple[I64, I64]:
    rows, sums = np.zeros((span + 1) * _REASONS, np.int64), np.zeros((span + 1) * _REASONS, np.int64)
    for i in range(day.size):
        place = 0 if day[i] == UNKNOWN_DAY else day[i] - first + 1
        cell = place * _REASONS + reason[i]
        rows[cell] += 1
        sums[cell] += micro[i]
    return rows, sums
