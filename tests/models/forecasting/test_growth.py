"""Growth: more trees where there is more to learn than chance leaves, no more where there is not."""

import datetime as dt

import numpy as np
import pandas as pd

from lifecycle.features.history import History
from lifecycle.features.window import Window
from lifecycle.models.forecasting import Snapshot, origins
from lifecycle.models.forecasting.combination import out_of_time
from lifecycle.models.forecasting.lightgbm_candidate import Boosted
from lifecycle.models.forecasting.lightgbm_training import Settings
from lifecycle.models.forecasting.tree_count import MOST_ROUNDS, grow

START, HORIZON = dt.date(2023, 1, 2), 60
FEW = Boosted(Settings(rounds=25))


def fees(n, seed, *, days=420):
    """Return snapshots of monthly fees: every 30 days until the customer leaves, so that a silence of 31 says all."""
    rng = np.random.default_rng(seed)
    rows = [
        (f"c{i:05d}", int(day), 10.0)
        for i, born in enumerate(rng.integers(0, 120, n))
        for day in np.arange(born, min(born + rng.exponential(200), days), 30)
    ]
    rows += [("last", 0, 10.0), ("last", days, 10.0)]
    frame = pd.DataFrame(rows, columns=["customer_id", "day", "amount"])
    frame["timestamp"] = pd.Timestamp(START) + pd.to_timedelta(frame.pop("day"), unit="D")
    log = History.from_frame(frame)
    chosen = origins(log.first_day, HORIZON, START + dt.timedelta(days=330))
    return [Snapshot.of(log, Window(day, HORIZON)) for day in chosen.training]


def losses(found, before, at):
    """Return the log loss of who does not buy of each customer."""
    known = at.without_outcome()
    p = np.clip(found.fit([*before, known], seed=1).predict(known).churn_probability, 1e-6, 1 - 1e-6)
    return np.where(at.outcome.bought, -np.log1p(-p), -np.log(p))


def grown(found, before, at):
    known = at.without_outcome()
    return grow(found, before, at, found.fit([*before, known], seed=1), seed=1)


def test_a_rhythm_that_the_probability_model_does_not_know_grows_trees_that_forecast_it():
    learned = fees(400, 1)
    before, at = out_of_time(learned)[-1]
    found = grown(FEW, before, at)
    assert FEW.settings.rounds < found.settings.rounds <= MOST_ROUNDS
    assert losses(found, before, at).mean() < losses(FEW, before, at).mean()


def test_where_chance_decides_the_default_is_kept(simulated):
    assert grown(Boosted(), *out_of_time(simulated[0])[-1]) == Boosted()
