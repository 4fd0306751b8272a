"""Refuses problems and anneals that a D-Wave solver refuses, before they are sent or modelled.

The rules are those of D-Wave's documentation of solver parameters and properties, for auto_scale off:
couplings may use the whole extended_j_range, and those of a qubit add up to no more than
per_qubit_coupling_range (Advantage), or those of each half of a qubit to no more than
per_group_coupling_range (Advantage2).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import floats, integer, real
from .graph import Chip

# The solvers round times to this many digits: 0.01 microseconds.
DIGITS = 2
# Tolerance for rounding at the limits of a range.
ROUNDING = 1e-9


def check_graph(chip: Chip, qubits: NDArray[np.int64], couplers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Refuses qubits and couplers that the chip has not.

    Args:
        chip: The chip.
        qubits: (n,) the qubits of a problem.
        couplers: (m, 2) its couplers, each between two of its qubits.

    Returns:
        (m,) where each of the couplers stands among the chip's.

    Raises:
        ValueError: One line that names the first that is missing, or there twice.
    """
    if qubits.ndim != 1 or couplers.ndim != 2 or couplers.shape[1] != 2:
        raise ValueError(
            f"qubits and couplers have shapes {qubits.shape} and {couplers.shape}, expected (n,) and (m, 2)"
        )
    positions, places = chip.positions(qubits), chip.coupler_positions(couplers)
    for name, found, label in (
        ("qubit", positions, lambda k: qubits[k]),
        ("coupler", places, lambda k: _pair(couplers[k])),
    ):
        if (found < 0).any():
            raise ValueError(f"{name} {label(np.argmin(found))} is missing on the chip ({chip})")
        again = np.setdiff1d(np.arange(len(found)), np.unique(found, return_index=True)[1])
        if len(again):
            raise ValueError(f"{name} {label(again[0])} is given twice")
    used = np.zeros(len(chip.qubits), dtype=bool)
    used[positions] = True
    loose = ~used[chip.ends[places]].all(axis=1)
    if loose.any():
        raise ValueError(f"coupler {_pair(couplers[np.argmax(loose)])} ends on a qubit that is not used")
    return places


def check_ranges(
    chip: Chip,
    qubits: NDArray[np.int64],
    places: NDArray[np.int64],
    fields: NDArray[np.float64],
    couplings: NDArray[np.float64],
) -> None:
    """Refuses fields and couplings that the chip cannot be programmed with.

    Args:
        chip: The chip.
        qubits: (n,) the qubits of the problems.
        places: (m,) their couplers, as `check_graph` returns them.
        fields: (problems, n) h.
        couplings: (problems, m) J.

    Raises:
        ValueError: One line that names the first that is out of range, its value and the range.

    Example:
        >>> chip = Chip.perfect("pegasus", 2)
        >>> edge = chip.couplers[:1]
        >>> places = check_graph(chip, edge[0], edge)
        >>> check_ranges(chip, edge[0], places, np.zeros((1, 2)), np.array([[-2.5]]))
        Traceback (most recent call last):
        ...
        ValueError: J of coupler (2, 3) is -2.5, expected within the chip's extended_j_range, -2 to 1
    """
    for name, array, width in (("fields", fields, len(qubits)), ("couplings", couplings, len(places))):
        if array.shape != (len(fields), width):
            raise ValueError(f"{name} has shape {array.shape}, expected ({len(fields)}, {width})")
    _check_within(chip, "h_range", fields, lambda k: f"h of qubit {qubits[k]} is")
    extremes = _check_within(
        chip, "extended_j_range", couplings, lambda k: f"J of coupler {_pair(chip.couplers[places[k]])} is"
    )
    # Sums are skipped when even the largest degree times the largest |J| stays in range.
    if not _cannot_leave(chip, "per_qubit_coupling_range", chip.degree, extremes):
        sums = _sums(chip.ends[places], couplings, len(chip.qubits))
        _check_within(
            chip, "per_qubit_coupling_range", sums, lambda k: f"J of qubit {chip.qubits[k]} adds up to"
        )
    if chip.halves is not None and not _cannot_leave(
        chip, "per_group_coupling_range", chip.half_degree, extremes
    ):
        sums = _sums((2 * chip.ends + chip.halves)[places], couplings, 2 * len(chip.qubits))
        _check_within(
            chip,
            "per_group_coupling_range",
            sums,
            lambda k: f"J of the {('lower', 'upper')[k % 2]} half of qubit {chip.qubits[k // 2]} adds up to",
        )


def full_scale(chip: Chip, fields: NDArray[np.float64], couplings: NDArray[np.float64]) -> float:
    """The divisor of h and J by auto_scale, which puts one of them at an end of h_range or extended_j_range.

    It makes problems larger as well as smaller. Sums of couplings have no part in it; the chip may refuse
    them.

    Example:
        >>> chip = Chip.perfect("pegasus", 2)
        >>> full_scale(chip, np.array([1.0, -7.2]), np.array([1.0, -2.0]))
        1.8
    """
    factor = 0.0
    for values, (low, high) in ((fields, chip.h_range), (couplings, chip.chain_range)):
        factor = max(factor, values.max(initial=0.0) / high, values.min(initial=0.0) / low)
    return float(factor) or 1.0


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


def check_parameters(name: str, known: Container[str], num_reads: int, *, reverse: bool) -> None:
    """Refuses a solver that would anneal otherwise than it is asked to, as it does not take a parameter.

    Without answer_mode answers are histograms, which are read as well, and without reinitialize_state each
    read begins with the initial state, which is what is asked for.

    Args:
        name: The solver's.
        known: Parameters that it takes.
        num_reads: Reads of each problem; without the parameter there is one.
        reverse: Whether it has to anneal in reverse.

    Raises:
        ValueError: One line that names the parameter.

    Example:
        >>> check_parameters("Old", ["anneal_schedule", "auto_scale"], 10, reverse=False)
        Traceback (most recent call last):
        ...
        ValueError: solver Old takes no num_reads, so each problem would have one read, expected 10
    """
    for parameter, needed, otherwise in (
        ("num_reads", num_reads != 1, f"each problem would have one read, expected {num_reads}"),
        ("anneal_schedule", True, "it would anneal by a schedule of its own"),
        ("auto_scale", True, "it would change the scale of each problem, and with it the temperature"),
        ("initial_state", reverse, "it cannot anneal in reverse"),
    ):
        if needed and parameter not in known:
            raise ValueError(f"solver {name} takes no {parameter}, so {otherwise}")


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


def _check_within(
    chip: Chip, name: str, values: NDArray[np.float64], label: Callable[[int], str]
) -> tuple[float, float]:
    """Refuses values (problems, items) outside the range of that name. Returns their extremes."""
    low, high = map(float, chip.properties[name])
    slack = ROUNDING * (high - low)
    low, high = low - slack, high + slack
    if not values.size:
        return 0.0, 0.0
    extremes = float(values.min()), float(values.max())
    # nan passes neither.
    if low <= extremes[0] and extremes[1] <= high:
        return extremes
    problem, item = np.argwhere(~((low <= values) & (values <= high)))[0]
    where = f" in problem {problem}" if len(values) > 1 else ""
    raise ValueError(
        f"{label(int(item))} {values[problem, item]:.12g}{where}, expected within the chip's {name},"
        f" {low:g} to {high:g}"
    )


def _cannot_leave(chip: Chip, name: str, most: int, extremes: tuple[float, float]) -> bool:
    """Tells whether no sum of up to ``most`` numbers between these leaves the range of that name, if any."""
    low, high = chip.properties.get(name, (-np.inf, np.inf))
    return bool(low <= most * min(extremes[0], 0.0) and most * max(extremes[1], 0.0) <= high)


def _sums(groups: NDArray[np.int64], couplings: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """The sum of J in each group, (problems, count), of couplers that belong to two groups each, (m, 2)."""
    ends = np.ascontiguousarray(groups.T)
    sums = [sum(np.bincount(end, values, minlength=count) for end in ends) for values in couplings]
    return np.stack(sums) if sums else np.zeros((0, count))


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


def _pair(coupler: NDArray[np.int64]) -> tuple[int, int]:
    return int(coupler[0]), int(coupler[1])
