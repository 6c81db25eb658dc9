"""Late payment, expected loss, roll rates, what was known at an invoice: plain re-computations and limits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from lifecycle.models.credit.expected_loss import impairment_stage, lifetime_loss, loss_given_default
from lifecycle.models.credit.known_at_invoice import NEVER, known_at_invoice
from lifecycle.models.credit.late import BetaBinomial, DaysLate
from lifecycle.models.credit.roll_rates import bucket, roll_rates

RNG = np.random.default_rng(5)


def test_the_prior_of_simulated_customers_is_recovered():
    n = RNG.integers(1, 40, 4000)
    k = RNG.binomial(n, RNG.beta(0.8, 2.4, n.size))
    found = BetaBinomial.fit(k.astype(float), n.astype(float))
    assert found.bound == ""
    assert found.a == pytest.approx(0.8, rel=0.1)
    assert found.b == pytest.approx(2.4, rel=0.1)
    at_truth = stats.betabinom.logpmf(k, n, 0.8, 2.4).sum() - np.log(special.comb(n, k)).sum()
    assert found.log_likelihood >= at_truth


@pytest.mark.parametrize(("late", "bound"), [(0.0, "none_late"), (5.0, "all_late")])
def test_a_base_all_late_or_all_on_time_ends_at_a_bound_and_says_so(late, bound):
    found = BetaBinomial.fit(np.full(50, late), np.full(50, 5.0))
    assert found.bound == bound
    assert abs(found.probability(np.array([late]), np.array([5.0]))[0] - late / 5.0) < 0.01


def test_no_invoice_says_nothing():
    assert BetaBinomial.fit(np.zeros(3), np.zeros(3)).bound == "no_invoices"
    assert np.isnan(DaysLate.fit(np.zeros(3), np.zeros(3), np.zeros(3)).mean)


def test_more_late_than_judged_is_refused():
    with pytest.raises(ValueError, match="1 of 2 are not"):
        BetaBinomial.fit(np.array([1.0, 3.0]), np.array([2.0, 2.0]))


def test_the_tail_fires_for_at_most_alpha_where_nothing_changed_and_finds_what_changed():
    model = BetaBinomial(0.8, 2.4)
    p = RNG.beta(0.8, 2.4, 20_000)
    before, recent = RNG.integers(0, 60, p.size), RNG.integers(20, 40, p.size)
    k_before = RNG.binomial(before, p)
    calm = model.tail(RNG.binomial(recent, p), recent, k_before, before) < 0.05
    assert calm.mean() <= 0.05
    good = (before >= 20) & (p < 0.3)
    worse = model.tail(RNG.binomial(recent, 0.6 + 0.4 * p), recent, k_before, before) < 0.05
    assert worse[good].mean() >= 0.8


def test_days_late_are_drawn_to_the_base_as_credibility_asks():
    own = RNG.gamma(2.0, 3.0, 3000)
    n = np.full(own.size, 8.0)
    days = own[:, None] + RNG.normal(0, 5.0, (own.size, 8))
    model = DaysLate.fit(days.sum(axis=1), (days**2).sum(axis=1), n)
    assert model.weight == pytest.approx(25.0 / own.var(), rel=0.1)
    error = ((model.expected(days.sum(axis=1), n) - own) ** 2).mean()
    assert error < ((days.mean(axis=1) - own) ** 2).mean()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_what_is_known_at_an_invoice_is_what_a_plain_loop_finds_and_no_later_payment_moves_it(seed):
    rng = np.random.default_rng(seed)
    n = 40
    c, inv = rng.integers(0, 3, n), rng.integers(400, 700, n)
    due = np.where(rng.random(n) < 0.1, NEVER, inv + rng.integers(0, 60, n))
    paid = np.where(rng.random(n) < 0.2, NEVER, inv + rng.integers(0, 90, n))
    amount = rng.integers(1, 100, n).astype(float)
    found = known_at_invoice(c, inv, due, paid, amount)
    for e in range(n):
        mine = (c == c[e]) & (inv < inv[e])
        now = inv[e]
        judged = mine & (due < NEVER) & ((paid < now) | (due < now - 0) & (due + 1 < now))
        late = judged & (paid > due) & (due + 1 < now)
        still = mine & ~(paid < now)
        assert found["open_amount"][e] == pytest.approx(amount[still].sum())
        assert found["overdue_amount"][e] == pytest.approx(amount[still & (due + 1 < now)].sum())
        assert found["judged"][e] == judged.sum()
        assert found["late"][e] == late.sum()
    cut = 550
    moved = np.where(paid >= cut, paid.clip(max=NEVER - 50) + 17, paid)
    moved = np.where(paid == NEVER, 560, moved)
    early = inv <= cut - 1
    changed = known_at_invoice(c, inv, due, np.where(paid < cut, paid, np.maximum(moved, cut)), amount)
    assert found[early].equals(changed[early])


def test_lifetime_loss_of_one_undiscounted_year_is_the_twelve_month_loss_and_grows_with_life():
    p, ead = np.array([0.0, 0.02, 0.5, 1.0]), np.full(4, 200.0)
    assert lifetime_loss(p, 0.4, ead) == pytest.approx(p * 0.4 * 200.0)
    two = lifetime_loss(p, 0.4, ead, life_days=730)
    assert two == pytest.approx((1 - (1 - p) ** 2) * 80.0)
    assert (lifetime_loss(p, 0.4, ead, yearly_rate=0.1)[1:3] < p[1:3] * 80.0).all()


def test_impairment_stages_follow_the_presumptions_of_ifrs_9():
    p = np.array([0.01, 0.01, 0.03, 0.03, 0.001, 1.0])
    dpd = np.array([30.0, 31.0, 0.0, 0.0, 0.0, 91.0])
    before = np.array([0.01, 0.01, 0.015, np.nan, 0.0001, 0.01])
    stage = impairment_stage(p, dpd, dpd > 90, before)
    assert stage.tolist() == [1, 2, 2, 1, 1, 3]


def test_loss_given_default_is_estimated_only_where_enough_defaults_are_resolved():
    few = loss_given_default(np.full(29, 10.0), np.zeros(29))
    assert (few.share, few.basis) == (0.45, "assumed")
    truth = 0.35
    recovered = np.clip(1 - RNG.beta(3.5, 6.5, 500), 0, 1) * 10
    found = loss_given_default(np.full(500, 10.0), recovered)
    assert found.basis == "estimated"
    assert found.low < truth < found.high
    assert 0 <= loss_given_default(np.full(40, 10.0), np.zeros(40)).low <= 1


def test_roll_rates_show_counts_and_pool_small_buckets():
    before = np.repeat([0, 1, 2, 3, 4], [500, 3, 40, 35, 2])
    after = RNG.integers(0, 5, before.size)
    rates = roll_rates(before, after)
    assert rates.counts.to_numpy().sum() == before.size
    assert rates.pooled[1] == ("current", "1-30")
    assert rates.pooled[4] == ("61-90", "over 90")
    assert np.nansum(rates.shares.to_numpy(), axis=1) == pytest.approx(1.0)
    assert bucket(np.array([0.0, 90.5])).tolist() == [0, 4]
