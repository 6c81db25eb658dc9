"""What must hold for any parameters and histories: limits, additivity, invariances."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lifecycle.models.btyd import BgNbd, MbgNbd, ParetoNbd, retention_terms
from lifecycle.models.btyd.ages import by_frequency_and_age

positive = st.floats(0.05, 50.0)
kinds = st.sampled_from([BgNbd, MbgNbd, ParetoNbd])
parameters = st.tuples(positive, positive, positive, positive)


@st.composite
def histories(draw):
    x = draw(st.integers(0, 60))
    T = draw(st.floats(0.1, 500.0))
    t_x = draw(st.floats(0.01, 1.0)) * T if x else 0.0
    return x, t_x, T


@given(kinds, parameters, histories(), st.floats(0.001, 1000.0), st.floats(1.001, 10.0))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_expectations_rise_with_time_and_stay_under_the_rate(kind, theta, history, t, factor):
    model = kind(*theta)
    less, more = model.expected_purchases(t, *history), model.expected_purchases(t * factor, *history)
    assert 0 < less <= more * (1 + 1e-13)
    rate = (model.r + history[0]) / (model.alpha + history[2])
    assert more <= rate * t * factor * (1 + 1e-13)
    assert 0 < model.p_alive(*history) <= 1
    assert model.probability_no_purchase(t, *history) >= model.probability_no_purchase(t * factor, *history) - 1e-13


@given(kinds, parameters, histories(), st.floats(0.01, 300.0), st.floats(1e-4, 0.1))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_expectations_add_up_over_time(kind, theta, history, t, rate):
    """Discounting weighs shorter horizons: D(t) = e^(−δt) E(t) + δ ∫ e^(−δs) E(s) ds, by parts."""
    model = kind(*theta)
    node, weight = np.polynomial.legendre.leggauss(60)
    v = 0.5 * (node + 1.0)
    s, ds = t * v**4, t * 4.0 * v**3 * 0.5 * weight  # dense where purchases are
    shorter = np.array([float(model.expected_purchases(end, *history)) for end in s])
    parts = math.exp(-rate * t) * model.expected_purchases(t, *history) + rate * (ds * np.exp(-rate * s)) @ shorter
    assert model.expected_discounted_purchases(t, rate, *history) == pytest.approx(float(parts), rel=1e-8)


@given(kinds, parameters, histories(), st.floats(0.5, 200.0))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_counts_are_a_distribution_with_the_expected_mean(kind, theta, history, t):
    model = kind(*theta)
    expected = float(model.expected_purchases(t, *history))
    ahead = t / (model.alpha + history[2])
    assume((model.r + history[0]) * ahead < 60.0 and ahead < 200.0)
    n = np.arange(6000)
    chance = model.conditional_pmf(n, t, *history)[0]
    assert chance.sum() == pytest.approx(1.0, abs=1e-9)
    assert chance @ n == pytest.approx(expected, rel=1e-7)
    assert chance[0] == pytest.approx(float(model.probability_no_purchase(t, *history)), rel=1e-10)


@given(kinds, parameters, histories(), st.floats(0.01, 100.0), st.sampled_from([1 / 7, 7.0, 365.25, 1e-3]))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_the_unit_of_time_does_not_matter(kind, theta, history, t, unit):
    one, two, three, four = theta
    scaled = (one, two * unit, three, four * unit) if kind is ParetoNbd else (one, two * unit, three, four)
    model, other = kind(*theta), kind(*scaled)
    x, t_x, T = history
    there = x, t_x * unit, T * unit
    np.testing.assert_allclose(model.p_alive(*history), other.p_alive(*there), rtol=1e-11)
    np.testing.assert_allclose(
        model.expected_purchases(t, *history), other.expected_purchases(t * unit, *there), rtol=1e-11
    )
    np.testing.assert_allclose(model.dert(0.01, *history), other.dert(0.01 / unit, *there), rtol=1e-11)


@given(parameters, histories(), st.floats(0.1, 100.0))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_discounting_fades_to_none(theta, history, t):
    model = BgNbd(*theta)
    plain = model.expected_purchases(t, *history)
    np.testing.assert_allclose(model.expected_discounted_purchases(t, 1e-14, *history), plain, rtol=1e-10)
    assert model.expected_discounted_purchases(t, 0.5 / t, *history) < plain


@given(kinds, parameters, st.integers(0, 40), st.floats(0.01, 300.0))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_who_bought_just_now_is_alive_unless_the_purchase_ended_it(kind, theta, x, T):
    model = kind(*theta)
    alive = float(model.p_alive(x, T if x else 0.0, T if x else 0.0))
    if kind is ParetoNbd or (kind is BgNbd and x == 0):
        assert alive == 1.0
    else:
        stays = (model.b + model.first + x - 1) / (model.a + model.b + model.first + x - 1)
        assert alive == pytest.approx(stays, rel=1e-12)


@given(kinds, parameters, st.floats(0.001, 500.0))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_new_customers_count_as_their_distribution_says(kind, theta, t):
    model = kind(*theta)
    assume(model.r * t / model.alpha < 60.0 and t / model.alpha < 200.0)
    n = np.arange(6000)
    chance = model.pmf(n, t)
    assert chance.sum() == pytest.approx(1.0, abs=1e-9)
    assert chance @ n == pytest.approx(float(model.expected_purchases_new(t)), rel=1e-7)


def test_bg_is_the_limit_of_equal_dropout_and_nbd_of_none():
    """With a → 0 nobody stops: the NBD's conditional expectation (r + x)·t/(α + T)."""
    model = BgNbd(0.4, 12.0, 1e-12, 2.0)
    assert float(model.expected_purchases(10, 3, 20, 30)) == pytest.approx(3.4 * 10 / 42, rel=1e-9)
    assert float(model.p_alive(3, 20, 30)) == pytest.approx(1.0, abs=1e-9)


def test_interpolation_over_ages_is_the_computation_itself():
    """Thousands of ages at once against the same ages a few at a time."""
    rng = np.random.default_rng(4)
    x = rng.integers(0, 4, 4000).astype(float)
    T = rng.uniform(1.0, 2000.0, 4000)
    t_x = np.where(x > 0, T * rng.uniform(0.1, 1.0, 4000), 0.0)
    for model in (BgNbd(0.3, 9.0, 1.0, 2.4), MbgNbd(2.0, 300.0, 0.2, 0.5), ParetoNbd(0.6, 9.0, 1.0, 20.0)):
        for predict in (
            lambda *h, m=model: m.expected_purchases(90, *h),
            lambda *h, m=model: m.dert(0.001, *h),
            lambda *h, m=model: m.probability_no_purchase(90, *h),
            lambda *h, m=model: (
                retention_terms(
                    m, horizon=90, value_horizon=365, discount_rate=0.001, frequency=h[0], recency=h[1], T=h[2]
                ).w_prevent
            ),
        ):
            together = predict(x, t_x, T)
            apart = np.concatenate([predict(x[i : i + 8], t_x[i : i + 8], T[i : i + 8]) for i in range(0, 400, 8)])
            np.testing.assert_allclose(together[:400], apart, rtol=2e-11)


def test_interpolation_gives_way_where_it_does_not_hold():
    """A kink between the nodes is noticed, and every age computed."""
    age = np.linspace(0.0, 100.0, 5000)
    found = by_frequency_and_age(np.zeros(5000), age, 1.0, lambda _, ages: 1.0 + np.abs(ages - 41.0))
    np.testing.assert_array_equal(found, 1.0 + np.abs(age - 41.0))


@pytest.mark.parametrize("kind", [BgNbd, MbgNbd, ParetoNbd])
def test_extremes_are_finite(kind):
    model = kind(0.24, 30.9, 1.0, 2.43)
    x = np.array([0, 0, 1, 10_000, 10_000])
    T = np.array([0.0, 36_500.0, 36_500.0, 36_500.0, 36_500.0])
    t_x = np.array([0.0, 0.0, 1.0, 36_500.0, 100.0])
    for t in (1e-6, 1.0, 1e6):
        for values in (
            model.p_alive(x, t_x, T),
            model.expected_purchases(t, x, t_x, T),
            model.expected_discounted_purchases(t, 0.001, x, t_x, T),
            model.probability_no_purchase(t, x, t_x, T),
        ):
            assert np.isfinite(values).all() and (values >= 0.0).all()


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (([1, np.nan], [1, 1], [2, 2]), "1 of 2 histories are not"),
        (([0.5], [1], [2]), "whole number"),
        (([1], [3], [2]), "recency <= T"),
        (([0], [1], [2]), "recency must be 0 where frequency is 0"),
        (([2], [0], [2]), "recency must be > 0 where frequency is > 0"),
    ],
)
def test_errors_say_what_was_allowed_and_how_many_broke_it(arguments, part):
    with pytest.raises(ValueError, match=part):
        BgNbd(1, 1, 1, 1).p_alive(*arguments)
    with pytest.raises(ValueError, match=part):
        ParetoNbd.fit(*arguments)


def test_more_errors():
    with pytest.raises(ValueError, match="alpha must be > 0"):
        BgNbd(1, 0, 1, 1)
    with pytest.raises(ValueError, match="h must be"):
        BgNbd(1, 1, 1, 1).expected_purchases(-1, 0, 0, 1)
    with pytest.raises(ValueError, match="discount_rate must be"):
        BgNbd(1, 1, 1, 1).dert(0.0, 0, 0, 1)
    with pytest.raises(ValueError, match="made from given parameters"):
        _ = BgNbd(1, 1, 1, 1).log_likelihood
    with pytest.raises(ValueError, match="no customers"):
        BgNbd.fit([], [], [])
