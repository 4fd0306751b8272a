"""What a D-Wave chip is: its working graph, the ranges it takes, what it refuses, how long it takes."""

from .graph import Chip

__all__ = ["Chip"]
