"""Trees: weights of overlapping horizons, columns, reasons, tuning, and the way from churn to loss."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.features.registry import FEATURES
from lifecycle.models.btyd import MbgNbd
from lifecycle.models.forecasting import Settings, candidates, drivers, has_drivers, loss_probability, still_there
from lifecycle.models.forecasting.design_matrix import BTYD, LEAST, Layout, btyd_columns
from lifecycle.models.forecasting.lightgbm_candidate import RISING_BUYS, RISING_SPEND, overlap_weights, training_rows
from lifecycle.models.forecasting.lightgbm_training import Trees, train
from lifecycle.models.forecasting.tuning import tune


@given(st.lists(st.integers(0, 300), min_size=1, max_size=8, unique=True), st.integers(1, 120))
def test_every_day_of_outcome_counts_once(days, horizon):
    days = sorted(days)
    covered = {day + k for day in days for k in range(horizon)}
    assert overlap_weights(days, horizon).sum() == pytest.approx(len(covered) / horizon)


def test_categories_keep_their_codes_and_new_values_are_missing(simulated):
    def told(snapshot):
        kind = pd.Series(pd.Categorical(np.where(snapshot.T > 200, "old", "new")), snapshot.features.index, name="kind")
        return dataclasses.replace(snapshot, features=pd.concat([snapshot.features, kind], axis=1))

    learned = [told(s) for s in simulated[0][-2:]]
    layout = Layout.learn(learned)
    assert ("kind", ("new", "old")) in layout.categories
    column = layout.names.index("kind")
    plain = learned[-1].features.drop(columns="kind")
    kind = pd.Series(pd.Categorical(["old", "unheard"] + ["new"] * (len(plain) - 2)), plain.index, name="kind")
    table = pd.concat([plain, kind], axis=1)
    matrix = layout.matrix(table, np.zeros((len(table), len(BTYD))))
    assert matrix[0, column] == 1.0
    assert np.isnan(matrix[1, column])
    assert matrix[2, column] == 0.0
    assert Layout.from_document(layout.to_document()) == layout
    assert np.isnan(layout.matrix(table.drop(columns=layout.numeric[0]), np.zeros((len(table), 5)))[:, 0]).all()


def test_constant_features_are_left_out(simulated):
    learned = simulated[0]
    layout = Layout.learn(learned)
    for name in layout.numeric:
        values = np.concatenate([s.features[name].to_numpy(float) for s in learned])
        assert len(pd.unique(values)) > 1, name


@pytest.fixture(scope="module")
def boosted(simulated):
    learned, test = simulated
    return candidates(["lightgbm"])["lightgbm"].fit([*learned, test.without_outcome()], seed=1)


def test_drivers_add_up_to_the_forecast(boosted, simulated):
    test = simulated[1]
    rows = np.arange(0, test.n, 5)
    families = {name: feature.family for name, feature in FEATURES.items()}
    found = drivers(boosted, test, rows, families, top=50)
    total = np.nansum(found.contribution, axis=1)
    part = test.take(rows)
    matrix = boosted.layout.matrix(part.features, btyd_columns(boosted.btyd.predict(part)))
    base = boosted.buys.contributions(matrix)[:, -1] + boosted.start.base
    churn = boosted.predict(part).churn_probability
    np.testing.assert_allclose(base - total, -np.log(churn / (1 - churn)), rtol=1e-7, atol=1e-7)


def test_the_strongest_come_first_with_the_customers_own_number(boosted, simulated):
    test = simulated[1]
    rows = np.arange(20)
    families = {name: feature.family for name, feature in FEATURES.items()}
    found = drivers(boosted, test, rows, families)
    assert found.family.shape == (20, 3)
    size = np.abs(np.where(found.feature >= 0, found.contribution, 0.0))
    assert (np.diff(size, axis=1) <= 0).all()
    told = found.frame(test, rows)
    assert set(told["rank"]) <= {1, 2, 3}
    for row in told.itertuples():
        if row.feature in test.features:
            own = test.features[row.feature].iloc[list(test.customer_id).index(row.customer_id)]
            assert row.value == own or (np.isnan(row.value) and np.isnan(own))


def test_a_forecast_without_trees_has_no_drivers(boosted, simulated):
    naive = candidates(["naive"])["naive"].fit(simulated[0], seed=1)
    assert not has_drivers(naive)
    assert drivers(naive, simulated[1], np.arange(3), {}) is None
    assert has_drivers(boosted)
    assert not has_drivers(dataclasses.replace(boosted, buys=None))


def test_who_is_asked_about_together_does_not_matter(boosted, simulated):
    test = simulated[1]
    families = {name: feature.family for name, feature in FEATURES.items()}
    all_at_once = drivers(boosted, test, np.arange(12), families)
    for row in range(12):
        alone = drivers(boosted, test, np.array([row]), families)
        np.testing.assert_array_equal(alone.feature[0], all_at_once.feature[row])
        np.testing.assert_array_equal(alone.contribution[0], all_at_once.contribution[row])


def test_columns_of_the_probability_model_know_nothing_later_than_their_row(simulated):
    """Each date's columns are those of a model fitted on that date alone, whatever dates are learned from beside it."""
    learned = simulated[0][-3:]
    layout = Layout.learn(learned)
    rows = training_rows(learned, layout).matrix[:, -len(BTYD) :]
    start = 0
    for one in learned:
        own = MbgNbd.fit(one.frequency, one.recency, one.T)
        silent = own.probability_no_purchase(one.horizon, one.frequency, one.recency, one.T)
        part = rows[start : start + one.n]
        np.testing.assert_allclose(part[:, 0], np.maximum(1 - silent, LEAST), rtol=1e-12)
        np.testing.assert_allclose(part[:, 1], np.maximum(own.p_alive(one.frequency, one.recency, one.T), LEAST))
        start += one.n


def test_more_expected_purchases_and_larger_baskets_never_lower_a_forecast(boosted, simulated):
    test = simulated[1]
    matrix = boosted.layout.matrix(test.features, btyd_columns(boosted.btyd.predict_buying(test)))
    for trees, rising in ((boosted.buys, RISING_BUYS), (boosted.spend, RISING_SPEND)):
        before = trees.raw(matrix)
        for name in rising:
            column = boosted.layout.names.index(name)
            for factor in (1.1, 2.0, 10.0):
                raised = matrix.copy()
                raised[:, column] *= factor
                assert (trees.raw(raised) >= before - 1e-12).all(), (name, factor)


def test_decline_is_learned_from_200_who_declined_and_is_the_closed_form_below(boosted, simulated, monkeypatch):
    learned, test = simulated
    declined = sum(np.nansum(s.outcome.declining) for s in learned)
    assert 20 < declined < 200
    assert boosted.declines is None and boosted.params()["declines"].startswith("closed form")
    model = boosted.btyd.predict(test)
    rows = test.eligible & (model.churn_probability < 0.9)
    assert rows.sum() > 20
    closed = model.decline_probability[rows] / (1 - model.churn_probability[rows])
    forecast = boosted.predict(test)
    given = forecast.decline_probability[rows] / (1 - forecast.churn_probability[rows])
    np.testing.assert_allclose(given, np.clip(closed, 0, 1), atol=1e-4)
    assert np.isnan(forecast.decline_probability[~test.eligible]).all()
    monkeypatch.setattr("lifecycle.models.forecasting.lightgbm_candidate.FEWEST_DECLINES", 10.0)
    trees = candidates(["lightgbm"])["lightgbm"].fit([*learned, test.without_outcome()], seed=1)
    assert trees.declines is not None and trees.params()["declines"] == "trees"


def test_tuning_never_loses_to_the_defaults_and_repeats_itself(simulated):
    learned = simulated[0]
    first, second = (tune(learned, trials=2, seed=5) for _ in range(2))
    assert first == second
    assert first.gain >= 0
    assert tune(learned, trials=1, seed=5).settings == Settings()
    with pytest.raises(ValueError, match="at least 1, got 0"):
        tune(learned, trials=0, seed=1)
    with pytest.raises(ValueError, match="cannot be judged out of time"):
        tune(learned[-2:], trials=1, seed=1)


def test_loss_from_the_models_own_churn_is_the_models_own_loss():
    x, t_x, T, horizon = np.array([2.0, 5.0]), np.array([30.0, 20.0]), np.array([40.0, 60.0]), 13.0
    model = MbgNbd(0.52, 6.2, 0.89, 1.6)
    churn = model.probability_no_purchase(horizon, x, t_x, T)
    alive = model.p_alive(x, t_x, T)
    q0 = 1 - (1 - churn) / alive
    np.testing.assert_allclose(still_there(churn, q0), alive, rtol=1e-12)
    np.testing.assert_allclose(loss_probability(churn, q0, np.array([0.9, 0.8])), 1 - alive * [0.9, 0.8], rtol=1e-12)
    assert still_there(np.array([0.2]), np.array([1.0]))[0] == 1.0


@pytest.mark.parametrize("odd", [*',:[]{}" \n=', "age: years"])
def test_any_name_of_a_column_can_be_trained_on(odd):
    layout = Layout(("recency", f"a{odd}b", "a_b"), ())
    matrix = np.random.default_rng(3).normal(size=(200, len(layout.names)))
    settings = Settings().parameters("regression", customers=200, snapshots=1.0, seed=1)
    text = train(matrix, matrix[:, 1], np.ones(200), layout, settings, 20, start=np.zeros(200))
    assert np.corrcoef(Trees.parse(text).raw(matrix), matrix[:, 1])[0, 1] > 0.5
