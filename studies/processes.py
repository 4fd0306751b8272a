"""Runs the units that are missing in processes, each of one thread."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from .progress import Shown, shown_on_stderr
from .units import Run, Settings, Store, Units

# What the libraries behind numpy and scikit-learn ask for their number of threads, when they are loaded.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def complete(
    store: Store,
    works: Sequence[Units],
    data_dir: Path,
    processes: int,
    *,
    fresh: bool = False,
    shown: Shown | None = None,
) -> None:
    """Runs what is missing; each result is saved as soon as it is there.

    Args:
        store: Where results are.
        works: Which units.
        data_dir: Folder of MNIST's files.
        processes: Units at once.
        fresh: Whether each unit gets a process of its own, so that its peak of memory is its own too.
        shown: What is told of the progress; by default a bar or lines on stderr.

    Raises:
        ValueError: If a unit has bad settings.
        OSError: If MNIST is needed and not there, or results cannot be written.
    """
    missing = [(units, key) for units in works for key in store.missing(units).settings]
    if any(units.settings[key].get("dataset") == "mnist" for units, key in missing) and not data_dir.is_dir():
        raise FileNotFoundError(
            f"{data_dir} is no folder, expected one with MNIST's four IDX files; give it by --data-dir"
        )
    if not missing:
        return
    # Made before the work, so that a folder that cannot be is refused first.
    store.folder.mkdir(parents=True, exist_ok=True)
    # Forked processes would inherit the threads of the core in whatever state they are.
    context = multiprocessing.get_context("spawn")
    tasks = 1 if fresh else None
    with (
        shown_on_stderr(len(missing)) if shown is None else nullcontext(shown) as shown,
        _one_thread(),
        ProcessPoolExecutor(
            processes, context, initializer=_end_on_signals, max_tasks_per_child=tasks
        ) as pool,
    ):
        futures = {
            pool.submit(_timed, units.run, units.settings[key], data_dir): (units, key)
            for units, key in missing
        }
        # Units begin in their order.
        pending = [f"{units.name} {key}" for units, key in missing]
        with _ended_on_errors(pool):
            shown.running(pending[:processes])
            for future in as_completed(futures):
                units, key = futures.pop(future)
                result, seconds = future.result()
                store.save(units, key, result, seconds)
                shown.done(f"{units.name} {key}", seconds)
                pending.remove(f"{units.name} {key}")
                shown.running(pending[:processes])


def _timed(function: Run, unit: Settings, data_dir: Path) -> tuple[dict[str, Any], float]:
    """The result of a unit, and the seconds of a core it took, whatever else ran beside it."""
    started = time.process_time()
    result = function(unit, data_dir)
    return result, time.process_time() - started


@contextmanager
def _ended_on_errors(pool: ProcessPoolExecutor) -> Iterator[None]:
    """Ends the pool and its processes when anything is raised, Ctrl-C too."""
    try:
        yield
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in multiprocessing.active_children():
            child.terminate()
        raise


@contextmanager
def _one_thread() -> Iterator[None]:
    """For the processes that begin meanwhile."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _end_on_signals() -> None:
    """Ctrl-C reaches every process: the first one says what happened, these just end."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
