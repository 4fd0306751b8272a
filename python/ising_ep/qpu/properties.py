"""Checks the properties that a solver states, so that all that is used later is there."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..checks import short
from ..chip import Chip
from ..chip.timing import access_time

log = logging.getLogger(__name__)

TIMING = "problem_timing_data"


def usable(
    name: str, properties: Mapping[str, Any], graph_id: str | None = None
) -> tuple[dict[str, Any], Chip]:
    """The properties of a solver, and its chip; what it leaves out is Advantage's, and that is said.

    Args:
        name: The solver's.
        properties: As the service gives them; None stands for what is left out.
        graph_id: Name of its working graph.

    Raises:
        ValueError: One line that names the property that cannot be used, and its value.

    Example:
        >>> chip = Chip.perfect("pegasus", 2)
        >>> lists = {"qubits": chip.qubits.tolist(), "couplers": chip.couplers.tolist(), "num_qubits": 48}
        >>> topology = {"type": "pegasus", "shape": [2]}
        >>> found, _ = usable("S", {**lists, "topology": topology, "parameters": {}, "h_range": [-3, 3]})
        >>> found["h_range"], found["extended_j_range"]
        ([-3, 3], [-2.0, 1.0])
    """
    said = {key: value for key, value in properties.items() if value is not None}
    parameters, num_qubits = said.get("parameters"), said.get("num_qubits")
    try:
        chip = Chip.of_solver(said, graph_id)
        if not isinstance(parameters, Mapping):
            raise ValueError(f"parameters is {short(parameters)}, expected those that it takes")
        if type(num_qubits) is not int:
            raise ValueError(f"num_qubits is {short(num_qubits)}, expected a whole number")
        if len(chip.qubits) and chip.qubits[-1] >= num_qubits:
            raise ValueError(f"num_qubits is {num_qubits}, but qubit {chip.qubits[-1]} is among the qubits")
    except ValueError as error:
        raise ValueError(f"solver {name} cannot be used: {error}") from None
    defaults = chip.topology.properties
    left_out = [key for key in defaults if key not in said and key != TIMING]
    if left_out:
        log.warning("solver %s does not say its %s: Advantage's are taken", name, ", ".join(left_out))
    if math.isnan(access_time(said, 1, 1, [(0, 0), (20, 1)])):
        timing = said.pop(TIMING, None)
        version = timing.get("version") if isinstance(timing, Mapping) else timing
        log.warning(
            "solver %s does not say how long a problem takes in a way that can be used (%s, version %s): the"
            " estimates of QPU time are made with Advantage's",
            name,
            TIMING,
            short(version),
        )
        chip = replace(chip, properties={**chip.properties, TIMING: defaults[TIMING]})
    return {**said, **chip.properties}, chip
