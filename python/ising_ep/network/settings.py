"""`NetworkSettings`, the base class of the settings models of networks, ours, and their registry."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from ..extras import PLAIN, needing
from ..settings import AtLeastOne, NotNegative, PartSettings, Registry, Shown
from .convolutional import Convolutional
from .deep_convolutional import DeepConvolutional
from .form import DataForm
from .fully_connected import FullyConnected
from .network import Network

with needing(PLAIN, "settings of a network"):
    from pydantic import Field

SPINS, NEURONS = (-1, 1), (0, 1)


class NetworkSettings(PartSettings):
    """Base class of the settings of a network: fields with types, ranges, defaults and help.

    Attributes:
        levels: The pairs of values that its spins may have; a machine has one of them.
        of_images: Whether its layers depend on the height and width of the images.
    """

    title: ClassVar[str] = "Network"
    levels: ClassVar[tuple[tuple[int, int], ...]] = (SPINS,)
    of_images: ClassVar[bool] = False

    @abstractmethod
    def build(self, form: DataForm, levels: tuple[int, int]) -> Network:
        """The network, for inputs and classes of this form and spins of these values.

        Raises:
            ValueError: If they do not fit.
        """


_NUMBERS = Shown(metavar="N,N,...")
Layers = Annotated[
    tuple[AtLeastOne, ...],
    Field(
        min_length=1, description="Spins of hidden layers and outputs; dense layers, where there are others."
    ),
    _NUMBERS,
]


class LayersSettings(NetworkSettings):
    """Settings of `FullyConnected`."""

    about: ClassVar[str] = "spins in layers"
    levels: ClassVar[tuple[tuple[int, int], ...]] = (SPINS, NEURONS)

    layers: Layers = (120, 40)
    skips: Annotated[
        bool, Field(description="Join all hidden layers to the outputs, not the last one alone.")
    ] = False

    def idle(self) -> Mapping[str, str]:
        """A step of weights between spins, if there are none."""
        why = f"layers {self.layers} have no weights between spins"
        return {"coupling_learning_rate": why} if len(self.layers) == 1 else {}

    def unused(self) -> Mapping[str, str]:
        """See `Settings.unused`: skips, where there is no layer to skip."""
        return {} if len(self.layers) > 2 else {"skips": f"layers {self.layers} have no layer to skip"}

    def build(self, form: DataForm, levels: tuple[int, int]) -> FullyConnected:
        """See `NetworkSettings.build`."""
        return FullyConnected(form.num_inputs, self.layers, form.num_classes, levels, skips=self.skips)


class ConvolutionalSettings(NetworkSettings):
    """Settings of `Convolutional`: there are none."""

    about: ClassVar[str] = "the paper's convolutional network of 40 spins, for images of -1 and +1"
    of_images: ClassVar[bool] = True
    # The paper's chain strength for this network.
    defaults: ClassVar[dict[str, Any]] = {"chain_strength": 2.0}
    without: ClassVar[dict[str, str]] = {
        "bias_learning_rate": "no biases",
        "centre": "pixels of -1 and +1, and no centre",
        "standardise": "pixels of -1 and +1, and no other scale",
        "shift": "pixels of -1 and +1, and no shift",
        "flip": "pixels of -1 and +1, and no mirror images",
    }

    def build(self, form: DataForm, levels: tuple[int, int]) -> Convolutional:
        """See `NetworkSettings.build`."""
        if form.image_shape is None:
            raise ValueError("a convolutional network takes images of a known height and width")
        height, width, channels = form.image_shape
        if channels != 1:
            raise ValueError(
                f"a convolutional network takes images of one channel, and these have {channels}"
            )
        return Convolutional((height, width), form.num_classes)


class DeepConvolutionalSettings(NetworkSettings):
    """Settings of `DeepConvolutional`."""

    about: ClassVar[str] = "layers of filters, then of spins, for images"
    of_images: ClassVar[bool] = True
    defaults: ClassVar[dict[str, Any]] = {"layers": (40,)}

    filters: Annotated[
        tuple[AtLeastOne, ...],
        Field(min_length=1, description="Filters of each layer of them."),
        _NUMBERS,
    ] = (16, 32)
    kernels: Annotated[
        tuple[AtLeastOne, ...],
        Field(min_length=1, description="Side of each layer's filters, or of all."),
        _NUMBERS,
    ] = (5,)
    strides: Annotated[
        tuple[AtLeastOne, ...],
        Field(min_length=1, description="Steps of each layer's filters, or of all."),
        _NUMBERS,
    ] = (2,)
    layers: Layers = (40,)
    gains: Annotated[
        tuple[NotNegative, ...] | None,
        Field(
            min_length=1,
            description="Initial size of a weight times the root of its fan-in, of each layer, or of all but"
            " the first.",
        ),
        Shown(unset="0.5, then 0.25", metavar="X,X,..."),
    ] = None

    def build(self, form: DataForm, levels: tuple[int, int]) -> DeepConvolutional:
        """See `NetworkSettings.build`."""
        if form.image_shape is None:
            raise ValueError("a deep-convolutional network takes images of a known height and width")
        return DeepConvolutional(
            form.image_shape,
            self.filters,
            self.layers,
            form.num_classes,
            kernels=self.kernels,
            strides=self.strides,
            gains=self.gains,
        )


NETWORKS: Registry[NetworkSettings] = Registry(
    "network",
    NetworkSettings,
    {
        "layers": "ising_ep.network.settings:LayersSettings",
        "convolutional": "ising_ep.network.settings:ConvolutionalSettings",
        "deep-convolutional": "ising_ep.network.settings:DeepConvolutionalSettings",
    },
)
