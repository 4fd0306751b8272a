"""`ChipSampler`: the chip model as a structured dimod sampler."""

from __future__ import annotations

import dimod
import numpy as np
import pytest
from dimod.exceptions import BinaryQuadraticModelStructureError
from dimod.testing import assert_sampler_api, assert_structured_api
from dwave.embedding.pegasus import find_clique_embedding
from dwave.system import EmbeddingComposite
from dwave.system.samplers.dwave_sampler import qpu_graph

from ising_ep import ChipSampler
from ising_ep.chip import Chip
from ising_ep.machines.chip_errors import ChipErrors
from ising_ep.machines.chip_model import ChipModel

CHIP = Chip.perfect("pegasus", 2).without(0.1, seed=1)
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def sampler() -> ChipSampler:
    return ChipSampler(ChipModel(CHIP, errors=ChipErrors.none()))


@pytest.fixture(scope="module")
def whole() -> dimod.BinaryQuadraticModel:
    """A problem of all qubits and couplers."""
    h = dict(zip(CHIP.qubits.tolist(), RNG.normal(size=len(CHIP.qubits)), strict=True))
    j = {
        tuple(pair): value
        for pair, value in zip(
            CHIP.couplers.tolist(), RNG.choice([-1.0, 1.0], len(CHIP.couplers)), strict=True
        )
    }
    return dimod.BinaryQuadraticModel(h, j, 0.25, "SPIN")


@pytest.mark.parametrize("shape", [("chimera", 3, 2, 4), ("pegasus", 3), ("zephyr", 2, 4)], ids=str)
def test_its_graph_is_that_of_a_dwave_sampler(shape):
    """With what dwave-system's own function says of a solver with these qubits."""
    family, *sizes = shape
    sampler = ChipSampler(ChipModel(Chip.perfect(*shape).without(0.1, seed=1), errors=ChipErrors.none()))
    found, expected = (
        sampler.to_networkx_graph(),
        qpu_graph(family, sizes, sampler.nodelist, sampler.edgelist),
    )
    assert found.graph == expected.graph
    assert found.graph["family"] == family
    assert dict(found.nodes(data=True)) == dict(expected.nodes(data=True))
    assert set(map(frozenset, found.edges)) == set(map(frozenset, expected.edges))
    found.clear()
    assert sampler.to_networkx_graph().nodes == expected.nodes


def test_cliques_are_laid_on_its_graph(sampler):
    chains = find_clique_embedding(3, target_graph=sampler.to_networkx_graph())
    assert len(chains) == 3
    assert {qubit for chain in chains.values() for qubit in chain} <= set(sampler.nodelist)


def test_it_is_a_structured_sampler(sampler):
    assert_sampler_api(sampler)
    assert_structured_api(sampler)
    assert sampler.properties["topology"] == {"type": "pegasus", "shape": [2]}


def test_reads_are_those_of_the_model(sampler, whole):
    found = sampler.sample(whole, num_reads=20, auto_scale=False, seed=3, annealing_time=5.0)
    h, (rows, cols, j), _ = whole.to_numpy_vectors(CHIP.qubits.tolist())
    couplers = np.sort(CHIP.qubits[np.stack([rows, cols], axis=1)], axis=1)
    reads = sampler.model.sample(
        CHIP.qubits, couplers, h[None], j[None], schedule=[(0, 0), (5, 1)], num_reads=20, seed=3
    )[0]
    assert np.array_equal(found.record.sample[:, np.argsort(found.variables)], reads)
    assert found.record.energy == pytest.approx(whole.energies(found))
    gain = [(0, 0), (5, 2)]
    call = {"num_reads": 20, "seed": 3}
    gained = sampler.sample(whole, auto_scale=False, annealing_time=5.0, h_gain_schedule=gain, **call)
    expected = sampler.model.sample(
        CHIP.qubits, couplers, h[None], j[None], schedule=[(0, 0), (5, 1)], h_gain_schedule=gain, **call
    )[0]
    assert np.array_equal(gained.record.sample[:, np.argsort(gained.variables)], expected)
    assert not np.array_equal(expected, reads)
    assert (found.info["seed"], found.info["scale"]) == (3, 1.0)


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
def test_auto_scale_fills_the_range_and_keeps_the_energies(sampler, whole, vartype):
    bqm = whole.change_vartype(vartype, inplace=False)
    bqm.scale(0.01)
    found = sampler.sample(bqm, num_reads=200, seed=3)
    spins = bqm.spin
    j = np.array(list(spins.quadratic.values()))
    h = np.array(list(spins.linear.values()))
    assert found.info["scale"] == pytest.approx(max(j.max(), -j.min() / 2, abs(h).max() / 4))
    assert found.record.energy == pytest.approx(bqm.energies(found))
    small = sampler.sample(bqm, num_reads=200, seed=3, auto_scale=False)
    # A hundredth of the couplings is a hundred times as hot.
    assert found.record.energy.mean() < 2 * small.record.energy.mean() < 0


def test_what_dwave_system_composes_with(sampler):
    problem = dimod.BinaryQuadraticModel.from_ising({}, {(a, b): 1.0 for a in range(6) for b in range(a)})
    found = EmbeddingComposite(sampler).sample(problem, num_reads=50, seed=1)
    assert found.first.energy == min(dimod.ExactSolver().sample(problem).record.energy)
    assert "chain_break_fraction" in found.record.dtype.names


def test_it_takes_what_it_says_that_it_takes(sampler):
    assert set(sampler.properties["parameters"]) <= set(sampler.parameters)
    a, b = sampler.edgelist[0]
    call = {"num_reads": 200, "auto_scale": False, "seed": 4}
    bqm = dimod.BinaryQuadraticModel({a: 0.05, b: 0.0}, {(a, b): 0.1}, 0.5, "BINARY")
    raw = sampler.sample(bqm, answer_mode="raw", label="two qubits", reinitialize_state=True, **call)
    assert raw.info["problem_label"] == "two qubits"
    counts = sampler.sample(bqm, answer_mode="histogram", **call)
    assert "problem_label" not in counts.info
    assert counts.info["seed"] == 4
    assert len(raw) == 200 > len(counts)
    assert list(counts.record.energy) == sorted(counts.record.energy)
    both = raw.aggregate()
    assert {tuple(row) for row in both.record[["energy", "num_occurrences"]].tolist()} == {
        tuple(row) for row in counts.record[["energy", "num_occurrences"]].tolist()
    }
    found = EmbeddingComposite(sampler).sample_ising(
        {"x": 1.0}, {("x", "y"): 1.0}, num_reads=5, label="embedded", answer_mode="histogram"
    )
    assert found.info["problem_label"] == "embedded"


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
def test_a_shallow_reverse_anneal_stays_where_it_began(sampler, whole, vartype):
    bqm = whole.change_vartype(vartype, inplace=False)
    begun = sampler.sample(bqm, num_reads=50, seed=0).first.sample
    call = {"num_reads": 200, "initial_state": begun, "seed": 1}
    stays = sampler.sample(bqm, anneal_schedule=[(0, 1), (1, 0.95), (2, 1)], **call)
    moves = sampler.sample(bqm, anneal_schedule=[(0, 1), (5, 0.05), (10, 1)], **call)
    order = [begun[q] for q in stays.variables]
    assert (stays.record.sample == order).all()
    assert (moves.record.sample == order).all(axis=1).mean() < 0.3


def test_refusals(sampler):
    a, b = sampler.edgelist[0]
    call = {"h": {a: 1.0}, "J": {(a, b): 1.0}}
    with pytest.raises(BinaryQuadraticModelStructureError):
        sampler.sample_ising({10**6: 1.0}, {})
    with pytest.raises(ValueError, match="both given"):
        sampler.sample_ising(**call, annealing_time=5.0, anneal_schedule=[(0, 0), (5, 1)])
    with pytest.raises(ValueError, match=f"initial_state lacks qubit {b}"):
        sampler.sample_ising(**call, initial_state={a: 1}, anneal_schedule=[(0, 1), (2, 0.5), (4, 1)])
    with pytest.raises(ValueError, match=f"initial_state of qubit {a} is 0, expected -1 or 1"):
        sampler.sample_ising(**call, initial_state={a: 0, b: 1}, anneal_schedule=[(0, 1), (2, 0.5), (4, 1)])
    with pytest.raises(ValueError, match="initial_state has qubit 99999, which is not in the problem"):
        sampler.sample_ising(
            **call, initial_state={a: 1, b: 1, 99999: 7}, anneal_schedule=[(0, 1), (2, 0.5), (4, 1)]
        )
    with pytest.raises(ValueError, match="reinitialize_state is False, expected True"):
        sampler.sample_ising(**call, reinitialize_state=False)
    with pytest.raises(ValueError, match="answer_mode is 'best', expected one of raw, histogram"):
        sampler.sample_ising(**call, answer_mode="best")
    with pytest.raises(TypeError, match="label is 5"):
        sampler.sample_ising(**call, label=5)
    with pytest.raises(ValueError, match=r"annealing_time is 2001 us, expected 0\.5 to 2000"):
        sampler.sample_ising(**call, annealing_time=2001)
    with pytest.raises(ValueError, match="schedule has rows of different lengths"):
        sampler.sample_ising(**call, anneal_schedule=[(0, 0), (20, 1, 3)])
    with pytest.raises(ValueError, match="the offset is nan, expected a finite number"):
        sampler.sample(dimod.BinaryQuadraticModel({a: 1.0}, {}, np.nan, "SPIN"))
    with pytest.raises(ValueError, match="expected a reverse anneal"):
        sampler.sample_ising(**call, initial_state={a: 1, b: 1})
    with pytest.raises(ValueError, match=f"h of qubit {a} is 5"):
        sampler.sample_ising({a: 5.0}, {}, auto_scale=False)
    with pytest.raises(TypeError, match="auto_scale"):
        sampler.sample_ising(**call, auto_scale="yes")
    with pytest.raises(TypeError, match="num_spin_reversal_transforms"):
        sampler.sample_ising(**call, num_spin_reversal_transforms=2)
    with pytest.raises(TypeError, match="model"):
        ChipSampler("pegasus:16")
