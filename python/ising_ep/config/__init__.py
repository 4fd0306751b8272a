"""Settings of a training run, and presets of them."""

from .choices import PARTS, chosen, lacking
from .names import reserve_names
from .presets import PRESETS, changed_preset, preset
from .run import (
    DECAYS,
    DEFAULTS,
    OPTIMIZERS,
    OWN,
    Decay,
    Optimizer,
    TrainConfig,
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
    "changed_preset",
    "chosen",
    "lacking",
    "preset",
    "usual",
]

reserve_names()
