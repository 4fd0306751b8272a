"""The journal of a run's folder, for what reads it and asks no QPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ..files.run_lock import InUseError, writer_of
from ..training.run_folder import JOURNAL, RunFolder
from .journal import Journal
from .journal_file import copy_to


@contextmanager
def journal_of(run: RunFolder) -> Iterator[Journal | None]:
    """Opens a copy of the journal of a run on a QPU; None if there is none. The run is not touched.

    Raises:
        ValueError: If it is a run on no QPU, in use, or its journal is none.
    """
    if run.config.machine != "qpu":
        raise ValueError(f"{run.path} is a run on machine {run.config.machine}, expected one on a qpu")
    file = run.path / JOURNAL
    _require_idle(run)
    if not file.exists():
        yield None
        return
    with TemporaryDirectory(prefix="ising-ep-") as folder:
        copy = copy_to(file, Path(folder))
        _require_idle(run)  # no writer has begun meanwhile
        with Journal(file, run=run.name_at_solver() or run.name, copy=copy) as journal:
            yield journal


def _require_idle(run: RunFolder) -> None:
    """Refuses a run that somebody writes to: its journal may change while it is copied."""
    writer = writer_of(run.path)
    if writer is not None:
        raise InUseError(f"{run.path} is in use by {writer}, expected a run that nobody writes to")
