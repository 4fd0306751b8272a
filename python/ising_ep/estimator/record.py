"""`Record`, all of a fitted classifier but its arrays, as its file holds it."""

from __future__ import annotations

from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..checks import short
from ..settings import Settings

# Kinds of labels that JSON can hold, by numpy's letter, and what reads them back.
_KINDS = {"i": int, "u": int, "f": float, "b": bool, "U": str, "O": str}

Count = Annotated[int, Field(strict=True, ge=0, lt=2**62)]
Size = Annotated[int, Field(strict=True, ge=1, lt=2**31)]
Finite = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Integer = Annotated[int, Field(strict=True)]
Text = Annotated[str, Field(strict=True)]
_ROW = {"epoch", "train_accuracy", "train_loss", "seconds"}


class Counts(BaseModel):
    """Counts and the seed of a fitted classifier; those without an underscore behind are its attributes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_features_in_: Size
    n_iter_: Count
    t_: Count
    updates: Count = Field(alias="_updates")
    seed: Count = Field(alias="_seed")


class Labels(BaseModel):
    """Labels of the classes, with the type of their array."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dtype: Text
    values: list[Any]

    @classmethod
    def of(cls, classes: NDArray[Any]) -> Self:
        """The labels of an array.

        Raises:
            ValueError: If they are of another kind than integers, floats, booleans or strings.
        """
        values = classes.tolist()
        if not _are_of(classes.dtype, values):
            raise ValueError(
                f"labels are {short(values)}, expected integers, floats, booleans or strings to save"
            )
        return cls(dtype="object" if classes.dtype.kind == "O" else classes.dtype.str, values=values)

    def array(self) -> NDArray[Any]:
        """The array of the labels. Strings take the room of the longest, whatever the type says.

        Raises:
            ValueError: If they are not different labels of this type, in order.
        """
        refused = (
            f"its labels are {short(self.values)} of type {short(self.dtype)}, expected different labels of"
            " one type, in order"
        )
        try:
            dtype = np.dtype(self.dtype)
            if not _are_of(dtype, self.values):
                raise ValueError(refused)
            labels = np.array(self.values, dtype="U" if dtype.kind == "U" else dtype)
        except (TypeError, OverflowError):
            raise ValueError(refused) from None
        if labels.tolist() != self.values or not np.array_equal(labels, np.unique(labels)):
            raise ValueError(refused)
        return labels


class Record(Settings):
    """All of a fitted classifier but its arrays.

    Attributes:
        settings: Its parameters, as of scikit-learn, without the machine.
        given: Words for a machine of its own.
        classes: Its labels.
        layers: Spins of each layer.
        counts: Its counts and its seed.
        history: A row an epoch.
        temperature: What its decisions are divided by; earlier versions had none.
        features: Names of the columns; empty if they have none.
        images: Whether it takes images, which are scaled, and not features.
    """

    settings: dict[str, Any]
    given: dict[str, Any]
    classes: Labels
    layers: tuple[Size, ...]
    counts: Counts
    history: list[dict[str, Integer | Finite]]
    temperature: Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)] = 1.0
    features: list[Text]
    images: Annotated[bool, Field(strict=True)] = False

    @model_validator(mode="after")
    def _check_counts(self) -> Self:
        counts = self.counts
        if len(self.history) != counts.n_iter_ or not all(row.keys() >= _ROW for row in self.history):
            raise ValueError(
                f"history is {short(self.history)}, expected a row for each of {counts.n_iter_} epochs"
            )
        if self.features and len(self.features) != counts.n_features_in_:
            raise ValueError(
                f"features are {short(self.features)}, expected names of {counts.n_features_in_}"
            )
        return self


def _are_of(dtype: np.dtype[Any], values: list[Any]) -> bool:
    """Tells whether values of JSON are of the kind of this type, and the type is one of labels."""
    wanted = _KINDS.get(dtype.kind)
    return wanted is not None and all(type(value) is wanted for value in values)
