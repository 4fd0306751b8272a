"""Architectures: which spins exist, and which parameter sits on which coupling or field.

`Network` is what training and embedding ask of one; the paper's convolutional network is in `convolution`.

A fully connected network of layers ``l = 1 .. L`` of spins. The input ``x`` is not made of spins: it
enters as fields on the first layer,

    E(s; x) = (b0 + x W0) . s_1 + sum_{l=1}^{L-1} (s_l W_l s_{l+1} + b_l . s_{l+1}),

in the sign convention of D-Wave: the machine looks for low energy. The last layer is the output; each
class owns the same number of its spins, next to each other, +1 for the class of the image, -1 else.
Its spins may be neurons of 0 and 1 instead (`FullyConnected.levels`); all else is the same.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _core
from ..samplers.couplings import Pairs

Parameters = dict[str, NDArray[np.float32]]
Couplings = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]

# Initial sizes of the weights, over sqrt(fan-in): the paper's gains for W0 and all further layers.
INPUT_GAIN = 0.5
LAYER_GAIN = 0.25


class Network(Protocol):
    """What training and embedding ask of an architecture."""

    @property
    def rows(self) -> NDArray[np.int64]:
        """First spin of each coupling, ``(num_couplings,)``."""
        ...

    @property
    def cols(self) -> NDArray[np.int64]:
        """Second spin of each coupling, ``(num_couplings,)``."""
        ...

    @property
    def num_spins(self) -> int:
        """Spins of a state."""
        ...

    @property
    def outputs(self) -> slice:
        """Where the output spins stand in a state."""
        ...

    @property
    def levels(self) -> tuple[int, int]:
        """The two values of a spin, the lower one first."""
        ...

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every parameter: weights ``W...`` and biases ``b...``."""
        ...

    def initial_parameters(self, rng: np.random.Generator) -> Parameters:
        """What training starts from."""
        ...

    def couplings(self, parameters: Parameters) -> Couplings:
        """The couplings as ``(rows, cols, values)``, each ``(num_couplings,)``."""
        ...

    def fields(self, parameters: Parameters, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Fields ``(batch, num_spins)`` that the input ``x (batch, num_inputs)`` puts on the spins."""
        ...

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
        """Changes every parameter p, in place, by ``-rate (dE/dp |nudged - dE/dp |free)``, summed over batch
        and reads of the states ``(batch, reads, spins)``, and holds it within ±limit."""
        ...

    def check_images(self, x: NDArray[np.float32]) -> None:
        """Refuses images ``(batch, num_inputs)`` that the network cannot take, by a ValueError."""
        ...

    def targets(self, labels: ArrayLike) -> NDArray[np.float32]:
        """Output spins ``(batch, outputs)`` wanted for ``labels (batch,)``: high for the class, else low."""
        ...

    def scores(self, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Mean output spin of each class ``(batch, num_classes)``; the class is the largest."""
        ...

    def receptive_field(self, image_shape: tuple[int, int] | None) -> tuple[int, int] | None:
        """Height and width of the part of an image that a column of ``W0`` sees, if it is one."""
        ...

    def chimera_chains(self) -> list[list[int]] | None:
        """Chains on the qubits of a 3 x 3 Chimera graph, if the network is laid out cell by cell."""
        ...


@dataclass(frozen=True)
class FullyConnected:
    """A fully connected network of spins.

    Args:
        num_inputs: Length of an input vector.
        layers: Spins of each layer, hidden layers first, output last.
        num_classes: Classes; the output layer has the same number of spins for each.
        levels: The two values of a spin, the lower one first.

    Attributes:
        slices: Where each layer stands in a state.
        rows: int64 (num_couplings,) first spin of each coupling.
        cols: int64 (num_couplings,) second spin of each coupling.

    Raises:
        ValueError: If a number is not positive or the outputs do not divide among the classes.

    Example:
        >>> network = FullyConnected(num_inputs=784, layers=(120, 40), num_classes=10)
        >>> network.num_spins, network.num_couplings
        (160, 4800)
    """

    num_inputs: int
    layers: tuple[int, ...]
    num_classes: int
    levels: tuple[int, int] = (-1, 1)
    slices: list[slice] = field(init=False, repr=False, compare=False)
    rows: NDArray[np.int64] = field(init=False, repr=False, compare=False)
    cols: NDArray[np.int64] = field(init=False, repr=False, compare=False)
    _pairs: Pairs = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.num_inputs < 1:
            raise ValueError(f"num_inputs is {self.num_inputs}, expected at least 1")
        if not self.layers or min(self.layers) < 1:
            raise ValueError(f"layers are {self.layers}, expected at least one, each of at least 1 spin")
        if self.num_classes < 2:
            raise ValueError(f"num_classes is {self.num_classes}, expected at least 2")
        if self.layers[-1] % self.num_classes:
            raise ValueError(
                f"the output layer has {self.layers[-1]} spins, expected a multiple of the "
                f"{self.num_classes} classes"
            )
        ends = list(itertools.accumulate(self.layers))
        slices = [slice(end - size, end) for end, size in zip(ends, self.layers, strict=True)]
        indices = [np.arange(s.start, s.stop, dtype=np.int64) for s in slices]
        pairs = list(itertools.pairwise(indices))
        empty = np.empty(0, dtype=np.int64)
        rows = np.concatenate([empty, *(np.repeat(a, len(b)) for a, b in pairs)])
        cols = np.concatenate([empty, *(np.tile(b, len(a)) for a, b in pairs)])
        # Worked out once, because every anneal asks for them; the class is frozen otherwise.
        for name, value in {
            "slices": slices,
            "rows": rows,
            "cols": cols,
            "_pairs": Pairs(rows, cols),
        }.items():
            object.__setattr__(self, name, value)

    @property
    def num_spins(self) -> int:
        """Spins of all layers."""
        return sum(self.layers)

    @property
    def num_couplings(self) -> int:
        """Couplings between all pairs of neighbouring layers."""
        return len(self.rows)

    @property
    def outputs(self) -> slice:
        """Where the output layer stands in a state."""
        return self.slices[-1]

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every parameter: weights ``W0, W1, ...`` and biases ``b0, b1, ...``."""
        sizes = (self.num_inputs, *self.layers)
        shapes: dict[str, tuple[int, ...]] = {}
        for k in range(len(self.layers)):
            shapes[f"W{k}"] = (sizes[k], sizes[k + 1])
            shapes[f"b{k}"] = (sizes[k + 1],)
        return shapes

    def initial_parameters(self, rng: np.random.Generator) -> Parameters:
        """Weights uniform in ±gain/sqrt(fan-in), biases 0, as in the paper.

        Half as far apart, 0 and 1 make a quarter of the energy of a coupling, and half that of a field:
        gains are so much larger that weights mean the same to all levels.
        """
        reach = (self.levels[1] - self.levels[0]) / 2
        parameters = {}
        for name, shape in self.shapes().items():
            if len(shape) == 1:
                value = np.zeros(shape)
            else:
                gain = INPUT_GAIN / reach if name == "W0" else LAYER_GAIN / reach**2
                value = rng.uniform(-1, 1, shape) * gain / np.sqrt(shape[0])
            parameters[name] = value.astype(np.float32)
        return parameters

    def couplings(self, parameters: Parameters) -> Couplings:
        """See `Network.couplings`."""
        weights = [parameters[f"W{k}"].ravel() for k in range(1, len(self.layers))]
        values = np.concatenate(weights, dtype=np.float64) if weights else np.empty(0)
        return self._pairs.with_values(values)

    def fields(self, parameters: Parameters, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Network.fields`."""
        fields = np.empty((len(x), self.num_spins), dtype=np.float32)
        fields[:, self.slices[0]] = _core.project(x, parameters["W0"], parameters["b0"])
        for k, layer in enumerate(self.slices[1:], start=1):
            fields[:, layer] = parameters[f"b{k}"]
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
        """See `Network.descend`: dE/dW_l = s_l s_{l+1}^T, dE/dW_0 = x s_1^T, dE/db_l = s_{l+1}."""
        contrast = nudged.sum(axis=1, dtype=np.float32) - free.sum(axis=1, dtype=np.float32)
        first = np.float32(-weight_rate) * contrast[:, self.slices[0]]
        _core.add_outer(parameters["W0"], x, first, limit)
        for k, (before, after) in enumerate(itertools.pairwise(self.slices), start=1):
            products = pair_sums(nudged, before, after) - pair_sums(free, before, after)
            step(parameters[f"W{k}"], -weight_rate, products, limit)
        for k, layer in enumerate(self.slices):
            step(parameters[f"b{k}"], -bias_rate, contrast[:, layer].sum(axis=0), limit)

    def check_images(self, x: NDArray[np.float32]) -> None:
        """Takes all."""

    def targets(self, labels: ArrayLike) -> NDArray[np.float32]:
        """See `Network.targets`."""
        return class_targets(labels, self.num_classes, self.layers[-1] // self.num_classes, self.levels)

    def scores(self, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Network.scores`."""
        return class_means(outputs, self.num_classes)

    def receptive_field(self, image_shape: tuple[int, int] | None) -> tuple[int, int] | None:
        """The whole image."""
        return image_shape

    def chimera_chains(self) -> None:
        """None: layers are laid along the lines of a chip."""


def class_targets(
    labels: ArrayLike, num_classes: int, spins_per_class: int, levels: tuple[int, int]
) -> NDArray[np.float32]:
    """High on the neighbouring output spins of the class of each label ``(batch,)``, low on all others."""
    low, high = levels
    wanted = np.full((num_classes, num_classes), low, dtype=np.float32)
    np.fill_diagonal(wanted, high)
    wanted = np.repeat(wanted, spins_per_class, axis=1)
    return wanted[np.asarray(labels, dtype=np.intp)]


def class_means(outputs: NDArray[np.float32], num_classes: int) -> NDArray[np.float32]:
    """Mean output spin of each class ``(batch, num_classes)``."""
    mean: NDArray[np.float32] = outputs.reshape(len(outputs), num_classes, -1).mean(axis=2)
    return mean


def pair_sums(states: NDArray[np.int8], before: slice, after: slice) -> NDArray[np.int32]:
    """Sum of ``s_i s_j`` over the reads ``(batch, reads, spins)`` of all images, for spins of two ranges."""
    flat = states.reshape(-1, states.shape[2])
    return _core.products(flat, (before.start, before.stop), (after.start, after.stop))


def step(parameter: NDArray[np.float32], rate: float, contrast: NDArray[np.generic], limit: float) -> None:
    """Adds to the parameter, in place, and holds it within ±limit."""
    parameter += np.float32(rate) * contrast.astype(np.float32)
    np.clip(parameter, -limit, limit, out=parameter)
