"""Candidates that learn from past snapshots to forecast churn, decline and spend out of time."""

from models.learning.candidate import Candidate, Fitted
from models.learning.candidates import NAMES, candidates, fit_all, load
from models.learning.files import digest
from models.learning.forecast import Forecast, Outcome
from models.learning.origins import Origins, origins, rolling
from models.learning.snapshot import Snapshot

__all__ = [
    "NAMES",
    "Candidate",
    "Fitted",
    "Forecast",
    "Origins",
    "Outcome",
    "Snapshot",
    "candidates",
    "digest",
    "fit_all",
    "load",
    "origins",
    "rolling",
]
