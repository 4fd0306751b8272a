"""Networks whose layout on a few cells of a Chimera graph is known: which network, and its chains.

A network is known by its couplings alone, whatever class it is of.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from ..network import Network

# Rows and columns of cells that patterns are drawn on.
SIDE = 3
# Qubits of either side of a cell.
TILE = 4
VERTICAL, HORIZONTAL = 0, 1


@dataclass(frozen=True)
class Pattern:
    """The layout of one copy of a network.

    Attributes:
        chains: The chain of each spin, as qubits of a Chimera graph of `SIDE` rows and columns.
        couplings: The pairs of spins that are coupled, the smaller first.
    """

    chains: list[list[int]]
    couplings: frozenset[tuple[int, int]]


def pattern_of(network: Network) -> Pattern | None:
    """The layout of the network, if one is known.

    Example:
        >>> from ising_ep.network import Convolutional
        >>> sum(map(len, pattern_of(Convolutional((3, 3), num_classes=2)).chains))
        56
    """
    pairs = zip(network.rows.tolist(), network.cols.tolist(), strict=True)
    couplings = frozenset((min(pair), max(pair)) for pair in pairs)
    fits = (p for p in PATTERNS if len(p.chains) == network.num_spins and p.couplings == couplings)
    return next(fits, None)


def _convolution_of_four_patches() -> Pattern:
    """The paper's convolutional network of 40 spins: 56 qubits in seven cells.

    patch 0   pools   patch 1       A patch's inputs are the vertical qubits of its cell, its filters the
    patch 2   pools   patch 3       horizontal ones, which reach into the cell of the pools. The chain of a
       .     outputs     .          pooling spin is the horizontal qubit of both its cells and the vertical
                                    one of these and of the outputs' cell.
    """
    patches = [(0, 0), (0, 2), (1, 0), (1, 2)]
    inputs = [[qubit] for cell in patches for qubit in _cell(*cell, VERTICAL)]
    filters = [[qubit] for cell in patches for qubit in _cell(*cell, HORIZONTAL)]
    across = [_cell(row, 1, HORIZONTAL) for row in (0, 1)]
    down = [_cell(row, 1, VERTICAL) for row in (0, 1, 2)]
    pools = [list(chain) for chain in zip(*across, *down, strict=True)]
    outputs = [[qubit] for qubit in _cell(2, 1, HORIZONTAL)]
    # First spin of each group; within a group spins go by patch, then by pixel or filter.
    filter_0, pool_0 = len(inputs), len(inputs) + len(filters)
    output_0 = pool_0 + len(pools)
    where, each = range(len(patches)), range(TILE)
    convolved = {(TILE * p + k, filter_0 + TILE * p + f) for p, k, f in product(where, each, each)}
    pooled = {(filter_0 + TILE * p + f, pool_0 + f) for p, f in product(where, each)}
    dense = {(pool_0 + f, output_0 + o) for f, o in product(each, each)}
    return Pattern(inputs + filters + pools + outputs, frozenset(convolved | pooled | dense))


def _cell(row: int, column: int, side: int) -> list[int]:
    """The qubits of one side of a cell, by their numbers in the Chimera graph."""
    first = ((row * SIDE + column) * 2 + side) * TILE
    return list(range(first, first + TILE))


PATTERNS = (_convolution_of_four_patches(),)
