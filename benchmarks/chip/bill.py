"""QPU access times of real runs against the estimates of `ising-ep estimate`.

    python -m benchmarks.chip.bill --data FOLDER          a table; exit code 1 where the goal is missed
    python -m benchmarks.chip.bill --data FOLDER --fit    the factors of `chip.timing.MEASURED`, fitted anew

FOLDER is a folder as `benchmarks/chip/logs.py` says; times are in microseconds.

The goal: estimates within 10 % for 90 % of the runs, or ranges that hold 95 %. The fit is quantile regression
of the readout time over the solver's own model of it, linear in log(qubits) between knots, and each end made
wider by `MARGIN`; the whole chip's factors are those of other runs (see `chip.timing`). Its cross-validation
leaves out all runs of a tenth of the instances at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import numpy as np
from scipy.optimize import linprog

from ising_ep.chip.solvers import plain_name
from ising_ep.chip.timing import MEASURED, Measured, access_range, access_time, measured_range

from . import logs

WITHIN, MOST_WITHIN, IN_RANGE = 0.1, 0.9, 0.95
# Groups of the table, by the number of qubits.
GROUPS = (1, 25, 75, 200, 500, 6000)
# Knots in qubits; the last has these factors. Quantiles of the ends, and how much wider they are made.
KNOTS, WHOLE = (10, 150, 600, 5387), (0.95, 1.0, 1.02)
LEVELS, MARGIN = (0.01, 0.5, 0.99), 1.08
FOLDS = 10


@dataclass(frozen=True)
class Run:
    """What one run was, and its times in microseconds."""

    instance: str
    qubits: int
    reads: int
    anneal: float
    readout: float
    programming: float
    access: float

    @property
    def schedule(self):
        return [(0.0, 0.0), (self.anneal, 1.0)]


def read_runs(folder: Path) -> tuple[list[Run], dict[str, Any]]:
    """The runs of a folder, and the properties of their solver."""
    chip = logs.solver(folder)
    runs = [
        Run(
            row["instance"],
            int(row["qubits"]),
            int(row["reads"]),
            row["qpu_anneal_time_per_sample"],
            row["qpu_readout_time_per_sample"],
            row["qpu_programming_time"],
            row["qpu_access_time"],
        )
        for row in logs.runs(folder, chip)
    ]
    return runs, dict(chip.properties)


def rows_of(name, runs, estimates, client):
    """A row of the table: how the runs compare with their estimates."""
    measured = np.array([run.access / 1e6 for run in runs])
    low, middle, high = np.array([[time.low, time.middle, time.high] for time in estimates]).T
    off = middle / measured - 1
    quantiles = np.quantile(off, [0.025, 0.5, 0.975])
    within = float(np.mean(np.abs(off) <= WITHIN))
    held = float(np.mean((low <= measured) & (measured <= high)))
    own = np.quantile(np.array(client) / measured - 1, [0.025, 0.5, 0.975])
    cells = [
        name,
        str(len(runs)),
        f"{1e3 * np.median(measured):.1f}",
        " / ".join(f"{100 * value:+.0f}" for value in own),
        " / ".join(f"{100 * value:+.0f}" for value in quantiles),
        f"{100 * within:.0f} %",
        f"{100 * np.median(low / middle - 1):+.0f} to {100 * np.median(high / middle - 1):+.0f}",
        f"{100 * held:.1f} %",
    ]
    return cells, within, held


def ratios(runs, properties):
    """The readout time of each run over the solver's own model of it."""
    own = []
    for run in runs:
        one, two = (access_time(properties, run.qubits, reads, run.schedule) for reads in (1, 2))
        delay = properties["problem_timing_data"]["qpu_delay_time_per_sample"]
        own.append(1e6 * (two - one) - run.anneal - delay)
    return np.array([run.readout for run in runs]) / np.array(own)


def hats(qubits):
    """The weight of each knot for each number of qubits: (runs, knots)."""
    place = np.log(np.clip(qubits, KNOTS[0], KNOTS[-1]))
    return np.stack([np.interp(place, np.log(KNOTS), row) for row in np.eye(len(KNOTS))], axis=1)


def regress(weights, values, level, last):
    """Coefficients of the knots at that quantile, of which the last is given."""
    rest, count = values - last * weights[:, -1], weights.shape[1] - 1
    ones, many = np.eye(len(rest)), len(rest)
    cost = np.concatenate([np.zeros(count), np.full(many, level), np.full(many, 1 - level)])
    bounds = [(None, None)] * count + [(0, None)] * (2 * many)
    found = linprog(cost, A_eq=np.hstack([weights[:, :-1], ones, -ones]), b_eq=rest, bounds=bounds)
    if found.x is None:
        raise RuntimeError(found.message)
    return np.append(found.x[:count], last)


def fit(runs, properties) -> Measured:
    """Factors that hold these runs."""
    weights = hats(np.array([run.qubits for run in runs]))
    values = ratios(runs, properties)
    stretch = (1 / MARGIN, 1.0, MARGIN)
    readout = [
        np.append(wider * regress(weights, values, level, last)[:-1], last)
        for level, last, wider in zip(LEVELS, WHOLE, stretch, strict=True)
    ]
    timing = properties["problem_timing_data"]
    pause = timing["default_programming_thermalization"]
    programming = (np.array([run.programming for run in runs]) - pause) / timing["typical_programming_time"]
    # From what the solver states, which older runs took, to the longest that was seen and as much more.
    ends = (1.0, float(np.median(programming)), float(programming.max()) + 0.005)
    low, middle, high = (tuple(np.round(factors, 2).tolist()) for factors in readout)
    return Measured(tuple(np.round(ends, 3).tolist()), KNOTS, (low, middle, high))


def cross_validated(runs, properties):
    """The range of each run by a fit to runs of other instances."""
    names = sorted({run.instance for run in runs})
    fold = dict(zip(names, np.random.default_rng(0).permutation(len(names)) % FOLDS, strict=True))
    held = []
    for k in range(FOLDS):
        found = fit([run for run in runs if fold[run.instance] != k], properties)
        for run in (run for run in runs if fold[run.instance] == k):
            time = measured_range(found, properties, run.qubits, run.reads, run.schedule)
            held.append(time.low <= run.access / 1e6 <= time.high)
    return float(np.mean(held))


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--fit", "fitted", is_flag=True, help="Fit the factors of the package to these runs.")
def main(data: Path, fitted: bool) -> None:
    """Print measured QPU access times against estimated ones; exit with 1 where the goal is missed."""
    runs, properties = read_runs(data)
    if fitted:
        click.echo(fit(runs, properties))
        click.echo(
            f"ranges hold {100 * cross_validated(runs, properties):.1f} % of runs of instances left out"
        )
        return
    estimates = [access_range(properties, run.qubits, run.reads, run.schedule) for run in runs]
    client = [access_time(properties, run.qubits, run.reads, run.schedule) for run in runs]
    lines = []
    for low, high in pairwise(GROUPS):
        places = [k for k, run in enumerate(runs) if low <= run.qubits < high]
        if places:
            parts = ([each[k] for k in places] for each in (runs, estimates, client))
            lines.append(rows_of(f"{low} to {high - 1}", *parts)[0])
    total, within, held = rows_of("all", runs, estimates, client)
    head = ["qubits", "runs", "ms", "client", "estimate", "within 10 %", "range", "in range"]
    click.echo(
        f"{properties['chip_id']}: {len(runs)} runs of {len({run.instance for run in runs})} instances"
    )
    click.echo(
        "ms: median measured. client, estimate: 2.5, 50 and 97.5 % quantiles of by how much they are over,"
    )
    click.echo("in %. range: of the estimate, from it, in %, median. in range: runs.\n")
    for line in (head, ["---"] * len(head), *lines, total):
        click.echo(f"| {' | '.join(line)} |")
    if plain_name(properties["chip_id"]) not in MEASURED:
        click.echo("no runs of this solver were measured before: the ranges are guesses from another's")
    good = within >= MOST_WITHIN or held >= IN_RANGE
    click.echo(
        f"\ngoal {'met' if good else 'missed'}: {100 * held:.1f} % of the runs are in their range, expected"
        f" {100 * IN_RANGE:g}; {100 * within:.1f} % are within {100 * WITHIN:g} % of their estimate"
    )
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
