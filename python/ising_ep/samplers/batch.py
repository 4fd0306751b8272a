"""Annealing of whole batches of arrays on the Rust core."""

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _core
from ..checks import (
    MOST_TOTAL,
    WORD,
    boolean,
    broadcast,
    coupling_arrays,
    floats,
    integer,
    is_gibbs,
    real,
    require_memory,
    seed_or_new,
    spins,
    stream_ids,
    threads,
)
from .couplings import PreparedCouplings

# Slices of a quantum anneal.
NUM_SLICES = 16
# Bytes of a spin in a slice of the reads that are annealed side by side, at least READS of them, with as much
# for whatever else is in memory.
OF_SLICE, READS = 16, 16


@dataclass(frozen=True, eq=False)
class BatchResult:
    """The reads of a batch of problems, from `sample_batch` or `sample_batch_quantum`.

    Attributes:
        states: int8 (batch, reads, spins), each -1 or +1; float32 from -1 to 1 of a machine of means.
        energies: float64 (batch, reads), in the units of the couplings and fields.
        arithmetic: How the core kept each problem's sums, (batch,): "integer", "single", "wide" or "rounded"
            (docs/samplers.md); empty where another machine made the reads.
    """

    states: NDArray[Any]
    energies: NDArray[np.float64]
    arithmetic: Sequence[str] = ()

    def lowest(self) -> NDArray[np.int8]:
        """The lowest-energy read of each problem, the first of equals: int8 (batch, spins)."""
        best: NDArray[np.int8] = self.states[np.arange(len(self.states)), self.energies.argmin(axis=1)]
        return best


def warn_if_rounded(arithmetic: Sequence[str | None], stacklevel: int = 3) -> None:
    """Say that the numbers of a problem were too far apart for the core's longest integers."""
    if "rounded" in arithmetic:
        warnings.warn(
            "the biases of a variable are too far apart for the coldest temperature: what is smaller than the"
            " largest of them by 2^75 or more was rounded while sampling; energies are of the biases given",
            stacklevel=stacklevel,
        )


def _result(states: NDArray[np.int8], energies: NDArray[np.float64], arithmetic: list[str]) -> "BatchResult":
    warn_if_rounded(arithmetic, stacklevel=4)
    return BatchResult(states, energies, arithmetic)


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

    Any real dtype, byte order and strides do; C-contiguous float64 (int64 for indices, int8 for spins, also
    float32 for fields) is taken without a copy.

    Args:
        couplings: (rows, cols, values), each (couplings,): spins i and j, 0 to spins - 1, and
            J_ij. Couplings of the same pair, in either order, add up. Those that are annealed more than
            once are prepared once as `samplers.couplings.PreparedCouplings`.
        fields: (batch, spins) h.
        num_reads: Independent anneals of each problem. The first reads of many are those of few, to the
            last bit, but a problem of small integers, or small multiples of one number, may draw other
            random numbers from some number of reads on, 64 or more. Nothing else changes a read.
        beta_schedule: (sweeps,) inverse temperature of each sweep, >= 0, in units of 1 / couplings. Where it
            is infinite only flips that lower the energy are accepted.
        initial_states: -1 and +1, anything that broadcasts to (batch, reads, spins), such as
            (batch, 1, spins); random by default.
        seed: 0 to 2**64 - 1; by default a new one on every call.
        num_threads: 1 to 4096; all cores by default. Never changes the result.
        problem_ids: (batch,) integers 0 to 2**32 - 1, 0 to batch - 1 by default. A problem's random
            numbers depend on the seed and this id, not on its place: a batch may be split
            anywhere, its parts called with their ids, and the reads are the same to the last bit.
        randomize_order: Whether each update picks a spin at random, instead of all in turn. Up to 64 reads
            of a problem share one sequence of spins: see `SimulatedAnnealingSampler.sample`.
        proposal_acceptance_criteria: "Metropolis" or "Gibbs": see `SimulatedAnnealingSampler.sample`.

    Returns:
        `states` int8 (batch, reads, spins) and `energies` float64 (batch, reads).

    Raises:
        ValueError: A shape, dtype or value that is wrong, or a problem whose |values| and |fields| add up to
            more than 1e303; the text names it.
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
    h = fields if _is_single(fields) else floats("fields", fields, "(batch, spins)")
    num_reads = integer("num_reads", num_reads, 1, WORD)
    betas = floats("beta_schedule", beta_schedule, "(sweeps,)")
    if not betas.size:
        raise ValueError("beta_schedule is empty, expected at least one sweep")
    sweeps = _core.Sweeps(
        betas,
        gibbs=is_gibbs(proposal_acceptance_criteria),
        random_order=boolean("randomize_order", randomize_order),
    )
    return _result(
        *_model(couplings, h).anneal(
            h,
            sweeps,
            num_reads=num_reads,
            initial_states=_initial_states(initial_states, h, num_reads),
            seed=seed_or_new(seed),
            problem_ids=_ids(problem_ids, h),
            num_threads=threads(num_threads),
        )
    )


def sample_batch_quantum(
    couplings: tuple[ArrayLike, ArrayLike, ArrayLike],
    fields: ArrayLike,
    *,
    num_reads: int,
    beta: float,
    schedule: ArrayLike,
    num_slices: int = NUM_SLICES,
    initial_states: ArrayLike | None = None,
    seed: int | None = None,
    num_threads: int | None = None,
    problem_ids: ArrayLike | None = None,
) -> BatchResult:
    """Quantum anneals, by path integrals, of a batch of problems that share their couplings.

    Problem E_b of the batch, as in `sample_batch`, on a quantum annealer: in each sweep the machine

        H = scale E_b(sigma_z) - gamma sum_i sigma_x_i

    of inverse temperature `beta` is sampled in `num_slices` slices; see `ising_ep.samplers.path_integral`.

    Args:
        couplings: As in `sample_batch`.
        fields: (batch, spins) h.
        num_reads: Independent anneals of each problem.
        beta: Inverse temperature, finite, > 0, in units of 1 / couplings.
        schedule: (sweeps, 2) gamma, in units of the couplings, and scale of each sweep, finite, >= 0: as
            `schedule.quantum_forward` and `quantum_reverse` make them.
        num_slices: At least 2. Their error goes with (beta / num_slices)^2 times gamma and the couplings.
        initial_states: As in `sample_batch`; they stand in all slices alike. By default every slice is
            random.
        seed, num_threads, problem_ids: As in `sample_batch`.

    Returns:
        One slice of each path, as a measurement would find it: `states` int8 (batch, reads, spins), and
        their E_b, `energies` float64 (batch, reads).

    Raises:
        ValueError: A shape, dtype or value that is wrong, or a problem whose |values| and |fields| add up to
            more than 1e303; the text names it.
        TypeError: A number that is none, or should be an integer and is not.
        MemoryError: Reads or slices that do not fit into memory.
        KeyboardInterrupt: On Ctrl-C, also in the middle of an anneal.

    Example:
        >>> from ising_ep.schedule import quantum_forward
        >>> result = sample_batch_quantum(
        ...     ([0], [1], [-1.0]), [[-0.1, 0.0], [0.1, 0.0]],
        ...     num_reads=4, beta=20, schedule=quantum_forward(100, gamma=3), seed=7)
        >>> result.lowest()
        array([[ 1,  1],
               [-1, -1]], dtype=int8)
    """
    h = fields if _is_single(fields) else floats("fields", fields, "(batch, spins)")
    num_reads = integer("num_reads", num_reads, 1, WORD)
    transverse, problem = transverse_and_problem(schedule)
    num_slices, num_threads = integer("num_slices", num_slices, 2, WORD), threads(num_threads)
    require_slices(num_slices, h.shape[1], len(h) * num_reads, num_threads)
    paths = _core.Paths(
        beta=real("beta", beta), num_slices=num_slices, transverse=transverse, problem=problem
    )
    return _result(
        *_model(couplings, h).anneal(
            h,
            paths,
            num_reads=num_reads,
            initial_states=_initial_states(initial_states, h, num_reads),
            seed=seed_or_new(seed),
            problem_ids=_ids(problem_ids, h),
            num_threads=num_threads,
        )
    )


def require_slices(num_slices: int, num_spins: int, num_reads: int, num_threads: int | None) -> None:
    """Refuses, by a MemoryError, more slices than memory has room for in the reads under way."""
    under_way = min(num_threads or os.cpu_count() or 1, -(-num_reads // READS))
    require_memory(f"{num_slices} slices of {num_spins} spins", OF_SLICE * num_slices * num_spins * under_way)


def transverse_and_problem(schedule: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The columns of the schedule (sweeps, 2) of a quantum anneal."""
    given = floats("schedule", schedule, "(sweeps, 2)")
    if given.shape[1] != 2 or not len(given):
        raise ValueError(f"schedule has shape {given.shape}, expected (sweeps, 2), at least one sweep")
    transverse, problem = np.ascontiguousarray(given.T)
    return transverse, problem


def _model(couplings: tuple[ArrayLike, ArrayLike, ArrayLike], fields: NDArray[Any]) -> _core.Model:
    if not isinstance(couplings, PreparedCouplings):
        couplings = PreparedCouplings(*coupling_arrays(couplings))
    model = couplings.model(fields.shape[1])
    _refuse_too_large(couplings.values, fields)
    return model


def _refuse_too_large(values: NDArray[np.float64], fields: NDArray[Any]) -> None:
    """Refuses biases whose sums could overflow; those that are not finite are named by the core."""
    largest = float(max(fields.max(initial=0), -fields.min(initial=0)))
    with np.errstate(over="ignore"):  # inf is too large as well
        of_values = float(np.abs(values).sum())
        if of_values + largest * fields.shape[1] <= MOST_TOTAL:
            return
        totals = of_values + np.abs(fields).sum(axis=1, dtype=np.float64)
    if np.isfinite(fields).all() and (totals > MOST_TOTAL).any():
        problem = int(totals.argmax())
        raise ValueError(
            f"|values| and |fields| of problem {problem} add up to {totals[problem]:g},"
            f" expected at most {MOST_TOTAL:g}"
        )


def _is_single(fields: ArrayLike) -> TypeGuard[NDArray[np.float32]]:
    """Tells whether the core takes fields (batch, spins) as they are, in single precision."""
    if not isinstance(fields, np.ndarray) or fields.dtype != np.float32:
        return False
    return fields.ndim == 2 and fields.flags.c_contiguous and fields.flags.aligned


def _initial_states(
    states: ArrayLike | None, fields: NDArray[Any], num_reads: int
) -> NDArray[np.int8] | None:
    if states is None:
        return None
    given = spins(states)
    batch, num_spins = fields.shape
    if given.shape == (batch, 1, num_spins):
        return np.ascontiguousarray(given)
    return broadcast(given, (batch, num_reads, num_spins))


def _ids(ids: ArrayLike | None, fields: NDArray[Any]) -> NDArray[np.uint32]:
    return stream_ids(range(len(fields)) if ids is None else ids, len(fields))
