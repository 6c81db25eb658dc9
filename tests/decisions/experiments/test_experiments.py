"""Trust, effects, rates and control share against published numbers, other libraries and simulated truth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

from lifecycle.decisions.experiments.control_share import Situation, advise, information_worth, rate_error
from lifecycle.decisions.experiments.effects import Drawn, measure, newcombe, welch
from lifecycle.decisions.experiments.rates import Evidence, Rates, posterior
from lifecycle.decisions.experiments.trust import examine


def clean(n: int = 3000, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 4)), rng.random(n) < 0.5, rng.random(n) < 0.2


def test_a_clean_draw_is_trusted() -> None:
    trusted = 0
    for seed in range(20):
        x, treated, bought = clean(2000, seed)
        trusted += examine(x, treated, bought, contacted=np.zeros(2000, bool), planned=0.5).trusted
    assert trusted >= 19


def test_each_break_is_caught_by_its_check() -> None:
    x, treated, bought = clean()
    quiet = np.zeros(3000, bool)
    assert examine(x, treated, bought, contacted=quiet, planned=0.55).why_not == "sample_ratio"
    assert "balance" in examine(x + 0.3 * treated[:, None], treated, bought, contacted=quiet, planned=0.5).why_not
    by_product = (x[:, 0] * x[:, 1] > 0) ^ (
        np.random.default_rng(1).random(3000) < 0.3
    )  # means agree, the draw does not
    assert examine(x, by_product, bought, contacted=quiet, planned=None).why_not == "foretold"
    reached = np.random.default_rng(2).random(3000) < 0.1
    assert examine(x, treated, bought, contacted=reached, planned=0.5).why_not == "contamination"
    assert examine(x[:150], treated[:150], bought[:150], contacted=quiet[:150], planned=0.5).why_not == "too_small"
    few = np.zeros(3000, bool)
    few[:12] = True
    assert "too_small" in examine(x, treated, few, contacted=quiet, planned=0.5).why_not


def test_the_sample_ratio_is_the_chi_square_of_two_counts() -> None:
    x, treated, bought = clean()
    found = examine(x, treated, bought, contacted=np.zeros(3000, bool), planned=0.52)
    counts = [treated.sum(), (~treated).sum()]
    assert_allclose(found.value("sample_ratio"), stats.chisquare(counts, [1560, 1440]).pvalue)


def test_contacts_of_the_treated_contaminate_nothing() -> None:
    x, treated, bought = clean()
    assert examine(x, treated, bought, contacted=treated, planned=0.5).trusted


def test_welch_agrees_with_scipy() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.gamma(1, 5, 80), rng.gamma(2, 2, 33)
    interval = stats.ttest_ind(one, other, equal_var=False).confidence_interval(0.95)
    assert_allclose(welch(one, other), [interval.low, interval.high])


@pytest.mark.parametrize(
    ("a", "m", "b", "n", "low", "high"),
    [(56, 70, 48, 80, 0.0524, 0.3339), (9, 10, 3, 10, 0.1705, 0.8090), (10, 10, 0, 10, 0.6075, 1.0)],
)
def test_newcombe_gives_the_intervals_of_his_table(a: int, m: int, b: int, n: int, low: float, high: float) -> None:
    """Newcombe (1998), table II, method 10, contrasts a, b(ii) and h(i)."""
    found = newcombe(np.repeat([1.0, 0.0], [a, m - a]), np.repeat([1.0, 0.0], [b, n - b]))
    assert_allclose(found, [low, high], atol=5e-5)


def drawn(n: int = 6000, *, effect: float = 0.1, seed: int = 0) -> Drawn:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    treated = rng.random(n) < 0.6
    bought = (rng.random(n) < np.clip(0.3 + 0.15 * x[:, 0] + effect * treated, 0, 1)).astype(float)
    return Drawn(x, treated, np.full(n, 0.6), bought, 20 * bought, np.full(n, 0.5), 2 * bought * treated, 0.4)


def test_a_known_effect_is_found_and_adjusting_saves_variance() -> None:
    by = {one.outcome: one for one in measure(drawn(), {})}
    assert by["buyers"].adj_low < 0.1 < by["buyers"].adj_high
    plain_error = (by["buyers"].high - by["buyers"].low) / (2 * 1.96)
    assert by["buyers"].se < 0.97 * plain_error
    assert_allclose(by["margin"].adjusted, 0.4 * by["spend"].adjusted)
    # contact .5 for every treated, incentive 2 for every treated buyer
    assert_allclose(by["net_worth"].effect, by["margin"].effect - 0.5 - 2 * by["buyers"].mean_t, atol=1e-12)


def test_segments_add_up_and_holm_never_lowers_a_p() -> None:
    one = drawn()
    stage = np.where(one.x[:, 1] > 0, "decline", "mature")
    found = measure(one, {"stage": stage})
    for outcome in ("spend", "net_worth"):
        rows = {row.segment: row for row in found if row.outcome == outcome}
        assert_allclose(rows["decline"].total + rows["mature"].total, rows[""].total)
        assert rows["decline"].n_t + rows["mature"].n_t == rows[""].n_t
    p, holm = np.array([row.p for row in found]), np.array([row.p_holm for row in found])
    order = np.argsort(p)
    plain = np.minimum(1, np.maximum.accumulate((p.size - np.arange(p.size)) * p[order]))
    assert_allclose(holm[order], plain)


def test_what_was_drawn_counts_and_not_the_order_of_rows() -> None:
    one = drawn(1000)
    for row in measure(one, {"none": np.full(1000, "")}):
        assert row.by == "all"
        assert row.n_t == one.treated.sum()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-0.2, 0.4), st.floats(0.01, 0.2)), min_size=1, max_size=5),
    st.floats(0.02, 0.3),
    st.floats(0.01, 0.1),
)
def test_one_stage_is_precision_weighting(seen: list[tuple[float, float]], prior: float, prior_sd: float) -> None:
    found = [Evidence("a", "decline", rate, sd, 100) for rate, sd in seen]
    one = posterior("a", ("decline",), prior=prior, prior_sd=prior_sd, found=found)[0]
    precision = prior_sd**-2 + sum(sd**-2 for _, sd in seen)
    mean = (prior * prior_sd**-2 + sum(rate * sd**-2 for rate, sd in seen)) / precision
    assert_allclose([one.rate, one.sd], [np.clip(mean, 0, 1), precision**-0.5])
    assert one.campaigns == len(seen)


def test_stages_borrow_as_the_joint_normal_says() -> None:
    """The posterior of (r_1, r_2, r_3) by conditioning the joint normal, with τ² as estimated."""
    y, s = np.array([0.30, 0.02]), np.array([0.02, 0.03])
    found = [Evidence("a", stage, rate, sd, 10) for stage, rate, sd in zip(("new", "growth"), y, s, strict=True)]
    rows = posterior("a", ("new", "growth", "mature"), prior=0.1, prior_sd=0.05, found=found)
    w = 1 / s**2
    centre = w @ y / w.sum()
    between = max(0, (w @ (y - centre) ** 2 - 1) / (w.sum() - (w**2).sum() / w.sum()))
    assert between > 0
    prior = np.full((3, 3), 0.05**2) + between * np.eye(3)
    seen = prior[:2, :2] + np.diag(s**2)
    gain = prior[:, :2] @ np.linalg.inv(seen)
    mean = 0.1 + gain @ (y - 0.1)
    spread = np.sqrt(np.diag(prior - gain @ prior[:2, :]))
    assert_allclose([row.rate for row in rows], mean)
    assert_allclose([row.sd for row in rows], spread)


def test_without_contacts_the_prior_stands_to_the_last_bit() -> None:
    rows = posterior("a", ("new", "mature"), prior=0.1 / 3, prior_sd=0.1 / 7, found=[Evidence("b", "new", 1, 0.1, 9)])
    assert [(row.rate, row.sd, row.basis) for row in rows] == [(0.1 / 3, 0.1 / 7, "assumed")] * 2
    assert Rates(rows).of("a", "mature") == rows[1]
    assert Rates(rows).of("other", "mature") is None


def test_evidence_turns_assumed_into_mixed_and_measured() -> None:
    bases = [
        posterior("a", ("new",), prior=0.1, prior_sd=0.05, found=[Evidence("a", "new", 0.02, sd, 9)])[0].basis
        for sd in (0.05, 0.01)
    ]
    assert bases == ["mixed", "measured"]


def test_information_is_worth_what_simulated_decisions_gain() -> None:
    one = Situation(4000, 0.08, 0.05, 0.06, 40.0, 0.3, 0.3)
    rng = np.random.default_rng(0)
    truth = rng.normal(one.rate, one.sd, 400_000)
    error = rate_error(one, 0.1, one.contacts)
    seen = truth + rng.normal(0, error, truth.size)
    mean = (one.rate / one.sd**2 + seen / error**2) / (one.sd**-2 + error**-2)
    now = (truth - one.break_even) * one.won
    learned = np.where(mean > one.break_even, now, 0).mean() - now.mean()
    expected = one.contacts * (learned * 7 - 0.1 * (one.rate - one.break_even) * one.won)
    assert_allclose(information_worth(one, 0.1, rounds=8), expected, rtol=0.03)


def test_the_errors_of_the_reference_design() -> None:
    """Share of buyers .3, movable .3: sd of the rate by contacts and control share."""
    one = Situation(1, 0.1, 0.05, 0.05, 40.0, 0.3, 0.3)
    for contacts, tenth, half in ((1000, 0.161, 0.097), (4000, 0.081, 0.048), (16_000, 0.040, 0.024)):
        assert_allclose([rate_error(one, 0.1, contacts), rate_error(one, 0.5, contacts)], [tenth, half], atol=6e-4)


def test_contacts_needed_bring_the_interval_to_the_distance_from_break_even() -> None:
    one = Situation(4000, 0.1, 0.05, 0.04, 40.0, 0.3, 0.3)
    needed = advise(one, share=0.1).needed
    assert needed is not None
    assert_allclose(1.6449 * rate_error(one, 0.1, needed), 0.06, rtol=1e-3)
    assert advise(Situation(4000, 0.1, 0.05, 0.1, 40.0, 0.3, 0.3), share=0.1).needed is None
