"""The rule by which a challenger becomes champion."""

import dataclasses

import numpy as np

from lifecycle.models.evaluation.evaluation import LOWER_IS_BETTER, NEARER_ZERO, Evaluation

CALIBRATION = "churn_calibration_error"
NEGLIGIBLE = 1e-5  # differences of metrics that rounding in another order of sums can make


@dataclasses.dataclass(frozen=True)
class Decision:
    """Whether to promote, why in one sentence, and the numbers it rests on.

    gain: by how much the challenger is better on the metric (positive is better whatever the metric's direction), with
    the paired bootstrap bounds gain_low and gain_high; NaN where there was nothing to compare with.
    """

    promote: bool
    reason: str
    metric: str
    gain: float
    gain_low: float
    gain_high: float


def decide(
    champion: Evaluation | None,
    challenger: Evaluation,
    *,
    metric: str = "churn_log_loss",
    reproduces: bool = True,
    champion_age_days: int = 0,
    horizon: int = 90,
) -> Decision:
    """Decide on promotion; both sides judged on the same customers and window.

    Promoted is a challenger that (1) gives the same predictions when loaded back in a fresh process (`reproduces`,
    found out by the caller), (2) is not worse calibrated beyond noise and (3) is better on the metric beyond noise;
    or, once the champion is older than one horizon, not worse beyond noise: a champion that only a better one can
    replace would rot.

    Raises
    ------
    ValueError
        the metric is unknown or of no direction, or the two judged different outcomes.
    """
    if metric not in challenger.metrics or metric in NEARER_ZERO:
        allowed = ", ".join(name for name in challenger.metrics if name not in NEARER_ZERO)
        raise ValueError(f"metric {metric!r} cannot decide a promotion; allowed are {allowed}.")
    missing = float("nan")
    if not reproduces:
        reason = "Kept: the logged challenger, loaded back, does not reproduce its predictions."
        return Decision(False, reason, metric, missing, missing, missing)
    value = challenger.metrics[metric]
    if champion is None:
        return Decision(
            True, f"Promoted: there was no champion ({metric} {value:.4f}).", metric, missing, missing, missing
        )
    if not np.isfinite(value) or not np.isfinite(champion.metrics[metric]):
        reason = f"Kept: {metric} is not defined on this window for both sides; choose another metric or window."
        return Decision(False, reason, metric, missing, missing, missing)
    gain, low, high = challenger.difference(champion, metric)
    if metric in LOWER_IS_BETTER:
        gain, low, high = -gain, -high, -low
    worse, worse_low, _ = challenger.difference(champion, CALIBRATION)
    numbers = f"{metric} {value:.4f} against {champion.metrics[metric]:.4f}, gain {gain:+.4f} [{low:+.4f}, {high:+.4f}]"
    if max(abs(gain), abs(worse)) < NEGLIGIBLE and champion_age_days <= horizon:
        return Decision(False, f"Kept: the challenger forecasts the same; {numbers}.", metric, gain, low, high)
    if worse_low > 0 and worse >= NEGLIGIBLE:
        reason = f"Kept: the challenger is worse calibrated (error {worse:+.4f} beyond noise); {numbers}."
        return Decision(False, reason, metric, gain, low, high)
    if low > 0 and gain >= NEGLIGIBLE:
        return Decision(True, f"Promoted: better beyond noise; {numbers}.", metric, gain, low, high)
    if champion_age_days > horizon and high >= 0:
        age = f"the champion is {champion_age_days} days old, more than the horizon of {horizon}"
        return Decision(True, f"Promoted: not worse beyond noise and {age}; {numbers}.", metric, gain, low, high)
    told = "worse beyond noise" if high < 0 else "not better beyond noise"
    return Decision(False, f"Kept: the challenger is {told}; {numbers}.", metric, gain, low, high)
