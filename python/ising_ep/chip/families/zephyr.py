"""Zephyr: the topology of Advantage2."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ...checks import Ints
from ..advantage import TIMING
from ..family import Family, Segments

if TYPE_CHECKING:
    import networkx as nx

# Qubits of a side of the Chimera cells that are looked for; Zephyr's have twice as many.
CHIMERA_TILE = 4


class Zephyr(Family):
    """Zephyr graphs of shape (m, tile).

    Advantage2 limits the couplings of each half of a qubit in place of those of the whole; this limit and the
    programming time are those of D-Wave's documentation.
    """

    name = "zephyr"
    default_shape = (12, 4)
    limits_of = "Advantage2"
    limits: ClassVar[Mapping[str, Any]] = {
        "per_group_coupling_range": [-13.0, 10.0],
        "problem_timing_data": TIMING | {"typical_programming_time": 24500.0},
    }

    def num_qubits(self, shape: tuple[int, ...]) -> int:
        """Two directions of 2 tile (2 m + 1) lines of m qubits."""
        m, tile = shape
        return 4 * tile * m * (2 * m + 1)

    def most_couplers(self, shape: tuple[int, ...]) -> int:
        """Couplers where lines cross, and four a qubit along its line, each shared by two."""
        m, tile = shape
        return (4 * m * tile) ** 2 + 2 * self.num_qubits(shape)

    def graph(self, shape: tuple[int, ...], **lists: Any) -> nx.Graph:
        """See `Family.graph`."""
        from dwave.graphs import zephyr_graph

        return zephyr_graph(*shape, **lists)

    def layout(self, graph: nx.Graph) -> Mapping[int, Any]:
        """See `Family.layout`."""
        from dwave.graphs import zephyr_layout

        return zephyr_layout(graph)  # type: ignore[no-any-return]

    def segments(self, graph: nx.Graph, qubits: Ints) -> Segments:
        """In coordinates (u, w, k, j, z): position 2 t w + 2 k + j of a line, length 4 t, offset 2 t j."""
        m, tile = graph.graph["rows"], graph.graph["tile"]
        count = 2 * tile * (2 * m + 1)
        direction, line, segment = np.unravel_index(qubits, (2, count, m))
        return Segments(
            length=4 * tile,
            per_line=m,
            offset=np.tile(2 * tile * (np.arange(count) % 2), (2, 1)),
            direction=direction,
            line=line,
            segment=segment,
        )

    def chimera_cells(self, source: nx.Graph, graph: nx.Graph) -> Iterable[Any]:
        """The two disjoint Chimera cells of each of its cells, and not all that overlap; cells of another
        size hold none."""
        from dwave.graphs import zephyr_sublattice_mappings

        tile = graph.graph["tile"]
        if source.graph["tile"] not in (tile, 2 * tile):
            return
        for mapping in zephyr_sublattice_mappings(source, graph):
            if not any(offset % CHIMERA_TILE for offset in mapping.offset[3:]):
                yield mapping

    def halves(self, shape: tuple[int, ...], qubits: Ints, ends: Ints) -> NDArray[np.int8]:
        """See `Family.halves`.

        In the coordinates (u, w, k, j, z) a qubit lies along a line, around 2 z + j + 1/2; a coupler is on
        its upper half if the other qubit crosses the line, or lies on it, further up.
        """
        m, tile = shape
        line, z = np.divmod(qubits, m)
        line, j = np.divmod(line, 2)
        u, w = np.divmod(line // tile, 2 * m + 1)
        along = (2 * z + j)[ends]
        other = np.where((u[ends[:, 0]] != u[ends[:, 1]])[:, np.newaxis], w[ends], along)
        return (other[:, ::-1] > along).astype(np.int8)


FAMILY = Zephyr()
