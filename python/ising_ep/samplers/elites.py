"""The lowest states of a search: distinct, with how often each was found."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass
class Elites:
    """Up to `most` distinct states, the lowest energies first.

    Attributes:
        most: States that are kept.
        states: (kept, spins) of -1 and +1.
        energies: (kept,).
        counts: (kept,) rounds that found a state by themselves.
    """

    most: int
    states: NDArray[np.int8]
    energies: NDArray[np.float64]
    counts: NDArray[np.int64]

    @classmethod
    def none(cls, num_spins: int, most: int) -> "Elites":
        """No states yet, of so many spins."""
        return cls(most, np.empty((0, num_spins), np.int8), np.empty(0), np.empty(0, np.int64))

    @property
    def lowest(self) -> float:
        """The lowest energy, infinite where there is no state yet."""
        return float(self.energies[0]) if self.energies.size else np.inf

    def add(self, states: NDArray[np.int8], energies: NDArray[np.float64], *, count: bool) -> None:
        """Adds states (members, spins), which a round found by itself where `count` is set."""
        states, energies = np.concatenate((self.states, states)), np.concatenate((self.energies, energies))
        bits = np.packbits(states > 0, axis=1)
        # A row of bytes as one item, which numpy sorts and compares as a whole.
        rows = (
            np.ascontiguousarray(bits).view(f"V{bits.shape[1]}").ravel()
            if bits.size
            else np.zeros(len(bits))  # states of no spins are all the same
        )
        _, first, where = np.unique(rows, return_index=True, return_inverse=True)
        counts = np.zeros(len(first), np.int64)
        np.add.at(counts, where[: len(self.counts)], self.counts)
        if count:
            counts[np.unique(where[len(self.counts) :])] += 1
        kept = np.lexsort((first, energies[first]))[: self.most]
        self.states, self.energies, self.counts = states[first[kept]], energies[first[kept]], counts[kept]
