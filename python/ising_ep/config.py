"""Settings of a training run: everything that decides its result, and nothing that does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    ValidationError,
    model_serializer,
    model_validator,
)

Optimizer = Literal["sgd", "adam"]
OPTIMIZERS: tuple[Optimizer, ...] = get_args(Optimizer)
Decay = Literal["constant", "cosine"]
DECAYS: tuple[Decay, ...] = get_args(Decay)

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
AtLeastOne = Annotated[int, Field(ge=1, lt=2**31)]

# Where a data set needs other settings than the paper's.
DEFAULTS: dict[str, dict[str, Any]] = {
    # Small images, few of them lit: the paper's steps overshoot, and one read a phase is a noisy teacher.
    "digits": {"epochs": 15, "learning_rate": 0.002, "statistic": "average"},
    "patterns": {"layers": (8, 4), "epochs": 20, "learning_rate": 0.1},
}

# And where a machine does.
MACHINE_DEFAULTS: dict[str, dict[str, Any]] = {
    # Single updates of a chip's qubits turn chains slowly.
    "chip": {"num_sweeps": 800},
    # A tenth of the steps that the paper's code names. Those move an output's drive by more than beta, the
    # reach of the nudge, in one update: driven below threshold - beta / 2 it cannot be turned on again.
    "deterministic": {
        "nudge": 2.0,
        "learning_rate": 0.01,
        "bias_learning_rate": 0.01,
        "statistic": "lowest",
    },
    "coherent": {"gain": 0.9, "noise_range": (0.2, 0.0)},
    # Phases are slow to leave where nothing turns them; with more gain they overshoot where |h| = 4.
    "oscillator": {"num_steps": 200, "gain": 0.5, "noise_range": (0.6, 0.0)},
}
# The paper's chain strength for this network.
NETWORK_DEFAULTS: dict[str, dict[str, Any]] = {"convolutional": {"chain_strength": 2.0}}

# All settings of a task at once: what docs/learning.md found best on held-out training images.
_AVERAGES: dict[str, Any] = {
    "dataset": "mnist",
    "statistic": "average",
    "optimizer": "adam",
    "decay": "cosine",
    "learning_rate": 0.003,
    "bias_learning_rate": 0.003,
    "centre": True,
    "nudge": 4.0,
    "num_reads": 4,
    "num_sweeps": 30,
    "beta_range": (0.3, 4.0),
    "reverse_fraction": 0.5,
    "test_reads": 20,
    "weight_decay": 0.1,
}
_MNIST = _AVERAGES | {"epochs": 24, "batch_size": 50, "shift": 1, "coupling_learning_rate": 0.0015}
PRESETS: dict[str, dict[str, Any]] = {
    "mnist": _MNIST,
    # Twice the hidden spins, so half the rate of the couplings that add up in an output.
    "mnist-wide": _MNIST | {"layers": (240, 40), "epochs": 40, "coupling_learning_rate": 0.00075},
    # A thousand images: more passes, smaller batches, larger shifts; and symmetric nudges, which gain less
    # than two standard errors on all images.
    "mnist-100": _AVERAGES
    | {
        "train_per_class": 100,
        "test_per_class": 10,
        "epochs": 200,
        "batch_size": 20,
        "shift": 2,
        "symmetric": True,
    },
}

# What is missing of a chip that no solver describes, unless the run says so.
MISSING = 0.02

# What only these machines have, and what the others have in its place.
MODEL_SETTINGS = ("chip", "chip_missing", "chip_seed", "chip_model", "chip_noise", "chip_temperature")
CHIP_SETTINGS = ("chain_strength", "annealing_time", "copies", "embedding")
ANNEAL_SETTINGS = ("num_reads", "reverse_fraction", "statistic", "field_limit")
RELAXATION_SETTINGS = ("free_steps", "nudge_steps")
DYNAMICAL_SETTINGS = ("num_steps", "gain", "noise_range")
DYNAMICAL = ("analog", "coherent", "oscillator")
_OF_MACHINES: tuple[tuple[tuple[str, ...], tuple[str, ...], str], ...] = (
    (MODEL_SETTINGS, ("chip",), "no model of a chip; take machine chip"),
    (CHIP_SETTINGS, ("chip", "qpu"), "no chip; take machine chip or qpu"),
    (("num_sweeps", "beta_range"), ("annealing", "chip"), "no sweeps; take machine annealing or chip"),
    (ANNEAL_SETTINGS, ("annealing", *DYNAMICAL, "chip", "qpu"), "no anneals; take another machine"),
    (RELAXATION_SETTINGS, ("deterministic",), "no steps; take machine deterministic"),
    (("test_reads",), ("annealing", *DYNAMICAL), "the same reads in tests; take machine annealing"),
    (DYNAMICAL_SETTINGS, DYNAMICAL, f"no such dynamics; take one of {', '.join(DYNAMICAL)}"),
)
# What the convolutional network has in place of these.
_CONVOLUTIONAL = "network convolutional, which takes images of -1 and +1, has"
_OF_LAYERS = {
    "layers": f"{_CONVOLUTIONAL} layers of its own; take network layers",
    "bias_learning_rate": f"{_CONVOLUTIONAL} no biases; take network layers",
}

# Far above any step that learns, far below what overflows single precision.
MAX_STEP = 1e6


class TrainConfig(BaseModel):
    """The settings of a run; the defaults are the paper's for 784-120-40 on MNIST/100.

    What the machine or the network does not have is refused when it is given, be it the default, and left out
    of `model_dump`. None is as good as not given.

    Example:
        >>> TrainConfig(dataset="mnist", layers=(120, 40), seed=3).nudge
        5.0
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str = "digits"
    data_dir: str | None = None
    train_per_class: AtLeastOne | None = None
    test_per_class: AtLeastOne | None = None
    network: Literal["layers", "convolutional"] = "layers"
    layers: Annotated[tuple[AtLeastOne, ...], Field(min_length=1)] = (120, 40)
    epochs: AtLeastOne = 50
    batch_size: AtLeastOne = 1
    num_reads: AtLeastOne = 10
    num_sweeps: AtLeastOne = 100
    nudge: Annotated[float, Field(allow_inf_nan=False)] = 5.0
    symmetric: bool = False
    learning_rate: Positive = 0.01
    bias_learning_rate: Positive = 0.001
    coupling_learning_rate: Positive | None = None
    optimizer: Optimizer = "sgd"
    decay: Decay = "constant"
    weight_decay: NotNegative = 0.0
    centre: bool = False
    shift: Annotated[int, Field(ge=0, lt=2**10)] = 0
    test_reads: AtLeastOne | None = None
    reverse_fraction: Annotated[float, Field(ge=0, le=1)] = 0.25
    beta_range: tuple[Positive, Positive] = (0.5, 20.0)
    statistic: Literal["lowest", "average"] = "lowest"
    field_limit: Positive = 4.0
    seed: Annotated[int, Field(ge=0, lt=2**62)] = 0
    machine: Literal["annealing", "deterministic", "analog", "coherent", "oscillator", "chip", "qpu"] = (
        "annealing"
    )
    free_steps: AtLeastOne = 20
    nudge_steps: AtLeastOne = 10
    num_steps: AtLeastOne = 100
    gain: Positive = 1.0
    noise_range: tuple[NotNegative, NotNegative] = (0.8, 0.0)
    chip: str = "pegasus:16"
    chip_missing: Annotated[float, Field(ge=0, lt=1)] | None = None
    chip_seed: Annotated[int, Field(ge=0, lt=2**62)] = 0
    chip_model: Literal["thermal", "quantum"] = "thermal"
    chip_noise: tuple[NotNegative, NotNegative] = (0.02, 0.015)
    chip_temperature: Positive = 15.0
    chain_strength: NotNegative = 1.0
    annealing_time: Positive = 20.0
    copies: AtLeastOne | None = None
    embedding: str | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        check_step(self.nudge, self.learning_rate, self.bias_learning_rate, self.coupling_learning_rate or 0)
        given = {name for name in self.model_fields_set if getattr(self, name) is not None}
        for name, why in lacking(dict(self)).items():
            if name in given:
                raise ValueError(f"{name} is {getattr(self, name)}, but {why}")
        if self.machine == "deterministic" and self.network != "layers":
            raise ValueError(
                f"network is {self.network}, of spins, but machine deterministic has neurons of 0 and 1;"
                " take network layers"
            )
        if self.network == "convolutional" and (self.centre or self.shift):
            raise ValueError("network is convolutional, which holds pixels of -1 and +1: no centre, no shift")
        if len(self.layers) == 1 and self.network == "layers" and self.coupling_learning_rate is not None:
            raise ValueError(
                f"coupling_learning_rate is {self.coupling_learning_rate}, but layers {self.layers} have no"
                " weights between spins"
            )
        if self.copies is not None and self.embedding is not None:
            raise ValueError(
                f"copies is {self.copies}, but the file {self.embedding} says how many there are"
            )
        if self.beta_range[0] > self.beta_range[1]:
            raise ValueError(f"beta_range is {self.beta_range}, expected the hot end first, 0 < hot <= cold")
        return self

    @model_serializer(mode="wrap")
    def _without_what_is_lacking(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        lacks = lacking(dict(self))
        return {name: value for name, value in serialize(self).items() if name not in lacks}

    @property
    def missing(self) -> float:
        """Fraction of a modelled chip's qubits that are missing; a solver's own are missing already."""
        return _missing(self.chip, self.chip_missing)

    def of_tests(self) -> Self:
        """The settings of the free phases of tests: with ``test_reads``, if there are such, and no centre,
        which only learning needs."""
        reads = self.test_reads or self.num_reads
        return self.model_copy(update={"num_reads": reads, "test_reads": None, "centre": False})

    @classmethod
    def checked(cls, settings: dict[str, Any]) -> Self:
        """A config from ``settings``, with the defaults of its data set and machine for what they leave out.

        Raises:
            ValueError: One line for all that is wrong.

        Example:
            None leaves out what a preset has and the machine has not.

            >>> given = preset("mnist-100") | {"machine": "chip", "test_reads": None, "beta_range": None}
            >>> TrainConfig.checked(given).num_sweeps
            30
        """
        return cls._completed({name: value for name, value in settings.items() if value is not None})

    @classmethod
    def recorded(cls, settings: dict[str, Any]) -> Self:
        """The config of a run that was kept: `checked`, but that what its machine or network lacks may be
        there as it is by default: earlier versions wrote it.

        Raises:
            ValueError: As `checked`.
        """
        lacks = lacking(settings)
        usual = TypeAdapter(dict[str, Any]).dump_python(_usual(settings), mode="json")
        return cls._completed({k: v for k, v in settings.items() if k not in lacks or v != usual.get(k)})

    @classmethod
    def _completed(cls, settings: dict[str, Any]) -> Self:
        try:
            return cls(**(_defaults(settings) | settings))
        except ValidationError as error:
            raise ValueError("; ".join(_line(problem) for problem in error.errors())) from None


def lacking(settings: Mapping[str, Any]) -> dict[str, str]:
    """The settings that a machine, a network or a chip does not have, and what it has instead.

    Args:
        settings: Some of a run's or all; what is left out is as by default.

    Example:
        >>> lacking({"machine": "qpu"})["num_sweeps"]
        'machine qpu has no sweeps; take machine annealing or chip'
    """
    machine, network = _machine_and_network(settings)
    lacks = {
        name: f"machine {machine} has {instead}"
        for names, machines, instead in _OF_MACHINES
        if machine not in machines
        for name in names
    }
    if machine == "chip":
        lacks["beta_range"] = "machine chip has a temperature, chip_temperature; take machine annealing"
        if _missing(str(settings.get("chip")), settings.get("chip_missing")) == 0:
            lacks["chip_seed"] = "no qubits of this chip are missing by chance; take a chip_missing"
    if network == "convolutional":
        lacks |= _OF_LAYERS
    return lacks


def _missing(chip: str, given: float | None) -> float:
    if given is None:
        return 0.0 if chip.endswith(".json") else MISSING
    return given


def _machine_and_network(settings: Mapping[str, Any]) -> tuple[str, str]:
    machine, network = (
        str(settings.get(name, TrainConfig.model_fields[name].default)) for name in ("machine", "network")
    )
    return machine, network


def _usual(settings: Mapping[str, Any]) -> dict[str, Any]:
    """All settings as they are by default, of the data set, network and machine of these."""
    machine, network = _machine_and_network(settings)
    fields = TrainConfig.model_fields
    usual = {name: field.default for name, field in fields.items()}
    usual |= DEFAULTS.get(str(settings.get("dataset", fields["dataset"].default)), {})
    if machine in ("chip", "qpu"):
        usual |= NETWORK_DEFAULTS.get(network, {})
    return usual | MACHINE_DEFAULTS.get(machine, {})


def _defaults(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those that differ from the class's, of what the machine and the network have."""
    lacks, fields = lacking(settings), TrainConfig.model_fields
    return {
        name: value
        for name, value in _usual(settings).items()
        if name not in lacks and value != fields[name].default
    }


def preset(name: str) -> dict[str, Any]:
    """The settings of a preset, to be changed and given to `TrainConfig.checked`.

    Raises:
        ValueError: If there is no such preset.

    Example:
        >>> TrainConfig.checked(preset("mnist") | {"epochs": 2}).optimizer
        'adam'
    """
    if name not in PRESETS:
        raise ValueError(f"preset is {name!r}, expected one of {', '.join(PRESETS)}")
    return PRESETS[name]


def check_step(nudge: float, *learning_rates: float) -> None:
    """Refuses a nudge of 0, and steps that overflow.

    Raises:
        ValueError: If they do.
    """
    if nudge == 0:
        raise ValueError("nudge is 0, expected another number")
    step = max(learning_rates, default=0.0) / abs(nudge)
    if step > MAX_STEP:
        raise ValueError(f"the largest learning rate over nudge is {step:g}, expected at most {MAX_STEP:g}")


def _line(problem: Any) -> str:
    """One of pydantic's problems, as: name is value, what was expected."""
    name = ".".join(str(part) for part in problem["loc"])
    text = problem["msg"].removeprefix("Value error, ")
    return f"{name} is {problem['input']!r}: {text}" if name else text
