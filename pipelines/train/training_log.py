"""What a training leaves in MLflow: a run a candidate, the same metrics and figures in each, and a parent that tells.

Long texts (why weights are what they are, what a fit has to say) go into the runs' notes: among the parameters they
would push the numbers of the compare page apart.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lifecycle.features.history import History
from lifecycle.features.window import Window
from lifecycle.models import evaluation
from lifecycle.models.evaluation import HEADLINE, mean_loss
from lifecycle.pipelines.config import Config
from lifecycle.pipelines.tracking import mlflow_store as tracking
from lifecycle.pipelines.tracking.mlflow_store import Tracker
from lifecycle.pipelines.train.learning import learning_of
from lifecycle.scoring.holdout import Judged, Trial
from lifecycle.scoring.validation_tables import grid, purchases_by

if TYPE_CHECKING:
    from lifecycle.pipelines.train.training import Training

LONGEST_PARAMETER = 40
LABELS = {
    "mean_loss": "mean loss",
    "churn_auc": "AUC",
    "churn_log_loss": "log loss",
    "churn_calibration_error": "calibration error",
    "spend_mae": "MAE of spend",
    "spend_bias": "bias of sum",
    "spend_gini": "Gini",
}
"""What the metrics of the note's table are called: the UI sets its columns close, and would run long names together."""
GAP = "\u00a0\u00a0"
MEAN_LOSS = "mean_loss"
"""The metric that orders the candidates; see `judging.best`."""


def places(trial: Trial, winner: str) -> list[str]:
    """The candidates in the order of their mean loss, the winner first."""
    losses = {name: mean_loss(judged.evaluation) for name, judged in trial.judged.items()}
    return sorted(losses, key=lambda name: (name != winner, not np.isfinite(losses[name]), losses[name]))


def log_candidates(
    tracker: Tracker, parent: str, trial: Trial, winner: str, *, tags: Mapping[str, str], config: Config
) -> dict[str, str]:
    """Log every candidate as a child run but for its figures; returns the run's id by name.

    Parameters, metrics, their intervals and meanings, datasets. The runs are named by place, the winner's has a star.
    """
    found = {}
    # The last place is logged first: lists of runs show the newest above.
    for place, name in reversed(list(enumerate(places(trial, winner), start=1))):
        star = " ★" if name == winner else ""
        told = {**tags, "kind": "candidate", "candidate": name, "place": str(place)}
        judged = trial.judged[name]
        short, long = _parted(judged.fitted.params())
        note = f"{_headline(name, judged.evaluation.metrics)}, as of {trial.test.as_of}\n\n{_as_list(long)}"
        with tracking.run(tracker, f"{place} {name}{star}", tags=told, note=note, parent=parent) as run_id:
            tracking.log(tracker, run_id, metrics=ordered_metrics(judged), params={"candidate": name, **short})
            source = ", ".join(config.tables.transactions.path or (str(config.tables.transactions.database_env),))
            digest = tags["data_sha256"]
            for context, rows in (("training", trial.rows), ("test", trial.test.n)):
                tracking.log_dataset(
                    tracker, run_id, name=tracker.name, digest=digest, source=source, rows=rows, context=context
                )
            tracking.log_table(tracker, run_id, "metrics", metrics_table(judged))
        found[name] = run_id
    return {name: found[name] for name in trial.judged}


def log_figures(tracker: Tracker, runs: Mapping[str, str], trial: Trial, history: History, config: Config) -> None:
    """Log the figures of each candidate to its run."""
    window = Window(trial.test.as_of, trial.test.horizon)
    days = grid(window)
    actual = purchases_by(history, window, days)
    for name, run_id in runs.items():
        judged = trial.judged[name]
        drawn = evaluation.figures(
            name, judged.forecast, trial.test, campaign=learning_of(config).campaign, fitted=judged.fitted
        )
        path = evaluation.tracking(
            name, judged.fitted, trial.test, judged.forecast, days.astype(np.float64), actual.astype(np.float64)
        )
        tracking.log_figures(tracker, run_id, drawn if path is None else {**drawn, "tracking": path})


def log_parent(tracker: Tracker, training: "Training", config: Config, evidence: Mapping[str, pd.DataFrame]) -> None:
    """Log what the training ended with: the winner's metrics, the comparison, the decision and the account."""
    promotion, trial = training.promotion, training.trial
    params = {
        "candidate": training.winner,
        "as_of": training.span.as_of,
        "horizon_days": training.span.horizon,
        "test_as_of": trial.test.as_of,
        "training_dates": len(trial.origins.training),
        "metric": config.learning.metric,
        "seed": config.learning.seed,
    }
    tags = {
        "winner": training.winner,
        "model_version": promotion.model_version,
        "registered_version": str(promotion.number),
        "champion_version": str(promotion.champion_number),
        "promoted": str(promotion.decision.promote),
        "decision": promotion.decision.reason,
        "mlflow.note.content": _story(training),
    }
    first = trial.judged[training.winner].evaluation
    metrics = {MEAN_LOSS: mean_loss(first), **first.metrics, "decline_noise_floor": training.noise.share}
    tracking.log(tracker, training.run_id, metrics=metrics, params=params, tags=tags)
    judged = {name: trial.judged[name].evaluation for name in places(trial, training.winner)}
    found = pd.DataFrame([asdict(finding) for finding in training.findings])
    tracking.log_table(tracker, training.run_id, "checks", found)
    for table_name, table in evidence.items():
        tracking.log_table(tracker, training.run_id, table_name, table)
    tracking.log_table(tracker, training.run_id, "comparison", evaluation.table(judged))
    tracking.log_figures(tracker, training.run_id, {"comparison": evaluation.compare(judged, winner=training.winner)})
    decision = {**asdict(promotion.decision), "winner": training.winner, "why": training.why}
    tracking.log_dict(tracker, training.run_id, "decision.json", decision)


def metrics_table(judged: Judged) -> pd.DataFrame:
    """Grain: one row a metric; value, bootstrap interval (90 %) and meaning."""
    found = judged.evaluation
    rows = [
        (name, value, *found.intervals.get(name, (np.nan, np.nan)), evaluation.MEANINGS[name])
        for name, value in found.metrics.items()
    ]
    return pd.DataFrame(rows, columns=["metric", "value", "low", "high", "meaning"])


def ordered_metrics(judged: Judged) -> dict[str, float]:
    """A candidate's metrics, before them what orders it among the others."""
    return {MEAN_LOSS: mean_loss(judged.evaluation), **judged.evaluation.metrics}


def comparison(rows: Mapping[str, Mapping[str, float]], *, best: str) -> str:
    """A table of candidates by what orders them and the headline metrics, the best in bold (Markdown)."""
    lines = [
        f"| candidate{GAP} | " + " | ".join(f"{label}{GAP}" for label in LABELS.values()) + " |",
        "|---" * (len(LABELS) + 1) + "|",
    ]
    for name, metrics in rows.items():
        cells = [f"{metrics[one]:.4g}" if np.isfinite(metrics[one]) else "–" for one in LABELS]
        strong = "**" if name == best else ""
        lines.append("| " + " | ".join(f"{strong}{cell}{strong}{GAP}" for cell in (name, *cells)) + " |")
    return "\n".join(lines)


def _story(training: "Training") -> str:
    """The parent's note: who wins, by how much, what became of it, and what was trained on what (Markdown)."""
    trial, span = training.trial, training.span
    order = places(trial, training.winner)
    rows = {name: ordered_metrics(trial.judged[name]) for name in order}
    return "\n".join(
        [
            f"**{training.winner} wins**: {training.why}.",
            "",
            training.promotion.decision.reason,
            "",
            comparison(rows, best=training.winner),
            "",
            f"All judged as of {trial.test.as_of} on the {span.horizon} days after it ({trial.test.n:,} customers; the "
            f"horizon: {span.reason}). {trial.origins.statement} They are "
            f"{', '.join(map(str, trial.origins.training))}.",
        ]
    )


def _headline(name: str, metrics: Mapping[str, float]) -> str:
    return f"**{name}**: " + ", ".join(f"{one} {metrics[one]:.4g}" for one in HEADLINE if np.isfinite(metrics[one]))


def _parted(params: Mapping[str, float | str]) -> tuple[dict[str, float | str], dict[str, str]]:
    """Parameters that fit a cell, numbers to six digits, and texts that do not."""
    long = {key: value for key, value in params.items() if isinstance(value, str) and len(value) > LONGEST_PARAMETER}
    short = {
        key: value if isinstance(value, str) else f"{value:.6g}" for key, value in params.items() if key not in long
    }
    # Compare pages show the first parameters of the alphabet at once: that should be the candidate's name.
    return {f"model_{key}": value for key, value in short.items()}, long


def _as_list(texts: Mapping[str, str]) -> str:
    return "\n".join(f"- {key}: {text}" for key, text in texts.items())
