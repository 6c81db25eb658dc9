"""Why a reader may trust the champion: how its forecast of the test window compares with what came."""

import datetime as dt

import numpy as np
import numpy.typing as npt
import pandas as pd

from lifecycle.features.history import History
from lifecycle.features.window import Window
from lifecycle.models.forecasting import Forecast, Snapshot
from lifecycle.models.forecasting.snapshot import outcome_of

GROUPS = 10
POINTS = 13


def calibration_table(forecast: Forecast, test: Snapshot) -> pd.DataFrame:
    """P(no purchase) in groups of equal size against what happened.

    Grain: one row a group, lowest probability first. Columns: predicted, observed (shares), customers.
    """
    churned = 1.0 - outcome_of(test).bought.astype(np.float64)
    order = np.argsort(forecast.churn_probability, kind="stable")
    groups = [rows for rows in np.array_split(order, GROUPS) if rows.size]
    return pd.DataFrame(
        {
            "predicted": [float(forecast.churn_probability[rows].mean()) for rows in groups],
            "observed": [float(churned[rows].mean()) for rows in groups],
            "customers": [rows.size for rows in groups],
        }
    )


def tracking_table(history: History, window: Window, forecast: Forecast, path: npt.NDArray[np.float64]) -> pd.DataFrame:
    """Purchases of the base, cumulated over the window: expected and actual.

    Parameters
    ----------
    history : History
        the log.
    window : Window
        the test window.
    forecast : Forecast
        what was forecast; its sum is where the expected path ends.
    path : npt.NDArray[np.float64]
        expected purchases of the base by a probability model at `grid(window)`; gives the path its shape.

    Grain: one row a date of the grid. Columns: date, expected, actual.
    """
    days = grid(window)
    actual = purchases_by(history, window, days)
    scale = float(forecast.expected_purchases.sum()) / path[-1] if path[-1] > 0 else 0.0
    dates = [window.as_of + dt.timedelta(days=int(day)) for day in days]
    return pd.DataFrame({"date": dates, "expected": path * scale, "actual": actual})


def purchases_by(history: History, window: Window, days: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Purchase days in the window, up to each of `days` after its as-of date, of customers who had bought by then."""
    known = history.purchases(window.end)
    owner_known = known.day[np.repeat(_bought_by(known.offsets, known.day, window.as_of_day), np.diff(known.offsets))]
    ahead = np.sort(owner_known[owner_known > window.as_of_day]) - window.as_of_day
    return np.searchsorted(ahead, days, side="right")


def grid(window: Window) -> npt.NDArray[np.int64]:
    """Days after as_of, rising, the last the horizon."""
    return np.unique(np.linspace(1, window.horizon, min(POINTS, window.horizon)).round().astype(np.int64))


def _bought_by(offsets: npt.NDArray[np.int64], day: npt.NDArray[np.int32], as_of: int) -> npt.NDArray[np.bool_]:
    """Customers with a purchase day by a date: those whose first is not later."""
    has = offsets[1:] > offsets[:-1]
    first = np.full(has.size, np.iinfo(np.int32).max, np.int64)
    first[has] = day[offsets[:-1][has]]
    return first <= as_of
