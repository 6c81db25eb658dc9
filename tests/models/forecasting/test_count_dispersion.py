"""Intervals of purchases: learned from counts whose distribution is known, and true of counts drawn anew."""

import numpy as np
import pytest

from lifecycle.models.forecasting.count_dispersion import Counts
from lifecycle.models.forecasting.forecast import Outcome


def drawn(n, seed, *, size=0.7, poisson=False):
    """Return (probability to buy, expected purchases, outcome) of customers whose counts follow a known law."""
    rng = np.random.default_rng(seed)
    bought, beyond = rng.uniform(0.02, 0.98, n), rng.gamma(1.0, 2.0, n)
    more = rng.poisson(beyond) if poisson else rng.negative_binomial(size, size / (size + beyond))
    purchases = np.where(rng.random(n) < bought, 1 + more, 0)
    nothing = np.full(n, np.nan)
    return bought, bought * (1.0 + beyond), Outcome(purchases > 0, purchases, nothing, np.zeros(n, bool), nothing)


def pit(counts, bought, expected, outcome, seed=9):
    n = outcome.purchases
    high, low = counts.below(n, bought, expected), counts.below(n - 1, bought, expected)
    return low + np.random.default_rng(seed).random(n.size) * (high - low)


def test_the_size_that_made_the_counts_is_found():
    assert Counts.learn([drawn(40_000, 1)]).size == pytest.approx(0.7, rel=0.05)


@pytest.mark.parametrize("poisson", [False, True])
def test_counts_drawn_anew_are_held_as_often_as_is_said(poisson):
    counts = Counts.learn([drawn(20_000, 1, poisson=poisson), drawn(20_000, 2, poisson=poisson)])
    bought, expected, outcome = drawn(40_000, 3, poisson=poisson)
    u = pit(counts, bought, expected, outcome)
    for rows in np.array_split(np.argsort(expected), 5):
        assert np.mean((u[rows] >= 0.05) & (u[rows] <= 0.95)) == pytest.approx(0.9, abs=0.02)
    low, high = counts.bounds(bought, expected, 0.9)
    assert np.mean((outcome.purchases >= low) & (outcome.purchases <= high)) >= 0.89


def test_bounds_are_the_quantiles_of_the_distribution():
    counts = Counts.learn([drawn(5_000, 1)])
    bought, expected, _ = drawn(500, 4)
    low, high = counts.bounds(bought, expected, 0.9)
    for bound, share in ((low, 0.05), (high, 0.95)):
        assert (counts.below(bound, bought, expected) >= share - 1e-6).all()
        assert (counts.below(bound - 1, bought, expected) < share + 1e-6).all()
    np.testing.assert_allclose(counts.below(0, bought, expected), 1.0 - bought)  # one word on who does not buy


def test_few_buyers_teach_nothing_and_the_document_is_the_value():
    few = Counts.learn([drawn(20, 1)])
    assert few == Counts.even()
    learned = Counts.learn([drawn(900, 1)])
    assert Counts.from_document(learned.to_document()) == learned
    never = learned.bounds(np.zeros(3), np.zeros(3), 0.9)
    assert not never[0].any() and not never[1].any()
