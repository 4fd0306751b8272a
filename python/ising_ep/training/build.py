"""The network, the machine and the learning rule that the settings of a run describe."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from ..chip import Chip
from ..config import TrainConfig
from ..datasets import DataForm, Dataset
from ..embedding import Embedding, embed
from ..learning import Centred, EquilibriumPropagation, Optimizer
from ..learning.optimizers import BY_NAME
from ..machines import AnnealingMachine, Machine
from ..machines.analog import AnalogMachine
from ..machines.chip_model import ChipModel
from ..machines.coherent import CoherentMachine
from ..machines.deterministic import DeterministicMachine
from ..machines.embedded import Annealer, EmbeddedMachine
from ..machines.oscillator import OscillatorMachine
from ..network import Convolutional, FullyConnected, Network
from .augment import Augment, shifted

# Those whose spins flow.
DYNAMICAL: dict[str, Callable[..., Machine]] = {
    "analog": AnalogMachine,
    "coherent": CoherentMachine,
    "oscillator": OscillatorMachine,
}


def chip_of(config: TrainConfig) -> Chip:
    """The modelled chip that a run is on, less its missing qubits; a solver's own are missing already."""
    chip = Chip.named(config.chip)
    return chip.without(config.missing, seed=config.chip_seed) if config.missing else chip


def chip_model_of(config: TrainConfig, num_threads: int | None = None) -> ChipModel:
    """The modelled chip that a run is on, ready to anneal."""
    return ChipModel(
        chip_of(config),
        config.chip_model,
        temperature=config.chip_temperature,
        sweeps_per_us=config.num_sweeps / config.annealing_time,
        field_noise=config.chip_noise[0],
        coupling_noise=config.chip_noise[1],
        num_threads=num_threads,
    )


def embedding_of(
    config: TrainConfig, network: Network, chip: Chip, progress: Callable[[int], object] | None = None
) -> Embedding:
    """Where the network of a run is on its chip: from the run's file, else found.

    There are as many copies as a batch can use, unless the run says how many.

    Raises:
        ValueError: If the network does not fit, or the file is no embedding of it.
    """
    if config.embedding is None:
        return embed(network, chip, copies=config.copies or config.batch_size, progress=progress)
    embedding = Embedding.load(Path(config.embedding), chip)
    embedding.verify(network, chip)
    return embedding


def machine_of(
    config: TrainConfig,
    network: Network,
    *,
    annealer: Annealer | None = None,
    embedding: Embedding | None = None,
    num_threads: int | None = None,
) -> Machine:
    """The machine of a run.

    Args:
        config: The settings.
        network: The network.
        annealer: The chip; None makes the modelled one that the settings describe.
        embedding: Where the network is on the chip, if there is one; None looks for it.
        num_threads: Threads, or None for all cores. The result does not depend on it.

    Raises:
        ValueError: If the settings do not fit together.
    """
    if config.machine == "annealing":
        return AnnealingMachine(
            num_reads=config.num_reads,
            num_sweeps=config.num_sweeps,
            beta_range=config.beta_range,
            reverse_fraction=config.reverse_fraction,
            num_threads=num_threads,
        )
    if config.machine == "deterministic":
        return DeterministicMachine(free_steps=config.free_steps, nudge_steps=config.nudge_steps)
    if config.machine in DYNAMICAL:
        return DYNAMICAL[config.machine](
            num_reads=config.num_reads,
            num_steps=config.num_steps,
            gain=config.gain,
            noise_range=config.noise_range,
            reverse_fraction=config.reverse_fraction,
            num_threads=num_threads,
        )
    if annealer is None:
        if config.machine == "qpu":
            raise ValueError("machine qpu needs an annealer: a machines.qpu.QPU, with the journal of the run")
        annealer = chip_model_of(config, num_threads)
    return EmbeddedMachine(
        annealer,
        embedding or embedding_of(config, network, annealer.chip),
        network,
        num_reads=config.num_reads,
        chain_strength=config.chain_strength,
        annealing_time=config.annealing_time,
        reverse_fraction=config.reverse_fraction,
    )


def network_of(config: TrainConfig, form: DataForm) -> Network:
    """The network that ``config`` describes, for inputs and classes of this form, as a data set has one.

    Raises:
        ValueError: If they do not fit.
    """
    if config.network == "layers":
        levels = (0, 1) if config.machine == "deterministic" else (-1, 1)
        return FullyConnected(form.num_inputs, config.layers, form.num_classes, levels)
    if form.image_shape is None:
        raise ValueError("a convolutional network takes images of a known height and width")
    return Convolutional(form.image_shape, form.num_classes)


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
    network = network_of(config, dataset)
    for x in (dataset.x_train, dataset.x_test):
        network.check_images(x)
    return EquilibriumPropagation(
        network=network,
        machine=machine or machine_of(config, network, num_threads=num_threads),
        nudge=config.nudge,
        symmetric=config.symmetric,
        statistic=config.statistic,
        field_limit=np.inf if config.machine == "deterministic" else config.field_limit,
        seed=config.seed,
        optimizer=optimizer_of(config, dataset),
    )


def optimizer_of(config: TrainConfig, dataset: Dataset) -> Optimizer:
    """The optimizer that ``config`` describes; it may take the mean image of ``dataset`` for 0."""
    optimizer = BY_NAME[config.optimizer](
        learning_rate=config.learning_rate,
        bias_learning_rate=config.bias_learning_rate,
        coupling_learning_rate=config.coupling_learning_rate,
        weight_decay=config.weight_decay,
    )
    return Centred(optimizer, dataset.x_train.mean(axis=0)) if config.centre else optimizer


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
