"""The command as a user types it: errors are one paragraph with the remedy, never a traceback."""

import subprocess
import sys
from pathlib import Path

import pytest

from lifecycle.features import registry

CONFIG = '[tables.transactions]\npath = "log.csv"\n'


def lifecycle(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lifecycle", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("config", "log", "arguments", "said"),
    [
        (CONFIG, None, (), "Put the file there or mend the path."),
        (CONFIG, "who,timestamp,amount\n1,2020-01-01,5\n", (), "Name one of these."),
        (CONFIG + "[time]\nhorizon = 3\n", "", (), "time.horizon: unknown key. Did you mean 'horizon_days'?"),
        (CONFIG, "", ("--set", "horizon"), "--set takes KEY=VALUE"),
        (CONFIG, "", ("--as-of", "1998-02-30"), "give a date that exists"),
    ],
)
def test_bad_input_is_answered_with_the_remedy(
    tmp_path: Path, config: str, log: str | None, arguments: tuple[str, ...], said: str
) -> None:
    (tmp_path / "shop.toml").write_text(config)
    if log is not None:
        (tmp_path / "log.csv").write_text(log)
    result = lifecycle("ingest", "--config", "shop.toml", *arguments, folder=tmp_path)
    assert result.returncode == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_a_log_too_short_to_learn_from_says_what_it_needs(tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text(CONFIG)
    rows = [f"c{i % 7},2020-01-{1 + i:02d},5" for i in range(20)]
    (tmp_path / "log.csv").write_text("customer_id,timestamp,amount\n" + "\n".join(rows) + "\n")
    assert lifecycle("ingest", "--config", "shop.toml", folder=tmp_path).returncode == 0
    result = lifecycle("train", "--config", "shop.toml", folder=tmp_path)
    assert result.returncode == 2
    assert "The log is too short" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_dictionary_of_features_is_the_registrys(tmp_path: Path) -> None:
    shown = lifecycle("features", "--describe", folder=tmp_path).stdout
    names = lifecycle("features", folder=tmp_path).stdout
    for feature in registry.features():
        assert feature.name in shown and feature.name in names, feature.name
    for meaning in {word for feature in registry.features() for word in feature.meaning.split()}:
        assert meaning in shown, meaning
