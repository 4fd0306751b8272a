"""Constrained problems in the time of dwave-samplers' TabuSampler: the best energy that each sampler finds.

    python -m benchmarks.samplers.constrained          20 seeds, about three minutes
    python -m benchmarks.samplers.constrained --quick  the same with two seeds, to see that it runs

**Problems.** Travelling salesmen of 8 and 15 cities, whose penalties are 1 to 1e6 times twice the longest
way; knapsacks of 100 items by `dimod.cqm_to_bqm`; 200 numbers up to 1e6 parted into halves; 50 nodes of
degree 6 coloured with 4 colours. The optima are found by Held and Karp's recursion, by the knapsack's, and
known for the others (a sum of 0 or 1, no conflict).

**What takes turns.** For each seed: dwave-samplers' TabuSampler as it is called by default (one read, 20 ms
and what it takes to begin); ising-ep's TabuSampler as it is called by default; `minimize` with the first
one's time for a limit; and dwave-samplers' annealer with as many reads of 1,000 sweeps as fit into that time,
one at least. All on one thread. Seconds are of the whole call.

**What is shown.** The mean of the best energies, in how many seeds the optimum was found, and the median time
of a call. Energies of tours and partitions are worked out from the states: those of the models, in double
precision, are rounded where penalties or squares are large.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
import dimod
import networkx as nx
import numpy as np
from dwave.samplers import SimulatedAnnealingSampler as DWaveSampler
from dwave.samplers import TabuSampler as DWaveTabuSampler
from numpy.typing import NDArray

from benchmarks.support import report
from ising_ep import TabuSampler, minimize
from studies.markdown import table

PENALTIES = (1.0, 1e2, 1e4, 1e6)
SWEEPS = 1000
SAMPLERS = ("ours", "minimize", "theirs", "annealer")
# Energies this much above the optimum are the optimum.
ROUNDED = 1e-6


@dataclass(frozen=True)
class Constrained:
    """A model, its optimum, and the energies of samples as they are compared."""

    bqm: dimod.BinaryQuadraticModel
    optimum: float
    energies: Callable[[dimod.SampleSet], NDArray[np.float64]]

    def hits(self, energies: NDArray[np.float64]) -> int:
        """How many are the optimum."""
        return int((energies <= self.optimum + ROUNDED).sum())


def as_sampled(sampleset: dimod.SampleSet) -> NDArray[np.float64]:
    """The energies that the sampler gives."""
    return np.asarray(sampleset.record.energy, dtype=np.float64)


def salesman(cities: int, times: float) -> Constrained:
    """A shortest tour; the penalty is so many times twice the longest way."""
    places = np.random.default_rng(5).random((cities, 2))
    ways = np.linalg.norm(places[:, np.newaxis] - places, axis=2)
    bqm = dimod.BinaryQuadraticModel("BINARY")
    for a, b in itertools.permutations(range(cities), 2):
        for step in range(cities):
            bqm.add_quadratic((a, step), (b, (step + 1) % cities), float(ways[a, b]))
    penalty = 2 * times * float(ways.max())
    for k in range(cities):
        for group in ([(k, step) for step in range(cities)], [(city, k) for city in range(cities)]):
            bqm.add_linear_equality_constraint([(v, 1) for v in group], penalty, -1)

    def exact(sampleset: dimod.SampleSet) -> NDArray[np.float64]:
        columns = [
            sampleset.variables.index((city, step)) for city in range(cities) for step in range(cities)
        ]
        visits = sampleset.record.sample[:, columns].reshape(-1, cities, cities).astype(float)
        length = np.einsum("rat,ab,rbt->r", visits, ways, np.roll(visits, -1, axis=2))
        broken = ((visits.sum(axis=1) - 1) ** 2).sum(axis=1) + ((visits.sum(axis=2) - 1) ** 2).sum(axis=1)
        return np.asarray(length + penalty * broken)

    return Constrained(bqm, shortest(ways), exact)


def shortest(ways: NDArray[np.float64]) -> float:
    """The length of the shortest tour, by the recursion of Held and Karp."""
    rest = len(ways) - 1
    lengths = np.full((1 << rest, rest), np.inf)
    for city in range(rest):
        lengths[1 << city, city] = ways[rest, city]
    for visited in range(1, 1 << rest):
        for city in range(rest):
            if not visited >> city & 1:
                best = (lengths[visited] + ways[:rest, city]).min()
                after = visited | 1 << city
                lengths[after, city] = min(lengths[after, city], best)
    return float((lengths[-1] + ways[:rest, rest]).min())


def knapsack(items: int, seed: int) -> Constrained:
    """The most valuable items that fit."""
    rng = np.random.default_rng(seed)
    values, weights = rng.integers(10, 100, items), rng.integers(10, 70, items)
    room = int(weights.sum() * 0.4)
    cqm = dimod.ConstrainedQuadraticModel()
    taken = [dimod.Binary(f"x{k}") for k in range(items)]
    cqm.set_objective(-sum(int(v) * x for v, x in zip(values, taken, strict=True)))
    cqm.add_constraint(sum(int(w) * x for w, x in zip(weights, taken, strict=True)) <= room, label="room")
    best = np.zeros(room + 1)
    for value, weight in zip(values, weights, strict=True):
        best[weight:] = np.maximum(best[weight:], best[:-weight] + value)
    return Constrained(dimod.cqm_to_bqm(cqm)[0], -float(best[-1]), as_sampled)


def partition(count: int, seed: int) -> Constrained:
    """Numbers up to 1e6 in two parts of one sum."""
    numbers = np.random.default_rng(seed).integers(1, 10**6, count)
    pairs = {(i, j): 2.0 * int(numbers[i]) * int(numbers[j]) for i in range(count) for j in range(i)}
    bqm = dimod.BinaryQuadraticModel.from_ising({}, pairs, float((numbers.astype(float) ** 2).sum()))

    def exact(sampleset: dimod.SampleSet) -> NDArray[np.float64]:
        spins = 2 * (sampleset.record.sample > 0).astype(np.int64) - 1
        columns = [sampleset.variables.index(k) for k in range(count)]
        return np.asarray((spins[:, columns] @ numbers).astype(np.float64) ** 2)

    return Constrained(bqm.change_vartype("BINARY", inplace=False), float(numbers.sum() % 2), exact)


def colouring(nodes: int, degree: int, colours: int, seed: int) -> Constrained:
    """No neighbours of one colour; there are such colourings."""
    graph = nx.random_regular_graph(degree, nodes, seed=seed)
    bqm = dimod.BinaryQuadraticModel("BINARY")
    for node in graph:
        bqm.add_linear_equality_constraint([((node, c), 1) for c in range(colours)], 1.0, -1)
    for u, v in graph.edges:
        for c in range(colours):
            bqm.add_quadratic((u, c), (v, c), 1.0)
    return Constrained(bqm, 0.0, as_sampled)


def problems() -> dict[str, Constrained]:
    """All of them by name."""
    tours = {
        f"salesman, {cities} cities, penalty x {times:g}": salesman(cities, times)
        for cities in (8, 15)
        for times in PENALTIES
    }
    sacks = {f"knapsack of 100 items, {seed}": knapsack(100, seed) for seed in (1, 2)}
    parts = {f"partition of 200 numbers, {seed}": partition(200, seed) for seed in (5, 6)}
    return tours | sacks | parts | {"colouring, 50 nodes, 4 colours": colouring(50, 6, 4, 1)}


def best_of(problem: Constrained, call: Callable[[], dimod.SampleSet]) -> tuple[float, float]:
    """The best energy and the seconds of a call."""
    begin = time.perf_counter()
    sampleset = call()
    seconds = time.perf_counter() - begin
    return float(problem.energies(sampleset).min()), seconds


def compare(problem: Constrained, seeds: int) -> dict[str, Any]:
    """Each sampler's best energies and seconds; they take turns."""
    theirs, ours, annealer = DWaveTabuSampler(), TabuSampler(), DWaveSampler()
    two_reads = partial(annealer.sample, problem.bqm, num_reads=2, num_sweeps=SWEEPS, seed=0)
    read = best_of(problem, two_reads)[1] / 2
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in SAMPLERS}
    for seed in range(seeds):
        found["theirs"].append(best_of(problem, partial(theirs.sample, problem.bqm, seed=seed)))
        found["ours"].append(best_of(problem, partial(ours.sample, problem.bqm, seed=seed, num_threads=1)))
        limit = found["theirs"][-1][1]
        limited = partial(minimize, problem.bqm, time_limit=limit, seed=seed, num_threads=1)
        found["minimize"].append(best_of(problem, limited))
        reads = max(1, round(limit / read))
        call = partial(annealer.sample, problem.bqm, num_reads=reads, num_sweeps=SWEEPS, seed=seed)
        found["annealer"].append(best_of(problem, call))
    row: dict[str, Any] = {"optimum": problem.optimum, "seeds": seeds}
    for name, pairs in found.items():
        energies, seconds = np.array(pairs).T
        row |= {name: float(energies.mean()), f"{name}_hits": problem.hits(energies)}
        row[f"{name}_ms"] = float(np.median(seconds)) * 1e3
    return row


def cell(row: dict[str, Any], name: str) -> str:
    """A sampler's mean, hits and time."""
    return f"{row[name]:.6g} ({row[f'{name}_hits']}, {row[f'{name}_ms']:.0f} ms)"


@click.command()
@click.option("--quick", is_flag=True, help="Two seeds.")
@report.out_option
def main(quick: bool, out: Path | None) -> None:
    """Best energies on constrained problems, in the time of dwave-samplers' TabuSampler.

    \b
    Example: python -m benchmarks.samplers.constrained --quick
    """
    folder = report.folder(out, not quick)
    seeds = 2 if quick else 20
    rows: list[dict[str, Any]] = []
    with report.progress() as bar:
        all_of_them = problems()
        task = bar.add_task("", total=len(all_of_them))
        for name, problem in all_of_them.items():
            bar.update(task, description=name)
            rows.append({"problem": name} | compare(problem, seeds))
            bar.advance(task)
    lines = [[row["problem"], f"{row['optimum']:.6g}", *map(partial(cell, row), SAMPLERS)] for row in rows]
    header = [
        "problem",
        "optimum",
        "ising-ep TabuSampler",
        "minimize",
        "dwave-samplers TabuSampler",
        "its annealer",
    ]
    facts = report.machine()
    text = f"{report.where(facts)} Mean of the best energies of {seeds} calls (in how many"
    text += " the optimum was found, median time of a call). One thread.\n\n"
    text += table(header, lines)
    report.console.print(text)
    if folder is not None:
        report.write(folder, "constrained", {"machine": facts, "rows": rows}, text)


if __name__ == "__main__":
    main()
