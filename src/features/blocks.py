"""Memory that is used again: a batch's columns go where those of a batch lie that nobody holds any more.

Fresh memory costs about as much as the features that are written to it, because the system clears every page first.
"""

import weakref
from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]


class Blocks:
    """Lends memory for tables. Threads may share it.

    A table's memory comes back when the last view of it is gone, wherever it went (Arrow arrays are such views). Free
    blocks live as long as this object.

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

    def table(self, columns: int, n: int, *, room: int) -> F64:
        """An array (columns, n) with any content, in a block with room for tables of up to ``room`` rows."""
        free = self._free[columns]
        try:
            block = free.pop()
        except IndexError:
            block = np.empty(columns * max(n, room)).data
        if len(block) < columns * n:
            block = np.empty(columns * max(n, room)).data
        # A view of a view refers to the lowest array: to this one, since a memoryview is none. It outlives them all.
        flat = np.frombuffer(block, count=columns * n)
        weakref.finalize(flat, free.append, block).atexit = False
        return flat.reshape(columns, n)
