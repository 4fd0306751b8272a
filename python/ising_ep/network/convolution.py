"""Convolutions: filters that all places of an image or of a layer share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..samplers.couplings import Block
from .comparison import Comparison
from .interaction import Interaction, Pairs, add_projection, cross, kind_of_weights
from .layer import Input, Layer
from .parameters import Kind, Parameters, ParameterSpec
from .windows import Size, Windows, check_windows


@dataclass(frozen=True)
class Convolution(Interaction):
    """Filters that are moved over a layer, or over the input.

        E = sum_{p,k,f} a_pk W_kf s_pf

    Spin f of place p of the layer ``after`` is joined to all a_pk in the p-th window of ``before``, which are
    spins or numbers of the input. The weights of a filter are the same at all places. Windows that reach
    over the edge are left out.

    Args:
        name: Name of the weights W ``(height * width * channels, filters)``, channels last.
        before: A layer ``(height, width, channels)``, or the input, which then acts as fields.
        after: A layer ``(places down, places across, filters)``; see `count_places`.
        kernel: Height and width of the filters.
        stride: Steps of the filters down and to the right.
        gain: Initial size of a weight times the root of its fan-in; None for that of its kind.
        kind: What the weights are; None for weights of an input or couplings, as ``before`` is.

    Raises:
        ValueError: If shapes do not fit.

    Example:
        >>> from ising_ep.network import Input, stack
        >>> (filters,) = stack(filters=(12, 12, 16))
        >>> convolution = Convolution("W0", Input((28, 28, 3)), filters, kernel=(5, 5), stride=(2, 2))
        >>> convolution.parameters["W0"].shape
        (75, 16)
    """

    sources: ClassVar[tuple[type, ...]] = (Input, Layer)

    name: str
    before: Input | Layer
    after: Layer
    kernel: Size
    stride: Size = (1, 1)
    gain: float | None = None
    kind: Kind | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_windows(self.before, self.after, self.kernel, self.stride)

    @property
    def parameters(self) -> dict[str, ParameterSpec]:
        """See `Interaction.parameters`."""
        seen = self._windows.indices.shape[1]
        kind = self.kind or kind_of_weights(self.before)
        return {self.name: ParameterSpec((seen, self.after.shape[-1]), kind, self.gain, seen)}

    @cached_property
    def pairs(self) -> Pairs:
        """See `Interaction.pairs`: place by place, row by row of W."""
        return cross(self._windows.indices, self.after.indices.reshape(-1, self.after.shape[-1]))

    def values(self, parameters: Parameters) -> NDArray[np.float32]:
        """See `Interaction.values`."""
        return np.tile(parameters[self.name].ravel(), len(self._windows.indices))

    @property
    def block(self) -> Block:
        """See `Interaction.block`."""
        return Block("filters", self.kernel, self.stride)

    def weights(self, parameters: Parameters) -> NDArray[np.float32]:
        """See `Interaction.weights`: W row by row."""
        return parameters[self.name].ravel()

    def fields(
        self, parameters: Parameters, x: NDArray[np.float32], begin: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """See `Interaction.fields`."""
        weights = parameters[self.name]
        windows = self._windows.of(x).reshape(-1, len(weights))
        nothing = np.zeros(weights.shape[1], dtype=np.float32)
        fields: NDArray[np.float32] = begin + add_projection(windows, weights, nothing).reshape(len(x), -1)
        return fields

    def mean_input(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """What each row of W is multiplied by where the input is ``image``, averaged over places."""
        mean: NDArray[np.float32] = self._windows.of(image[None])[0].mean(axis=0)
        return mean

    def contrast(self, comparison: Comparison) -> Parameters:
        """See `Interaction.contrast`: dE/dW_kf = sum_p a_pk s_pf."""
        if isinstance(self.before, Layer):
            return {self.name: comparison.sum_window_products(self._windows, self.after)}
        return {self.name: comparison.sum_inputs(self._windows.of(comparison.x), self.after)}

    @cached_property
    def _windows(self) -> Windows:
        """Windows over the spins of a state, or over the pixels."""
        return Windows(self.before.shape, self.kernel, self.stride, self.before.start)
