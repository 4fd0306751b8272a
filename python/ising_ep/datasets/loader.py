"""A data set that is known by a name: how it is loaded, how large it is, what it is learned with."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..files.arrays import require
from .dataset import Dataset, ImageShape

StrPath = str | os.PathLike[str]
# Images of each class that are kept, for training and for test; None keeps all.
PerClass = tuple[int | None, int | None]


class Sizes(NamedTuple):
    """Sizes of a data set: numbers of images and classes, and the shape of an image.

    `rarest` are the images of its rarest class, for training and for test.
    """

    train: int
    test: int
    rarest: tuple[int, int]
    image_shape: ImageShape
    num_classes: int


@dataclass(frozen=True, kw_only=True)
class Loader:
    """Loads a data set by its name. A file of `named` lists its loaders as `LOADERS`.

    Args:
        name: What the user types.
        title: What the data set is called in messages.
        load: Loads it, given the folder of its files or None, and how many images of each class are kept.
        folder: What its folder holds, in a few words of the command's help. None: it has no folder.
        fetched: What is said before it is fetched where no folder is given, since that takes long. None: it
            is not fetched, but comes with a package, or needs its folder.
        sizes: How large it is, if that has to be known before it is there. None: it is there already.
        settings: The settings of `config.TrainConfig` that differ from the paper's, for this data set.
    """

    name: str
    title: str
    load: Callable[[StrPath | None, PerClass], Dataset]
    folder: str | None = None
    fetched: str | None = None
    sizes: Sizes | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def stand_in(self, per_class: PerClass) -> Dataset:
        """Load the data set where it is there already, else make one of its sizes.

        The images and labels of the latter are all 0, and take no memory.

        Raises:
            ValueError: If there are too few images of a class.
        """
        if self.sizes is None:
            return self.load(None, per_class)
        counts, pixels = [], math.prod(self.sizes.image_shape)
        for split, number, whole, rarest in zip(
            ("train", "test"), per_class, self.sizes[:2], self.sizes.rarest, strict=True
        ):
            if number is not None:
                few = f"{split}_per_class is {number}, but {self.title} has {rarest} of one class"
                require(number <= rarest, few)
            counts.append(whole if number is None else number * self.sizes.num_classes)
        # A number that is seen many times over takes no memory.
        x_train, x_test = (np.broadcast_to(np.float32(0), (count, pixels)) for count in counts)
        y_train, y_test = (np.broadcast_to(np.int64(0), count) for count in counts)
        return Dataset(
            *(self.name, x_train, y_train, x_test, y_test),
            num_classes=self.sizes.num_classes,
            image_shape=self.sizes.image_shape,
        )
