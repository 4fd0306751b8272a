"""The journal of a run's folder, for what reads it and asks no QPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..training.run_folder import JOURNAL, RunFolder
from .journal import Journal


@contextmanager
def journal_of(run: RunFolder) -> Iterator[Journal | None]:
    """Opens the journal of a run on a QPU, and holds the run until it is closed; None if there is none.

    Raises:
        ValueError: If it is a run on no QPU, in use, or its journal is none.
    """
    if run.config.machine != "qpu":
        raise ValueError(f"{run.path} is a run on machine {run.config.machine}, expected one on a qpu")
    file = run.path / JOURNAL
    if not file.exists():
        yield None
        return
    run.hold()
    try:
        with Journal(file, run=run.name_at_solver()) as journal:
            yield journal
    finally:
        run.close()
