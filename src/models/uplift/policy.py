"""What a policy is worth: by cross-fitted doubly robust scores, against nothing, constant arms and the present rule.

A learned policy gives each customer the arm with the largest estimated net value, or none. The learner is chosen by its
DR-loss and judged by its worth, so that no policy is picked by what judges it. It takes the place of the best constant
arm only if the lower 90 % end of the paired difference is above 0 (Kitagawa & Tetenov, 2018; Athey &
Wager, 2021). What a model claims of its own policy stands beside its worth.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from lifecycle.models.uplift.crossfit import CrossFit, average, cross_fit, folds_of, scores
from lifecycle.models.uplift.evaluate import lower_90
from lifecycle.models.uplift.regression import Kind, fit
from lifecycle.models.uplift.trial import Codes, Floats, Trial

POLICIES: Final = ("t_trees", "t_ridge", "dr_ridge")
"""Learned policies that compete: the arm with the largest net value by each learner."""
MOST_WEIGHT: Final = 100.0
LEAST_SAMPLE: Final = 50.0


@dataclass(frozen=True, eq=False)
class Worth:
    """A policy's worth.

    Attributes
    ----------
    name : str
        "all …" for a constant arm, "none", "present", or a learner.
    value, error : float
        net value a customer and its standard error.
    claim : float
        what the model behind the policy says it is worth; NaN where there is none.
    gain, gain_error, gain_low : float
        paired difference to the best constant arm, its standard error and lower 90 % end.
    treated : float
        share of customers who get any treatment.
    """

    name: str
    value: float
    error: float
    claim: float
    gain: float
    gain_error: float
    gain_low: float
    treated: float

    @property
    def optimism(self) -> float:
        """What the model claims beyond the policy's worth; NaN where there is no model."""
        return self.claim - self.value


@dataclass(frozen=True, eq=False)
class PolicyTable:
    """All policies held against each other.

    Attributes
    ----------
    chosen : str
        the policy that is used.
    best_constant : str
        the constant arm (or none) of the largest value.
    policies : Mapping[str, Worth]
        by name.
    choice : Mapping[str, Codes]
        arm for each customer of the trial, (n,) by name.
    """

    chosen: str
    best_constant: str
    policies: Mapping[str, Worth]
    choice: Mapping[str, Codes]


def policy_table(
    trial: Trial,
    names: Sequence[str],
    *,
    cost: Sequence[float],
    margin: float = 1.0,
    present: Codes | None = None,
    fold: Codes | None = None,
    seed: int = 0,
) -> PolicyTable:
    """Return the worth of every policy in net value a customer: margin·outcome − cost of the arm.

    Parameters
    ----------
    trial : Trial
        arm 0 is the one left alone.
    names : Sequence[str]
        of the arms; the first is shown as "none".
    cost : Sequence[float]
        of one customer in each arm.
    present : Codes | None
        (n,) the arm that the rule in force gives each customer, without a look at outcomes.

    >>> rng = np.random.default_rng(0)
    >>> arm = rng.integers(0, 2, 2000)
    >>> x = rng.normal(size=(2000, 1))
    >>> trial = Trial.of(x, arm, 3 * x[:, 0] * arm + rng.normal(size=2000), 0.5)
    >>> policy_table(trial, ("none", "letter"), cost=(0, 0.1)).chosen != "none"
    True
    """
    if not len(names) == len(cost) == trial.arms:
        raise ValueError(
            f"policy_table: {trial.arms} arms need as many names and costs; found {len(names)}, {len(cost)}."
        )
    fold = folds_of(trial, seed=seed) if fold is None else fold
    price = np.asarray(cost, np.float64)[:, None]
    trees = cross_fit(trial, fold, with_inner=True, seed=seed)
    ridge = cross_fit(trial, fold, kind="ridge")
    payoff = margin * scores(trial, trees.mean) - price
    everyone = np.zeros(trial.n, np.int64)
    choice = {"none" if a == 0 else f"all {names[a]}": everyone + a for a in range(trial.arms)}
    constants = tuple(choice)
    if present is not None:
        choice["present"] = present
    claim: dict[str, float] = {}
    loss: dict[str, float] = {}
    for name in POLICIES:
        believed = margin * _believed(name, trial, trees, ridge, seed) - price
        loss[name] = float(((payoff[1:] - payoff[0] - believed[1:] + believed[0]) ** 2).mean())
        choice[name] = believed.argmax(axis=0)
        claim[name] = float(believed.max(axis=0).mean())
    worth = {name: payoff[arm, np.arange(trial.n)] for name, arm in choice.items()}
    best = max(constants, key=lambda name: worth[name].mean())
    policies = {}
    for name, values in worth.items():
        gain, error = average(values - worth[best])
        policies[name] = Worth(
            name,
            *average(values),
            claim.get(name, float("nan")),
            gain,
            error,
            lower_90(gain, error) if name != best else 0.0,
            float((choice[name] > 0).mean()),
        )
    leader = min(POLICIES, key=lambda name: loss[name])
    return PolicyTable(leader if policies[leader].gain_low > 0 else best, best, policies, choice)


def _believed(name: str, trial: Trial, trees: CrossFit, ridge: CrossFit, seed: int) -> Floats:
    """Return (arms, n) out-of-fold outcomes that a learner believes in."""
    if name == "t_trees":
        return trees.mean
    if name == "t_ridge":
        return ridge.mean
    if trees.inner is None:
        raise ValueError("policy: the DR-learner needs outcomes fitted with_inner=True.")
    kind: Kind = "ridge"
    believed = np.empty((trial.arms, trial.n))
    for k, inside, outside in trees.held_out():
        psi = scores(trial.at(outside), trees.inner[k][:, outside])
        for arm in range(trial.arms):
            believed[arm, inside] = fit(kind, trial.x[outside], psi[arm], seed=seed).predict(trial.x[inside])
    return believed


@dataclass(frozen=True, slots=True)
class OffPolicy:
    """Worth of a policy from contacts that another one made with known chances.

    Attributes
    ----------
    ips, snips, dr : float
        inverse propensity, self-normalised, and doubly robust value.
    error : float
        standard error of `dr`.
    sample : float
        effective sample size, (Σw)²/Σw².
    """

    ips: float
    snips: float
    dr: float
    error: float
    sample: float


def off_policy(trial: Trial, wanted: Floats, expected: Floats | None = None) -> OffPolicy:
    """Return the value of drawing arm a with probability `wanted` (n, arms), from a log with known propensities.

    Parameters
    ----------
    expected : Floats | None
        (arms, n) out-of-fold outcomes; without them `dr` is `ips`.

    Raises
    ------
    ValueError
        where a weight is over 100 or the effective sample is under 50: such a log says nothing about the policy.

    >>> trial = Trial.of(np.zeros((100, 1)), np.arange(100) % 2, np.arange(100) % 2 * 2.0, 0.5)
    >>> always = np.tile([0.0, 1.0], (100, 1))
    >>> off_policy(trial, always).snips, off_policy(trial, always).sample
    (2.0, 50.0)
    """
    each = np.arange(trial.n)
    weight = wanted[each, trial.arm] / trial.propensity[each, trial.arm]
    square = float(weight @ weight)
    sample = float(weight.sum()) ** 2 / square if square > 0 else 0.0
    if weight.max(initial=0.0) > MOST_WEIGHT or sample < LEAST_SAMPLE:
        raise ValueError(
            f"off_policy: weights must be at most {MOST_WEIGHT:g} and the effective sample at least {LEAST_SAMPLE:g}; "
            f"found {weight.max(initial=0.0):.3g} and {sample:.3g}. Explore more before you judge this policy."
        )
    base = np.zeros((trial.arms, trial.n)) if expected is None else expected
    terms = (wanted.T * base).sum(axis=0) + weight * (trial.outcome - base[trial.arm, each])
    mean, error = average(terms)
    return OffPolicy(
        float((weight * trial.outcome).mean()), float(weight @ trial.outcome / weight.sum()), mean, error, sample
    )
