"""Ising machines: whatever takes couplings and fields and gives back low-energy states."""

from ..extras import PLAIN, needing

with needing(PLAIN, "training"):
    from .annealing import AnnealingMachine
    from .machine import Machine, check_answer, check_machine
    from .settings import MACHINES, MachineSettings, Work

__all__ = [
    "MACHINES",
    "AnnealingMachine",
    "Machine",
    "MachineSettings",
    "Work",
    "check_answer",
    "check_machine",
]
