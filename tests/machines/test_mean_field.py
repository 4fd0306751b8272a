"""Mean fields: their resting points, the gradient that they give, and training on them."""

from __future__ import annotations

import numpy as np
import pytest

from ising_ep import datasets, training
from ising_ep.config import TrainConfig
from ising_ep.learning import EquilibriumPropagation
from ising_ep.machines import AnnealingMachine
from ising_ep.machines.mean_field import MeanFieldMachine
from ising_ep.network import FullyConnected
from support.machines import random_parameters
from support.networks import NETWORKS, images_for


def at_rest(network, parameters, x, machine):
    fields, couplings = network.fields(parameters, x), network.couplings(parameters)
    ids = np.arange(len(x), dtype=np.uint32)
    return fields, couplings, machine.sample(couplings, fields, seed=0, problem_ids=ids)


@pytest.mark.parametrize("name", NETWORKS)
def test_each_mean_is_that_of_the_field_of_the_others(name):
    network, rng = NETWORKS[name](), np.random.default_rng(0)
    p, x = random_parameters(network, 1), images_for(network, 20, rng)
    machine = MeanFieldMachine(num_sweeps=300, beta_range=(0.7, 0.7))
    fields, (rows, cols, values), answer = at_rest(network, p, x, machine)
    m = answer.states[:, 0].astype(np.float64)
    matrix = np.zeros((network.num_spins, network.num_spins))
    np.add.at(matrix, (rows, cols), values)
    matrix += matrix.T
    np.testing.assert_allclose(m, np.tanh(-0.7 * (fields + m @ matrix)), atol=1e-5)
    wanted = (fields * m).sum(axis=1) + ((m @ matrix) * m).sum(axis=1) / 2
    np.testing.assert_allclose(answer.energies[:, 0], wanted, atol=1e-4)


def test_threads_and_batches_change_nothing():
    network, rng = NETWORKS["convolution"](), np.random.default_rng(0)
    p, x = random_parameters(network, 1), images_for(network, 50, rng)
    *_, whole = at_rest(network, p, x, MeanFieldMachine(num_threads=2))
    alone = MeanFieldMachine(num_threads=1)
    parts = [at_rest(network, p, x[k : k + 7], alone)[2].states for k in range(0, 50, 7)]
    np.testing.assert_array_equal(whole.states, np.concatenate(parts))


HELD_TO_PIXELS = ("clamp", "convolutional")


@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in HELD_TO_PIXELS])
def test_the_gradient_is_that_of_the_squared_error(name):
    """At rest, and for small symmetric nudges: d/dp |t - o|^2 / 4, taken numerically, over all images."""
    network, rng = NETWORKS[name](), np.random.default_rng(1)
    p, x = random_parameters(network, 2), images_for(network, 2, rng)
    target = network.targets(rng.integers(network.num_classes, size=2))
    ids = np.arange(2, dtype=np.uint32)
    machine = MeanFieldMachine(num_sweeps=400, nudge_sweeps=400, beta_range=(0.6, 0.6))
    rule = EquilibriumPropagation(
        network, machine, nudge=0.05, symmetric=True, statistic="average", field_limit=np.inf
    )
    gradient, outputs = rule.compare(p, x, target, ids)

    def error(parameters):
        *_, answer = at_rest(network, parameters, x, machine)
        o = answer.states[:, 0, network.outputs].astype(np.float64)
        return ((target - o) ** 2).sum() / 4 / len(x)

    *_, answer = at_rest(network, p, x, machine)
    np.testing.assert_array_equal(outputs, answer.states[:, 0, network.outputs])
    for key, value in p.items():
        for index in list(np.ndindex(value.shape))[:10]:
            ends = []
            for step in (0.02, -0.02):
                moved = {k: v.copy() for k, v in p.items()}
                moved[key][index] += step
                ends.append(error(moved))
            assert gradient[key][index] == pytest.approx((ends[0] - ends[1]) / 0.04, abs=2e-3), (key, index)


def test_a_nudge_goes_on_from_the_means():
    """One sweep from a resting point that is not nudged leaves it; from 0 it does not get there."""
    network, x = FullyConnected(3, (4, 2), 2), np.ones((1, 3), dtype=np.float32)
    p, ids = random_parameters(network, 3), np.zeros(1, dtype=np.uint32)
    machine = MeanFieldMachine(num_sweeps=200, nudge_sweeps=1, beta_range=(1.0, 1.0))
    fields, couplings, answer = at_rest(network, p, x, machine)
    again = machine.sample(couplings, fields, initial_states=answer.states, seed=0, problem_ids=ids)
    np.testing.assert_allclose(again.states, answer.states, atol=1e-6)
    *_, short = at_rest(network, p, x, MeanFieldMachine(num_sweeps=1, beta_range=(1.0, 1.0)))
    assert np.abs(short.states - answer.states).max() > 1e-3


def test_one_sweep_takes_a_nudge_down_to_the_first_layer():
    network, x = FullyConnected(3, (4, 4, 4, 2), 2), np.ones((1, 3), dtype=np.float32)
    p, ids = random_parameters(network, 3), np.zeros(1, dtype=np.uint32)
    machine = MeanFieldMachine(num_sweeps=200, nudge_sweeps=1, beta_range=(1.0, 1.0))
    fields, couplings, answer = at_rest(network, p, x, machine)
    fields[:, network.outputs] += 0.5
    nudged = machine.sample(couplings, fields, initial_states=answer.states, seed=0, problem_ids=ids)
    moved = np.abs(nudged.states - answer.states)[0, 0]
    assert all(moved[layer].max() > 1e-4 for layer in network.slices)


@pytest.mark.slow
def test_it_learns_digits_and_its_weights_serve_spins():
    """Chance is 0.1; sampled spins of the same weights at the same temperature are as good within 0.1."""
    data = datasets.load_digits(train_per_class=100, test_per_class=15)
    settings = {
        "dataset": "digits",
        "machine": "mean-field",
        "layers": (40, 20),
        "epochs": 15,
        "batch_size": 20,
        "optimizer": "adam",
        "symmetric": True,
        "nudge": 0.5,
        "learning_rate": 0.005,
        "bias_learning_rate": 0.003,
        "centre": True,
    }
    config = TrainConfig.checked(settings)
    state = training.train(config, data)
    alone = state.history[-1]["test_accuracy"]
    assert alone > 0.8
    spins = AnnealingMachine(num_reads=10, num_sweeps=30, beta_range=config.beta_range)
    found = training.evaluate(config, data, state.parameters, data.x_test, data.y_test, machine=spins)
    assert found.accuracy > alone - 0.1


def test_what_is_no_mean_is_refused():
    network = FullyConnected(3, (4, 2), 2)

    class Loud(MeanFieldMachine):
        def sample(self, *given, **more):
            answer = super().sample(*given, **more)
            return type(answer)(answer.states * 2 + 1, answer.energies)

    rule = EquilibriumPropagation(network, Loud(), statistic="average")
    p, x = random_parameters(network, 3), np.ones((2, 3), dtype=np.float32)
    with pytest.raises(
        ValueError, match=r"^the machine answered with other states than numbers from -1 to 1"
    ):
        rule.free_phase(p, network.fields(p, x), np.arange(2, dtype=np.uint32))
    with pytest.raises(ValueError, match=r"statistic is average, but machine mean-field has one read"):
        TrainConfig.checked({"machine": "mean-field", "statistic": "average"})
