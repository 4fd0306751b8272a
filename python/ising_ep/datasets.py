"""Images and labels to train on: digits, MNIST and data sets like it, the paper's patterns, a user's own.

Files are not trusted (see `array_files`). Bad input is one line in a `ValueError` that names the file and the
value.
"""

import hashlib
import math
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from .checks import LARGE, root_mean_square
from .files.arrays import Arrays, Form, first_line, read_idx, read_npy, read_npz, require

StrPath = str | os.PathLike[str]
PerClass = tuple[int | None, int | None]  # for training, for test


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
NAMES = ("digits", *PUBLISHED, "patterns")

_ARRAY_NAMES = ("x_train", "y_train", "x_test", "y_test")


class DataForm(Protocol):
    """What a network is made for: inputs, classes, and the shape of an image, if inputs are those of one.

    A `Dataset` has them; so has the record of a run.
    """

    @property
    def num_inputs(self) -> int:
        """Number of pixels of one image."""
        ...

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        ...

    @property
    def image_shape(self) -> tuple[int, int] | None:
        """Height and width of an image, None where they are unknown."""
        ...


@dataclass(frozen=True, eq=False)
class Dataset:
    """Training and test images with their labels.

    `x_train` and `x_test` are float32 (n, num_inputs) in [0, 1] (the patterns in [-1, 1], a user's floats as
    given); `y_train` and `y_test` are int64 (n,) in 0..num_classes-1. `image_shape` is (height, width) where
    the inputs are an image's pixels row by row, None where that is unknown.

    ValueError for arrays that are not such, and for images of a root mean square above 5, as floats of 0..255
    have: nothing would be learned from them.
    """

    name: str
    x_train: NDArray[np.float32]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.float32]
    y_test: NDArray[np.int64]
    num_classes: int
    image_shape: tuple[int, int] | None

    def __post_init__(self) -> None:
        """Check the arrays."""
        raw = {name: getattr(self, name) for name in _ARRAY_NAMES}
        for name in ("x_train", "x_test"):
            x = raw[name]
            require(
                x.ndim == 2 and x.dtype == np.float32,
                f"{self.name}: {name} is {x.dtype} of shape {x.shape}, expected float32 (images, pixels)",
            )
        _check_forms(self.name, raw)
        for split in ("train", "test"):
            _check_values(self.name, split, raw)
            most = raw[f"y_{split}"].max()
            what = f"{self.name}: y_{split} holds label {most}"
            require(most < self.num_classes, f"{what}, expected 0..{self.num_classes - 1}")
        pixels = self.num_inputs if self.image_shape is None else math.prod(self.image_shape)
        shape = f"{self.name}: image_shape is {self.image_shape}"
        require(pixels == self.num_inputs, f"{shape}, expected {self.num_inputs} pixels")

    @property
    def num_inputs(self) -> int:
        """Number of pixels of one image."""
        return int(self.x_train.shape[1])

    def fingerprint(self) -> str:
        """Return the hex SHA-256 of the four arrays, to tell whether a run is resumed with the same data.

        >>> load_patterns().fingerprint()[:8]
        '48b4235e'
        """
        digest = hashlib.sha256()
        for array in (self.x_train, self.y_train, self.x_test, self.y_test):
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(array.tobytes())
        return digest.hexdigest()


def load(
    name: str,
    *,
    data_dir: StrPath | None = None,
    train_per_class: int | None = None,
    test_per_class: int | None = None,
) -> Dataset:
    """Load a data set by its name, one of `NAMES`, or the path of an .npz file.

    Those `PUBLISHED` come from OpenML, or from the IDX files in `data_dir`, as `load_mnist` says. ValueError
    for another name, `data_dir` with another data set, a number per class with "patterns".

    >>> load("digits", train_per_class=10).x_train.shape
    (100, 64)
    >>> load("fashion-mnist", data_dir="data/fashion").x_train.shape  # doctest: +SKIP
    (60000, 784)
    """
    published = ", ".join(PUBLISHED)
    fits = data_dir is None or name in PUBLISHED
    require(fits, f"data_dir {data_dir}: expected for {published}, not {name!r}")
    if name in PUBLISHED:
        return _load_published(name, data_dir, (train_per_class, test_per_class))
    if name == "digits":
        return load_digits(train_per_class=train_per_class, test_per_class=test_per_class)
    if name == "patterns":
        given = [k for k in (train_per_class, test_per_class) if k is not None]
        require(not given, f"patterns has one image a class, expected no number per class, got {given}")
        return load_patterns()
    if name.endswith(".npz"):
        return load_npz(name, train_per_class=train_per_class, test_per_class=test_per_class)
    raise ValueError(f"unknown data set {name!r}, expected {', '.join(NAMES)} or a path ending in .npz")


def load_digits(
    *, train_per_class: int | None = None, test_per_class: int | None = None, seed: int = 0
) -> Dataset:
    """Load scikit-learn's 8x8 digits, split by `seed` into 1,617 training and 180 test images, stratified.

    `train_per_class` and `test_per_class` keep the first images of each class; ValueError where it has fewer.

    >>> load_digits().x_train.shape
    (1617, 64)
    """
    # scikit-learn takes a second to import: only who asks for these data pays for it.
    from sklearn.datasets import load_digits as sklearn_digits
    from sklearn.model_selection import train_test_split

    bunch = sklearn_digits()
    x_train, x_test, y_train, y_test = train_test_split(
        bunch.images / 16, bunch.target, test_size=180, stratify=bunch.target, random_state=seed
    )
    raw = {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
    return _dataset("digits", "digits", raw, (train_per_class, test_per_class))


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
    return _load_published("mnist", data_dir, (train_per_class, test_per_class))


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
    return Dataset("patterns", x, y, x, y, num_classes=2, image_shape=(3, 3))


def load_npz(
    path: StrPath, *, train_per_class: int | None = None, test_per_class: int | None = None
) -> Dataset:
    """Load a user's arrays `x_train`, `y_train`, `x_test`, `y_test` from an .npz file.

    Images are (n, ...), flattened to (n, num_inputs): uint8 is divided by 255, booleans become 0 and 1, and
    floats of order 1 are used as they are. Labels are whole numbers (n,); `y_train` holds every class
    0..num_classes-1. `image_shape` is known for images (n, height, width). `train_per_class` and
    `test_per_class` keep the first images of each class.

    Raises ValueError for anything else (object arrays too, floats of 0..255, arrays that take more than
    512 MiB and thirty times their file), FileNotFoundError for a missing file.

    >>> mine = load_npz("mine.npz", train_per_class=100)  # doctest: +SKIP
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file, expected an .npz file")
    raw = read_npz(path, _ARRAY_NAMES, _check_forms)
    return _dataset(path.stem, str(path), raw, (train_per_class, test_per_class))


def load_images(path: StrPath, num_inputs: int) -> NDArray[np.float32]:
    """Images to classify, float32 (n, num_inputs): a .npy file, or the array `x` of an .npz file.

    Scaled as by `load_npz`. Raises ValueError for images of another size and for damaged files,
    FileNotFoundError for a missing one.

    >>> x = load_images("images.npy", num_inputs=784)  # doctest: +SKIP
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file, expected an .npy or .npz file")
    if path.suffix == ".npz":
        x = read_npz(path, ("x",), lambda source, arrays: _check_image_form(f"{source}: x", arrays["x"]))["x"]
    else:
        x = read_npy(path, lambda form: _check_image_form(f"{path}", form))
    _check_images(f"{path}: x", x)
    size = math.prod(x.shape[1:])
    require(size == num_inputs, f"{path}: has images of {size} pixels, expected {num_inputs}")
    return _scaled(x)


def _load_published(name: str, data_dir: StrPath | None, per_class: PerClass) -> Dataset:
    known = PUBLISHED[name]
    if data_dir is None:
        return _dataset(name, known.title, _fetch(known), per_class)
    return _dataset(name, f"{known.title} in {data_dir}", _read_published(known, Path(data_dir)), per_class)


def _dataset(name: str, source: str, raw: Arrays, per_class: PerClass) -> Dataset:
    """Check, choose and scale the raw arrays, of as many classes as `y_train` holds."""
    _check_forms(source, raw)
    for split in ("train", "test"):
        _check_values(source, split, raw)
    shape = raw["x_train"].shape[1:]
    present = np.unique(raw["y_train"])
    num_classes, last = present.size, present[-1]
    # A stray label must not make a network of a billion outputs.
    counted = f"{source}: y_train holds {num_classes} different labels up to {last}"
    require(1 < num_classes == last + 1, f"{counted}, expected two or more without gaps: 0, 1, 2, ...")
    train = _choose_split(source, "train", raw, num_classes, per_class[0])
    test = _choose_split(source, "test", raw, num_classes, per_class[1])
    return Dataset(name, *train, *test, num_classes, (shape[0], shape[1]) if len(shape) == 2 else None)


def _check_forms(source: str, arrays: Mapping[str, Form]) -> None:
    """Check shapes and types, of the arrays or of what their headers say."""
    for split in ("train", "test"):
        x, y = arrays[f"x_{split}"], arrays[f"y_{split}"]
        images, labels = f"{source}: x_{split}", f"{source}: y_{split}"
        _check_image_form(images, x)
        require(y.dtype.kind in "biuf", f"{labels} holds {y.dtype}, expected integers")
        require(len(y.shape) == 1, f"{labels} has shape {y.shape}, expected (labels,)")
        counts = x.shape[0], y.shape[0]
        require(counts[0] == counts[1], f"{images} has {counts[0]} images, y_{split} {counts[1]} labels")
    shape, test_shape = arrays["x_train"].shape[1:], arrays["x_test"].shape[1:]
    require(shape == test_shape, f"{source}: x_test has images {test_shape}, expected {shape} as x_train")


def _check_image_form(images: str, x: Form) -> None:
    is_pixels = x.dtype == np.uint8 or x.dtype.kind in "bf"
    require(is_pixels, f"{images} holds {x.dtype}, expected uint8, booleans or floats")
    fits = len(x.shape) > 1 and math.prod(x.shape) > 0
    require(fits, f"{images} has shape {x.shape}, expected (images, pixels), not empty")


def _check_values(source: str, split: str, raw: Arrays) -> None:
    _check_images(f"{source}: x_{split}", raw[f"x_{split}"])
    y, labels = raw[f"y_{split}"], f"{source}: y_{split}"
    if y.dtype.kind == "f":
        wide = y.astype(np.float64)
        # What float64 cannot tell from its neighbours, and NaN, is none either.
        wrong = ~(np.abs(wide) < 2**53) | (wide != np.floor(wide))
        require(not wrong.any(), f"{labels} holds {y[np.argmax(wrong)]}, expected whole numbers")
    require(y.min() >= 0, f"{labels} holds label {y.min()}, expected labels from 0 on")


def _check_images(images: str, x: NDArray[Any]) -> None:
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
        raise ValueError(
            f"{images} holds values up to {x.max():g} with root mean square {size:.3g},"
            f" expected about 1 and at most {LARGE:g}: give pixels of 0..255 as uint8, or divide them by 255"
        )


def _choose_split(
    source: str, split: str, raw: Arrays, num_classes: int, per_class: int | None
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Scaled images and labels: the first `per_class` of each class, in file order, or all of them."""
    x, y, what = raw[f"x_{split}"], raw[f"y_{split}"], f"{source}: y_{split}"
    require(y.max() < num_classes, f"{what} holds label {y.max()}, expected 0..{num_classes - 1}")
    if per_class is not None:
        require(per_class > 0, f"{split}_per_class is {per_class}, expected 1 or more")
        chosen = [np.flatnonzero(y == label)[:per_class] for label in range(num_classes)]
        for label, found in enumerate(map(len, chosen)):
            require(found == per_class, f"{what} has {found} of class {label}, expected {per_class} or more")
        order = np.sort(np.concatenate(chosen))
        x, y = x[order], y[order]
    return _scaled(x), y.astype(np.int64)


def _scaled(x: NDArray[Any]) -> NDArray[np.float32]:
    pixels = np.ascontiguousarray(x.reshape(len(x), -1), dtype=np.float32)
    if x.dtype == np.uint8:
        pixels /= np.float32(255)
    return pixels


def _fetch(known: Published) -> Arrays:
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
    x, y = bunch.data.astype(np.uint8).reshape(-1, 28, 28), bunch.target.astype(np.int64)
    return {"x_train": x[:60_000], "y_train": y[:60_000], "x_test": x[60_000:], "y_test": y[60_000:]}


def _read_published(known: Published, directory: Path) -> Arrays:
    wanted = f"with {known.title}'s IDX files"
    if not directory.exists():
        raise FileNotFoundError(f"{directory}: no such directory, expected one {wanted}")
    require(directory.is_dir(), f"{directory}: is a file, expected a directory {wanted}")
    stems = ("train-images", "train-labels", "t10k-images", "t10k-labels")
    return {
        name: read_idx(directory, stem, known.title) for name, stem in zip(_ARRAY_NAMES, stems, strict=True)
    }
