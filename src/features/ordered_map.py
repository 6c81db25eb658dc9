"""Work done by several threads, taken in the order in which it was given."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_order(work: Callable[[T], R], tasks: Iterable[T], workers: int) -> Iterator[R]:
    """Results of ``work``, in the order of the tasks; at most ``workers`` + 1 wait or are under way at a time.

    Tasks are drawn in the caller's thread, one for each result taken: what they hold is let go as results are used.

    >>> list(in_order(abs, [-2, 1, -3], workers=2))
    [2, 1, 3]
    """
    waiting = iter(tasks)
    with ThreadPoolExecutor(workers) as pool:
        ahead = deque(pool.submit(work, task) for task in islice(waiting, workers + 1))
        while ahead:
            result = ahead.popleft().result()
            ahead.extend(pool.submit(work, task) for task in islice(waiting, 1))
            yield result
