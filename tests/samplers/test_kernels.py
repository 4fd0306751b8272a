"""Kernels whose problems are too large to enumerate: the layered one against sums that can be traced out, the
multi-spin one against the scalar one.

Every test has a fixed seed. Drawn afresh, all of them together would raise a false alarm with probability
`FALSE_ALARM` at most (Bonferroni).
"""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from ising_ep import _core
from ising_ep.samplers.simulated import SimulatedAnnealingSampler

SAMPLER = SimulatedAnnealingSampler()
FALSE_ALARM = 1e-3
# More p-values than this file computes.
LEVEL = FALSE_ALARM / 30


def layered_p_values(
    many: int, few: int, shuffled: bool, beta: float, drawn_at: float
) -> tuple[float, float]:
    """Of the few spins of one side, and of the many given the few.

    Given the few, the many are independent: their sums are products of cosh.
    """
    rng = np.random.default_rng(many)
    order = rng.permutation(many + few) if shuffled else np.arange(many + few)
    side, other = order[:many], order[many:]
    w = rng.normal(size=(many, few)) / np.sqrt(many)
    h, g = 0.3 * rng.normal(size=many), 0.3 * rng.normal(size=few)
    fields = np.zeros((1, many + few))
    fields[0, side], fields[0, other] = h, g
    couplings = (np.repeat(side, few), np.tile(other, many), w.ravel())
    result = SAMPLER.sample_batch(
        couplings, fields, num_reads=20_000, beta_schedule=np.full(80, drawn_at), seed=many
    )
    states = result.states[0].astype(np.float64)

    of_few = 2.0 * (np.arange(2**few)[:, np.newaxis] >> np.arange(few) & 1) - 1
    weights = -beta * of_few @ g + np.log(2 * np.cosh(beta * (h + of_few @ w.T))).sum(axis=1)
    exact = np.exp(weights - weights.max())
    exact *= len(states) / exact.sum()
    seen = np.bincount(((states[:, other] > 0) @ (1 << np.arange(few))).astype(int), minlength=2**few)
    rising = np.argsort(exact)
    starts = cells(exact[rising])
    of_the_few = stats.chisquare(*(np.add.reduceat(counts[rising], starts) for counts in (seen, exact)))

    mean = np.tanh(-beta * (h + states[:, other] @ w.T))
    z = (states[:, side] - mean).sum(axis=0) / np.sqrt((1 - mean**2).sum(axis=0))
    return float(of_the_few.pvalue), float(stats.chi2.sf((z**2).sum(), many))


def cells(rising: NDArray[np.float64]) -> list[int]:
    """Where cells of at least 10 expected counts begin."""
    starts, total = [0], 0.0
    for k, count in enumerate(rising):
        if total >= 10:
            starts.append(k)
            total = 0.0
        total += count
    return starts if total >= 10 or len(starts) == 1 else starts[:-1]


@pytest.mark.slow
@pytest.mark.parametrize("beta", [0.3, 1.0, 1.6])
@pytest.mark.parametrize(("many", "few", "shuffled"), [(56, 8, False), (121, 7, True)])
def test_layered_states_follow_boltzmann(many: int, few: int, shuffled: bool, beta: float) -> None:
    assert min(layered_p_values(many, few, shuffled, beta, beta)) > LEVEL


@pytest.mark.slow
@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_power_a_temperature_wrong_by_a_tenth_is_rejected(factor: float) -> None:
    assert max(layered_p_values(56, 8, False, 1.0, factor)) < LEVEL


@pytest.mark.parametrize("betas", [np.full(60, 0.2), np.full(60, 0.6), np.linspace(0.1, 3, 100)], ids=str)
@pytest.mark.parametrize("quantum", [1.0, 0.1])
def test_multi_spin_energies_are_those_of_the_scalar_kernel(
    quantum: float, betas: NDArray[np.float64]
) -> None:
    """On a lattice 6^3, which no multiple of a quantum any more is after one part in 10^7."""
    rng = np.random.default_rng(1)
    at = np.arange(216).reshape(6, 6, 6)
    rows = np.tile(at.ravel(), 3)
    cols = np.concatenate([np.roll(at, -1, axis).ravel() for axis in range(3)])
    values = quantum * rng.integers(1, 4, rows.size) * rng.choice([-1, 1], rows.size)
    fields = quantum * rng.integers(-2, 3, (1, 216))

    def energies(scale: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
        result = SAMPLER.sample_batch(
            (rows, cols, values * scale), fields, num_reads=2048, beta_schedule=betas / quantum / 2, seed=seed
        )
        return result.energies[0]

    integer = energies(np.ones(rows.size), 1)
    scalar = energies(1 + 1e-7 * rng.normal(size=rows.size), 2)
    assert stats.ttest_ind(integer, scalar, equal_var=False).pvalue > LEVEL
    assert stats.ks_2samp(integer, scalar).pvalue > LEVEL


def test_multi_spin_reads_are_independent() -> None:
    """Of 512 reads in one vector, no two are alike more often than by chance."""
    rng = np.random.default_rng(3)
    rows, cols = np.arange(300), (np.arange(300) + 1) % 300
    result = SAMPLER.sample_batch(
        (rows, cols, rng.choice([-1.0, 1.0], 300)),
        np.zeros((1, 300)),
        num_reads=1024,
        beta_schedule=[0.5] * 30,
        seed=4,
    )
    # By symmetry the product of one spin in two reads is a fair sign.
    first = result.states[0, :, 0].astype(np.float64)
    assert stats.binomtest(int((first > 0).sum()), 1024).pvalue > LEVEL
    spins = result.states[0, :, ::30].astype(np.float64)
    overlaps = (spins @ spins.T)[np.triu_indices(1024, 1)]
    z = overlaps.sum() / np.sqrt(spins.shape[1] * overlaps.size)
    assert 2 * stats.norm.sf(abs(z)) > LEVEL


@pytest.mark.parametrize(
    ("values", "fields", "beta", "num_reads", "arithmetic"),
    [
        (np.ones, np.zeros(30), 3.0, 512, "integer"),
        (np.ones, np.zeros(30), 3.0, 8, "single"),
        (lambda count: np.linspace(0.1, 1, count), np.zeros(30), 3.0, 512, "single"),
        (lambda count: np.full(count, 1e7 / 3), np.full(30, 1e7 + 0.1), 3.0, 512, "wide"),
        (lambda count: np.geomspace(1e-300, 1e300, count), np.zeros(30), 1e300, 4, "rounded"),
    ],
)
def test_the_arithmetic_is_told_before_the_anneal(values, fields, beta, num_reads, arithmetic):
    rows = np.arange(30)
    model = _core.Model(rows, (rows + 1) % 30, values(30), 30)
    sweeps = _core.Sweeps(np.array([0.0, beta]))
    assert model.arithmetic(fields[np.newaxis], sweeps, num_reads=num_reads) == arithmetic
    ids = np.zeros(1, np.uint32)
    *_, found = model.anneal(fields[np.newaxis], sweeps, num_reads=num_reads, seed=1, problem_ids=ids)
    assert found == [arithmetic]
