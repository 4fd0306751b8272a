"""Layout that problems for a QPU share: their qubits and couplers, and how they are annealed.

The layout is checked once. A problem then costs a check of its ranges, a digest and an encoding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from dwave.cloud import api
from numpy.typing import NDArray

from ..checks import digest, same
from ..chip.anneals import check_anneal
from ..chip.rules import check_graph, check_parameters, check_ranges
from ..chip.timing import access_time
from ..extras import needing
from ..machines.annealer import Schedule
from .connection import Connection
from .kept import KeptLayout
from .qp import Format

with needing("chip", "a QPU"):
    from xxhash import xxh3_128


@dataclass(frozen=True)
class Anneal:
    """Format and anneal that all problems of a batch share.

    Attributes:
        format: Of problems and answers.
        num_qubits: Qubits of each problem.
        num_reads: Reads of each problem.
        estimate: Seconds of QPU access time that each takes.
        solver: The solver, by the service's names.
        params: The parameters that all problems have.
        shared: The digest of all this.
        kept: What is kept of problems with their reads.
    """

    format: Format
    num_qubits: int
    num_reads: int
    estimate: float
    solver: dict[str, Any]
    params: dict[str, Any]
    shared: bytes
    kept: KeptLayout

    @property
    def name(self) -> str:
        """A name for all that the problems share."""
        return self.shared.hex()

    def digest(
        self,
        fields: NDArray[np.float64],
        couplings: NDArray[np.float64],
        initial_state: NDArray[np.int8] | None,
        kind: Callable[[], Any] = xxh3_128,
    ) -> str:
        """A name for all that a problem asks. Up to version 2 journals had those of the ``kind`` SHA-256."""
        start = () if initial_state is None else (initial_state,)
        return digest(self.shared, fields, couplings, *start, kind=kind).hex()

    def job(
        self,
        fields: NDArray[np.float64],
        couplings: NDArray[np.float64],
        initial_state: NDArray[np.int8] | None,
        label: str,
    ) -> api.models.ProblemJob:
        """A problem as it is sent."""
        job = api.models.ProblemJob(
            data=self.format.encode(fields, couplings),
            params={},
            solver=self.solver,
            type="ising",
            label=label,
        )
        # Parameters are added only now: the model would check each spin of an initial state, in 2 ms.
        job.params.update(self.params)
        if initial_state is not None:
            job.params["initial_state"] = self.format.initial_state(initial_state)
        return job


class Layout:
    """The qubits and couplers that problems are on.

    Args:
        connection: The solver.
        qubits: (n,) its qubits in use.
        couplers: (m, 2) its couplers in use.

    Raises:
        ValueError: If the solver has not all of them.
    """

    def __init__(
        self, connection: Connection, qubits: NDArray[np.int64], couplers: NDArray[np.int64]
    ) -> None:
        self._connection = connection
        self._qubits, self._couplers = _kept(qubits), _kept(couplers)
        self._places = check_graph(connection.chip, qubits, couplers)
        self._format = Format(connection.properties, qubits, couplers)
        self._digest = digest(qubits, couplers)
        self._anneals: dict[Any, Anneal] = {}

    def is_of(self, qubits: NDArray[np.int64], couplers: NDArray[np.int64]) -> bool:
        """Tells whether the layout is of these qubits and couplers."""
        return same(self._qubits, qubits) and same(self._couplers, couplers)

    def check(self, fields: NDArray[np.float64], couplings: NDArray[np.float64]) -> None:
        """Refuses fields (problems, n) and couplings (problems, m) that the solver would refuse.

        Raises:
            ValueError: See `check_ranges`.
        """
        check_ranges(self._connection.chip, self._qubits, self._places, fields, couplings)

    def anneal(self, schedule: Schedule, num_reads: int, initial_states: NDArray[np.int8] | None) -> Anneal:
        """Returns the anneal of problems on the layout.

        Raises:
            ValueError: See `check_anneal`, and `check_parameters`.
        """
        key = (tuple(map(tuple, schedule)), num_reads, initial_states is None)
        if key not in self._anneals:
            solver, count = self._connection, len(self._qubits)
            points = check_anneal(solver.chip, schedule, num_reads, self._qubits, initial_states).tolist()
            params = forward_params(points, num_reads)
            if initial_states is not None:
                params["reinitialize_state"] = True
            known = solver.properties["parameters"]
            check_parameters(solver.name, known, num_reads, reverse=initial_states is not None)
            shared = digest(self._digest, repr(key).encode())
            self._anneals[key] = Anneal(
                self._format,
                count,
                num_reads,
                access_time(solver.properties, count, num_reads, points),
                {"name": solver.name} | ({"version": solver.version} if solver.version else {}),
                {name: value for name, value in params.items() if name in known},
                shared,
                KeptLayout(shared.hex(), self._qubits, self._couplers, schedule, num_reads),
            )
        return self._anneals[key]


def forward_params(schedule: Schedule, num_reads: int) -> dict[str, Any]:
    """Parameters of a forward anneal, by the service's names."""
    return {
        "num_reads": num_reads,
        "anneal_schedule": [list(point) for point in schedule],
        "answer_mode": "raw",
        "auto_scale": False,  # scale is temperature
    }


def _kept(array: NDArray[np.int64]) -> NDArray[np.int64]:
    """The array if nobody can change it, else a copy."""
    return array if array.base is None and not array.flags.writeable else array.copy()
