"""The report of a scoring: read what was scored, count what the base did, render one HTML file."""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lifecycle.decisions.base_summary import early_warning, top_decile_share
from lifecycle.features.window import Window
from lifecycle.pipelines.atomic_files import replacing
from lifecycle.pipelines.config import Config
from lifecycle.pipelines.experiments.plan_files import files_by_date
from lifecycle.pipelines.ingest import HistoryStore
from lifecycle.pipelines.report import Choice, Note, ReportInput, render
from lifecycle.pipelines.report.earlier_scorings import EarlierScoring, last_scoring, stages_of, value_kpis
from lifecycle.pipelines.score.policies import policy_version, retention_policy
from lifecycle.pipelines.score.present_scoring import present_scoring
from lifecycle.pipelines.score.score_manifest import listed
from lifecycle.pipelines.score.scoring import champion_of
from lifecycle.pipelines.terminal import Progress
from lifecycle.pipelines.tracking import mlflow_store as tracking
from lifecycle.pipelines.tracking.mlflow_store import Tracker
from lifecycle.pipelines.tracking.model_registry import BY_HAND_TAG, Registered
from lifecycle.pipelines.train.training import known_until
from lifecycle.scoring.base_counts import BaseCounts, Moves, count_base
from lifecycle.scoring.champion import Bundle

PRIOR_MESSAGES = 3
"""Messages of a fit that needed a prior: the fault, the prior, the remedy."""

LISTED = 200


@dataclass(frozen=True)
class Reported:
    """A report that was written: where it lies, as of when, and who moved and came back in the last period."""

    path: Path
    as_of: dt.date
    moves: Moves


def report(config: Config, store: HistoryStore, tracker: Tracker, progress: Progress) -> Reported:
    """Write `report/DATE.html` for the scoring of the as-of date.

    Raises
    ------
    ScoringError
        there is no scoring of that date, or it is not the present one.
    """
    as_of = known_until(config, store)
    champion, bundle = champion_of(tracker)
    table, facts = present_scoring(config, as_of, champion)
    progress("counting")
    last = last_scoring(config, as_of)
    former = None if last is None or last.policy in (None, bundle.stages) else last.policy
    counts = count_base(store.days_only, bundle.stages, Window(as_of, bundle.horizon), former=former)
    progress("rendering")
    view = _input(config, store, tracker, champion, bundle, as_of, table, facts, counts, last)
    path = config.directory / "report" / f"{as_of}.html"
    with replacing(path) as partial:
        partial.write_text(render(view, language=config.output.language), encoding="utf-8")
    return Reported(path, as_of, counts.moves)


def _input(
    config: Config,
    store: HistoryStore,
    tracker: Tracker,
    champion: Registered,
    bundle: Bundle,
    as_of: dt.date,
    table: Path,
    facts: Mapping[str, Any],
    counts: BaseCounts,
    last: EarlierScoring | None,
) -> ReportInput:
    policy = retention_policy(config)
    parent = tracker.client.get_run(champion.run_id).data.tags["mlflow.parentRunId"]
    stages = stages_of(table)
    trackings = tracking.read_table(tracker, parent, "tracking")
    selected = pq.read_table(table, filters=pc.field("selected")).slice(0, LISTED).to_pandas()
    declining = pq.read_table(table, filters=pc.field("stage") == "decline").to_pandas()
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
        stages=stages,
        retention_list=selected,
        early_warning=early_warning(declining),
        plan=listed(facts),
        stage_policy=bundle.stages,
        retention_policy=policy,
        top_decile_share=top_decile_share(
            pq.read_table(table, columns=["residual_value"])["residual_value"].to_numpy()
        ),
        has_money=store.has_money,
        has_categories=columns.category is not None,
        has_interactions=config.tables.interactions is not None,
        account=store.account_as_of(as_of).to_frame(),
        model_version=str(facts["model_version"]),
        policy_version=policy_version(bundle.stages, policy),
        transitions=counts.moves.transitions,
        transitions_from=as_of - dt.timedelta(days=bundle.horizon),
        policy_transitions=counts.policy_transitions,
        return_rates=counts.moves.return_rates,
        kpis=pd.concat([counts.kpis, value_kpis(config, as_of, bundle.horizon, stages)]),
        last=None if last is None else (last.as_of, last.stages),
        kpi_history=counts.kpi_history,
        calibration=tracking.read_table(tracker, parent, "calibration"),
        tracking=None if trackings is None else dated(trackings),
        candidates=candidates_table(tracking.read_table(tracker, parent, "comparison")),
        champion=bundle.candidate,
        choice=choice_of(champion, tracking.read_dict(tracker, parent, "decision.json")),
        validation_end=bundle.as_of,
        experiments=_experiments(config, as_of),
        notes=notes_of(bundle, tracking.read_table(tracker, parent, "checks")),
        scheme=config.output.scheme,
    )


def _experiments(config: Config, as_of: dt.date) -> Mapping[str, Any] | None:
    """The latest measurement by a date; None where there is none."""
    found = files_by_date(config.directory / "experiments", "json", as_of)
    return None if not found else dict(json.loads(found[-1][1].read_text(encoding="utf-8")))


def notes_of(bundle: Bundle, checks: pd.DataFrame | None) -> tuple[Note, ...]:
    """What the value models had to say of their fit, and which of their assumptions these customers do not keep."""
    said = []
    for name, model in (("MBG/NBD", bundle.value), ("Gamma-Gamma", bundle.spend)):
        if model is None:
            continue
        fit = model.diagnostics
        if fit.prior is not None:
            said.append(Note("prior", name))
        if len(fit.messages) > (PRIOR_MESSAGES if fit.prior is not None else 0):
            said.append(Note("left_out", name))
    if checks is not None:
        exceeded = checks[checks["exceeded"]]
        said += [
            Note(str(name), value=float(value)) for name, value in zip(exceeded["name"], exceeded["value"], strict=True)
        ]
    return tuple(said)


def choice_of(champion: Registered, decision: Mapping[str, Any] | None) -> Choice | None:
    """Why the champion is in use, by its own tags or by the decision that its training ended with."""
    if BY_HAND_TAG in champion.tags:
        return Choice("by_hand", words=champion.tags[BY_HAND_TAG])
    if decision is None or not decision["promote"]:
        return None
    gain, low, high = (float(decision[name]) for name in ("gain", "gain_low", "gain_high"))
    if not isfinite(gain):
        return Choice("alone")
    return Choice("better" if low > 0 else "aged", str(decision["metric"]), gain, low, high)


def dated(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its column of dates (ISO text, or dates) as index."""
    dates = pd.Index([dt.date.fromisoformat(str(one)) for one in table["date"]], name="date")
    return table.drop(columns="date").set_index(dates)


def candidates_table(table: pd.DataFrame | None) -> pd.DataFrame | None:
    """One row a candidate, columns the metrics."""
    return None if table is None else table.pivot_table(index="candidate", columns="metric", values="value", sort=False)
