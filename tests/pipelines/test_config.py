"""The configuration: defaults as documented, and errors that say key, allowed, found and remedy."""

import datetime as dt
from pathlib import Path

import pytest

from lifecycle.pipelines.config import Config, ConfigError, copy_of_shipped, load, parse
from lifecycle.pipelines.ingest.table_specs import table_specs
from lifecycle.pipelines.score.policies import retention_policy

MINIMAL = {"tables": {"transactions": {"path": "log.csv"}}}


def parsed(**sections: object) -> Config:
    return parse({**MINIMAL, **sections}, base=Path("/base"), name="shop")


def problem(document: dict[str, object]) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(document, base=Path("/base"), name="shop")
    return str(caught.value)


def test_only_the_transactions_path_is_required_and_defaults_are_the_documented_ones() -> None:
    config = parsed()
    assert config.tables.transactions.path == ("log.csv",)
    assert (config.time.as_of, config.time.horizon_days) == (None, None)
    assert (config.money.margin, config.money.discount_rate_per_year) == (1, 0.1)
    retention = config.retention
    assert (retention.budget, retention.contact_cost, retention.incentive_cost) == (None, 1, 0)
    assert (retention.save_rate, retention.winback_save_rate, retention.control_share) == (0.1, None, 0.1)
    assert config.experiment == "shop"


def test_relative_paths_start_from_the_folder_of_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "settings"
    folder.mkdir()
    file = folder / "shop.toml"
    file.write_text('[tables.transactions]\npath = "log.csv"\n[output]\ndirectory = "../results"\n')
    config = load(file)
    assert config.directory == tmp_path / "results"
    assert config.tracking_uri == f"sqlite:///{folder / 'mlruns' / 'mlflow.db'}"


def test_the_configuration_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        parsed().money.margin = 0.5


def test_overrides_replace_the_files_values_and_are_checked_like_them(tmp_path: Path) -> None:
    file = tmp_path / "shop.toml"
    file.write_text('[tables.transactions]\npath = "log.csv"\n[time]\nhorizon_days = 30\n')
    config = load(file, {"time.horizon_days": 60, "time.as_of": "1998-06-30", "retention.budget": 5})
    assert (config.time.horizon_days, config.time.as_of, config.retention.budget) == (60, dt.date(1998, 6, 30), 5)
    with pytest.raises(ConfigError, match=r"time\.horizon_days: must be greater than or equal to 1; found 0"):
        load(file, {"time.horizon_days": 0})


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({}, "tables: required, but not set. Add [tables.transactions]"),
        ({"tables": {"transactions": {"pth": "x"}}}, "tables.transactions.pth: unknown key. Did you mean 'path'?"),
        ({**MINIMAL, "retenion": {}}, "retenion: unknown key. Did you mean 'retention'?"),
        ({**MINIMAL, "time": {"as_of": "1998-02-30"}}, "give a date that exists, written as year-month-day"),
        ({**MINIMAL, "time": {"horizon_days": "9"}}, "time.horizon_days: must be a valid integer; found '9'"),
        ({**MINIMAL, "money": {"margin": 2.0}}, "money.margin: must be less than or equal to 1; found 2.0"),
        ({**MINIMAL, "money": {"margin": float("nan")}}, "money.margin: must be"),
        (
            {**MINIMAL, "ingest": {"memory_limit": "lots"}},
            'ingest.memory_limit: give a number with a unit, such as "2GB"',
        ),
        ({**MINIMAL, "output": {"language": "fr"}}, "output.language: must be 'en' or 'zh'; found 'fr'"),
        ({"tables": {"transactions": {}}}, "tables.transactions: name either path (files) or database_env"),
        ({"tables": {"transactions": {"database_env": "DB"}}}, "database_env needs query: the SQL"),
        ({**MINIMAL, "base": "x"}, "unknown key 'base'"),
    ],
)
def test_what_is_wrong_is_said_with_key_allowed_found_and_remedy(document: dict[str, object], said: str) -> None:
    assert said in problem(document)


def test_all_problems_are_said_at_once() -> None:
    text = problem({**MINIMAL, "time": {"horizon_days": 0}, "money": {"margin": -1}, "x": 1})
    assert "3 problems" in text
    assert all(key in text for key in ("time.horizon_days", "money.margin", "x: unknown key"))


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="config file not found"):
        load(tmp_path / "absent.toml")
    with pytest.raises(ConfigError, match="found a folder"):
        load(tmp_path)
    broken = tmp_path / "broken.toml"
    broken.write_text("[tables\n")
    with pytest.raises(ConfigError, match="not valid TOML"):
        load(broken)
    latin = tmp_path / "latin.toml"
    latin.write_bytes("[output]\ndirectory = 'é'".encode("latin-1"))
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(latin)


def test_both_ready_configurations_are_valid() -> None:
    folder = Path(__file__).parents[2] / "configs"
    assert {load(path).experiment for path in folder.glob("*.toml")} == {"cdnow", "online_retail"}


def test_campaigns_and_the_wait_between_contacts_reach_ingest_and_policy() -> None:
    config = parsed(
        tables={
            "transactions": {"path": "log.csv", "timestamp_format": ["%d/%m/%Y", "%Y%m%d"], "decimal": ","},
            "campaigns": {"path": "sent.csv", "treatment": "offer"},
        },
        retention={"min_days_between_contacts": 14},
    )
    assert retention_policy(config).min_days_between_contacts == 14
    assert retention_policy(parsed()).min_days_between_contacts == 0
    tables = table_specs(config)
    assert tables.transactions.formats == ("%d/%m/%Y", "%Y%m%d") and tables.transactions.decimal == ","
    assert tables.campaigns is not None and tables.campaigns.outside == config.directory
    found = {"customer_id": "", "timestamp": "", "offer": "", "control": ""}
    assert dict(tables.campaigns.of(found).columns) == {
        "customer_id": "customer_id",
        "timestamp": "timestamp",
        "treatment": "offer",
        "control": "control",
    }
    for wrong in (-1, 1.5):
        text = problem({**MINIMAL, "retention": {"min_days_between_contacts": wrong}})
        assert "retention.min_days_between_contacts: must be" in text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"x = {'[' * 5000}{']' * 5000}", "cannot be read as TOML"),
        (f"[time]\nhorizon_days = {'9' * 5000}", "cannot be read as TOML"),
        ('[tables.transactions]\npath = "a.csv"\n[output]\ndirectory = "a\\u0000b"', "NUL character"),
        ('[tables.transactions]\npath = "a.csv"\n[output]\ndirectory = "~nosuchuser/x"', "no such user"),
        ('[tables.transactions]\npath = "a.csv"\n[tracking]\nexperiment = "a\'b\\"c"', "use one of them"),
    ],
)
def test_what_no_sensible_person_writes_is_refused_in_words(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "shop.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=says):
        _ = load(path).directory


def test_a_shipped_configuration_is_copied_with_its_outputs_below_and_never_written_over(tmp_path: Path) -> None:
    copy = copy_of_shipped("cdnow", tmp_path / "demo")
    config = load(copy)
    assert config.directory == tmp_path / "demo" / "output"
    assert config.tracking_uri == f"sqlite:///{tmp_path}/demo/mlruns/mlflow.db"
    copy.write_text(copy.read_text().replace("budget = 300", "budget = 500"))
    assert load(copy_of_shipped("cdnow", tmp_path / "demo")).retention.budget == 500
