"""Memory that is used again: a batch's columns go where those of a batch lie that nobody holds any more.

Fresh memory costs about as much as the features that are written to it, because the system clears every page first.
"""

import weakref
from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

F64 = NDArray[np.float64]


class Memory:
    """Lends arrays with any content: fresh ones."""

    def array(self, size: int, dtype: DTypeLike, *, room: int) -> NDArray[Any]:  # noqa: ARG002  (blocks need it)
        """An array of ``size`` entries; ``room`` says how many the next of its kind may have."""
        return np.empty(size, dtype)

    def table(self, columns: int, n: int, *, room: int) -> F64:
        """An array (columns, n) of numbers; the next may have up to ``room`` in a column."""
        return self.array(columns * n, np.float64, room=columns * room).reshape(columns, n)


class Blocks(Memory):
    """Lends arrays whose memory comes back when the last view of them is gone, wherever it went (to Arrow, say).

    Threads may share it. Free blocks live as long as this object.

    >>> blocks = Blocks()
    >>> table = blocks.table(3, 80, room=100)
    >>> column, place = table[1], table.ctypes.data
    >>> del table
    >>> blocks.table(3, 80, room=100).ctypes.data == place  # the column is still held
    False
    >>> del column
    >>> blocks.table(3, 50, room=100).ctypes.data == place
    True
    """

    def __init__(self) -> None:
        """Begin without a block."""
        self._free: defaultdict[int, list[memoryview]] = defaultdict(list)

    def array(self, size: int, dtype: DTypeLike, *, room: int) -> NDArray[Any]:
        """An array of ``size`` entries in a block with room for ``room``: the next power of two of its bytes."""
        wanted = 1 << (max(size, room, 1) * np.dtype(dtype).itemsize - 1).bit_length()
        free = self._free[wanted]
        try:
            block = free.pop()
        except IndexError:
            block = np.empty(wanted, np.uint8).data
        # A view of a view refers to the lowest array: to this one, since a memoryview is none. It outlives them all.
        flat = np.frombuffer(block, dtype, size)
        weakref.finalize(flat, free.append, block).atexit = False
        return flat


FRESH = Memory()
