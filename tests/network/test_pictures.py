"""What the pictures of weights show."""

from __future__ import annotations

import numpy as np
import pytest

from ising_ep import plots
from ising_ep.network import Convolution, Convolutional, Dense, FullyConnected, Input, Network, Skip, stack


def drawn(network, image_shape):
    """The arrays of the pictures of the input's weights, largest first, and the weights."""
    parameters = network.initial_parameters(np.random.default_rng(0))
    figure = plots.input_weights(network, parameters, image_shape)
    return [axes.images[0].get_array() for axes in figure.axes if axes.images], parameters["W0"]


def colours(network):
    pictures, weights = drawn(network, None)
    limit = np.abs(weights).max()
    order = np.argsort(-np.linalg.norm(weights, axis=0), kind="stable")
    for picture, unit in zip(pictures, order, strict=True):
        field = weights[:, unit].reshape(picture.shape)
        np.testing.assert_allclose(picture, (1 + field / limit) / 2, atol=1e-6)
    return pictures[0].shape


@pytest.mark.parametrize("image_shape", [(2, 3), (2, 3, 1)])
def test_grey_images_are_shown_as_such(image_shape):
    pictures, weights = drawn(FullyConnected(6, (5, 4), 2), image_shape)
    shown = np.stack(pictures[:5]).reshape(5, 6)
    np.testing.assert_array_equal(np.sort(shown, axis=0), np.sort(weights.T, axis=0))
    assert pictures[0].shape == (2, 3)


def test_inputs_of_no_known_shape_are_one_matrix():
    pictures, weights = drawn(FullyConnected(6, (5, 4), 2), None)
    np.testing.assert_array_equal(pictures[0], weights)


def test_filters_are_shown_as_the_window_that_they_see():
    assert drawn(Convolutional((3, 3), 2), (3, 3))[0][0].shape == (2, 2)
    hidden, output = stack(hidden=(2, 2, 4), output=(2,))
    dense = Dense("W1", hidden, output)
    in_colours = Convolution("W0", Input((4, 4, 3)), hidden, (3, 3))
    assert colours(Network((hidden, output), [in_colours, dense], 2)) == (3, 3, 3)
    # Two channels stand side by side.
    other = Network((hidden, output), [Convolution("W0", Input((4, 4, 2)), hidden, (3, 3)), dense], 2)
    pictures, weights = drawn(other, None)
    first = weights[:, np.argmax(np.linalg.norm(weights, axis=0))].reshape(3, 3, 2)
    np.testing.assert_array_equal(pictures[0], np.concatenate([first[..., 0], first[..., 1]], axis=1))


def test_a_network_without_weights_of_the_input_has_no_such_picture():
    first, output = stack(first=(4,), output=(2,))
    network = Network((first, output), [Skip(Input((4,)), first), Dense("W1", first, output)], 2)
    parameters = network.initial_parameters(np.random.default_rng(0))
    assert plots.input_weights(network, parameters, (2, 2)) is None
