"""Runs of `ising-ep train --machine qpu` against the stand-in for the service, and what became of them.

What `faults.py` and `kills.py` share: a small run on the paper's patterns, in this process or in one of
its own, held against one without faults.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import click
import numpy as np

CHIP, SWEEPS_PER_US = ("chimera", 4), 10.0
SETTINGS = ("--dataset=patterns", "--network=convolutional", "--machine=qpu", "--epochs=12", "--seed=1")
LIMITS = ("--answer-timeout=1",)
STOPPED, UNCAUGHT = 75, 1


def emulator(seed: int = 0) -> Any:
    from ising_ep.chip import Chip
    from ising_ep.emulator import Emulator
    from ising_ep.machines.chip_model import ChipModel

    return Emulator(ChipModel(Chip.perfect(*CHIP), sweeps_per_us=SWEEPS_PER_US, num_threads=1), seed=seed)


def settings_for(service: Any) -> dict[str, str]:
    return {
        "DWAVE_API_ENDPOINT": service.endpoint,
        "DWAVE_API_TOKEN": service.token,
        "DWAVE_CONFIG_FILE": os.devnull,
    }


def command(*arguments: Any) -> int:
    """The command `ising-ep train`, in this process; its exit code."""
    from ising_ep.cli import main

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            code = main(["train", *map(str, arguments)], standalone_mode=False)
        except click.ClickException as error:
            code = error.exit_code
        except Exception:  # what a shell would show as a traceback
            traceback.print_exc(file=sys.__stderr__)
            return UNCAUGHT
    return code or 0


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.numpy import load_file

    return load_file(folder / "checkpoint.safetensors")


def same(folder: Path) -> bool:
    expected, found = whole()[0], weights(folder)
    return all(np.array_equal(found[name], value) for name, value in expected.items())


@cache
def whole() -> tuple[dict[str, Any], Counter[str], float]:
    """A run without faults: its weights, how many events of each kind it has, and its seconds."""
    with tempfile.TemporaryDirectory() as folder, emulator() as service:
        os.environ.update(settings_for(service))
        started = time.perf_counter()
        assert command(*SETTINGS, *LIMITS, f"--out={folder}/run") == 0
        seconds = time.perf_counter() - started
        counts = Counter({kind: count for (_, kind), count in service.requests.items()})
        counts["problem"] = len(service.problems)
        return weights(Path(folder) / "run"), counts, seconds


def annealed(service: Any) -> tuple[int, int]:
    """How many anneals were paid for, and how many of them were of a problem whose answer the service had."""
    answers = anneals(service, failed=False)
    return anneals(service).total(), answers.total() - len(answers)


def anneals(service: Any, failed: bool = True) -> Counter[str]:
    """How often each problem was annealed, by its number; with or without those that failed after it."""
    labels = [p.label for p in service.problems if p.annealed and (failed or p.status != "FAILED")]
    return Counter(re.search(r" (\d+)\.\d+ seed", label).group(1) for label in labels)  # type: ignore[union-attr]


def seconds(service: Any) -> float:
    """QPU access time of all anneals."""
    return sum(p.qpu_access_time for p in service.problems) / 1e6


def outcome(service: Any, run: Path, code: int) -> dict[str, Any]:
    """What became of a run that ended with this exit code."""
    calls, twice = annealed(service)
    return {
        "exit_code": code,
        "same": code == 0 and same(run),
        "calls": calls,
        "twice": twice,
        "attempts": len(service.problems),
    }


def point(kind: str, on: str, seed: int, count: int) -> int:
    """Where of so many events a fault strikes."""
    return int(np.random.default_rng([seed, *kind.encode(), *on.encode()]).integers(count))


@cache
def calls_cost() -> float:
    """Seconds of QPU access time of a run without faults."""
    with tempfile.TemporaryDirectory() as folder, emulator() as service:
        os.environ.update(settings_for(service))
        assert command(*SETTINGS, f"--out={folder}/run") == 0
        return seconds(service)


def start(service: Any, *arguments: Any) -> subprocess.Popen[str]:
    """The command `ising-ep train` as a process."""
    return subprocess.Popen(
        [sys.executable, "-m", "ising_ep", "train", *map(str, arguments)],
        env=os.environ | settings_for(service),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


@cache
def process_seconds() -> float:
    """Seconds in which a run anneals, from its journal to its end."""
    with tempfile.TemporaryDirectory() as folder, emulator() as service:
        run = Path(folder) / "run"
        process = start(service, *SETTINGS, f"--out={run}")
        while not (run / "qpu.sqlite").exists():
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.001)
        started = time.perf_counter()
        _, counts, _ = whole()
        while len(service.problems) < counts["problem"]:
            time.sleep(0.001)
        lasted = time.perf_counter() - started
        process.communicate()
        return lasted
