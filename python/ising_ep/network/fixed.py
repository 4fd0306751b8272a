"""Interactions without parameters: average pooling, skip connections, and spins held to the pixels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..samplers.couplings import Block
from .interaction import Interaction, Pairs
from .layer import Input, Layer
from .parameters import Parameters
from .windows import Size, check_pairs, check_windows, window_indices


@dataclass(frozen=True)
class AveragePool(Interaction):
    """Average pooling: every spin of a layer follows the mean of a window, channel by channel.

        E = -1/P sum_{p,c} s_pc sum_{k in window p} a_kc,   P pixels in a window

    Args:
        before: A layer ``(height, width, channels)``, or the input, which then acts as fields.
        after: A layer ``(places down, places across, channels)``.
        window: Height and width of a window.
        stride: Steps of the windows down and to the right; None for windows side by side.

    Raises:
        ValueError: If shapes do not fit.
    """

    sources: ClassVar[tuple[type, ...]] = (Input, Layer)

    before: Input | Layer
    after: Layer
    window: Size
    stride: Size | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        channels = self.before.shape[-1]
        check_windows(self.before, self.after, self.window, self.stride or self.window, channels)

    @cached_property
    def pairs(self) -> Pairs:
        """See `Interaction.pairs`: place by place, pixel by pixel, channel by channel."""
        pools = self.after.indices.reshape(-1, 1, self.after.shape[-1])
        rows, cols = np.broadcast_arrays(self._windows + self.before.start, pools)
        return rows.ravel(), cols.ravel()

    def values(self, parameters: Parameters) -> NDArray[np.float64]:
        """See `Interaction.values`."""
        return np.full(self._windows.size, -1 / self._windows.shape[1])

    @property
    def block(self) -> Block:
        """See `Interaction.block`."""
        return Block("pool", self.window, self.stride or self.window)

    def weights(self, parameters: Parameters) -> NDArray[np.float64]:
        """See `Interaction.weights`: one for all."""
        return np.array([-1 / (self.window[0] * self.window[1])])

    def fields(
        self, parameters: Parameters, x: NDArray[np.float32], begin: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """See `Interaction.fields`."""
        fields: NDArray[np.float32] = begin - x[:, self._windows].mean(axis=2).reshape(len(x), -1)
        return fields

    @cached_property
    def _windows(self) -> NDArray[np.int64]:
        """Indices in each window, ``(places, pixels, channels)``, counted from the first of ``before``."""
        return window_indices(self.before.shape, self.window, self.stride or self.window)


@dataclass(frozen=True)
class Skip(Interaction):
    """A skip connection: the identity, from a layer to one further on, past the layers between.

        E = -strength sum_i a_i s_i

    This is the identity shortcut of residual networks (He et al., "Deep residual learning for image
    recognition", 2016): spin i is drawn to a_i alone, and nothing is learned. Learned weights that skip
    layers are a `Dense` or a `Convolution` between these layers.

    Args:
        before: A layer, or the input, which then acts as fields.
        after: A layer of the same shape.
        strength: Strength of each coupling.

    Raises:
        ValueError: If the shapes differ.
    """

    sources: ClassVar[tuple[type, ...]] = (Input, Layer)

    before: Input | Layer
    after: Layer
    strength: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.before.shape != self.after.shape:
            raise ValueError(
                f"{self.after.name} has shape {self.after.shape}, expected that of {self.before.name},"
                f" {self.before.shape}"
            )

    @cached_property
    def pairs(self) -> Pairs:
        """See `Interaction.pairs`."""
        return self.before.indices, self.after.indices

    def values(self, parameters: Parameters) -> NDArray[np.float64]:
        """See `Interaction.values`."""
        return np.full(self.after.size, -float(self.strength))

    @property
    def block(self) -> Block:
        """See `Interaction.block`: a pool of windows of one place."""
        return Block("pool")

    def weights(self, parameters: Parameters) -> NDArray[np.float64]:
        """See `Interaction.weights`: one for all."""
        return np.array([-float(self.strength)])

    def fields(
        self, parameters: Parameters, x: NDArray[np.float32], begin: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """See `Interaction.fields`."""
        fields: NDArray[np.float32] = begin - np.float32(self.strength) * x
        return fields


@dataclass(frozen=True)
class Clamp(Interaction):
    """Strong fields that hold the spins of a layer to the pixels of images of -1 and +1.

        E = -strength sum_{p,k} x_pk s_pk

    The layer has a spin for each pixel k of each window p; windows that overlap have spins of their own for
    the pixels that they share.

    Args:
        before: The input ``(height, width, channels)``.
        after: A layer ``(places down, places across, pixels of a window)``, channels last.
        window: Height and width of a window.
        stride: Steps of the windows down and to the right.
        strength: Size of the fields.

    Raises:
        ValueError: If shapes do not fit.
    """

    sources: ClassVar[tuple[type, ...]] = (Input,)

    before: Input
    after: Layer
    window: Size = (1, 1)
    stride: Size = (1, 1)
    strength: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_pairs(window=self.window, stride=self.stride)
        pixels = self.window[0] * self.window[1] * self.before.shape[-1]
        check_windows(self.before, self.after, self.window, self.stride, pixels)

    def fields(
        self, parameters: Parameters, x: NDArray[np.float32], begin: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """See `Interaction.fields`."""
        fields: NDArray[np.float32] = begin - np.float32(self.strength) * x[:, self._pixels]
        return fields

    def check_images(self, x: NDArray[np.float32]) -> None:
        """Refuses other pixels than -1 and +1."""
        other = np.abs(x) != 1
        if other.any():
            image, pixel = np.argwhere(other)[0]
            raise ValueError(
                f"a convolutional network takes images of -1 and +1, and a pixel of image {image} is"
                f" {x[image, pixel]:g}"
            )

    @cached_property
    def _pixels(self) -> NDArray[np.int64]:
        """The pixel that each spin is held to."""
        return window_indices(self.before.shape, self.window, self.stride).ravel()
