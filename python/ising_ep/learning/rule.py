"""Equilibrium propagation on an Ising machine.

After Laydevant, Markovic, Grollier, "Training an Ising machine with equilibrium propagation", Nat.
Commun. 15, 3671 (2024), https://doi.org/10.1038/s41467-024-46879-4.

1. *Free phase.* The input enters as fields on the first layer; the machine anneals to a state of low
   energy E. Its output spins are the prediction.
2. *Nudge phase.* The cost C = |s_out - t|^2 / 2 is added to the energy, E + beta C. As s^2 = 1 for a
   spin, that is a field -beta t on the outputs (and -beta (t - 1/2) on neurons of 0 and 1, where
   s^2 = s). The machine anneals again, in reverse, from the free state: it is pulled towards the target
   t without forgetting where it was.
3. *Update.* Every parameter compares the two states at its own place:

       dW_l = -lr / beta (s_l s_{l+1}^T |nudge - s_l s_{l+1}^T |free)
       dW_0 = -lr / beta x (s_1 |nudge - s_1 |free)^T
       db_l = -lr / beta (s_{l+1} |nudge - s_{l+1} |free)

An image whose free outputs are the target already would be nudged to where it is: it is skipped.

*Symmetric nudge*, not of the paper. The outputs are pulled by half their error, e = (t - <o>) / 2, with <o>
their mean over the reads that are kept of the free phase, and both ways: fields -beta e and +beta e give two
states, from the same free one by the same random numbers, and these are compared, over 2 beta:

    dW_l = -lr / (2 beta) (s_l s_{l+1}^T |+beta - s_l s_{l+1}^T |-beta)

For averages at a temperature this is -lr dL/dW_l of the squared error L = |t - <o>|^2 / 4 but for terms of
beta^2; one side leaves terms of beta (Laborieux et al., Front. Neurosci. 15, 633674 (2021),
https://doi.org/10.3389/fnins.2021.633674). Spins of ±1 as well as neurons of 0 and 1 are pulled as hard as in
2. where all reads are wrong, and not at all where all are right. (-beta t and +beta t would be no such pair:
the cost is linear in a spin, so they know the target and not the error.) Where one read is kept, pushing away
seldom moves an output, which is wrong already, and steps are half as large.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..checks import one_of
from ..config import OPTIMIZERS, Optimizer, check_step
from ..machines import Machine, check_answer
from ..machines.core_machine import vouched_for
from ..network import Network, Parameters
from . import optimizers

# A chip's couplings lie in [-1, 1]; the paper holds every other parameter to the same bound.
PARAMETER_LIMIT = 1.0
# Images whose contrasts are added up in one place. Sums of reals depend on their order: this makes it the
# same on one machine and on many (`cluster`).
SHARD = 50


class Rule(Protocol):
    """What the trainer asks of a learning rule: `EquilibriumPropagation`, or one shared by the workers of a
    scheduler (`cluster.SharedRule`). Its methods are described there."""

    @property
    def network(self) -> Network:
        """The architecture."""
        ...

    @property
    def machine(self) -> Machine:
        """What anneals."""
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
        weights: NDArray[np.float32] | None = None,
        *,
        decay: float = 1.0,
    ) -> tuple[Parameters, NDArray[np.float32]]:
        """Both phases of a batch: their contrast, and the outputs of the free one."""
        ...

    def step(
        self,
        parameters: Parameters,
        change: Parameters,
        memory: Parameters | None = None,
        *,
        update: int = 1,
        decay: float = 1.0,
    ) -> None:
        """Changes the parameters, in place, by the contrast."""
        ...

    def predict(
        self, parameters: Parameters, batches: Iterable[tuple[NDArray[np.float32], NDArray[np.uint32]]]
    ) -> Iterator[NDArray[np.float32]]:
        """The outputs of the free phase of each batch."""
        ...


@dataclass(frozen=True)
class EquilibriumPropagation:
    """The learning rule: a network, the machine it runs on, and the settings of the two phases.

    Args:
        network: The architecture.
        machine: What anneals.
        nudge: Strength beta of the nudge, not 0.
        symmetric: Whether nudges of the error, +beta and -beta, are compared (see the module), in place of
            the paper's nudge and the free state.
        learning_rate: Step of the weights.
        bias_learning_rate: Step of the biases.
        coupling_learning_rate: Step of the weights between spins, W_1 and on; None for that of all. Many
            spins of a layer add up in the next: the more there are, the smaller it should be, or the layers
            hold each other and no longer see the input.
        statistic: ``"lowest"`` keeps the read of lowest energy of each phase, as the paper does;
            ``"average"`` averages spins and their products over all reads. (A chip begins the nudge of all
            reads of an image at the first one: `machines.embedded`.)
        field_limit: Fields are clipped to this size, the range of the chip.
        seed: Seed of every anneal.
        optimizer: ``"sgd"`` steps as above; ``"adam"`` as `optimizers.adam`.
        weight_decay: In each update weights lose this, times their learning rate, of themselves (Loshchilov
            and Hutter, https://arxiv.org/abs/1711.05101). Weights set the energies beside the temperature:
            without bound they grow until the machine freezes before it has found a low state.
        centre: An image ``(num_inputs,)``, the mean of all, that is taken for 0 while learning:

                dW_0 = -lr / beta (x - centre) (s_1 |nudge - s_1 |free)^T

            and b_0 changes so that it is the field of that image, b_0 + centre W_0, which is learned. The
            network and its energy are the same; its steps no longer all share the mean image's direction.
            (Montavon and Mueller, "Deep Boltzmann machines and the centering trick", 2012.)

    Raises:
        ValueError: If a setting is out of range, or the network has nothing that it could act on.
    """

    network: Network
    machine: Machine
    nudge: float = 5.0
    symmetric: bool = False
    learning_rate: float = 0.01
    bias_learning_rate: float = 0.001
    coupling_learning_rate: float | None = None
    statistic: Literal["lowest", "average"] = "lowest"
    field_limit: float = 4.0
    seed: int = 0
    optimizer: Optimizer = "sgd"
    weight_decay: float = 0.0
    centre: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        one_of("statistic", self.statistic, ("lowest", "average"))
        one_of("optimizer", self.optimizer, OPTIMIZERS)
        check_step(
            self.nudge, self.learning_rate, self.bias_learning_rate, self.coupling_learning_rate or 0.0
        )
        shapes = self.network.shapes()
        if self.coupling_learning_rate is not None and not any(map(_is_coupling, shapes)):
            raise ValueError(
                f"coupling_learning_rate is {self.coupling_learning_rate}, but the network has no weights"
                " between spins"
            )
        if self.centre is None:
            return
        if "b0" not in shapes:
            raise ValueError("centre is an image, but the network has no biases of the first layer, b0")
        if self.centre.shape != shapes["W0"][:1]:
            raise ValueError(f"centre has shape {self.centre.shape}, expected {shapes['W0'][:1]}")

    def with_seed(self, seed: int) -> Self:
        """The same rule with another seed."""
        return replace(self, seed=seed)

    def free_phase(
        self, parameters: Parameters, fields: NDArray[np.float32], ids: NDArray[np.uint32]
    ) -> NDArray[np.int8]:
        """Anneals the input alone, given as ``network.fields(parameters, x)``.

        Returns:
            States ``(batch, kept reads, spins)``.
        """
        return self._anneal(parameters, fields, None, ids)

    def nudge_phase(
        self,
        parameters: Parameters,
        fields: NDArray[np.float32],
        target: NDArray[np.float32],
        free: NDArray[np.int8],
        ids: NDArray[np.uint32],
    ) -> NDArray[np.int8]:
        """Anneals on from the free states with the outputs pulled towards ``target``."""
        outputs = self.network.outputs
        wrong = (free[:, :, outputs] != target[:, None]).any(axis=(1, 2))
        if not wrong.any():
            return free
        pulled = fields[wrong]
        pulled[:, outputs] -= self.nudge * self._pull(target[wrong], free[wrong])
        nudged = free.copy()
        nudged[wrong] = self._anneal(parameters, pulled, free[wrong], ids[wrong])
        return nudged

    def compare(
        self,
        parameters: Parameters,
        x: NDArray[np.float32],
        target: NDArray[np.float32],
        ids: NDArray[np.uint32],
        weights: NDArray[np.float32] | None = None,
        *,
        decay: float = 1.0,
    ) -> tuple[Parameters, NDArray[np.float32]]:
        """Both phases of a batch: their `contrast`, and the `outputs` of the free one."""
        free, first, second = self.phases(parameters, x, target, ids)
        return self.contrast(x, first, second, weights, decay=decay), self.outputs(free)

    def phases(
        self,
        parameters: Parameters,
        x: NDArray[np.float32],
        target: NDArray[np.float32],
        ids: NDArray[np.uint32],
    ) -> tuple[NDArray[np.int8], NDArray[np.int8], NDArray[np.int8]]:
        """States ``(batch, kept reads, spins)`` of the free phase, and the first and second to compare."""
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

    def contrast(
        self,
        x: NDArray[np.float32],
        first: NDArray[np.int8],
        second: NDArray[np.int8],
        weights: NDArray[np.float32] | None = None,
        *,
        decay: float = 1.0,
    ) -> Parameters:
        """What the parameters are to change by the contrast of two states, averaged over the batch.

        That is the step itself, or with Adam the contrast by which it steps: the same at a rate of 1. Empty
        where the states agree. The contrast of an image counts ``weights (batch,)`` times, once if there are
        none; ``decay`` multiplies the learning rates.
        """
        return total(self.contrasts(x, first, second, weights, decay=decay, batch=len(first)))

    def contrasts(
        self,
        x: NDArray[np.float32],
        first: NDArray[np.int8],
        second: NDArray[np.int8],
        weights: NDArray[np.float32] | None,
        *,
        decay: float,
        batch: int,
    ) -> Iterator[Parameters]:
        """The parts of `contrast` that the shards of these images contribute to a batch of so many."""
        for shard in shards(len(first)):
            of_shard = None if weights is None else weights[shard]
            yield self._contrast(x[shard], first[shard], second[shard], of_shard, decay, batch)

    def _contrast(
        self,
        x: NDArray[np.float32],
        first: NDArray[np.int8],
        second: NDArray[np.int8],
        weights: NDArray[np.float32] | None,
        decay: float,
        batch: int,
    ) -> Parameters:
        changed = np.flatnonzero((first != second).any(axis=(1, 2)))
        if not changed.size:
            return {}
        apart = 2 * self.nudge if self.symmetric else self.nudge
        scale = apart * batch * first.shape[1]
        rates = (1.0, 1.0)
        if self.optimizer == "sgd":
            rates = (self.learning_rate * decay, self.bias_learning_rate * decay)
        change = {name: np.zeros(shape, np.float32) for name, shape in self.network.shapes().items()}
        # Counts of spins are integers: images of one weight are summed as such.
        counts = np.ones(len(first), np.float32) if weights is None else weights
        for weight in np.unique(counts[changed]).tolist():
            images = changed[counts[changed] == weight]
            self.network.descend(
                change,
                x[images],
                first[images],
                second[images],
                weight_rate=weight * rates[0] / scale,
                bias_rate=weight * rates[1] / scale,
                limit=np.inf,
            )
        if self.optimizer == "sgd" and self.coupling_learning_rate is not None:
            for name in filter(_is_coupling, change):
                change[name] *= np.float32(self.coupling_learning_rate / self.learning_rate)
        if self.centre is not None:
            # (x - centre) in place of x, without losing the zeros of x: b0 has the sum over the images.
            sums = change["b0"] * np.float32(-rates[0] / rates[1])
            _core.add_outer(change["W0"], self.centre[None], sums[None], np.inf)
        return change

    def step(
        self,
        parameters: Parameters,
        change: Parameters,
        memory: Parameters | None = None,
        *,
        update: int = 1,
        decay: float = 1.0,
    ) -> None:
        """Changes the parameters, in place, by what `contrast` gave.

        Args:
            parameters: What to change.
            change: From `contrast`; may be used up.
            memory: What Adam remembers; changed.
            update: Number of the update, from 1 on.
            decay: As it was for `contrast`.
        """
        if self.centre is not None:
            self._move_origin(parameters, self.centre)
        rates = {name: decay * self._rate(name) for name in parameters}
        if self.weight_decay:
            for name, rate in rates.items():
                if name.startswith("W"):
                    parameters[name] *= np.float32(1 - rate * self.weight_decay)
        if self.optimizer == "sgd":
            optimizers.descend(parameters, change, PARAMETER_LIMIT)
        else:
            optimizers.adam(
                parameters,
                change,
                {} if memory is None else memory,
                update=update,
                rates=rates,
                limit=PARAMETER_LIMIT,
            )
        if self.centre is not None:
            self._move_origin(parameters, -self.centre)

    def outputs(self, states: NDArray[np.int8]) -> NDArray[np.float32]:
        """Output spins ``(batch, outputs)``, averaged over the reads kept."""
        mean: NDArray[np.float32] = states[:, :, self.network.outputs].mean(axis=1, dtype=np.float32)
        return mean

    def _pull(self, target: NDArray[np.float32], free: NDArray[np.int8]) -> NDArray[np.float32]:
        """Of beta 1, on the outputs ``(batch, outputs)``."""
        if self.symmetric:
            return np.float32(0.5) * (target - self.outputs(free))
        low, high = self.network.levels
        return target - (low + high) / 2

    def _rate(self, name: str) -> float:
        if name.startswith("b"):
            return self.bias_learning_rate
        if self.coupling_learning_rate is None or not _is_coupling(name):
            return self.learning_rate
        return self.coupling_learning_rate

    def _move_origin(self, parameters: Parameters, centre: NDArray[np.float32]) -> None:
        """Makes the bias of the first layer the field of the image ``centre``."""
        parameters["b0"] = _core.project(centre[None], parameters["W0"], parameters["b0"])[0]

    def _anneal(
        self,
        parameters: Parameters,
        fields: NDArray[np.float32],
        initial_states: NDArray[np.int8] | None,
        ids: NDArray[np.uint32],
    ) -> NDArray[np.int8]:
        asked = self.network.couplings(parameters), np.clip(fields, -self.field_limit, self.field_limit)
        # The phases draw different numbers: their seeds differ in the highest bit. Both nudges of the
        # symmetric way draw the same, which leaves less noise in their difference.
        seed = self.seed ^ (0 if initial_states is None else 1 << 63)
        core = vouched_for(self.machine, self.network.levels)
        if core is not None and self.statistic == "average":
            return core.sample_states(*asked, initial_states=initial_states, seed=seed, problem_ids=ids)
        reads = self.machine.sample(*asked, initial_states=initial_states, seed=seed, problem_ids=ids)
        check_answer(reads, fields.shape, self.network.levels)
        return reads.states if self.statistic == "average" else reads.lowest()[:, None]


def _is_coupling(name: str) -> bool:
    """Whether a parameter is a weight between spins."""
    return name.startswith("W") and name != "W0"


def shards(num_images: int) -> list[slice]:
    """The parts of a batch: `SHARD` images each, and what is left.

    Example:
        >>> shards(120)
        [slice(0, 50, None), slice(50, 100, None), slice(100, 120, None)]
    """
    return [slice(k, min(k + SHARD, num_images)) for k in range(0, num_images, SHARD)]


def total(changes: Iterable[Parameters]) -> Parameters:
    """The sum of changes, one after the other; uses up the first."""
    whole: Parameters = {}
    for change in changes:
        for name, value in change.items():
            if name in whole:
                whole[name] += value
            else:
                whole[name] = value
    return whole
