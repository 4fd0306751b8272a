"""Machines that do as the paper's published code does, where that differs from the method as described.

Each wraps another machine, so that the learning rule is the package's own. What the published code does is
told from https://github.com/jlaydevant/Ising-Machine-EqProp (MLP/QA-SA).
"""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ising_ep import _core, schedule
from ising_ep.machines import AnnealingMachine, Machine
from ising_ep.machines.usage import Usage
from ising_ep.network import Couplings
from ising_ep.samplers.batch import BatchResult
from ising_ep.samplers.couplings import prepared

States = NDArray[np.int8]
Fields = NDArray[np.float32]
Ids = NDArray[np.uint32]


class Wrapper(Machine):
    """Does what another machine does."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    @cached_property
    def usage(self) -> Usage:
        """See `Machine`."""
        return self.machine.usage

    def sample(
        self,
        couplings: Couplings,
        fields: Fields,
        *,
        initial_states: States | None = None,
        seed: int,
        problem_ids: Ids,
    ) -> BatchResult:
        """See `Machine.sample`."""
        return self.machine.sample(
            couplings, fields, initial_states=initial_states, seed=seed, problem_ids=problem_ids
        )


class FirstRead(Wrapper):
    """Gives the first read of each phase, not the lowest; yet the reverse anneal begins at the lowest."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        self._lowest: dict[int, States] = {}

    def sample(
        self,
        couplings: Couplings,
        fields: Fields,
        *,
        initial_states: States | None = None,
        seed: int,
        problem_ids: Ids,
    ) -> BatchResult:
        """See `Machine.sample`."""
        ids = problem_ids.tolist()
        if initial_states is not None:
            initial_states = np.stack([self._lowest[each] for each in ids])[:, None]
        reads = super().sample(
            couplings, fields, initial_states=initial_states, seed=seed, problem_ids=problem_ids
        )
        if initial_states is None:
            self._lowest = dict(zip(ids, reads.lowest(), strict=True))
        return BatchResult(reads.states[:, :1], reads.energies[:, :1])


class RandomStarts(Wrapper):
    """Begins only the first reverse anneal of an image at its free state, and the others at random."""

    def __init__(self, machine: Machine, num_reads: int) -> None:
        super().__init__(machine)
        self.num_reads = num_reads

    def sample(
        self,
        couplings: Couplings,
        fields: Fields,
        *,
        initial_states: States | None = None,
        seed: int,
        problem_ids: Ids,
    ) -> BatchResult:
        """See `Machine.sample`."""
        if initial_states is not None:
            rng = np.random.default_rng([seed, *problem_ids.tolist()])
            others = (len(fields), self.num_reads - 1, fields.shape[1])
            random = 2 * rng.integers(0, 2, others, dtype=np.int8) - 1
            initial_states = np.concatenate([initial_states[:, :1], random], axis=1)
        return super().sample(
            couplings, fields, initial_states=initial_states, seed=seed, problem_ids=problem_ids
        )


class ClippedHidden(Wrapper):
    """Clips the fields of all spins but the outputs, whose nudge then acts in full.

    The learning rule clips after it has added the nudge; it must be given a limit that the nudge stays in.
    """

    def __init__(self, machine: Machine, outputs: slice, limit: float) -> None:
        super().__init__(machine)
        self.outputs = outputs
        self.limit = limit

    def sample(
        self,
        couplings: Couplings,
        fields: Fields,
        *,
        initial_states: States | None = None,
        seed: int,
        problem_ids: Ids,
    ) -> BatchResult:
        """See `Machine.sample`."""
        clipped = np.clip(fields, -self.limit, self.limit)
        clipped[:, self.outputs] = fields[:, self.outputs]
        return super().sample(
            couplings, clipped, initial_states=initial_states, seed=seed, problem_ids=problem_ids
        )


class FittedRange(AnnealingMachine):
    """Anneals each problem over a range of temperatures fitted to it.

    Hot is where the spin with the largest sum of |h| and |J| flips against all of them with probability 1/2,
    cold where the smallest |h| or |J| of the problem is flipped against with probability 1/100, as in the
    sampler that comes with the published code.
    """

    def __init__(self, *, num_reads: int, num_sweeps: int, reverse_fraction: float, num_threads: int) -> None:
        super().__init__(num_reads=num_reads, num_sweeps=num_sweeps, num_threads=num_threads)
        self.num_sweeps = num_sweeps
        self.reverse_fraction = reverse_fraction

    def sample(
        self,
        couplings: Couplings,
        fields: Fields,
        *,
        initial_states: States | None = None,
        seed: int,
        problem_ids: Ids,
    ) -> BatchResult:
        """See `Machine.sample`."""
        self.usage.problems += len(fields)
        rows, cols, values = couplings
        size = np.abs(values)
        sums = np.bincount(rows, size, fields.shape[1]) + np.bincount(cols, size, fields.shape[1])
        reads = []
        model = prepared(couplings).model(fields.shape[1])
        for k, own in enumerate(fields.astype(np.float64)):
            biases = np.concatenate([np.abs(own), size])
            hot = math.log(2) / (np.abs(own) + sums).max()
            cold = math.log(100) / biases[biases > 0].min()
            betas = schedule.forward(self.num_sweeps, (hot, cold))
            initial = None
            if initial_states is not None:
                betas = schedule.reverse(self.num_sweeps, (hot, cold), self.reverse_fraction)
                initial = np.ascontiguousarray(initial_states[k : k + 1])
            reads.append(
                model.anneal(
                    own[None],
                    _core.Sweeps(betas),
                    num_reads=self.num_reads,
                    initial_states=initial,
                    seed=seed,
                    problem_ids=problem_ids[k : k + 1],
                    num_threads=self.num_threads,
                )
            )
        states, energies, _ = zip(*reads, strict=True)
        return BatchResult(np.concatenate(states), np.concatenate(energies))
