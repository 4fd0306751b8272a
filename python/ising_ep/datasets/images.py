"""Images as a network takes them: checked, scaled and flattened, wherever they come from."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..files.arrays import first_line, require
from .validation import check_image_form, check_images


def as_array(source: str, given: ArrayLike) -> NDArray[Any]:
    """Converts what a user gives to an array.

    Args:
        source: What error messages call it.
        given: The array, or what is made one.

    Raises:
        ValueError: If its rows differ in length, or numbers of it are masked.
    """
    try:
        array = np.asarray(given)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"{source} is no array: {first_line(error)}") from error
    masked = np.count_nonzero(np.ma.getmaskarray(given)) if np.ma.isMaskedArray(given) else 0
    require(not masked, f"{source} has {masked} masked values, expected none: fill them in first")
    return array


def as_pixels(source: str, images: ArrayLike) -> NDArray[np.float32]:
    """Converts images ``(n, ...)`` to what a network takes: float32 ``(n, num_inputs)``.

    uint8 is divided by 255, booleans become 0 and 1, and floats of order 1 are used as they are.

    Args:
        source: What error messages call them.
        images: The images.

    Raises:
        ValueError: If they are of another type, empty, not finite, or of a root mean square above 5, as
            floats of 0..255 are.

    Example:
        >>> as_pixels("x", np.full((1, 2, 2), 51, dtype=np.uint8))
        array([[0.2, 0.2, 0.2, 0.2]], dtype=float32)
    """
    x = as_array(source, images)
    check_image_form(source, x)
    check_images(source, x)
    return scaled(x)


def scaled(x: NDArray[Any]) -> NDArray[np.float32]:
    """Return images (n, ...) as float32 (n, num_inputs); uint8 is divided by 255."""
    pixels = np.ascontiguousarray(x.reshape(len(x), -1), dtype=np.float32)
    if x.dtype == np.uint8:
        pixels /= np.float32(255)
    return pixels
