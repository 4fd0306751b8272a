"""Data sets made from a user's arrays: images of any shape, labels that are numbers or names."""

from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import integer, real, short
from ..extras import PLAIN, needing
from ..files.arrays import Arrays, first_line, require
from .dataset import Dataset
from .images import as_array, scaled
from .raw import image_shape_of
from .validation import check_image_form, check_images, check_one_label_each, check_same_shape, check_whole

TEST_FRACTION = 0.2
# scikit-learn takes no larger seed.
LARGEST_SEED = 2**32 - 1

Classes = tuple[str | int, ...]


def from_arrays(
    x_train: ArrayLike,
    y_train: ArrayLike,
    x_test: ArrayLike | None = None,
    y_test: ArrayLike | None = None,
    *,
    name: str = "arrays",
    test_fraction: float | None = None,
    seed: int | None = None,
    classes: Sequence[str | int] | None = None,
) -> Dataset:
    """Make a data set from arrays of images and labels.

    Images (n, ...) are flattened to (n, num_inputs): uint8 is divided by 255, booleans become 0 and 1, and
    floats of order 1 are used as they are. The shape of an image is known for (n, height, width), and for
    (n, height, width, channels) with 1, 3 or 4 channels.

    Labels (n,) are integers, booleans, whole floats or strings. The classes are the different labels of
    `y_train`, sorted. `Dataset.classes` lists them; `Dataset.y_train` and `Dataset.y_test` hold positions in
    that list.

    Args:
        x_train: Images to learn from.
        y_train: Their labels.
        x_test: Images to test on. Without them a part of `x_train` is split off.
        y_test: Their labels, given with `x_test`.
        name: What messages call the data set.
        test_fraction: The part of every class that is split off, 0.2 unless given. Refused beside `x_test`.
        seed: Seed of the split, 0 unless given. Refused beside `x_test`.
        classes: The classes in another order, or with classes that have no image.

    Raises:
        ValueError: If an array is not of this kind, does not fit the others, or cannot be split. The message
            names the array.

    Example:
        >>> images = np.random.default_rng(0).random((10, 8, 6))
        >>> animals = from_arrays(images, ["dog", "cat"] * 5)
        >>> animals.classes, animals.image_shape, animals.x_train.shape, animals.x_test.shape
        (('cat', 'dog'), (8, 6, 1), (8, 48), (2, 48))
    """
    x, labels = _checked(name, "train", x_train, y_train)
    found = _classes_of(name, labels, classes)
    if x_test is None and y_test is None:
        first, second = _split(f"{name}: y_train", labels, test_fraction, seed)
        x, x_other, labels, other_labels = x[first], x[second], labels[first], labels[second]
    else:
        for key, value in (("test_fraction", test_fraction), ("seed", seed)):
            require(value is None, f"{name}: {key} is {value}, but test images are given, and none split off")
        x_other, other_labels = _checked(name, "test", x_test, y_test)
        check_same_shape(name, x, x_other)
    y, y_other = (
        _numbered(f"{name}: {key}", each, found)
        for key, each in (("y_train", labels), ("y_test", other_labels))
    )
    return Dataset(name, scaled(x), y, scaled(x_other), y_other, len(found), image_shape_of(x), classes=found)


def _checked(
    name: str, split: str, x: ArrayLike | None, y: ArrayLike | None
) -> tuple[NDArray[Any], NDArray[Any]]:
    """The images and labels of a split as arrays."""
    arrays: Arrays = {}
    for key, value in ((f"x_{split}", x), (f"y_{split}", y)):
        if value is None:
            raise ValueError(f"{name}: {key} is missing, expected x_{split} and y_{split}")
        arrays[key] = as_array(f"{name}: {key}", value)
    images, labels = arrays.values()
    if labels.dtype.kind == "U" and isinstance(y, Sequence):  # numbers among texts have become such
        labels = np.array(y, dtype=object)
    check_image_form(f"{name}: x_{split}", images)
    check_one_label_each(name, split, images, labels)
    check_images(f"{name}: x_{split}", images)
    return images, _plain_labels(f"{name}: y_{split}", labels)


def _plain_labels(source: str, y: NDArray[Any]) -> NDArray[Any]:
    """Labels of a type that sorts: integers, booleans or strings."""
    if y.dtype.kind in "OT":  # as pandas holds strings
        values = y.tolist()
        kind = next((kind for kind in (str, Integral) if isinstance(values[0], kind)), None)
        other = [value for value in values if kind is None or not isinstance(value, kind)]
        require(not other, f"{source} holds {other[:1]}, expected integers alone, or strings alone")
        y = np.array(values)
    require(y.dtype.kind in "biufU", f"{source} holds {y.dtype}, expected integers, booleans or strings")
    check_whole(source, y)
    return y.astype(np.int64) if y.dtype.kind == "f" else y


def _classes_of(name: str, labels: NDArray[Any], given: Sequence[str | int] | None) -> Classes:
    """The classes that were given, or the different labels. Fewer than two are refused."""
    source, found = f"{name}: y_train", tuple(np.unique(labels).tolist())
    if given is not None:
        if not isinstance(given, Iterable):
            raise TypeError(f"{name}: classes is {short(given)}, expected a list of labels")
        source, found = f"{name}: classes", tuple(given)
        for k, label in enumerate(found):
            is_label = isinstance(label, str | Integral) and label not in found[:k]
            require(is_label, f"{source} holds {label!r}, expected different integers or strings")
    require(len(found) > 1, f"{source} holds {list(found)} alone, expected two classes or more")
    return found


def _split(
    source: str, labels: NDArray[Any], fraction: float | None, seed: int | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of the images to learn from, and of those to test on: the same part of every class."""
    # scikit-learn takes a second to import: only who asks for a split pays for it.
    with needing(PLAIN, "a split of data"):
        from sklearn.model_selection import train_test_split

    fraction = TEST_FRACTION if fraction is None else fraction
    seed = integer("seed", 0 if seed is None else seed, 0, LARGEST_SEED)
    require(
        0 < real("test_fraction", fraction) < 1,
        f"test_fraction is {fraction}, expected a number between 0 and 1",
    )
    different, counts = np.unique(labels, return_counts=True)
    rarest, fewest = different[counts.argmin()].item(), counts.min()
    few = f"{source} has {fewest} label {rarest!r}, expected 2 or more of each class to split off a test"
    require(fewest > 1, few)
    try:
        first, second = train_test_split(
            np.arange(len(labels)), test_size=fraction, stratify=labels, random_state=seed
        )
    except ValueError as error:  # fewer images than classes on one side
        raise ValueError(
            f"{source}: cannot be split by test_fraction {fraction} ({first_line(error)});"
            " give another one, or x_test and y_test"
        ) from error
    return first, second


def _numbered(source: str, labels: NDArray[Any], classes: Classes) -> NDArray[np.int64]:
    """The position of each label among the classes."""
    different, positions = np.unique(labels, return_inverse=True)
    numbers = {label: k for k, label in enumerate(classes)}
    unknown = [label for label in different.tolist() if label not in numbers]
    if unknown:
        shown = ", ".join(map(repr, classes[:10])) + (", ..." if len(classes) > 10 else "")
        raise ValueError(f"{source} holds {unknown[0]!r}, expected one of the classes {shown}")
    return np.array([numbers[label] for label in different.tolist()], np.int64)[positions]
