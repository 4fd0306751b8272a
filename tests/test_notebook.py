"""The notebook runs, and is committed as it ran. To run it anew and keep what it shows:

jupyter nbconvert --to notebook --execute --inplace --ExecutePreprocessor.record_timing=False \\
  docs/first-minute.ipynb
"""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).resolve().parents[1] / "docs" / "first-minute.ipynb"


def read():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    return notebook, [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(cells):
    """What is under each cell: a stream by its name, a picture by its types; what they say may change."""
    return [[output.get("name") or sorted(output.data) for output in cell.outputs] for cell in cells]


def test_runs_and_shows_what_is_committed(tmp_path, monkeypatch):
    notebook, cells = read()
    committed = shown(cells)
    # The kernel is this environment's, whatever the user has installed, and leaves nothing behind.
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
    for name in (
        "IPYTHONDIR",
        "JUPYTER_RUNTIME_DIR",
        "JUPYTER_DATA_DIR",
        "JUPYTER_CONFIG_DIR",
        "MPLCONFIGDIR",
    ):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    folder = tmp_path / "empty"
    folder.mkdir()
    # No limit of time: the machine may be busy. An error in a cell is raised here.
    NotebookClient(
        notebook, timeout=None, kernel_name="python3", resources={"metadata": {"path": folder}}
    ).execute()
    assert shown(cells) == committed
    assert not list(folder.iterdir())


def test_is_committed_executed_and_small():
    _, cells = read()
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not [cell.metadata for cell in cells if "execution" in cell.metadata], "timestamps: see above"
    assert {output.output_type for cell in cells for output in cell.outputs} >= {"stream", "display_data"}
    assert NOTEBOOK.stat().st_size < 500_000
