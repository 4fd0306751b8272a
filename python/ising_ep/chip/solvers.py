"""Solvers on offer by July 2026: graphs, real yields and programming times, from D-Wave's documentation.

Which qubits a solver lacks is not published, so `Chip.named` draws as many at random, always the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from .family import Family


@dataclass(frozen=True)
class NamedSolver:
    """What is known of a solver.

    Attributes:
        name: Its chip_id, as the service spells it.
        family: Name of its topology.
        shape: Of its graph.
        qubits: How many work.
        programming_time: Microseconds, its typical_programming_time.
        seed: Draws the qubits that are missing.
    """

    name: str
    family: str
    shape: tuple[int, ...]
    qubits: int
    programming_time: float
    seed: int

    def properties(self, family: Family) -> dict[str, Any]:
        """Its ranges and times, by the service's names: those of its family, but for what is known."""
        timing = family.properties["problem_timing_data"]
        return {
            **family.properties,
            "chip_id": self.name,
            "problem_timing_data": {**timing, "typical_programming_time": self.programming_time},
        }


def plain_name(name: str) -> str:
    """A solver's name in small letters, without the number of its working graph.

    Example:
        >>> plain_name("Advantage_system4.1")
        'advantage_system4'
    """
    return re.sub(r"\.[0-9]+$", "", name.strip().lower())


_TABLE = (
    NamedSolver("Advantage_system4", "pegasus", (16,), 5627, 14072.88, seed=1),
    NamedSolver("Advantage_system6", "pegasus", (16,), 5612, 14200.0, seed=2),
    NamedSolver("Advantage2_system1", "zephyr", (12, 4), 4577, 33600.0, seed=3),
    NamedSolver("Advantage2_system2", "zephyr", (12, 4), 4514, 24500.0, seed=4),
    NamedSolver("Advantage2_system4", "zephyr", (6, 4), 1202, 8000.0, seed=5),
)
SOLVERS = {plain_name(solver.name): solver for solver in _TABLE}


def is_solver(name: str) -> bool:
    """Tells whether it is the name of one of the `SOLVERS`, in any spelling.

    Example:
        >>> is_solver("Advantage2_system1.6"), is_solver("pegasus:16")
        (True, False)
    """
    return plain_name(name) in SOLVERS
