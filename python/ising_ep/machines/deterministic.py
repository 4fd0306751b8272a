"""Deterministic relaxation of binary neurons: the machine without chance.

The dynamics of Laydevant, Ernoult, Querlioz, Grollier, "Training Dynamical Binary Neural Networks with
Equilibrium Propagation" (2021), https://arxiv.org/abs/2103.08953, with real weights. A neuron is
``s_i = 1`` where its internal state ``u_i``, in [0, 1], reaches the threshold, else 0. All internal
states follow their drive at once, in discrete time:

    u_i <- clip(u_i + step (-u_i - sum_j J_ij s_j - h_i), 0, 1)

Where this rests, ``s_i = 1`` if and only if ``-sum_j J_ij s_j - h_i >= threshold``: no neuron that flips
alone lowers

    E(s) = sum_{i<j} J_ij s_i s_j + sum_i (h_i + threshold) s_i,   s_i in {0, 1}

which is the energy that equilibrium propagation contrasts; its parameters' derivatives know no threshold.

The paper's published code differs in four places. It nudges by ``beta (t - u)`` where the cost of s,
being a field, nudges by ``beta (t - 1/2)``: at rest ``u`` is past 1/2 under the one exactly when it is
under the other. It keeps ``u`` between the phases, where this begins the nudge from ``u = s``, all that
a machine's answer tells. It predicts from ``u``, this from ``s``. And it nudges what is right already,
which stays as it is if it rests.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..checks import integer
from ..network import Couplings, Network
from ..samplers.batch import BatchResult
from ..settings import AtLeastOne
from .machine import Machine
from .settings import MachineSettings, Work

# The paper's: how far an internal state goes towards its drive, and where a neuron turns on.
STEP, THRESHOLD = 0.5, 0.5


class DeterministicMachine(Machine):
    """Relaxation of binary neurons; one read of each problem, the same whatever the seed.

    Args:
        free_steps: Steps from rest, all ``u = 0``.
        nudge_steps: Steps from given states.

    Raises:
        ValueError: If a number is not positive.

    Example:
        Two neurons that excite each other (J = -1). A field of -0.6 turns the first one on, which turns on
        the second; one of -0.4 does not.

        >>> import numpy as np
        >>> fields = np.array([[-0.6, 0.0], [-0.4, 0.0]], dtype=np.float32)
        >>> pair = np.array([0]), np.array([1]), np.array([-1.0])
        >>> machine = DeterministicMachine()
        >>> machine.sample(pair, fields, seed=0, problem_ids=np.arange(2)).states[:, 0]
        array([[1, 1],
               [0, 0]], dtype=int8)
    """

    levels = (0, 1)
    field_limit = np.inf

    def __init__(self, *, free_steps: int = 20, nudge_steps: int = 10) -> None:
        self.free_steps = integer("free_steps", free_steps, 1)
        self.nudge_steps = integer("nudge_steps", nudge_steps, 1)

    def sample(
        self,
        couplings: Couplings,
        fields: NDArray[np.float32],
        *,
        initial_states: NDArray[np.int8] | None = None,
        seed: int,
        problem_ids: NDArray[np.uint32],
    ) -> BatchResult:
        """See `Machine.sample`; the states are 0 and 1, and the energies those of this module.

        Raises:
            ValueError: If initial states are of several reads: there is one.
        """
        from scipy.sparse import coo_array  # takes longer to import than all the rest

        self.usage.problems += len(fields)
        num_neurons = fields.shape[1]
        rows, cols, values = couplings
        both = np.concatenate([rows, cols]), np.concatenate([cols, rows])
        # A sparse product adds up each neuron's drive in one order, whatever the batch; BLAS does not.
        matrix = coo_array((np.tile(values, 2), both), shape=(num_neurons, num_neurons)).tocsr()
        h = fields.T.astype(np.float64)
        steps = self.free_steps
        u = np.zeros(h.shape)
        if initial_states is not None:
            if initial_states.shape[1] != 1:
                raise ValueError(
                    f"initial_states has {initial_states.shape[1]} reads of a problem, but this machine has 1"
                )
            steps = self.nudge_steps
            u[:] = initial_states[:, 0].T
        for _ in range(steps):
            u -= STEP * (u + matrix @ _states(u) + h)
            np.clip(u, 0, 1, out=u)
        s = _states(u)
        # `sum` is not used: it adds up a single problem in another order than one of many.
        energies = np.cumsum(s * (matrix @ s / 2 + h + THRESHOLD), axis=0)[-1]
        return BatchResult(states=s.T.astype(np.int8, order="C")[:, None], energies=energies[:, None])


class DeterministicSettings(MachineSettings):
    """Settings of `DeterministicMachine`."""

    about: ClassVar[str] = "binary neurons that relax"
    levels: ClassVar[tuple[int, int]] = DeterministicMachine.levels
    # A tenth of the steps that the paper's code names. Those move an output's drive by more than beta, the
    # reach of the nudge, in one update: driven below threshold - beta / 2 it cannot be turned on again.
    defaults: ClassVar[dict[str, Any]] = {
        "nudge": 2.0,
        "learning_rate": 0.01,
        "bias_learning_rate": 0.01,
    }
    without: ClassVar[dict[str, str]] = {
        "statistic": "one read of a problem",
        "field_limit": "no limit of fields",
        "mean_field_epochs": "neurons of 0 and 1",
    }

    free_steps: Annotated[AtLeastOne, Field(description="Steps of a relaxation from rest.")] = 20
    nudge_steps: Annotated[AtLeastOne, Field(description="Steps of a nudged relaxation.")] = 10

    def build(self, network: Network, work: Work) -> DeterministicMachine:
        """See `MachineSettings.build`."""
        return DeterministicMachine(free_steps=self.free_steps, nudge_steps=self.nudge_steps)


def _states(u: NDArray[np.float64]) -> NDArray[np.float64]:
    """Neurons ``(neurons, batch)`` of the internal states."""
    return (u >= THRESHOLD).astype(np.float64)
