"""Interactions of all spins with all: dense weights, weights within a layer, and biases."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..samplers.couplings import Block
from .comparison import Comparison
from .interaction import Interaction, Pairs, add_projection, cross, kind_of_weights
from .layer import Input, Layer
from .parameters import Kind, Parameters, ParameterSpec


@dataclass(frozen=True)
class Dense(Interaction):
    """Weights between all of one layer, or of the input, and all spins of another layer.

        E = sum_ij a_i W_ij s_j,   a the spins of ``before``, or the input

    Any two layers may be joined, neighbours or not.

    Args:
        name: Name of the weights W ``(before.size, after.size)``.
        before: A layer, or the input, which then acts as fields.
        after: Another layer.
        gain: Initial size of a weight times the root of ``before.size``; None for that of its kind.
        kind: What the weights are; None for weights of an input or couplings, as ``before`` is.
    """

    sources: ClassVar[tuple[type, ...]] = (Input, Layer)

    name: str
    before: Input | Layer
    after: Layer
    gain: float | None = None
    kind: Kind | None = None

    @property
    def parameters(self) -> dict[str, ParameterSpec]:
        """See `Interaction.parameters`."""
        size = self.before.size
        kind = self.kind or kind_of_weights(self.before)
        return {self.name: ParameterSpec((size, self.after.size), kind, self.gain, size)}

    @cached_property
    def pairs(self) -> Pairs:
        """See `Interaction.pairs`: row by row of W."""
        return cross(self.before.indices[None], self.after.indices[None])

    def values(self, parameters: Parameters) -> NDArray[np.float32]:
        """See `Interaction.values`."""
        return parameters[self.name].ravel()

    @property
    def block(self) -> Block:
        """See `Interaction.block`."""
        return Block("dense")

    def fields(
        self, parameters: Parameters, x: NDArray[np.float32], begin: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """See `Interaction.fields`."""
        return add_projection(x, parameters[self.name], begin)

    def mean_input(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """What each row of W is multiplied by where the input is ``image``, ``(before.size,)``."""
        return image

    def contrast(self, comparison: Comparison) -> Parameters:
        """See `Interaction.contrast`: dE/dW_ij = a_i s_j."""
        if isinstance(self.before, Layer):
            return {self.name: comparison.sum_products(self.before, self.after)}
        return {self.name: comparison.sum_inputs(comparison.x, self.after)}


@dataclass(frozen=True)
class Lateral(Interaction):
    """Weights between all pairs of spins of one layer: symmetric, and none of a spin with itself.

        E = sum_{i<j} L_ij s_i s_j

    Args:
        name: Name of the weights, an array ``(n (n - 1) / 2,)`` of L_ij for i < j, row by row.
        after: The layer, of n spins.
        gain: Initial size of a weight times the root of n - 1; None for that of couplings.
    """

    name: str
    after: Layer
    gain: float | None = None
    before: None = field(default=None, init=False, repr=False)

    @property
    def parameters(self) -> dict[str, ParameterSpec]:
        """See `Interaction.parameters`."""
        shape = (self.after.size * (self.after.size - 1) // 2,)
        return {self.name: ParameterSpec(shape, Kind.COUPLING, self.gain, max(self.after.size - 1, 1))}

    @cached_property
    def pairs(self) -> Pairs:
        """See `Interaction.pairs`."""
        rows, cols = np.triu_indices(self.after.size, 1)
        return rows + self.after.start, cols + self.after.start

    def values(self, parameters: Parameters) -> NDArray[np.float32]:
        """See `Interaction.values`."""
        return parameters[self.name]

    def contrast(self, comparison: Comparison) -> Parameters:
        """See `Interaction.contrast`: dE/dL_ij = s_i s_j."""
        products = comparison.sum_products(self.after, self.after)
        return {self.name: products[np.triu_indices(self.after.size, 1)]}


@dataclass(frozen=True)
class Bias(Interaction):
    """Biases of a layer: fields that are the same for all images.

        E = sum_i b_i s_i

    Args:
        name: Name of the biases b ``(after.size,)``.
        after: The layer.
        shared: Whether there is one for each channel, ``(channels,)``, that all places of the layer share.
        begin: What their initial values lie around.
        gain: How far; None for 0. A network whose biases are all 0 is odd in its input: the negative of an
            image has the negatives of its spins, and classes around one centre look alike.
    """

    name: str
    after: Layer
    shared: bool = False
    begin: float = 0.0
    gain: float | None = None
    before: None = field(default=None, init=False, repr=False)

    @property
    def parameters(self) -> dict[str, ParameterSpec]:
        """See `Interaction.parameters`."""
        size = self.after.shape[-1] if self.shared else self.after.size
        return {self.name: ParameterSpec((size,), Kind.BIAS, self.gain, around=self.begin)}

    def fields(
        self, parameters: Parameters, x: NDArray[np.float32], begin: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """See `Interaction.fields`."""
        biases = parameters[self.name]
        fields: NDArray[np.float32] = begin + np.tile(biases, self.after.size // len(biases))
        return fields

    def contrast(self, comparison: Comparison) -> Parameters:
        """See `Interaction.contrast`: dE/db_i = s_i, summed over the places that share it."""
        sums = comparison.sum_spins(self.after)
        channels = self.parameters[self.name].shape[0]
        return {self.name: sums.reshape(-1, channels).sum(axis=0)}
