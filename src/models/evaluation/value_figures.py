"""Figures of a value forecast: is the sum right, are the right customers first, does it hold for each kind of buyer."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from lifecycle.models.evaluation.palette import ACTUAL, FAINT, colour, panel
from lifecycle.models.forecasting.forecast import FloatArray, IntArray

FREQUENCIES = 8


def deciles(name: str, forecast: FloatArray, actual: FloatArray, *, unit: str = "spend") -> Figure:
    """Mean forecast and mean actual amount in tenths of the base by forecast."""
    order = np.argsort(-forecast, kind="stable")
    parts = np.array_split(order, 10)
    expected = np.array([forecast[p].mean() if p.size else 0.0 for p in parts])
    seen = np.array([actual[p].mean() if p.size else 0.0 for p in parts])
    total = float(actual.sum())
    share = float(actual[parts[0]].sum()) / total if total > 0 else float("nan")
    off = float(forecast.sum()) / total - 1.0 if total > 0 else float("nan")
    title = f"{name}: the top tenth brings {share:.0%} of {unit}; the sum is off by {off:+.1%}"
    with panel(title, "tenth of customers by forecast (1 = highest)", f"mean {unit} a customer") as (made, axes):
        at = np.arange(1, 11)
        axes.bar(at - 0.2, expected, 0.4, color=colour(name), label="forecast")
        axes.bar(at + 0.2, seen, 0.4, color=ACTUAL, label="actual")
        axes.set_xticks(at)
        axes.legend(frameon=False)
    return made


def by_frequency(name: str, frequency: FloatArray, forecast: FloatArray, purchases: IntArray) -> Figure:
    """Mean forecast and mean actual purchases by number of repeat purchases so far (conditional expectation)."""
    top = FREQUENCIES - 1
    kind = np.minimum(frequency, top).astype(np.int64)
    count = np.bincount(kind, minlength=FREQUENCIES)
    expected = np.bincount(kind, weights=forecast, minlength=FREQUENCIES) / np.maximum(count, 1)
    seen = np.bincount(kind, weights=purchases, minlength=FREQUENCIES) / np.maximum(count, 1)
    used = count > 0
    worst = int(np.argmax(np.where(used, np.abs(expected - seen) * count, -1.0)))
    told = f"{top} or more" if worst == top else str(worst)
    side = "too many" if expected[worst] > seen[worst] else "too few"
    title = f"{name}: most is missed for {told} repeat purchases, {side} ({expected[worst]:.2f} for {seen[worst]:.2f})"
    with panel(title, "repeat purchases before, customers below", "mean purchases in the horizon") as (made, axes):
        at = np.arange(FREQUENCIES)
        axes.plot(at[used], seen[used], "o-", color=ACTUAL, label="actual")
        axes.plot(at[used], expected[used], "o--", color=colour(name), label="forecast")
        names = [*(str(k) for k in range(top)), f"{top}+"]
        axes.set_xticks(at, [f"{label}\n{n:,}" for label, n in zip(names, count, strict=True)])
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False)
    return made


def cumulative(
    name: str,
    days: Sequence[int],
    forecast: FloatArray,
    actual: FloatArray,
    *,
    level: tuple[float, float] | None = None,
) -> Figure:
    """Cumulative purchases of the base day by day after as_of; days counted from it, the last is the horizon's end."""
    off = float(forecast[-1] / actual[-1] - 1.0) if actual[-1] > 0 else float("nan")
    title = f"{name}: after {days[-1]} days the forecast of all purchases is off by {off:+.1%}"
    with panel(title, "days after the as-of date", "purchases of the base so far") as (made, axes):
        if level is not None:
            scale = forecast / forecast[-1]
            axes.fill_between(days, scale * level[0], scale * level[1], color=colour(name), alpha=0.15, linewidth=0)
        axes.plot(days, actual, color=ACTUAL, linewidth=2, label="actual")
        axes.plot(days, forecast, color=colour(name), linewidth=2, linestyle="--", label="forecast")
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False, loc="upper left")
    return made


def alive_matrix(name: str, frequency: FloatArray, since: FloatArray, p_alive: FloatArray) -> Figure:
    """P(alive) by repeat purchases and days since the last one (shapes n, m and n × m), light where alive."""
    half = [float(np.interp(-0.5, -row, since)) for row in p_alive if row[0] > 0.5 > row[-1]]
    told = f"within {min(half):,.0f} to {max(half):,.0f} days" if half else "only beyond the days shown"
    title = f"{name}: P(alive) falls to a half {told} of silence, sooner the more was bought"
    with panel(title, "days since the last purchase", "repeat purchases") as (made, axes):
        drawn = axes.pcolormesh(since, frequency, p_alive, vmin=0, vmax=1, cmap="cividis", shading="nearest")
        lines = axes.contour(since, frequency, p_alive, levels=[0.5], colors="white", linewidths=1.2)
        axes.clabel(lines, fmt="half", fontsize=8)
        made.colorbar(drawn, ax=axes, label="P(alive)")
    return made


def importance(name: str, columns: Sequence[str], gain: FloatArray, *, most: int = 15) -> Figure:
    """Share of the trees' gain by column, largest first."""
    share = gain / max(float(gain.sum()), 1e-12)
    order = np.argsort(-share, kind="stable")[:most]
    first = columns[order[0]] if order.size else "nothing"
    title = f"{name}: {first} carries {share[order[0]] if order.size else 0:.0%} of what the trees learned"
    with panel(title, "share of gain", "", height=0.28 * most + 1.2) as (made, axes):
        at = np.arange(order.size)[::-1]
        axes.barh(at, share[order], color=colour(name))
        axes.set_yticks(at, [columns[k] for k in order], fontsize=8)
        axes.grid(axis="x", color=FAINT, linewidth=0.4)
        axes.set_axisbelow(True)
    return made
