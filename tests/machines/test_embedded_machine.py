"""A network on a chip: what comes back is the network's own answer, whatever copies, chains and gauges."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ising_ep import datasets, training
from ising_ep.chip import Chip
from ising_ep.config import TrainConfig
from ising_ep.embedding import Embedding, embed
from ising_ep.machines.chip_errors import ChipErrors
from ising_ep.machines.chip_model import ChipModel
from ising_ep.machines.embedded import EmbeddedMachine
from ising_ep.network import FullyConnected
from support.problems import energies_of, ground_states, network_problem

NETWORK = FullyConnected(2, (6, 4), 2)
CHIP = Chip.perfect("chimera", 4)
TWO = embed(NETWORK, CHIP, copies=2, cache=False)
ONE = Embedding(TWO.chains[:1], TWO.graph_id)


def machine(embedding: Embedding = TWO, noise: float = 0.0, **options) -> EmbeddedMachine:
    errors = replace(ChipErrors.none(), field_noise=noise, coupling_noise=noise)
    model = ChipModel(CHIP, sweeps_per_us=20, num_threads=options.pop("num_threads", 1), errors=errors)
    return EmbeddedMachine(model, embedding, NETWORK, **options)


@pytest.mark.parametrize("gauges", [False, True])
@pytest.mark.parametrize("embedding", [ONE, TWO], ids=["one copy", "two copies"])
def test_it_finds_the_networks_ground_states(embedding, gauges):
    """In a problem this small, all of 30 reads miss it in one of some hundred at most."""
    couplings, fields, ids = network_problem(NETWORK, 15)
    chip = machine(embedding, num_reads=30, chain_strength=2.0, gauges=gauges)
    found = chip.sample(couplings, fields, seed=5, problem_ids=ids)
    assert found.states.shape == (15, 30, NETWORK.num_spins)
    np.testing.assert_allclose(found.energies, energies_of(couplings, fields, found.states), atol=1e-9)
    lowest = energies_of(couplings, fields, ground_states(couplings, fields)[:, np.newaxis])[:, 0]
    right = np.isclose(found.energies.min(axis=1), lowest, atol=1e-9)
    assert right.sum() >= 14
    assert chip.usage.problems == -(-15 // embedding.num_copies)
    assert 0 <= chip.usage.chain_break_fraction < 0.1


def test_weak_chains_break_and_are_counted():
    couplings, fields, ids = network_problem(NETWORK, 8)
    chip = machine(chain_strength=0.0)
    chip.sample(couplings, fields, seed=5, problem_ids=ids)
    assert chip.usage.chain_break_fraction > 0.05


def test_a_reverse_anneal_that_does_not_go_back_keeps_the_state_it_was_given():
    """At s = 1 beta is 15: only a spin in next to no field stirs."""
    couplings, fields, ids = network_problem(NETWORK, 5)
    first = machine(chain_strength=2.0)
    free = first.sample(couplings, fields, seed=5, problem_ids=ids).lowest()[:, None]
    again = machine(chain_strength=2.0, reverse_fraction=1.0)
    kept = again.sample(couplings, fields, initial_states=free, seed=6, problem_ids=ids)
    assert (kept.states == free).mean() > 0.9
    other = machine(chain_strength=2.0, reverse_fraction=0.0)
    fresh = other.sample(couplings, fields, initial_states=-free, seed=6, problem_ids=ids)
    assert (fresh.states == -free).mean() < 0.7


def test_the_answer_depends_on_seed_and_ids_alone():
    couplings, fields, ids = network_problem(NETWORK, 7)
    whole = machine(noise=0.02).sample(couplings, fields, seed=5, problem_ids=ids)
    threaded = machine(noise=0.02, num_threads=2).sample(couplings, fields, seed=5, problem_ids=ids)
    np.testing.assert_array_equal(whole.states, threaded.states)
    # Any part that begins with a problem of its own, of two images here.
    part = machine(noise=0.02).sample(couplings, fields[4:], seed=5, problem_ids=ids[4:])
    np.testing.assert_array_equal(whole.states[4:], part.states)
    for other in ({"seed": 6, "problem_ids": ids}, {"seed": 5, "problem_ids": ids + 100}):
        assert (machine(noise=0.02).sample(couplings, fields, **other).states != whole.states).any()


def test_gauges_average_errors_that_stay_and_without_them_they_stay():
    """Spins in no field, each on a qubit whose h is wrong by much, in 200 calls: they follow the error, or
    with gauges a coin. Of the sum of 200 coins five standard deviations are allowed.
    """
    network, calls = FullyConnected(1, (2, 2), 2), 200
    model = ChipModel(CHIP, errors=replace(ChipErrors.none(), field_offset=2.0))
    embedding = embed(network, CHIP, cache=False)
    couplings = (network.rows, network.cols, np.zeros(network.num_couplings))
    fields = np.zeros((calls, network.num_spins), dtype=np.float32)
    ids = np.arange(calls, dtype=np.uint32)
    sums = {}
    for gauges in (False, True):
        chip = EmbeddedMachine(model, embedding, network, num_reads=1, gauges=gauges)
        found = chip.sample(couplings, fields, seed=1, problem_ids=ids)
        sums[gauges] = np.abs(found.states[:, 0].sum(axis=0))
    assert (sums[False] > 0.9 * calls).sum() >= network.num_spins - 1
    assert (sums[True] < 5 * calls**0.5).all()


def test_fields_beyond_the_range_are_clipped():
    """A field of 100 on a chain of one qubit acts as 2, Chimera's largest."""
    network = FullyConnected(1, (1, 2), 2)
    embedding = embed(network, CHIP, cache=False)
    model = ChipModel(CHIP, errors=ChipErrors.none())
    chip = EmbeddedMachine(model, embedding, network)
    couplings = (network.rows, network.cols, np.zeros(2))
    fields = np.array([[100.0, -100.0, 100.0]], dtype=np.float32)
    found = chip.sample(couplings, fields, seed=1, problem_ids=np.zeros(1, dtype=np.uint32))
    np.testing.assert_array_equal(found.states[0], np.tile([-1, 1, -1], (10, 1)))


def test_what_does_not_fit_together_is_refused():
    for options, text in (
        ({"chain_strength": 2.5}, "chain_strength is 2.5, expected 0 to 2"),
        ({"chain_strength": -1.0}, "chain_strength is -1.0"),
        ({"chain_strength": float("nan")}, "chain_strength is nan"),
        ({"reverse_fraction": 1.5}, "reverse_fraction is 1.5"),
        ({"num_reads": 0}, "num_reads is 0"),
    ):
        with pytest.raises(ValueError, match=text):
            machine(**options)
    with pytest.raises(TypeError, match="gauges is 'no'"):
        machine(gauges="no")
    with pytest.raises(ValueError, match="was made for working graph"):
        machine(Embedding(TWO.chains, "another"))
    couplings, fields, ids = network_problem(NETWORK, 1)
    with pytest.raises(ValueError, match="not the couplings of the network"):
        machine().sample((couplings[1], couplings[0], couplings[2]), fields, seed=1, problem_ids=ids)


def test_training_on_a_chip_goes_on_bit_for_bit(tmp_path):
    """Ten epochs at once, and three, then seven more from what was kept of them."""
    settings = {
        "dataset": "patterns",
        "machine": "chip",
        "chip": "chimera:4",
        "chip_missing": 0.05,
        "layers": (8, 4),
        "batch_size": 2,
        "num_sweeps": 50,
    }
    data = datasets.load_patterns()
    config = TrainConfig.checked(settings | {"epochs": 10})
    whole = training.train(config, data)
    start = training.train(TrainConfig.checked(settings | {"epochs": 3}), data)
    rest = training.train(config, data, state=start, num_threads=1)
    for name, value in whole.parameters.items():
        np.testing.assert_array_equal(value, rest.parameters[name])
    first = training.network_of(config, data).initial_parameters(np.random.default_rng([config.seed, 0]))
    assert any((whole.parameters[name] != first[name]).any() for name in first)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"chain_strength": 2.0}, "chain_strength is 2.0, but machine annealing has no such setting"),
        ({"copies": 2}, "copies is 2, but machine annealing"),
        ({"machine": "chip", "chip_missing": 1.0}, "chip_missing is 1.0"),
        ({"machine": "chip", "chip_noise": (-1.0, 0.0)}, "chip_noise.0 is -1.0"),
        ({"machine": "toaster"}, "machine is 'toaster'"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, text):
    with pytest.raises(ValueError, match=text):
        TrainConfig.checked(settings)
