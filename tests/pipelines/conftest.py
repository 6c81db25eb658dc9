"""What several tests of the pipelines share: one training on the CDNOW sample, and a database server."""

import datetime as dt
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import config as configuration
from pipelines.config import Config
from pipelines.main_job import run_all
from pipelines.tracking import Tracker, open_tracker

CONFIG = """
[tables.transactions]
path = "package:lifetimes/datasets/CDNOW_sample.txt"
delimiter = "whitespace"
header = false
customer_id = "column1"
timestamp = "column2"
timestamp_format = "%Y%m%d"
amount = {amount}

[time]
horizon_days = 90

[money]
currency = "USD"
margin = 0.3

[retention]
budget = 100

[learning]
candidates = ["naive", "mbgnbd", "combined"]
bootstrap = 20
"""
LAST_DAY = dt.date(1998, 6, 30)


def written(folder: Path, amount: str = '"column4"', extra: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "sample.toml"
    path.write_text(CONFIG.format(amount=amount) + extra)
    return path


@dataclass(frozen=True)
class Done:
    path: Path
    config: Config
    tracker: Tracker

    @property
    def scores(self) -> Path:
        return self.config.directory / "scores" / f"{LAST_DAY}.parquet"

    @property
    def csv(self) -> Path:
        return self.config.directory / "csv" / f"{LAST_DAY}.csv"

    def table(self) -> pa.Table:
        return pq.read_table(self.scores)


@pytest.fixture(scope="session")
def write_config() -> Callable[..., Path]:
    """Write the configuration of the CDNOW sample into a folder, and return its path."""
    return written


@pytest.fixture(scope="session")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """The main job on the CDNOW sample, with a champion of three candidates."""
    path = written(tmp_path_factory.mktemp("job"))
    config = configuration.load(path)
    run_all(config)
    return Done(path, config, open_tracker(config))


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """Address of a private PostgreSQL server that lives as long as the tests of this folder."""
    found = shutil.which("initdb") or next(
        (str(p) for p in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)), None
    )
    if found is None:
        pytest.skip("PostgreSQL's server programs are not installed (Debian: apt-get install postgresql)")
    programs = Path(found).resolve().parent
    place = Path(tempfile.mkdtemp(prefix="lifecycle-"))  # a socket's path must be short
    as_user: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        user = next(
            (u for u in ("postgres", "nobody") if subprocess.run(["id", u], capture_output=True).returncode == 0), None
        )
        if user is None or shutil.which("setpriv") is None:
            pytest.skip("PostgreSQL refuses to run as root, and there is no other user to run it as")
        shutil.chown(place, user)
        as_user = ["setpriv", f"--reuid={user}", "--clear-groups", "--"]

    def run(*command: str) -> None:
        done = subprocess.run([*as_user, *command], capture_output=True, text=True, cwd=place, timeout=60)
        if done.returncode:
            pytest.skip(f"PostgreSQL does not start here: {done.stderr.strip()[-300:]}")

    data, sockets = place / "data", place
    try:
        run(str(programs / "initdb"), "-D", str(data), "-U", "tester", "--auth=trust", "--no-sync", "-E", "UTF8")
        options = f"-k {sockets} -c listen_addresses='' -c fsync=off"
        run(str(programs / "pg_ctl"), "-D", str(data), "-o", options, "-l", str(place / "log"), "-w", "start")
        try:
            yield f"postgresql://tester@/postgres?host={sockets}"
        finally:
            run(str(programs / "pg_ctl"), "-D", str(data), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(place, ignore_errors=True)
