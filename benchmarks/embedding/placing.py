"""Problems onto qubits and reads back into spins: dwave-system beside ising-ep, interleaved, medians.

    python -m benchmarks.embedding.placing

K(120,40) on a perfect Zephyr Z12, embedded by minorminer's busclique. Everything that can be made ready
before the clock starts is: dwave-system's `EmbeddedStructure` and dimod models, ising-ep's `Placement`. Both
answers are compared before anything is timed. One thread.

dwave-system unembeds into a sample set, with energies; its correlations are one float32 product of matrices,
which is as good as numpy gets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from benchmarks.support import report
from benchmarks.support.timing import interleaved
from studies.markdown import number, table

report.one_thread()

import dimod  # noqa: E402
import numpy as np  # noqa: E402
from dwave.embedding import EmbeddedStructure, embed_bqm, unembed_sampleset  # noqa: E402
from dwave.graphs import zephyr_graph  # noqa: E402
from minorminer.busclique import busgraph_cache  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

import ising_ep  # noqa: E402
from ising_ep import _core  # noqa: E402

SIDES = (120, 40)
STRENGTH = 2.0


class Network:
    """The network, its chains as columns of the samples, and a model of each image."""

    def __init__(self, images: int) -> None:
        rng = np.random.default_rng(0)
        chip = zephyr_graph(12)
        embedding = busgraph_cache(chip).find_biclique_embedding(*SIDES)
        qubits = sorted({q for chain in embedding.values() for q in chain})
        column = {q: k for k, q in enumerate(qubits)}
        self.embedding = {spin: [column[q] for q in embedding[spin]] for spin in range(sum(SIDES))}
        edges = chip.subgraph(qubits).edges
        self.couplers = np.array([(column[a], column[b]) for a, b in edges], dtype=np.int64)
        self.num_qubits = len(qubits)
        self.rows, self.cols = (
            side.ravel()
            for side in np.meshgrid(range(SIDES[0]), SIDES[0] + np.arange(SIDES[1]), indexing="ij")
        )
        self.values = rng.uniform(-1, 1, len(self.rows))
        self.fields = rng.uniform(-2, 2, (images, sum(SIDES)))
        # A gauge of each spin: chains stay ferromagnetic.
        self.signs = rng.choice(np.array([-1, 1], dtype=np.int8), self.fields.shape)
        self.chains = list(self.embedding.values())
        ends = np.ascontiguousarray(self.couplers.T)
        self.placement = _core.Placement(
            self.num_qubits,
            np.cumsum([0, *map(len, self.chains)]),
            np.concatenate(self.chains),
            ends[0],
            ends[1],
            sum(SIDES),
            self.rows,
            self.cols,
        )
        self.structure = EmbeddedStructure(map(tuple, self.couplers.tolist()), self.embedding)
        self.bqm = self.model(0)

    def model(self, image: int) -> dimod.BinaryQuadraticModel:
        """The logical problem of an image."""
        pairs = zip(self.rows.tolist(), self.cols.tolist(), strict=True)
        return dimod.BinaryQuadraticModel.from_ising(
            dict(enumerate(self.fields[image])), dict(zip(pairs, self.values, strict=True))
        )

    def reads(self, num_reads: int, flips: float) -> NDArray[np.int8]:
        """Unbroken chains in which each qubit is then flipped with the probability given."""
        rng = np.random.default_rng(1)
        samples = np.empty((num_reads, self.num_qubits), dtype=np.int8)
        spins = rng.choice(np.array([-1, 1], dtype=np.int8), (num_reads, sum(SIDES)))
        for spin, chain in enumerate(self.chains):
            samples[:, chain] = spins[:, [spin]]
        samples[rng.random(samples.shape) < flips] *= -1
        return samples


@dataclass(frozen=True)
class Way:
    """One way to do a work.

    Attributes:
        call: What is timed.
        problems: How many problems a call does.
    """

    call: Callable[[], Any]
    problems: int = 1


def placing(network: Network) -> dict[str, Way]:
    """One image; a batch of them, each in a gauge of its own and checked against the ranges of a chip."""
    images = len(network.fields)
    place, values, fields = network.placement.place, network.values, network.fields
    gauges = network.placement.expand(network.signs)
    ranges: dict[str, Any] = {"h_range": (-4, 4), "j_range": (-1, 1), "chain_range": (-2, 1)}

    def peer() -> dimod.BinaryQuadraticModel:
        return embed_bqm(network.bqm, network.structure, chain_strength=STRENGTH)

    theirs = peer()
    h, j, _ = place(values, fields[:1], STRENGTH)
    pairs = network.couplers.tolist()
    their_j = [theirs.get_quadratic(a, b, default=0) for a, b in pairs]
    their_h = np.array([theirs.linear[q] for q in range(network.num_qubits)], dtype=np.float64)
    if not np.allclose(h[0], their_h, rtol=1e-15):
        raise RuntimeError("fields differ from dwave-system's")
    if not np.allclose(j[0], their_j, rtol=1e-15):
        raise RuntimeError("couplings differ from dwave-system's")
    return {
        "dwave-system": Way(peer),
        "ising-ep": Way(lambda: place(values, fields, STRENGTH), images),
        "ising-ep, gauges and ranges": Way(lambda: place(values, fields, STRENGTH, gauges, **ranges), images),
    }


def unembedding(network: Network, samples: NDArray[np.int8]) -> dict[str, Way]:
    """Reads of one problem to logical states and the correlations of all couplings."""
    split = SIDES[0]
    pairs = (network.rows, network.cols)
    zeros = np.zeros(len(samples))
    labels = list(range(network.num_qubits))

    def peer() -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        read = dimod.SampleSet.from_samples((samples, labels), energy=zeros, vartype="SPIN")
        logical = unembed_sampleset(read, network.embedding, network.bqm)
        spins = logical.record.sample.astype(np.float32)
        return logical.record.sample, spins[:, :split].T @ spins[:, split:] / len(spins)

    def ours() -> tuple[NDArray[np.int8], NDArray[np.float64]]:
        logical = network.placement.unembed(samples, "majority", 1)
        weight, _, second, _ = logical.moments()
        return logical.states()[0], second[0] / weight[0]

    def with_energies() -> Any:
        logical = network.placement.unembed(samples, "majority", 1)
        return logical.states(), logical.moments(), logical.energies(network.values, network.fields[:1])

    def public() -> Any:
        result = ising_ep.unembed(samples, network.chains, seed=1)
        return result, ising_ep.correlations(samples, network.chains, pairs, seed=1)

    states, correlations = ours()
    their_states, their_correlations = peer()
    ups = np.stack([(samples[:, chain] == 1).mean(axis=1) for chain in network.chains], axis=1)
    if not np.array_equal(states[ups != 0.5], their_states[ups != 0.5]):
        raise RuntimeError("states differ from dwave-system's where there is no tie")
    if np.abs(correlations - their_correlations.ravel()).max() > 2 * (ups == 0.5).mean(axis=0).max() + 1e-6:
        raise RuntimeError("correlations differ from dwave-system's by more than ties may make them")
    return {
        "dwave-system": Way(peer),
        "ising-ep": Way(ours),
        "ising-ep, energies too": Way(with_energies),
        "ising-ep, `unembed` and `correlations`": Way(public),
    }


def measure(ways: dict[str, Way], rounds: int, advance: Callable[[], None]) -> dict[str, list[float]]:
    """Seconds a problem of every round."""
    calls = {name: lambda _, way=way: way.call() for name, way in ways.items()}
    seconds = interleaved(calls, rounds, on_round=advance)
    return {name: [each / way.problems for each in seconds[name]] for name, way in ways.items()}


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=31, show_default=True)
@click.option(
    "--images", type=click.IntRange(1), default=1000, show_default=True, help="Problems in a batch."
)
@click.option("--reads", type=click.IntRange(1), default=1000, show_default=True, help="Reads of a problem.")
@click.option("--flips", type=click.FloatRange(0, 1), default=0.005, show_default=True, help="Of each qubit.")
@report.out_option
def main(rounds: int, images: int, reads: int, flips: float, out: Path | None) -> None:
    """Time placing and unembedding beside dwave-system's.

    \b
    Example: python -m benchmarks.embedding.placing --rounds 5
    """
    folder = report.folder(out, full=rounds >= 31)
    network = Network(images)
    samples = network.reads(reads, flips)
    works = {
        f"one problem on qubits, in a batch of {images:,}": placing(network),
        f"{reads:,} reads to states and {len(network.rows):,} correlations": unembedding(network, samples),
    }
    record: dict[str, Any] = {
        "machine": report.machine(),
        "qubits": network.num_qubits,
        "couplers": len(network.couplers),
        "longest chain": max(map(len, network.chains)),
        "flips": flips,
        "works": {},
    }
    rows = []
    with report.progress() as progress:
        task = progress.add_task("rounds", total=len(works) * (rounds + 1))
        for work, ways in works.items():
            seconds = measure(ways, rounds, lambda: progress.advance(task))
            peer = np.array(seconds["dwave-system"])
            record["works"][work] = {}
            for name, times in seconds.items():
                middle, ratio = float(np.median(times)), float(np.median(peer / np.array(times)))
                record["works"][work][name] = {"seconds": middle, "ratio": ratio, "all": times}
                rows.append((work, name, f"{number(1e6 * middle)} us", f"{number(ratio)}x"))
    text = table(("work", "who", "median", "dwave-system takes"), rows)
    click.echo(text)
    if folder is not None:
        report.write(folder, "embedding", record, text + "\n" + report.where(record["machine"]) + "\n")


if __name__ == "__main__":
    main()
