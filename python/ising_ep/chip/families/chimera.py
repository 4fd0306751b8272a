"""Chimera: cells of two times `tile` qubits in a grid of rows and columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ...checks import Ints
from ..family import Family, Segments

if TYPE_CHECKING:
    import networkx as nx


class Chimera(Family):
    """Chimera graphs of shape (rows, columns, tile); the ranges are those of the paper's D-Wave 2000Q."""

    name = "chimera"
    default_shape = (16, None, 4)
    limits_of = "D-Wave 2000Q"
    limits: ClassVar[Mapping[str, Any]] = {
        "h_range": [-2.0, 2.0],
        "per_qubit_coupling_range": [-9.0, 6.0],
        "annealing_time_range": [1.0, 2000.0],
    }

    def num_qubits(self, shape: tuple[int, ...]) -> int:
        """Two sides of `tile` qubits a cell."""
        rows, columns, tile = shape
        return 2 * rows * columns * tile

    def most_couplers(self, shape: tuple[int, ...]) -> int:
        """Couplers of a cell, and up to two a qubit to the next cells, each shared by two."""
        rows, columns, tile = shape
        return rows * columns * tile * tile + self.num_qubits(shape)

    def graph(self, shape: tuple[int, ...], **lists: Any) -> nx.Graph:
        """See `Family.graph`."""
        from dwave.graphs import chimera_graph

        return chimera_graph(*shape, **lists)

    def layout(self, graph: nx.Graph) -> Mapping[int, Any]:
        """See `Family.layout`."""
        from dwave.graphs import chimera_layout

        return chimera_layout(graph)  # type: ignore[no-any-return]

    def segments(self, graph: nx.Graph, qubits: Ints) -> Segments:
        """In coordinates (i, j, u, k): position t j + k or t i + k of a line, length t, offset 0."""
        rows, columns, tile = (graph.graph[name] for name in ("rows", "columns", "tile"))
        side = max(rows, columns)
        row, column, direction, k = np.unravel_index(qubits, (rows, columns, 2, tile))
        return Segments(
            length=tile,
            per_line=side,
            offset=np.zeros((2, tile * side), np.int64),
            direction=direction,
            line=np.where(direction == 0, column, row) * tile + k,
            segment=np.where(direction == 0, row, column),
        )

    def chimera_cells(self, source: nx.Graph, graph: nx.Graph) -> Iterable[Any]:
        """See `Family.chimera_cells`; cells of another size hold none."""
        from dwave.graphs import chimera_sublattice_mappings

        if source.graph["tile"] != graph.graph["tile"]:
            return ()
        return chimera_sublattice_mappings(source, graph)  # type: ignore[no-any-return]


FAMILY = Chimera()
