"""Any dimod sampler as a machine: classical ones, Leap's hybrids, openjij, a QPU behind `DWaveSampler`.

`SamplerMachine` gives a sampler each image's problem as it is; `SamplerAnnealer` stands for a chip, so that
`EmbeddedMachine` lays copies of the network on a sampler that takes only problems on its own graph.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import dimod
import numpy as np
from dimod.core.composite import Composite
from dimod.core.sampler import Sampler
from numpy.typing import NDArray

from ..checks import broadcast, integer
from ..chip import Chip
from ..chip.properties import say_left_out
from ..network import Couplings
from ..samplers.batch import BatchResult
from .annealer import Annealer, Schedule, schedules
from .machine import Machine

# Keywords that a call sets itself.
OWN = ("initial_states", "num_reads", "seed")


class SamplerMachine(Machine):
    """A `Machine` that hands each problem to a dimod sampler, spins labelled 0, 1, 2, ...

    The problems of a batch are all submitted before the first answer is waited for, so that those of a
    sampler that answers later, as the cloud's do, are in flight together.

    *Nudge.* A sampler that takes `initial_states` begins at the free state, and what comes of it is up to the
    sampler: descent and tabu search stay near it, but an anneal that begins hot forgets it. Let it begin
    cooler with `nudge_parameters`, such as ``{"beta_range": (2, 20)}`` for dwave-samplers' annealer. Any
    other sampler, and any composite, as these may rename spins, anneals the nudged problem from scratch.

    *Seeds.* A sampler with `seed` among its `parameters` gets one made of the run's seed and the problem's
    id, so that a run can be repeated; no other sampler's can. (openjij takes a seed without listing it, and
    gets none: 0.12 begins every read of a call with it anew, so that ten reads are one read ten times.)

    Args:
        sampler: The sampler.
        num_reads: Reads of each problem; None leaves the number to the sampler.
        parameters: More keywords of its `sample`.
        nudge_parameters: Keywords that differ in the nudge.

    Raises:
        ValueError: If the sampler has no keyword of that name, or it is one that each call sets itself.

    Example:
        >>> machine = SamplerMachine(dimod.ExactSolver())
        >>> couplings = np.array([0]), np.array([1]), np.array([-1.0])
        >>> fields = np.array([[-0.1, 0.0], [0.1, 0.0]], dtype=np.float32)
        >>> ids = np.arange(2, dtype=np.uint32)
        >>> machine.sample(couplings, fields, seed=0, problem_ids=ids).lowest()
        array([[ 1,  1],
               [-1, -1]], dtype=int8)
    """

    def __init__(
        self,
        sampler: Sampler,
        *,
        num_reads: int | None = None,
        parameters: Mapping[str, Any] | None = None,
        nudge_parameters: Mapping[str, Any] | None = None,
    ) -> None:
        self.sampler = sampler
        self.num_reads = None if num_reads is None else integer("num_reads", num_reads, 1)
        self._keywords = keywords(sampler)
        self._forward = dict(parameters or {})
        self._nudge = self._forward | dict(nudge_parameters or {})
        name = type(sampler).__name__
        for word in self._nudge:
            if word in OWN:
                raise ValueError(f"{word} is among the parameters, but every call sets it itself")
            if word not in self._keywords:
                raise ValueError(
                    f"{name} takes no {word}, expected one of {', '.join(sorted(self._keywords))}"
                )
        if num_reads is not None and "num_reads" not in self._keywords:
            raise ValueError(
                f"num_reads is {num_reads}, but {name} takes none: it decides how many there are"
            )

    def sample(
        self,
        couplings: Couplings,
        fields: NDArray[np.float32],
        *,
        initial_states: NDArray[np.int8] | None = None,
        seed: int,
        problem_ids: NDArray[np.uint32],
    ) -> BatchResult:
        """See `Machine.sample`.

        Raises:
            ValueError: If the sampler cannot take the problems, or answers with other spins than theirs, or
                with more reads of one than of another.
        """
        rows, cols, values = couplings
        name, spins = type(self.sampler).__name__, np.arange(fields.shape[1])
        fixed = self._forward if initial_states is None else self._nudge
        if self.num_reads is not None:
            fixed = fixed | {"num_reads": self.num_reads}
        takes_states = "initial_states" in self._keywords and not isinstance(self.sampler, Composite)
        answers = []
        for k, h in enumerate(fields.astype(np.float64)):
            own: dict[str, Any] = {}
            if "seed" in self.sampler.parameters:
                own["seed"] = _seed(seed, int(problem_ids[k]))
            if initial_states is not None and takes_states:
                own["initial_states"] = _every_read(initial_states[k], self.num_reads), spins.tolist()
            bqm = dimod.BinaryQuadraticModel.from_numpy_vectors(h, (rows, cols, values), 0.0, dimod.SPIN)
            try:
                answers.append(self.sampler.sample(bqm, **fixed, **own))
            except dimod.exceptions.BinaryQuadraticModelStructureError as error:
                raise ValueError(
                    f"{name} takes only problems on its own graph ({error}): lay the network on it with"
                    " EmbeddedMachine(SamplerAnnealer(sampler), ...) or a composite of dwave-system"
                ) from None
        found = [reads(answer, spins, self.num_reads, name) for answer in answers]
        counts = [len(states) for states, _ in found]
        if len(set(counts)) > 1:
            raise ValueError(
                f"{name} answered with {min(counts)} to {max(counts)} reads of the problems of one batch,"
                " expected as many of each"
            )
        self.usage.problems += len(answers)
        self.usage.access_time += sum(map(_access_time, answers))
        states, energies = zip(*found, strict=True)
        return BatchResult(np.stack(states), np.stack(energies))


class SamplerAnnealer(Annealer):
    """A structured sampler as the `Annealer` of an `EmbeddedMachine`: `DWaveSampler` and what stands for it.

    Of the keywords that a QPU has, a sampler gets those that it takes: `anneal_schedule`, `initial_state` and
    `reinitialize_state` for the nudge, ``answer_mode="raw"``, ``auto_scale=False``; and a `seed`, as in
    `SamplerMachine`. One without `initial_state` anneals the nudged problem forwards, from `initial_states`
    if it takes these, else from scratch.

    Args:
        sampler: The sampler.
        chip: What it stands for, if its properties do not say so.

    Raises:
        ValueError: If there is no chip.

    Example:
        Simulated annealing of problems that fit on a chip.

        >>> from ising_ep import SimulatedAnnealingSampler
        >>> chip = Chip.perfect("pegasus", 2)
        >>> nodes, edges = chip.qubits.tolist(), chip.couplers.tolist()
        >>> sampler = dimod.StructureComposite(SimulatedAnnealingSampler(), nodes, edges)
        >>> edge = chip.couplers[:1]
        >>> SamplerAnnealer(sampler, chip).sample(
        ...     edge[0], edge, np.array([[1.0, 1.0]]), np.array([[-1.0]]), schedule=[(0, 0), (20, 1)],
        ...     num_reads=3, initial_states=None, seed=1, problem_ids=np.zeros(1, np.uint32)).tolist()
        [[[-1, -1], [-1, -1], [-1, -1]]]
    """

    def __init__(self, sampler: Sampler, chip: Chip | None = None) -> None:
        name = type(sampler).__name__
        if chip is None and "topology" not in sampler.properties:
            raise ValueError(
                f"the properties of {name} name no topology: say which chip it stands for, or train on it"
                " without one, with SamplerMachine"
            )
        # DWaveSampler is the only sampler that knows the name of its working graph.
        graph_id = getattr(getattr(sampler, "solver", None), "graph_id", None)
        self.sampler = sampler
        self.chip = chip or Chip.of_solver(sampler.properties, graph_id)
        if chip is None:
            say_left_out(name, sampler.properties, self.chip.topology)
        self._keywords = keywords(sampler)

    def sample(
        self,
        qubits: NDArray[np.int64],
        couplers: NDArray[np.int64],
        fields: NDArray[np.float64],
        couplings: NDArray[np.float64],
        *,
        schedule: Schedule,
        num_reads: int,
        initial_states: NDArray[np.int8] | None,
        seed: int,
        problem_ids: NDArray[np.uint32],
    ) -> NDArray[np.int8]:
        """See `Annealer.sample`; all problems are submitted before the first answer is waited for.

        Raises:
            ValueError: If the sampler answers with other qubits or another number of reads.
        """
        reverse = initial_states is not None and {"anneal_schedule", "initial_state"} <= self._keywords
        if initial_states is not None and not reverse:
            schedule = _forward(schedule)
        labels = qubits.tolist()
        order = np.argsort(qubits)
        rows, cols = order[np.searchsorted(qubits, couplers, sorter=order)].T
        answers = []
        for k, (h, j) in enumerate(zip(fields, couplings, strict=True)):
            wanted: dict[str, Any] = {
                "anneal_schedule": [list(point) for point in schedule],
                "answer_mode": "raw",
                "auto_scale": False,
                "num_reads": num_reads,
            }
            if "seed" in self.sampler.parameters:
                wanted["seed"] = _seed(seed, int(problem_ids[k]))
            if initial_states is not None:
                state = initial_states[k]
                if reverse:
                    wanted["initial_state"] = dict(zip(labels, state.tolist(), strict=True))
                    wanted["reinitialize_state"] = True
                else:
                    wanted["initial_states"] = _every_read(state[np.newaxis], num_reads), labels
            bqm = dimod.BinaryQuadraticModel.from_numpy_vectors(
                h, (rows, cols, j), 0.0, dimod.SPIN, variable_order=labels
            )
            taken = {word: value for word, value in wanted.items() if word in self._keywords}
            answers.append(self.sampler.sample(bqm, **taken))
        name = type(self.sampler).__name__
        found = np.stack([reads(answer, qubits, num_reads, name)[0] for answer in answers])
        self.usage.problems += len(answers)
        self.usage.access_time += sum(map(_access_time, answers))
        return found


def keywords(sampler: Sampler) -> set[str]:
    """The keywords of a sampler's `sample`: of its `parameters`, in which some leave out most, and its
    signatures.

    Example:
        >>> from ising_ep import SimulatedAnnealingSampler
        >>> sorted(keywords(SimulatedAnnealingSampler()))[:3]
        ['beta_range', 'beta_schedule', 'beta_schedule_type']
    """
    found = set(sampler.parameters)
    for method in (sampler.sample, sampler.sample_ising, sampler.sample_qubo):
        for parameter in inspect.signature(method).parameters.values():
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                found.add(parameter.name)
    return found - {"bqm", "h", "J", "Q"}


def reads(
    answer: dimod.SampleSet, labels: NDArray[np.int64], num_reads: int | None, name: str
) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """The reads of a sample set one by one, spins in the order of their labels.

    Args:
        answer: Waited for, if it is still to come.
        labels: (spins,) those of the problem.
        num_reads: How many there must be; None takes any number but 0.
        name: Of the sampler, for the errors.

    Returns:
        States int8 (reads, spins) and energies float64 (reads,).

    Raises:
        ValueError: If the variables are not those of the labels, or the reads not so many.

    Example:
        >>> answer = dimod.SampleSet.from_samples(
        ...     ([[-1, 1], [1, 1]], [7, 3]), "SPIN", energy=[-2, 0], num_occurrences=[2, 1])
        >>> states, energies = reads(answer, np.array([3, 7]), 3, "sampler")
        >>> states.tolist(), energies.tolist()
        ([[1, -1], [1, -1], [1, 1]], [-2.0, -2.0, 0.0])
    """
    if answer.vartype is not dimod.SPIN:
        answer = answer.change_vartype(dimod.SPIN, inplace=False)  # type: ignore[no-untyped-call]
    variables = np.asarray(answer.variables)
    if not np.array_equal(np.sort(variables), np.sort(labels)):
        raise ValueError(
            f"{name} answered with {len(variables)} variables, expected the {len(labels)} of the problem"
        )
    # The k-th smallest label stands in column argsort(variables)[k].
    columns = np.argsort(variables)[np.argsort(np.argsort(labels))]
    record = answer.record
    count = int(record.num_occurrences.sum())
    if count == 0 or (num_reads is not None and count != num_reads):
        raise ValueError(f"{name} answered with {count} reads, expected {num_reads or 'at least 1'}")
    states = np.repeat(record.sample[:, columns], record.num_occurrences, axis=0)
    energies = np.repeat(record.energy, record.num_occurrences)
    return states.astype(np.int8), energies.astype(np.float64)


def _access_time(answer: dimod.SampleSet) -> float:
    """Seconds of QPU access time, where the sampler says so."""
    return float((answer.info.get("timing") or {}).get("qpu_access_time", 0.0)) / 1e6


def _every_read(states: NDArray[np.int8], num_reads: int | None) -> NDArray[np.int8]:
    """The initial state (reads or 1, spins) of each read, if their number is known."""
    return states if num_reads is None else broadcast(states[np.newaxis], (1, num_reads, states.shape[1]))[0]


def _seed(seed: int, problem_id: int) -> int:
    """The seed of a problem, of 31 bits: all samplers take these."""
    return int(np.random.SeedSequence([seed, problem_id]).generate_state(1)[0] >> 1)


def _forward(schedule: Schedule) -> Schedule:
    """The forward anneal that goes as fast as a reverse one."""
    time, turn = schedule[1]
    return schedules(time / (1 - turn) if turn < 1 else time, 0.0)[0]
