"""Places of a problem's numbers in the chip's own order, and what its couplings hold together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..chip import Chip
from ..chip.rules import check_graph
from ..samplers.couplings import Pairs


@dataclass(frozen=True, eq=False)
class Layout:
    """Places of a problem's numbers in the chip's own order.

    One problem so has one answer, in whatever order its qubits and couplers are given.
    """

    qubits: NDArray[np.int64]
    couplers: NDArray[np.int64]
    positions: NDArray[np.int64]  # of the qubits in that order, among all of the chip
    order: NDArray[np.int64]  # of the given qubits, by the chip's numbers
    ranks: NDArray[np.int64]  # of the given qubits: where each stands in that order
    pairs: Pairs  # of all couplers of the chip between them
    pair_places: NDArray[np.int64]  # of these, among all of the chip
    slots: NDArray[np.int64]  # of the given couplers among those
    places: NDArray[np.int64]  # and among all of the chip

    @classmethod
    def of(cls, chip: Chip, qubits: NDArray[np.int64], couplers: NDArray[np.int64]) -> Layout:
        """The layout of a problem on a chip.

        Raises:
            ValueError: If a qubit or coupler is missing, or given twice.
        """
        places = check_graph(chip, qubits, couplers)
        order = np.argsort(qubits)
        positions = chip.positions(qubits)[order]
        rank = np.full(len(chip.qubits), -1)
        rank[positions] = np.arange(len(qubits))
        ends = rank[chip.ends]
        inside = (ends >= 0).all(axis=1)
        rows, cols = np.ascontiguousarray(ends[inside].T)
        slots = (np.cumsum(inside) - 1)[places]
        return cls(
            qubits.copy(),
            couplers.copy(),
            positions,
            order,
            np.argsort(order),
            Pairs(rows, cols),
            np.flatnonzero(inside),
            slots,
            places,
        )

    def is_of(self, qubits: NDArray[np.int64], couplers: NDArray[np.int64]) -> bool:
        """Whether it is that of this problem."""
        return np.array_equal(self.qubits, qubits) and np.array_equal(self.couplers, couplers)

    @cached_property
    def triangles(self) -> NDArray[np.int64]:
        """Triangles of pairs: int64 (3 triangles, 3), each pair of one once in the last place."""
        count = len(self.qubits)
        keys = self.pairs.rows * count + self.pairs.cols
        order = np.argsort(keys)
        keys, far = keys[order], self.pairs.cols[order]
        # Each pair (i, j), and the pairs (i, k) after it: of the first of three qubits.
        place = np.arange(len(keys))
        after = np.searchsorted(keys // max(count, 1), keys // max(count, 1), side="right") - place - 1
        one = np.repeat(place, after)
        other = one + 1 + np.arange(len(one)) - np.repeat(np.cumsum(after) - after, after)
        wanted = far[one] * count + far[other]
        third = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        closed = keys[third] == wanted
        three = order[np.stack([one, other, third], axis=1)[closed]]
        return np.concatenate([np.roll(three, turn, axis=1) for turn in range(3)])

    def chains(self, couplings: NDArray[np.float64]) -> Chains:
        """What the couplings (couplers,) of a problem hold together: see `Chains`."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        count, pairs = len(self.qubits), self.pairs
        values = np.zeros(len(pairs.rows))
        values[self.slots] = couplings
        lowest, highest = np.zeros(count), np.zeros(count)
        for ends in (pairs.rows, pairs.cols):
            np.minimum.at(lowest, ends, values)
            np.maximum.at(highest, ends, values)
        stiff = values < 0
        for ends in (pairs.rows, pairs.cols):
            stiff &= (values == lowest[ends]) & (-values > highest[ends])
        rows, cols, sizes = pairs.rows[stiff], pairs.cols[stiff], -values[stiff]
        graph = coo_array((np.ones(len(rows)), (rows, cols)), shape=(count, count))
        _, label = connected_components(graph, directed=False)
        weakest = np.full(count, np.inf)
        np.minimum.at(weakest, label[rows], sizes)
        lengths = np.bincount(label, minlength=count)[:count]
        members = np.argsort(label, kind="stable")
        members = members[lengths[label[members]] > 1]
        chained = np.flatnonzero(lengths > 1)
        starts = np.concatenate([[0], np.cumsum(lengths[chained])])
        return Chains(starts, members, lengths[chained], weakest[chained])


@dataclass(frozen=True, eq=False)
class Chains:
    """Qubits that a problem holds together.

    A coupling is stiff that is ferromagnetic, as low as any on either of its qubits, and larger than every
    positive one there. Qubits that stiff couplings join turn as one. The chains of an embedding are of this
    sort, as long as the chain strength is above the largest |J| between them, and a chip knows no others.

    Attributes:
        starts: int64 (chains + 1,): chain c holds ``members[starts[c]:starts[c + 1]]``.
        members: int64 places of qubits, in the chip's order.
        lengths: int64 (chains,) of two or more.
        strengths: float64 (chains,) size of the weakest stiff coupling.
    """

    starts: NDArray[np.int64]
    members: NDArray[np.int64]
    lengths: NDArray[np.int64]
    strengths: NDArray[np.float64]

    def sorts(self) -> Iterable[tuple[int, float]]:
        """Length and strength of each chain."""
        return zip(self.lengths.tolist(), self.strengths.tolist(), strict=True)
