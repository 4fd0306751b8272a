"""The network, the machine and the learning rule that the settings of a run describe."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..chip import Chip
from ..config import TrainConfig
from ..datasets import DataForm, Dataset
from ..embedding import Embedding
from ..learning import EquilibriumPropagation
from ..machines import Machine, Work, check_machine
from ..machines.chip import ChipSettings
from ..machines.chip_model import ChipModel
from ..machines.embedded import EmbeddedSettings
from ..network import Network
from .augment import Augment, shifted


def chip_of(config: TrainConfig) -> Chip:
    """The modelled chip that a run is on, less its missing qubits; a solver's own are missing already."""
    return _on_model(config).graph()


def chip_model_of(config: TrainConfig, num_threads: int | None = None) -> ChipModel:
    """The modelled chip that a run is on, ready to anneal."""
    return _on_model(config).annealer(num_threads)


def embedding_of(config: TrainConfig, network: Network, chip: Chip) -> Embedding:
    """Where the network of a run is on its chip: from the run's file, else found.

    There are as many copies as a batch can use, unless the run says how many.

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
    """
    return config.machine_settings.build(network, Work(config.batch_size, num_threads), **given)


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
    dataset: Dataset,
    num_threads: int | None = None,
    machine: Machine | None = None,
) -> EquilibriumPropagation:
    """The learning rule that ``config`` describes, for inputs and classes of ``dataset``.

    Args:
        config: Its settings.
        dataset: What it learns from.
        num_threads: As in `train`.
        machine: As in `train`.

    Raises:
        ValueError: If they do not fit.
    """
    own = getattr(machine, "num_threads", num_threads)
    if machine is not None and num_threads is not None and own != num_threads:
        raise ValueError(
            f"num_threads is {num_threads}, but the machine that is given has {own or 'all cores'}"
        )
    if machine is not None:
        check_machine(machine)
    network = network_of(config, dataset, machine)
    for x in (dataset.x_train, dataset.x_test):
        network.check_images(x)
    machine = machine or machine_of(config, network, num_threads=num_threads)
    limit = config.field_limit if machine.field_limit is None else machine.field_limit
    return EquilibriumPropagation(
        network=network,
        machine=machine,
        nudge=config.nudge,
        symmetric=config.symmetric,
        learning_rate=config.learning_rate,
        bias_learning_rate=config.bias_learning_rate,
        coupling_learning_rate=config.coupling_learning_rate,
        statistic=config.statistic,
        field_limit=limit,
        seed=config.seed,
        optimizer=config.optimizer,
        weight_decay=config.weight_decay,
        centre=dataset.x_train.mean(axis=0) if config.centre else None,
    )


def augmentation(config: TrainConfig, dataset: Dataset) -> Augment | None:
    """What ``config`` makes of the images before it learns from them.

    Raises:
        ValueError: If the data are not images, or none of them would be left.
    """
    if not config.shift:
        return None
    if dataset.image_shape is None:
        raise ValueError(f"shift is {config.shift}, but {dataset.name} has no known height and width")
    side = min(dataset.image_shape)
    if config.shift >= side:
        raise ValueError(f"shift is {config.shift}, expected less than the {side} pixels of a side")
    return partial(shifted, image_shape=dataset.image_shape, most=config.shift)


def _on_model(config: TrainConfig) -> ChipSettings:
    """The settings of a machine on a modelled chip."""
    settings = config.machine_settings
    if not isinstance(settings, ChipSettings):
        raise ValueError(f"machine is {config.machine}, which has no model of a chip; take machine chip")
    return settings
