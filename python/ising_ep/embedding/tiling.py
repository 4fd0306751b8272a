"""As many disjoint copies of a complete bipartite network on one chip as are found.

Copies are laid one by one, each in the best of the places left, where gravity draws it to a corner of the
chip. Copies whose left side stands upright are stacked from one edge, those whose left side lies down from
the next. How many of the first kind go before the second, which kind is first, and to which end of the edge
they are drawn, is tried out; and whether copies of the first kind are wide: they skip lines over most of the
chip, and so lie closer in their stack, for more qubits and longer chains.
"""

from __future__ import annotations

from collections.abc import Callable

import networkx as nx
import numpy as np

from .biclique import Windows, best_copy, lay, rectangles
from .chains import Chains
from .lines import Bools, Lines, lines_of

Copy = tuple[list[list[int]], list[list[int]]]
# How much more a position across the stack counts than one along it.
STEEP = 4.0
# Places that are compared for a copy.
ENOUGH = 3


def find_bicliques(
    graph: nx.Graph,
    left: int,
    right: int,
    *,
    max_copies: int | None = None,
    seed: int = 0,
    progress: Callable[[int, int, int], object] | None = None,
) -> list[Copy]:
    """Disjoint embeddings of K(left, right) in a working graph, none if none is found.

    Args:
        graph: a Chimera, Pegasus or Zephyr graph with integer labels, made by dwave-graphs.
        left: spins of one side.
        right: spins of the other side.
        max_copies: the most copies; with 1 the copy with the fewest qubits that is found.
        seed: of the order in which layouts are tried; one seed gives the same copies.
        progress: called with layouts tried, layouts to try, and the most copies so far.

    Returns:
        The copies, fewest qubits first: for each the left side's chains and the right side's, lists of
        qubits.

    Raises:
        ValueError: if the graph is of another family or not labelled with integers.

    Example:
        >>> import dwave.graphs
        >>> copies = find_bicliques(dwave.graphs.zephyr_graph(2), 8, 4)
        >>> left_chains, right_chains = copies[0]
        >>> len(left_chains), len(right_chains)
        (8, 4)
    """
    lines = lines_of(graph)
    everything = lines.qubit >= 0
    if max_copies == 1:
        copy = best_copy(lines, everything, left, right)
        copies = [copy] if copy else []
    else:
        copies = _most_copies(lines, everything, left, right, max_copies, seed, progress)
    if not all(copy.whole() for copy in copies):
        raise RuntimeError(f"an embedding of K({left}, {right}) is broken: please report this graph")
    copies.sort(key=lambda copy: (copy.qubits, copy.longest))
    return [
        ([sorted(c) for c in copy.chains[:left]], [sorted(c) for c in copy.chains[left:]]) for copy in copies
    ]


def _most_copies(
    lines: Lines,
    free: Bools,
    left: int,
    right: int,
    max_copies: int | None,
    seed: int,
    progress: Callable[[int, int, int], object] | None,
) -> list[Chains]:
    layouts = [
        (upright, first, along, wide)
        for upright, wide in ((2, False), (1000, False), (2, True))
        for first in (0, 1)
        for along in (-1, 1)
    ]
    np.random.default_rng(seed).shuffle(layouts)
    # Wide copies have longer chains: only for more of them.
    layouts.sort(key=lambda layout: layout[3])
    best: list[Chains] = []
    for tried, layout in enumerate(layouts):
        copies = _fill(lines, free, left, right, max_copies, *layout)
        if len(copies) > len(best):
            best = copies
        if progress:
            progress(tried + 1, len(layouts), len(best))
        if max_copies is not None and len(best) >= max_copies:
            break
    return best


def _fill(
    lines: Lines,
    free: Bools,
    left: int,
    right: int,
    max_copies: int | None,
    upright: int,
    first: int,
    along: int,
    wide: bool,
) -> list[Chains]:
    """Copies until nothing fits: so many with the left side's lines in direction `first`, then in the
    other."""
    copies: list[Chains] = []
    gravity = (along, STEEP)
    full: set[int] = set()
    while len(full) < 2 and len(copies) != max_copies:
        turn = int(len(copies) >= upright)
        turn = 1 - turn if turn in full else turn
        copy = _next(lines, free, left, right, turn ^ first, gravity, wide and turn == 0)
        if copy is None:
            full.add(turn)
            continue
        copies.append(copy)
        free = free & ~lines.holding(q for chain in copy.chains for q in chain)
    return copies


def _next(
    lines: Lines,
    free: Bools,
    left: int,
    right: int,
    direction: int,
    gravity: tuple[float, float],
    wide: bool,
) -> Chains | None:
    """The copy that is best for what comes after it."""
    best, least, good = None, np.inf, 0
    for place in rectangles(Windows(lines, free), direction, left, right, gravity=gravity, wide=wide):
        copy = lay(lines, free, place, left, right, gravity[1])
        if copy is None:
            continue
        score = float(copy.qubits)
        for pull, side, chains in zip(gravity, (0, 1), (copy.chains[:left], copy.chains[left:]), strict=True):
            there = lines.holding(q for chain in chains for q in chain)[direction ^ side].any(axis=1)
            ends = np.nonzero(there)[0]
            score += pull * ends[-1 if pull > 0 else 0]
        if score < least:
            best, least = copy, score
        good += 1
        if good == ENOUGH:
            break
    return best
