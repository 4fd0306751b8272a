"""The notebooks run, and are committed as they ran, text for text. `make notebook` runs them anew."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

pytestmark = pytest.mark.slow

DOCS = Path(__file__).resolve().parents[1] / "docs"
NOTEBOOKS = sorted(DOCS.rglob("*.ipynb"))
# Folders of Jupyter and matplotlib, which would else be the user's.
OWN = ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "MPLCONFIGDIR")


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def executed(path, folder):
    """A notebook, run by this environment's kernel in an empty folder, where nothing may be left behind."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    work = folder / "empty"
    work.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
        for name in OWN:
            patch.setenv(name, str(folder / name.lower()))
        # No limit of time: the machine may be busy. An error in a cell is raised here.
        NotebookClient(
            notebook,
            timeout=None,
            kernel_name="python3",
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": work}},
        ).execute()
    assert not list(work.iterdir())
    return notebook


def shown(notebook):
    """What is under each cell: text as it is, a picture by its types."""
    return [
        [output.get("text") or sorted(output.data) for output in cell.outputs]
        for cell in code_cells(notebook)
    ]


def committed(path):
    return nbformat.read(path, as_version=4)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs_and_shows_what_is_committed(path, tmp_path):
    assert shown(executed(path, tmp_path)) == shown(committed(path)), "run `make notebook`"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_is_committed_executed_and_small(path):
    cells = code_cells(committed(path))
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not [cell.metadata for cell in cells if "execution" in cell.metadata], "timestamps: make notebook"
    outputs = [output for cell in cells for output in cell.outputs]
    assert any(output.output_type == "stream" for output in outputs)
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert path.stat().st_size < 500_000


def test_the_chip_is_asked_and_does_nearly_as_well():
    """What the text above the last cell of the first minute says."""
    [text] = shown(committed(DOCS / "first-minute.ipynb"))[-1]
    annealer, chip = map(float, re.findall(r": (\d+)% of 50 images", text))
    assert annealer > 90
    # Of 50 images at 0.95: four standard errors.
    assert annealer - 12 < chip < annealer + 12
    assert int(re.search(r"chip was given: (\d+)", text)[1]) > 0


def test_the_rehearsed_run_pays_for_nothing_twice():
    """What the text above the bill says."""
    outputs = shown(committed(DOCS / "tutorials" / "qpu-rehearsal.ipynb"))
    [bill] = [text for cell in outputs for text in cell if "different ones" in str(text)]
    _, annealed, different = map(int, re.findall(r"(\d+) (?:problems|in all|different)", bill))
    assert annealed == different > 40


def test_the_tutorials_come_out_as_they_say():
    """The machine of one's own learns, the network does, and the proof is one."""

    def text(name):
        return str(shown(committed(DOCS / "tutorials" / f"{name}.ipynb")))

    shares = [float(share) for share in re.findall(r"in the test: ([\d.]+)%", text("own-data-and-network"))]
    assert len(shares) == 2
    assert min(shares) > 90
    descent, annealing = re.search(r"descent: ([\d.]+)%.*annealing: ([\d.]+)%", text("own-machine")).groups()
    assert 40 < float(descent) < float(annealing)
    worth, found = re.search(r"by networkx: (\d+) - by minimize: (\d+)", text("qubo")).groups()
    assert worth == found
    assert "known to be the best: True" in text("qubo")


if __name__ == "__main__":
    for each in map(Path, sys.argv[1:]) if sys.argv[1:] else NOTEBOOKS:
        with tempfile.TemporaryDirectory() as work:
            nbformat.write(executed(each, Path(work)), each)
