"""Small problems whose Boltzmann distribution is known exactly, and tests of fit to it."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

FALSE_ALARM = 1e-3


# More p-values than this file computes.
NUM_P_VALUES = 400


LEVEL = FALSE_ALARM / NUM_P_VALUES


class Problem(NamedTuple):
    rows: NDArray[np.int64]
    cols: NDArray[np.int64]
    values: NDArray[np.float64]
    fields: NDArray[np.float64]

    @property
    def spins(self) -> int:
        return self.fields.size

    def states(self) -> NDArray[np.int8]:
        """All states, (2**spins, spins): state k holds the bits of k, spin 0 the highest."""
        bits = np.arange(2**self.spins)[:, np.newaxis] >> np.arange(self.spins)[::-1] & 1
        return (2 * bits - 1).astype(np.int8)

    def probabilities(self, beta: float) -> NDArray[np.float64]:
        """Boltzmann's, of every state: exp(-beta E(s)) / Z."""
        s = self.states().astype(np.float64)
        energies = (s[:, self.rows] * s[:, self.cols]) @ self.values + s @ self.fields
        weights: NDArray[np.float64] = np.exp(-beta * (energies - energies.min()))
        return weights / weights.sum()


def on_graph(rows: NDArray[np.int64], cols: NDArray[np.int64], spins: int, seed: int) -> Problem:
    """Gaussian couplings, scaled so that beta = 1 is neither hot nor frozen, and Gaussian fields."""
    rng = np.random.default_rng(seed)
    scale = 1 / np.sqrt(max(1, 2 * rows.size / spins))
    return Problem(rows, cols, scale * rng.normal(size=rows.size), 0.4 * rng.normal(size=spins))


def complete(spins: int, seed: int) -> Problem:
    return on_graph(*np.triu_indices(spins, 1), spins, seed)


def sparse(spins: int, seed: int) -> Problem:
    """A ring with three chords: has odd cycles, so it is not bipartite."""
    ring = np.arange(spins)
    rows = np.append(ring, [0, 1, 2])
    cols = np.append((ring + 1) % spins, [2, 5, 7])
    return on_graph(rows, cols, spins, seed)


def layered(*sizes: int) -> Callable[[int], Problem]:
    """Complete from each layer to the next, none within."""
    layer = np.repeat(np.arange(len(sizes)), sizes)
    rows, cols = np.nonzero(layer[:, np.newaxis] + 1 == layer)
    return lambda seed: on_graph(rows, cols, layer.size, seed)


def bipartite_shuffled(seed: int) -> Problem:
    """K(5, 4) whose sides interleave in the order of the spins, two couplings missing."""
    order = np.random.default_rng(seed).permutation(9)
    rows, cols = (side.ravel()[2:] for side in np.meshgrid(order[:5], order[5:]))
    return on_graph(rows, cols, 9, seed)


def with_isolated_spins(seed: int) -> Problem:
    """A triangle, a pair and three spins of their own, one of them without a field."""
    problem = on_graph(np.array([0, 0, 3, 5]), np.array([3, 5, 5, 6]), 8, seed)
    problem.fields[1] = 0
    return problem


def integers(spins: int, most: int, quantum: float, largest_field: int) -> Callable[[int], Problem]:
    """A ring with chords whose couplings and fields are so many quanta at most: the multi-spin kernel."""

    def problem(seed: int) -> Problem:
        rng = np.random.default_rng(seed)
        ring = sparse(spins, 0)
        size = rng.integers(1, most + 1, ring.rows.size) * rng.choice([-1, 1], ring.rows.size)
        fields = rng.integers(-largest_field, largest_field + 1, spins)
        return Problem(ring.rows, ring.cols, quantum * size, quantum * fields)

    return problem


def complete_integers(seed: int) -> Problem:
    """Each spin with seven couplings of ±1: odd sums, three planes of bits."""
    rows, cols = np.triu_indices(8, 1)
    return Problem(rows, cols, 0.4 * np.random.default_rng(seed).choice([-1.0, 1.0], rows.size), np.zeros(8))


def chain(seed: int) -> Problem:
    """Bipartite and sparse."""
    return on_graph(np.arange(9), np.arange(1, 10), 10, seed)


KINDS: dict[str, Callable[[int], Problem]] = {
    "one spin": lambda seed: on_graph(np.arange(0), np.arange(0), 1, seed),
    "complete 6": lambda seed: complete(6, seed),
    "complete 9": lambda seed: complete(9, seed),
    "sparse 10": lambda seed: sparse(10, seed),
    "sparse 12": lambda seed: sparse(12, seed),
    "chain 10": chain,
    "K(4,3)": layered(4, 3),
    "K(8,4)": layered(8, 4),
    "layers 4-3-2": layered(4, 3, 2),
    "layers 3-3-3-2": layered(3, 3, 3, 2),
    "K(5,4) shuffled": bipartite_shuffled,
    "isolated spins": with_isolated_spins,
    "±1 sparse 9": integers(9, 1, 0.6, 0),
    "±1 sparse 10, fields": integers(10, 1, 0.5, 2),
    "±1 complete 8": complete_integers,
    "up to 3": integers(9, 3, 0.25, 3),
    "up to 7, fields to 30": integers(9, 7, 0.1, 30),
    "up to 7, fields to 90": integers(8, 7, 0.04, 90),
}


def index_of(states: NDArray[np.int8]) -> NDArray[np.int64]:
    """The row of `Problem.states` that each state (..., spins) is."""
    weights = 1 << np.arange(states.shape[-1])[::-1]
    indices: NDArray[np.int64] = (states > 0) @ weights
    return indices


def fit(states: NDArray[np.int8], probabilities: NDArray[np.float64]) -> float:
    """p-value of chi-square of the states' frequencies; the rarest states are pooled until each
    cell is expected at least 10 times."""
    expected = probabilities * len(states)
    observed = np.bincount(index_of(states), minlength=expected.size)
    order = np.argsort(expected)
    starts, total = [0], 0.0
    for k, count in enumerate(expected[order]):
        if total >= 10:
            starts.append(k)
            total = 0.0
        total += count
    if total < 10:
        starts.pop()
    pooled = [np.add.reduceat(counts[order], starts) for counts in (observed, expected)]
    return float(stats.chisquare(*pooled).pvalue)


def independent(samples: NDArray[np.int8]) -> None:
    """Asserts that the rows (variables, draws) of fair +-1 have no bias and are not correlated.

    Sums of m fair signs have variance m. The sum of squares of all of them over m is chi-square
    (many small correlations), and the largest is normal (a single large one).
    """
    variables, draws = samples.shape
    s = samples.astype(np.float64)
    pairs = (s @ s.T)[np.triu_indices(variables, 1)]
    for sums in (s.sum(axis=1), pairs):
        z = sums / np.sqrt(draws)
        largest = 2 * stats.norm.sf(np.abs(z).max()) * z.size
        many = stats.chi2.sf((z**2).sum(), z.size)
        assert min(largest, many) > LEVEL
