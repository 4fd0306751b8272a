"""The network, the machine and the learning rule that the settings of a run describe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ..checks import threads
from ..chip import Chip
from ..config import TrainConfig
from ..datasets import Dataset
from ..embedding import Placed
from ..errors import StoppedError
from ..extras import MissingExtraError
from ..learning import Centred, EquilibriumPropagation, Optimizer, Programming
from ..learning.optimizers import BY_NAME
from ..machines import Machine, Work, check_machine
from ..machines.chip import ChipSettings
from ..machines.chip_model import ChipModel
from ..machines.embedded import EmbeddedSettings
from ..machines.mean_field import MeanFieldMachine
from ..network import DataForm, Network, Parameters
from ..printable import one_line
from .augment import Augment, flipped, one_after_the_other, shifted
from .fitting import check_levels, check_network, check_rule
from .parts import NONE_GIVEN, Parts

T = TypeVar("T")


def chip_of(config: TrainConfig) -> Chip:
    """The modelled chip that a run is on, less its missing qubits; a solver's own are missing already."""
    return _on_model(config).graph()


def chip_model_of(config: TrainConfig, num_threads: int | None = None) -> ChipModel:
    """The modelled chip that a run is on, ready to anneal."""
    return _on_model(config).annealer(num_threads)


def embedding_of(config: TrainConfig, network: Network, chip: Chip) -> Placed:
    """Embedding of a run's network on its chip: read from the run's file, or else found.

    It has as many copies as a batch can use, unless the run says how many.

    Raises:
        ValueError: If the machine has no chip, the network does not fit, or the file is no embedding of it.
    """
    settings = config.machine_settings
    if not isinstance(settings, EmbeddedSettings):
        raise ValueError(f"machine is {config.machine}, which has no chip")
    return settings.placed(network, chip, Work(config.batch_size))


def machine_of(
    config: TrainConfig,
    network: Network,
    *,
    num_threads: int | None = None,
    folder: Path | None = None,
    options: Mapping[str, Any] | None = None,
    **given: Any,
) -> Machine:
    """The machine of a run.

    Args:
        config: The settings.
        network: The network.
        num_threads: Threads, or None for all cores. The result does not depend on it.
        folder: Run folder in which the machine was kept; None builds it anew.
        options: As for `Work`.
        given: What the machine is built of, as far as it is there: ``annealer`` and ``embedding`` of one on a
            chip.

    Raises:
        ValueError: If the settings do not fit together, or what a settings model of another package builds is
            no machine.
    """
    work = Work(config.batch_size, num_threads, folder, options)

    def build() -> Machine:
        machine = config.machine_settings.build(network, work, **given)
        check_machine(machine)
        return machine

    return _built(f"machine {config.machine}", build)


def network_of(config: TrainConfig, form: DataForm, machine: Machine | None = None) -> Network:
    """The network that ``config`` describes, for inputs and classes of this form, as a data set has one.

    Args:
        config: Its settings.
        form: What it is made for.
        machine: Whose spins it has; None for those of the machine that ``config`` describes.

    Raises:
        ValueError: If they do not fit, or what a settings model of another package builds is no such network.
        MemoryError: If its parameters cannot fit into memory.
    """
    levels = (config.machine_settings if machine is None else machine).levels
    name = f"network {config.network}"

    def build() -> Network:
        network = config.network_settings.build(form, levels)
        check_network(network, form, name)
        return network

    return _built(name, build)


def learning_rule(
    config: TrainConfig,
    data: DataForm,
    num_threads: int | None = None,
    parts: Parts = NONE_GIVEN,
) -> EquilibriumPropagation:
    """The learning rule that ``config`` describes, for inputs and classes of ``data``.

    Args:
        config: Its settings.
        data: What it learns from: a data set, where ``config`` centres images; else a form will do.
        num_threads: As in `train`.
        parts: What stands in the place of what ``config`` describes.

    Raises:
        ValueError: If they do not fit.
        MemoryError: If the parameters cannot fit into memory.
        TypeError: If what ``parts`` makes the rule of makes something else.
    """
    return rule_of(config, data, filled_parts(config, data, num_threads, parts))


def rule_of(config: TrainConfig, data: DataForm, parts: Parts) -> EquilibriumPropagation:
    """The learning rule of parts of which none is missing but the rule (`filled_parts`)."""
    network, machine = parts.network, parts.machine
    assert network is not None
    assert machine is not None
    limit = config.field_limit if machine.field_limit is None else machine.field_limit
    make = EquilibriumPropagation if parts.rule is None else parts.rule
    rule = make(
        network=network,
        machine=machine,
        nudge=config.nudge,
        symmetric=config.symmetric,
        statistic=config.statistic,
        field_limit=limit,
        seed=config.seed,
        optimizer=optimizer_of(config, data),
    )
    check_rule(rule)
    return rule


def filled_network(config: TrainConfig, data: DataForm, num_threads: int | None, parts: Parts) -> Network:
    """The network of the parts, or the one that ``config`` describes; see `filled_parts`."""
    parts.check(config, threads(num_threads))
    network = network_of(config, data, parts.machine) if parts.network is None else parts.network
    check_network(network, data)
    return network


def filled_parts(
    config: TrainConfig,
    data: DataForm,
    num_threads: int | None = None,
    parts: Parts = NONE_GIVEN,
    folder: Path | None = None,
) -> Parts:
    """The parts, with the network and the machine that ``config`` describes where none is given.

    Args:
        config: The settings.
        data: What the network is for.
        num_threads: Of a machine that is built.
        parts: What is given.
        folder: As for `machine_of`.

    Raises:
        ValueError: If they do not fit.
        MemoryError: If the parameters cannot fit into memory.
    """
    network, machine = filled_network(config, data, num_threads, parts), parts.machine
    if machine is None:
        machine = machine_of(config, network, num_threads=num_threads, folder=folder)
    check_levels(network, machine)
    return Parts(network, machine, parts.rule)


def optimizer_of(config: TrainConfig, data: DataForm) -> Optimizer:
    """The optimizer that ``config`` describes; it may centre or scale images as those of ``data`` say.

    Raises:
        ValueError: If there are no images to do so by.
    """
    optimizer = BY_NAME[config.optimizer](
        learning_rate=config.learning_rate,
        bias_learning_rate=config.bias_learning_rate,
        coupling_learning_rate=config.coupling_learning_rate,
        weight_decay=config.weight_decay,
    )
    asked = [name for name in ("standardise", "centre") if getattr(config, name)]
    if not asked:
        return optimizer
    if not isinstance(data, Dataset):
        raise ValueError(f"{asked[0]} is True, but there are no images here whose mean it could be")
    return Centred.of(optimizer, data.x_train, standardise=config.standardise)


def initial_parameters(learner: EquilibriumPropagation, rng: np.random.Generator) -> Parameters:
    """Draws what training starts from: for images as they are, of a rule that takes them as scaled."""
    parameters = learner.network.initial_parameters(rng)
    if isinstance(learner.optimizer, Centred) and learner.optimizer.scale != 1:
        learner.optimizer.translate(learner.network, parameters)
    return parameters


def programming_of(config: TrainConfig) -> Programming:
    """What ``config`` says of the parameters as a machine holds them."""
    return Programming(config.weight_bits, config.weight_noise)


class _InPlaceOfSpins(MeanFieldMachine):
    """Means in place of the spins of another machine, which they leave alone."""

    counts = False


def rule_of_means(
    config: TrainConfig, data: DataForm, num_threads: int | None, parts: Parts
) -> EquilibriumPropagation:
    """The learning rule of the first epochs, on means in place of spins; ``parts`` lack nothing but the rule.

    Their temperature is the last one of the machine's anneals, if ``config`` has it.
    """
    beta = config.mean_field_beta or (config.beta_range or (1.0, 1.0))[-1]
    free, nudge = config.mean_field_sweeps
    machine = _InPlaceOfSpins(
        num_sweeps=free, nudge_sweeps=nudge, beta_range=(beta / 2, beta), num_threads=num_threads
    )
    return rule_of(config.of_means(), data, Parts(parts.network, machine, parts.rule))


def rule_of_tests(
    config: TrainConfig,
    data: DataForm,
    num_threads: int | None,
    parts: Parts,
    learner: EquilibriumPropagation,
) -> EquilibriumPropagation:
    """The rule that finds the free phases of tests: on the machine that learns, unless tests have reads of
    their own."""
    machine = None if config.test_reads else learner.machine
    own = Parts(learner.network, machine, parts.rule)
    return learning_rule(config.of_tests(), data, num_threads if machine is None else None, own)


def augmentation(config: TrainConfig, dataset: Dataset) -> Augment | None:
    """Builds the augmentation of images that ``config`` asks for; None if it asks for none.

    Raises:
        ValueError: If the data are not images, or none of them would be left.
    """
    asked = [name for name in ("shift", "flip") if getattr(config, name)]
    if not asked:
        return None
    shape = dataset.image_shape
    if shape is None:
        value = getattr(config, asked[0])
        raise ValueError(f"{asked[0]} is {value}, but {dataset.name} has no known height and width")
    steps: list[Augment] = []
    if config.shift:
        if config.shift >= min(shape[:2]):
            raise ValueError(
                f"shift is {config.shift}, expected less than the {min(shape[:2])} pixels of a side"
            )
        steps.append(partial(shifted, image_shape=shape, most=config.shift))
    if config.flip:
        steps.append(partial(flipped, image_shape=shape))
    return partial(one_after_the_other, steps=steps)


def _on_model(config: TrainConfig) -> ChipSettings:
    """The settings of a machine on a modelled chip."""
    settings = config.machine_settings
    if not isinstance(settings, ChipSettings):
        raise ValueError(f"machine is {config.machine}, which has no model of a chip; take machine chip")
    return settings


def _built(what: str, build: Callable[[], T]) -> T:
    """What a settings model builds.

    Raises:
        ValueError: If the model of another package fails in a way of its own, in a line that names it.
    """
    try:
        return build()
    # These say what does not fit, or is not there.
    except (ValueError, OSError, MemoryError, StoppedError, MissingExtraError):
        raise
    except Exception as error:
        why = one_line(f"{type(error).__name__}: {error}")
        raise ValueError(f"{what} cannot be built: {why}") from error
