"""Runs on a QPU that are killed: alone, with a journal that is damaged then, and resumed by two at once."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.qpu.runs import SETTINGS, emulator, outcome, process_seconds, same, start

# What is done to the journal of a process that was killed, in SQL, or to its files.
DAMAGES = {
    "WAL removed": None,
    "journal removed": None,
    "journal of 0 bytes": None,
    "reads: a byte flipped": "UPDATE problems SET reads = x'00' || substr(reads, 2) WHERE reads IS NOT NULL",
    "reads: cut to 3 bytes": "UPDATE problems SET reads = substr(reads, 1, 3) WHERE reads IS NOT NULL",
    "ids changed": "UPDATE problems SET id = 'x' || id",
    "digests changed": "UPDATE problems SET digest = 'x' || digest",
    "labels changed": "UPDATE problems SET label = 'x' || label",
    "access times are texts": "UPDATE problems SET access_time = 'fast'",
}


def kill_one(service: Any, run: Path, seed: int) -> float:
    """Starts a run and kills it at a random moment, which is returned."""
    first = start(service, *SETTINGS, f"--out={run}")
    while not (run / "qpu.sqlite").exists() and first.poll() is None:
        time.sleep(0.001)
    delay = float(np.random.default_rng([seed, 7]).uniform(0, process_seconds()))
    time.sleep(delay)
    first.kill()
    first.communicate()
    return delay


def killed(damage: str, seed: int) -> dict[str, Any]:
    """A process that is killed, and one that goes on from its journal, with a damage of `DAMAGES` or none."""
    with tempfile.TemporaryDirectory() as folder, emulator() as service:
        run = Path(folder) / "run"
        delay = kill_one(service, run, seed)
        before = len(service.problems)
        spoil(run / "qpu.sqlite", damage)
        process = start(service, "--resume", run)
        _, said = process.communicate()
        return {
            "delay": delay,
            "problems_before": before,
            "traceback": "Traceback" in said,
            **outcome(service, run, process.returncode),
        }


def spoil(journal: Path, damage: str) -> None:
    """Damages a journal that nobody has open."""
    statement = DAMAGES.get(damage)
    if statement is not None:
        database = sqlite3.connect(journal)
        with database:
            database.execute(statement)
        database.close()
    elif damage:
        journal.with_name("qpu.sqlite-wal").unlink(missing_ok=True)
        if damage != "WAL removed":
            journal.unlink(missing_ok=True)
        if damage == "journal of 0 bytes":
            journal.touch()


def two_at_once(copies: bool, seed: int) -> dict[str, Any]:
    """A process that is killed, and two that go on at once, in its folder or in two copies of it."""
    with tempfile.TemporaryDirectory() as folder, emulator() as service:
        run = Path(folder) / "run"
        delay = kill_one(service, run, seed)
        runs = [run, run]
        if copies:
            runs[1] = Path(folder) / "copy"
            shutil.copytree(run, runs[1])
            # A copy would wait for a sign of life of the process that was killed.
            for path in runs:
                (path / "run.lock").unlink(missing_ok=True)
        processes = [start(service, "--resume", path) for path in runs]
        said = [process.communicate()[1] for process in processes]
        codes = [process.returncode for process in processes]
        again = [start(service, "--resume", path) for path, code in zip(runs, codes, strict=True) if code]
        for process in again:
            said.append(process.communicate()[1])
        codes_again = [process.returncode for process in again]
        return {
            "delay": delay,
            "refused": codes.count(2),
            "traceback": any("Traceback" in text for text in said),
            **outcome(service, run, max([0, *codes_again, *(code for code in codes if code not in (0, 2))])),
            "same": same(runs[0]) and same(runs[1]),
        }
