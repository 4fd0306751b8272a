"""Copies of a pattern of Chimera cells on a chip: the cells of Pegasus and Zephyr contain those of Chimera.

A pattern is moved to every place of the chip where its cells are, turned and mirrored; what lacks a qubit or
a coupler there is dropped, and of the rest a large set of disjoint ones is chosen.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from ..chip import Chip
from ..chip.families import FAMILIES
from .patterns import SIDE, TILE, Pattern
from .placed import Chains

if TYPE_CHECKING:
    import networkx as nx

# Searches for the largest set, and how many rivals more the next pick may have than the one with fewest.
TRIES = 10
TOLERANCE = 2.0


def pack(pattern: Pattern, chip: Chip, copies: int | None, seed: int) -> list[Chains]:
    """Disjoint copies of a pattern on a chip.

    Args:
        pattern: The layout of a network.
        chip: Where.
        copies: How many at most, or None for as many as fit.
        seed: Of the search for the largest number.

    Returns:
        Chains of each copy, in the chip's qubits.
    """
    places = _places(pattern, chip)
    if not places or copies == 1:
        return places[:1]
    chosen = _disjoint([[q for chain in place for q in chain] for place in places], chip, seed)
    return [places[k] for k in sorted(chosen)][:copies]


def _places(pattern: Pattern, chip: Chip) -> list[Chains]:
    """The pattern at every place where nothing is missing."""
    source = FAMILIES["chimera"].graph((SIDE, SIDE, TILE))
    needed = _couplers_of(pattern, source)
    used = [qubit for chain in pattern.chains for qubit in chain]
    found: dict[tuple[int, ...], Chains] = {}
    for mapping in chip.topology.chimera_cells(source, chip.graph):
        image = [mapping(qubit) for qubit in range(len(source))]
        for turn in _turns():
            move = [image[turn[qubit]] for qubit in range(len(image))]
            there = all(move[qubit] in chip.graph for qubit in used)
            if there and all(chip.graph.has_edge(move[a], move[b]) for a, b in needed):
                chains = [[move[qubit] for qubit in chain] for chain in pattern.chains]
                found[tuple(sorted(move[qubit] for qubit in used))] = chains
    return [found[key] for key in sorted(found)]


def _turns() -> list[list[int]]:
    """The grid of cells as it is, mirrored, and turned: where each qubit of the Chimera graph goes."""
    turns = []
    for upside_down, mirrored, transposed in itertools.product((False, True), repeat=3):
        grid = np.arange(SIDE * SIDE * 2 * TILE).reshape(SIDE, SIDE, 2, TILE)
        grid = grid[::-1] if upside_down else grid
        grid = grid[:, ::-1] if mirrored else grid
        grid = grid.transpose(1, 0, 2, 3)[:, :, ::-1] if transposed else grid
        turns.append(grid.ravel().tolist())
    return turns


def _couplers_of(pattern: Pattern, source: nx.Graph) -> list[tuple[int, int]]:
    """The couplers that the pattern needs: those within its chains and those of its couplings."""
    chain_of = {qubit: spin for spin, chain in enumerate(pattern.chains) for qubit in chain}
    spins = ((a, b, chain_of.get(a), chain_of.get(b)) for a, b in source.edges)
    return [
        (a, b)
        for a, b, i, j in spins
        if i is not None and j is not None and (i == j or (min(i, j), max(i, j)) in pattern.couplings)
    ]


def _disjoint(sets: list[list[int]], chip: Chip, seed: int) -> list[int]:
    """Indices of as many disjoint sets of qubits as are found: again and again the one that rules out the
    fewest others, with ties and near-ties broken at random; the best of `TRIES`.

    An integer program (scipy's HiGHS) found at most one or two more in half a minute, where this takes a
    second.
    """
    from scipy.sparse import csr_array

    places = chip.positions(np.array([qubit for qubits in sets for qubit in qubits]))
    owners = np.repeat(np.arange(len(sets)), [len(qubits) for qubits in sets])
    uses = csr_array((np.ones(len(places)), (owners, places)), shape=(len(sets), len(chip.qubits)))
    overlaps = ((uses @ uses.T) > 0).astype(np.int64).tocsr()
    rng = np.random.default_rng(seed)
    best: list[int] = []
    for _ in range(TRIES):
        chosen: list[int] = []
        rivals = overlaps.sum(axis=1) + TOLERANCE * rng.random(len(sets))
        while np.isfinite(rivals).any():
            pick = int(np.argmin(rivals))
            chosen.append(pick)
            ruled_out = overlaps.indices[overlaps.indptr[pick] : overlaps.indptr[pick + 1]]
            ruled_out = ruled_out[np.isfinite(rivals[ruled_out])]
            rivals[ruled_out] = np.inf
            rivals -= overlaps[ruled_out].sum(axis=0)
        best = max(best, chosen, key=len)
    return best
