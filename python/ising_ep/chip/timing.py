"""Estimates the time of a problem on a QPU, which is what is paid for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any


def access_time(
    properties: Mapping[str, Any], num_qubits: int, num_reads: int, schedule: Sequence[tuple[float, float]]
) -> float:
    """The client's own estimate of a problem's QPU access time, in seconds; nan if it has none.

    It has none for a solver whose timing model the client does not know.

    Args:
        properties: A solver's, or a `Chip`'s: of these "problem_timing_data" is used.
        num_qubits: Qubits of the problem.
        num_reads: Anneals.
        schedule: Points of time in microseconds and s; from s = 1 on it is a reverse anneal, each read of
            which begins with the initial state (reinitialize_state).

    Example:
        >>> from ising_ep.chip import Chip
        >>> chip = Chip.perfect("pegasus", 16)
        >>> round(1e3 * access_time(chip.properties, 906, 10, [(0, 0), (20, 1)]), 1)
        17.7
    """
    from dwave.cloud.solver import StructuredSolver  # takes half a second

    # The estimate reads only the properties of its solver.
    solver: Any = SimpleNamespace(properties=properties)
    reverse = schedule[0][1] == 1
    try:
        microseconds = StructuredSolver.estimate_qpu_access_time(
            solver,
            max(num_qubits, 1),  # it takes the logarithm
            num_reads,
            anneal_schedule=list(schedule),
            initial_state=[(0, 1)] if reverse else None,
            reinitialize_state=reverse,
        )
    except (KeyError, TypeError, ValueError):
        return float("nan")
    return float(microseconds) / 1e6


def said_time(timing: Any) -> float | None:
    """Seconds of QPU access time that the "timing" of an answer says; None if it says no positive number.

    Example:
        >>> said_time({"qpu_access_time": 17700.0}), said_time({"qpu_access_time": "fast"})
        (0.0177, None)
    """
    value = timing.get("qpu_access_time") if isinstance(timing, Mapping) else None
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        seconds = float(value) / 1e6
    except OverflowError:
        return None
    return seconds if math.isfinite(seconds) and seconds > 0 else None
