"""Which candidate wins, where, and by how much: one table and one figure over all."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lifecycle.models.evaluation.evaluation import LOWER_IS_BETTER, NEARER_ZERO, Evaluation
from lifecycle.models.evaluation.palette import FAINT, INK, colour, figure

SHOWN = (
    "churn_log_loss",
    "churn_auc",
    "churn_calibration_error",
    "spend_gini",
    "spend_mae",
    "spend_bias",
)


def table(evaluations: Mapping[str, Evaluation]) -> pd.DataFrame:
    """Return one row a candidate and metric: value, low, high (90 % bootstrap), whether it is the best of its metric.

    Grain: candidate × metric; metrics that no candidate has are absent.
    """
    rows = []
    for name, evaluation in evaluations.items():
        for metric, value in evaluation.metrics.items():
            if np.isfinite(value):
                low, high = evaluation.intervals[metric]
                rows.append({"candidate": name, "metric": metric, "value": value, "low": low, "high": high})
    found = pd.DataFrame(rows, columns=["candidate", "metric", "value", "low", "high"])
    found["best"] = [row.candidate == best(evaluations, str(row.metric)) for row in found.itertuples()]
    return found


def best(evaluations: Mapping[str, Evaluation], metric: str) -> str | None:
    """Return the candidate with the best value of a metric, or None where none has it."""
    known = {name: e.metrics[metric] for name, e in evaluations.items() if np.isfinite(e.metrics[metric])}
    if not known:
        return None
    if metric in NEARER_ZERO:
        return min(known, key=lambda name: abs(known[name]))
    return min(known, key=lambda name: known[name] if metric in LOWER_IS_BETTER else -known[name])


def compare(
    evaluations: Mapping[str, Evaluation], metrics: Sequence[str] = SHOWN, *, winner: str | None = None
) -> Figure:
    """Draw every candidate's metrics with their noise, one small panel a metric, the best marked.

    winner: who won by a rule of its own; by default who is best on the first metric.
    """
    shown = [m for m in metrics if best(evaluations, m) is not None]
    names = list(evaluations)
    columns = min(3, max(len(shown), 1))
    rows = -(-max(len(shown), 1) // columns)
    made = figure(3.6 * columns, (0.3 * len(names) + 1.1) * rows + 0.5)
    told = f"{winner} wins" if winner else f"{best(evaluations, shown[0])} wins on {shown[0]}" if shown else "no metric"
    made.suptitle(
        f"{told}; bars are 90 % bootstrap intervals, the best of each metric is filled" if shown else told,
        x=0.01,
        ha="left",
        fontsize=11,
        color=INK,
    )
    panels = np.atleast_1d(made.subplots(rows, columns, sharey=True)).ravel()
    for axes, metric in zip(panels, shown, strict=False):
        first = best(evaluations, metric)
        for place, name in enumerate(reversed(names)):
            value = evaluations[name].metrics[metric]
            if not np.isfinite(value):
                continue
            low, high = evaluations[name].intervals[metric]
            face = colour(name) if name == first else "white"
            axes.plot([low, high], [place, place], color=colour(name), linewidth=2)
            axes.plot(value, place, "o", color=colour(name), markerfacecolor=face, markersize=7)
            axes.annotate(
                f"{value:.4g}", (value, place), xytext=(0, 6), textcoords="offset points", fontsize=7, ha="center"
            )
        side = "nearer 0" if metric in NEARER_ZERO else "lower" if metric in LOWER_IS_BETTER else "higher"
        axes.set_title(f"{metric} ({side} is better)", fontsize=9, loc="left", color=INK)
        axes.set_yticks(range(len(names)), list(reversed(names)), fontsize=8)
        axes.set_ylim(-0.6, len(names) - 0.3)
        if metric in NEARER_ZERO:
            axes.axvline(0, color=FAINT, linewidth=0.8, zorder=0)
        axes.tick_params(axis="x", labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in panels[len(shown) :]:
        axes.set_visible(False)
    return made
