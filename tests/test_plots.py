"""Pictures: what is drawn of weights."""

import numpy as np
import pytest

from ising_ep import plots


def drawn(weights, image_shape):
    """The arrays of all pictures in the figure."""
    figure = plots.first_layer_weights(weights, image_shape)
    return [np.asarray(image.get_array()) for axes in figure.axes for image in axes.get_images()], figure


@pytest.fixture
def weights():
    """Of two units, the second with larger weights, of one sign in the first and of both in the second."""
    return np.arange(24, dtype=np.float32)[:, None] * np.array([[0.1, -1.0]], np.float32)


def test_grey_weights_are_drawn_as_they_are_the_largest_first(weights):
    (first, second), figure = drawn(weights, (4, 6, 1))
    np.testing.assert_array_equal(first, weights[:, 1].reshape(4, 6))
    np.testing.assert_array_equal(second, weights[:, 0].reshape(4, 6))
    assert "2 of 2 hidden spins" in figure.get_suptitle()


def test_three_channels_are_colours_and_zero_is_grey(weights):
    (first, second), figure = drawn(weights, (4, 2, 3))
    np.testing.assert_allclose(first, 0.5 - np.arange(24).reshape(4, 2, 3) / 46, atol=1e-6)
    assert second[0, 0, 0] == 0.5
    assert second.max() <= 1
    assert "grey is 0" in figure.get_suptitle()


@pytest.mark.parametrize("channels", [2, 4])
def test_other_channels_are_drawn_side_by_side(weights, channels):
    (first, _), _ = drawn(weights, (3, 8 // channels, channels))
    wanted = weights[:, 1].reshape(3, 8 // channels, channels)
    np.testing.assert_array_equal(first, np.concatenate(np.moveaxis(wanted, 2, 0), axis=1))


def test_inputs_of_no_known_shape_are_one_matrix(weights):
    (first, *_), _ = drawn(weights, None)
    np.testing.assert_array_equal(first, weights)
