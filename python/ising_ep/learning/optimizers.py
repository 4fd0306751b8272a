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

    Kingma and Ba, "Adam: a method for stochastic optimization" (2015), https://arxiv.org/abs/1412.6980.

    Args:
        parameters: What to change; those that ``change`` lacks saw a change of 0.
        change: c of each parameter.
        memory: m and v of each parameter, as ``m.W0`` and ``v.W0``; empty before the first update.
        update: Number t of the update, from 1 on.
        rates: Of each parameter, what it moves where all changes point the same way.
        limit: Bound of the parameters.
    """
    for name, parameter in parameters.items():
        for key in (f"m.{name}", f"v.{name}"):
            if key not in memory:
                memory[key] = np.zeros_like(parameter)
        mean, square = memory[f"m.{name}"], memory[f"v.{name}"]
        _core.adam(parameter, change.get(name), mean, square, update=update, rate=rates[name], limit=limit)


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
