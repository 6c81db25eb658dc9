"""Ids of text as whole numbers in the same order, where they are regular enough for that: no table of texts is needed.

At each place of the text only some letters occur: ten where there are digits, one in a common prefix. Numbering the
letters of each place in their order, and reading a text as the digits of a number (with the end of a shorter text as
the lowest digit), gives numbers that are equal, and in order, exactly where the texts are. ``"CUST-000042"`` takes 20
bits; random text of 36 letters does not fit.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numba
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]

LARGEST = 2**63 - 1
LONGEST = 64
"""Bytes of a text from which no packing is tried."""

TRIED_FIRST = 10_000
"""Texts that are looked at before all are: what does not fit shows early."""


@dataclass(frozen=True, eq=False, slots=True)
class Packing:
    """How texts become numbers: for each place of the text the letters there, and what a step to the next is worth."""

    letters: tuple[U8, ...]
    ends: NDArray[np.bool_]
    """Places at which some text has ended."""
    worth: I64

    @staticmethod
    def of(bounds: I64, data: U8) -> "Packing | None":
        """The packing of texts, given as offsets into bytes; None where the numbers would be too large."""
        seen = np.zeros((LONGEST, 256), np.bool_)
        shortest, longest = _see(bounds, data, seen)
        if longest > LONGEST:
            return None
        seen = seen[:longest]
        ends = np.arange(longest) >= shortest
        sizes = [int(size) for size in seen.sum(axis=1) + ends]
        worth, product = np.ones(longest, np.int64), 1
        for place in reversed(range(longest)):
            worth[place] = product
            product *= sizes[place]
            if product > LARGEST:
                return None
        return Packing(tuple(np.flatnonzero(row).astype(np.uint8) for row in seen), ends, worth)

    def pack(self, bounds: I64, data: U8) -> I64:
        """The texts as numbers."""
        value = np.zeros((len(self.letters), 256), np.int64)
        for place, letters in enumerate(self.letters):
            value[place, letters] = (np.arange(letters.size) + self.ends[place]) * self.worth[place]
        numbers = np.empty(bounds.size - 1, np.int64)
        _pack(bounds, data, value, numbers)
        return numbers

    def unpack(self, numbers: I64) -> pa.Array:
        """The texts of numbers, as an array of strings."""
        places = len(self.letters)
        letters = np.zeros((places, 256), np.uint8)
        for place, some in enumerate(self.letters):
            letters[place, : some.size] = some
        bounds, data = np.zeros(numbers.size + 1, np.int64), np.empty(numbers.size * places, np.uint8)
        _unpack(numbers, letters, self.ends, self.worth, bounds, data)
        text = pa.Array.from_buffers(
            pa.large_string(), numbers.size, [None, pa.py_buffer(bounds), pa.py_buffer(data[: bounds[-1]])]
        )
        return text.cast(pa.string())


class Packed(NamedTuple):
    """Texts as numbers, and what undoes it."""

    numbers: I64
    packing: Packing


def pack(array: pa.Array) -> Packed | None:
    """An array of text as numbers; None where it has nulls, is empty, or the numbers would be too large.

    >>> numbers, packing = pack(pa.array(["c-10", "c-7", "c-10", "c-07"]))
    >>> numbers.tolist(), packing.unpack(numbers).to_pylist()
    ([4, 6, 4, 2], ['c-10', 'c-7', 'c-10', 'c-07'])
    """
    if not len(array) or array.null_count:
        return None
    _, offsets, data = array.buffers()
    kind = np.int64 if pa.types.is_large_string(array.type) else np.int32
    bounds = np.frombuffer(offsets, kind)[array.offset : array.offset + len(array) + 1].astype(np.int64, copy=False)
    letters = np.empty(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    if Packing.of(bounds[: TRIED_FIRST + 1], letters) is None:
        return None
    packing = Packing.of(bounds, letters)
    return None if packing is None else Packed(packing.pack(bounds, letters), packing)


@numba.njit(cache=True, nogil=True)
def _see(bounds: I64, data: U8, seen: NDArray[np.bool_]) -> tuple[int, int]:
    """Mark the letters at each place; the shortest and the longest length, up to the first text that is too long."""
    shortest, longest = seen.shape[0], 0
    for i in range(bounds.size - 1):
        length = bounds[i + 1] - bounds[i]
        shortest, longest = min(shortest, length), max(longest, length)
        if longest > seen.shape[0]:
            break
        for place in range(length):
            seen[place, data[bounds[i] + place]] = True
    return shortest, longest


@numba.njit(cache=True, nogil=True)
def _pack(bounds: I64, data: U8, value: I64, numbers: I64) -> None:
    for i in range(numbers.size):
        number = 0
        for place in range(bounds[i + 1] - bounds[i]):
            number += value[place, data[bounds[i] + place]]
        numbers[i] = number


@numba.njit(cache=True, nogil=True)
def _unpack(numbers: I64, letters: U8, ends: NDArray[np.bool_], worth: I64, bounds: I64, data: U8) -> None:
    at = 0
    for i in range(numbers.size):
        left = numbers[i]
        for place in range(worth.size):
            digit = left // worth[place]
            left -= digit * worth[place]
            if ends[place]:
                if digit == 0:
                    break
                digit -= 1
            data[at] = letters[place, digit]
            at += 1
        bounds[i + 1] = at
