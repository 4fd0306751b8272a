"""Interface of a chip, or a model of one, that anneals problems on qubits; and its anneal schedules."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..chip import Chip
from .usage import Usage

Schedule = Sequence[tuple[float, float]]
# Spins, or a bit of each: see `Annealer.sample`.
Reads = NDArray[np.int8] | NDArray[np.uint8]


class Annealer(ABC):
    """Base class of chips, and of what stands for one: they anneal problems on qubits.

    Attributes:
        chip: Its working graph.
        reverses: Whether it anneals in reverse, or does what comes nearest.
        shared: As `Machine.shared`.
        busy: As `Machine.busy`.
        usage: What it has been used for; its counts of problems and of QPU time are the annealer's to keep.
    """

    chip: Chip
    reverses: bool = True
    shared: bool = True
    busy: bool = False

    @cached_property
    def usage(self) -> Usage:
        """See the class."""
        return Usage()

    def keep(self, folder: Path) -> None:
        """See `Machine.keep`."""
        return

    def saved(self, usage: Usage) -> None:
        """See `Machine.saved`."""
        return

    def close(self) -> None:
        """See `Machine.close`."""
        return

    @abstractmethod
    def sample(
        self,
        qubits: NDArray[np.int64],
        couplers: NDArray[np.int64],
        fields: NDArray[np.float64],
        couplings: NDArray[np.float64],
        *,
        schedule: Schedule,
        num_reads: int,
        initial_states: NDArray[np.int8] | None,
        seed: int,
        problem_ids: NDArray[np.uint32],
    ) -> Reads:
        """Anneals each problem.

        Args:
            qubits: ``(qubits,)`` numbers of those in use.
            couplers: ``(couplers, 2)`` numbers of the qubits at their ends.
            fields: ``(problems, qubits)`` h.
            couplings: ``(problems, couplers)`` J.
            schedule: Points of time, in microseconds, and anneal fraction s.
            num_reads: Reads of each problem.
            initial_states: ``(problems, qubits)`` for a reverse anneal, else None.
            seed: Seed of its random numbers, if it has any.
            problem_ids: ``(problems,)``; with the seed it names each problem's random numbers.

        Returns:
            int8 ``(problems, num_reads, qubits)``; or as many reads in bits, uint8 ``(problems, num_reads,
            ceil(qubits / 8))``, as of ``np.packbits(reads > 0, axis=2)``.
        """


def schedules(annealing_time: float, reverse_fraction: float) -> tuple[Schedule, Schedule]:
    """The forward anneal of the free phase, and the reverse anneal of the nudge.

    Example:
        >>> schedules(20.0, 0.25)
        ([(0.0, 0.0), (20.0, 1.0)], [(0.0, 1.0), (15.0, 0.25), (30.0, 1.0)])
    """
    back = annealing_time * (1 - reverse_fraction)
    # An anneal that goes back by nothing still takes its time, at s = 1.
    turn = [(back, reverse_fraction), (2 * back, 1.0)] if back else [(annealing_time, 1.0)]
    return [(0.0, 0.0), (annealing_time, 1.0)], [(0.0, 1.0), *turn]
