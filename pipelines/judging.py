"""Judging candidates at one test date: fit on what was known then, forecast, compare with what came."""

import datetime as dt
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from features.history import History
from features.window import Window
from models import evaluation, learning
from models.evaluation import Campaign, Evaluation
from models.learning import Fitted, Forecast, Origins, Settings, Snapshot
from models.learning.snapshot import outcome_of
from pipelines.config import Config
from pipelines.console import Progress

REFERENCES = ("naive", "lifetimes")
"""Candidates that the others are measured against and that never score customers: base rates know no customer, and
lifetimes' Pareto/NBD loses all digits for some frequent buyers."""
DECIDING = ("churn_log_loss", "churn_auc", "spend_deviance", "spend_gini")
"""The metrics by which the winner of a training is found: probability, ranking, amount, ranking by amount.

The absolute error is not among them: it is least at the medians, so that whoever forecasts too little wins it."""
SMALLEST_LOSS = 1e-6


@dataclass(frozen=True)
class Judged:
    """One candidate at one test date: its fit, its forecast, and what that was worth."""

    fitted: Fitted
    forecast: Forecast
    evaluation: Evaluation


@dataclass(frozen=True)
class Trial:
    """All candidates at one test date, on the same customers."""

    origins: Origins
    learned: tuple[Snapshot, ...]
    test: Snapshot
    judged: Mapping[str, Judged]
    settings: Settings | None
    seconds: float


def snapshots(history: History, dates: Sequence[dt.date], horizon: int) -> tuple[Snapshot, ...]:
    """Snapshots with complete outcomes, one a date; of a large base an even sample, enough to learn from."""
    return tuple(Snapshot.of(history, Window(date, horizon), with_outcome=True, most=learning.ENOUGH) for date in dates)


def judge(history: History, origins: Origins, horizon: int, config: Config, progress: Progress) -> Trial:
    """Fit all candidates on snapshots whose horizons end by the test date, and judge them on the window after it."""
    start = time.perf_counter()
    progress("features")
    learned = snapshots(history, origins.training, horizon)
    test = Snapshot.of(history, Window(origins.test_as_of, horizon), with_outcome=True)
    settings = tuned(learned, config, progress)
    chosen = learning.candidates(config.learning.candidates or None, settings=settings)
    known = test.without_outcome()
    fitted = learning.fit_all(
        chosen, [*learned, known], seed=config.learning.seed, progress=lambda name: progress(f"fitting {name}")
    )
    judged = {}
    for name, one in fitted.items():
        progress(f"judging {name}")
        forecast = one.predict(known)
        judged[name] = Judged(one, forecast, evaluate(forecast, test, config))
    return Trial(origins, learned, test, judged, settings, time.perf_counter() - start)


def tuned(learned: Sequence[Snapshot], config: Config, progress: Progress) -> Settings | None:
    """The trees' settings after the configured number of trials; None is the default that needs no tuning."""
    trials = config.learning.tuning_trials
    if trials == 0:
        return None
    from models.learning.tune import tune  # Optuna is loaded only where it is used

    progress(f"tuning, {trials} trials")
    return tune(learned, trials=trials, seed=config.learning.seed).settings


def evaluate(forecast: Forecast, test: Snapshot, config: Config) -> Evaluation:
    """Judge one forecast of a test snapshot by the configured campaign."""
    return evaluation.evaluate(
        forecast,
        outcome_of(test),
        value=test.value,
        campaign=campaign(config),
        seed=config.learning.seed,
        bootstrap=config.learning.bootstrap,
    )


def campaign(config: Config) -> Campaign:
    """The money side of the configured retention campaign."""
    retention = config.retention
    return Campaign(
        margin=config.money.margin,
        contact_cost=retention.contact_cost,
        incentive_cost=retention.incentive_cost,
        save_rate=float(np.clip(retention.save_rate, 1e-6, 1 - 1e-6)),
        budget=retention.budget,
    )


def best(judged: Mapping[str, Judged]) -> tuple[str, str]:
    """The candidate to prefer, and the reason in words: the least geometric mean of the losses of `DECIDING`.

    One metric alone can be won by luck of level in one window; a candidate that is near the top in probability, ranking
    and money is the one to rely on. Each metric counts as a loss, a ranking by what it lacks to a perfect one, and in
    ratios, so that none needs a unit and a large lead in one is worth more than a hair's breadth in another. Metrics
    that this window does not define are left out; ties go to the first name. References are never preferred.

    Raises:
        ValueError: no metric is defined on this window, or there are only references.
    """
    eligible = [name for name in judged if name not in REFERENCES]
    if not eligible:
        raise ValueError(
            f"learning.candidates: {', '.join(judged)} are only what others are measured against. Add one of "
            f"{', '.join(name for name in learning.NAMES if name not in REFERENCES)}."
        )
    values = {
        metric: {name: judged[name].evaluation.metrics[metric] for name in eligible}
        for metric in DECIDING
        if all(np.isfinite(judged[name].evaluation.metrics[metric]) for name in eligible)
    }
    if not values:
        raise ValueError(
            f"none of {', '.join(DECIDING)} is defined on the test window (everybody or nobody bought). "
            "Choose another horizon or as-of date."
        )
    losses = {
        name: float(np.exp(np.mean([np.log(_loss(metric, found[name])) for metric, found in values.items()])))
        for name in eligible
    }
    name, *others = sorted(eligible, key=lambda one: (losses[one], one))
    lead = f", {losses[others[0]] / losses[name] - 1:.1%} ahead of {others[0]}," if others else ""
    numbers = ", ".join(f"{metric} {found[name]:.4g}" for metric, found in values.items())
    return name, f"least mean loss{lead} over {numbers}"


def _loss(metric: str, value: float) -> float:
    """What a metric lacks to a perfect forecast's."""
    lack = value if metric in evaluation.LOWER_IS_BETTER else 1.0 - value
    return max(lack, SMALLEST_LOSS)
