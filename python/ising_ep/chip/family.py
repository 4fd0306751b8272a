"""Interface of a topology: `Family`, of which `chip/families/` has one object a file.

Graphs of up to `MOST_QUBITS` and `MOST_COUPLERS` are made, six times the largest chips there are; larger ones
are refused before any memory is taken.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar

from ..checks import Ints, short
from .advantage import PROPERTIES

if TYPE_CHECKING:
    import networkx as nx
    import numpy as np
    from numpy.typing import NDArray

# Upper bounds, about the sizes of chimera:79, pegasus:46 and zephyr:39, which take 400 MB and some seconds to
# make.
MOST_QUBITS, MOST_COUPLERS = 50_000, 500_000


@dataclass(frozen=True)
class Segments:
    """Qubits as segments of straight lines: see `ising_ep.embedding.lines`.

    Attributes:
        length: Positions that a segment covers.
        per_line: Segments of a line.
        offset: (2, lines) the first position of the first segment of each line of each direction.
        direction: (qubits,) 0 where a qubit is vertical, 1 where it is horizontal.
        line: (qubits,) the position of its line.
        segment: (qubits,) which segment of the line it is.
    """

    length: int
    per_line: int
    offset: Ints
    direction: Ints
    line: Ints
    segment: Ints


class Family(ABC):
    """A family of chip graphs: its graphs, how qubits lie in them, and the ranges of its chips.

    Attributes:
        name: As the service spells it.
        default_shape: Sizes that are taken where they are left out; None is the first size once more.
        least: The smallest value of a size.
        limits: Properties of its chips that are not Advantage's.
        limits_of: The solver that these are of, in words.
    """

    name: ClassVar[str]
    default_shape: ClassVar[tuple[int | None, ...]]
    least: ClassVar[int] = 1
    limits: ClassVar[Mapping[str, Any]]
    limits_of: ClassVar[str]

    @abstractmethod
    def num_qubits(self, shape: tuple[int, ...]) -> int:
        """Qubits of the whole graph; they have the numbers from 0 on."""

    @abstractmethod
    def most_couplers(self, shape: tuple[int, ...]) -> int:
        """An upper bound on the couplers of the whole graph."""

    @abstractmethod
    def graph(self, shape: tuple[int, ...], **lists: Any) -> nx.Graph:
        """The whole graph by dwave-graphs, or that of the qubits `node_list` and the couplers `edge_list`."""

    @abstractmethod
    def layout(self, graph: nx.Graph) -> Mapping[int, Any]:
        """Coordinates x and y at which each qubit is drawn."""

    @abstractmethod
    def segments(self, graph: nx.Graph, qubits: Ints) -> Segments:
        """The qubits of one of its graphs as segments of lines."""

    @abstractmethod
    def chimera_cells(self, source: nx.Graph, graph: nx.Graph) -> Iterable[Any]:
        """The places of a small Chimera graph in one of its graphs: functions from qubit to qubit.

        There are none where the cells of the two are of sizes that do not go together.
        """

    def halves(self, shape: tuple[int, ...], qubits: Ints, ends: Ints) -> NDArray[np.int8] | None:
        """The half of its qubits that each coupler sits on, where halves have limits of their own.

        Args:
            shape: Of the graph.
            qubits: (qubits,) numbers.
            ends: (couplers, 2) positions among the qubits.

        Returns:
            int8 (couplers, 2) of 0 and 1; None for a family without such limits.
        """
        return None

    @property
    def properties(self) -> dict[str, Any]:
        """Defaults of the properties that a solver does not state."""
        return {**PROPERTIES, **self.limits}

    def default_of(self, name: str) -> str:
        """The solver, in words, whose property of that name is the default.

        Example:
            >>> from ising_ep.chip.families import family_of
            >>> family_of("chimera").default_of("h_range"), family_of("chimera").default_of("j_range")
            ('D-Wave 2000Q', 'Advantage')
        """
        return self.limits_of if name in self.limits else "Advantage"

    def whole_shape(self, given: Any) -> tuple[int, ...]:
        """All sizes of a graph of which some are given.

        Raises:
            ValueError: If there is no such graph, or it is too large to be made.
        """
        if (
            not isinstance(given, list | tuple)
            or len(given) > len(self.default_shape)
            or not all(_is_integer(size) and self.least <= size <= MOST_QUBITS for size in given)
        ):
            raise ValueError(
                f"the shape of a {self.name} chip is {short(given)},"
                f" expected up to {len(self.default_shape)} sizes from {self.least} to {MOST_QUBITS}"
            )
        whole = (*map(int, given), *self.default_shape[len(given) :])
        shape = tuple(whole[0] or 0 if size is None else size for size in whole)
        for what, number, most in (
            ("qubits", self.num_qubits(shape), MOST_QUBITS),
            ("couplers", self.most_couplers(shape), MOST_COUPLERS),
        ):
            if number > most:
                raise ValueError(
                    f"a {self.name} graph of shape {list(shape)} has up to {number} {what},"
                    f" expected at most {most}"
                )
        return shape


def _is_integer(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)
