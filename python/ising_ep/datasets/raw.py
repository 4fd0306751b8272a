"""Data sets made from the arrays that a file holds: checked, chosen by class, scaled."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks import integer
from ..files.arrays import Arrays, require
from .dataset import Dataset, ImageShape
from .images import scaled
from .loader import PerClass
from .validation import check_forms, check_values

# Channels that the last of four dimensions may count: grey, colour, colour with transparency.
CHANNELS = (1, 3, 4)


def make_dataset(name: str, source: str, raw: Arrays, per_class: PerClass) -> Dataset:
    """Check, choose and scale the raw arrays, of as many classes as `y_train` holds.

    Args:
        name: That of the data set.
        source: What error messages call the file or the folder.
        raw: `x_train`, `y_train`, `x_test`, `y_test`: images (n, ...) and labels (n,) from 0 on.
        per_class: How many images of each class are kept, for training and for test; None keeps all.

    Raises:
        ValueError: If the arrays are not such, or hold too few images of a class.
    """
    check_forms(source, raw)
    for split in ("train", "test"):
        check_values(source, split, raw)
    present = np.unique(raw["y_train"])
    num_classes, last = present.size, present[-1]
    # A stray label must not make a network of a billion outputs.
    counted = f"{source}: y_train holds {num_classes} different labels up to {last}"
    require(1 < num_classes == last + 1, f"{counted}, expected two or more without gaps: 0, 1, 2, ...")
    train = _choose_split(source, "train", raw, num_classes, per_class[0])
    test = _choose_split(source, "test", raw, num_classes, per_class[1])
    return Dataset(name, *train, *test, num_classes, image_shape_of(raw["x_train"]))


def image_shape_of(x: NDArray[Any]) -> ImageShape | None:
    """Return height, width and channels of images (n, height, width) or (n, height, width, channels).

    Four dimensions are images if the last is 1, 3 or 4. The shape of other arrays is unknown: None.

    >>> image_shape_of(np.zeros((5, 28, 20))), image_shape_of(np.zeros((5, 32, 32, 3)))
    ((28, 20, 1), (32, 32, 3))
    >>> image_shape_of(np.zeros((5, 3, 32, 32)))
    """
    sizes = x.shape[1:]
    if len(sizes) == 2:
        return sizes[0], sizes[1], 1
    if len(sizes) == 3 and sizes[2] in CHANNELS:
        return sizes[0], sizes[1], sizes[2]
    return None


def _choose_split(
    source: str, split: str, raw: Arrays, num_classes: int, per_class: int | None
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Scaled images and labels: the first `per_class` of each class, in file order, or all of them."""
    x, y, what = raw[f"x_{split}"], raw[f"y_{split}"], f"{source}: y_{split}"
    require(y.max() < num_classes, f"{what} holds label {y.max()}, expected 0..{num_classes - 1}")
    if per_class is not None:
        integer(f"{split}_per_class", per_class, 1)
        chosen = [np.flatnonzero(y == label)[:per_class] for label in range(num_classes)]
        for label, found in enumerate(map(len, chosen)):
            require(found == per_class, f"{what} has {found} of class {label}, expected {per_class} or more")
        order = np.sort(np.concatenate(chosen))
        x, y = x[order], y[order]
    return scaled(x), y.astype(np.int64)
