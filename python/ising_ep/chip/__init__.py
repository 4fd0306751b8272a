"""Models of D-Wave chips: working graph, ranges, rules, energy scales, and timing."""

from .energy_scales import EnergyScales
from .graph import Chip

__all__ = ["Chip", "EnergyScales"]
