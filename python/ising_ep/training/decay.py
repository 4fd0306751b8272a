"""Decay of the learning rates over a run."""

from __future__ import annotations

import math

from ..checks import one_of
from ..config import DECAYS, Decay


def decayed(decay: Decay, done: float, epochs: int) -> float:
    """Factor of the learning rate after ``done`` of ``epochs``.

    Cosine: (1 + cos(pi done / epochs)) / 2, from 1 to 0; Loshchilov and Hutter, "SGDR" (2017),
    https://arxiv.org/abs/1608.03983.

    Raises:
        ValueError: If there is no such decay.

    Example:
        >>> [decayed("cosine", done, 10) for done in (0, 5, 10)]
        [1.0, 0.5, 0.0]
    """
    one_of("decay", decay, DECAYS)
    return 1.0 if decay == "constant" else (1 + math.cos(math.pi * min(done / epochs, 1))) / 2
