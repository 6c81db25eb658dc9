"""Rolling-origin backtest: all candidates at several past dates, each fitted on what was known then."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lifecycle.features.window import to_day
from lifecycle.models import evaluation, forecasting
from lifecycle.models.evaluation import HEADLINE
from lifecycle.pipelines.config import Config
from lifecycle.pipelines.ingest import HistoryStore
from lifecycle.pipelines.terminal import Progress
from lifecycle.pipelines.tracking import mlflow_store as tracking
from lifecycle.pipelines.tracking.code_version import code_version
from lifecycle.pipelines.tracking.mlflow_store import Tracker
from lifecycle.pipelines.train.learning import learning_of
from lifecycle.pipelines.train.training import Span, span_of
from lifecycle.pipelines.train.training_log import MEAN_LOSS, comparison, ordered_metrics
from lifecycle.scoring.holdout import Trial, judge


@dataclass(frozen=True)
class Backtest:
    """What a backtest found: a trial an origin, oldest first, and the run that holds it."""

    span: Span
    wanted: int
    trials: tuple[Trial, ...]
    run_id: str

    def mean(self) -> pd.DataFrame:
        """Grain: one row a candidate, least mean loss first; each metric's mean over the origins that define it."""
        frames = [
            pd.DataFrame({name: ordered_metrics(judged) for name, judged in trial.judged.items()}).T
            for trial in self.trials
        ]
        stacked = np.stack([frame.to_numpy(np.float64) for frame in frames])
        counted = np.isfinite(stacked).sum(axis=0)
        total = np.nansum(stacked, axis=0)
        mean = np.divide(total, counted, out=np.full(total.shape, np.nan), where=counted > 0)
        found = pd.DataFrame(mean, index=frames[0].index, columns=frames[0].columns)
        return found.sort_values(MEAN_LOSS, kind="stable")

    def step(self, trial: Trial) -> int:
        """The step of an origin's metrics: days after the first origin, so that charts keep the distances."""
        return (trial.test.as_of - self.trials[0].test.as_of).days


def backtest(config: Config, store: HistoryStore, tracker: Tracker, progress: Progress) -> Backtest:
    """Judge all candidates at the latest origins that the log allows, and log their metrics by origin."""
    progress("reading the history")
    history = store.read_all()
    span = span_of(config, store, history)
    found = forecasting.rolling(
        to_day(store.first_day), to_day(span.as_of), span.horizon, count=config.learning.origins
    )
    tags = {
        "as_of": str(span.as_of),
        "horizon_days": str(span.horizon),
        "data_sha256": store.digest,
        "commit": code_version(),
        "seed": str(config.learning.seed),
    }
    dates = ", ".join(str(origins.test_as_of) for origins in found)
    note = (
        f"All candidates judged on the {span.horizon} days after each of {dates}. The step of a metric is the days "
        f"after {found[0].test_as_of}."
    )
    with tracking.run(tracker, f"backtest {span.as_of}", tags=tags | {"kind": "backtest"}, note=note) as run_id:
        trials: list[Trial] = []
        for number, origins in enumerate(found, start=1):
            where = f"{origins.test_as_of} ({number} of {len(found)})"
            trials.append(judge(history, origins, span.horizon, learning_of(config), _at(where, progress)))
        done = Backtest(span, config.learning.origins, tuple(trials), run_id)
        progress("logging to MLflow")
        mean = done.mean()
        rows = {
            str(name): dict(zip(mean.columns, row, strict=True))
            for name, row in zip(mean.index, mean.to_numpy(np.float64), strict=True)
        }
        # The last place is logged first: lists of runs show the newest above.
        for place, name in reversed(list(enumerate(rows, start=1))):
            _log_candidate(tracker, run_id, name, place, done, rows[name], tags, config)
        best = next(iter(rows))
        told = f"**{best}** has the least mean loss, on the mean of {len(found)} origins.\n\n"
        tracking.log(tracker, run_id, tags={"mlflow.note.content": f"{told}{comparison(rows, best=best)}\n\n{note}"})
        table = mean.rename_axis("candidate").reset_index()
        tracking.log_table(tracker, run_id, "mean", table)
        latest = {name: judged.evaluation for name, judged in trials[-1].judged.items()}
        tracking.log_figures(tracker, run_id, {"comparison_latest": evaluation.compare(latest)})
    return done


def _at(where: str, progress: Progress) -> Progress:
    return lambda what: progress(f"{where}: {what}")


def _log_candidate(
    tracker: Tracker,
    parent: str,
    name: str,
    place: int,
    found: Backtest,
    mean: Mapping[str, float],
    tags: Mapping[str, str],
    config: Config,
) -> None:
    known = [metric for metric in HEADLINE if np.isfinite(mean[metric])]
    note = f"{name}, mean of {len(found.trials)} origins: " + ", ".join(f"{m} {mean[m]:.4f}" for m in known)
    all_tags = {**tags, "kind": "backtest-candidate", "candidate": name, "place": str(place)}
    star = " ★" if place == 1 else ""
    with tracking.run(tracker, f"{place} {name}{star}", tags=all_tags, note=note, parent=parent) as run_id:
        params = {"candidate": name, "origins": len(found.trials), "horizon_days": found.span.horizon}
        tracking.log(tracker, run_id, params=params)
        for trial in found.trials:
            tracking.log(tracker, run_id, metrics=ordered_metrics(trial.judged[name]), step=found.step(trial))
        tracking.log(tracker, run_id, metrics={f"mean_{metric}": value for metric, value in mean.items()})
        last = found.trials[-1]
        judged = last.judged[name]
        drawn = evaluation.figures(
            name, judged.forecast, last.test, campaign=learning_of(config).campaign, fitted=judged.fitted
        )
        tracking.log_figures(tracker, run_id, drawn)
