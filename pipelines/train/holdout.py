"""Judging candidates at one test date: fit on what was known then, forecast, compare with what came."""

import dataclasses
import datetime as dt
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

import numpy as np

from lifecycle.features.history import History
from lifecycle.features.window import Window
from lifecycle.models import evaluation, forecasting
from lifecycle.models.evaluation import Campaign, Evaluation
from lifecycle.models.forecasting import Fitted, Forecast, Origins, Settings, Snapshot
from lifecycle.models.forecasting.snapshot import outcome_of
from lifecycle.pipelines.config import Config
from lifecycle.pipelines.terminal import Progress

HEADLINE = ("churn_auc", "churn_log_loss", "churn_calibration_error", "spend_mae", "spend_bias", "spend_gini")
"""The metrics that notes and tables name first."""
REFERENCES = ("naive", "lifetimes")
"""Candidates that the others are measured against and that never score customers: base rates know no customer, and
lifetimes' Pareto/NBD loses all digits for some frequent buyers."""
DECIDING = ("churn_log_loss", "churn_auc", "spend_deviance", "spend_gini")
"""The metrics by which the winner of a training is found: probability, ranking, amount, ranking by amount.

The absolute error is not among them: it is least at the medians, so that whoever forecasts too little wins it."""
SMALLEST_LOSS = 1e-6
STEADIEST = "combined"
"""The candidate that stays the winner unless another is better beyond noise: its weights were chosen on several
windows and its level follows the season, where a lead in one window may be luck."""
NOISE = 0.9
AT_ONCE = 2
"""Forecasts evaluated beside each other: bootstraps are sums over arrays, which let other threads run."""


@dataclass(frozen=True)
class Judged:
    """One candidate at one test date: its fit, its forecast, and what that was worth."""

    fitted: Fitted
    forecast: Forecast
    evaluation: Evaluation


@dataclass(frozen=True)
class Trial:
    """All candidates at one test date, on the same customers; rows is how many they learned from, over all dates."""

    origins: Origins
    rows: int
    test: Snapshot
    judged: Mapping[str, Judged]
    settings: Settings | None
    seconds: float

    def without_features(self) -> Self:
        """Return the same trial without the features of the test date, which only forecasts need."""
        test = dataclasses.replace(self.test, features=self.test.features.iloc[:, :0])
        return dataclasses.replace(self, test=test)


def snapshots(history: History, dates: Sequence[dt.date], horizon: int) -> tuple[Snapshot, ...]:
    """Snapshots with complete outcomes, one a date; of a large base an even sample, enough to learn from."""
    return tuple(
        Snapshot.of(history, Window(date, horizon), with_outcome=True, most=forecasting.ENOUGH) for date in dates
    )


def judge(history: History, origins: Origins, horizon: int, config: Config, progress: Progress) -> Trial:
    """Fit all candidates on snapshots whose horizons end by the test date, and judge them on the window after it."""
    start = time.perf_counter()
    progress("features")
    learned = snapshots(history, origins.training, horizon)
    test = Snapshot.of(history, Window(origins.test_as_of, horizon), with_outcome=True)
    settings = tuned(learned, config, progress)
    chosen = forecasting.candidates(config.learning.candidates or None, settings=settings)
    known = test.without_outcome()
    fitted = forecasting.fit_all(
        chosen, [*learned, known], seed=config.learning.seed, progress=lambda name: progress(f"fitting {name}")
    )
    progress("judging")
    forecasts = {name: one.predict(known) for name, one in fitted.items()}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda forecast: evaluate(forecast, test, config), forecasts.values()))
    judged = {
        name: Judged(one, forecasts[name], evaluated)
        for (name, one), evaluated in zip(fitted.items(), found, strict=True)
    }
    rows = sum(snapshot.n for snapshot in learned)
    return Trial(origins, rows, test, judged, settings, time.perf_counter() - start)


def tuned(learned: Sequence[Snapshot], config: Config, progress: Progress) -> Settings | None:
    """The trees' settings after the configured number of trials; None is the default that needs no tuning."""
    trials = config.learning.tuning_trials
    if trials == 0:
        return None
    from lifecycle.models.forecasting.tuning import tune  # Optuna is loaded only where it is used

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
    that this window does not define are left out; ties go to the first name. The combination wins unless another's lead
    is beyond its bootstrap noise. References are never preferred.

    Raises
    ------
    ValueError
        no metric is defined on this window, or there are only references.
    """
    eligible = [name for name in judged if name not in REFERENCES]
    if not eligible:
        raise ValueError(
            f"forecasting.candidates: {', '.join(judged)} are only what others are measured against. Add one of "
            f"{', '.join(name for name in forecasting.NAMES if name not in REFERENCES)}."
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
    numbers = {one: {metric: found[one] for metric, found in values.items()} for one in eligible}
    losses = {one: _mean_loss(numbers[one]) for one in eligible}
    name, *others = sorted(eligible, key=lambda one: (losses[one], one))
    told = "least mean loss"
    if others:
        told += f", {np.expm1(losses[others[0]] - losses[name]):.1%} ahead of {others[0]},"
    if STEADIEST in others:
        lead, low = _lead(judged[name].evaluation, judged[STEADIEST].evaluation, tuple(values))
        if low <= 0:
            told = f"{name} is {np.expm1(lead):.1%} ahead in mean loss, not beyond noise: the combination stays first,"
            name = STEADIEST
    return name, f"{told} over " + ", ".join(f"{metric} {value:.4g}" for metric, value in numbers[name].items())


def mean_loss(found: Evaluation) -> float:
    """Geometric mean of the losses of `DECIDING`, as far as the window defines them; NaN where it defines none."""
    known = {metric: found.metrics[metric] for metric in DECIDING if np.isfinite(found.metrics[metric])}
    return float(np.exp(_mean_loss(known))) if known else float("nan")


def _lead(first: Evaluation, second: Evaluation, metrics: Sequence[str]) -> tuple[float, float]:
    """By how much the first's mean log loss is lower than the second's, and the lower paired bootstrap bound of it."""
    lead = _mean_loss({m: second.metrics[m] for m in metrics}) - _mean_loss({m: first.metrics[m] for m in metrics})
    drawn = [
        _mean_loss({m: second.replicates[m][b] for m in metrics})
        - _mean_loss({m: first.replicates[m][b] for m in metrics})
        for b in range(first.replicates[metrics[0]].size)
    ]
    low = float(np.nanquantile(drawn, (1 - NOISE) / 2)) if np.isfinite(drawn).any() else lead
    return lead, lead + (low - lead) * first.shrink


def _mean_loss(metrics: Mapping[str, float]) -> float:
    """Mean of the logs of the losses."""
    return float(np.mean([np.log(_loss(metric, value)) for metric, value in metrics.items()]))


def _loss(metric: str, value: float) -> float:
    """What a metric lacks to a perfect forecast's."""
    lack = value if metric in evaluation.LOWER_IS_BETTER else 1.0 - value
    return max(lack, SMALLEST_LOSS)
