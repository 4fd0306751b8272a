"""Shards of a batch: their gradients are added up in one order, whether by one process or by many.

Sums of reals depend on their order. A batch is cut into the same shards however many processes share it, and
their gradients are added up in their order.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ..network import Parameters

# Images of a shard.
SHARD = 50


def shards(num_images: int) -> list[slice]:
    """The parts of a batch: `SHARD` images each, and what is left.

    Example:
        >>> shards(120)
        [slice(0, 50, None), slice(50, 100, None), slice(100, 120, None)]
    """
    return [slice(k, min(k + SHARD, num_images)) for k in range(0, num_images, SHARD)]


def shard_weights(
    weights: NDArray[np.floating] | None, shard: slice, num_images: int
) -> NDArray[np.floating] | None:
    """Weights of a shard's images, such that the shards' means add up to the mean of the batch.

    Args:
        weights: Weight of each image of the batch, or None for 1.
        shard: The shard.
        num_images: Images of the whole batch.

    Example:
        >>> shard_weights(None, slice(0, 2), num_images=8).tolist()
        [0.25, 0.25]
    """
    share = (shard.stop - shard.start) / num_images
    if weights is None:
        return None if share == 1 else np.full(shard.stop - shard.start, share)
    counts: NDArray[np.float64] = weights[shard].astype(np.float64) * share
    return counts


def total(gradients: Iterable[Parameters]) -> Parameters:
    """Adds gradients up, one after the other. It uses up the first."""
    whole: Parameters = {}
    for gradient in gradients:
        for name, value in gradient.items():
            if name in whole:
                whole[name] += value
            else:
                whole[name] = value
    return whole
