"""A simulated log for the candidates: gamma rates, customers who stop at some time, baskets of their own size."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from lifecycle.features.history import History
from lifecycle.features.window import Window
from lifecycle.models.forecasting import Snapshot, origins

START = dt.date(2023, 1, 2)
HORIZON = 60
TEST = START + dt.timedelta(days=330)


def simulate(n, seed, *, days=420):
    """Return a log as a frame; its last day holds one purchase, so that the log spans all days."""
    rng = np.random.default_rng(seed)
    born = rng.integers(0, 120, n)
    rate = rng.gamma(0.9, 1 / 25, n)
    stops = born + rng.exponential(150, n)
    size = rng.lognormal(3, 0.6, n)
    rows = []
    for i in range(n):
        bought = [born[i]]
        while True:
            bought.append(bought[-1] + rng.exponential(1 / rate[i]))
            if bought[-1] > min(stops[i], days):
                bought.pop()
                break
        rows += [(f"c{i:05d}", int(t), rng.gamma(4, size[i] / 4)) for t in bought]
    frame = pd.DataFrame(rows, columns=["customer_id", "day", "amount"])
    last = pd.DataFrame([("last", days, 10.0), ("last", 0, 10.0)], columns=frame.columns)  # spans the log
    frame = pd.concat([frame, last], ignore_index=True)
    frame["timestamp"] = pd.Timestamp(START) + pd.to_timedelta(frame.pop("day"), unit="D")
    return frame


def history_of(frame):
    return History.from_frame(frame)


def snapshots_of(history, test=TEST, horizon=HORIZON, most=6):
    """Return (learned snapshots with outcome, test snapshot with outcome)."""
    chosen = origins(history.first_day, horizon, test, most=most)
    learned = [Snapshot.of(history, Window(day, horizon)) for day in chosen.training]
    return learned, Snapshot.of(history, Window(chosen.test_as_of, horizon))


@pytest.fixture(scope="session")
def simulated():
    """600 customers with money, in snapshots."""
    return snapshots_of(history_of(simulate(600, 1)))
