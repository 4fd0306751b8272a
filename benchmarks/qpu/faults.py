"""Nothing lost, nothing paid for twice: runs on a QPU in which everything goes wrong, at random points.

    python -m benchmarks.qpu.faults [--study faults] [--study kills] [--points 5] [--kills 50]
    python -m benchmarks.qpu.faults --study mnist --data-dir DIR

The command `ising-ep train --machine qpu`, with the real client, against the stand-in for the service
(`ising_ep.emulator`). Studies:

- `faults`: each fault at random points of a run, one a run. Where a run stops (exit code 75) it is resumed.
- `budget`: runs with half the QPU time that they need, while all answers say something else of their time, or
  problems are sent again; then resumed with enough.
- `stays`: faults that do not pass: a run is resumed again and again; how often is one problem annealed?
- `storm`: all faults together, each at every 40th request or problem on average, until the run ends.
- `kills`: SIGKILL at random moments of a run, uniform over its duration, then `--resume`.
- `journals`: the same, and before it goes on the journal's WAL is removed, as a power cut may, the journal
  itself is, or rows in it are damaged.
- `two`: SIGKILL, then two `--resume` at once, of one folder or of two copies; then those that were refused.
- `mnist`: MNIST/100, 784-120-40, two epochs, four images a call on a Pegasus P16 with 0.5 % of its qubits
  missing: `--machine qpu` on the stand-in beside `--machine chip`.

Each run is held against one without faults: the same weights, bit for bit; each problem annealed once; each
image used once, which is what the weights being the same means. "Paid for twice" counts anneals of problems
whose answers the service has.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.qpu.kills import DAMAGES, killed, two_at_once
from benchmarks.qpu.runs import (
    LIMITS,
    SETTINGS,
    STOPPED,
    UNCAUGHT,
    annealed,
    anneals,
    calls_cost,
    command,
    emulator,
    outcome,
    point,
    seconds,
    settings_for,
    weights,
    whole,
)
from benchmarks.support import report
from studies.markdown import table

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
EVERY = 40.0
SECONDS = 0.5  # of a slow answer, of what Retry-After asks for, and that the solver is away


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
        # A budget for nothing: the run folder is there before anything goes wrong. It is lifted then.
        assert command(*SETTINGS, *LIMITS, "--max-qpu-time=0.001", f"--out={run}") == STOPPED
        for kind, on in FAULTS:
            service.add_fault(Fault(kind, on, every=EVERY, seconds=0.1))
        code = STOPPED
        while code == STOPPED and stops < 100:
            code = command("--resume", run, *LIMITS, "--max-qpu-time=inf")
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


Runs = list[dict[str, Any]]


@dataclass(frozen=True)
class Study:
    """Runs of one kind.

    Args:
        header: Of its table, the first column's and those of `summary`.
        cases: By name: what makes a run of its settings and a seed, the settings, and how many runs.
        summary: The columns for the runs of a case.
    """

    header: Sequence[str]
    cases: dict[str, tuple[Callable[..., dict[str, Any]], tuple[Any, ...], int]]
    summary: Callable[[Runs], tuple[str, ...]]


def _of_strikes(calls: int, runs: Runs) -> tuple[str, ...]:
    return (
        _number(runs),
        _number(runs, lambda r: r["same"]),
        _total(runs, "twice"),
        _total(runs, "stops"),
        str(sum(r["attempts"] - calls for r in runs)),
        _number(runs, lambda r: r["exit_code"] == UNCAUGHT),
    )


def _of_kills(calls: int, runs: Runs) -> tuple[str, ...]:
    before = [r["problems_before"] for r in runs]
    return (
        _number(runs),
        _number(runs, lambda r: r["same"]),
        _total(runs, "twice"),
        _total(runs, "traceback"),
        f"{min(before)} to {max(before)} of {calls}",
    )


def _of_budgets(runs: Runs) -> tuple[str, ...]:
    return (
        _number(runs),
        _number(runs, lambda r: r["stopped"]),
        f"{max(r['calls_over'] for r in runs):.2f}",
        _number(runs, lambda r: r["same"]),
        _total(runs, "twice"),
    )


def _of_stays(runs: Runs) -> tuple[str, ...]:
    return _number(runs), str(len(runs[0]["exit_codes"])), str(max(r["most"] for r in runs))


def _of_pairs(runs: Runs) -> tuple[str, ...]:
    return (
        _number(runs),
        _number(runs, lambda r: r["refused"] == 1),
        _number(runs, lambda r: r["same"]),
        _total(runs, "twice"),
        _total(runs, "traceback"),
    )


def studies(points: int, kills: int, pairs: int, calls: int) -> dict[str, Study]:
    """All but mnist, by name, for a run of so many calls."""

    strikes = ("runs", "same weights", "paid for twice", "stopped and resumed", "sent again", "tracebacks")
    of_kills = ("runs", "same weights", "paid for twice", "tracebacks", "problems sent before")
    lost = {f"reply lost, then {kind} on three searches": (kind, "list") for kind in SEARCHES}
    strange = {f"{kind} on all answers": (kind, "answer") for kind in TIMES}
    strange |= {"reset-after on 1 in 4 submissions": ("reset-after", "submit")}
    strange |= {"spent on 1 in 4 problems": ("spent", "problem")}
    stays = {f"{kind} on answer": (kind, "answer") for kind in ("corrupt", "fewer", "infinite")}
    stays |= {"spent on problem": ("spent", "problem")}
    of_faults = {f"{kind} on {on}": (kind, on) for kind, on in FAULTS} | lost
    return {
        "faults": Study(
            ("fault", *strikes),
            {name: (with_fault, of, points) for name, of in of_faults.items()},
            partial(_of_strikes, calls),
        ),
        "budget": Study(
            ("all the time", "runs", "stopped by it", "calls beyond it, most", "same weights", "paid twice"),
            {name: (with_budget, of, points) for name, of in strange.items()},
            _of_budgets,
        ),
        "stays": Study(
            ("from some point on", "runs", "starts of each", "anneals of one problem, most"),
            {name: (that_stays, of, points) for name, of in stays.items()},
            _of_stays,
        ),
        "storm": Study(
            ("", *strikes), {"all faults at once": (storm, (), points)}, partial(_of_strikes, calls)
        ),
        "kills": Study(("", *of_kills), {"killed": (killed, ("",), kills)}, partial(_of_kills, calls)),
        "journals": Study(
            ("killed, then", *of_kills),
            {name: (killed, (name,), pairs if name == "WAL removed" else points) for name in DAMAGES},
            partial(_of_kills, calls),
        ),
        "two": Study(
            ("two resumes at once", "times", "one refused", "same weights", "paid for twice", "tracebacks"),
            {
                "of one folder": (two_at_once, (False,), pairs),
                "of two copies of it": (two_at_once, (True,), pairs),
            },
            _of_pairs,
        ),
    }


STUDIES = tuple(studies(0, 0, 0, 0))


@click.command()
@click.option(
    "--study", type=click.Choice([*STUDIES, "mnist"]), multiple=True, default=STUDIES, show_default=True
)
@click.option("--data-dir", help="Folder of MNIST's IDX files, for the study of that name.")
@click.option("--points", default=5, show_default=True, help="Random points for each fault.")
@click.option("--kills", default=50, show_default=True, help="Random moments to be killed at.")
@click.option("--pairs", default=20, show_default=True, help="Times two resumes at once, and WALs removed.")
@report.processes_option
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
    Example: python -m benchmarks.qpu.faults --points 1 --kills 2 --pairs 1
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
    for name, of in studies(points, kills, pairs, calls).items():
        if name not in study:
            continue
        jobs = {
            (case, seed): (function, (*settings, seed))
            for case, (function, settings, count) in of.cases.items()
            for seed in range(count)
        }
        results = dict(report.in_processes(jobs, processes, name))
        record = {
            case: [results[case, seed] for seed in range(count)] for case, (*_, count) in of.cases.items()
        }
        text = table(of.header, [(case, *of.summary(runs)) for case, runs in record.items()])
        click.echo(text)
        _write(folder, f"qpu_{name}", {"machine": facts, "calls": calls, "runs": record}, text, facts)


def _number(runs: Runs, is_so: Callable[[dict[str, Any]], bool] = lambda run: True) -> str:
    return str(sum(map(is_so, runs)))


def _total(runs: Runs, name: str) -> str:
    return str(sum(run[name] for run in runs))


def _write(folder: Path | None, name: str, record: Any, text: str, facts: dict[str, Any]) -> None:
    if folder is not None:
        report.write(folder, name, record, f"{text}\n{report.where(facts)}\n")


if __name__ == "__main__":
    main()
