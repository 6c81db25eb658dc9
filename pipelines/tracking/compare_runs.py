"""The comparison of a training as a table in the terminal, and moving the champion's alias by hand."""

import numpy as np
from rich.text import Text

from lifecycle.models.evaluation import HEADLINE
from lifecycle.pipelines.config import Config
from lifecycle.pipelines.terminal import console, show_table
from lifecycle.pipelines.tracking import mlflow_store as tracking
from lifecycle.pipelines.tracking import model_registry
from lifecycle.pipelines.tracking.mlflow_store import TrackingError, open_tracker
from lifecycle.pipelines.tracking.model_registry import CHAMPION
from lifecycle.scoring.champion import Bundle

PER_TABLE = 6
"""Metrics beside each other in one table."""


def compare(config: Config, *, every_metric: bool) -> None:
    """Print the candidates of the latest training side by side, with bootstrap intervals; the best is marked.

    Raises
    ------
    TrackingError
        there is no training yet.
    """
    tracker = open_tracker(config)
    parent = tracking.latest_run(tracker, "training")
    if parent is None:
        raise TrackingError(f"experiment {tracker.name!r} holds no training yet: run `lifecycle train` first.")
    table = tracking.read_table(tracker, parent.info.run_id, "comparison")
    if table is None:
        raise TrackingError("the latest training did not end: run `lifecycle train` again.")
    wanted = (
        list(dict.fromkeys(table["metric"])) if every_metric else [m for m in HEADLINE if m in set(table["metric"])]
    )
    names = list(dict.fromkeys(table["candidate"]))
    cells = {(row.candidate, row.metric): _cell(row) for row in table.itertuples()}
    tags = parent.data.tags
    title = f"Training as of {tags['as_of']}, judged on the {tags['horizon_days']} days after {tags['test_as_of']}"
    for part in range(0, len(wanted), PER_TABLE):
        shown = wanted[part : part + PER_TABLE]
        rows = [(name, *(cells.get((name, metric), "–") for metric in shown)) for name in names]
        show_table(title if part == 0 else "", ("candidate", *shown), rows, left=("candidate",))
    console.print(f"± half a 90 % bootstrap interval. Winner: {tags.get('winner')}. {tags.get('decision')}")


def _cell(row: object) -> Text:
    value, low, high = (float(getattr(row, name)) for name in ("value", "low", "high"))
    noise = f" ± {(high - low) / 2:.2g}" if np.isfinite(low) and np.isfinite(high) else ""
    return Text(f"{value:.4g}{noise}", "bold green" if getattr(row, "best", False) else "")


def promote_by_hand(config: Config, number: str, reason: str) -> None:
    """Make a registered version champion; the reason is kept with the version.

    Raises
    ------
    TrackingError
        there is no such version.
    BundleError
        the version cannot be used by this software.
    """
    tracker = open_tracker(config)
    version = model_registry.numbered(tracker, number)
    if version is None:
        known = ", ".join(model_registry.numbers(tracker)) or "none"
        raise TrackingError(f"{tracker.name!r} has no version {number}; registered are: {known}.")
    bundle = Bundle.from_files(version.files)
    before = model_registry.registered(tracker, CHAMPION)
    model_registry.set_alias(tracker, CHAMPION, number)
    model_registry.tag(tracker, number, model_registry.BY_HAND_TAG, reason)
    former = "none" if before is None else f"version {before.number}"
    console.print(f"Champion: version {number} ({bundle.candidate}, as of {bundle.as_of}); before: {former}.")
