"""Simulated annealing on the Rust core, as a `dimod.Sampler`.

Single-spin Metropolis updates, in a fixed order of the spins, on

    E(s) = sum_{i<j} J_ij s_i s_j + sum_i h_i s_i,   s_i in {-1, +1},   low E is sought
"""

import warnings
from collections.abc import Hashable, Sequence
from functools import cached_property
from time import perf_counter_ns
from typing import Any, Literal, NamedTuple, get_args

import dimod
import numpy as np
from dimod.core.initialized import Initialized, InitialStateGenerator
from dimod.core.sampler import Sampler
from dimod.typing import SamplesLike
from numpy.typing import ArrayLike, NDArray

from . import _core
from .batch import sample_batch
from .checks import WORD, floats, integer, one_of, seed_or_new, spins, threads

BetaScheduleType = Literal["linear", "geometric", "custom"]


class SimulatedAnnealingSampler(Sampler, Initialized):
    """Simulated annealing with the parameters of dwave-samplers, several threads, and batches.

    A read depends on the problem, the schedule, the seed and its own number only: neither `num_threads`
    nor `num_reads` changes it, to the last bit.

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
            "beta_schedule": [],
            "initial_states": [],
            "initial_states_generator": [],
            "num_threads": [],
        }
        return keywords

    @cached_property
    def properties(self) -> dict[str, Any]:
        """What the sampler can do: the values of `beta_schedule_type`."""
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
        *,
        beta_schedule: ArrayLike | None = None,
        initial_states: SamplesLike | None = None,
        initial_states_generator: InitialStateGenerator = "random",
        num_threads: int | None = None,
        **kwargs: Any,
    ) -> dimod.SampleSet:
        """Sample a binary quadratic model, of any vartype and any labels.

        Args:
            bqm: The problem. Inverse temperatures are in units of 1 / its biases as an Ising problem.
            beta_range: First and last inverse temperature. By default the first lets every spin flip
                with probability 1/2 at least, and the last excites any spin with probability 0.01 or
                so; both as in dwave-samplers.
            num_reads: Number of anneals; by default that of the initial states, or 1.
            num_sweeps: Metropolis sweeps of each anneal, 1000 by default. With 0 the initial states
                come back.
            num_sweeps_per_beta: Sweeps at each inverse temperature; divides `num_sweeps`.
            beta_schedule_type: "geometric" or "linear" interpolate `beta_range`; "custom" takes
                `beta_schedule`.
            seed: 0 to 2**64 - 1; by default a new one on every call.
            beta_schedule: (betas,) the inverse temperatures of a custom schedule, each for
                `num_sweeps_per_beta` sweeps.
            initial_states: One initial state per read, in any form of `dimod.as_samples`.
            initial_states_generator: Where there are fewer of them than reads: "none" raises, "tile"
                repeats them, "random" adds random ones. Where there are more, the first are taken.
            num_threads: 1 to 4096; all cores by default. Never changes the result.
            **kwargs: Ignored, with a `dimod.exceptions.SamplerUnknownArgWarning`.

        Returns:
            One row per read, in the order of the reads, energies in float64. `info` holds `beta_range`
            (None for a custom schedule without one), `beta_schedule_type`, and `timing` in
            nanoseconds: `preprocessing_ns`, `sampling_ns`, `postprocessing_ns`.

        Raises:
            ValueError: A value out of range, or biases that are not finite.
            TypeError: A number that should be an integer and is not.
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
        vartype = bqm.vartype
        if vartype is not dimod.SPIN:
            bqm = bqm.change_vartype(dimod.SPIN, inplace=False)
        vectors: Any = bqm.to_numpy_vectors(return_labels=True)  # annotated as if without labels
        linear, (rows, cols, values), _, labels = vectors
        if beta_range is None and beta_schedule_type != "custom":
            beta_range = _default_beta_range(linear, rows, cols, values)
        betas = _schedule(beta_range, num_sweeps, num_sweeps_per_beta, beta_schedule_type, beta_schedule)
        problem = _Ising(
            linear.astype(np.float64, copy=False),
            rows.astype(np.int64, copy=False),
            cols.astype(np.int64, copy=False),
            values.astype(np.float64, copy=False),
        )
        seed, num_threads = seed_or_new(seed), threads(num_threads)
        if num_reads is not None:
            num_reads = integer("num_reads", num_reads, 1, WORD)
        if initial_states is None and initial_states_generator == "random" and betas.size:
            # The usual call: the core draws the initial states, from the streams of the reads.
            initial, num_reads = None, num_reads or 1
        else:
            initial = self._initial_states(
                bqm, labels, initial_states, initial_states_generator, num_reads, seed
            )
            num_reads = len(initial)

        annealing = perf_counter_ns()
        states, energies = problem.anneal(betas, num_reads, initial, seed, num_threads)

        annealed = perf_counter_ns()
        if vartype is not dimod.SPIN:
            states = (states + 1) >> 1
        sampleset: dimod.SampleSet = dimod.SampleSet.from_samples(  # type: ignore[no-untyped-call]
            (states, labels),
            vartype=vartype,
            energy=energies + float(bqm.offset),
            info={"beta_range": beta_range, "beta_schedule_type": beta_schedule_type},
            sort_labels=False,
        )
        sampleset.info["timing"] = {
            "preprocessing_ns": annealing - started,
            "sampling_ns": annealed - annealing,
            "postprocessing_ns": perf_counter_ns() - annealed,
        }
        return sampleset

    def _initial_states(
        self,
        bqm: dimod.BinaryQuadraticModel,
        labels: Sequence[Hashable],
        given: SamplesLike | None,
        generator: InitialStateGenerator,
        num_reads: int | None,
        seed: int,
    ) -> NDArray[np.int8]:
        """Initial states (reads, spins) as dimod parses and completes them, columns as in `labels`."""
        one_of("initial_states_generator", generator, get_args(InitialStateGenerator))
        if given is not None and not isinstance(given, dimod.SampleSet):
            values, names = dimod.as_samples(given)
            if values.dtype.kind == "u":
                values = values.astype(np.int64)  # dimod turns 0 into -1 within the dtype, which would wrap
            given = (values, names)
        samples = self.parse_initial_states(
            bqm,
            initial_states=given,
            initial_states_generator=generator,
            num_reads=num_reads,
            seed=seed & WORD,  # all that numpy's RandomState takes
        ).initial_states
        states = samples.record.sample[:, [samples.variables.index(label) for label in labels]]
        return np.ascontiguousarray(spins(states))  # picking columns leaves Fortran order

    # Needs neither dimod nor an instance; it stands here too because scripts look for it here.
    sample_batch = staticmethod(sample_batch)


class _Ising(NamedTuple):
    """One problem in the dtypes of the core."""

    fields: NDArray[np.float64]
    rows: NDArray[np.int64]
    cols: NDArray[np.int64]
    values: NDArray[np.float64]

    def anneal(
        self,
        betas: NDArray[np.float64],
        num_reads: int,
        initial: NDArray[np.int8] | None,
        seed: int,
        num_threads: int | None,
    ) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
        """States (reads, spins) and energies (reads,); no sweeps change nothing."""
        if not betas.size and initial is not None:
            return initial, self.energies(initial)
        h, ids = self.fields[np.newaxis], np.zeros(1, dtype=np.uint32)
        batch_of_one = None if initial is None else initial[np.newaxis]
        states, energies = _core.anneal(
            self.rows, self.cols, self.values, h, betas, num_reads, batch_of_one, seed, ids, num_threads
        )
        return states[0], energies[0]

    def energies(self, states: NDArray[np.int8]) -> NDArray[np.float64]:
        """Energies (reads,) of states (reads, spins)."""
        pairs = states[:, self.rows] * states[:, self.cols]
        energies: NDArray[np.float64] = pairs @ self.values + states @ self.fields
        return energies


def _schedule(
    beta_range: Sequence[float] | None,
    num_sweeps: int | None,
    num_sweeps_per_beta: int,
    kind: BetaScheduleType,
    custom: ArrayLike | None,
) -> NDArray[np.float64]:
    """The inverse temperature of each sweep."""
    per_beta = integer("num_sweeps_per_beta", num_sweeps_per_beta, 1)
    if num_sweeps is not None:
        num_sweeps = integer("num_sweeps", num_sweeps, 0)
    one_of("beta_schedule_type", kind, get_args(BetaScheduleType))
    if beta_range is None or kind == "custom":
        return _custom_betas(beta_range, num_sweeps, per_beta, custom).repeat(per_beta)
    if custom is not None:
        raise ValueError(f"beta_schedule is given, but beta_schedule_type is {kind!r}, expected 'custom'")
    num_betas, rest = divmod(1000 if num_sweeps is None else num_sweeps, per_beta)
    if rest:
        raise ValueError(f"num_sweeps is {num_sweeps or 1000}, not a multiple of {per_beta} sweeps per beta")
    return _interpolated(kind, beta_range, num_betas).repeat(per_beta)


def _interpolated(kind: str, beta_range: Sequence[float], num_betas: int) -> NDArray[np.float64]:
    if len(beta_range) != 2 or not all(0 <= beta < np.inf for beta in beta_range):
        raise ValueError(f"beta_range is {beta_range}, expected two finite numbers >= 0")
    first, last = beta_range
    if num_betas == 1:
        return np.array([last], dtype=np.float64)
    if kind == "linear":
        return np.linspace(first, last, num_betas)
    if first == 0 or last == 0:
        raise ValueError(f"beta_range is {beta_range}, expected numbers > 0 for a geometric schedule")
    return np.geomspace(first, last, num_betas)


def _custom_betas(
    beta_range: Sequence[float] | None, num_sweeps: int | None, per_beta: int, custom: ArrayLike | None
) -> NDArray[np.float64]:
    if custom is None:
        raise ValueError("beta_schedule is None, expected inverse temperatures for a custom schedule")
    betas = floats("beta_schedule", custom, "(betas,)")
    if not betas.size:
        raise ValueError("beta_schedule is empty, expected at least one inverse temperature")
    if num_sweeps is not None and num_sweeps != betas.size * per_beta:
        raise ValueError(
            f"num_sweeps is {num_sweeps}, but beta_schedule has {betas.size} inverse temperatures"
            f" of {per_beta} sweeps each"
        )
    if beta_range is not None and (beta_range[0] != betas[0] or beta_range[-1] != betas[-1]):
        raise ValueError(f"beta_range is {beta_range}, but beta_schedule goes from {betas[0]} to {betas[-1]}")
    return betas


def _default_beta_range(
    linear: NDArray[Any], rows: NDArray[Any], cols: NDArray[Any], values: NDArray[Any]
) -> list[float]:
    """The range of dwave-samplers, to the last bit: also the sums of a float32 model stay float32.

    Hot: the spin with the largest sum of |biases| flips against all of them with probability 1/2.
    Cold: the spins with the smallest single |bias| are excited across it with probability 0.01, all
    of them together.
    """
    total = np.abs(linear)
    # Both ends of each coupling in turn: every spin's sum is then taken in dwave-samplers' order.
    ends = np.stack((rows, cols), axis=1).ravel()
    coupling = np.abs(values).repeat(2)
    smallest = np.where(linear == 0, np.inf, total).astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is named below
        np.minimum.at(smallest, ends, np.where(coupling == 0, np.inf, coupling).astype(np.float64))
        np.add.at(total, ends, coupling)
        width = 2 * total.max(initial=0)
    if not np.isfinite(width):
        raise ValueError(f"|biases| of one variable add up to {width / 2}, too much for a default beta_range")
    if width == 0:
        warnings.warn("all biases are zero: beta_range is set to [0.1, 1]", stacklevel=3)
        return [0.1, 1]
    gap = smallest.min()
    with np.errstate(over="ignore"):
        hot = np.log(2) / width
        cold = np.log(np.count_nonzero(smallest == gap) / 0.01) / (2 * gap)
    return [float(hot), float(cold)]
