"""Couplings that the core prepares once, for as many anneals as there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..checks import same


class Pairs:
    """Pairs of coupled spins, which stay the same while a network learns and which the core sorts once.

    Args:
        rows, cols: int64 (couplings,) spins i and j. The arrays must not change afterwards.

    Example:
        >>> chain = Pairs(np.array([0, 1]), np.array([1, 2]))
        >>> rows, cols, values = chain.with_values(np.array([-1.0, 0.5]))
        >>> values
        array([-1. ,  0.5])
    """

    def __init__(self, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> None:
        self.rows = rows
        self.cols = cols
        self._last: PreparedCouplings | None = None
        self._models: dict[int, _core.Model] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pairs) and same(self.rows, other.rows) and same(self.cols, other.cols)

    def __reduce__(self) -> tuple[type[Self], tuple[NDArray[np.int64], NDArray[np.int64]]]:
        return type(self), (self.rows, self.cols)

    def with_values(self, values: NDArray[np.float64]) -> PreparedCouplings:
        """Couplings J_ij, float64 (couplings,), of these pairs.

        The last ones come back while the values stay the same, so that phases share what the core has made of
        them.
        """
        last = self._last
        if last is None or not _same_bits(last.values, values):
            kept = values.copy()
            kept.flags.writeable = False
            last = self._last = PreparedCouplings(self.rows, self.cols, kept)
            last.pairs = self
        return last

    def model(self, values: NDArray[np.float64], num_spins: int) -> _core.Model:
        """Couplings on the core; from the second ones on their pairs are known there."""
        alike = self._models.get(num_spins)
        if alike is not None:
            return alike.with_values(values)
        model = self._models[num_spins] = _core.Model(self.rows, self.cols, values, num_spins)
        return model


class _Triple(NamedTuple):
    rows: NDArray[np.int64]
    cols: NDArray[np.int64]
    values: NDArray[np.float64]


class PreparedCouplings(_Triple):
    """The triple ``(rows, cols, values)``, with what the core has made of it.

    The core checks couplings, sorts them and rounds them when they are first annealed, and not again. Whoever
    anneals the same couplings twice, as the phases of an update do, makes one of these; whoever takes
    ``(rows, cols, values)`` takes one too. The arrays must not change afterwards.

    Attributes:
        rows, cols: int64 (couplings,) spins i and j.
        values: float64 (couplings,) J_ij. Couplings of the same pair add up.
        pairs: Which spins are coupled, shared by all couplings that were made by the same `Pairs`.

    Example:
        >>> chain = PreparedCouplings(np.array([0, 1]), np.array([1, 2]), np.array([-1.0, 0.5]))
        >>> chain.model(3) is chain.model(3)
        True
    """

    pairs: Pairs
    _models: dict[int, _core.Model]

    def __new__(cls, rows: NDArray[np.int64], cols: NDArray[np.int64], values: NDArray[np.float64]) -> Self:
        """Takes the arrays as they are; the core checks them when they are first annealed."""
        self = super().__new__(cls, rows, cols, values)
        self.pairs, self._models = Pairs(rows, cols), {}
        return self

    def __reduce__(self) -> tuple[type[PreparedCouplings], tuple[NDArray[np.generic], ...]]:
        return PreparedCouplings, tuple(self)

    def model(self, num_spins: int) -> _core.Model:
        """The couplings on the core, for problems of so many spins.

        Raises:
            ValueError: One line that names the coupling that is wrong.
            TypeError: A wrong dtype or number of dimensions.
        """
        model = self._models.get(num_spins)
        if model is None:
            model = self._models[num_spins] = self._made(num_spins)
        return model

    def _made(self, num_spins: int) -> _core.Model:
        return self.pairs.model(self.values, num_spins)


class Block(NamedTuple):
    """How couplings join two layers, whose spins stand place by place, channels last.

    Attributes:
        kind: ``"dense"``, a weight for each pair of spins; ``"filters"``, a weight for each spin of a window
            and each channel of the place that it leads to, the same for all windows; or ``"pool"``, one
            weight for all, between each channel and the same channel in a window.
        size: Height and width of a window.
        stride: Steps of the windows down and to the right.
    """

    kind: Literal["dense", "filters", "pool"]
    size: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)


class Layers:
    """Layers joined by blocks of weights that places share, which stay the same while a network learns.

    Args:
        shapes: Height, width and channels of each layer.
        blocks: Numbers of the two layers of each block, and how it joins them.

    Example:
        >>> layers = Layers([(4, 4, 1), (3, 3, 2)], [(0, 1, Block("filters", (2, 2)))])
        >>> model = layers.with_weights(np.ones(8), lambda: ...).model(34)
        >>> model.num_spins
        34
    """

    def __init__(self, shapes: list[tuple[int, int, int]], blocks: list[tuple[int, int, Block]]) -> None:
        self.shapes = shapes
        self.blocks = [(before, after, *block) for before, after, block in blocks]
        self._last: LayerCouplings | None = None
        self._model: _core.Model | None = None

    def with_weights(
        self, weights: NDArray[np.float64], expanded: Callable[[], PreparedCouplings]
    ) -> LayerCouplings:
        """Couplings with these weights, float64, of one block after the other.

        The last ones come back while the weights stay the same.

        Args:
            weights: Those of the blocks.
            expanded: Makes the same couplings, pair by pair, for who asks for them.
        """
        last = self._last
        if last is None or not _same_bits(last.weights, weights):
            last = self._last = LayerCouplings(self, weights.copy(), expanded)
        return last

    def model(self, weights: NDArray[np.float64]) -> _core.Model:
        """The layers on the core; from the second weights on their windows are known there."""
        if self._model is not None:
            return self._model.with_values(weights)
        self._model = _core.Model.layers(self.shapes, self.blocks, weights)
        return self._model


class LayerCouplings(PreparedCouplings):
    """Couplings of layers, by the weights that places share.

    It is the triple ``(rows, cols, values)`` for whoever asks for it; it is made only then. The core does
    without.
    """

    layers: Layers
    weights: NDArray[np.float64]
    _expanded: Callable[[], PreparedCouplings]

    def __new__(
        cls, layers: Layers, weights: NDArray[np.float64], expanded: Callable[[], PreparedCouplings]
    ) -> Self:
        """Takes the weights as they are; the core checks them when they are first annealed."""
        nothing = np.empty(0, dtype=np.int64)
        self = super().__new__(cls, nothing, nothing, np.empty(0))
        self.layers, self.weights, self._expanded = layers, weights, expanded
        return self

    @cached_property
    def _triple(self) -> PreparedCouplings:
        return self._expanded()

    rows = property(lambda self: self._triple.rows)
    cols = property(lambda self: self._triple.cols)
    values = property(lambda self: self._triple.values)
    pairs = property(lambda self: self._triple.pairs, lambda self, pairs: None)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._triple)

    def __getitem__(self, index: Any) -> Any:
        return self._triple[index]

    def _made(self, num_spins: int) -> _core.Model:
        model = self.layers.model(self.weights)
        if model.num_spins != num_spins:
            raise ValueError(f"fields are of {num_spins} spins, and the layers have {model.num_spins}")
        return model


def prepared(
    couplings: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]],
) -> PreparedCouplings:
    """The couplings, prepared once: as they are if they have been."""
    if isinstance(couplings, PreparedCouplings):
        return couplings
    return PreparedCouplings(*couplings)


def _same_bits(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    return np.array_equal(one.view(np.int64), other.view(np.int64))
