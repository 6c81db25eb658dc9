"""The notebooks run as they are, show what they promise, and say in words only numbers that they also show."""

import base64
import html
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "notebooks"
NAMES = ("01_first_look", "02_value_model", "03_churn_model", "04_from_scores_to_campaign", "05_did_it_work")
PICTURES = {
    "01_first_look": 5,
    "02_value_model": 5,
    "03_churn_model": 6,
    "04_from_scores_to_campaign": 6,
    "05_did_it_work": 4,
}
SHOWN = {
    "01_first_look": ("23,570", "69,659", "2,500,315.63", "67,591", "255", "80"),
    "02_value_model": ("2,357", "1,882", "1,653.4", "1,576.7", "1,665.5", "-9582.4292", "-9582.1357", "-9594.9762"),
    "03_churn_model": ("Trees rank better than MBG/NBD", "with it"),
    "04_from_scores_to_campaign": ("23,570", "win_back", "days after", "assumed net gain"),
    "05_did_it_work": (
        "64,000",
        "sample_ratio",
        "men's e-mail, purchases: constant",
        "chosen: all Mens E-Mail",
        "0.081",
    ),
}
HILLSTROM = FOLDER.parents[1] / "shared" / "data" / "hillstrom" / "customers.parquet"


@dataclass(frozen=True)
class Executed:
    name: str
    notebook: Any
    outputs: tuple[Any, ...]
    text: str
    pictures: tuple[bytes, ...]


class ThisPython(AsyncKernelManager):
    """Starts the kernel of the Python that runs the tests, whatever kernels are installed."""

    def _kernel_spec_manager_default(self) -> KernelSpecManager:
        return KernelSpecManager(kernel_dirs=[])


def plain(markup: str) -> str:
    """What a reader sees of an HTML output, without the spaces that some put before a per cent sign."""
    text = re.sub(r"<style.*?</style>|<[^>]+>", " ", markup, flags=re.DOTALL)
    return html.unescape(text).replace(" %", "%")


@pytest.fixture(scope="module", params=NAMES)
def executed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Executed:
    """Run a notebook in a folder of its own."""
    if request.param == "05_did_it_work" and not HILLSTROM.exists():
        pytest.skip("Hillstrom's experiment is not there")
    folder = tmp_path_factory.mktemp(request.param)
    notebook = nbformat.read(FOLDER / f"{request.param}.ipynb", as_version=4)
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
            patch.setenv(variable, str(folder / variable.lower()))
        patch.setenv("HILLSTROM", str(HILLSTROM))
        client = NotebookClient(
            notebook,
            timeout=300,
            kernel_name="python3",
            kernel_manager_class=ThisPython,
            resources={"metadata": {"path": str(folder)}},
        )
        client.execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    data = [output["data"] for output in outputs if "data" in output]
    streams = [output["text"] for output in outputs if "text" in output]
    tables = [one.get("text/html") or one.get("text/plain", "") for one in data]
    pictures = tuple(base64.b64decode(one["image/png"]) for one in data if "image/png" in one)
    return Executed(request.param, notebook, tuple(outputs), plain("\n".join([*streams, *tables])), pictures)


def test_no_notebook_goes_untested() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == list(NAMES)


def test_a_notebook_runs_without_a_warning(executed: Executed) -> None:
    assert [output for output in executed.outputs if output["output_type"] == "error"] == []
    assert [output["text"] for output in executed.outputs if output.get("name") == "stderr"] == []


def test_a_notebook_shows_its_pictures(executed: Executed) -> None:
    assert len(executed.pictures) == PICTURES[executed.name]
    for picture in executed.pictures:
        assert picture.startswith(b"\x89PNG")
        width, height = int.from_bytes(picture[16:20]), int.from_bytes(picture[20:24])
        assert width > 600
        assert height > 300
        assert len(picture) > 8_000


def test_a_notebook_shows_its_key_numbers(executed: Executed) -> None:
    assert [one for one in SHOWN[executed.name] if one not in executed.text] == []


def test_numbers_in_the_prose_are_numbers_that_are_shown(executed: Executed) -> None:
    prose = "\n".join(cell["source"] for cell in executed.notebook.cells if cell["cell_type"] == "markdown")
    stated = [one.replace(" %", "%") for one in re.findall(r"\*\*([\d.,]*\d(?: %)?)\*\*", prose)]
    assert [one for one in stated if not re.search(rf"(?<![\d,.]){re.escape(one)}", executed.text)] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_kept_without_outputs_and_without_places_of_one_machine(name: str) -> None:
    source = (FOLDER / f"{name}.ipynb").read_text()
    notebook = nbformat.reads(source, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
    assert not re.search(r"/home/|/Users/|/tmp/|[A-Z]:\\\\", source)


@pytest.mark.parametrize("name", NAMES)
def test_links_between_notebooks_lead_somewhere(name: str) -> None:
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    links = re.findall(r"\]\(([^)]+\.ipynb)\)", "\n".join(cell["source"] for cell in notebook.cells))
    assert [link for link in links if not (FOLDER / link).exists()] == []
