"""The level of a base: a season is carried on where the log has been through it, and nothing is made of noise."""

import datetime as dt
import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.features.asof import AsOf
from lifecycle.features.history import History
from lifecycle.features.rfm import summarise
from lifecycle.features.window import Window, to_day
from lifecycle.models.btyd import MbgNbd
from lifecycle.models.evaluation import evaluate
from lifecycle.models.forecasting import Snapshot, candidates, origins
from lifecycle.models.forecasting import backcast as past
from lifecycle.models.forecasting import level_correction as level
from lifecycle.models.forecasting import level_outlook as outlook
from lifecycle.models.forecasting.snapshot import outcome_of

HORIZON = 90
START = dt.date(2020, 1, 6)


def seasonal(seed, *, days=800, customers=900, peak=345, height=1.0):
    """Return a log whose purchases are denser around one day of the year, and that day's density over time."""
    rng = np.random.default_rng(seed)
    of_year = (np.arange(days) + START.timetuple().tm_yday - peak + 182) % 365 - 182
    density = np.exp(height * np.exp(-0.5 * (of_year / 25.0) ** 2))
    rows = []
    for c in range(customers):
        born, gone = rng.integers(0, days), rng.exponential(500)
        rate = rng.gamma(1.2, 1 / 70)
        chance = rate * density * (np.arange(days) > born) * (np.arange(days) < born + gone)
        rows += [(c, int(day)) for day in [born, *np.flatnonzero(rng.random(days) < chance)]]
    frame = pd.DataFrame([*rows, (customers, 0), (customers, days - 1)], columns=["customer_id", "day"])
    frame["timestamp"] = pd.Timestamp(START) + pd.to_timedelta(frame.pop("day"), unit="D")
    frame["customer_id"] = frame["customer_id"].map("c{:04d}".format)
    frame["amount"] = rng.gamma(3, 8, len(frame)).round(2)
    return frame


def flat(days, misses, at, *, noise=0.02):
    behind = [day + 800 for day in days]
    return outlook.expect(days, misses, [noise] * len(days), behind, at=np.array(at, dtype=float), horizon=HORIZON)


def test_a_season_seen_twice_is_expected_again_and_one_never_seen_is_not():
    days = list(range(-780, -89, 30))
    season = [0.4 * np.cos(2 * np.pi * day / 365.25) for day in days]
    again = flat(days, season, [0.0, 91.0, 183.0])
    assert again.mean == pytest.approx([0.4, 0.0, -0.4], abs=0.1)
    rising = flat(days[-6:], [0.0] * 6, [0.0])  # half a year of even level
    assert abs(rising.mean[0]) < 0.05
    assert rising.spread[0] > 1.5 * again.spread[0]


def test_a_lasting_miss_is_corrected_in_full_and_a_passing_one_hardly():
    days = list(range(-780, -89, 30))
    assert flat(days, [0.3] * len(days), [0.0]).mean[0] == pytest.approx(0.3, abs=0.05)
    passing = [0.0] * (len(days) - 3) + [0.3] * 3
    assert abs(flat(days, passing, [0.0]).mean[0]) < 0.12


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=12), st.floats(0.3, 3))
def test_more_noise_is_trusted_less_and_signs_do_not_matter(misses, noise):
    days = [-90 - 30 * k for k in range(len(misses))][::-1]
    found, turned = flat(days, misses, [0.0]), flat(days, [-m for m in misses], [0.0])
    assert turned.mean == pytest.approx(-found.mean, abs=1e-9)
    assert turned.spread == pytest.approx(found.spread, abs=1e-9)
    steady = flat(days, [0.5] * len(days), [0.0]).mean[0]
    assert 0 <= flat(days, [0.5] * len(days), [0.0], noise=noise).mean[0] <= steady + 1e-9


def test_without_a_past_nothing_is_corrected_and_the_error_is_wide():
    found = level.learn((), START, horizon=HORIZON)
    assert set(found.buying) == set(found.purchases) == set(found.spend) == {0.0}
    low, high = found.sum_interval(START, 100.0, 1.0, 0.9)
    assert low < 50 < 100 < 200 < high


def test_the_misses_are_those_of_a_model_fitted_on_the_date():
    history = History.from_frame(seasonal(1))
    today = START + dt.timedelta(days=700)
    found = past.Past.of(AsOf.of(history, today)).misses(HORIZON)
    assert [b.day - a.day for a, b in itertools.pairwise(found)] == [30] * (len(found) - 1)
    last = found[-1]
    date = dt.date(1970, 1, 1) + dt.timedelta(days=last.day)
    assert date + dt.timedelta(days=HORIZON) == today
    summary = summarise(history, date)
    x, t_x, T = (summary[name].to_numpy(float) for name in ("frequency", "recency", "T"))
    forecast = MbgNbd.fit(x, t_x, T).expected_purchases(HORIZON, x, t_x, T).sum()
    actual = outcome_of(Snapshot.of(history, Window(date, HORIZON))).purchases.sum()
    assert last.purchases == pytest.approx(np.log(actual / forecast), rel=1e-9)
    assert past.Past.of(AsOf.of(history, date)).misses(HORIZON) == past.Past.of(AsOf.of(history, today)).until(
        to_day(date)
    ).misses(HORIZON), "without returns the past does not depend on when it is looked at"


def test_a_sample_of_the_base_tells_the_same_within_noise():
    view = AsOf.of(History.from_frame(seasonal(2)), START + dt.timedelta(days=700))
    whole, part = past.Past.of(view).misses(HORIZON)[-1], past.Past.of(view, most=400).misses(HORIZON)[-1]
    assert part.day == whole.day
    assert abs(part.purchases - whole.purchases) < 4 * part.purchases_noise
    assert part.purchases_noise > whole.purchases_noise
    again = past.Past.of(view, most=400).misses(HORIZON)[-1]
    assert again == part


def test_the_sum_is_right_in_a_season_that_was_seen_a_year_ago():
    log = seasonal(3)
    history = History.from_frame(log)
    test = START + dt.timedelta(days=690)  # the last week of November; the year before it was in the log
    chosen = origins(history.first_day, HORIZON, test)
    learned = [Snapshot.of(history, Window(day, HORIZON)) for day in chosen.training]
    snapshot = Snapshot.of(history, Window(test, HORIZON))
    fitted = candidates(["combined"])["combined"].fit([*learned, snapshot.without_outcome()], seed=1)
    judged = evaluate(fitted.predict(snapshot), outcome_of(snapshot), value=snapshot.value, bootstrap=20)
    unaware = evaluate(
        fitted.member("mbgnbd").predict(snapshot), outcome_of(snapshot), value=snapshot.value, bootstrap=20
    )
    assert abs(judged.metrics["spend_bias"]) < 0.6 * abs(unaware.metrics["spend_bias"])
    assert judged.facts["spend_sum_low"] < judged.facts["spend_actual"] < judged.facts["spend_sum_high"]
