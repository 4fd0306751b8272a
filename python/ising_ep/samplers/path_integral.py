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

import warnings
from collections.abc import Callable, Sequence
from functools import cached_property
from time import perf_counter_ns
from typing import Any, get_args

import dimod
import numpy as np
from dimod.core.initialized import Initialized, InitialStateGenerator
from dimod.core.sampler import Sampler
from dimod.typing import SamplesLike
from numpy.typing import ArrayLike, NDArray

from .. import _core
from ..checks import WORD, boolean, function, integer, one_of, real, seconds, seed_or_new, threads
from ..schedule import quantum_forward
from .batch import NUM_SLICES, require_slices, sample_batch_quantum, transverse_and_problem, warn_if_rounded
from .betas import BetaScheduleType
from .couplings import PreparedCouplings
from .default_range import DefaultRangeWarning, Fit, Ising, in_own_precision, range_of
from .digest import digest_of
from .path_schedule import PathSchedule, refuse_what_is_not_here, slices_for
from .reads import Watch, asked_reads, energies_as_given, finished, given_states, rest_of_fields
from .spin_form import in_floats, spin_form
from .typical_field import local_squares

# Defaults in units of the largest sqrt(h_i^2 + sum_j J_ij^2). Of nine pairs, with 10, 20 and 40 slices, this
# one has the lowest mean energies overall on a cubic and a square lattice, a complete and a bipartite graph.
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
        """The keywords of `sample`, each with the properties that say what it accepts."""
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
            "beta_range": [],
            "beta_schedule_type": ["beta_schedule_options"],
            "num_sweeps_per_beta": [],
            "Hp_field": [],
            "Hd_field": [],
            "Gamma": [],
            "chain_coupler_strength": [],
            "qubits_per_chain": [],
            "qubits_per_update": [],
            "make_info_json_serializable": [],
            "project_states": [],
            "num_breaks": [],
            "breaks_in": [],
            "breaks_buffer_out": [],
            "schedule_sample_interval": [],
        }
        return keywords

    @cached_property
    def properties(self) -> dict[str, Any]:
        """Properties of the sampler: the values of `beta_schedule_type`."""
        return {"beta_schedule_options": get_args(BetaScheduleType)}

    def sample(
        self,
        bqm: dimod.BinaryQuadraticModel,
        *,
        num_reads: int | None = None,
        num_sweeps: int | None = None,
        beta: float | None = None,
        gamma: float | None = None,
        num_slices: int | None = None,
        schedule: ArrayLike | None = None,
        seed: int | None = None,
        initial_states: SamplesLike | None = None,
        initial_states_generator: InitialStateGenerator = "random",
        num_threads: int | None = None,
        interrupt_function: Callable[[], object] | None = None,
        time_limit: float | None = None,
        progress: Callable[[int, int], object] | None = None,
        beta_range: Sequence[float] | None = None,
        beta_schedule_type: BetaScheduleType | None = None,
        num_sweeps_per_beta: int | None = None,
        Hp_field: ArrayLike | None = None,  # noqa: N803
        Hd_field: ArrayLike | None = None,  # noqa: N803
        Gamma: float | None = None,  # noqa: N803
        chain_coupler_strength: float = 1,
        qubits_per_chain: int = 1,
        qubits_per_update: int = 1,
        make_info_json_serializable: bool = False,
        project_states: tuple[bool, bool] = (True, True),
        num_breaks: ArrayLike | None = None,
        breaks_in: ArrayLike | None = None,
        breaks_buffer_out: ArrayLike | None = None,
        schedule_sample_interval: int | None = None,
        **kwargs: Any,
    ) -> dimod.SampleSet:
        """Sample a binary quadratic model, of any vartype and any labels.

        Energies, and with them `gamma` and 1 / `beta`, are in units of the biases as an Ising problem. The
        defaults of both go with the largest sqrt(h_i^2 + sum_j J_ij^2) of a spin i, or, with a warning, with
        a smaller energy where penalties cancel and weights decide.

        Args:
            bqm: The problem.
            num_reads: Number of anneals; by default that of the initial states, or 1.
            num_sweeps: Sweeps of each anneal, at least 2, 1000 by default.
            beta: Inverse temperature, > 0; by default 20 over that unit.
            gamma: Transverse field that the anneal begins with, > 0; by default 2 times that unit. It falls
                linearly to 0 while the scale of the problem rises from 0 to 1.
            num_slices: Slices in imaginary time, at least 2, 16 by default. Their error goes with
                (beta / num_slices)^2.
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
            beta_range: With the next four the schedule in the words of dwave-samplers' sampler of this name,
                in place of `beta`, `gamma` and `schedule`: of the machine Hp E(sigma_z) - Hd sum_i sigma_x_i
                at inverse temperature 1, where Hp goes through `beta_range` or is `Hp_field` ("custom"), and
                Hd is `Hd_field`, 0 by default, one number for each of Hp. As there, 100 sweeps are the
                default, each read begins in one state in all slices, and without `Hd_field` this is
                simulated annealing. By default there are as many slices as bring the distribution at rest
                close to that of infinitely many, which dwave-samplers has nearly. Its sweeps are others: the
                way to that distribution differs.
            beta_schedule_type: See `beta_range`.
            num_sweeps_per_beta: See `beta_range`.
            Hp_field: See `beta_range`.
            Hd_field: See `beta_range`.
            make_info_json_serializable: Whether `info` holds lists in place of arrays.
            Gamma: Like the next eight refused, but for the values that ask for what is done anyway, with a
                line that says what to do instead.
            chain_coupler_strength: See `Gamma`.
            qubits_per_chain: See `Gamma`.
            qubits_per_update: See `Gamma`.
            project_states: See `Gamma`.
            num_breaks: See `Gamma`.
            breaks_in: See `Gamma`.
            breaks_buffer_out: See `Gamma`.
            schedule_sample_interval: See `Gamma`.
            **kwargs: Ignored, with a `dimod.exceptions.SamplerUnknownArgWarning`.

        Returns:
            One row per read, in their order: one slice of its path, as a measurement would find it. `info`
            holds the parameters that make the same reads again: `beta`, `gamma` (None for a given schedule),
            `num_slices`, `schedule` (sweeps, 2), `seed`, `initial_states_generator`, `num_reads`;
            `problem_digest`, that of `ising_ep.problem_digest(bqm)`; then `num_reads_begun`, the number of
            rows, and `ended_by`: "time_limit" or "interrupt_function" where there are fewer rows than reads
            asked for, or None; and `timing` in nanoseconds: `preprocessing_ns`, `sampling_ns`,
            `postprocessing_ns`.

        Raises:
            ValueError: A value out of range, biases that are not finite or add up to more than 1e303, or ones
                so small that the default of `beta` would be infinite.
            TypeError: A number that should be an integer and is not, or a function that is none.
            MemoryError: Reads or slices that do not fit into memory.
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
        refuse_what_is_not_here(
            {
                "Gamma": Gamma,
                "chain_coupler_strength": chain_coupler_strength,
                "qubits_per_chain": qubits_per_chain,
                "qubits_per_update": qubits_per_update,
                "project_states": project_states,
                "num_breaks": num_breaks,
                "breaks_in": breaks_in,
                "breaks_buffer_out": breaks_buffer_out,
                "schedule_sample_interval": schedule_sample_interval,
            }
        )
        listed = boolean("make_info_json_serializable", make_info_json_serializable)
        given, vartype = in_floats(bqm), bqm.vartype
        in_spins = spin_form(given)
        vectors: Any = in_spins.to_numpy_vectors(return_labels=True)  # annotated as if without labels
        linear, (rows, cols, values), offset, labels = vectors
        ising = Ising(linear, rows, cols, values, labels)
        unit = _unit(linear, rows, cols, values)
        theirs = PathSchedule(beta_range, beta_schedule_type, num_sweeps_per_beta, Hp_field, Hd_field)
        named = theirs.given()
        if named:
            _refuse_beside(named, beta=beta, gamma=gamma, schedule=schedule)
            own = in_own_precision(bqm, ising)
            sweeps = theirs.sweeps(num_sweeps, lambda: range_of(own, stacklevel=5))
            num_slices = slices_for(sweeps, unit) if num_slices is None else num_slices
            beta, schedule = 1.0, sweeps
        else:
            if beta is None or (gamma is None and schedule is None):
                unit = _unit_that_decides(ising, unit)
            beta = _default_beta(unit) if beta is None else real("beta", beta)
        num_slices = integer("num_slices", NUM_SLICES if num_slices is None else num_slices, 2, WORD)
        if schedule is None:
            gamma = GAMMA * unit if gamma is None else real("gamma", gamma)
            num_sweeps = 1000 if num_sweeps is None else integer("num_sweeps", num_sweeps, 2)
            schedule = quantum_forward(num_sweeps, gamma)
        elif not named:
            _refuse_beside(["schedule"], gamma=gamma, num_sweeps=num_sweeps)
        transverse, problem = transverse_and_problem(schedule)
        seed, num_threads = seed_or_new(seed), threads(num_threads)
        num_reads = asked_reads(num_reads, len(linear))
        if initial_states is None and initial_states_generator == "random" and not named:
            initial, num_reads = None, num_reads or 1  # the core draws them, every slice another
        else:
            initial = given_states(
                self, in_spins, labels, initial_states, initial_states_generator, num_reads, seed
            )
            num_reads = len(initial)
        require_slices(num_slices, len(linear), num_reads, num_threads)
        watch = Watch(
            num_reads,
            function("progress", progress),
            function("interrupt_function", interrupt_function),
            None if time_limit is None else started + 1e9 * seconds("time_limit", time_limit),
        )

        annealing = perf_counter_ns()
        couplings = PreparedCouplings(
            rows.astype(np.int64, copy=False), cols.astype(np.int64, copy=False), values
        )
        states, energies, [arithmetic] = couplings.model(len(linear)).anneal(
            linear[np.newaxis],
            _core.Paths(beta=beta, num_slices=num_slices, transverse=transverse, problem=problem),
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
        sweeps = np.stack((transverse, problem), axis=1)
        parameters = {
            "beta": beta,
            "gamma": gamma,
            "num_slices": num_slices,
            "schedule": sweeps.tolist() if listed else sweeps,
            "seed": seed,
            "initial_states_generator": initial_states_generator,
            "arithmetic": arithmetic,
            "problem_digest": digest_of(linear, rows, cols, values, offset, labels),
        }
        warn_if_rounded([arithmetic])
        return finished(watch, states, energies, labels, vartype, parameters, started, annealing)

    # Needs neither dimod nor an instance.
    sample_batch_quantum = staticmethod(sample_batch_quantum)


def _refuse_beside(named: list[str], **others: object) -> None:
    for name, value in others.items():
        if value is not None:
            raise ValueError(f"{name} is given beside {', '.join(named)}, expected one of them only")


def _unit_that_decides(ising: Ising, unit: float) -> float:
    """The unit, or, with a warning, a smaller one where large biases cancel and smaller ones decide."""
    fit = Fit.to(ising)
    smaller = float(np.log(2) / 2 / fit.betas[0])  # where `_Minima.betas` begins at 2 units over ln 2
    if not 0 < smaller < unit * (1 - 1e-9):
        return unit
    warnings.warn(
        f"{fit.why}: the defaults of beta and gamma go with an energy of {smaller:g}, not with {unit:g}",
        DefaultRangeWarning,
        stacklevel=3,
    )
    return smaller


def _default_beta(unit: float) -> float:
    beta = BETA / unit
    if beta == np.inf:
        raise ValueError(
            f"beta is None, and its default, {BETA:g} over {unit:g}, the largest sqrt(h^2 + sum J^2) of a"
            " variable, is beyond double precision; expected beta, or larger biases"
        )
    return beta


def _unit(linear: NDArray[Any], rows: NDArray[Any], cols: NDArray[Any], values: NDArray[Any]) -> float:
    """The largest sqrt(h_i^2 + sum_j J_ij^2); 1 where all is 0."""
    found = local_squares(linear, rows, cols, values)
    if found is None:
        return 1.0
    largest, squares = found
    return float(largest * np.sqrt(squares.max()))
