"""A file takes its place whole or not at all."""

from pathlib import Path

import pytest

from pipelines.files import replacing


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
