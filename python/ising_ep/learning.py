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
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .machines import Machine
from .network import Network, Parameters

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

    network: Network
    machine: Machine
    nudge: float = 5.0
    learning_rate: float = 0.01
    bias_learning_rate: float = 0.001
    statistic: Literal["lowest", "average"] = "lowest"
    field_limit: float = 4.0
    seed: int = 0

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
        low, high = self.network.levels
        wrong = (free[:, :, outputs] != target[:, None]).any(axis=(1, 2))
        if not wrong.any():
            return free
        pulled = fields[wrong]
        pulled[:, outputs] -= self.nudge * (target[wrong] - (low + high) / 2)
        nudged = free.copy()
        nudged[wrong] = self._anneal(parameters, pulled, free[wrong], ids[wrong])
        return nudged

    def update(
        self,
        parameters: Parameters,
        x: NDArray[np.float32],
        free: NDArray[np.int8],
        nudged: NDArray[np.int8],
        weights: NDArray[np.float32] | None = None,
    ) -> None:
        """Changes the parameters, in place, by the contrast of the two phases, averaged over the batch.

        The contrast of an image counts ``weights (batch,)`` times, once if there are none.
        """
        changed = (free != nudged).any(axis=(1, 2))
        if not changed.any():
            return
        scale = self.nudge * len(changed) * free.shape[1]
        groups = [(1.0, changed)]
        if weights is not None:  # counts of spins are integers: images of one weight are summed as such
            groups = [(w, changed & (weights == w)) for w in np.unique(weights[changed]).tolist()]
        for weight, images in groups:
            self.network.descend(
                parameters,
                x[images],
                free[images],
                nudged[images],
                weight_rate=weight * self.learning_rate / scale,
                bias_rate=weight * self.bias_learning_rate / scale,
                limit=PARAMETER_LIMIT,
            )

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
        reads = self.machine.sample(
            self.network.couplings(parameters),
            np.clip(fields, -self.field_limit, self.field_limit),
            initial_states=initial_states,
            # The phases draw different numbers: their seeds differ in the highest bit.
            seed=self.seed ^ (0 if initial_states is None else 1 << 63),
            problem_ids=ids,
        )
        return reads.states if self.statistic == "average" else reads.lowest()[:, None]
