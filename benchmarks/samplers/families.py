"""Whole calls beside dwave-samplers' on families of problems that nobody tuned for, 1 to 512 reads.

    python -m benchmarks.samplers.families            all families and modes, about ten minutes
    python -m benchmarks.samplers.families --quick    the small ones, one round

Both samplers get the same model, sweeps and temperatures (ising-ep's default), and one thread. In each round
all calls take turns; the time of a way is its median over the rounds. dwave-samplers anneals its reads one
after the other: its time is measured at 1 and 8 reads and taken as linear beyond. z is the difference of the
mean energies of 8 reads (ours minus theirs) in standard errors.

The second table is of ways of annealing: one long read, random order, heat bath; the last line is a lattice
16 x 16 of ±1 with 1,024 reads, whose updates of a spin in a nanosecond stand beside the 43 that
MultiSpinCoding.jl publishes for one random number that all replicas share. Here each read has its own. The
correlation between reads is shown: the overlaps of all pairs after 100 sweeps at beta = 0.3, and those with
the reads of another call.

Results go to `benchmarks/results/families.json` and `.md`.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import dimod
import networkx as nx
import numpy as np
from numpy.typing import NDArray

from benchmarks.support import report
from benchmarks.support.problems import normal, signs
from benchmarks.support.timing import interleaved
from ising_ep import SimulatedAnnealingSampler, default_beta_range
from studies.markdown import number, table

READS = (1, 8, 64, 512)
SMALL = 500
SEED = 7

Make = Callable[[np.random.Generator], dimod.BinaryQuadraticModel]


@dataclass(frozen=True)
class Work:
    """A family and how it is annealed.

    Attributes:
        make: A problem from a generator.
        sweeps: Of each read.
        reads: How many reads are timed.
        settings: More keywords of both samplers.
    """

    make: Make
    sweeps: int = 1000
    reads: tuple[int, ...] = READS
    settings: dict[str, Any] = field(default_factory=dict)


def of_graph(build: Callable[[], nx.Graph], draw: Callable[..., Any], *, fields: bool = False) -> Make:
    """Couplings, and fields, drawn for a graph."""

    def make(rng: np.random.Generator) -> dimod.BinaryQuadraticModel:
        graph = nx.convert_node_labels_to_integers(build())
        edges = np.array(graph.edges, dtype=np.int64).reshape(-1, 2)
        linear = draw(len(graph), rng) if fields else np.zeros(len(graph))
        vectors = (edges[:, 0], edges[:, 1], draw(len(edges), rng))
        return dimod.BinaryQuadraticModel.from_numpy_vectors(linear, vectors, 0.0, dimod.SPIN)

    return make


def qubo(variables: int, density: float) -> Make:
    """Integers up to 100, on some of all pairs."""

    def make(rng: np.random.Generator) -> dimod.BinaryQuadraticModel:
        rows, cols = np.triu_indices(variables, 1)
        kept = rng.random(rows.size) < density
        values = rng.integers(-100, 101, kept.sum()).astype(float)
        linear = rng.integers(-100, 101, variables).astype(float)
        vectors = (rows[kept], cols[kept], values)
        return dimod.BinaryQuadraticModel.from_numpy_vectors(linear, vectors, 0.0, dimod.BINARY)

    return make


def salesman(cities: int) -> Make:
    """Tours, with penalties."""

    def make(rng: np.random.Generator) -> dimod.BinaryQuadraticModel:
        places = rng.random((cities, 2))
        ways = np.linalg.norm(places[:, np.newaxis] - places, axis=2)
        return dimod.BinaryQuadraticModel.from_qubo(dict(_terms(ways)))

    return make


def _terms(ways: NDArray[np.float64]) -> Iterator[tuple[tuple[Any, Any], float]]:
    cities, penalty = range(len(ways)), 2 * float(ways.max())
    for a in cities:
        for s in cities:
            yield ((a, s), (a, s)), -2 * penalty
            for b in cities[a + 1 :]:
                yield ((a, s), (b, s)), 2 * penalty
                yield ((s, a), (s, b)), 2 * penalty
            for b in cities:
                if a != b:
                    yield ((a, s), (b, (s + 1) % len(ways))), float(ways[a, b])


def fields_only(rng: np.random.Generator) -> dimod.BinaryQuadraticModel:
    """No couplings."""
    return dimod.BinaryQuadraticModel.from_ising(dict(enumerate(rng.standard_normal(10_000))), {})


def families() -> dict[str, Work]:
    """All families by name; graphs are from fixed seeds."""
    from dwave.graphs import chimera_graph, zephyr_graph

    def small(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        return rng.integers(-3, 4, count).astype(float)

    def regular(degree: int, nodes: int) -> Callable[[], nx.Graph]:
        return lambda: nx.random_regular_graph(degree, nodes, seed=SEED)

    grown = lambda: nx.barabasi_albert_graph(10_000, 3, seed=SEED)  # noqa: E731
    return {
        "Chimera C16 ±1": Work(of_graph(lambda: chimera_graph(16), signs)),
        "Zephyr Z15 ±1": Work(of_graph(lambda: zephyr_graph(15), signs)),
        "Zephyr Z15 real": Work(of_graph(lambda: zephyr_graph(15), normal)),
        "3-regular n=10k ±1": Work(of_graph(regular(3, 10_000), signs)),
        "3-regular n=10k real": Work(of_graph(regular(3, 10_000), normal)),
        "6-regular n=4k J, h in -3..3": Work(of_graph(regular(6, 4000), small, fields=True)),
        "small world n=4k k=6 real": Work(
            of_graph(lambda: nx.watts_strogatz_graph(4000, 6, 0.1, seed=SEED), normal)
        ),
        "Barabasi-Albert n=10k m=3 ±1": Work(of_graph(grown, signs)),
        "Barabasi-Albert n=10k m=3 real": Work(of_graph(grown, normal)),
        "star n=5k ±1": Work(of_graph(lambda: nx.star_graph(5000), signs)),
        "chain n=100k ±1": Work(of_graph(lambda: nx.path_graph(100_000), signs), sweeps=200),
        "QUBO n=2500 10 % ±100": Work(qubo(2500, 0.1), sweeps=300),
        "QUBO n=500 100 % ±100": Work(qubo(500, 1.0)),
        "TSP QUBO 20 cities": Work(salesman(20)),
        "RBM 784x500": Work(of_graph(lambda: nx.complete_bipartite_graph(784, 500), normal), sweeps=300),
        "SK n=200 ±1": Work(of_graph(lambda: nx.complete_graph(200), signs)),
        "SK n=50 real": Work(of_graph(lambda: nx.complete_graph(50), normal)),
        "grid 100x100 real": Work(of_graph(lambda: nx.grid_2d_graph(100, 100), normal)),
        "random n=800 degree 48 ±1": Work(of_graph(regular(48, 800), signs)),
        "ring n=20 ±1": Work(of_graph(lambda: nx.cycle_graph(20), signs)),
        "fields only n=10k": Work(fields_only),
        "6-regular n=10 real": Work(of_graph(regular(6, 10), normal)),
        "6-regular n=100 real": Work(of_graph(regular(6, 100), normal)),
        "6-regular n=100k real": Work(of_graph(regular(6, 100_000), normal), sweeps=50, reads=READS[:3]),
    }


def modes() -> dict[str, Work]:
    """Ways of annealing, on some of them."""
    cube = of_graph(lambda: nx.grid_graph([12, 12, 12], periodic=True), signs)
    glass = of_graph(lambda: nx.complete_graph(400), normal)
    random, gibbs = {"randomize_order": True}, {"proposal_acceptance_criteria": "Gibbs"}
    works = {
        f"one long read, 6-regular n={n} real": Work(
            of_graph(lambda n=n: nx.random_regular_graph(6, n, seed=SEED), normal),  # type: ignore[misc]
            sweeps=10**6 * 20 // n,
            reads=(1,),
        )
        for n in (20, 100, 500, 2000)
    }
    for name, make in (("12^3 ±1", cube), ("SK n=400 real", glass)):
        works[f"random order, {name}"] = Work(make, sweeps=500, reads=(1, 8, 64), settings=random)
        works[f"Gibbs, {name}"] = Work(make, sweeps=500, settings=gibbs)
        works[f"random order, Gibbs, {name}"] = Work(
            make, sweeps=500, reads=(1, 8, 64), settings=random | gibbs
        )
    return works


def compare(work: Work, rounds: int) -> dict[str, Any]:
    """Medians of both samplers' times, and z."""
    from dwave.samplers import SimulatedAnnealingSampler as DWaveSampler

    bqm = work.make(np.random.default_rng(SEED))
    ours, theirs = SimulatedAnnealingSampler(), DWaveSampler()
    betas = default_beta_range(bqm)
    settings = {"num_sweeps": work.sweeps, "beta_range": betas, **work.settings}
    energies: dict[str, list[float]] = {"ours": [], "theirs": []}

    def our(reads: int) -> Callable[[int], object]:
        def call(k: int) -> None:
            found = ours.sample(bqm, num_reads=reads, seed=k + 2, num_threads=1, **settings)
            if reads == min(8, work.reads[-1]):
                energies["ours"] += found.record.energy.tolist()

        return call

    def their(reads: int) -> Callable[[int], object]:
        def call(k: int) -> None:
            found = theirs.sample(bqm, num_reads=reads, seed=k + 2, **settings)
            energies["theirs"] += found.record.energy.tolist()

        return call

    most = min(8, work.reads[-1])
    ways = {f"ours {reads}": our(reads) for reads in work.reads} | {
        f"theirs {reads}": their(reads) for reads in {1, most}
    }
    seconds = {name: float(np.median(times)) for name, times in interleaved(ways, rounds).items()}
    one = seconds["theirs 1"]
    more = (seconds[f"theirs {most}"] - one) / max(most - 1, 1)
    ratios = {
        reads: (one if reads == 1 else one + more * (reads - 1)) / seconds[f"ours {reads}"]
        for reads in work.reads
    }
    pairs = [np.array(energies[name]) for name in ("ours", "theirs")]
    error = np.sqrt(sum(part.var(ddof=1) / part.size for part in pairs))
    z = float((pairs[0].mean() - pairs[1].mean()) / error) if error else 0.0
    return {
        "spins": bqm.num_variables,
        "couplings": bqm.num_interactions,
        "sweeps": work.sweeps,
        "seconds": seconds,
        "ratios": ratios,
        "z": z,
    }


def square_lattice() -> dict[str, float]:
    """Updates in a nanosecond of 1,024 reads on 16 x 16 spins, and the largest overlap of two reads."""
    bqm = of_graph(lambda: nx.grid_2d_graph(16, 16, periodic=True), signs)(np.random.default_rng(SEED))
    sampler, reads, sweeps, seconds = SimulatedAnnealingSampler(), 1024, 20_000, []
    for k in range(5):
        start = time.perf_counter()
        sampler.sample(bqm, num_reads=reads, num_sweeps=sweeps, beta_range=[0.1, 3.0], seed=k, num_threads=1)
        seconds.append(time.perf_counter() - start)
    # Too warm for an order: overlaps have the mean 0, and the width that those of two calls have too.
    warm: dict[str, Any] = {"num_reads": reads, "num_sweeps": 100, "beta_range": [0.3, 0.3], "num_threads": 1}
    first, other = (sampler.sample(bqm, seed=seed, **warm).record.sample.astype(float) for seed in (1, 2))
    return {
        "updates_per_ns": reads * sweeps * 256 / float(np.median(seconds)) / 1e9,
        **overlaps("within", (first @ first.T / 256)[np.triu_indices(reads, 1)]),
        **overlaps("between", (first @ other.T / 256).ravel()),
    }


def overlaps(name: str, values: NDArray[np.float64]) -> dict[str, float]:
    """Mean, width and largest of them."""
    largest = float(np.abs(values).max())
    return {
        f"{name}_mean": float(values.mean()),
        f"{name}_width": float(values.std()),
        f"{name}_largest": largest,
    }


def written(rows: dict[str, dict[str, Any]]) -> str:
    """A line for each family."""
    lines = []
    for name, row in rows.items():
        cells = [f"{row['ratios'][reads]:.1f}x" if reads in row["ratios"] else "" for reads in READS]
        size = [f"{row['spins']:,}", f"{row['couplings']:,}", f"{row['sweeps']:,}"]
        lines.append([name, *size, *cells, f"{row['z']:+.1f}"])
    header = ["family", "spins", "couplings", "sweeps", *(f"{reads} reads" for reads in READS), "z"]
    return table(header, lines)


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--quick", is_flag=True, help="Small problems, one round.")
@report.out_option
def main(rounds: int, quick: bool, out: Path | None) -> None:
    """Whole calls beside dwave-samplers' on many families of problems.

    \b
    Example: python -m benchmarks.samplers.families --quick
    """
    report.one_thread()
    warnings.simplefilter("ignore")  # of default temperatures, which are given to both alike
    folder = report.folder(out, not quick)
    found: list[dict[str, dict[str, Any]]] = []
    with report.progress() as bar:
        kinds = [families(), modes()]
        task = bar.add_task("", total=sum(map(len, kinds)))
        for works in kinds:
            found.append({})
            for name, work in works.items():
                bar.update(task, description=name)
                if not quick or work.make(np.random.default_rng(SEED)).num_variables <= SMALL:
                    found[-1][name] = compare(work, 1 if quick else rounds)
                bar.advance(task)
    ratios = [ratio for row in found[0].values() for ratio in row["ratios"].values()]
    lattice = square_lattice()
    facts = report.machine()
    text = f"{report.where(facts)} Times faster than dwave-samplers, whole calls, one thread.\n\n"
    text += written(found[0])
    text += f"\nLeast {min(ratios):.1f}x, median {np.median(ratios):.0f}x.\n\n{written(found[1])}\n"
    text += f"16 x 16 ±1, 1,024 reads: {number(lattice['updates_per_ns'])} updates of a spin in a nanosecond."
    for whose, name in (("of the reads of a call", "within"), ("with those of another", "between")):
        text += (
            f" Overlaps {whose}: mean {lattice[f'{name}_mean']:+.1e}, width {lattice[f'{name}_width']:.4f},"
        )
        text += f" largest {lattice[f'{name}_largest']:.3f}."
    text += "\n"
    report.console.print(text)
    if folder is not None:
        record = {"machine": facts, "families": found[0], "modes": found[1], "lattice": lattice}
        report.write(folder, "families", record, text)


if __name__ == "__main__":
    main()
