"""Whether an experiment can be trusted: share drawn, balance before, contacts of the control group, size.

A check that fails marks the experiment as not trusted; its effect is shown and feeds nothing.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from lifecycle.models.uplift.crossfit import folds_of
from lifecycle.models.uplift.regression import Kind, fit
from lifecycle.models.uplift.trial import Floats, Trial

Flags = NDArray[np.bool_]
Name = Literal["too_small", "sample_ratio", "balance", "foretold", "contamination"]

RATIO_P: Final = 0.001
DIFFERENCE: Final = 0.1
UNBALANCED: Final = 0.05
CONTAMINATED: Final = 0.05
LEAST_CUSTOMERS: Final = 100
LEAST_EVENTS: Final = 10
_KINDS: Final[tuple[Kind, ...]] = ("trees", "ridge")


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what was measured, the limit that it must keep, and whether it failed; NaN where it cannot be made."""

    name: Name
    value: float
    limit: float
    failed: bool


@dataclass(frozen=True, slots=True)
class Trust:
    """All checks of an experiment."""

    checks: tuple[Check, ...]

    @property
    def trusted(self) -> bool:
        """Whether none failed."""
        return not any(check.failed for check in self.checks)

    @property
    def why_not(self) -> str:
        """Names of the checks that failed, joined by commas; empty if none did."""
        return ",".join(check.name for check in self.checks if check.failed)

    def value(self, name: Name) -> float:
        """Return what a check measured."""
        return next(check.value for check in self.checks if check.name == name)


def examine(
    x: Floats, treated: Flags, bought: Flags, *, contacted: Flags, planned: Floats | float | None, seed: int = 0
) -> Trust:
    """Make all checks.

    Parameters
    ----------
    x : Floats
        (n, p) features as of the day before the draw.
    treated, bought : Flags
        (n,) who was drawn for the treatment; who bought in the window.
    contacted : Flags
        (n,) who was contacted by this or another campaign within the window; counts for those drawn as control.
    planned : Floats | float | None
        probability of being treated, one number or one each; None where it is not known: the ratio is not checked.

    >>> rng = np.random.default_rng(0)
    >>> x, treated = rng.normal(size=(2000, 3)), rng.random(2000) < 0.5
    >>> examine(x, treated, rng.random(2000) < 0.2, contacted=np.zeros(2000, bool), planned=0.5).trusted
    True
    >>> examine(x, treated, rng.random(2000) < 0.2, contacted=np.zeros(2000, bool), planned=0.6).why_not
    'sample_ratio'
    """
    sizes = int(treated.sum()), int((~treated).sum())
    events = int((bought & treated).sum()), int((bought & ~treated).sum())
    small = min(sizes) < LEAST_CUSTOMERS or min(events) < LEAST_EVENTS
    checks = [Check("too_small", float(min(sizes)), float(LEAST_CUSTOMERS), small), _ratio(treated, planned)]
    if min(sizes) >= 2:
        checks += [_balance(x, treated), _foretold(x, treated, seed)]
        share = float(contacted[~treated].mean())
        checks.append(Check("contamination", share, CONTAMINATED, share > CONTAMINATED))
    return Trust(tuple(checks))


def _ratio(treated: Flags, planned: Floats | float | None) -> Check:
    """χ² of the number drawn against the planned share (Fabijan et al., KDD 2019); its p."""
    if planned is None:
        return Check("sample_ratio", float("nan"), RATIO_P, False)
    share = np.broadcast_to(np.asarray(planned, np.float64), treated.shape)
    z = (treated.sum() - share.sum()) / np.sqrt((share * (1 - share)).sum())
    p = float(2 * norm.sf(abs(z)))
    return Check("sample_ratio", p, RATIO_P, p < RATIO_P)


def _balance(x: Floats, treated: Flags) -> Check:
    """Share of features whose standardised mean difference is over .1 and over what chance does in such groups."""
    known = np.isfinite(x)
    apart = 0
    for column in range(x.shape[1]):
        one = x[treated & known[:, column], column]
        other = x[~treated & known[:, column], column]
        if one.size < 2 or other.size < 2:
            continue
        pooled = np.sqrt((one.var(ddof=1) + other.var(ddof=1)) / 2)
        noise = norm.isf(0.0005 / x.shape[1]) * np.sqrt(1 / one.size + 1 / other.size)
        apart += bool(abs(one.mean() - other.mean()) > max(DIFFERENCE, noise) * pooled)
    share = apart / x.shape[1] if x.shape[1] else 0.0
    return Check("balance", share, UNBALANCED, share > UNBALANCED)


def _foretold(x: Floats, treated: Flags, seed: int) -> Check:
    """AUC of the draw foretold from features (trees and ridge together); fails where the lower end of its 99 % interval
    is over .5.

    Learned on one half and judged on the other: out-of-fold scores of several folds lean on each other, and would
    raise an alarm three times as often as they say.
    """
    drawn = treated.astype(np.float64)
    fold = folds_of(Trial.of(x, treated.astype(np.int64), drawn, 0.5), folds=2, seed=seed)
    learn, judge = fold == 0, fold == 1
    guess = np.zeros(int(judge.sum()))
    for kind in _KINDS:
        guess += fit(kind, x[learn], drawn[learn], seed=seed).predict(x[judge])
    n_t, n_c = int(treated[judge].sum()), int((~treated[judge]).sum())
    if not n_t or not n_c:
        return Check("foretold", float("nan"), 0.5, False)
    auc = (rankdata(guess)[treated[judge]].sum() - n_t * (n_t + 1) / 2) / (n_t * n_c)
    limit = 0.5 + float(norm.isf(0.005)) * np.sqrt((n_t + n_c + 1) / (12 * n_t * n_c))
    return Check("foretold", float(auc), float(limit), bool(auc > limit))
