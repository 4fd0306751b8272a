"""The annealer as a `dimod.Sampler`, with the semantics of dwave-samplers."""

import inspect
import unittest
from typing import Any

import dimod
import dimod.testing
import numpy as np
import pytest
from dimod.exceptions import SamplerUnknownArgWarning
from dwave.samplers import SimulatedAnnealingSampler as DWaveSampler

from ising_ep import SimulatedAnnealingSampler
from support.problems import ferromagnet, random_bqm

SAMPLER = SimulatedAnnealingSampler()
BETAS = np.geomspace(0.1, 5, 40)


# --- dimod's own suite -------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:all biases are zero")
@dimod.testing.load_sampler_bqm_tests(SimulatedAnnealingSampler)
class TestDimodSuite(unittest.TestCase):
    def test_api(self) -> None:
        dimod.testing.assert_sampler_api(SAMPLER)


def test_parameters_and_properties_are_those_of_dwave_samplers_and_can_be_changed_per_instance() -> None:
    more: dict[str, list[str]] = {"num_threads": [], "time_limit": [], "progress": []}
    assert SAMPLER.parameters == DWaveSampler().parameters | more
    assert SAMPLER.properties == DWaveSampler().properties
    other = SimulatedAnnealingSampler()
    other.parameters["mine"] = []
    assert "mine" not in SAMPLER.parameters


def test_parameters_have_the_places_and_defaults_of_dwave_samplers() -> None:
    ours, theirs = (
        [
            (p.name, p.default)
            for p in inspect.signature(sample).parameters.values()
            if p.kind == p.kind.POSITIONAL_OR_KEYWORD
        ]
        for sample in (SimulatedAnnealingSampler.sample, DWaveSampler.sample)
    )
    assert ours == theirs


# --- the model ---------------------------------------------------------------------------------------


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
    assert set(DWaveSampler().sample(bqm).info) <= set(sampleset.info)
    assert set(sampleset.info["timing"]) == {"preprocessing_ns", "sampling_ns", "postprocessing_ns"}
    assert all(isinstance(ns, int) and ns > 0 for ns in sampleset.info["timing"].values())


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
def test_sample_sets_are_as_dimod_makes_them(vartype: str) -> None:
    bqm = random_bqm(4, 5, vartype)
    ours = SAMPLER.sample(bqm, num_reads=7, seed=1)
    plain = dimod.SampleSet.from_samples(
        (ours.record.sample, ours.variables), vartype, ours.record.energy, info=ours.info
    )
    assert ours == plain
    assert ours.record.dtype == plain.record.dtype
    assert ours.record.flags.writeable
    assert dimod.SampleSet.from_serializable(ours.to_serializable()) == ours
    assert ours.change_vartype("BINARY", inplace=False).change_vartype("SPIN") == plain.change_vartype("SPIN")


@pytest.mark.parametrize(
    "kwargs",
    [
        {"num_reads": 5, "randomize_order": True, "num_sweeps": 4},
        {"num_reads": 3, "proposal_acceptance_criteria": "gibbs", "num_sweeps": 6, "num_sweeps_per_beta": 2},
        {"num_reads": 4, "initial_states_generator": "random", "num_sweeps": 0},
        {"beta_schedule_type": "custom", "beta_schedule": [0.5, 1], "num_sweeps_per_beta": 2},
        {"beta_schedule_type": "linear", "beta_range": (0.1, 2)},
    ],
)
def test_info_holds_the_parameters_that_make_the_same_reads_again(kwargs: dict[str, Any]) -> None:
    bqm = random_bqm(2, 30)
    first = SAMPLER.sample(bqm, **kwargs)
    names = set(inspect.signature(DWaveSampler.sample).parameters)
    again = SAMPLER.sample(bqm, **{k: v for k, v in first.info.items() if k in names})
    assert np.array_equal(first.record, again.record)
    assert first.info["num_reads"] == first.info["num_reads_begun"] == len(first)
    assert first.info["ended_by"] is None
    assert SAMPLER.sample(bqm, **kwargs).info["seed"] != first.info["seed"]


def test_unknown_keywords_warn() -> None:
    with pytest.warns(SamplerUnknownArgWarning, match="chain_strength"):
        SAMPLER.sample(random_bqm(0), chain_strength=2, num_sweeps=1)


@pytest.mark.parametrize("randomize_order", [False, True])
@pytest.mark.parametrize("proposal_acceptance_criteria", ["Metropolis", "Gibbs"])
def test_dimod_face_and_batch_face_agree(randomize_order: bool, proposal_acceptance_criteria: str) -> None:
    bqm = dimod.generators.gnp_random_bqm(15, 0.5, "SPIN", random_state=1)
    linear, couplings, _ = bqm.to_numpy_vectors()
    call = {
        "num_reads": 6,
        "seed": 3,
        "beta_schedule": BETAS[:6],
        "randomize_order": randomize_order,
        "proposal_acceptance_criteria": proposal_acceptance_criteria,
    }
    sampleset = SAMPLER.sample(bqm, beta_schedule_type="custom", **call)
    batch = SAMPLER.sample_batch(couplings, [linear], **call)
    assert np.array_equal(sampleset.record.sample, batch.states[0])
    np.testing.assert_allclose(sampleset.record.energy, batch.energies[0] + bqm.offset)


def test_order_and_criterion_make_a_difference() -> None:
    bqm = random_bqm(0, 30)
    reads = {
        SAMPLER.sample(
            bqm,
            seed=1,
            num_reads=4,
            num_sweeps=2,
            randomize_order=order,
            proposal_acceptance_criteria=criteria,
        ).record.sample.tobytes()
        for order in (False, True)
        for criteria in ("Metropolis", "METROPOLIS", "Gibbs", "gibbs")
    }
    assert len(reads) == 4


# --- initial states ----------------------------------------------------------------------------------


FROZEN = {"beta_range": [1e6, 1e6], "num_sweeps": 3, "seed": 4}


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


def test_no_initial_states_at_all_are_completed() -> None:
    none = (np.empty((0, 6)), list(range(6)))
    assert len(SAMPLER.sample(ferromagnet(), initial_states=none, num_reads=10)) == 10


def test_the_callers_arrays_are_left_alone() -> None:
    binary = np.array([[1] * 6, [0] * 6], dtype=np.int8)
    kept = binary.copy()
    bqm = ferromagnet()
    SAMPLER.sample(bqm, initial_states=binary, num_sweeps=2)
    assert np.array_equal(binary, kept)
    assert bqm == ferromagnet()
