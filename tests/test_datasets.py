"""Data sets: what they hold, and that whatever is wrong with a file becomes one clear line."""

import gzip
import hashlib
import io
import pickle
import re
import struct
import subprocess
import sys
import tracemalloc
import urllib.error
import warnings
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sklearn.datasets
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils import Bunch

from ising_ep import datasets

MNIST = Path(__file__).resolve().parents[2] / "shared/data/mnist"
needs_mnist = pytest.mark.skipif(not MNIST.is_dir(), reason=f"MNIST's IDX files are not in {MNIST}")

TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"


def idx(array):
    """The bytes of an IDX file, written independently of the reader."""
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def small_arrays():
    """Twenty training and ten test images of 3x2, two and one of each class."""
    rng = np.random.default_rng(1)
    return {
        "x_train": rng.integers(0, 256, (20, 3, 2), dtype=np.uint8),
        "y_train": np.tile(np.arange(10, dtype=np.uint8), 2),
        "x_test": rng.integers(0, 256, (10, 3, 2), dtype=np.uint8),
        "y_test": np.arange(10, dtype=np.uint8),
    }


def small_idx():
    names = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)
    return dict(zip(names, map(idx, small_arrays().values()), strict=True))


def write_files(directory, files):
    directory.mkdir(exist_ok=True)
    for name, content in files.items():
        (directory / name).write_bytes(content)
    return directory


def npz_bytes(**changes):
    """A valid .npz with some arrays changed, or left out where the change is None."""
    arrays = {k: v for k, v in (small_arrays() | changes).items() if v is not None}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def npz_with_member(content, compression=zipfile.ZIP_STORED):
    """A valid .npz whose x_train.npy has the given bytes."""
    buffer = io.BytesIO(npz_bytes(x_train=None))
    with zipfile.ZipFile(buffer, "a", compression) as archive:
        archive.writestr("x_train.npy", content)
    return buffer.getvalue()


def npy_bytes(shape, data=b"", descr="|u1", version=(1, 0)):
    header = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}}}\n".encode()
    length = struct.pack("<H" if version == (1, 0) else "<I", len(header))
    return b"\x93NUMPY" + bytes(version) + length + header + data


def assert_one_line(error, *parts):
    message = str(error.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


def assert_same(first, second):
    assert first.fingerprint() == second.fingerprint()
    assert (first.num_classes, first.image_shape) == (second.num_classes, second.image_shape)


# What the data sets hold


def test_digits():
    digits = datasets.load_digits()
    assert (digits.name, digits.num_inputs, digits.num_classes, digits.image_shape) == (
        "digits",
        64,
        10,
        (8, 8),
    )
    assert digits.x_train.shape == (1617, 64)
    assert digits.x_test.shape == (180, 64)
    assert digits.x_train.dtype == digits.x_test.dtype == np.float32
    assert digits.y_train.dtype == digits.y_test.dtype == np.int64
    assert (digits.x_train.min(), digits.x_train.max()) == (0, 1)
    assert np.ptp(np.bincount(digits.y_test)) <= 2  # stratified
    whole = np.sort(sklearn.datasets.load_digits().data / 16, axis=0)
    np.testing.assert_array_equal(np.sort(np.concatenate([digits.x_train, digits.x_test]), axis=0), whole)


def test_digits_split_follows_the_seed():
    assert_same(datasets.load_digits(), datasets.load_digits(seed=0))
    assert datasets.load_digits().fingerprint() != datasets.load_digits(seed=1).fingerprint()


def test_digits_per_class_are_the_first_of_the_split():
    whole, part = datasets.load_digits(), datasets.load_digits(train_per_class=5, test_per_class=2)
    for label in range(10):
        expected = whole.x_train[whole.y_train == label][:5]
        np.testing.assert_array_equal(part.x_train[part.y_train == label], expected)
    assert part.y_test.shape == (20,)


def test_patterns():
    patterns = datasets.load_patterns()
    expected = [[1, -1, -1, -1, 1, -1, -1, -1, 1], [-1, -1, 1, -1, 1, -1, 1, -1, -1]]
    np.testing.assert_array_equal(patterns.x_train, np.array(expected, np.float32))
    np.testing.assert_array_equal(patterns.x_test, patterns.x_train)
    np.testing.assert_array_equal(patterns.y_train, [0, 1])
    assert (patterns.num_inputs, patterns.num_classes, patterns.image_shape) == (9, 2, (3, 3))


@needs_mnist
def test_mnist_100_is_the_first_images_of_each_class():
    mnist = datasets.load_mnist(MNIST, train_per_class=100, test_per_class=10)
    for x, y, stem, k in (
        (mnist.x_train, mnist.y_train, "train", 100),
        (mnist.x_test, mnist.y_test, "t10k", 10),
    ):
        pixels = gzip.decompress((MNIST / f"{stem}-images-idx3-ubyte.gz").read_bytes())[16:]
        labels = gzip.decompress((MNIST / f"{stem}-labels-idx1-ubyte.gz").read_bytes())[8:]
        taken, seen = [], [0] * 10
        for position, label in enumerate(labels):
            seen[label] += 1
            if seen[label] <= k:
                taken.append(position)
        assert y.tolist() == [labels[i] for i in taken]
        expected = [np.frombuffer(pixels, np.uint8, 784, i * 784) for i in taken]
        np.testing.assert_array_equal(np.rint(x * 255), expected)
        assert x.dtype == np.float32
        assert 0 == x.min() < x.max() == 1


@needs_mnist
def test_mnist_whole_has_the_published_bytes():
    mnist = datasets.load_mnist(MNIST)
    assert (mnist.x_train.shape, mnist.x_test.shape, mnist.image_shape) == (
        (60000, 784),
        (10000, 784),
        (28, 28),
    )
    header = bytes.fromhex("00000803") + struct.pack(">3I", 10_000, 28, 28)
    pixels = np.rint(mnist.x_test * 255).astype(np.uint8).tobytes()
    expected = "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"
    assert hashlib.sha256(header + pixels).hexdigest() == expected
    header = bytes.fromhex("00000801") + struct.pack(">I", 60_000)
    expected = "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"
    assert hashlib.sha256(header + mnist.y_train.astype(np.uint8).tobytes()).hexdigest() == expected


@pytest.mark.parametrize("mark", ["-", "."])
@pytest.mark.parametrize("zipped", [False, True])
def test_idx_round_trip(tmp_path, mark, zipped):
    for name, content in small_idx().items():
        path = tmp_path / (name.replace("-idx", f"{mark}idx") + ".gz" * zipped)
        path.write_bytes(gzip.compress(content) if zipped else content)
    loaded, arrays = datasets.load_mnist(tmp_path), small_arrays()
    for split in ("train", "test"):
        x = arrays[f"x_{split}"].reshape(-1, 6).astype(np.float32) / np.float32(255)
        np.testing.assert_array_equal(getattr(loaded, f"x_{split}"), x)
        np.testing.assert_array_equal(getattr(loaded, f"y_{split}"), arrays[f"y_{split}"])
    assert loaded.image_shape == (3, 2)


def test_per_class_keeps_file_order(tmp_path):
    labels = np.array([3, 3, 0, 1, 2, 4, 5, 6, 7, 8, 9, 0, 3, 1], np.uint8)
    images = np.arange(14, dtype=np.uint8).reshape(14, 1, 1)
    files = small_idx() | {TRAIN_IMAGES: idx(images), TRAIN_LABELS: idx(labels)}
    files[TEST_IMAGES] = idx(np.zeros((10, 1, 1), np.uint8))
    loaded = datasets.load_mnist(write_files(tmp_path, files), train_per_class=1)
    np.testing.assert_array_equal(np.rint(loaded.x_train[:, 0] * 255), [0, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    np.testing.assert_array_equal(loaded.y_train, [3, 0, 1, 2, 4, 5, 6, 7, 8, 9])


OPENML = {"mnist": "mnist_784", "fashion-mnist": "Fashion-MNIST", "kmnist": "Kuzushiji-MNIST"}
TITLES = {"mnist": "MNIST", "fashion-mnist": "Fashion-MNIST", "kmnist": "Kuzushiji-MNIST"}


@pytest.mark.parametrize("name", OPENML)
def test_published_from_openml(monkeypatch, name):
    pixels = np.zeros((70_000, 784), np.uint8)
    pixels[[0, 60_000], 5] = 255
    labels = np.array([str(i % 10) for i in range(70_000)], dtype=object)

    def fetch(openml_name, **options):
        assert (openml_name, options["version"], options["as_frame"]) == (OPENML[name], 1, False)
        return Bunch(data=pixels, target=labels)

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", fetch)
    loaded = datasets.load(name, train_per_class=2, test_per_class=1)
    np.testing.assert_array_equal(loaded.y_train, np.tile(np.arange(10), 2))
    assert loaded.x_train[0, 5] == loaded.x_test[0, 5] == 1
    assert (loaded.name, loaded.num_classes, loaded.image_shape) == (name, 10, (28, 28))
    if name == "mnist":
        assert_same(loaded, datasets.load_mnist(train_per_class=2, test_per_class=1))
    with pytest.raises(ValueError, match=f"^{TITLES[name]}: y_train has 6000 of class 0"):
        datasets.load(name, train_per_class=6001)


@pytest.mark.parametrize("name", OPENML)
def test_failed_fetch_is_one_line(monkeypatch, name):
    def fetch(*args, **options):
        warnings.warn("A network error occurred. Retrying...", stacklevel=2)
        raise urllib.error.URLError("no\nroute")

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", fetch)
    with warnings.catch_warnings(action="error"), pytest.raises(ConnectionError) as error:
        datasets.load(name)
    where = f"get its four IDX files from {datasets.PUBLISHED[name].files}"
    assert_one_line(error, f"could not fetch {TITLES[name]} from OpenML", "no", where, "--data-dir")


@pytest.mark.parametrize("name", OPENML)
def test_no_network_where_data_dir_is_given(monkeypatch, tmp_path, name):
    monkeypatch.setattr(sklearn.datasets, "fetch_openml", None)
    plain = datasets.load(name, data_dir=write_files(tmp_path / "plain", small_idx()))
    zipped = {f"{k}.gz": gzip.compress(v) for k, v in small_idx().items()}
    assert_same(plain, datasets.load(name, data_dir=write_files(tmp_path / "zipped", zipped)))
    assert (plain.name, plain.num_classes, plain.x_train.shape) == (name, 10, (20, 6))


def test_idx_files_of_other_classes(tmp_path):
    """Letters, say: as many classes as there are labels for training."""
    letters = np.arange(26, dtype=np.uint8)
    images = np.random.default_rng(2).integers(0, 256, (26, 5, 4), dtype=np.uint8)
    names = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)
    files = dict(zip(names, map(idx, (images, letters, images[:3], letters[:3])), strict=True))
    loaded = datasets.load("mnist", data_dir=write_files(tmp_path, files))
    assert (loaded.num_classes, loaded.image_shape) == (26, (5, 4))
    write_files(tmp_path, {TRAIN_LABELS: idx(letters + 1)})  # from 1 on, as EMNIST's letters are published
    with pytest.raises(ValueError, match="y_train holds 26 different labels up to 26, expected"):
        datasets.load("mnist", data_dir=tmp_path)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npz_round_trip(tmp_path, save, order):
    arrays = small_arrays()
    floats = np.asarray((arrays["x_train"] - 128.0) / 64, order=order)
    save(tmp_path / "mine.npz", **arrays | {"x_train": floats, "y_train": arrays["y_train"].astype(">i4")})
    mine = datasets.load_npz(tmp_path / "mine.npz")
    np.testing.assert_array_equal(mine.x_train, floats.reshape(20, 6))  # floats as they are
    np.testing.assert_array_equal(mine.x_test, arrays["x_test"].reshape(10, 6) / np.float32(255))
    assert (mine.name, mine.num_classes, mine.image_shape) == ("mine", 10, (3, 2))
    assert mine.x_train.dtype == np.float32
    assert mine.y_train.dtype == np.int64


@pytest.mark.parametrize(("shape", "image_shape"), [((6,), None), ((3, 2), (3, 2)), ((1, 3, 2), None)])
def test_npz_flattens(tmp_path, shape, image_shape):
    arrays = small_arrays()
    flat = {k: arrays[k].reshape(-1, *shape) for k in ("x_train", "x_test")}
    path = tmp_path / "mine.npz"
    path.write_bytes(npz_bytes(**flat))
    loaded = datasets.load_npz(path, train_per_class=1)
    assert loaded.x_train.shape == (10, 6)
    assert loaded.image_shape == image_shape


def test_load_by_name(tmp_path):
    path = tmp_path / "mine.npz"
    path.write_bytes(npz_bytes())
    idx_dir = write_files(tmp_path / "idx", small_idx())
    assert_same(datasets.load("digits", test_per_class=3), datasets.load_digits(test_per_class=3))
    assert_same(datasets.load("patterns"), datasets.load_patterns())
    assert_same(datasets.load(str(path), train_per_class=1), datasets.load_npz(path, train_per_class=1))
    assert_same(datasets.load("mnist", data_dir=idx_dir), datasets.load_npz(path))


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


def test_import_leaves_sklearn_alone():
    load = "import sys, ising_ep.datasets; assert 'sklearn' not in sys.modules"
    subprocess.run([sys.executable, "-c", load], check=True)


# What is refused

ARRAYS = small_arrays()
NAN, INFINITE, HUGE = (np.full((20, 3, 2), value) for value in (np.nan, -np.inf, 1e300))


def test_boolean_images_are_0_and_1(tmp_path):
    path = tmp_path / "mine.npz"
    bright = ARRAYS["x_train"] > 9
    path.write_bytes(npz_bytes(x_train=bright))
    np.testing.assert_array_equal(datasets.load_npz(path).x_train, bright.reshape(len(bright), -1))


BAD_ARRAYS = {
    "nan": ({"x_train": NAN}, "x_train holds nan in image 0"),
    "infinite": ({"x_train": INFINITE}, "x_train holds -inf"),
    "beyond float32": ({"x_train": HUGE}, "x_train holds 1e+300"),
    "integer pixels": ({"x_train": ARRAYS["x_train"].astype(np.int32)}, "x_train holds int32"),
    "pixels of 255": (
        {"x_train": ARRAYS["x_train"].astype(np.float32)},
        f"x_train holds values up to {ARRAYS['x_train'].max()} with root mean square",
    ),
    "test pixels of 255": (
        {"x_test": ARRAYS["x_test"].astype(np.float64)},
        "expected about 1 and at most 5: give pixels of 0..255 as uint8, or divide them by 255",
    ),
    "huge pixels": ({"x_train": np.full((20, 3, 2), -1e30)}, "with root mean square 1e+30, expected about 1"),
    "huge half precision": ({"x_train": np.full((20, 3, 2), 6e4, np.float16)}, "with root mean square 6e+04"),
    "pixel of another sign": ({"x_train": np.full((20, 6), 1j)}, "x_train holds complex128, expected uint8"),
    "one-dimensional images": ({"x_train": np.zeros(20)}, "x_train has shape (20,)"),
    "scalar images": ({"x_test": np.float32(0)}, "x_test has shape ()"),
    "no images": (
        {"x_train": ARRAYS["x_train"][:0], "y_train": ARRAYS["y_train"][:0]},
        "x_train has shape (0, 3, 2)",
    ),
    "images of no pixels": ({"x_test": np.zeros((10, 0))}, "x_test has shape (10, 0)"),
    "two-dimensional labels": ({"y_train": ARRAYS["y_train"][:, None]}, "y_train has shape (20, 1)"),
    "lengths differ": ({"y_test": ARRAYS["y_test"][:-1]}, "x_test has 10 images, y_test 9 labels"),
    "image shapes differ": ({"x_test": np.zeros((10, 2, 3))}, "x_test has images (2, 3), expected (3, 2)"),
    "fractional labels": ({"y_train": ARRAYS["y_train"] + 0.5}, "y_train holds 0.5, expected whole numbers"),
    "labels that are no numbers": (
        {"y_test": np.where(ARRAYS["y_test"] == 3, np.nan, 0)},
        "y_test holds nan, expected whole numbers",
    ),
    "infinite labels": ({"y_test": np.full(10, np.inf)}, "y_test holds inf, expected whole numbers"),
    "labels past precision": ({"y_train": ARRAYS["y_train"] + 1e17}, "expected whole numbers"),
    "negative whole floats": ({"y_train": ARRAYS["y_train"] - 1.0}, "y_train holds label -1.0, expected"),
    "negative label": ({"y_train": ARRAYS["y_train"].astype(int) - 3}, "y_train holds label -3"),
    "gap in labels": ({"y_train": ARRAYS["y_train"] * 2}, "y_train holds 10 different labels up to 18"),
    "one class": ({"y_train": ARRAYS["y_train"] * 0}, "y_train holds 1 different labels up to 0"),
    "unknown test label": ({"y_test": ARRAYS["y_test"] + 5}, "y_test holds label 14, expected 0..9"),
    "object images": (
        {"x_train": np.full((20, 2), None)},
        "x_train holds object, expected uint8, booleans or",
    ),
    "object labels": ({"y_train": np.full(20, None)}, "y_train holds object, expected integers"),
    "text labels": ({"y_train": ARRAYS["y_train"].astype(str)}, "y_train holds <U3, expected integers"),
    "missing images": ({"x_train": None}, "x_train: no such array"),
    "missing labels": ({"y_test": None}, "y_test: no such array, expected x_train, y_train, x_test, y_test"),
}


@pytest.mark.parametrize(("changes", "part"), BAD_ARRAYS.values(), ids=BAD_ARRAYS.keys())
def test_bad_arrays(tmp_path, changes, part):
    path = tmp_path / "mine.npz"
    path.write_bytes(npz_bytes(**changes))
    with pytest.raises(ValueError, match=re.escape(str(path))) as error:
        datasets.load_npz(path)
    assert_one_line(error, part)


GOOD_NPZ = npz_bytes()
BAD_NPZ = {
    "empty": (b"", "not a zip file"),
    "pickle": (pickle.dumps([1, 2]), "not a zip file"),
    "truncated": (GOOD_NPZ[:-30], "not a zip file"),
    "member not npy": (npz_with_member(b"hello, world"), "x_train: the magic string"),
    "promises more": (npz_with_member(npy_bytes((20, 3, 2), bytes(100))), "promises 120 bytes, found 100"),
    "trailing data": (npz_with_member(npy_bytes((20, 3, 2), bytes(121))), "promises 120 bytes, found more"),
    "promises terabytes": (
        npz_with_member(npy_bytes((20, 3, 2 * 10**11))),
        "x_test has images (3, 2), expected (3, 200000000000)",
    ),
    "negative shape": (npz_with_member(npy_bytes((-20, 3, 2), bytes(120))), "x_train has shape (-20, 3, 2)"),
    "doubly negative": (npz_with_member(npy_bytes((-20, -6), bytes(120))), "x_train"),
    "absurd shape": (npz_with_member(npy_bytes((0, 10**40))), "x_train"),
    "nested header": (npz_with_member(npy_bytes("(" * 9000)), "x_train"),
    "npy version 2": (npz_with_member(npy_bytes((20, 6), bytes(120), version=(2, 0))), "npy version (2, 0)"),
    "bzip2": (npz_with_member(npy_bytes((20, 6), bytes(120)), zipfile.ZIP_BZIP2), "zip compression 12"),
}


@pytest.mark.parametrize(("content", "part"), BAD_NPZ.values(), ids=BAD_NPZ.keys())
def test_bad_npz(tmp_path, content, part):
    path = tmp_path / "mine.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(str(path))) as error:
        datasets.load_npz(path)
    assert_one_line(error, part)


IMAGES, LABELS = small_idx()[TRAIN_IMAGES], small_idx()[TRAIN_LABELS]
BAD_IDX = {
    "empty file": (TRAIN_IMAGES, b"", "ends after 0 bytes"),
    "cut in the header": (TRAIN_IMAGES, IMAGES[:10], "ends after 10 bytes, expected a header of 16"),
    "cut in the data": (TRAIN_IMAGES, IMAGES[:-1], "promises 120 bytes, found 119"),
    "trailing data": (TRAIN_IMAGES, IMAGES + b"\0", "promises 120 bytes, found more"),
    "labels as images": (TRAIN_IMAGES, LABELS, "magic number is 00000801, expected 00000803"),
    "images as labels": (TEST_LABELS, IMAGES, "magic number is 00000803, expected 00000801"),
    "promises more": (TRAIN_LABELS, idx(np.zeros(9, np.uint8))[:-1], "promises 9 bytes, found 8"),
    "promises too much": (
        TRAIN_IMAGES,
        IMAGES[:4] + b"\xff" * 12,
        "header promises 79228162458924105385300197375",
    ),
    "no images": (TRAIN_IMAGES, idx(np.zeros((0, 3, 2), np.uint8)), "x_train has shape (0, 3, 2)"),
    "images of no pixels": (TEST_IMAGES, idx(np.zeros((10, 3, 0), np.uint8)), "x_test has shape (10, 3, 0)"),
    "counts differ": (TRAIN_LABELS, idx(np.zeros(19, np.uint8)), "x_train has 20 images, y_train 19 labels"),
    "label out of range": (
        TEST_LABELS,
        idx(np.arange(1, 11, dtype=np.uint8)),
        "y_test holds label 10, expected 0..9",
    ),
    "shapes differ": (TEST_IMAGES, idx(np.zeros((10, 2, 3), np.uint8)), "x_test has images (2, 3)"),
    "not gzip": (TRAIN_IMAGES + ".gz", IMAGES, "Not a gzipped file"),
    "cut gzip": (TRAIN_IMAGES + ".gz", gzip.compress(IMAGES)[:-9], "end-of-stream"),
    "gzip checksum": (TRAIN_IMAGES + ".gz", gzip.compress(IMAGES)[:-8] + bytes(8), "CRC check failed"),
    "gzip trailing": (TRAIN_IMAGES + ".gz", gzip.compress(IMAGES) + b"more", "Not a gzipped file"),
    "gzip trailing data": (TRAIN_IMAGES + ".gz", gzip.compress(IMAGES + b"\0"), "found more"),
}


@pytest.mark.parametrize(("name", "content", "part"), BAD_IDX.values(), ids=BAD_IDX.keys())
def test_bad_idx(tmp_path, name, content, part):
    files = small_idx()
    del files[name.removesuffix(".gz")]
    write_files(tmp_path, files | {name: content})
    with pytest.raises(ValueError, match=re.escape(str(tmp_path))) as error:
        datasets.load_mnist(tmp_path)
    file_alone_is_bad = not part.startswith(("x_", "y_"))
    assert_one_line(error, part, *([name] if file_alone_is_bad else []))


def peak_while_refused(load, path, part):
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=part):
            load(path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def zeros_npz(**sizes):
    """An .npz whose arrays are promised to be (sizes) bytes, and are 16 MiB of zeros each; it has 64 KiB."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, shape in sizes.items():
            archive.writestr(f"{name}.npy", npy_bytes(shape, bytes(2**24)))
    return buffer.getvalue()


def test_promises_and_bombs_do_not_take_memory(tmp_path):
    header = IMAGES[:4] + struct.pack(">3I", 2_000_000, 32, 32)  # two billion bytes, under the limit
    promise = write_files(tmp_path / "promise", small_idx() | {TRAIN_IMAGES: header})
    less = write_files(tmp_path / "less", small_idx())
    (less / TRAIN_IMAGES).write_bytes(IMAGES[:4] + struct.pack(">3I", 100_000, 32, 32))
    bomb = write_files(tmp_path / "bomb", small_idx())
    (bomb / TRAIN_IMAGES).unlink()
    (bomb / f"{TRAIN_IMAGES}.gz").write_bytes(gzip.compress(IMAGES + bytes(2**24)))
    files = {
        "promise": npz_with_member(npy_bytes((20, 3, 2), b"")),
        "bomb": npz_with_member(npy_bytes((20, 3, 2), bytes(2**24)), zipfile.ZIP_DEFLATED),
        # As large as what was seen: four arrays, each within what one may have.
        "four": zeros_npz(x_train=(1_500_000, 1000), y_train=(1_500_000,), x_test=(2, 1000), y_test=(2,)),
        "labels": zeros_npz(x_train=(20, 6), y_train=(20, 75_000_000), x_test=(2, 6), y_test=(2,)),
    }
    for name, content in files.items():
        (tmp_path / f"{name}.npz").write_bytes(content)
    np.save(tmp_path / "images.npy", np.zeros((2, 6)))
    with (tmp_path / "images.npy").open("r+b") as file:
        file.write(npy_bytes((100_000_000, 6)))
    for load, path, part in (
        (
            datasets.load_mnist,
            promise,
            "promises 2048000000 bytes, which take 10240000000 in memory, expected",
        ),
        (datasets.load_mnist, less, "promises 102400000 bytes, found 0"),
        (datasets.load_mnist, bomb, "found more"),
        (datasets.load_npz, tmp_path / "promise.npz", "promises 120 bytes, found 0"),
        (datasets.load_npz, tmp_path / "bomb.npz", "found more"),
        (
            datasets.load_npz,
            tmp_path / "four.npz",
            "promises 1501502002 bytes, which take 7507510010 in memory",
        ),
        (datasets.load_npz, tmp_path / "labels.npz", r"y_train has shape \(20, 75000000\), expected"),
        (
            lambda path: datasets.load_images(path, 6),
            tmp_path / "images.npy",
            "promises 600000000 bytes, which",
        ),
    ):
        assert peak_while_refused(load, path, part) < 2**22


def test_what_a_file_may_take_grows_with_it(tmp_path):
    """More than any file may take, in one that has a fifth of it, and in one that has a thousandth."""
    pixels = np.zeros((120_000, 1000), np.uint8)
    labels = np.arange(len(pixels)) % 2
    arrays = {"x_train": pixels, "y_train": labels, "x_test": pixels[:2], "y_test": labels[:2]}
    np.savez(tmp_path / "whole.npz", **arrays)
    loaded = datasets.load_npz(tmp_path / "whole.npz", train_per_class=1)
    assert loaded.x_train.shape == (2, 1000)
    np.savez_compressed(tmp_path / "small.npz", **arrays)
    with pytest.raises(ValueError, match="for its size; uncompressed it is read"):
        datasets.load_npz(tmp_path / "small.npz", train_per_class=1)


def test_booleans_are_zeros_and_ones(tmp_path):
    lit = ARRAYS["x_train"] > 127
    bytes_of_other_values = npy_bytes((20, 3, 2), (lit * np.uint8(7)).tobytes(), descr="|b1")
    for content in (npz_bytes(x_train=lit), npz_with_member(bytes_of_other_values)):
        (tmp_path / "mine.npz").write_bytes(content)
        loaded = datasets.load_npz(tmp_path / "mine.npz")
        np.testing.assert_array_equal(loaded.x_train, lit.reshape(20, 6).astype(np.float32))
    np.save(tmp_path / "new.npy", lit)
    np.testing.assert_array_equal(datasets.load_images(tmp_path / "new.npy", 6), loaded.x_train)


@pytest.mark.parametrize("kind", [np.float32, np.float16, np.int8, ">i8", np.uint64])
def test_labels_are_whole_numbers_of_any_kind(tmp_path, kind):
    (tmp_path / "mine.npz").write_bytes(npz_bytes(y_train=ARRAYS["y_train"].astype(kind)))
    loaded = datasets.load_npz(tmp_path / "mine.npz")
    np.testing.assert_array_equal(loaded.y_train, ARRAYS["y_train"])
    assert loaded.y_train.dtype == np.int64


def test_two_classes_may_be_booleans(tmp_path):
    halves = {f"y_{split}": ARRAYS[f"y_{split}"] > 4 for split in ("train", "test")}
    (tmp_path / "mine.npz").write_bytes(npz_bytes(**halves))
    loaded = datasets.load_npz(tmp_path / "mine.npz")
    np.testing.assert_array_equal(loaded.y_test, halves["y_test"].astype(int))
    assert loaded.num_classes == 2


def test_images_to_classify_are_scaled_as_those_learned_from(tmp_path):
    pixels = np.full((3, 6), 255, np.uint8)
    np.save(tmp_path / "new.npy", pixels)
    np.testing.assert_array_equal(datasets.load_images(tmp_path / "new.npy", 6), np.ones((3, 6)))
    for suffix, save in ((".npy", np.save), (".npz", lambda path, x: np.savez(path, x=x))):
        path = tmp_path / f"floats{suffix}"
        save(path, pixels.astype(float))
        with pytest.raises(ValueError, match=f"{path}: x holds values up to 255 with root mean square 255"):
            datasets.load_images(path, 6)


# Made by hand


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
    ],
)
def test_a_data_set_made_by_hand_is_checked(tmp_path, changes, text):
    (tmp_path / "mine.npz").write_bytes(npz_bytes())
    good = datasets.load_npz(tmp_path / "mine.npz")
    with pytest.raises(ValueError, match=re.escape(f"mine: {text}" if text[0] in "xyi" else text)) as error:
        replace(good, **changes)
    assert_one_line(error)


@pytest.mark.parametrize("per_class", [0, -1])
@pytest.mark.parametrize("name", ["train_per_class", "test_per_class"])
def test_per_class_must_be_positive(name, per_class):
    with pytest.raises(ValueError, match=f"{name} is {per_class}, expected 1 or more"):
        datasets.load("digits", **{name: per_class})


def test_too_few_of_a_class(tmp_path):
    write_files(tmp_path, small_idx())
    with pytest.raises(ValueError, match="y_train has 2 of class 0, expected 3 or more") as error:
        datasets.load_mnist(tmp_path, train_per_class=3)
    assert_one_line(error, str(tmp_path))


def test_missing_files_and_directories(tmp_path):
    for name, title in TITLES.items():
        with pytest.raises(
            FileNotFoundError, match=f"nowhere: no such directory, expected one with {title}'s"
        ):
            datasets.load(name, data_dir=tmp_path / "nowhere")
        with pytest.raises(FileNotFoundError, match=f"{TRAIN_IMAGES}: no such file, expected {title}'s"):
            datasets.load(name, data_dir=tmp_path)
    with pytest.raises(FileNotFoundError, match=r"mine\.npz: no such file"):
        datasets.load("mine.npz")
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="file: is a file, expected a directory"):
        datasets.load_mnist(tmp_path / "file")


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (
            {"name": "cifar"},
            "unknown data set 'cifar', expected digits, mnist, fashion-mnist, kmnist, patterns or a path",
        ),
        (
            {"name": "digits", "data_dir": "somewhere"},
            "data_dir somewhere: expected for mnist, fashion-mnist, kmnist, not 'digits'",
        ),
        ({"name": "patterns", "train_per_class": 1}, "patterns has one image a class"),
    ],
)
def test_load_refuses(arguments, part):
    with pytest.raises(ValueError, match=re.escape(part)):
        datasets.load(**arguments)


# Whatever happens to a file, it loads or is refused in one line


@st.composite
def damages(draw):
    """A function that cuts bytes short or changes one of them."""
    place, change = draw(st.floats(0, 1, exclude_max=True)), draw(st.integers(0, 255))

    def damage(content):
        position = int(place * len(content))
        if change == 0:
            return content[:position]
        return content[:position] + bytes([content[position] ^ change]) + content[position + 1 :]

    return damage


def loads_or_is_refused(load, path):
    try:
        loaded = load(path)
    except ValueError as error:
        message = str(error)
    else:
        assert len(loaded.x_train) == len(loaded.y_train)
        assert np.isfinite(loaded.x_train).all()
        return
    assert "\n" not in message
    assert str(path) in message


@settings(max_examples=80, deadline=None)
@given(damage=damages(), name=st.sampled_from(sorted(small_idx())), zipped=st.booleans())
def test_damaged_idx(tmp_path_factory, damage, name, zipped):
    directory = tmp_path_factory.getbasetemp() / f"damaged_{zipped}"
    files = {k + ".gz" * zipped: gzip.compress(v, mtime=0) if zipped else v for k, v in small_idx().items()}
    name += ".gz" * zipped
    write_files(directory, files | {name: damage(files[name])})
    loads_or_is_refused(datasets.load_mnist, directory)


@pytest.mark.filterwarnings("ignore:Reading `.npy`:UserWarning")
@settings(max_examples=120, deadline=None)
@given(damage=damages(), inside=st.booleans())
def test_damaged_npz(tmp_path_factory, damage, inside):
    """Damage the archive, or its first array before the zip's checksum covers it."""
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    array = npy_bytes((20, 3, 2), bytes(120))
    path.write_bytes(npz_with_member(damage(array)) if inside else damage(npz_with_member(array)))
    loads_or_is_refused(datasets.load_npz, path)
