"""Weights, sharpness, level and spread of the pool, on members whose truth is known."""

import numpy as np
import pytest
from scipy.special import expit, logit

from lifecycle.models.forecasting import power_calibration as sharpness
from lifecycle.models.forecasting.forecast import Outcome
from lifecycle.models.forecasting.spend_dispersion import Spread
from lifecycle.models.forecasting.stacking import Held, choose, deviance, deviance_of_pool, log_loss_of_pool, shift_to

EVEN = (0.5, 0.5)


def binary_folds(noise, seed=0, n=5000):
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(2):
        odds = rng.normal(-1, 1.5, n)
        members = np.stack([odds + rng.normal(0, s, n) for s in noise])
        found.append(Held(members, (rng.random(n) < expit(odds)).astype(float)))
    return found


def test_the_better_member_gets_the_weight_and_equals_stay_even():
    assert choose(binary_folds((0.05, 2.0)), EVEN, log_loss_of_pool).values[0] >= 0.8
    assert choose(binary_folds((1.0, 1.0)), EVEN, log_loss_of_pool).values == EVEN
    assert choose([], EVEN, log_loss_of_pool).values == EVEN


def test_few_customers_do_not_move_the_weights():
    assert choose(binary_folds((0.3, 0.6), n=60), EVEN, log_loss_of_pool).values == EVEN


def test_the_shift_makes_the_sum_right_whatever_it_starts_from():
    odds = np.random.default_rng(0).normal(0, 3, 1000)
    for total in (0.5, 10.0, 500.0, 990.0):
        assert expit(odds + shift_to(odds, total)).sum() == pytest.approx(total, rel=1e-8)


def test_the_deviance_is_least_at_the_mean():
    rng = np.random.default_rng(1)
    mean = rng.gamma(1, 20, 200_000)
    actual = np.where(rng.random(mean.size) < 0.3, mean / 0.3 * rng.gamma(2, 0.5, mean.size), 0.0)
    at_mean = deviance(mean, actual).mean()
    for worse in (mean**0.7, mean**1.3, np.full(mean.size, mean.mean())):
        assert at_mean < deviance(worse, actual).mean()
    folds = [Held(np.stack([mean, rng.permutation(mean)]), actual)]
    assert choose(folds, EVEN, deviance_of_pool).values == (1.0, 0.0)


def test_what_was_blurred_is_sharpened_and_the_order_stays():
    rng = np.random.default_rng(2)
    mean = rng.gamma(1, 20, 20_000)
    actual = np.where(rng.random(mean.size) < 0.5, 2 * mean * rng.gamma(4, 0.25, mean.size), 0.0)
    found = sharpness.choose([(mean**0.8, actual)]).scaled_to(mean**0.8)
    assert 1.15 <= found.exponent <= 1.3
    sharp = found.apply(mean**0.8)
    assert sharp.sum() == pytest.approx((mean**0.8).sum())
    assert (np.argsort(sharp) == np.argsort(mean)).all()
    assert sharpness.choose([]).exponent == 1.0


def test_bounds_of_spend_cover_at_their_level():
    rng = np.random.default_rng(3)

    def draw(n):
        p = rng.uniform(0.8, 1.0, n)  # so likely to buy that a half of the distribution lies above 0 for all
        bought = rng.random(n) < p
        expected = rng.lognormal(3, 1, n)
        spend = np.where(bought, expected / p * rng.gamma(3, 1 / 3, n), 0.0)
        outcome = Outcome(bought, bought.astype(np.int64), spend, np.zeros(n, bool), np.full(n, np.nan))
        return p, expected, outcome

    found = Spread.learn([draw(20_000)])
    p, expected, outcome = draw(20_000)
    for coverage, most in ((0.5, 0.51), (0.9, 0.96)):  # a bound at 0 holds more than it must
        low, high = found.bounds(p, expected, coverage)
        assert coverage - 0.01 <= ((outcome.spend >= low) & (outcome.spend <= high)).mean() <= most
    assert found.noise_of_sum(p, expected) == pytest.approx(np.sqrt(((outcome.spend - expected) ** 2).sum()), rel=0.1)
    assert Spread.from_document(found.to_document()) == found


def test_logit_and_shift_agree_on_a_single_customer():
    assert expit(logit(0.3) + shift_to(np.array([logit(0.3), 0.0]), 1.0)) < 0.5
