"""Form of the data that a network is made for."""

from __future__ import annotations

from typing import Protocol


class DataForm(Protocol):
    """Form of data: numbers of inputs and classes, and the shape of an image if the inputs are one.

    A `Dataset` has this form, and so has the record of a run.
    """

    @property
    def num_inputs(self) -> int:
        """Number of values of one image, all channels counted."""
        ...

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        ...

    @property
    def image_shape(self) -> tuple[int, int, int] | None:
        """Height, width and channels of an image, None where they are unknown."""
        ...
