"""The class that holds a data set: what it checks, the shape of its images, its fingerprint."""

import re
from dataclasses import replace

import numpy as np
import pytest

from ising_ep import datasets
from support.data import assert_one_line, npz_bytes, small_arrays


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"x_train": 255 * np.ones((20, 6), np.float32)},
            "x_train holds values up to 255 with root mean square",
        ),
        ({"x_test": np.full((10, 6), 1e30, np.float32)}, "x_test holds values up to 1e+30"),
        ({"x_train": np.full((20, 6), np.nan, np.float32)}, "x_train holds nan in image 0"),
        ({"x_train": np.ones((20, 6))}, "x_train is float64 of shape (20, 6), expected float32"),
        ({"x_train": np.ones((20, 6), np.uint8)}, "x_train is uint8 of shape (20, 6), expected float32"),
        ({"x_train": np.ones((20, 3, 2), np.float32)}, "expected float32 (images, pixels)"),
        ({"y_train": np.zeros(19, np.int64)}, "x_train has 20 images, y_train 19 labels"),
        ({"y_train": np.full(20, 10)}, "y_train holds label 10, expected 0..9"),
        ({"y_test": np.full(10, -1)}, "y_test holds label -1"),
        ({"y_test": np.full(10, "a")}, "y_test holds <U1, expected integers"),
        ({"x_test": np.ones((10, 5), np.float32)}, "x_test has images (5,), expected (6,)"),
        ({"image_shape": (3, 3)}, "image_shape is (3, 3), expected 6 pixels"),
        ({"image_shape": (3, 2, 3)}, "image_shape is (3, 2, 3), expected 6 pixels"),
        ({"image_shape": (6,)}, "image_shape is (6,), expected (height, width) or (height, width, channels)"),
        ({"image_shape": (3, 2, 1, 1)}, "image_shape is (3, 2, 1, 1), expected (height, width) or"),
        ({"image_shape": (-3, -2)}, "image_shape is (-3, -2), expected (height, width) or"),
        ({"image_shape": (1.5, 4)}, "image_shape is (1.5, 4), expected (height, width) or"),
        ({"classes": ("a", "b")}, "classes are 2, expected 10"),
        ({"classes": "abcdefghij"}, "classes is 'abcdefghij', expected a tuple of labels"),
        ({"image_shape": 6}, "image_shape is 6, expected (height, width) or"),
        ({"num_classes": 10.5}, "num_classes is 10.5, expected an integer"),
        ({"num_classes": "10"}, "num_classes is '10', expected an integer"),
        ({"x_train": [[1.0]]}, "x_train is [[1.0]], expected an object of class ndarray"),
        ({"y_test": None}, "y_test is None, expected an object of class ndarray"),
        ({"x_train": np.ma.ones((20, 6), np.float32)}, "x_train is a masked array"),
        ({"name": 5}, "name is 5, expected an object of class str"),
    ],
)
def test_a_data_set_made_by_hand_is_checked(tmp_path, changes, text):
    (tmp_path / "mine.npz").write_bytes(npz_bytes())
    good = datasets.load_npz(tmp_path / "mine.npz")
    with pytest.raises((TypeError, ValueError), match=re.escape(text)) as error:
        replace(good, **changes)
    assert str(error.value).startswith("name is" if "name" in changes else "mine: ")
    assert_one_line(error)


def test_fingerprint_sees_every_array(tmp_path):
    path = tmp_path / "mine.npz"
    prints = set()
    for name in (None, *small_arrays()):
        changed = small_arrays()
        if name is not None:
            changed[name][:2] = changed[name][:2][::-1]
        path.write_bytes(npz_bytes(**changed))
        prints.add(datasets.load_npz(path).fingerprint())
    assert len(prints) == 5
    assert all(re.fullmatch("[0-9a-f]{64}", text) for text in prints)


@pytest.mark.parametrize(
    ("given", "shape"),
    [((3, 2), (3, 2, 1)), ((3, 2, 1), (3, 2, 1)), ((2, 1, 3), (2, 1, 3)), (np.array([3, 2]), (3, 2, 1))],
)
def test_the_shape_of_an_image_has_its_channels(tmp_path, given, shape):
    """Also where a user says height and width alone; and they are numbers that JSON can hold."""
    (tmp_path / "mine.npz").write_bytes(npz_bytes())
    found = replace(datasets.load_npz(tmp_path / "mine.npz"), image_shape=given).image_shape
    assert found == shape
    assert {type(size) for size in found} == {int}
