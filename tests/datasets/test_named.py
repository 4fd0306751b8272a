"""Data sets that are known by a name: what they hold, where they come from."""

import gzip
import hashlib
import os
import re
import shutil
import struct
import subprocess
import sys
import urllib.error
import warnings
from pathlib import Path

import numpy as np
import pytest
import sklearn.datasets
from sklearn.utils import Bunch

from ising_ep import datasets
from support.data import (
    MNIST,
    TEST_IMAGES,
    TEST_LABELS,
    TRAIN_IMAGES,
    TRAIN_LABELS,
    assert_one_line,
    assert_same,
    idx,
    needs_mnist,
    npz_bytes,
    small_arrays,
    small_idx,
    write_files,
)


def test_digits():
    digits = datasets.load_digits()
    assert (digits.name, digits.num_inputs, digits.num_classes, digits.image_shape) == (
        "digits",
        64,
        10,
        (8, 8, 1),
    )
    assert digits.x_train.shape == (1617, 64)
    assert digits.x_test.shape == (180, 64)
    assert digits.x_train.dtype == digits.x_test.dtype == np.float32
    assert digits.y_train.dtype == digits.y_test.dtype == np.int64
    assert (digits.x_train.min(), digits.x_train.max()) == (0, 1)
    assert np.ptp(np.bincount(digits.y_test)) <= 2  # stratified
    whole = np.sort(sklearn.datasets.load_digits().data / 16, axis=0)
    np.testing.assert_array_equal(np.sort(np.concatenate([digits.x_train, digits.x_test]), axis=0), whole)


@pytest.mark.slow
def test_digits_split_follows_the_seed():
    assert_same(datasets.load_digits(), datasets.load_digits(seed=0))
    assert datasets.load_digits().fingerprint() != datasets.load_digits(seed=1).fingerprint()


@pytest.mark.slow
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
    assert (patterns.num_inputs, patterns.num_classes, patterns.image_shape) == (9, 2, (3, 3, 1))


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


@pytest.mark.slow
@needs_mnist
def test_mnist_whole_has_the_published_bytes():
    mnist = datasets.load_mnist(MNIST)
    assert (mnist.x_train.shape, mnist.x_test.shape, mnist.image_shape) == (
        (60000, 784),
        (10000, 784),
        (28, 28, 1),
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
    assert loaded.image_shape == (3, 2, 1)


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


@pytest.mark.slow
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
    assert (loaded.name, loaded.num_classes, loaded.image_shape) == (name, 10, (28, 28, 1))
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
    assert (loaded.num_classes, loaded.image_shape) == (26, (5, 4, 1))
    write_files(tmp_path, {TRAIN_LABELS: idx(letters + 1)})  # from 1 on, as EMNIST's letters are published
    with pytest.raises(ValueError, match="y_train holds 26 different labels up to 26, expected"):
        datasets.load("mnist", data_dir=tmp_path)


@pytest.mark.slow
def test_load_by_name(tmp_path):
    path = tmp_path / "mine.npz"
    path.write_bytes(npz_bytes())
    idx_dir = write_files(tmp_path / "idx", small_idx())
    assert_same(datasets.load("digits", test_per_class=3), datasets.load_digits(test_per_class=3))
    assert_same(datasets.load("patterns"), datasets.load_patterns())
    assert_same(datasets.load(str(path), train_per_class=1), datasets.load_npz(path, train_per_class=1))
    assert_same(datasets.load("mnist", data_dir=idx_dir), datasets.load_npz(path))


@pytest.mark.slow
def test_import_leaves_sklearn_alone():
    load = "import sys, ising_ep.datasets; assert 'sklearn' not in sys.modules"
    subprocess.run([sys.executable, "-c", load], check=True)


@pytest.mark.parametrize("per_class", [0, -1])
@pytest.mark.parametrize("name", ["train_per_class", "test_per_class"])
def test_per_class_must_be_positive(name, per_class):
    with pytest.raises(ValueError, match=f"{name} is {per_class}, expected an integer >= 1"):
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
            "unknown data set 'cifar', expected cifar10, digits, mnist, fashion-mnist, kmnist, patterns or",
        ),
        (
            {"name": "digits", "data_dir": "somewhere"},
            "data_dir somewhere: expected for cifar10, mnist, fashion-mnist, kmnist, not 'digits'",
        ),
        ({"name": "patterns", "train_per_class": 1}, "patterns has one image a class"),
    ],
)
def test_load_refuses(arguments, part):
    with pytest.raises(ValueError, match=re.escape(part)):
        datasets.load(**arguments)


# One file each

STRIPES = '''
"""Stripes: up and down, or across."""

import numpy as np

from ..dataset import Dataset
from ..loader import Loader, Sizes


def load(data_dir, per_class):
    across = np.zeros((2, 3, 4, 3), np.float32)
    across[0, ::2], across[1, :, ::2] = 1, 1
    x, y = across.reshape(2, -1), np.arange(2)
    return Dataset("stripes", x, y, x, y, num_classes=2, image_shape=(3, 4, 3))


LOADERS = (
    Loader(
        name="stripes",
        title="Stripes",
        load=load,
        folder="a shirt",
        fetched="Stripes from the tailor",
        sizes=Sizes(500, 40, (200, 20), (3, 4, 3), 2),
        settings={"layers": (6, 4), "epochs": 3},
    ),
)
'''


@pytest.mark.slow
def test_a_new_data_set_is_one_file(tmp_path):
    """In a copy of the package: it loads, trains with its own settings, and help and costs know it."""
    package = Path(datasets.__file__).parents[1]
    shutil.copytree(package, tmp_path / "ising_ep", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "ising_ep" / "datasets" / "named" / "stripes.py").write_text(STRIPES)

    def run(*words):
        command = [sys.executable, "-m", "ising_ep", *words]
        environment = os.environ | {"PYTHONPATH": str(tmp_path)}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    helped = " ".join(run("train", "--help").stdout.split())
    assert "patterns, stripes, or FILE.npz." in helped
    assert "stripes: a shirt" in helped
    assert "[default: 120,40; patterns 8,4, stripes 6,4, deep-convolutional 40]" in helped
    trained = run("train", "--dataset", "stripes", "--out", "run", "--num-sweeps", "5")
    assert trained.returncode == 0, trained.stderr
    assert "Stripes from the tailor" in trained.stderr
    assert len((tmp_path / "run" / "metrics.csv").read_text().splitlines()) == 4
    costs = run("estimate", "--dataset", "stripes", "--chip", "chimera:4")
    assert "500 training and 40 test images, 3 epochs" in costs.stdout, costs.stderr
    assert "tailor" not in costs.stderr


def test_a_stand_in_has_the_sizes_and_takes_no_memory():
    loader = datasets.LOADERS["cifar10"]
    whole, few = loader.stand_in((None, None)), loader.stand_in((3, None))
    assert (whole.x_train.shape, whole.x_test.shape) == ((50_000, 3072), (10_000, 3072))
    assert (few.x_train.shape, few.y_train.shape) == ((30, 3072), (30,))
    assert (whole.image_shape, whole.num_classes) == ((32, 32, 3), 10)
    assert whole.x_train.strides == (0, 0)
    with pytest.raises(ValueError, match="test_per_class is 1001, but CIFAR-10 has 1000 of one class"):
        loader.stand_in((None, 1001))
    assert_same(datasets.LOADERS["patterns"].stand_in((None, None)), datasets.load_patterns())
