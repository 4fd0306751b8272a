"""Training on dimod samplers as they are: classical ones, and structured ones as chips."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType

import dimod
import numpy as np
import pytest
from dwave import samplers
from dwave.system import EmbeddingComposite
from dwave.system.testing import MockDWaveSampler

import ising_ep
from ising_ep import datasets, training
from ising_ep.chip import Chip
from ising_ep.config import TrainConfig
from ising_ep.embedding import embed
from ising_ep.machines.dimod_sampler import SamplerAnnealer, SamplerMachine
from ising_ep.machines.embedded import EmbeddedMachine
from ising_ep.network import FullyConnected
from support.problems import energies_of, ground_states, network_problem

NETWORK = FullyConnected(2, (6, 4), 2)
CHIP = Chip.perfect("chimera", 4)


class Wrapped(dimod.Sampler):
    """Simulated annealing, but for what `change` does to its answers."""

    parameters = samplers.SimulatedAnnealingSampler().parameters
    properties = MappingProxyType({})

    def __init__(self, change):
        self.change = change

    def sample(self, bqm, **parameters):
        return self.change(samplers.SimulatedAnnealingSampler().sample(bqm, **parameters))


def shuffled(answer):
    """The same reads with their spins in another order, equal ones as one, and as 0 and 1."""
    order = np.random.default_rng(3).permutation(len(answer.variables))
    record, labels = answer.record, list(answer.variables)
    same = dimod.SampleSet.from_samples(
        (record.sample[:, order], [labels[k] for k in order]), "SPIN", energy=record.energy
    )
    return same.aggregate().change_vartype("BINARY", inplace=False)


def openjij():
    return pytest.importorskip("openjij", reason="openjij is a peer, and need not be installed")


SA = samplers.SimulatedAnnealingSampler()
# Every way of a sampler to a network: with seeds and initial states, with seeds alone, with neither, with a
# number of reads of its own, and with an embedding of its own.
MACHINES = {
    "dwave-samplers": lambda: SamplerMachine(SA, num_reads=10, parameters={"num_sweeps": 100}),
    "ising-ep": lambda: SamplerMachine(ising_ep.SimulatedAnnealingSampler(), num_reads=10),
    "tabu": lambda: SamplerMachine(samplers.TabuSampler(), num_reads=2, parameters={"timeout": 3}),
    "openjij": lambda: SamplerMachine(openjij().SASampler(), num_reads=10),
    "exact": lambda: SamplerMachine(dimod.ExactSolver()),
    "shuffled": lambda: SamplerMachine(Wrapped(shuffled), num_reads=10),
    "composite": lambda: SamplerMachine(dimod.TrackingComposite(SA), num_reads=10),
    "embedding": lambda: SamplerMachine(
        EmbeddingComposite(dimod.StructureComposite(SA, CHIP.qubits.tolist(), CHIP.couplers.tolist())),
        num_reads=10,
        parameters={"num_sweeps": 500, "embedding_parameters": {"random_seed": 1}},
    ),
}


@pytest.mark.parametrize("name", MACHINES)
def test_the_lowest_read_is_the_ground_state(name):
    """All 10 reads of a good annealer miss it in next to none of these problems of 10 spins."""
    couplings, fields, ids = network_problem(NETWORK, 10)
    found = MACHINES[name]().sample(couplings, fields, seed=5, problem_ids=ids)
    assert found.states.dtype == np.int8
    np.testing.assert_allclose(found.energies, energies_of(couplings, fields, found.states), atol=1e-6)
    right = (found.lowest() == ground_states(couplings, fields)).all(axis=1)
    assert right.all() if name == "exact" else right.sum() >= 8


@pytest.mark.parametrize("name", MACHINES)
def test_it_learns_the_papers_patterns(name):
    data = datasets.load_patterns()
    config = TrainConfig.checked({"dataset": "patterns", "epochs": 8, "batch_size": 2})
    state = training.train(config, data, machine=MACHINES[name]())
    assert max(row["train_accuracy"] for row in state.history) == 1
    assert min(row["train_loss"] for row in state.history) < 1


def test_occurrences_and_order_of_spins_do_not_matter():
    couplings, fields, ids = network_problem(NETWORK, 3)
    plain = MACHINES["dwave-samplers"]().sample(couplings, fields, seed=5, problem_ids=ids)
    machine = SamplerMachine(Wrapped(shuffled), num_reads=10, parameters={"num_sweeps": 100})
    other = machine.sample(couplings, fields, seed=5, problem_ids=ids)
    for one, two in zip(plain.states, other.states, strict=True):
        assert sorted(map(tuple, one.tolist())) == sorted(map(tuple, two.tolist()))


@pytest.mark.parametrize("name", ["dwave-samplers", "ising-ep", "shuffled"])
def test_seed_and_ids_name_the_answers(name):
    couplings, fields, ids = network_problem(NETWORK, 4)
    fields = np.zeros_like(fields)  # many states are alike, so that chance decides
    machine = MACHINES[name]()
    whole = machine.sample(couplings, fields, seed=5, problem_ids=ids).states
    part = machine.sample(couplings, fields[2:], seed=5, problem_ids=ids[2:]).states
    np.testing.assert_array_equal(whole[2:], part)
    for other in ({"seed": 6, "problem_ids": ids}, {"seed": 5 ^ (1 << 63), "problem_ids": ids + 4}):
        assert (machine.sample(couplings, fields, **other).states != whole).any()


@pytest.mark.parametrize("name", ["openjij", "dwave-samplers", "ising-ep"])
def test_reads_are_independent_although_openjijs_of_one_seed_are_not(name):
    """Of ten reads of a pair of spins in no field, all are alike in one of 512 problems."""
    pair = np.array([0]), np.array([1]), np.array([-1.0])
    fields, ids = np.zeros((20, 2), np.float32), np.arange(20, dtype=np.uint32)
    states = MACHINES[name]().sample(pair, fields, seed=1, problem_ids=ids).states
    assert (states != states[:, :1]).any(axis=(1, 2)).sum() >= 18


def ferromagnet():
    """All spins up or all down, both deep valleys; the field pulls up a little, that is, has a minus sign."""
    couplings = NETWORK.rows, NETWORK.cols, np.full(NETWORK.num_couplings, -1.0)
    fields = np.full((4, NETWORK.num_spins), -0.1, dtype=np.float32)
    return couplings, fields, np.arange(4, dtype=np.uint32), np.full((4, 1, NETWORK.num_spins), -1, np.int8)


@pytest.mark.parametrize(
    ("sampler", "parameters"),
    [
        (samplers.SteepestDescentSampler(), {}),
        (SA, {"beta_range": (3.0, 10.0), "num_sweeps": 50}),
        (ising_ep.SimulatedAnnealingSampler(), {"beta_range": (3.0, 10.0), "num_sweeps": 50}),
    ],
    ids=["descent", "dwave-samplers", "ising-ep"],
)
def test_a_nudge_begins_at_the_free_state(sampler, parameters):
    """Over the pass between the valleys, of 24 couplings, a cold sampler does not come."""
    couplings, fields, ids, down = ferromagnet()
    for num_reads in (5, None):
        machine = SamplerMachine(sampler, num_reads=num_reads, nudge_parameters=parameters)
        kept = machine.sample(couplings, fields, initial_states=down, seed=1, problem_ids=ids)
        assert kept.states.shape == (4, num_reads or 1, NETWORK.num_spins)
        assert (kept.states == -1).all()
    free = SamplerMachine(sampler, num_reads=20).sample(couplings, fields, seed=1, problem_ids=ids)
    assert (free.lowest() == 1).all()


def test_each_read_begins_at_its_own_state():
    couplings, fields, ids, down = ferromagnet()
    states = np.concatenate([down, -down, down], axis=1)
    cold = {"beta_range": (3.0, 10.0), "num_sweeps": 50}
    machine = SamplerMachine(SA, num_reads=3, nudge_parameters=cold)
    found = machine.sample(couplings, fields, initial_states=states, seed=1, problem_ids=ids)
    np.testing.assert_array_equal(found.states, states)
    with pytest.raises(ValueError, match=r"initial_states has shape .* which does not broadcast"):
        SamplerMachine(SA, num_reads=4).sample(
            couplings, fields, initial_states=states, seed=1, problem_ids=ids
        )


@pytest.mark.parametrize("name", ["openjij", "exact", "embedding"])
def test_a_nudge_without_initial_states_anneals_from_scratch(name):
    couplings, fields, ids, down = ferromagnet()
    found = MACHINES[name]().sample(couplings, fields, initial_states=down, seed=1, problem_ids=ids)
    # Each read falls into either valley: all 40 into one of them is beyond chance.
    assert (found.lowest() == 1).any()


class Cloud(dimod.Sampler):
    """Answers, as the cloud does, when it is asked to, and not before `batch` problems are there."""

    parameters = MappingProxyType({"num_reads": []})
    properties = MappingProxyType({})

    def __init__(self, batch: int):
        self.together = threading.Barrier(batch)
        self.pool = ThreadPoolExecutor(batch)

    def sample(self, bqm, num_reads):
        def answer():
            self.together.wait(timeout=20)
            return SA.sample(bqm, num_reads=num_reads, num_sweeps=100, seed=1)

        return dimod.SampleSet.from_future(self.pool.submit(answer))


def test_all_problems_are_in_flight_before_the_first_answer_is_waited_for():
    couplings, fields, ids = network_problem(NETWORK, 6)
    found = SamplerMachine(Cloud(6), num_reads=10).sample(couplings, fields, seed=1, problem_ids=ids)
    assert (found.lowest() == ground_states(couplings, fields)).all(axis=1).sum() >= 5
    chip = SamplerAnnealer(Cloud(6), CHIP)
    edges = CHIP.couplers[:1]
    states = chip.sample(
        *(edges[0], edges, np.ones((6, 2)), np.full((6, 1), -1.0)),
        **{"schedule": [(0, 0), (20, 1)], "num_reads": 2, "initial_states": None},
        **{"seed": 1, "problem_ids": ids},
    )
    np.testing.assert_array_equal(states, np.full((6, 2, 2), -1))


def uneven(answer):
    """One read of a problem of low energy, two of another."""
    return answer.slice(1 if answer.first.energy < -20 else 2)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda answer: answer.slice(3), "Wrapped answered with 3 reads, expected 10"),
        (lambda answer: answer.slice(0), "Wrapped answered with 0 reads, expected 10"),
        (lambda answer: dimod.drop_variables(answer, [0]), "answered with 9 variables, expected the 10"),
        (lambda answer: answer.relabel_variables({0: 77}, inplace=False), "10 variables, expected the 10"),
    ],
    ids=["few reads", "no reads", "a spin missing", "another spin"],
)
def test_a_wrong_answer_is_refused(change, text):
    couplings, fields, ids = network_problem(NETWORK, 2)
    with pytest.raises(ValueError, match=text):
        SamplerMachine(Wrapped(change), num_reads=10).sample(couplings, fields, seed=1, problem_ids=ids)


def test_different_numbers_of_reads_in_one_batch_are_refused():
    couplings, fields, ids = network_problem(NETWORK, 2)
    fields[0] *= 10
    up = np.ones((2, 5, NETWORK.num_spins), np.int8)  # as many reads as initial states
    machine = SamplerMachine(Wrapped(uneven))
    with pytest.raises(ValueError, match="with 1 to 2 reads of the problems of one batch, expected as many"):
        machine.sample(couplings, fields, initial_states=up, seed=1, problem_ids=ids)


@pytest.mark.parametrize(
    ("sampler", "options", "text"),
    [
        (dimod.ExactSolver(), {"num_reads": 5}, "num_reads is 5, but ExactSolver takes none"),
        (SA, {"num_reads": 0}, "num_reads is 0"),
        (SA, {"parameters": {"num_swepes": 5}}, "takes no num_swepes, expected one of .*num_sweeps"),
        (SA, {"nudge_parameters": {"bet": 5}}, "takes no bet"),
        (SA, {"parameters": {"seed": 5}}, "seed is among the parameters"),
    ],
)
def test_bad_parameters_are_refused(sampler, options, text):
    with pytest.raises(ValueError, match=text):
        SamplerMachine(sampler, **options)


def test_a_structured_sampler_without_an_embedding_is_refused():
    couplings, fields, ids = network_problem(NETWORK, 1)
    with pytest.raises(ValueError, match="MockDWaveSampler takes only problems on its own graph"):
        SamplerMachine(MockDWaveSampler()).sample(couplings, fields, seed=1, problem_ids=ids)
    with pytest.raises(ValueError, match="ExactSolver name no topology"):
        SamplerAnnealer(dimod.ExactSolver())


class Recorded(MockDWaveSampler):
    """dwave-system's own stand-in for a QPU, which keeps the parameters that it was given."""

    def __init__(self, without=(), **options):
        chimera = {"topology_type": "chimera", "topology_shape": [4, 4, 4]}
        super().__init__(parameter_warnings=False, **chimera, **options)
        self.calls: list[dict] = []
        for name in without:
            del self.parameters[name]

    def sample(self, bqm, **parameters):
        assert set(parameters) <= set(self.parameters)
        self.calls.append({"bqm": bqm, **parameters})
        return super().sample(bqm, **parameters)


def on_chip(sampler, chip=None, **options):
    annealer = SamplerAnnealer(sampler, chip)
    embedding = embed(NETWORK, annealer.chip, copies=2)
    return EmbeddedMachine(annealer, embedding, NETWORK, chain_strength=2.0, **options)


def test_ranges_that_a_sampler_does_not_say_are_said(caplog):
    sampler = Recorded()
    SamplerAnnealer(sampler)
    before = len(caplog.messages)
    del sampler.properties["h_range"]
    SamplerAnnealer(sampler)
    assert caplog.messages[before:][0].startswith("Recorded does not say its ")
    assert "h_range" in caplog.messages[-1]
    assert "D-Wave 2000Q's are taken" in caplog.messages[-1]
    assert not any("h_range" in line for line in caplog.messages[:before])
    caplog.clear()
    SamplerAnnealer(sampler, Chip.perfect("chimera", 4))
    assert caplog.messages == []


def test_a_structured_sampler_is_a_chip():
    sampler = Recorded(broken_nodes=[3, 40])
    machine = on_chip(sampler, num_reads=4)
    chip = machine.annealer.chip
    assert chip.qubits.tolist() == sorted(sampler.nodelist)
    assert len(chip.couplers) == len(sampler.edgelist)
    couplings, fields, ids = network_problem(NETWORK, 4)
    free = machine.sample(couplings, fields, seed=5, problem_ids=ids)
    assert free.states.shape == (4, 4, NETWORK.num_spins)
    nudged = machine.sample(couplings, fields, initial_states=free.states[:, :1], seed=6, problem_ids=ids)
    assert nudged.states.shape == free.states.shape
    assert len(sampler.calls) == 4
    for call in sampler.calls:
        assert call["answer_mode"] == "raw"
        assert call["auto_scale"] is False
        assert call["num_reads"] == 4
        assert call["bqm"].variables == machine.qubits.tolist()
        assert set(map(frozenset, call["bqm"].quadratic)) == set(map(frozenset, machine.couplers.tolist()))
    for call in sampler.calls[:2]:
        assert call["anneal_schedule"] == [[0, 0], [20, 1]]
        assert "initial_state" not in call
    for call in sampler.calls[2:]:
        assert call["anneal_schedule"] == [[0, 1], [15, 0.25], [30, 1]]
        assert call["reinitialize_state"] is True
        assert list(call["initial_state"]) == machine.qubits.tolist()
        assert set(call["initial_state"].values()) == {-1, 1}


def test_a_chip_without_reverse_annealing_anneals_the_nudge_forwards():
    sampler = Recorded(without=["initial_state"])
    for fraction in (0.25, 1.0):
        machine = on_chip(sampler, annealing_time=50.0, reverse_fraction=fraction)
        couplings, fields, ids = network_problem(NETWORK, 2)
        start = np.ones((2, 1, NETWORK.num_spins), np.int8)
        machine.sample(couplings, fields, initial_states=start, seed=5, problem_ids=ids)
        assert sampler.calls[-1]["anneal_schedule"] == [[0, 0], [50, 1]]
        assert "reinitialize_state" not in sampler.calls[-1]


def test_an_unstructured_sampler_under_a_structure_finds_the_networks_ground_states():
    """As the chip model does, without noise: see test_embedded_machine."""
    couplings, fields, ids = network_problem(NETWORK, 12)
    sampler = dimod.StructureComposite(SA, CHIP.qubits.tolist(), CHIP.couplers.tolist())
    machine = on_chip(sampler, CHIP)
    found = machine.sample(couplings, fields, seed=5, problem_ids=ids)
    again = machine.sample(couplings, fields, seed=5, problem_ids=ids)
    np.testing.assert_array_equal(found.states, again.states)
    right = (found.lowest() == ground_states(couplings, fields)).all(axis=1)
    assert right.sum() >= 11


def test_training_on_a_structured_sampler():
    data = datasets.load_patterns()
    config = TrainConfig.checked({"dataset": "patterns", "epochs": 8, "batch_size": 2})
    network = training.network_of(config, data)
    sampler = dimod.StructureComposite(SA, CHIP.qubits.tolist(), CHIP.couplers.tolist())
    for annealer in (SamplerAnnealer(sampler, CHIP), SamplerAnnealer(Recorded())):
        embedding = embed(network, annealer.chip, copies=2)
        machine = EmbeddedMachine(annealer, embedding, network)
        state = training.train(config, data, machine=machine)
        assert max(row["train_accuracy"] for row in state.history) == 1
