"""What the report is made of: frames and numbers, no models, no files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pandas as pd

from lifecycle.decisions.actions import RetentionPolicy
from lifecycle.decisions.base_summary import NEWLY_DAYS
from lifecycle.decisions.plan_summary import PlanSummary
from lifecycle.decisions.stage_policy import StagePolicy
from lifecycle.decisions.vocabulary import Scheme
from lifecycle.words.notes import Choice, Note


@dataclass(frozen=True, eq=False)
class ReportInput:
    """One scoring, as the report shows it. Optional parts are None where they could not be computed; the report says
    so.

    Attributes
    ----------
    name : str
        the firm or log.
    as_of, horizon_days, currency, margin, discount_rate_per_year : date
        as in the config.
    log_first, log_last : date
        first and last day of the log.
    stages : pd.DataFrame
        `decisions.base_summary.value_by_stage`.
    retention_list : pd.DataFrame
        rows of the scores table, the selected in order of priority; the report shows the first `list_length`.
    early_warning : pd.DataFrame
        `decisions.base_summary.early_warning` over `early_warning_days`.
    plan : PlanSummary
        `decisions.plan_summary.summarise_plan`.
    stage_policy, retention_policy : StagePolicy
        the rules and the catalogue.
    top_decile_share : float
        share of the residual value that the most valuable tenth holds.
    has_money, has_categories, has_interactions : bool
        what the input had.
    account : pd.DataFrame
        columns status, reason, rows and amount (amount may be absent), one row a reason.
    model_version, policy_version : str
        digests.
    transitions : pd.DataFrame | None
        `decisions.stages.transition_matrix` from `transitions_from` to as_of.
    policy_transitions : pd.DataFrame | None
        `decisions.stages.policy_transitions` from the policy of the last scoring, where it changed since.
    return_rates : pd.DataFrame | None
        `decisions.base_summary.return_rates` of the stages a horizon before as_of.
    kpis : pd.DataFrame | None
        `decisions.kpis.kpi_table`, and rows of the same columns for what rests on a model: `forecast` (mean probability
        of no purchase of those not churned), `residual_value`, `value_at_risk` and
        `winback_value`.
    last : tuple[date, pd.DataFrame] | None
        date and stages (as `stages`) of the last scoring before this one.
    kpi_history : pd.DataFrame | None
        index of dates, columns among the names of KPIs.
    calibration : pd.DataFrame | None
        columns predicted, observed, customers: P(no purchase) in groups against what happened.
    tracking : pd.DataFrame | None
        index of dates, columns expected and actual: purchases of the base, cumulated.
    candidates : pd.DataFrame | None
        one row a model, columns metrics of the out-of-time window that ends on `validation_end`.
    champion : str
        the row of `candidates` in use; `choice` says why.
    experiments : Mapping[str, Any] | None
        what `lifecycle measure` wrote last, as `experiments/DATE.json` has it; None where nothing was measured.
    notes : Sequence[Note]
        what the models had to say.
    scheme : Scheme
        the scheme of stage names.
    list_length, warning_length : int
        rows shown of the retention list and of the early warning.
    """

    name: str
    as_of: date
    horizon_days: int
    currency: str
    margin: float
    discount_rate_per_year: float
    log_first: date
    log_last: date
    stages: pd.DataFrame
    retention_list: pd.DataFrame
    early_warning: pd.DataFrame
    plan: PlanSummary
    stage_policy: StagePolicy
    retention_policy: RetentionPolicy
    top_decile_share: float
    has_money: bool
    has_categories: bool
    has_interactions: bool
    account: pd.DataFrame
    model_version: str
    policy_version: str
    transitions: pd.DataFrame | None = None
    transitions_from: date | None = None
    policy_transitions: pd.DataFrame | None = None
    return_rates: pd.DataFrame | None = None
    kpis: pd.DataFrame | None = None
    last: tuple[date, pd.DataFrame] | None = None
    kpi_history: pd.DataFrame | None = None
    calibration: pd.DataFrame | None = None
    tracking: pd.DataFrame | None = None
    candidates: pd.DataFrame | None = None
    champion: str = ""
    choice: Choice | None = None
    validation_end: date | None = None
    experiments: Mapping[str, Any] | None = None
    notes: Sequence[Note] = ()
    scheme: Scheme = "canonical"
    list_length: int = 25
    warning_length: int = 12
    early_warning_days: int = NEWLY_DAYS

    @property
    def proof_date(self) -> date:
        """The date, a horizon before as_of, on which the stages stood whose customers bought again or not."""
        return self.as_of - timedelta(days=self.horizon_days)
