"""What a machine is given of the parameters: rounded, with errors, in learning, tests and kept models."""

from __future__ import annotations

import numpy as np
import pytest

import ising_ep
from ising_ep import EPClassifier, datasets, training
from ising_ep.config import TrainConfig
from ising_ep.learning import EquilibriumPropagation, Programming
from ising_ep.learning.programming import rounded
from ising_ep.network import FullyConnected
from support.machines import random_parameters
from support.problems import energies_of

DIGITS = datasets.load_digits(train_per_class=8, test_per_class=4)
SMALL = {
    "layers": (12, 20),
    "epochs": 2,
    "batch_size": 8,
    "num_reads": 3,
    "num_sweeps": 15,
    "learning_rate": 0.02,
}
NETWORK = FullyConnected(30, (40, 10), 10)


def config_of(**settings):
    return TrainConfig.checked({"dataset": "digits", **SMALL, **settings})


def same(first, second):
    assert first.keys() == second.keys()
    return all(np.array_equal(value, second[name]) for name, value in first.items())


@pytest.mark.parametrize("bits", [2, 3, 5, 8])
@pytest.mark.parametrize("limit", [1.0, 0.3])
def test_numbers_come_to_the_nearest_of_the_levels(bits, limit):
    """2^bits - 1 of equal distance over the scale; the ends for what is beyond."""
    levels = limit * np.linspace(-1, 1, 2**bits - 1)
    values = np.random.default_rng(0).uniform(-1.5 * limit, 1.5 * limit, 3000).astype(np.float32)
    found = rounded(values, bits, limit)
    assert found.dtype == np.float32
    nearest = levels[np.abs(values[:, None] - levels).argmin(axis=1)]
    np.testing.assert_allclose(found, nearest, atol=1e-6)
    assert len(np.unique(found)) == len(levels)
    np.testing.assert_array_equal(rounded(found, bits, limit), found)
    np.testing.assert_array_equal(rounded(-values, bits, limit), -found)


def test_errors_have_their_size_and_are_those_of_the_seed():
    parameters = random_parameters(NETWORK, 1)
    programming = Programming(bits=4, noise=0.05)
    held = programming.held(parameters)
    found = programming.with_errors(NETWORK, parameters, [7, 3])
    errors = np.concatenate([(found[name] - held[name]).ravel() for name in ("W0", "b0", "b1")])
    assert abs(errors.mean()) < 4 * 0.05 / np.sqrt(errors.size)
    assert errors.std() == pytest.approx(0.05, rel=4 / np.sqrt(2 * errors.size))
    reordered = dict(sorted(parameters.items()))
    assert list(reordered) != list(parameters)
    assert same(found, programming.with_errors(NETWORK, reordered, [7, 3]))
    assert not same(found, programming.with_errors(NETWORK, parameters, [7, 4]))


def test_couplings_with_errors_keep_within_their_bounds():
    parameters = {name: np.ones(shape, dtype=np.float32) for name, shape in NETWORK.shapes().items()}
    found = Programming(noise=0.1).with_errors(NETWORK, parameters, [0])
    assert np.abs(found["W1"]).max() == 1
    assert found["W0"].max() > 1


def test_without_bits_and_noise_parameters_are_themselves():
    parameters = random_parameters(NETWORK, 1)
    before = {name: value.copy() for name, value in parameters.items()}
    exact = Programming()
    assert exact.held(parameters) is parameters
    assert exact.with_errors(NETWORK, parameters, [0]) is parameters
    exact.bound(parameters)
    assert same(parameters, before)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"bits": 1}, "bits is 1, expected an integer from 2 to 16"),
        ({"bits": 17}, "bits is 17, expected an integer from 2 to 16"),
        ({"bits": 4.5}, "bits is 4.5, expected an integer from 2 to 16"),
        ({"noise": -0.1}, "noise is -0.1, expected 0 to 1"),
        ({"noise": float("nan")}, "noise is nan, expected 0 to 1"),
        ({"noise": "much"}, "noise is 'much', expected a number"),
    ],
)
def test_what_is_no_number_of_bits_or_size_of_errors_is_refused(settings, message):
    with pytest.raises((ValueError, TypeError), match=message):
        Programming(**settings)
    (name, value), = settings.items()  # fmt: skip
    with pytest.raises(ValueError, match=f"weight_{name} is "):
        config_of(**{f"weight_{name}": value})


class Recorder:
    """Makes rules that write down what parameters they are given to learn from, and to test with."""

    def __init__(self):
        self.compared, self.predicted = [], []

    def __call__(self, **settings):
        recorder = self

        class Recorded(EquilibriumPropagation):
            def compare(self, parameters, *others):
                recorder.compared.append(parameters)
                return super().compare(parameters, *others)

            def predict(self, parameters, batches):
                recorder.predicted.append(parameters)
                return super().predict(parameters, batches)

        return Recorded(**settings)


def on_levels(parameters, bits):
    return all(np.array_equal(value, rounded(value, bits)) for value in parameters.values())


@pytest.mark.parametrize("more", [{}, {"optimizer": "adam", "centre": True, "learning_rate": 0.1}])
def test_phases_and_tests_have_rounded_parameters_and_steps_have_not(more):
    recorder = Recorder()
    state = training.train(config_of(weight_bits=4, **more), DIGITS, rule=recorder)
    assert len(recorder.compared) == state.updates
    assert all(on_levels(each, 4) for each in recorder.compared + recorder.predicted)
    assert len(recorder.predicted) == 2
    assert same(recorder.predicted[-1], Programming(bits=4).held(state.parameters))
    assert not any(np.array_equal(value, rounded(value, 4)) for value in state.parameters.values())
    assert all(np.abs(value).max() <= 1 for value in state.parameters.values())


def test_errors_are_new_in_each_batch_and_not_those_of_tests():
    recorder = Recorder()
    state = training.train(config_of(weight_noise=0.05, epochs=1), DIGITS, rule=recorder)
    offsets = [each["W0"] - recorder.compared[0]["W0"] for each in recorder.compared[1:]]
    # Steps are far smaller than the errors.
    assert all(offset.std() > 0.05 for offset in offsets)
    assert same(recorder.predicted[0], state.parameters)


def test_models_that_are_kept_are_those_that_were_tested(tmp_path):
    """In a run folder and in a file, as a classifier and by its states."""
    state = training.train(config_of(weight_bits=3, test_reads=5), DIGITS, folder=tmp_path / "run")
    model = ising_ep.load(tmp_path / "run")
    assert same(model.parameters, state.parameters)
    assert model.predict(DIGITS.x_test).tolist() == state.predictions
    assert model.evaluate(DIGITS.x_test, DIGITS.y_test).loss == state.history[-1]["test_loss"]
    outputs = model.outputs(DIGITS.x_test)
    by_hand = training.Trained(config_of(test_reads=5), DIGITS, Programming(bits=3).held(state.parameters))
    np.testing.assert_array_equal(by_hand.outputs(DIGITS.x_test), outputs)
    exact = training.Trained(config_of(test_reads=5), DIGITS, state.parameters)
    assert not np.array_equal(exact.outputs(DIGITS.x_test), outputs)
    model.save(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(
        ising_ep.load(tmp_path / "model.safetensors").outputs(DIGITS.x_test), outputs
    )
    assert same(EPClassifier.load(tmp_path / "run").parameters_, model.held)
    answer = model.sample(DIGITS.x_test)
    fields = np.clip(model.network.fields(model.held, DIGITS.x_test), -4, 4)
    wanted = energies_of(model.network.couplings(model.held), fields, answer.states)
    np.testing.assert_allclose(answer.energies, wanted, atol=1e-3)


@pytest.mark.slow
def test_training_takes_back_what_rounding_costs():
    """Weights of 4 bits: most are 0 where they are rounded after training."""
    data = datasets.load_digits(train_per_class=60, test_per_class=16)
    averages = {"statistic": "average", "beta_range": (0.3, 4.0), "nudge": 4.0, "symmetric": True}
    adam = {"optimizer": "adam", "decay": "cosine", "learning_rate": 0.01, "bias_learning_rate": 0.01}
    sizes = {"layers": (40, 20), "epochs": 8, "batch_size": 20, "num_reads": 2}
    accuracies = []
    for more in ({}, {"weight_bits": 4}):
        config = config_of(**sizes | averages | adam | more)
        held = Programming(bits=4).held(training.train(config, data).parameters)
        accuracies.append(training.evaluate(config, data, held, data.x_test, data.y_test).accuracy)
    after, so = accuracies
    assert so > after + 0.1
