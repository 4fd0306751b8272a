"""Time per read, sweep and spin from 1,000 to 1,000,000 spins at degree 6, and the memory it takes.

    python -m benchmarks.samplers.scaling          about two minutes
    python -m benchmarks.samplers.scaling --quick  up to 32,768 spins, few rounds

Periodic cubic lattices with normal couplings, 16 and 64 reads, one thread, inverse temperature linear from
0.1 to 3. Every point is measured in a process of its own, so that its peak of memory (`resource.getrusage`)
is its own too; it includes Python, numpy and the arrays of the problem. The time of a sweep is taken from
the difference of two anneals of 32 and 96 sweeps of `sample_batch`, in processor time, medians over rounds.
So it leaves out what is done once a call (checks, the table of neighbours, initial states, copying out);
that is in a column of its own.

The time per update stays the same as long as what a sweep walks through fits a cache, and rises towards the
speed of memory when it does not. The table says where it is a quarter above the least.

Results go to `benchmarks/results/scaling.json`, `.md` and `.png`.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import click
import numpy as np
from matplotlib.figure import Figure

from benchmarks.support import problems, report
from ising_ep.plots.looks import SERIES
from studies.markdown import number, table

SEED = 20262
SIDES = (10, 16, 22, 32, 46, 68, 100)
READS = (16, 64)
SHORT, LONG = 32, 96
# A quarter above the least: well over the noise, well under what memory costs.
KNEE = 1.25


def peak_bytes() -> int:
    """The most memory this process has had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def point(side: int, reads: int, rounds: int) -> dict[str, Any]:
    """One size, measured in this process."""
    from ising_ep import SimulatedAnnealingSampler

    problem = problems.lattice(side, np.random.default_rng([SEED, side]), problems.normal)
    before = peak_bytes()

    def seconds(sweeps: int, seed: int) -> float:
        start = time.process_time()
        SimulatedAnnealingSampler.sample_batch(
            problem.couplings,
            problem.fields,
            num_reads=reads,
            beta_schedule=np.linspace(0.1, 3, sweeps),
            seed=seed,
            num_threads=1,
        )
        return time.process_time() - start

    seconds(2, 0)
    # Small problems take a millisecond: more of them, for as good a median.
    rounds *= 1 + 50_000 // problem.num_spins
    short, long = np.array([(seconds(SHORT, k), seconds(LONG, k)) for k in range(rounds)]).T
    sweep = float(np.median(long - short)) / (LONG - SHORT)
    return {
        "spins": problem.num_spins,
        "couplings": problem.values.size,
        "reads": reads,
        "ns_per_update": 1e9 * sweep / (reads * problem.num_spins),
        "once_ms": 1e3 * max(float(np.median(short)) - SHORT * sweep, 0.0),
        "long_call_seconds": float(np.median(long)),
        "peak_bytes_before": before,
        "peak_bytes": peak_bytes(),
    }


def knee(points: list[dict[str, Any]]) -> int | None:
    """The first size from which on the time per update is a quarter above the least."""
    least = min(p["ns_per_update"] for p in points)
    slow = None
    for p in reversed(points):
        if p["ns_per_update"] <= KNEE * least:
            break
        slow = p["spins"]
    return slow


def statement(points: list[dict[str, Any]]) -> str:
    """Where it stops to be linear, and the memory of the largest."""
    lines = []
    for reads in sorted({p["reads"] for p in points}):
        some = [p for p in points if p["reads"] == reads]
        times = [p["ns_per_update"] for p in some]
        start, largest = knee(some), some[-1]
        where = "nowhere" if start is None else f"from {start:,} spins on"
        lines.append(
            f"- {reads} reads: {number(min(times))} to {number(max(times))} ns an update,"
            f" {KNEE:g} times the least or more {where}; {largest['spins']:,} spins with"
            f" {largest['couplings']:,} couplings take {largest['peak_bytes'] / 2**20:,.0f} MiB at the peak."
        )
    return "\n".join(lines) + "\n"


def draw(points: list[dict[str, Any]]) -> Figure:
    """Time per update over the number of spins."""
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    for reads, look in zip(READS, SERIES, strict=False):
        some = [p for p in points if p["reads"] == reads]
        axes.plot(
            [p["spins"] for p in some],
            [p["ns_per_update"] for p in some],
            label=f"{reads} reads",
            **look,
        )
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("spins, of six neighbours each (log scale)")
    axes.set_ylabel("ns per read, sweep and spin")
    axes.set_title("Time of one update of a spin")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure


@click.command(epilog="Example: python -m benchmarks.samplers.scaling --quick")
@click.option("--rounds", type=click.IntRange(1), help="Anneals of a size.  [default: 5, quick: 2]")
@click.option("--quick", is_flag=True, help="Up to 32,768 spins.")
@report.out_option
def main(rounds: int | None, quick: bool, out: Path | None) -> None:
    """Time per read, sweep and spin over the number of spins, and the peak of memory."""
    out = report.folder(out, full=not quick)
    rounds = rounds or (2 if quick else 5)
    sizes = list(product(SIDES[:4] if quick else SIDES, READS))
    points = []
    # Started afresh, not forked: a fork would begin with the memory of this process.
    fresh = multiprocessing.get_context("spawn")
    with report.progress() as bar, ProcessPoolExecutor(1, fresh, max_tasks_per_child=1) as pool:
        task = bar.add_task("", total=len(sizes))
        for side, reads in sizes:
            bar.update(task, description=f"{side**3:,} spins, {reads} reads")
            points.append(pool.submit(point, side, reads, rounds).result())
            bar.advance(task)
    header = ["spins", "couplings", "reads", "ns an update", "once a call, ms", "peak, MiB", "before, MiB"]
    rows = [
        [
            f"{p['spins']:,}",
            f"{p['couplings']:,}",
            str(p["reads"]),
            number(p["ns_per_update"]),
            number(p["once_ms"]),
            f"{p['peak_bytes'] / 2**20:,.0f}",
            f"{p['peak_bytes_before'] / 2**20:,.0f}",
        ]
        for p in points
    ]
    facts = report.machine()
    caches = ", ".join(f"{name} {size}" for name, size in facts["caches"].items())
    text = table(header, rows) + "\n" + statement(points)
    text += f"\n{report.where(facts)} Caches: {caches or 'unknown'}.\n"
    print(text)
    if out is not None:
        record = {**facts, "seed": SEED, "rounds": rounds, "quick": quick, "sweeps": [SHORT, LONG]}
        report.write(out, "scaling", {**record, "points": points}, text, draw(points))


if __name__ == "__main__":
    main()
