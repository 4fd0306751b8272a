"""Annealing of Ising problems: arrays or dimod models in, reads out."""
