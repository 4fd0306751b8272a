"""Checks the ranges, counts and times that a solver states, and says which of them it leaves out."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Container
from itertools import pairwise
from typing import Any

from ..checks import short
from .advantage import TIMING as ADVANTAGE
from .family import Family
from .timing import access_time

log = logging.getLogger(__name__)

TIMING = "problem_timing_data"
# Ranges of fields and couplings, which have both signs.
SIGNED = ("h_range", "j_range", "extended_j_range", "per_qubit_coupling_range", "per_group_coupling_range")
# What else may be below 0: gains, and differences between times.
ANY_SIGN = ("h_gain_schedule_range", "_delta")
COUNTS = ("num_reads_range", "max_anneal_schedule_points", "max_h_gain_schedule_points")
VERSIONS, MODELS = "1.0.", ("pwl_log_log", "pwl_linear")


def check_property(name: str, value: Any, within: str = "") -> None:
    """Refuses ranges, counts and times that are none.

    Args:
        name: The property's.
        value: What a solver states.
        within: What comes before the name in a refusal.

    Raises:
        ValueError: One line that names the property, its value and what was expected.

    Example:
        >>> check_property("num_reads_range", [1.5, 1000])
        Traceback (most recent call last):
        ...
        ValueError: num_reads_range is [1.5, 1000], expected two integers >= 0, the smaller first
    """
    number = "integer" if name in COUNTS else "number"
    bound = "" if name in SIGNED or name.endswith(ANY_SIGN) else " >= 0"

    def fits(each: Any) -> bool:
        return is_number(each) and (number == "number" or type(each) is int) and (not bound or each >= 0)

    def refuse(expected: str) -> None:
        raise ValueError(f"{within}{name} is {short(value)}, expected {expected}")

    if not name.endswith("_range"):
        if not fits(value):
            refuse(f"{'an' if number == 'integer' else 'a'} {number}{bound}")
        return
    is_pair = isinstance(value, list | tuple) and len(value) == 2 and all(map(fits, value))
    if not is_pair or value[0] > value[1]:
        refuse(f"two {number}s{bound}, the smaller first")
    if name in SIGNED and not value[0] < 0 < value[1]:
        refuse("a number below 0 and one above")


def check_timing(timing: Any) -> None:
    """Refuses a problem_timing_data from which dwave-cloud-client has no time of a problem.

    Raises:
        ValueError: One line that names what is wrong, its value and what was expected.

    Example:
        >>> check_timing({"version": "2.0.0"})
        Traceback (most recent call last):
        ...
        ValueError: problem_timing_data.version is '2.0.0', expected 1.0.* as dwave-cloud-client knows it
    """
    if not isinstance(timing, dict):
        raise ValueError(f"{TIMING} is {short(timing)}, expected an object of times")
    for name in ADVANTAGE:
        if name not in timing:
            raise ValueError(f"{TIMING} lacks {name}")
        value, within = timing[name], f"{TIMING}."
        if name == "version":
            if not (isinstance(value, str) and value.startswith(VERSIONS)):
                raise ValueError(
                    f"{within}{name} is {short(value)}, expected {VERSIONS}* as dwave-cloud-client knows it"
                )
        elif name == "readout_time_model":
            if value not in MODELS:
                raise ValueError(f"{within}{name} is {short(value)}, expected {' or '.join(MODELS)}")
        elif name == "readout_time_model_parameters":
            _check_points(f"{within}{name}", value)
        else:
            check_property(name, value, within)
    for schedule in ([(0.0, 0.0), (20.0, 1.0)], [(0.0, 1.0), (20.0, 1.0)]):
        for qubits, reads in ((1, 1), (1000, 1000)):
            time = access_time({TIMING: timing}, qubits, reads, schedule)
            if not 0 < time < math.inf:
                raise ValueError(
                    f"{TIMING} says that {reads} reads of {qubits} qubits take {time:g} s, expected > 0"
                )


def say_left_out(whose: str, stated: Container[str], family: Family) -> None:
    """Logs which properties are not stated, and whose are taken, in a line; none where nothing is left out.

    Args:
        whose: What does not state them.
        stated: Names of what it states.
        family: Of its chip, whose defaults are taken.
    """
    taken: dict[str, list[str]] = {}
    for name in family.properties:
        if name not in stated:
            taken.setdefault(family.default_of(name), []).append(name)
    lines = [f"its {', '.join(names)}: {solver}'s are taken" for solver, names in taken.items()]
    if lines:
        log.warning("%s does not say %s", whose, "; nor ".join(lines))


def is_number(value: Any) -> bool:
    """Tells whether something is a finite number as JSON has them; True and False are none."""
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


def _check_points(name: str, value: Any) -> None:
    """Refuses what are no points of a curve: as many values as places, which rise."""
    half = len(value) // 2 if isinstance(value, list | tuple) else 0
    if not half or len(value) % 2 or not all(map(is_number, value)):
        raise ValueError(f"{name} is {short(value)}, expected a list of numbers, as many places as values")
    for one, other in pairwise(value[:half]):
        if one >= other:
            raise ValueError(f"{name} has {one:g} before {other:g}, expected places that rise")
