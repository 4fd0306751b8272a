"""The Rust core. `ising_ep.sampler` is its checked, documented face; call that."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["add_outer", "anneal", "anneal_quantum", "products", "project"]

def anneal(
    rows: NDArray[np.int64],
    cols: NDArray[np.int64],
    values: NDArray[np.float64],
    fields: NDArray[np.float64],
    betas: NDArray[np.float64],
    num_reads: int,
    initial_states: NDArray[np.int8] | None,
    seed: int,
    problem_ids: NDArray[np.uint32],
    num_threads: int | None,
    *,
    gibbs: bool = False,
    random_order: bool = False,
    watch: Callable[[int], object] | None = None,
) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """Anneal every problem of a batch, `num_reads` times each.

    Single-spin updates on

        E(s) = sum_{i<j} J_ij s_i s_j + sum_i h_i s_i,   s_i in {-1, +1}

    All arrays are C-contiguous and have exactly the dtypes given; nothing is converted. The GIL is
    released, and Ctrl-C raises `KeyboardInterrupt` within 0.1 s. The result depends on everything but
    `num_threads` and the grouping of problems into batches, to the last bit.

    Args:
        rows, cols: (couplings,) the two spins of each coupling. Couplings of the same pair, in either
            order, add up.
        values: (couplings,) J.
        fields: (batch, spins) h.
        betas: (sweeps,) inverse temperature of each sweep, finite, >= 0, at least one.
        num_reads: Independent anneals of each problem, at least 1.
        initial_states: (batch, reads, spins) of -1 and +1, or None for uniformly random ones.
        seed: 0 to 2**64 - 1.
        problem_ids: (batch,) the name of each problem's random stream.
        num_threads: At least 1, or None for all cores.
        gibbs: Accepts flips with probability ``1 / (1 + exp(beta dE))``, not ``min(1, exp(-beta dE))``.
        random_order: Picks a spin at random for each update; else all take turns, in their order.
        watch: For a single problem: called in this thread, at once and every 20 ms, with the number of
            reads that are finished. When it returns True no more are begun, and those that were come
            back, one at least; what it raises ends the anneal.

    Returns:
        states, int8 (batch, reads, spins), and energies, float64 (batch, reads).

    Raises:
        ValueError: One line that names the offending value.
        TypeError: A wrong dtype or number of dimensions.
        MemoryError: The couplings or the reads do not fit into memory.
        RuntimeError: The operating system starts no more threads.
    """

def anneal_quantum(
    rows: NDArray[np.int64],
    cols: NDArray[np.int64],
    values: NDArray[np.float64],
    fields: NDArray[np.float64],
    beta: float,
    num_slices: int,
    transverse: NDArray[np.float64],
    problem: NDArray[np.float64],
    num_reads: int,
    initial_states: NDArray[np.int8] | None,
    seed: int,
    problem_ids: NDArray[np.uint32],
    num_threads: int | None,
    *,
    watch: Callable[[int], object] | None = None,
) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """Quantum anneals of every problem of a batch, by path integrals; `ising_ep.quantum` tells more.

    In sweep t the machine is

        H = problem[t] E(sigma_z) - transverse[t] sum_i sigma_x_i

    Args:
        beta: Inverse temperature, > 0.
        num_slices: Trotter slices, at least 2.
        transverse: (sweeps,) Gamma of each sweep, finite, >= 0, at least one.
        problem: (sweeps,) what multiplies the problem in each sweep, finite, >= 0.
        initial_states: As in `anneal`, in all slices alike; None draws each slice of its own.
        rows, cols, values, fields, num_reads, seed, problem_ids, num_threads, watch: As in `anneal`.

    Returns:
        One slice of each path: states, int8 (batch, reads, spins), and their E, float64 (batch, reads).

    Raises:
        ValueError, TypeError, MemoryError, RuntimeError: As in `anneal`.
    """

def project(x: NDArray[np.float32], w: NDArray[np.float32], bias: NDArray[np.float32]) -> NDArray[np.float32]:
    """``bias + x w``, added up in one fixed order.

    Args:
        x: (batch, inputs), C-contiguous.
        w: (inputs, units), C-contiguous.
        bias: (units,).

    Returns:
        float32 (batch, units).

    Raises:
        ValueError: Shapes do not fit.
        MemoryError: The result does not fit into memory.
    """

def add_outer(w: NDArray[np.float32], x: NDArray[np.float32], d: NDArray[np.float32], limit: float) -> None:
    """``w += x^T d``, then clipped to ±limit where ``x`` is not 0, in place.

    Args:
        w: (inputs, units), C-contiguous, changed.
        x: (batch, inputs), C-contiguous.
        d: (batch, units), C-contiguous.
        limit: Bound on the size of the result, >= 0.

    Raises:
        ValueError: Shapes do not fit, or `limit` is negative or nan; `w` is as it was.
    """

def products(states: NDArray[np.int8], before: tuple[int, int], after: tuple[int, int]) -> NDArray[np.int32]:
    """Sum over states of ``s_i s_j`` for spins i and j of two ranges of spins.

    Args:
        states: (states, spins), C-contiguous, of -1 and +1.
        before: First spin i, and the one after the last.
        after: First spin j, and the one after the last.

    Returns:
        int32 (spins i, spins j).

    Raises:
        ValueError: A range ends outside the spins.
        MemoryError: The result does not fit into memory.
    """
