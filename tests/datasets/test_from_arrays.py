"""Data sets from a user's arrays: what becomes of them, how a test is split off, what is refused."""

import re

import numpy as np
import pytest

from ising_ep import datasets, training
from ising_ep.config import TrainConfig
from support.data import assert_one_line

X = np.random.default_rng(0).random((12, 3, 2), dtype=np.float32)
Y = np.array(["dog", "cat", "cow"] * 4)


def test_labels_become_positions_among_the_sorted_ones():
    found = datasets.from_arrays(X, Y, X[:3], Y[:3])
    assert found.classes == ("cat", "cow", "dog")
    np.testing.assert_array_equal(np.array(found.classes)[found.y_train], Y)
    np.testing.assert_array_equal(np.array(found.classes)[found.y_test], Y[:3])
    np.testing.assert_array_equal(found.x_train, X.reshape(12, 6))
    np.testing.assert_array_equal(found.x_test, X[:3].reshape(3, 6))
    assert (found.name, found.num_classes, found.image_shape) == ("arrays", 3, (3, 2, 1))


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        ([7, -3, 20] * 4, (-3, 7, 20)),
        ([7.0, -3.0, 20.0] * 4, (-3, 7, 20)),
        (np.array([7, 3, 20] * 4, np.uint8), (3, 7, 20)),
        (np.array([True, False, False] * 4), (False, True)),
        (np.array(["b", "a", "10"] * 4, object), ("10", "a", "b")),
        (np.array([7, -3, 20] * 4, object), (-3, 7, 20)),
    ],
)
def test_labels_of_all_kinds(y, classes):
    found = datasets.from_arrays(X, y, X, y)
    assert found.classes == classes
    assert [type(label) for label in found.classes] == [type(label) for label in classes]
    assert [classes[k] for k in found.y_train] == list(y)
    assert found.y_train.dtype == np.int64


def test_classes_may_be_given_in_another_order_and_be_more():
    found = datasets.from_arrays(X, Y, X, Y, classes=["cow", "hen", "cat", "dog"])
    assert (found.classes, found.num_classes) == (("cow", "hen", "cat", "dog"), 4)
    assert [found.classes[k] for k in found.y_test] == Y.tolist()


@pytest.mark.parametrize(("fraction", "count"), [(None, 20), (0.1, 10), (0.5, 50)])
def test_a_test_is_split_off_class_by_class(fraction, count):
    x, y = np.random.default_rng(1).random((100, 5)), np.repeat(["a", "b", "c"], [60, 30, 10])
    given = {} if fraction is None else {"test_fraction": fraction}
    found = datasets.from_arrays(x, y, **given)
    assert len(found.y_test) == count
    np.testing.assert_array_equal(np.bincount(found.y_test), np.array([0.6, 0.3, 0.1]) * count)
    # Every image is there once, with its own label.
    rows = np.concatenate([found.x_train, found.x_test])
    labels = np.concatenate([found.y_train, found.y_test])
    order = np.argsort(rows[:, 0])
    wanted = np.argsort(x[:, 0])
    np.testing.assert_array_equal(rows[order], x[wanted].astype(np.float32))
    np.testing.assert_array_equal(np.array(found.classes)[labels[order]], y[wanted])


def test_the_split_follows_the_seed():
    first, same, other = (datasets.from_arrays(X, Y, test_fraction=0.5, seed=seed) for seed in (0, None, 1))
    assert first.fingerprint() == same.fingerprint() != other.fingerprint()


def test_pixels_are_those_of_a_file(tmp_path):
    """What a user gives as arrays, and what they save and load, is the same data set."""
    pixels = np.random.default_rng(2).integers(0, 256, (12, 2, 2, 3), dtype=np.uint8)
    labels = np.arange(12) % 3
    np.savez(tmp_path / "mine.npz", x_train=pixels, y_train=labels, x_test=pixels, y_test=labels)
    loaded = datasets.load_npz(tmp_path / "mine.npz")
    found = datasets.from_arrays(pixels, labels, pixels, labels, name="mine")
    assert found.fingerprint() == loaded.fingerprint()
    assert found.image_shape == loaded.image_shape == (2, 2, 3)
    lit = datasets.from_arrays(pixels > 99, labels)
    assert set(np.unique(lit.x_train)) == {0, 1}


def test_it_trains():
    x = np.repeat(np.eye(4, dtype=np.float32), 5, axis=0).reshape(20, 2, 2)
    data = datasets.from_arrays(x, np.repeat(["north", "west", "east", "south"], 5))
    config = TrainConfig(layers=(8, 4), epochs=5, learning_rate=0.1, num_reads=3, num_sweeps=20)
    assert training.train(config, data).history[-1]["test_accuracy"] == 1


FEW = np.array([0] * 11 + [1])


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ({"y_train": Y[:-1]}, "mine: x_train has 12 images, y_train 11 labels"),
        ({"y_train": None}, "mine: y_train is missing, expected x_train and y_train"),
        ({"x_test": X}, "mine: y_test is missing, expected x_test and y_test"),
        ({"y_test": Y}, "mine: x_test is missing, expected x_test and y_test"),
        ({"x_train": [[1.0], [2.0, 3.0]]}, "mine: x_train is no array: setting an array element"),
        (
            {"x_train": np.zeros((12, 2), int)},
            "mine: x_train holds int64, expected uint8, booleans or floats",
        ),
        ({"x_train": 255 * X}, "mine: x_train holds values up to 2"),
        ({"x_train": -255 * X}, "mine: x_train holds values up to -2"),
        ({"x_train": np.ma.masked_greater(X, X.mean())}, "mine: x_train has "),
        ({"y_train": np.ma.masked_equal(np.arange(12), 3)}, "mine: y_train has 1 masked values"),
        ({"y_train": ["a", 1] * 6}, "mine: y_train holds [1], expected integers alone, or strings alone"),
        ({"test_fraction": "0.2"}, "test_fraction is '0.2', expected a number"),
        ({"classes": 3}, "mine: classes is 3, expected a list of labels"),
        ({"name": 5}, "name is 5, expected"),
        ({"x_train": X * np.nan}, "mine: x_train holds nan in image 0"),
        ({"x_train": X[:, 0, 0]}, "mine: x_train has shape (12,), expected (images, pixels)"),
        ({"x_test": X[:, :2], "y_test": Y}, "mine: x_test has images (2, 2), expected (3, 2) as x_train"),
        ({"x_test": X[:0], "y_test": Y[:0]}, "mine: x_test has shape (0, 3, 2)"),
        ({"y_train": Y[:, None]}, "mine: y_train has shape (12, 1), expected (labels,)"),
        ({"y_train": np.arange(12) + 0.5}, "mine: y_train holds 0.5, expected whole numbers"),
        ({"y_train": np.full(12, np.nan)}, "mine: y_train holds nan, expected whole numbers"),
        ({"y_train": Y.astype(bytes)}, "mine: y_train holds |S3, expected integers, booleans or strings"),
        ({"y_train": ["a", None] * 6}, "mine: y_train holds [None], expected integers alone, or strings"),
        ({"y_train": [{}] * 12}, "mine: y_train holds [{}], expected integers alone, or strings alone"),
        ({"y_train": ["a"] * 12}, "mine: y_train holds ['a'] alone, expected two classes or more"),
        (
            {"x_test": X, "y_test": np.full(12, "hen")},
            "mine: y_test holds 'hen', expected one of the classes",
        ),
        ({"x_test": X, "y_test": np.arange(12)}, "y_test holds 0, expected one of the classes 'cat', 'cow'"),
        ({"classes": ["cat", "dog"]}, "mine: y_train holds 'cow', expected one of the classes 'cat', 'dog'"),
        ({"classes": ["cat", "dog", "cat"]}, "mine: classes holds 'cat', expected different integers or"),
        ({"classes": ["cat", 1.5]}, "mine: classes holds 1.5, expected different integers or strings"),
        ({"classes": []}, "mine: classes holds [] alone, expected two classes or more"),
        ({"y_train": FEW}, "mine: y_train has 1 label 1, expected 2 or more of each class"),
        ({"test_fraction": 0.1}, "mine: y_train: cannot be split by test_fraction 0.1 (The test_size = 2"),
        ({"test_fraction": 0}, "test_fraction is 0, expected a number between 0 and 1"),
        ({"test_fraction": 3}, "test_fraction is 3, expected a number between 0 and 1"),
        ({"seed": -1}, "seed is -1, expected an integer from 0 to 4294967295"),
        ({"x_test": X, "y_test": Y, "seed": 0}, "mine: seed is 0, but test images are given"),
        ({"x_test": X, "y_test": Y, "test_fraction": 0.2}, "mine: test_fraction is 0.2, but test images"),
    ],
)
def test_what_is_refused(arguments, part):
    with pytest.raises((TypeError, ValueError), match=re.escape(part)) as error:
        datasets.from_arrays(**{"x_train": X, "y_train": Y, "name": "mine"} | arguments)
    assert_one_line(error)
