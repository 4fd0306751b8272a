"""The notebook runs, and is committed as it ran: text for text. `make notebook` runs it anew and keeps it."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

pytestmark = pytest.mark.slow

NOTEBOOK = Path(__file__).resolve().parents[1] / "docs" / "first-minute.ipynb"
# Folders of Jupyter and matplotlib, which would else be the user's.
OWN = ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "MPLCONFIGDIR")


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def executed(folder):
    """The notebook, run by this environment's kernel in an empty folder, where nothing may be left behind."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
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


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    return executed(tmp_path_factory.mktemp("notebook"))


def test_runs_and_shows_what_is_committed(ran):
    assert shown(ran) == shown(nbformat.read(NOTEBOOK, as_version=4)), "run `make notebook`"


def test_the_chip_is_asked_and_does_nearly_as_well(ran):
    """What the text above the last cell says."""
    [text] = shown(ran)[-1]
    annealer, chip = map(float, re.findall(r": (\d+)% of 50 images", text))
    assert annealer > 90
    # Of 50 images at 0.95: four standard errors.
    assert annealer - 12 < chip < annealer + 12
    assert int(re.search(r"chip was given: (\d+)", text)[1]) > 0


def test_is_committed_executed_and_small():
    cells = code_cells(nbformat.read(NOTEBOOK, as_version=4))
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not [cell.metadata for cell in cells if "execution" in cell.metadata], "timestamps: make notebook"
    assert {output.output_type for cell in cells for output in cell.outputs} >= {"stream", "display_data"}
    assert NOTEBOOK.stat().st_size < 500_000


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        nbformat.write(executed(Path(folder)), NOTEBOOK)
