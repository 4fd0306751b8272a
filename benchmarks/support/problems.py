"""The problems of the benchmarks, each from a fixed seed, as arrays and as dimod models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import dimod
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Problem:
    """One problem, or several that share their couplings.

    Attributes:
        rows, cols, values: (couplings,) spins i and j, and J_ij.
        fields: (problems, spins) h.
        ground: The lowest energy, where it is known.
    """

    rows: NDArray[np.int64]
    cols: NDArray[np.int64]
    values: NDArray[np.float64]
    fields: NDArray[np.float64]
    ground: float | None = None

    @property
    def num_spins(self) -> int:
        """Spins of each problem."""
        return self.fields.shape[1]

    @property
    def couplings(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """The triple that `sample_batch` takes."""
        return self.rows, self.cols, self.values

    @cached_property
    def bqms(self) -> list[dimod.BinaryQuadraticModel]:
        """One model per problem, labels 0 to spins - 1."""
        return [
            dimod.BinaryQuadraticModel.from_numpy_vectors(h, self.couplings, 0.0, dimod.SPIN)
            for h in self.fields
        ]

    def without_integers(self, rng: np.random.Generator) -> Problem:
        """Every coupling times 1 + 0.001 normal: as hard, but nothing for a kernel of integers."""
        return replace(self, values=self.values * (1 + 1e-3 * rng.standard_normal(self.values.size)))


def signs(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """-1 and +1, equally likely."""
    return rng.choice([-1.0, 1.0], count)


def normal(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Standard normal numbers."""
    return rng.standard_normal(count)


Draw = Callable[[int, np.random.Generator], NDArray[np.float64]]


def pegasus(m: int, rng: np.random.Generator) -> Problem:
    """±1 on the chip graph Pegasus P_m: 5,640 spins and 40,484 couplings for m = 16."""
    from dwave.graphs import pegasus_graph

    graph = pegasus_graph(m, fabric_only=True)
    place = {node: k for k, node in enumerate(sorted(graph.nodes))}
    edges = np.array(sorted(sorted((place[a], place[b])) for a, b in graph.edges), dtype=np.int64)
    rows, cols = np.ascontiguousarray(edges.T)
    return Problem(rows, cols, signs(len(edges), rng), np.zeros((1, len(place))))


def lattice(side: int, rng: np.random.Generator, draw: Draw = signs) -> Problem:
    """The periodic cubic lattice side^3, at least 3 a side: six neighbours each."""
    sites = np.arange(side**3).reshape(side, side, side)
    rows = np.tile(sites.ravel(), 3)
    cols = np.concatenate([np.roll(sites, -1, axis).ravel() for axis in range(3)])
    return Problem(rows, cols, draw(rows.size, rng), np.zeros((1, side**3)))


def dense(num_spins: int, rng: np.random.Generator) -> Problem:
    """Sherrington and Kirkpatrick's glass: every pair, normal couplings of variance 1 / spins."""
    rows, cols = np.triu_indices(num_spins, 1)
    return Problem(rows, cols, normal(rows.size, rng) / np.sqrt(num_spins), np.zeros((1, num_spins)))


def layered(problems: int, rng: np.random.Generator, hidden: int = 120, output: int = 40) -> Problem:
    """The free phase of equilibrium propagation on K(hidden, output), as large as after some training.

    Couplings N(0, 0.3) shared by all problems, fields N(0, 1.5) clipped to the chip's 4. At their
    initial size the weights make problems that any method solves.
    """
    rows, cols = np.repeat(np.arange(hidden), output), np.tile(np.arange(hidden, hidden + output), hidden)
    fields = np.clip(rng.normal(0, 1.5, (problems, hidden + output)), -4, 4)
    return Problem(rows, cols, rng.normal(0, 0.3, rows.size), fields)


def planted_wishart(num_spins: int, columns: int, rng: np.random.Generator) -> Problem:
    """All pairs, E = |W^T s|^2 / (2 spins) up to a constant, Gaussian columns of W orthogonal to the state.

    After Hamze and others, "Wishart planted ensemble" (Phys. Rev. E 101, 052102, 2020).
    """
    planted = signs(num_spins, rng)
    w = rng.standard_normal((num_spins, columns))
    w -= np.outer(planted, planted @ w) / num_spins
    rows, cols = np.triu_indices(num_spins, 1)
    values = (w @ w.T)[rows, cols] / num_spins
    ground = float(values @ (planted[rows] * planted[cols]))
    return Problem(rows, cols, values, np.zeros((1, num_spins)), ground)


def planted_loops(side: int, density: float, rng: np.random.Generator) -> Problem:
    """Integers on the periodic cubic lattice side^3: the sum of loops, each with one coupling not satisfied.

    All are as low as they can be in the planted state, and so is their sum. Loops are walks of at least six
    steps until they cross themselves; there are `density` times the spins of them. After Hen and others,
    "Probing for quantum speedup in spin-glass problems with planted solutions" (Phys. Rev. A 92, 042325,
    2015).
    """
    lattice_of = lattice(side, rng)
    neighbours: list[list[int]] = [[] for _ in range(side**3)]
    for i, j in zip(lattice_of.rows.tolist(), lattice_of.cols.tolist(), strict=True):
        neighbours[i].append(j)
        neighbours[j].append(i)
    planted, values, made = signs(side**3, rng), dict[tuple[int, int], float](), 0
    while made < density * side**3:
        walk = [int(rng.integers(side**3))]
        seen = {walk[0]: 0}
        while True:
            following = [v for v in neighbours[walk[-1]] if len(walk) < 2 or v != walk[-2]]
            step = following[rng.integers(len(following))]
            if step in seen:
                loop = [*walk[seen[step] :], step]
                break
            seen[step] = len(walk)
            walk.append(step)
        if len(loop) <= 6:
            continue
        wrong = rng.integers(len(loop) - 1)
        for k, (i, j) in enumerate(pairwise(loop)):
            pair = min(i, j), max(i, j)
            sign = planted[i] * planted[j] * (1 if k == wrong else -1)
            values[pair] = values.get(pair, 0.0) + sign
        made += 1
    rows, cols = np.ascontiguousarray(np.array(list(values), dtype=np.int64).T)
    couplings = np.array(list(values.values()))
    ground = float(couplings @ (planted[rows] * planted[cols]))
    return Problem(rows, cols, couplings, np.zeros((1, side**3)), ground)
