"""What a solver says of itself, checked before it is believed: all that is asked of it later is there."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..chip import FAMILIES, OF_FAMILY, PROPERTIES
from .qpu_time import access_time

log = logging.getLogger(__name__)

TIMING = "problem_timing_data"


def usable(name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of a solver, with Advantage's in place of those that it leaves out, which is said.

    Args:
        name: The solver's.
        properties: As the service gives them.

    Raises:
        ValueError: One line that names the property that cannot be used, and its value.

    Example:
        >>> from ising_ep.chip import Chip
        >>> chip = Chip.perfect("pegasus", 2)
        >>> lists = {"qubits": chip.qubits.tolist(), "couplers": chip.couplers.tolist(), "num_qubits": 48}
        >>> topology = {"type": "pegasus", "shape": [2]}
        >>> found = usable("S", {**lists, "topology": topology, "parameters": {}, "h_range": [-3, 3]})
        >>> found["h_range"], found["extended_j_range"]
        ([-3, 3], [-2.0, 1.0])
    """
    _check_graph(name, properties)
    if not isinstance(properties.get("parameters"), Mapping):
        raise _refusal(name, "parameters", properties.get("parameters"), "the parameters that it takes")
    defaults = PROPERTIES | OF_FAMILY[properties["topology"]["type"]]
    left_out = [key for key in defaults if properties.get(key) is None and key != TIMING]
    if left_out:
        log.warning("solver %s does not say its %s: Advantage's are taken", name, ", ".join(left_out))
    found = {**defaults, **{key: value for key, value in properties.items() if value is not None}}
    for key, default in defaults.items():
        if key != TIMING:
            _check_like(name, key, found[key], default)
    if math.isnan(access_time(properties, 1, 1, [(0, 0), (20, 1)])):
        timing = properties.get(TIMING)
        version = timing.get("version") if isinstance(timing, Mapping) else timing
        log.warning(
            "solver %s does not say how long a problem takes in a way that can be used (%s, version %r): the"
            " estimates of QPU time are made with Advantage's",
            name,
            TIMING,
            version,
        )
        found[TIMING] = defaults[TIMING]
    return found


def _check_graph(name: str, properties: Mapping[str, Any]) -> None:
    topology, num_qubits = properties.get("topology"), properties.get("num_qubits")
    if not isinstance(topology, Mapping) or topology.get("type") not in FAMILIES:
        raise _refusal(name, "topology", topology, f"a type of {', '.join(FAMILIES)}")
    shape = topology.get("shape")
    if not isinstance(shape, list) or not shape or not all(type(size) is int for size in shape):
        raise _refusal(name, "topology's shape", shape, "a list of integers")
    if type(num_qubits) is not int or num_qubits < 1:
        raise _refusal(name, "num_qubits", num_qubits, "a number of qubits")
    for key, dimensions in (("qubits", 1), ("couplers", 2)):
        try:
            found = np.asarray(properties.get(key), dtype=np.int64)
        except (TypeError, ValueError, OverflowError):
            raise _refusal(name, key, properties.get(key), "a list of numbers of qubits") from None
        if found.size == 0 and dimensions == 2:
            continue
        if found.ndim != dimensions or (dimensions == 2 and found.shape[1] != 2) or found.size == 0:
            raise _refusal(name, key, properties.get(key), "a list of numbers of qubits")
        if found.min() < 0 or found.max() >= num_qubits:
            wrong = int(found.max() if found.max() >= num_qubits else found.min())
            raise ValueError(
                f"solver {name} says that its num_qubits is {num_qubits}, but lists qubit {wrong} in {key}"
            )


def _check_like(name: str, key: str, value: Any, default: Any) -> None:
    """Refuses what is not of the form of the default: a number >= 0, or the ends of a range."""
    if not isinstance(default, list):
        if not _is_number(value) or value < 0:
            raise _refusal(name, key, value, "a number >= 0")
    elif (
        not isinstance(value, list)
        or len(value) != 2
        or not all(map(_is_number, value))
        or value[0] > value[1]
    ):
        raise _refusal(name, key, value, "the two ends of a range")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -math.inf < value < math.inf


def _refusal(name: str, key: str, value: Any, expected: str) -> ValueError:
    text = repr(value)
    return ValueError(
        f"solver {name} says that its {key} is {text if len(text) < 60 else text[:60] + '...'}, expected"
        f" {expected}"
    )
