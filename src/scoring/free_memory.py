"""One store of free memory instead of two, and handing it back, so that a step does not pay for the one before it.

Arrow and the C library each keep what was freed for later use, out of reach of the other. Tables and arrays that are
never there together would add up, and so would what lies free between pieces in use, bucket by bucket.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa


@contextmanager
def one_store() -> Iterator[None]:
    """Let Arrow take its memory from the C library, as arrays do.

    >>> with one_store():
    ...     pa.default_memory_pool().backend_name
    'system'
    """
    former = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(former)


def hand_back() -> None:
    """Hand what is free to the system; where the C library has no way to do so, nothing happens."""
    pa.system_memory_pool().release_unused()
