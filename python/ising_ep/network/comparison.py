"""Two states of each image that are compared, and the sums over them that a gradient is made of."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .layer import Layer


class Comparison:
    """Two sets of states of the same images. All sums are of the second states, less those of the first.

    Sums over images that count the same are taken in integers, which have no rounding; all others are added
    up in one fixed order.

    Args:
        x: Images ``(batch, num_inputs)``.
        first: States ``(batch, reads, spins)``.
        second: States of the same shape.
        weights: What each image counts, ``(batch,)``, or one number for all.
    """

    def __init__(
        self,
        x: NDArray[np.float32],
        first: NDArray[np.int8],
        second: NDArray[np.int8],
        weights: float | NDArray[np.float32] = 1.0,
    ) -> None:
        self.x = x
        self.first = first
        self.second = second
        # A column for one number of each image.
        self.weights = np.asarray(weights, dtype=np.float32).reshape(-1, 1)

    @cached_property
    def _spins(self) -> NDArray[np.float32]:
        """Spins summed over the reads ``(batch, spins)``, which are whole numbers."""
        sums: NDArray[np.float32] = self.second.sum(axis=1, dtype=np.float32)
        sums -= self.first.sum(axis=1, dtype=np.float32)
        return sums

    def sum_spins(self, layer: Layer) -> NDArray[np.float32]:
        """Sum of ``s_i``, ``(layer.size,)``."""
        spins = self._spins[:, layer.spins]
        if len(self.weights) == 1:
            total: NDArray[np.float32] = self.weights[0] * spins.sum(axis=0)
        else:
            total = (self.weights * spins).sum(axis=0)
        return total

    def sum_inputs(self, inputs: NDArray[np.float32], layer: Layer) -> NDArray[np.float32]:
        """Sum of ``u_k s_j`` over images, reads and places.

        Args:
            inputs: What the spins are multiplied by, ``(batch, K)``, or ``(batch, places, K)`` where a
                layer has as many places, of J spins each.
            layer: The spins.

        Returns:
            ``(K, J)``.
        """
        inputs = inputs.reshape(-1, inputs.shape[-1])
        spins = (self.weights * self._spins[:, layer.spins]).reshape(len(inputs), -1)
        return _add_outer(np.zeros((inputs.shape[1], spins.shape[1]), dtype=np.float32), inputs, spins)

    def sum_products(self, before: Layer, after: Layer) -> NDArray[np.float32]:
        """Sum of ``s_i s_j``, ``(before.size, after.size)``."""
        return self._sum_products(self.first, self.second, before.spins, after.spins)

    def sum_window_products(self, before: NDArray[np.int64], after: NDArray[np.int64]) -> NDArray[np.float32]:
        """Sum of ``s_i s_j`` over images, reads and places.

        Args:
            before: Spins i of each place, ``(places, I)``.
            after: Spins j of each place, ``(places, J)``.

        Returns:
            ``(I, J)``.
        """
        before, after = np.ascontiguousarray(before), np.ascontiguousarray(after)
        weights = np.broadcast_to(self.weights[:, 0], len(self.first))
        total = np.zeros((before.shape[1], after.shape[1]), dtype=np.float32)
        # Images that count the same are summed in integers.
        for weight in np.unique(weights):
            alike = weights == weight
            first, second = (
                _core.window_products(states[alike].reshape(-1, states.shape[2]), before, after)
                for states in (self.first, self.second)
            )
            total += weight * (second - first).astype(np.float32)
        return total

    def _sum_products(
        self, first: NDArray[np.int8], second: NDArray[np.int8], before: slice, after: slice
    ) -> NDArray[np.float32]:
        if len(self.weights) == 1:
            counts = _pair_sums(second, before, after) - _pair_sums(first, before, after)
            total: NDArray[np.float32] = self.weights[0] * counts.astype(np.float32)
            return total
        sums = np.zeros((before.stop - before.start, after.stop - after.start), dtype=np.float32)
        for states, sign in ((second, 1), (first, -1)):
            others = sign * self.weights[:, :, None] * states[:, :, after]
            spins = states[:, :, before].astype(np.float32)
            _add_outer(sums, *(part.reshape(-1, part.shape[2]) for part in (spins, others)))
        return sums


def _pair_sums(states: NDArray[np.int8], before: slice, after: slice) -> NDArray[np.int32]:
    """Sum of ``s_i s_j`` over states ``(batch, reads, spins)``, for spins of two ranges."""
    flat = np.ascontiguousarray(states).reshape(-1, states.shape[2])
    return _core.products(flat, (before.start, before.stop), (after.start, after.stop))


def _add_outer(
    sums: NDArray[np.float32], one: NDArray[np.float32], other: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Adds ``one^T other`` to the sums, in place, row by row."""
    _core.add_outer(sums, np.ascontiguousarray(one), np.ascontiguousarray(other), np.inf)
    return sums
