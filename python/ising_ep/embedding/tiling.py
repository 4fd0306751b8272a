"""Lays disjoint copies of a complete bipartite network on one chip, as many as are found.

Copies are laid one by one, each in the best of the places left, where gravity draws it to a corner of the
chip:

    | | | .  .  .     Copies of the first kind, |, have their left side's lines in one direction, and are
    | | | .  .  .     stacked from one edge; copies of the second kind, -, have them in the other, and are
    | | | -  -  -     stacked from the next edge.
    | | | -  -  -

Four things are varied, and the layout with most copies is taken, the shortest of several: how many copies of
the first kind go before the second, the direction of the first kind, the end of the edge that copies are
drawn to, and whether copies of the first kind are wide. Wide copies skip lines over most of the chip, and so
lie closer in their stack, for more qubits and longer chains. In the end each copy is laid once more, in what
the others left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..checks import Bools
from .biclique import Router, Windows, best_copy, price, rectangles
from .lines import Lines, lines_of
from .mending import BicliqueCopy

if TYPE_CHECKING:
    import networkx as nx

Copy = tuple[list[list[int]], list[list[int]]]
# Weight of a position across the stack, relative to one along it.
STEEP = 4.0
# Places that are compared for a copy.
ENOUGH = 3
# Copies of the first kind that go before the second: two, beside which the second kind fills the chip; or all
# that fit, which are fewer than this on any chip, and then what is left.
FIRST_TWO, ALL_FIRST = 2, 1000


@dataclass(frozen=True)
class Layout:
    """One way to fill a chip with copies.

    Attributes:
        first_kind: Copies of the first kind before any of the second.
        direction: Of the left side's lines in copies of the first kind.
        end: Which end of the edge copies are drawn to, -1 for the high one, 1 for the low one.
        wide: Whether copies of the first kind are wide.
    """

    first_kind: int
    direction: int
    end: int
    wide: bool

    @property
    def gravity(self) -> tuple[float, float]:
        """The pulls along the edge and across the stack."""
        return self.end, STEEP


LAYOUTS = tuple(
    Layout(first_kind, direction, end, wide)
    for first_kind, wide in ((FIRST_TWO, False), (ALL_FIRST, False), (FIRST_TWO, True))
    for direction in (0, 1)
    for end in (-1, 1)
)


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
        graph: a graph of one of `chip.families`, with integer labels, made by dwave-graphs.
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
        copies = _most_copies(Filler(lines, left, right, max_copies), seed, progress)
    if not all(copy.whole() for copy in copies):
        raise RuntimeError(f"an embedding of K({left}, {right}) is broken: please report this graph")
    copies.sort(key=lambda copy: (copy.qubits, copy.longest))
    return [
        ([sorted(c) for c in copy.chains[:left]], [sorted(c) for c in copy.chains[left:]]) for copy in copies
    ]


def _most_copies(
    filler: Filler, seed: int, progress: Callable[[int, int, int], object] | None
) -> list[BicliqueCopy]:
    """The copies, shortened, of the layout that has most, or of the first that has all that are wanted."""
    layouts = list(LAYOUTS)
    np.random.default_rng(seed).shuffle(layouts)
    # Wide copies have longer chains: only for more of them.
    layouts.sort(key=lambda layout: layout.wide)
    best: list[BicliqueCopy] = []
    for tried, layout in enumerate(layouts):
        copies = filler.fill(layout)
        if _rank(copies) < _rank(best):
            best = copies
        if progress:
            progress(tried + 1, len(layouts), len(best))
        if filler.max_copies is not None and len(best) >= filler.max_copies:
            break
    return filler.shorten(best)


def _rank(copies: list[BicliqueCopy]) -> tuple[int, int]:
    """Order of layouts: most copies first, then shortest."""
    return -len(copies), sum(map(price, copies))


@dataclass(frozen=True)
class Filler:
    """Fills a chip with copies of K(left, right), `max_copies` at most."""

    lines: Lines
    left: int
    right: int
    max_copies: int | None = None

    def fill(self, layout: Layout) -> list[BicliqueCopy]:
        """Copies until nothing fits."""
        free = self.lines.qubit >= 0
        copies: list[BicliqueCopy] = []
        full: set[int] = set()  # kinds of which no more fits
        while len(full) < 2 and len(copies) != self.max_copies:
            kind = int(len(copies) >= layout.first_kind)
            kind = 1 - kind if kind in full else kind
            copy = self._next(free, layout, kind)
            if copy is None:
                full.add(kind)
                continue
            copies.append(copy)
            free = free & ~self.lines.holding(q for chain in copy.chains for q in chain)
        return copies

    def shorten(self, copies: list[BicliqueCopy]) -> list[BicliqueCopy]:
        """As many copies, each laid anew in what the others leave where that makes it shorter."""
        shorter = list(copies)
        for i, copy in enumerate(copies):
            others = shorter[:i] + shorter[i + 1 :]
            taken = self.lines.holding(q for other in others for chain in other.chains for q in chain)
            anew = best_copy(self.lines, (self.lines.qubit >= 0) & ~taken, self.left, self.right)
            if anew is not None and price(anew) < price(copy):
                shorter[i] = anew
        return shorter

    def _next(self, free: Bools, layout: Layout, kind: int) -> BicliqueCopy | None:
        """The copy of the kind, 0 for the first, that is best for what comes after it."""
        best, least, good = None, np.inf, 0
        windows, direction, gravity = Windows(self.lines, free), layout.direction ^ kind, layout.gravity
        wide = layout.wide and kind == 0
        for place in rectangles(windows, direction, self.left, self.right, gravity=gravity, wide=wide):
            copy = Router(self.lines, free, place, self.left, self.right, gravity[1]).lay()
            if copy is None:
                continue
            score = copy.qubits + self._weight(copy, direction, gravity)
            if score < least:
                best, least = copy, score
            good += 1
            if good == ENOUGH:
                break
        return best

    def _weight(self, copy: BicliqueCopy, direction: int, gravity: tuple[float, float]) -> float:
        """Share of gravity in the score of a copy: the ends of both sides' lines that gravity pulls at."""
        weight = 0.0
        sides = (copy.chains[: self.left], copy.chains[self.left :])
        for pull, own, chains in zip(gravity, (direction, 1 - direction), sides, strict=True):
            there = self.lines.holding(q for chain in chains for q in chain)[own].any(axis=1)
            ends = np.nonzero(there)[0]
            weight += pull * ends[-1 if pull > 0 else 0]
        return weight
