"""Small pictures of shapes, as a user's folder of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw


def draw_shape(rng: np.random.Generator, shape: str) -> Image.Image:
    """A "disc", "bar" or "post" in some colour and place, on a picture that is no square."""
    picture = Image.new("RGB", (48, 40))
    x, y = rng.integers(8, 14, 2).tolist()
    colour = tuple(rng.integers(160, 256, 3).tolist())
    pen = ImageDraw.Draw(picture)
    if shape == "disc":
        pen.ellipse((x, y, x + 22, y + 22), fill=colour)
    elif shape == "bar":
        pen.rectangle((x, y + 7, x + 24, y + 13), fill=colour)
    else:
        pen.rectangle((x + 8, y - 4, x + 14, y + 24), fill=colour)
    return picture


def draw_pictures(folder: Path, shapes: Sequence[str], number: int) -> None:
    """Draws so many pictures of each shape into a subfolder of its name."""
    rng = np.random.default_rng(0)
    for shape in shapes:
        (folder / shape).mkdir(parents=True)
        for k in range(number):
            draw_shape(rng, shape).save(folder / shape / f"{k}.{('png', 'jpg')[k % 2]}")
