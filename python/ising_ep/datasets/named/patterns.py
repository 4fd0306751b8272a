"""The paper's two 3x3 patterns."""

import numpy as np

from ...files.arrays import require
from ..dataset import Dataset
from ..loader import Loader, PerClass, StrPath


def load_patterns() -> Dataset:
    """Load the paper's two 3x3 patterns, pixels -1 and +1, the same two for training and test.

    Class 0 is the main diagonal, class 1 the anti-diagonal.

    >>> load_patterns().x_train[0].reshape(3, 3)
    array([[ 1., -1., -1.],
           [-1.,  1., -1.],
           [-1., -1.,  1.]], dtype=float32)
    """
    diagonal = 2 * np.eye(3, dtype=np.float32) - 1
    x = np.stack([diagonal, np.fliplr(diagonal)]).reshape(2, 9)
    y = np.array([0, 1], np.int64)
    return Dataset("patterns", x, y, x, y, num_classes=2, image_shape=(3, 3, 1))


def _load(data_dir: StrPath | None, per_class: PerClass) -> Dataset:
    given = [number for number in per_class if number is not None]
    require(not given, f"patterns has one image a class, expected no number per class, got {given}")
    return load_patterns()


LOADERS = (
    Loader(
        name="patterns",
        title="patterns",
        load=_load,
        settings={"layers": (8, 4), "epochs": 20, "learning_rate": 0.1},
    ),
)
