"""Refuses anneals that a D-Wave solver refuses, before they are sent or modelled: times, schedules, gains.

The rules are those of D-Wave's documentation of solver parameters and properties.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import floats, integer, real
from .graph import Chip
from .rules import ROUNDING

# The solvers round times to this many digits: 0.01 microseconds.
DIGITS = 2


def asked_schedule(chip: Chip, given: Mapping[str, Any]) -> Any:
    """The schedule that the parameters of a problem ask for, "anneal_schedule" or "annealing_time".

    Without either it is a linear anneal of the chip's default time.

    Raises:
        ValueError: If both are given, or the chip's anneals are not of this time.
        TypeError: If the time is no number.

    Example:
        >>> asked_schedule(Chip.perfect("pegasus", 2), {"annealing_time": 5})
        [(0, 0), (5.0, 1)]
    """
    if "anneal_schedule" not in given:
        default = chip.properties["default_annealing_time"]
        return [(0, 0), (check_annealing_time(chip, given.get("annealing_time", default)), 1)]
    if "annealing_time" in given:
        raise ValueError("annealing_time and anneal_schedule are both given, expected one of them")
    return given["anneal_schedule"]


def check_annealing_time(chip: Chip, time: float) -> float:
    """The time of a linear anneal in microseconds, if the chip's anneals are of this time.

    Raises:
        ValueError: One line that names the range.
        TypeError: If it is no number.

    Example:
        >>> check_annealing_time(Chip.perfect("pegasus", 2), 0.0005)
        Traceback (most recent call last):
        ...
        ValueError: annealing_time is 0.0005 us, expected 0.5 to 2000 (annealing_time_range)
    """
    shortest, longest = chip.properties["annealing_time_range"]
    if not shortest <= real("annealing_time", time) <= longest:
        raise ValueError(
            f"annealing_time is {time:.12g} us, expected {shortest:g} to {longest:g} (annealing_time_range)"
        )
    return float(time)


def check_anneal(
    chip: Chip,
    schedule: ArrayLike,
    num_reads: int,
    qubits: NDArray[np.int64],
    initial_states: NDArray[np.int8] | None = None,
) -> NDArray[np.float64]:
    """Refuses anneals that the chip does not do.

    Args:
        chip: The chip.
        schedule: (points, 2) time in microseconds and anneal fraction s; between the points s is linear. A
            forward anneal begins with s = 0 and does not fall, a reverse anneal begins with s = 1; both end
            with s = 1.
        num_reads: Anneals of the problem.
        qubits: (n,) its qubits.
        initial_states: (..., n) of -1 and +1 for a reverse anneal, None for a forward one.

    Returns:
        The schedule with its times rounded as the solvers do.

    Raises:
        ValueError: One line that names what is out of range, its value and the range.
        TypeError: A number that should be an integer and is not.

    Example:
        >>> chip = Chip.perfect("pegasus", 2)
        >>> check_anneal(chip, [(0, 0), (10, 0.5), (110, 0.5), (110.2, 1)], 100, chip.qubits)
        Traceback (most recent call last):
        ...
        ValueError: s goes from 0.5 to 1 in 0.2 us from point 3 of the schedule on, expected at most 2 a us
    """
    points = _check_points(chip, schedule)
    low, high = map(int, chip.properties["num_reads_range"])
    num_reads = integer("num_reads", num_reads, low, high)
    shortest, longest = chip.properties["annealing_time_range"]
    time = float(points[-1, 0])
    if time > longest:
        raise ValueError(f"the schedule takes {time:g} us, expected at most {longest:g}")
    slopes = np.abs(np.diff(points[:, 1]) / np.diff(points[:, 0]))
    if (slopes * shortest > 1 + ROUNDING).any():
        k = int(np.argmax(slopes))
        (t0, s0), (t1, s1) = points[k : k + 2]
        raise ValueError(
            f"s goes from {s0:g} to {s1:g} in {t1 - t0:g} us from point {k + 1} of the schedule on, expected"
            f" at most {1 / shortest:g} a us"
        )
    low, high = chip.properties["problem_run_duration_range"]
    duration = _duration(chip, time, num_reads, len(qubits))
    if not low <= duration <= high:
        raise ValueError(
            f"{num_reads} reads of {time:g} us take {duration:.0f} us with programming and readout, expected"
            f" {low:g} to {high:g} us (problem_run_duration_range)"
        )
    reverse = points[0, 1] == 1
    if reverse and initial_states is None:
        raise ValueError("the schedule begins with s = 1, a reverse anneal, expected an initial state")
    if initial_states is not None:
        if not reverse:
            raise ValueError("an initial state is given, expected a reverse anneal: a schedule from s = 1")
        _check_states(qubits, initial_states)
    return points


def check_gain(chip: Chip, gain: ArrayLike, schedule: NDArray[np.float64]) -> NDArray[np.float64]:
    """Refuses gains of h that the chip does not do.

    Args:
        chip: The chip.
        gain: (points, 2) time in us and what multiplies h then; between the points it is linear.
        schedule: (points, 2) of the anneal, as `check_anneal` returns it, which ends at the same time.

    Returns:
        The gains with their times rounded as the solvers do.

    Raises:
        ValueError: One line that names what is out of range, its value and the range.

    Example:
        >>> check_gain(Chip.perfect("pegasus", 2), [(0, 0), (20, 7)], np.array([[0.0, 0.0], [20.0, 1.0]]))
        Traceback (most recent call last):
        ...
        ValueError: the gain of h is 7 at point 2 of h_gain_schedule, expected -3 to 3 (h_gain_schedule_range)
    """
    points = _pairs("h_gain_schedule", gain, "time in us and gain")
    most = int(chip.properties["max_h_gain_schedule_points"])
    if not 2 <= len(points) <= most:
        raise ValueError(f"h_gain_schedule has {len(points)} points, expected 2 to {most}")
    _check_times("h_gain_schedule", points[:, 0])
    if points[-1, 0] != schedule[-1, 0]:
        raise ValueError(
            f"h_gain_schedule ends at {points[-1, 0]:g} us,"
            f" expected {schedule[-1, 0]:g}, when the anneal does"
        )
    low, high = map(float, chip.properties["h_gain_schedule_range"])
    wrong = (points[:, 1] < low) | (points[:, 1] > high)
    if wrong.any():
        k = int(np.argmax(wrong))
        raise ValueError(
            f"the gain of h is {points[k, 1]:.12g} at point {k + 1} of h_gain_schedule,"
            f" expected {low:g} to {high:g} (h_gain_schedule_range)"
        )
    return points


def _check_points(chip: Chip, schedule: ArrayLike) -> NDArray[np.float64]:
    points = _pairs("schedule", schedule, "time in us and s")
    most = int(chip.properties["max_anneal_schedule_points"]) + int(len(points) > 0 and points[0, 1] == 1)
    if not 2 <= len(points) <= most:
        raise ValueError(f"the schedule has {len(points)} points, expected 2 to {most}")
    times, s = points.T
    whole = np.abs(s - np.round(s)) < ROUNDING
    s[whole] = np.round(s[whole])
    if ((s < 0) | (s > 1)).any():
        k = int(np.argmax((s < 0) | (s > 1)))
        raise ValueError(f"s is {s[k]:.12g} at point {k + 1} of the schedule, expected 0 to 1")
    if s[0] not in (0, 1):
        raise ValueError(f"the schedule begins with s = {s[0]:.12g}, expected 0 (forward) or 1 (reverse)")
    if s[-1] != 1:
        raise ValueError(f"the schedule ends with s = {s[-1]:.12g}, expected 1")
    _check_times("the schedule", times)
    if s[0] == 0 and (np.diff(s) < 0).any():
        k = int(np.argmax(np.diff(s) < 0))
        raise ValueError(
            f"s goes from {s[k]:g} to {s[k + 1]:g} after point {k + 1} of the schedule,"
            " expected a forward anneal that does not fall"
        )
    return points


def _pairs(name: str, given: ArrayLike, what: str) -> NDArray[np.float64]:
    """Points (points, 2) of finite numbers, with their times rounded."""
    points = floats(name, given, "(points, 2)")
    if points.shape[1] != 2:
        raise ValueError(f"{name} has shape {points.shape}, expected (points, 2): {what}")
    if not np.isfinite(points).all():
        raise ValueError(f"{name} holds a number that is not finite")
    return np.stack([np.round(points[:, 0], DIGITS), points[:, 1]], axis=1)


def _check_times(name: str, times: NDArray[np.float64]) -> None:
    if times[0] != 0:
        raise ValueError(f"{name} begins at {times[0]:g} us, expected 0")
    wrong = np.diff(times) <= 0
    if wrong.any():
        k = int(np.argmax(wrong))
        raise ValueError(
            f"time goes from {times[k]:g} to {times[k + 1]:g} after point {k + 1} of {name},"
            f" expected times that rise by {10.0**-DIGITS:g}"
        )


def _check_states(qubits: NDArray[np.int64], states: NDArray[np.int8]) -> None:
    if states.shape[-1] != len(qubits):
        raise ValueError(f"the initial states have {states.shape[-1]} spins, expected {len(qubits)}")
    wrong = np.abs(states) != 1
    if wrong.any():
        place = tuple(np.argwhere(wrong)[0])
        raise ValueError(
            f"the initial state of qubit {qubits[place[-1]]} is {states[place]}, expected -1 or +1"
        )


def _duration(chip: Chip, time: float, num_reads: int, num_qubits: int) -> float:
    """Microseconds of a problem on the chip, as D-Wave limits them: anneals, readouts and thermalisation."""
    timing = chip.properties["problem_timing_data"]
    logs = np.array(timing["readout_time_model_parameters"], dtype=np.float64).reshape(2, -1)
    if timing["readout_time_model"] == "pwl_log_log":
        readout = 10 ** np.interp(np.log10(max(num_qubits, 1)), *logs)
    else:
        readout = np.interp(num_qubits, *logs)
    pause = chip.properties["default_readout_thermalization"]
    return float((time + pause + readout) * num_reads + chip.properties["default_programming_thermalization"])
