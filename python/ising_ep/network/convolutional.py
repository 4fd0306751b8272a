"""The paper's convolutional network: shared filters, average pooling, a dense output, all of them spins.

Every 2 x 2 window of the image is a patch p. It has an input spin for each of its pixels k, held to the pixel
by a strong field, and a spin for each filter f. A pooling spin for each filter follows the mean of the
filter's spins of all patches. The pooling spins are coupled to the outputs o:

    E(s; x) = -2 sum_{p,k} x_pk s_pk + sum_{p,k,f} W0_kf s_pk s_pf - 1/P sum_{p,f} s_pf s_f
              + sum_{f,o} W1_fo s_f s_o

with P patches. Only W0 and W1 are learned. A 3 x 3 image, four filters and two classes of two outputs make
the 40 spins of the paper.
"""

from __future__ import annotations

from ..checks import integer
from .convolution import Convolution
from .dense import Dense
from .fixed import AveragePool, Clamp
from .layer import Input, stack
from .network import Network
from .parameters import GAINS, Kind
from .windows import count_places

WINDOW = (2, 2)


class Convolutional(Network):
    """A convolution of 2 x 2 windows, average pooling over the whole image, and a dense output.

    The windows are spins, with their pixels as channels, so that the convolution is one of 1 x 1 windows of
    theirs.

    Args:
        image_shape: Height and width of an image, at least 2 each, and its channels, if there are several.
        num_classes: Classes, at least 2.
        filters: Number of filters.
        spins_per_class: Output spins of each class.

    Raises:
        ValueError: If a number is out of range.

    Example:
        >>> network = Convolutional((3, 3), num_classes=2)
        >>> network.num_spins, network.num_couplings
        (40, 96)
    """

    def __init__(
        self,
        image_shape: tuple[int, int] | tuple[int, int, int],
        num_classes: int,
        filters: int = 4,
        spins_per_class: int = 2,
    ) -> None:
        height, width, *channels = image_shape
        if min(height, width) < 2:
            raise ValueError(f"image_shape is {image_shape}, expected at least 2 x 2")
        for name, value, least in (
            ("num_classes", num_classes, 2),
            ("filters", filters, 1),
            ("spins_per_class", spins_per_class, 1),
        ):
            integer(name, value, least)
        image = Input((height, width, *(channels or [1])))
        places = count_places(image.shape, WINDOW, (1, 1))
        pixels, convolved, pools, output = stack(
            pixels=(*places, WINDOW[0] * WINDOW[1] * image.shape[2]),
            convolved=(*places, filters),
            pools=(1, 1, filters),
            output=(num_classes * spins_per_class,),
        )
        gain = GAINS[Kind.INPUT]
        interactions = [
            Clamp(image, pixels, WINDOW),
            Convolution("W0", pixels, convolved, kernel=(1, 1), gain=gain, kind=Kind.INPUT),
            AveragePool(convolved, pools, window=places),
            Dense("W1", pools, output, gain=gain),
        ]
        super().__init__((pixels, convolved, pools, output), interactions, num_classes)
