"""Interactions: the terms of the energy of a network."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..checks import short
from ..printable import either
from ..samplers.couplings import Block
from .comparison import Comparison
from .layer import Input, Layer
from .parameters import Kind, Parameters, ParameterSpec

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]

_NO_PAIRS: Pairs = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))


class Interaction:
    """A term of the energy of a network, of which the energy is the sum.

    It is made of couplings between spins or of fields on them. A class of its own says which parameters it
    has (`parameters`), gives the couplings (`pairs` and `values`) or adds to the fields (`fields`), and has
    the derivative of its energy by its parameters (`contrast`). What it does not override is nothing.

    Attributes:
        before: Where it comes from: a layer, the input, or None if it is of one layer alone.
        after: The layer that it acts on.
        sources: The classes of what ``before`` may be.
    """

    sources: ClassVar[tuple[type, ...]] = (Input, Layer, type(None))

    before: Input | Layer | None
    after: Layer

    def __post_init__(self) -> None:
        """Checks what is joined, as soon as a dataclass is made; of others the network checks it."""
        check_ends(self)

    @property
    def parameters(self) -> dict[str, ParameterSpec]:
        """Name of each parameter, and what it is."""
        return {}

    @property
    def pairs(self) -> Pairs:
        """The two spins of each coupling, ``rows`` and ``cols``; asked if ``before`` is not the input."""
        return _NO_PAIRS

    def values(self, parameters: Parameters) -> NDArray[np.float32] | NDArray[np.float64]:
        """Values of the couplings, in the order of `pairs`."""
        return np.empty(0)

    @property
    def block(self) -> Block | None:
        """How it joins its two layers by weights that places share; None if it does not, or cannot say.

        Where all interactions of a network say it, the core anneals the network without its couplings.
        """
        return None

    def weights(self, parameters: Parameters) -> NDArray[np.float32] | NDArray[np.float64]:
        """Weights of `block`, flat: by default the couplings, as where no places share one."""
        return self.values(parameters)

    def fields(
        self, parameters: Parameters, x: NDArray[np.float32], begin: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Adds to the fields on the layer ``after``; asked if ``before`` is not a layer.

        Args:
            parameters: Those of the network.
            x: Images ``(batch, num_inputs)``.
            begin: The fields of the interactions before this one, ``(units,)`` if they are the same for all
                images, else ``(batch, units)``. They are not changed.

        Returns:
            The sum, of either shape.
        """
        return begin

    def contrast(self, comparison: Comparison) -> Parameters:
        """Sums dE/dp over images and reads, for each parameter p: second states less first."""
        return {}

    def check_images(self, x: NDArray[np.float32]) -> None:
        """Refuses images ``(batch, num_inputs)`` that it cannot take, by a ValueError."""


def check_ends(interaction: Interaction) -> None:
    """Refuses, by a TypeError, an interaction that joins other things than layers and the input."""
    what = type(interaction).__name__
    for name, kinds in (("before", interaction.sources), ("after", (Layer,))):
        expected = either(kind.__name__.removesuffix("Type") for kind in kinds)
        if not hasattr(interaction, name):
            raise TypeError(f"{what} has no {name}, expected {expected}")
        end = getattr(interaction, name)
        if not isinstance(end, kinds):
            raise TypeError(f"{what} has {name} {short(end)}, expected {expected}")


def kind_of_weights(before: Input | Layer) -> Kind:
    """Kind of the weights that lead from an array: weights of an input, or couplings."""
    return Kind.INPUT if isinstance(before, Input) else Kind.COUPLING


def cross(before: NDArray[np.int64], after: NDArray[np.int64]) -> Pairs:
    """Pairs each spin i with each spin j of the same place, ``(places, I)`` and ``(places, J)``.

    Example:
        >>> rows, cols = cross(np.array([[0, 1], [2, 3]]), np.array([[4], [5]]))
        >>> rows.tolist(), cols.tolist()
        ([0, 1, 2, 3], [4, 4, 5, 5])
    """
    rows, cols = np.broadcast_arrays(before[:, :, None], after[:, None, :])
    return rows.ravel(), cols.ravel()


def add_projection(
    x: NDArray[np.float32], weights: NDArray[np.float32], begin: NDArray[np.float32]
) -> NDArray[np.float32]:
    """``begin + x weights``, for ``begin (units,)`` or ``(batch, units)``."""
    if begin.ndim == 1:
        return _core.project(x, weights, begin)
    return begin + _core.project(x, weights, np.zeros(begin.shape[1], dtype=np.float32))
