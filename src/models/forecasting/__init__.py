"""Candidates that learn from past snapshots to forecast churn, decline and spend out of time."""

from lifecycle.models.forecasting.candidate import Candidate, Fitted
from lifecycle.models.forecasting.candidates import NAMES, WITHOUT_OUTCOME, candidates, fit_all, load
from lifecycle.models.forecasting.contributions import Drivers, drivers, has_drivers
from lifecycle.models.forecasting.forecast import Forecast, Outcome
from lifecycle.models.forecasting.lightgbm_training import Settings
from lifecycle.models.forecasting.loss_probability import loss_probability, still_there
from lifecycle.models.forecasting.origins import Origins, origins, rolling
from lifecycle.models.forecasting.serialization import digest
from lifecycle.models.forecasting.snapshot import ENOUGH, Snapshot

__all__ = [
    "ENOUGH",
    "NAMES",
    "WITHOUT_OUTCOME",
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
