"""Windows that are moved over an image or a layer of spins."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks import are_sizes, short
from .layer import Input, Layer

Size = tuple[int, int]


def count_places(shape: tuple[int, ...], window: Size, stride: Size) -> Size:
    """Rows and columns of places that a window has in an array ``(height, width, channels)``.

    Example:
        >>> count_places((28, 28, 1), window=(5, 5), stride=(2, 2))
        (12, 12)
    """
    rows, columns = (
        (length - size) // step + 1 for length, size, step in zip(shape, window, stride, strict=False)
    )
    return rows, columns


def window_indices(shape: tuple[int, ...], window: Size, stride: Size) -> NDArray[np.int64]:
    """Places in the flattened array of what each window sees, int64 ``(places, pixels, channels)``.

    Example:
        >>> window_indices((2, 3, 1), window=(2, 2), stride=(1, 1))[:, :, 0].tolist()
        [[0, 1, 3, 4], [1, 2, 4, 5]]
    """
    grid = np.arange(np.prod(shape), dtype=np.int64).reshape(shape)
    seen = np.lib.stride_tricks.sliding_window_view(grid, window, axis=(0, 1))
    seen = np.moveaxis(seen[:: stride[0], :: stride[1]], 2, -1)
    return seen.reshape(-1, window[0] * window[1], shape[2])


@dataclass(frozen=True)
class Windows:
    """Windows over one array ``(height, width, channels)`` among others, all of them in one row.

    Args:
        shape: Height, width and channels of the array.
        size: Height and width of a window.
        stride: Steps down and to the right.
        start: Place in the row at which the array begins.

    Example:
        >>> windows = Windows((2, 3, 1), size=(2, 2), stride=(1, 1), start=4)
        >>> windows.indices.tolist()
        [[4, 5, 7, 8], [5, 6, 8, 9]]
        >>> windows.of(np.arange(10)[None]).tolist()
        [[[4, 5, 7, 8], [5, 6, 8, 9]]]
    """

    shape: tuple[int, ...]
    size: Size
    stride: Size
    start: int

    @cached_property
    def indices(self) -> NDArray[np.int64]:
        """Places in the row of what each window sees, ``(places, K)``."""
        indices = window_indices(self.shape, self.size, self.stride)
        return indices.reshape(len(indices), -1) + self.start

    def of(self, rows: NDArray[Any]) -> NDArray[Any]:
        """What each window sees of each row ``(n, ...)``: ``(n, places, K)``.

        It copies whole pieces of the rows, which takes an eighth of the time that a choice by `indices` does.
        """
        stop = self.start + int(np.prod(self.shape))
        grid = rows[:, self.start : stop].reshape(-1, *self.shape)
        seen = np.lib.stride_tricks.sliding_window_view(grid, self.size, axis=(1, 2))
        seen = np.moveaxis(seen[:, :: self.stride[0], :: self.stride[1]], 3, -1)
        return seen.reshape(len(rows), -1, self.indices.shape[1])


def check_pairs(**pairs: object) -> None:
    """Refuses, by a ValueError, sizes of windows and steps that are no two integers of at least 1."""
    for name, pair in pairs.items():
        if not are_sizes(pair) or len(pair) != 2:
            raise ValueError(f"{name} is {short(pair)}, expected two integers, each at least 1")


def check_windows(
    before: Input | Layer, after: Layer, window: Size, stride: Size, channels: int | None = None
) -> None:
    """Refuses a window that does not fit, or a layer that has not a place for each place of the window.

    Args:
        before: What the window is moved over.
        after: The layer.
        window: Height and width.
        stride: Steps down and to the right.
        channels: Those that the layer must have; None for any number.

    Raises:
        ValueError: If so.
    """
    check_pairs(window=window, stride=stride)
    if len(before.shape) != 3:
        raise ValueError(
            f"{before.name} has shape {before.shape}, expected (height, width, channels) for a window"
        )
    if window[0] > before.shape[0] or window[1] > before.shape[1]:
        raise ValueError(
            f"window {window} with stride {stride} does not fit into {before.name} of shape {before.shape}"
        )
    wanted = (*count_places(before.shape, window, stride), channels or after.shape[-1])
    if after.shape != wanted:
        raise ValueError(f"{after.name} has shape {after.shape}, expected {wanted}: a place a window")
