"""Tabu search on the Rust core, as a `dimod.Sampler`.

Flips of one spin that go upwards where nothing leads down, spins flipped lately being barred; and, where good
states turn out to have exactly one variable of each of some groups set, anneals with moves within those
groups. Energies are kept in integers, so that penalties may be as large as they like.
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

from .. import _core
from ..checks import energy, function, integer, one_of, real, seconds, seed_or_new, threads
from .couplings import PreparedCouplings
from .reads import Watch, asked_reads, energies_of_spins, finished, given_states, rest_of_fields
from .spin_form import in_floats, spin_form

# Milliseconds that a read takes, and restarts, as in dwave-samplers.
TIMEOUT = 20
# Milliseconds that the core's clock can wait.
MOST_TIMEOUT = 1e12
NUM_RESTARTS = 1_000_000
# Variable updates that a search considers, times the variables, in problems of up to SMALL variables and in
# larger ones; at least LEAST; and restarted searches a part of it. As in dwave-samplers.
SMALL = 500
COEFFICIENTS = (10_000, 25_000)
RESTARTED = 4
LEAST = 500_000
# What the core takes an energy to be off by, in parts of the sizes of all biases together.
ROUNDING = 2.0**-49
# Fits the core's integers of 64 bits.
MOST = 2**62


class TabuSampler(Sampler, Initialized):
    """Tabu search with the parameters of dwave-samplers, several threads, and moves within one-hot groups.

    For problems whose constraints are penalties, where annealing with single flips freezes: routes,
    assignments, packings. Where neither `timeout` nor `time_limit` ends it, one seed gives the same reads, to
    the last bit, on any number of threads, and the first reads of many are those of few.

    Example:
        >>> from ising_ep import TabuSampler
        >>> triangle = {("a", "b"): 1.0, ("b", "c"): 1.0, ("a", "c"): 1.0}
        >>> sampleset = TabuSampler().sample_ising({}, triangle, seed=1, timeout=None, num_restarts=10)
        >>> print(sampleset.first.energy)
        -1.0
    """

    @cached_property
    def parameters(self) -> dict[str, list[str]]:
        """The keywords of `sample`, each with the properties that say what it accepts."""
        return {
            "initial_states": [],
            "initial_states_generator": [],
            "num_reads": [],
            "seed": [],
            "tenure": [],
            "timeout": [],
            "num_restarts": [],
            "energy_threshold": [],
            "coefficient_z_first": [],
            "coefficient_z_restart": [],
            "lower_bound_z": [],
            "num_threads": [],
            "interrupt_function": [],
            "time_limit": [],
            "progress": [],
        }

    @cached_property
    def properties(self) -> dict[str, Any]:
        """Properties of the sampler: none."""
        return {}

    def sample(
        self,
        bqm: dimod.BinaryQuadraticModel,
        initial_states: SamplesLike | None = None,
        initial_states_generator: InitialStateGenerator = "random",
        num_reads: int | None = None,
        seed: int | None = None,
        tenure: int | None = None,
        timeout: float | None = TIMEOUT,
        num_restarts: int = NUM_RESTARTS,
        energy_threshold: float | None = None,
        coefficient_z_first: int | None = None,
        coefficient_z_restart: int | None = None,
        lower_bound_z: int | None = None,
        *,
        num_threads: int | None = None,
        interrupt_function: Callable[[], object] | None = None,
        time_limit: float | None = None,
        progress: Callable[[int, int], object] | None = None,
        **kwargs: Any,
    ) -> dimod.SampleSet:
        """Search for low energies of a binary quadratic model, of any vartype and any labels.

        Args:
            bqm: The problem.
            initial_states: One initial state per read, in any form of `dimod.as_samples`; random by default.
            initial_states_generator: Where there are fewer of them than reads: "none" raises, "tile" repeats
                them, "random" adds random ones. Where there are more, the first are taken.
            num_reads: Number of searches; by default that of the initial states, or 1.
            seed: 0 to 2**64 - 1; by default a new one on every call.
            tenure: Steps for which a flipped variable is barred, 0 to the number of variables - 1. By default
                it is drawn anew for each restart, from 1 to a quarter of the variables, at most 20, and
                varies from flip to flip up to its double.
            timeout: Milliseconds that each read takes at most, 20 by default, up to 1e12; None for no limit.
            num_restarts: Restarts of each read at most. They begin near the best state so far.
            energy_threshold: A read ends when it has a state of this energy or less.
            coefficient_z_first: Where it or one of the next two is given, the first search of a read ends
                after max(variables * coefficient_z_first, lower_bound_z) variable updates were considered,
                and each restarted one after as many by coefficient_z_restart. As in dwave-samplers those that
                are not given are 10,000 (25,000 of more than 500 variables), a quarter of the first, and
                500,000. By default, a search ends when it has found nothing better for a number of steps
                that varies from restart to restart.
            coefficient_z_restart: See `coefficient_z_first`.
            lower_bound_z: See `coefficient_z_first`.
            num_threads: Threads that share the reads, 1 to 4096; all cores by default.
            interrupt_function: Called without arguments, at once and every 20 ms or so; when it returns True
                the reads under way end with the best they have, and no more are begun.
            time_limit: Seconds from the call on, after which the same happens.
            progress: Called with the number of reads that are finished and that of all, every 20 ms or so.
            **kwargs: Ignored, with a `dimod.exceptions.SamplerUnknownArgWarning`.

        Returns:
            One row per read, in their order: the best state of each, its energy as the model itself has it,
            and `num_restarts`. `info` holds the parameters, then `num_reads`, `num_reads_begun`, `ended_by`
            ("energy_threshold" where all reads have such a state, "time_limit" or "interrupt_function" where
            these cut reads short, else None), `trace`, a list of (seconds since the search began, lowest
            energy so far), `num_groups`, the one-hot groups that were found, and `timing`.

        Raises:
            ValueError: A value out of range, or biases that are not finite or add up to more than 1e303.
            TypeError: A number that should be an integer and is not, or a function that is none.
            MemoryError: Reads that do not fit into memory.
            KeyboardInterrupt: On Ctrl-C, also in the middle of a search.

        Example:
            >>> import dimod
            >>> bqm = dimod.BinaryQuadraticModel({"a": 0.5, "b": -0.5}, {("a", "b"): -1.0}, 0.0, "SPIN")
            >>> sampleset = TabuSampler().sample(bqm, num_reads=3, seed=7, energy_threshold=-1)
            >>> print(len(sampleset), sampleset.first.energy)
            3 -1.0
        """
        started = perf_counter_ns()
        if kwargs:
            self.remove_unknown_kwargs(**kwargs)
        one_of("initial_states_generator", initial_states_generator, get_args(InitialStateGenerator))
        given, vartype = in_floats(bqm), bqm.vartype
        bqm = spin_form(given)
        vectors: Any = bqm.to_numpy_vectors(return_labels=True)  # annotated as if without labels
        linear, (rows, cols, values), _, labels = vectors
        if tenure is not None:
            tenure = integer("tenure", tenure, 0, max(0, len(linear) - 1))
        milliseconds = None if timeout is None else _milliseconds(timeout)
        num_restarts = integer("num_restarts", num_restarts, 0, MOST)
        if energy_threshold is not None:
            energy_threshold = energy("energy_threshold", energy_threshold)
        rounds = _rounds(len(linear), tenure, coefficient_z_first, coefficient_z_restart, lower_bound_z)
        seed, num_threads = seed_or_new(seed), threads(num_threads)
        num_reads = asked_reads(num_reads, len(linear))
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

        searching = perf_counter_ns()
        couplings = PreparedCouplings(
            rows.astype(np.int64, copy=False), cols.astype(np.int64, copy=False), values
        )
        rest = rest_of_fields(given, labels, linear)
        offset = float(bqm.offset)
        target = None if energy_threshold is None else energy_threshold - offset
        states, found, restarts, _, trace, groups = _core.search(
            couplings.model(len(linear)),
            linear,
            num_reads=num_reads,
            seed=seed,
            rest=None if rest is None else rest[0],
            initial_states=initial,
            seconds=None if milliseconds is None else milliseconds / 1e3,
            target=target,
            restarts=num_restarts,
            tenure=tenure,
            rounds=rounds,
            num_threads=num_threads,
            watch=None if watch.idle() else watch,
        )
        energies = energies_of_spins(given, states, labels)
        parameters = {
            "tenure": tenure,
            "timeout": timeout,
            "num_restarts": num_restarts,
            "energy_threshold": energy_threshold,
            "coefficient_z_first": coefficient_z_first,
            "coefficient_z_restart": coefficient_z_restart,
            "lower_bound_z": lower_bound_z,
            "seed": seed,
            "initial_states_generator": initial_states_generator,
        }
        sampleset = finished(watch, states, energies, labels, vartype, parameters, started, searching)
        if target is not None and len(found) == num_reads:
            off = ROUNDING * float(np.abs(linear).sum() + np.abs(values).sum() + abs(offset))
            if (found <= target + off).all():
                watch.ended_by = "energy_threshold"
        sampleset.info["ended_by"] = watch.ended_by
        sampleset.info["trace"] = [(second, lowest + offset) for second, lowest in trace.tolist()]
        sampleset.info["num_groups"] = len(groups)
        if not labels:  # dimod appends nothing to samples of no variables
            return sampleset
        counted: dimod.SampleSet = dimod.append_data_vectors(  # type: ignore[no-untyped-call]
            sampleset, num_restarts=restarts.tolist()
        )
        return counted


def _milliseconds(timeout: float) -> float:
    number = real("timeout", timeout)
    if not 0 <= number <= MOST_TIMEOUT:  # nor is nan
        raise ValueError(
            f"timeout is {timeout}, expected a number of milliseconds from 0 to {MOST_TIMEOUT:g},"
            " or None for no limit"
        )
    return number


def _rounds(
    num_variables: int, tenure: int | None, first: int | None, restarted: int | None, least: int | None
) -> tuple[int, int] | None:
    """Steps of the first search and of restarted ones, from the variable updates they may consider."""
    if first is None and restarted is None and least is None:
        return None
    if first is None:
        first = COEFFICIENTS[num_variables > SMALL]
    first = integer("coefficient_z_first", first, 0, MOST)
    restarted = (
        first // RESTARTED if restarted is None else integer("coefficient_z_restart", restarted, 0, MOST)
    )
    least = LEAST if least is None else integer("lower_bound_z", least, 0, MOST)
    # A step considers every variable that is not barred.
    free = max(1, num_variables - (min(20, num_variables // 4) if tenure is None else tenure))
    steps = (max(num_variables * coefficient, least) // free for coefficient in (first, restarted))
    first_steps, restarted_steps = (min(max(1, number), MOST) for number in steps)
    return first_steps, restarted_steps
