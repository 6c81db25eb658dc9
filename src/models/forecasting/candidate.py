"""What every candidate promises: learn from snapshots, forecast a later one, be written as bytes."""

import itertools
from collections.abc import Sequence
from typing import Protocol

from lifecycle.models.forecasting.forecast import Forecast
from lifecycle.models.forecasting.snapshot import Snapshot


class Fitted(Protocol):
    """A candidate that has learned; immutable."""

    @property
    def name(self) -> str:
        """Name of the candidate it came from."""

    @property
    def horizon(self) -> int:
        """Days ahead that it forecasts."""

    def predict(self, snapshot: Snapshot) -> Forecast:
        """Forecast the horizon after a snapshot; looks at no outcome."""

    def files(self) -> dict[str, bytes]:
        """Return all that is needed to forecast again: JSON and LightGBM text."""

    def params(self) -> dict[str, float | str]:
        """Return what a reader wants to compare between trainings, flat."""


class Candidate(Protocol):
    """A way to learn; immutable, holds only settings."""

    @property
    def name(self) -> str:
        """Name under which it is compared."""

    def fit(self, snapshots: Sequence[Snapshot], *, seed: int) -> Fitted:
        """Learn from snapshots in the order of their dates.

        Outcomes are learned from where they are known. Snapshots after those, without outcome, are what is known by the
        later date: models that need no outcome (buy-till-you-die) take their parameters from the last snapshot.
        """


def check(snapshots: Sequence[Snapshot], *, owner: str) -> None:
    """Refuse snapshots that no candidate can learn from.

    Raises
    ------
    ValueError
        none is there, dates do not rise, horizons differ, or one without outcome comes before one with it.
    """
    if not snapshots:
        raise ValueError(f"{owner}: at least one snapshot is needed, got none.")
    dates = [s.as_of for s in snapshots]
    if any(b <= a for a, b in itertools.pairwise(dates)):
        raise ValueError(f"{owner}: snapshots must come in rising order of as_of, got {[str(d) for d in dates]}.")
    horizons = sorted({s.horizon for s in snapshots})
    if len(horizons) > 1:
        raise ValueError(f"{owner}: all snapshots must have one horizon, got {horizons} days.")
    known = [s.outcome is not None for s in snapshots]
    if known != sorted(known, reverse=True):
        raise ValueError(
            f"{owner}: snapshots without outcome must come last; a horizon cannot end before an earlier one."
        )


def check_horizon(fitted: Fitted, snapshot: Snapshot) -> None:
    """Refuse to forecast another horizon than was learned.

    Raises
    ------
    ValueError
        the horizons differ.
    """
    if fitted.horizon != snapshot.horizon:
        raise ValueError(
            f"{fitted.name} was trained for a horizon of {fitted.horizon} days and asked for {snapshot.horizon}. "
            "Train again with the horizon wanted."
        )
