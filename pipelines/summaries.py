"""The short tables that a person sees at the end of a step."""

import numpy as np

from features.account import Account
from pipelines.console import console, show_table
from pipelines.training import HEADLINE, Training


def show_account(account: Account) -> None:
    """Print how every row of the transactions ended; the parts add up to the input."""
    frame = account.to_frame()
    rows = [
        (row.status, row.meaning, f"{row.rows:,}", f"{row.amount:,.2f}" if account.has_money else "–")
        for row in frame.itertuples()
    ]
    total = f"{account.input_amount:,.2f}" if account.has_money else "–"
    rows.append(("[bold]input[/]", "all rows that came in", f"[bold]{account.input_rows:,}[/]", f"[bold]{total}[/]"))
    title = f"Account of rows as of {account.as_of}"
    show_table(title, ("status", "meaning", "rows", "amount"), rows, left=("status", "meaning"))
    console.print(
        f"{account.customers:,} customers with a purchase, {account.prospects:,} known without one; "
        f"log from {account.first_day} to {account.last_day}."
    )
    if not account.has_money:
        console.print("The log has no amounts: counts, churn and stages are given, money is not.")


def show_training(training: Training) -> None:
    """Print how the candidates compare, and what became of the winner."""
    trial = training.trial
    rows = []
    for name, judged in trial.judged.items():
        metrics = judged.evaluation.metrics
        mark = "[bold green]" if name == training.winner else ""
        cells = [f"{metrics[metric]:.4g}" if np.isfinite(metrics[metric]) else "–" for metric in HEADLINE]
        rows.append([f"{mark}{name}", *(f"{mark}{cell}" for cell in cells)])
    until = trial.test.end
    title = f"Candidates as of {trial.test.as_of}, judged on what came until {until}"
    show_table(title, ("candidate", *HEADLINE), rows, left=("candidate",))
    promotion = training.promotion
    console.print(f"Horizon {training.span.horizon} days: {training.span.reason}.")
    console.print(trial.origins.statement)
    console.print(f"Winner: [bold]{training.winner}[/], {training.why}.")
    console.print(f"{promotion.decision.reason} Champion: version {promotion.champion_number}.")
