"""Runs as the commands open, continue, stop and draw them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import click

from ..extras import missing, require
from . import budget
from .loading import load_dataset
from .output import require_output
from .qpu import hold_to_the_end, keep_journal, on_qpu

if TYPE_CHECKING:
    from distributed import Client

    from ..config import TrainConfig
    from ..datasets import Dataset
    from ..machines import Machine
    from ..network import DataForm
    from ..training.run_folder import RunFolder
    from ..training.state import TrainState
    from ..training.trainer import Trainer


def new(
    given: dict[str, Any], out: Path | None, options: dict[str, Any], client: Client | None = None
) -> tuple[RunFolder, Trainer, Machine]:
    """A run that begins, shared by the workers of a client or not. What does not fit is refused before
    anything is written."""
    from ..config import TrainConfig
    from ..training import augmentation, cluster, network_of
    from ..training.fitting import check_images_of
    from ..training.record import DataRecord
    from ..training.run_folder import RunFolder

    config = TrainConfig.checked(given)
    check_options(config, options)
    if client is not None:
        cluster.check(config)
    dataset = load(config)
    check_images_of(network_of(config, dataset), dataset)
    augmentation(config, dataset)  # both may refuse, before a chip is searched or a QPU is connected to
    spendable = budget.of_new(options)
    machine = machine_for(config, dataset, options | {"max_qpu_time": spendable}, shared=client is not None)
    trainer = trainer_for(config, dataset, machine, None, options, client)
    qpu = on_qpu(machine)
    if qpu is not None:
        click.echo(budget.forecast(config, dataset, qpu), err=True)
    out = out or Path("runs") / f"{Path(config.dataset).stem}-{datetime.now():%Y%m%d-%H%M%S}"
    run = RunFolder.create(out, config, DataRecord.of(dataset), spendable, machine=machine)
    click.get_current_context().call_on_close(run.close)
    click.get_current_context().call_on_close(machine.close)
    if qpu is not None:
        keep_journal(qpu, run)
    return run, trainer, machine


def resumed(
    path: Path, given: dict[str, Any], options: dict[str, Any], client: Client | None = None
) -> tuple[RunFolder, Trainer, Machine]:
    """A run to go on with, shared by the workers of a client or not: it may get more epochs, and its data may
    have moved."""
    from ..config import PARTS, TrainConfig
    from ..training import DataRecord, cluster

    run, state, dataset = opened(path, given, hold=True)
    for name in PARTS:  # which other settings there are goes with these
        if given.get(name) not in (None, getattr(run.config, name)):
            raise _another(run, name, given[name])
    asked = TrainConfig.checked(run.config.model_dump() | given).located()
    for name, value in given.items():
        old, new = getattr(run.config, name), getattr(asked, name)
        moved = name == "data_dir" or (name == "dataset" and _is_file(old) and _is_file(new))
        if old != new and not moved and not (name == "epochs" and new > old):
            raise _another(run, name, value)
    check_options(asked, options)
    if client is not None:
        cluster.check(asked)
    spendable = budget.of_resumed(run, options)
    limits = options | {"max_qpu_time": spendable}
    machine = machine_for(run.config, dataset, limits, run, client is not None)
    click.get_current_context().call_on_close(machine.close)
    trainer = trainer_for(asked, dataset, machine, state, options, client)
    qpu = on_qpu(machine)
    if qpu is not None:
        keep_journal(qpu, run)
        budget.check_resumed(run, state, qpu.annealer.journal, spendable)
    run.remove_leftovers()
    if (asked, spendable) != (run.config, run.max_qpu_time) or run.data is None:
        run.change(asked, DataRecord.of(dataset), spendable)
    run.keep(machine)
    return run, trainer, machine


def trainer_for(
    config: TrainConfig,
    dataset: Dataset,
    machine: Machine,
    state: TrainState | None,
    options: Mapping[str, Any],
    client: Client | None,
) -> Trainer:
    """The trainer of a run: on its machine, or, where tests have reads of their own, on two like it."""
    from ..training import Parts
    from ..training.trainer import Trainer

    parts = Parts(machine=None if config.test_reads else machine)
    trainer = Trainer.prepared(
        config, dataset, parts, state, num_threads=options["threads"], scheduler=client
    )
    return click.get_current_context().with_resource(trainer)


def machine_for(
    config: TrainConfig,
    data: DataForm,
    options: Mapping[str, Any],
    run: RunFolder | None = None,
    shared: bool = False,
) -> Machine:
    """The machine of a run that begins, or of one whose folder is there; ``shared`` by workers or not.

    Raises:
        ValueError: If it does not fit the network, or cannot be shared.
    """
    from ..training import cluster, network_of
    from ..training.build import machine_of
    from ..training.fitting import check_levels

    network = network_of(config, data)
    machine = machine_of(
        config,
        network,
        num_threads=options["threads"] or (1 if shared else None),
        folder=run.path if run else None,
        options={**options, "solver": run.solver() if run else None},
    )
    check_levels(network, machine)
    if shared:
        cluster.check(config, machine)
    return machine


def opened(
    path: Path, given: Mapping[str, Any], hold: bool = False
) -> tuple[RunFolder, TrainState | None, Dataset]:
    """A run folder, its last checkpoint if any, and its data, from where they are given to be if they moved;
    with ``hold`` no other process writes to it until the command ends."""
    from .. import training
    from ..training.run_folder import CHECKPOINT, RunFolder

    run = RunFolder.open(path)
    if hold:
        hold_to_the_end(run)
    training.Parts().complete(run.given, path)
    dataset = own_dataset(run, given)
    if not (path / CHECKPOINT).exists():
        return run, None, dataset
    state = run.load(training.network_of(run.config, dataset).shapes())
    if state.images > len(dataset.x_train):
        raise ValueError(
            f"{path / CHECKPOINT} is {state.images} images into an epoch of {len(dataset.x_train)}"
        )
    return run, state, dataset


def finished(path: Path) -> tuple[RunFolder, TrainState]:
    """A run that has a checkpoint. Its data set is not read."""
    from .. import training
    from ..training.run_folder import CHECKPOINT, RunFolder

    run = RunFolder.open(path)
    training.Parts().complete(run.given, path)
    if not (path / CHECKPOINT).exists():
        raise ValueError(f"{path} holds no checkpoint yet")
    return run, run.load(training.network_of(run.config, run.known_data()).shapes())


def own_dataset(run: RunFolder, given: Mapping[str, Any] = MappingProxyType({})) -> Dataset:
    """The data set of a run; from the ``data_dir`` or the file ``dataset`` that is given, if it moved."""
    name, config = given.get("dataset"), run.config
    if _is_file(name) and _is_file(config.dataset):
        config = config.model_copy(update={"dataset": name})
    dataset = load(config, given.get("data_dir"))
    run.check_data(dataset, config.dataset)
    return dataset


def _is_file(dataset: str | None) -> bool:
    """Tells whether a data set is a file, and no name."""
    return dataset is not None and dataset.endswith(".npz")


def load(config: TrainConfig, data_dir: str | None = None) -> Dataset:
    """The data of a run."""
    folder = data_dir or config.data_dir
    return load_dataset(config.dataset, folder, config.train_per_class, config.test_per_class)


def draw_if_can(run: RunFolder, state: TrainState) -> None:
    """Draws the pictures of a run that has ended; says how they are had where nothing can be drawn."""
    if missing("plot"):
        how = f"pip install 'ising-ep[plot]', then ising-ep plot {shlex.quote(str(run.path))}"
        click.echo(f"Pictures: none, as matplotlib is missing: {how}")
    else:
        draw(run, state, run.path)


def draw(run: RunFolder, state: TrainState, out: Path, *, force: bool = False) -> None:
    """The pictures of a run, from its folder alone; in another folder than its own, ``force`` overwrites
    others."""
    import numpy as np

    from .. import plots, training
    from ..training.run_folder import CONFUSION, CURVES, READS, WEIGHTS

    data = run.known_data()
    network = training.network_of(run.config, data)
    weights = plots.input_weights(network, state.parameters, data.image_shape)
    figures = {} if weights is None else {WEIGHTS: weights}
    if state.predictions and len(state.predictions) == len(state.labels):
        labels, found = np.array(state.labels), np.array(state.predictions)
        figures = {
            CONFUSION: plots.confusion_matrix(labels, found, data.num_classes, data.classes),
            **figures,
        }
    if state.history:
        figures = {CURVES: plots.training_curves(state.history), **figures}
    if state.usages and state.usage.chains:
        figures[READS] = plots.chip_reads(state.usages)
    if out.exists() and out.resolve() != run.path.resolve():
        for name in figures:
            require_output(out / name, force=force)
    out.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        plots.save(figure, out / name)
    click.echo(f"Pictures: {', '.join(str(out / name) for name in figures)}")


def _another(run: RunFolder, name: str, value: object) -> ValueError:
    """Why a run does not go on with another setting."""
    option = "--" + name.replace("_", "-")
    return ValueError(
        f"{option} is {value}, but the run in {run.path} has {getattr(run.config, name)};"
        " a run keeps its settings"
    )


def check_options(config: TrainConfig, options: Mapping[str, Any]) -> None:
    """Refuses a machine that needs more than is installed, and options that it does not take."""
    from ..machines import MACHINES
    from ..printable import either

    require(config.machine_settings.extra, f"machine {config.machine}")
    for name, value in options.items():
        if value is not None and name not in config.machine_settings.options:
            takers = [each for each, model in MACHINES.models().items() if name in model.options]
            raise ValueError(
                f"--{name.replace('_', '-')} is {value}, but machine {config.machine} takes no such option;"
                f" take machine {either(takers)}"
            )
