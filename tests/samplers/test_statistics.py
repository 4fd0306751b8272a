"""What is sampled is the Boltzmann distribution, and nothing is correlated that should not be.

Every test has a fixed seed, so it passes or fails for good. Drawn afresh, all tests of this file
together would raise a false alarm with probability `FALSE_ALARM` at most: each p-value is held against
that rate over the number of p-values (Bonferroni). Tests of power show that the same checks do reject
samples that are wrong by little.
"""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from ising_ep.samplers.simulated import SimulatedAnnealingSampler
from support.boltzmann import (
    KINDS,
    LEVEL,
    Problem,
    fit,
    independent,
    index_of,
)

pytestmark = pytest.mark.slow

SAMPLER = SimulatedAnnealingSampler()
# Sweeps at beta <= 1 until the last state has forgotten the first, and at 1.7. By exact transition
# matrices the distance (total variation) to Boltzmann's distribution is then at most 2e-3
# for the problems of KINDS; 60 sweeps at 1.7 leave up to 0.06, which chi-square does reject.
SWEEPS = 60
COLD_SWEEPS = 180
READS = 20_000


def draw(problem: Problem, betas: NDArray[np.float64], reads: int, seed: int) -> NDArray[np.int8]:
    """The last states of many short runs, (reads, spins)."""
    result = SAMPLER.sample_batch(
        problem[:3], problem.fields[np.newaxis], num_reads=reads, beta_schedule=betas, seed=seed
    )
    return result.states[0]


# --- the distribution -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("beta", "sweeps"), [(0.3, SWEEPS), (1.0, SWEEPS), (1.7, COLD_SWEEPS)])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_states_follow_boltzmann(kind: Callable[[int], Problem], beta: float, sweeps: int) -> None:
    problem = kind(0)
    states = draw(problem, np.full(sweeps, beta), READS, seed=0)
    assert fit(states, problem.probabilities(beta)) > LEVEL


@pytest.mark.parametrize("factor", [0.9, 1.1])
@pytest.mark.parametrize("kind", [k for k in KINDS if k != "one spin"])
def test_power_a_temperature_wrong_by_a_tenth_is_rejected(kind: str, factor: float) -> None:
    problem = KINDS[kind](0)
    states = draw(problem, np.full(SWEEPS, factor), READS, seed=0)
    assert fit(states, problem.probabilities(1.0)) < LEVEL


@pytest.mark.parametrize("kind", ["complete 6", "K(4,3)", "sparse 10"])
def test_power_one_wrong_coupling_is_rejected(kind: str) -> None:
    problem = KINDS[kind](0)
    states = draw(problem, np.full(SWEEPS, 1.0), READS, seed=0)
    problem.values[-1] += 0.3
    assert fit(states, problem.probabilities(1.0)) < LEVEL


@pytest.mark.parametrize("kind", ["sparse 10", "layers 4-3-2"])
def test_only_the_last_temperature_counts_after_a_slow_anneal(kind: str) -> None:
    problem = KINDS[kind](1)
    betas = np.concatenate([np.linspace(0, 2, 30), np.linspace(2, 0.8, 30), np.full(SWEEPS, 0.8)])
    states = draw(problem, betas, READS, seed=1)
    assert fit(states, problem.probabilities(0.8)) > LEVEL


@pytest.mark.parametrize("kind", ["sparse 10", "complete 9", "K(8,4)"])
def test_long_runs_do_not_drift(kind: str) -> None:
    """Sums are integers and exact: 1,100 sweeps leave the distribution as it was."""
    problem = KINDS[kind](2)
    states = draw(problem, np.full(1100, 1.0), 4000, seed=2)
    assert fit(states, problem.probabilities(1.0)) > LEVEL


@pytest.mark.parametrize("kind", ["sparse 10", "K(8,4)", "up to 3"])
@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_units_do_not_matter(kind: str, scale: float) -> None:
    problem = KINDS[kind](3)
    scaled = problem._replace(values=problem.values * scale, fields=problem.fields * scale)
    states = draw(scaled, np.full(SWEEPS, 1 / scale), READS, seed=3)
    assert fit(states, problem.probabilities(1.0)) > LEVEL


@pytest.mark.parametrize("kind", ["sparse 10", "complete 9", "K(8,4)", "layers 3-3-3-2"])
def test_every_problem_of_a_batch_has_its_own_distribution(kind: str) -> None:
    problem = KINDS[kind](4)
    fields = np.random.default_rng(4).normal(size=(5, problem.spins))
    result = SAMPLER.sample_batch(
        problem[:3], fields, num_reads=10_007, beta_schedule=np.ones(SWEEPS), seed=4
    )
    for states, field in zip(result.states, fields, strict=True):
        assert fit(states, problem._replace(fields=field).probabilities(1.0)) > LEVEL


@pytest.mark.parametrize("kind", ["sparse 10", "complete 9", "K(8,4)", "up to 3"])
def test_given_initial_states_are_forgotten(kind: str) -> None:
    problem = KINDS[kind](5)
    result = SAMPLER.sample_batch(
        problem[:3],
        problem.fields[np.newaxis],
        num_reads=READS,
        beta_schedule=np.full(SWEEPS, 0.8),
        initial_states=np.ones(problem.spins),
        seed=5,
    )
    assert fit(result.states[0], problem.probabilities(0.8)) > LEVEL


# --- one sweep, exactly: no mixing hides a wrong acceptance rule --------------------------------------


def metropolis_sweep(problem: Problem, beta: float, order: NDArray[np.int64]) -> NDArray[np.float64]:
    """Transition matrix (from, to) of one sweep over the spins in `order`."""
    s = problem.states().astype(np.float64)
    coupling = np.zeros((problem.spins, problem.spins))
    np.add.at(coupling, (problem.rows, problem.cols), problem.values)
    local = s @ (coupling + coupling.T) + problem.fields
    here = np.arange(len(s))
    sweep = np.eye(len(s))
    for i in order:
        accept = np.minimum(1, np.exp(2 * beta * s[:, i] * local[:, i]))
        step = np.diag(1 - accept)
        step[here, here ^ (1 << (problem.spins - 1 - i))] = accept
        sweep = sweep @ step
    return sweep


@pytest.mark.parametrize("beta", [0.2, 1.0, 3.0])
@pytest.mark.parametrize(
    "kind", ["one spin", "complete 6", "K(4,3)", "±1 complete 8", "up to 7, fields to 30"]
)
def test_one_sweep_is_metropolis_in_sequential_order(kind: str, beta: float) -> None:
    """K(4,3) lists its sides one after the other: side by side is in order as well."""
    problem = KINDS[kind](6)
    start = np.where(np.arange(problem.spins) % 2, 1, -1)
    result = SAMPLER.sample_batch(
        problem[:3],
        problem.fields[np.newaxis],
        num_reads=READS,
        beta_schedule=[beta],
        initial_states=start,
        seed=6,
    )
    sweep = metropolis_sweep(problem, beta, np.arange(problem.spins))
    exact = sweep[index_of(start)]
    observed = index_of(result.states[0])
    assert np.all(exact[observed] > 0), "a state that cannot be reached"
    assert fit(result.states[0], exact) > LEVEL


# --- initial states -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["sparse 10", "complete 9", "K(8,4)", "up to 3"])
def test_random_initial_states_are_uniform(kind: str) -> None:
    """At infinite temperature Metropolis accepts every flip: two sweeps give back the initial states."""
    problem = KINDS[kind](0)
    states = draw(problem, np.zeros(2), 100_000, seed=7)
    assert fit(states, np.full(2**problem.spins, 2.0**-problem.spins)) > LEVEL
    again = draw(problem, np.zeros(1), 100_000, seed=7)
    assert np.array_equal(again, -states)


@pytest.mark.parametrize("spins", [33, 1000])
def test_initial_states_of_many_spins_have_no_bias_nor_pair_correlation(spins: int) -> None:
    result = SAMPLER.sample_batch(
        ([], [], []), np.zeros((1, spins)), num_reads=4000, beta_schedule=[0, 0], seed=8
    )
    independent(result.states[0].T)


# --- independence ---------------------------------------------------------------------------------------


def fair(problem: Problem) -> Problem:
    """Without fields each spin is +1 half of the time, by symmetry."""
    return problem._replace(fields=np.zeros(problem.spins))


SYMMETRIC = ["sparse 10", "complete 9", "K(8,4)", "±1 complete 8"]


@pytest.mark.parametrize("kind", SYMMETRIC)
def test_reads_are_independent(kind: str) -> None:
    """Spin 0 of 64 reads, over 4,000 problems that differ in their random stream only."""
    problem = fair(KINDS[kind](0))
    fields = np.zeros((4000, problem.spins))
    result = SAMPLER.sample_batch(problem[:3], fields, num_reads=64, beta_schedule=[0.4] * 12, seed=9)
    independent(result.states[:, :, 0].T)


@pytest.mark.parametrize("kind", SYMMETRIC)
def test_problems_are_independent(kind: str) -> None:
    problem = fair(KINDS[kind](0))
    fields = np.zeros((64, problem.spins))
    result = SAMPLER.sample_batch(problem[:3], fields, num_reads=4000, beta_schedule=[0.4] * 12, seed=10)
    independent(result.states[:, :, -1])


@pytest.mark.parametrize("kind", SYMMETRIC)
def test_seeds_are_independent(kind: str) -> None:
    """Neighbouring seeds, and seeds that differ in high bits only."""
    problem = fair(KINDS[kind](0))
    seeds = [*range(32), *(1 << np.arange(32, 64, dtype=object))]
    independent(np.array([draw(problem, np.full(12, 0.4), 4000, seed)[:, 1] for seed in seeds]))


@pytest.mark.parametrize("kind", SYMMETRIC)
def test_power_of_the_test_of_independence(kind: str) -> None:
    """Two reads that agree 56 % of the time instead of 50 % are noticed."""
    problem = fair(KINDS[kind](0))
    fields = np.zeros((4000, problem.spins))
    result = SAMPLER.sample_batch(problem[:3], fields, num_reads=64, beta_schedule=[0.4] * 12, seed=9)
    samples = result.states[:, :, 0].T.copy()
    copied = np.random.default_rng(0).random(4000) < 0.12
    samples[1, copied] = samples[0, copied]
    with pytest.raises(AssertionError):
        independent(samples)


@pytest.mark.parametrize("couplings", ["none", "sparse", "layered"])
def test_sweeps_use_independent_random_numbers(couplings: str) -> None:
    """One free spin in a field, at a temperature where its next state is a fair coin whatever it was,
    shows the random number of each sweep; so do all spins, for the numbers of the same sweep.

    From the state against the field the flip is certain, from the one along it it has probability 1/2:
    a run that starts along the field ends along it or not by one random number alone.
    """
    spins = 40
    # Couplings too weak to matter put the spins in this or that kernel.
    rows, cols = {
        "none": (np.arange(0), np.arange(0)),
        "sparse": (np.arange(spins), np.roll(np.arange(spins), 2)),
        "layered": tuple(side.ravel() for side in np.meshgrid(np.arange(30), np.arange(30, spins))),
    }[couplings]
    values = np.full(len(rows), 1e-30)
    beta = np.log(2) / 2  # exp(-2 beta h) = 1/2 with h = 1
    along = -np.ones(spins)
    fields = np.ones((1, spins))
    call = {"num_reads": 4000, "initial_states": along, "seed": 11}
    # Sweeps at zero temperature (1e6) leave the state alone; only sweep t draws.
    shown = []
    for t in (0, 1, 2, 3, 511, 512, 513):
        betas = np.full(t + 1, 1e6)
        betas[t] = beta
        result = SAMPLER.sample_batch((rows, cols, values), fields, beta_schedule=betas, **call)
        shown.append(result.states[0])
    independent(np.concatenate([states.T for states in shown]))


@pytest.mark.parametrize("kind", ["sparse 10", "K(8,4)"])
def test_sweeps_far_apart_are_independent(kind: str) -> None:
    """The states of the same reads after SWEEPS and 2 SWEEPS: nothing is left of the first."""
    problem = KINDS[kind](8)
    states = [draw(problem, np.full(k * SWEEPS, 0.5), 20_000, seed=12) for k in (1, 2)]
    for i in range(problem.spins):
        table = stats.contingency.crosstab(states[0][:, i], states[1][:, i]).count
        assert stats.chi2_contingency(table).pvalue > LEVEL


@pytest.mark.parametrize("kind", ["sparse 10", "complete 9", "K(8,4)", "isolated spins"])
def test_joint_distribution_of_neighbouring_reads_is_the_product(kind: str) -> None:
    """With fields, too: which half of the state space a read is in tells nothing about the next."""
    problem = KINDS[kind](9)
    states = draw(problem, np.full(SWEEPS, 1.0), READS, seed=13)
    likely = np.argsort(problem.probabilities(1.0))[-4:]
    cell = np.searchsorted(np.sort(likely), index_of(states))  # five ranges of states
    for lag in (1, 2, 8, 15, 16, 17):
        table = stats.contingency.crosstab(cell[:-lag:2], cell[lag::2][: len(cell[:-lag:2])]).count
        assert stats.chi2_contingency(table).pvalue > LEVEL
