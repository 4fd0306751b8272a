"""Minor-embeddings: a network's spins as chains of qubits on a chip, in one copy or several.

A chain is a connected set of qubits that stand for one spin; each coupling of the network has at least one
coupler of the chip between its two chains, and no qubit is in two chains. Copies are disjoint, so that one
call of the chip anneals as many images as there are copies.

Embeddings that were found are kept in the user's cache folder, by network and working graph, and checked
again whenever one is read.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..checks import one_of
from ..chip.graph import Chip, check_graph_id
from ..files.atomic import replace
from ..files.untrusted import read_json
from ..network import Network

METHODS = ("auto", "structured", "minorminer")
# Changes whenever a search finds other embeddings than before, so that none of the old are taken from the
# cache.
SEARCH_VERSION = 3
# Complete bipartite layouts are taken for networks that use at least this part of their couplings.
DENSE_ENOUGH = 0.6
# Seconds for each copy that minorminer looks for.
TIMEOUT = 300
# A copy in what others left is not worth having with chains so many times longer than theirs.
STRETCH = 2

Chains = list[list[int]]


class DoesNotFitError(ValueError):
    """No embedding was found."""


@dataclass(frozen=True, eq=False)
class Embedding:
    """Disjoint copies of a network on a chip.

    Attributes:
        chains: `chains[copy][spin]` are the qubits of a spin, by the chip's numbers.
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

    @property
    def num_copies(self) -> int:
        """How often the network is there."""
        return len(self.chains)

    @property
    def num_qubits(self) -> int:
        """Qubits of all chains of all copies."""
        return int(self.chain_lengths().sum())

    def chain_lengths(self) -> NDArray[np.int64]:
        """Qubits of each chain, copy by copy, int64 (copies * spins,)."""
        return np.array([len(chain) for copy in self.chains for chain in copy], dtype=np.int64)

    def qubits(self) -> NDArray[np.int64]:
        """Qubits of all chains, one after the other."""
        return np.array([q for copy in self.chains for chain in copy for q in chain], dtype=np.int64)

    def verify(self, network: Network, chip: Chip) -> None:
        """Checks everything that makes it an embedding of the network on the chip.

        Raises:
            ValueError: Names the first chain, qubit or coupling that is wrong.
        """
        if self.graph_id != chip.graph_id:
            raise ValueError(
                f"the embedding was made for working graph {self.graph_id}, but the chip has {chip.graph_id}"
            )
        for copy in self.chains:
            if len(copy) != network.num_spins:
                raise ValueError(
                    f"the embedding has chains for {len(copy)} spins, the network has {network.num_spins}"
                )
        lengths, qubits = self.chain_lengths(), self.qubits()
        if not lengths.all():
            raise ValueError(f"{self._name(int(np.argmin(lengths)))} has no qubits")
        owner = np.repeat(np.arange(len(lengths)), lengths)
        places = chip.positions(qubits)
        if (places < 0).any():
            k = int(np.argmin(places))
            raise ValueError(f"{self._name(owner[k])}: qubit {qubits[k]} is missing on the chip")
        chain_of = np.full(len(chip.qubits), -1)
        chain_of[places] = owner
        order = np.argsort(places, kind="stable")
        again = np.flatnonzero(np.diff(places[order]) == 0)
        if again.size:
            k, other = order[again[0]], order[again[0] + 1]
            raise ValueError(
                f"qubit {qubits[k]} is twice in the chains of {self._name(owner[k])}"
                f" and {self._name(owner[other])}"
            )
        self._verify_connected(chip, chain_of, places, owner)
        self._verify_couplings(network, chip, chain_of)

    def _verify_connected(
        self, chip: Chip, chain_of: NDArray[Any], places: NDArray[Any], owner: NDArray[Any]
    ) -> None:
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        ends = chip.ends
        inside = ends[(chain_of[ends[:, 0]] == chain_of[ends[:, 1]]) & (chain_of[ends[:, 0]] >= 0)]
        size = len(chip.qubits)
        graph = coo_array((np.ones(len(inside)), (inside[:, 0], inside[:, 1])), shape=(size, size))
        part = connected_components(graph, directed=False)[1][places]
        first = part[np.searchsorted(owner, owner)]  # of the chain's first qubit
        if (part != first).any():
            k = int(np.argmax(part != first))
            chain = self.chains[owner[k] // len(self.chains[0])][owner[k] % len(self.chains[0])]
            raise ValueError(f"{self._name(owner[k])}: its chain {list(map(int, chain))} is not connected")

    def _verify_couplings(self, network: Network, chip: Chip, chain_of: NDArray[Any]) -> None:
        spins, copies = network.num_spins, self.num_copies
        ends = np.sort(chain_of[chip.ends], axis=1)
        there = np.unique(ends[:, 0] * spins * copies + ends[:, 1])
        couplings = np.sort(np.stack([network.rows, network.cols], axis=1), axis=1)
        for copy in range(copies):
            wanted = (couplings[:, 0] + copy * spins) * spins * copies + couplings[:, 1] + copy * spins
            missing = ~np.isin(wanted, there)
            if missing.any():
                i, j = couplings[np.argmax(missing)]
                raise ValueError(f"copy {copy}: no coupler of the chip joins the chains of spins {i} and {j}")

    def _name(self, chain: int) -> str:
        copy, spin = divmod(int(chain), len(self.chains[0]))
        return f"copy {copy}, spin {spin}"

    def save(self, path: Path) -> None:
        """Writes it as JSON: `graph_id` and `chains`."""
        text = json.dumps({"graph_id": self.graph_id, "chains": self.chains})
        replace(path, text.encode() + b"\n")

    @classmethod
    def load(cls, path: Path, chip: Chip) -> Self:
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
        embedding = cls(copies, graph_id)
        try:
            embedding.qubits()
        except OverflowError:
            raise ValueError(f"{path} holds a qubit with a number of more than 64 bits") from None
        return embedding


def embed(
    network: Network,
    chip: Chip,
    *,
    copies: int | None = 1,
    method: str = "auto",
    seed: int = 0,
    cache: bool = True,
    progress: Callable[[int], object] | None = None,
) -> Embedding:
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
    # No search could find what is not there; minorminer would look for minutes.
    for what, needed, parts, there in (
        ("spins", network.num_spins, "qubits", len(chip.qubits)),
        ("couplings", len(network.rows), "couplers", len(chip.couplers)),
    ):
        if needed > there:
            raise DoesNotFitError(f"the network has {needed} {what}, but {chip.title} has {there} {parts}")
    place = partial(_cache_file, network, chip, method=method, seed=seed)
    if cache:
        known = _cached(place(copies), network, chip)
        if known is None and copies not in (1, None):
            known = _cached(place(None), network, chip)
            # A search for so many finds these, if there are no more.
            known = known if known is not None and known.num_copies <= copies else None
        if known is not None:
            return known
    search = _structured(network) if method != "minorminer" else None
    if method == "structured" and search is None:
        raise DoesNotFitError("there is no structured layout for this network; take method minorminer")
    found: list[Chains] = []
    if search is not None:
        found = search(network, chip, copies, seed, progress)
    # Where qubits are missing, a small network fits between the copies of a rigid pattern.
    if method != "structured" and (not found or search is _cells):
        found = _minorminer(network, chip, copies, seed, progress, found)
    if not found:
        spins, couplings = network.num_spins, len(network.rows)
        raise DoesNotFitError(
            f"a network of {spins} spins and {couplings} couplings was not found to fit on {chip}"
        )
    embedding = Embedding(found, chip.graph_id)
    embedding.verify(network, chip)
    if cache:
        _keep(place(copies if len(found) == copies else None), embedding)
    return embedding


_Search = Callable[[Network, Chip, int | None, int, Callable[[int], object] | None], list[Chains]]


def _structured(network: Network) -> _Search | None:
    """The search that knows the network's structure, if there is one."""
    from .cells import pattern_of

    if pattern_of(network) is not None:
        return _cells
    return None if _two_sides(network) is None else _lines


def _cells(
    network: Network,
    chip: Chip,
    copies: int | None,
    seed: int,
    progress: Callable[[int], object] | None,
) -> list[Chains]:
    from .cells import pack, pattern_of

    pattern = pattern_of(network)
    assert pattern is not None  # asked for before
    found = pack(pattern, network.rows, network.cols, chip, copies, seed)
    if progress is not None:
        progress(len(found))
    return found


def _lines(
    network: Network,
    chip: Chip,
    copies: int | None,
    seed: int,
    progress: Callable[[int], object] | None,
) -> list[Chains]:
    from .tiling import find_bicliques

    sides = _two_sides(network)
    assert sides is not None  # asked for before

    def most(tried: int, layouts: int, copies: int) -> None:
        if progress is not None:
            progress(copies)

    found = []
    for chains in find_bicliques(chip.graph, *map(len, sides), max_copies=copies, seed=seed, progress=most):
        copy: Chains = [[] for _ in range(network.num_spins)]
        for spins, side in zip(sides, chains, strict=True):
            for spin, chain in zip(spins, side, strict=True):
                copy[spin] = sorted(map(int, chain))
        found.append(copy)
    return found


def _two_sides(network: Network) -> tuple[list[int], list[int]] | None:
    """The two sides of a network that is nearly complete between them, the larger first."""
    import networkx as nx

    # nx.Graph(edges) takes a Ctrl-C for edges that it does not know.
    graph = nx.from_edgelist(zip(network.rows.tolist(), network.cols.tolist(), strict=True))
    if len(graph) < network.num_spins or not nx.is_connected(graph) or not nx.is_bipartite(graph):
        return None
    sides = sorted(map(sorted, nx.bipartite.sets(graph)), key=len, reverse=True)
    dense = graph.number_of_edges() >= DENSE_ENOUGH * len(sides[0]) * len(sides[1])
    return (sides[0], sides[1]) if dense else None


def _minorminer(
    network: Network,
    chip: Chip,
    copies: int | None,
    seed: int,
    progress: Callable[[int], object] | None,
    found: list[Chains],
) -> list[Chains]:
    """More copies than those found, one after the other, each on the qubits that the others left."""
    import networkx as nx
    from minorminer import find_embedding

    edges = list(zip(network.rows.tolist(), network.cols.tolist(), strict=True))
    alone = sorted(set(range(network.num_spins)) - {spin for edge in edges for spin in edge})
    free = nx.Graph(chip.graph)
    free.remove_nodes_from(q for copy in found for chain in copy for q in chain)
    found = list(found)
    while copies is None or len(found) < copies:
        chains = find_embedding(edges, free, random_seed=seed % 2**31, timeout=TIMEOUT) if edges else {}
        rest = sorted(set(free.nodes) - {q for chain in chains.values() for q in chain})
        if (edges and not chains) or len(rest) < len(alone):
            break
        longest = max(map(len, chains.values()), default=1)
        if found and longest > STRETCH * max(len(chain) for copy in found for chain in copy):
            break
        chains |= {spin: [qubit] for spin, qubit in zip(alone, rest, strict=False)}
        found.append([sorted(map(int, chains[spin])) for spin in range(network.num_spins)])
        free.remove_nodes_from(q for chain in chains.values() for q in chain)
        if progress is not None:
            progress(len(found))
    return found


def _cache_file(network: Network, chip: Chip, copies: int | None, *, method: str, seed: int) -> Path:
    """Where the answer to a search is kept; one that found fewer copies than it was to find is kept as that
    for as many as fit."""
    from platformdirs import user_cache_path

    digest = hashlib.sha256()
    pairs = np.sort(np.stack([network.rows, network.cols], axis=1), axis=1)
    for part in (
        SEARCH_VERSION,
        chip.family,
        chip.shape,
        chip.graph_id,
        network.num_spins,
        copies,
        method,
        seed,
    ):
        digest.update(f"{part};".encode())
    digest.update(np.asarray(pairs, "<i8").tobytes())
    return user_cache_path("ising-ep") / "embeddings" / f"{digest.hexdigest()[:32]}.json"


def _cached(file: Path, network: Network, chip: Chip) -> Embedding | None:
    """What the cache holds, if it holds an embedding that is right."""
    if not file.is_file():
        return None
    try:
        embedding = Embedding.load(file, chip)
        embedding.verify(network, chip)
    except (ValueError, OSError) as error:
        warnings.warn(f"cached embedding ignored: {file}: {error}", stacklevel=3)
        return None
    return embedding


def _keep(file: Path, embedding: Embedding) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        embedding.save(file)
    except OSError as error:
        warnings.warn(f"the embedding is not kept for the next time: {error}", stacklevel=3)


def _is_nested(value: Any, levels: int) -> bool:
    """Whether it is lists of lists of qubits: so many levels, and none of them empty."""
    if levels == 0:
        return type(value) is int
    return isinstance(value, list) and bool(value) and all(_is_nested(item, levels - 1) for item in value)
