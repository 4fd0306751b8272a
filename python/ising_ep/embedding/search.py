"""Minor-embeddings: a network's spins as chains of qubits on a chip, in one copy or several.

A chain is a connected set of qubits that stand for one spin; each coupling of the network has at least one
coupler of the chip between its two chains, and no qubit is in two chains. Copies are disjoint, so that one
call of the chip anneals as many images as there are copies.

Embeddings that were found are kept in the user's cache folder, by network and working graph, and checked
again whenever one is read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..checks import one_of
from ..chip.graph import Chip
from ..network import Network
from .cache import cache_file, keep_cached, read_cached
from .patterns import Pattern, pattern_of
from .placed import Chains, Embedding, Placed

METHODS = ("auto", "structured", "minorminer")
# Complete bipartite layouts are taken for networks that use at least this part of their couplings.
DENSE_ENOUGH = 0.6
# Seconds for each copy that minorminer looks for.
TIMEOUT = 300
# A copy in what others left is not worth having with chains so many times longer than theirs.
STRETCH = 2

Progress = Callable[[int], object]
Sides = tuple[list[int], list[int]]


class DoesNotFitError(ValueError):
    """No embedding was found."""


def embed(
    network: Network,
    chip: Chip,
    *,
    copies: int | None = 1,
    method: str = "auto",
    seed: int = 0,
    cache: bool = True,
    progress: Progress | None = None,
) -> Placed:
    """Finds disjoint copies of a network on a chip.

    Args:
        network: What to embed.
        chip: Where.
        copies: How many at most, or None for as many as are found to fit.
        method: "structured" lays networks that are complete between two sides along the chip's lines of
            qubits, and the paper's convolutional network cell by cell; "minorminer" searches for any
            network; "auto" tries them in this order.
        seed: Of the search.
        cache: Whether to look in the user's cache folder first, and to leave there what is found.
        progress: Called with the number of copies found so far.

    Returns:
        A verified embedding, of one copy at least.

    Raises:
        DoesNotFitError: If not even one copy was found.
        ValueError: If an argument is none of the above.

    Example:
        >>> from ising_ep.network import FullyConnected
        >>> network = FullyConnected(64, (8, 4), num_classes=4)
        >>> embedding = embed(network, Chip.perfect("chimera", 4), cache=False)
        >>> embedding.num_copies, int(embedding.chain_lengths().max())
        (1, 2)
    """
    one_of("method", method, METHODS)
    if copies is not None and copies < 1:
        raise ValueError(f"copies is {copies}, expected at least 1")
    _check_room(network, chip)
    search = Search(network, chip, copies, method, seed, progress)
    known = search.known() if cache else None
    if known is not None:
        return known
    found = search.find()
    if not found:
        spins, couplings = network.num_spins, len(network.rows)
        raise DoesNotFitError(
            f"a network of {spins} spins and {couplings} couplings was not found to fit on {chip}"
        )
    placed = Embedding(found, chip.graph_id).verify(network, chip)
    if cache:
        # A search that found fewer copies than it was to find has found as many as fit.
        keep_cached(search.file(copies if len(found) == copies else None), placed)
    return placed


def _check_room(network: Network, chip: Chip) -> None:
    """Refuses what no search could find; minorminer would look for minutes."""
    for what, needed, parts, there in (
        ("spins", network.num_spins, "qubits", len(chip.qubits)),
        ("couplings", len(network.rows), "couplers", len(chip.couplers)),
    ):
        if needed > there:
            raise DoesNotFitError(f"the network has {needed} {what}, but {chip.title} has {there} {parts}")


@dataclass(frozen=True, eq=False)
class Search:
    """A search for disjoint copies of a network on a chip; the attributes are the arguments of `embed`."""

    network: Network
    chip: Chip
    copies: int | None
    method: str
    seed: int
    progress: Progress | None

    def file(self, copies: int | None) -> Path:
        """File of the cache for a number of copies, or for as many as fit."""
        return cache_file(self.network, self.chip, copies, self.method, self.seed)

    def known(self) -> Placed | None:
        """Reads from the cache what the search would find; None if the cache does not hold it."""
        known = read_cached(self.file(self.copies), self.network, self.chip)
        if known is None and self.copies not in (1, None):
            known = read_cached(self.file(None), self.network, self.chip)
            # A search for so many copies finds as many as fit, if there are no more.
            known = known if known is not None and known.num_copies <= self.copies else None
        return known

    def find(self) -> list[Chains]:
        """The chains of each copy that is found.

        Raises:
            DoesNotFitError: If a structured layout is asked for, and there is none for the network.
        """
        if self.method == "minorminer":
            return self._by_minorminer([])
        pattern = pattern_of(self.network)
        sides = None if pattern else self._sides()
        if pattern:
            found = self._by_cells(pattern)
        elif sides:
            found = self._by_lines(sides)
        elif self.method == "structured":
            raise DoesNotFitError("there is no structured layout for this network; take method minorminer")
        else:
            found = []
        # A small network fits between the copies of a rigid pattern where qubits are missing.
        if self.method == "auto" and (pattern or not found):
            found = self._by_minorminer(found)
        return found

    def _say(self, copies: int) -> None:
        if self.progress is not None:
            self.progress(copies)

    def _by_cells(self, pattern: Pattern) -> list[Chains]:
        from .cells import pack

        found = pack(pattern, self.chip, self.copies, self.seed)
        self._say(len(found))
        return found

    def _sides(self) -> Sides | None:
        """The two sides of a network that is nearly complete between them, the larger first."""
        import networkx as nx

        rows, cols = self.network.rows.tolist(), self.network.cols.tolist()
        # nx.Graph(edges) takes a Ctrl-C for edges that it does not know.
        graph = nx.from_edgelist(zip(rows, cols, strict=True))
        if len(graph) < self.network.num_spins or not nx.is_connected(graph) or not nx.is_bipartite(graph):
            return None
        left, right = sorted(map(sorted, nx.bipartite.sets(graph)), key=len, reverse=True)
        dense = graph.number_of_edges() >= DENSE_ENOUGH * len(left) * len(right)
        return (left, right) if dense else None

    def _by_lines(self, sides: Sides) -> list[Chains]:
        from .tiling import find_bicliques

        copies = find_bicliques(
            self.chip.graph,
            *map(len, sides),
            max_copies=self.copies,
            seed=self.seed,
            progress=lambda tried, layouts, copies: self._say(copies),
        )
        return [self._in_order(sides, chains) for chains in copies]

    def _in_order(self, sides: Sides, chains: tuple[Chains, Chains]) -> Chains:
        """The chains of the two sides by the numbers of their spins."""
        of_spin = {
            spin: sorted(map(int, chain))
            for spins, side in zip(sides, chains, strict=True)
            for spin, chain in zip(spins, side, strict=True)
        }
        return [of_spin[spin] for spin in range(self.network.num_spins)]

    def _by_minorminer(self, found: list[Chains]) -> list[Chains]:
        """More copies than those found, one after the other, each on the qubits that the others left."""
        import networkx as nx
        from minorminer import find_embedding

        edges = list(zip(self.network.rows.tolist(), self.network.cols.tolist(), strict=True))
        spins = range(self.network.num_spins)
        alone = sorted(set(spins) - {spin for edge in edges for spin in edge})
        free = nx.Graph(self.chip.graph)
        free.remove_nodes_from(q for copy in found for chain in copy for q in chain)
        found = list(found)
        while self.copies is None or len(found) < self.copies:
            seed = self.seed % 2**31
            chains = find_embedding(edges, free, random_seed=seed, timeout=TIMEOUT) if edges else {}
            rest = sorted(set(free.nodes) - {q for chain in chains.values() for q in chain})
            if (edges and not chains) or len(rest) < len(alone):
                break
            longest = max(map(len, chains.values()), default=1)
            if found and longest > STRETCH * max(len(chain) for copy in found for chain in copy):
                break
            chains |= {spin: [qubit] for spin, qubit in zip(alone, rest, strict=False)}
            found.append([sorted(map(int, chains[spin])) for spin in spins])
            free.remove_nodes_from(q for chain in chains.values() for q in chain)
            self._say(len(found))
        return found
