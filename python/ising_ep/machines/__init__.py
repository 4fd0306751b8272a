"""Ising machines: whatever takes couplings and fields and gives back low-energy states."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..network import Couplings
from ..samplers.batch import BatchResult
from .annealing import AnnealingMachine
from .usage import Usage

__all__ = ["AnnealingMachine", "Machine", "check_answer", "check_machine"]


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


def check_machine(machine: Machine) -> None:
    """Refuses what cannot count what it is used for.

    Raises:
        TypeError: If it has no `usage`.
    """
    if not isinstance(getattr(machine, "usage", None), Usage):
        raise TypeError(
            f"machine {type(machine).__name__} has no usage, expected an"
            " ising_ep.machines.usage.Usage, in which it counts its problems"
        )


def check_answer(answer: BatchResult, shape: tuple[int, ...], levels: tuple[int, int]) -> None:
    """Refuses what a machine must not answer, where it is made and not where it comes out.

    Args:
        answer: Of `Machine.sample`.
        shape: Of the fields that it was given, ``(batch, spins)``.
        levels: The two values of a spin.

    Raises:
        TypeError: If it is no `BatchResult`.
        ValueError: If its states or energies are not of these problems, or no spins and numbers.

    Example:
        >>> states, energies = np.ones((2, 5, 3), dtype=np.int8), np.zeros((2, 5))
        >>> check_answer(BatchResult(states, energies), (2, 3), (-1, 1))
        >>> check_answer(BatchResult(states - 1, energies), (2, 3), (-1, 1))
        Traceback (most recent call last):
        ...
        ValueError: the machine answered with other states than spins of -1 and 1
    """
    if not isinstance(answer, BatchResult):
        raise TypeError(f"the machine answered with a {type(answer).__name__}, expected a BatchResult")
    states, energies = np.asarray(answer.states), np.asarray(answer.energies)
    batch, spins = shape
    if states.ndim != 3 or (len(states), states.shape[2]) != (batch, spins) or not states.shape[1]:
        raise ValueError(
            f"the machine answered with states {states.shape}, expected (batch, reads, spins) ="
            f" ({batch}, at least 1, {spins})"
        )
    if states.dtype != np.int8:
        raise ValueError(f"the machine answered with states of {states.dtype}, expected int8")
    if sum(np.count_nonzero(states == level) for level in levels) != states.size:
        raise ValueError(f"the machine answered with other states than spins of {levels[0]} and {levels[1]}")
    if energies.shape != states.shape[:2]:
        raise ValueError(
            f"the machine answered with energies {energies.shape}, expected (batch, reads) ="
            f" {states.shape[:2]}"
        )
    if energies.dtype.kind not in "fiu" or np.isnan(energies.min()):
        raise ValueError("the machine answered with energies that are no numbers")
