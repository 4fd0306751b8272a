"""Equilibrium propagation, and how parameters follow what it measures."""

from .rule import EquilibriumPropagation, Rule

__all__ = ["EquilibriumPropagation", "Rule"]
