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
    states = draw(problem, np.array([beta]), way, seed=21, initial_states=start)
    exact = sweep_matrix(problem, beta, way)[index_of(start)]
    assert np.all(exact[index_of(states)] > 0), "a state that cannot be reached"
    assert fit(states, exact) > LEVEL


@ways
@pytest.mark.parametrize("kind", ["complete 6", "sparse 10"])
def test_small_integers_are_no_exception(kind: str, way: dict[str, Any]) -> None:
    """Integer couplings have a kernel of their own for Metropolis in turn; these must not end up there."""
    problem = KINDS[kind](22)
    signs = problem._replace(values=np.sign(problem.values), fields=np.sign(problem.fields))
    states = draw(signs, np.full(SWEEPS, 0.5), way, seed=22)
    assert fit(states, signs.probabilities(0.5)) > LEVEL


@pytest.mark.parametrize(("drawn", "assumed"), [(a, b) for a in WAYS for b in WAYS if a != b])
def test_power_one_way_is_not_taken_for_another(drawn: str, assumed: str) -> None:
    problem = KINDS["complete 6"](21)
    start = np.where(np.arange(6) % 2, 1, -1)
    states = draw(problem, np.array([0.7]), WAYS[drawn], seed=23, initial_states=start)
    assert fit(states, sweep_matrix(problem, 0.7, WAYS[assumed])[index_of(start)]) < LEVEL


@pytest.mark.parametrize("factor", [0.9, 1.1])
@ways
def test_power_a_temperature_wrong_by_a_tenth_is_rejected(way: dict[str, Any], factor: float) -> None:
    problem = KINDS["sparse 10"](20)
    states = draw(problem, np.full(SWEEPS, factor), way, seed=24, num_reads=25_000)
    assert fit(states, problem.probabilities(1.0)) < LEVEL
