"""CIFAR-10: colour images of 32x32 in ten classes, from its binary version, which holds no pickle."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...files.arrays import Arrays, require
from ...files.untrusted import require_file
from ..dataset import Dataset
from ..loader import Loader, PerClass, Sizes, StrPath
from ..raw import make_dataset

SIDE, CHANNELS, NUM_CLASSES = 32, 3, 10
# One byte of the label, then a whole channel after the other, row by row.
RECORD = 1 + CHANNELS * SIDE * SIDE
# The images of each published file.
MOST_RECORDS = 10_000
FILES = {"train": [f"data_batch_{k}.bin" for k in range(1, 6)], "test": ["test_batch.bin"]}


def load_cifar10(
    data_dir: StrPath, *, train_per_class: int | None = None, test_per_class: int | None = None
) -> Dataset:
    """Load CIFAR-10, 50,000 training and 10,000 test images of 32x32x3, from the binary files in `data_dir`.

    They are `data_batch_1.bin` to `data_batch_5.bin` and `test_batch.bin` of the "binary version". The
    "python version" is pickled, and not read. `train_per_class` and `test_per_class` keep the first images of
    each class.

    Raises ValueError for a bad file or too few images of a class, FileNotFoundError for a missing one.

    >>> load_cifar10("data/cifar-10-batches-bin", train_per_class=100).x_train.shape  # doctest: +SKIP
    (1000, 3072)
    """
    raw: Arrays = {}
    for split, names in FILES.items():
        records = np.concatenate([_read_records(Path(data_dir) / name) for name in names])
        planes = records[:, 1:].reshape(-1, CHANNELS, SIDE, SIDE)
        raw |= {f"x_{split}": planes.transpose(0, 2, 3, 1), f"y_{split}": records[:, 0]}
    return make_dataset("cifar10", f"CIFAR-10 in {data_dir}", raw, (train_per_class, test_per_class))


def _read_records(path: Path) -> NDArray[np.uint8]:
    require_file(path, "one of CIFAR-10's binary version")
    size = path.stat().st_size
    fits = 0 < size <= MOST_RECORDS * RECORD and size % RECORD == 0
    require(fits, f"{path}: has {size} bytes, expected {RECORD} for each of 1 to {MOST_RECORDS} images")
    return np.fromfile(path, np.uint8, size).reshape(-1, RECORD)


def _load(data_dir: StrPath | None, per_class: PerClass) -> Dataset:
    if data_dir is None:
        raise ValueError(
            "cifar10 needs data_dir (--data-dir), the folder of its binary version, from"
            " https://www.cs.toronto.edu/~kriz/cifar.html"
        )
    return load_cifar10(data_dir, train_per_class=per_class[0], test_per_class=per_class[1])


LOADERS = (
    Loader(
        name="cifar10",
        title="CIFAR-10",
        load=_load,
        folder="its binary version",
        sizes=Sizes(50_000, 10_000, (5_000, 1_000), (SIDE, SIDE, CHANNELS), NUM_CLASSES),
    ),
)
