"""The paper's convolutional network: its energy, its update, its layout, and that it learns the patterns."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ising_ep import datasets, training
from ising_ep.config import TrainConfig
from ising_ep.learning import SGD, EquilibriumPropagation
from ising_ep.network import Convolutional, Reads
from support.machines import ExactMachine, exact_energies


def parameters(network: Convolutional, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {n: rng.uniform(-0.6, 0.6, s).astype(np.float32) for n, s in network.shapes().items()}


def energy(network: Convolutional, p, x, state) -> float:
    """The energy of the module's docstring, patch by patch; x is an image, state one of its spins."""
    height, width, _ = network.interactions[0].before.shape
    image = x.reshape(height, width)
    patches = [image[i : i + 2, j : j + 2].ravel() for i in range(height - 1) for j in range(width - 1)]
    inputs = state[: 4 * len(patches)].reshape(-1, 4)
    convolved, pools = (state[layer.spins] for layer in network.layers[1:3])
    filters, outputs = convolved.reshape(-1, len(pools)), state[network.outputs]
    total = -2 * sum(patch @ spins for patch, spins in zip(patches, inputs, strict=True))
    total += sum(s @ p["W0"] @ f for s, f in zip(inputs, filters, strict=True))
    total -= sum(f @ pools for f in filters) / len(patches)
    return float(total + pools @ p["W1"] @ outputs)


@pytest.mark.parametrize(("shape", "filters"), [((3, 3), 4), ((2, 4), 3)])
def test_energy_is_that_of_the_docstring(shape, filters):
    network = Convolutional(shape, num_classes=2, filters=filters)
    p, rng = parameters(network, 1), np.random.default_rng(2)
    x = rng.choice(np.array([-1, 1], dtype=np.float32), (3, shape[0] * shape[1]))
    states = rng.choice(np.array([-1, 1], dtype=np.int8), (20, network.num_spins))
    got = exact_energies(network.couplings(p), network.fields(p, x).astype(np.float64), states)
    wanted = [[energy(network, p, image, s.astype(np.float64)) for s in states] for image in x]
    np.testing.assert_allclose(got, wanted, atol=1e-5)


def test_update_is_the_contrast_of_the_energys_derivatives():
    network = Convolutional((3, 3), num_classes=2)
    p, rng = parameters(network, 3), np.random.default_rng(4)
    x = rng.choice(np.array([-1, 1], dtype=np.float32), (2, 9))
    free, nudged = rng.choice(np.array([-1, 1], dtype=np.int8), (2, 2, 3, network.num_spins))
    rule = EquilibriumPropagation(network, ExactMachine(), nudge=2.0, optimizer=SGD(0.05))
    updated = {name: value.copy() for name, value in p.items()}
    rule.optimizer.step(network, updated, rule.gradient(x, Reads(free), Reads(nudged)))
    step = 1e-3
    for name, value in p.items():
        for index in np.ndindex(value.shape):
            slope = 0.0
            for sign, states in ((1, nudged), (-1, free)):
                for image, reads in zip(x, states, strict=True):
                    for state in reads.astype(np.float64):
                        up, down = ({k: v.astype(np.float64) for k, v in p.items()} for _ in range(2))
                        up[name][index] += step
                        down[name][index] -= step
                        difference = energy(network, up, image, state) - energy(network, down, image, state)
                        slope += sign * difference / (2 * step)
            wanted = np.clip(value[index] - 0.05 / (2.0 * 2 * 3) * slope, -1, 1)
            assert updated[name][index] == pytest.approx(wanted, abs=1e-5), (name, index)


def test_inputs_are_the_four_windows_of_the_image():
    network = Convolutional((3, 3), num_classes=2)
    fields = network.fields({}, np.arange(9, dtype=np.float32)[None])
    np.testing.assert_array_equal(fields[0, :16] / -2, [0, 1, 3, 4, 1, 2, 4, 5, 3, 4, 6, 7, 4, 5, 7, 8])
    assert not fields[0, 16:].any()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"image_shape": (1, 3)}, r"image_shape is \(1, 3\)"),
        ({"num_classes": 1}, "num_classes is 1"),
        ({"filters": 0}, "filters is 0"),
        ({"spins_per_class": 0}, "spins_per_class is 0"),
    ],
)
def test_impossible_networks_are_refused(arguments, text):
    with pytest.raises(ValueError, match=text):
        Convolutional(**({"image_shape": (3, 3), "num_classes": 2} | arguments))


def test_grey_images_are_refused():
    config = TrainConfig.checked({"network": "convolutional"})
    text = (
        r"^digits: x_train: a convolutional network takes images of -1 and \+1, and a pixel of image 0 is 0$"
    )
    with pytest.raises(ValueError, match=text):
        training.train(config, datasets.load_digits(train_per_class=1))


def test_grey_images_are_refused_before_a_chip_is_searched():
    """A chip on which no layout would be found."""
    config = TrainConfig.checked({"network": "convolutional", "machine": "chip", "chip": "chimera:1"})
    patterns = datasets.load_patterns()
    x_test = patterns.x_test.copy()
    x_test[1, 3] = 0.5
    text = r"^patterns: x_test: .*, and a pixel of image 1 is 0\.5$"
    with pytest.raises(ValueError, match=text):
        training.train(config, dataclasses.replace(patterns, x_test=x_test))


@pytest.mark.slow
@pytest.mark.parametrize("machine", ["annealing", "chip"])
@pytest.mark.parametrize("seed", range(3))
def test_the_patterns_are_learned_within_twenty_epochs(machine, seed):
    """Both right, with no output spin wrong, in one epoch at least: as the paper's figure shows."""
    settings = {"dataset": "patterns", "network": "convolutional", "machine": machine, "seed": seed}
    if machine == "chip":
        settings["chip"] = "chimera:16"  # the paper's
    state = training.train(TrainConfig.checked(settings), datasets.load_patterns())
    assert len(state.history) == 20
    assert min((row["test_loss"], -row["test_accuracy"]) for row in state.history) == (0, -1)
