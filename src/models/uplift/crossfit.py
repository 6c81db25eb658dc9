"""Cross-fitting: nobody's outcome enters the regressions that are used on them.

Folds are by customer. For fold k the regressions of each arm are fitted to the other folds; for what is learned on top
of them (DR) also to the others without one more, so that within the other folds, too, nobody is predicted by
regressions that saw them. Leaving out {j, k} serves both j and k: K(K−1)/2 fits an arm, not K(K−1).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from lifecycle.models.uplift.regression import Kind, Regression, fit
from lifecycle.models.uplift.trial import Codes, Floats, Trial

FOLDS = 5


def folds_of(trial: Trial, *, folds: int = FOLDS, seed: int = 0) -> Codes:
    """Return each customer's fold (n,), drawn by chance within each arm; the same for the same seed and order.

    >>> trial = Trial.of(np.zeros((10, 1)), np.arange(10) % 2, np.zeros(10), 0.5)
    >>> np.bincount(folds_of(trial)).tolist()
    [2, 2, 2, 2, 2]
    """
    rng = np.random.default_rng(seed)
    fold = np.empty(trial.n, np.int64)
    for arm in range(trial.arms):
        mine = np.flatnonzero(trial.arm == arm)
        mine = mine[np.argsort(trial.order[mine], kind="stable")]
        fold[rng.permutation(mine)] = (np.arange(mine.size) + arm) % folds
    return fold


@dataclass(frozen=True, eq=False)
class CrossFit:
    """Out-of-fold regressions of the outcome in each arm.

    Attributes
    ----------
    fold : Codes
        (n,) each customer's fold.
    mean : Floats
        (arms, n) expected outcome in each arm, by regressions that did not see the customer.
    inner : Floats | None
        (folds, arms, n) the same for customers outside fold k, by regressions that saw neither them nor fold k; NaN
        within fold k.
    models : tuple[tuple[Regression, ...], ...]
        per fold and arm, the regressions behind `mean`.
    """

    fold: Codes
    mean: Floats
    inner: Floats | None
    models: tuple[tuple[Regression, ...], ...]

    @property
    def folds(self) -> int:
        """Number of folds."""
        return len(self.models)

    def held_out(self) -> Iterator[tuple[int, NDArray[np.bool_], NDArray[np.bool_]]]:
        """Yield (fold, customers in it, customers outside)."""
        for k in range(self.folds):
            yield k, self.fold == k, self.fold != k


def cross_fit(trial: Trial, fold: Codes, *, kind: Kind = "trees", with_inner: bool = False, seed: int = 0) -> CrossFit:
    """Fit the outcome of every arm out of fold.

    Parameters
    ----------
    fold : Codes
        (n,) as `folds_of` gives it.
    with_inner : bool
        also fit what the DR-learner needs.
    """
    folds, arms = int(fold.max()) + 1, trial.arms

    def fitted(arm: int, out: tuple[int, ...]) -> Regression:
        rows = (trial.arm == arm) & ~np.isin(fold, out)
        return fit(kind, trial.x[rows], trial.outcome[rows], seed=seed)

    mean = np.empty((arms, trial.n))
    models = tuple(tuple(fitted(arm, (k,)) for arm in range(arms)) for k in range(folds))
    for k, of_fold in enumerate(models):
        for arm, model in enumerate(of_fold):
            mean[arm, fold == k] = model.predict(trial.x[fold == k])
    if not with_inner:
        return CrossFit(fold, mean, None, models)
    inner = np.full((folds, arms, trial.n), np.nan)
    for j, k in combinations(range(folds), 2):
        in_j, in_k = fold == j, fold == k
        for arm in range(arms):
            model = fitted(arm, (j, k))
            inner[k, arm, in_j] = model.predict(trial.x[in_j])
            inner[j, arm, in_k] = model.predict(trial.x[in_k])
    return CrossFit(fold, mean, inner, models)


def scores(trial: Trial, mean: Floats) -> Floats:
    """Return (arms, n) doubly robust scores: ψ_a = μ_a + 1[arm = a]·(y − μ_a)/e_a (Robins & Rotnitzky, 1995).

    Their mean over customers is the mean outcome had all been drawn into the arm, whatever μ is, as e is known.

    >>> trial = Trial.of(np.zeros((2, 1)), np.array([0, 1]), np.array([1.0, 3.0]), 0.5)
    >>> scores(trial, np.zeros((2, 2))).tolist()
    [[2.0, 0.0], [0.0, 6.0]]
    """
    drawn = trial.arm == np.arange(trial.arms)[:, None]
    return mean + np.where(drawn, (trial.outcome - mean) / trial.propensity.T, 0.0)


def average(values: Floats) -> tuple[float, float]:
    """Return mean and standard error, sd/√n.

    >>> average(np.array([1.0, 3.0]))
    (2.0, 1.0)
    """
    if values.size < 2:
        return (float(values.mean()) if values.size else float("nan")), float("nan")
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(values.size))
