"""Training: fit every candidate on the past, judge all on the same later window, register the winner.

The winner is judged out of time, then refitted on everything known at `as_of`. Champion and challenger are compared by
the twins that were judged: neither has seen the outcomes of the window.
"""

import datetime as dt
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pandas as pd

from lifecycle.decisions.stage_policy import StagePolicy
from lifecycle.features.asof import AsOf
from lifecycle.features.history import History
from lifecycle.features.horizon_choice import default_horizon
from lifecycle.features.noise_floor import NoiseFloor, noise_floor
from lifecycle.features.outcomes import RateReference
from lifecycle.features.window import Window, to_day
from lifecycle.models import forecasting
from lifecycle.models.btyd import Finding, GammaGamma, MbgNbd, check
from lifecycle.models.forecasting import Settings, Snapshot
from lifecycle.models.forecasting.basket_value import FEWEST_REPEATERS
from lifecycle.models.forecasting.lightgbm_candidate import FittedBoosted
from lifecycle.pipelines.config import Config
from lifecycle.pipelines.ingest import HistoryStore
from lifecycle.pipelines.score.champion import Bundle, features_digest
from lifecycle.pipelines.terminal import Progress
from lifecycle.pipelines.tracking import mlflow_store as tracking
from lifecycle.pipelines.tracking.code_version import code_version
from lifecycle.pipelines.tracking.mlflow_store import Tracker
from lifecycle.pipelines.train.holdout import Trial, best, judge, snapshots
from lifecycle.pipelines.train.promotion import Promotion, promote, standing
from lifecycle.pipelines.train.training_log import log_candidates, log_figures, log_parent
from lifecycle.pipelines.train.validation_tables import calibration_table, grid, tracking_table


class TrainingError(ValueError):
    """The log cannot support the training asked for; the message says what it can."""


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
        the configured date lies before the log.
    """
    as_of = config.time.as_of or store.last_day
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
        trial = judge(history, origins, span.horizon, config, progress)
        winner, why = best(trial.judged)
        met = standing(tracker, trial, span.as_of, config)
        trial = trial.without_features()
        progress("logging the candidates")
        children = log_candidates(tracker, run_id, trial, winner, tags=tags, config=config)
        progress(f"refitting {winner} on all that is known")
        now = Snapshot.of(history, Window(span.as_of, span.horizon), with_outcome=False)
        bundle = refit(history, now, trial, winner, config)
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


def checks(history: History, now: Snapshot, bundle: Bundle) -> tuple[Finding, ...]:
    """Whether the value models' story is true of these customers, and what follows where it is not."""
    known = AsOf.of(history, now.as_of)
    found = check(
        bundle.value,
        bundle.spend,
        now.frequency,
        now.recency,
        now.T,
        None if bundle.spend is None else np.maximum(np.nan_to_num(now.monetary_value), 0.0),
        offsets=known.offsets,
        day=known.day,
    )
    repeaters = repeats_with_money(now)
    if bundle.spend is None or repeaters >= FEWEST_REPEATERS:
        return found
    few = Finding(
        "repeat values",
        repeaters,
        FEWEST_REPEATERS,
        exceeded=True,
        sentence=f"Only {repeaters} customers came back with money; {FEWEST_REPEATERS} are needed to learn from those.",
        action="Gamma-Gamma is fitted to all purchases, the first included, as if these were like repeat purchases.",
    )
    return (*found, few)


def evidence_of(history: History, trial: Trial, winner: str, value: MbgNbd) -> dict[str, pd.DataFrame]:
    """Tables by which the report shows how the winner's forecast of the test window compares with what came."""
    test, forecast = trial.test, trial.judged[winner].forecast
    window = Window(test.as_of, test.horizon)
    path = np.array(
        [float(value.expected_purchases(float(h), test.frequency, test.recency, test.T).sum()) for h in grid(window)]
    )
    return {
        "calibration": calibration_table(forecast, test),
        "tracking": tracking_table(history, window, forecast, path),
    }


def refit(history: History, now: Snapshot, trial: Trial, winner: str, config: Config) -> Bundle:
    """Fit the winner again on what is known now, just as its judged twin was fitted on what was known then."""
    twin, settings = trial.judged[winner].fitted, trial.settings
    if isinstance(twin, FittedBoosted) and twin.rounds:  # the combination, whose member it was, may have grown it
        settings = replace(settings or Settings(), rounds=twin.rounds)
    candidate = forecasting.candidates([winner], settings=settings)[winner]
    dates = forecasting.origins(history.first_day, now.horizon, now.as_of).training
    forecaster = candidate.fit([*snapshots(history, dates, now.horizon), now], seed=config.learning.seed)
    value = MbgNbd.fit(now.frequency, now.recency, now.T)
    return Bundle(
        candidate=winner,
        as_of=now.as_of,
        horizon=now.horizon,
        has_money=now.has_money,
        features=features_digest(),
        forecaster=forecaster,
        judged=twin,
        value=value,
        spend=spend_model(now) if now.has_money else None,
        stages=StagePolicy.from_rates(value.r, value.alpha, now.horizon),
    )


def repeats_with_money(now: Snapshot) -> int:
    """Number of customers whose repeat purchases have a mean value above 0."""
    return int(np.count_nonzero((now.frequency > 0) & (now.monetary_value > 0)))


def spend_model(now: Snapshot) -> GammaGamma:
    """Gamma-Gamma of the repeat purchases; with too few of these, of all purchases, the first included.

    Raises
    ------
    TrainingError
        no customer has spent anything.
    """
    if repeats_with_money(now) >= FEWEST_REPEATERS:
        return GammaGamma.fit(now.frequency, np.maximum(np.nan_to_num(now.monetary_value), 0.0))
    paid = now.spend > 0
    if not paid.any():
        raise TrainingError(
            f"tables.transactions.amount: none of {now.n:,} customers has spent more than 0 by {now.as_of}. "
            "Name the column that holds the money, or set amount = false for a log without amounts."
        )
    purchases = now.frequency[paid] + 1.0
    return GammaGamma.fit(purchases, now.spend[paid] / purchases)
