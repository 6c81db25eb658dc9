"""Tuning of the trees by number of trials; the defaults are the first trial, so out of time it can only help."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import optuna

from lifecycle.models.forecasting.combination import out_of_time
from lifecycle.models.forecasting.lightgbm_candidate import Boosted
from lifecycle.models.forecasting.lightgbm_training import Settings
from lifecycle.models.forecasting.snapshot import Snapshot, complete, outcome_of
from lifecycle.models.forecasting.stacking import Held, deviance, log_loss_of_pool, logit

FOLDS = 2


@dataclasses.dataclass(frozen=True)
class Tuning:
    """The settings found, their loss and that of the defaults on the same folds, and how many trials it took."""

    settings: Settings
    loss: float
    default_loss: float
    trials: int

    @property
    def gain(self) -> float:
        """By how much the loss fell."""
        return self.default_loss - self.loss


def tune(
    snapshots: Sequence[Snapshot], *, trials: int, seed: int, progress: Callable[[int, float], None] | None = None
) -> Tuning:
    """Search settings of the trees on folds out of time (the last two), by log loss and deviance of spend together.

    The number of trials bounds the work, not a clock: the result depends on data and seed alone. progress is called
    with the trial's number and its loss.

    Raises
    ------
    ValueError
        no trial is asked for, or no snapshot lies a whole horizon after an earlier one.
    """
    if trials < 1:
        raise ValueError(f"tune: trials must be at least 1, got {trials}.")
    folds = out_of_time(complete(snapshots))[-FOLDS:]
    if not folds:
        raise ValueError(
            "tune: no snapshot lies a whole horizon after an earlier one, so settings cannot be judged out of time. "
            "Train with the defaults, or on a longer log or a shorter horizon."
        )
    losses: list[float] = []

    def objective(trial: optuna.trial.BaseTrial) -> float:
        found = _loss(suggested(trial), folds, seed)
        losses.append(found)
        if progress:
            progress(len(losses), found)
        return found

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
        study.enqueue_trial(_named(Settings()))
        study.optimize(objective, n_trials=trials)
    finally:
        optuna.logging.set_verbosity(verbosity)
    return Tuning(suggested(optuna.trial.FixedTrial(study.best_params)), study.best_value, losses[0], trials)


def suggested(trial: optuna.trial.BaseTrial) -> Settings:
    """Take settings from a trial; the number of trees is capped."""
    return Settings(
        rounds=trial.suggest_int("rounds", 40, 240, step=20),
        learning_rate=trial.suggest_float("learning_rate", 0.015, 0.12, log=True),
        leaves=trial.suggest_int("leaves", 3, 31),
        rows_in_leaf=trial.suggest_float("rows_in_leaf", 1 / 2000, 1 / 40, log=True),
        ridge=trial.suggest_float("ridge", 1.0, 300.0, log=True),
        columns=trial.suggest_float("columns", 0.1, 0.8),
        rows=trial.suggest_float("rows", 0.4, 1.0),
    )


def _named(settings: Settings) -> dict[str, float]:
    return dataclasses.asdict(settings)


def _loss(settings: Settings, folds: Sequence[tuple[list[Snapshot], Snapshot]], seed: int) -> float:
    """Mean log loss plus a tenth of the mean deviance of spend: both then move by like amounts."""
    total = []
    for before, at in folds:
        known, outcome = at.without_outcome(), outcome_of(at)
        forecast = Boosted(settings).fit([*before, known], seed=seed).predict(known)
        held = Held(-logit(forecast.churn_probability)[None, :], outcome.bought.astype(np.float64))
        loss = float(log_loss_of_pool(np.ones(1), held).mean())
        if outcome.has_money:
            loss += 0.1 * float(deviance(forecast.expected_spend, outcome.spend).mean())
        total.append(loss)
    return float(np.mean(total))
