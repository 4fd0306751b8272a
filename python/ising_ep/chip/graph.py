"""The working graph of a D-Wave chip: its qubits, its couplers, and the ranges it takes.

A chip is a graph of one of the `families` in which some qubits and couplers are missing. Qubits have the
numbers that the service gives them; couplers are pairs of these, the smaller first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from ..checks import digest, seed_or_new, short
from ..extras import require
from ..files.untrusted import read_json
from .families import FAMILIES, family_of
from .family import Family
from .properties import TIMING, check_property, check_timing, say_left_out
from .solvers import SOLVERS, NamedSolver, is_solver, plain_name

if TYPE_CHECKING:
    import networkx as nx

# Ends of the names of files that hold the properties of a solver.
FILES = (".json", ".json.gz")


@dataclass(frozen=True, eq=False)
class Chip:
    """A working graph.

    Attributes:
        family: Name of its topology, one of `families.FAMILIES`.
        shape: Its sizes, as the service gives them: (rows, columns, tile), (m,), (m, tile).
        qubits: int64 (qubits,) ascending.
        couplers: int64 (couplers, 2), each ascending, in order.
        graph_id: Name of the working graph: the solver's, or a digest.
        properties: What a solver says of its ranges, by the service's names.
        of_name: Whether a name stands for it (`named`), and no solver's or user's own properties.

    Example:
        >>> chip = Chip.perfect("pegasus", 16)
        >>> len(chip.qubits), len(chip.couplers), chip.h_range
        (5640, 40484, (-4.0, 4.0))
        >>> len(chip.without(0.02, seed=1).qubits)
        5527
    """

    family: str
    shape: tuple[int, ...]
    qubits: NDArray[np.int64]
    couplers: NDArray[np.int64]
    graph_id: str
    properties: Mapping[str, Any] = field(repr=False)
    of_name: bool = field(default=False, repr=False)

    @classmethod
    def perfect(cls, family: str, *shape: int) -> Self:
        """A chip that lacks nothing.

        Args:
            family: Name of its topology, one of `families.FAMILIES`.
            shape: As many of its sizes as are wanted: 16, 16, 4 of a Chimera, 16 of a Pegasus, 12, 4 of a
                Zephyr graph by default.

        Raises:
            ValueError: If there is no such graph, or it is too large.
            MissingExtraError: If the extra "chip" is not installed.
        """
        require("chip", "a chip")
        topology = family_of(family)
        return cls._of_graph(topology, topology.whole_shape(shape))

    @classmethod
    def of_solver(cls, properties: Mapping[str, Any], graph_id: str | None = None) -> Self:
        """The chip that a solver's properties describe, by the names of the service.

        Args:
            properties: With "topology", "qubits" and "couplers"; ranges that are left out are those of its
                family.
            graph_id: Name of the working graph, if the solver gives it.

        Raises:
            ValueError: If they do not describe a working graph.
            MissingExtraError: If the extra "chip" is not installed.
        """
        require("chip", "a chip")
        for name in ("topology", "qubits", "couplers"):
            if name not in properties:
                raise ValueError(f"a solver's properties lack {name}")
        topology = properties["topology"]
        if not isinstance(topology, Mapping) or not {"type", "shape"} <= topology.keys():
            raise ValueError(f"topology is {short(topology)}, expected an object with type and shape")
        family = family_of(topology["type"])
        shape = family.whole_shape(topology["shape"] or None)
        if graph_id is not None:
            check_graph_id(graph_id)
        defaults = family.properties
        kept = {name: properties[name] for name in defaults if name in properties}
        for name, value in kept.items():
            if name != TIMING:
                check_property(name, value)
        if isinstance(properties.get("chip_id"), str):
            kept["chip_id"] = properties["chip_id"]
        qubits = _each_once("qubit", _whole_numbers("qubits", properties["qubits"]))
        couplers = _each_once("coupler", np.sort(_pairs("couplers", properties["couplers"]), axis=1))
        whole = family.graph(shape)
        for name, items, there in (
            ("qubit", map(int, qubits), whole.has_node),
            ("coupler", couplers.tolist(), lambda pair: whole.has_edge(*pair)),
        ):
            strange = next((item for item in items if not there(item)), None)
            if strange is not None:
                raise ValueError(f"{name} {strange} is none of a {family.name} graph of shape {list(shape)}")
        ends_there = np.isin(couplers, qubits).all(axis=1)
        if not ends_there.all():
            raise ValueError(f"coupler {couplers[~ends_there][0].tolist()} ends on a qubit that is not there")
        name = graph_id or _name_graph(qubits, couplers)
        return cls(family.name, shape, qubits, couplers, name, defaults | kept)

    @classmethod
    def named(cls, name: str) -> Self:
        """A chip by its name, or by a JSON file of a solver's properties.

        Args:
            name: A graph such as "pegasus:16", "zephyr:12", "chimera:16:16:4", whole; one of the `SOLVERS`,
                "advantage_system4" in any spelling, less as many random qubits as the real one lacks, always
                the same ones; or a path that ends in .json or .json.gz. What such a file leaves out is
                taken from another solver, and a log line says so.

        Raises:
            ValueError: If there is no such chip.
            OSError: If the file cannot be read.

        Example:
            >>> Chip.named("zephyr:12").shape
            (12, 4)
            >>> print(Chip.named("Advantage2_system4.1"))
            zephyr 6x4, 1202 qubits
        """
        if is_solver(name):
            return cls._of_named(SOLVERS[plain_name(name)])
        if name.endswith(FILES):
            properties = read_json(Path(name))
            if not isinstance(properties, dict):
                raise ValueError(f"{name} is not the properties of a solver as a JSON object")
            try:
                chip = cls.of_solver(properties, properties.get("graph_id"))
                check_timing(chip.properties[TIMING])
            except ValueError as error:
                raise ValueError(f"{name} is not the properties of a solver: {error}") from None
            say_left_out(name, properties, chip.topology)
            return chip
        family, *sizes = name.split(":")
        if family not in FAMILIES or not all(re.fullmatch("[0-9]{1,6}", size) for size in sizes):
            raise ValueError(
                f"chip is {short(name)}, expected one such as pegasus:16, zephyr:12, chimera:16,"
                " advantage_system4, or a .json file of a solver's properties"
            )
        return cls.perfect(family, *map(int, sizes))

    def without(self, qubits: float = 0.0, couplers: float = 0.0, *, seed: int | None = None) -> Self:
        """The chip with random qubits and couplers missing, as on every real one.

        Args:
            qubits: Fraction of the qubits that are missing.
            couplers: Fraction missing of the couplers that are left.
            seed: 0 to 2**64 - 1; by default a new one.

        Raises:
            ValueError: If a fraction is not from 0 to below 1.
        """
        for name, fraction in (("qubits", qubits), ("couplers", couplers)):
            if not 0 <= fraction < 1:
                raise ValueError(f"the fraction of missing {name} is {fraction}, expected from 0 to below 1")
        rng = np.random.default_rng(seed_or_new(seed))
        missing = rng.choice(self.qubits, round(qubits * len(self.qubits)), replace=False)
        left = self.couplers[~np.isin(self.couplers, missing).any(axis=1)]
        lost = rng.choice(len(left), round(couplers * len(left)), replace=False)
        there, left = np.setdiff1d(self.qubits, missing), np.delete(left, lost, axis=0)
        return replace(self, qubits=there, couplers=left, graph_id=_name_graph(there, left))

    @property
    def topology(self) -> Family:
        """Topology of the chip's family."""
        return family_of(self.family)

    @property
    def solver(self) -> str | None:
        """Name of the solver that it is, D-Wave's chip_id; None where none is stated.

        Example:
            >>> print(Chip.perfect("pegasus", 2).solver)
            None
        """
        name = self.properties.get("chip_id")
        return None if name is None else str(name)

    @property
    def h_range(self) -> tuple[float, float]:
        """Smallest and largest field."""
        return self._range("h_range")

    @property
    def j_range(self) -> tuple[float, float]:
        """Smallest and largest coupling."""
        return self._range("j_range")

    @property
    def chain_range(self) -> tuple[float, float]:
        """Smallest and largest coupling within a chain: D-Wave's extended_j_range."""
        return self._range("extended_j_range")

    @cached_property
    def graph(self) -> nx.Graph:
        """The working graph, with what dwave-graphs says of its family and coordinates."""
        return self.topology.graph(
            self.shape,
            node_list=self.qubits.tolist(),
            edge_list=list(map(tuple, self.couplers.tolist())),
        )

    def positions(self, qubits: NDArray[np.int64]) -> NDArray[np.int64]:
        """Index of each qubit in `qubits`; -1 for one that is missing."""
        return _places(self.qubits, qubits)

    def coupler_positions(self, couplers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Index in `couplers` of each coupler (couplers, 2), in either order; -1 for one that is missing.

        Example:
            >>> Chip.perfect("chimera", 1).coupler_positions(np.array([[0, 4], [5, 0], [0, 1]]))
            array([ 0,  1, -1])
        """
        pairs = np.sort(self.positions(couplers.ravel()).reshape(-1, 2), axis=1)
        there = pairs[:, 0] >= 0
        # Keys of missing qubits are those of no coupler.
        return np.where(there, _places(self._keys, self._key(pairs)), -1)

    @cached_property
    def ends(self) -> NDArray[np.int64]:
        """The couplers by the positions of their qubits: int64 (couplers, 2)."""
        return self.positions(self.couplers.ravel()).reshape(-1, 2)

    @cached_property
    def halves(self) -> NDArray[np.int8] | None:
        """Half of each end's qubit that a coupler sits on: int8 (couplers, 2) of 0 and 1.

        None for a topology whose halves of qubits have no limits of their own (per_group_coupling_range).
        """
        return self.topology.halves(self.shape, self.qubits, self.ends)

    @cached_property
    def degree(self) -> int:
        """The largest number of couplers of a qubit."""
        return int(np.bincount(self.ends.ravel(), minlength=1).max())

    @cached_property
    def half_degree(self) -> int:
        """The largest number of couplers on half a qubit, see `halves`; 0 where halves have no limits."""
        if self.halves is None:
            return 0
        return int(np.bincount((2 * self.ends + self.halves).ravel(), minlength=1).max())

    @cached_property
    def _keys(self) -> NDArray[np.int64]:
        """Keys of all couplers, ascending."""
        return self._key(self.ends)

    def _key(self, ends: NDArray[np.int64]) -> NDArray[np.int64]:
        """A number for each pair of positions."""
        keys: NDArray[np.int64] = ends[:, 0] * len(self.qubits) + ends[:, 1]
        return keys

    @property
    def title(self) -> str:
        """Family and shape in words.

        Example:
            >>> Chip.perfect("chimera", 2).title
            'chimera 2x2x4'
        """
        return f"{self.family} {'x'.join(map(str, self.shape))}"

    def __str__(self) -> str:
        return f"{self.title}, {len(self.qubits)} qubits"

    def _range(self, name: str) -> tuple[float, float]:
        low, high = self.properties[name]
        return float(low), float(high)

    @classmethod
    def _of_named(cls, solver: NamedSolver) -> Self:
        whole = cls.perfect(solver.family, *solver.shape)
        properties = solver.properties(whole.topology)
        missing = 1 - solver.qubits / len(whole.qubits)
        return replace(whole, properties=properties).without(missing, seed=solver.seed)

    @classmethod
    def _of_graph(cls, family: Family, shape: tuple[int, ...]) -> Self:
        graph = family.graph(shape)
        qubits = np.array(sorted(graph.nodes), dtype=np.int64)
        couplers = np.array(sorted(map(sorted, graph.edges)), dtype=np.int64).reshape(-1, 2)
        name = _name_graph(qubits, couplers)
        return cls(family.name, shape, qubits, couplers, name, family.properties, of_name=True)


def check_graph_id(graph_id: Any) -> None:
    """Refuses what is no name of a working graph.

    Raises:
        ValueError: If it is no short text.
    """
    if not isinstance(graph_id, str) or len(graph_id) > 100:
        raise ValueError(f"graph_id is {short(graph_id)}, expected a text of up to 100 characters")


def _pairs(name: str, given: Any) -> NDArray[np.int64]:
    """A list of pairs of whole numbers as int64 (pairs, 2)."""
    pairs = _items(name, given)
    wrong = next((pair for pair in pairs if not isinstance(pair, list | tuple) or len(pair) != 2), None)
    if wrong is not None:
        raise ValueError(f"{name} holds {short(wrong)}, expected pairs of qubits")
    return _whole_numbers(name, [number for pair in pairs for number in pair]).reshape(-1, 2)


def _whole_numbers(name: str, given: Any) -> NDArray[np.int64]:
    """A list of whole numbers as int64; numpy would cut fractions off, and read texts."""
    numbers = _items(name, given)
    for number in numbers:
        if type(number) is not int or not 0 <= number < 2**63:
            raise ValueError(f"{name} holds {short(number)}, expected whole numbers of qubits, from 0 on")
    return np.array(numbers, dtype=np.int64)


def _each_once(name: str, given: NDArray[np.int64]) -> NDArray[np.int64]:
    """Qubits or couplers in order; refuses the first one that is listed a second time."""
    found, first = np.unique(given, axis=0, return_index=True)
    if len(found) < len(given):
        again = np.setdiff1d(np.arange(len(given)), first)[0]
        raise ValueError(f"{name} {given[again].tolist()} is listed twice")
    return found


def _items(name: str, given: Any) -> list[Any] | tuple[Any, ...]:
    items = given.tolist() if isinstance(given, np.ndarray) else given
    if not isinstance(items, list | tuple):
        raise ValueError(f"{name} is {short(given)}, expected a list")
    return items


def _places(values: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Index of each wanted number in ascending values; -1 for one that is not among them."""
    places = np.searchsorted(values, wanted)
    found = places < len(values)
    found[found] = values[places[found]] == wanted[found]
    return np.where(found, places, -1)


def _name_graph(qubits: NDArray[np.int64], couplers: NDArray[np.int64]) -> str:
    """A name for a working graph that no service has named."""
    return digest(np.asarray(qubits, "<i8"), np.asarray(couplers, "<i8")).hex()[:16]
