"""Learners of a treatment's effect on a customer, τ(x), each cross-fitted: constant, T, X and DR.

T: τ = μ_1 − μ_0. X (Künzel et al., 2019): what the treated brought beyond μ_0 and the others fell short of μ_1, each
regressed on x and mixed by the propensity. DR (Kennedy, 2023): the doubly robust contrast ψ_1 − ψ_0 regressed on x.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from lifecycle.models.uplift.crossfit import CrossFit, cross_fit, folds_of, scores
from lifecycle.models.uplift.regression import Kind, Regression, fit
from lifecycle.models.uplift.trial import Codes, Floats, Trial

LEARNERS: Final = ("t_trees", "t_ridge", "x_trees", "x_ridge", "dr_trees", "dr_ridge")
"""All that compete with the constant, in the order that breaks ties."""


@dataclass(frozen=True, eq=False)
class Part:
    """One fold's effect: Σ weight·regression(x)."""

    weights: tuple[float, ...]
    models: tuple[Regression, ...]

    def predict(self, x: Floats) -> Floats:
        """Return τ(x), one number a row."""
        total = np.zeros(len(x))
        for weight, model in zip(self.weights, self.models, strict=True):
            total += weight * model.predict(x)
        return total


@dataclass(frozen=True, eq=False)
class Learned:
    """A learner's effects.

    Attributes
    ----------
    name : str
        one of `LEARNERS`.
    effect : Floats
        (n,) out-of-fold τ of the trial's customers.
    parts : tuple[Part, ...]
        the folds' models; `predict` is their mean.
    """

    name: str
    effect: Floats
    parts: tuple[Part, ...]

    def predict(self, x: Floats) -> Floats:
        """Return τ(x) of customers who were not in the trial."""
        return np.asarray(np.mean([part.predict(x) for part in self.parts], axis=0))


@dataclass(frozen=True, eq=False)
class Basis:
    """What all learners of a trial share.

    Attributes
    ----------
    trial : Trial
        with two arms.
    trees, ridge : CrossFit
        out-of-fold outcomes; the trees' also within the other folds.
    contrast : Floats
        (n,) ψ_1 − ψ_0 by which all are judged.
    constant : Floats
        (n,) the average effect of the other folds.
    """

    trial: Trial
    trees: CrossFit
    ridge: CrossFit
    contrast: Floats
    constant: Floats


def basis(trial: Trial, *, fold: Codes | None = None, seed: int = 0) -> Basis:
    """Fit what all learners share.

    Raises
    ------
    ValueError
        if the trial has not exactly two arms.
    """
    if trial.arms != 2:
        raise ValueError(f"uplift: a trial must have two arms; found {trial.arms}. Compare one treatment at a time.")
    fold = folds_of(trial, seed=seed) if fold is None else fold
    trees = cross_fit(trial, fold, with_inner=True, seed=seed)
    ridge = cross_fit(trial, fold, kind="ridge")
    psi = scores(trial, trees.mean)
    constant = np.empty(trial.n)
    for k, inside, outside in trees.held_out():
        constant[inside] = _inner_contrast(trial, trees, k, outside).mean()
    return Basis(trial, trees, ridge, psi[1] - psi[0], constant)


def learn(base: Basis, names: tuple[str, ...] = LEARNERS, *, seed: int = 0) -> Mapping[str, Learned]:
    """Return the learners' effects, out of fold.

    >>> rng = np.random.default_rng(1)
    >>> x = rng.normal(size=(4000, 2))
    >>> arm = rng.integers(0, 2, 4000)
    >>> trial = Trial.of(x, arm, x[:, 0] * arm + rng.normal(size=4000), 0.5)
    >>> effect = learn(basis(trial), ("dr_ridge",))["dr_ridge"].effect
    >>> bool(np.corrcoef(effect, x[:, 0])[0, 1] > 0.95)
    True
    """
    found = {}
    for name in names:
        parts = tuple(_part(name, base, k, outside, seed) for k, _, outside in base.trees.held_out())
        effect = np.empty(base.trial.n)
        for k, inside, _ in base.trees.held_out():
            effect[inside] = parts[k].predict(base.trial.x[inside])
        found[name] = Learned(name, effect, parts)
    return found


def _part(name: str, base: Basis, k: int, outside: np.ndarray, seed: int) -> Part:
    trial = base.trial
    learner, _, kind_name = name.partition("_")
    kind: Kind = "trees" if kind_name == "trees" else "ridge"
    if learner == "t":
        control, treated = (base.trees if kind == "trees" else base.ridge).models[k]
        return Part((1.0, -1.0), (treated, control))
    if learner == "dr":
        return Part((1.0,), (fit(kind, trial.x[outside], _inner_contrast(trial, base.trees, k, outside), seed=seed),))
    control, treated = base.trees.models[k]
    of_treated, of_control = outside & trial.treated, outside & ~trial.treated
    gained = trial.outcome[of_treated] - control.predict(trial.x[of_treated])
    missed = treated.predict(trial.x[of_control]) - trial.outcome[of_control]
    share = float(trial.propensity[outside, 1].mean())
    return Part(
        (1 - share, share),
        (fit(kind, trial.x[of_treated], gained, seed=seed), fit(kind, trial.x[of_control], missed, seed=seed)),
    )


def _inner_contrast(trial: Trial, trees: CrossFit, k: int, outside: np.ndarray) -> Floats:
    if trees.inner is None:
        raise ValueError("uplift: the DR-learner needs outcomes fitted with_inner=True.")
    psi = scores(trial.at(outside), trees.inner[k][:, outside])
    return np.asarray(psi[1] - psi[0])
