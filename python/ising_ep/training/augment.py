"""More images to learn from: those there are, moved by a pixel or so, or mirrored."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..datasets import ImageShape

Augment = Callable[[NDArray[np.float32], np.random.Generator], NDArray[np.float32]]


def shifted(
    images: NDArray[np.float32], rng: np.random.Generator, *, image_shape: ImageShape, most: int
) -> NDArray[np.float32]:
    """Move each image by -most to most pixels, up or down and to a side; what moves in is 0.

    Args:
        images: ``(batch, height * width * channels)``.
        rng: Draws the shifts.
        image_shape: Height, width and channels; all channels of an image move alike.
        most: Greatest shift.

    Example:
        >>> image = np.eye(3, dtype=np.float32).reshape(1, 9)
        >>> shifted(image, np.random.default_rng(0), image_shape=(3, 3, 1), most=1).reshape(3, 3)
        array([[0., 1., 0.],
               [0., 0., 1.],
               [0., 0., 0.]], dtype=float32)
    """
    padded = np.pad(images.reshape(-1, *image_shape), ((0, 0), (most, most), (most, most), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, image_shape, axis=(1, 2, 3))[..., 0, :, :, :]
    down, right = rng.integers(0, 2 * most, endpoint=True, size=(2, len(images)))
    return np.ascontiguousarray(windows[np.arange(len(images)), down, right]).reshape(images.shape)


def flipped(
    images: NDArray[np.float32], rng: np.random.Generator, *, image_shape: ImageShape
) -> NDArray[np.float32]:
    """Mirror each image left to right, or leave it, by chance.

    Args:
        images: ``(batch, height * width * channels)``.
        rng: Tosses the coins.
        image_shape: Height, width and channels.

    Example:
        >>> image = np.array([[1, 2, 3]], dtype=np.float32)
        >>> flipped(image, np.random.default_rng(1), image_shape=(1, 3, 1))
        array([[3., 2., 1.]], dtype=float32)
    """
    pictures = images.reshape(-1, *image_shape)
    mirrored = rng.integers(2, size=len(images), dtype=np.bool_)[:, None, None, None]
    return np.where(mirrored, pictures[:, :, ::-1], pictures).reshape(images.shape)


def one_after_the_other(
    images: NDArray[np.float32], rng: np.random.Generator, *, steps: Sequence[Augment]
) -> NDArray[np.float32]:
    """Takes all steps, each on what the one before has made."""
    for step in steps:
        images = step(images, rng)
    return images
