"""Names that the settings of other packages must not have, since they mean something else already."""

from __future__ import annotations

from collections.abc import Mapping

from ..machines.settings import MACHINES
from ..network.settings import NETWORKS
from ..settings import PartSettings
from .choices import PARTS
from .run import TrainConfig

# Names of the options of commands that are no settings of a run. Those of a QPU are kept for it.
COMMANDS = (
    *("help", "version", "threads", "out", "resume", "checkpoint_every", "scheduler", "preset"),
    "settings_file",
    *("max_qpu_time", "when_offline", "answer_timeout", "seconds_per_call"),
    *("image", "method", "cache", "picture", "force"),
)


def _names_of_run() -> set[str]:
    """Names that mean something in the settings of a run already, with the options that switch one off."""
    switches = {f"no_{name}" for name, field in TrainConfig.model_fields.items() if field.annotation is bool}
    return {*dir(TrainConfig), *TrainConfig.model_fields} | switches


def _names_of(models: Mapping[str, type[PartSettings]]) -> set[str]:
    """Names of the settings that models have."""
    return {name for model in models.values() for name in model.model_fields}


def reserve_names() -> None:
    """Refuses settings of these names in models of other packages.

    A name is a setting of one part alone: ours come first, then those of other packages' networks.
    """
    for registry in PARTS.values():
        registry.reserve("the run", _names_of_run)
        registry.reserve("the command", lambda: COMMANDS)
    NETWORKS.reserve("a machine", lambda: _names_of(MACHINES.own_models()))
    MACHINES.reserve("a network", lambda: _names_of(NETWORKS.models()))
