"""Images and labels to train on: digits, MNIST and data sets like it, the paper's patterns, a user's own.

Files are not trusted: a header is checked against the data really there, decompression is bounded, pickles
are never opened. Bad input is one line in a `ValueError` that names the file and the value.
"""

import gzip
import hashlib
import math
import os
import warnings
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

StrPath = str | os.PathLike[str]
Arrays = dict[str, NDArray[Any]]  # raw, keyed by _ARRAY_NAMES
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
_PIXELS = "uint8, Boolean or floating-point"
_MAX_BYTES = 2**31  # of one decompressed array, forty times MNIST's largest: stops a decompression bomb


@dataclass(frozen=True, eq=False)
class Dataset:
    """Training and test images with their labels.

    `x_train` and `x_test` are float32 (n, num_inputs) in [0, 1] (the patterns in [-1, 1], a user's floats as
    given); `y_train` and `y_test` are int64 (n,) in 0..num_classes-1. `image_shape` is (height, width) where
    the inputs are an image's pixels row by row, None where that is unknown.
    """

    name: str
    x_train: NDArray[np.float32]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.float32]
    y_test: NDArray[np.int64]
    num_classes: int
    image_shape: tuple[int, int] | None

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
    _require(fits, f"data_dir {data_dir}: expected for {published}, not {name!r}")
    if name in PUBLISHED:
        return _load_published(name, data_dir, (train_per_class, test_per_class))
    if name == "digits":
        return load_digits(train_per_class=train_per_class, test_per_class=test_per_class)
    if name == "patterns":
        given = [k for k in (train_per_class, test_per_class) if k is not None]
        _require(not given, f"patterns has one image a class, expected no number per class, got {given}")
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

    Images are (n, ...), flattened to (n, num_inputs): uint8 is divided by 255, floats are used as they are,
    and Booleans as 0 and 1.
    Labels are integers (n,), and `y_train` holds every class 0..num_classes-1. `image_shape` is known for
    images (n, height, width). `train_per_class` and `test_per_class` keep the first images of each class.

    Raises ValueError for anything else (object arrays too), FileNotFoundError for a missing file.

    >>> mine = load_npz("mine.npz", train_per_class=100)  # doctest: +SKIP
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file, expected an .npz file")
    raw: Arrays = {}
    for name in _ARRAY_NAMES:
        try:
            with zipfile.ZipFile(path) as archive:
                raw[name] = _read_npy(archive, name, _ARRAY_NAMES)
        # A damaged file makes zipfile, and numpy's evaluation of the header, raise almost anything.
        except Exception as error:
            raise ValueError(f"{path}: cannot read {name}: {_first_line(error)}") from error
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
    try:
        if path.suffix == ".npz":
            with zipfile.ZipFile(path) as archive:
                x = _read_npy(archive, "x", ("x",))
        else:
            with path.open("rb") as stream:
                x = _read_array(stream)
    except Exception as error:
        raise ValueError(f"{path}: cannot read images: {_first_line(error)}") from error
    _check_images(f"{path}: x", x)
    size = math.prod(x.shape[1:])
    _require(size == num_inputs, f"{path}: has images of {size} pixels, expected {num_inputs}")
    return _scaled(x)


def _load_published(name: str, data_dir: StrPath | None, per_class: PerClass) -> Dataset:
    known = PUBLISHED[name]
    if data_dir is None:
        return _dataset(name, known.title, _fetch(known), per_class)
    return _dataset(name, f"{known.title} in {data_dir}", _read_published(known, Path(data_dir)), per_class)


def _dataset(name: str, source: str, raw: Arrays, per_class: PerClass) -> Dataset:
    """Check, choose and scale the raw arrays, of as many classes as `y_train` holds."""
    for split in ("train", "test"):
        _check_split(source, split, raw)
    shape, test_shape = raw["x_train"].shape[1:], raw["x_test"].shape[1:]
    _require(shape == test_shape, f"{source}: x_test has images {test_shape}, expected {shape} as x_train")
    present = np.unique(raw["y_train"])
    num_classes, last = present.size, present[-1]
    # A stray label must not make a network of a billion outputs.
    counted = f"{source}: y_train holds {num_classes} different labels up to {last}"
    _require(1 < num_classes == last + 1, f"{counted}, expected two or more without gaps: 0, 1, 2, ...")
    train = _choose_split(source, "train", raw, num_classes, per_class[0])
    test = _choose_split(source, "test", raw, num_classes, per_class[1])
    return Dataset(name, *train, *test, num_classes, (shape[0], shape[1]) if len(shape) == 2 else None)


def _check_split(source: str, split: str, raw: Arrays) -> None:
    x, y = raw[f"x_{split}"], raw[f"y_{split}"]
    images, labels = f"{source}: x_{split}", f"{source}: y_{split}"
    _check_images(images, x)
    _require(y.ndim == 1, f"{labels} has shape {y.shape}, expected (labels,)")
    _require(len(x) == len(y), f"{images} has {len(x)} images, y_{split} {len(y)} labels, expected as many")
    _require(y.dtype.kind in "iu", f"{labels} is {y.dtype}, expected integer labels")
    _require(y.min() >= 0, f"{labels} holds label {y.min()}, expected labels from 0 on")


def _check_images(images: str, x: NDArray[Any]) -> None:
    _require(x.ndim > 1 and x.size > 0, f"{images} has shape {x.shape}, expected (images, pixels), not empty")
    if x.dtype != np.uint8:
        _require(x.dtype.kind in "bf", f"{images} is {x.dtype}, expected {_PIXELS} pixels")
        # One comparison finds NaN, infinity, and what would become infinite in float32.
        bad = ~(np.abs(x) <= np.finfo(np.float32).max)
        first = np.unravel_index(np.argmax(bad), bad.shape)
        _require(not bad.any(), f"{images} holds {x[first]} in image {first[0]}, expected finite float32")


def _choose_split(
    source: str, split: str, raw: Arrays, num_classes: int, per_class: int | None
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Scaled images and labels: the first `per_class` of each class, in file order, or all of them."""
    x, y, what = raw[f"x_{split}"], raw[f"y_{split}"], f"{source}: y_{split}"
    _require(y.max() < num_classes, f"{what} holds label {y.max()}, expected 0..{num_classes - 1}")
    if per_class is not None:
        _require(per_class > 0, f"{split}_per_class is {per_class}, expected 1 or more")
        chosen = [np.flatnonzero(y == label)[:per_class] for label in range(num_classes)]
        for label, found in enumerate(map(len, chosen)):
            _require(found == per_class, f"{what} has {found} of class {label}, expected {per_class} or more")
        order = np.sort(np.concatenate(chosen))
        x, y = x[order], y[order]
    return _scaled(x), y.astype(np.int64)


def _scaled(x: NDArray[Any]) -> NDArray[np.float32]:
    pixels = np.ascontiguousarray(x.reshape(len(x), -1), dtype=np.float32)
    return pixels / np.float32(255) if x.dtype == np.uint8 else pixels


def _fetch(known: Published) -> Arrays:
    from sklearn.datasets import fetch_openml

    try:
        # This parser needs no pandas.
        with warnings.catch_warnings(action="ignore"):  # one for each try that failed; the last one is said
            bunch = fetch_openml(known.openml, version=1, as_frame=False, parser="liac-arff")
    except Exception as error:  # no network, no such server, a broken download: the way out is the same
        reason = f"could not fetch {known.title} from OpenML ({_first_line(error)})"
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
    _require(directory.is_dir(), f"{directory}: is a file, expected a directory {wanted}")
    stems = ("train-images", "train-labels", "t10k-images", "t10k-labels")
    return {name: _read_idx(directory, stem, known) for name, stem in zip(_ARRAY_NAMES, stems, strict=True)}


def _read_idx(directory: Path, stem: str, known: Published) -> NDArray[np.uint8]:
    """Read a magic number and a size per dimension, all big-endian uint32, then bytes."""
    ndim = 3 if stem.endswith("images") else 1
    paths = [directory / f"{stem}{mark}idx{ndim}-ubyte{end}" for mark in "-." for end in ("", ".gz")]
    path = next(filter(Path.is_file, paths), None)
    if path is None:
        raise FileNotFoundError(f"{paths[0]}: no such file, expected {known.title}'s, with or without .gz")
    size, expected = 4 + 4 * ndim, 0x0800 + ndim  # 08 is the type, unsigned bytes
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            header = stream.read(size)
            _require(len(header) == size, f"ends after {len(header)} bytes, expected a header of {size}")
            magic, *shape = np.frombuffer(header, ">u4").tolist()
            _require(magic == expected, f"magic number is {magic:08x}, expected {expected:08x}")
            return np.frombuffer(_read_promised(stream.read, math.prod(shape)), np.uint8).reshape(shape)
    except (ValueError, OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: cannot be read: {_first_line(error)}") from error


def _read_npy(archive: zipfile.ZipFile, name: str, expected: Sequence[str]) -> NDArray[Any]:
    member = f"{name}.npy"
    _require(member in archive.namelist(), f"no such array, expected {', '.join(expected)}")
    # numpy writes no other kinds, and zipfile does not bound the memory it decompresses them in.
    kind = archive.getinfo(member).compress_type
    _require(kind in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED), f"zip compression {kind}, expected 0 or 8")
    with archive.open(member) as stream:
        return _read_array(stream, "integer labels" if name.startswith("y_") else f"{_PIXELS} pixels")


def _read_array(stream: IO[bytes], expected: str = f"{_PIXELS} pixels") -> NDArray[Any]:
    # numpy.load would allocate whatever the header promises. Version 1.0 bounds the header itself.
    version = npy_format.read_magic(stream)
    _require(version == (1, 0), f"npy version {version}, expected (1, 0)")
    shape, fortran_order, dtype = npy_format.read_array_header_1_0(stream)
    _require(dtype.kind in "biuf", f"holds {dtype}, expected {expected}")
    data = _read_promised(stream.read, math.prod(shape) * dtype.itemsize)
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran_order else "C")


def _read_promised(read: Callable[[int], bytes], promised: int) -> bytearray:
    """Read the rest of the stream in chunks: memory follows the data, not what the header promises."""
    _require(0 <= promised <= _MAX_BYTES, f"header promises {promised} bytes, expected 0..{_MAX_BYTES}")
    data = bytearray()
    # One byte more shows data that should not be there, and makes gzip check its checksum.
    while chunk := read(min(2**20, promised + 1 - len(data))):
        data += chunk
    found = "more" if len(data) > promised else len(data)
    _require(len(data) == promised, f"header promises {promised} bytes, found {found}")
    return data


def _require(condition: bool | np.bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
