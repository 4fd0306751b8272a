"""A D-Wave chip as straight lines of qubits.

A qubit is a segment of a vertical (direction 0) or horizontal (direction 1) line. The lines of one direction
stand side by side at positions 0, 1, 2, ...; each is cut into segments of equal length, which couple to the
next segment of their line (external couplers) and to every segment of the other direction that they cross
(internal couplers): segment z of a line covers the positions

    offset + length * z, ..., offset + length * (z + 1) - 1

of the other direction's lines. Some chips also couple neighbours in parallel (odd couplers).

Positions, length and offset are the topology's: `chip.family.Family.segments`.

After the generators' documentation in dwave-graphs, and K. Boothby et al., "Next-generation topology of
D-Wave quantum processors", arXiv:2003.00133, and "Zephyr topology of D-Wave quantum processors" (2021).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ..checks import Bools, Ints, one_of
from ..chip.families import FAMILIES

if TYPE_CHECKING:
    import networkx as nx


@dataclass
class Lines:
    """The lines of one working graph. Every line has an absent segment at either end, so that windows may
    leave the chip.

    Attributes:
        length: positions that a segment covers.
        offset: (2, lines) the first position of a line's first segment.
        qubit: (2, lines, segments + 2) labels of the qubits, -1 where there is none.
        cut: (2, lines, segments + 1) whether the external coupler after a segment is missing.
        neighbours: the neighbours of every qubit.
        edges: (couplers, 2) flat indices into `qubit`.
        flaws: (2, lines, segments + 2) how many internal couplers to qubits that are there a qubit lacks.
    """

    length: int
    offset: Ints
    qubit: Ints
    cut: Bools
    neighbours: dict[int, list[int]]
    edges: Ints
    segment: Ints = field(init=False)
    flaws: Ints = field(init=False)

    def __post_init__(self) -> None:
        positions = np.arange(self.offset.shape[1])
        segment = (positions[:, None] - self.offset[:, None, :]) // self.length + 1
        # (2, positions, lines): the segment of a line that covers a position
        self.segment = np.clip(segment, 0, self.qubit.shape[2] - 1)
        vertical, horizontal = positions, positions[:, None]
        segments = np.stack(
            [self.segment[0], self.segment[1].T]
        )  # (direction, horizontal line, vertical line)
        crossing = [
            np.ravel_multi_index((u, line, segments[u]), self.qubit.shape)
            for u, line in ((0, vertical), (1, horizontal))
        ]
        there = (self.qubit.ravel()[crossing[0]] >= 0) & (self.qubit.ravel()[crossing[1]] >= 0)
        internal = self.edges[np.ptp(self.edges // (self.qubit.size // 2), axis=1) == 1]
        count = [
            np.bincount(e, minlength=self.qubit.size) for e in (*(c[there] for c in crossing), *internal.T)
        ]
        self.flaws = (count[0] + count[1] - count[2] - count[3]).reshape(self.qubit.shape)

    @property
    def count(self) -> int:
        """Lines in a direction."""
        return int(self.offset.shape[1])

    @property
    def common(self) -> int:
        """Lines in a direction that every line of the other crosses."""
        return int(self.length * (self.qubit.shape[2] - 2) - np.ptp(self.offset))

    def holding(self, qubits: Iterable[int]) -> Bools:
        """Mask (2, lines, segments + 2) of the segments that are among the qubits."""
        return np.isin(self.qubit, np.fromiter(qubits, np.int64))

    def region(self, ranges: tuple[tuple[int, int], tuple[int, int]]) -> Bools:
        """The segments (2, lines, segments + 2) of each direction's lines low..high - 1 that cross the
        other's."""
        inside = np.zeros(self.qubit.shape, bool)
        segments = np.arange(self.qubit.shape[2])[:, None]
        for direction, (low, high) in enumerate(ranges):
            other_low, other_high = ranges[1 - direction]
            first = self.segment[direction, other_low, low:high]
            last = self.segment[direction, other_high - 1, low:high]
            inside[direction, low:high] = ((segments >= first) & (segments <= last)).T
        return inside

    def covering(self, direction: int, position: int) -> Bools:
        """The segments (2, lines, segments + 2) of the direction's lines that cross the other line there."""
        covers = np.zeros(self.qubit.shape, bool)
        covers[direction, np.arange(self.count), self.segment[direction, position]] = True
        return covers


def lines_of(graph: nx.Graph) -> Lines:
    """The lines of a working graph with integer labels made by dwave-graphs.

    Raises:
        ValueError: if the graph is of another family, or its labels are coordinates.
    """
    family, labels = graph.graph.get("family"), graph.graph.get("labels")
    one_of("the graph's family", family, tuple(FAMILIES))
    if labels != "int":
        raise ValueError(f"the graph's labels are {labels!r}, expected 'int'")
    nodes = np.sort(np.fromiter(graph.nodes, np.int64))
    laid = FAMILIES[family].segments(graph, nodes)
    count = laid.offset.shape[1]
    where = (laid.direction, laid.line, laid.segment + 1)
    qubit = np.full((2, count, laid.per_line + 2), -1, np.int64)
    qubit[where] = nodes
    pairs = zip(qubit[:, :, :-1].flat, qubit[:, :, 1:].flat, strict=True)
    cut = np.fromiter((not graph.has_edge(int(a), int(b)) for a, b in pairs), bool)
    neighbours = {int(q): sorted(graph[q]) for q in nodes}
    index = np.full(nodes[-1] + 1, -1, np.int64)
    index[nodes] = np.ravel_multi_index(where, qubit.shape)
    edges = index[np.array(sorted(map(sorted, graph.edges)), np.int64).reshape(-1, 2)]
    cut = cut.reshape(2, count, laid.per_line + 1)
    return Lines(laid.length, laid.offset, qubit, cut, neighbours, edges)
