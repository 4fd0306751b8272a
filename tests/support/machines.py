"""Machines that enumerate all states, for tests against exact sums."""

import itertools

import numpy as np
from scipy.special import softmax

from ising_ep import BatchResult
from ising_ep.network import FullyConnected, Parameters


class ExactMachine:
    """The ground state of each problem by enumeration, as every read."""

    def __init__(self) -> None:
        self.calls: list[dict[str, object]] = []

    def sample(self, couplings, fields, *, initial_states=None, seed, problem_ids):
        self.calls.append({"fields": fields.copy(), "initial_states": initial_states, "seed": seed})
        states = all_states(fields.shape[1])
        energies = exact_energies(couplings, fields.astype(np.float64), states)
        best = energies.argmin(axis=1)
        return BatchResult(
            states=states[best][:, None], energies=np.take_along_axis(energies, best[:, None], axis=1)
        )


class BoltzmannMachine:
    """Every state of each problem, in as many reads as its probability says, to one."""

    READS = 1_000_000

    def __init__(self, inverse_temperature: float, levels: tuple[int, int]) -> None:
        self.inverse_temperature = inverse_temperature
        self.levels = levels

    def sample(self, couplings, fields, *, initial_states=None, seed, problem_ids):
        states = all_states(fields.shape[1], self.levels)
        energies = exact_energies(couplings, fields.astype(np.float64), states)
        p = softmax(-self.inverse_temperature * energies, axis=1)
        ends = np.rint(self.READS * np.cumsum(p, axis=1)).astype(int)
        which = np.stack([np.repeat(np.arange(len(states)), np.diff(e, prepend=0)) for e in ends])
        return BatchResult(states=states[which], energies=np.take_along_axis(energies, which, axis=1))


def all_states(n: int, levels: tuple[int, int] = (-1, 1)) -> np.ndarray:
    return np.array(list(itertools.product(levels, repeat=n)), dtype=np.int8)


def exact_energies(couplings, fields, states):
    """Energies (batch, states) in double precision."""
    rows, cols, values = couplings
    s = states.astype(np.float64)
    return fields @ s.T + (s[:, rows] * s[:, cols]) @ values


def random_parameters(network: FullyConnected, seed: int) -> Parameters:
    rng = np.random.default_rng(seed)
    return {
        name: rng.uniform(-0.6, 0.6, shape).astype(np.float32) for name, shape in network.shapes().items()
    }
