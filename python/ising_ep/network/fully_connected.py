"""A fully connected network of layers ``l = 1 .. L`` of spins.

The input ``x`` is not made of spins: it enters as fields on the first layer,

    E(s; x) = (b0 + x W0) . s_1 + sum_{l=1}^{L-1} (s_l W_l s_{l+1} + b_l . s_{l+1}).

The last layer is the output. Skips add weights between each hidden layer but the last and the output,

    E(s; x) + sum_{l=1}^{L-2} s_l S_l s_L.

Spins are -1 and +1, or neurons of 0 and 1; all else is the same.
"""

from __future__ import annotations

from .dense import Bias, Dense
from .interaction import Interaction
from .layer import Input, Layer, stack
from .network import Network


class FullyConnected(Network):
    """A fully connected network of spins.

    Args:
        num_inputs: Length of an input vector.
        layers: Spins of each layer, hidden layers first, output last.
        num_classes: Classes; the output layer has the same number of spins for each.
        levels: The two values of a spin, the lower one first.
        bias_gain: Initial size of a bias of the first layer, 0 as in the paper. (See `Bias`.)
        skips: Whether hidden layers that are not next to the output are joined to it too.

    Raises:
        ValueError: If a number is not positive or the outputs do not divide among the classes.

    Example:
        >>> network = FullyConnected(num_inputs=784, layers=(120, 40), num_classes=10)
        >>> network.num_spins, network.num_couplings
        (160, 4800)
        >>> network.shapes()
        {'W0': (784, 120), 'b0': (120,), 'W1': (120, 40), 'b1': (40,)}
        >>> FullyConnected(784, (200, 40, 40), num_classes=10, skips=True).shapes()["S1"]
        (200, 40)
    """

    def __init__(
        self,
        num_inputs: int,
        layers: tuple[int, ...],
        num_classes: int,
        levels: tuple[int, int] = (-1, 1),
        *,
        bias_gain: float = 0.0,
        skips: bool = False,
    ) -> None:
        if num_inputs < 1:
            raise ValueError(f"num_inputs is {num_inputs}, expected at least 1")
        if not layers or min(layers) < 1:
            raise ValueError(f"layers are {layers}, expected at least one, each of at least 1 spin")
        stacked = stack(**{f"s{k}": (size,) for k, size in enumerate(layers, start=1)})
        before: Input | Layer = Input((num_inputs,))
        interactions: list[Interaction] = []
        for k, after in enumerate(stacked):
            gain = 0.0 if k else bias_gain
            interactions += [Dense(f"W{k}", before, after), Bias(f"b{k}", after, gain=gain)]
            before = after
        if skips:
            output = stacked[-1]
            interactions += [Dense(f"S{k}", layer, output) for k, layer in enumerate(stacked[:-2], start=1)]
        super().__init__(stacked, interactions, num_classes, levels)

    def __repr__(self) -> str:
        layers = tuple(layer.size for layer in self.layers)
        skips = ", skips=True" if "S1" in self.parameters else ""
        return (
            f"FullyConnected(num_inputs={self.num_inputs}, layers={layers}, num_classes={self.num_classes},"
            f" levels={self.levels}{skips})"
        )
