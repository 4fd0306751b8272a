"""Networks: layers of spins, and the interactions that make up their energy."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import instance, integer, is_levels, short
from ..samplers.couplings import Layers, Pairs, PreparedCouplings
from .comparison import Comparison
from .interaction import Interaction, check_ends
from .layer import Input, Layer
from .parameters import Couplings, Parameters, ParameterSpec
from .reads import Reads


@dataclass(frozen=True)
class Network:
    """Layers of spins, and the interactions whose sum is the energy.

        E(s; x) = sum of the energies of the interactions

    in the sign convention of D-Wave: the machine looks for low energy. The last layer is the output. Each
    class owns the same number of its spins, next to each other, which are to be high for the class of the
    image and low else. Two interactions may couple the same spins; their couplings add up.

    Args:
        layers: The layers, as `stack` lays them.
        interactions: The interactions, of which one at least takes the input.
        num_classes: Classes, at least 2.
        levels: The two values of a spin, the lower one first.

    Raises:
        ValueError: If these do not fit together.
        TypeError: If a layer or an interaction is none.

    Example:
        A network in which the first layer acts on the output past the second, too.

        >>> from ising_ep.network import Bias, Dense, Input, Skip, stack
        >>> image = Input((64,))
        >>> first, second, output = stack(first=(20,), second=(20,), output=(20,))
        >>> network = Network(
        ...     [first, second, output],
        ...     [
        ...         Dense("W0", image, first),
        ...         Bias("b0", first),
        ...         Dense("W1", first, second),
        ...         Dense("W2", second, output),
        ...         Skip(first, output),
        ...     ],
        ...     num_classes=10,
        ... )
        >>> network.num_spins, network.num_couplings
        (60, 820)
    """

    layers: Sequence[Layer]
    interactions: Sequence[Interaction]
    num_classes: int
    levels: tuple[int, int] = (-1, 1)

    def __post_init__(self) -> None:
        for name in ("layers", "interactions"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        integer("num_classes", self.num_classes, 2)
        if not is_levels(self.levels):
            raise ValueError(
                f"levels are {short(self.levels)}, expected a tuple of two integers, the lower one first"
            )
        self._check_layers()
        self._check_interactions()

    def _check_layers(self) -> None:
        if not self.layers:
            raise ValueError("layers is empty, expected at least one")
        for layer in self.layers:
            instance("a layer", layer, Layer)
        ends = itertools.accumulate(layer.size for layer in self.layers)
        for layer, end in zip(self.layers, ends, strict=True):
            if layer.spins.stop != end:
                raise ValueError(
                    f"{layer.name} begins at spin {layer.start}, expected {end - layer.size}; take"
                    " layers of one call of stack, all of them and in their order"
                )
        if self.layers[-1].size % self.num_classes:
            raise ValueError(
                f"the output layer has {self.layers[-1].size} spins, expected a multiple of the "
                f"{self.num_classes} classes"
            )

    def _check_interactions(self) -> None:
        sizes = set()
        names: list[str] = []
        for each in self.interactions:
            instance("an interaction", each, Interaction)
            check_ends(each)
            for end in (each.before, each.after):
                if isinstance(end, Layer) and end not in self.layers:
                    raise ValueError(f"a {type(each).__name__} joins {end.name}, which is not in layers")
            if isinstance(each.before, Input):
                sizes.add(each.before.size)
            instance(f"parameters of a {type(each).__name__}", each.parameters, dict)
            for name, spec in each.parameters.items():
                instance(f"parameter {name}", spec, ParameterSpec)
                names.append(name)
        if not sizes:
            raise ValueError("no interaction takes the input, expected one at least")
        if len(sizes) != 1:
            raise ValueError(
                f"the sizes of the inputs that interactions take are {sorted(sizes)}, expected one size"
            )
        for name in names:
            if names.count(name) > 1 or not (isinstance(name, str) and name.isidentifier()):
                raise ValueError(f"a parameter is named {name!r}, expected a name of its own, such as W0")

    @cached_property
    def parameters(self) -> dict[str, ParameterSpec]:
        """Name of each parameter, and what it is."""
        return {name: spec for each in self.interactions for name, spec in each.parameters.items()}

    @property
    def meanings(self) -> dict[str, str]:
        """What each parameter is, in words.

        Example:
            >>> from ising_ep.network import FullyConnected
            >>> FullyConnected(784, (120, 40), 10).meanings["W1"]
            'coupling, from s1 to s2'
        """

        def named(end: Input | Layer) -> str:
            return "the input" if isinstance(end, Input) else end.name

        return {
            name: f"{spec.kind.value}, "
            + (f"from {named(each.before)} to " if each.before is not None else "of ")
            + named(each.after)
            for each in self.interactions
            for name, spec in each.parameters.items()
        }

    @property
    def num_inputs(self) -> int:
        """Length of a row of the data."""
        return next(each.before.size for each in self.interactions if isinstance(each.before, Input))

    @property
    def num_spins(self) -> int:
        """Spins of all layers."""
        return sum(layer.size for layer in self.layers)

    @property
    def num_couplings(self) -> int:
        """Couplings of all interactions."""
        return len(self.rows)

    @property
    def outputs(self) -> slice:
        """Slice of the output spins in a state."""
        return self.layers[-1].spins

    @property
    def slices(self) -> list[slice]:
        """Slice of each layer in a state."""
        return [layer.spins for layer in self.layers]

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """First spin of each coupling, int64 ``(num_couplings,)``."""
        return self._spins_of_pairs(0)

    @cached_property
    def cols(self) -> NDArray[np.int64]:
        """Second spin of each coupling, int64 ``(num_couplings,)``."""
        return self._spins_of_pairs(1)

    def _spins_of_pairs(self, end: int) -> NDArray[np.int64]:
        ends = [each.pairs[end] for each in self._coupling]
        return np.concatenate([np.empty(0, dtype=np.int64), *ends], dtype=np.int64)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every parameter."""
        return {name: spec.shape for name, spec in self.parameters.items()}

    def initial_parameters(self, rng: np.random.Generator) -> Parameters:
        """Draws what training starts from: weights uniform in ±gain/sqrt(fan-in), biases in ±gain."""
        return {name: spec.draw(rng, self.levels) for name, spec in self.parameters.items()}

    def couplings(self, parameters: Parameters) -> Couplings:
        """The couplings as ``(rows, cols, values)``, each ``(num_couplings,)``."""
        if self._joined is None:
            return self._pair_by_pair(parameters)
        weights = [each.weights(parameters) for each in self._coupling]
        # The pairs may be asked for when the parameters have gone on.
        kept = {name: parameters[name].copy() for each in self._coupling for name in each.parameters}
        return self._joined.with_weights(
            np.concatenate(weights, dtype=np.float64), lambda: self._pair_by_pair(kept)
        )

    def _pair_by_pair(self, parameters: Parameters) -> PreparedCouplings:
        values = [each.values(parameters) for each in self._coupling]
        return self._pairs.with_values(np.concatenate([np.empty(0), *values], dtype=np.float64))

    def fields(self, parameters: Parameters, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Fields ``(batch, num_spins)`` on the spins, for images ``x (batch, num_inputs)``."""
        fields = np.zeros((len(x), self.num_spins), dtype=np.float32)
        for layer, acting in self._acting.items():
            field = np.zeros(layer.size, dtype=np.float32)
            for each in acting:
                field = each.fields(parameters, x, field)
            fields[:, layer.spins] = field
        return fields

    def contrast(
        self,
        x: NDArray[np.float32],
        first: Reads,
        second: Reads,
        weights: float | NDArray[np.float32] = 1.0,
    ) -> Parameters:
        """Sums ``dE/dp |second - dE/dp |first`` over images and reads, for each parameter p.

        Args:
            x: Images ``(batch, num_inputs)``.
            first: Reads ``(batch, reads, spins)``.
            second: Reads of the same shape.
            weights: What each image counts, ``(batch,)``, or one number for all.
        """
        comparison = Comparison(x, first, second, weights)
        return {k: v for each in self.interactions for k, v in self._contrast(each, comparison).items()}

    def _contrast(self, interaction: Interaction, comparison: Comparison) -> Parameters:
        """The contrast of an interaction, if it is one of its own parameters."""
        found = interaction.contrast(comparison)
        what = f"the contrast of a {type(interaction).__name__}"
        instance(what, found, dict)
        own = interaction.parameters
        for name, value in found.items():
            if name not in own:
                raise ValueError(f"{what} has {short(name)}, expected its own parameters, {', '.join(own)}")
            if value.dtype != np.float32 or value.shape != own[name].shape:
                raise ValueError(
                    f"{what} has {name} of {value.dtype} {value.shape}, expected float32 {own[name].shape}"
                )
        return found

    def check_images(self, x: NDArray[np.float32]) -> None:
        """Refuses images ``(batch, num_inputs)`` that the network cannot take, by a ValueError."""
        for each in self.interactions:
            each.check_images(x)

    def targets(self, labels: ArrayLike) -> NDArray[np.float32]:
        """Output spins ``(batch, outputs)`` wanted for ``labels (batch,)``: high for the class, else low."""
        low, high = self.levels
        wanted = np.full((self.num_classes, self.num_classes), low, dtype=np.float32)
        np.fill_diagonal(wanted, high)
        wanted = np.repeat(wanted, self.layers[-1].size // self.num_classes, axis=1)
        return wanted[np.asarray(labels, dtype=np.intp)]

    def scores(self, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Mean output spin of each class ``(batch, num_classes)``; the class is the largest."""
        mean: NDArray[np.float32] = outputs.reshape(len(outputs), self.num_classes, -1).mean(axis=2)
        return mean

    @cached_property
    def _pairs(self) -> Pairs:
        """Pairs of coupled spins. The core sorts them once, for all values of the couplings."""
        return Pairs(self.rows, self.cols)

    @cached_property
    def _joined(self) -> Layers | None:
        """Layers and what joins them, where places share weights and every interaction can say how."""
        blocks = [
            (self.layers.index(each.before), self.layers.index(each.after), each.block)
            for each in self._coupling
            if isinstance(each.before, Layer) and each.block is not None
        ]
        if len(blocks) < len(self._coupling) or all(block.kind == "dense" for *_, block in blocks):
            return None
        return Layers([layer.grid for layer in self.layers], blocks)

    @cached_property
    def _coupling(self) -> list[Interaction]:
        """The interactions that couple spins."""
        between = [each for each in self.interactions if not isinstance(each.before, Input)]
        return [each for each in between if each.block is not None or len(each.pairs[0])]

    @cached_property
    def _acting(self) -> dict[Layer, list[Interaction]]:
        """The interactions that make fields on each layer; those that are the same for all images first."""
        acting = [each for each in self.interactions if not isinstance(each.before, Layer)]
        acting.sort(key=lambda each: isinstance(each.before, Input))
        return {layer: [each for each in acting if each.after == layer] for layer in self.layers}
