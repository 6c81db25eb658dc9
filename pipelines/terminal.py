"""What a person sees while the steps work: titles, times, tables."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPE_WIDTH = 120
"""Columns of the output where it goes into a file or a pipe; a terminal has its own."""


def _console(*, stderr: bool = False) -> Console:
    """A console that takes no text for markup: ids, categories and paths may hold square brackets."""
    wide = Console(stderr=stderr, highlight=False, markup=False)
    return wide if wide.is_terminal else Console(stderr=stderr, highlight=False, markup=False, width=PIPE_WIDTH)


console = _console()
errors = _console(stderr=True)

Progress = Callable[[str], None]
"""Called with a few words on what is being done just now."""


def quiet(_: str) -> None:
    """A progress that shows nothing, for callers without a screen."""


@contextmanager
def step(title: str) -> Iterator[Progress]:
    """Show a title with what is being done while the block works, and its time when it has ended."""
    start = time.perf_counter()
    with console.status(Text(f"{title} …")) as status:
        yield lambda words: status.update(Text(f"{title} … {words}"))
    took = f"({time.perf_counter() - start:.1f} s)"
    console.print(Text.assemble(("✓", "green"), f" {title} ", (took, "dim")))


def show_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, left: Sequence[str] = ()
) -> None:
    """Print a table; numbers are right-aligned, the columns named in `left` are not."""
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="left" if column in left else "right", overflow="fold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else str(cell) for cell in row))
    console.print(table)
