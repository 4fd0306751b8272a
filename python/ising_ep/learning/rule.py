"""Equilibrium propagation on an Ising machine.

After Laydevant, Markovic, Grollier, "Training an Ising machine with equilibrium propagation", Nat.
Commun. 15, 3671 (2024), https://doi.org/10.1038/s41467-024-46879-4.

1. *Free phase.* The input enters as fields on the first layer; the machine anneals to a state of low
   energy E. Its output spins are the prediction.
2. *Nudge phase.* The cost C = |s_out - t|^2 / 2 is added to the energy, E + beta C. As s^2 = 1 for a
   spin, that is a field -beta t on the outputs (and -beta (t - 1/2) on neurons of 0 and 1, where
   s^2 = s). The machine anneals again, in reverse, from the free state: it is pulled towards the target
   t without forgetting where it was.
3. *Gradient.* Every parameter p compares the two states at its own place,

       g = 1 / beta (dE/dp |nudge - dE/dp |free),

   in a fully connected network

       g of W_l = 1 / beta (s_l s_{l+1}^T |nudge - s_l s_{l+1}^T |free)
       g of W_0 = 1 / beta x (s_1 |nudge - s_1 |free)^T
       g of b_l = 1 / beta (s_{l+1} |nudge - s_{l+1} |free)

   averaged over images and reads. How the parameters follow it is up to an optimizer (`optimizers`).

An image whose free outputs are the target already would be nudged to where it is: it is skipped.

*Symmetric nudge*, not of the paper. The outputs are pulled by half their error, e = (t - <o>) / 2, with <o>
their mean over the reads that are kept of the free phase, and both ways: fields -beta e and +beta e give two
states, from the same free one by the same random numbers, and these are compared, over 2 beta:

    g = 1 / (2 beta) (dE/dp |+beta - dE/dp |-beta)

For averages at a temperature this is the gradient of the squared error |t - <o>|^2 / 4 with a bias of
O(beta^2). The bias of the one-sided nudge is O(beta) (Laborieux et al., Front. Neurosci. 15, 633674 (2021),
https://doi.org/10.3389/fnins.2021.633674). Spins of ±1 as well as neurons of 0 and 1 are pulled as hard as in
2. where all reads are wrong, and not at all where all are right. (-beta t and +beta t would be no such pair:
the cost is linear in a spin, so they know the target and not the error.) Where one read is kept, pushing away
seldom moves an output, which is wrong already, and steps are half as large.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ..checks import check_step, integer, one_of, real
from ..machines import Machine, check_answer
from ..machines.core_machine import vouched_for
from ..network import STATISTICS, Couplings, Network, Parameters, Reads, Statistic
from .means import conditional_means
from .optimizers import SGD, Optimizer
from .shards import shard_weights, shards, total

# How far an output may be from its target and be right. Spins are at it or at the other level.
RIGHT = 0.1


@runtime_checkable
class Rule(Protocol):
    """Interface of a learning rule: `EquilibriumPropagation`, or one of your own."""

    @property
    def network(self) -> Network:
        """The network."""
        ...

    @property
    def machine(self) -> Machine:
        """Machine that anneals."""
        ...

    @property
    def optimizer(self) -> Optimizer:
        """Optimizer that steps the parameters along the gradient."""
        ...

    @property
    def seed(self) -> int:
        """Seed of every anneal."""
        ...

    def with_seed(self, seed: int) -> Self:
        """The same rule with another seed."""
        ...

    def compare(
        self,
        parameters: Parameters,
        x: NDArray[np.float32],
        target: NDArray[np.float32],
        ids: NDArray[np.uint32],
        weights: NDArray[np.floating] | None = None,
    ) -> tuple[Parameters, NDArray[np.float32]]:
        """Learns from a batch of images.

        Args:
            parameters: Those of the network; not changed.
            x: Images ``(batch, num_inputs)``.
            target: Outputs wanted ``(batch, outputs)``, as `Network.targets` gives them.
            ids: Number of each image ``(batch,)``, which names its random numbers.
            weights: What each image counts ``(batch,)``; None for 1.

        Returns:
            The gradient, averaged over the batch, which may lack parameters whose gradient is 0; and the
            outputs ``(batch, outputs)`` of the free phase, by which the images are classified.
        """
        ...

    def predict(
        self, parameters: Parameters, batches: Iterable[tuple[NDArray[np.float32], NDArray[np.uint32]]]
    ) -> Iterator[NDArray[np.float32]]:
        """Gives the outputs of the free phase of each batch of images and ids."""
        ...


@dataclass(frozen=True)
class EquilibriumPropagation:
    """Equilibrium propagation: a network, the machine that it runs on, and the settings of the two phases.

    Args:
        network: The network.
        machine: What anneals.
        nudge: Strength beta of the nudge, not 0.
        symmetric: Whether nudges of the error, +beta and -beta, are compared (see the module), in place of
            the paper's nudge and the free state.
        statistic: ``"lowest"`` keeps the read of lowest energy of each phase, as the paper does;
            ``"average"`` averages spins and their products over all reads; ``"conditional"`` averages the
            means of the spins given their neighbours, and their products with these (`network.Reads`), at
            the machine's inverse temperature. (A chip begins the nudge of all reads of an image at the first
            one: `machines.embedded`.)
        field_limit: Fields are clipped to this size, the range of the chip.
        seed: Seed of every anneal.
        optimizer: How parameters follow the gradient: `SGD` or `Adam`, or either `Centred`.

    Raises:
        ValueError: If a setting is out of range, or the network has nothing that it could act on.
    """

    network: Network
    machine: Machine
    nudge: float = 5.0
    symmetric: bool = False
    statistic: Statistic = "lowest"
    field_limit: float = 4.0
    seed: int = 0
    optimizer: Optimizer = field(default_factory=SGD)

    def __post_init__(self) -> None:
        one_of("statistic", self.statistic, STATISTICS)
        if self.statistic == "conditional" and self.network.levels != (-1, 1):
            raise ValueError(
                f"statistic is conditional, but the network has neurons of {self.network.levels[0]} and"
                f" {self.network.levels[1]}, expected spins of -1 and 1"
            )
        if not hasattr(self.optimizer, "step"):
            raise ValueError(f"optimizer is {self.optimizer!r}, expected one such as learning.SGD()")
        integer("seed", self.seed, 0, 2**64 - 1)
        real("field_limit", self.field_limit)
        check_step(real("nudge", self.nudge))
        self.optimizer.check(self.network, self.nudge)

    def with_seed(self, seed: int) -> Self:
        """The same rule with another seed."""
        return replace(self, seed=seed)

    def free_phase(
        self, parameters: Parameters, fields: NDArray[np.float32], ids: NDArray[np.uint32]
    ) -> Reads:
        """Anneals the input alone, given as ``network.fields(parameters, x)``.

        Returns:
            The reads that are kept, ``(batch, reads, spins)``.
        """
        return self._anneal(parameters, fields, None, ids)

    def nudge_phase(
        self,
        parameters: Parameters,
        fields: NDArray[np.float32],
        target: NDArray[np.float32],
        free: Reads,
        ids: NDArray[np.uint32],
    ) -> Reads:
        """Anneals on from the free states with the outputs pulled towards ``target``."""
        outputs = self.network.outputs
        off = np.abs(free.states[:, :, outputs] - target[:, None])
        wrong = np.asarray((off > RIGHT).any(axis=(1, 2)))
        if not wrong.any():
            return free
        pulled, begun = fields[wrong], free[wrong]
        pulled[:, outputs] -= self.nudge * self._pull(target[wrong], begun)
        return free.replaced(wrong, self._anneal(parameters, pulled, begun, ids[wrong]))

    def compare(
        self,
        parameters: Parameters,
        x: NDArray[np.float32],
        target: NDArray[np.float32],
        ids: NDArray[np.uint32],
        weights: NDArray[np.floating] | None = None,
    ) -> tuple[Parameters, NDArray[np.float32]]:
        """Both phases of a batch: their `gradient`, and the `outputs` of the free one."""
        free, first, second = self.phases(parameters, x, target, ids)
        return self.gradient(x, first, second, weights), self.outputs(free)

    def phases(
        self,
        parameters: Parameters,
        x: NDArray[np.float32],
        target: NDArray[np.float32],
        ids: NDArray[np.uint32],
    ) -> tuple[Reads, Reads, Reads]:
        """Reads ``(batch, reads, spins)`` of the free phase, and the first and second to compare."""
        fields = self.network.fields(parameters, x)
        free = self.free_phase(parameters, fields, ids)
        nudged = self.nudge_phase(parameters, fields, target, free, ids)
        if not self.symmetric:
            return free, free, nudged
        opposite = replace(self, nudge=-self.nudge)
        return free, opposite.nudge_phase(parameters, fields, target, free, ids), nudged

    def predict(
        self, parameters: Parameters, batches: Iterable[tuple[NDArray[np.float32], NDArray[np.uint32]]]
    ) -> Iterator[NDArray[np.float32]]:
        """The `outputs` of the free phase of each batch of images and ids."""
        for x, ids in batches:
            yield self.outputs(self.free_phase(parameters, self.network.fields(parameters, x), ids))

    def gradient(
        self,
        x: NDArray[np.float32],
        first: Reads,
        second: Reads,
        weights: NDArray[np.floating] | None = None,
    ) -> Parameters:
        """Compares two phases of each image: the gradient, averaged over the batch and the reads.

        Args:
            x: Images ``(batch, num_inputs)``.
            first: Reads ``(batch, reads, spins)``, as of `phases`.
            second: Reads of the same shape.
            weights: What each image counts ``(batch,)``; None for 1.

        Returns:
            The gradient by each parameter; empty where the reads agree.
        """
        num_images = len(x)
        return total(
            self._shard_gradient(
                x[shard], first[shard], second[shard], shard_weights(weights, shard, num_images)
            )
            for shard in shards(num_images)
        )

    def _shard_gradient(
        self,
        x: NDArray[np.float32],
        first: Reads,
        second: Reads,
        weights: NDArray[np.floating] | None,
    ) -> Parameters:
        changed = first.differing(second)
        if not changed.size:
            return {}
        apart = 2 * self.nudge if self.symmetric else self.nudge
        counts = np.ones(len(x)) if weights is None else weights
        each = counts[changed] / (apart * len(x) * first.states.shape[1])
        same = bool((each == each[0]).all())
        return self.network.contrast(
            x[changed], first[changed], second[changed], float(each[0]) if same else each.astype(np.float32)
        )

    def outputs(self, reads: Reads) -> NDArray[np.float32]:
        """Output spins ``(batch, outputs)``, averaged over the reads."""
        mean: NDArray[np.float32] = reads.spins[:, :, self.network.outputs].mean(axis=1, dtype=np.float32)
        return mean

    def _pull(self, target: NDArray[np.float32], free: Reads) -> NDArray[np.float32]:
        """Fields of a nudge of beta 1 on the outputs ``(batch, outputs)``."""
        if self.symmetric:
            return np.float32(0.5) * (target - self.outputs(free))
        low, high = self.network.levels
        return target - (low + high) / 2

    def _anneal(
        self,
        parameters: Parameters,
        fields: NDArray[np.float32],
        begun: Reads | None,
        ids: NDArray[np.uint32],
    ) -> Reads:
        """The reads of an anneal from the beginning, or of one from the free phase that was ``begun``."""
        couplings = self.network.couplings(parameters)
        fields = np.clip(fields, -self.field_limit, self.field_limit)
        states = self._states(couplings, fields, None if begun is None else begun.states, ids)
        if self.statistic != "conditional" or self._continuous:
            return Reads(states)
        # The nudge has the temperature of the free phase, or the contrast would be one of temperatures.
        beta = None if begun is None else begun.beta
        if beta is None:
            beta = self._inverse_temperatures(couplings, fields, states)
        num_threads = getattr(self.machine, "num_threads", 1)
        return Reads(states, conditional_means(couplings, fields, states, beta, num_threads), beta)

    @property
    def _continuous(self) -> bool:
        """Whether the machine's states are means."""
        return bool(getattr(self.machine, "continuous", False))

    def _inverse_temperatures(
        self, couplings: Couplings, fields: NDArray[np.float32], states: NDArray[np.int8]
    ) -> NDArray[np.float32]:
        """The machine's inverse temperature for each image ``(batch,)``, shard by shard."""
        beta = np.empty(len(fields), dtype=np.float32)
        for shard in shards(len(fields)):
            beta[shard] = self.machine.inverse_temperature(couplings, fields[shard], states[shard])
        return beta

    def _states(
        self,
        couplings: Couplings,
        fields: NDArray[np.float32],
        initial_states: NDArray[np.int8] | None,
        ids: NDArray[np.uint32],
    ) -> NDArray[np.int8]:
        """States ``(batch, kept reads, spins)`` that the machine answers with."""
        # The phases draw different numbers: their seeds differ in the highest bit. Both nudges of the
        # symmetric way draw the same, which leaves less noise in their difference.
        seed = self.seed ^ (0 if initial_states is None else 1 << 63)
        asked = couplings, fields
        lowest = self.statistic == "lowest"
        core = vouched_for(self.machine, self.network.levels)
        if core is not None and not lowest:
            return core.sample_states(*asked, initial_states=initial_states, seed=seed, problem_ids=ids)
        reads = self.machine.sample(*asked, initial_states=initial_states, seed=seed, problem_ids=ids)
        # Averages compare the phases read by read.
        num_reads = None if lowest or initial_states is None else initial_states.shape[1]
        check_answer(reads, fields.shape, self.network.levels, num_reads, continuous=self._continuous)
        return reads.lowest()[:, None] if lowest else reads.states
