"""Problems of the same sort and size as those of a run whose own problem is not in the logs.

`runs.csv` has chain breaks of runs of up to 1,200 qubits, but problems only of the small ones. The runs'
names tell the sort, and their rows the number of variables and terms.

| name | problem | couplings |
|---|---|---|
| MWC | maximum cut of a random graph | weights even from 0 to 1 |
| TSP | tour of m + 1 cities, m^2 variables of city and place | distances 40 to 100, penalties 5,050 |
| UDMIS | independent set of a unit disk graph | 2, of -1 a vertex |
| UDMIS...EXT, TG | the same | n + 1, of -1 a vertex |
"""

from __future__ import annotations

from itertools import combinations, product
from math import isqrt
from typing import Any

import dimod
import minorminer
import networkx as nx
import numpy as np

from ising_ep.chip import Chip

# Searches for an embedding, of which the one with the longest chain nearest to the run's is kept.
TRIES = 2
PENALTY, DISTANCES = 5050.0, (40, 101)


def stand_in(row: dict[str, Any], rng: np.random.Generator) -> dimod.BQM:
    """An Ising problem like that of a row of `runs.csv`."""
    name, count = row["instance"], int(row["variables"])
    edges = int(row["terms"]) - count
    if name.startswith("MWC"):
        graph = nx.gnm_random_graph(count, edges, seed=int(rng.integers(2**31)))
        drawn = rng.random(edges)
        return dimod.BQM.from_ising({v: 0.0 for v in graph}, dict(zip(graph.edges, drawn, strict=True)))
    if name.startswith("TSP"):
        qubo = _tour(isqrt(count), rng)
    else:
        penalty = count + 1.0 if name.endswith(("EXT", "TG")) else 2.0
        qubo = {pair: penalty for pair in _disks(count, edges, rng)} | {(v, v): -1.0 for v in range(count)}
    return dimod.BQM.from_qubo(qubo).change_vartype("SPIN", inplace=False)


def embedding(problem: dimod.BQM, chip: Chip, longest: int, seed: int) -> dict[Any, list[int]]:
    """Chains for it, as minorminer finds them, with a longest chain near to this.

    Raises:
        ValueError: If none is found.
    """
    found = []
    for attempt in range(TRIES):
        pairs = list(problem.quadratic)
        chains = minorminer.find_embedding(pairs, chip.graph, random_seed=seed + attempt, timeout=60)
        if chains:
            found.append(chains)
            if max(map(len, chains.values())) == longest:
                break
    if not found:
        raise ValueError(f"no embedding of {problem.num_variables} variables was found")
    chains = min(found, key=lambda chains: abs(max(map(len, chains.values())) - longest))
    used = {q for chain in chains.values() for q in chain}
    free = (int(q) for q in chip.qubits if int(q) not in used)
    return {v: list(chains[v]) if v in chains else [next(free)] for v in problem.variables}


def _tour(size: int, rng: np.random.Generator) -> dict[tuple[int, int], float]:
    """City c at place p of the tour is variable size c + p; the first city is where it begins."""
    between = rng.integers(*DISTANCES, (size + 1, size + 1)).astype(float)
    between = (between + between.T) / 2
    qubo: dict[tuple[int, int], float] = {}

    def add(one: int, other: int, value: float) -> None:
        pair = (min(one, other), max(one, other))
        qubo[pair] = qubo.get(pair, 0.0) + value

    for c, p in product(range(size), range(size)):
        ends = (p == 0) + (p == size - 1)
        add(size * c + p, size * c + p, -PENALTY + ends * between[c, size])
        for d in range(size):
            if d != c and p + 1 < size:
                add(size * c + p, size * d + p + 1, between[c, d])
    for k in range(size):
        for a, b in combinations(range(size), 2):
            add(size * k + a, size * k + b, PENALTY)
            add(size * a + k, size * b + k, PENALTY)
    return qubo


def _disks(count: int, edges: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """The nearest pairs of random points."""
    points = rng.random((count, 2))
    far = np.linalg.norm(points[:, np.newaxis] - points, axis=2)
    rows, cols = np.triu_indices(count, 1)
    nearest = np.argsort(far[rows, cols])[:edges]
    return list(zip(rows[nearest].tolist(), cols[nearest].tolist(), strict=True))
