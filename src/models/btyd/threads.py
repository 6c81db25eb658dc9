"""Work in chunks on all cores, with results that do not depend on how many cores there are.

Compiled kernels release the interpreter's lock, so plain threads serve. A chunk's bounds depend on the size of
the work alone and results come back in the order of the chunks: sums taken in that order are the same bits
on one core and on sixty-four.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


def in_chunks(task: Callable[[int, int], Result], length: int, *, size: int) -> list[Result]:
    """Results of ``task(start, stop)`` over consecutive chunks of at most ``size`` items, in order.

    >>> in_chunks(lambda start, stop: stop - start, 10, size=4)
    [4, 4, 2]
    """
    bounds = [(start, min(start + size, length)) for start in range(0, length, size)]
    workers = min(os.cpu_count() or 1, len(bounds))
    if workers <= 1:
        return [task(start, stop) for start, stop in bounds]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(lambda bound: task(*bound), bounds))
