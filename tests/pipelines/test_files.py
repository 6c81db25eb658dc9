"""A file takes its place whole or not at all."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from lifecycle.pipelines.atomic_files import replacing


def test_a_failed_write_leaves_the_former_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "scores" / "day.csv"
    with replacing(target) as path:
        path.write_text("first")
    with pytest.raises(RuntimeError, match="killed"), replacing(target) as path:
        path.write_text("half")
        raise RuntimeError("killed")
    assert target.read_text() == "first"
    assert [p.name for p in tmp_path.rglob("*")] == ["scores", "day.csv"]


def test_a_reader_who_lists_the_folder_meanwhile_sees_whole_files_only(tmp_path: Path) -> None:
    target = tmp_path / "scores" / "day.csv"
    with replacing(target) as path:
        path.write_text("half")
        assert list(target.parent.iterdir()) == []
    assert list(target.parent.iterdir()) == [target]


def test_what_a_killed_writer_left_is_swept_away_and_a_living_ones_file_is_not(tmp_path):
    partial = tmp_path / ".partial"
    partial.mkdir()
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    mine = [f"a.txt.{int(dead.stdout)}.x1", f"a.txt.{os.getpid()}.x2", "b.txt.1.x3"]
    for name in mine:
        (partial / name).write_text("half")
    with replacing(tmp_path / "out" / "a.txt") as path:
        path.write_text("whole")
    assert sorted(found.name for found in partial.iterdir()) == sorted(mine[1:])


@pytest.mark.parametrize(("mask", "mode"), [(0o077, 0o600), (0o027, 0o640), (0o022, 0o644)])
def test_files_obey_the_umask(tmp_path: Path, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        with replacing(tmp_path / "scores" / "a.csv") as path:
            path.write_text("whole")
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "scores" / "a.csv").stat().st_mode) == mode
