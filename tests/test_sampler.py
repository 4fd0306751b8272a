"""The annealer's two faces: `dimod.Sampler` (dwave-samplers' semantics) and `sample_batch`."""

import doctest
import os
import signal
import subprocess
import sys
import threading
import time
import unittest
import warnings
from collections.abc import Callable
from typing import Any

import dimod
import dimod.testing
import numpy as np
import pytest
from dimod.exceptions import SamplerUnknownArgWarning
from dwave.samplers import SimulatedAnnealingSampler as DWaveSampler
from dwave.samplers.sa.sampler import default_beta_range
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ising_ep import BatchResult, SimulatedAnnealingSampler
from ising_ep import sampler as sampler_module

SAMPLER = SimulatedAnnealingSampler()
NO_COUPLINGS: tuple[list[int], list[int], list[float]] = ([], [], [])
BETAS = np.geomspace(0.1, 5, 40)


def random_bqm(seed: int, num_variables: int = 8, vartype: str = "SPIN", dtype: type = np.float64) -> Any:
    rng = np.random.default_rng(seed)
    labels = [f"v{k}" for k in rng.permutation(num_variables)]
    bqm = dimod.BinaryQuadraticModel(vartype, dtype=dtype)
    bqm.add_linear_from((v, float(rng.normal())) for v in labels)
    bqm.offset = float(rng.normal())
    for i, u in enumerate(labels):
        for v in labels[:i]:
            if rng.random() < 0.5:
                bqm.add_quadratic(u, v, float(rng.normal()))
    return bqm


def random_batch(seed: int, batch: int = 3, spins: int = 9) -> tuple[tuple[Any, Any, Any], Any]:
    rng = np.random.default_rng(seed)
    rows, cols = np.triu_indices(spins, 1)
    return (rows, cols, rng.normal(size=rows.size)), rng.normal(size=(batch, spins))


def energies_of(couplings: tuple[Any, Any, Any], fields: Any, states: Any) -> Any:
    """E = sum_{i<j} J s s + sum_i h s of (batch, reads, spins), by numpy."""
    rows, cols, values = (np.asarray(part) for part in couplings)
    s = states.astype(np.float64)
    pairs = s[..., rows.astype(int)] * s[..., cols.astype(int)]
    return pairs @ values.astype(np.float64) + np.einsum("brs,bs->br", s, np.asarray(fields, np.float64))


def same(a: BatchResult, b: BatchResult) -> bool:
    return np.array_equal(a.states, b.states) and np.array_equal(a.energies, b.energies)


# --- dimod's own suite --------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:all biases are zero")
@dimod.testing.load_sampler_bqm_tests(SimulatedAnnealingSampler)
class TestDimodSuite(unittest.TestCase):
    def test_api(self) -> None:
        dimod.testing.assert_sampler_api(SAMPLER)


def test_docstring_examples_run() -> None:
    result = doctest.testmod(sampler_module)
    assert result.attempted > 5
    assert result.failed == 0


def test_parameters_are_those_of_dwave_samplers_and_can_be_changed_per_instance() -> None:
    later = {"interrupt_function", "randomize_order", "proposal_acceptance_criteria"}
    theirs = {k: v for k, v in DWaveSampler().parameters.items() if k not in later}
    assert SAMPLER.parameters == theirs | {"num_threads": []}
    assert SAMPLER.properties == DWaveSampler().properties
    other = SimulatedAnnealingSampler()
    other.parameters["mine"] = []
    assert "mine" not in SAMPLER.parameters


# --- the model ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
@pytest.mark.parametrize("seed", range(8))
def test_finds_the_ground_states_of_small_problems(seed: int, vartype: str) -> None:
    bqm = random_bqm(seed, 8, vartype)
    first = SAMPLER.sample(bqm, num_reads=30, num_sweeps=200, seed=seed).first
    exact = dimod.ExactSolver().sample(bqm).first
    assert first.energy == pytest.approx(exact.energy, rel=1e-9)
    assert first.sample == exact.sample


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
@pytest.mark.parametrize("num_sweeps", [0, 1, 50])
def test_energies_are_those_of_the_model(vartype: str, num_sweeps: int) -> None:
    bqm = random_bqm(3, 40, vartype)
    sampleset = SAMPLER.sample(bqm, num_reads=20, num_sweeps=num_sweeps, seed=1)
    np.testing.assert_allclose(sampleset.record.energy, bqm.energies(sampleset), rtol=1e-9, atol=1e-12)
    assert sampleset.vartype is bqm.vartype
    assert set(np.unique(sampleset.record.sample)) == set(bqm.vartype.value)


@pytest.mark.parametrize("labels", [("b", "a"), (("x", 1), frozenset([2])), (7, "seven"), (1, 0), (2.5, -3)])
def test_any_labels(labels: tuple[Any, Any]) -> None:
    u, v = labels
    bqm = dimod.BinaryQuadraticModel({u: -1.0, v: 0.25}, {(u, v): -0.5}, 3.0, "SPIN")
    sampleset = SAMPLER.sample(bqm, num_reads=5, seed=0)
    assert sampleset.first.sample == {u: 1, v: 1}
    assert sampleset.first.energy == pytest.approx(3 - 1 + 0.25 - 0.5)
    assert list(sampleset.variables) == list(DWaveSampler().sample(bqm).variables)


@pytest.mark.filterwarnings("ignore:all biases are zero")
@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
def test_empty_model(vartype: str) -> None:
    sampleset = SAMPLER.sample(dimod.BinaryQuadraticModel({}, {}, 1.5, vartype), num_reads=3)
    assert sampleset.record.sample.shape == (3, 0)
    assert list(sampleset.record.energy) == [1.5] * 3


def test_rows_are_not_aggregated_and_info_tells_what_was_done() -> None:
    bqm = dimod.BinaryQuadraticModel({0: -5.0}, {}, 0.0, "SPIN")
    sampleset = SAMPLER.sample(bqm, num_reads=10, beta_range=(0.5, 4.0), beta_schedule_type="linear")
    assert len(sampleset) == 10
    assert sampleset.info["beta_range"] == (0.5, 4.0)
    assert sampleset.info["beta_schedule_type"] == "linear"
    assert set(sampleset.info["timing"]) == {"preprocessing_ns", "sampling_ns", "postprocessing_ns"}
    assert all(isinstance(ns, int) and ns > 0 for ns in sampleset.info["timing"].values())


def test_unknown_keywords_warn() -> None:
    with pytest.warns(SamplerUnknownArgWarning, match="chain_strength"):
        SAMPLER.sample(random_bqm(0), chain_strength=2, num_sweeps=1)


# --- schedules ----------------------------------------------------------------------------------------


MODELS: dict[str, Callable[[int], Any]] = {
    "float64": lambda seed: random_bqm(seed, 12),
    "float32": lambda seed: random_bqm(seed, 12, dtype=np.float32),
    "dict": lambda seed: random_bqm(seed, 12, dtype=object),
    "binary": lambda seed: random_bqm(seed, 12, "BINARY"),
    "binary dict": lambda seed: random_bqm(seed, 12, "BINARY", dtype=object),
    "integers": lambda seed: dimod.generators.ran_r(3, 10, seed=seed),
    "integers dict": lambda seed: dimod.DictBQM({0: 2, 1: 0}, {(0, 1): -3, (1, 2): 0}, seed, "SPIN"),
    "zero field and coupling": lambda seed: dimod.BQM({0: 0.0, 1: 0.3}, {(0, 1): 0.0}, seed, "SPIN"),
    "huge": lambda seed: dimod.BQM({0: 1e300}, {(0, 1): -2e300}, seed, "SPIN"),
    "tiny": lambda seed: dimod.BQM({0: 1e-300}, {(0, 1): -2e-300}, seed, "SPIN"),
}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("seed", range(5))
def test_default_beta_range_is_that_of_dwave_samplers_to_the_last_bit(
    make: Callable[[int], Any], seed: int
) -> None:
    bqm = make(seed)
    ours = SAMPLER.sample(bqm, num_sweeps=1).info["beta_range"]
    theirs = default_beta_range(bqm.change_vartype("SPIN", inplace=False))
    assert ours == [float(beta) for beta in theirs]


def test_default_beta_range_of_a_model_without_biases_warns() -> None:
    bqm = dimod.BinaryQuadraticModel({"a": 0.0}, {}, 0.0, "SPIN")
    with pytest.warns(UserWarning, match="all biases are zero") as caught:
        assert SAMPLER.sample(bqm).info["beta_range"] == [0.1, 1]
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("kwargs", "betas"),
    [
        ({"beta_schedule_type": "linear", "num_sweeps": 5}, np.linspace(0.5, 3, 5)),
        ({"beta_schedule_type": "geometric", "num_sweeps": 5}, np.geomspace(0.5, 3, 5)),
        ({"num_sweeps": 6, "num_sweeps_per_beta": 3}, [0.5, 0.5, 0.5, 3, 3, 3]),
        ({"num_sweeps": 1}, [3.0]),
        ({"num_sweeps": 2, "num_sweeps_per_beta": 2}, [3.0, 3.0]),
    ],
)
def test_schedules_mean_what_they_mean_in_dwave_samplers(kwargs: dict[str, Any], betas: Any) -> None:
    bqm = random_bqm(5, 20)
    custom = {"beta_schedule_type": "custom", "beta_schedule": betas}
    reads = [
        SAMPLER.sample(bqm, seed=1, num_reads=20, **schedule).record.sample
        for schedule in ({"beta_range": [0.5, 3]} | kwargs, custom)
    ]
    assert np.array_equal(*reads)


def test_default_is_a_thousand_geometric_sweeps_of_the_default_range() -> None:
    bqm = random_bqm(5, 20)
    betas = np.geomspace(*default_beta_range(bqm), 1000)
    default = SAMPLER.sample(bqm, seed=1)
    custom = SAMPLER.sample(bqm, seed=1, beta_schedule_type="custom", beta_schedule=betas)
    assert np.array_equal(default.record, custom.record)
    assert custom.info["beta_range"] is None


def test_a_schedule_may_heat() -> None:
    """The last beta is the target, also where it is the smaller one (reverse annealing)."""
    bqm = dimod.BinaryQuadraticModel({v: -1.0 for v in range(200)}, {}, 0.0, "SPIN")
    sampleset = SAMPLER.sample(bqm, beta_range=[5, 1e-3], num_sweeps=3, seed=0)
    assert abs(sampleset.record.sample.mean()) < 0.9


@pytest.mark.parametrize(
    ("kwargs", "error", "text"),
    [
        ({"num_reads": 0}, ValueError, "num_reads is 0"),
        ({"num_reads": -1}, ValueError, "num_reads is -1"),
        ({"num_reads": 1.5}, TypeError, "num_reads is 1.5"),
        ({"num_sweeps": -1}, ValueError, "num_sweeps is -1"),
        ({"num_sweeps": 10.0}, TypeError, "num_sweeps is 10.0"),
        ({"num_sweeps_per_beta": 0}, ValueError, "num_sweeps_per_beta is 0"),
        ({"num_sweeps_per_beta": 1.0}, TypeError, "num_sweeps_per_beta is 1.0"),
        ({"num_sweeps": 5, "num_sweeps_per_beta": 2}, ValueError, "num_sweeps is 5"),
        ({"num_sweeps_per_beta": 3}, ValueError, "num_sweeps is 1000"),
        ({"seed": -1}, ValueError, "seed is -1"),
        ({"seed": 2**64}, ValueError, f"seed is {2**64}"),
        ({"seed": "x"}, TypeError, "seed is 'x'"),
        ({"num_threads": 0}, ValueError, "num_threads is 0"),
        ({"num_threads": 10**6}, ValueError, "num_threads is 1000000"),
        ({"beta_schedule_type": "quadratic"}, ValueError, "beta_schedule_type is 'quadratic'"),
        ({"beta_schedule": [1, 2]}, ValueError, "beta_schedule is given"),
        ({"beta_range": [1]}, ValueError, r"beta_range is \[1\]"),
        ({"beta_range": [-1, 1]}, ValueError, r"beta_range is \[-1, 1\]"),
        ({"beta_range": [0.1, np.nan]}, ValueError, "beta_range is .*nan"),
        ({"beta_range": [0.1, np.inf]}, ValueError, "beta_range is .*inf"),
        ({"beta_range": [0, 1]}, ValueError, r"beta_range is \[0, 1\]"),
        ({"beta_schedule_type": "custom"}, ValueError, "beta_schedule is None"),
        ({"beta_schedule_type": "custom", "beta_schedule": []}, ValueError, "beta_schedule is empty"),
        ({"beta_schedule_type": "custom", "beta_schedule": [1, -2.5]}, ValueError, "-2.5"),
        ({"beta_schedule_type": "custom", "beta_schedule": [np.nan]}, ValueError, "NaN"),
        ({"beta_schedule_type": "custom", "beta_schedule": ["x"]}, ValueError, "dtype <U1"),
        ({"beta_schedule_type": "custom", "beta_schedule": [[1.0]]}, ValueError, r"shape \(1, 1\)"),
        (
            {"beta_schedule_type": "custom", "beta_schedule": [1, 2], "num_sweeps": 3},
            ValueError,
            "num_sweeps is 3, but beta_schedule has 2",
        ),
        (
            {"beta_schedule_type": "custom", "beta_schedule": [1, 2], "beta_range": [1, 3]},
            ValueError,
            r"beta_range is \[1, 3\], but beta_schedule goes from 1.0 to 2.0",
        ),
        ({"initial_states_generator": "magic"}, ValueError, "initial_states_generator is 'magic'"),
        ({"initial_states_generator": "none"}, ValueError, "insufficient number of initial states"),
        ({"initial_states_generator": "tile"}, ValueError, "cannot tile"),
        ({"initial_states": {"other": 1}}, ValueError, "mismatch between variables"),
    ],
)
def test_bad_parameters_are_named(kwargs: dict[str, Any], error: type[Exception], text: str) -> None:
    bqm = dimod.BinaryQuadraticModel({"a": 1.0}, {("a", "b"): 1.0}, 0.0, "SPIN")
    with pytest.raises(error, match=text):
        SAMPLER.sample(bqm, **kwargs)


@pytest.mark.parametrize("bias", [np.nan, np.inf, -np.inf])
def test_bad_biases_are_named(bias: float) -> None:
    name = "nan" if np.isnan(bias) else "inf"
    for bqm in (dimod.BQM({0: bias}, {}, 0, "SPIN"), dimod.BQM({}, {(0, 1): bias}, 0, "SPIN")):
        with pytest.raises(ValueError, match=name):
            SAMPLER.sample(bqm)
        with pytest.raises(ValueError, match=f"(?i){name}"):
            SAMPLER.sample(bqm, beta_range=[0.1, 1])


# --- initial states -----------------------------------------------------------------------------------


FROZEN = {"beta_range": [1e6, 1e6], "num_sweeps": 3, "seed": 4}


def ferromagnet(num_variables: int = 6, vartype: str = "SPIN") -> Any:
    chain = {(v, v + 1): -1.0 for v in range(num_variables - 1)}
    return dimod.BQM({}, chain, 0.0, "SPIN").change_vartype(vartype, inplace=False)


@pytest.mark.parametrize("value", [-1, 1])
def test_initial_states_are_kept_when_betas_are_cold(value: int) -> None:
    sampleset = SAMPLER.sample(ferromagnet(), initial_states={v: value for v in range(6)}, **FROZEN)
    assert np.all(sampleset.record.sample == value)


FORMS: dict[str, Any] = {
    "dicts": [{v: 1 for v in range(6)}, {v: -1 for v in range(6)}],
    "array": np.array([[1] * 6, [-1] * 6]),
    "float array": np.array([[1.0] * 6, [-1.0] * 6]),
    "array and shuffled labels": (np.array([[1] * 6, [-1] * 6]), [3, 1, 2, 0, 5, 4]),
    "sampleset": dimod.SampleSet.from_samples(np.array([[1] * 6, [-1] * 6]), "SPIN", [0, 0]),
    "binary": np.array([[1] * 6, [0] * 6]),
    "generator": None,  # made anew for each test: it can be read once
    "unsigned binary": np.array([[1] * 6, [0] * 6], dtype=np.uint8),
    "read-only binary": np.broadcast_to(np.array([[1], [0]], dtype=np.int8), (2, 6)),
}


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_initial_states_in_every_form(form: Any, vartype: str) -> None:
    bqm = ferromagnet(vartype=vartype)
    if form is None:
        form = (state for state in FORMS["dicts"])
    sampleset = SAMPLER.sample(bqm, initial_states=form, **FROZEN)
    low = min(bqm.vartype.value)
    assert np.array_equal(sampleset.record.sample, [[1] * 6, [low] * 6])


def test_labels_of_initial_states_need_not_be_in_order() -> None:
    bqm = dimod.BQM({"c": 0.1, "a": 0.1, "b": 0.1}, {}, 0.0, "SPIN")
    given_state = {"b": 1, "c": -1, "a": -1}
    first = SAMPLER.sample(bqm, initial_states=given_state, num_sweeps=0).first
    assert first.sample == given_state
    assert first.energy == pytest.approx(-0.1)


def test_generator_none_takes_what_is_given() -> None:
    two = FORMS["array"]
    sampleset = SAMPLER.sample(ferromagnet(), initial_states=two, initial_states_generator="none", **FROZEN)
    assert np.array_equal(sampleset.record.sample, two)
    with pytest.raises(ValueError, match="insufficient"):
        SAMPLER.sample(ferromagnet(), num_reads=3, initial_states=two, initial_states_generator="none")


def test_generator_tile_repeats() -> None:
    two = FORMS["array"]
    sampleset = SAMPLER.sample(
        ferromagnet(), num_reads=5, initial_states=two, initial_states_generator="tile", **FROZEN
    )
    assert np.array_equal(sampleset.record.sample, two[[0, 1, 0, 1, 0]])


@pytest.mark.parametrize("generator", ["tile", "random"])
def test_surplus_initial_states_are_dropped(generator: Any) -> None:
    two = FORMS["array"]
    sampleset = SAMPLER.sample(
        ferromagnet(), num_reads=1, initial_states=two, initial_states_generator=generator, **FROZEN
    )
    assert np.array_equal(sampleset.record.sample, two[:1])


def test_generator_random_completes_reproducibly() -> None:
    call = {"num_reads": 50, "num_sweeps": 0, "initial_states": FORMS["array"]}
    reads = [SAMPLER.sample(ferromagnet(), seed=seed, **call).record.sample for seed in (1, 1, 2)]
    assert np.array_equal(reads[0][:2], FORMS["array"])
    assert len(np.unique(reads[0], axis=0)) > 20
    assert np.array_equal(reads[0], reads[1])
    assert not np.array_equal(reads[0], reads[2])


def test_the_callers_arrays_are_left_alone() -> None:
    binary = np.array([[1] * 6, [0] * 6], dtype=np.int8)
    kept = binary.copy()
    bqm = ferromagnet()
    SAMPLER.sample(bqm, initial_states=binary, num_sweeps=2)
    assert np.array_equal(binary, kept)
    assert bqm == ferromagnet()


# --- reproducible, whatever the threads, the grouping, the number of reads --------------------------------


def sparse_batch(seed: int, batch: int, spins: int) -> tuple[tuple[Any, Any, Any], Any]:
    """A ring: no layers of the core's layered kernel when `spins` is odd."""
    rng = np.random.default_rng(seed)
    ring = np.arange(spins)
    return (ring, (ring + 1) % spins, rng.normal(size=spins)), rng.normal(size=(batch, spins))


def layered_batch(seed: int, batch: int, spins: int) -> tuple[tuple[Any, Any, Any], Any]:
    rng = np.random.default_rng(seed)
    rows, cols = (side.ravel() for side in np.meshgrid(range(spins // 2), range(spins // 2, spins)))
    return (rows, cols, rng.normal(size=rows.size)), rng.normal(size=(batch, spins))


KINDS = {"sparse": sparse_batch, "layered": layered_batch, "dense": random_batch}


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def problems(request: pytest.FixtureRequest) -> tuple[tuple[Any, Any, Any], Any]:
    couplings, fields = request.param(0, 5, 37)
    return couplings, fields


def test_seeds_reproduce_and_differ(problems: Any) -> None:
    runs = [
        SAMPLER.sample_batch(*problems, num_reads=5, beta_schedule=BETAS[:5], seed=seed)
        for seed in (0, 0, 1, 2**32, 2**63, 2**64 - 1, None, None)
    ]
    assert same(runs[0], runs[1])
    assert len({run.states.tobytes() for run in runs[1:]}) == 7


def test_threads_do_not_matter(problems: Any) -> None:
    runs = [
        SAMPLER.sample_batch(*problems, num_reads=33, beta_schedule=BETAS, seed=9, num_threads=threads)
        for threads in (1, 2, 16, None)
    ]
    assert all(same(runs[0], run) for run in runs[1:])


@pytest.mark.parametrize("num_reads", [1, 15, 16, 17])
def test_a_batch_may_be_split_anywhere(problems: Any, num_reads: int) -> None:
    couplings, fields = problems
    ids = np.array([7, 0, 2**32 - 1, 3, 100])
    call = {"num_reads": num_reads, "beta_schedule": BETAS[:10], "seed": 5}
    whole = SAMPLER.sample_batch(couplings, fields, problem_ids=ids, **call)
    assert whole.states.shape == (5, num_reads, 37)
    for cut in range(6):
        parts = [
            SAMPLER.sample_batch(couplings, fields[part], problem_ids=ids[part], **call)
            for part in (slice(cut), slice(cut, None))
        ]
        assert np.array_equal(np.concatenate([p.states for p in parts]), whole.states)
        assert np.array_equal(np.concatenate([p.energies for p in parts]), whole.energies)


def test_problem_ids_are_0_1_2_by_default(problems: Any) -> None:
    call = {"num_reads": 3, "beta_schedule": BETAS[:10], "seed": 5}
    assert same(
        SAMPLER.sample_batch(*problems, **call),
        SAMPLER.sample_batch(*problems, problem_ids=range(5), **call),
    )


def test_more_reads_leave_the_first_ones_as_they_are(problems: Any) -> None:
    runs = [
        SAMPLER.sample_batch(*problems, num_reads=reads, beta_schedule=BETAS[:10], seed=5)
        for reads in (17, 40)
    ]
    assert np.array_equal(runs[0].states, runs[1].states[:, :17])


def test_reads_and_problems_differ(problems: Any) -> None:
    """Also where problems and initial states are the same, every run has its own random numbers."""
    couplings, fields = problems
    equal = np.zeros_like(fields)
    result = SAMPLER.sample_batch(
        couplings, equal, num_reads=20, beta_schedule=[0.1] * 3, initial_states=np.ones(37), seed=0
    )
    assert len(np.unique(result.states.reshape(-1, 37), axis=0)) == 100


def test_dimod_face_and_batch_face_agree() -> None:
    bqm = dimod.generators.gnp_random_bqm(15, 0.5, "SPIN", random_state=1)
    linear, couplings, _ = bqm.to_numpy_vectors()
    sampleset = SAMPLER.sample(bqm, num_reads=6, seed=3, beta_schedule=BETAS, beta_schedule_type="custom")
    batch = SAMPLER.sample_batch(couplings, [linear], num_reads=6, seed=3, beta_schedule=BETAS)
    assert np.array_equal(sampleset.record.sample, batch.states[0])


# --- batches: arrays in every form --------------------------------------------------------------------


@pytest.mark.parametrize("num_reads", [1, 15, 16, 17])
@pytest.mark.parametrize("spins", [1, 2, 15, 16, 17, 33])
@pytest.mark.parametrize("kind", [sparse_batch, layered_batch, random_batch])
def test_energies_of_batches(kind: Any, spins: int, num_reads: int) -> None:
    couplings, fields = kind(1, 3, spins) if spins > 2 else (NO_COUPLINGS, np.ones((3, spins)))
    result = SAMPLER.sample_batch(couplings, fields, num_reads=num_reads, beta_schedule=BETAS, seed=1)
    assert result.states.dtype == np.int8
    assert result.energies.dtype == np.float64
    assert result.states.shape == (3, num_reads, spins)
    assert np.all(np.abs(result.states) == 1)
    expected = energies_of(couplings, fields, result.states)
    np.testing.assert_allclose(result.energies, expected, rtol=1e-9, atol=1e-12)


def test_lowest_is_the_first_of_the_lowest_reads() -> None:
    states = np.array([[[1, 1], [1, -1], [-1, 1]], [[-1, -1], [1, 1], [1, -1]]], dtype=np.int8)
    energies = np.array([[3.0, -1.0, -1.0], [0.0, 1.0, 2.0]])
    assert BatchResult(states, energies).lowest().tolist() == [[1, -1], [-1, -1]]


def test_without_couplings_each_spin_follows_its_field() -> None:
    fields = np.array([[1.0, -2.0, 0.5]])
    result = SAMPLER.sample_batch(NO_COUPLINGS, fields, num_reads=4, beta_schedule=[50.0] * 5)
    assert np.all(result.states == -np.sign(fields))
    assert np.all(result.energies == -3.5)


@pytest.mark.parametrize("shape", [(0, 4), (3, 0), (0, 0)])
def test_nothing_to_sample(shape: tuple[int, int]) -> None:
    result = SAMPLER.sample_batch(NO_COUPLINGS, np.zeros(shape), num_reads=2, beta_schedule=[1.0])
    assert result.states.shape == (shape[0], 2, shape[1])
    assert result.energies.tolist() == [[0.0, 0.0]] * shape[0]


def strided(array: Any) -> Any:
    return np.repeat(array, 2, axis=-1)[..., ::2]


def read_only(array: Any) -> Any:
    array = array.copy()
    array.flags.writeable = False
    return array


def big_endian(array: Any) -> Any:
    return array.astype(array.dtype.newbyteorder(">"))


@pytest.mark.parametrize("form", [strided, read_only, big_endian, np.asfortranarray, np.ndarray.tolist])
def test_memory_layout_does_not_matter(form: Callable[[Any], Any]) -> None:
    (rows, cols, values), fields = random_batch(2)
    initial = np.random.default_rng(0).choice(np.array([-1, 1], np.int8), size=(3, 4, 9))
    call = {"num_reads": 4, "seed": 1}
    plain = SAMPLER.sample_batch(
        (rows, cols, values), fields, beta_schedule=BETAS, initial_states=initial, **call
    )
    other = SAMPLER.sample_batch(
        (form(rows), form(cols), form(values)),
        form(fields),
        beta_schedule=form(BETAS),
        initial_states=form(initial),
        problem_ids=form(np.arange(3)),
        **call,
    )
    assert same(plain, other)


@pytest.mark.parametrize("real", ["f2", "f4", ">f4", "g", "i4", "u1"])
@pytest.mark.parametrize("index", ["i1", "u2", ">i4", "u8"])
@pytest.mark.parametrize("spin", ["i2", "f4", ">f8"])
def test_dtypes_do_not_matter(real: str, index: str, spin: str) -> None:
    rows, cols = np.triu_indices(6, 1)
    values, fields = np.arange(15) % 3, np.arange(12).reshape(2, 6)
    call = {"num_reads": 3, "beta_schedule": BETAS, "seed": 1}
    initial = np.tile([1, -1], 3)
    assert same(
        SAMPLER.sample_batch((rows, cols, values), fields, initial_states=initial, **call),
        SAMPLER.sample_batch(
            (rows.astype(index), cols.astype(index), values.astype(real)),
            fields.astype(real),
            initial_states=initial.astype(spin),
            **call,
        ),
    )


@pytest.mark.parametrize("shape", [(9,), (4, 9), (1, 1, 9), (3, 1, 9), (1, 4, 9), (3, 4, 9), (4, 1), ()])
def test_initial_states_broadcast(shape: tuple[int, ...]) -> None:
    couplings, fields = random_batch(4)
    initial = np.random.default_rng(1).choice([-1, 1], size=shape)
    call = {"num_reads": 4, "beta_schedule": [0.5] * 3, "seed": 1}
    full = np.broadcast_to(initial, (3, 4, 9)).astype(np.int8)
    assert same(
        SAMPLER.sample_batch(couplings, fields, initial_states=initial, **call),
        SAMPLER.sample_batch(couplings, fields, initial_states=full, **call),
    )


def test_cold_batches_keep_their_initial_states() -> None:
    couplings, fields = layered_batch(0, 3, 12)
    ground = SAMPLER.sample_batch(couplings, fields, num_reads=20, beta_schedule=np.geomspace(0.1, 50, 200))
    start = ground.lowest()[:, np.newaxis]
    again = SAMPLER.sample_batch(
        couplings, fields, num_reads=7, beta_schedule=[1e6] * 9, initial_states=start
    )
    assert np.array_equal(again.states, np.broadcast_to(start, (3, 7, 12)))


def test_couplings_of_a_pair_add_up_in_either_order() -> None:
    call = {"num_reads": 9, "beta_schedule": BETAS, "seed": 0}
    fields = np.array([[0.1, 0.2, -0.3]])
    assert same(
        SAMPLER.sample_batch(([0, 1, 1, 0], [1, 0, 2, 1], [1.0, 0.5, 2.0, -3.0]), fields, **call),
        SAMPLER.sample_batch(([0, 1], [1, 2], [-1.5, 2.0]), fields, **call),
    )


@pytest.mark.parametrize("scale", [1e300, 1e30, 1e-30, 1e-300])
@pytest.mark.parametrize("kind", [sparse_batch, layered_batch, random_batch])
def test_huge_and_tiny_values_scale(kind: Any, scale: float) -> None:
    """Scaling J and h up and beta down is the same problem: its ground state is found as well."""
    (rows, cols, values), fields = kind(3, 2, 9)
    betas = np.geomspace(0.1, 30, 200)
    plain = SAMPLER.sample_batch((rows, cols, values), fields, num_reads=20, beta_schedule=betas, seed=0)
    scaled = SAMPLER.sample_batch(
        (rows, cols, values * scale), fields * scale, num_reads=20, beta_schedule=betas / scale, seed=0
    )
    np.testing.assert_allclose(scaled.energies.min(axis=1) / scale, plain.energies.min(axis=1), rtol=1e-9)


def test_huge_beside_tiny() -> None:
    """A spin that only feels 1e-300 beside one that feels 1e300: no overflow, no NaN."""
    result = SAMPLER.sample_batch(
        ([0], [1], [1e300]), [[1e-300, 0.0, 1e-300]], num_reads=17, beta_schedule=[0, 1e-300, 1, 1e300]
    )
    assert np.all(np.isfinite(result.energies))
    assert np.all(result.states[..., 0] == -result.states[..., 1])


GOOD: dict[str, Any] = {
    "couplings": ([0, 1], [1, 2], [1.0, -1.0]),
    "fields": np.zeros((2, 3)),
    "num_reads": 2,
    "beta_schedule": [0.5, 1.0],
}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"couplings": ([0], [1])}, "couplings has 2 parts"),
        ({"couplings": ([0], [0], [1.0])}, "coupling 0 .*spin 0"),
        ({"couplings": ([0], [3], [1.0])}, "spin 3"),
        ({"couplings": ([-1], [1], [1.0])}, "spin -1"),
        ({"couplings": ([0, 1], [1], [1.0])}, "got 2 and 1"),
        ({"couplings": ([0], [1], [np.nan])}, "NaN"),
        ({"couplings": ([0], [1], [-np.inf])}, "-inf"),
        ({"couplings": ([0, 1], [1, 0], [1.7e308, 1.7e308])}, "infinite"),
        ({"couplings": ([0.5], [1], [1.0])}, "rows has dtype float64"),
        ({"couplings": ([0], [True], [1.0])}, "cols has dtype bool"),
        ({"couplings": ([0], [1], [1j])}, "values has dtype complex128"),
        ({"couplings": ([[0]], [1], [1.0])}, r"rows has shape \(1, 1\)"),
        ({"couplings": (np.array([2**64 - 1], np.uint64), [1], [1.0])}, f"rows holds {2**64 - 1}"),
        ({"fields": np.zeros(3)}, r"fields has shape \(3,\)"),
        ({"fields": np.zeros((1, 2, 3))}, r"fields has shape \(1, 2, 3\)"),
        ({"fields": [["a", "b", "c"]]}, "fields has dtype <U1"),
        ({"fields": np.array([[0, 0, np.nan]])}, "NaN"),
        ({"fields": np.array([[0, np.inf, 0]])}, "spin 1 .*inf"),
        ({"fields": np.zeros((2, 2))}, "spin 2"),
        ({"num_reads": 0}, "num_reads is 0"),
        ({"num_reads": 2**32}, f"num_reads is {2**32}"),
        ({"beta_schedule": []}, "beta_schedule is empty"),
        ({"beta_schedule": 1.0}, r"beta_schedule has shape \(\)"),
        ({"beta_schedule": [-0.5]}, "-0.5"),
        ({"beta_schedule": [1, np.nan]}, "sweep 1 is NaN"),
        ({"beta_schedule": [np.inf]}, "inf"),
        ({"initial_states": np.zeros((2, 2, 3), np.int8)}, "spin 0"),
        ({"initial_states": np.full(3, -128, np.int8)}, "-128"),
        ({"initial_states": np.full(3, 257)}, "initial_states holds 257"),
        ({"initial_states": np.full(3, 0.5)}, "initial_states holds 0.5"),
        ({"initial_states": np.full(3, np.nan)}, "initial_states holds nan"),
        ({"initial_states": np.ones(3, bool)}, "initial_states has dtype bool"),
        ({"initial_states": np.ones((3, 2, 3))}, r"initial_states has shape \(3, 2, 3\)"),
        ({"initial_states": np.ones(4)}, r"initial_states has shape \(4,\)"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 2**64}, f"seed is {2**64}"),
        ({"num_threads": 0}, "num_threads is 0"),
        ({"num_threads": -2}, "num_threads is -2"),
        ({"problem_ids": [0]}, r"problem_ids has shape \(1,\)"),
        ({"problem_ids": [0, -1]}, "problem_ids holds -1"),
        ({"problem_ids": [0, 2**32]}, f"problem_ids holds {2**32}"),
        ({"problem_ids": [0.0, 1.0]}, "problem_ids has dtype float64"),
    ],
)
def test_bad_batches_are_named_in_one_line(change: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text) as error:
        SAMPLER.sample_batch(**(GOOD | change))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("change", [{"num_reads": 2.0}, {"seed": 1.0}, {"num_threads": "2"}])
def test_numbers_that_are_no_integers_are_named(change: dict[str, Any]) -> None:
    ((name, value),) = change.items()
    with pytest.raises(TypeError, match=f"{name} is {value!r}"):
        SAMPLER.sample_batch(**(GOOD | change))


REAL_DTYPES = st.sampled_from(["f2", "f4", "f8", ">f8", "i4", "u1", "?", "c8", "U1", "O"])


@settings(max_examples=150, deadline=None)
@given(
    rows=hnp.arrays(st.sampled_from(["i1", "i8", "u8", "f8"]), hnp.array_shapes(max_dims=2, max_side=4)),
    cols=hnp.arrays("i8", hnp.array_shapes(max_dims=1, max_side=4), elements=st.integers(-1, 4)),
    values=hnp.arrays(REAL_DTYPES, hnp.array_shapes(max_dims=1, max_side=4)),
    fields=hnp.arrays(REAL_DTYPES, hnp.array_shapes(min_dims=1, max_dims=3, max_side=4)),
    betas=hnp.arrays("f8", hnp.array_shapes(max_dims=1, max_side=4)),
    initial=st.none() | hnp.arrays(st.sampled_from(["i1", "i8", "f4"]), hnp.array_shapes(max_side=4)),
    num_reads=st.integers(-1, 20),
    seed=st.integers(-1, 2**64),
)
def test_any_arrays_are_sampled_or_refused(
    rows: Any, cols: Any, values: Any, fields: Any, betas: Any, initial: Any, num_reads: int, seed: int
) -> None:
    """Nothing but ValueError, whatever comes in: no panic, no other exception."""
    call = {"num_reads": num_reads, "beta_schedule": betas, "initial_states": initial, "seed": seed}
    try:
        result = SAMPLER.sample_batch((rows, cols, values), fields, **call)
    except ValueError:
        return
    assert np.all(np.abs(result.states) == 1)


# Sums of these are exact in no format, and far from overflow.
REALS = st.floats(-1e6, 1e6, width=32)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_any_valid_problem_gets_its_exact_energies(data: st.DataObject) -> None:
    spins = data.draw(st.integers(2, 40), label="spins")
    pair = st.tuples(st.integers(0, spins - 1), st.integers(0, spins - 1)).filter(lambda p: p[0] != p[1])
    pairs = data.draw(st.lists(pair, max_size=60), label="pairs")
    rows, cols = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    values = np.array([data.draw(REALS) for _ in pairs])
    fields = data.draw(
        hnp.arrays("f4", (data.draw(st.integers(1, 3)), spins), elements=REALS), label="fields"
    )
    betas = data.draw(hnp.arrays("f8", 3, elements=st.floats(0, 1e300)), label="betas")
    reads = data.draw(st.integers(1, 18), label="reads")
    result = SAMPLER.sample_batch((rows, cols, values), fields, num_reads=reads, beta_schedule=betas)
    expected = energies_of((rows, cols, values), fields, result.states)
    scale = np.abs(values).sum() + np.abs(fields).sum()
    np.testing.assert_allclose(result.energies, expected, rtol=1e-9, atol=1e-12 * scale + 1e-300)


# --- threads, signals, memory -------------------------------------------------------------------------


def test_the_gil_is_released() -> None:
    """A counter in Python goes on while a long anneal runs in another thread."""
    couplings, fields = sparse_batch(0, 1, 1001)
    done = threading.Event()

    def anneal() -> None:
        SAMPLER.sample_batch(couplings, fields, num_reads=16, beta_schedule=[1.0] * 3000, num_threads=1)
        done.set()

    thread = threading.Thread(target=anneal)
    thread.start()
    ticks = 0
    while not done.wait(0.001):
        ticks += 1
    thread.join()
    assert ticks >= 10


def test_calls_from_several_threads_at_once_do_not_disturb_each_other() -> None:
    couplings, fields = random_batch(0, 4, 30)
    results: list[BatchResult] = []

    def anneal() -> None:
        call = {"num_reads": 20, "beta_schedule": BETAS, "seed": 3, "num_threads": 2}
        results.append(SAMPLER.sample_batch(couplings, fields, **call))

    threads = [threading.Thread(target=anneal) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 6
    assert all(same(results[0], result) for result in results[1:])


ENDLESS = """
import numpy as np
from ising_ep.sampler import SimulatedAnnealingSampler
spins = 2001
ring = np.arange(spins)
couplings = {couplings}
print("started", flush=True)
SimulatedAnnealingSampler().sample_batch(
    couplings, np.ones((4, spins)), num_reads=64, beta_schedule=np.full(10**6, 0.5), num_threads={threads})
"""
RING = "(ring, (ring + 1) % spins, np.ones(spins))"
STAR = "(np.zeros(spins - 1, int), ring[1:], np.ones(spins - 1))"  # K(1, 2000), layered


@pytest.mark.skipif(os.name == "nt", reason="SIGINT is POSIX")
@pytest.mark.parametrize("threads", [1, None])
@pytest.mark.parametrize("couplings", [RING, STAR], ids=["sparse", "layered"])
def test_ctrl_c_ends_an_anneal(couplings: str, threads: int | None) -> None:
    script = ENDLESS.format(couplings=couplings, threads=threads)
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    time.sleep(0.3)
    sent = time.perf_counter()
    process.send_signal(signal.SIGINT)
    try:
        _, stderr = process.communicate(timeout=20)
    finally:
        process.kill()
    # The promise is 0.1 s plus the end of the interpreter; the machines that test are noisy.
    assert time.perf_counter() - sent < 2.0
    assert stderr.rstrip().endswith("KeyboardInterrupt")


def run_python(script: str, timeout: float = 20) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=timeout, check=False
    )


def test_no_warnings_from_ordinary_calls() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SAMPLER.sample(random_bqm(0))
        SAMPLER.sample(
            random_bqm(0, vartype="BINARY"), num_reads=3, initial_states={f"v{k}": 1 for k in range(8)}
        )


def test_too_many_reads_for_the_memory_is_an_exception() -> None:
    script = """
import numpy as np
from ising_ep.sampler import SimulatedAnnealingSampler
try:
    SimulatedAnnealingSampler().sample_batch(
        ([], [], []), np.zeros((1, 10**6)), num_reads=2**32 - 1, beta_schedule=[1.0])
except MemoryError:
    print("refused")
"""
    assert run_python(script).stdout == "refused\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("threads", [1, 2, None])
def test_a_forked_child_can_anneal_too(threads: int | None) -> None:
    """joblib and multiprocessing fork; the parent's worker threads do not exist in the child."""
    script = f"""
import os, numpy as np
from ising_ep.sampler import SimulatedAnnealingSampler
def anneal():
    SimulatedAnnealingSampler().sample_batch(
        ([0], [1], [1.0]), np.zeros((8, 101)), num_reads=64, beta_schedule=[1.0] * 100, num_threads={threads})
anneal()
child = os.fork()
if child == 0:
    anneal()
    os._exit(0)
print(os.waitpid(child, 0)[1], flush=True)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        stdout, _ = process.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # the group: the child that hangs, too
        process.wait()
        pytest.fail("the child hangs")
    assert stdout == "0\n"
