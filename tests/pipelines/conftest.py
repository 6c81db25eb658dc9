"""What several tests of the pipelines share: one training on the CDNOW sample, and a database server."""

import datetime as dt
import os
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lifecycle.pipelines import config as configuration
from lifecycle.pipelines.config import Config
from lifecycle.pipelines.steps import run_all
from lifecycle.pipelines.tracking.mlflow_store import Tracker, open_tracker

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


@pytest.fixture(scope="session")
def workbook() -> Callable[[pd.DataFrame, Path], None]:
    """Function that writes a frame as a workbook."""
    return write_xlsx


def write_xlsx(log: pd.DataFrame, path: Path) -> None:
    """A workbook of the least parts: text inline, numbers as numbers, the date as a serial number in a date style."""

    def cell(value: object) -> str:
        if value is None or value != value:
            return "<c/>"
        if isinstance(value, pd.Timestamp):
            return f'<c s="1"><v>{(value - pd.Timestamp("1899-12-30")).days}</v></c>'
        if isinstance(value, float):
            return f"<c><v>{value!r}</v></c>"
        return f'<c t="inlineStr"><is><t>{escape(str(value))}</t></is></c>'

    rows = [list(log.columns), *log.astype(object).to_numpy().tolist()]
    body = "".join(f"<row>{''.join(cell(v) for v in row)}</row>" for row in rows)
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    with zipfile.ZipFile(path, "w") as book:
        book.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{package}/content-types"><Default Extension="rels" '
            f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
            f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kind}.worksheet+xml"/>'
            f'<Override PartName="/xl/styles.xml" ContentType="{kind}.styles+xml"/></Types>',
        )
        relation = f'<Relationships xmlns="{package}/relationships">'
        book.writestr(
            "_rels/.rels",
            f'{relation}<Relationship Id="r1" Type="{office}/officeDocument" Target="xl/workbook.xml"/>'
            "</Relationships>",
        )
        book.writestr(
            "xl/_rels/workbook.xml.rels",
            f'{relation}<Relationship Id="r1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/>'
            f'<Relationship Id="r2" Type="{office}/styles" Target="styles.xml"/></Relationships>',
        )
        book.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="sales" sheetId="1" r:id="r1"/></sheets>'
            "</workbook>",
        )
        book.writestr(
            "xl/styles.xml",
            f'<styleSheet xmlns="{main}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs>'
            "</styleSheet>",
        )
        book.writestr(
            "xl/worksheets/sheet1.xml", f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData></worksheet>'
        )


@pytest.fixture
def measured() -> dict[str, Any]:
    """What a measurement wrote: a trusted campaign, one that is not, one that runs and one without a control group."""
    effect = {"adjusted": 0.05, "adj_low": 0.02, "adj_high": 0.08}
    uplift = {
        "name": "constant",
        "leader": "dr_ridge",
        "reason": "slope_not_above_zero",
        "leader_metrics": {"gain_area_low": -0.001, "slope": 0.2, "slope_se": 0.3},
        "curve": {"gain": [0.001] * 100, "low": [-0.002] * 100, "high": [0.003] * 100},
    }
    policy = {"name": "all letter", "value": 2.5, "error": 0.1, "claim": None, "optimism": None}
    common = {
        "window_end": "2024-08-01",
        "why_not": "",
        "n_treated": 900,
        "n_control": 100,
        "effects": {},
        "uplift": {},
    }
    return {
        "window_days": 90,
        "rows": dict.fromkeys(("treated", "control", "later", "quarantined", "netted", "all", "not_counted"), 7),
        "experiments": [
            common
            | {
                "name": "spring",
                "state": "trusted",
                "effects": {"buyers": effect, "net_worth": effect | {"adj_low": -0.1}},
                "uplift": {"buyers": uplift},
                "policies": {"chosen": "all letter", "all": [policy]},
            },
            common | {"name": "summer", "state": "not_trusted", "why_not": "sample_ratio,contamination"},
            common | {"name": "autumn", "state": "running"},
            common | {"name": "winter", "state": "no_control"},
        ],
        "rates": [
            {
                "action": "retention_offer",
                "stage": "decline",
                "prior": 0.1,
                "prior_sd": 0.05,
                "rate": 0.04,
                "sd": 0.02,
                "basis": "mixed",
                "contacts": 1000,
            }
        ],
        "advice": {"retention_offer": {"share": 0.05, "needed": 1234, "needed_at_half": None}},
    }
