"""Nothing lost, nothing paid for twice: runs on a QPU in which everything goes wrong, at random points.

    python benchmarks/qpu_faults.py [--study faults] [--study kills] [--points 5] [--kills 50]
    python benchmarks/qpu_faults.py --study mnist --data-dir DIR

The command `ising-ep train --machine qpu`, with the real client, against the stand-in for the service
(`ising_ep.emulator`). Studies:

- `faults`: each fault at random points of a run, one a run. Where a run stops (exit code 75) it is resumed.
- `budget`: runs with half the QPU time that they need, while all answers say something else of their time, or
  problems are sent again; then resumed with enough.
- `stays`: faults that do not pass: a run is resumed again and again; how often is one problem annealed?
- `storm`: all faults together, each at every 40th request or problem on average, until the run ends.
- `kills`: SIGKILL at random moments of a run, uniform over its duration, then `--resume`.
- `journals`: the same, and before it goes on the journal's WAL is removed, as a power cut may, the journal itself
  is, or rows in it are damaged.
- `two`: SIGKILL, then two `--resume` at once, of the one folder or of two copies; then those that were refused.
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
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
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
    *((kind, "submit") for kind in ("500-after", "unlabelled", "short", "429-forever")),
    *((kind, "answer") for kind in ("corrupt", "reads", "qubits", "fewer", "infinite", "order")),
    ("failed", "problem"),
    ("cancelled", "problem"),
    ("spent", "problem"),
    ("never", "problem"),
    ("offline", "submit"),
    ("offline", "problem"),
)
# Those of a submission whose reply is lost, while the search for its label fails three times in this way.
SEARCHES = ("missing", "strangers", "twins")
# What answers say of their time.
TIMES = (
    "untimed",
    *(f"time-{what}" for what in ("missing", "null", "text", "list", "nan", "negative", "zero")),
)
# What the damages do to the journal of a process that was killed; None: its WAL or all of it is removed.
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
    counts = anneals(service)
    return counts.total(), counts.total() - len(counts)


def anneals(service: Any) -> Counter[str]:
    """How often each problem was annealed, by its number."""
    labels = [p.label for p in service.problems if p.annealed]
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


def with_fault(kind: str, on: str, seed: int) -> dict[str, Any]:
    from ising_ep.emulator import Fault

    _, counts, _ = whole()
    lost = on == "list"  # the search for a submission whose reply is lost
    after = point(kind, on, seed, counts["submit" if lost else on])
    faults = [Fault(kind, on, after=after, seconds=SECONDS)]
    if lost:
        # The first search is for what a lost journal may have had.
        faults = [Fault("reset-after", "submit", after=after), Fault(kind, on, after=1, times=3)]
    with tempfile.TemporaryDirectory() as folder, emulator() as service:
        os.environ.update(settings_for(service))
        for fault in faults:
            service.add_fault(fault)
        run, stops = Path(folder) / "run", 0
        code = command(*SETTINGS, *LIMITS, f"--out={run}")
        while code == STOPPED and stops < 5:
            stops += 1
            code = command("--resume", run, *LIMITS)
        return {"after": after, "stops": stops, **outcome(service, run, code)}


def point(kind: str, on: str, seed: int, count: int) -> int:
    """Where of so many events a fault strikes."""
    return int(np.random.default_rng([seed, *kind.encode(), *on.encode()]).integers(count))


def with_budget(kind: str, on: str, seed: int) -> dict[str, Any]:
    """A run whose budget ends before it does, while the fault strikes every time; then one with enough."""
    from ising_ep.emulator import Fault

    _, counts, _ = whole()
    call = calls_cost() / counts["problem"]
    budget = call * (1.5 + point(kind, on, seed, counts["problem"] - 3))
    with tempfile.TemporaryDirectory() as folder, emulator() as service:
        os.environ.update(settings_for(service))
        every = 1 if on == "answer" else 4
        service.add_fault(Fault(kind, on, every=every))
        run = Path(folder) / "run"
        first = command(*SETTINGS, *LIMITS, f"--max-qpu-time={budget}", f"--out={run}")
        spent = seconds(service)
        code, stops = STOPPED, 0
        while code == STOPPED and stops < 5:
            code = command("--resume", run, *LIMITS, "--max-qpu-time=1000")
            stops += 1
        return {
            "budget": budget,
            "stopped": first == STOPPED,
            "calls_over": max(0.0, spent - budget) / call,
            "stops": stops,
            **outcome(service, run, code),
        }


@cache
def calls_cost() -> float:
    """Seconds of QPU access time of a run without faults."""
    with tempfile.TemporaryDirectory() as folder, emulator() as service:
        os.environ.update(settings_for(service))
        assert command(*SETTINGS, f"--out={folder}/run") == 0
        return seconds(service)


def that_stays(kind: str, on: str, seed: int) -> dict[str, Any]:
    """A run of which one problem meets the fault whenever it is asked for, started nine times."""
    from ising_ep.emulator import Fault

    _, counts, _ = whole()
    after = point(kind, on, seed, counts[on])
    with tempfile.TemporaryDirectory() as folder, emulator() as service:
        os.environ.update(settings_for(service))
        service.add_fault(Fault(kind, on, after=after, times=10**9))
        run = Path(folder) / "run"
        codes = [command(*SETTINGS, *LIMITS, f"--out={run}")]
        codes += [command("--resume", run, *LIMITS) for _ in range(8)]
        return {"after": after, "exit_codes": codes, "most": max(anneals(service).values())}


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


def start(service: Any, *arguments: Any) -> subprocess.Popen[str]:
    """The command `ising-ep train` as a process."""
    return subprocess.Popen(
        [sys.executable, "-m", "ising_ep.cli", "train", *map(str, arguments)],
        env=os.environ | settings_for(service),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


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


def killed(seed: int, damage: str = "") -> dict[str, Any]:
    """A process that is killed, and one that goes on, from a journal that is damaged in a way of `DAMAGES`."""
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
    if not damage:
        return
    statement = DAMAGES[damage]
    if statement is None:
        for file in (journal, journal.with_name("qpu.sqlite-wal")):
            if "WAL" not in damage or file != journal:
                file.unlink(missing_ok=True)
        if "0 bytes" in damage:
            journal.touch()
        return
    file = sqlite3.connect(journal)
    with file:
        file.execute(statement)
    file.close()


def two_at_once(copies: bool, seed: int) -> dict[str, Any]:
    """A process that is killed, and two that go on at once, in its folder or in two copies of it."""
    with tempfile.TemporaryDirectory() as folder, emulator() as service:
        run = Path(folder) / "run"
        delay = kill_one(service, run, seed)
        runs = [run, run]
        if copies:
            runs[1] = Path(folder) / "copy"
            shutil.copytree(run, runs[1])
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


@cache
def process_seconds() -> float:
    """Seconds in which a run anneals, from its journal to its end."""
    with tempfile.TemporaryDirectory() as folder, emulator() as service:
        run = Path(folder) / "run"
        process = start(service, *SETTINGS, f"--out={run}")
        while not (run / "qpu.sqlite").exists():
            time.sleep(0.001)
        started = time.perf_counter()
        _, counts, _ = whole()
        while len(service.problems) < counts["problem"]:
            time.sleep(0.001)
        lasted = time.perf_counter() - started
        process.communicate()
        return lasted


STUDIES = ("faults", "budget", "stays", "storm", "kills", "journals", "two")
HEADER = ("", "runs", "same weights", "paid for twice", "times stopped and resumed", "sent again")


@click.command()
@click.option(
    "--study",
    type=click.Choice([*STUDIES, "mnist"]),
    multiple=True,
    default=STUDIES,
    show_default=True,
)
@click.option("--data-dir", help="Folder of MNIST's IDX files, for the study of that name.")
@click.option("--points", default=5, show_default=True, help="Random points for each fault.")
@click.option("--kills", default=50, show_default=True, help="Random moments to be killed at.")
@click.option("--pairs", default=20, show_default=True, help="Times two resumes at once; and WALs removed.")
@click.option("--processes", default=1, show_default=True, help="Runs at once.")
@report.out_option
def main(
    study: tuple[str, ...],
    data_dir: str | None,
    points: int,
    kills: int,
    pairs: int,
    processes: int,
    out: Path | None,
) -> None:
    """Training on the stand-in while everything goes wrong.

    \b
    Example: python benchmarks/qpu_faults.py --points 1 --kills 2 --pairs 1
    """
    folder = report.folder(out, full=points >= 5 and kills >= 50 and pairs >= 20)
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

        def runs_of(
            function: Callable[..., dict[str, Any]], count: int, *settings: Any
        ) -> list[dict[str, Any]]:
            """What the function returns for the seeds from 0 on."""
            name = " ".join([function.__name__, *map(str, settings)])
            task = progress.add_task(name, total=count)
            waiting = [pool.submit(function, *settings, seed=seed) for seed in range(count)]
            found = []
            for future in waiting:
                found.append(future.result())
                progress.advance(task)
            progress.remove_task(task)
            return found

        def report_on(name: str, header: tuple[str, ...], of: dict[str, Any], summary: Any) -> None:
            text = report.table(header, [(case, *summary(runs)) for case, runs in of.items()])
            click.echo(text)
            _write(folder, name, {"machine": facts, "calls": calls, "runs": of}, text, facts)

        if "faults" in study:
            cases = (*FAULTS, *((kind, "list") for kind in SEARCHES))
            of = {_named(kind, on): runs_of(with_fault, points, kind, on) for kind, on in cases}
            report_on("qpu_faults", ("fault", *HEADER[1:]), of, lambda runs: _summary(runs, calls))
        if "budget" in study:
            cases = (*((kind, "answer") for kind in TIMES), ("reset-after", "submit"), ("spent", "problem"))
            of = {_named(kind, on): runs_of(with_budget, points, kind, on) for kind, on in cases}
            report_on(
                "qpu_budget",
                (
                    "all the time",
                    "runs",
                    "stopped by it",
                    "calls over it, most",
                    "same weights",
                    "paid for twice",
                ),
                of,
                lambda runs: (
                    str(len(runs)),
                    str(sum(r["stopped"] for r in runs)),
                    f"{max(r['calls_over'] for r in runs):.2f}",
                    str(sum(r["same"] for r in runs)),
                    str(sum(r["twice"] for r in runs)),
                ),
            )
        if "stays" in study:
            cases = (*((kind, "answer") for kind in ("corrupt", "fewer", "infinite")), ("spent", "problem"))
            of = {_named(kind, on): runs_of(that_stays, points, kind, on) for kind, on in cases}
            report_on(
                "qpu_stays",
                ("from some point on", "runs", "starts of each", "anneals of one problem, most"),
                of,
                lambda runs: (
                    str(len(runs)),
                    str(len(runs[0]["exit_codes"])),
                    str(max(r["most"] for r in runs)),
                ),
            )
        if "storm" in study:
            of = {"all faults at once": runs_of(storm, points)}
            report_on("qpu_storm", HEADER, of, lambda runs: _summary(runs, calls))
        killed_header = ("killed", "runs", "same weights", "paid for twice", "tracebacks", "sent before")
        if "kills" in study:
            of = {"": runs_of(killed, kills)}
            report_on("qpu_kills", killed_header, of, lambda runs: _killed_summary(runs, calls))
        if "journals" in study:
            of = {
                damage: runs_of(killed_with, pairs if "WAL" in damage else points, damage)
                for damage in DAMAGES
            }
            report_on("qpu_journals", killed_header, of, lambda runs: _killed_summary(runs, calls))
        if "two" in study:
            of = {
                "of one folder": runs_of(two_at_once, pairs, False),
                "of two copies": runs_of(two_at_once, pairs, True),
            }
            report_on(
                "qpu_two",
                (
                    "two resumes at once",
                    "times",
                    "one was refused",
                    "same weights",
                    "paid for twice",
                    "tracebacks",
                ),
                of,
                lambda runs: (
                    str(len(runs)),
                    str(sum(r["refused"] == 1 for r in runs)),
                    str(sum(r["same"] for r in runs)),
                    str(sum(r["twice"] for r in runs)),
                    str(sum(r["traceback"] for r in runs)),
                ),
            )


def killed_with(damage: str, seed: int) -> dict[str, Any]:
    return killed(seed, damage)


def _named(kind: str, on: str) -> str:
    return f"reply lost, then {kind} on three searches" if on == "list" else f"{kind} on {on}"


def _killed_summary(runs: list[dict[str, Any]], calls: int) -> tuple[str, ...]:
    before = [r["problems_before"] for r in runs]
    return (
        str(len(runs)),
        str(sum(r["same"] for r in runs)),
        str(sum(r["twice"] for r in runs)),
        str(sum(r["traceback"] for r in runs)),
        f"{min(before)} to {max(before)} of {calls}",
    )


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
