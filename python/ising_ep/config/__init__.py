"""Settings of a training run, and presets of them."""

from .presets import PRESETS, preset
from .run import (
    DECAYS,
    DEFAULTS,
    MAX_STEP,
    OPTIMIZERS,
    OWN,
    PARTS,
    Decay,
    Optimizer,
    TrainConfig,
    check_step,
    chosen,
    lacking,
    usual,
)

__all__ = [
    "DECAYS",
    "DEFAULTS",
    "MAX_STEP",
    "OPTIMIZERS",
    "OWN",
    "PARTS",
    "PRESETS",
    "Decay",
    "Optimizer",
    "TrainConfig",
    "check_step",
    "chosen",
    "lacking",
    "preset",
    "usual",
]
