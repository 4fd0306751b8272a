"""Images and labels to train on: data sets known by a name, a user's files, a user's arrays.

Files are not trusted (see `files.arrays`). Bad input is one line in a `ValueError` that names the file or the
array and the value.

A data set that is loaded by its name is one file of `named`, which says there what it needs.
"""

import os

from ..checks import short
from .arrays import from_arrays
from .dataset import Dataset, ImageShape
from .loader import Loader, PerClass, Sizes, StrPath
from .named import LOADERS, NAMES
from .named.digits import load_digits
from .named.mnist import PUBLISHED, Published, load_mnist
from .named.patterns import load_patterns
from .npz import load_images, load_npz

__all__ = [
    "LOADERS",
    "NAMES",
    "PUBLISHED",
    "Dataset",
    "ImageShape",
    "Loader",
    "PerClass",
    "Published",
    "Sizes",
    "from_arrays",
    "load",
    "load_digits",
    "load_images",
    "load_mnist",
    "load_npz",
    "load_patterns",
]


def load(
    name: StrPath,
    *,
    data_dir: StrPath | None = None,
    train_per_class: int | None = None,
    test_per_class: int | None = None,
) -> Dataset:
    """Load a data set by its name, one of `NAMES`, or the path of an .npz file.

    `data_dir` is the folder of the data set's files. Those `PUBLISHED` are fetched from OpenML without one,
    as `load_mnist` says; "cifar10" needs one. `train_per_class` and `test_per_class` keep the first images of
    each class.

    Raises ValueError for another name, for `data_dir` with a data set that has no folder, for numbers per
    class with "patterns", and whatever the data set's own function raises.

    >>> load("digits", train_per_class=10).x_train.shape
    (100, 64)
    >>> load("fashion-mnist", data_dir="data/fashion").x_train.shape  # doctest: +SKIP
    (60000, 784)
    """
    if not isinstance(name, str | os.PathLike):
        raise TypeError(f"name is {short(name)}, expected the name of a data set or the path of an .npz file")
    name = os.fspath(name)
    loader = LOADERS.get(name)
    if data_dir is not None and (loader is None or loader.folder is None):
        with_folder = ", ".join(each.name for each in LOADERS.values() if each.folder is not None)
        raise ValueError(f"data_dir {data_dir}: expected for {with_folder}, not {name!r}")
    if loader is not None:
        return loader.load(data_dir, (train_per_class, test_per_class))
    if name.endswith(".npz"):
        return load_npz(name, train_per_class=train_per_class, test_per_class=test_per_class)
    raise ValueError(f"unknown data set {name!r}, expected {', '.join(NAMES)} or a path ending in .npz")
