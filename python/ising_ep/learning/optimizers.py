"""How parameters follow the contrast of the two phases: by plain steps, or by Adam's.

Both end in the same bounds, those of the hardware: a step that would leave them ends there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from .. import _core
from ..checks import one_of
from ..config import DECAYS, Decay
from ..network import Parameters

# Kingma and Ba, "Adam: a method for stochastic optimization" (2015), https://arxiv.org/abs/1412.6980: how
# much of the mean contrast and of its mean square is kept at each update, and the least root to divide by.
MEAN, SQUARE, LEAST = 0.9, 0.999, 1e-8


def descend(parameters: Parameters, change: Parameters, limit: float) -> None:
    """Adds the change to the parameters, in place, and holds them within ±limit."""
    for name, value in change.items():
        _core.add(parameters[name], value, limit)


def adam(
    parameters: Parameters,
    change: Parameters,
    memory: Parameters,
    *,
    update: int,
    rates: Mapping[str, float],
    limit: float,
) -> None:
    """One step of Adam along the change c, the negative of a gradient, in place:

        m <- 0.9 m + 0.1 c,   v <- 0.999 v + 0.001 c^2,
        p <- clip(p + rate m / (1 - 0.9^t) / sqrt(v / (1 - 0.999^t)), ±limit)

    Args:
        parameters: What to change; those that ``change`` lacks saw a change of 0.
        change: Consumed: its arrays hold other numbers afterwards.
        memory: m and v of each parameter, as ``m.W0`` and ``v.W0``; empty before the first update.
        update: Number t of the update, from 1 on.
        rates: Of each parameter, what it moves where all changes point the same way.
        limit: Bound of the parameters.
    """
    mean_left, square_left = 1 - MEAN**update, 1 - SQUARE**update
    for name, parameter in parameters.items():
        mean = memory.setdefault(f"m.{name}", np.zeros_like(parameter))
        square = memory.setdefault(f"v.{name}", np.zeros_like(parameter))
        mean *= np.float32(MEAN)
        square *= np.float32(SQUARE)
        value = change.get(name)
        if value is not None:
            mean += np.float32(1 - MEAN) * value
            np.multiply(value, value, out=value)
            value *= np.float32(1 - SQUARE)
            square += value
        step = np.sqrt(square)
        step += np.float32(LEAST * math.sqrt(square_left))
        np.divide(mean, step, out=step)
        step *= np.float32(rates[name] * math.sqrt(square_left) / mean_left)
        _core.add(parameter, step, limit)


def decayed(decay: Decay, done: float, epochs: int) -> float:
    """What the learning rate is multiplied by after ``done`` of ``epochs``.

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
