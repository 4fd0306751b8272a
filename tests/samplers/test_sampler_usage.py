"""The ways dwave-samplers' documentation and tests use its annealer work with no change but the import.

After https://github.com/dwavesystems/dwave-samplers (README, docstrings, tests of the annealer), 1.8. One
of its behaviours is not here: it swallows what `interrupt_function` raises, which ours raises.
"""

import itertools
from typing import Any

import dimod
import numpy as np
import pytest

from ising_ep import SimulatedAnnealingSampler

TRIANGLE = {("a", "b"): 1.0, ("b", "c"): 1.0, ("a", "c"): 1.0}
FIELDS_40 = dict.fromkeys(range(40), -1)
COMPLETE_40 = dict.fromkeys(itertools.combinations(range(40), 2), -1)


@pytest.fixture
def sampler() -> SimulatedAnnealingSampler:
    return SimulatedAnnealingSampler()


# --- its documentation --------------------------------------------------------------------------------


def test_readme(sampler: Any) -> None:
    bqm = dimod.generators.gnp_random_bqm(100, 0.5, "BINARY")
    for sampleset in (
        sampler.sample(bqm),
        sampler.sample(bqm, beta_range=[0.1, 4.2], beta_schedule_type="linear"),
    ):
        assert len(sampleset) == 1
        assert sampleset.vartype is dimod.BINARY
        dimod.testing.assert_sampleset_energies(sampleset, bqm)


def test_docstring_of_the_class(sampler: Any) -> None:
    sampleset = sampler.sample_ising({"a": 0.0, "b": 0.0, "c": 0.0}, TRIANGLE, num_reads=10)
    assert sampleset.first.energy == -1.0
    assert sampler.parameters["beta_range"] == []
    assert sampler.parameters["beta_schedule_type"] == ["beta_schedule_options"]
    assert sampler.properties["beta_schedule_options"] == ("linear", "geometric", "custom")


@pytest.mark.filterwarnings("ignore:SampleSet.samples:DeprecationWarning")
def test_docstring_of_sample(sampler: Any) -> None:
    bqm = dimod.BinaryQuadraticModel({"a": 0.5, "b": -0.5}, {("a", "b"): -1}, 0.0, dimod.SPIN)
    assert sampler.sample(bqm).first.energy == -1
    sampleset = sampler.sample(
        bqm, seed=1234, beta_range=[0.1, 4.2], num_sweeps=20, beta_schedule_type="geometric"
    )
    assert sampleset.info["beta_range"] == [0.1, 4.2]
    one, two = (next(sampler.sample(bqm, seed=88).samples())["a"] for _ in range(2))
    assert one == two


# --- its tests ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("beta_schedule_type", ["geometric", "linear"])
def test_schedules(sampler: Any, beta_schedule_type: str) -> None:
    call = {"num_reads": 10, "beta_schedule_type": beta_schedule_type}
    sampleset = sampler.sample_ising(FIELDS_40, COMPLETE_40, **call)
    assert sampleset.record.sample.shape == (10, 40)
    assert sampleset.vartype is dimod.SPIN
    with pytest.raises(ValueError, match="beta_schedule"):
        sampler.sample_ising(FIELDS_40, COMPLETE_40, beta_schedule=[-1, 1], **call)


def test_custom_schedules(sampler: Any) -> None:
    def sample(**schedule: Any) -> Any:
        return sampler.sample_ising(FIELDS_40, COMPLETE_40, beta_schedule_type="custom", **schedule)

    for bad in ({}, {"beta_schedule": [-1, 1]}, {"beta_schedule": ["asd", 1]}):
        with pytest.raises(ValueError, match=r"beta"):
            sample(**bad)
    assert len(sample(beta_schedule=[0.1, 1])) == 1


@pytest.mark.parametrize(
    "bqm",
    [
        dimod.BinaryQuadraticModel({"a": -1}, {}, 0, dimod.SPIN),
        dimod.BinaryQuadraticModel({}, {("a", "b"): 1}, 0, dimod.BINARY),
    ],
)
def test_default_range_heats_less_than_it_cools(sampler: Any, bqm: Any) -> None:
    hot, cold = sampler.sample(bqm).info["beta_range"]
    assert 0 < hot < cold < np.inf


def test_ising_and_qubo(sampler: Any) -> None:
    ising = sampler.sample_ising({"a": 0, "b": -1}, {("a", "b"): -1})
    qubo = sampler.sample_qubo({(0, 1): 1})
    assert isinstance(ising, dimod.SampleSet)
    assert (ising.record.sample.shape[1], ising.vartype) == (2, dimod.SPIN)
    assert (qubo.record.sample.shape[1], qubo.vartype) == (2, dimod.BINARY)


def test_numbers_of_reads(sampler: Any) -> None:
    couplings = {("a", "b"): 0.5, (0, "a"): -1, (1, "b"): 0.0}
    for num_reads in (1, 10, 100, 3223, 10352):
        assert sampler.sample_ising({}, couplings, num_reads=num_reads).record.sample.shape == (num_reads, 4)
    for few in (0, -1, -100):
        with pytest.raises(ValueError, match="num_reads"):
            sampler.sample_ising({}, couplings, num_reads=few)
    for wrong in (3.5, float("inf"), "string", [], {}):
        with pytest.raises(TypeError, match="num_reads"):
            sampler.sample_ising({}, couplings, num_reads=wrong)


@pytest.mark.filterwarnings("ignore:all biases are zero")
@pytest.mark.parametrize("h", [{"a": 0, "b": -1}, {}])
@pytest.mark.parametrize("couplings", [{("a", "b"): -1}, {}])
def test_empty_problems(sampler: Any, h: Any, couplings: Any) -> None:
    assert set(sampler.sample_ising(h, couplings).variables) == set(h).union(*couplings)


def test_seeds(sampler: Any) -> None:
    for wrong in (3.5, float("inf"), "string", [], {}):
        with pytest.raises(TypeError, match="seed"):
            sampler.sample_ising({"a": 1}, {}, seed=wrong)
    for out_of_range in (-1, -100, 2**65):
        with pytest.raises(ValueError, match="seed"):
            sampler.sample_ising({"a": 1}, {}, seed=out_of_range)
    call = {"num_reads": 1000, "num_sweeps": 10}
    seen = set()
    for seed in (1, 25, 2352, 736145, 5682453):
        one, two = (
            sampler.sample_ising(FIELDS_40, COMPLETE_40, seed=seed, **call).record.sample for _ in range(2)
        )
        assert np.array_equal(one, two)
        seen.add(one.tobytes())
    assert len(seen) == 5


def test_two_triangles_apart(sampler: Any) -> None:
    triangles = dict.fromkeys([(0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (3, 5)], -1)
    sampleset = sampler.sample_ising({}, triangles, num_sweeps=1000, num_reads=100)
    assert sampleset.record.sample.shape == (100, 6)
    assert sampleset.first.energy == -6


def test_initial_states_of_a_sample_set(sampler: Any) -> None:
    bqm = dimod.BinaryQuadraticModel.from_ising({}, {"ab": 1, "bc": 1, "ca": 1})
    one = dimod.SampleSet.from_samples_bqm({"a": 1, "b": -1, "c": 1}, bqm)
    sampleset = sampler.sample(bqm, initial_states=one, num_reads=1)
    assert len(sampleset) == 1
    assert sampleset.first.energy == -1


def test_number_of_reads_follows_the_initial_states_and_their_generator(sampler: Any) -> None:
    bqm = dimod.BinaryQuadraticModel.from_ising({}, {"ab": -1, "bc": 1, "ac": 1})
    two = dimod.SampleSet.from_samples_bqm([{"a": s, "b": s, "c": s} for s in (1, -1)], bqm)
    none = (np.empty((0, 3)), ["a", "b", "c"])

    def reads(**call: Any) -> int:
        return len(sampler.sample(bqm, **call))

    assert reads() == reads(initial_states=None) == reads(initial_states_generator="random") == 1
    assert reads(initial_states=two) == 2
    assert reads(initial_states=two, num_reads=3) == 3
    assert reads(num_reads=4) == 4
    assert reads(initial_states=none, num_reads=10) == 10
    for generator in ("none", "tile", "random"):
        assert reads(initial_states=two, initial_states_generator=generator, num_reads=1) == 1
    for generator in ("tile", "random"):
        assert reads(initial_states=two, initial_states_generator=generator, num_reads=10) == 10
    assert reads(initial_states_generator="random", num_reads=10) == 10
    for generator in ("none", "tile"):
        with pytest.raises(ValueError, match="initial states"):
            reads(initial_states_generator=generator, num_reads=3)
    with pytest.raises(ValueError, match="mismatch between variables"):
        reads(initial_states=dimod.SampleSet.from_samples({"a": 1, "b": 1}, vartype="SPIN", energy=0))


def test_no_sweeps_give_back_the_initial_states(sampler: Any) -> None:
    bqm = dimod.BinaryQuadraticModel({}, {"ab": 1}, 0, "SPIN")
    two = dimod.SampleSet.from_samples_bqm([{"a": 1, "b": -1}, {"a": -1, "b": 1}], bqm)
    assert np.array_equal(sampler.sample(bqm, num_sweeps=0, initial_states=two).record, two.record)
    tiled = sampler.sample(
        bqm, num_sweeps=0, num_reads=4, initial_states=two, initial_states_generator="tile"
    )
    assert np.array_equal(tiled.record.sample, np.tile(two.record.sample, (2, 1)))


@pytest.mark.slow
@pytest.mark.parametrize("vartype", [dimod.SPIN, dimod.BINARY])
def test_interrupt_function_between_reads(sampler: Any, vartype: Any) -> None:
    """Theirs is asked after each read; ours every 20 ms, when some number of reads are under way."""
    bqm = dimod.BinaryQuadraticModel(FIELDS_40, COMPLETE_40, 0, "SPIN").change_vartype(vartype)
    sampleset = sampler.sample(bqm, num_reads=20_000, num_threads=1, interrupt_function=lambda: True)
    assert 1 <= len(sampleset) < 20_000
    dimod.testing.assert_sampleset_energies(sampleset, bqm)


@pytest.mark.slow
def test_a_small_scheduling_problem_is_solved(sampler: Any) -> None:
    """Three jobs on four machines: each task starts once, in order, alone on its machine."""
    tasks = {("blue", 0): (1, 1), ("blue", 1): (3, 1), ("orange", 0): (2, 2), ("orange", 1): (4, 1)}
    tasks |= {("green", 0): (1, 2)}
    starts = [(job, k, t) for (job, k), (_, length) in tasks.items() for t in range(5 - length)]
    bqm = dimod.BinaryQuadraticModel({v: 0.01 * v[2] for v in starts}, {}, 0, "BINARY")
    for job, k in tasks:
        bqm.add_linear_equality_constraint([(v, 1) for v in starts if v[:2] == (job, k)], 2, -1)
    for u, v in itertools.combinations(starts, 2):
        (machine, length), (other, _) = tasks[u[:2]], tasks[v[:2]]
        first, second = sorted((u, v), key=lambda start: start[1])
        out_of_order = u[0] == v[0] and first[1] < second[1] and second[2] < first[2] + tasks[first[:2]][1]
        at_once = u[0] != v[0] and machine == other and -tasks[v[:2]][1] < v[2] - u[2] < length
        if out_of_order or at_once:
            bqm.add_quadratic(u, v, 2)
    exact = dimod.ExactSolver().sample(bqm).first
    found = sampler.sample(bqm, beta_schedule_type="linear", num_reads=30, seed=1).first
    assert found.energy == pytest.approx(exact.energy, abs=1e-9)


@pytest.mark.slow
def test_a_cubic_lattice_comes_close_to_its_ground_state(sampler: Any) -> None:
    """12^3 spins, couplings -1 and +1, labels are places: their tests take energies below -3000."""
    places = list(itertools.product(range(12), repeat=3))
    rng = np.random.RandomState(128)
    couplings = {}
    for place in places:
        for axis in range(3):
            neighbour = list(place)
            neighbour[axis] = (neighbour[axis] + 1) % 12
            couplings[place, tuple(neighbour)] = rng.choice((-1, 1))
    sampleset = sampler.sample_ising({}, couplings, beta_schedule_type="geometric", num_reads=10, seed=1)
    assert next(iter(sampleset.data())).energy < -3000
