"""Equilibrium propagation: the gradient that it measures, how parameters follow it, what a machine holds."""

from .centred import Centred
from .optimizers import SGD, Adam, Memory, Optimizer
from .programming import Programming
from .rule import EquilibriumPropagation, Rule

__all__ = [
    "SGD",
    "Adam",
    "Centred",
    "EquilibriumPropagation",
    "Memory",
    "Optimizer",
    "Programming",
    "Rule",
]
