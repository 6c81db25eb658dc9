"""MLflow: runs nest one level, failures are marked, equal content is found again, an alias names a version."""

from pathlib import Path

import pytest

from lifecycle.pipelines.config import Config, parse
from lifecycle.pipelines.tracking.mlflow_store import (
    Tracker,
    TrackingError,
    log,
    log_dataset,
    log_text,
    open_tracker,
    run,
)


def configured(folder: Path, experiment: str = "shop") -> Config:
    document = {"tables": {"transactions": {"path": "x.csv"}}, "tracking": {"experiment": experiment}}
    return parse(document, base=folder, name="shop")


@pytest.fixture(scope="module")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Tracker:
    return open_tracker(configured(tmp_path_factory.mktemp("store")))


def test_a_child_knows_its_parent_and_both_end_finished(tracker: Tracker) -> None:
    with (
        run(tracker, "parent", tags={}, note="n") as parent,
        run(tracker, "child", tags={"as_of": "1998-01-01"}, note="why", parent=parent) as child,
    ):
        log(tracker, child, metrics={"auc": 0.5, "missing": float("nan")}, params={"a": 1})
        log_dataset(tracker, child, name="log", digest="d" * 64, source="log.csv", rows=3, context="training")
        log_text(tracker, child, "tables/a.csv", "x\n1\n")
    info = tracker.client.get_run(child)
    assert info.data.tags["mlflow.parentRunId"] == parent
    assert info.data.metrics == {"auc": 0.5}
    assert info.data.params == {"a": "1"}
    assert [d.dataset.digest for d in info.inputs.dataset_inputs] == ["d" * 36]
    assert {tracker.client.get_run(r).info.status for r in (parent, child)} == {"FINISHED"}


def test_a_run_that_raises_is_marked_failed(tracker: Tracker) -> None:
    with pytest.raises(ValueError, match="broken"), run(tracker, "bad", tags={}, note="") as run_id:
        raise ValueError("broken")
    assert tracker.client.get_run(run_id).info.status == "FAILED"


def test_a_name_that_cannot_name_a_registered_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match="without '/' and ':'"):
        open_tracker(configured(tmp_path, "a/b"))


def test_a_store_that_was_moved_says_so(tmp_path: Path) -> None:
    first = tmp_path / "first"
    first.mkdir()
    open_tracker(configured(first))
    first.rename(tmp_path / "second")
    with pytest.raises(TrackingError, match="was made elsewhere"):
        open_tracker(configured(tmp_path / "second"))
