"""The steps in order, with what a person sees of each; every verb of the command ends here."""

import datetime as dt
from pathlib import Path

from lifecycle.pipelines.config import Config
from lifecycle.pipelines.credit import Credit, decide_credit, show_credit
from lifecycle.pipelines.experiments.experiment_log import log_measurement
from lifecycle.pipelines.experiments.measured_words import show_measurement
from lifecycle.pipelines.experiments.measuring import MeasureError, Measurement, measure_all
from lifecycle.pipelines.ingest import HistoryStore, ingest
from lifecycle.pipelines.ingest.data_check import Remark, data_check
from lifecycle.pipelines.ingest.table_specs import quarantine_limits, table_specs
from lifecycle.pipelines.moves import show_return_rates
from lifecycle.pipelines.report.reporting import Reported, report
from lifecycle.pipelines.score.scoring import Scoring, champion_of, score
from lifecycle.pipelines.summaries import (
    show_account,
    show_backtest,
    show_places,
    show_remarks,
    show_scoring,
    show_training,
)
from lifecycle.pipelines.terminal import console, step
from lifecycle.pipelines.tracking.mlflow_store import open_tracker
from lifecycle.pipelines.train.backtesting import Backtest, backtest
from lifecycle.pipelines.train.training import Training, train


def ingest_step(config: Config) -> HistoryStore:
    """Bring the tables into the history, and print the account of rows."""
    directory = config.directory / "history"
    with step("Ingest") as progress:
        account = ingest(
            table_specs(config),
            directory,
            as_of=config.time.as_of,
            buckets=config.ingest.buckets,
            memory_limit=config.ingest.memory_limit,
            zero_amount=config.ingest.zero_amount,
            limits=quarantine_limits(config),
            progress=lambda what, share: progress(f"{what} {share:.0%}"),
        )
    show_account(account)
    store = HistoryStore.open(directory)
    if account.rows("quarantined") or any(table.rows("quarantined") for table in account.tables):
        console.print(f"Rows in quarantine: {store.quarantine_path}", soft_wrap=True)
    show_remarks(data_check(store, dt.date.today()))
    return store


def check_step(config: Config) -> tuple[Remark, ...]:
    """Bring the tables into the history, and say what an analyst would remark of them."""
    store = ingest_step(config)
    found = data_check(store, dt.date.today())
    if not found:
        console.print("Nothing of this log is remarkable: customers come back, dates and amounts hang together.")
    return found


def train_step(config: Config) -> Training:
    """Train on the history, register the winner, and print the comparison."""
    store = HistoryStore.open(config.directory / "history")
    show_remarks(data_check(store, dt.date.today()))
    return _train(config, store)


def _train(config: Config, store: HistoryStore) -> Training:
    with step("Train") as progress:
        tracker = open_tracker(config)
        training = train(config, store, tracker, progress)
    show_training(training)
    return training


def backtest_step(config: Config) -> Backtest:
    """Judge the candidates at several past dates, and print the means."""
    store = HistoryStore.open(config.directory / "history")
    with step("Backtest") as progress:
        found = backtest(config, store, open_tracker(config), progress)
    show_backtest(found)
    return found


def score_step(config: Config) -> Scoring:
    """Score every customer with the champion, and print the stages and the list."""
    store = HistoryStore.open(config.directory / "history")
    with step("Score") as progress:
        scoring = score(config, store, open_tracker(config), progress)
    show_scoring(scoring)
    return scoring


def measure_step(config: Config) -> Measurement:
    """Measure the campaigns, log them, and print what they did and which rates follow."""
    store = HistoryStore.open(config.directory / "history")
    with step("Measure") as progress:
        tracker = open_tracker(config)
        _, bundle = champion_of(tracker)
        found = measure_all(config, store, bundle.horizon, progress)
        log_measurement(tracker, found)
    show_measurement(found)
    return found


def credit_step(config: Config) -> Credit:
    """Decide on credit from the present scoring, and print exposure, decisions and reviews."""
    store = HistoryStore.open(config.directory / "history")
    with step("Credit") as progress:
        credit = decide_credit(config, store, open_tracker(config), progress)
    show_credit(credit, config)
    console.print(f"Credit: {credit.path}", soft_wrap=True)
    return credit


def report_step(config: Config) -> Path:
    """Write the report of the scoring as of the configured date, and print whether its stages hold."""
    store = HistoryStore.open(config.directory / "history")
    with step("Report") as progress:
        written = report(config, store, open_tracker(config), progress)
    _show_proof(written, config)
    console.print(f"Report: {written.path}", soft_wrap=True)
    return written.path


def _show_proof(written: Reported, config: Config) -> None:
    start = written.as_of - dt.timedelta(days=written.moves.days)
    show_return_rates(written.moves, start, language=config.output.language, scheme=config.output.scheme)


def run_all(config: Config) -> None:
    """Do all steps in order, and say where the results are."""
    store = ingest_step(config)
    _train(config, store)
    tracker = open_tracker(config)
    if config.tables.campaigns is not None:
        try:
            measure_step(config)
        except MeasureError as nothing:
            console.print(f"Nothing was measured: {nothing}", soft_wrap=True)
    with step("Score") as progress:
        scoring = score(config, store, tracker, progress)
    with step("Report") as progress:
        written = report(config, store, tracker, progress)
    show_account(store.account_as_of(scoring.window.as_of))
    show_scoring(scoring)
    _show_proof(written, config)
    show_places(scoring, written.path, config)
