"""Settings of a training run: everything that decides its result, and nothing that does not.

`TrainConfig` has the settings of the run itself. Those of its parts, the network and the machine, are fields
of the parts' own models (`ising_ep.settings`).
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, get_args

from pydantic import BeforeValidator, Field, SerializationInfo, model_serializer, model_validator
from pydantic import SerializerFunctionWrapHandler as Serializer

from ..checks import check_mapping, check_step, is_levels, short
from ..datasets import LOADERS, NAMES
from ..datasets.described import describe_folders, describe_sources
from ..machines.settings import MachineSettings
from ..network import Statistic
from ..network.settings import NETWORKS, NetworkSettings
from ..printable import either
from ..settings import AtLeastOne, NotNegative, PartSettings, Positive, Seed, Settings, Shown, shown
from .choices import CHOSEN, PARTS, chosen, lacking, left_out
from .means import RATES, check_means

Optimizer = Literal["sgd", "adam"]
"""Name of an optimizer: plain steps (`learning.SGD`) or Adam's (`learning.Adam`)."""
OPTIMIZERS: tuple[Optimizer, ...] = get_args(Optimizer)
Decay = Literal["constant", "cosine"]
"""Name of the way in which learning rates fall over the epochs: not at all, or along a cosine to 0."""
DECAYS: tuple[Decay, ...] = get_args(Decay)

# Settings of data sets that need others than the paper's.
DEFAULTS: dict[str, dict[str, Any]] = {
    name: dict(loader.settings) for name, loader in LOADERS.items() if loader.settings
}

_IMAGES, _NETWORK, _LEARNING, _MACHINE = map(Shown, ("Images", "Network", "Learning", "Machine"))


def _built(given: Any) -> Any:
    """The settings of a part, of its model and what is given for it."""
    if isinstance(given, PartSettings):
        return given
    model, settings = given
    return model(**settings)


class TrainConfig(Settings):
    """The settings of a run; the defaults are the paper's for 784-120-40 on MNIST/100.

    All settings are keywords, those of the network and of the machine too, and are read as attributes. A
    setting that the machine or the network does not have is refused when it is given, be it with a default;
    it may be given as None, and reads as None.

    Attributes:
        network_settings: The settings of the network.
        machine_settings: The settings of the machine.

    Example:
        >>> config = TrainConfig(dataset="mnist", layers=(120, 40), machine="oscillator", gain=0.4)
        >>> config.nudge, config.num_steps, config.num_sweeps
        (5.0, 200, None)
    """

    dataset: Annotated[
        str,
        Field(description=f"{', '.join(NAMES)}, or FILE.npz."),
        Shown("Images", metavar="NAME", ending=".npz"),
    ] = "digits"
    data_dir: Annotated[
        str | None,
        Field(description=f"Folder of a data set's files. {describe_folders()}."),
        Shown("Images", describe_sources(), file=True),
    ] = None
    train_per_class: Annotated[
        AtLeastOne | None,
        Field(description="Use the first N training images of each class."),
        Shown("Images", "all"),
    ] = None
    test_per_class: Annotated[
        AtLeastOne | None,
        Field(description="Use the first N test images of each class."),
        Shown("Images", "all"),
    ] = None
    network: Annotated[str, _NETWORK] = CHOSEN["network"]
    epochs: Annotated[
        AtLeastOne, Field(description="Times that all training images are learned from."), _LEARNING
    ] = 50
    batch_size: Annotated[AtLeastOne, Field(description="Images an update."), _LEARNING] = 1
    nudge: Annotated[
        float, Field(allow_inf_nan=False, description="Strength beta of the nudge."), _LEARNING
    ] = 5.0
    symmetric: Annotated[
        bool,
        Field(description="Compare nudges of the error by +beta and -beta, not a nudge and none."),
        _LEARNING,
    ] = False
    statistic: Annotated[
        Statistic,
        Field(
            description="Learn from the lowest read, the average of all, or that of the means of spins given"
            " their neighbours."
        ),
        _LEARNING,
    ] = "lowest"
    learning_rate: Annotated[Positive, Field(description="Step of the weights."), _LEARNING] = 0.01
    bias_learning_rate: Annotated[Positive, Field(description="Step of the biases."), _LEARNING] = 0.001
    coupling_learning_rate: Annotated[
        Positive | None,
        Field(description="Step of the weights between spins."),
        Shown("Learning", "as --learning-rate"),
    ] = None
    optimizer: Annotated[
        Optimizer, Field(description="How weights follow the contrast of the phases."), _LEARNING
    ] = "sgd"
    decay: Annotated[
        Decay, Field(description="Rates over the epochs: constant, or along a cosine to 0."), _LEARNING
    ] = "constant"
    weight_decay: Annotated[
        NotNegative, Field(description="Weights lose it, times their rate, an update."), _LEARNING
    ] = 0.0
    weight_bits: Annotated[
        int | None,
        Field(ge=2, le=16, description="Bits of each weight and bias on the machine, from -1 to 1."),
        Shown("Learning", "not rounded"),
    ] = None
    weight_noise: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            allow_inf_nan=False,
            description="Errors (s.d.) of weights and biases on the machine, anew in each batch.",
        ),
        _LEARNING,
    ] = 0.0
    centre: Annotated[
        bool, Field(description="Learn from images less their mean; the network stays as it is."), _LEARNING
    ] = False
    standardise: Annotated[
        bool,
        Field(
            description="Learn from images less their mean, over the standard deviation of a pixel; the"
            " network stays as it is."
        ),
        _LEARNING,
    ] = False
    shift: Annotated[
        int,
        Field(ge=0, lt=2**10, description="Move images by up to so many pixels while learning."),
        _LEARNING,
    ] = 0
    flip: Annotated[
        bool, Field(description="Mirror images left to right by chance while learning."), _LEARNING
    ] = False
    mean_field_epochs: Annotated[
        int,
        Field(
            ge=0,
            description="First epochs, of means in place of spins, without the machine; less than --epochs.",
        ),
        _LEARNING,
    ] = 0
    mean_field_nudge: Annotated[
        float | None,
        Field(allow_inf_nan=False, description="Strength beta of their nudge."),
        Shown("Learning", "as --nudge"),
    ] = None
    mean_field_beta: Annotated[
        Positive | None,
        Field(description="Their inverse temperature."),
        Shown("Learning", "the machine's, where it has a setting, or 1"),
    ] = None
    mean_field_sweeps: Annotated[
        tuple[AtLeastOne, AtLeastOne],
        Field(description="Their sweeps of a free phase and of a nudge."),
        Shown("Learning", metavar="FREE NUDGE"),
    ] = (20, 10)
    mean_field_rate: Annotated[
        Positive,
        Field(description="Factor of the learning rates in them. Rates decay over them, then over the rest."),
        _LEARNING,
    ] = 1.0
    # Fields have the chip's range on every machine, so that what was learned on one fits the others.
    field_limit: Annotated[
        Positive, Field(description="Size that fields are clipped to."), Shown(option=False)
    ] = 4.0
    seed: Annotated[Seed, Field(description="Seed of everything random."), _LEARNING] = 0
    machine: Annotated[str, _MACHINE] = CHOSEN["machine"]
    network_settings: Annotated[NetworkSettings, BeforeValidator(_built)] = Field(init=False)
    machine_settings: Annotated[MachineSettings, BeforeValidator(_built)] = Field(init=False)

    if TYPE_CHECKING:
        # The settings of the parts are keywords too, which no field declares.
        def __init__(self, **settings: Any) -> None: ...

    @model_validator(mode="before")
    @classmethod
    def _sort_by_part(cls, given: Any) -> Any:
        """Puts the settings of the parts together, and refuses those that none of these parts has."""
        if not isinstance(given, Mapping):
            return given
        own = {name: value for name, value in given.items() if name in OWN}
        rest = {name: value for name, value in given.items() if name not in OWN}
        for part, model in chosen(own).items():
            names = model.model_fields.keys() & rest.keys()
            own[f"{part}_settings"] = model, {name: rest.pop(name) for name in names}
        lacks = lacking(own) if rest else {}
        for name, value in rest.items():
            if name in lacks and value is not None:
                raise ValueError(f"{name} is {value}, but {lacks[name]}")
            if name in own:
                raise ValueError(f"{name} is {short(value)}, but there is no such setting")
        return own | {name: value for name, value in rest.items() if name not in lacks}

    @model_validator(mode="after")
    def _fits(self) -> Self:
        check_step(self.nudge, *(getattr(self, rate) or 0 for rate in RATES))
        check_means(self)
        levels = self.machine_settings.levels
        if not is_levels(levels):
            raise ValueError(
                f"machine {self.machine} has levels {levels!r}, expected a tuple of two integers, the lower"
                " one first"
            )
        if levels not in self.network_settings.levels:
            low, high = levels
            others = [name for name, model in NETWORKS.models().items() if levels in model.levels]
            raise ValueError(
                f"network is {self.network}, but machine {self.machine} has neurons of {low} and {high};"
                f" take network {either(others)}"
            )
        return self

    def unused(self) -> Mapping[str, str]:
        """See `Settings.unused`: what the parts leave without effect."""
        parts = {"network": self.network_settings, "machine": self.machine_settings}
        found: dict[str, str] = {}
        for part, settings in parts.items():
            found |= {name: why for name, why in left_out(part, getattr(self, part)).items() if name in OWN}
            found |= settings.idle()
        if not self.mean_field_epochs:
            of_means = (
                name for name in OWN if name.startswith("mean_field_") and name != "mean_field_epochs"
            )
            found |= dict.fromkeys(of_means, "mean_field_epochs is 0")
        if self.standardise:
            found["centre"] = "standardise centres images too"
        return found

    @model_serializer(mode="wrap")
    def _leave_out_unused(self, serialize: Serializer, info: SerializationInfo) -> dict[str, Any]:
        unused = self.unused()
        own = {name: value for name, value in serialize(self).items() if name in OWN and name not in unused}
        parts = (self.network_settings, self.machine_settings)
        return own | {
            name: value for part in parts for name, value in part.model_dump(mode=info.mode).items()
        }

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        parts = [
            self.__dict__[part] for part in ("network_settings", "machine_settings") if part in self.__dict__
        ]
        for part in parts:
            if name in type(part).model_fields:
                return getattr(part, name)
        if parts and any(registry.having(name) for registry in PARTS.values()):
            return None  # as good as not given
        raise AttributeError(f"{type(self).__name__} has no setting {name}")

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with other values, which are not checked; those of the parts are named alike."""
        changes = dict(update or {})
        for part in ("network_settings", "machine_settings"):
            settings = getattr(self, part)
            names = changes.keys() & type(settings).model_fields.keys()
            if names:
                changes[part] = settings.model_copy(update={name: changes.pop(name) for name in names})
        return super().model_copy(update=changes, deep=deep)

    def located(self) -> Self:
        """The same settings, with absolute paths of the files that they name."""
        fields = dict(type(self).model_fields)
        for part in (self.network_settings, self.machine_settings):
            fields |= type(part).model_fields
        values = {name: getattr(self, name) for name, field in fields.items()}
        paths = {name: value for name, value in values.items() if shown(fields[name]).is_path(value)}
        return self.model_copy(update={name: os.path.abspath(value) for name, value in paths.items()})

    @property
    def epochs_on_machine(self) -> int:
        """Epochs of the machine itself, not of means in its place."""
        return self.epochs - self.mean_field_epochs

    def of_means(self) -> Self:
        """The settings of the epochs of means: their own nudge, if they have one, and their rates."""
        nudge = self.nudge if self.mean_field_nudge is None else self.mean_field_nudge
        rates = {name: rate * self.mean_field_rate for name in RATES if (rate := getattr(self, name))}
        return self.model_copy(update={"nudge": nudge} | rates)

    def of_tests(self) -> Self:
        """The settings of the free phases of tests: those of the machine, and no mean image, which only
        learning needs."""
        learning = {"centre": False, "standardise": False}
        return self.model_copy(update={"machine_settings": self.machine_settings.of_tests(), **learning})

    @classmethod
    def checked(cls, settings: Mapping[str, Any]) -> Self:
        """A config from ``settings``, with the defaults of its data set and parts for what they leave out.

        Raises:
            ValueError: One line for all that is wrong.

        Example:
            None leaves out what a preset has and the machine has not.

            >>> from ising_ep.config import preset
            >>> given = preset("mnist-100") | {"machine": "chip", "test_reads": None, "beta_range": None}
            >>> TrainConfig.checked(given).num_sweeps
            30
        """
        given = cls.given_of(settings)
        return super().checked(usual(given) | given)

    @classmethod
    def setting_names(cls) -> Collection[str]:
        """Names of the settings of the run itself and of all parts that there are."""
        models = (model for registry in PARTS.values() for model in registry.models().values())
        return OWN.union(*(model.model_fields for model in models))

    @classmethod
    def recorded(cls, settings: Mapping[str, Any]) -> Self:
        """The config of a run that was kept: `checked`, but what has no effect beside the rest may be there.

        Earlier versions wrote it, as it is by default.

        Raises:
            ValueError: As `checked`.
            MissingExtraError: If a part is of a package that is not installed.
        """
        check_mapping(settings)
        for part, registry in PARTS.items():
            if isinstance(name := settings.get(part), str):
                registry.require(name)
        lacks, expected = lacking(settings), usual(settings)
        fields = {name: cls.model_fields[name] for name in OWN}
        for model in chosen(settings).values():
            fields |= model.model_fields

        def says_nothing(name: str, value: Any) -> bool:
            """Tells whether the setting has the value that it would have if it were not given."""
            if name in lacks:
                return _is_default(name, value)
            return name in fields and name not in expected and _plain(value) == fields[name].default

        kept = {name: value for name, value in settings.items() if not says_nothing(name, value)}
        return cls(**expected | kept)


# Names of the settings of the run itself.
OWN = TrainConfig.model_fields.keys() - {f"{part}_settings" for part in PARTS}


def usual(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The defaults that a run has from its data set and its parts in place of the class's.

    Example:
        >>> usual({"dataset": "patterns", "network": "convolutional", "machine": "chip"})
        {'epochs': 20, 'learning_rate': 0.1, 'chain_strength': 2.0}
    """
    parts = chosen(settings)
    found = dict(DEFAULTS.get(str(settings.get("dataset", TrainConfig.model_fields["dataset"].default)), {}))
    has = set(OWN)
    for model in parts.values():
        found |= model.defaults
        has |= model.model_fields.keys()
    for model in parts.values():
        has -= model.without.keys()
    return {name: value for name, value in found.items() if name in has}


def _is_default(name: str, value: Any) -> bool:
    """Tells whether a value, as JSON has it, is one that the setting has by default somewhere."""
    fields = [
        TrainConfig.model_fields,
        *(m.model_fields for r in PARTS.values() for m in r.models().values()),
    ]
    found = [of[name].default for of in fields if name in of]
    found += [usual[name] for usual in DEFAULTS.values() if name in usual]
    return _plain(value) in found


def _plain(value: Any) -> Any:
    """A value as a field has it, where JSON has a list."""
    return tuple(value) if isinstance(value, list) else value
