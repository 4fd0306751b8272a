"""Parallel tempering: what is sampled, what is found, what is told and what is refused.

Drawn afresh, the tests of distributions would raise a false alarm with probability `FALSE_ALARM` at most, as
those of `test_statistics.py`: each p-value is held against `LEVEL`. Seeds are fixed.
"""

import re
import time
from typing import Any

import dimod
import numpy as np
import pytest
from scipy import stats

from ising_ep import ParallelTemperingSampler, SimulatedAnnealingSampler, problem_digest
from support.boltzmann import KINDS, LEVEL, Problem, fit

SAMPLER = ParallelTemperingSampler()
# At 1.7 the problems of KINDS need 180 sweeps without exchanges.
BETAS = [0.3, 0.7, 1.0, 1.7]
SWEEPS = 240


def model(problem: Problem, offset: float = 0.0) -> dimod.BinaryQuadraticModel:
    pairs = problem.rows, problem.cols, problem.values
    return dimod.BinaryQuadraticModel.from_numpy_vectors(problem.fields, pairs, offset, dimod.SPIN)


def lattice(side: int, seed: int, real: bool = False) -> dimod.BinaryQuadraticModel:
    """A square lattice of ±1 with open ends, or of normal couplings."""
    rng = np.random.default_rng(seed)
    sites = np.arange(side * side).reshape(side, side)
    rows = np.concatenate((sites[1:].ravel(), sites[:, 1:].ravel()))
    cols = np.concatenate((sites[:-1].ravel(), sites[:, :-1].ravel()))
    values = rng.normal(size=rows.size) if real else rng.choice([-1.0, 1.0], rows.size)
    return dimod.BinaryQuadraticModel.from_numpy_vectors(
        np.zeros(side * side), (rows, cols, values), 0.0, dimod.SPIN
    )


def last(bqm: dimod.BinaryQuadraticModel, **given: Any) -> dimod.SampleSet:
    given = {"betas": BETAS, "num_sweeps": SWEEPS, "returned": "last", "seed": 5} | given
    return SAMPLER.sample(bqm, **given)


# --- the distribution -----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("clusters", [True, False, "auto"])
@pytest.mark.parametrize("name", KINDS)
def test_states_at_each_temperature_follow_boltzmann(name: str, clusters: Any) -> None:
    problem = KINDS[name](0)
    bqm = model(problem)
    copies = last(bqm, num_sweeps=1).info["num_copies"]
    assert copies in (128, 16)
    reads = last(bqm, clusters=clusters, num_reads=12_800 // copies)
    assert reads.info["betas"] == BETAS
    for beta in BETAS:
        states = reads.record.sample[reads.record.beta == beta]
        assert len(states) == 12_800
        assert fit(states, problem.probabilities(beta)) > LEVEL


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sparse 10", "±1 sparse 9"])
def test_power_a_temperature_wrong_by_a_tenth_is_rejected(name: str) -> None:
    problem = KINDS[name](0)
    reads = last(model(problem), num_reads=800 if name == "sparse 10" else 100)
    states = reads.record.sample[reads.record.beta == 1.0]
    assert fit(states, problem.probabilities(0.9)) < LEVEL


@pytest.mark.slow
@pytest.mark.parametrize("real", [False, True])
def test_energies_of_an_adapted_ladder_are_those_of_its_temperatures(real: bool) -> None:
    rng = np.random.default_rng(2)
    rows, cols = np.triu_indices(12, 1)
    values = rng.choice([-1.0, 1.0], rows.size) * (1 + 0.3 * real * rng.normal(size=rows.size))
    problem = Problem(rows, cols, values, rng.choice([-1.0, 0.0, 1.0], 12))
    bqm = model(problem)
    reads = last(bqm, betas=None, beta_range=(0.1, 1.0), num_temperatures=8, num_sweeps=800, num_reads=64)
    betas = reads.info["betas"]
    assert betas[0] == 0.1
    assert betas[-1] == 1.0
    assert not np.allclose(betas, np.geomspace(0.1, 1.0, 8))
    levels = bqm.energies(problem.states())
    for beta in betas:
        weights = problem.probabilities(beta)
        mean = weights @ levels
        found = reads.record.energy[reads.record.beta == beta]
        error = np.sqrt(weights @ (levels - mean) ** 2 / len(found))
        assert 2 * stats.norm.sf(abs(found.mean() - mean) / error) > LEVEL


def test_clusters_keep_the_energy_of_the_pair_and_move_many_spins() -> None:
    """With no more than clusters between two looks, the sums of energies could not move: here they are
    compared with a run without clusters, which has another trajectory but the same energies in the mean."""
    bqm = lattice(10, 1)
    given: dict[str, Any] = {"betas": np.geomspace(0.3, 2, 16), "num_sweeps": 800, "num_reads": 8}
    runs = [last(bqm, clusters=clusters, **given) for clusters in (True, False)]
    moved, still = (run.info for run in runs)
    assert all(moved["cluster_moves"])
    assert not any(still["cluster_moves"])
    assert still["cluster_sizes"] == [None] * 16
    assert all(1 <= size <= 100 for size in moved["cluster_sizes"])
    for beta in given["betas"]:
        one, other = (run.record.energy[run.record.beta == beta] for run in runs)
        error = np.sqrt(one.var() / len(one) + other.var() / len(other)) + 1e-9
        assert abs(one.mean() - other.mean()) < 5 * error  # 6e-7 for each of 16


def test_auto_leaves_clusters_off_where_all_that_differs_hangs_together() -> None:
    rng = np.random.default_rng(1)
    rows, cols = np.triu_indices(40, 1)
    dense = dimod.BinaryQuadraticModel.from_numpy_vectors(
        np.zeros(40), (rows, cols, rng.choice([-1.0, 1.0], rows.size)), 0.0, dimod.SPIN
    )
    given: dict[str, Any] = {"num_sweeps": 400, "seed": 1}
    info = SAMPLER.sample(dense, **given).info
    assert not any(info["cluster_moves"])
    assert set(info["cluster_rates"]) <= {0.0, None}
    info = SAMPLER.sample(lattice(16, 3), **given).info
    assert all(info["cluster_moves"][:8])
    assert all(
        rate >= 0.05 for rate, on in zip(info["cluster_rates"], info["cluster_moves"], strict=True) if on
    )


# --- what is found --------------------------------------------------------------------------------------


@pytest.mark.parametrize("real", [False, True])
@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
def test_ground_states_of_small_problems(real: bool, vartype: str) -> None:
    bqm = lattice(4, 7, real).change_vartype(vartype, inplace=False)
    bqm.offset += 3.5
    bqm.relabel_variables({v: f"x{v}" for v in bqm.variables})
    lowest = dimod.ExactSolver().sample(bqm).first.energy
    reads = SAMPLER.sample(bqm, num_reads=3, num_sweeps=200, seed=1)
    assert len(reads) == 3
    assert reads.vartype is bqm.vartype
    assert np.allclose(reads.record.energy, lowest)
    assert np.allclose(bqm.energies(reads), reads.record.energy)
    assert reads.info["problem_digest"] == problem_digest(bqm)
    times, energies = zip(*[(at, energy) for _, at, energy in reads.info["best_energies"]], strict=True)
    assert list(times) == sorted(times)
    assert np.isclose(energies[-1], lowest)
    assert (np.diff(energies) < 0).all()


def test_energies_of_last_states_are_theirs() -> None:
    for real in (False, True):
        bqm = lattice(6, 1, real)
        reads = last(bqm, num_reads=2, num_sweeps=20)
        assert len(reads) == 2 * 4 * reads.info["num_copies"]
        assert np.allclose(bqm.energies(reads), reads.record.energy)
        assert reads.info["arithmetic"] == ("single" if real else "integer")


def test_best_states_are_no_worse_than_the_last() -> None:
    bqm = lattice(9, 4, real=True)
    given: dict[str, Any] = {"num_sweeps": 100, "seed": 3, "num_reads": 2}
    best, end = (SAMPLER.sample(bqm, returned=returned, **given) for returned in ("best", "last"))
    for ladder, of_ladder in enumerate(np.split(end.record.energy, 2)):
        assert best.record.energy[ladder] <= of_ladder.min() + 1e-9


def test_as_good_as_annealing_in_as_many_sweeps() -> None:
    bqm = lattice(20, 5)
    annealed = SimulatedAnnealingSampler().sample(bqm, num_reads=512, num_sweeps=400, seed=1)
    assert SAMPLER.sample(bqm, num_sweeps=400, seed=1).first.energy <= annealed.first.energy


# --- what is told ---------------------------------------------------------------------------------------


def test_exchanges_become_equally_frequent() -> None:
    def spread(adapt: bool) -> float:
        info = SAMPLER.sample(
            lattice(16, 1), beta_range=(0.1, 3), num_sweeps=2000, seed=1, clusters=False, adapt=adapt
        ).info
        assert len(info["exchange_rates"]) == len(info["betas"]) - 1
        assert info["round_trips"] > 0
        return float(np.ptp(info["exchange_rates"]))

    assert spread(True) < 0.15 < 0.4 < spread(False)


@pytest.mark.parametrize("num_temperatures", [3, 8])
@pytest.mark.parametrize("exchanges", [1, 7, 8, 15, 16, 17, 24, 40])
def test_a_ladder_rises_however_few_exchanges_there_are(exchanges: int, num_temperatures: int) -> None:
    """A step that has not been tried has no rate to be fitted by."""
    given: dict[str, Any] = {"beta_range": (0.3, 4), "num_temperatures": num_temperatures, "seed": 1}
    info = last(
        lattice(4, 2, real=True), num_sweeps=2 * exchanges, num_sweeps_per_exchange=2, betas=None, **given
    ).info
    assert [info["betas"][0], info["betas"][-1]] == pytest.approx([0.3, 4])
    assert all(np.diff(info["betas"]) > 0)
    assert info["adapt"] == (exchanges >= 16)


def test_same_bits_on_any_number_of_threads() -> None:
    for real in (False, True):
        given: dict[str, Any] = {"num_reads": 3, "num_sweeps": 300, "seed": 9, "returned": "last"}
        one, two = (SAMPLER.sample(lattice(8, 1, real), num_threads=k, **given) for k in (1, 2))
        assert np.array_equal(one.record, two.record)
        same = one.info.keys() - {"timing", "best_energies"}
        assert {key: one.info[key] for key in same} == {key: two.info[key] for key in same}


def test_a_target_ends_all_ladders() -> None:
    """Also those that have not reached it: the first to do so does it long before the sweeps end."""
    bqm = lattice(24, 1)
    target = SAMPLER.sample(bqm, num_sweeps=1000, seed=1).first.energy
    ends = []
    for threads in (1, 2):
        reads = SAMPLER.sample(
            bqm, num_sweeps=20_000, num_reads=3, seed=1, target=target, num_threads=threads
        )
        assert reads.first.energy <= target
        assert reads.info["ended_by"] == "target"
        assert max(reads.info["num_exchanges"]) < 20_000
        ends.append((reads.info["num_exchanges"], reads.record.energy.tolist()))
    assert ends[0] == ends[1]


def test_time_limit_interrupt_and_progress() -> None:
    bqm, calls = lattice(12, 1), []
    begun = time.perf_counter()
    reads = SAMPLER.sample(
        bqm, num_sweeps=10**8, num_reads=3, time_limit=0.1, progress=lambda *at: calls.append(at)
    )
    assert reads.info["ended_by"] == "time_limit"
    assert time.perf_counter() - begun < 30
    assert len(reads) == 3
    assert min(reads.info["num_exchanges"]) >= 1
    assert calls[0][1] == 3 * 10**8
    assert calls[-1] == (sum(reads.info["num_exchanges"]), 3 * 10**8)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)
    reads = SAMPLER.sample(bqm, num_sweeps=10**8, interrupt_function=lambda: True)
    assert reads.info["ended_by"] == "interrupt_function"

    def fail(done: int, of: int) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        SAMPLER.sample(bqm, num_sweeps=10**8, progress=fail)


def test_problems_of_few_variables() -> None:
    for count in (0, 1, 2):
        bqm = dimod.BinaryQuadraticModel({v: 1.0 for v in range(count)}, {}, 0.5, "SPIN")
        for returned in ("best", "last"):
            reads = SAMPLER.sample(bqm, num_sweeps=50, returned=returned, seed=1)
            assert reads.first.energy == 0.5 - count
    silent = dimod.BinaryQuadraticModel({0: 0.0, 1: 0.0}, {(0, 1): 0.0}, 0.0, "SPIN")
    assert SAMPLER.sample(silent, num_sweeps=10).first.energy == 0


# --- what is refused ------------------------------------------------------------------------------------

TRIANGLE = dimod.BinaryQuadraticModel({}, {(0, 1): 1.0, (1, 2): 1.0, (0, 2): 1.0}, 0.0, "SPIN")
REAL = dimod.BinaryQuadraticModel({}, {(0, 1): 1.1, (1, 2): 1.23, (0, 2): 1.0371}, 0.0, "SPIN")


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"betas": [1.0]}, "1 temperatures, expected 2 to 64"),
        ({"betas": np.arange(1.0, 66)}, "65 temperatures, expected 2 to 64"),
        ({"betas": [2.0, 1.0]}, "betas hold 1 after 2, expected rising ones"),
        ({"betas": [0.0, 1.0]}, "betas hold 0, expected finite numbers > 0"),
        ({"betas": [1.0, np.inf]}, "betas hold inf, expected finite numbers > 0"),
        ({"betas": [1.0, np.nan]}, "betas hold NaN"),
        ({"betas": [1.0, 2.0], "beta_range": (1, 2)}, "beta_range is given beside betas"),
        ({"betas": [1.0, 2.0], "num_temperatures": 3}, "num_temperatures is 3, but betas holds 2 numbers"),
        ({"beta_range": (2, 1)}, "two numbers > 0, the second one larger"),
        ({"beta_range": (0, 1)}, "two numbers > 0, the second one larger"),
        ({"beta_range": (1, 2, 3)}, "two numbers > 0, the second one larger"),
        ({"num_temperatures": 65}, "num_temperatures is 65, expected an integer from 2 to 64"),
        ({"num_reads": 0}, "num_reads is 0"),
        ({"num_sweeps": 0}, "num_sweeps is 0"),
        ({"num_sweeps": 10, "num_sweeps_per_exchange": 3}, "num_sweeps is 10, not a multiple of 3 sweeps"),
        ({"num_sweeps": 15, "adapt": True}, "adapt is True, but num_sweeps makes 15 exchanges, expected at"),
        ({"clusters": "yes"}, "clusters is 'yes', expected True, False or 'auto'"),
        ({"returned": "all"}, "returned is 'all', expected one of best, last"),
        ({"target": float("nan")}, "target is nan, expected an energy"),
        ({"time_limit": -1}, "time_limit is -1"),
        ({"seed": -1}, "seed is -1"),
        ({"num_threads": 0}, "num_threads is 0"),
    ],
)
def test_what_is_out_of_range_is_refused_in_one_line(given: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text)) as refused:
        SAMPLER.sample(TRIANGLE, **given)
    assert "\n" not in str(refused.value)


def test_clusters_without_a_second_copy_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 32 temperatures in place of 33"):
        SAMPLER.sample(REAL, num_temperatures=33, clusters=True)
    assert SAMPLER.sample(REAL, num_temperatures=33, num_sweeps=10).info["num_copies"] == 1
    assert SAMPLER.sample(TRIANGLE, num_temperatures=64, num_sweeps=10).info["num_copies"] == 8


@pytest.mark.parametrize("real", [False, True])
def test_more_ladders_than_memory_holds_are_refused(real: bool) -> None:
    """An operating system would end the process: they are all there at once."""
    with pytest.raises(MemoryError, match="67108863 ladders of 90000 spins do not fit into memory"):
        SAMPLER.sample(lattice(300, 1, real), num_reads=2**26 - 1, num_sweeps=1)


def test_what_single_precision_does_not_decide_is_refused() -> None:
    bqm = dimod.BinaryQuadraticModel({0: 1e9, 1: 0.3}, {(0, 1): 1e9, (1, 2): -1e9}, 0.0, "SPIN")
    with pytest.raises(ValueError, match="betas end at 10, where this problem needs more than single"):
        SAMPLER.sample(bqm, beta_range=(0.1, 10))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_biases_that_are_not_finite_are_refused(bad: float) -> None:
    for bqm in (
        dimod.BinaryQuadraticModel({0: bad}, {}, 0.0, "SPIN"),
        dimod.BinaryQuadraticModel({}, {(0, 1): bad}, 0.0, "SPIN"),
    ):
        with pytest.raises(ValueError, match=f"the bias of .* is {bad}, expected a finite number"):
            SAMPLER.sample(bqm, num_sweeps=10)


def test_the_keywords_are_those_of_the_properties() -> None:
    dimod.testing.assert_sampler_api(SAMPLER)
    with pytest.warns(dimod.exceptions.SamplerUnknownArgWarning):
        SAMPLER.sample(TRIANGLE, num_sweeps=10, answer_mode="raw")
