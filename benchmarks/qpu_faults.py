"""Nothing lost, nothing paid for twice: runs on a QPU in which everything goes wrong, at random points.

    python benchmarks/qpu_faults.py [--study faults] [--study kills] [--points 20] [--kills 50]
    python benchmarks/qpu_faults.py --study mnist --data-dir DIR

The command `ising-ep train --machine qpu`, with the real client, against the stand-in for the service
(`ising_ep.emulator`). Studies:

- `faults`: each fault at random points of a run, one a run. Where a run stops (exit code 75) it is resumed.
- `storm`: all faults together, each at every 40th request or problem on average, until the run ends.
- `kills`: SIGKILL at random moments of a run, uniform over its duration, then `--resume`.
- `mnist`: MNIST/100, 784-120-40, two epochs, four images a call on a Pegasus P16 with 0.5 % of its qubits
  missing: `--machine qpu` on the stand-in beside `--machine chip`.

Each run is held against one without faults: the same weights, bit for bit; each problem annealed once; each
image used once, which is what the weights being the same means.
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
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import click
import numpy as np

import report

CHIP, SWEEPS_PER_US = ("chimera", 4), 10.0
SETTINGS = ("--dataset=patterns", "--network=convolutional", "--machine=qpu", "--epochs=12", "--seed=1")
LIMITS = ("--answer-timeout=1",)
STATUSES = ("401", "403", "404", "429", "500", "502", "503")
# Kinds of fault, and what each is on; where a problem is lost at the service, it was not annealed.
FAULTS = (
    *((code, on) for code in STATUSES for on in ("submit", "answer")),
    *((kind, on) for kind in ("reset-before", "reset-after", "half", "slow") for on in ("submit", "answer")),
    ("corrupt", "answer"),
    ("reads", "answer"),
    ("qubits", "answer"),
    ("failed", "problem"),
    ("cancelled", "problem"),
    ("never", "problem"),
    ("offline", "submit"),
    ("offline", "problem"),
)
EVERY = 40.0
SECONDS = 0.5  # of a slow answer, of what Retry-After asks for, and that the solver is away
STOPPED = 75


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
    """How many anneals were paid for, and how many of them were of a problem that was annealed already."""
    numbers = [re.search(r" (\d+)\.\d+ seed", p.label).group(1) for p in service.problems if p.annealed]  # type: ignore[union-attr]
    return len(numbers), len(numbers) - len(set(numbers))


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


def with_fault(kind: str, on: str, seed: int) -> dict[str, Any]:
    from ising_ep.emulator import Fault

    _, counts, _ = whole()
    after = int(np.random.default_rng([seed, *kind.encode(), *on.encode()]).integers(counts[on]))
    with tempfile.TemporaryDirectory() as folder, emulator() as service:
        os.environ.update(settings_for(service))
        service.add_fault(Fault(kind, on, after=after, seconds=SECONDS))
        run, stops = Path(folder) / "run", 0
        code = command(*SETTINGS, *LIMITS, f"--out={run}")
        while code == STOPPED and stops < 5:
            stops += 1
            code = command("--resume", run, *LIMITS)
        return {"after": after, "stops": stops, **outcome(service, run, code)}


def storm(seed: int) -> dict[str, Any]:
    """A run in which everything goes wrong, again and again."""
    from ising_ep.emulator import Fault

    with tempfile.TemporaryDirectory() as folder, emulator(seed) as service:
        os.environ.update(settings_for(service))
        run, stops = Path(folder) / "run", 0
        assert command(*SETTINGS, *LIMITS, "--max-qpu-time=0.001", f"--out={run}") == STOPPED
        for kind, on in FAULTS:
            service.add_fault(Fault(kind, on, every=EVERY, seconds=0.1))
        code = STOPPED
        while code == STOPPED and stops < 100:
            code = command("--resume", run, *LIMITS)
            if code == STOPPED:
                stops += 1
                time.sleep(0.1)
        return {"stops": stops, **outcome(service, run, code)}


def mnist(data_dir: str) -> dict[str, Any]:
    """The same training on the chip model, and through the client and the stand-in."""
    from ising_ep.chip import Chip
    from ising_ep.emulator import Emulator
    from ising_ep.machines.chip_model import ChipModel

    data = (f"--data-dir={data_dir}", "--dataset=mnist", "--train-per-class=100", "--test-per-class=10")
    options = (*data, "--epochs=2", "--batch-size=4", "--copies=4")
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder)
        model = ("--machine=chip", "--chip-missing=0.005", "--num-sweeps=400")
        assert command(*options, *model, f"--out={runs}/chip") == 0
        chip = Chip.perfect("pegasus", 16).without(0.005, seed=0)
        with Emulator(ChipModel(chip, sweeps_per_us=20.0)) as service:
            os.environ.update(settings_for(service))
            assert command(*options, "--machine=qpu", f"--out={runs}/qpu") == 0
            calls, twice = annealed(service)
        expected, found = weights(runs / "chip"), weights(runs / "qpu")
        return {
            "same": all(np.array_equal(found[name], value) for name, value in expected.items()),
            "calls": calls,
            "twice": twice,
            "requests": {" ".join(key): count for key, count in service.requests.items()},
            "chip.csv": (runs / "qpu" / "chip.csv").read_text(),
        }


def killed(seed: int) -> dict[str, Any]:
    """A process that is killed, and one that goes on."""
    with tempfile.TemporaryDirectory() as folder, emulator() as service:
        environment = os.environ | settings_for(service)
        run = Path(folder) / "run"

        def start(*arguments: Any) -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                [sys.executable, "-m", "ising_ep.cli", "train", *map(str, arguments)],
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

        first = start(*SETTINGS, f"--out={run}")
        while not (run / "qpu.sqlite").exists() and first.poll() is None:
            time.sleep(0.001)
        delay = float(np.random.default_rng([seed, 7]).uniform(0, process_seconds()))
        time.sleep(delay)
        first.kill()
        first.wait()
        before = len(service.problems)
        code = start("--resume", run).wait()
        return {"delay": delay, "problems_before": before, **outcome(service, run, code)}


@cache
def process_seconds() -> float:
    """Seconds in which a run anneals, from its journal to its end."""
    with tempfile.TemporaryDirectory() as folder, emulator() as service:
        run = Path(folder) / "run"
        process = subprocess.Popen(
            [sys.executable, "-m", "ising_ep.cli", "train", *SETTINGS, f"--out={run}"],
            env=os.environ | settings_for(service),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while not (run / "qpu.sqlite").exists():
            time.sleep(0.001)
        started = time.perf_counter()
        _, counts, _ = whole()
        while len(service.problems) < counts["problem"]:
            time.sleep(0.001)
        seconds = time.perf_counter() - started
        process.wait()
        return seconds


@click.command()
@click.option(
    "--study",
    type=click.Choice(["faults", "storm", "kills", "mnist"]),
    multiple=True,
    default=("faults", "storm", "kills"),
    show_default=True,
)
@click.option("--data-dir", help="Folder of MNIST's IDX files, for the study of that name.")
@click.option("--points", default=20, show_default=True, help="Random points for each fault.")
@click.option("--kills", default=50, show_default=True, help="Random moments to be killed at.")
@click.option("--processes", default=1, show_default=True, help="Runs at once.")
@report.out_option
def main(
    study: tuple[str, ...], data_dir: str | None, points: int, kills: int, processes: int, out: Path | None
) -> None:
    """Training on the stand-in while everything goes wrong.

    \b
    Example: python benchmarks/qpu_faults.py --points 2 --kills 5
    """
    folder = report.folder(out, full=points >= 20 and kills >= 50)
    facts = report.machine()
    if "mnist" in study:
        if data_dir is None:
            raise click.UsageError("the study mnist needs --data-dir")
        found = mnist(data_dir)
        weights_are = "the same, bit for bit" if found["same"] else "different"
        text = f"MNIST/100, 2 epochs, {found['calls']} calls, {found['twice']} twice: weights {weights_are}\n"
        click.echo(text)
        _write(folder, "qpu_mnist", {"machine": facts, "run": found}, text, facts)
    calls = whole()[1]["problem"]
    with ProcessPoolExecutor(processes) as pool, report.progress() as progress:
        if "faults" in study:
            rows, record = [], {}
            task = progress.add_task("faults", total=len(FAULTS) * points)
            for kind, on in FAULTS:
                runs = []
                for run in pool.map(with_fault, [kind] * points, [on] * points, range(points)):
                    runs.append(run)
                    progress.advance(task)
                record[f"{kind} on {on}"] = runs
                rows.append((f"{kind} on {on}", *_summary(runs, calls)))
            header = ("fault", "runs", "same weights", "paid for twice", "stopped and resumed", "sent again")
            text = report.table(header, rows)
            click.echo(text)
            _write(folder, "qpu_faults", {"machine": facts, "calls": calls, "runs": record}, text, facts)
        if "storm" in study:
            task = progress.add_task("storm", total=points)
            runs = []
            for run in pool.map(storm, range(points)):
                runs.append(run)
                progress.advance(task)
            header = ("", "runs", "same weights", "paid for twice", "times stopped and resumed", "sent again")
            text = report.table(header, [("all faults at once", *_summary(runs, calls))])
            click.echo(text)
            _write(folder, "qpu_storm", {"machine": facts, "calls": calls, "runs": runs}, text, facts)
        if "kills" in study:
            task = progress.add_task("kills", total=kills)
            runs = []
            for run in pool.map(killed, range(kills)):
                runs.append(run)
                progress.advance(task)
            before = [r["problems_before"] for r in runs]
            text = report.table(
                ("killed", "same weights", "paid for twice", "problems sent before, least to most"),
                [
                    (
                        f"{len(runs)} times",
                        f"{sum(r['same'] for r in runs)}",
                        f"{sum(r['twice'] for r in runs)}",
                        f"{min(before)} to {max(before)} of {calls}",
                    )
                ],
            )
            click.echo(text)
            _write(folder, "qpu_kills", {"machine": facts, "calls": calls, "runs": runs}, text, facts)


def _summary(runs: list[dict[str, Any]], calls: int) -> tuple[str, ...]:
    return (
        str(len(runs)),
        str(sum(r["same"] and r["calls"] - r["twice"] == calls for r in runs)),
        str(sum(r["twice"] for r in runs)),
        str(sum(r["stops"] for r in runs)),
        str(sum(r["attempts"] - calls for r in runs)),
    )


def _write(folder: Path | None, name: str, record: Any, text: str, facts: dict[str, Any]) -> None:
    if folder is not None:
        report.write(folder, name, record, f"{text}\n{report.where(facts)}\n")


if __name__ == "__main__":
    main()
