"""Which learner is used, if any: chosen first by one measure, then tested once by others, so that nobody is picked by
the test that judges."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lifecycle.models.uplift.crossfit import average
from lifecycle.models.uplift.evaluate import GainCurve, fold_ranks, gain_curve, groups, qini, slope, uplift_at
from lifecycle.models.uplift.learners import LEARNERS, Basis, Learned, basis, learn
from lifecycle.models.uplift.trial import NORMAL_90, Codes, Floats, Trial

Reason = Literal[
    "differs", "loss_not_below_constant", "gain_area_not_above_zero", "slope_not_above_zero", "not_on_other_folds"
]


@dataclass(frozen=True, slots=True)
class Judged:
    """A learner on held-out folds.

    Attributes
    ----------
    name : str
        one of `LEARNERS`, or "constant".
    dr_loss : float
        mean((ψ − τ̂)²), ψ the doubly robust contrast.
    loss_difference, loss_difference_se : float
        the loss less the constant's, and its standard error.
    gain_area, gain_area_low, gain_area_high : float
        outcome per customer; 90 % interval.
    qini, uplift_at_30 : float
        as scikit-uplift has them.
    slope, slope_se : float
        of the best linear predictor.
    policy_value, optimism : float
        what treating whoever's τ̂ is over the cost gains over treating nobody, by doubly robust scores, a customer; and
        how much more the learner claims. NaN without a cost.
    """

    name: str
    dr_loss: float
    loss_difference: float
    loss_difference_se: float
    gain_area: float
    gain_area_low: float
    gain_area_high: float
    qini: float
    uplift_at_30: float
    slope: float
    slope_se: float
    policy_value: float = float("nan")
    optimism: float = float("nan")

    def metrics(self) -> dict[str, float]:
        """Return all numbers by name, as they are logged."""
        return {name: getattr(self, name) for name in self.__slots__ if name != "name"}


@dataclass(frozen=True, eq=False)
class Choice:
    """What was chosen and why.

    Attributes
    ----------
    name : str
        "constant", or the learner whose effects are used.
    leader : str
        the learner with the least loss, the only one that was tested.
    reason : Reason
        "differs", or the first test that the leader failed.
    effect, error : float
        the average effect and its standard error.
    judged : Mapping[str, Judged]
        every learner, and the constant.
    curve : GainCurve
        the leader's.
    groups : tuple[tuple[float, float], ...]
        (effect, standard error) of fifths by the leader's order, least first.
    learned : Learned
        the leader's models.
    shrink : float
        what the leader's differences are multiplied with: min(1, slope); 0 for the constant.
    centre : float
        mean of the leader's effects.
    """

    name: str
    leader: str
    reason: Reason
    effect: float
    error: float
    judged: Mapping[str, Judged]
    curve: GainCurve
    groups: tuple[tuple[float, float], ...]
    learned: Learned
    shrink: float
    centre: float

    @property
    def differs(self) -> bool:
        """Whether the effect was shown to differ between customers."""
        return self.name != "constant"

    def predict(self, x: Floats) -> Floats:
        """Return each customer's effect: the average + shrink·(τ̂ − mean τ̂)."""
        if not self.differs:
            return np.full(len(x), self.effect)
        return self.effect + self.shrink * (self.learned.predict(x) - self.centre)

    def on_trial(self) -> Floats:
        """Return the same of the trial's own customers, out of fold."""
        return self.effect + self.shrink * (self.learned.effect - self.centre)


def choose(
    trial: Trial,
    *,
    names: tuple[str, ...] = LEARNERS,
    fold: Codes | None = None,
    seed: int = 0,
    bootstraps: int = 200,
    cost: float | None = None,
) -> Choice:
    """Learn effects, choose the learner with the least DR-loss, and use it only where effects differ.

    It is used only if its loss is below the constant's, its gain area has a lower 90 % end above 0, and its slope of
    the best linear predictor is above 0 by 1.645 standard errors, and if the same holds where the folds are drawn anew:
    what shows on one cut of the customers alone is chance. Else the constant is used.

    Parameters
    ----------
    cost : float | None
        of treating a customer, in the outcome's unit; asks what following each learner is worth.

    Raises
    ------
    ValueError
        if the trial has not exactly two arms.
    """
    base = basis(trial, fold=fold, seed=seed)
    learned = learn(base, names, seed=seed)
    curves = {name: _curve(base, one.effect, bootstraps, seed) for name, one in learned.items()}
    judged = {name: _judged(base, one.name, one.effect, curves[name], cost) for name, one in learned.items()}
    judged["constant"] = _judged(base, "constant", base.constant, None, cost)
    leader = min(names, key=lambda name: judged[name].dr_loss)
    reason = _reason(judged[leader])
    if reason == "differs":
        again = basis(trial, seed=seed + 1)
        anew = learn(again, (leader,), seed=seed + 1)[leader].effect
        other = _judged(again, leader, anew, _curve(again, anew, bootstraps, seed + 1), cost)
        reason = "differs" if _reason(other) == "differs" else "not_on_other_folds"
    effect, error = average(base.contrast)
    differs = reason == "differs"
    return Choice(
        name=leader if differs else "constant",
        leader=leader,
        reason=reason,
        effect=effect,
        error=error,
        judged=judged,
        curve=curves[leader],
        groups=groups(base.contrast, fold_ranks(learned[leader].effect, base.trees.fold, trial.order)),
        learned=learned[leader],
        shrink=min(1.0, judged[leader].slope) if differs else 0.0,
        centre=float(learned[leader].effect.mean()),
    )


def _reason(one: Judged) -> Reason:
    if not one.loss_difference < 0:
        return "loss_not_below_constant"
    if not one.gain_area_low > 0:
        return "gain_area_not_above_zero"
    if not one.slope > NORMAL_90 * one.slope_se:
        return "slope_not_above_zero"
    return "differs"


def _curve(base: Basis, effect: Floats, bootstraps: int, seed: int) -> GainCurve:
    rank = fold_ranks(effect, base.trees.fold, base.trial.order)
    return gain_curve(base.trial, rank, bootstraps=bootstraps, seed=seed)


def _judged(base: Basis, name: str, effect: Floats, curve: GainCurve | None, cost: float | None) -> Judged:
    loss = (base.contrast - effect) ** 2
    difference, error = average(loss - (base.contrast - base.constant) ** 2)
    followed = _followed(base, effect, cost)
    if curve is None:
        ate = average(base.contrast)[0]
        return Judged(name, float(loss.mean()), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, ate, 0.0, 0.0, *followed)
    rank = fold_ranks(effect, base.trees.fold, base.trial.order)
    return Judged(
        name,
        float(loss.mean()),
        difference,
        error,
        curve.area,
        curve.area_low,
        curve.area_high,
        qini(base.trial, rank),
        uplift_at(base.trial, rank),
        *slope(base.contrast, effect, base.trees.fold),
        *followed,
    )


def _followed(base: Basis, effect: Floats, cost: float | None) -> tuple[float, float]:
    """Value of treating where the effect is over the cost, and what is claimed beyond it."""
    if cost is None:
        return float("nan"), float("nan")
    treated = effect > cost
    value = float((treated * (base.contrast - cost)).mean())
    return value, float((treated * (effect - cost)).mean()) - value
