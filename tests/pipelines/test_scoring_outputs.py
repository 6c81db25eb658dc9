"""Where scores go besides files, and under which ids: databases in one transaction, keyed pseudonyms, the manifest."""

import datetime as dt
import hashlib
import hmac
import importlib.util
import json
import shutil
from pathlib import Path

import adbc_driver_postgresql.dbapi
import adbc_driver_sqlite.dbapi
import pyarrow.parquet as pq
import pytest

from lifecycle.pipelines import config as configuration
from lifecycle.pipelines.explain import explain
from lifecycle.pipelines.score import score_manifest, scoring
from lifecycle.pipelines.score.score_database import ScoreDatabaseError
from lifecycle.pipelines.steps import ingest_step, report_step, score_step
from lifecycle.scoring.pseudonyms import PseudonymError, Pseudonyms

DAY = dt.date(1998, 6, 30)
UNSEEN = "kunde-9999"
KEY = "a key that nobody would ever guess"


@pytest.fixture(scope="module")
def ingested(done, tmp_path_factory) -> Path:
    """A history of 200 of the customers under other ids, and of one whom the champion has never seen."""
    package = importlib.util.find_spec("lifetimes")
    lines = (Path(package.origin).parent / "datasets/CDNOW_sample.txt").read_text().splitlines()
    rows = [line.split() for line in lines]
    kept = [f"kunde-{number},{day},{amount}" for _, number, day, _, amount in rows if int(number) <= 200]
    folder = tmp_path_factory.mktemp("small")
    (folder / "log.csv").write_text("\n".join(["id,day,paid", *kept, f"{UNSEEN},19980615,30.0"]) + "\n")
    ingest_step(settings(done, folder, {}))
    return folder


def settings(done, folder, more):
    columns = {"path": str(folder / "log.csv"), "header": True, "delimiter": ","}
    columns |= {"customer_id": "id", "timestamp": "day", "timestamp_format": "%Y%m%d", "amount": "paid"}
    tables = {f"tables.transactions.{name}": value for name, value in columns.items()}
    places = {"output.directory": str(folder / "out"), "tracking.uri": done.config.tracking_uri}
    champion = {"tracking.experiment": done.config.experiment, "time.as_of": DAY, "retention.budget": 30.0}
    return configuration.load(done.path, {**tables, **places, **champion, **more})


@pytest.fixture
def setting(done, ingested, tmp_path, monkeypatch):
    """Configurations on a history of the test's own; the checkout counts as unchanged, so that a repetition is seen."""
    shutil.copytree(ingested, tmp_path / "small")
    monkeypatch.setattr(scoring, "code_version", lambda: "one")
    monkeypatch.setattr(score_manifest, "code_version", lambda: "one")
    return lambda **more: settings(done, tmp_path / "small", {k.replace("__", "."): v for k, v in more.items()})


def manifest_of(config):
    return json.loads((config.directory / f"manifests/{DAY}.json").read_text())


class Base:
    """A database under test: its address, and what a bystander does to it."""

    def __init__(self, address, connect, refuse, allow):
        self.address, self.connect, self.refuse, self.allow = address, connect, refuse, allow

    def run(self, *commands):
        with self.connect() as connection, connection.cursor() as cursor:
            for command in commands:
                cursor.execute(command)
            connection.commit()

    def rows(self, table="scores"):
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {table} ORDER BY as_of, priority")
            return [tuple(str(value) for value in row) for row in cursor.fetchall()]


@pytest.fixture(params=["sqlite", "postgresql"])
def base(request, tmp_path, monkeypatch):
    if request.param == "sqlite":
        place = str(tmp_path / "scores.db")
        found = Base(
            f"sqlite:{place}",
            lambda: adbc_driver_sqlite.dbapi.connect(place),
            "CREATE TRIGGER full_disk BEFORE INSERT ON scores WHEN NEW.priority = 150 "
            "BEGIN SELECT RAISE(ABORT, 'disk is full'); END",
            "DROP TRIGGER full_disk",
        )
    else:
        server = request.getfixturevalue("server")
        found = Base(
            server,
            lambda: adbc_driver_postgresql.dbapi.connect(server),
            "ALTER TABLE scores ADD CONSTRAINT full_disk CHECK (priority <> 150) NOT VALID",
            "ALTER TABLE scores DROP CONSTRAINT full_disk",
        )
        found.run("DROP TABLE IF EXISTS scores", "DROP TABLE IF EXISTS others")
    monkeypatch.setenv("SCORES_DATABASE", found.address)
    return found


def test_a_database_gets_the_rows_of_a_date_in_the_place_of_the_former_ones(setting, base) -> None:
    config = setting(output__database_env="SCORES_DATABASE")
    scoring_done = score_step(config)
    first = base.rows()
    ids = pq.read_table(scoring_done.parquet, columns=["customer_id"])["customer_id"].to_pylist()
    assert [row[0] for row in first] == ids
    assert len(first) == 201
    assert manifest_of(config)["database"] == {"address_env": "SCORES_DATABASE", "table": "scores", "rows": 201}
    earlier = setting(output__database_env="SCORES_DATABASE", time__as_of=dt.date(1998, 3, 31))
    score_step(earlier)
    score_step(config)
    assert [row for row in base.rows() if row[1] == str(DAY)] == first
    assert len(base.rows()) == 401, "the date before has its own rows; one customer was not yet there"
    stamp = scoring_done.parquet.stat().st_mtime_ns
    base.run(f"DELETE FROM scores WHERE as_of = '{DAY}' AND priority < 9")
    score_step(config)
    assert [row for row in base.rows() if row[1] == str(DAY)] == first
    score_step(setting(output__database_env="SCORES_DATABASE", output__table="others"))
    assert base.rows("others") == first
    assert scoring_done.parquet.stat().st_mtime_ns == stamp, "the files were right all along"


def test_what_fails_in_the_middle_leaves_the_former_rows(setting, base) -> None:
    score_step(setting(output__database_env="SCORES_DATABASE"))
    former = base.rows()
    other = setting(output__database_env="SCORES_DATABASE", retention__budget=5.0)
    base.run(base.refuse)
    with pytest.raises(ScoreDatabaseError, match=r"refused, and its rows are as before.*(disk is full|full_disk)") as e:
        score_step(other)
    assert base.address not in str(e.value)
    assert base.rows() == former
    assert "database" not in manifest_of(other)
    base.run(base.allow)
    score_step(other)
    assert len(base.rows()) == len(former)
    assert base.rows() != former


def test_a_table_of_another_shape_is_refused_by_name(setting, base) -> None:
    config = setting(output__database_env="SCORES_DATABASE")
    base.run("CREATE TABLE scores (customer_id integer, as_of date, shoe_size integer)")
    with pytest.raises(ScoreDatabaseError, match=r"missing columns \['horizon_days'.*unknown columns \['shoe_size'\]"):
        score_step(config)
    assert (config.directory / f"scores/{DAY}.parquet").exists()


def test_a_database_that_is_not_named_is_missed_before_the_work(setting, monkeypatch) -> None:
    monkeypatch.delenv("NOWHERE", raising=False)
    config = setting(output__database_env="NOWHERE")
    with pytest.raises(ScoreDatabaseError, match=r"environment variable NOWHERE .* is not set"):
        score_step(config)
    assert not (config.directory / "scores").exists()
    with pytest.raises(configuration.ConfigError, match=r"output\.table"):
        setting(output__table="scores; DROP TABLE customers")


def test_pseudonyms_stand_wherever_ids_would(setting, monkeypatch, capsys) -> None:
    plain = pq.read_table(score_step(setting()).parquet).to_pandas()
    assert plain.set_index("customer_id").loc[UNSEEN, "churn_probability"] > 0, "a customer unseen in training"
    monkeypatch.setenv("PSEUDONYM_KEY", KEY)
    config = setting(output__pseudonym_key_env="PSEUDONYM_KEY")
    for folder in ("scores", "csv", "manifests"):
        shutil.rmtree(config.directory / folder)
    capsys.readouterr()
    hidden = pq.read_table(score_step(config).parquet).to_pandas()
    report_step(config)

    def keyed(one):
        return hmac.new(KEY.encode(), one.encode(), hashlib.sha256).hexdigest()[:32]

    assert hidden["customer_id"].tolist() == [keyed(one) for one in plain["customer_id"]]
    same = [name for name in plain.columns if name != "customer_id"]
    assert hidden[same].equals(plain[same]), "neither order nor control group rest on the key"
    shown = capsys.readouterr().out
    pseudonym = keyed("kunde-0007")
    told = []
    for name in ("kunde-0007", pseudonym):
        explain(config, name)
        told.append(capsys.readouterr().out)
    assert told[0] == told[1]
    assert f"Customer {pseudonym}" in told[0]
    assert "purchase days" in told[0]
    written = [path for path in config.directory.rglob("*") if path.is_file() and "history" not in path.parts]
    assert len(written) >= 4
    everything = [path.read_bytes() for path in written] + [shown.encode(), told[0].encode()]
    assert not [text for text in everything if b"kunde-" in text or KEY.encode() in text]
    former = manifest_of(config)["key"]
    monkeypatch.setenv("PSEUDONYM_KEY", KEY + "!")
    score_step(config)
    assert manifest_of(config)["key"] != former


def test_a_key_that_is_missing_or_short_is_refused_and_never_shown(setting, monkeypatch) -> None:
    config = setting(output__pseudonym_key_env="PSEUDONYM_KEY")
    monkeypatch.delenv("PSEUDONYM_KEY", raising=False)
    with pytest.raises(PseudonymError, match="PSEUDONYM_KEY with the key is not set"):
        score_step(config)
    monkeypatch.setenv("PSEUDONYM_KEY", "fifteen letters")
    with pytest.raises(PseudonymError, match="at least 16 bytes; found 15") as refused:
        score_step(config)
    assert "letters" not in str(refused.value)
    assert KEY not in repr(Pseudonyms(KEY.encode()))


def test_the_manifest_says_what_was_scored_by_what(setting) -> None:
    config = setting()
    found = score_step(config)
    manifest = manifest_of(config)
    assert manifest["rows"] == found.customers == 201
    for name, digest in manifest["outputs"].items():
        assert hashlib.sha256((config.directory / name).read_bytes()).hexdigest() == digest
    assert [len(manifest[name]) for name in ("history_sha256", "model_version", "policy_version")] == [64, 64, 16]
    assert list(manifest["inputs"]) == ["transactions"]
    assert "NaN" not in (config.directory / f"manifests/{DAY}.json").read_text()
    again = score_step(config)
    assert repr(again.summary) == repr(found.summary), "the list in numbers comes back from the manifest"
    assert {"estimates", "plan", "reasons", "files", "all"} <= set(manifest["seconds"])
    assert -manifest["list"]["spent"] < manifest["list"]["conservative"] < manifest["list"]["gain"]


def test_whoever_was_contacted_lately_is_left_alone(setting) -> None:
    path = Path(setting().tables.transactions.path[0]).with_name("sent.csv")
    rows = [f"kunde-{k:04d},{DAY - dt.timedelta(days=k)},{str(k % 5 == 0).lower()}" for k in range(1, 200)]
    path.write_text("\n".join(["customer_id,timestamp,control", *rows]) + "\n")
    targeted = {}
    for days in (0, 30):
        config = setting(
            tables__campaigns__path=str(path), retention__budget=1e6, retention__min_days_between_contacts=days
        )
        ingest_step(config)
        frame = pq.read_table(score_step(config).parquet).to_pandas()
        targeted[days] = set(frame.loc[frame["targeted"], "customer_id"])
    lately = {f"kunde-{k:04d}" for k in range(1, 30) if k % 5}
    assert targeted[0] & lately
    assert targeted[30] == targeted[0] - lately, "30 days ago is long enough, and who was held back was not contacted"
