"""MNIST, and the data sets that are published as it is."""

import warnings
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...extras import PLAIN, needing
from ...files.arrays import Arrays, first_line, read_idx, require
from ..dataset import Dataset
from ..loader import Loader, PerClass, Sizes, StrPath
from ..raw import make_dataset
from ..validation import ARRAY_NAMES

TRAIN_IMAGES, TEST_IMAGES, SIDE, NUM_CLASSES = 60_000, 10_000, 28, 10


class Published(NamedTuple):
    """A data set of 60,000 training and 10,000 test images of 28x28 in ten classes, published as IDX files.

    `title` is what it is called, `openml` its name on OpenML, `rarest` the images of its rarest class, and
    `files` where the IDX files are.
    """

    title: str
    openml: str
    rarest: tuple[int, int]  # for training, for test
    files: str


# The last two are balanced (arXiv 1708.07747, 1812.01718). OpenML has the training images first.
PUBLISHED = {
    "mnist": Published(
        "MNIST", "mnist_784", (5421, 892), "https://storage.googleapis.com/cvdf-datasets/mnist/"
    ),
    "fashion-mnist": Published(
        "Fashion-MNIST", "Fashion-MNIST", (6000, 1000), "https://github.com/zalandoresearch/fashion-mnist"
    ),
    "kmnist": Published(
        "Kuzushiji-MNIST", "Kuzushiji-MNIST", (6000, 1000), "https://github.com/rois-codh/kmnist"
    ),
}


def load_mnist(
    data_dir: StrPath | None = None, *, train_per_class: int | None = None, test_per_class: int | None = None
) -> Dataset:
    """Load MNIST, 60,000 training and 10,000 test images of 28x28, from the IDX files in `data_dir`.

    They are named like `train-images-idx3-ubyte` or `train-images.idx3-ubyte`, with or without `.gz`; images
    of other sizes and classes will do. Without `data_dir`, scikit-learn fetches MNIST from OpenML and caches
    it; either takes a minute. `train_per_class` and `test_per_class` keep each class's first images (the
    paper: 100 and 10).

    Raises ValueError for a bad file or too few images of a class, FileNotFoundError for a missing one,
    ConnectionError where the fetch fails.

    >>> load_mnist("data/mnist", train_per_class=100, test_per_class=10).x_train.shape  # doctest: +SKIP
    (1000, 784)
    """
    return _load("mnist", data_dir, (train_per_class, test_per_class))


def _load(name: str, data_dir: StrPath | None, per_class: PerClass) -> Dataset:
    known = PUBLISHED[name]
    if data_dir is None:
        return make_dataset(name, known.title, _fetch(known), per_class)
    source = f"{known.title} in {data_dir}"
    return make_dataset(name, source, _read_folder(known, Path(data_dir)), per_class)


def _fetch(known: Published) -> Arrays:
    with needing(PLAIN, "a data set from OpenML"):
        from sklearn.datasets import fetch_openml

    try:
        # This parser needs no pandas.
        with warnings.catch_warnings(action="ignore"):  # one for each try that failed; the last one is said
            bunch = fetch_openml(known.openml, version=1, as_frame=False, parser="liac-arff")
    except Exception as error:  # no network, no such server, a broken download: the way out is the same
        reason = f"could not fetch {known.title} from OpenML ({first_line(error)})"
        raise ConnectionError(
            f"{reason}; or get its four IDX files from {known.files}, and give their folder as data_dir"
            " (--data-dir)"
        ) from error
    x, y = bunch.data.astype(np.uint8).reshape(-1, SIDE, SIDE), bunch.target.astype(np.int64)
    train, test = slice(TRAIN_IMAGES), slice(TRAIN_IMAGES, None)
    return {"x_train": x[train], "y_train": y[train], "x_test": x[test], "y_test": y[test]}


def _read_folder(known: Published, directory: Path) -> Arrays:
    wanted = f"with {known.title}'s IDX files"
    if not directory.exists():
        raise FileNotFoundError(f"{directory}: no such directory, expected one {wanted}")
    require(directory.is_dir(), f"{directory}: is a file, expected a directory {wanted}")
    stems = ("train-images", "train-labels", "t10k-images", "t10k-labels")
    return {
        name: read_idx(directory, stem, known.title) for name, stem in zip(ARRAY_NAMES, stems, strict=True)
    }


LOADERS = tuple(
    Loader(
        name=name,
        title=known.title,
        load=partial(_load, name),
        folder="IDX files, gz or not",
        fetched=f"{known.title} from OpenML ({known.openml}, version 1), or scikit-learn's copy once fetched:"
        " takes a minute; IDX files in --data-dir take seconds",
        sizes=Sizes(TRAIN_IMAGES, TEST_IMAGES, known.rarest, (SIDE, SIDE, 1), NUM_CLASSES),
    )
    for name, known in PUBLISHED.items()
)
