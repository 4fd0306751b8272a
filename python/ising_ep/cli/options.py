"""Options that are settings of a run: what they take and their defaults are those of `TrainConfig`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin

import click

from ..config import DEFAULTS, MACHINE_DEFAULTS, MISSING, NETWORK_DEFAULTS, TrainConfig
from ..datasets import NAMES
from .help import Option
from .loading import describe_folders, describe_sources

F = TypeVar("F", bound=Callable[..., Any])

option = partial(click.option, cls=Option)


class About(NamedTuple):
    """What the help says of a setting.

    ``unset`` is the default in words where there is no number for it, ``more`` what else click is told.
    """

    title: str
    text: str
    unset: str | None = None
    more: dict[str, Any] | None = None


_PATH = {"type": click.Path()}
SETTINGS = {
    "dataset": About("Images", f"{', '.join(NAMES)}, or FILE.npz.", more={"metavar": "NAME"}),
    "data_dir": About(
        "Images", f"Folder of a data set's files. {describe_folders()}.", describe_sources(), _PATH
    ),
    "train_per_class": About("Images", "Use the first N training images of each class.", "all"),
    "test_per_class": About("Images", "Use the first N test images of each class.", "all"),
    "network": About(
        "Network", "Layers, or the paper's convolutional network of 40 spins, for images of -1 and +1."
    ),
    "layers": About("Network", "Spins of hidden layers and outputs.", more={"metavar": "N,N,..."}),
    "epochs": About("Learning", "Times that all training images are learned from."),
    "batch_size": About("Learning", "Images an update."),
    "nudge": About("Learning", "Strength beta of the nudge."),
    "symmetric": About("Learning", "Compare nudges of the error by +beta and -beta, not a nudge and none."),
    "statistic": About("Learning", "Learn from the lowest read, or from the average of all."),
    "learning_rate": About("Learning", "Step of the weights."),
    "bias_learning_rate": About("Learning", "Step of the biases."),
    "coupling_learning_rate": About("Learning", "Step of the weights between spins.", "as --learning-rate"),
    "optimizer": About("Learning", "How weights follow the contrast of the phases."),
    "decay": About("Learning", "Rates over the epochs: constant, or along a cosine to 0."),
    "weight_decay": About("Learning", "Weights lose it, times their rate, an update."),
    "centre": About("Learning", "Learn from images less their mean; the network stays as it is."),
    "shift": About("Learning", "Move images by up to so many pixels while learning."),
    "seed": About("Learning", "Seed of everything random."),
    "machine": About(
        "Machine",
        "annealing; deterministic: binary neurons that relax; analog, coherent, oscillator: amplitudes,"
        " pulses of light or phases that flow; chip: a model of a D-Wave chip; qpu: the solver that"
        " dwave-cloud-client's configuration chooses.",
    ),
    "num_reads": About("Machine", "Anneals of a phase."),
    "num_sweeps": About("Machine", "Sweeps of a forward anneal."),
    "beta_range": About("Machine", "First and last inverse temperature.", more={"metavar": "HOT COLD"}),
    "reverse_fraction": About("Machine", "Where the reverse anneal turns."),
    "test_reads": About("Machine", "Reads of an image in tests; not on a chip.", "as --num-reads"),
    "free_steps": About("Machine", "Steps of a relaxation from rest."),
    "nudge_steps": About("Machine", "Steps of a nudged relaxation."),
    "num_steps": About("Machine", "Steps of analog, coherent, oscillator."),
    "gain": About("Machine", "Of their couplings, a step."),
    "noise_range": About("Machine", "Of their first and last step.", more={"metavar": "FIRST LAST"}),
    "chip": About(
        "Chip", "As pegasus:16, zephyr:12, chimera:16, or a .json of a solver's.", more={"metavar": "CHIP"}
    ),
    "chip_missing": About("Chip", "Fraction of its qubits missing.", f"{MISSING:g}; a solver's 0"),
    "chip_seed": About("Chip", "Which qubits are missing."),
    "copies": About("Chip", "Copies of the network on the chip.", "as a batch can use, and fit"),
    "embedding": About("Chip", "JSON file of an embedding, as `ising-ep embed` writes it.", "found", _PATH),
    "chain_strength": About("Chip", "Coupling within chains."),
    "annealing_time": About("Chip", "Microseconds of a forward anneal."),
    "chip_model": About("Chip", "What anneals on its model: thermal sweeps, or quantum path integrals."),
    "chip_noise": About("Chip", "Standard errors of its model's h and J.", more={"metavar": "H J"}),
    "chip_temperature": About("Chip", "Of its model, in mK."),
}

threads_option = option(
    "--threads",
    type=click.IntRange(1),
    help="Threads; never changes the result.  [default: all cores]",
    title="Run",
)


def settings(*names: str) -> Callable[[F], F]:
    """Options for these settings, in this order."""

    def decorate(command: F) -> F:
        for name in reversed(names):
            command = _setting(name)(command)
        return command

    return decorate


def _setting(name: str) -> Callable[[F], F]:
    title, text, unset, more = SETTINGS[name]
    field = TrainConfig.model_fields[name]
    flag = f"--{name.replace('_', '-')}"
    taken: dict[str, Any] = {"type": _taken(field.annotation)}
    if get_origin(field.annotation) is Literal:
        taken["metavar"] = choices(get_args(field.annotation))
    if field.annotation is bool:
        flag, taken = f"{flag}/--no-{flag.removeprefix('--')}", {"default": None}
    return option(
        flag, help=f"{text}  [default: {unset or default(name)}]", title=title, **(taken | (more or {}))
    )


def default(name: str) -> str:
    """The default of a setting, and those of the data sets, networks and machines that have another.

    Example:
        >>> default("num_sweeps")
        '100; chip 800'
    """
    others = {
        key: found[name]
        for table in (DEFAULTS, NETWORK_DEFAULTS, MACHINE_DEFAULTS)
        for key, found in table.items()
        if name in found
    }
    words = ", ".join(f"{key} {_shown(value)}" for key, value in others.items())
    return "; ".join(filter(None, (_shown(TrainConfig.model_fields[name].default), words)))


def _shown(value: Any) -> str:
    """A value as it is typed."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ("," if isinstance(value[0], int) else " ").join(map(_shown, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _taken(annotation: Any) -> Any:
    """What click makes of the text of an option, for a setting of this type; bounds are the setting's."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Annotated, Union, UnionType):  # with bounds, or None if not given
        return _taken(arguments[0])
    if origin is tuple:
        return layer_sizes if Ellipsis in arguments else tuple(map(_taken, arguments))
    return str if origin is Literal else annotation


def choices(names: Iterable[str]) -> str:
    """What an option takes, for the help; what else is given is refused by the setting, in its own words.

    Example:
        >>> choices(["sgd", "adam"])
        '[sgd|adam]'
    """
    return f"[{'|'.join(names)}]"


def layer_sizes(text: str | tuple[int, ...]) -> tuple[int, ...]:
    """Layer sizes as 120,40."""
    if isinstance(text, tuple):
        return text
    try:
        return tuple(int(size) for size in text.split(","))
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a list of layer sizes such as 120,40") from None
