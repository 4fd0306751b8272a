"""Runs the units that are missing, each in a process of its own, on one thread."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .results import Store
from .study import Settings, Study

# What the libraries behind numpy and scikit-learn ask for their number of threads, when they are loaded.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def run(
    store: Store,
    studies: Sequence[Study],
    data_dir: Path,
    processes: int,
    on_unit: Callable[[Study, str, float], object],
    on_running: Callable[[Sequence[str]], object] = lambda names: None,
) -> None:
    """Runs what is missing; each result is saved as soon as it is there.

    Args:
        store: Where results are.
        studies: Which studies.
        data_dir: Folder of MNIST's files.
        processes: Units at once.
        on_unit: Called with study, key and seconds after each unit.
        on_running: Called with the names of the units under way, at the beginning and whenever they change.

    Raises:
        ValueError: If a unit has bad settings.
        OSError: If MNIST is needed and not there, or results cannot be written.
    """
    missing = [(study, key, unit) for study in studies for key, unit in store.missing(study).items()]
    if not missing:
        return
    if any(unit.get("dataset") == "mnist" for _, _, unit in missing) and not data_dir.is_dir():
        raise FileNotFoundError(
            f"{data_dir} is no folder, expected one with MNIST's four IDX files; give it by --data-dir"
        )
    # Made before the work, so that a folder that cannot be is refused first.
    store.folder.mkdir(parents=True, exist_ok=True)
    # Forked processes would inherit the threads of the core in whatever state they are.
    context = multiprocessing.get_context("spawn")
    with (
        _one_thread(),
        ProcessPoolExecutor(processes, context, initializer=_end_on_signals) as pool,
    ):
        futures = {
            pool.submit(timed, study.run, unit, data_dir): (study, key, unit) for study, key, unit in missing
        }
        # Units begin in their order.
        pending = [f"{study.name} {key}" for study, key, _ in missing]
        try:
            on_running(pending[:processes])
            for future in as_completed(futures):
                study, key, unit = futures.pop(future)
                result, seconds = future.result()
                store.save(study, key, unit, result, seconds)
                on_unit(study, key, seconds)
                pending.remove(f"{study.name} {key}")
                on_running(pending[:processes])
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                child.terminate()
            raise


def timed(
    function: Callable[[Settings, Path], dict[str, Any]], unit: Settings, data_dir: Path
) -> tuple[dict[str, Any], float]:
    """The result of a unit, and the seconds of a core it took, whatever else ran beside it."""
    started = time.process_time()
    result = function(unit, data_dir)
    return result, time.process_time() - started


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
