"""Base class of the machines that the Rust core runs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..network import Couplings
from ..samplers.batch import BatchResult
from ..samplers.couplings import prepared
from .machine import Machine


class CoreMachine(Machine):
    """Runs the core by a method, which a subclass says.

    Attributes:
        num_reads: Runs of each problem.
        num_threads: Threads, or None for all cores. The result does not depend on it.
    """

    num_reads: int
    num_threads: int | None

    def sample(
        self,
        couplings: Couplings,
        fields: NDArray[np.float32],
        *,
        initial_states: NDArray[Any] | None = None,
        seed: int,
        problem_ids: NDArray[np.uint32],
    ) -> BatchResult:
        """See `Machine.sample`."""
        states, energies = self._run(couplings, fields, initial_states, seed, problem_ids)
        assert energies is not None
        return BatchResult(states, energies)

    def sample_states(
        self,
        couplings: Couplings,
        fields: NDArray[np.float32],
        *,
        initial_states: NDArray[Any] | None = None,
        seed: int,
        problem_ids: NDArray[np.uint32],
    ) -> NDArray[Any]:
        """The states of `sample` alone: energies take up to a tenth of its time."""
        states, _ = self._run(couplings, fields, initial_states, seed, problem_ids, energies=False)
        return states

    def _run(
        self,
        couplings: Couplings,
        fields: NDArray[np.float32],
        begun: NDArray[Any] | None,
        seed: int,
        problem_ids: NDArray[np.uint32],
        energies: bool = True,
    ) -> tuple[NDArray[Any], NDArray[np.float64] | None]:
        """States that the core answers with, and energies if asked for; counts the problems."""
        self.usage.problems += len(fields)
        states, found, _ = (
            prepared(couplings)
            .model(fields.shape[1])
            .anneal(
                np.ascontiguousarray(fields),
                self._method(begun is not None),
                num_reads=self.num_reads,
                seed=seed,
                problem_ids=problem_ids,
                initial_states=None if begun is None else np.ascontiguousarray(begun),
                num_threads=self.num_threads,
                energies=energies,
            )
        )
        return states, found

    def _method(self, from_states: bool) -> _core.Sweeps | _core.Flow:
        """Method of the core for a run, from the states given or from the beginning."""
        raise NotImplementedError


def vouched_for(machine: object, levels: tuple[int, int]) -> CoreMachine | None:
    """The machine, if its answers are the core's own and spins of these levels.

    They then need no check, and may come without energies. A machine whose `sample` is another is not.
    """
    if not isinstance(machine, CoreMachine) or levels != (-1, 1):
        return None
    return machine if getattr(machine.sample, "__func__", None) is CoreMachine.sample else None
