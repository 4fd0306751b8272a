"""Presets: all settings of a task at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .choices import chosen, lacking

# Settings that docs/learning.md found best on held-out training images.
_MEANS: dict[str, Any] = {
    "dataset": "mnist",
    "statistic": "conditional",
    "symmetric": True,
    "optimizer": "adam",
    "decay": "cosine",
    "learning_rate": 0.003,
    "bias_learning_rate": 0.003,
    "centre": True,
    "nudge": 4.0,
    "num_reads": 1,
    "num_sweeps": 30,
    "beta_range": (0.3, 4.0),
    "reverse_fraction": 0.5,
    "test_reads": 20,
    "weight_decay": 0.1,
}
_MNIST = _MEANS | {"epochs": 80, "batch_size": 50, "shift": 1, "coupling_learning_rate": 0.0015}
PRESETS: dict[str, dict[str, Any]] = {
    "mnist": _MNIST,
    # Twice the hidden spins, so half the rate of the couplings that add up in an output.
    "mnist-wide": _MNIST | {"layers": (240, 40), "coupling_learning_rate": 0.00075},
    # A thousand images: more passes, smaller batches, larger shifts, and reads to average over.
    "mnist-100": _MEANS
    | {
        "train_per_class": 100,
        "test_per_class": 10,
        "epochs": 200,
        "batch_size": 20,
        "shift": 2,
        "num_reads": 4,
    },
}


def preset(name: str) -> dict[str, Any]:
    """The settings of a preset, to be changed and given to `TrainConfig.checked`.

    Raises:
        ValueError: If there is no such preset.

    Example:
        >>> from ising_ep.config import TrainConfig
        >>> TrainConfig.checked(preset("mnist") | {"epochs": 2}).optimizer
        'adam'
    """
    if name not in PRESETS:
        raise ValueError(f"preset is {name!r}, expected one of {', '.join(PRESETS)}")
    return PRESETS[name]


def changed_preset(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a preset with others in their place.

    With another machine, or network, those of the preset's own are left out: thirty sweeps of an annealer are
    not those of a chip.

    Raises:
        ValueError: If there is no such preset, or no such part.

    Example:
        >>> "num_sweeps" in changed_preset("mnist-100", {"machine": "chip"})
        False
    """
    usual = preset(name)
    before, after = chosen(usual), chosen(usual | dict(given))
    left_out = set(lacking(usual | dict(given)))
    for part, model in before.items():
        if after[part] is not model:
            left_out |= model.model_fields.keys()
    return {setting: value for setting, value in usual.items() if setting not in left_out} | dict(given)
