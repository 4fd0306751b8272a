"""Pegasus: the topology of Advantage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ...checks import Ints
from ..family import Family, Segments

if TYPE_CHECKING:
    import networkx as nx


class Pegasus(Family):
    """Pegasus graphs of shape (m,)."""

    name = "pegasus"
    default_shape = (16,)
    least = 2
    limits_of = "Advantage"
    limits: ClassVar[Mapping[str, Any]] = {"per_qubit_coupling_range": [-18.0, 15.0]}

    def num_qubits(self, shape: tuple[int, ...]) -> int:
        """Two directions of 12 m lines of m - 1 qubits."""
        (m,) = shape
        return 24 * m * (m - 1)

    def most_couplers(self, shape: tuple[int, ...]) -> int:
        """Fifteen a qubit, each shared by two."""
        (m,) = shape
        return 180 * m * m

    def graph(self, shape: tuple[int, ...], **lists: Any) -> nx.Graph:
        """See `Family.graph`."""
        from dwave.graphs import pegasus_graph

        return pegasus_graph(*shape, **lists)

    def layout(self, graph: nx.Graph) -> Mapping[int, Any]:
        """Drawn as crosses, see `Family.layout`."""
        from dwave.graphs import pegasus_layout

        return pegasus_layout(graph, crosses=True)  # type: ignore[no-any-return]

    def segments(self, graph: nx.Graph, qubits: Ints) -> Segments:
        """In coordinates (u, w, k, z): position 12 w + k of a line, length 12, the graph's own offsets."""
        m = graph.graph["rows"]
        shifts = [graph.graph["vertical_offsets"], graph.graph["horizontal_offsets"]]
        direction, line, segment = np.unravel_index(qubits, (2, 12 * m, m - 1))
        return Segments(
            length=12,
            per_line=m - 1,
            offset=np.tile(np.array(shifts, np.int64), (1, m)),
            direction=direction,
            line=line,
            segment=segment,
        )

    def chimera_cells(self, source: nx.Graph, graph: nx.Graph) -> Iterable[Any]:
        """See `Family.chimera_cells`."""
        from dwave.graphs import pegasus_sublattice_mappings

        return pegasus_sublattice_mappings(source, graph)  # type: ignore[no-any-return]


FAMILY = Pegasus()
