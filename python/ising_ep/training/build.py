"""The network, the machine and the learning rule that the settings of a run describe."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..checks import instance
from ..chip import Chip
from ..config import TrainConfig
from ..datasets import Dataset
from ..embedding import Placed
from ..learning import Centred, EquilibriumPropagation, Optimizer, Rule
from ..learning.optimizers import BY_NAME
from ..machines import Machine, Work, check_machine
from ..machines.chip import ChipSettings
from ..machines.chip_model import ChipModel
from ..machines.embedded import EmbeddedSettings
from ..network import DataForm, Network
from .augment import Augment, flipped, one_after_the_other, shifted
from .parts import NONE_GIVEN, Parts


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
    config: TrainConfig, network: Network, *, num_threads: int | None = None, **given: Any
) -> Machine:
    """The machine of a run.

    Args:
        config: The settings.
        network: The network.
        num_threads: Threads, or None for all cores. The result does not depend on it.
        given: What the machine is built of, as far as it is there: ``annealer`` and ``embedding`` of one on a
            chip.

    Raises:
        ValueError: If the settings do not fit together.
        TypeError: If what a settings model of another package builds is no machine.
    """
    machine = config.machine_settings.build(network, Work(config.batch_size, num_threads), **given)
    check_machine(machine)
    return machine


def network_of(config: TrainConfig, form: DataForm, machine: Machine | None = None) -> Network:
    """The network that ``config`` describes, for inputs and classes of this form, as a data set has one.

    Args:
        config: Its settings.
        form: What it is made for.
        machine: Whose spins it has; None for those of the machine that ``config`` describes.

    Raises:
        ValueError: If they do not fit.
    """
    return config.network_settings.build(form, (machine or config.machine_settings).levels)


def learning_rule(
    config: TrainConfig,
    data: DataForm,
    num_threads: int | None = None,
    parts: Parts = NONE_GIVEN,
) -> EquilibriumPropagation:
    """The learning rule that ``config`` describes, for inputs and classes of ``data``.

    Args:
        config: Its settings.
        data: What it learns from: a data set, where ``config`` has a ``centre``; else a form will do.
        num_threads: As in `train`.
        parts: What stands in the place of what ``config`` describes.

    Raises:
        ValueError: If they do not fit.
        TypeError: If what ``parts`` makes the rule of makes something else.
    """
    parts.check(config, num_threads)
    network = parts.network or network_of(config, data, parts.machine)
    machine = parts.machine or machine_of(config, network, num_threads=num_threads)
    limit = config.field_limit if machine.field_limit is None else machine.field_limit
    rule = (parts.rule or EquilibriumPropagation)(
        network=network,
        machine=machine,
        nudge=config.nudge,
        symmetric=config.symmetric,
        statistic=config.statistic,
        field_limit=limit,
        seed=config.seed,
        optimizer=optimizer_of(config, data),
    )
    instance("the learning rule that was made", rule, Rule)
    return rule


def optimizer_of(config: TrainConfig, data: DataForm) -> Optimizer:
    """The optimizer that ``config`` describes; with a centre it takes the mean image of ``data`` for 0.

    Raises:
        ValueError: If there are no images whose mean it could be.
    """
    optimizer = BY_NAME[config.optimizer](
        learning_rate=config.learning_rate,
        bias_learning_rate=config.bias_learning_rate,
        coupling_learning_rate=config.coupling_learning_rate,
        weight_decay=config.weight_decay,
    )
    if not config.centre:
        return optimizer
    if not isinstance(data, Dataset):
        raise ValueError("centre is True, but there are no images here whose mean it could be")
    return Centred(optimizer, data.x_train.mean(axis=0))


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
    return learning_rule(config.of_tests(), data, None if machine else num_threads, own)


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
