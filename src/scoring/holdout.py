"""Judging candidates at one test date: fit on what was known then, forecast, compare with what came."""

import dataclasses
import datetime as dt
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Self

from lifecycle.features.history import History
from lifecycle.features.window import Window
from lifecycle.models import evaluation, forecasting
from lifecycle.models.evaluation import Campaign, Evaluation
from lifecycle.models.forecasting import Fitted, Forecast, Origins, Settings, Snapshot
from lifecycle.models.forecasting.snapshot import outcome_of

AT_ONCE = 2
"""Forecasts evaluated beside each other: bootstraps are sums over arrays, which let other threads run."""


Progress = Callable[[str], None]
"""Takes what is being done now, in words."""


@dataclass(frozen=True)
class Learning:
    """How candidates are trained and judged.

    Attributes
    ----------
    candidates : tuple[str, ...]
        names (see `forecasting.NAMES`); empty is all of them.
    tuning_trials : int
        settings of the trees that are tried; 0 is the default settings.
    bootstrap : int
        replicates behind each interval of a metric.
    seed : int
        of everything that is drawn.
    campaign : Campaign
        the campaign whose profit is a metric.
    """

    candidates: tuple[str, ...] = ()
    tuning_trials: int = 0
    bootstrap: int = 200
    seed: int = 7
    campaign: Campaign = field(default_factory=Campaign)


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


def judge(history: History, origins: Origins, horizon: int, learning: Learning, progress: Progress) -> Trial:
    """Fit all candidates on snapshots whose horizons end by the test date, and judge them on the window after it."""
    start = time.perf_counter()
    progress("features")
    learned = snapshots(history, origins.training, horizon)
    test = Snapshot.of(history, Window(origins.test_as_of, horizon), with_outcome=True)
    settings = tuned(learned, learning, progress)
    chosen = forecasting.candidates(learning.candidates or None, settings=settings)
    if not learned:
        chosen = {name: one for name, one in chosen.items() if name in forecasting.WITHOUT_OUTCOME}
        if not chosen:
            raise ValueError(
                f"candidates: {', '.join(learning.candidates)} need a complete horizon to learn from. "
                f"{origins.statement} Add one of {', '.join(forecasting.WITHOUT_OUTCOME)}, or take a longer log."
            )
    known = test.without_outcome()
    fitted = forecasting.fit_all(
        chosen, [*learned, known], seed=learning.seed, progress=lambda name: progress(f"fitting {name}")
    )
    progress("judging")
    forecasts = {name: one.predict(known) for name, one in fitted.items()}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda forecast: evaluate(forecast, test, learning), forecasts.values()))
    judged = {
        name: Judged(one, forecasts[name], evaluated)
        for (name, one), evaluated in zip(fitted.items(), found, strict=True)
    }
    rows = sum(snapshot.n for snapshot in learned)
    return Trial(origins, rows, test, judged, settings, time.perf_counter() - start)


def tuned(learned: Sequence[Snapshot], learning: Learning, progress: Progress) -> Settings | None:
    """The trees' settings after the configured number of trials; None is the default that needs no tuning."""
    trials = learning.tuning_trials
    if trials == 0:
        return None
    from lifecycle.models.forecasting.tuning import tune  # Optuna is loaded only where it is used

    progress(f"tuning, {trials} trials")
    return tune(learned, trials=trials, seed=learning.seed).settings


def evaluate(forecast: Forecast, test: Snapshot, learning: Learning) -> Evaluation:
    """Judge one forecast of a test snapshot by the campaign."""
    return evaluation.evaluate(
        forecast,
        outcome_of(test),
        value=test.value,
        campaign=learning.campaign,
        seed=learning.seed,
        bootstrap=learning.bootstrap,
    )
