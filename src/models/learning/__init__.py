"""Candidates that learn from past snapshots to forecast churn, decline and spend out of time."""

from models.learning.boosting import Settings
from models.learning.candidate import Candidate, Fitted
from models.learning.candidates import NAMES, candidates, fit_all, load
from models.learning.files import digest
from models.learning.forecast import Forecast, Outcome
from models.learning.loss import loss_probability, still_there
from models.learning.origins import Origins, origins, rolling
from models.learning.reasons import Drivers, drivers, has_drivers
from models.learning.snapshot import ENOUGH, Snapshot

__all__ = [
    "ENOUGH",
    "NAMES",
    "Candidate",
    "Drivers",
    "Fitted",
    "Forecast",
    "Origins",
    "Outcome",
    "Settings",
    "Snapshot",
    "candidates",
    "digest",
    "drivers",
    "fit_all",
    "has_drivers",
    "load",
    "loss_probability",
    "origins",
    "rolling",
    "still_there",
]
