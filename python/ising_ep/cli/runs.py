"""Runs as the commands open, continue, stop and draw them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import budget
from .loading import load_dataset

if TYPE_CHECKING:
    from ..chip import Chip
    from ..config import TrainConfig
    from ..datasets import Dataset
    from ..embedding import Embedding
    from ..machines import Machine
    from ..machines.embedded import Annealer
    from ..training.run_folder import RunFolder, TrainState

# The series of a run's training in its journal; each evaluation is one of its own.
TRAIN = "train"
# Machines that are not computed in threads of this computer.
THREADLESS = ("deterministic", "qpu")


def new(
    given: dict[str, Any],
    out: Path | None,
    threads: int | None,
    qpu: dict[str, Any],
    shared: bool = False,
) -> tuple[RunFolder, Dataset, Machine]:
    """A run that begins, ``shared`` by workers or not. What does not fit is refused before anything is
    written."""
    from .. import training
    from ..config import TrainConfig
    from ..training import cluster
    from ..training.build import machine_of
    from ..training.run_folder import EMBEDDING, RunFolder
    from .embed import find_embedding

    config = TrainConfig.checked(given)
    check_qpu_options(config, qpu)
    check_threads(config, threads)
    if shared:
        cluster.check(config)
        threads = threads or 1
    dataset = load(config)
    network = training.network_of(config, dataset)
    network.check_images(dataset.x_train)
    training.augmentation(config, dataset)  # may refuse
    spendable = budget.of_new(qpu)
    annealer = annealer_of(config, threads, qpu | {"max_qpu_time": spendable})
    embedding = find_embedding(config, network, annealer.chip) if annealer else None
    machine = machine_of(config, network, annealer=annealer, embedding=embedding, num_threads=threads)
    if shared:
        cluster.check(config, machine)
    if config.machine == "qpu" and annealer is not None and embedding is not None:
        from ..qpu.cost import estimate

        images = len(dataset.x_train), len(dataset.x_test)
        click.echo(estimate(config, network, *images, annealer.chip, embedding), err=True)
    out = out or Path("runs") / f"{Path(config.dataset).stem}-{datetime.now():%Y%m%d-%H%M%S}"
    run = RunFolder.create(out, config, dataset.fingerprint(), spendable)
    click.get_current_context().call_on_close(run.close)
    if embedding is not None:
        embedding.save(out / EMBEDDING)
    if config.machine == "qpu":
        keep_journal(annealer, run)
    return run, dataset, machine


def resumed(
    path: Path,
    given: dict[str, Any],
    threads: int | None,
    qpu: dict[str, Any],
    shared: bool = False,
) -> tuple[RunFolder, TrainState | None, Dataset, Machine]:
    """A run to go on with, ``shared`` by workers or not: it may get more epochs, and its data may have
    moved."""
    from ..config import TrainConfig
    from ..training import cluster

    run, state, dataset = opened(path, given.get("data_dir"), hold=True)
    for name in ("machine", "network"):  # which other settings there are goes with these
        if given.get(name) not in (None, getattr(run.config, name)):
            raise _another(run, name, given[name])
    asked = TrainConfig.checked(run.config.model_dump() | given)
    for name, value in given.items():
        old, new = getattr(run.config, name), getattr(asked, name)
        if old != new and name != "data_dir" and not (name == "epochs" and new > old):
            raise _another(run, name, value)
    check_qpu_options(asked, qpu)
    check_threads(asked, threads)
    if shared:
        cluster.check(asked)
        threads = threads or 1
    spendable = budget.of_resumed(run, qpu)
    machine = machine_of_run(run, dataset, threads, qpu | {"max_qpu_time": spendable})
    if asked.machine == "qpu":
        budget.check_resumed(run, state, machine.annealer.journal, spendable)  # type: ignore[attr-defined]
    run.remove_leftovers()
    if (asked, spendable) != (run.config, run.max_qpu_time):
        run.change(asked, spendable)
    return run, state, dataset, machine


def opened(
    path: Path, data_dir: str | None = None, hold: bool = False
) -> tuple[RunFolder, TrainState | None, Dataset]:
    """A run folder, its last checkpoint if any, and its data, from ``data_dir`` if it moved; with ``hold``
    no other process writes to it until the command ends."""
    from .. import training
    from ..training.run_folder import CHECKPOINT, RunFolder

    run = RunFolder.open(path)
    if hold:
        hold_to_the_end(run)
    dataset = load(run.config, data_dir)
    if dataset.fingerprint() != run.fingerprint:
        raise ValueError(
            f"{run.config.dataset} does not hold the images that the run in {path} was trained on"
        )
    if not (path / CHECKPOINT).exists():
        return run, None, dataset
    state = run.load(training.network_of(run.config, dataset).shapes())
    if state.images > len(dataset.x_train):
        raise ValueError(
            f"{path / CHECKPOINT} is {state.images} images into an epoch of {len(dataset.x_train)}"
        )
    return run, state, dataset


def hold_to_the_end(run: RunFolder) -> None:
    """Keeps other processes from writing to the run until the command ends."""
    run.hold()
    click.get_current_context().call_on_close(run.close)


def finished(path: Path) -> tuple[RunFolder, TrainState, Dataset]:
    """A run that has a checkpoint."""
    run, state, dataset = opened(path)
    if state is None:
        raise ValueError(f"{path} holds no checkpoint yet")
    return run, state, dataset


def machine_of_run(
    run: RunFolder, dataset: Dataset, threads: int | None, qpu: dict[str, Any] | None = None
) -> Machine:
    """The machine that a run is trained on."""
    from .. import training
    from ..training.build import machine_of

    annealer = annealer_of(run.config, threads, qpu or {}, run.solver())
    embedding = embedding_of_run(run, annealer.chip) if annealer else None
    network = training.network_of(run.config, dataset)
    machine = machine_of(run.config, network, annealer=annealer, embedding=embedding, num_threads=threads)
    if run.config.machine == "qpu":
        keep_journal(annealer, run)
    return machine


def embedding_of_run(run: RunFolder, chip: Chip) -> Embedding:
    """Where the network of a run is on its chip."""
    from ..embedding import Embedding
    from ..training.run_folder import EMBEDDING

    return Embedding.load(run.path / EMBEDDING, chip)


def load(config: TrainConfig, data_dir: str | None = None) -> Dataset:
    """The data of a run."""
    folder = data_dir or config.data_dir
    return load_dataset(config.dataset, folder, config.train_per_class, config.test_per_class)


def draw(run: RunFolder, dataset: Dataset, state: TrainState, out: Path) -> None:
    """The pictures of a run, from its checkpoint alone."""
    import numpy as np

    from .. import plots, training
    from ..training.run_folder import CONFUSION, CURVES, READS, WEIGHTS

    out.mkdir(parents=True, exist_ok=True)
    network = training.network_of(run.config, dataset)
    weights = plots.input_weights(network, state.parameters, dataset.image_shape)
    figures = {} if weights is None else {WEIGHTS: weights}
    if len(state.predictions) == len(dataset.y_test):
        found = np.array(state.predictions)
        matrix = plots.confusion_matrix(dataset.y_test, found, dataset.num_classes)
        figures = {CONFUSION: matrix, **figures}
    if state.history:
        figures = {CURVES: plots.training_curves(state.history), **figures}
    if state.usages and state.usage.chains:
        figures[READS] = plots.chip_reads(state.usages)
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


def annealer_of(
    config: TrainConfig, threads: int | None, qpu: dict[str, Any], solver: str | None = None
) -> Annealer | None:
    """The chip of a run, if it is on one."""
    if config.machine not in ("chip", "qpu"):
        return None
    if config.machine == "qpu":
        from .qpu import connect

        return connect(solver, **qpu)
    from ..training.build import chip_model_of

    return chip_model_of(config, threads)


def keep_journal(annealer: Any, run: RunFolder, series: str = TRAIN) -> None:
    """From now on all that the QPU is asked for is written down in the run folder."""
    from ..qpu.journal import Journal
    from ..training.run_folder import JOURNAL

    hold_to_the_end(run)
    begun, name = run.solver() is not None, run.name_at_solver()
    annealer.journal = journal = Journal(run.path / JOURNAL, series, name)
    click.get_current_context().call_on_close(annealer.close)
    if begun and journal.is_new:
        found = (
            "is looked up at the service by its labels" if name else "since the last checkpoint is sent again"
        )
        click.echo(f"{run.path / JOURNAL} is missing or empty: what was sent {found}", err=True)
    if name is None:
        connection, chip = annealer.connection, annealer.chip
        run.keep_solver(
            connection.name, connection.version, chip.graph_id, connection.properties, journal.run
        )


def check_qpu_options(config: TrainConfig, qpu: dict[str, Any]) -> None:
    """Refuses options of a QPU for another machine."""
    for name, value in qpu.items():
        if value is not None and config.machine != "qpu":
            option = "--" + name.replace("_", "-")
            raise ValueError(f"{option} is {value}, but machine {config.machine} is no QPU; take machine qpu")


def check_threads(config: TrainConfig, threads: int | None) -> None:
    """Refuses threads for a machine that has none."""
    if threads is not None and config.machine in THREADLESS:
        raise ValueError(f"--threads is {threads}, but machine {config.machine} has no threads here")
