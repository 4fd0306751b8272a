"""Ising machines: all of them under one trainer, and the model of a chip."""
