"""Path-integral quantum annealing: its classical slices and the quantum machine behind them, exactly.

As in test_statistics.py: fixed seeds, and a false alarm of all tests of this file together with
probability `FALSE_ALARM` at most.
"""

import functools
import inspect
import json
import unittest
from typing import Any

import dimod
import dimod.testing
import numpy as np
import pytest
from dimod.exceptions import SamplerUnknownArgWarning
from dwave.samplers import PathIntegralAnnealingSampler as DWaveSampler
from dwave.samplers.sa.sampler import default_beta_range as dwave_range
from numpy.typing import NDArray

from ising_ep import PathIntegralAnnealingSampler, SimulatedAnnealingSampler, schedule
from ising_ep.samplers.batch import sample_batch_quantum
from support.boltzmann import FALSE_ALARM, Problem, complete, fit, independent, index_of, on_graph
from support.problems import (
    energies_of,
    ferromagnet,
    independent_set,
    random_batch,
    random_bqm,
    same,
    sparse_batch,
)
from support.quantum import distance, energies, of_machine

SAMPLER = PathIntegralAnnealingSampler()
# More p-values than this file computes.
LEVEL = FALSE_ALARM / 100
READS = 20_000
# Sweeps of a schedule that stands still, until the last state has forgotten the first: where the classical
# system has 16 bits or fewer the distance (total variation) is then below 1e-4, by `after_sweeps`.
SWEEPS = 150


def draw(
    problem: Problem, beta: float, gamma: float, scale: float, num_slices: int, seed: int, **call: Any
) -> NDArray[np.int8]:
    """Slice 0 of many runs at rest, (reads, spins)."""
    call = {"num_reads": READS, "schedule": np.tile([gamma, scale], (SWEEPS, 1))} | call
    fields = problem.fields[np.newaxis]
    result = sample_batch_quantum(problem[:3], fields, beta=beta, num_slices=num_slices, seed=seed, **call)
    return result.states[0]


def tie(beta: float, gamma: float, num_slices: int) -> float:
    """K = 1/2 ln coth(beta gamma / P)."""
    return float(-0.5 * np.log(np.tanh(beta * gamma / num_slices)))


def of_slices(
    problem: Problem, beta: float, gamma: float, scale: float, num_slices: int
) -> NDArray[np.float64]:
    """Probabilities of slice 0, by powers of the matrix that leads from slice to slice."""
    s = problem.states().astype(np.float64)
    weights = np.exp(-beta * scale / num_slices * (energies(problem) - energies(problem).min()))
    transfer = weights[:, np.newaxis] * np.exp(tie(beta, gamma, num_slices) * (s @ s.T - problem.spins))
    paths = np.diag(np.linalg.matrix_power(transfer, num_slices))
    probabilities: NDArray[np.float64] = paths / paths.sum()
    return probabilities


def one_spin(seed: int) -> Problem:
    return on_graph(np.arange(0), np.arange(0), 1, seed)


def ring(seed: int) -> Problem:
    return on_graph(np.arange(5), (np.arange(5) + 1) % 5, 5, seed)


PROBLEMS = {"one spin": one_spin, "complete 3": lambda seed: complete(3, seed), "ring 5": ring}
# (beta, gamma, scale, slices): from slices that are nearly free to nearly one; odd numbers, and two, which
# are tied twice.
POINTS = [(1.0, 2.0, 1.0, 2), (2.0, 1.0, 1.0, 3), (2.0, 1.0, 0.5, 8), (4.0, 0.4, 1.0, 5), (1.5, 3.0, 1.0, 16)]


# --- the distribution at rest ---------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS, ids=str)
@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_a_slice_is_distributed_as_in_the_classical_system(problem: Any, point: Any) -> None:
    states = draw(problem(0), *point, seed=0)
    assert fit(states, of_slices(problem(0), *point)) > LEVEL


def test_the_transfer_matrix_counts_all_paths() -> None:
    """Against the sum over the 2^9 states of 3 spins in 3 slices, from the action as it is written."""
    problem, beta, gamma, scale, slices = complete(3, 0), 2.0, 0.7, 0.8, 3
    paths = np.stack(np.meshgrid(*[np.arange(8)] * slices, indexing="ij"), axis=-1).reshape(-1, slices)
    s = problem.states().astype(np.float64)[paths]
    action = beta * scale / slices * energies(problem)[paths].sum(axis=1)
    action -= tie(beta, gamma, slices) * (s * np.roll(s, -1, axis=1)).sum(axis=(1, 2))
    weights = np.bincount(paths[:, 0], np.exp(-action))
    np.testing.assert_allclose(weights / weights.sum(), of_slices(problem, beta, gamma, scale, slices))


@pytest.mark.parametrize("wrong", [{"gamma": 1.2}, {"scale": 1.1}, {"beta": 2.4}, {"num_slices": 4}])
def test_power_a_wrong_parameter_is_rejected(wrong: dict[str, Any]) -> None:
    point = {"beta": 2.0, "gamma": 1.0, "scale": 1.0, "num_slices": 3}
    states = draw(complete(3, 0), **point, seed=0)
    assert fit(states, of_slices(complete(3, 0), **point | wrong)) < LEVEL


@pytest.mark.slow
@pytest.mark.parametrize("gamma", [0.3, 1.0])
@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_many_slices_are_the_quantum_machine(problem: Any, gamma: float) -> None:
    beta, scale = 2.0, 1.0
    exact = of_machine(problem(1), beta, gamma, scale)
    errors = [distance(of_slices(problem(1), beta, gamma, scale, P), exact) for P in (4, 8, 16, 32)]
    np.testing.assert_allclose(np.divide(errors[:-1], errors[1:]), 4, rtol=0.25)  # goes with 1 / P^2
    assert errors[-1] < 2e-3
    states = draw(problem(1), beta, gamma, scale, 32, seed=1, schedule=np.tile([gamma, scale], (500, 1)))
    assert fit(states, exact) > LEVEL


def test_power_two_slices_are_not_the_quantum_machine() -> None:
    states = draw(ring(1), 2.0, 1.0, 1.0, 2, seed=1)
    assert fit(states, of_machine(ring(1), 2.0, 1.0, 1.0)) < LEVEL


@pytest.mark.parametrize("beta", [0.5, 2.0, 8.0])
def test_a_spin_in_a_field(beta: float) -> None:
    """<sigma_z> = -h / e tanh(beta e), e = sqrt(h^2 + gamma^2)."""
    h, gamma = 0.6, 0.8
    problem = Problem(np.arange(0), np.arange(0), np.zeros(0), np.array([h]))
    up = 0.5 * (1 - 0.6 * np.tanh(beta))
    slices = int(16 * beta)
    assert distance(of_slices(problem, beta, gamma, 1.0, slices), np.array([1 - up, up])) < 1e-3
    assert fit(draw(problem, beta, gamma, 1.0, slices, seed=2), np.array([1 - up, up])) > LEVEL


@pytest.mark.slow
@pytest.mark.parametrize("gamma", [0.0, 1e-300, 1e-3])
@pytest.mark.parametrize("start", [{}, {"initial_states": np.ones(5)}], ids=["random", "up"])
def test_without_a_transverse_field_it_is_boltzmanns(gamma: float, start: dict[str, Any]) -> None:
    """Random slices have to become one first."""
    sweeps = np.tile([gamma, 1.0], (400, 1))
    states = draw(ring(2), 1.0, gamma, 1.0, 6, seed=3, schedule=sweeps, **start)
    assert fit(states, ring(2).probabilities(1.0)) > LEVEL


@pytest.mark.parametrize("gamma", [0.0, 0.5, 50.0])
def test_without_the_problem_all_states_are_alike(gamma: float) -> None:
    states = draw(ring(3), 1.0, gamma, 0.0, 4, seed=4)
    assert fit(states, np.full(32, 1 / 32)) > LEVEL


def test_a_chain_never_breaks_without_a_transverse_field() -> None:
    """At zero temperature and a problem that wants every slice down but has no say in whether they part."""
    up = np.ones((1, 1))
    call: dict[str, Any] = {"num_reads": 64, "num_slices": 8, "seed": 0, "initial_states": up}
    # The moves of all slices take all of them down in the first sweep, and none comes back in 1,000.
    sweeps = np.tile([0.0, 1.0], (1000, 1))
    for beta in (1e3, 1e30):
        result = sample_batch_quantum(([], [], []), [[1.0]], beta=beta, schedule=sweeps, **call)
        assert np.all(result.states == -1)
    # Without a problem they flip together in every sweep: slice 0 shows it whatever a broken chain would do.
    for count in (1, 2, 7):
        result = sample_batch_quantum(([], [], []), [[1.0]], beta=1.0, schedule=[[0.0, 0.0]] * count, **call)
        assert np.all(result.states == (-1) ** count)


# --- sweeps, exactly: no mixing hides a wrong acceptance rule --------------------------------------------


def after_sweeps(
    problem: Problem, beta: float, num_slices: int, sweeps: Any, start: int
) -> NDArray[np.float64]:
    """Probabilities of slice 0 after the sweeps, from all slices in state `start`.

    A bit of a state of the classical system is a spin in a slice: those of spin 0 first, slice by slice.
    """
    n = problem.spins
    size = n * num_slices
    here = np.arange(2**size)
    bits = here[:, np.newaxis] >> np.arange(size)[::-1] & 1
    s = (2.0 * bits - 1).reshape(-1, n, num_slices)
    slice_energies = energies(problem)[index_of(np.moveaxis(s, 2, 1))]
    probabilities = np.zeros(2**size)
    probabilities[index_of(np.repeat(problem.states()[start], num_slices))] = 1
    for gamma, scale in sweeps:
        action = beta * scale / num_slices * slice_energies.sum(axis=1)
        action -= tie(beta, gamma, num_slices) * (s * np.roll(s, -1, axis=2)).sum(axis=(1, 2))
        for i in range(n):
            places = [1 << (size - 1 - i * num_slices - k) for k in range(num_slices)]
            for flipped in (*places, sum(places)):
                accepted = probabilities * np.minimum(1, np.exp(action - action[here ^ flipped]))
                probabilities = probabilities - accepted + accepted[here ^ flipped]
    measured = index_of(s[:, :, 0])
    return np.bincount(measured, probabilities, minlength=2**n)


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize(("problem", "num_slices"), [(one_spin(5), 7), (complete(3, 5), 3), (ring(5), 2)])
def test_a_few_sweeps(problem: Problem, num_slices: int, count: int) -> None:
    """Each with a field and a scale of its own; the first has no problem, so that only the ties decide."""
    sweeps = np.stack((np.linspace(2.0, 0.3, count), np.linspace(0, 1, count)), axis=1)
    exact = after_sweeps(problem, 2.0, num_slices, sweeps, start=1)
    states = draw(problem, 2.0, 0, 0, num_slices, seed=5, schedule=sweeps, initial_states=problem.states()[1])
    assert np.all(exact[index_of(states)] > 0), "a state that cannot be reached"
    assert fit(states, exact) > LEVEL


# --- independence ---------------------------------------------------------------------------------------


def test_reads_and_problems_are_independent() -> None:
    """Spin 0 of 64 reads over 2,000 problems, and of 64 problems over 2,000 reads."""
    couplings = complete(5, 0)[:3]
    call: dict[str, Any] = {"beta": 1.0, "schedule": [[1.0, 0.4]] * 12, "num_slices": 4, "seed": 6}
    independent(sample_batch_quantum(couplings, np.zeros((2000, 5)), num_reads=64, **call).states[:, :, 0].T)
    independent(sample_batch_quantum(couplings, np.zeros((64, 5)), num_reads=2000, **call).states[:, :, 4])


def test_random_slices_and_sweeps_are_independent() -> None:
    """1,000 spins of their own; with all but no ties, after one sweep slice 0 shows the initial state."""
    for sweeps in ([[1e9, 0.0]], [[0.05, 0.0]] * 3):
        result = sample_batch_quantum(
            ([], [], []), np.zeros((1, 1000)), num_reads=4000, beta=1.0, schedule=sweeps, num_slices=3, seed=7
        )
        independent(result.states[0].T)


# --- annealing ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
@pytest.mark.parametrize("seed", range(6))
def test_finds_the_ground_states_of_small_problems(seed: int, vartype: str) -> None:
    bqm = random_bqm(seed, 10, vartype)
    sampleset = SAMPLER.sample(bqm, num_reads=30, num_sweeps=200, seed=seed)
    exact = dimod.ExactSolver().sample(bqm).first
    assert sampleset.first.energy == pytest.approx(exact.energy, rel=1e-9)
    assert sampleset.first.sample == exact.sample
    assert set(np.unique(sampleset.record.sample)) == set(bqm.vartype.value)
    np.testing.assert_allclose(sampleset.record.energy, bqm.energies(sampleset), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_defaults_go_with_the_units(scale: float) -> None:
    bqm = random_bqm(1, 10)
    plain = SAMPLER.sample(bqm, num_reads=20, num_sweeps=100, seed=1)
    bqm.scale(scale)
    scaled = SAMPLER.sample(bqm, num_reads=20, num_sweeps=100, seed=1)
    assert scaled.first.sample == plain.first.sample
    assert scaled.info["gamma"] == pytest.approx(plain.info["gamma"] * scale)
    assert scaled.info["beta"] == pytest.approx(plain.info["beta"] / scale)


def test_a_shallow_reverse_anneal_stays_and_a_deep_one_forgets() -> None:
    """From the second of two minima of a ring of 12 in a weak field: all up has E = -12 + 1.2."""
    n = 12
    couplings = (np.arange(n), (np.arange(n) + 1) % n, -np.ones(n))
    fields = np.full((1, n), 0.1)
    call: dict[str, Any] = {"num_reads": 200, "beta": 10.0, "initial_states": np.ones(n), "seed": 8}
    fractions = (1.0, 0.9, 0.0)
    still, shallow, deep = (
        sample_batch_quantum(
            couplings, fields, schedule=schedule.quantum_reverse(200, 2.0, fraction), **call
        ).states[0]
        for fraction in fractions
    )
    assert np.all(still == 1)
    assert np.all(shallow == 1)
    down = np.all(deep == -1, axis=1).mean()
    assert down > 0.7


@pytest.mark.parametrize("fraction", [0.0, 0.25, 1.0])
def test_reverse_schedules_go_back_to_the_fraction_and_forth(fraction: float) -> None:
    forward = schedule.quantum_forward(100, 3.0)
    np.testing.assert_allclose(forward[:, 0], 3 * (1 - forward[:, 1]))
    back = schedule.quantum_reverse(100, 3.0, fraction)
    turn = min(int(100 * fraction), 99)
    assert len(back) == 2 * (100 - turn) - 1
    np.testing.assert_array_equal(back, back[::-1])
    np.testing.assert_array_equal(back[[0, (len(back) - 1) // 2]], forward[[-1, turn]])


# --- the same bits --------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [{}, {"initial_states": np.ones(9)}], ids=["random", "up"])
@pytest.mark.parametrize("make", [random_batch, sparse_batch])
def test_threads_batches_and_reads_change_nothing(make: Any, start: dict[str, Any]) -> None:
    couplings, fields = make(0, 7, 9)
    anneal = functools.partial(
        sample_batch_quantum,
        couplings,
        beta=4.0,
        schedule=schedule.quantum_forward(30, 2.0),
        num_slices=5,
        seed=9,
        **start,
    )
    whole = anneal(fields, num_reads=11)
    for num_threads in (1, 2, 5):
        assert same(anneal(fields, num_reads=11, num_threads=num_threads), whole)
    few = anneal(fields, num_reads=3)
    assert np.array_equal(few.states, whole.states[:, :3])
    parts = [anneal(fields[[p]], num_reads=11, problem_ids=[p]) for p in range(7)]
    assert np.array_equal(np.concatenate([part.states for part in parts]), whole.states)
    np.testing.assert_allclose(whole.energies, energies_of(couplings, fields, whole.states), rtol=1e-12)
    other = anneal(fields, num_reads=11, problem_ids=range(1, 8))
    assert not np.array_equal(other.states, whole.states)


def test_info_makes_the_same_reads_again() -> None:
    bqm = random_bqm(2, 30)
    first = SAMPLER.sample(bqm, num_reads=5, num_sweeps=5)
    again = SAMPLER.sample(
        bqm, **{k: first.info[k] for k in ("num_reads", "beta", "num_slices", "schedule", "seed")}
    )
    assert np.array_equal(first.record, again.record)
    assert first.info["schedule"].shape == (5, 2)
    assert set(first.info["timing"]) == {"preprocessing_ns", "sampling_ns", "postprocessing_ns"}
    dimod.SampleSet.from_serializable(first.to_serializable())


# --- the dimod face -------------------------------------------------------------------------------------


@dimod.testing.load_sampler_bqm_tests(PathIntegralAnnealingSampler)
class TestDimodSuite(unittest.TestCase):
    def test_api(self) -> None:
        dimod.testing.assert_sampler_api(SAMPLER)


@pytest.mark.parametrize("labels", [("b", "a"), (("x", 1), frozenset([2])), (7, "seven"), (1, 0)])
def test_any_labels(labels: tuple[Any, Any]) -> None:
    u, v = labels
    bqm = dimod.BinaryQuadraticModel({u: -1.0, v: 0.25}, {(u, v): -0.5}, 3.0, "SPIN")
    sampleset = SAMPLER.sample(bqm, num_reads=5, num_sweeps=100, seed=0)
    assert sampleset.first.sample == {u: 1, v: 1}
    assert sampleset.first.energy == pytest.approx(3 - 1 + 0.25 - 0.5)


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
def test_initial_states(vartype: str) -> None:
    bqm = ferromagnet(6, vartype)
    low, high = sorted(bqm.vartype.value)
    given = [dict.fromkeys(bqm.variables, value) for value in (low, high)]
    sweep = {"beta": 1e6, "schedule": [[0.0, 1.0]]}
    sampleset = SAMPLER.sample(
        bqm, initial_states=given, initial_states_generator="tile", num_reads=4, seed=1, **sweep
    )
    assert sampleset.record.sample[:, 0].tolist() == [low, high, low, high]
    assert len(SAMPLER.sample(bqm, initial_states=given, seed=1, **sweep)) == 2


def test_empty_problems() -> None:
    for bqm in (dimod.BQM("SPIN"), dimod.BQM({}, {}, 1.5, "BINARY")):
        sampleset = SAMPLER.sample(bqm, num_reads=3)
        assert sampleset.record.energy.tolist() == [bqm.offset] * 3
    assert SAMPLER.sample_ising({"a": 0.0}, {}, num_reads=3).record.energy.tolist() == [0.0] * 3
    result = sample_batch_quantum(([], [], []), np.zeros((0, 4)), num_reads=3, beta=1, schedule=[[1, 1]])
    assert result.states.shape == (0, 3, 4)


@pytest.mark.slow
def test_ways_to_end_and_progress() -> None:
    bqm = dimod.generators.ran_r(2, 100, seed=1)
    call: dict[str, Any] = {"num_reads": 2000, "num_sweeps": 200, "seed": 5, "num_threads": 1}
    seen: list[tuple[int, int]] = []
    some = SAMPLER.sample(bqm, time_limit=0.0, progress=lambda *done: seen.append(done), **call)
    assert 1 <= len(some) < 2000
    assert some.info["ended_by"] == "time_limit"
    assert seen[0] == (0, 2000)
    assert seen[-1] == (len(some), 2000)
    other = SAMPLER.sample(bqm, interrupt_function=lambda: True, **call)
    assert other.info["ended_by"] == "interrupt_function"
    assert np.array_equal(some.record[:64], other.record[:64])


# --- bad input ------------------------------------------------------------------------------------------

BAD: list[tuple[dict[str, Any], type[Exception] | tuple[type[Exception], ...], str]] = [
    ({"beta": 0.0}, ValueError, "beta is 0"),
    ({"beta": np.nan}, ValueError, "beta is NaN"),
    ({"beta": "cold"}, TypeError, "beta is 'cold'"),
    ({"num_slices": 1}, ValueError, "num_slices is 1"),
    ({"num_slices": 2.5}, TypeError, "num_slices is 2.5"),
    ({"num_slices": 2**32 - 1}, (ValueError, MemoryError), "4294967295 slices"),
    ({"schedule": []}, ValueError, "schedule has shape"),
    ({"schedule": [[1.0, 0.0, 1.0]]}, ValueError, r"schedule has shape \(1, 3\)"),
    ({"schedule": np.zeros((0, 2))}, ValueError, "at least one sweep"),
    ({"schedule": [[1.0, 1.0], [-1.0, 1.0]]}, ValueError, "transverse field of sweep 1 is -1"),
    ({"schedule": [[1.0, np.inf]]}, ValueError, "problem scale of sweep 0 is inf"),
    ({"seed": -1}, ValueError, "seed is -1"),
    ({"num_threads": 0}, ValueError, "num_threads is 0"),
    ({"num_reads": 0}, ValueError, "num_reads is 0"),
]


@pytest.mark.parametrize(("change", "error", "text"), BAD, ids=lambda v: str(v)[:40])
def test_bad_input_is_named_in_one_line(change: dict[str, Any], error: type[Exception], text: str) -> None:
    call = {"beta": 1.0, "schedule": [[1.0, 1.0]], "num_reads": 2} | change
    bqm = random_bqm(0, 4)
    couplings, fields = random_batch(0, 2, 4)
    for run in (
        functools.partial(SAMPLER.sample, bqm),
        functools.partial(sample_batch_quantum, couplings, fields),
    ):
        with pytest.raises(error, match=text) as caught:
            run(**call)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"gamma": 0.0}, "gamma is 0"),
        ({"gamma": np.inf}, "gamma is inf"),
        ({"num_sweeps": 1}, "num_sweeps is 1"),
        ({"gamma": 1.0, "schedule": [[1.0, 1.0]]}, "gamma is given beside schedule"),
        ({"num_sweeps": 5, "schedule": [[1.0, 1.0]]}, "num_sweeps is given beside schedule"),
        ({"initial_states_generator": "none"}, "initial"),
        ({"initial_states_generator": "some"}, "initial_states_generator is 'some'"),
        ({"time_limit": -1}, "time_limit is -1"),
    ],
)
def test_bad_input_of_the_sampler(change: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        SAMPLER.sample(random_bqm(0), **{"num_reads": 2} | change)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_biases_that_are_not_finite_are_named(value: float) -> None:
    with pytest.raises(ValueError, match=f"the bias of .* and .* is {value}, expected a finite number"):
        SAMPLER.sample_ising({}, {("a", "b"): value})
    with pytest.raises(ValueError, match=f"the bias of 'a' is {value}, expected a finite number"):
        SAMPLER.sample_ising({"a": value}, {})


def test_unknown_keywords_warn() -> None:
    with pytest.warns(SamplerUnknownArgWarning):
        SAMPLER.sample(random_bqm(0), chain_strength=2.0, num_sweeps=2)


@pytest.mark.parametrize("fraction", [-0.1, 1.1, np.nan])
def test_bad_fractions_are_named(fraction: float) -> None:
    with pytest.raises(ValueError, match="fraction is"):
        schedule.quantum_reverse(10, 1.0, fraction)


# --- the keywords of dwave-samplers' sampler of this name -----------------------------------------------


def at_rest(problem_scale: float, transverse: float, sweeps: int = SWEEPS) -> dict[str, Any]:
    return {
        "beta_schedule_type": "custom",
        "Hp_field": [problem_scale] * sweeps,
        "Hd_field": [transverse] * sweeps,
    }


def model(problem: Problem) -> Any:
    pairs = zip(problem.rows.tolist(), problem.cols.tolist(), strict=True)
    couplings = dict(zip(pairs, problem.values.tolist(), strict=True))
    return dimod.BQM(dict(enumerate(problem.fields.tolist())), couplings, 0.0, "SPIN")


def drawn(sampler: Any, problem: Problem, num_reads: int, **call: Any) -> NDArray[np.int8]:
    sampleset = sampler.sample(model(problem), num_reads=num_reads, seed=5, **call)
    order = [sampleset.variables.index(v) for v in range(problem.spins)]
    states: NDArray[np.int8] = sampleset.record.sample[:, order]
    return states


@pytest.mark.slow
@pytest.mark.parametrize("point", [(1.0, 1.0), (3.0, 1.0), (1.0, 4.0)], ids=str)
@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_fields_of_dwave_samplers_are_the_quantum_machine(problem: Any, point: tuple[float, float]) -> None:
    """Ours and theirs, against H = Hp E - Hd sum sigma_x at inverse temperature 1."""
    scale, transverse = point
    exact = of_machine(problem(1), 1.0, transverse, scale)
    ours = drawn(SAMPLER, problem(1), 5000, **at_rest(scale, transverse))
    assert fit(ours, exact) > LEVEL
    theirs = drawn(DWaveSampler(), problem(1), 500, **at_rest(scale, transverse, 400))
    assert fit(theirs, exact) > LEVEL


def test_without_a_transverse_field_theirs_is_simulated_annealing() -> None:
    problem = ring(2)
    boltzmann = np.exp(-energies(problem))
    schedule = {"beta_range": [1.0, 1.0], "num_sweeps": SWEEPS}
    assert fit(drawn(SAMPLER, problem, READS, **schedule), boltzmann / boltzmann.sum()) > LEVEL
    theirs = drawn(DWaveSampler(), problem, 2000, beta_range=[1.0, 1.0], num_sweeps=20)
    assert fit(theirs, boltzmann / boltzmann.sum()) > LEVEL


@pytest.mark.parametrize(
    ("call", "problem_scales", "transverse"),
    [
        ({"beta_range": [0.1, 10], "num_sweeps": 5}, np.geomspace(0.1, 10, 5), np.zeros(5)),
        (
            {"beta_range": [0.1, 10], "num_sweeps": 5, "beta_schedule_type": "linear"},
            np.linspace(0.1, 10, 5),
            np.zeros(5),
        ),
        ({"beta_range": [0.1, 10]}, np.geomspace(0.1, 10, 100), np.zeros(100)),
        (
            {"beta_schedule_type": "custom", "Hp_field": [1, 2], "num_sweeps_per_beta": 2},
            [1, 1, 2, 2],
            np.zeros(4),
        ),
        (
            {"beta_range": [1, 4], "num_sweeps": 6, "num_sweeps_per_beta": 2, "Hd_field": [3, 1, 0]},
            [1, 1, 2, 2, 4, 4],
            [3, 3, 1, 1, 0, 0],
        ),
        ({"Hd_field": np.ones(100)}, np.geomspace(*dwave_range(random_bqm(0)), 100), np.ones(100)),
    ],
)
def test_schedules_of_dwave_samplers_are_taken_sweep_by_sweep(
    call: dict[str, Any], problem_scales: Any, transverse: Any
) -> None:
    info = SAMPLER.sample(random_bqm(0), seed=1, **call).info
    assert info["beta"] == 1
    np.testing.assert_allclose(info["schedule"], np.stack((transverse, problem_scales), axis=1))


@pytest.mark.parametrize("sampler", [SAMPLER, DWaveSampler()], ids=["ours", "theirs"])
def test_reads_of_their_schedules_begin_in_one_state(sampler: Any) -> None:
    """Cold and without a transverse field a state that is the same in all slices stays, also a random one."""
    chain = {(v, v + 1): -1.0 for v in range(29)}
    ones = {"initial_states": np.ones((30, 30), np.int8), "beta_range": [50, 50], "num_sweeps": 5}
    assert (sampler.sample_ising({}, chain, **ones).record.sample == 1).all()
    fields = dict.fromkeys(range(30), 0.0)
    free = sampler.sample_ising(fields, {}, num_reads=100, beta_range=[1, 1], num_sweeps=1, seed=1)
    assert abs(free.record.sample.mean()) < 4 / np.sqrt(3000)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"Gamma": 1.0}, "Gamma is 1.0, expected None: .*give Hd_field"),
        ({"chain_coupler_strength": -1.8}, "chain_coupler_strength is -1.8, expected 1: put the couplings"),
        ({"qubits_per_chain": 4}, "qubits_per_chain is 4, expected 1: put the couplings"),
        ({"qubits_per_update": 4}, "qubits_per_update is 4, expected 1"),
        ({"project_states": (True, False)}, r"project_states is \(True, False\), expected \(True, True\)"),
        ({"num_breaks": np.zeros((1, 8), np.intc)}, "num_breaks is .*give initial_states"),
        ({"breaks_in": np.zeros(1)}, "breaks_in is .*give initial_states"),
        ({"breaks_buffer_out": np.zeros(1)}, "breaks_buffer_out is .*one slice"),
        ({"schedule_sample_interval": 1}, "schedule_sample_interval is 1, expected None: sample once"),
        ({"make_info_json_serializable": "no"}, "make_info_json_serializable is 'no'"),
        ({"beta_range": [1, 2], "beta": 1.0}, "beta is given beside beta_range"),
        ({"Hd_field": [1.0], "gamma": 1.0}, "gamma is given beside Hd_field"),
        (
            {"num_sweeps_per_beta": 2, "schedule": [[1.0, 1.0]]},
            "schedule is given beside num_sweeps_per_beta",
        ),
        ({"Hp_field": [1.0, 2.0]}, "Hp_field is given, but beta_schedule_type is 'geometric'"),
        ({"beta_schedule_type": "custom"}, "Hp_field is None"),
        ({"beta_schedule_type": "quadratic"}, "beta_schedule_type is 'quadratic'"),
        (
            {"beta_schedule_type": "custom", "Hp_field": [1.0, 2.0], "num_sweeps": 3},
            "num_sweeps is 3, but Hp_",
        ),
        ({"beta_range": [1, 2], "Hd_field": [1.0] * 99}, "Hd_field has 99 numbers, expected 100"),
        ({"beta_range": [1, 2], "Hd_field": [-1.0] * 100}, "Hd_field holds -1.0, expected finite numbers"),
        ({"Hd_field": [1e18] * 100}, r"Hd_field goes up to 1e\+18, for which .* slices are needed"),
        ({"Hd_field": [1e300] * 100}, r"Hd_field goes up to 1e\+300, for which .* slices are needed"),
        ({"beta_range": [1, np.inf]}, "beta_range holds inf, expected finite numbers"),
        ({"beta_range": [1, 2], "num_sweeps": 0}, "num_sweeps is 0"),
        ({"beta_range": [0, 2]}, r"beta_range is \[0, 2\]"),
    ],
)
def test_what_dwave_samplers_does_otherwise_is_refused_in_one_line(change: dict[str, Any], text: str) -> None:
    with pytest.raises((ValueError, TypeError), match=text) as caught:
        SAMPLER.sample(random_bqm(0), **change)
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("error")
def test_no_keyword_of_dwave_samplers_is_ignored() -> None:
    """Each is a parameter here; its default there is taken, but that of Gamma, which has no effect there."""
    parameters = inspect.signature(DWaveSampler.sample).parameters
    theirs = {n: p.default for n, p in parameters.items() if p.default is not inspect.Parameter.empty}
    assert set(theirs) <= set(SAMPLER.parameters)
    assert DWaveSampler().parameters.keys() <= SAMPLER.parameters.keys()
    assert SAMPLER.properties == DWaveSampler().properties
    sampleset = SAMPLER.sample(random_bqm(0), **theirs | {"Gamma": None})
    assert len(sampleset.info["schedule"]) == 100


def test_info_can_be_made_of_lists() -> None:
    info = SAMPLER.sample(random_bqm(0), num_sweeps=3, make_info_json_serializable=True).info
    assert json.loads(json.dumps(info)) == info
    assert np.shape(info["schedule"]) == (3, 2)


def test_weights_under_a_penalty_are_annealed_by_default_whatever_the_penalty_is() -> None:
    """As in test_sampler_default_range.py; beta and gamma by the penalty leave the weights to chance."""
    found = []
    for penalty in (1e3, 1e9):
        bqm = independent_set(penalty)
        with pytest.warns(
            UserWarning, match="cancel to .*: the defaults of beta and gamma go with"
        ) as caught:
            sampleset = SAMPLER.sample(bqm, num_reads=40, num_sweeps=300, seed=1)
        assert [w.filename for w in caught] == [__file__]
        found.append(sampleset.record.energy)
    annealed = SimulatedAnnealingSampler().sample(
        independent_set(1e3), num_reads=40, num_sweeps=300, seed=1, beta_range=[0.02, 10]
    )
    for some in found:
        error = np.sqrt((some.var() + annealed.record.energy.var()) / 40)
        assert some.mean() < annealed.record.energy.mean() + 3 * error
