"""The paper's convolutional network, laid cell by cell: the cells of Pegasus and Zephyr contain Chimera's.

The network is laid on cells of a small Chimera graph first. This pattern is moved to every place of the chip
where its cells are, turned and mirrored; what lacks a qubit or a coupler there is dropped, and of the rest a
large set of disjoint ones is chosen.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from ..chip import Chip
from ..network import AveragePool, Clamp, Convolution, Dense, Network

# The patterns are drawn on a Chimera graph of this many rows and columns.
SIDE = 3
# Searches for the largest set, and how many rivals more the next pick may have than the one with fewest.
TRIES = 10
TOLERANCE = 2.0
VERTICAL, HORIZONTAL = 0, 1


def pattern_of(network: Network) -> list[list[int]] | None:
    """The paper's layout, 56 qubits in seven cells of a 3 x 3 Chimera graph; None for another network.

    patch 0   pools   patch 1       A patch's inputs are the vertical qubits of its cell, its filters
    patch 2   pools   patch 3       the horizontal ones, which reach into the cell of the pools. The
       .     outputs     .          chain of a pooling spin is the horizontal qubit of both its cells and
                                    the vertical one of these and of the outputs' cell.

    Returns:
        Chains of each spin, as qubits of the Chimera graph.
    """
    if not _has_four_patches(network):
        return None
    patches = [(0, 0), (0, 2), (1, 0), (1, 2)]
    inputs = [[qubit] for cell in patches for qubit in _cell(*cell, VERTICAL)]
    convolved = [[qubit] for cell in patches for qubit in _cell(*cell, HORIZONTAL)]
    across = [_cell(row, 1, HORIZONTAL) for row in (0, 1)]
    down = [_cell(row, 1, VERTICAL) for row in (0, 1, 2)]
    pools = [list(chain) for chain in zip(*across, *down, strict=True)]
    outputs = [[qubit] for qubit in _cell(2, 1, HORIZONTAL)]
    return inputs + convolved + pools + outputs


def _has_four_patches(network: Network) -> bool:
    """Whether spins held to four patches of four pixels lead to four filters, their pools, four outputs."""
    if [type(each) for each in network.interactions] != [Clamp, Convolution, AveragePool, Dense]:
        return False
    ends = [(each.before, each.after) for each in network.interactions[1:]]
    in_a_row = ends == list(itertools.pairwise(network.layers))
    patches = all(layer.size == 16 and layer.shape[-1] == 4 for layer in network.layers[:2])
    return in_a_row and patches and [layer.size for layer in network.layers[2:]] == [4, 4]


def _cell(row: int, column: int, side: int) -> list[int]:
    """The four qubits of one side of a cell, by their numbers in a 3 x 3 Chimera graph."""
    first = ((row * SIDE + column) * 2 + side) * 4
    return list(range(first, first + 4))


def pack(
    pattern: list[list[int]],
    rows: NDArray[np.int64],
    cols: NDArray[np.int64],
    chip: Chip,
    copies: int | None,
    seed: int,
) -> list[list[list[int]]]:
    """Disjoint copies of a pattern on a chip.

    Args:
        pattern: Chains of each spin, as qubits of a 3 x 3 Chimera graph.
        rows: First spin of each coupling of the network.
        cols: Second spin of each coupling.
        chip: Where.
        copies: How many at most, or None for as many as fit.
        seed: Of the search for the largest number.

    Returns:
        Chains of each copy, in the chip's qubits.
    """
    places = _places(pattern, rows, cols, chip)
    if not places or copies == 1:
        return places[:1]
    chosen = _disjoint([[q for chain in place for q in chain] for place in places], chip, seed)
    return [places[k] for k in sorted(chosen)][:copies]


def _places(
    pattern: list[list[int]], rows: NDArray[np.int64], cols: NDArray[np.int64], chip: Chip
) -> list[list[list[int]]]:
    """The pattern at every place where nothing is missing."""
    import dwave.graphs

    source = dwave.graphs.chimera_graph(SIDE)
    mappings = {
        "chimera": dwave.graphs.chimera_sublattice_mappings,
        "pegasus": dwave.graphs.pegasus_sublattice_mappings,
        "zephyr": dwave.graphs.zephyr_sublattice_mappings,
    }[chip.family]
    needed = _couplers_of(pattern, rows, cols, source)
    used = [qubit for chain in pattern for qubit in chain]
    found: dict[tuple[int, ...], list[list[int]]] = {}
    for mapping in mappings(source, chip.graph):
        # Zephyr's cells have twice the qubits; these are two disjoint Chimera cells, and not all that
        # overlap.
        if any(offset % 4 for offset in mapping.offset[3:]):
            continue
        image = [mapping(qubit) for qubit in range(len(source))]
        for turn in _turns():
            move = [image[turn[qubit]] for qubit in range(len(image))]
            there = all(move[qubit] in chip.graph for qubit in used)
            if there and all(chip.graph.has_edge(move[a], move[b]) for a, b in needed):
                chains = [[move[qubit] for qubit in chain] for chain in pattern]
                found[tuple(sorted(move[qubit] for qubit in used))] = chains
    return [found[key] for key in sorted(found)]


def _turns() -> list[list[int]]:
    """The grid of cells as it is, mirrored, and turned: where each qubit of the Chimera graph goes."""
    turns = []
    for upside_down, mirrored, transposed in itertools.product((False, True), repeat=3):
        grid = np.arange(SIDE * SIDE * 8).reshape(SIDE, SIDE, 2, 4)
        grid = grid[::-1] if upside_down else grid
        grid = grid[:, ::-1] if mirrored else grid
        grid = grid.transpose(1, 0, 2, 3)[:, :, ::-1] if transposed else grid
        turns.append(grid.ravel().tolist())
    return turns


def _couplers_of(
    pattern: list[list[int]], rows: NDArray[np.int64], cols: NDArray[np.int64], source: object
) -> list[tuple[int, int]]:
    """The couplers that the pattern needs: those within its chains and those of its couplings."""
    chain_of = {qubit: spin for spin, chain in enumerate(pattern) for qubit in chain}
    pairs = {frozenset(pair) for pair in zip(rows.tolist(), cols.tolist(), strict=True)}
    return [
        (a, b)
        for a, b in source.edges  # type: ignore[attr-defined]
        if a in chain_of
        and b in chain_of
        and (chain_of[a] == chain_of[b] or frozenset((chain_of[a], chain_of[b])) in pairs)
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
