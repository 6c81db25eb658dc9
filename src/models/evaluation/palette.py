"""How all figures look: one colour a candidate in every figure, quiet axes, titles that say the finding."""

from collections.abc import Iterator
from contextlib import contextmanager

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

COLOURS = {
    "naive": "#9a9a9a",
    "bgnbd": "#4c78a8",
    "mbgnbd": "#72b7b2",
    "paretonbd": "#3d7d5a",
    "lifetimes": "#b279a2",
    "lightgbm": "#e08214",
    "combined": "#c1272d",
}
OTHERS = ("#6b4c9a", "#8c6d31", "#31698c", "#ad494a")
INK = "#333333"
FAINT = "#bbbbbb"
ACTUAL = "#222222"


def colour(name: str) -> str:
    """Return the colour of a candidate; unknown names get one of their own, the same in every figure.

    >>> colour("combined")
    '#c1272d'
    """
    if name in COLOURS:
        return COLOURS[name]
    return OTHERS[sum(name.encode()) % len(OTHERS)]


def figure(width: float = 7.0, height: float = 4.3) -> Figure:
    """Return an empty figure that draws without a display and without pyplot's state."""
    made = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(made)
    return made


def quiet(axes: Axes, title: str, x: str, y: str) -> None:
    """Put the finding above, name both axes, and take away what carries nothing."""
    axes.set_title(title, loc="left", fontsize=11, color=INK, wrap=True)
    axes.set_xlabel(x, color=INK)
    axes.set_ylabel(y, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK)


@contextmanager
def panel(title: str, x: str, y: str, *, width: float = 7.0, height: float = 4.3) -> Iterator[tuple[Figure, Axes]]:
    """Open a figure of one panel, and finish its axes at the end."""
    made = figure(width, height)
    axes = made.subplots()
    yield made, axes
    quiet(axes, title, x, y)
