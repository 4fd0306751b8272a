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
        initial_states: NDArray[np.int8] | None = None,
        seed: int,
        problem_ids: NDArray[np.uint32],
    ) -> BatchResult:
        """See `Machine.sample`."""
        model, call = self._call(couplings, fields, initial_states, seed, problem_ids)
        states, energies, _ = model.anneal(**call)
        return BatchResult(states, energies)

    def sample_states(
        self,
        couplings: Couplings,
        fields: NDArray[np.float32],
        *,
        initial_states: NDArray[np.int8] | None = None,
        seed: int,
        problem_ids: NDArray[np.uint32],
    ) -> NDArray[np.int8]:
        """The states of `sample` alone: energies take up to a tenth of its time."""
        model, call = self._call(couplings, fields, initial_states, seed, problem_ids)
        states, *_ = model.anneal(**call, energies=False)
        return states

    def _call(
        self,
        couplings: Couplings,
        fields: NDArray[np.float32],
        initial_states: NDArray[np.int8] | None,
        seed: int,
        problem_ids: NDArray[np.uint32],
    ) -> tuple[_core.Model, dict[str, Any]]:
        """The model of the couplings, and what its `anneal` is called with; counts the problems."""
        self.usage.problems += len(fields)
        return prepared(couplings).model(fields.shape[1]), {
            "fields": np.ascontiguousarray(fields),
            "method": self._method(initial_states is not None),
            "num_reads": self.num_reads,
            "seed": seed,
            "problem_ids": problem_ids,
            "initial_states": None if initial_states is None else np.ascontiguousarray(initial_states),
            "num_threads": self.num_threads,
        }

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
