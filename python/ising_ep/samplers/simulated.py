"""Simulated annealing on the Rust core, as a `dimod.Sampler`.

Single-spin updates, by default Metropolis' and in a fixed order of the spins, on

    E(s) = sum_{i<j} J_ij s_i s_j + sum_i h_i s_i,   s_i in {-1, +1},   low E is sought
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from time import perf_counter_ns
from typing import Any, get_args

import dimod
import numpy as np
from dimod.core.initialized import Initialized, InitialStateGenerator
from dimod.core.sampler import Sampler
from dimod.typing import SamplesLike
from numpy.typing import ArrayLike

from .. import _core
from ..checks import boolean, function, is_gibbs, one_of, seconds, seed_or_new, threads
from .batch import sample_batch, warn_if_rounded
from .betas import BetaScheduleType, betas_of_sweeps
from .couplings import PreparedCouplings
from .default_range import Ising, in_own_precision, range_of
from .digest import digest_of
from .reads import (
    Watch,
    asked_reads,
    energies_as_given,
    energies_of_spins,
    finished,
    given_states,
    rest_of_fields,
)
from .spin_form import in_floats, spin_form


class SimulatedAnnealingSampler(Sampler, Initialized):
    """Simulated annealing with the parameters of dwave-samplers, several threads, and batches.

    One seed gives the same reads, to the last bit, on any number of threads, and the first reads of many
    are those of few, with one exception: a problem of small integers, or small multiples of one number, may
    draw other random numbers from some number of reads on, 64 or more, so its reads differ below and above.
    Nothing else changes a read.

    Example:
        >>> from ising_ep import SimulatedAnnealingSampler
        >>> sampler = SimulatedAnnealingSampler()
        >>> triangle = {("a", "b"): 1.0, ("b", "c"): 1.0, ("a", "c"): 1.0}
        >>> print(sampler.sample_ising({}, triangle, num_reads=10, seed=1).first.energy)
        -1.0
    """

    @cached_property
    def parameters(self) -> dict[str, list[str]]:
        """The keywords of `sample`, each with the properties that say what it accepts."""
        keywords: dict[str, list[str]] = {
            "beta_range": [],
            "num_reads": [],
            "num_sweeps": [],
            "num_sweeps_per_beta": [],
            "beta_schedule_type": ["beta_schedule_options"],
            "seed": [],
            "interrupt_function": [],
            "beta_schedule": [],
            "initial_states": [],
            "initial_states_generator": [],
            "randomize_order": [],
            "proposal_acceptance_criteria": [],
            "num_threads": [],
            "time_limit": [],
            "progress": [],
        }
        return keywords

    @cached_property
    def properties(self) -> dict[str, Any]:
        """Properties of the sampler: the values of `beta_schedule_type`."""
        return {"beta_schedule_options": get_args(BetaScheduleType)}

    def sample(
        self,
        bqm: dimod.BinaryQuadraticModel,
        beta_range: Sequence[float] | None = None,
        num_reads: int | None = None,
        num_sweeps: int | None = None,
        num_sweeps_per_beta: int = 1,
        beta_schedule_type: BetaScheduleType = "geometric",
        seed: int | None = None,
        interrupt_function: Callable[[], object] | None = None,
        beta_schedule: ArrayLike | None = None,
        initial_states: SamplesLike | None = None,
        initial_states_generator: InitialStateGenerator = "random",
        randomize_order: bool = False,
        proposal_acceptance_criteria: str = "Metropolis",
        *,
        num_threads: int | None = None,
        time_limit: float | None = None,
        progress: Callable[[int, int], object] | None = None,
        **kwargs: Any,
    ) -> dimod.SampleSet:
        """Sample a binary quadratic model, of any vartype and any labels.

        `interrupt_function` and `progress` are called from the thread that calls this, at once and then
        every 20 ms or so while others anneal; what they raise ends the anneal and is raised here.

        Args:
            bqm: The problem. Inverse temperatures are in units of 1 / its biases as an Ising problem.
            beta_range: First and last inverse temperature; `ising_ep.default_beta_range` by default: that of
                dwave-samplers, or, with a warning, another where a stray bias or a penalty spoils it. Where
                the last is infinite all but the first are, so that only flips that lower the energy are
                accepted.
            num_reads: Number of anneals; by default that of the initial states, or 1.
            num_sweeps: Sweeps of each anneal, 1000 by default. With 0 the initial states come back as they
                are, random ones where none are given.
            num_sweeps_per_beta: Sweeps at each inverse temperature; divides `num_sweeps`.
            beta_schedule_type: "geometric" or "linear" interpolate `beta_range`; "custom" takes
                `beta_schedule`.
            seed: 0 to 2**64 - 1; by default a new one on every call.
            interrupt_function: Called without arguments; when it returns True no more reads are begun,
                and those that were come back: one at least.
            beta_schedule: (betas,) the inverse temperatures of a custom schedule, each for
                `num_sweeps_per_beta` sweeps; any numbers >= 0, also infinite.
            initial_states: One initial state per read, in any form of `dimod.as_samples`.
            initial_states_generator: Where there are fewer of them than reads: "none" raises, "tile"
                repeats them, "random" adds random ones. Where there are more, the first are taken.
            randomize_order: Whether each update picks a spin at random, as many in a sweep as there are
                spins, instead of all in turn; slower. Reads 0 to 63 share one sequence of spins, so do
                reads 64 to 127, and so on: each read by itself is as if it had its own.
            proposal_acceptance_criteria: "Metropolis" accepts a flip that changes the energy by dE with
                probability min(1, exp(-beta dE)), "Gibbs" with 1 / (1 + exp(beta dE)).
            num_threads: 1 to 4096; all cores by default. Never changes the result.
            time_limit: Seconds from the call on, after which no more reads are begun; those that were
                come back, one at least. Looked at every 20 ms or so.
            progress: Called with the number of reads that are finished and that of all: progress(0, 8)
                first, progress(8, 8) last. The core anneals up to 512 reads side by side, which finish
                together.
            **kwargs: Ignored, with a `dimod.exceptions.SamplerUnknownArgWarning`.

        Returns:
            One row per read, in the order of the reads, energies in float64. `info` holds the parameters
            that make the same reads again: `beta_range` (None for a custom schedule without one),
            `beta_schedule_type`, `beta_schedule`, `num_sweeps`, `num_sweeps_per_beta`, `seed`,
            `initial_states_generator`, `randomize_order`, `proposal_acceptance_criteria`, `num_reads`;
            `problem_digest`, that of `ising_ep.problem_digest(bqm)`; then `num_reads_begun`, the number of
            rows, and `ended_by`: "time_limit" or "interrupt_function" where there are fewer rows than reads
            asked for, or None; and `timing` in nanoseconds: `preprocessing_ns`, `sampling_ns`,
            `postprocessing_ns`.

        Raises:
            ValueError: A value out of range, or biases that are not finite or add up to more than 1e303.
            TypeError: A number that should be an integer and is not, or a function that is none.
            MemoryError: Reads or sweeps that do not fit into memory.
            KeyboardInterrupt: On Ctrl-C, also in the middle of an anneal.

        Example:
            >>> import dimod
            >>> bqm = dimod.BinaryQuadraticModel({"a": 0.5, "b": -0.5}, {("a", "b"): -1.0}, 0.0, "SPIN")
            >>> sampleset = SimulatedAnnealingSampler().sample(
            ...     bqm, num_reads=3, seed=1234, beta_range=[0.1, 4.2], num_sweeps=20)
            >>> print(len(sampleset), sampleset.first.energy)
            3 -1.0
        """
        started = perf_counter_ns()
        if kwargs:
            self.remove_unknown_kwargs(**kwargs)
        gibbs = is_gibbs(proposal_acceptance_criteria)
        one_of("initial_states_generator", initial_states_generator, get_args(InitialStateGenerator))
        randomize_order = boolean("randomize_order", randomize_order)
        given, vartype = in_floats(bqm), bqm.vartype
        in_spins = spin_form(given)
        vectors: Any = in_spins.to_numpy_vectors(return_labels=True)  # annotated as if without labels
        linear, (rows, cols, values), offset, labels = vectors
        if beta_range is None and beta_schedule_type in ("geometric", "linear"):
            ising = in_own_precision(bqm, Ising(linear, rows, cols, values, labels))
            beta_range = range_of(ising, stacklevel=3)
        betas = betas_of_sweeps(
            beta_range, num_sweeps, num_sweeps_per_beta, beta_schedule_type, beta_schedule
        )
        seed, num_threads = seed_or_new(seed), threads(num_threads)
        num_reads = asked_reads(num_reads, len(linear))
        if initial_states is None and initial_states_generator == "random" and betas.size:
            # The usual call: the core draws the initial states, from the streams of the reads.
            initial, num_reads = None, num_reads or 1
        else:
            initial = given_states(
                self, in_spins, labels, initial_states, initial_states_generator, num_reads, seed
            )
            num_reads = len(initial)
        watch = Watch(
            num_reads,
            function("progress", progress),
            function("interrupt_function", interrupt_function),
            None if time_limit is None else started + 1e9 * seconds("time_limit", time_limit),
        )

        annealing = perf_counter_ns()
        if initial is not None and not betas.size:
            states, energies, arithmetic = initial, energies_of_spins(given, initial, labels), None
        else:
            couplings = PreparedCouplings(
                rows.astype(np.int64, copy=False), cols.astype(np.int64, copy=False), values
            )
            states, energies, [arithmetic] = couplings.model(len(linear)).anneal(
                linear[np.newaxis],
                _core.Sweeps(betas, gibbs=gibbs, random_order=randomize_order),
                num_reads=num_reads,
                initial_states=None if initial is None else initial[np.newaxis],
                seed=seed,
                problem_ids=np.zeros(1, dtype=np.uint32),
                num_threads=num_threads,
                rest=rest_of_fields(given, labels, linear),
                watch=None if watch.idle() else watch,
            )
            states = states[0]
            energies = energies_as_given(given, labels, states, energies[0], float(offset), arithmetic)
        parameters = {
            "beta_range": beta_range,
            "beta_schedule_type": beta_schedule_type,
            "beta_schedule": beta_schedule,
            "num_sweeps": betas.size,
            "num_sweeps_per_beta": num_sweeps_per_beta,
            "seed": seed,
            "initial_states_generator": initial_states_generator,
            "randomize_order": randomize_order,
            "proposal_acceptance_criteria": "Gibbs" if gibbs else "Metropolis",
            "arithmetic": arithmetic,
            "problem_digest": digest_of(linear, rows, cols, values, offset, labels),
        }
        warn_if_rounded([arithmetic])
        return finished(watch, states, energies, labels, vartype, parameters, started, annealing)

    # Needs neither dimod nor an instance; it stands here too because scripts look for it here.
    sample_batch = staticmethod(sample_batch)
