"""`Machine`, the base class of all machines, and the checks of what one is and answers."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks import instance, is_levels, is_real
from ..network import Couplings
from ..samplers.batch import BatchResult
from ..samplers.temperature import effective_beta
from .usage import Usage


class Machine(ABC):
    """Base class of the machines that take couplings and fields and give back states of low energy.

    A machine of your own derives from it and has a `sample`. All else has a default: change what is different
    of your machine.

    Attributes:
        levels: The two values of a spin, the lower one first.
        continuous: Whether its states are numbers between its levels, float32, in place of spins: means.
        field_limit: Size that fields are clipped to before the machine gets them; None for the
            ``field_limit`` of the run, ``inf`` for none.
        shared: Whether workers of a scheduler may have a copy of it each, and share the work.
        images_together: Images that are annealed together, so that the answer for one may depend on the
            others; 1 if it depends on none.
        busy: Whether it waits for an answer that is not lost when the wait is interrupted. Only then is it
            interrupted.
        usage: What it has been used for, which `sample` counts; a run that goes on restores it.

    Example:
        A machine that answers with the better of two random states.

        >>> class Guess(Machine):
        ...     def sample(self, couplings, fields, *, initial_states=None, seed, problem_ids):
        ...         self.usage.problems += len(fields)
        ...         rng = np.random.default_rng([seed, *problem_ids])
        ...         states = 2 * rng.integers(2, size=(len(fields), 2, fields.shape[1]), dtype=np.int8) - 1
        ...         rows, cols, values = couplings
        ...         energies = (states[..., rows] * states[..., cols]) @ values
        ...         return BatchResult(states, energies + (states @ fields[..., None])[..., 0])
        >>> couplings = np.array([0]), np.array([1]), np.array([-1.0])
        >>> ids = np.zeros(1, dtype=np.uint32)
        >>> Guess().sample(couplings, np.zeros((1, 2)), seed=0, problem_ids=ids).states.shape
        (1, 2, 2)
    """

    levels: tuple[int, int] = (-1, 1)
    continuous: bool = False
    field_limit: float | None = None
    shared: bool = True

    @property
    def images_together(self) -> int:
        """See the class."""
        return 1

    @property
    def busy(self) -> bool:
        """See the class."""
        return False

    @cached_property
    def usage(self) -> Usage:
        """See the class."""
        return Usage()

    @abstractmethod
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

    def inverse_temperature(
        self, couplings: Couplings, fields: NDArray[np.float32], states: NDArray[np.int8]
    ) -> float:
        """Inverse temperature at which each spin of its reads stands against its local field.

        A machine that sets its temperature says it. By default it is estimated from the reads, by
        `ising_ep.samplers.temperature.effective_beta`.

        Args:
            couplings: As for `sample`.
            fields: As for `sample`.
            states: What it answered with, ``(batch, reads, spins)``.

        Returns:
            The inverse temperature, infinite where all states are local minima.
        """
        problems, reads, spins = states.shape
        with warnings.catch_warnings(category=UserWarning):  # that all states are minima: it is infinite
            warnings.simplefilter("ignore")
            each = np.repeat(fields, reads, axis=0).astype(np.float64)
            return effective_beta(states.reshape(problems * reads, spins), couplings, each).beta

    def cost(self) -> str | None:
        """Describes the machine's use and its cost in a line; None if there is nothing to say."""
        return None

    def keep(self, folder: Path) -> None:
        """Writes into a run folder what the machine is built from again; `Work.folder` names it then.

        What is there already stays.
        """
        return

    def saved(self, usage: Usage) -> None:
        """Takes note that a checkpoint holds all that was asked for up to this usage."""
        return

    def close(self) -> None:
        """Closes what it holds open; it is not used any longer. Who built it calls this."""
        return


def check_machine(machine: object) -> None:
    """Refuses what is no `Machine`, or says of itself what none can be.

    Raises:
        TypeError: If it is no `Machine`, or has no usage.
        ValueError: If its levels are no tuple of two integers, the lower one first, or its field limit is no
            positive number.

    Example:
        >>> class Inverted(Machine):
        ...     levels = (1, -1)
        ...     def sample(self, couplings, fields, **given): ...
        >>> check_machine(Inverted())
        Traceback (most recent call last):
        ...
        ValueError: machine Inverted has levels (1, -1), expected a tuple of two integers, the lower one first
    """
    name = type(machine).__name__
    if not isinstance(machine, Machine):
        if isinstance(machine, type) or not hasattr(machine, "sample"):
            instance("machine", machine, Machine)
        raise TypeError(
            f"machine {name} is no ising_ep.machines.Machine: write class {name}(Machine), and all that it"
            " does not say is by default"
        )
    if not isinstance(machine.usage, Usage):
        raise TypeError(
            f"machine {name} has no usage, expected an ising_ep.machines.usage.Usage, in which it counts its"
            " problems"
        )
    levels: object = machine.levels
    if not is_levels(levels):
        raise ValueError(
            f"machine {name} has levels {levels!r}, expected a tuple of two integers, the lower one first"
        )
    limit: object = machine.field_limit
    if limit is not None and not (is_real(limit) and float(limit) > 0):
        raise ValueError(f"machine {name} has field_limit {limit!r}, expected a number > 0, or None")


def check_answer(
    answer: BatchResult,
    shape: tuple[int, ...],
    levels: tuple[int, int],
    num_reads: int | None = None,
    *,
    continuous: bool = False,
) -> None:
    """Refuses what a machine must not answer, where it is made and not where it comes out.

    Args:
        answer: Of `Machine.sample`.
        shape: Of the fields that it was given, ``(batch, spins)``.
        levels: The two values of a spin.
        num_reads: How many reads it must have; None for any number.
        continuous: Whether its states are numbers from level to level.

    Raises:
        TypeError: If it is no `BatchResult` of arrays.
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
    for name, value in (("states", answer.states), ("energies", answer.energies)):
        if not isinstance(value, np.ndarray):
            raise TypeError(
                f"the machine answered with {name} in a {type(value).__name__}, expected a numpy array"
            )
    states, energies = answer.states, answer.energies
    batch, spins = shape
    if states.ndim != 3 or (len(states), states.shape[2]) != (batch, spins) or not states.shape[1]:
        raise ValueError(
            f"the machine answered with states {states.shape}, expected (batch, reads, spins) ="
            f" ({batch}, {num_reads or 'at least 1'}, {spins})"
        )
    if num_reads is not None and states.shape[1] != num_reads:
        raise ValueError(
            f"the machine answered with {states.shape[1]} reads, expected {num_reads}, one from each of the"
            " initial states"
        )
    _check_states(states, levels, continuous)
    if energies.shape != states.shape[:2]:
        raise ValueError(
            f"the machine answered with energies {energies.shape}, expected (batch, reads) ="
            f" {states.shape[:2]}"
        )
    if energies.dtype.kind not in "fiu" or not np.isfinite(energies).all():
        raise ValueError("the machine answered with energies that are no finite numbers")


def _check_states(states: NDArray[Any], levels: tuple[int, int], continuous: bool) -> None:
    """Refuses states that are no spins of these levels, or no numbers between them."""
    wanted = np.dtype(np.float32 if continuous else np.int8)
    if states.dtype != wanted:
        raise ValueError(f"the machine answered with states of {states.dtype}, expected {wanted}")
    low, high = levels
    if continuous:
        if not ((states >= low) & (states <= high)).all():
            raise ValueError(f"the machine answered with other states than numbers from {low} to {high}")
    elif sum(np.count_nonzero(states == level) for level in levels) != states.size:
        raise ValueError(f"the machine answered with other states than spins of {low} and {high}")
