"""Scoring is killed at ten random moments: what lies there is whole, and what was finished is not done again."""

import datetime as dt
import json
import multiprocessing
import shutil
import time

import numpy as np
import pytest

from lifecycle.pipelines import config as configuration
from lifecycle.pipelines.steps import ingest_step, score_step

KILLS = 10
BUCKETS = 12
DAY = dt.date(1997, 6, 30)
OUTPUTS = (f"scores/{DAY}.parquet", f"csv/{DAY}.csv")


@pytest.fixture
def settings(done, tmp_path) -> dict[str, object]:
    """The champion of the main job, an early date (a short run), a folder of its own, a history in several buckets."""
    return {
        "time.as_of": DAY,
        "ingest.buckets": BUCKETS,
        "output.directory": str(tmp_path / "out"),
        "tracking.uri": done.config.tracking_uri,
        "tracking.experiment": done.config.experiment,
    }


def finished_buckets(folder):
    """Inode and time of writing of each bucket's estimates."""
    parts = {part.name: part.stat() for part in folder.glob(".work/*/*/estimates/*.parquet")}
    return {name: (found.st_ino, found.st_mtime_ns) for name, found in parts.items()}


def test_a_scoring_killed_at_ten_moments_ends_as_an_undisturbed_one(done, settings, capsys) -> None:
    config = configuration.load(done.path, settings)
    folder = config.directory
    ingest_step(config)
    capsys.readouterr()
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["lifecycle.pipelines.steps", "mlflow", "mlflow.store.tracking.sqlalchemy_store"])

    def begin():
        process = processes.Process(target=score_step, args=(config,))
        process.start()
        return process

    def kill(process):
        before = finished_buckets(folder)
        process.kill()
        process.join()
        assert before.items() <= finished_buckets(folder).items()

    def clear():
        for name in ("scores", "csv", "manifests", ".work"):
            shutil.rmtree(folder / name, ignore_errors=True)

    def resumed():
        return json.loads((folder / f"manifests/{DAY}.json").read_text())["buckets_resumed"]

    for _ in range(2):  # the first run starts the server and loads compiled code
        clear()
        start = time.perf_counter()
        undisturbed = begin()
        undisturbed.join()
        seconds = time.perf_counter() - start
        assert undisturbed.exitcode == 0
    expected = {name: (folder / name).read_bytes() for name in OUTPUTS}
    clear()
    rng = np.random.default_rng(11)
    kills = 0
    while kills < KILLS:
        before = finished_buckets(folder)
        ended = (folder / f"manifests/{DAY}.json").exists()  # killed after its last write: nothing is left to resume
        process = begin()
        process.join(seconds * float(rng.uniform(0, 1)))
        if process.exitcode is None:
            kill(process)
            kills += 1
            found = finished_buckets(folder)
            assert before.items() <= found.items() or not found, "a finished bucket was estimated again"
        for name, content in expected.items():
            assert not (folder / name).exists() or (folder / name).read_bytes() == content
        if process.exitcode == 0:
            assert ended or resumed() == len(before)
            clear()

    clear()
    process = begin()
    while len(finished_buckets(folder)) < BUCKETS // 3 and process.exitcode is None:
        time.sleep(0.005)
    kill(process)
    before = finished_buckets(folder)
    assert len(before) >= BUCKETS // 3
    process = begin()
    process.join()
    assert process.exitcode == 0
    assert {name: (folder / name).read_bytes() for name in OUTPUTS} == expected
    assert resumed() == len(before)
    assert not list((folder / ".work").iterdir())
