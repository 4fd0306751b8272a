"""Networks that say their blocks to the core: the same energies and gradients as pair by pair."""

from __future__ import annotations

import pickle
from dataclasses import dataclass

import numpy as np
import pytest

from ising_ep.machines.annealing import AnnealingMachine
from ising_ep.network import (
    AveragePool,
    Bias,
    Convolution,
    Dense,
    Input,
    Interaction,
    Lateral,
    Network,
    Reads,
    Skip,
    stack,
)
from ising_ep.samplers.couplings import LayerCouplings, PreparedCouplings


def network(*more) -> Network:
    """Every interaction that shares weights, on 90 spins and more."""
    image = Input((9, 7, 2))
    first, second, pools, echo, output = stack(
        first=(4, 3, 5), second=(3, 2, 6), pools=(1, 2, 6), echo=(1, 2, 6), output=(4,)
    )
    return Network(
        (first, second, pools, echo, output),
        (
            Convolution("W0", image, first, (3, 3), (2, 2)),
            Bias("b0", first, shared=True),
            Convolution("W1", first, second, (2, 2), (1, 1)),
            AveragePool(second, pools, (3, 1)),
            Skip(pools, echo, strength=0.3),
            Dense("W2", echo, output),
            Dense("W3", first, output),
            *(make(first, second, output) for make in more),
        ),
        num_classes=2,
    )


def problem(net: Network, batch: int = 3):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch, net.num_inputs)).astype(np.float32)
    return net.initial_parameters(rng), x, rng


def test_couplings_are_those_of_the_pairs():
    net = network()
    p, x, rng = problem(net)
    couplings = net.couplings(p)
    assert isinstance(couplings, LayerCouplings)
    pairs = PreparedCouplings(*couplings)
    np.testing.assert_array_equal(pairs.rows, net.rows)
    np.testing.assert_array_equal(pairs.cols, net.cols)
    states = rng.choice(np.array([-1, 1], np.int8), (3, 5, net.num_spins))
    fields = net.fields(p, x)
    got, wanted = (each.model(net.num_spins).fields(states, fields) for each in (couplings, pairs))
    np.testing.assert_allclose(got, wanted, rtol=0, atol=2e-6)


def test_the_machine_anneals_them_and_their_energies_are_those_of_the_pairs():
    net = network()
    p, x, _ = problem(net)
    machine = AnnealingMachine(num_reads=6, num_sweeps=20)
    fields, ids = net.fields(p, x), np.arange(3, dtype=np.uint32)
    couplings = net.couplings(p)
    reads = machine.sample(couplings, fields, seed=1, problem_ids=ids)
    s = reads.states.astype(np.float64)
    rows, cols, values = couplings
    wanted = (s[..., rows] * s[..., cols]) @ values + np.einsum("brs,bs->br", s, fields)
    np.testing.assert_allclose(reads.energies, wanted, rtol=1e-9, atol=1e-9)
    # The lowest energies that both ways find agree within a few percent.
    other = machine.sample(PreparedCouplings(*couplings), fields, seed=1, problem_ids=ids)
    np.testing.assert_allclose(reads.energies.min(axis=1), other.energies.min(axis=1), rtol=0.02)


def test_the_pairs_are_of_the_parameters_that_were_given():
    net = network()
    p, _, _ = problem(net)
    before = p["W1"].copy()
    couplings = net.couplings(p)
    assert net.couplings(p) is couplings
    p["W1"] += 1
    assert net.couplings(p) is not couplings
    np.testing.assert_array_equal(couplings.values[: before.size], before.ravel())
    again = pickle.loads(pickle.dumps(couplings))
    np.testing.assert_array_equal(again.values, couplings.values)


@dataclass(frozen=True)
class Own(Interaction):
    """One that cannot say its block."""

    before: object
    after: object

    @property
    def pairs(self):
        return self.before.indices[:1], self.after.indices[:1]

    def values(self, parameters):
        return np.ones(1)


@pytest.mark.parametrize(
    "more",
    [lambda first, second, output: Lateral("L", output), lambda first, second, output: Own(first, output)],
)
def test_one_that_cannot_say_its_block_leaves_pairs(more):
    net = network(more)
    p, _, _ = problem(net)
    couplings = net.couplings(p)
    assert not isinstance(couplings, LayerCouplings)
    assert len(couplings.rows) == net.num_couplings


def test_dense_networks_are_pairs_as_they_were():
    image = Input((5,))
    first, output = stack(first=(80,), output=(4,))
    net = Network((first, output), (Dense("W0", image, first), Dense("W1", first, output)), 2)
    p, _, _ = problem(net)
    assert not isinstance(net.couplings(p), LayerCouplings)


def test_contrast_of_shared_weights_counts_all_places():
    net = network()
    _, x, rng = problem(net, 8)
    first, second = rng.choice(np.array([-1, 1], np.int8), (2, 8, 3, net.num_spins))
    convolution = net.interactions[2]
    for weights in (1.0, rng.choice(np.float32([0.5, 1.5, 0.25]), 8)):
        got = net.contrast(x, Reads(first), Reads(second), weights)["W1"]
        counts = np.broadcast_to(np.asarray(weights), 8)
        rows, cols = convolution.pairs
        difference = second[..., rows] * second[..., cols] - (first[..., rows] * first[..., cols])
        wanted = np.einsum("b,brc->c", counts, difference.astype(np.float64))
        wanted = wanted.reshape(-1, *got.shape).sum(axis=0)
        np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-5)
