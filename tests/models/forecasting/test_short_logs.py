"""Logs too short to learn an outcome from: a forecast all the same, from models that need none."""

import datetime as dt

import numpy as np
import pytest

import lifecycle as lc
from lifecycle.features.history import History
from lifecycle.features.window import Window
from lifecycle.models.forecasting import Snapshot, candidates, load, origins
from lifecycle.models.forecasting.snapshot import outcome_of
from lifecycle.scoring.holdout import Learning, judge

HORIZON = 180
AS_OF = dt.date(1997, 7, 4)  # a horizon before the end of 1997: no horizon with four weeks before it ends by then


@pytest.fixture(scope="module")
def log():
    tenth = lc.datasets.cdnow_sample()
    return History.from_frame(tenth[tenth["date"] <= "1997-12-31"], timestamp="date")


def test_without_an_outcome_the_pool_is_the_even_mean_of_theory_and_survives_its_files(log):
    known = Snapshot.of(log, Window(AS_OF, HORIZON), with_outcome=False)
    pool = candidates(["combined"])["combined"].fit([known], seed=1)
    members = [candidates([name])[name].fit([known], seed=1) for name in ("bgnbd", "mbgnbd", "paretonbd")]
    theory = np.mean([one.predict_buying(known).expected_spend for one in members], axis=0)
    found = pool.predict(known)
    ratio = found.expected_spend / theory
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-9)  # but for the level, which is one number
    assert np.isnan(found.decline_probability).all()
    again = load(pool.files()).predict(known)
    np.testing.assert_array_equal(again.churn_probability, found.churn_probability)


def test_such_a_log_is_judged_on_its_last_horizon_by_those_that_need_no_outcome(log):
    dates = origins(log.first_day, HORIZON, AS_OF)
    assert dates.training == ()
    trial = judge(log, dates, HORIZON, Learning(bootstrap=10), lambda _: None)
    assert set(trial.judged) == {"bgnbd", "mbgnbd", "paretonbd", "combined"}
    assert trial.rows == 0
    rate = 1.0 - outcome_of(trial.test).bought.mean()
    constant = -(rate * np.log(rate) + (1.0 - rate) * np.log(1.0 - rate))
    assert trial.judged["combined"].evaluation.metrics["churn_log_loss"] < 0.95 * constant


def test_candidates_that_need_an_outcome_are_refused_in_words(log):
    with pytest.raises(ValueError, match=r"naive, lightgbm need a complete horizon .* Add one of bgnbd"):
        judge(
            log,
            origins(log.first_day, HORIZON, AS_OF),
            HORIZON,
            Learning(candidates=("naive", "lightgbm")),
            lambda _: None,
        )
