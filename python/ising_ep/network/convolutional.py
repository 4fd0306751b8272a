"""The paper's convolutional network: shared filters, average pooling, a dense output, all of them spins.

Every 2 x 2 window of the image is a patch p with an input spin for each of its pixels k, held to the pixel by
a strong field, and with a spin for each filter f. The filters' spins of all patches are averaged by a pooling
spin,
and the pooling spins are coupled to the outputs o:

    E(s; x) = -2 sum_{p,k} x_pk s_pk + sum_{p,k,f} W0_kf s_pk s_pf - 1/P sum_{p,f} s_pf s_f + sum_{f,o} W1_fo
    s_f s_o

with P patches. Only W0 and W1 are learned. A 3 x 3 image, four filters and two classes of two outputs make
the 40 spins of the paper.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..samplers.couplings import Pairs
from .fully_connected import INPUT_GAIN, Couplings, Parameters, class_means, class_targets, pair_sums, step

# Field that holds an input spin to its pixel.
CLAMP = 2.0
WINDOW = (2, 2)
VERTICAL, HORIZONTAL = 0, 1


@dataclass(frozen=True)
class Convolutional:
    """A convolution of 2 x 2 windows, average pooling over the whole image, and a dense output.

    Args:
        image_shape: Height and width of an image, at least 2 each.
        num_classes: Classes, at least 2.
        filters: Number of filters.
        spins_per_class: Output spins of each class.

    Attributes:
        rows: int64 (num_couplings,) first spin of each coupling.
        cols: int64 (num_couplings,) second spin of each coupling.

    Raises:
        ValueError: If a number is out of range.

    Example:
        >>> network = Convolutional((3, 3), num_classes=2)
        >>> network.num_spins, len(network.rows)
        (40, 96)
    """

    image_shape: tuple[int, int]
    num_classes: int
    filters: int = 4
    spins_per_class: int = 2
    rows: NDArray[np.int64] = field(init=False, repr=False, compare=False)
    cols: NDArray[np.int64] = field(init=False, repr=False, compare=False)
    _pixels: NDArray[np.int64] = field(init=False, repr=False, compare=False)
    _pairs: Pairs = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if min(self.image_shape) < 2:
            raise ValueError(f"image_shape is {self.image_shape}, expected at least 2 x 2")
        for name, value, least in (
            ("num_classes", self.num_classes, 2),
            ("filters", self.filters, 1),
            ("spins_per_class", self.spins_per_class, 1),
        ):
            if value < least:
                raise ValueError(f"{name} is {value}, expected at least {least}")
        image = np.arange(self.image_shape[0] * self.image_shape[1]).reshape(self.image_shape)
        windows = np.lib.stride_tricks.sliding_window_view(image, WINDOW)
        pixels = windows.reshape(-1, WINDOW[0] * WINDOW[1])
        patches = len(pixels)
        inputs = np.arange(pixels.size).reshape(*pixels.shape, 1)
        convolved = inputs.size + np.arange(patches * self.filters).reshape(patches, 1, self.filters)
        pools = inputs.size + convolved.size + np.arange(self.filters)
        outputs = pools[-1] + 1 + np.arange(self.num_classes * self.spins_per_class)
        pairs = [(inputs, convolved), (convolved[:, 0], pools), (pools[:, None], outputs)]
        both = [tuple(side.ravel() for side in np.broadcast_arrays(*pair)) for pair in pairs]
        rows, cols = (np.concatenate(side).astype(np.int64) for side in zip(*both, strict=True))
        # Worked out once, because every anneal asks for them; the class is frozen otherwise.
        for name, array in {
            "rows": rows,
            "cols": cols,
            "_pixels": pixels,
            "_pairs": Pairs(rows, cols),
        }.items():
            object.__setattr__(self, name, array)

    @property
    def num_patches(self) -> int:
        """Windows of an image."""
        return len(self._pixels)

    @property
    def num_spins(self) -> int:
        """Spins of all four layers."""
        return int(self.outputs.stop)

    @property
    def pools(self) -> slice:
        """Where the pooling spins stand in a state."""
        start = self.num_patches * (self._pixels.shape[1] + self.filters)
        return slice(start, start + self.filters)

    @property
    def outputs(self) -> slice:
        """Where the output spins stand in a state."""
        start = self.pools.stop
        return slice(start, start + self.num_classes * self.spins_per_class)

    @property
    def levels(self) -> tuple[int, int]:
        """See `Network.levels`."""
        return -1, 1

    def patch(self, p: int) -> tuple[slice, slice]:
        """Where the input spins and the filters' spins of a patch stand in a state."""
        size, start = self._pixels.shape[1], self._pixels.size
        return slice(p * size, (p + 1) * size), slice(
            start + p * self.filters, start + (p + 1) * self.filters
        )

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every parameter: the filters ``W0``, and ``W1`` from the pools to the outputs."""
        size = self._pixels.shape[1]
        return {"W0": (size, self.filters), "W1": (self.filters, self.num_classes * self.spins_per_class)}

    def initial_parameters(self, rng: np.random.Generator) -> Parameters:
        """Weights uniform in ±gain/sqrt(fan-in)."""
        return {
            name: (rng.uniform(-1, 1, shape) * INPUT_GAIN / np.sqrt(shape[0])).astype(np.float32)
            for name, shape in self.shapes().items()
        }

    def couplings(self, parameters: Parameters) -> Couplings:
        """See `Network.couplings`."""
        filters = np.tile(parameters["W0"].ravel(), self.num_patches)
        pooling = np.full(self.num_patches * self.filters, -1 / self.num_patches)
        values = np.concatenate([filters, pooling, parameters["W1"].ravel()], dtype=np.float64)
        return self._pairs.with_values(values)

    def fields(self, parameters: Parameters, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Network.fields`; each pixel of ``x`` is -1 or +1."""
        fields = np.zeros((len(x), self.num_spins), dtype=np.float32)
        fields[:, : self._pixels.size] = -CLAMP * x[:, self._pixels.ravel()]
        return fields

    def descend(
        self,
        parameters: Parameters,
        x: NDArray[np.float32],
        free: NDArray[np.int8],
        nudged: NDArray[np.int8],
        *,
        weight_rate: float,
        bias_rate: float,
        limit: float,
    ) -> None:
        """See `Network.descend`: dE/dW0 is summed over the patches that share it; there are no biases."""

        def contrast(before: slice, after: slice) -> NDArray[np.int32]:
            difference: NDArray[np.int32] = pair_sums(nudged, before, after) - pair_sums(free, before, after)
            return difference

        filters = sum(contrast(*self.patch(p)) for p in range(self.num_patches))
        step(parameters["W0"], -weight_rate, np.asarray(filters), limit)
        step(parameters["W1"], -weight_rate, contrast(self.pools, self.outputs), limit)

    def check_images(self, x: NDArray[np.float32]) -> None:
        """Refuses other pixels than -1 and +1."""
        other = np.abs(x) != 1
        if other.any():
            raise ValueError(
                f"a convolutional network takes images of -1 and +1, and a pixel is {x[other][0]:g}"
            )

    def targets(self, labels: ArrayLike) -> NDArray[np.float32]:
        """See `Network.targets`."""
        return class_targets(labels, self.num_classes, self.spins_per_class, self.levels)

    def scores(self, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Network.scores`."""
        return class_means(outputs, self.num_classes)

    def receptive_field(self, image_shape: tuple[int, int] | None) -> tuple[int, int]:
        """A window."""
        return WINDOW

    def chimera_chains(self) -> list[list[int]] | None:
        """The paper's layout, 56 qubits in seven cells of a 3 x 3 Chimera graph; None for other sizes.

        patch 0   pools   patch 1       A patch's inputs are the vertical qubits of its cell, its filters
        patch 2   pools   patch 3       the horizontal ones, which reach into the cell of the pools. The
           .     outputs     .          chain of a pooling spin is the horizontal qubit of both its cells and
                                        the vertical one of these and of the outputs' cell.
        """
        if (self.num_patches, self.filters, self.outputs.stop - self.outputs.start) != (4, 4, 4):
            return None
        patches = [(0, 0), (0, 2), (1, 0), (1, 2)]
        inputs = [[qubit] for cell in patches for qubit in _cell(*cell, VERTICAL)]
        convolved = [[qubit] for cell in patches for qubit in _cell(*cell, HORIZONTAL)]
        across = [_cell(row, 1, HORIZONTAL) for row in (0, 1)]
        down = [_cell(row, 1, VERTICAL) for row in (0, 1, 2)]
        pools = [list(chain) for chain in zip(*across, *down, strict=True)]
        outputs = [[qubit] for qubit in _cell(2, 1, HORIZONTAL)]
        return inputs + convolved + pools + outputs


def _cell(row: int, column: int, side: int) -> list[int]:
    """The four qubits of one side of a cell, by their numbers in a 3 x 3 Chimera graph."""
    first = ((row * 3 + column) * 2 + side) * 4
    return list(range(first, first + 4))
