"""A user's own files: data sets in .npz, images to classify in .npy or .npz."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..files.arrays import read_npy, read_npz, require
from ..files.untrusted import require_file
from .dataset import Dataset
from .images import as_pixels
from .loader import StrPath
from .raw import make_dataset
from .validation import ARRAY_NAMES, check_forms, check_image_form


def load_npz(
    path: StrPath, *, train_per_class: int | None = None, test_per_class: int | None = None
) -> Dataset:
    """Load a user's arrays `x_train`, `y_train`, `x_test`, `y_test` from an .npz file.

    Images are (n, ...), flattened to (n, num_inputs): uint8 is divided by 255, booleans become 0 and 1, and
    floats of order 1 are used as they are. Labels are whole numbers (n,); `y_train` holds every class
    0..num_classes-1. `image_shape` is known for images (n, height, width), and for images (n, height, width,
    channels) with 1, 3 or 4 channels; of other arrays it is None. `train_per_class` and `test_per_class` keep
    the first images of each class.

    Raises ValueError for anything else (object arrays too, floats of 0..255, arrays that take more than
    512 MiB and thirty times their file), FileNotFoundError for a missing file.

    >>> mine = load_npz("mine.npz", train_per_class=100)  # doctest: +SKIP
    """
    path = Path(path)
    require_file(path, "an .npz file")
    raw = read_npz(path, ARRAY_NAMES, check_forms)
    return make_dataset(path.stem, str(path), raw, (train_per_class, test_per_class))


def load_images(path: StrPath, num_inputs: int) -> NDArray[np.float32]:
    """Load images to classify, float32 (n, num_inputs): a .npy file, or the array `x` of an .npz file.

    Scaled as by `load_npz`. Raises ValueError for images of another size and for damaged files,
    FileNotFoundError for a missing one.

    >>> x = load_images("images.npy", num_inputs=784)  # doctest: +SKIP
    """
    path = Path(path)
    require_file(path, "an .npy or .npz file")
    if path.suffix == ".npz":
        x = read_npz(path, ("x",), lambda source, arrays: check_image_form(f"{source}: x", arrays["x"]))["x"]
    else:
        x = read_npy(path, lambda form: check_image_form(f"{path}", form))
    pixels = as_pixels(f"{path}: x", x)
    size = pixels.shape[1]
    require(size == num_inputs, f"{path}: has images of {size} pixels, expected {num_inputs}")
    return pixels
