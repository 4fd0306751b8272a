"""Estimates the time of a problem on a QPU, which is what is paid for.

The client's estimator takes a readout time from the number of qubits. Which qubits they are matters as much:
runs of Advantage_system4.1 took from 0.3 to 1.3 times that readout time
(`benchmarks.chip.bill`). So an estimate has a range.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from .solvers import plain_name


@dataclass(frozen=True)
class AccessTime:
    """Seconds of QPU access time: what is expected, and the range of 95 % of runs.

    Attributes:
        low, middle, high: In seconds; all nan where there is no estimate.

    Example:
        >>> 2 * AccessTime(1.0, 2.0, 2.5) + AccessTime(0.5, 0.5, 0.5)
        AccessTime(low=2.5, middle=4.5, high=5.5)
    """

    low: float
    middle: float
    high: float

    def __add__(self, other: AccessTime) -> AccessTime:
        return AccessTime(self.low + other.low, self.middle + other.middle, self.high + other.high)

    def __rmul__(self, times: int) -> AccessTime:
        return AccessTime(times * self.low, times * self.middle, times * self.high)


@dataclass(frozen=True)
class Measured:
    """How a solver's times compare with its own model of them: factors, each low, middle and high.

    Attributes:
        programming: Of typical_programming_time.
        qubits: Numbers of qubits, rising, at which `readout` is known.
        readout: Of the readout time of a sample, at each of `qubits`; linear between them in log(qubits).
    """

    programming: tuple[float, float, float]
    qubits: tuple[int, ...]
    readout: tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]

    def factors(self, num_qubits: int) -> list[tuple[float, float]]:
        """Factors of programming and readout time: low, middle and high."""
        place = np.log(max(num_qubits, 1))
        readout = [float(np.interp(place, np.log(self.qubits), factors)) for factors in self.readout]
        return list(zip(self.programming, readout, strict=True))


# Fitted by `benchmarks.chip.bill --fit` to half of the runs of a benchmarking study (repository
# alex-bochkarev/qopt-overview, 2023); with 5,387 qubits the runs of arXiv 2210.04291 (2022), which took the
# programming time that the solver states.
MEASURED = {
    "advantage_system4": Measured(
        programming=(1.0, 1.049, 1.055),
        qubits=(10, 150, 600, 5387),
        readout=((0.43, 0.24, 0.4, 0.95), (0.71, 0.61, 0.65, 1.0), (1.61, 1.13, 0.99, 1.02)),
    )
}
# Solvers of which no runs are known: their own model, and all that was seen of another's around it.
OTHERS = Measured(programming=(0.9, 1.0, 1.1), qubits=(1,), readout=((0.24,), (1.0,), (1.61,)))


def access_range(
    properties: Mapping[str, Any], num_qubits: int, num_reads: int, schedule: Sequence[tuple[float, float]]
) -> AccessTime:
    """A problem's QPU access time as runs were measured, in a range that holds 95 % of them.

    A solver of which no runs are known takes what its own model says, see `access_time`, in a wider range.

    Args:
        properties: As for `access_time`; "chip_id" says which solver it is.
        num_qubits: Qubits of the problem.
        num_reads: Anneals.
        schedule: As for `access_time`.

    Example:
        >>> from ising_ep.chip import Chip
        >>> time = access_range(Chip.named("advantage_system4").properties, 906, 1000, [(0, 0), (20, 1)])
        >>> round(time.low, 2), round(time.middle, 2), round(time.high, 2)
        (0.17, 0.22, 0.28)
    """
    if math.isnan(access_time(properties, num_qubits, num_reads, schedule)):
        return AccessTime(math.nan, math.nan, math.nan)
    measured = MEASURED.get(plain_name(str(properties.get("chip_id"))), OTHERS)
    return measured_range(measured, properties, num_qubits, num_reads, schedule)


def measured_range(
    measured: Measured,
    properties: Mapping[str, Any],
    num_qubits: int,
    num_reads: int,
    schedule: Sequence[tuple[float, float]],
) -> AccessTime:
    """The `access_time` by a solver's own model, times what was measured; see `access_range`."""
    low, middle, high = (
        access_time(_scaled(properties, *factors), num_qubits, num_reads, schedule)
        for factors in measured.factors(num_qubits)
    )
    return AccessTime(low, middle, high)


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
    except (AttributeError, KeyError, TypeError, ValueError):
        return float("nan")
    return float(microseconds) / 1e6


def _scaled(properties: Mapping[str, Any], programming: float, readout: float) -> dict[str, Any]:
    """The properties with another programming time, and another readout time for any number of qubits."""
    timing = properties["problem_timing_data"]
    qubits, times = np.reshape(timing["readout_time_model_parameters"], (2, -1)).astype(np.float64)
    logarithmic = timing["readout_time_model"] == "pwl_log_log"
    times = times + np.log10(readout) if logarithmic else times * readout
    changed = {
        "typical_programming_time": timing["typical_programming_time"] * programming,
        "readout_time_model_parameters": [*qubits.tolist(), *times.tolist()],
    }
    return {**properties, "problem_timing_data": {**timing, **changed}}


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
