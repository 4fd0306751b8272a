"""Annealing of whole batches of arrays on the Rust core."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _core
from .checks import (
    WORD,
    broadcast,
    coupling_arrays,
    floats,
    integer,
    is_gibbs,
    seed_or_new,
    spins,
    stream_ids,
    threads,
)


@dataclass(frozen=True, eq=False)
class BatchResult:
    """The reads of a batch of problems, from `SimulatedAnnealingSampler.sample_batch`.

    Attributes:
        states: int8 (batch, reads, spins), each -1 or +1.
        energies: float64 (batch, reads), in the units of the couplings and fields.
    """

    states: NDArray[np.int8]
    energies: NDArray[np.float64]

    def lowest(self) -> NDArray[np.int8]:
        """The lowest-energy read of each problem, the first of equals: int8 (batch, spins)."""
        best: NDArray[np.int8] = self.states[np.arange(len(self.states)), self.energies.argmin(axis=1)]
        return best


def sample_batch(
    couplings: tuple[ArrayLike, ArrayLike, ArrayLike],
    fields: ArrayLike,
    *,
    num_reads: int,
    beta_schedule: ArrayLike,
    initial_states: ArrayLike | None = None,
    seed: int | None = None,
    num_threads: int | None = None,
    problem_ids: ArrayLike | None = None,
    randomize_order: bool = False,
    proposal_acceptance_criteria: str = "Metropolis",
) -> BatchResult:
    """Anneal a batch of problems that share their couplings and differ in their fields.

    Each problem b of the batch is

        E_b(s) = sum_{i<j} J_ij s_i s_j + sum_i h_bi s_i,   s_i in {-1, +1}

    Any real dtype, byte order and strides do; C-contiguous float64 (int64 for indices, int8 for
    spins) is taken without a copy.

    Args:
        couplings: (rows, cols, values), each (couplings,): spins i and j, 0 to spins - 1, and
            J_ij. Couplings of the same pair, in either order, add up.
        fields: (batch, spins) h.
        num_reads: Independent anneals of each problem.
        beta_schedule: (sweeps,) inverse temperature of each sweep, finite, >= 0, in units of
            1 / couplings.
        initial_states: -1 and +1, anything that broadcasts to (batch, reads, spins), such as
            (batch, 1, spins); random by default.
        seed: 0 to 2**64 - 1; by default a new one on every call.
        num_threads: 1 to 4096; all cores by default. Never changes the result.
        problem_ids: (batch,) integers 0 to 2**32 - 1, 0 to batch - 1 by default. A problem's random
            numbers depend on the seed and this id, not on its place: a batch may be split
            anywhere, its parts called with their ids, and the reads are the same to the last bit.
        randomize_order: Whether each update picks a spin at random, instead of all in turn.
        proposal_acceptance_criteria: "Metropolis" or "Gibbs": see `SimulatedAnnealingSampler.sample`.

    Returns:
        `states` int8 (batch, reads, spins) and `energies` float64 (batch, reads).

    Raises:
        ValueError: A shape, dtype or value that is wrong; the text names it.
        TypeError: A number that should be an integer and is not.
        KeyboardInterrupt: On Ctrl-C, also in the middle of an anneal.

    Example:
        A ferromagnetic pair (J = -1) in a weak field that points up, then down.

        >>> import numpy as np
        >>> result = sample_batch(
        ...     ([0], [1], [-1.0]), [[-0.1, 0.0], [0.1, 0.0]],
        ...     num_reads=4, beta_schedule=np.geomspace(0.1, 10, 50), seed=7)
        >>> result.states.shape
        (2, 4, 2)
        >>> result.lowest()
        array([[ 1,  1],
               [-1, -1]], dtype=int8)
    """
    h = floats("fields", fields, "(batch, spins)")
    num_reads = integer("num_reads", num_reads, 1, WORD)
    betas = floats("beta_schedule", beta_schedule, "(sweeps,)")
    if not betas.size:
        raise ValueError("beta_schedule is empty, expected at least one sweep")
    initial = None
    if initial_states is not None:
        initial = broadcast(spins(initial_states), (h.shape[0], num_reads, h.shape[1]))
    ids = stream_ids(range(len(h)) if problem_ids is None else problem_ids, len(h))
    return BatchResult(
        *_core.anneal(
            *coupling_arrays(couplings),
            h,
            betas,
            num_reads,
            initial,
            seed_or_new(seed),
            ids,
            threads(num_threads),
            gibbs=is_gibbs(proposal_acceptance_criteria),
            random_order=bool(randomize_order),
        )
    )
