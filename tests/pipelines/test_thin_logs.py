"""Logs that hold next to nothing: what can be said is said, what cannot is refused in words."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from lifecycle.features.history import History
from lifecycle.features.window import Window
from lifecycle.models.forecasting import Snapshot
from lifecycle.pipelines.report import charts
from lifecycle.scoring.fitting import TrainingError, repeats_with_money, spend_model


def known(days_and_amounts):
    """Snapshot of customers given by their (day, amount) pairs."""
    rows = [
        (f"c{i}", dt.date(2024, 1, 1) + dt.timedelta(days=day), float(amount))
        for i, own in enumerate(days_and_amounts)
        for day, amount in own
    ]
    history = History.from_frame(pd.DataFrame(rows, columns=["customer_id", "timestamp", "amount"]))
    return Snapshot.of(history, Window(dt.date(2024, 12, 31), 30), with_outcome=False)


def test_a_log_of_one_time_buyers_has_the_mean_basket_for_all():
    rng = np.random.default_rng(1)
    amounts = rng.gamma(4.0, 10.0, 400)
    now = known([[(int(day), amount)] for day, amount in zip(rng.integers(0, 300, 400), amounts, strict=True)])
    assert repeats_with_money(now) == 0
    model = spend_model(now)
    assert model.expected_monetary_value(0, np.nan) == pytest.approx(amounts.mean(), rel=0.02)


def test_a_log_without_any_money_is_refused_with_a_remedy():
    with pytest.raises(TrainingError, match=r"none of 2 customers has spent more than 0 .* amount = false"):
        spend_model(known([[(0, 0), (9, 0)], [(5, 0)]]))


def test_a_figure_that_never_moved_can_be_drawn():
    days = [dt.date(2024, 1, 1), dt.date(2024, 2, 1)]
    for value in (0.0, 1.0, 250.0):
        assert "<svg" in charts.lines(days, [("share", [value, value], "#000")], "share", percent=value <= 1)
