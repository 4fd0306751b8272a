"""Data sets in small files, and where MNIST is looked for."""

import io
import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

# MNIST's IDX files are in the folder that this variable names, else in one beside the repository.
MNIST = Path(os.environ.get("ISING_EP_MNIST") or Path(__file__).resolve().parents[3] / "shared/data/mnist")
needs_mnist = pytest.mark.skipif(
    not MNIST.is_dir(), reason=f"MNIST's IDX files are not in {MNIST}; ISING_EP_MNIST names another folder"
)

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


# Ten problems of the size of a Pegasus chip, with what a QPU and others made of them.
P16 = Path(os.environ.get("ISING_EP_P16") or Path(__file__).resolve().parents[3] / "shared/data/lanl_p16")
