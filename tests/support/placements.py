"""Random networks on random chips, with everything that dwave-system wants to know about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import dimod
import networkx as nx
import numpy as np
from numpy.typing import NDArray

from ising_ep import _core


@dataclass(frozen=True)
class Chip:
    """Copies of a network on a chip.

    Attributes:
        chains: The qubits of each chain, copy by copy.
        couplers: (couplers, 2) all couplers, used or not.
        rows, cols: (couplings,) the logical network; pairs may repeat.
    """

    num_qubits: int
    num_spins: int
    chains: list[list[int]]
    couplers: NDArray[np.int64]
    rows: NDArray[np.int64]
    cols: NDArray[np.int64]

    @property
    def copies(self) -> int:
        return len(self.chains) // self.num_spins

    @property
    def graph(self) -> nx.Graph:
        graph = nx.Graph()
        graph.add_nodes_from(range(self.num_qubits))
        graph.add_edges_from(map(tuple, self.couplers.tolist()))
        return graph

    def embedding(self, copy: int) -> dict[int, list[int]]:
        return {spin: self.chains[copy * self.num_spins + spin] for spin in range(self.num_spins)}

    def arguments(self) -> dict[str, Any]:
        """Of `_core.Placement`."""
        return {
            "num_qubits": self.num_qubits,
            "chain_starts": np.cumsum([0, *map(len, self.chains)]),
            "chain_qubits": np.concatenate(self.chains),
            "coupler_rows": np.ascontiguousarray(self.couplers[:, 0]),
            "coupler_cols": np.ascontiguousarray(self.couplers[:, 1]),
            "num_spins": self.num_spins,
            "rows": self.rows,
            "cols": self.cols,
        }

    def placement(self) -> _core.Placement:
        return _core.Placement(*self.arguments().values())

    def bqm(self, values: NDArray[np.float64], fields: NDArray[np.float64]) -> dimod.BinaryQuadraticModel:
        """The logical problem, couplings of one pair added up."""
        bqm = dimod.BinaryQuadraticModel(dimod.SPIN)
        bqm.add_linear_from(enumerate(fields))
        for i, j, value in zip(self.rows.tolist(), self.cols.tolist(), values, strict=True):
            bqm.add_quadratic(i, j, value)
        return bqm

    def samples(self, rng: np.random.Generator, reads: int, noise: float) -> NDArray[np.int8]:
        """Unbroken chains in which each qubit is then flipped with probability `noise`."""
        samples = rng.choice(np.array([-1, 1], dtype=np.int8), (reads, self.num_qubits))
        for chain in self.chains:
            samples[:, chain] = samples[:, chain[:1]]
        samples[rng.random(samples.shape) < noise] *= -1
        return samples


def random_chip(seed: int, *, longest: int = 6) -> Chip:
    """Up to four copies of up to seven spins; chains are trees with extra couplers, on any qubits."""
    rng = np.random.default_rng(seed)
    spins, copies = int(rng.integers(1, 8)), int(rng.integers(1, 5))
    lengths = rng.integers(1, longest + 1, copies * spins)
    num_qubits = int(lengths.sum() + rng.integers(0, 10))
    order = rng.permutation(num_qubits)
    chains = [part.tolist() for part in np.split(order[: lengths.sum()], np.cumsum(lengths)[:-1])]

    pairs = [(i, j) for i in range(spins) for j in range(i) if rng.random() < 0.6]
    pairs = [pairs[k] for k in rng.permutation(len(pairs))]
    pairs += [pair[::-1] for pair in pairs if rng.random() < 0.2]  # some twice, in the other order
    rows, cols = np.array(pairs, dtype=np.int64).reshape(-1, 2).T.copy()

    edges = set()
    for chain in chains:
        for k in range(1, len(chain)):
            edges.add(frozenset((chain[k], chain[rng.integers(k)])))
            edges.add(frozenset((chain[k], chain[rng.integers(k)])))
    for copy in range(copies):
        for i, j in pairs:
            one, other = chains[copy * spins + i], chains[copy * spins + j]
            for _ in range(rng.integers(1, 4)):
                edges.add(frozenset((one[rng.integers(len(one))], other[rng.integers(len(other))])))
    for _ in range(20):  # more than the network needs
        a, b = rng.integers(num_qubits, size=2)
        if a != b:
            edges.add(frozenset((int(a), int(b))))
    ends = np.array([rng.permutation(sorted(edge)) for edge in edges], dtype=np.int64).reshape(-1, 2)
    return Chip(num_qubits, spins, chains, rng.permutation(ends), rows, cols)
