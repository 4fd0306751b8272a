"""Refuses problems that a D-Wave solver refuses, before they are sent or modelled; anneals: `anneals`.

The rules are those of D-Wave's documentation of solver parameters and properties, for auto_scale off:
couplings may use the whole extended_j_range, and those of a qubit add up to no more than
per_qubit_coupling_range (Advantage), or those of each half of a qubit to no more than
per_group_coupling_range (Advantage2).
"""

from __future__ import annotations

from collections.abc import Callable, Container

import numpy as np
from numpy.typing import NDArray

from .graph import Chip

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


def _pair(coupler: NDArray[np.int64]) -> tuple[int, int]:
    return int(coupler[0]), int(coupler[1])
