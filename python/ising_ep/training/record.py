"""Records that a run keeps of its data set and of the parts that it was given."""

from __future__ import annotations

import math
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib.metadata import version
from typing import Any, Self

from ..checks import short
from ..datasets import Dataset, ImageShape
from ..files.claim import is_name
from .parts import Parts, words_for_print
from .state import is_finite

# Format of the settings of a run. Format 1, without a number, does not say the shape of the data.
CONFIG_FORMAT = 2


@dataclass(frozen=True)
class DataRecord:
    """Record of a run's data set: enough to recognise the data set, and to predict without it.

    Attributes:
        fingerprint: Of the data set (`Dataset.fingerprint`).
        num_inputs: Length of an input vector.
        num_classes: Number of classes.
        image_shape: Height, width and channels of an image, None where they are unknown.
        classes: The labels that the classes had before they were numbered, None where they had no others.
    """

    fingerprint: str
    num_inputs: int
    num_classes: int
    image_shape: ImageShape | None = None
    classes: tuple[str | int, ...] | None = None

    @classmethod
    def of(cls, dataset: Dataset | Self) -> Self:
        """The record of a data set; that of a record is itself."""
        if not isinstance(dataset, Dataset):
            return dataset
        return cls(
            dataset.fingerprint(),
            dataset.num_inputs,
            dataset.num_classes,
            dataset.image_shape,
            dataset.classes,
        )

    @property
    def labels(self) -> tuple[str | int, ...]:
        """The label of each class: its own, or else its number."""
        return self.classes or tuple(range(self.num_classes))

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> Self:
        """The record in the settings of a run.

        Raises:
            ValueError: If it is none.
        """
        if not isinstance(content, Mapping):
            raise ValueError(f"the record of its data is {short(content)}, expected one")
        inputs, classes = content["num_inputs"], content["num_classes"]
        image = content.get("image_shape")
        sizes = [inputs, classes, *(image if isinstance(image, list) else [])]
        fits = all(type(size) is int and 1 <= size < 2**31 for size in sizes)
        if image is not None:
            fits = fits and isinstance(image, list) and len(image) == 3 and math.prod(image) == inputs
        if not fits:
            raise ValueError(
                f"its data have num_inputs {short(inputs)}, num_classes {short(classes)} and image_shape"
                f" {short(image)}, expected sizes that fit"
            )
        return cls(
            str(content["fingerprint"]),
            inputs,
            classes,
            None if image is None else tuple(image),
            _read_classes(content.get("classes"), classes),
        )


@dataclass(frozen=True)
class Origin:
    """What wrote the settings of a run.

    Attributes:
        command: The words of the command.
        versions: Versions by name.
    """

    command: list[str]
    versions: dict[str, str]

    @classmethod
    def here(cls) -> Self:
        """That of this process."""
        packages = {name: version(name) for name in ("ising-ep", "numpy", "scikit-learn")}
        return cls(sys.argv, {"python": platform.python_version(), **packages})

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> Self:
        """That in the settings of a run; nothing depends on it, so what is none is left out."""
        command, versions = content.get("command"), content.get("versions")
        words = map(str, command) if isinstance(command, list) else ()
        known = versions if isinstance(versions, dict) else {}
        return cls([*words], {str(name): str(each) for name, each in known.items()})


def read_data(content: Mapping[str, Any]) -> DataRecord | str:
    """Reads the record of the data from a run's settings; format 1 has the fingerprint alone."""
    found = content.get("format", 1)
    if found not in (1, CONFIG_FORMAT) or type(found) is not int:
        raise ValueError(
            f"its format is {short(found)}, expected at most {CONFIG_FORMAT}: it is of a later version of"
            " ising-ep"
        )
    return str(content["fingerprint"]) if found == 1 else DataRecord.read(content)


def read_given(content: Mapping[str, Any]) -> dict[str, str]:
    """Words for what was given to the trainer, such that they can be printed, by the settings of a run."""
    given = content.get("given", {})
    if not isinstance(given, dict) or not all(isinstance(text, str) for text in given.values()):
        raise ValueError(f"given is {short(given)}, expected words for what was given to the trainer")
    for part in given.keys() - {field.name for field in fields(Parts)}:
        raise ValueError(f"given names a part {short(part)}, which no run has")
    return {part: words_for_print(text) for part, text in given.items()}


def read_name(content: Mapping[str, Any]) -> str | None:
    """Reads the name of a run from its settings; those of earlier versions have none."""
    name = content.get("run")
    if name is not None and not is_name(name):
        raise ValueError(f"run is {short(name)}, expected the run's name")
    return name


def read_budget(content: Mapping[str, Any]) -> float | None:
    """Reads the seconds that a run may take of a QPU from its settings."""
    value = content.get("max_qpu_time")
    if value is None or (is_finite(value) and value > 0):
        return value
    raise ValueError(f"max_qpu_time is {value!r}, expected a number > 0, or null for no limit")


def _read_classes(labels: Any, num_classes: int) -> tuple[str | int, ...] | None:
    """Reads the labels of the classes, where there are any."""
    if labels is None:
        return None
    if not (
        isinstance(labels, list)
        and len(labels) == num_classes
        and all(type(label) in (str, int) for label in labels)
    ):
        raise ValueError(f"its classes are {short(labels)}, expected {num_classes} labels")
    return tuple(labels)
