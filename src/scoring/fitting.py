"""From the winner of a trial to a champion: fitted again on all that is known, with its assumptions and evidence."""

from dataclasses import replace

import numpy as np
import pandas as pd

from lifecycle.decisions.stage_policy import StagePolicy
from lifecycle.features.asof import AsOf
from lifecycle.features.history import History
from lifecycle.features.window import Window
from lifecycle.models import forecasting
from lifecycle.models.btyd import Finding, GammaGamma, MbgNbd, check
from lifecycle.models.forecasting import Settings, Snapshot
from lifecycle.models.forecasting.basket_value import FEWEST_REPEATERS
from lifecycle.models.forecasting.lightgbm_candidate import FittedBoosted
from lifecycle.scoring.champion import Bundle, features_digest
from lifecycle.scoring.holdout import Trial, snapshots
from lifecycle.scoring.validation_tables import calibration_table, grid, tracking_table


class TrainingError(ValueError):
    """The log cannot support the training asked for; the message says what it can."""


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


def refit(history: History, now: Snapshot, trial: Trial, winner: str, *, seed: int) -> Bundle:
    """Fit the winner again on what is known now, just as its judged twin was fitted on what was known then."""
    twin, settings = trial.judged[winner].fitted, trial.settings
    if isinstance(twin, FittedBoosted) and twin.rounds:  # the combination, whose member it was, may have grown it
        settings = replace(settings or Settings(), rounds=twin.rounds)
    candidate = forecasting.candidates([winner], settings=settings)[winner]
    dates = forecasting.origins(history.first_day, now.horizon, now.as_of).training
    forecaster = candidate.fit([*snapshots(history, dates, now.horizon), now], seed=seed)
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
