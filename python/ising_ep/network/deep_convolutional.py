"""A deep convolutional network: layers of filters, then dense layers, all of them spins.

The input acts as fields through the first filters. Every layer is coupled to the next by filters that all of
its places share, or, from the last of them on, by dense weights:

    E(s; x) = sum_pkf x_pk W0_kf s_pf + sum_pkf s_pk W_kf s_pf + sum_ij s_i W_ij s_j + sum_i b_i s_i

with windows p, what is in them k, and filters f, for each layer. A filter has one bias, which its places
share.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from .convolution import Convolution
from .dense import Bias, Dense
from .interaction import Interaction
from .layer import Input, Layer, stack
from .network import Network
from .windows import count_places


class DeepConvolutional(Network):
    """Layers of filters over an image, then dense layers of which the last is the output.

    Args:
        image_shape: Height, width and channels of an image.
        filters: Number of filters of each layer of them, at least one layer.
        layers: Spins of the dense layers, output last.
        num_classes: Classes, at least 2.
        kernels: Side of the square windows of each layer of filters; one number is for all.
        strides: Steps of the windows of each layer, both ways; one number is for all.
        gains: Initial size of a weight times the root of its fan-in, for each layer of filters and each dense
            one; one number is for all but the first, which has that of its kind; None for that of its kind.

    Raises:
        ValueError: If numbers do not fit together, or a filter is larger than what it is moved over.

    Example:
        >>> network = DeepConvolutional((28, 28, 1), filters=(16, 32), layers=(40,), num_classes=10)
        >>> [layer.shape for layer in network.layers], network.num_spins
        ([(12, 12, 16), (4, 4, 32), (40,)], 2856)
        >>> network.shapes()["W1"]
        (400, 32)
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        filters: Sequence[int],
        layers: Sequence[int],
        num_classes: int,
        *,
        kernels: Sequence[int] = (5,),
        strides: Sequence[int] = (2,),
        gains: Sequence[float] | None = None,
    ) -> None:
        if not filters or not layers:
            raise ValueError(f"filters are {filters} and layers {layers}, expected at least one of each")
        depth = len(filters) + len(layers)
        sides, steps = (
            _for_each(name, given, len(filters))
            for name, given in (("kernels", kernels), ("strides", strides))
        )
        shapes = _shapes(image_shape, filters, sides, steps) | {
            f"dense{k}": (size,) for k, size in enumerate(layers, start=1)
        }
        stacked = stack(**shapes)
        own = [None] * depth if gains is None else list(gains)
        if len(own) == 1:
            own = [None, *own * (depth - 1)]
        if len(own) != depth:
            raise ValueError(f"gains are {tuple(own)}, expected one, or one for each of {depth} layers")
        before: Input | Layer = Input(image_shape)
        interactions: list[Interaction] = []
        for k, (after, gain) in enumerate(zip(stacked, own, strict=True)):
            name, filtered = f"W{k}", k < len(filters)
            if filtered:
                window = sides[k], sides[k]
                weights: Interaction = Convolution(name, before, after, window, (steps[k], steps[k]), gain)
            else:
                weights = Dense(name, before, after, gain)
            begin = bias_of_mean(num_classes) if after is stacked[-1] else 0.0
            interactions += [weights, Bias(f"b{k}", after, shared=filtered, begin=begin)]
            before = after
        super().__init__(stacked, interactions, num_classes)


def bias_of_mean(num_classes: int) -> float:
    """The field that holds an output, at inverse temperature 1, at the mean of its targets, at most 1.

    One of C outputs is to be +1 and the others -1, which is 2 / C - 1 on average. Without that field all
    layers first learn to pull the outputs down together, and are stuck there.
    """
    return min(math.atanh(1 - 2 / num_classes), 1.0)


def _for_each(name: str, given: Sequence[int], count: int) -> list[int]:
    """A number for each of so many layers, of which one stands for all."""
    numbers = list(given) * (count if len(given) == 1 else 1)
    if len(numbers) != count or min(numbers) < 1:
        raise ValueError(
            f"{name} are {tuple(given)}, expected numbers of at least 1, one, or one for each of the"
            f" {count} layers of filters"
        )
    return numbers


def _shapes(
    image_shape: tuple[int, ...], filters: Sequence[int], kernels: Sequence[int], strides: Sequence[int]
) -> dict[str, tuple[int, ...]]:
    """Shapes of the layers of filters."""
    shapes: dict[str, tuple[int, ...]] = {}
    before = image_shape
    for k, (count, kernel, stride) in enumerate(zip(filters, kernels, strides, strict=True), start=1):
        places = count_places(before, (kernel, kernel), (stride, stride))
        if min(places) < 1:
            raise ValueError(
                f"kernels are {tuple(kernels)}, but the {kernel} x {kernel} windows of layer {k} do not fit"
                f" into {before[0]} x {before[1]} places"
            )
        before = (*places, count)
        shapes[f"filters{k}"] = before
    return shapes
