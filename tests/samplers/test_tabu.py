"""Tabu search against exact enumeration, all tours and dwave-samplers' interface; nothing given is passed
over."""

import inspect
import itertools
import threading
import unittest

import dimod
import dimod.testing
import numpy as np
import pytest
from dimod.exceptions import SamplerUnknownArgWarning
from dwave.samplers import TabuSampler as DWaveSampler

from ising_ep import TabuSampler
from support.problems import of_fractions

SAMPLER = TabuSampler()


def whole(num_variables: int, seed: int, vartype: str) -> dimod.BinaryQuadraticModel:
    """A model of integers between any two variables, named after letters."""
    rng = np.random.default_rng(seed)
    names = [chr(ord("a") + k) for k in range(num_variables)]
    pairs = {pair: int(rng.integers(-9, 10)) for pair in itertools.combinations(names, 2)}
    linear = {name: int(rng.integers(-9, 10)) for name in names}
    return dimod.BinaryQuadraticModel(linear, pairs, 3.0, vartype)


def salesman(num_cities: int, penalty: float) -> tuple[dimod.BinaryQuadraticModel, int]:
    """A tour as a QUBO, and the length of the shortest by looking at all."""
    places = np.random.default_rng(5).integers(0, 1000, (num_cities, 2))
    length = np.abs(places[:, np.newaxis] - places).sum(axis=2)
    bqm = dimod.BinaryQuadraticModel("BINARY")
    for a, b in itertools.permutations(range(num_cities), 2):
        for time in range(num_cities):
            bqm.add_quadratic((a, time), (b, (time + 1) % num_cities), int(length[a, b]))
    for k in range(num_cities):
        for group in ([(k, t) for t in range(num_cities)], [(c, k) for c in range(num_cities)]):
            bqm.add_linear_equality_constraint([(v, 1) for v in group], penalty, -1)
    tours = ((0, *tour) for tour in itertools.permutations(range(1, num_cities)))
    return bqm, min(sum(length[a, b] for a, b in zip(t, (*t[1:], 0), strict=True)) for t in tours)


def ended(bqm, **options):
    """Reads that no clock ends."""
    return SAMPLER.sample(bqm, **{"timeout": None, "num_restarts": 60, "seed": 3} | options)


@dimod.testing.load_sampler_bqm_tests(TabuSampler)
class TestAsASampler(unittest.TestCase):
    def test_it_is_a_dimod_sampler(self):
        dimod.testing.assert_sampler_api(SAMPLER)


def test_parameters_are_those_of_dwave_samplers_and_more():
    ours = list(inspect.signature(TabuSampler.sample).parameters)
    theirs = list(inspect.signature(DWaveSampler.sample).parameters)
    assert ours[: len(theirs) - 1] == theirs[:-1]  # in their order; last is **kwargs
    assert set(SAMPLER.parameters) == {*ours} - {"self", "bqm", "kwargs"}


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
@pytest.mark.parametrize("num_variables", [1, 2, 3, 8, 13])
def test_ground_states_and_energies_of_the_model(num_variables, vartype):
    bqm = whole(num_variables, num_variables, vartype)
    least = dimod.ExactSolver().sample(bqm).first.energy
    found = ended(bqm, num_reads=4)
    assert found.record.energy.tolist() == [least] * 4
    assert bqm.energies(found).tolist() == found.record.energy.tolist()
    assert found.vartype is bqm.vartype
    assert found.info["trace"][-1][1] == least


@pytest.mark.parametrize("penalty", [1500, 1e6, 1e9])
def test_tours_are_the_shortest_whatever_the_penalty(penalty):
    bqm, shortest = salesman(7, penalty)
    found = ended(bqm, num_reads=5, num_restarts=400)
    assert found.record.energy.tolist() == [shortest] * 5
    assert found.info["num_groups"] == 14


def test_sums_far_beyond_double_precision_end_at_0():
    # The squares of sums up to 1e15: in double precision their differences are rounded.
    numbers = np.random.default_rng(1).integers(1, 2**24, 40) * 2 + 1
    pairs = {(i, j): float(2 * numbers[i] * numbers[j]) for i in range(40) for j in range(i)}
    bqm = dimod.BinaryQuadraticModel.from_ising({}, pairs, float((numbers.astype(float) ** 2).sum()))
    found = ended(bqm, num_restarts=300)
    total = int(found.record.sample[0, np.argsort(found.variables)] @ numbers)
    assert abs(total) < 2000
    assert found.info["trace"][-1][1] == pytest.approx(float(total) ** 2, abs=1.0)


def test_same_reads_on_any_number_of_threads():
    bqm, _ = salesman(6, 1e5)
    one = ended(bqm, num_reads=8, num_threads=1)
    three = ended(bqm, num_reads=8, num_threads=3)
    assert np.array_equal(one.record, three.record)
    assert np.array_equal(ended(bqm, num_reads=3).record, one.record[:3])
    others = ended(bqm, num_reads=8, num_restarts=0, seed=4)
    assert not np.array_equal(one.record.sample, others.record.sample)


def test_initial_states_are_where_reads_begin():
    bqm = dimod.BinaryQuadraticModel.from_ising(
        {k: 0.0 for k in range(6)}, {(k, k + 1): -1.0 for k in range(5)}
    )
    states = [[1] * 6, [-1] * 6]
    found = ended(bqm, initial_states=states, num_restarts=0)
    assert found.record.sample.tolist() == states
    with pytest.raises(ValueError, match="initial"):
        ended(bqm, initial_states=states, num_reads=3, initial_states_generator="none")


def test_restarts_are_counted_and_bounded():
    bqm = whole(9, 1, "SPIN")
    assert ended(bqm, num_restarts=7, num_reads=2).record.num_restarts.tolist() == [7, 7]
    best = dimod.ExactSolver().sample(bqm).first.energy
    found = ended(bqm, num_restarts=10**6, energy_threshold=best)
    assert found.first.energy == best


def test_updates_considered_bound_the_searches():
    # One step, or a thousand.
    bqm = whole(9, 1, "SPIN")
    few = ended(bqm, num_restarts=0, coefficient_z_first=0, lower_bound_z=0)
    many = ended(bqm, num_restarts=0, coefficient_z_first=1000, lower_bound_z=0)
    assert few.first.energy > many.first.energy


def test_time_limits_and_interrupts_end_reads_with_what_they_have():
    bqm = whole(10, 2, "BINARY")
    least = dimod.ExactSolver().sample(bqm).first.energy
    found = SAMPLER.sample(bqm, timeout=None, time_limit=0.1, num_reads=500, num_threads=1)
    assert found.first.energy == least
    assert (found.info["ended_by"], len(found)) == ("time_limit", found.info["num_reads_begun"])
    found = SAMPLER.sample(bqm, timeout=None, interrupt_function=lambda: True)
    assert len(found) == 1
    calls = []
    SAMPLER.sample(bqm, num_reads=3, progress=lambda done, reads: calls.append((done, reads)))
    assert calls[0] == (0, 3)
    assert calls[-1] == (3, 3)


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
@pytest.mark.parametrize("size", [1.0, 0.1, 1e9])
def test_it_is_told_what_ended_the_reads(vartype, size):
    bqm = whole(9, 1, vartype)
    bqm.scale(size)
    states = dimod.ExactSolver().sample(bqm)
    least, gap = states.first.energy, np.diff(np.unique(states.record.energy)[:2])[0]
    found = SAMPLER.sample(bqm, num_reads=3, timeout=None, num_restarts=10**9, energy_threshold=least)
    assert found.info["ended_by"] == "energy_threshold"
    assert ended(bqm, energy_threshold=least - gap / 2).info["ended_by"] is None
    assert ended(bqm).info["ended_by"] is None
    # One read alone was cut short, and is there.
    for given in ({"time_limit": 0.05}, {"interrupt_function": lambda: True}):
        cut = SAMPLER.sample(bqm, timeout=None, num_restarts=10**9, energy_threshold=least - gap, **given)
        assert (len(cut), [cut.info["ended_by"]]) == (1, list(given))


def test_others_run_while_it_searches():
    seen = []
    other = threading.Timer(0.02, seen.append, [1])
    other.start()
    SAMPLER.sample(whole(10, 2, "SPIN"), timeout=300)
    assert seen
    other.join()


def test_empty_model():
    found = SAMPLER.sample(dimod.BinaryQuadraticModel("SPIN"), num_reads=2)
    assert len(found.variables) == 0
    assert len(found) == 2


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"tenure": 9}, ValueError, "tenure is 9, expected an integer from 0 to 8"),
        ({"tenure": 1.5}, TypeError, "tenure is 1.5"),
        ({"timeout": -1}, ValueError, "timeout is -1"),
        ({"timeout": "long"}, TypeError, "timeout is 'long'"),
        ({"num_restarts": -1}, ValueError, "num_restarts is -1"),
        ({"num_reads": 0}, ValueError, "num_reads is 0"),
        ({"seed": -1}, ValueError, "seed is -1"),
        ({"energy_threshold": "low"}, ValueError, "energy_threshold holds 'low'"),
        ({"energy_threshold": float("nan")}, ValueError, "energy_threshold is nan, expected an energy"),
        ({"timeout": float("inf")}, ValueError, "timeout is inf, expected .* to 1e\\+12, or None for no"),
        ({"timeout": 1e13}, ValueError, "timeout is 1e13|timeout is 10000000000000.0, expected"),
        ({"timeout": 10**400}, ValueError, "timeout is too large for double precision"),
        ({"time_limit": 10**400}, ValueError, "time_limit is too large for double precision"),
        ({"num_reads": 2**32 - 1}, MemoryError, "4294967295 reads of 9 spins do not fit into memory"),
        ({"coefficient_z_first": -1}, ValueError, "coefficient_z_first is -1"),
        ({"coefficient_z_restart": 0.5}, TypeError, "coefficient_z_restart is 0.5"),
        ({"lower_bound_z": -5}, ValueError, "lower_bound_z is -5"),
        ({"num_threads": 0}, ValueError, "num_threads is 0"),
        ({"initial_states_generator": "none?"}, ValueError, "initial_states_generator"),
        ({"progress": 3}, TypeError, "progress is 3"),
    ],
)
def test_what_is_wrong_is_named(options, error, text):
    with pytest.raises(error, match=text) as caught:
        SAMPLER.sample(whole(9, 1, "SPIN"), **options)
    assert "\n" not in str(caught.value)


def test_unknown_keywords_are_told():
    with pytest.warns(SamplerUnknownArgWarning):
        SAMPLER.sample(whole(3, 1, "SPIN"), num_sweeps=3, timeout=1)


def test_fractions_keep_their_energies():
    bqm = of_fractions()
    found = TabuSampler().sample(bqm, seed=1, energy_threshold=-0.6)
    assert found.first.sample == {"a": 0, "b": 1}
    assert found.first.energy == pytest.approx(-2 / 3)


@pytest.mark.parametrize("offset", [np.inf, -np.inf, np.nan])
def test_an_offset_that_is_no_number_is_refused(offset):
    bqm = dimod.BinaryQuadraticModel({"a": 1.0}, {}, offset, "SPIN")
    with pytest.raises(ValueError, match=f"the offset is {offset}, expected a finite number"):
        TabuSampler().sample(bqm)
