"""The chip model behind the interface of dwave-system's `DWaveSampler`, without a service."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal, get_args

import dimod
import numpy as np
from dimod.core.sampler import Sampler
from dimod.core.structured import Structured
from dimod.decorators import bqm_structured
from numpy.typing import ArrayLike, NDArray

from ..checks import boolean, instance, one_of, seed_or_new
from ..chip import Chip
from ..chip.anneals import asked_schedule
from ..chip.rules import full_scale
from ..chip.timing import access_time
from ..samplers.spin_form import in_floats, spin_form
from .chip_model import PARAMETERS, ChipModel

if TYPE_CHECKING:
    import networkx as nx

AnswerMode = Literal["raw", "histogram"]


class ChipSampler(Sampler, Structured):
    """Samples problems on the qubits of a modelled D-Wave chip.

    It stands in the place of dwave-system's `DWaveSampler`: ``EmbeddingComposite(ChipSampler())`` rehearses
    ``EmbeddingComposite(DWaveSampler())``, with the chip's ranges, errors, temperature and broken chains, and
    the time that a QPU would take in ``info["timing"]``.

    Args:
        model: The chip; ``ChipModel(Chip.perfect("pegasus", 16))`` by default.

    Raises:
        TypeError: If the model is none.

    Example:
        >>> sampler = ChipSampler(ChipModel(Chip.perfect("pegasus", 2)))
        >>> one, other = sampler.edgelist[0]
        >>> found = sampler.sample_ising({one: 0.5}, {(one, other): -1.0}, num_reads=5, seed=1)
        >>> print(found.first.energy, found.info["timing"]["qpu_access_time"] > 10_000)
        -1.5 True
    """

    def __init__(self, model: ChipModel | None = None) -> None:
        self.model = ChipModel(Chip.perfect("pegasus", 16)) if model is None else model
        instance("model", self.model, ChipModel)
        self._nodes: list[Hashable] = self.model.chip.qubits.tolist()
        self._edges: list[tuple[Hashable, Hashable]] = [(a, b) for a, b in self.model.chip.couplers.tolist()]

    @property
    def nodelist(self) -> list[Hashable]:
        """The working qubits, by the chip's numbers."""
        return self._nodes

    @property
    def edgelist(self) -> list[tuple[Hashable, Hashable]]:
        """The working couplers."""
        return self._edges

    def to_networkx_graph(self) -> nx.Graph:
        """The working graph, with family, sizes and coordinates as `DWaveSampler` gives them."""
        return self.model.chip.graph.copy()

    @property
    def properties(self) -> dict[str, Any]:
        """What a solver says of itself, by the service's names."""
        return self.model.properties

    @property
    def parameters(self) -> dict[str, list[str]]:
        """The keywords of `sample`."""
        return {**{name: ["parameters"] for name in PARAMETERS}, "seed": []}

    @bqm_structured  # type: ignore[untyped-decorator]
    def sample(
        self,
        bqm: dimod.BinaryQuadraticModel,
        *,
        num_reads: int = 1,
        annealing_time: float | None = None,
        anneal_schedule: ArrayLike | None = None,
        h_gain_schedule: ArrayLike | None = None,
        initial_state: Mapping[int, int] | None = None,
        reinitialize_state: bool = True,
        auto_scale: bool = True,
        answer_mode: AnswerMode = "raw",
        label: str | None = None,
        seed: int | None = None,
    ) -> dimod.SampleSet:
        """Programs the chip with a problem of its qubits, and anneals it.

        Args:
            bqm: Its variables are qubits, its interactions couplers.
            num_reads: Anneals.
            annealing_time: Microseconds of a linear anneal; the solver's default, if there is no schedule.
                Times are rounded to 0.01, as the solvers do.
            anneal_schedule: (points, 2) time in microseconds and s, in the place of a linear anneal.
            h_gain_schedule: (points, 2) time in microseconds and what multiplies h then, to the anneal's end.
            initial_state: The value of each qubit from which every read of a reverse anneal begins, as the
                problem has them: -1 and +1, or 0 and 1.
            reinitialize_state: True. A read that begins where the one before ended is not modelled.
            auto_scale: Whether h and J are multiplied until one of them is at the end of its range.
            answer_mode: "raw" for a row of each read, in order; "histogram" for a row of each state, the
                lowest energy first, with the number of its reads.
            label: Text that names the problem.
            seed: 0 to 2**64 - 1; by default a new one, which the info holds.

        Returns:
            States with energies of the problem as given. `info` has "seed"; "scale", by which the problem was
            divided; "timing", in microseconds, if the solver tells it; and "problem_label", if there is one.

        Raises:
            dimod.exceptions.BinaryQuadraticModelStructureError: A qubit or coupler that is missing.
            ValueError: What the chip refuses, and biases that are not finite or add up to more than 1e303;
                the line names it.
        """
        one_of("answer_mode", answer_mode, get_args(AnswerMode))
        if not boolean("reinitialize_state", reinitialize_state):
            raise ValueError(
                "reinitialize_state is False, expected True: the model begins every read with initial_state"
            )
        if label is not None:
            instance("label", label, str)
        auto_scale, seed = boolean("auto_scale", auto_scale), seed_or_new(seed)
        asked = {"annealing_time": annealing_time, "anneal_schedule": anneal_schedule}
        given = {name: value for name, value in asked.items() if value is not None}
        schedule = asked_schedule(self.model.chip, given)
        variables: Any = bqm.variables  # integers: the problem is one of the chip's
        order: list[int] = sorted(variables)
        qubits = np.array(order, dtype=np.int64)
        vectors: Any = spin_form(in_floats(bqm)).to_numpy_vectors(order)
        biases, (rows, cols, values), *_ = vectors
        couplers = np.sort(qubits[np.stack([rows, cols], axis=1)], axis=1)
        chip = self.model.chip
        scale = full_scale(chip, biases, values) if auto_scale else 1.0
        start = None if initial_state is None else _spins(initial_state, order, bqm.vartype)
        reads = self.model.sample(
            qubits,
            couplers,
            biases[np.newaxis] / scale,
            values[np.newaxis] / scale,
            schedule=schedule,
            num_reads=num_reads,
            initial_states=None if start is None else start[np.newaxis],
            h_gain_schedule=h_gain_schedule,
            seed=seed,
        )[0]
        states = reads if bqm.vartype is dimod.SPIN else (reads + 1) // 2
        info: dict[str, Any] = {"seed": seed, "scale": scale}
        takes = 1e6 * access_time(chip.properties, len(qubits), num_reads, np.asarray(schedule).tolist())
        if isfinite(takes):
            info["timing"] = {"qpu_access_time": takes}
        if label is not None:
            info["problem_label"] = label
        make: Any = dimod.SampleSet.from_samples_bqm  # without types
        raw = make((states, order), bqm, info=info)
        # A slice of all rows is sorted by energy.
        sampleset: dimod.SampleSet = raw if answer_mode == "raw" else raw.aggregate().slice(None)
        return sampleset


def _spins(given: Mapping[int, int], order: list[int], vartype: dimod.Vartype) -> NDArray[np.int8]:
    """An initial state as spins (qubits,) in this order."""
    low = min(vartype.value)
    others = [qubit for qubit in given if qubit not in set(order)]
    if others:
        raise ValueError(f"initial_state has qubit {others[0]!r}, which is not in the problem")
    for qubit in order:
        if qubit not in given:
            raise ValueError(f"initial_state lacks qubit {qubit}")
        if given[qubit] not in vartype.value:
            raise ValueError(f"initial_state of qubit {qubit} is {given[qubit]}, expected {low} or 1")
    return np.array([1 if given[qubit] == 1 else -1 for qubit in order], dtype=np.int8)
