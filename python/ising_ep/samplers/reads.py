"""Parts that the samplers share: initial states, a watch over the reads, sample sets."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from time import perf_counter_ns
from typing import Any

import dimod
import numpy as np
from dimod.core.initialized import Initialized, InitialStateGenerator
from dimod.typing import SamplesLike
from numpy.typing import NDArray

from .. import _core
from ..checks import WORD, integer, require_memory, spins


def asked_reads(num_reads: int | None, num_spins: int) -> int | None:
    """The number of reads, if one is given, and they can fit into memory."""
    if num_reads is None:
        return None
    number = integer("num_reads", num_reads, 1, WORD)
    # States and energies as the core has them, energies with the offset, and the record of both.
    require_memory(f"{number} reads of {num_spins} spins", number * (2 * num_spins + 32))
    return number


def given_states(
    sampler: Initialized,
    bqm: dimod.BinaryQuadraticModel,
    labels: Sequence[Hashable],
    given: SamplesLike | None,
    generator: InitialStateGenerator,
    num_reads: int | None,
    seed: int,
) -> NDArray[np.int8]:
    """Initial states (reads, spins) as dimod parses and completes them, columns as in `labels`."""
    if given is not None and not isinstance(given, dimod.SampleSet):
        values, names = dimod.as_samples(given)
        if values.dtype.kind == "u":
            values = values.astype(np.int64)  # dimod turns 0 into -1 within the dtype, which would wrap
        given = (values, names)
    samples = sampler.parse_initial_states(
        bqm,
        initial_states=given,
        initial_states_generator=generator,
        num_reads=num_reads,
        seed=seed & WORD,  # all that numpy's RandomState takes
    ).initial_states
    states = samples.record.sample[:, [samples.variables.index(label) for label in labels]]
    return np.ascontiguousarray(spins(states))  # picking columns leaves Fortran order


def rest_of_fields(
    given: dimod.BinaryQuadraticModel, labels: Sequence[Hashable], linear: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """Find what rounding took off the Ising fields `linear` of a binary model: (1, variables), or None.

    The field of a variable with bias a and interactions b_j is a / 2 + sum_j b_j / 4. Beside a penalty of
    1e15 nothing of a weight of 0.3 is left in it. Of a spin model nothing is rounded.
    """
    if given.vartype is dimod.SPIN:
        return None
    vectors: Any = given.to_numpy_vectors(labels)
    biases, (rows, cols, values), _ = vectors
    rest = _core.rest_of_fields(
        biases,
        rows.astype(np.int64, copy=False),
        cols.astype(np.int64, copy=False),
        values,
        linear,
    )
    return rest[np.newaxis]


def energies_as_given(
    given: dimod.BinaryQuadraticModel,
    labels: Sequence[Hashable],
    states: NDArray[np.int8],
    energies: NDArray[np.float64],
    offset: float,
    arithmetic: str | None,
) -> NDArray[np.float64]:
    """Make energies (reads,) of the model given from those of its Ising problem without `offset`.

    In the Ising problem of a binary model, terms of the penalties' size add up to the weights' size. But for
    small integers, of which no sum is rounded, energies are summed anew from the biases given.
    """
    if given.vartype is dimod.SPIN or arithmetic == "integer":
        return energies + offset
    return energies_of_spins(given, states, labels)


def energies_of_spins(
    given: dimod.BinaryQuadraticModel, states: NDArray[np.int8], labels: Sequence[Hashable]
) -> NDArray[np.float64]:
    """Energies of states of -1 and +1, columns as in `labels`, summed from the biases of the model given."""
    if given.vartype is dimod.BINARY:
        return np.asarray(given.energies(((states > 0).astype(np.int8), labels)), dtype=np.float64)
    vectors: Any = given.to_numpy_vectors(labels)
    linear, (rows, cols, values), offset = vectors
    pairs = rows.astype(np.int64, copy=False), cols.astype(np.int64, copy=False)
    return _core.energies(*pairs, values, linear, np.ascontiguousarray(states)) + float(offset)


@dataclass
class Watch:
    """Is asked by the core, every now and then, whether to begin no more reads."""

    num_reads: int
    progress: Callable[[int, int], object] | None
    interrupt_function: Callable[[], object] | None
    deadline: float | None
    ended_by: str | None = None

    def idle(self) -> bool:
        """Tells whether there is nothing to watch for."""
        return self.progress is None and self.interrupt_function is None and self.deadline is None

    def __call__(self, done: int) -> bool:
        """Tells whether to end after the reads under way, `done` of which are finished."""
        if self.progress is not None:
            self.progress(done, self.num_reads)
        if self.ended_by is None:
            if self.deadline is not None and perf_counter_ns() >= self.deadline:
                self.ended_by = "time_limit"
            elif self.interrupt_function is not None and self.interrupt_function():
                self.ended_by = "interrupt_function"
        return self.ended_by is not None


def finished(
    watch: Watch,
    states: NDArray[np.int8],
    energies: NDArray[np.float64],
    labels: Sequence[Hashable],
    vartype: dimod.Vartype,
    parameters: dict[str, Any],
    started: int,
    annealing: int,
) -> dimod.SampleSet:
    """The sample set of the reads that were begun, after a last word to who follows the progress.

    Its `info` holds the `parameters`, then what became of the reads, and the nanoseconds since the call
    `started` and since it was `annealing`, both as `perf_counter_ns` has them.
    """
    num_begun = len(states)
    if watch.progress is not None:
        watch.progress(num_begun, watch.num_reads)
    annealed = perf_counter_ns()
    info = {
        **parameters,
        "num_reads": watch.num_reads,
        "num_reads_begun": num_begun,
        "ended_by": watch.ended_by if num_begun < watch.num_reads else None,
    }
    sampleset = _sample_set(states, energies, labels, info, vartype)
    sampleset.info["timing"] = {
        "preprocessing_ns": annealing - started,
        "sampling_ns": annealed - annealing,
        "postprocessing_ns": perf_counter_ns() - annealed,
    }
    return sampleset


def _sample_set(
    states: NDArray[np.int8],
    energies: NDArray[np.float64],
    labels: Sequence[Hashable],
    info: dict[str, Any],
    vartype: dimod.Vartype,
) -> dimod.SampleSet:
    """Makes a sample set like `SampleSet.from_samples`, in a third of the time as nothing is checked.

    The states (reads, spins) are -1 and +1 whatever the vartype.
    """
    record = np.empty(len(states), dtype=_row(states.shape[1]))
    record["sample"] = states if vartype is dimod.SPIN else states > 0
    record["energy"] = energies
    record["num_occurrences"] = 1
    return dimod.SampleSet(record.view(np.recarray), labels, info, vartype)  # type: ignore[no-untyped-call]


@lru_cache
def _row(spins: int) -> np.dtype[np.void]:
    """The type of a read in a sample set. To make one takes as long as the digest of a small problem."""
    columns = [("sample", np.int8, (spins,)), ("energy", np.float64), ("num_occurrences", np.int64)]
    return np.dtype((np.record, columns))
