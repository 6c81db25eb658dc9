"""Policies against arms whose means are known, and real experiments."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from lifecycle.models.uplift.choice import choose
from lifecycle.models.uplift.policy import off_policy, policy_table
from lifecycle.models.uplift.trial import Trial

DATA = Path(__file__).parents[3].parent / "shared" / "data"


def arms(n: int, *, differs: float, seed: int = 0) -> tuple[Trial, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    means = np.stack([x[:, 1], x[:, 1] + 0.2 + differs * x[:, 0], x[:, 1] + 0.1 - differs * x[:, 0]])
    arm = rng.integers(0, 3, n)
    return Trial.of(x, arm, means[arm, np.arange(n)] + rng.normal(size=n), np.full(3, 1 / 3)), means


def test_a_policy_that_is_better_is_used_and_its_worth_is_true() -> None:
    trial, means = arms(6000, differs=1.0)
    table = policy_table(trial, ("none", "a", "b"), cost=(0, 0, 0))
    assert table.chosen in ("t_trees", "t_ridge", "dr_ridge")
    worth, best = table.policies[table.chosen], means.max(axis=0).mean()
    true = means[table.choice[table.chosen], np.arange(trial.n)].mean()
    assert abs(worth.value - true) < 3 * worth.error
    assert best - true < 0.05 * (best - means[0].mean())
    assert_allclose(worth.gain, worth.value - table.policies[table.best_constant].value)


def test_without_differences_the_best_constant_arm_stays() -> None:
    trial, _ = arms(4000, differs=0.0)
    table = policy_table(trial, ("none", "a", "b"), cost=(0, 0, 0), present=np.full(4000, 2))
    assert table.chosen == table.best_constant == "all a"
    assert table.policies["present"].value == table.policies["all b"].value
    dear = policy_table(trial, ("none", "a", "b"), cost=(0, 5, 5))
    assert dear.chosen == "none"
    assert_allclose(dear.policies["all a"].value, table.policies["all a"].value - 5)


def test_off_policy_values_agree_with_the_truth_and_with_each_other() -> None:
    rng = np.random.default_rng(1)
    n = 20_000
    x = rng.normal(size=(n, 1))
    share = np.clip(0.5 + 0.2 * x[:, 0], 0.1, 0.9)
    arm = (rng.random(n) < share).astype(np.int64)
    y = arm * (1 + x[:, 0]) + rng.normal(size=n)
    trial = Trial.of(x, arm, y, share)
    wanted = np.column_stack([x[:, 0] <= 0, x[:, 0] > 0]).astype(float)
    truth = float(np.where(x[:, 0] > 0, 1 + x[:, 0], 0).mean())
    found = off_policy(trial, wanted, np.stack([np.zeros(n), 1 + x[:, 0]]))
    assert abs(found.dr - truth) < 3 * found.error
    assert_allclose([found.ips, found.snips], truth, atol=0.05)


def test_a_log_that_says_nothing_about_a_policy_is_refused() -> None:
    trial = Trial.of(np.zeros((400, 1)), (np.arange(400) == 0).astype(np.int64), np.zeros(400), 0.005)
    with pytest.raises(ValueError, match="Explore more"):
        off_policy(trial, np.tile([0.0, 1.0], (400, 1)))


@pytest.mark.skipif(not (DATA / "hillstrom").exists(), reason="Hillstrom's experiment is not there")
def test_hillstrom_mens_to_all_stays_and_conversion_has_one_effect() -> None:
    frame = pd.read_parquet(DATA / "hillstrom" / "customers.parquet")
    names = ("No E-Mail", "Mens E-Mail", "Womens E-Mail")
    x = frame[["recency", "history", "mens", "womens", "newbie"]].to_numpy(float)
    arm = frame["segment"].map(dict(zip(names, range(3), strict=True))).to_numpy(np.int64)
    spend = Trial.of(x, arm, frame["spend"].to_numpy(float), np.bincount(arm) / arm.size)
    table = policy_table(spend, names, cost=(0, 0, 0))
    assert table.chosen == "all Mens E-Mail"
    assert_allclose(table.policies["all Mens E-Mail"].value, 1.42, atol=0.02)  # the arm's mean, published with the data
    assert table.policies["t_trees"].optimism > 0
    bought = spend.with_outcome(frame["conversion"].to_numpy(float))
    two = arm < 2
    part = Trial.of(x[two], arm[two], bought.outcome[two], float((arm == 1).sum() / two.sum()))
    assert choose(part, names=("t_ridge", "dr_ridge"), bootstraps=60).name == "constant"
