"""Learners, measures and the choice against simulated truth and plain re-computation."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from lifecycle.models.uplift.choice import choose
from lifecycle.models.uplift.crossfit import average, cross_fit, folds_of, scores
from lifecycle.models.uplift.evaluate import DEPTHS, fold_ranks, gain_curve, groups, qini, slope, uplift_at
from lifecycle.models.uplift.learners import LEARNERS, basis, learn
from lifecycle.models.uplift.regression import fit, read
from lifecycle.models.uplift.trial import Trial


def simulated(n: int = 6000, *, differs: float, seed: int = 0, share: float = 0.4) -> Trial:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    arm = (rng.random(n) < share).astype(np.int64)
    outcome = x[:, 1] + arm * (0.5 + differs * x[:, 0]) + rng.normal(size=n)
    return Trial.of(x, arm, outcome, share)


def plain_qini(y: np.ndarray, score: np.ndarray, treated: np.ndarray) -> float:
    """Area by trapezoids over the distinct scores, from the definition, one threshold after the other."""
    points = [(0.0, 0.0)]
    for threshold in sorted(set(score.tolist()), reverse=True):
        top = score >= threshold
        n_t, n_c = (top & treated).sum(), (top & ~treated).sum()
        lost = y[top & ~treated].sum() * n_t / n_c if n_c else 0.0
        points.append((float(top.sum()), float(y[top & treated].sum() - lost)))
    area = sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(points))
    return area - points[-1][0] * points[-1][1] / 2


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_qini_is_the_area_from_its_definition_over_the_perfect_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 60
    arm, y, score = rng.integers(0, 2, n), rng.integers(0, 2, n).astype(float), rng.integers(0, 9, n).astype(float)
    arm[:2] = [0, 1]
    trial = Trial.of(np.zeros((n, 1)), arm, y, 0.5)
    best = plain_qini(y, y * arm - y * (1 - arm), arm > 0)
    if abs(best) > 1e-9:
        assert_allclose(qini(trial, score), plain_qini(y, score, arm > 0) / best, atol=1e-12)


def test_the_gain_curve_is_the_difference_of_means_by_depth() -> None:
    trial = simulated(1000, differs=1.0)
    score = trial.x[:, 0] + np.random.default_rng(1).normal(size=1000)
    curve = gain_curve(trial, score, bootstraps=50)
    for at in (9, 49, 99):
        top = np.argsort(-score, kind="stable")[: int(DEPTHS[at] * 1000)]
        y, t = trial.outcome[top], trial.treated[top]
        whole = trial.outcome[trial.treated].mean() - trial.outcome[~trial.treated].mean()
        assert_allclose(curve.gain[at], DEPTHS[at] * (y[t].mean() - y[~t].mean() - whole), atol=1e-12)
    assert curve.area_low < curve.area < curve.area_high


@settings(max_examples=20, deadline=None)
@given(st.floats(0.1, 9), st.floats(-5, 5))
def test_measures_look_at_the_order_alone(scale: float, shift: float) -> None:
    trial = simulated(500, differs=1.0)
    score, other = trial.x[:, 0], scale * trial.x[:, 0] ** 3 + shift
    assert qini(trial, score) == qini(trial, other)
    assert uplift_at(trial, score) == uplift_at(trial, other)
    assert gain_curve(trial, score, bootstraps=3).area == gain_curve(trial, other, bootstraps=3).area


def test_the_slope_is_that_of_least_squares_and_its_error_is_whites() -> None:
    rng = np.random.default_rng(2)
    effect, fold = rng.normal(size=400), np.zeros(400, np.int64)
    contrast = 0.7 * effect + rng.normal(size=400) * (1 + np.abs(effect))
    found, error = slope(contrast, effect, fold)
    design = np.column_stack([np.ones(400), effect])
    beta = np.linalg.lstsq(design, contrast, rcond=None)[0]
    inverse = np.linalg.inv(design.T @ design)
    white = inverse @ (design.T * (contrast - design @ beta) ** 2) @ design @ inverse
    assert_allclose([found, error], [beta[1], np.sqrt(white[1, 1])])
    assert slope(contrast, np.ones(400), fold) == (0.0, np.inf)


def test_every_learner_finds_a_linear_effect_and_speaks_of_its_size() -> None:
    trial = simulated(differs=1.0)
    truth = 0.5 + trial.x[:, 0]
    base = basis(trial)
    for name, one in learn(base).items():
        assert np.corrcoef(one.effect, truth)[0, 1] > 0.8, name
        assert abs(one.effect.mean() - 0.5) < 0.1, name
        assert 0.7 < slope(base.contrast, one.effect, base.trees.fold)[0] < 1.5, name
    assert set(LEARNERS) == set(learn(base))


def test_x_is_made_as_its_paper_makes_it() -> None:
    trial = simulated(2500, differs=1.0)
    fold = folds_of(trial)
    found = learn(basis(trial, fold=fold), ("x_ridge",))["x_ridge"].effect
    k, inside, outside = 2, fold == 2, fold != 2
    t, c = outside & (trial.arm == 1), outside & (trial.arm == 0)
    mu1, mu0 = (fit("trees", trial.x[rows], trial.outcome[rows]) for rows in (t, c))
    tau1 = fit("ridge", trial.x[t], trial.outcome[t] - mu0.predict(trial.x[t])).predict(trial.x[inside])
    tau0 = fit("ridge", trial.x[c], mu1.predict(trial.x[c]) - trial.outcome[c]).predict(trial.x[inside])
    assert_allclose(found[fold == k], 0.4 * tau0 + 0.6 * tau1)


def test_outcomes_of_a_fold_do_not_enter_its_own_predictions() -> None:
    trial = simulated(1500, differs=1.0)
    fold = folds_of(trial)
    other = trial.with_outcome(np.where(fold == 1, 1e6, trial.outcome))
    one, two = basis(trial, fold=fold), basis(other, fold=fold)
    for name in LEARNERS:
        assert (learn(one, (name,))[name].effect[fold == 1] == learn(two, (name,))[name].effect[fold == 1]).all(), name


def test_folds_are_even_within_arms_and_do_not_follow_the_order_of_rows() -> None:
    trial = simulated(1003, differs=0.0)
    fold = folds_of(trial)
    for arm in (0, 1):
        assert np.ptp(np.bincount(fold[trial.arm == arm])) <= 1
    shuffled = np.random.default_rng(5).permutation(trial.n)
    assert (folds_of(trial.at(shuffled)) == fold[shuffled]).all()


def test_scores_are_right_whatever_the_regression_says() -> None:
    trial = simulated(40_000, differs=0.5)
    for mean in (np.zeros((2, trial.n)), np.full((2, trial.n), 7.0), cross_fit(trial, folds_of(trial)).mean):
        psi = scores(trial, mean)
        effect, error = average(psi[1] - psi[0])
        assert abs(effect - 0.5) < 3.5 * error


def test_an_effect_that_differs_is_used_and_shrunk() -> None:
    choice = choose(simulated(differs=0.6), names=("t_ridge", "dr_ridge"), bootstraps=50)
    assert choice.differs
    assert choice.reason == "differs"
    at = np.array([[2.0, 0.0, 0.0], [-2.0, 0.0, 0.0]])
    assert_allclose(choice.predict(at), [0.5 + 1.2, 0.5 - 1.2], atol=0.2)
    low, high = choice.groups[0], choice.groups[-1]
    assert low[0] + 2 * low[1] < high[0] - 2 * high[1]
    assert choice.shrink <= 1


def test_an_effect_that_is_the_same_for_all_is_told_as_one_number() -> None:
    claimed = 0
    for seed in range(12):
        choice = choose(simulated(1500, differs=0.0, seed=seed), names=("t_ridge", "x_ridge"), bootstraps=60)
        claimed += choice.differs
        assert abs(choice.effect - 0.5) < 4 * choice.error
        if not choice.differs:
            assert set(choice.predict(np.zeros((3, 3)))) == {choice.effect}
    assert claimed <= 2


def test_groups_cover_everybody_once() -> None:
    contrast, rank = np.arange(103.0), fold_ranks(np.arange(103.0), np.zeros(103, np.int64), np.arange(103))
    found = groups(contrast, rank)
    assert [one[0] for one in found] == sorted(one[0] for one in found)
    assert len(found) == 5


@pytest.mark.parametrize("kind", ["trees", "ridge", "mean"])
def test_a_regression_is_the_same_after_it_was_text(kind: str) -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(1200, 3))
    x[::7, 1] = np.nan
    model = fit(kind, x, x[:, 0] + rng.normal(size=1200))  # type: ignore[arg-type]
    assert (read(model.text()).predict(x) == model.predict(x)).all()


def test_a_ridge_stands_missing_columns_and_rare_flags() -> None:
    rng = np.random.default_rng(4)
    x = np.column_stack([rng.normal(size=2000), np.full(2000, np.nan), (np.arange(2000) % 400 == 0) * 1.0])
    y = 2 * x[:, 0] + 5 * x[:, 2]
    model = fit("ridge", x, y)
    assert_allclose(model.predict(x)[x[:, 2] == 1] - 2 * x[x[:, 2] == 1, 0], 5, atol=0.6)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"outcome": np.array([np.nan, 1.0])}, "outcome must be finite; 1 of 2"),
        ({"propensity": 1.0}, "propensity must lie in"),
        ({"arm": np.array([0, 2])}, "arm must be 0"),
        ({"outcome": np.zeros(3)}, "must have as many"),
    ],
)
def test_what_is_no_trial_is_refused(change: dict[str, object], text: str) -> None:
    values: dict[str, object] = {
        "x": np.zeros((2, 1)), "arm": np.array([0, 1]), "outcome": np.zeros(2), "propensity": 0.5
    }  # fmt: skip
    with pytest.raises(ValueError, match=text):
        Trial.of(**(values | change))  # type: ignore[arg-type]


def test_two_arms_are_needed() -> None:
    trial = Trial.of(np.zeros((9, 1)), np.arange(9) % 3, np.zeros(9), np.full(3, 1 / 3))
    with pytest.raises(ValueError, match="two arms; found 3"):
        basis(trial)
