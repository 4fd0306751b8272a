"""Presets: all settings of a task at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .choices import chosen, lacking
from .means import RATES

# Settings that docs/learning.md found best on held-out training images.
_LEARNING: dict[str, Any] = {
    "dataset": "mnist",
    "statistic": "conditional",
    "symmetric": True,
    "optimizer": "adam",
    "decay": "cosine",
}
_ANNEALER: dict[str, Any] = {
    "num_reads": 1,
    "num_sweeps": 30,
    "beta_range": (0.3, 4.0),
    "reverse_fraction": 0.5,
    "test_reads": 20,
}
_DENSE = _LEARNING | {
    "learning_rate": 0.003,
    "bias_learning_rate": 0.003,
    "centre": True,
    "nudge": 4.0,
    "weight_decay": 0.1,
}
_MNIST = _DENSE | _ANNEALER | {"epochs": 80, "batch_size": 50, "shift": 1, "coupling_learning_rate": 0.0015}
# A thousand images: more passes, smaller batches, larger shifts.
_HUNDRED = _DENSE | {"train_per_class": 100, "test_per_class": 10, "batch_size": 20, "shift": 2}
_FIRST_MEANS: dict[str, Any] = {"mean_field_nudge": 0.5, "mean_field_beta": 1.0}
# Filters: epochs of means, then one of spins at a twentieth of the rates, since their gradients are noisier.
_FILTERS = (
    _LEARNING
    | _ANNEALER
    | _FIRST_MEANS
    | {
        "network": "deep-convolutional",
        "layers": (10,),
        "gains": (2.0, 1.5, 0.5),
        "learning_rate": 0.0001,
        "bias_learning_rate": 0.00005,
        "coupling_learning_rate": 0.000025,
        "mean_field_rate": 20.0,
        "standardise": True,
        "nudge": 1.0,
        "batch_size": 64,
        "num_sweeps": 8,
        "beta_range": (0.5, 2.0),
    }
)
PRESETS: dict[str, dict[str, Any]] = {
    "mnist": _MNIST,
    # Twice the hidden spins, so half the rate of the couplings that add up in an output.
    "mnist-wide": _MNIST | {"layers": (240, 40), "coupling_learning_rate": 0.00075},
    "mnist-convolutional": _FILTERS
    | {"filters": (32, 64), "shift": 1, "mean_field_epochs": 16, "epochs": 17},
    "cifar10": _FILTERS
    | {"dataset": "cifar10", "filters": (64, 64), "flip": True, "mean_field_epochs": 24, "epochs": 25},
    # Reads to average over, as there are few images.
    "mnist-100": _HUNDRED | _ANNEALER | {"epochs": 200, "num_reads": 4},
    # On a chip: means learn all but how its qubits err, which takes few epochs there. Their weights at
    # inverse temperature 1 are large and stand its errors.
    "mnist-100-chip": _HUNDRED
    | _FIRST_MEANS
    | {
        "machine": "chip",
        "learning_rate": 0.001,
        "bias_learning_rate": 0.001,
        "weight_decay": 0.02,
        "mean_field_rate": 3.0,
        "mean_field_epochs": 200,
        "epochs": 203,
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
    not those of a chip. Of other ``epochs`` as many are the machine's as before, and the others of means.
    Where none is left for means, or the machine is none to take over from them, the rates are those of means.

    Raises:
        ValueError: If there is no such preset, or no such part.

    Example:
        >>> "num_sweeps" in changed_preset("mnist-100", {"machine": "chip"})
        False
        >>> changed_preset("mnist-100-chip", {"epochs": 20})["mean_field_epochs"]
        17
    """
    usual = _with_epochs(preset(name), given)
    before, after = chosen(usual), chosen(usual | dict(given))
    left_out = set(lacking(usual | dict(given)))
    for part, model in before.items():
        if after[part] is not model:
            left_out |= model.model_fields.keys()
    if given.get("standardise"):
        left_out.add("centre")  # which it does too
    means = (usual | dict(given)).get("mean_field_epochs")
    if "mean_field_epochs" in left_out or not means:
        usual = _without_means(usual, given.get("machine"))
    return {setting: value for setting, value in usual.items() if setting not in left_out} | dict(given)


def _with_epochs(usual: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A preset with as many epochs on the machine as it has, of those that are given."""
    if "mean_field_epochs" not in usual:
        return usual
    on_machine = usual["epochs"] - usual["mean_field_epochs"]
    epochs, means = given.get("epochs"), given.get("mean_field_epochs")
    if isinstance(epochs, int) and means is None:
        return usual | {"mean_field_epochs": max(epochs - on_machine, 0)}
    if isinstance(means, int) and epochs is None:
        return usual | {"epochs": max(means, 0) + on_machine}
    return usual


def _without_means(usual: dict[str, Any], machine: object) -> dict[str, Any]:
    """A preset without epochs of means first: all are as those were, on the machine."""
    found = {setting: value for setting, value in usual.items() if not setting.startswith("mean_field_")}
    for rate in found.keys() & RATES:
        found[rate] *= usual.get("mean_field_rate", 1.0)
    if machine == "mean-field" and "mean_field_beta" in usual:
        beta = usual["mean_field_beta"]
        found |= {"nudge": usual["mean_field_nudge"], "beta_range": (beta / 2, beta)}
    return found
