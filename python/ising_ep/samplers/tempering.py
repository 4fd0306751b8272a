"""Parallel tempering with cluster moves on the Rust core, as a `dimod.Sampler`.

Copies of a problem are sampled side by side at a ladder of temperatures by Metropolis updates, and copies of
neighbouring temperatures exchange their states (Hukushima, Nemoto, J. Phys. Soc. Jpn. 65, 1604, 1996), so
that a state stuck at a cold one gets out over the hot ones. All of

    E(s) = sum_{i<j} J_ij s_i s_j + sum_i h_i s_i,   s_i in {-1, +1},   low E is sought
"""

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from time import perf_counter_ns
from typing import Any, Literal, get_args

import dimod
import numpy as np
from dimod.core.sampler import Sampler
from numpy.typing import ArrayLike, NDArray

from .. import _core
from ..checks import (
    WORD,
    as_float,
    boolean,
    energy,
    floats,
    function,
    integer,
    one_of,
    require_memory,
    seconds,
    seed_or_new,
    threads,
)
from .couplings import PreparedCouplings
from .digest import digest_of
from .reads import Watch, energies_as_given, rest_of_fields
from .spin_form import in_floats, spin_form
from .typical_field import COLD, HOT, typical_field

Returned = Literal["best", "last"]

# Temperatures of a ladder.
FEWEST, MOST = 2, 64
# Of a ladder without a number given, by the number of variables: more need smaller steps.
NUM_TEMPERATURES = ((64, 8), (256, 16), (math.inf, 32))
# Exchanges in all with which a ladder can be fitted: two in an eighth, as each is of every other step.
FEWEST_TO_ADAPT = 16
# States of a word of the core: of small integers, and of others; bytes of a ladder, and of a spin of a state.
STATES_OF_INTEGERS, STATES, OF_LADDER, OF_SPIN = 512, 64, 2_500, 0.2


class ParallelTemperingSampler(Sampler):
    """Parallel tempering, with cluster moves between copies of one temperature.

    A read is a ladder: `num_copies` states at each temperature, as many as fit in one word of the core beside
    each other, 512 states of small integer problems and 64 of others. Threads take ladders in turn, so
    several reads are what keeps several cores busy. One seed gives the same reads, to the last bit, on any
    number of threads.

    Example:
        >>> from ising_ep import ParallelTemperingSampler
        >>> sampler = ParallelTemperingSampler()
        >>> triangle = {("a", "b"): 1.0, ("b", "c"): 1.0, ("a", "c"): 1.0}
        >>> print(sampler.sample_ising({}, triangle, num_sweeps=100, seed=1).first.energy)
        -1.0
    """

    @cached_property
    def parameters(self) -> dict[str, list[str]]:
        """The keywords of `sample`, each with the properties that say what it accepts."""
        keywords: dict[str, list[str]] = {
            "betas": [],
            "beta_range": [],
            "num_temperatures": ["num_temperatures_range"],
            "num_reads": [],
            "num_sweeps": [],
            "num_sweeps_per_exchange": [],
            "adapt": [],
            "clusters": ["clusters_options"],
            "seed": [],
            "returned": ["returned_options"],
            "num_threads": [],
            "time_limit": [],
            "target": [],
            "progress": [],
            "interrupt_function": [],
        }
        return keywords

    @cached_property
    def properties(self) -> dict[str, Any]:
        """Properties of the sampler: what `num_temperatures`, `clusters` and `returned` accept."""
        return {
            "num_temperatures_range": (FEWEST, MOST),
            "clusters_options": ("auto", True, False),
            "returned_options": get_args(Returned),
        }

    def sample(
        self,
        bqm: dimod.BinaryQuadraticModel,
        betas: ArrayLike | None = None,
        beta_range: Sequence[float] | None = None,
        num_temperatures: int | None = None,
        num_reads: int = 1,
        num_sweeps: int = 1000,
        num_sweeps_per_exchange: int = 1,
        adapt: bool | None = None,
        clusters: bool | Literal["auto"] = "auto",
        seed: int | None = None,
        returned: Returned = "best",
        *,
        num_threads: int | None = None,
        time_limit: float | None = None,
        target: float | None = None,
        progress: Callable[[int, int], object] | None = None,
        interrupt_function: Callable[[], object] | None = None,
        **kwargs: Any,
    ) -> dimod.SampleSet:
        """Sample a binary quadratic model, of any vartype and any labels.

        In the first eighth of the sweeps all copies come down from the hottest temperature to their own.
        In the second, if `adapt` or `clusters` asks for it, the ladder is fitted. After that the temperatures
        are fixed: the states are samples at these temperatures, as far as the sweeps are enough.

        Args:
            bqm: The problem. Inverse temperatures are in units of 1 / its biases as an Ising problem.
            betas: (temperatures,) the inverse temperatures, rising, 2 to 64 numbers > 0.
            beta_range: Instead, the first and last of a geometric ladder; 1 / u to 10 / u by default, where
                u is the median over the variables of sqrt(h_i^2 + sum_j J_ij^2).
            num_temperatures: How many these are, 2 to 64; 32 by default, 16 up to 256 variables and 8 up
                to 64.
            num_reads: Number of ladders.
            num_sweeps: Sweeps of each state.
            num_sweeps_per_exchange: Sweeps between exchanges; divides `num_sweeps`.
            adapt: Whether the temperatures between the first and the last are moved until exchanges are
                equally frequent everywhere, which needs 16 exchanges in all; by default where there are
                as many and `betas` are not given.
            clusters: Whether a connected set of spins in which two copies at a temperature differ is flipped
                in both, every fourth exchange (Houdayer moves). "auto" does it at
                those temperatures where, while the ladder is fitted, at least one move in 20 flips some of
                the spins that differ and not all. There must be two copies, which problems of other than
                small integers have up to 32 temperatures.
            seed: 0 to 2**64 - 1; by default a new one on every call.
            returned: "best", the best state that each ladder has seen: after each exchange all states are
                looked at. Or "last", all states at the end.
            num_threads: 1 to 4096; all cores by default. Never changes the result.
            time_limit: Seconds from the call on, after which ladders end, each having begun. Looked at every
                20 ms or so.
            target: An energy at which to end: a ladder with a state as low ends, the others soon after.
            progress: Called with the number of exchanges done and that of all, added up over the ladders,
                at once and then every 20 ms or so.
            interrupt_function: Called as often without arguments; when it returns True the ladders end.
            **kwargs: Ignored, with a `dimod.exceptions.SamplerUnknownArgWarning`.

        Returns:
            One row per ladder, or, of the last states, one per ladder, temperature and copy, in this order,
            with the inverse temperatures as the data vector `beta`. `info` holds `betas` at the end,
            `num_copies` at each; `exchange_rates`, the mean probability of an exchange between each two
            neighbours, and `round_trips` of the ladder's states from the hottest temperature to the coldest
            and back, both since the temperatures were fixed; for each temperature `cluster_moves`, whether
            they were made, `cluster_sizes`, the mean spins that flipped, and `cluster_rates`, the share of
            moves that flipped some of the differing spins and not all, None where no copies differed or no
            moves were tried; `best_energies`, (exchanges
            done, seconds, energy) of each state better than all before; the parameters that make the same
            again; `arithmetic`, `problem_digest`, `num_exchanges`, those that each ladder did; `ended_by`:
            "target", "time_limit", "interrupt_function" or None; and `timing` in nanoseconds as that of
            `SimulatedAnnealingSampler`.

        Raises:
            ValueError: A value out of range, biases that are not finite or add up to more than 1e303, or
                large ones that cancel, so that single precision does not decide flips when coldest.
            TypeError: A number that should be an integer and is not, or a function that is none.
            MemoryError: Ladders that do not fit into memory.
            KeyboardInterrupt: On Ctrl-C.

        Example:
            >>> import dimod
            >>> bqm = dimod.BinaryQuadraticModel({"a": 0.5, "b": -0.5}, {("a", "b"): -1.0}, 0.0, "SPIN")
            >>> last = ParallelTemperingSampler().sample(bqm, betas=[0.1, 1], returned="last", seed=1)
            >>> len(last) == 2 * last.info["num_copies"], last.info["betas"]
            (True, [0.1, 1.0])
        """
        started = perf_counter_ns()
        if kwargs:
            self.remove_unknown_kwargs(**kwargs)
        given = in_floats(bqm)
        vectors: Any = spin_form(given).to_numpy_vectors(return_labels=True)  # annotated as if without labels
        linear, (rows, cols, values), offset, labels = vectors
        ladder = _ladder(betas, beta_range, num_temperatures, (linear, rows, cols, values))
        clusters = _auto_or_boolean("clusters", clusters)
        one_of("returned", returned, get_args(Returned))
        num_reads = integer("num_reads", num_reads, 1, WORD // MOST)
        num_sweeps, per_exchange = _sweeps(num_sweeps, num_sweeps_per_exchange)
        seed, num_threads = seed_or_new(seed), threads(num_threads)
        lowest = None if target is None else _without_offset(target, offset, linear, values)
        rounds = num_sweeps // per_exchange
        adapt = _adapts(adapt, rounds, by_default=betas is None)
        watch = Watch(
            num_reads * rounds,
            function("progress", progress),
            function("interrupt_function", interrupt_function),
            None if time_limit is None else started + 1e9 * seconds("time_limit", time_limit),
        )
        rest = rest_of_fields(given, labels, linear)

        sampling = perf_counter_ns()
        couplings = PreparedCouplings(
            rows.astype(np.int64, copy=False), cols.astype(np.int64, copy=False), values
        )
        model = couplings.model(len(linear))
        _check_memory(model, linear, num_reads, returned)
        found = _core.temper(
            model,
            linear,
            ladder,
            num_ladders=num_reads,
            num_rounds=rounds,
            sweeps_per_round=per_exchange,
            adapt=adapt,
            clusters=None if clusters == "auto" else bool(clusters),
            seed=seed,
            target=lowest,
            last=returned == "last",
            rest=None if rest is None else rest[0],
            num_threads=num_threads,
            watch=None if watch.idle() else watch,
        )
        done = sum(found["rounds"])
        if watch.progress is not None:
            watch.progress(done, watch.num_reads)
        sampled = perf_counter_ns()
        is_reached = lowest is not None and found["energies"].min() <= lowest
        kind = "" if returned == "best" else "last_"
        states = found[f"{kind}states"]
        energies = energies_as_given(
            given, labels, states, found[f"{kind}energies"], float(offset), found["arithmetic"]
        )
        info = _diagnostics(found, float(offset)) | {
            "beta_range": beta_range,
            "num_temperatures": len(ladder),
            "num_reads": num_reads,
            "num_sweeps": num_sweeps,
            "num_sweeps_per_exchange": per_exchange,
            "adapt": adapt,
            "clusters": clusters,
            "seed": seed,
            "returned": returned,
            "target": target,
            "problem_digest": digest_of(linear, rows, cols, values, offset, labels),
            "ended_by": "target" if is_reached else watch.ended_by if done < watch.num_reads else None,
        }
        vectors = {}
        if returned == "last":
            vectors["beta"] = np.tile(found["betas"].repeat(found["num_copies"]), num_reads)
        sampleset: dimod.SampleSet = dimod.SampleSet.from_samples(  # type: ignore[no-untyped-call]
            (states if bqm.vartype is dimod.SPIN else (states > 0).astype(np.int8), labels),
            bqm.vartype,
            energies,
            info,
            sort_labels=False,
            **vectors,
        )
        sampleset.info["timing"] = {
            "preprocessing_ns": sampling - started,
            "sampling_ns": sampled - sampling,
            "postprocessing_ns": perf_counter_ns() - sampled,
        }
        return sampleset


def _ladder(
    betas: ArrayLike | None,
    beta_range: Sequence[float] | None,
    num_temperatures: int | None,
    ising: tuple[NDArray[Any], ...],
) -> NDArray[np.float64]:
    """The inverse temperatures to begin with; the core refuses those that do not rise."""
    if num_temperatures is not None:
        num_temperatures = integer("num_temperatures", num_temperatures, FEWEST, MOST)
    if betas is not None:
        if beta_range is not None:
            raise ValueError("beta_range is given beside betas, expected one of them only")
        ladder = floats("betas", betas, "(temperatures,)")
        if num_temperatures not in (None, len(ladder)):
            raise ValueError(f"num_temperatures is {num_temperatures}, but betas holds {len(ladder)} numbers")
        return ladder
    if num_temperatures is None:
        num_temperatures = next(number for most, number in NUM_TEMPERATURES if len(ising[0]) <= most)
    if beta_range is None:
        unit = typical_field(*ising)
        ends = [HOT / unit, COLD / unit]
    else:
        ends = [as_float("beta_range", beta) for beta in beta_range]
    if len(ends) != 2 or not 0 < ends[0] < ends[1] < np.inf:
        raise ValueError(f"beta_range is {beta_range!r}, expected two numbers > 0, the second one larger")
    return np.geomspace(ends[0], ends[1], num_temperatures)


def _check_memory(
    model: _core.Model, linear: NDArray[np.float64], num_reads: int, returned: Returned
) -> None:
    """Refuses more ladders than memory has room for: all of them are there at once."""
    one_sweep = _core.Sweeps(np.ones(1))
    kind = model.arithmetic(linear[np.newaxis], one_sweep, num_reads=STATES_OF_INTEGERS)
    states = STATES_OF_INTEGERS if kind == "integer" else STATES
    of_spin = OF_SPIN * states + (states // 2 if returned == "last" else 1)
    ladder = OF_LADDER + int(of_spin * len(linear))
    require_memory(f"{num_reads} ladders of {len(linear)} spins", num_reads * ladder)


def _adapts(adapt: bool | None, exchanges: int, *, by_default: bool) -> bool:
    """Whether a ladder with so many exchanges is fitted."""
    if adapt is None:
        return by_default and exchanges >= FEWEST_TO_ADAPT
    if boolean("adapt", adapt) and exchanges < FEWEST_TO_ADAPT:
        raise ValueError(
            f"adapt is True, but num_sweeps makes {exchanges} exchanges, expected at least {FEWEST_TO_ADAPT}"
        )
    return adapt


def _auto_or_boolean(name: str, value: bool | Literal["auto"]) -> bool | Literal["auto"]:
    if isinstance(value, str):
        if value != "auto":
            raise ValueError(f"{name} is {value!r}, expected True, False or 'auto'")
        return "auto"
    return boolean(name, value)


def _sweeps(num_sweeps: int, per_exchange: int) -> tuple[int, int]:
    num_sweeps = integer("num_sweeps", num_sweeps, 1, WORD - 2)
    per_exchange = integer("num_sweeps_per_exchange", per_exchange, 1)
    if num_sweeps % per_exchange:
        raise ValueError(f"num_sweeps is {num_sweeps}, not a multiple of {per_exchange} sweeps per exchange")
    return num_sweeps, per_exchange


def _without_offset(
    target: float, offset: float, linear: NDArray[np.float64], values: NDArray[np.float64]
) -> float:
    """The target of the Ising problem, with room for another order of summation."""
    return (
        energy("target", target)
        - float(offset)
        + 1e-13 * float(np.abs(linear).sum() + np.abs(values).sum() + abs(offset))
    )


def _diagnostics(found: dict[str, Any], offset: float) -> dict[str, Any]:
    """What the core counted, as lists, of energies with the offset."""

    def numbers(name: str) -> list[float | None]:
        return [None if math.isnan(number) else number for number in found[name].tolist()]

    return {
        "betas": found["betas"].tolist(),
        "num_copies": found["num_copies"],
        "exchange_rates": numbers("exchange_rates"),
        "round_trips": found["round_trips"],
        "cluster_moves": found["clusters"],
        "cluster_sizes": numbers("cluster_sizes"),
        "cluster_rates": numbers("cluster_rates"),
        "best_energies": [(done, since, lowest + offset) for done, since, lowest in found["trace"]],
        "num_exchanges": found["rounds"],
        "arithmetic": found["arithmetic"],
    }
