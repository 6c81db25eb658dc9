"""Who wins a training: the rule that prefers one candidate by its evaluation on the test window."""

from collections.abc import Mapping, Sequence

import numpy as np

from lifecycle.models.evaluation.evaluation import LOWER_IS_BETTER, Evaluation

HEADLINE = ("churn_auc", "churn_log_loss", "churn_calibration_error", "spend_mae", "spend_bias", "spend_gini")
"""The metrics that notes and tables name first."""
REFERENCES = ("naive", "lifetimes")
"""Candidates that the others are measured against and that never score customers: base rates know no customer, and
lifetimes' Pareto/NBD loses all digits for some frequent buyers."""
DECIDING = ("churn_log_loss", "churn_auc", "spend_deviance", "spend_gini")
"""The metrics by which the winner of a training is found: probability, ranking, amount, ranking by amount.

The absolute error is not among them: it is least at the medians, so that whoever forecasts too little wins it."""
SMALLEST_LOSS = 1e-6
STEADIEST = "combined"
"""The candidate that stays the winner unless another is better beyond noise: its weights were chosen on several
windows and its level follows the season, where a lead in one window may be luck."""
NOISE = 0.9


def winner(judged: Mapping[str, Evaluation]) -> tuple[str, str]:
    """The candidate to prefer, and the reason in words: the least geometric mean of the losses of `DECIDING`.

    One metric alone can be won by luck of level in one window; a candidate that is near the top in probability, ranking
    and money is the one to rely on. Each metric counts as a loss, a ranking by what it lacks to a perfect one, and in
    ratios, so that none needs a unit and a large lead in one is worth more than a hair's breadth in another. Metrics
    that this window does not define are left out; ties go to the first name. The combination wins unless another's lead
    is beyond its bootstrap noise. References are never preferred.

    Raises
    ------
    ValueError
        no metric is defined on this window, or there are only references.
    """
    eligible = [name for name in judged if name not in REFERENCES]
    if not eligible:
        raise ValueError(
            f"learning.candidates: {', '.join(judged)} are only what others are measured against. Add a candidate that "
            "may score customers, such as combined."
        )
    values = {
        metric: {name: judged[name].metrics[metric] for name in eligible}
        for metric in DECIDING
        if all(np.isfinite(judged[name].metrics[metric]) for name in eligible)
    }
    if not values:
        raise ValueError(
            f"none of {', '.join(DECIDING)} is defined on the test window (everybody or nobody bought). "
            "Choose another horizon or as-of date."
        )
    numbers = {one: {metric: found[one] for metric, found in values.items()} for one in eligible}
    losses = {one: _mean_loss(numbers[one]) for one in eligible}
    name, *others = sorted(eligible, key=lambda one: (losses[one], one))
    reason = "least mean loss"
    if others:
        reason += f", {np.expm1(losses[others[0]] - losses[name]):.1%} ahead of {others[0]},"
    if STEADIEST in others:
        lead, low = _lead(judged[name], judged[STEADIEST], tuple(values))
        if low <= 0:
            reason = (
                f"{name} is {np.expm1(lead):.1%} ahead in mean loss, not beyond noise: the combination stays first,"
            )
            name = STEADIEST
    return name, f"{reason} over " + ", ".join(f"{metric} {value:.4g}" for metric, value in numbers[name].items())


def mean_loss(found: Evaluation) -> float:
    """Geometric mean of the losses of `DECIDING`, as far as the window defines them; NaN where it defines none."""
    known = {metric: found.metrics[metric] for metric in DECIDING if np.isfinite(found.metrics[metric])}
    return float(np.exp(_mean_loss(known))) if known else float("nan")


def _lead(first: Evaluation, second: Evaluation, metrics: Sequence[str]) -> tuple[float, float]:
    """By how much the first's mean log loss is lower than the second's, and the lower paired bootstrap bound of it."""
    lead = _mean_loss({m: second.metrics[m] for m in metrics}) - _mean_loss({m: first.metrics[m] for m in metrics})
    drawn = [
        _mean_loss({m: second.replicates[m][b] for m in metrics})
        - _mean_loss({m: first.replicates[m][b] for m in metrics})
        for b in range(first.replicates[metrics[0]].size)
    ]
    low = float(np.nanquantile(drawn, (1 - NOISE) / 2)) if np.isfinite(drawn).any() else lead
    return lead, lead + (low - lead) * first.shrink


def _mean_loss(metrics: Mapping[str, float]) -> float:
    """Mean of the logs of the losses."""
    return float(np.mean([np.log(_loss(metric, value)) for metric, value in metrics.items()]))


def _loss(metric: str, value: float) -> float:
    """What a metric lacks to a perfect forecast's."""
    lack = value if metric in LOWER_IS_BETTER else 1.0 - value
    return max(lack, SMALLEST_LOSS)
