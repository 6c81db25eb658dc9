"""The list in a notebook: whom to act on within a budget, explained, as a workbook and as a report."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lifecycle.decisions.actions import Action, RetentionPolicy, default_actions
from lifecycle.decisions.base_summary import early_warning, top_decile_share, value_by_stage
from lifecycle.decisions.plan_summary import PlanSummary, summarise_plan
from lifecycle.decisions.priorities import Plan
from lifecycle.decisions.priorities import plan as best_list
from lifecycle.decisions.scores import check
from lifecycle.decisions.vocabulary import Language, Scheme
from lifecycle.features.ragged import take
from lifecycle.features.window import Window, to_date, to_day
from lifecycle.models import evaluation
from lifecycle.models.btyd import MbgNbd
from lifecycle.models.forecasting import Snapshot
from lifecycle.scores_frame import Estimates, Scores, framed
from lifecycle.scoring.base_counts import count_base
from lifecycle.scoring.fitting import checks, evidence_of
from lifecycle.scoring.model_reasons import model_reasons
from lifecycle.scoring.planning import Estimated, InMemory
from lifecycle.scoring.score_rows import Stamp, rows

SCHEME: Scheme = "canonical"


def plan(
    scores: Scores,
    *,
    budget: float | None = None,
    contact_cost: float = 1.0,
    incentive: float = 0.0,
    save_rate: float = 0.1,
    actions: Sequence[Action] = (),
    control_share: float = 0.1,
    min_return: float = 0.0,
    language: Language = "en",
) -> "RetentionPlan":
    """Choose whom to act on, and how, within a budget: the best list by margin won less cost, with its proof.

    Parameters
    ----------
    scores : Scores
        of the customers who may be on the list.
    budget : float
        money for contacts and expected incentives; None is without limit.
    contact_cost, incentive, save_rate : float
        of the two default actions; `save_rate` is an assumption until an experiment has measured it.
    actions : Sequence[Action]
        a catalogue of your own in their place.
    control_share : float
        share of the list that is left alone, so that the effect can be measured.
    min_return : float
        least net gain per unit of money spent.
    language : {"en", "zh"}
        of the reasons.

    Returns
    -------
    RetentionPlan
        the list with its summary.
    """
    made_from = scores.estimates
    catalogue = tuple(actions) or default_actions(contact_cost=contact_cost, incentive=incentive, save_rate=save_rate)
    policy = RetentionPolicy(
        catalogue, budget, control_share, min_return=min_return, value_horizon_days=made_from.money.value_horizon
    )
    estimates = made_from.at(scores.index)
    bundle, parts = made_from.model.bundle, InMemory([estimates])
    customers = Estimated.of(parts, bundle, made_from.money)
    chosen = best_list(customers, policy)
    history = made_from.model.history
    answers = model_reasons(
        lambda _: history,
        bundle,
        made_from.window,
        parts,
        chosen,
        language=language,
        currency=made_from.currency,
        most=int(chosen.targeted.sum()),
    )
    names = (bundle.version, policy.digest, made_from.currency, language, SCHEME)
    stamp = Stamp(made_from.window, bundle, policy, *names)
    table = check(rows(estimates, chosen, np.arange(estimates.num_rows), stamp, answers).sort_by("priority"))
    frame = framed({name: table[name] for name in table.column_names})
    return RetentionPlan(made_from, policy, frame, summarise_plan(chosen, customers, policy), chosen, language)


@dataclass(frozen=True, eq=False, repr=False)
class RetentionPlan:
    """Whom to act on and how.

    Attributes
    ----------
    estimates : Estimates
        what it was made from.
    policy : RetentionPolicy
        actions and limits.
    table : DataFrame
        one row a customer by priority, columns as in `lifecycle.decisions.scores.COLUMNS`, the id as index.
    summary : PlanSummary
        the list in numbers.
    chosen : Plan
        the decision itself, with the proved bound.
    language : {"en", "zh"}
        of the texts.
    """

    estimates: Estimates
    policy: RetentionPolicy
    table: pd.DataFrame
    summary: PlanSummary
    chosen: Plan
    language: Language

    def __repr__(self) -> str:
        """The list in a line."""
        found, money = self.summary, self.estimates.currency
        unit = f" {money}" if money else ""
        return (
            f"RetentionPlan({found.selected} to contact, {found.control} left alone as control; "
            f"cost {found.spent:,.2f}{unit}, assumed gain {found.gain:,.2f}{unit})"
        )

    @property
    def list(self) -> pd.DataFrame:
        """The customers to contact, first to last."""
        return self.table[self.table["selected"]]

    def to_excel(self, path: str | Path) -> Path:
        """Write the list as a workbook: sheets of whom to keep, whom to win back and the control group."""
        from lifecycle.pipelines.score.workbook import write_workbook

        return write_workbook(self.table.reset_index(), Path(path), language=self.language)


def explain(scores: "Scores | RetentionPlan", customer_id: str | int) -> None:
    """Print one customer's story: purchases, P(alive) and stages over time, estimates, reasons, and what to do.

    Parameters
    ----------
    scores : Scores or RetentionPlan
        of a plan, the advice is told as well.
    customer_id : str or int
        the customer.
    """
    from lifecycle.pipelines.explain import Base, Words, tell

    made_from = scores.estimates
    table = scores.table if isinstance(scores, RetentionPlan) else scores
    if customer_id not in table.index:
        raise KeyError(f"lifecycle.explain: no customer {customer_id!r} among the {len(table):,} scored.")
    row: dict[str, Any] = {"customer_id": customer_id}
    row |= {str(name): None if pd.isna(value) else value for name, value in table.loc[customer_id].items()}
    if row["stage_since"] is not None:
        row["stage_since"] = to_date(to_day(row["stage_since"]))
    history = made_from.model.history
    place = pc.index_in(pa.array([customer_id], history.customer_id.type), history.customer_id).to_numpy()
    base = Base(made_from.model.bundle, made_from.window, [history], lambda: history)
    language: Language = scores.language if isinstance(scores, RetentionPlan) else "en"
    tell(row, take(history, place.astype(np.int64)), base, Words(language, currency=made_from.currency))


def report(plan: RetentionPlan, path: str | Path, *, name: str = "lifecycle", language: Language | None = None) -> Path:
    """Write the report of a plan: one HTML file that needs nothing else.

    Parameters
    ----------
    plan : RetentionPlan
        what is reported.
    path : str or Path
        where the file goes.
    name : str
        the firm or log.
    language : {"en", "zh"}
        by default that of the plan.
    """
    from lifecycle.pipelines.atomic_files import replacing
    from lifecycle.pipelines.report import Choice, ReportInput, render
    from lifecycle.pipelines.report.earlier_scorings import value_kpi_table
    from lifecycle.pipelines.report.reporting import candidates_table, dated, notes_of

    made_from, table = plan.estimates, plan.table.reset_index()
    model, window, bundle = made_from.model, made_from.window, made_from.model.bundle
    history, test = model.history, model.trial.test
    counts = count_base([history], bundle.stages, window)
    stages = value_by_stage(table)
    now = Snapshot.of(history, Window(bundle.as_of, bundle.horizon), with_outcome=False)
    findings = pd.DataFrame([asdict(finding) for finding in checks(history, now, bundle)])
    evidence = evidence_of(history, model.trial, model.winner, MbgNbd.fit(test.frequency, test.recency, test.T))
    view = ReportInput(
        name=name,
        as_of=window.as_of,
        horizon_days=window.horizon,
        currency=made_from.currency,
        margin=made_from.money.margin,
        discount_rate_per_year=made_from.discount_rate_per_year,
        log_first=to_date(history.first_day),
        log_last=to_date(history.last_day),
        stages=stages,
        retention_list=table[table["selected"]],
        early_warning=early_warning(table[table["stage"] == "decline"]),
        plan=plan.summary,
        stage_policy=bundle.stages,
        retention_policy=plan.policy,
        top_decile_share=top_decile_share(table["residual_value"].to_numpy(np.float64)),
        has_money=bundle.has_money,
        has_categories=history.lines.category is not None,
        has_interactions=history.interactions is not None,
        account=pd.DataFrame() if history.account is None else history.account.to_frame(),
        model_version=bundle.version,
        policy_version=plan.policy.digest,
        transitions=counts.moves.transitions,
        transitions_from=window.as_of - dt.timedelta(days=window.horizon),
        return_rates=counts.moves.return_rates,
        kpis=pd.concat([counts.kpis, value_kpi_table(stages, None, None)]),
        kpi_history=counts.kpi_history,
        calibration=evidence["calibration"],
        tracking=dated(evidence["tracking"]),
        candidates=candidates_table(evaluation.table({n: one.evaluation for n, one in model.trial.judged.items()})),
        champion=bundle.candidate,
        choice=Choice("alone"),
        validation_end=bundle.as_of,
        notes=notes_of(bundle, findings),
    )
    path = Path(path)
    with replacing(path, aside=path.resolve().parent) as partial:
        partial.write_text(render(view, language=language or plan.language), encoding="utf-8")
    return path
