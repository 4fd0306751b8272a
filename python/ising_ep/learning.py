"""Equilibrium propagation on an Ising machine.

After Laydevant, Markovic, Grollier, "Training an Ising machine with equilibrium propagation", Nat.
Commun. 15, 3671 (2024), https://doi.org/10.1038/s41467-024-46879-4.

1. *Free phase.* The input enters as fields on the first layer; the machine anneals to a state of low
   energy E. Its output spins are the prediction.
2. *Nudge phase.* The cost C = |s_out - t|^2 / 2 is added to the energy, E + beta C. As s^2 = 1 for a
   spin, that is a field -beta t on the outputs. The machine anneals again, in reverse, from the free
   state: it is pulled towards the target t without forgetting where it was.
3. *Update.* Every parameter compares the two states at its own place:

       dW_l = -lr / beta (s_l s_{l+1}^T |nudge - s_l s_{l+1}^T |free)
       dW_0 = -lr / beta x (s_1 |nudge - s_1 |free)^T
       db_l = -lr / beta (s_{l+1} |nudge - s_{l+1} |free)

An image whose free outputs are the target already would be nudged to where it is: it is skipped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from . import _core
from .machines import Machine
from .network import FullyConnected, Parameters

# A chip's couplings lie in [-1, 1]; the paper holds every other parameter to the same bound.
PARAMETER_LIMIT = 1.0


@dataclass(frozen=True)
class EquilibriumPropagation:
    """The learning rule: a network, the machine it runs on, and the settings of the two phases.

    Args:
        network: The architecture.
        machine: What anneals.
        nudge: Strength beta of the nudge, not 0.
        learning_rate: Step of the weights.
        bias_learning_rate: Step of the biases.
        statistic: ``"lowest"`` keeps the read of lowest energy of each phase, as the paper does;
            ``"average"`` averages spins and their products over all reads.
        field_limit: Fields are clipped to this size, the range of the chip.
        seed: Seed of every anneal.
    """

    network: FullyConnected
    machine: Machine
    nudge: float = 5.0
    learning_rate: float = 0.01
    bias_learning_rate: float = 0.001
    statistic: Literal["lowest", "average"] = "lowest"
    field_limit: float = 4.0
    seed: int = 0

    def free_phase(
        self, parameters: Parameters, x: NDArray[np.float32], ids: NDArray[np.uint32]
    ) -> NDArray[np.int8]:
        """Anneals the input alone; states ``(batch, kept reads, spins)``."""
        fields = self.network.fields(parameters, x)
        return self._anneal(parameters, fields, None, ids)

    def nudge_phase(
        self,
        parameters: Parameters,
        x: NDArray[np.float32],
        target: NDArray[np.float32],
        free: NDArray[np.int8],
        ids: NDArray[np.uint32],
    ) -> NDArray[np.int8]:
        """Anneals on from the free states with the outputs pulled towards ``target``."""
        wrong = (free[:, :, self.network.outputs] != target[:, None]).any(axis=(1, 2))
        nudged = free.copy()
        if wrong.any():
            fields = self.network.fields(parameters, x[wrong])
            fields[:, self.network.outputs] -= self.nudge * target[wrong]
            nudged[wrong] = self._anneal(parameters, fields, free[wrong], ids[wrong])
        return nudged

    def update(
        self,
        parameters: Parameters,
        x: NDArray[np.float32],
        free: NDArray[np.int8],
        nudged: NDArray[np.int8],
    ) -> None:
        """Changes the parameters, in place, by the contrast of the two phases, averaged over the batch."""
        step = -1.0 / (self.nudge * len(x))
        changed = (free != nudged).any(axis=(1, 2))
        if not changed.any():
            return
        # Both phases as one list of states, each with its sign and its share of the average over reads.
        states = np.concatenate([nudged[changed], free[changed]], axis=1, dtype=np.float32)
        share = np.repeat([1.0, -1.0], free.shape[1]).astype(np.float32) / free.shape[1]
        contrast = np.einsum("r,brn->bn", share, states)
        layers = self.network.slices

        first = np.float32(self.learning_rate * step) * contrast[:, layers[0]]
        _core.add_outer(parameters["W0"], x[changed], first, PARAMETER_LIMIT)
        for k in range(1, len(layers)):
            before, after = states[:, :, layers[k - 1]], states[:, :, layers[k]]
            products = np.einsum(
                "r,bri,brj->ij", share, before, after, optimize=["einsum_path", (0, 1), (0, 1)]
            )
            _step(parameters[f"W{k}"], self.learning_rate * step, products)
        for k, layer in enumerate(layers):
            _step(parameters[f"b{k}"], self.bias_learning_rate * step, contrast[:, layer].sum(axis=0))

    def outputs(self, states: NDArray[np.int8]) -> NDArray[np.float32]:
        """Output spins ``(batch, outputs)``, averaged over the reads kept."""
        mean: NDArray[np.float32] = states[:, :, self.network.outputs].mean(axis=1, dtype=np.float32)
        return mean

    def _anneal(
        self,
        parameters: Parameters,
        fields: NDArray[np.float32],
        initial_states: NDArray[np.int8] | None,
        ids: NDArray[np.uint32],
    ) -> NDArray[np.int8]:
        np.clip(fields, -self.field_limit, self.field_limit, out=fields)
        reads = self.machine.sample(
            self.network.couplings(parameters),
            fields,
            initial_states=initial_states,
            # The phases draw different numbers: their seeds differ in the highest bit.
            seed=self.seed ^ (0 if initial_states is None else 1 << 63),
            problem_ids=ids,
        )
        return reads.states if self.statistic == "average" else reads.lowest()[:, None]


def _step(parameter: NDArray[np.float32], rate: float, contrast: NDArray[np.float32]) -> None:
    parameter += np.float32(rate) * contrast
    np.clip(parameter, -PARAMETER_LIMIT, PARAMETER_LIMIT, out=parameter)
