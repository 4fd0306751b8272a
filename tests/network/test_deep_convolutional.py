"""The deep convolutional network: its layers, what is refused, and that it learns."""

from __future__ import annotations

import numpy as np
import pytest

from ising_ep import datasets, training
from ising_ep.config import TrainConfig, preset
from ising_ep.network import DeepConvolutional


def test_layers_follow_from_windows_and_strides():
    network = DeepConvolutional((12, 10, 3), (4, 5), (6, 4), 2, kernels=(4, 3), strides=(2, 1))
    assert [layer.shape for layer in network.layers] == [(5, 4, 4), (3, 2, 5), (6,), (4,)]
    assert network.shapes() == {
        "W0": (4 * 4 * 3, 4),
        "b0": (4,),
        "W1": (3 * 3 * 4, 5),
        "b1": (5,),
        "W2": (3 * 2 * 5, 6),
        "b2": (6,),
        "W3": (6, 4),
        "b3": (4,),
    }
    assert network.num_couplings == 6 * 36 * 5 + 30 * 6 + 24


def test_gains_are_those_of_each_layer_or_of_all_but_the_first():
    def largest(gains):
        network = DeepConvolutional((9, 9, 1), (8, 8), (20,), 2, kernels=(3,), gains=gains)
        drawn = network.initial_parameters(np.random.default_rng(0))
        return [np.abs(drawn[f"W{k}"]).max() * drawn[f"W{k}"].shape[0] ** 0.5 for k in range(3)]

    np.testing.assert_allclose(largest(None), [0.5, 0.25, 0.25], rtol=0.1)
    np.testing.assert_allclose(largest((0.1,)), [0.5, 0.1, 0.1], rtol=0.1)
    np.testing.assert_allclose(largest((0.3, 0.2, 0.1)), [0.3, 0.2, 0.1], rtol=0.1)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"filters": (4, 4)}, "kernels are (5, 5), but the 5 x 5 windows of layer 2 do not fit into 2 x 2"),
        ({"filters": (4,), "kernels": (9,)}, "kernels are (9,), but the 9 x 9 windows of layer 1 do not fit"),
        (
            {"filters": (4,), "kernels": (3, 3)},
            "kernels are (3, 3), expected numbers of at least 1, one, or one",
        ),
        ({"filters": (4,), "strides": (2, 2)}, "strides are (2, 2), expected numbers of at least 1"),
        (
            {"filters": (4,), "gains": (1.0, 1.0, 1.0)},
            "gains are (1.0, 1.0, 1.0), expected one, or one for each",
        ),
        ({"filters": (4,), "layers": (15,)}, "the output layer has 15 spins, expected a multiple of the 10"),
        ({"filters": ()}, "filters"),
        ({"filters": (4, 0)}, "filters"),
        ({"strides": (0,)}, "strides"),
    ],
)
def test_what_does_not_fit_is_one_line(settings, text):
    def build():
        config = TrainConfig.checked({"network": "deep-convolutional", "dataset": "digits"} | settings)
        training.network_of(config, datasets.load_digits())

    with pytest.raises(ValueError) as error:  # noqa: PT011
        build()
    assert text in str(error.value)
    assert "\n" not in str(error.value)


def test_images_of_no_known_shape_are_refused():
    rows = datasets.from_arrays(np.random.default_rng(0).random((20, 64)), [0, 1] * 10)
    with pytest.raises(ValueError, match="takes images of a known height and width"):
        training.train(TrainConfig.checked({"network": "deep-convolutional", "dataset": "rows"}), rows)


@pytest.mark.slow
def test_it_learns_digits():
    """720 images, centred, by means: 0.5 is far above the chance of 0.1."""
    changes = {
        "dataset": "digits",
        "network": "deep-convolutional",
        "filters": (8,),
        "kernels": (3,),
        "strides": (1,),
        "layers": (20,),
        "statistic": "conditional",
        "shift": 0,
        "epochs": 4,
        "num_reads": 2,
        "test_reads": 2,
    }
    data = datasets.load_digits(train_per_class=72, test_per_class=15)
    state = training.train(TrainConfig.checked(preset("mnist-100") | changes), data)
    assert state.history[-1]["test_accuracy"] > 0.5
