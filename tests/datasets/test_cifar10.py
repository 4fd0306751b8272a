"""CIFAR-10's binary files."""

import re

import numpy as np
import pytest

from ising_ep import datasets
from support.data import assert_one_line

NAMES = [*(f"data_batch_{k}.bin" for k in range(1, 6)), "test_batch.bin"]


@pytest.fixture
def images():
    """Ten images of each file, one of each class."""
    return np.random.default_rng(0).integers(0, 256, (6, 10, 32, 32, 3), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path, images):
    """The files, as their authors describe them: a label, then all values of red, of green, of blue."""
    for name, batch in zip(NAMES, images, strict=True):
        records = [
            bytes([label]) + b"".join(image[..., channel].tobytes() for channel in range(3))
            for label, image in enumerate(batch)
        ]
        (tmp_path / name).write_bytes(b"".join(records))
    return tmp_path


def test_channels_stand_side_by_side(folder, images):
    loaded = datasets.load("cifar10", data_dir=folder)
    assert (loaded.image_shape, loaded.num_classes, loaded.num_inputs) == ((32, 32, 3), 10, 3072)
    np.testing.assert_array_equal(np.rint(255 * loaded.x_train).reshape(5, 10, 32, 32, 3), images[:5])
    np.testing.assert_array_equal(np.rint(255 * loaded.x_test).reshape(10, 32, 32, 3), images[5])
    np.testing.assert_array_equal(loaded.y_train, np.tile(np.arange(10), 5))
    few = datasets.load("cifar10", data_dir=folder, train_per_class=1)
    np.testing.assert_array_equal(few.x_train, loaded.x_train[:10])


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "has 0 bytes, expected 3073 for each of 1 to 10000 images"),
        (bytes(3072), "has 3072 bytes, expected 3073"),
        (bytes(3073 * 10_001), f"has {3073 * 10_001} bytes, expected 3073"),
    ],
)
def test_other_sizes_are_refused(folder, content, part):
    (folder / NAMES[2]).write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(f"{folder / NAMES[2]}: {part}")) as error:
        datasets.load("cifar10", data_dir=folder)
    assert_one_line(error)


def test_a_missing_file_or_folder(folder):
    (folder / NAMES[5]).unlink()
    with pytest.raises(FileNotFoundError, match=r"test_batch\.bin: no such file, expected one of CIFAR-10's"):
        datasets.load("cifar10", data_dir=folder)
    with pytest.raises(ValueError, match=r"cifar10 needs data_dir \(--data-dir\)"):
        datasets.load("cifar10")
