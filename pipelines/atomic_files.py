"""Writing files so that a kill in the middle leaves the former state, never a half-written one."""

import fcntl
import glob
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def replacing(target: Path, *, aside: Path | None = None) -> Iterator[Path]:
    """Give a path to write to; it takes the place of `target` at once when the block ends without an error.

    The temporary file lies in a folder `.partial` beside the folder of `target`, so that whoever lists that folder sees
    whole files only; `aside` is another folder to hold it, on the same disk. What processes that were killed have left
    there for this target is swept away.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with replacing(folder / "a.txt") as path:
    ...     _ = path.write_text("whole")
    >>> (folder / "a.txt").read_text()
    'whole'
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = (aside or target.parent.parent) / ".partial"
    partial.mkdir(parents=True, exist_ok=True)
    _sweep(partial, target.name)
    handle, name = tempfile.mkstemp(prefix=f"{target.name}.{os.getpid()}.", dir=partial)
    os.close(handle)
    path = Path(name)
    try:
        yield path
        with path.open("rb+") as written:
            os.fsync(written.fileno())
        path.chmod(0o666 & ~_umask())
        path.replace(target)
    finally:
        path.unlink(missing_ok=True)
        with suppress(OSError):  # another writer's file is still there
            partial.rmdir()


@contextmanager
def alone(lock: Path, what: str, waiting: Callable[[str], None]) -> Iterator[None]:
    """Hold a lock file while the block runs; who comes second waits, and is told who holds it.

    The operating system frees the lock of a process that ends in any way, so that none is left behind. The file stays.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a+") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            held.seek(0)
            waiting(f"waiting for {held.read().strip() or 'another process'}, which is at work on {what}")
            fcntl.flock(held, fcntl.LOCK_EX)
        held.seek(0)
        held.truncate()
        held.write(f"process {os.getpid()} on {socket.gethostname()}")
        held.flush()
        yield


def _umask() -> int:
    """What the process takes off the rights of new files; `mkstemp` does not ask it."""
    mask = os.umask(0o077)  # it can only be read by setting it
    os.umask(mask)
    return mask


def _sweep(partial: Path, name: str) -> None:
    """Remove temporary files of a target whose writers are no more."""
    for left in partial.glob(f"{glob.escape(name)}.*.*"):
        writer = left.name.removeprefix(f"{name}.").partition(".")[0]
        if writer.isdecimal() and not _runs(int(writer)):
            left.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True
