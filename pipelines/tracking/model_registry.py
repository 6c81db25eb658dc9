"""Models in MLflow's registry: files without pickle, versions by content, aliases that scoring asks for.

A model is logged as files of JSON and LightGBM text beside a pyfunc script for others. It is loaded back before an
alias moves to it, and equal content is never registered twice.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lifecycle.models.forecasting import digest
from lifecycle.pipelines.tracking.mlflow_store import Tracker, calm, load_mlflow

CHAMPION = "champion"
CHALLENGER = "challenger"
VERSION_TAG = "model_version"
BY_HAND_TAG = "promoted_by_hand"
ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
"""Error codes by which MLflow says that there is no such model, alias or version."""


class TamperedError(RuntimeError):
    """The files of a registered model are not those that were registered; the message names the remedy."""


@dataclass(frozen=True)
class Registered:
    """A registered model version: its number, the run it came from, its tags and the model's own files."""

    number: str
    run_id: str
    tags: Mapping[str, str]
    files: Mapping[str, bytes]


def log_model(
    tracker: Tracker,
    run_id: str,
    files: Mapping[str, bytes],
    *,
    script: Path,
    example: pd.DataFrame,
    output: pd.DataFrame,
    requirements: Sequence[str],
) -> str:
    """Log a model's files with the pyfunc script that reads them; returns the model's URI.

    Parameters
    ----------
    files : Mapping[str, bytes]
        name to content, JSON and LightGBM text; each name lies in a folder, which becomes an artifact.
    script : Path
        the models-from-code script; it imports neither this project nor pickle.
    example : pd.DataFrame
        a few rows of input, logged as the example and as the input's signature.
    output : pd.DataFrame
        what the model returns for `example`; the output's signature.
    requirements : Sequence[str]
        pip requirements, said explicitly because inferring them takes seconds.
    """
    mlflow = load_mlflow()
    from mlflow.models import infer_signature

    with tempfile.TemporaryDirectory() as scratch, calm():
        write_files(Path(scratch), files)
        mlflow.set_tracking_uri(tracker.uri)
        with mlflow.start_run(run_id=run_id):
            info = mlflow.pyfunc.log_model(
                name="model",
                python_model=str(script),
                artifacts={folder.name: str(folder) for folder in sorted(Path(scratch).iterdir())},
                signature=infer_signature(example, output),
                input_example=example,
                pip_requirements=list(requirements),
            )
    return str(info.model_uri)


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a model's files below a folder; names may contain `/`."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def read_files(folder: Path) -> dict[str, bytes]:
    """The files below a folder, name to content, sorted by name."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def find_version(tracker: Tracker, digest: str) -> str | None:
    """The number of the registered version whose content has this digest, if there is one."""
    versions = tracker.client.search_model_versions(_named(tracker))
    return next((str(v.version) for v in versions if v.tags.get(VERSION_TAG) == digest), None)


def register(tracker: Tracker, model_uri: str, run_id: str, *, digest: str, tags: Mapping[str, str], note: str) -> str:
    """Register a logged model as the next version; returns its number. No alias moves here."""
    with calm():
        if not tracker.client.search_registered_models(_named(tracker)):
            tracker.client.create_registered_model(
                tracker.name, description="Churn, decline and value forecasts; scoring asks for the alias champion."
            )
        version = tracker.client.create_model_version(
            tracker.name,
            source=model_uri,
            run_id=run_id,
            model_id=model_uri.removeprefix("models:/"),
            tags={**tags, VERSION_TAG: digest},
            description=note,
        )
    return str(version.version)


def set_alias(tracker: Tracker, alias: str, number: str) -> None:
    """Point an alias at a version."""
    tracker.client.set_registered_model_alias(tracker.name, alias, number)


def registered(tracker: Tracker, alias: str) -> Registered | None:
    """The version that an alias names, with its files; None where there is none."""
    number = number_of(tracker, alias)
    return None if number is None else numbered(tracker, number)


def number_of(tracker: Tracker, alias: str) -> str | None:
    """The number of the version that an alias names; None where there is none."""
    from mlflow.exceptions import MlflowException

    try:
        with calm():
            return str(tracker.client.get_model_version_by_alias(tracker.name, alias).version)
    except MlflowException as error:
        if error.error_code in ABSENT:
            return None
        raise


def numbered(tracker: Tracker, number: str) -> Registered | None:
    """A version by its number, with its files; None where there is none."""
    from mlflow.exceptions import MlflowException

    mlflow = load_mlflow()
    with calm():
        try:
            version = tracker.client.get_model_version(tracker.name, number)
        except MlflowException as error:
            if error.error_code in ABSENT:
                return None
            raise
        folder = mlflow.artifacts.download_artifacts(
            artifact_uri=f"models:/{tracker.name}/{version.version}", tracking_uri=tracker.uri
        )
    files = read_files(Path(folder) / "artifacts")
    stated = version.tags.get(VERSION_TAG)
    if digest(files) != stated:
        raise TamperedError(
            f"the files of version {version.version} of {tracker.name!r} are not those that were registered (digest "
            f"{digest(files)[:12]}, registered as {str(stated)[:12]}): somebody changed them. Train again, or name "
            "another version with `lifecycle promote`."
        )
    return Registered(str(version.version), str(version.run_id), dict(version.tags), files)


def numbers(tracker: Tracker) -> list[str]:
    """The numbers of all registered versions, oldest first."""
    found = tracker.client.search_model_versions(_named(tracker))
    return sorted((str(one.version) for one in found), key=int)


def tag(tracker: Tracker, number: str, key: str, value: str) -> None:
    """Tag a version."""
    tracker.client.set_model_version_tag(tracker.name, number, key, value)


def _named(tracker: Tracker) -> str:
    """MLflow's filter for the registered model; it knows no escape, hence the other mark."""
    mark = '"' if "'" in tracker.name else "'"
    return f"name = {mark}{tracker.name}{mark}"
