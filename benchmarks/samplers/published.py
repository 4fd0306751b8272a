"""`minimize` beside what was published of a QPU and of others on ten problems as large as a Pegasus chip.

    python -m benchmarks.samplers.published --data-dir DIR           ten problems, three seeds: some minutes
    python -m benchmarks.samplers.published --data-dir DIR --quick   two problems, one seed

**Problems and peers.** Tasseff and others, "On the emerging potential of quantum annealing hardware for
combinatorial optimization" (arXiv 2210.04291; github.com/lanl-ansi/arXiv-2210.04291): `DIR` holds ten of
their instances of the whole chip and `results.csv.gz`, the best energies and seconds that they report for
D-Wave's Advantage_system4.1 (QPU access time), dwave-neal (one thread) and parallel tempering, for every
number of anneals, sweeps or updates. Those numbers are theirs, of their machines; only `minimize` is run
here, whole calls, all cores, models built before.

**Goals.** The lowest energy that any setting of the QPU reached on a problem, in under a second; the lowest
that parallel tempering reached (with up to 16,384 updates and half an hour), in under 20 s. A call for each
ends when it has it, or after 20 s; the curve is that of the second.

Results go to `benchmarks/results/published.json`, `.md` and `.png`.
"""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from pathlib import Path
from typing import Any

import click
import dimod
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.support import report
from ising_ep import minimize
from ising_ep.plots.looks import BLUE, SERIES
from ising_ep.problems.read import read_with_format
from studies.markdown import table

# Solvers and their points, seconds and energy, by instance.
Published = dict[int, dict[str, list[tuple[float, float]]]]
LIMIT = 20.0
# Where a curve is looked up.
SECONDS = np.geomspace(0.01, 2000, 120)
QPU, NEAL, TEMPERING = "D-Wave Advantage", "dwave-neal", "parallel tempering"
LOOKS = dict(zip((QPU, NEAL, TEMPERING), SERIES[1:4], strict=True))


def kind_of(solver: str) -> str | None:
    """Whose numbers these are, of those that are drawn."""
    if solver.startswith("qa"):
        return QPU
    return {"sa_dwave": NEAL, "pt_par": TEMPERING, "pt_par_betamax_8": TEMPERING}.get(solver)


def published(folder: Path) -> dict[int, dict[str, list[tuple[float, float]]]]:
    """(seconds, best energy) of each instance and kind of solver, one for each setting."""
    found: dict[int, dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    with gzip.open(folder / "results.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            kind = kind_of(row["solver"])
            if kind is not None:
                found[int(row["instance"])][kind].append((float(row["seconds"]), float(row["best_energy"])))
    return found


def lowest(points: list[tuple[float, float]]) -> float:
    """The lowest energy of all settings."""
    return min(energy for _, energy in points)


def until(found: dimod.SampleSet, energy: float) -> float:
    """The seconds that a call took until it had an energy; infinite where it did not."""
    return float(found.info["seconds"]) if found.first.energy <= energy else np.inf


def measure(
    folder: Path, instance: int, peers: dict[str, list[tuple[float, float]]], seed: int
) -> dict[str, Any]:
    """Two calls of `minimize`: how long until they have the best of the QPU, and of tempering."""
    name = f"Pegasus-Lattice_Size-16_{instance:05d}.json.gz"
    bqm = read_with_format(folder / name, file_format=None, vartype=None, instance=None).bqm
    qpu, tempering = lowest(peers[QPU]), lowest(peers[TEMPERING])
    first = minimize(bqm, target=qpu, time_limit=LIMIT, seed=seed)
    found = minimize(bqm, target=tempering, time_limit=LIMIT, seed=seed)
    return {
        "instance": instance,
        "seed": seed,
        "qpu": qpu,
        "tempering": tempering,
        "energy": found.first.energy,
        "qpu_seconds": until(first, qpu),
        "tempering_seconds": until(found, tempering),
        "trace": found.info["trace"],
    }


def curve(points: list[tuple[float, float]], best: float) -> NDArray[np.float64]:
    """The share by which the lowest energy so far is above the best known, at `SECONDS`."""
    ordered = sorted(points)
    times = np.array([seconds for seconds, _ in ordered])
    energies = np.minimum.accumulate([energy for _, energy in ordered])
    places = np.searchsorted(times, SECONDS, side="right") - 1
    gaps = (energies - best) / abs(best)
    return np.where(places < 0, np.nan, gaps[places.clip(0)])


def draw(rows: list[dict[str, Any]], peers: Published, threads: int) -> Figure:
    """Mean gap to the best known energy against the time."""
    instances = sorted({row["instance"] for row in rows})
    best = {
        k: min(lowest([point for points in peers[k].values() for point in points]), *energies)
        for k in instances
        for energies in [[row["energy"] for row in rows if row["instance"] == k]]
    }
    figure = Figure(figsize=(7.5, 4.2), layout="constrained")
    axes = figure.subplots()
    for kind, look in LOOKS.items():
        mean = np.mean([curve(peers[k][kind], best[k]) for k in instances], axis=0)
        axes.plot(SECONDS, 100 * mean, markevery=8, label=f"{kind} (published)", **look)
    ours = np.array([curve(row["trace"], best[row["instance"]]) for row in rows])
    ours[:, SECONDS > LIMIT] = np.nan
    axes.plot(
        SECONDS,
        100 * ours.mean(axis=0),
        color=BLUE,
        lw=3,
        label=f"ising-ep minimize, {threads} threads",
    )
    axes.set_xscale("log")
    axes.set_yscale("symlog", linthresh=0.01)
    axes.set_ylim(0, 5)
    axes.set_yticks([0, 0.01, 0.1, 1], ["0", "0.01 %", "0.1 %", "1 %"])
    axes.set_xlabel("seconds (QPU: access time)")
    axes.set_ylabel("energy above the best known")
    axes.set_title(f"{len(instances)} problems of a whole Pegasus chip, 5,387 spins")
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def written(rows: list[dict[str, Any]]) -> str:
    """A line for each instance, medians and how many seeds were in time."""
    lines = []
    for k in sorted({row["instance"] for row in rows}):
        own = [row for row in rows if row["instance"] == k]
        qpu = np.array([row["qpu_seconds"] for row in own])
        tempering = np.array([row["tempering_seconds"] for row in own])
        lines.append(
            (
                str(k),
                f"{own[0]['qpu']:.0f}",
                f"{np.median(qpu):.2f} ({(qpu < 1).sum()} of {len(own)} below 1 s)",
                f"{own[0]['tempering']:.0f}",
                f"{np.median(tempering):.1f} ({np.isfinite(tempering).sum()} of {len(own)})",
                f"{min(row['energy'] for row in own):.0f}",
            )
        )
    header = [
        "instance",
        "QPU's best",
        "reached after, s",
        "tempering's best",
        "reached after, s",
        "lowest here",
    ]
    return table(header, lines)


@click.command()
@click.option("--data-dir", type=click.Path(path_type=Path, exists=True, file_okay=False), required=True)
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--quick", is_flag=True, help="Two problems, one seed.")
@report.out_option
def main(data_dir: Path, seeds: int, quick: bool, out: Path | None) -> None:
    """`minimize` beside a QPU, dwave-neal and parallel tempering on whole Pegasus chips.

    \b
    Example: python -m benchmarks.samplers.published --data-dir lanl_p16 --quick
    """
    folder, peers = report.folder(out, not quick), published(data_dir)
    instances, seeds = (sorted(peers)[:2], 1) if quick else (sorted(peers), seeds)
    rows = []
    with report.progress() as bar:
        task = bar.add_task("", total=len(instances) * seeds)
        for seed in range(seeds):
            for instance in instances:
                bar.update(task, description=f"instance {instance}, seed {seed}")
                rows.append(measure(data_dir, instance, peers[instance], seed))
                bar.advance(task)
    facts = report.machine()
    text = f"{report.where(facts)} Whole calls on all cores; medians of {seeds} seeds, and how many were in"
    text += f" time.\n\n{written(rows)}"
    report.console.print(text)
    if folder is not None:
        report.write(
            folder, "published", {"machine": facts, "rows": rows}, text, draw(rows, peers, facts["cores"])
        )


if __name__ == "__main__":
    main()
