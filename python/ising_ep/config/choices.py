"""The parts of a run that its settings choose, the network and the machine, and what these have set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..machines.settings import MACHINES
from ..network.settings import NETWORKS
from ..printable import either
from ..settings import PartSettings, Registry

# The parts that bring settings of their own, by the setting that chooses one; and what is chosen by default.
PARTS: dict[str, Registry[Any]] = {"network": NETWORKS, "machine": MACHINES}
CHOSEN = {"network": "layers", "machine": "annealing"}


def chosen(settings: Mapping[str, Any]) -> dict[str, type[PartSettings]]:
    """The models of the parts that these settings choose; where they choose none, the default's.

    Raises:
        ValueError: In one line, if there is no such part.
    """
    return {part: registry.load(settings.get(part, CHOSEN[part])) for part, registry in PARTS.items()}


def lacking(settings: Mapping[str, Any]) -> dict[str, str]:
    """The settings that the chosen parts do not have, and why.

    Args:
        settings: Some of a run's or all; what is left out is as by default.

    Raises:
        ValueError: If a part is none.

    Example:
        >>> lacking({"machine": "qpu"})["num_sweeps"]
        'machine qpu has no such setting; take machine annealing, mean-field or chip'
    """
    lacks: dict[str, str] = {}
    for part, own in chosen(settings).items():
        registry = PARTS[part]
        name = settings.get(part, CHOSEN[part])
        others = {field for model in registry.models().values() for field in model.model_fields}
        lacks |= {
            field: f"{part} {name} has no such setting; take {part} {either(registry.having(field))}"
            for field in others - own.model_fields.keys()
        }
        lacks |= left_out(part, name)
    return lacks


def left_out(part: str, name: str) -> dict[str, str]:
    """The settings that a part leaves without effect, and why."""
    models = PARTS[part].models()
    return {
        setting: f"{part} {name} has {why}; take {part}"
        f" {either(other for other, model in models.items() if setting not in model.without)}"
        for setting, why in PARTS[part].load(name).without.items()
    }
