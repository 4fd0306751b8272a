"""Checks of images and labels: of their shapes and types before they are read, of their values after."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks import LARGE, root_mean_square
from ..files.arrays import Arrays, Form, require

ARRAY_NAMES = ("x_train", "y_train", "x_test", "y_test")


def check_forms(source: str, arrays: Mapping[str, Form]) -> None:
    """Check shapes and types, of the arrays or of what their headers say."""
    for split in ("train", "test"):
        x, y = arrays[f"x_{split}"], arrays[f"y_{split}"]
        check_image_form(f"{source}: x_{split}", x)
        require(y.dtype.kind in "biuf", f"{source}: y_{split} holds {y.dtype}, expected integers")
        check_one_label_each(source, split, x, y)
    check_same_shape(source, arrays["x_train"], arrays["x_test"])


def check_image_form(images: str, x: Form) -> None:
    """Check the shape and the type of images, which are named so in the message."""
    is_pixels = x.dtype == np.uint8 or x.dtype.kind in "bf"
    require(is_pixels, f"{images} holds {x.dtype}, expected uint8, booleans or floats")
    fits = len(x.shape) > 1 and math.prod(x.shape) > 0
    require(fits, f"{images} has shape {x.shape}, expected (images, pixels), not empty")


def check_same_shape(source: str, x_train: Form, x_test: Form) -> None:
    """Check that the images to test on have the shape of those to learn from."""
    shape, test_shape = x_train.shape[1:], x_test.shape[1:]
    require(shape == test_shape, f"{source}: x_test has images {test_shape}, expected {shape} as x_train")


def check_one_label_each(source: str, split: str, x: Form, y: Form) -> None:
    """Check that there are as many labels as images."""
    require(len(y.shape) == 1, f"{source}: y_{split} has shape {y.shape}, expected (labels,)")
    counts = x.shape[0], y.shape[0]
    same = counts[0] == counts[1]
    require(same, f"{source}: x_{split} has {counts[0]} images, y_{split} {counts[1]} labels")


def check_values(source: str, split: str, raw: Arrays) -> None:
    """Check the pixels, and that labels are whole numbers from 0 on."""
    check_images(f"{source}: x_{split}", raw[f"x_{split}"])
    y, labels = raw[f"y_{split}"], f"{source}: y_{split}"
    check_whole(labels, y)
    require(y.min() >= 0, f"{labels} holds label {y.min()}, expected labels from 0 on")


def check_whole(labels: str, y: NDArray[Any]) -> None:
    """Check that labels that are floats are whole numbers."""
    if y.dtype.kind == "f":
        wide = y.astype(np.float64)
        # NaN, and numbers that float64 cannot tell from their neighbours, are refused too.
        wrong = ~(np.abs(wide) < 2**53) | (wide != np.floor(wide))
        require(not wrong.any(), f"{labels} holds {y[np.argmax(wrong)]}, expected whole numbers")


def check_images(images: str, x: NDArray[Any]) -> None:
    """Check that floats are finite in single precision, and of order 1; other pixels are scaled."""
    if x.dtype.kind != "f":
        return
    limit = np.finfo(np.float32).max
    if not (-limit <= x.min() and x.max() <= limit):  # nor is NaN
        bad = ~(np.abs(x) <= limit)
        first = np.unravel_index(np.argmax(bad), bad.shape)
        raise ValueError(f"{images} holds {x[first]} in image {first[0]}, expected finite float32")
    size = root_mean_square(x)
    if size > LARGE:
        largest = max(x.max(), x.min(), key=abs)
        raise ValueError(
            f"{images} holds values up to {largest:g} with root mean square {size:.3g},"
            f" expected about 1 and at most {LARGE:g}: give pixels of 0..255 as uint8, or divide them by 255"
        )
