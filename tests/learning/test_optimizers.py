"""Steps against their formulas, and centred images against images that are centred."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ising_ep.config import OPTIMIZERS
from ising_ep.learning import Adam, Centred, EquilibriumPropagation, Memory, optimizers
from ising_ep.machines import AnnealingMachine
from ising_ep.network import DeepConvolutional, FullyConnected, Reads
from ising_ep.training.decay import decayed
from support.machines import ExactMachine, all_states, exact_energies, random_parameters


def test_adam_is_the_published_algorithm():
    """Algorithm 1 of Kingma and Ba, in double precision and one number at a time."""
    rng = np.random.default_rng(0)
    network = FullyConnected(3, (4,), 2)
    names = network.shapes()
    parameters = {name: rng.uniform(-0.5, 0.5, shape).astype(np.float32) for name, shape in names.items()}
    wanted = {name: value.astype(np.float64) for name, value in parameters.items()}
    m = {name: np.zeros(shape) for name, shape in names.items()}
    v = {name: np.zeros(shape) for name, shape in names.items()}
    memory: Memory = {}
    for t in range(1, 40):
        gradient = {name: rng.normal(0, 0.3, shape).astype(np.float32) for name, shape in names.items()}
        if t % 3 == 0:
            gradient.pop("b0")
        for name, rate in (("W0", 0.02), ("b0", 0.005)):
            g = gradient.get(name, np.zeros(names[name])).astype(np.float64)
            m[name] = 0.9 * m[name] + 0.1 * g
            v[name] = 0.999 * v[name] + 0.001 * g**2
            corrected = m[name] / (1 - 0.9**t), v[name] / (1 - 0.999**t)
            wanted[name] = np.clip(
                wanted[name] - rate * corrected[0] / (np.sqrt(corrected[1]) + 1e-8), -0.6, 0.6
            )
        Adam(0.02, 0.005, limit=0.6).step(network, parameters, gradient, memory, update=t)
    for name in names:
        np.testing.assert_allclose(parameters[name], wanted[name], atol=2e-5)
    assert np.abs(parameters["W0"]).max() <= np.float32(0.6)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_couplings_have_a_rate_of_their_own_and_weights_decay_by_their_rates(name):
    network = FullyConnected(3, (4, 2), 2)
    rng = np.random.default_rng(3)
    x = rng.uniform(0, 1, (5, 3)).astype(np.float32)
    free, nudged = rng.choice(np.array([-1, 1], dtype=np.int8), (2, 5, 2, network.num_spins))

    def moved(**settings):
        p = random_parameters(network, 4)
        before = {name: value.copy() for name, value in p.items()}
        optimizer = optimizers.BY_NAME[name](0.04, 0.02, **settings)
        rule = EquilibriumPropagation(network, ExactMachine(), optimizer=optimizer)
        optimizer.step(network, p, rule.gradient(x, Reads(free), Reads(nudged)))
        return before, {name: p[name] - before[name] for name in p}

    before, plain = moved()
    _, own = moved(coupling_learning_rate=0.01)
    _, shrunk = moved(weight_decay=0.5, coupling_learning_rate=0.01)
    for key, factor, loss in (("W0", 1, 0.02), ("W1", 0.25, 0.005), ("b0", 1, 0), ("b1", 1, 0)):
        np.testing.assert_allclose(own[key], factor * plain[key], atol=1e-6)
        np.testing.assert_allclose(shrunk[key], own[key] - loss * before[key], atol=1e-6)
        assert np.abs(plain[key]).max() > 1e-3


def test_cosine_decay_is_half_a_wave_and_stays_at_its_end():
    steps = [decayed("cosine", done, 4) for done in (0, 1, 2, 3, 4, 7)]
    np.testing.assert_allclose(
        steps, [1, (1 + math.sqrt(0.5)) / 2, 0.5, (1 - math.sqrt(0.5)) / 2, 0, 0], atol=1e-12
    )
    assert decayed("constant", 7, 4) == 1


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("filters", [False, True])
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_a_centre_learns_as_from_centred_images(name, filters, scale):
    """With a centre, from x; without, from (x - centre) / scale, weights that are scale times as large, and
    the bias that the centre has as a field. Filters have one bias for all places, so that their centre is the
    same everywhere, channel by channel."""
    network = (
        DeepConvolutional((5, 4, 2), (3,), (2,), 2, kernels=(2,), strides=(2,))
        if filters
        else FullyConnected(5, (4, 2), 2)
    )
    rng = np.random.default_rng(1)
    x = rng.uniform(0, 1, (6, network.num_inputs)).astype(np.float32)
    centre = np.tile(x.reshape(-1, 2).mean(axis=0), 20) if filters else x.mean(axis=0)
    plain = optimizers.BY_NAME[name](0.2, 0.05)
    centred = Centred(plain, centre, scale)
    rule = EquilibriumPropagation(network, ExactMachine(), optimizer=centred)
    p = random_parameters(network, 2)
    q = {name: value.copy() for name, value in p.items()}
    q["b0"] = p["b0"] + centre[: len(p["W0"])] @ p["W0"]
    q["W0"] = scale * p["W0"]
    x_own = (x - centre) / np.float32(scale)
    memories: tuple[Memory, Memory] = ({}, {})
    moved = random_parameters(network, 2)
    for update in range(1, 6):
        free, nudged = rng.choice(np.array([-1, 1], dtype=np.int8), (2, 6, 3, network.num_spins))
        centred.step(network, p, rule.gradient(x, Reads(free), Reads(nudged)), memories[0], update=update)
        plain.step(network, q, rule.gradient(x_own, Reads(free), Reads(nudged)), memories[1], update=update)
    # The same energies of every image and state.
    np.testing.assert_allclose(network.fields(p, x), network.fields(q, x_own), atol=1e-5)
    q["W0"] /= scale
    for key in ("W0", "W1", "b1"):
        np.testing.assert_allclose(p[key], q[key], atol=1e-5)
        assert np.abs(p[key] - moved[key]).max() > 0.003


@pytest.mark.slow
@pytest.mark.parametrize("statistic", ["average", "conditional"])
def test_averages_descend_the_free_energy_contrast(statistic):
    """At inverse temperature b, the mean gradient is 1/beta d/dW [F(nudged) - F(free)], F = -log(Z) / b.

    Z is summed over all states, the derivative taken numerically; 400,000 reads, one Gibbs-like anneal at
    constant temperature each. Every parameter within 5 standard errors: a false alarm in 1e5 runs, and the
    seed is fixed.
    """
    network = FullyConnected(2, (3, 2), 2)
    p = random_parameters(network, 4)
    x = np.array([[0.3, 0.9]], dtype=np.float32)
    target = network.targets([1])
    b, beta, reads = 1.5, 0.7, 400_000
    machine = AnnealingMachine(num_reads=reads, num_sweeps=60, beta_range=(b, b), reverse_fraction=0.0)
    rule = EquilibriumPropagation(network, machine, nudge=beta, statistic=statistic)
    ids = np.zeros(1, dtype=np.uint32)
    fields = network.fields(p, x)
    free = rule.free_phase(p, fields, ids)
    nudged = rule.nudge_phase(p, fields, target, free, ids)
    gradient = rule.gradient(x, free, nudged)
    states = all_states(network.num_spins)

    def contrast(parameters):
        double = {name: value.astype(np.float64) for name, value in parameters.items()}
        h = np.concatenate([double["b0"] + x[0] @ double["W0"], double["b1"]])[None]
        pulled = h.copy()
        pulled[:, network.outputs] -= beta * target
        energies = [exact_energies(network.couplings(double), fields, states)[0] for fields in (pulled, h)]
        return (np.log(np.exp(-b * energies[1]).sum()) - np.log(np.exp(-b * energies[0]).sum())) / b

    # Means of spins and of their products have a standard error of at most 1 / sqrt(reads).
    error = 5 * math.sqrt(2 / reads) / beta
    for name, value in p.items():
        for index in np.ndindex(value.shape):
            up, down = ({k: v.astype(np.float64) for k, v in p.items()} for _ in range(2))
            up[name][index] += 1e-5
            down[name][index] -= 1e-5
            slope = (contrast(up) - contrast(down)) / 2e-5
            assert gradient[name][index] == pytest.approx(slope / beta, abs=error), (name, index)
