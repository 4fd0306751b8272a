"""Checks the properties that a solver states, so that all that is used later is there."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from ..checks import short
from ..chip import Chip
from ..chip.properties import TIMING, check_timing, say_left_out

log = logging.getLogger(__name__)


def usable(
    name: str, properties: Mapping[str, Any], graph_id: str | None = None
) -> tuple[dict[str, Any], Chip]:
    """The properties of a solver, and its chip; what it leaves out is that of another, and that is said.

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
    stated, unusable = set(said), None
    try:
        if TIMING in said:
            check_timing(said[TIMING])
    except ValueError as error:
        unusable = error
        del said[TIMING]
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
    say_left_out(f"solver {name}", stated, chip.topology)
    if unusable is not None:
        whose = chip.topology.default_of(TIMING)
        log.warning("solver %s: %s; estimates of QPU time are made with %s's", name, unusable, whose)
    return {**said, **chip.properties}, chip
