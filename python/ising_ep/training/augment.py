"""More images to learn from: those there are, moved by a pixel or so."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Augment = Callable[[NDArray[np.float32], np.random.Generator], NDArray[np.float32]]


def shifted(
    images: NDArray[np.float32], rng: np.random.Generator, *, image_shape: tuple[int, int], most: int
) -> NDArray[np.float32]:
    """Each image moved by -most to most pixels, up or down and to a side; what moves in is 0.

    Args:
        images: ``(batch, height * width)``.
        rng: Draws the shifts.
        image_shape: Height and width.
        most: Greatest shift.

    Example:
        >>> image = np.eye(3, dtype=np.float32).reshape(1, 9)
        >>> shifted(image, np.random.default_rng(0), image_shape=(3, 3), most=1).reshape(3, 3)
        array([[0., 1., 0.],
               [0., 0., 1.],
               [0., 0., 0.]], dtype=float32)
    """
    height, width = image_shape
    padded = np.pad(images.reshape(-1, height, width), ((0, 0), (most, most), (most, most)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, image_shape, axis=(1, 2))
    down, right = rng.integers(0, 2 * most, endpoint=True, size=(2, len(images)))
    return np.ascontiguousarray(windows[np.arange(len(images)), down, right]).reshape(images.shape)
