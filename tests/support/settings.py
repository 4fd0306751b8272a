"""All settings that there are, of runs and of their parts, for tests that go through them."""

from ising_ep.config import OWN, PARTS, TrainConfig


def defaults_of_all():
    """The default of each setting: the run's, or that of the first part that has it."""
    found = {name: TrainConfig.model_fields[name].default for name in TrainConfig.model_fields if name in OWN}
    for registry in PARTS.values():
        for model in registry.models().values():
            for name, field in model.model_fields.items():
                found.setdefault(name, field.default)
    return found


DEFAULTS_OF_ALL = defaults_of_all()
