"""Training: fit every candidate on the past, judge all on the same later window, register the winner.

The winner is judged out of time, then refitted on everything known at `as_of`. Champion and challenger are compared by
the twins that were judged: neither has seen the outcomes of the window.
"""

import datetime as dt
from dataclasses import dataclass
from functools import cache

from lifecycle.features.history import History
from lifecycle.features.horizon_choice import default_horizon
from lifecycle.features.noise_floor import NoiseFloor, noise_floor
from lifecycle.features.outcomes import RateReference
from lifecycle.features.window import Window, to_day
from lifecycle.models import evaluation, forecasting
from lifecycle.models.btyd import Finding, MbgNbd
from lifecycle.models.forecasting import Snapshot
from lifecycle.pipelines.config import Config
from lifecycle.pipelines.ingest import HistoryStore
from lifecycle.pipelines.terminal import Progress
from lifecycle.pipelines.tracking import mlflow_store as tracking
from lifecycle.pipelines.tracking.code_version import code_version
from lifecycle.pipelines.tracking.mlflow_store import Tracker
from lifecycle.pipelines.train.learning import learning_of
from lifecycle.pipelines.train.promotion import Promotion, promote, standing
from lifecycle.pipelines.train.training_log import log_candidates, log_figures, log_parent
from lifecycle.scoring.champion import Bundle
from lifecycle.scoring.fitting import TrainingError, checks, evidence_of, refit
from lifecycle.scoring.holdout import Trial, judge


@dataclass(frozen=True)
class Span:
    """What is known and what is forecast: the as-of date, the horizon, and why it is that one."""

    as_of: dt.date
    horizon: int
    reason: str


@dataclass(frozen=True)
class Training:
    """What a training ended with."""

    span: Span
    trial: Trial
    winner: str
    why: str
    bundle: Bundle
    findings: tuple[Finding, ...]
    noise: NoiseFloor
    promotion: Promotion
    run_id: str


def known_until(config: Config, store: HistoryStore) -> dt.date:
    """The as-of date: the configured one, else the last day in the log.

    Raises
    ------
    TrainingError
        the date lies before the log, or is still to come.
    """
    as_of = config.time.as_of or store.last_day
    if as_of > dt.date.today() + dt.timedelta(days=1):  # a day more, for who lives further east
        whose = "the last day of the log" if config.time.as_of is None else "time.as_of"
        raise TrainingError(
            f"{whose}, {as_of}, is still to come. Set [time] as_of to the last day that the log is complete for, or "
            "mend the dates that lie ahead."
        )
    if as_of < store.first_day:
        raise TrainingError(
            f"time.as_of: {as_of} lies before the first day of the log, {store.first_day}. Choose a later date."
        )
    return as_of


def span_of(config: Config, store: HistoryStore, history: History) -> Span:
    """The span of a configuration; a horizon that is not set is chosen from the log's rhythm."""
    as_of = known_until(config, store)
    if config.time.horizon_days is not None:
        return Span(as_of, config.time.horizon_days, "set in the configuration")
    choice = default_horizon(history, as_of)
    return Span(as_of, choice.days, choice.reason)


def train(config: Config, store: HistoryStore, tracker: Tracker, progress: Progress) -> Training:
    """Fit, judge, log and register; see the module."""
    progress("reading the history")
    history = store.read_all()
    span = span_of(config, store, history)
    test_as_of = span.as_of - dt.timedelta(days=span.horizon)
    origins = forecasting.origins(to_day(store.first_day), span.horizon, test_as_of)
    tags = {
        "as_of": str(span.as_of),
        "horizon_days": str(span.horizon),
        "test_as_of": str(test_as_of),
        "data_sha256": store.digest,
        "commit": code_version(),
        "seed": str(config.learning.seed),
    }
    name = f"training {span.as_of}"
    note = f"All candidates judged as of {test_as_of} on the {span.horizon} days after it. {origins.statement}"
    with tracking.run(tracker, name, tags=tags | {"kind": "training"}, note=note) as run_id:
        learning = learning_of(config)
        trial = judge(history, origins, span.horizon, learning, progress)
        winner, why = evaluation.winner({name: one.evaluation for name, one in trial.judged.items()})
        met = standing(tracker, trial, span.as_of, config)
        trial = trial.without_features()
        progress("logging the candidates")
        children = log_candidates(tracker, run_id, trial, winner, tags=tags, config=config)
        progress(f"refitting {winner} on all that is known")
        now = Snapshot.of(history, Window(span.as_of, span.horizon), with_outcome=False)
        bundle = refit(history, now, trial, winner, seed=learning.seed)
        progress("registering")
        drawn = cache(lambda: log_figures(tracker, children, trial, history, config))  # once, here or below
        promotion = promote(
            tracker, children[winner], bundle, now, trial, met, tags=tags, config=config, meanwhile=drawn
        )
        drawn()
        findings = checks(history, now, bundle)
        past = MbgNbd.fit(trial.test.frequency, trial.test.recency, trial.test.T)
        window = Window(test_as_of, span.horizon)
        noise = noise_floor(history, window, reference=RateReference(past.r, past.alpha), seed=config.learning.seed)
        training = Training(span, trial, winner, why, bundle, findings, noise, promotion, run_id)
        log_parent(tracker, training, config, evidence_of(history, trial, winner, past))
    return training
