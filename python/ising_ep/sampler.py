"""Simulated annealing on the Rust core: as a `dimod.Sampler`, and for whole batches of arrays.

Both faces anneal with single-spin Metropolis updates, in a fixed order of the spins, on

    E(s) = sum_{i<j} J_ij s_i s_j + sum_i h_i s_i,   s_i in {-1, +1},   low E is sought
"""

import secrets
import warnings
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from time import perf_counter_ns
from typing import Any, Literal, NamedTuple, get_args

import dimod
import numpy as np
from dimod.core.initialized import Initialized, InitialStateGenerator
from dimod.core.sampler import Sampler
from dimod.typing import SamplesLike
from numpy.typing import ArrayLike, NDArray

from ising_ep import _core

__all__ = ["BatchResult", "SimulatedAnnealingSampler"]

BetaScheduleType = Literal["linear", "geometric", "custom"]

# The core numbers reads and problems with one 32-bit word each of its random counter.
_WORD = 2**32 - 1
# Far above any machine's cores, far below what an operating system refuses to start.
_MOST_THREADS = 4096


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


class SimulatedAnnealingSampler(Sampler, Initialized):
    """Simulated annealing with the parameters of dwave-samplers, several threads, and batches.

    A read depends on the problem, the schedule, the seed and its own number only: neither `num_threads`
    nor `num_reads` changes it, to the last bit.

    Example:
        >>> from ising_ep.sampler import SimulatedAnnealingSampler
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
        problem = _Ising.of_one(linear, rows, cols, values)
        seed, num_threads = _seed(seed), _num_threads(num_threads)
        if num_reads is not None:
            num_reads = _integer("num_reads", num_reads, 1, _WORD)
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
        _one_of("initial_states_generator", generator, get_args(InitialStateGenerator))
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
            seed=seed & _WORD,  # all that numpy's RandomState takes
        ).initial_states
        states = samples.record.sample[:, [samples.variables.index(label) for label in labels]]
        return np.ascontiguousarray(_spins(states))  # picking columns leaves Fortran order

    def sample_batch(
        self,
        couplings: tuple[ArrayLike, ArrayLike, ArrayLike],
        fields: ArrayLike,
        *,
        num_reads: int,
        beta_schedule: ArrayLike,
        initial_states: ArrayLike | None = None,
        seed: int | None = None,
        num_threads: int | None = None,
        problem_ids: ArrayLike | None = None,
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

        Returns:
            `states` int8 (batch, reads, spins) and `energies` float64 (batch, reads).

        Raises:
            ValueError: A shape, dtype or value that is wrong; the text names it.
            TypeError: A number that should be an integer and is not.
            KeyboardInterrupt: On Ctrl-C, also in the middle of an anneal.

        Example:
            A ferromagnetic pair (J = -1) in a weak field that points up, then down.

            >>> import numpy as np
            >>> result = SimulatedAnnealingSampler().sample_batch(
            ...     ([0], [1], [-1.0]), [[-0.1, 0.0], [0.1, 0.0]],
            ...     num_reads=4, beta_schedule=np.geomspace(0.1, 10, 50), seed=7)
            >>> result.states.shape
            (2, 4, 2)
            >>> result.lowest()
            array([[ 1,  1],
                   [-1, -1]], dtype=int8)
        """
        problem = _Ising(_floats("fields", fields, "(batch, spins)"), *_coupling_arrays(couplings))
        num_problems, num_spins = problem.fields.shape
        num_reads = _integer("num_reads", num_reads, 1, _WORD)
        betas = _floats("beta_schedule", beta_schedule, "(sweeps,)")
        if not betas.size:
            raise ValueError("beta_schedule is empty, expected at least one sweep")
        initial = None
        if initial_states is not None:
            initial = _broadcast(_spins(initial_states), (num_problems, num_reads, num_spins))
        ids = None if problem_ids is None else _problem_ids(problem_ids, num_problems)
        return BatchResult(
            *problem.anneal_batch(betas, num_reads, initial, _seed(seed), ids, _num_threads(num_threads))
        )


class _Ising(NamedTuple):
    """A batch of problems in the dtypes of the core."""

    fields: NDArray[np.float64]
    rows: NDArray[np.int64]
    cols: NDArray[np.int64]
    values: NDArray[np.float64]

    @classmethod
    def of_one(
        cls, linear: NDArray[Any], rows: NDArray[Any], cols: NDArray[Any], values: NDArray[Any]
    ) -> "_Ising":
        """A batch of one problem, from dimod's vectors."""
        return cls(
            linear[np.newaxis].astype(np.float64, copy=False),
            rows.astype(np.int64, copy=False),
            cols.astype(np.int64, copy=False),
            values.astype(np.float64, copy=False),
        )

    def anneal_batch(
        self,
        betas: NDArray[np.float64],
        num_reads: int,
        initial: NDArray[np.int8] | None,
        seed: int,
        ids: NDArray[np.uint32] | None,
        num_threads: int | None,
    ) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
        """States (batch, reads, spins) and energies (batch, reads)."""
        if ids is None:
            ids = np.arange(len(self.fields), dtype=np.uint32)
        return _core.anneal(
            self.rows, self.cols, self.values, self.fields, betas, num_reads, initial, seed, ids, num_threads
        )

    def anneal(
        self,
        betas: NDArray[np.float64],
        num_reads: int,
        initial: NDArray[np.int8] | None,
        seed: int,
        num_threads: int | None,
    ) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
        """States (reads, spins) and energies (reads,) of a batch of one; no sweeps change nothing."""
        if not betas.size and initial is not None:
            return initial, self.energies(initial)
        batch_of_one = None if initial is None else initial[np.newaxis]
        states, energies = self.anneal_batch(betas, num_reads, batch_of_one, seed, None, num_threads)
        return states[0], energies[0]

    def energies(self, states: NDArray[np.int8]) -> NDArray[np.float64]:
        """Energies (reads,) of states (reads, spins) of a batch of one."""
        pairs = states[:, self.rows] * states[:, self.cols]
        energies: NDArray[np.float64] = pairs @ self.values + states @ self.fields[0]
        return energies


# --- schedules ---------------------------------------------------------------------------------------


def _schedule(
    beta_range: Sequence[float] | None,
    num_sweeps: int | None,
    num_sweeps_per_beta: int,
    kind: BetaScheduleType,
    custom: ArrayLike | None,
) -> NDArray[np.float64]:
    """The inverse temperature of each sweep."""
    per_beta = _integer("num_sweeps_per_beta", num_sweeps_per_beta, 1)
    if num_sweeps is not None:
        num_sweeps = _integer("num_sweeps", num_sweeps, 0)
    _one_of("beta_schedule_type", kind, get_args(BetaScheduleType))
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
    betas = _floats("beta_schedule", custom, "(betas,)")
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


# --- checks ------------------------------------------------------------------------------------------


def _integer(name: str, value: int, low: int, high: int | None = None) -> int:
    expected = f"an integer >= {low}" if high is None else f"an integer from {low} to {high}"
    if not isinstance(value, Integral):
        raise TypeError(f"{name} is {value!r}, expected {expected}")
    if value < low or (high is not None and value > high):
        raise ValueError(f"{name} is {value}, expected {expected}")
    return int(value)


def _one_of(name: str, value: str, options: tuple[str, ...]) -> None:
    if value not in options:
        raise ValueError(f"{name} is {value!r}, expected one of {options}")


def _seed(seed: int | None) -> int:
    return secrets.randbits(64) if seed is None else _integer("seed", seed, 0, 2**64 - 1)


def _num_threads(num_threads: int | None) -> int | None:
    return None if num_threads is None else _integer("num_threads", num_threads, 1, _MOST_THREADS)


def _array(name: str, array: ArrayLike, kinds: str, shape: str) -> NDArray[Any]:
    """An array of one of the numpy `kinds`, with as many dimensions as the text `shape` names."""
    result = np.asarray(array)
    if result.ndim != len(shape.strip("(),").split(",")):
        raise ValueError(f"{name} has shape {result.shape}, expected {shape}")
    # numpy makes an empty list float64.
    if result.dtype.kind not in kinds and result.size:
        wanted = "real numbers" if "f" in kinds else "integers"
        raise ValueError(f"{name} has dtype {result.dtype}, expected {wanted}")
    return result


def _floats(name: str, array: ArrayLike, shape: str) -> NDArray[np.float64]:
    with np.errstate(over="ignore"):  # a longdouble out of range becomes inf, which the core names
        return np.ascontiguousarray(_array(name, array, "fiu", shape), dtype=np.float64)


def _integers(name: str, array: ArrayLike, shape: str) -> NDArray[np.int64]:
    given = _array(name, array, "iu", shape)
    if given.dtype.kind == "u" and given.size and given.max() > np.iinfo(np.int64).max:
        raise ValueError(f"{name} holds {given.max()}, too large for an index")
    return np.ascontiguousarray(given, dtype=np.int64)


def _coupling_arrays(
    couplings: tuple[ArrayLike, ArrayLike, ArrayLike],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    if len(couplings) != 3:
        raise ValueError(f"couplings has {len(couplings)} parts, expected 3: (rows, cols, values)")
    rows, cols, values = couplings
    return (
        _integers("rows", rows, "(couplings,)"),
        _integers("cols", cols, "(couplings,)"),
        _floats("values", values, "(couplings,)"),
    )


def _problem_ids(ids: ArrayLike, num_problems: int) -> NDArray[np.uint32]:
    given = _array("problem_ids", ids, "iu", "(batch,)")
    if len(given) != num_problems:
        raise ValueError(f"problem_ids has shape {given.shape}, expected ({num_problems},)")
    for outlier in (given.min(initial=0), given.max(initial=0)):
        if not 0 <= outlier <= _WORD:
            raise ValueError(f"problem_ids holds {outlier}, expected integers from 0 to {_WORD}")
    return np.ascontiguousarray(given, dtype=np.uint32)


def _spins(states: ArrayLike) -> NDArray[np.int8]:
    """As int8. What is int8 already is left for the core to check: batches are large."""
    given = np.asarray(states)
    if given.dtype == np.int8:
        return given
    if given.dtype.kind not in "fiu":
        raise ValueError(f"initial_states has dtype {given.dtype}, expected numbers -1 and +1")
    wrong = given[np.abs(given) != 1]
    if wrong.size:
        raise ValueError(f"initial_states holds {wrong[0]}, expected -1 or +1")
    return given.astype(np.int8)


def _broadcast(states: NDArray[np.int8], shape: tuple[int, int, int]) -> NDArray[np.int8]:
    try:
        return np.ascontiguousarray(np.broadcast_to(states, shape))
    except ValueError:
        raise ValueError(
            f"initial_states has shape {states.shape}, which does not broadcast to"
            f" (batch, reads, spins) = {shape}"
        ) from None
