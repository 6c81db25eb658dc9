"""The report of a scoring: read what was scored, count what the base did, render one HTML file."""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq

from decisions.cause_sums import cause_sums
from decisions.kpis import add_sums, kpi_history, kpi_sums, kpi_table, period_ends
from decisions.overview import early_warning, return_rates, top_decile_share, value_by_stage
from decisions.season import season_of
from decisions.stages import stages_at, transition_matrix
from features.window import Window, to_day
from pipelines import tracking
from pipelines.bundle import Bundle
from pipelines.config import Config
from pipelines.console import Progress
from pipelines.files import replacing
from pipelines.ingest import HistoryStore
from pipelines.policies import policy_version, retention_policy
from pipelines.report import ReportInput, render
from pipelines.score_manifest import listed, manifest_path
from pipelines.scoring import ScoringError, champion_of
from pipelines.tracking import Tracker
from pipelines.training import known_until

STAGE_COLUMNS = [
    "stage",
    "residual_value",
    "value_at_risk",
    "expected_spend",
    "expected_gain",
    "churn_probability",
    "targeted",
    "selected",
]
KPI_PERIODS = 8
LISTED = 200


@dataclass(frozen=True)
class BaseCounts:
    """What the whole base did, counted bucket by bucket."""

    kpis: pd.DataFrame
    kpi_history: pd.DataFrame
    transitions: pd.DataFrame
    return_rates: pd.DataFrame
    satisfaction: float | None


def report(config: Config, store: HistoryStore, tracker: Tracker, progress: Progress) -> Path:
    """Write `report/DATE.html` for the scoring of the as-of date, and return where it lies.

    Raises:
        ScoringError: there is no scoring of that date.
    """
    as_of = known_until(config, store)
    day = as_of.isoformat()
    scores = config.directory / "scores" / f"{day}.parquet"
    manifest = manifest_path(config, day)
    if not (scores.exists() and manifest.exists()):
        raise ScoringError(f"there is no scoring as of {day} in {config.directory}: run `lifecycle score` first.")
    facts = json.loads(manifest.read_text())
    champion, bundle = champion_of(tracker)
    progress("counting")
    counts = count_base(store, bundle, Window(as_of, bundle.horizon))
    progress("rendering")
    view = _input(config, store, tracker, champion.run_id, bundle, as_of, scores, facts, counts)
    path = config.directory / "report" / f"{day}.html"
    with replacing(path) as partial:
        partial.write_text(render(view, language=config.output.language), encoding="utf-8")
    return path


def count_base(store: HistoryStore, bundle: Bundle, window: Window) -> BaseCounts:
    """Count KPIs, moves between stages and returns over all buckets."""
    policy, as_of = bundle.stages, window.as_of_day
    buckets = range(store.n_buckets)
    season = season_of((store.read(b) for b in buckets), policy, last_day=as_of)
    first = to_day(store.first_day)
    ends = [end for k in range(KPI_PERIODS) if (end := as_of - k * window.horizon) - window.horizon + 1 >= first]
    now = add_sums(kpi_sums(store.read(b), period_ends(as_of, window.horizon), policy, season=season) for b in buckets)
    past = add_sums(kpi_sums(store.read(b), ends[::-1], policy, season=season) for b in buckets)
    before, after, bought, causes = [], [], [], None
    start = as_of - window.horizon
    for bucket in buckets:
        history = store.read(bucket)
        both = stages_at(history, [start, as_of], policy, season=season)
        before.append(both[:, 0])
        after.append(both[:, 1])
        sums = cause_sums(history, as_of, window.horizon)
        causes = sums if causes is None else causes + sums
        known = history.purchases(as_of)
        seen = np.concatenate([[0], np.cumsum(known.day > start)])
        bought.append(seen[known.offsets[1:]] > seen[known.offsets[:-1]])
    stage_before, stage_after = np.concatenate(before), np.concatenate(after)
    return BaseCounts(
        kpis=kpi_table(now, log_start=first, horizon=window.horizon),
        kpi_history=kpi_history(past, log_start=first, horizon=window.horizon),
        transitions=transition_matrix(stage_before, stage_after),
        return_rates=return_rates(stage_before, np.concatenate(bought)),
        satisfaction=None if causes is None else causes.satisfaction,
    )


def _input(
    config: Config,
    store: HistoryStore,
    tracker: Tracker,
    run_id: str,
    bundle: Bundle,
    as_of: dt.date,
    scores: Path,
    facts: Mapping[str, Any],
    counts: BaseCounts,
) -> ReportInput:
    policy = retention_policy(config)
    parent = tracker.client.get_run(run_id).data.tags["mlflow.parentRunId"]
    parent_tags = tracker.client.get_run(parent).data.tags
    trackings = tracking.read_table(tracker, parent, "tracking")
    selected = pq.read_table(scores, filters=pc.field("selected")).slice(0, LISTED).to_pandas()
    declining = pq.read_table(scores, filters=pc.field("stage") == "decline").to_pandas()
    columns = config.tables.transactions
    return ReportInput(
        name=config.experiment,
        as_of=as_of,
        horizon_days=bundle.horizon,
        currency=config.money.currency,
        margin=config.money.margin,
        discount_rate_per_year=config.money.discount_rate_per_year,
        log_first=store.first_day,
        log_last=store.last_day,
        stages=value_by_stage(pq.read_table(scores, columns=STAGE_COLUMNS).to_pandas()),
        retention_list=selected,
        early_warning=early_warning(declining),
        plan=listed(facts),
        stage_policy=bundle.stages,
        retention_policy=policy,
        top_decile_share=top_decile_share(
            pq.read_table(scores, columns=["residual_value"])["residual_value"].to_numpy()
        ),
        has_money=store.has_money,
        has_categories=columns.category is not None,
        has_interactions=config.tables.interactions is not None,
        account=store.account_as_of(as_of).to_frame(),
        model_version=str(facts["model_version"]),
        policy_version=policy_version(bundle.stages, policy),
        transitions=counts.transitions,
        transitions_from=as_of - dt.timedelta(days=bundle.horizon),
        return_rates=counts.return_rates,
        kpis=counts.kpis,
        kpi_history=counts.kpi_history,
        calibration=tracking.read_table(tracker, parent, "calibration"),
        tracking=None if trackings is None else _by_date(trackings),
        candidates=_candidates(tracking.read_table(tracker, parent, "comparison")),
        champion=bundle.candidate,
        champion_reason=parent_tags.get("decision", ""),
        validation_end=bundle.as_of,
        satisfaction=counts.satisfaction,
        notes=notes_of(bundle, tracking.read_table(tracker, parent, "checks")),
        scheme=config.output.scheme,
    )


def notes_of(bundle: Bundle, checks: pd.DataFrame | None) -> tuple[str, ...]:
    """What the value models had to say of their fit, and which of their assumptions these customers do not keep."""
    said = [f"MBG/NBD: {text}" for text in bundle.value.diagnostics.messages]
    if bundle.spend is not None:
        said += [f"Gamma-Gamma: {text}" for text in bundle.spend.diagnostics.messages]
    if checks is not None:
        said += [f"{row.sentence} {row.action}" for row in checks.itertuples() if row.exceeded]
    return tuple(said)


def _by_date(table: pd.DataFrame) -> pd.DataFrame:
    dates = pd.Index([dt.date.fromisoformat(text) for text in table["date"]], name="date")
    return table.drop(columns="date").set_index(dates)


def _candidates(table: pd.DataFrame | None) -> pd.DataFrame | None:
    """One row a candidate, columns the metrics."""
    return None if table is None else table.pivot_table(index="candidate", columns="metric", values="value", sort=False)
