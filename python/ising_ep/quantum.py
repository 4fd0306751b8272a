"""Simulated quantum annealing on the Rust core, as a `dimod.Sampler`.

The quantum annealer of inverse temperature beta, transverse field gamma and problem scale b,

    H = b E(sigma_z) - gamma sum_i sigma_x_i,   E(s) = sum_{i<j} J_ij s_i s_j + sum_i h_i s_i

whose low E is sought, is by the Suzuki-Trotter formula nearly a classical system of P slices in imaginary
time k, of the action

    S = beta b / P sum_k E(s_k) - K sum_k sum_i s_ik s_i,k+1,   K = 1/2 ln coth(beta gamma / P),   k modulo P

(Santoro, Martonak, Tosatti, Car, Science 295, 2427 (2002); Martonak, Santoro, Tosatti, Phys. Rev. B 66,
094203 (2002)). A sweep is a Metropolis update of each spin in each slice, and of each spin in all slices at
once. Sweeps are not the time of Schroedinger's equation: where the schedule stands still the thermal state of
H is sampled, but the way there is a stochastic one.
"""

from collections.abc import Callable
from functools import cached_property
from time import perf_counter_ns
from typing import Any, get_args

import dimod
import numpy as np
from dimod.core.initialized import Initialized, InitialStateGenerator
from dimod.core.sampler import Sampler
from dimod.typing import SamplesLike
from numpy.typing import ArrayLike, NDArray

from . import _core
from .batch import NUM_SLICES, sample_batch_quantum, transverse_and_problem
from .checks import WORD, function, integer, one_of, real, seconds, seed_or_new, threads
from .reads import Watch, energies_as_given, finished, given_states, rest_of_fields, warn_if_rounded
from .schedule import quantum_forward

# In units of the largest sqrt(h_i^2 + sum_j J_ij^2): of nine pairs, with 10, 20 and 40 slices, the one with
# the lowest mean energies all in all on a cubic and a square lattice, a complete and a bipartite graph.
GAMMA = 2.0
BETA = 20.0


class PathIntegralAnnealingSampler(Sampler, Initialized):
    """Simulated quantum annealing by path integrals, with several threads, and batches.

    One seed gives the same reads, to the last bit, on any number of threads, and the first reads of many
    are those of few.

    Example:
        >>> from ising_ep import PathIntegralAnnealingSampler
        >>> triangle = {("a", "b"): 1.0, ("b", "c"): 1.0, ("a", "c"): 1.0}
        >>> sampleset = PathIntegralAnnealingSampler().sample_ising({}, triangle, num_reads=10, seed=1)
        >>> print(sampleset.first.energy)
        -1.0
    """

    @cached_property
    def parameters(self) -> dict[str, list[str]]:
        """The keywords of `sample`; no property says more about them."""
        keywords: dict[str, list[str]] = {
            "num_reads": [],
            "num_sweeps": [],
            "beta": [],
            "gamma": [],
            "num_slices": [],
            "schedule": [],
            "seed": [],
            "initial_states": [],
            "initial_states_generator": [],
            "num_threads": [],
            "interrupt_function": [],
            "time_limit": [],
            "progress": [],
        }
        return keywords

    @cached_property
    def properties(self) -> dict[str, Any]:
        """None."""
        return {}

    def sample(
        self,
        bqm: dimod.BinaryQuadraticModel,
        *,
        num_reads: int | None = None,
        num_sweeps: int | None = None,
        beta: float | None = None,
        gamma: float | None = None,
        num_slices: int = NUM_SLICES,
        schedule: ArrayLike | None = None,
        seed: int | None = None,
        initial_states: SamplesLike | None = None,
        initial_states_generator: InitialStateGenerator = "random",
        num_threads: int | None = None,
        interrupt_function: Callable[[], object] | None = None,
        time_limit: float | None = None,
        progress: Callable[[int, int], object] | None = None,
        **kwargs: Any,
    ) -> dimod.SampleSet:
        """Sample a binary quadratic model, of any vartype and any labels.

        Energies, and with them `gamma` and 1 / `beta`, are in units of the biases as an Ising problem. The
        defaults of both go with the largest sqrt(h_i^2 + sum_j J_ij^2) of a spin i.

        Args:
            bqm: The problem.
            num_reads: Number of anneals; by default that of the initial states, or 1.
            num_sweeps: Sweeps of each anneal, at least 2, 1000 by default.
            beta: Inverse temperature, > 0; by default 20 over that unit.
            gamma: Transverse field that the anneal begins with, > 0; by default 2 times that unit. It falls
                linearly to 0 while the scale of the problem rises from 0 to 1.
            num_slices: Slices in imaginary time, at least 2. Their error goes with (beta / num_slices)^2.
            schedule: (sweeps, 2) transverse field and scale of the problem in each sweep, finite, >= 0, in
                place of `gamma` and `num_sweeps`. For a reverse anneal from `initial_states` take
                `ising_ep.schedule.quantum_reverse`.
            seed: 0 to 2**64 - 1; by default a new one on every call.
            initial_states: One initial state per read, in any form of `dimod.as_samples`; it stands in all
                slices alike. By default every slice is random.
            initial_states_generator: Where there are fewer of them than reads: "none" raises, "tile"
                repeats them, "random" adds random ones. Where there are more, the first are taken.
            num_threads: 1 to 4096; all cores by default. Never changes the result.
            interrupt_function: Called without arguments; when it returns True no more reads are begun,
                and those that were come back: one at least.
            time_limit: Seconds from the call on, after which no more reads are begun; those that were
                come back, one at least.
            progress: Called with the number of reads that are finished and that of all, every 20 ms or so.
                The core anneals up to 64 reads side by side, which finish together.
            **kwargs: Ignored, with a `dimod.exceptions.SamplerUnknownArgWarning`.

        Returns:
            One row per read, in their order: one slice of its path, as a measurement would find it. `info`
            holds the parameters that make the same reads again: `beta`, `gamma` (None for a given schedule),
            `num_slices`, `schedule` (sweeps, 2), `seed`, `initial_states_generator`, `num_reads`; then
            `num_reads_begun`, the number of rows, and `ended_by`: "time_limit" or "interrupt_function" where
            there are fewer rows than reads asked for, or None; and `timing` in nanoseconds:
            `preprocessing_ns`, `sampling_ns`, `postprocessing_ns`.

        Raises:
            ValueError: A value out of range, or biases that are not finite.
            TypeError: A number that should be an integer and is not, or a function that is none.
            KeyboardInterrupt: On Ctrl-C, also in the middle of an anneal.

        Example:
            A ring of six, from its ground state back to s = 0.7 and forth again.

            >>> import numpy as np
            >>> from ising_ep.schedule import quantum_reverse
            >>> ring = {(k, (k + 1) % 6): -1.0 for k in range(6)}
            >>> sampleset = PathIntegralAnnealingSampler().sample_ising(
            ...     {}, ring, num_reads=3, seed=7, beta=20, schedule=quantum_reverse(100, 2.0, 0.7),
            ...     initial_states=np.ones(6))
            >>> print(sampleset.record.energy)
            [-6. -6. -6.]
        """
        started = perf_counter_ns()
        if kwargs:
            self.remove_unknown_kwargs(**kwargs)
        one_of("initial_states_generator", initial_states_generator, get_args(InitialStateGenerator))
        given, vartype = bqm, bqm.vartype
        if vartype is not dimod.SPIN:
            bqm = bqm.change_vartype(dimod.SPIN, inplace=False)
        vectors: Any = bqm.to_numpy_vectors(return_labels=True)  # annotated as if without labels
        linear, (rows, cols, values), _, labels = vectors
        linear, values = linear.astype(np.float64, copy=False), values.astype(np.float64, copy=False)
        unit = _unit(linear, rows, cols, values)
        beta = BETA / unit if beta is None else real("beta", beta)
        num_slices = integer("num_slices", num_slices, 2, WORD)
        if schedule is None:
            gamma = GAMMA * unit if gamma is None else real("gamma", gamma)
            num_sweeps = 1000 if num_sweeps is None else integer("num_sweeps", num_sweeps, 2)
            schedule = quantum_forward(num_sweeps, gamma)
        elif gamma is not None or num_sweeps is not None:
            raise ValueError("schedule is given, expected neither gamma nor num_sweeps beside it")
        transverse, problem = transverse_and_problem(schedule)
        seed, num_threads = seed_or_new(seed), threads(num_threads)
        if num_reads is not None:
            num_reads = integer("num_reads", num_reads, 1, WORD)
        if initial_states is None and initial_states_generator == "random":
            initial, num_reads = None, num_reads or 1  # the core draws them
        else:
            initial = given_states(
                self, bqm, labels, initial_states, initial_states_generator, num_reads, seed
            )
            num_reads = len(initial)
        watch = Watch(
            num_reads,
            function("progress", progress),
            function("interrupt_function", interrupt_function),
            None if time_limit is None else started + 1e9 * seconds("time_limit", time_limit),
        )

        annealing = perf_counter_ns()
        states, energies, [arithmetic] = _core.anneal_quantum(
            rows.astype(np.int64, copy=False),
            cols.astype(np.int64, copy=False),
            values,
            linear[np.newaxis],
            beta,
            num_slices,
            transverse,
            problem,
            num_reads,
            None if initial is None else initial[np.newaxis],
            seed,
            np.zeros(1, dtype=np.uint32),
            num_threads,
            rest=rest_of_fields(given, labels, linear),
            watch=None if watch.idle() else watch,
        )
        states = states[0]
        energies = energies_as_given(given, labels, states, energies[0], float(bqm.offset), arithmetic)
        parameters = {
            "beta": beta,
            "gamma": gamma,
            "num_slices": num_slices,
            "schedule": np.stack((transverse, problem), axis=1),
            "seed": seed,
            "initial_states_generator": initial_states_generator,
            "arithmetic": arithmetic,
        }
        warn_if_rounded(arithmetic)
        return finished(watch, states, energies, labels, vartype, parameters, started, annealing)

    # Needs neither dimod nor an instance.
    sample_batch_quantum = staticmethod(sample_batch_quantum)


def _unit(linear: NDArray[Any], rows: NDArray[Any], cols: NDArray[Any], values: NDArray[Any]) -> float:
    """The largest sqrt(h_i^2 + sum_j J_ij^2); 1 where all is 0, or not finite, which the core names."""
    largest = max(np.abs(linear).max(initial=0), np.abs(values).max(initial=0))
    if not 0 < largest < np.inf:
        return 1.0
    squares = (linear / largest) ** 2
    np.add.at(squares, rows, (values / largest) ** 2)
    np.add.at(squares, cols, (values / largest) ** 2)
    return float(largest * np.sqrt(squares.max()))
