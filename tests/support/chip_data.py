"""Where numbers of real chips are looked for, which are not part of the project."""

import os
from pathlib import Path

import pytest

# Folders anneal_schedules and qpu_logs are in the folder that this variable names, else in one beside the
# repository.
FOLDER = Path(os.environ.get("ISING_EP_CHIP_DATA") or Path(__file__).resolve().parents[3] / "shared/data")
SCHEDULES, LOGS = FOLDER / "anneal_schedules", FOLDER / "qpu_logs"


def needs(folder: Path) -> pytest.MarkDecorator:
    """Skips a test where the folder is missing."""
    why = f"{folder.name} is not in {FOLDER}; ISING_EP_CHIP_DATA names another folder"
    return pytest.mark.skipif(not folder.is_dir(), reason=why)
