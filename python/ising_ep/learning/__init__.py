"""Equilibrium propagation: the gradient that it measures, and how parameters follow it."""

from .centred import Centred
from .optimizers import SGD, Adam, Memory, Optimizer
from .rule import EquilibriumPropagation, Rule

__all__ = ["SGD", "Adam", "Centred", "EquilibriumPropagation", "Memory", "Optimizer", "Rule"]
