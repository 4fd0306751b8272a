"""The exact distribution of a quantum machine, by diagonalization."""

import numpy as np
from numpy.typing import NDArray

from support.boltzmann import Problem
from support.problems import energies_of


def energies(problem: Problem) -> NDArray[np.float64]:
    """E of `Problem.states`."""
    found: NDArray[np.float64] = energies_of(
        problem[:3], problem.fields[np.newaxis], problem.states()[np.newaxis]
    )
    return found[0]


def of_machine(problem: Problem, beta: float, gamma: float, scale: float) -> NDArray[np.float64]:
    """diag(exp(-beta H)) / Z of H = scale E(sigma_z) - gamma sum_i sigma_x_i."""
    states = np.arange(2**problem.spins)
    machine = np.diag(scale * energies(problem))
    for i in range(problem.spins):
        machine[states, states ^ (1 << i)] = -gamma
    levels, vectors = np.linalg.eigh(machine)
    weights = (vectors**2) @ np.exp(-beta * (levels - levels[0]))
    probabilities: NDArray[np.float64] = weights / weights.sum()
    return probabilities


def distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Total variation."""
    return float(np.abs(a - b).sum() / 2)
