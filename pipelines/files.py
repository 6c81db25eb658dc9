"""Writing files so that a kill in the middle leaves the former state, never a half-written one."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give a path to write to; it takes the place of `target` at once when the block ends without an error.

    The temporary file lies in a folder `.partial` beside the folder of `target`, so that whoever lists that folder sees
    whole files only.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with replacing(folder / "a.txt") as path:
    ...     _ = path.write_text("whole")
    >>> (folder / "a.txt").read_text()
    'whole'
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.parent.parent / ".partial"
    partial.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=target.name + ".", dir=partial)
    os.close(handle)
    path = Path(name)
    try:
        yield path
        with path.open("rb+") as written:
            os.fsync(written.fileno())
        path.chmod(0o644)
        path.replace(target)
    finally:
        path.unlink(missing_ok=True)
        with suppress(OSError):  # another writer's file is still there
            partial.rmdir()
