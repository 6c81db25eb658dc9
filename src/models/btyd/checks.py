"""Is the model's story true of these customers? Each check has a threshold, a sentence, and what follows from it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from lifecycle.models.btyd.gamma_gamma import GammaGamma, checked_money
from lifecycle.models.btyd.inputs import histories
from lifecycle.models.btyd.stops_after_purchase import StopsAfterPurchase

CORRELATION = 0.2
"""Between frequency and mean value of purchases; CDNOW, on which Gamma-Gamma was judged fit, has 0.11."""
REGULARITY = 1.5
"""Erlang shape of the gaps; 1 is a Poisson process."""
DISPERSION = 2.0
"""Observed over expected variance of frequencies, or its inverse."""
DRIFT = 1.25
"""Ratio between cohorts of what a new customer buys in the time both have been seen for."""
FINITE_MEAN = 1.0
"""Gamma-Gamma's q: at or under it the population has no finite mean."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Outcome of one check: ``exceeded`` says whether ``action`` (what the pipeline does) applies."""

    name: str
    value: float
    threshold: float
    exceeded: bool
    sentence: str
    action: str


def spend_depends_on_frequency(frequency: npt.ArrayLike, monetary_value: npt.ArrayLike) -> Finding:
    """Correlation of frequency and mean purchase, in logs, among repeat customers with money.

    >>> spend_depends_on_frequency([1, 2, 3, 4], [10, 20, 30, 40]).exceeded
    True
    """
    x, mean = checked_money(frequency, monetary_value)
    used = (x > 0.0) & (mean > 0.0)
    value = 0.0
    if used.sum() > 2 and x[used].std() > 0.0 and mean[used].std() > 0.0:
        value = float(np.corrcoef(np.log(x[used]), np.log(mean[used]))[0, 1])
    exceeded = abs(value) > CORRELATION
    return Finding(
        "frequency and value",
        value,
        CORRELATION,
        exceeded,
        f"Frequency and mean purchase value correlate at {value:.2f} (in logs) in {int(used.sum())} repeat customers; "
        f"Gamma-Gamma holds them independent.",
        "Warn: Gamma-Gamma draws "
        + ("frequent buyers' values too far down." if value > 0.0 else "frequent buyers' values too far up.")
        + " Learned spend takes precedence where it validates better."
        if exceeded
        else "None: value and frequency are modelled apart.",
    )


def gaps_are_regular(offsets: npt.ArrayLike, day: npt.ArrayLike) -> Finding:
    """Wheat and Morrison's test on the first two gaps: g₁/(g₁+g₂) varies by 1/(4(2k+1)) for Erlang-k gaps.

    ``day`` holds customer i's purchase days, ascending, at ``offsets[i]:offsets[i+1]``.

    >>> gaps_are_regular([0, 3, 6, 9], [0, 7, 14, 3, 10, 17, 1, 8, 15]).exceeded
    True
    """
    starts, days = np.asarray(offsets, np.int64), np.asarray(day, np.float64)
    first = starts[:-1][np.diff(starts) >= 3]
    one, two = days[first + 1] - days[first], days[first + 2] - days[first + 1]
    share = one / (one + two) if first.size else np.array([0.0, 1.0])
    variance = float(np.square(share - 0.5).mean())
    value = (0.25 / variance - 1.0) / 2.0 if variance > 0.0 else np.inf
    exceeded = value > REGULARITY
    return Finding(
        "regularity of gaps",
        value,
        REGULARITY,
        exceeded,
        f"Gaps between purchases are as regular as Erlang of shape {value:.2f} ({first.size} customers with two gaps); "
        f"the models hold them exponential, shape 1.",
        "Warn: silence says more than the models know, so the learned churn probability takes precedence over theirs."
        if exceeded
        else "None: exponential gaps describe the customers well enough.",
    )


def frequencies_are_dispersed(
    model: StopsAfterPurchase, frequency: npt.ArrayLike, recency: npt.ArrayLike, T: npt.ArrayLike
) -> Finding:
    """Observed over expected variance of repeat purchases, as the model expects it at 200 of the customers' ages."""
    at = histories(frequency, recency, T)
    ages = np.sort(at.T)[np.linspace(0, at.T.size - 1, min(200, at.T.size)).astype(int)]
    top = int(4.0 * at.largest[0]) + 50
    counts = np.unique(np.round(np.concatenate((np.arange(100), np.geomspace(100, max(top, 101), 200)))).astype(int))
    mean, square = 0.0, 0.0
    for age in ages:
        chance = model.pmf(counts, float(age))
        mean += float(np.trapezoid(chance * counts, counts)) / ages.size
        square += float(np.trapezoid(chance * np.square(counts), counts)) / ages.size
    expected = square - mean * mean
    value = float(at.frequency.var()) / expected if expected > 0.0 else np.inf
    exceeded = not 1.0 / DISPERSION <= value <= DISPERSION
    return Finding(
        "dispersion of frequencies",
        value,
        DISPERSION,
        exceeded,
        f"Frequencies vary {value:.2f} times as much as {model.name} expects.",
        "Choose by holdout between BG/NBD, MBG/NBD and Pareto/NBD, and warn that extreme buyers are misjudged."
        if exceeded
        else "None: the spread of frequencies is the model's.",
    )


def mean_spend_is_infinite(money: GammaGamma) -> Finding:
    """Gamma-Gamma's q at or under 1, or a fit that had to hold the mean to keep it above."""
    held = money.fitted is not None and money.fitted.prior is not None
    exceeded = held or money.q <= FINITE_MEAN
    return Finding(
        "mean of spend",
        money.q,
        FINITE_MEAN,
        exceeded,
        f"Gamma-Gamma's q is {money.q:.2f}" + (", held above 1 by the observed mean." if held else "."),
        "Shrink: the population mean is held at the observed mean, so that one-time buyers get a finite value."
        if exceeded
        else "None: the population has a finite mean purchase.",
    )


def cohorts_drift(
    kind: type[StopsAfterPurchase], frequency: npt.ArrayLike, recency: npt.ArrayLike, T: npt.ArrayLike
) -> Finding:
    """Do fits of the older and younger half differ in what a new customer buys, and beyond chance (0.1 %)?"""
    at = histories(frequency, recency, T)
    old = np.median(at.T) < at.T
    if not old.any() or old.all() or at.T[~old].max() == 0.0:
        return Finding("drift between cohorts", 1.0, DRIFT, False, "All customers are of one cohort.", "None.")
    halves = [kind.fit(at.frequency[half], at.recency[half], at.T[half]) for half in (old, ~old)]
    whole = kind.fit(at.frequency, at.recency, at.T)
    seen = float(np.median(at.T[~old])) or float(at.T[~old].max())
    bought = [float(half.expected_purchases_new(seen)) for half in halves]
    value = bought[1] / bought[0]
    ratio = 2.0 * (sum(half.log_likelihood for half in halves) - whole.log_likelihood)
    exceeded = bool(ratio > chi2.ppf(0.999, len(kind.symbols)) and not 1.0 / DRIFT <= value <= DRIFT)
    return Finding(
        "drift between cohorts",
        value,
        DRIFT,
        exceeded,
        f"In their first {seen:g} units of time, new customers of the younger half buy {value:.2f} times what "
        f"those of the older half bought.",
        "Warn: fit to recent cohorts, or let models that know the cohort take precedence."
        if exceeded
        else "None: one fit serves all cohorts.",
    )


def check(
    model: StopsAfterPurchase,
    gamma_gamma: GammaGamma | None,
    frequency: npt.ArrayLike,
    recency: npt.ArrayLike,
    T: npt.ArrayLike,
    monetary_value: npt.ArrayLike | None = None,
    *,
    offsets: npt.ArrayLike | None = None,
    day: npt.ArrayLike | None = None,
) -> tuple[Finding, ...]:
    """All checks that the given data allow, in a fixed order."""
    found: list[Finding] = []
    if monetary_value is not None:
        found.append(spend_depends_on_frequency(frequency, monetary_value))
    if offsets is not None and day is not None:
        found.append(gaps_are_regular(offsets, day))
    found.append(frequencies_are_dispersed(model, frequency, recency, T))
    if gamma_gamma is not None:
        found.append(mean_spend_is_infinite(gamma_gamma))
    found.append(cohorts_drift(type(model), frequency, recency, T))
    return tuple(found)


def exceeded(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings on which something must be done."""
    return tuple(finding for finding in findings if finding.exceeded)
