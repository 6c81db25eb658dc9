"""What every candidate must hold to, on simulated logs whose truth is known."""

import dataclasses
import datetime as dt
import importlib.util
import json
import warnings
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import pytest

from lifecycle.features.history import History
from lifecycle.features.window import Window
from lifecycle.models.evaluation import evaluate
from lifecycle.models.forecasting import NAMES, Snapshot, candidates, digest, fit_all, load, origins

FORECASTS = ("churn_probability", "decline_probability", "p_alive", "expected_purchases", "expected_spend")


@pytest.fixture(scope="module")
def fitted(simulated):
    learned, test = simulated
    return fit_all(candidates(), [*learned, test.without_outcome()], seed=3)


def same(a, b, tolerance=0.0):
    for name in FORECASTS:
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=tolerance, atol=tolerance, err_msg=name)


def plausible(forecast, snapshot):
    p = forecast.churn_probability
    assert p.shape == (snapshot.n,)
    assert ((p >= 0) & (p <= 1)).all()
    assert (forecast.expected_purchases >= 0).all()
    assert np.isfinite(forecast.expected_spend).all() == snapshot.has_money
    assert np.isnan(forecast.decline_probability[~snapshot.eligible]).all()


@pytest.mark.parametrize("name", NAMES)
def test_files_bring_back_the_same_forecast_to_the_last_bit(name, fitted, simulated):
    test = simulated[1]
    forecast = fitted[name].predict(test)
    plausible(forecast, test)
    again = load(fitted[name].files())
    same(forecast, again.predict(test))
    assert digest(again.files()) == digest(fitted[name].files())
    assert again.name == name
    json.loads(fitted[name].files()["model.json"])
    assert all(isinstance(v, float | str) for v in fitted[name].params().values())


def test_the_same_training_gives_the_same_bytes_and_another_seed_others(simulated):
    learned, test = simulated
    whole = candidates(["combined"])["combined"]
    first, second = (whole.fit([*learned, test.without_outcome()], seed=1).files() for _ in range(2))
    assert first == second
    other = candidates(["lightgbm"])["lightgbm"].fit(learned, seed=2).files()
    assert digest(other) != digest(candidates(["lightgbm"])["lightgbm"].fit(learned, seed=1).files())


@pytest.mark.parametrize("name", NAMES)
def test_a_forecast_never_sees_the_outcome(name, fitted, simulated):
    test = simulated[1]
    same(fitted[name].predict(test), fitted[name].predict(test.without_outcome()))


@pytest.mark.parametrize("name", NAMES)
def test_a_forecast_of_some_customers_is_the_same_as_among_all(name, fitted, simulated):
    test = simulated[1]
    rows = np.arange(0, test.n, 7)
    same(fitted[name].predict(test.take(rows)), fitted[name].predict(test).take(rows), 1e-12)


def test_the_combination_beats_the_baseline_and_is_not_worse_than_its_members(fitted, simulated):
    test = simulated[1]
    judged = {
        name: evaluate(f.predict(test), test.outcome, value=test.value, bootstrap=100) for name, f in fitted.items()
    }
    assert judged["combined"].difference(judged["naive"], "churn_log_loss")[2] < 0
    for member in ("bgnbd", "mbgnbd", "paretonbd", "lightgbm"):
        assert judged["combined"].difference(judged[member], "churn_log_loss")[1] < 0.002, member
        assert judged["combined"].difference(judged[member], "spend_gini")[2] > -0.01, member


def test_intervals_of_spend_cover_what_they_say(fitted, simulated):
    test = simulated[1]
    forecast = fitted["combined"].predict(test)
    inside = (test.outcome.spend >= forecast.spend_low) & (test.outcome.spend <= forecast.spend_high)
    assert inside.mean() > 0.88
    assert forecast.spend_sum_low < test.outcome.spend.sum() < forecast.spend_sum_high


@pytest.mark.parametrize("name", NAMES)
def test_another_horizon_is_refused(name, fitted, simulated):
    with pytest.raises(ValueError, match="trained for a horizon of 60 days and asked for 30"):
        fitted[name].predict(dataclasses.replace(simulated[1], horizon=30))


def test_snapshots_out_of_order_are_refused(simulated):
    learned, test = simulated
    naive = candidates(["naive"])["naive"]
    with pytest.raises(ValueError, match="rising order"):
        naive.fit([test, *learned], seed=1)
    with pytest.raises(ValueError, match="without outcome must come last"):
        naive.fit([learned[0].without_outcome(), *learned[1:]], seed=1)
    with pytest.raises(ValueError, match="at least one snapshot"):
        naive.fit([], seed=1)
    with pytest.raises(ValueError, match="complete horizon"):
        naive.fit([test.without_outcome()], seed=1)
    with pytest.raises(ValueError, match=r"Unknown candidates \['prophet'\]"):
        candidates(["prophet"])


def test_broken_files_are_told_apart():
    with pytest.raises(ValueError, match=r"model\.json"):
        load({})
    with pytest.raises(ValueError, match="not JSON"):
        load({"model.json": b"{"})
    with pytest.raises(ValueError, match="Unknown kind"):
        load({"model.json": b'{"kind": "oracle"}'})


@pytest.fixture(scope="module")
def script():
    """Return the model script, loaded by path as MLflow does."""
    path = Path(__file__).parents[3] / "pipelines" / "tracking" / "pyfunc_model.py"
    spec = importlib.util.spec_from_file_location("pyfunc_model_under_test", path)
    module = importlib.util.module_from_spec(spec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow warns of its own type hints when it is imported
        spec.loader.exec_module(module)
    return module


def answer_of(script, model, test):
    summary = {
        column: getattr(test, column)
        for column in ("frequency", "recency", "T", "monetary_value", "eligible", "decline_below")
    }
    summary["as_of"] = np.full(test.n, np.datetime64(test.as_of, "ns"))
    kept = test.features.drop(columns=[c for c in summary if c in test.features])
    table = pd.concat([kept, pd.DataFrame(summary, index=test.features.index)], axis=1)
    files = model.files()
    trees = {
        path.removesuffix(".txt"): lightgbm.Booster(model_str=text.decode())
        for path, text in files.items()
        if path.endswith(".txt")
    }
    return script.forecast(json.loads(files["model.json"]), trees, table)


@pytest.mark.parametrize("name", NAMES)
def test_the_stand_alone_script_forecasts_the_same(name, fitted, simulated, script):
    test = simulated[1]
    answer, expected = answer_of(script, fitted[name], test), fitted[name].predict(test)
    for column in FORECASTS:
        np.testing.assert_allclose(answer[column], getattr(expected, column), rtol=1e-9, atol=1e-9, err_msg=column)


@pytest.mark.parametrize("name", ["lightgbm", "combined"])
def test_the_script_agrees_on_customers_who_are_surely_gone(name, script):
    # Daily buyers, half of them silent for most of a year: their chance to buy is below what a double can tell from 0.
    rng = np.random.default_rng(8)
    start, test_as_of = dt.date(2023, 1, 2), dt.date(2023, 11, 28)
    days = [np.flatnonzero(rng.random(420) < rng.uniform(0.3, 0.9)) for _ in range(300)]
    days = [d[d < (rng.integers(60, 200) if i % 2 else 420)] for i, d in enumerate(days)]
    frame = pd.DataFrame(
        [(f"c{i:03d}", start + dt.timedelta(days=int(day)), 5.0 + i % 7) for i, own in enumerate(days) for day in own],
        columns=["customer_id", "timestamp", "amount"],
    )
    history = History.from_frame(frame)
    chosen = origins(history.first_day, 60, test_as_of, most=6)
    learned = [Snapshot.of(history, Window(day, 60)) for day in chosen.training]
    test = Snapshot.of(history, Window(test_as_of, 60))
    model = fit_all(candidates([name]), [*learned, test.without_outcome()], seed=3)[name]
    gone = model.member("lightgbm") if name == "combined" else model
    assert (gone.btyd.predict(test).churn_probability == 1.0).any()
    answer, expected = answer_of(script, model, test), model.predict(test)
    for column in FORECASTS:
        np.testing.assert_allclose(answer[column], getattr(expected, column), rtol=1e-9, atol=1e-9, err_msg=column)


def test_the_script_needs_none_of_our_packages():
    text = (Path(__file__).parents[3] / "pipelines" / "tracking" / "pyfunc_model.py").read_text("utf-8")
    imported = {line.split()[1].split(".")[0] for line in text.splitlines() if line.startswith(("import ", "from "))}
    assert imported <= {"json", "math", "collections", "pathlib", "typing", "lightgbm", "numpy", "pandas", "mlflow"}


def test_dates_are_embargoed(simulated):
    learned, test = simulated
    assert all(s.end <= test.as_of for s in learned)
    assert learned[-1].as_of + dt.timedelta(days=60) == test.as_of
