"""Metropolis and Gibbs, spins in turn and at random, against exact enumeration.

As in test_statistics.py: fixed seeds, and a false alarm of all tests of this file together with
probability `FALSE_ALARM` at most.
"""

import functools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ising_ep.samplers.simulated import SimulatedAnnealingSampler
from support.boltzmann import FALSE_ALARM, KINDS, Problem, fit, index_of

pytestmark = pytest.mark.slow

SAMPLER = SimulatedAnnealingSampler()
# More p-values than this file computes.
LEVEL = FALSE_ALARM / 100
# Enough to forget the first state: by exact transition matrices the distance (total variation) to
# Boltzmann's distribution is then below 1e-3 for the problems and temperatures here.
SWEEPS = 120
READS = 8000

WAYS = {
    "Gibbs": {"proposal_acceptance_criteria": "Gibbs"},
    "Metropolis, random order": {"randomize_order": True},
    "Gibbs, random order": {"proposal_acceptance_criteria": "Gibbs", "randomize_order": True},
}
ways = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


def draw(problem: Problem, betas: NDArray[np.float64], way: dict[str, Any], seed: int, **call: Any) -> Any:
    """Reads of one problem."""
    call = {"num_reads": READS} | call
    result = SAMPLER.sample_batch(
        problem[:3],
        problem.fields[np.newaxis],
        beta_schedule=betas,
        seed=seed,
        **way,
        **call,
    )
    return result.states[0]


def draw_apart(
    problem: Problem, betas: NDArray[np.float64], way: dict[str, Any], seed: int, start: Any
) -> Any:
    """The same number of reads, each of a problem of its own.

    In random order 64 reads of a problem share one sequence of spins, and after one sweep their states are
    no independent draws.
    """
    result = SAMPLER.sample_batch(
        problem[:3],
        np.tile(problem.fields, (READS, 1)),
        num_reads=1,
        beta_schedule=betas,
        seed=seed,
        initial_states=start,
        **way,
    )
    return result.states[:, 0]


def updates(problem: Problem, beta: float, gibbs: bool) -> list[NDArray[np.float64]]:
    """Transition matrix (from, to) of the update of each spin."""
    s = problem.states().astype(np.float64)
    coupling = np.zeros((problem.spins, problem.spins))
    np.add.at(coupling, (problem.rows, problem.cols), problem.values)
    local = s @ (coupling + coupling.T) + problem.fields
    here = np.arange(len(s))
    matrices = []
    for i in range(problem.spins):
        rise = -2 * beta * s[:, i] * local[:, i]
        accept = 1 / (1 + np.exp(rise)) if gibbs else np.minimum(1, np.exp(-rise))
        update = np.diag(1 - accept)
        update[here, here ^ (1 << (problem.spins - 1 - i))] = accept
        matrices.append(update)
    return matrices


def sweep_matrix(problem: Problem, beta: float, way: dict[str, Any]) -> NDArray[np.float64]:
    """Of one sweep: a product over the spins, or as many times the mean over the spins."""
    matrices = updates(problem, beta, "proposal_acceptance_criteria" in way)
    if "randomize_order" in way:
        return np.linalg.matrix_power(np.mean(matrices, axis=0), problem.spins)
    return functools.reduce(np.matmul, matrices)


@ways
@pytest.mark.parametrize("beta", [0.3, 1.0])
@pytest.mark.parametrize("kind", ["complete 6", "sparse 10", "K(4,3)", "isolated spins"])
def test_states_follow_boltzmann(kind: str, beta: float, way: dict[str, Any]) -> None:
    problem = KINDS[kind](20)
    states = draw(problem, np.full(SWEEPS, beta), way, seed=20)
    assert fit(states, problem.probabilities(beta)) > LEVEL


@ways
@pytest.mark.parametrize("beta", [0.2, 1.0, 3.0])
@pytest.mark.parametrize("kind", ["one spin", "complete 6", "K(4,3)"])
def test_one_sweep_is_what_it_should_be(kind: str, beta: float, way: dict[str, Any]) -> None:
    problem = KINDS[kind](21)
    start = np.where(np.arange(problem.spins) % 2, 1, -1)
    states = draw_apart(problem, np.array([beta]), way, 21, start)
    exact = sweep_matrix(problem, beta, way)[index_of(start)]
    assert np.all(exact[index_of(states)] > 0), "a state that cannot be reached"
    assert fit(states, exact) > LEVEL


@ways
@pytest.mark.parametrize("kind", ["complete 6", "sparse 10"])
def test_small_integers_are_no_exception(kind: str, way: dict[str, Any]) -> None:
    """Integer couplings have a kernel of their own for spins in turn, not for those at random."""
    problem = KINDS[kind](22)
    signs = problem._replace(values=np.sign(problem.values), fields=np.sign(problem.fields))
    states = draw(signs, np.full(SWEEPS, 0.5), way, seed=22)
    assert fit(states, signs.probabilities(0.5)) > LEVEL


@pytest.mark.parametrize("beta", [0.0, 0.1, 0.4, 1.5])
@pytest.mark.parametrize("fields", [0, 1], ids=["without fields", "with fields"])
def test_one_sweep_of_a_heat_bath_on_integers(beta: float, fields: int) -> None:
    """In single bits, of spins whose |J| and |h| have even sums, which may flip for nothing, and odd ones."""
    problem = KINDS["complete 6"](25)
    rng = np.random.default_rng(25)
    integers = problem._replace(
        values=rng.choice([-2.0, 2.0, 4.0], problem.values.size) / (1 + fields),
        fields=fields * rng.choice([-1.0, 0.0, 2.0, 3.0], problem.spins),
    )
    way = WAYS["Gibbs"]
    start = np.where(np.arange(problem.spins) % 2, 1, -1)
    states = draw(integers, np.array([beta]), way, seed=25, initial_states=start)
    exact = sweep_matrix(integers, beta, way)[index_of(start)]
    assert fit(states, exact) > LEVEL


@pytest.mark.parametrize("reads", [3, 17, 40, 130])
def test_reads_that_share_an_order_are_those_of_few(reads: int) -> None:
    """A group of 64 reads has one sequence of spins, however many of them there are, on any threads."""
    problem = KINDS["sparse 10"](26)
    way = WAYS["Metropolis, random order"]
    many = draw(problem, np.full(9, 0.7), way, seed=26, num_reads=150)
    for threads in (1, 2, 5):
        few = draw(problem, np.full(9, 0.7), way, seed=26, num_reads=reads, num_threads=threads)
        assert np.array_equal(few, many[:reads])


@pytest.mark.parametrize(("drawn", "assumed"), [(a, b) for a in WAYS for b in WAYS if a != b])
def test_power_one_way_is_not_taken_for_another(drawn: str, assumed: str) -> None:
    problem = KINDS["complete 6"](21)
    start = np.where(np.arange(6) % 2, 1, -1)
    states = draw_apart(problem, np.array([0.7]), WAYS[drawn], 23, start)
    assert fit(states, sweep_matrix(problem, 0.7, WAYS[assumed])[index_of(start)]) < LEVEL


@pytest.mark.parametrize("factor", [0.9, 1.1])
@ways
def test_power_a_temperature_wrong_by_a_tenth_is_rejected(way: dict[str, Any], factor: float) -> None:
    problem = KINDS["sparse 10"](20)
    states = draw(problem, np.full(SWEEPS, factor), way, seed=24, num_reads=25_000)
    assert fit(states, problem.probabilities(1.0)) < LEVEL
