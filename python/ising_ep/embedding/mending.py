"""Chains of a K(left, right) made whole, and as short as they can be."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

Neighbours = dict[int, list[int]]


class BicliqueCopy:
    """One copy of K(left, right): its chains, the left side's first, among qubits of which some are free.

    Mending grows chains over free qubits until each is connected and every coupling is there; trimming takes
    away what is not needed for that.
    """

    def __init__(self, neighbours: Neighbours, chains: Iterable[Iterable[int]], left: int, free: set[int]):
        self._neighbours = neighbours
        self.chains = [set(chain) for chain in chains]
        self._left = left
        self._owner = {q: i for i, chain in enumerate(self.chains) for q in chain}
        self._free = free.difference(self._owner)
        # Number of couplers of the chip between each chain of the left side and each of the right.
        self.couplers = np.zeros((left, len(self.chains) - left), np.int64)
        for i, chain in enumerate(self.chains[:left]):
            for q in chain:
                for n in neighbours[q]:
                    j = self._owner.get(n, -1)
                    if j >= left:
                        self.couplers[i, j - left] += 1

    @property
    def qubits(self) -> int:
        """Qubits in all chains."""
        return len(self._owner)

    @property
    def longest(self) -> int:
        """Qubits in the longest chain."""
        return max(map(len, self.chains))

    def _couplers_of(self, chain: int) -> np.ndarray:
        """A view of the numbers of couplers to the other side's chains."""
        return self.couplers[chain] if chain < self._left else self.couplers[:, chain - self._left]

    def _others(self, qubit: int, chain: int) -> list[int]:
        """Indices, within the other side, of the chains that a qubit would couple the chain to."""
        near = [self._owner[n] for n in self._neighbours[qubit] if n in self._owner]
        if chain < self._left:
            return [j - self._left for j in near if j >= self._left]
        return [j for j in near if j < self._left]

    def _change(self, qubit: int, chain: int, sign: int) -> None:
        couplers = self._couplers_of(chain)
        for j in self._others(qubit, chain):
            couplers[j] += sign

    def _add(self, qubit: int, chain: int) -> None:
        self._free.remove(qubit)
        self._owner[qubit] = chain
        self.chains[chain].add(qubit)
        self._change(qubit, chain, 1)

    def _remove(self, qubit: int, chain: int) -> None:
        self._change(qubit, chain, -1)
        self.chains[chain].remove(qubit)
        del self._owner[qubit]
        self._free.add(qubit)

    def _piece(self, chain: set[int]) -> set[int]:
        """The connected piece of the chain with its lowest qubit."""
        start = min(chain)
        seen, border = {start}, [start]
        while border:
            for n in self._neighbours[border.pop()]:
                if n in chain and n not in seen:
                    seen.add(n)
                    border.append(n)
        return seen

    def _join(self, chain: int) -> bool:
        """Connects the chain's pieces by shortest paths of free qubits; whether there are such."""
        while len(piece := self._piece(qubits := self.chains[chain])) < len(qubits):
            before: dict[int, int | None] = dict.fromkeys(sorted(piece))
            queue, end = list(before), None
            for q in queue:
                for n in self._neighbours[q]:
                    if n in before:
                        continue
                    if n in qubits:
                        end = q
                        break
                    if n in self._free:
                        before[n] = q
                        queue.append(n)
                if end is not None:
                    break
            if end is None:
                return False
            self._grow(chain, end, before)
        return True

    def _grow(self, chain: int, end: int, before: dict[int, int | None]) -> None:
        """Adds the path that ends there."""
        step: int | None = end
        while step is not None and step not in self.chains[chain]:
            self._add(step, chain)
            step = before[step]

    def _reach(self, chain: int, depth: int) -> bool:
        """Grows the chain by the path of free qubits that gains most missing couplings a qubit; whether any
        does."""
        couplers = self._couplers_of(chain)
        best, end = 0.0, None
        before: dict[int, int | None] = dict.fromkeys(sorted(self.chains[chain]))
        gains = {q: frozenset[int]() for q in before}
        border = list(before)
        for distance in range(1, depth + 1):
            wave = []
            for q in border:
                for n in self._neighbours[q]:
                    if n in self._free and n not in before:
                        before[n] = q
                        gains[n] = gains[q].union(j for j in self._others(n, chain) if not couplers[j])
                        wave.append(n)
                        if len(gains[n]) / distance > best:
                            best, end = len(gains[n]) / distance, n
            border = wave
        if end is None:
            return False
        self._grow(chain, end, before)
        return True

    def mend(self, depth: int = 3) -> bool:
        """Grows chains until each is connected and every coupling there; whether that can be."""
        if not all(chain and self._join(i) for i, chain in enumerate(self.chains)):
            return False
        while (missing := self.couplers == 0).any():
            lacking = np.concatenate([missing.sum(axis=1), missing.sum(axis=0)])
            # The chain that lacks most first: what mends one of its couplings may mend others.
            order = np.argsort(-lacking, kind="stable")[: np.count_nonzero(lacking)]
            if not any(self._reach(int(chain), depth) for chain in order):
                return False
        return True

    def trim(self) -> None:
        """Removes qubits while every chain stays connected and every coupling there, from the longest chains
        first."""
        for chain in sorted(range(len(self.chains)), key=lambda i: (-len(self.chains[i]), i)):
            couplers = self._couplers_of(chain)
            kept = None
            while kept != self.chains[chain]:
                kept = set(self.chains[chain])
                for q in sorted(kept):
                    rest = self.chains[chain] - {q}
                    lost = np.bincount(self._others(q, chain), minlength=len(couplers))
                    if (
                        rest
                        and ((couplers > lost) | (lost == 0)).all()
                        and len(self._piece(rest)) == len(rest)
                    ):
                        self._remove(q, chain)

    def whole(self) -> bool:
        """Tells, from the graph alone, whether the copy is whole.

        Every chain is connected, no qubit is in two chains, and every coupling has a coupler.
        """
        owner = {q: i for i, chain in enumerate(self.chains) for q in chain}
        pairs = {(owner[q], owner[n]) for q in owner for n in self._neighbours[q] if n in owner}
        return (
            len(owner) == sum(map(len, self.chains))
            and all(chain and len(self._piece(chain)) == len(chain) for chain in self.chains)
            and all((i, j) in pairs for i in range(self._left) for j in range(self._left, len(self.chains)))
        )
