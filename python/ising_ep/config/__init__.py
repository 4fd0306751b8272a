"""Settings of a training run, and presets of them."""

from .names import reserve_names
from .presets import PRESETS, preset
from .run import (
    DECAYS,
    DEFAULTS,
    OPTIMIZERS,
    OWN,
    PARTS,
    Decay,
    Optimizer,
    TrainConfig,
    chosen,
    lacking,
    usual,
)

__all__ = [
    "DECAYS",
    "DEFAULTS",
    "OPTIMIZERS",
    "OWN",
    "PARTS",
    "PRESETS",
    "Decay",
    "Optimizer",
    "TrainConfig",
    "chosen",
    "lacking",
    "preset",
    "usual",
]

reserve_names()
