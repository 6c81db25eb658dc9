"""MLflow's store as this project uses it: one experiment a configuration, runs nested one level.

A training is a parent run, each candidate a child that logs the same metric names on the same window.
"""

import json
import logging
import os
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pandas as pd
from matplotlib.figure import Figure

from lifecycle.pipelines.config import Config
from lifecycle.pipelines.ingest.databases import secrets_of

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

SQLITE = "sqlite:///"
KIND = "mlflow.experimentKind"
"""Tag by which the UI shows an experiment as model training and not as generative AI."""
ABOUT = """Forecasts of churn, decline and value.

- A row `training <date>` opens to one run a candidate, numbered by place; the winner has a star. All candidates of a
  training are judged on the same customers and days, with the same metrics: tick them and press **Compare**.
- `mean_loss` orders them (lower is better; log loss, 1 - AUC, deviance of spend and 1 - Gini as one geometric mean).
  What every other metric means, with its 90 % interval, stands in each run's `tables/metrics.csv`.
- The description of a training says who wins, by how much, and whether it became champion.
- A row `backtest <date>` opens to one run a candidate whose metrics have a step an origin: days after the first.
"""


class TrackingError(RuntimeError):
    """The MLflow store cannot serve what was asked; the message names the remedy."""


@dataclass(frozen=True)
class Tracker:
    """An open experiment: the client, the experiment's id and the name of its registered model."""

    client: "MlflowClient"
    uri: str
    experiment_id: str
    name: str


def load_mlflow() -> Any:
    """MLflow without telemetry, progress bars and start-up chatter."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow
        import mlflow.pyfunc

    for noisy in ("mlflow", "alembic"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    return mlflow


@contextmanager
def calm() -> Iterator[None]:
    """Keeps out warnings that MLflow causes in its own dependencies; ours stay visible."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"(mlflow|sqlalchemy|alembic)(\.|$)")
        yield


def open_tracker(config: Config) -> Tracker:
    """Open the store of a configuration, and make it with its experiment where they do not exist yet.

    Raises
    ------
    TrackingError
        the name cannot name a registered model, or the store was moved from where it was made.
    """
    name = config.experiment
    if not name.strip() or any(sign in name for sign in "/:"):
        raise TrackingError(f"tracking.experiment: a name without '/' and ':' is needed; found {name!r}. Rename it.")
    uri = config.tracking_uri
    artifacts = None
    if uri.startswith(SQLITE):
        database = Path(unquote(uri.removeprefix(SQLITE)))
        database.parent.mkdir(parents=True, exist_ok=True)
        artifacts = database.parent / "artifacts"
    mlflow = load_mlflow()
    with calm():
        try:
            mlflow.set_tracking_uri(uri)
            client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
            experiment = client.get_experiment_by_name(name)
        except Exception as error:  # MLflow's, SQLAlchemy's, a driver's or the network's
            cause = (str(error).strip().splitlines() or [""])[0][:300]
            for secret in secrets_of(uri):
                cause = cause.replace(secret, "***")
            raise TrackingError(
                f"tracking.uri: no MLflow store can be opened there ({type(error).__name__}: {cause}). Mend the "
                "address, such as sqlite:///mlruns/mlflow.db or http://127.0.0.1:5000."
            ) from error
        if experiment is None:
            location = artifacts.as_uri() if artifacts else None
            made = client.create_experiment(
                name, artifact_location=location, tags={KIND: "custom_model_development", "mlflow.note.content": ABOUT}
            )
            return Tracker(client, uri, made, name)
    if artifacts and experiment.artifact_location != artifacts.as_uri():
        raise TrackingError(
            f"the MLflow store {uri} was made elsewhere: its artifacts are said to lie in "
            f"{experiment.artifact_location}, expected {artifacts.as_uri()}. Move the folder back, or start a new "
            "store with another [tracking] uri."
        )
    if experiment.lifecycle_stage != "active":
        raise TrackingError(
            f"experiment {name!r} was deleted in the UI. Restore it (mlflow experiments restore "
            f"-x {experiment.experiment_id}) or choose another [tracking] experiment."
        )
    return Tracker(client, uri, experiment.experiment_id, name)


@contextmanager
def run(tracker: Tracker, name: str, *, tags: Mapping[str, str], note: str, parent: str | None = None) -> Iterator[str]:
    """Open a run, give its id, and close it as finished, or as failed when the block raises."""
    all_tags = {**tags, "mlflow.note.content": note, "mlflow.source.name": "lifecycle", "mlflow.source.type": "LOCAL"}
    if parent is not None:
        all_tags["mlflow.parentRunId"] = parent
    with calm():
        run_id = tracker.client.create_run(tracker.experiment_id, run_name=name, tags=all_tags).info.run_id
    try:
        yield run_id
    except BaseException:
        tracker.client.set_terminated(run_id, status="FAILED")
        raise
    tracker.client.set_terminated(run_id, status="FINISHED")


def log(
    tracker: Tracker,
    run_id: str,
    *,
    metrics: Mapping[str, float] | None = None,
    step: int = 0,
    params: Mapping[str, object] | None = None,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Log numbers, parameters and tags in one call; metrics that do not exist (NaN) are left out, not logged as 0."""
    from mlflow.entities import Metric, Param, RunTag

    now = int(time.time() * 1000)
    with calm():
        tracker.client.log_batch(
            run_id,
            metrics=[Metric(k, float(v), now, step) for k, v in (metrics or {}).items() if v == v],
            params=[Param(k, str(v)[:6000]) for k, v in (params or {}).items()],
            tags=[RunTag(k, str(v)) for k, v in (tags or {}).items()],
        )


def log_dataset(tracker: Tracker, run_id: str, *, name: str, digest: str, source: str, rows: int, context: str) -> None:
    """Log which data a run used; the digest is ours, over the whole table (MLflow's own reads 10,000 rows)."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(
        name=name,
        digest=digest[:36],
        source_type="local",
        source=json.dumps({"uri": source}),
        profile=json.dumps({"num_rows": rows, "sha256": digest}),
    )
    with calm():
        tracker.client.log_inputs(run_id, datasets=[DatasetInput(dataset, [InputTag("mlflow.data.context", context)])])


def log_figures(tracker: Tracker, run_id: str, figures: Mapping[str, Figure]) -> None:
    """Log figures as PNG under `figures/`, where the UI shows them."""
    for name, figure in figures.items():
        tracker.client.log_figure(run_id, figure, f"figures/{name}.png", save_kwargs={"dpi": 110})


def log_table(tracker: Tracker, run_id: str, name: str, table: pd.DataFrame) -> None:
    """Log a table as CSV under `tables/`."""
    tracker.client.log_text(run_id, table.to_csv(index=False), f"tables/{name}.csv")


def log_text(tracker: Tracker, run_id: str, path: str, text: str) -> None:
    """Log a text artifact."""
    tracker.client.log_text(run_id, text, path)


def log_dict(tracker: Tracker, run_id: str, path: str, document: Mapping[str, object]) -> None:
    """Log a small document as JSON."""
    tracker.client.log_text(run_id, json.dumps(document, indent=1, default=str) + "\n", path)


def read_table(tracker: Tracker, run_id: str, name: str) -> pd.DataFrame | None:
    """A table that `log_table` logged; None where the run has none of that name."""
    path = f"tables/{name}.csv"
    with calm():
        if path not in {one.path for one in tracker.client.list_artifacts(run_id, "tables")}:
            return None
        with tempfile.TemporaryDirectory() as scratch:
            return pd.read_csv(tracker.client.download_artifacts(run_id, path, dst_path=scratch))


def read_dict(tracker: Tracker, run_id: str, path: str) -> dict[str, Any] | None:
    """A document that `log_dict` logged; None where the run has none of that name."""
    with calm(), tempfile.TemporaryDirectory() as scratch:
        if path not in {one.path for one in tracker.client.list_artifacts(run_id)}:
            return None
        found = Path(tracker.client.download_artifacts(run_id, path, dst_path=scratch)).read_text(encoding="utf-8")
        return dict(json.loads(found))


def latest_run(tracker: Tracker, kind: str) -> "Run | None":
    """The latest finished run of a kind (`training`, `backtest`, …)."""
    found = tracker.client.search_runs(
        [tracker.experiment_id],
        filter_string=f"tags.kind = '{kind}' and attributes.status = 'FINISHED'",
        order_by=["attributes.start_time DESC"],
        max_results=1,
    )
    return found[0] if found else None
