"""Ising machines: whatever takes couplings and fields and gives back low-energy states."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..batch import BatchResult
from ..network import Couplings
from ..usage import Usage
from .annealing import AnnealingMachine

__all__ = ["AnnealingMachine", "Machine"]


class Machine(Protocol):
    """What training asks of a machine.

    Attributes:
        usage: What it has been used for; a run that goes on restores it.
    """

    @property
    def usage(self) -> Usage:
        """See above."""
        ...

    def sample(
        self,
        couplings: Couplings,
        fields: NDArray[np.float32],
        *,
        initial_states: NDArray[np.int8] | None = None,
        seed: int,
        problem_ids: NDArray[np.uint32],
    ) -> BatchResult:
        """Anneals a batch of problems that share their couplings.

        Args:
            couplings: ``(rows, cols, values)`` of the couplings.
            fields: ``(batch, spins)``.
            initial_states: None for a forward anneal; else a reverse anneal from these states,
                ``(batch, reads, spins)`` or ``(batch, 1, spins)``.
            seed: Seed of the machine's random numbers, if it has any.
            problem_ids: ``(batch,)``; with the seed it names each problem's random numbers.

        Returns:
            States ``(batch, reads, spins)`` and energies ``(batch, reads)``.
        """
        ...
