"""The main job end to end on the CDNOW sample: one training, then what users and auditors would check."""

import datetime as dt
import importlib.util
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from lifecycle.decisions import scores as scores_table
from lifecycle.pipelines import config as configuration
from lifecycle.pipelines.ingest import HistoryStore
from lifecycle.pipelines.score.scoring import ScoringError
from lifecycle.pipelines.steps import backtest_step, ingest_step, report_step, run_all, score_step, train_step
from lifecycle.pipelines.tracking import model_registry
from lifecycle.pipelines.tracking.mlflow_store import calm, load_mlflow
from lifecycle.pipelines.train.promotion import input_table
from lifecycle.scoring.champion import Bundle, BundleError

LAST_DAY = dt.date(1998, 6, 30)


def test_every_customer_is_scored_once_in_a_total_order(done) -> None:
    table = scores_table.check(done.table())
    assert table.num_rows == 2357
    frame = table.to_pandas()
    assert frame["priority"].tolist() == list(range(1, 2358))
    assert frame["customer_id"].str.len().eq(4).all(), "ids keep their text, leading zeros included"
    assert set(frame["stage"]) <= {"new", "growth", "mature", "decline", "churned"}


def test_money_adds_up(done) -> None:
    frame = done.table().to_pandas()
    past = frame["clv"] - frame["residual_value"]
    assert past.sum() == pytest.approx(
        0.3 * HistoryStore.open(done.config.directory / "history").read_all().amount.sum()
    )
    listed = frame[frame["targeted"]]
    assert 0 < len(listed) <= 100, "a budget of 100 pays at most 100 contacts at 1 each"
    assert (listed["expected_gain"] > 0).all()
    assert (frame["selected"] == (frame["targeted"] & ~frame["control"])).all()


def test_intervals_are_ordered_and_hold_most_forecasts(done) -> None:
    frame = done.table().to_pandas()
    for name in ("expected_purchases", "expected_spend", "residual_value"):
        assert (frame[f"{name}_low"] <= frame[f"{name}_high"]).all()
    likely = frame[frame["churn_probability"] < 0.5]
    held = likely["expected_spend"].between(likely["expected_spend_low"], likely["expected_spend_high"])
    assert held.mean() > 0.95


def test_the_spreadsheet_holds_the_same_rows(done) -> None:
    frame, csv = done.table().to_pandas(), pd.read_csv(done.csv, dtype={"customer_id": str})
    assert csv["customer_id"].tolist() == frame["customer_id"].tolist()
    np.testing.assert_allclose(csv["churn_probability"], frame["churn_probability"], atol=1e-6)


def test_nothing_but_finished_files_lies_in_the_folders(done) -> None:
    names = {
        str(p.relative_to(done.config.directory).parts[0]) for p in done.config.directory.rglob("*") if p.is_file()
    }
    assert names - {".locks"} == {"history", "scores", "csv", "plan", "manifests", "report"}
    assert [p.name for p in (done.config.directory / "scores").iterdir()] == [f"{LAST_DAY}.parquet"]


def test_a_parent_holds_a_child_a_candidate_with_the_same_metric_names(done) -> None:
    runs = done.tracker.client.search_runs([done.tracker.experiment_id])
    parents = [r for r in runs if r.data.tags.get("kind") == "training"]
    children = [r for r in runs if r.data.tags.get("kind") == "candidate"]
    assert len(parents) >= 1
    first = [r for r in children if r.data.tags["mlflow.parentRunId"] == parents[-1].info.run_id]
    assert {r.data.params["candidate"] for r in first} == {"naive", "mbgnbd", "combined"}
    names = {r.data.params["candidate"]: {m for m in r.data.metrics if m.startswith("churn")} for r in first}
    assert names["naive"] == names["mbgnbd"] == names["combined"]
    for tag in ("as_of", "horizon_days", "data_sha256", "commit", "seed"):
        assert all(r.data.tags[tag] for r in first)
    assert {d.dataset.digest for r in first for d in r.inputs.dataset_inputs} == {
        first[0].data.tags["data_sha256"][:36]
    }


def test_the_registered_model_answers_others_as_it_answers_us(done) -> None:
    champion = model_registry.registered(done.tracker, model_registry.CHAMPION)
    assert champion is not None
    mlflow = load_mlflow()
    with calm():
        mlflow.set_tracking_uri(done.tracker.uri)
        served = mlflow.pyfunc.load_model(f"models:/{done.tracker.name}@champion")
    assert served.metadata.signature is not None
    bundle = Bundle.from_files(champion.files)
    from lifecycle.features.window import Window
    from lifecycle.models.forecasting import Snapshot

    history = HistoryStore.open(done.config.directory / "history").read_all()
    now = Snapshot.of(history, Window(LAST_DAY, bundle.horizon), with_outcome=False)
    answer = served.predict(input_table(now))
    scored = done.table().to_pandas().set_index("customer_id").loc[now.customer_id]
    np.testing.assert_allclose(answer["churn_probability"], scored["churn_probability"], rtol=1e-9)
    np.testing.assert_allclose(answer["expected_spend"], scored["expected_spend"], rtol=1e-9)


def test_the_same_commands_again_give_the_same_bytes_and_no_new_version(done) -> None:
    before = done.scores.read_bytes(), done.csv.read_bytes()
    client = done.tracker.client
    versions = len(client.search_model_versions(f"name = '{done.tracker.name}'"))
    training = train_step(done.config)
    assert not training.promotion.registered
    assert len(client.search_model_versions(f"name = '{done.tracker.name}'")) == versions
    score_step(done.config)
    assert (done.scores.read_bytes(), done.csv.read_bytes()) == before


def test_rows_after_the_as_of_date_are_never_seen(done, tmp_path, write_config) -> None:
    """Scoring the whole log as of a date equals scoring a log that ends on that date."""
    as_of = dt.date(1998, 3, 31)
    package = importlib.util.find_spec("lifetimes")
    assert package is not None
    assert package.origin is not None
    lines = (Path(package.origin).parent / "datasets" / "CDNOW_sample.txt").read_text().splitlines()
    kept = [line for line in lines if dt.datetime.strptime(line.split()[2], "%Y%m%d").date() <= as_of]
    (tmp_path / "short.txt").write_text("\n".join(kept) + "\n")
    short = write_config(tmp_path / "short")
    results = []
    for name, path in (("whole", done.path), ("short", short)):
        overrides: dict[str, object] = {
            "time.as_of": as_of,
            "output.directory": str(tmp_path / name),
            "tracking.uri": done.config.tracking_uri,
            "tracking.experiment": done.config.experiment,
        }
        if name == "short":
            overrides["tables.transactions.path"] = str(tmp_path / "short.txt")
        config = configuration.load(path, overrides)
        store = ingest_step(config)
        results.append((score_step(config).parquet, store.account_as_of(as_of)))
    (whole, whole_account), (_, short_account) = results
    assert whole_account.rows("later") == len(lines) - len(kept)
    assert short_account.rows("later") == 0
    pd.testing.assert_frame_equal(pd.read_parquet(whole), pd.read_parquet(results[1][0]))


def test_the_report_is_one_file_that_asks_nobody(done) -> None:
    report = (done.config.directory / "report" / f"{LAST_DAY}.html").read_text()
    first = done.table().filter(pa.compute.field("selected")).slice(0, 1).to_pylist()[0]
    assert first["customer_id"] in report
    for request in ('src="http', 'href="http', "@import", "url(http", "<script"):
        assert request not in report


def test_a_browser_shows_the_report_without_a_complaint(done, tmp_path) -> None:
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    report = done.config.directory / "report" / f"{LAST_DAY}.html"
    picture = tmp_path / "report.png"
    quiet = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync")
    result = subprocess.run(
        [
            browser,
            *quiet,
            f"--user-data-dir={tmp_path}",
            "--enable-logging=stderr",
            f"--screenshot={picture}",
            str(report),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert picture.stat().st_size > 20_000
    assert ":CONSOLE" not in result.stderr


def test_a_backtest_judges_several_origins_and_logs_them_by_step(done) -> None:
    config = configuration.load(done.path, {"learning.origins": 2, "learning.candidates": ["naive", "mbgnbd"]})
    found = backtest_step(config)
    assert len(found.trials) == 2
    for trial in found.trials:
        horizon = dt.timedelta(days=trial.test.horizon)
        assert all(day + horizon <= trial.test.as_of for day in trial.origins.training)
    runs = done.tracker.client.search_runs(
        [done.tracker.experiment_id], filter_string="tags.kind = 'backtest-candidate' and params.candidate = 'mbgnbd'"
    )
    steps = done.tracker.client.get_metric_history(runs[0].info.run_id, "churn_auc")
    assert sorted(m.step for m in steps) == [0, (found.trials[1].test.as_of - found.trials[0].test.as_of).days]
    told = done.tracker.client.get_run(found.run_id).data.tags["mlflow.note.content"]
    assert f"**{found.mean().index[0]}** has the least mean loss" in told
    assert f"| {found.mean().loc['naive', 'churn_auc']:.4g}" in told.replace("**", "")


def test_a_log_without_amounts_gives_counts_and_stages_and_no_money(tmp_path, write_config) -> None:
    path = write_config(tmp_path / "counts", amount="false")
    config = configuration.load(path, {"learning.candidates": ["naive", "mbgnbd"]})
    run_all(config)
    frame = pd.read_parquet(config.directory / "scores" / f"{LAST_DAY}.parquet")
    assert frame["expected_spend"].isna().all()
    assert frame["value_at_risk"].isna().all()
    assert frame["churn_probability"].notna().all()
    assert not (frame["strategy"] == "let_go").any()


def test_scoring_without_a_champion_or_report_without_scores_names_the_remedy(done) -> None:
    lonely = configuration.load(done.path, {"tracking.experiment": "lonely"})
    with pytest.raises(ScoringError, match="run `lifecycle train` first"):
        score_step(lonely)
    with pytest.raises(ScoringError, match="run `lifecycle score` first"):
        report_step(configuration.load(done.path, {"time.as_of": dt.date(1998, 1, 31)}))


def test_a_model_of_other_features_or_format_is_refused(done) -> None:
    champion = model_registry.registered(done.tracker, model_registry.CHAMPION)
    assert champion is not None
    head = champion.files["bundle/bundle.json"]
    for old, new, said in (
        (b'"format": 1', b'"format": 0', "has format 0"),
        (b'"features": "', b'"features": "x', "other"),
    ):
        with pytest.raises(BundleError, match=said):
            Bundle.from_files({**champion.files, "bundle/bundle.json": head.replace(old, new)})


def test_whoever_has_not_consented_is_not_contacted_and_prospects_are_scored(tmp_path, write_config) -> None:
    folder = tmp_path / "consent"
    path = write_config(folder, extra='[tables.customers]\npath = "people.csv"\nconsent = "ok"\n')
    people = [f"{i:04d},{'yes' if i % 2 else 'no'}" for i in range(1, 2358)] + ["9999,yes"]
    (folder / "people.csv").write_text("customer_id,ok\n" + "\n".join(people) + "\n")
    config = configuration.load(path, {"learning.candidates": ["naive", "mbgnbd"], "retention.budget": 10_000.0})
    run_all(config)
    frame = pd.read_parquet(config.directory / "scores" / f"{LAST_DAY}.parquet")
    agreed = frame["customer_id"].astype(int) % 2 == 1
    assert frame.loc[agreed, "targeted"].any()
    assert not frame.loc[~agreed, "targeted"].any()
    prospect = frame[frame["customer_id"] == "9999"].iloc[0]
    assert prospect["stage"] == "prospect"
    assert pd.isna(prospect["churn_probability"])
