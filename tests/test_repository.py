"""What a fresh clone promises: our packages are the ones imported, the lock is complete and carries no address."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import lifecycle

ROOT = Path(__file__).parents[1]


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked() -> dict[str, str]:
    text = (ROOT / "requirements.lock").read_text()
    return {normalised(m[1]): m[2] for m in re.finditer(r"^([A-Za-z0-9_.-]+)==(\S+)", text, re.MULTILINE)}


def test_the_packages_imported_are_ours() -> None:
    assert Path(lifecycle.__file__).resolve().parent == ROOT / "src"


def test_the_lock_names_every_dependency_and_the_build_backend_with_hashes_and_no_address() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = project["project"]["dependencies"] + project["project"]["optional-dependencies"]["dev"]
    wanted += project["build-system"]["requires"]
    names = {normalised(re.split(r"[<>=\[;! ]", requirement)[0]) for requirement in wanted}
    assert names <= locked().keys()
    text = (ROOT / "requirements.lock").read_text()
    assert "://" not in text
    assert not re.search(r"^\s*--(index|extra|find|trusted)", text, re.MULTILINE)
    entries = re.split(r"\n(?=\S)", text.strip())
    assert all("--hash=sha256:" in entry for entry in entries)


def test_the_installed_versions_are_the_locked_ones() -> None:
    assert {name: version(name) for name in ("pandas", "lightgbm", "mlflow")} == {
        name: locked()[name] for name in ("pandas", "lightgbm", "mlflow")
    }


def test_help_imports_no_heavy_library() -> None:
    heavy = ("numpy", "pandas", "mlflow", "numba", "duckdb", "lightgbm", "matplotlib", "pydantic")
    program = (
        "import sys; sys.argv = ['lifecycle', '--help']\n"
        "from lifecycle.pipelines.cli import app\n"
        "try: app()\n"
        "except SystemExit: pass\n"
        f"print('loaded:', [m for m in {heavy!r} if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip().endswith("loaded: []")


def test_the_command_works_from_any_folder(tmp_path: Path) -> None:
    command = Path(sys.executable).parent / "lifecycle"
    result = subprocess.run([command, "--help"], cwd=tmp_path, capture_output=True, text=True, check=True)
    for verb in ("ingest", "train", "backtest", "score", "report", "ui", "run"):
        assert re.search(rf"\b{verb}\b", result.stdout)
