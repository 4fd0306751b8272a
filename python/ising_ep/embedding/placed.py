"""Embeddings of a network on a chip: as they are given, and as they were verified."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..checks import Ints, digest, same
from ..chip.graph import Chip, check_graph_id
from ..files.atomic import replace
from ..files.untrusted import read_json
from ..network import Network

# The chain of each spin of one copy: its qubits, by the chip's numbers.
Chains = Sequence[Sequence[int]]


@dataclass(frozen=True, eq=False)
class Embedding:
    """Disjoint copies of a network on a chip, which nobody has looked at yet: `verify` does.

    Attributes:
        chains: `chains[copy][spin]` are the qubits of a spin, by the chip's numbers; kept as tuples.
        graph_id: The working graph it was made for.

    Example:
        >>> from ising_ep.network import FullyConnected
        >>> chip = Chip.perfect("chimera", 2)
        >>> pair = Embedding([[[0], [4, 12]]], chip.graph_id)
        >>> pair.verify(FullyConnected(1, (1, 2), 2), chip)
        Traceback (most recent call last):
        ...
        ValueError: the embedding has chains for 2 spins, the network has 3
        >>> pair.num_qubits, pair.chain_lengths()
        (3, array([1, 2]))
    """

    chains: Sequence[Chains]
    graph_id: str

    def __post_init__(self) -> None:
        chains = tuple(tuple(tuple(chain) for chain in copy) for copy in self.chains)
        object.__setattr__(self, "chains", chains)

    @property
    def name(self) -> str:
        """A name for the chains, in their order, and the working graph."""
        return digest(json.dumps([self.graph_id, self.chains])).hex()[:16]

    @property
    def num_copies(self) -> int:
        """Number of copies of the network."""
        return len(self.chains)

    @property
    def num_qubits(self) -> int:
        """Qubits of all chains of all copies."""
        return int(self.chain_lengths().sum())

    def chain_lengths(self) -> Ints:
        """Qubits of each chain, copy by copy, int64 (copies * spins,)."""
        return np.array([len(chain) for copy in self.chains for chain in copy], dtype=np.int64)

    def qubits(self) -> Ints:
        """Qubits of all chains, one after the other."""
        return np.array([q for copy in self.chains for chain in copy for q in chain], dtype=np.int64)

    def verify(self, network: Network, chip: Chip) -> Placed:
        """Checks everything that makes it an embedding of the network on the chip.

        Returns:
            The same chains, as verified.

        Raises:
            ValueError: Names the first chain, qubit or coupling that is wrong.
        """
        return Placed(self.chains, self.graph_id, network, chip)

    def save(self, path: Path) -> None:
        """Writes it as JSON: `graph_id` and `chains`."""
        text = json.dumps({"graph_id": self.graph_id, "chains": self.chains})
        replace(path, text.encode() + b"\n")

    @staticmethod
    def load(path: Path, chip: Chip) -> Embedding:
        """Reads what `save` wrote, or a plain JSON list of chains or of copies, taken to be for `chip`.

        Raises:
            ValueError: If it is something else.
            OSError: If it cannot be read.
        """
        content = read_json(path)
        graph_id = chip.graph_id
        if isinstance(content, dict):
            graph_id, content = content.get("graph_id", graph_id), content.get("chains")
        try:
            check_graph_id(graph_id)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        copies = [content] if _is_nested(content, 2) else content
        if not _is_nested(copies, 3):
            raise ValueError(
                f"{path} is not an embedding, expected chains as lists of qubits: [[q, ...], ...], or such a"
                " list for each copy"
            )
        embedding = Embedding(copies, graph_id)
        try:
            embedding.qubits()
        except OverflowError:
            raise ValueError(f"{path} holds a qubit with a number of more than 64 bits") from None
        return embedding


@dataclass(frozen=True, eq=False)
class Placed(Embedding):
    """A verified embedding: to make one is to verify it, so nobody who is given one has to.

    Attributes:
        network: The network that it is of.
        chip: The chip that it is on.

    Raises:
        ValueError: Names the first chain, qubit or coupling that is wrong.

    Example:
        >>> from ising_ep.network import FullyConnected
        >>> network, chip = FullyConnected(1, (1, 2), 2), Chip.perfect("chimera", 2)
        >>> placed = Embedding([[[0], [4, 12], [5]]], chip.graph_id).verify(network, chip)
        >>> placed.verify(network, chip) is placed
        True
    """

    network: Network
    chip: Chip

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_sizes()
        lengths, qubits = self.chain_lengths(), self.qubits()
        if not lengths.all():
            raise ValueError(f"{self._name(int(np.argmin(lengths)))} has no qubits")
        owner = np.repeat(np.arange(len(lengths)), lengths)
        places = self.chip.positions(qubits)
        self._check_qubits(qubits, places, owner)
        # Chain of each qubit of the chip; -1 for a qubit in no chain.
        chain_of = np.full(len(self.chip.qubits), -1)
        chain_of[places] = owner
        self._check_connected(chain_of, places, owner)
        self._check_couplings(chain_of)

    def verify(self, network: Network, chip: Chip) -> Placed:
        """Itself if it was verified for this network and chip, else verifies it for them."""
        return self if self._is_for(network, chip) else super().verify(network, chip)

    def _is_for(self, network: Network, chip: Chip) -> bool:
        mine, own = self.network, self.chip
        return (mine is network or _same_couplings(mine, network)) and (own is chip or _same_graph(own, chip))

    def _check_sizes(self) -> None:
        if self.graph_id != self.chip.graph_id:
            raise ValueError(
                f"the embedding was made for working graph {self.graph_id}, but the chip has"
                f" {self.chip.graph_id}"
            )
        spins = self.network.num_spins
        wrong = next((len(copy) for copy in self.chains if len(copy) != spins), None)
        if wrong is not None:
            raise ValueError(f"the embedding has chains for {wrong} spins, the network has {spins}")

    def _check_qubits(self, qubits: Ints, places: Ints, owner: Ints) -> None:
        """Refuses qubits that the chip has not, or that are in two chains."""
        if (places < 0).any():
            k = int(np.argmin(places))
            raise ValueError(f"{self._name(owner[k])}: qubit {qubits[k]} is missing on the chip")
        order = np.argsort(places, kind="stable")
        again = np.flatnonzero(np.diff(places[order]) == 0)
        if again.size:
            k, other = order[again[0]], order[again[0] + 1]
            raise ValueError(
                f"qubit {qubits[k]} is twice in the chains of {self._name(owner[k])}"
                f" and {self._name(owner[other])}"
            )

    def _check_connected(self, chain_of: Ints, places: Ints, owner: Ints) -> None:
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        ends = self.chip.ends
        inside = ends[(chain_of[ends[:, 0]] == chain_of[ends[:, 1]]) & (chain_of[ends[:, 0]] >= 0)]
        size = len(self.chip.qubits)
        graph = coo_array((np.ones(len(inside)), (inside[:, 0], inside[:, 1])), shape=(size, size))
        part = connected_components(graph, directed=False)[1][places]
        first = part[np.searchsorted(owner, owner)]  # of the chain's first qubit
        if (part != first).any():
            k = int(np.argmax(part != first))
            copy, spin = self._place_of(owner[k])
            chain = list(map(int, self.chains[copy][spin]))
            raise ValueError(f"{self._name(owner[k])}: its chain {chain} is not connected")

    def _check_couplings(self, chain_of: Ints) -> None:
        spins, copies = self.network.num_spins, self.num_copies
        ends = np.sort(chain_of[self.chip.ends], axis=1)
        there = np.unique(ends[:, 0] * spins * copies + ends[:, 1])
        couplings = np.sort(np.stack([self.network.rows, self.network.cols], axis=1), axis=1)
        for copy in range(copies):
            wanted = (couplings[:, 0] + copy * spins) * spins * copies + couplings[:, 1] + copy * spins
            missing = ~np.isin(wanted, there)
            if missing.any():
                i, j = couplings[np.argmax(missing)]
                raise ValueError(f"copy {copy}: no coupler of the chip joins the chains of spins {i} and {j}")

    def _name(self, chain: int) -> str:
        copy, spin = self._place_of(chain)
        return f"copy {copy}, spin {spin}"

    def _place_of(self, chain: int) -> tuple[int, int]:
        return divmod(int(chain), len(self.chains[0]))


def _same_couplings(a: Network, b: Network) -> bool:
    return a.num_spins == b.num_spins and same(a.rows, b.rows) and same(a.cols, b.cols)


def _same_graph(a: Chip, b: Chip) -> bool:
    return a.graph_id == b.graph_id and same(a.qubits, b.qubits) and same(a.couplers, b.couplers)


def _is_nested(value: Any, levels: int) -> bool:
    """Tells whether a value is lists of qubits, nested to this number of levels, none of them empty."""
    if levels == 0:
        return type(value) is int
    return isinstance(value, list) and bool(value) and all(_is_nested(item, levels - 1) for item in value)
