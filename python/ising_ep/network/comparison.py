"""Two phases of each image that are compared, and the sums over their reads that a gradient is made of."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .layer import Layer
from .reads import Reads
from .windows import Windows


class Comparison:
    """Two sets of reads of the same images. All sums are of the second reads, less those of the first.

    Of reads with conditional means m, a spin counts by m_i and a product by (s_i m_j + m_i s_j) / 2, whose
    averages are those of s_i and s_i s_j. Sums of spins over images that count the same are taken in
    integers, which have no rounding; all others are added up in one fixed order.

    Args:
        x: Images ``(batch, num_inputs)``.
        first: Reads ``(batch, reads, spins)``.
        second: Reads of the same shape, with conditional means if the first have them.
        weights: What each image counts, ``(batch,)``, or one number for all.
    """

    def __init__(
        self,
        x: NDArray[np.float32],
        first: Reads,
        second: Reads,
        weights: float | NDArray[np.float32] = 1.0,
    ) -> None:
        self.x = x
        self.first = first
        self.second = second
        # A column for one number of each image.
        self.weights = np.asarray(weights, dtype=np.float32).reshape(-1, 1)

    @cached_property
    def _spins(self) -> NDArray[np.float32]:
        """Spins summed over the reads ``(batch, spins)``."""
        sums: NDArray[np.float32] = self.second.spins.sum(axis=1, dtype=np.float32)
        sums -= self.first.spins.sum(axis=1, dtype=np.float32)
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
        first, second = self.first, self.second
        if len(self.weights) == 1 and self._spins_alone:
            counts = _pair_sums(second.states, before.spins, after.spins)
            counts -= _pair_sums(first.states, before.spins, after.spins)
            total: NDArray[np.float32] = self.weights[0] * counts.astype(np.float32)
            return total
        return self._sum_reals(lambda spins: spins[:, before.spins], after, (before.size, after.size))

    def sum_window_products(self, windows: Windows, after: Layer) -> NDArray[np.float32]:
        """Sum of ``s_i s_j`` over images, reads and places.

        Args:
            windows: Windows over the spins i, of which each place sees I.
            after: Spins j: a layer with a place for each window, of J spins each.

        Returns:
            ``(I, J)``.
        """
        places, seen = windows.indices.shape
        if not self._spins_alone:
            return self._sum_reals(windows.of, after, (seen, after.size // places))
        spins = after.indices.reshape(places, -1)
        weights = np.broadcast_to(self.weights[:, 0], len(self.first.states))
        total = np.zeros((seen, spins.shape[1]), dtype=np.float32)
        # Images that count the same are summed in integers.
        for weight in np.unique(weights):
            alike = weights == weight
            first_sum, second_sum = (
                _core.window_products(
                    reads.states[alike].reshape(-1, reads.states.shape[2]), windows.indices, spins
                )
                for reads in (self.first, self.second)
            )
            total += weight * (second_sum - first_sum).astype(np.float32)
        return total

    @property
    def _spins_alone(self) -> bool:
        """Whether all reads are of spins, and of no means."""
        return self.first.means is None and self.first.states.dtype == np.int8

    def _sum_reals(
        self, seen: Callable[[NDArray[np.float32]], NDArray[np.float32]], after: Layer, shape: tuple[int, int]
    ) -> NDArray[np.float32]:
        """Sum of ``s_i s_j``, of reals, ``(I, J)``.

        Args:
            seen: Gives the spins i of each place, of states ``(n, spins)``.
            after: Spins j of all places.
            shape: Spins i and spins j of a place.
        """
        sums = np.zeros(shape, dtype=np.float32)
        for reads, sign in ((self.second, np.float32(1)), (self.first, np.float32(-1))):
            for spins, others, share in _factors(reads):
                one = seen(spins.reshape(-1, spins.shape[2]).astype(np.float32, copy=False))
                other = share * sign * self.weights[:, :, None] * others[:, :, after.spins]
                _add_outer(sums, one.reshape(-1, shape[0]), other.reshape(-1, shape[1]))
        return sums


Factors = tuple[NDArray[Any], NDArray[Any], np.float32]


def _factors(reads: Reads) -> list[Factors]:
    """Arrays whose products, times a share each, add up to the best estimate of the products of spins."""
    states, means = reads.states, reads.means
    if means is None:
        return [(states, states, np.float32(1))]
    return [(states, means, np.float32(0.5)), (means, states, np.float32(0.5))]


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
