"""The short tables that a person sees at the end of a step."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from rich.text import Text

from lifecycle.decisions.vocabulary import STAGES, stage_name, strategy_name
from lifecycle.features.records.account import Account
from lifecycle.features.records.side_account import SIDE_REASONS
from lifecycle.models.evaluation import HEADLINE
from lifecycle.models.forecasting.snapshot import outcome_of
from lifecycle.pipelines.config import Config
from lifecycle.pipelines.ingest.data_check import Remark
from lifecycle.pipelines.report.earlier_scorings import stages_of
from lifecycle.pipelines.score.scoring import Scoring
from lifecycle.pipelines.terminal import console, show_table
from lifecycle.pipelines.train.backtesting import Backtest
from lifecycle.pipelines.train.training import Training


def _bold(text: str) -> Text:
    return Text(text, "bold")


def show_account(account: Account) -> None:
    """Print how every row of the transactions ended; the parts add up to the input."""
    frame = account.to_frame()
    rows: list[Sequence[object]] = [
        (row.status, row.meaning, f"{row.rows:,}", f"{row.amount:,.2f}" if account.has_money else "–")
        for row in frame.itertuples()
    ]
    total = f"{account.input_amount:,.2f}" if account.has_money else "–"
    rows.append((_bold("input"), "all rows that came in", _bold(f"{account.input_rows:,}"), _bold(total)))
    title = f"Account of rows as of {account.as_of}"
    show_table(title, ("status", "meaning", "rows", "amount"), rows, left=("status", "meaning"))
    console.print(
        f"{account.customers:,} customers with a purchase, {account.prospects:,} known without one; "
        f"log from {account.first_day} to {account.last_day}."
    )
    if not account.has_money:
        console.print("The log has no amounts: counts, churn and stages are given, money is not.")
    _show_tables(account)


def _show_tables(account: Account) -> None:
    """Print how every row of the optional tables ended, and how many of their customers the transactions know."""
    rows: list[Sequence[object]] = []
    for table in account.tables:
        rows += [(table.table, x.status, SIDE_REASONS[x.reason][1], f"{x.rows:,}") for x in table.lines]
        rows.append((table.table, _bold("input"), "all rows that came in", _bold(f"{table.input_rows:,}")))
    if rows:
        show_table(
            "The other tables", ("table", "status", "meaning", "rows"), rows, left=("table", "status", "meaning")
        )
    for table in account.tables:
        if table.strangers and table.strangers == table.customers:
            console.print(
                f"{table.table}: none of its {table.customers:,} customers has a transaction. "
                "Are ids written alike in both tables?",
                style="yellow",
            )
        elif table.strangers:
            console.print(
                f"{table.table}: {table.strangers:,} of its {table.customers:,} customers have no transaction."
            )


def show_remarks(remarks: Sequence[Remark]) -> None:
    """Print what the log's reader should look at before anything that is learned from it."""
    if not remarks:
        return
    console.print("\nLook at this first:", style="bold yellow")
    for remark in remarks:
        console.print(f"- {remark}", style="yellow")
    console.print()


def show_training(training: Training) -> None:
    """Print how the candidates compare, and what became of the winner."""
    trial = training.trial
    rows = []
    for name, judged in trial.judged.items():
        metrics = judged.evaluation.metrics
        style = "bold green" if name == training.winner else ""
        cells = [f"{metrics[metric]:.4g}" if np.isfinite(metrics[metric]) else "–" for metric in HEADLINE]
        rows.append([Text(text, style) for text in (name, *cells)])
    until = trial.test.end
    title = f"Candidates as of {trial.test.as_of}, judged on what came until {until}"
    show_table(title, ("candidate", *HEADLINE), rows, left=("candidate",))
    _show_decline(training)
    for finding in training.findings:
        if finding.exceeded:
            console.print(Text.assemble((finding.sentence, "yellow"), f" {finding.action}"))
    promotion = training.promotion
    console.print(f"Horizon {training.span.horizon} days: {training.span.reason}.")
    console.print(trial.origins.statement)
    console.print(Text.assemble("Winner: ", (training.winner, "bold"), f", {training.why}."))
    leader = "there is none yet" if promotion.champion_number is None else f"version {promotion.champion_number}"
    console.print(f"{promotion.decision.reason} Champion: {leader}.")


def _show_decline(training: Training) -> None:
    """Say how many declined in the test window, and how many would have by chance."""
    outcome = outcome_of(training.trial.test)
    eligible = int(outcome.eligible.sum())
    if eligible == 0:
        console.print("Nobody is expected to buy often enough in the horizon for decline to be judged.")
        return
    share = float(np.nanmean(outcome.declining[outcome.eligible]))
    console.print(
        f"Decline could be judged for {eligible:,} customers: {share:.1%} declined, "
        f"{training.noise.share:.1%} would have by chance at constant rates."
    )


def show_backtest(found: Backtest) -> None:
    """Print the mean of the headline metrics over the origins, and the dates."""
    mean = found.mean()
    rows = [
        (name, *(f"{row[metric]:.4g}" if np.isfinite(row[metric]) else "–" for metric in HEADLINE))
        for name, row in mean.iterrows()
    ]
    count = len(found.trials)
    dates = ", ".join(str(trial.test.as_of) for trial in found.trials)
    show_table(f"Mean of {count} origins: {dates}", ("candidate", *HEADLINE), rows, left=("candidate",))
    console.print(f"Each was judged on the {found.span.horizon} days after it, fitted on what was known then.")
    if count < found.wanted:
        console.print(f"{found.wanted} origins were asked for; the log allows {count}.")


TOP = 10


def show_scoring(scoring: Scoring) -> None:
    """Print the stages with counts and value, and the first customers to retain with the reasons."""
    stages = stages_of(scoring.parquet)
    money = scoring.stamp.bundle.has_money
    rows = []
    for name, row in stages.iterrows():
        stamp = scoring.stamp
        known = name in STAGES
        label = stage_name(str(name), language=stamp.language, scheme=stamp.scheme) if known else _bold("total")
        churn = "–" if np.isnan(row["churn_probability"]) else f"{row['churn_probability']:.0%}"
        cells = (
            _amount(row[column], money)
            for column in ("expected_spend", "residual_value", "value_at_risk", "winback_value")
        )
        rows.append(
            (label, f"{row['customers']:,.0f}", f"{row['share']:.0%}", churn, *cells, f"{row['selected']:,.0f}")
        )
    head = ("stage", "customers", "share", "silent", "spend", "residual value", "at risk", "to win back", "to contact")
    window = scoring.window
    show_table(f"Stages as of {window.as_of}", head, rows, left=("stage",))
    console.print(
        f"silent: mean probability of no purchase in the next {window.horizon} days (total: of those not churned); "
        "spend: expected in that time; residual value: discounted future margin; at risk: what those still there stand "
        "to take away; to win back: what the churned bring who return, most of them unasked.\n"
    )
    _show_list(scoring, money)


def _show_list(scoring: Scoring, money: bool) -> None:
    first = _first_selected(scoring.parquet)
    rows = [
        (
            str(one["customer_id"]),
            strategy_name(one["strategy"], language=scoring.stamp.language),
            _amount(one["expected_gain"], money),
            one["reasons"],
        )
        for one in first
    ]
    if rows:
        show_table(
            f"The first {len(rows)} customers to retain ({_rests_on(scoring.summary.basis)})",
            ("customer", "strategy", "gain", "why"),
            rows,
            left=("customer", "strategy", "why"),
        )
    summary = scoring.summary
    cautious = _amount(summary.conservative, money)
    console.print(
        f"{summary.targeted:,} targeted, {summary.control:,} of them left alone as control group; "
        f"cost {_amount(summary.spent, money)}, gain at {summary.basis} rates {_amount(summary.gain, money)}"
        + ("." if cautious == "–" else f" ({cautious} if money came out at the lower end of its interval).")
    )


def _rests_on(basis: str) -> str:
    """What the gains rest on."""
    if basis == "assumed":
        return "gains are assumed until a control group has shown them"
    return f"gains rest on {basis} rates: see `lifecycle measure`"


def _first_selected(parquet: Path) -> list[dict[str, Any]]:
    """The first of the selected; they stand at the head of the table, among the targeted."""
    found: list[dict[str, Any]] = []
    columns = ["customer_id", "strategy", "expected_gain", "reasons", "targeted", "selected"]
    with pq.ParquetFile(parquet) as table:
        for batch in table.iter_batches(batch_size=10_000, columns=columns):
            found += batch.filter(batch["selected"]).slice(0, TOP - len(found)).to_pylist()
            if len(found) == TOP or not pc.any(batch["targeted"]).as_py():
                break
    return found


def show_places(scoring: Scoring, report: Path, config: Config) -> None:
    """Say where the results are and how to open them."""
    command = Path(sys.executable).with_name("lifecycle")
    shown = command if shutil.which("lifecycle") is None else "lifecycle"
    places = (
        ("scores", f"{scoring.parquet}"),
        ("spreadsheet", f"{scoring.csv}"),
        ("report", f"{report}  (open it in a browser)"),
        ("MLflow UI", f"{shown} ui --config {config.source}  (then open the address that it prints)"),
    )
    console.print("\nResults", style="bold")
    for what, place in places:
        console.print(f"  {what:<12} {place}", soft_wrap=True)


def _amount(value: float | None, money: bool) -> str:
    return "–" if value is None or not money or np.isnan(value) else f"{value:,.0f}"
