"""Models of D-Wave chips: working graph, ranges, rules by which a solver refuses problems, and timing."""

from .graph import Chip

__all__ = ["Chip"]
