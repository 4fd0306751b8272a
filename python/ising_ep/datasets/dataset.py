"""Training and test images with their labels, and what a network has to know of them."""

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..checks import are_sizes, instance, integer, short
from ..files.arrays import require
from .validation import ARRAY_NAMES, check_forms, check_values

# Height, width and channels of an image; one channel is grey.
ImageShape = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Training and test images with their labels.

    `from_arrays` makes one from arrays of any numbers and labels. This class takes arrays that are ready:

    `x_train` and `x_test` are float32 (n, num_inputs) in [0, 1] (the patterns in [-1, 1], a user's floats as
    given); `y_train` and `y_test` are int64 (n,) in 0..num_classes-1. `image_shape` is (height, width,
    channels) where the inputs are an image's pixels row by row, the channels of a pixel side by side. It is
    None where that is unknown. Given as (height, width), it is taken as (height, width, 1). `classes` are the
    labels that the classes had before they were numbered, None where they had no others.

    TypeError for what is no array, ValueError for arrays that are not such, and for images of a root mean
    square above 5, as floats of 0..255 have: nothing would be learned from them.
    """

    name: str
    x_train: NDArray[np.float32]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.float32]
    y_test: NDArray[np.int64]
    num_classes: int
    image_shape: ImageShape | None
    classes: tuple[str | int, ...] | None = None

    def __post_init__(self) -> None:
        """Check the arrays, and complete the shape of an image."""
        instance("name", self.name, str)
        raw = {name: getattr(self, name) for name in ARRAY_NAMES}
        for name, array in raw.items():
            instance(f"{self.name}: {name}", array, np.ndarray)
            if np.ma.isMaskedArray(array):
                raise TypeError(f"{self.name}: {name} is a masked array, expected one without a mask")
        object.__setattr__(self, "num_classes", integer(f"{self.name}: num_classes", self.num_classes, 1))
        for name in ("x_train", "x_test"):
            x = raw[name]
            require(
                x.ndim == 2 and x.dtype == np.float32,
                f"{self.name}: {name} is {x.dtype} of shape {x.shape}, expected float32 (images, pixels)",
            )
        check_forms(self.name, raw)
        for split in ("train", "test"):
            check_values(self.name, split, raw)
            most = raw[f"y_{split}"].max()
            what = f"{self.name}: y_{split} holds label {most}"
            require(most < self.num_classes, f"{what}, expected 0..{self.num_classes - 1}")
        if self.image_shape is not None:
            object.__setattr__(self, "image_shape", self._complete_shape(self.image_shape))
        if self.classes is not None:
            if not isinstance(self.classes, tuple | list):
                raise TypeError(f"{self.name}: classes is {short(self.classes)}, expected a tuple of labels")
            object.__setattr__(self, "classes", tuple(self.classes))
            counted = f"{self.name}: classes are {len(self.classes)}, expected {self.num_classes}"
            require(len(self.classes) == self.num_classes, counted)

    def _complete_shape(self, shape: object) -> ImageShape:
        """Return the shape with its channels, as plain integers; refuse one of other images."""
        given = f"{self.name}: image_shape is {short(shape)}"
        if not are_sizes(shape) or len(shape) not in (2, 3):
            raise ValueError(f"{given}, expected (height, width) or (height, width, channels)")
        sizes = [int(size) for size in shape]
        require(math.prod(sizes) == self.num_inputs, f"{given}, expected {self.num_inputs} pixels")
        height, width, channels = (*sizes, 1)[:3]
        return height, width, channels

    @property
    def num_inputs(self) -> int:
        """Number of values of one image, all channels counted."""
        return int(self.x_train.shape[1])

    def fingerprint(self) -> str:
        """Return the hex SHA-256 of the four arrays, to tell whether a run is resumed with the same data.

        >>> from ising_ep.datasets import load_patterns
        >>> load_patterns().fingerprint()[:8]
        '48b4235e'
        """
        digest = hashlib.sha256()
        for array in (self.x_train, self.y_train, self.x_test, self.y_test):
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(array.tobytes())
        return digest.hexdigest()
