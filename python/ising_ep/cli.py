"""The command `ising-ep`: parses, calls, prints."""

from __future__ import annotations

import math
import shlex
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from .cli_embed import Layers, chip_options, embed, find_embedding
from .cli_errors import one_line_errors
from .cli_estimate import estimate
from .cli_progress import training_progress
from .cli_sample import sample

if TYPE_CHECKING:
    from .checkpoint import RunFolder, TrainState
    from .config import TrainConfig
    from .datasets import Dataset
    from .machines import Machine


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="ising-ep")
def main() -> None:
    """Train Ising machines with equilibrium propagation.

    \b
    Examples:
      ising-ep train
      ising-ep train --dataset mnist --data-dir ~/mnist --train-per-class 100
      ising-ep evaluate runs/digits-20260101-120000
      ising-ep embed --layers 120,40 --chip pegasus:16 --copies 4
      ising-ep estimate --batch-size 4
      ising-ep sample problem.coo
    """


main.add_command(embed)
main.add_command(estimate)
main.add_command(sample)


@main.command()
@click.option("--dataset", help="digits, mnist, patterns, or FILE.npz.  [default: digits]")
@click.option("--data-dir", type=click.Path(), help="Folder of MNIST's IDX files, gz or not; else OpenML.")
@click.option("--train-per-class", type=int, help="Use the first N training images of each class.")
@click.option("--test-per-class", type=int, help="Use the first N test images of each class.")
@click.option(
    "--network", help="layers, or convolutional: the paper's, for images of -1 and +1.  [default: layers]"
)
@click.option("--layers", type=Layers(), help="Spins of hidden layers and outputs.  [default: 120,40]")
@click.option("--epochs", type=int, help="Epochs.  [default: 50; digits 15]")
@click.option("--batch-size", type=int, help="Images an update.  [default: 1]")
@click.option("--num-reads", type=int, help="Anneals of a phase.  [default: 10]")
@click.option("--num-sweeps", type=int, help="Sweeps of a forward anneal.  [default: 100; chip 800]")
@click.option("--nudge", type=float, help="Strength beta of the nudge.  [default: 5]")
@click.option("--learning-rate", type=float, help="Step of the weights.  [default: 0.01; digits 0.002]")
@click.option("--bias-learning-rate", type=float, help="Step of the biases.  [default: 0.001]")
@click.option("--reverse-fraction", type=float, help="Where the reverse anneal turns.  [default: 0.25]")
@click.option(
    "--beta-range", type=(float, float), help="Hot and cold inverse temperature.  [default: 0.5 20]"
)
@click.option(
    "--statistic", help="Keep the lowest read, or the average of all.  [default: lowest; digits average]"
)
@click.option("--seed", type=int, help="Seed of everything random.  [default: 0]")
@click.option("--machine", help="annealing, or chip: a model of a D-Wave chip.  [default: annealing]")
@chip_options
@click.option(
    "--chip-model", help="What anneals on the chip: thermal, or quantum (path integrals).  [default: thermal]"
)
@click.option(
    "--chip-noise", type=(float, float), help="Standard errors of the chip's h and J.  [default: 0.02 0.015]"
)
@click.option("--chip-temperature", type=float, help="Of the chip, in mK.  [default: 15]")
@click.option("--chain-strength", type=float, help="Coupling within chains.  [default: 1; convolutional 2]")
@click.option("--annealing-time", type=float, help="Microseconds of a forward anneal.  [default: 20]")
@click.option(
    "--copies", type=int, help="Copies of the network on the chip.  [default: as a batch can use, and fit]"
)
@click.option(
    "--embedding", type=click.Path(), help="JSON file of an embedding, as `ising-ep embed` writes it."
)
@click.option(
    "--threads", type=click.IntRange(1), help="Threads; never changes the result.  [default: all cores]"
)
@click.option("--out", type=click.Path(path_type=Path), help="Run folder.  [default: runs/DATASET-TIME]")
@click.option(
    "--resume", type=click.Path(path_type=Path), help="Run folder to go on with, under its own settings."
)
@click.option(
    "--checkpoint-every", type=click.IntRange(1), help="Save every N batches too, not only every epoch."
)
@click.pass_context
@one_line_errors
def train(
    context: click.Context,
    /,
    threads: int | None,
    out: Path | None,
    resume: Path | None,
    checkpoint_every: int | None,
    **settings: Any,
) -> None:
    """Train a network; the defaults are the paper's settings, on scikit-learn's digits.

    \b
    Examples:
      ising-ep train --epochs 5 --out runs/first
      ising-ep train --dataset mnist --data-dir ~/mnist --train-per-class 100 --test-per-class 10
      ising-ep train --dataset mine.npz --layers 64,32,20
      ising-ep train --dataset patterns --network convolutional --machine chip
      ising-ep train --machine chip --chip zephyr:12 --batch-size 4
      ising-ep train --resume runs/first --epochs 10
    """
    from . import training
    from .checkpoint import EMBEDDING, RunFolder
    from .machines.configured import machine_of
    from .machines.embedded import EmbeddedMachine

    given = {
        k: v for k, v in settings.items() if context.get_parameter_source(k) is ParameterSource.COMMANDLINE
    }
    state = None
    if resume is not None:
        if out is not None:
            raise ValueError(f"--out is {out}, but --resume goes on in {resume}; give one of them")
        run, state, dataset, machine = _resumed(resume, given, threads)
    else:
        # What does not fit is refused before anything is written.
        config, dataset = _new(given)
        network = training.network_of(config, dataset)
        embedding = find_embedding(config, network)
        machine = machine_of(config, network, embedding, threads)
        name = Path(config.dataset).stem
        out = out or Path("runs") / f"{name}-{datetime.now():%Y%m%d-%H%M%S}"
        run = RunFolder.create(out, config, dataset.fingerprint())
        if embedding is not None:
            embedding.save(out / EMBEDDING)

    batches = math.ceil(len(dataset.x_train) / run.config.batch_size)
    with _stop_between_batches() as stopped, training_progress(run.config, batches, state) as show:

        def on_batch(state: TrainState) -> None:
            show(state)
            if stopped() or (checkpoint_every and state.batch % checkpoint_every == 0):
                run.save(state)
            if stopped():
                raise KeyboardInterrupt

        def on_epoch(state: TrainState) -> None:
            show(state)
            run.save(state)

        try:
            state = training.train(
                run.config, dataset, state=state, machine=machine, on_batch=on_batch, on_epoch=on_epoch
            )
        except KeyboardInterrupt:
            click.echo(f"Stopped. Go on with: ising-ep train --resume {shlex.quote(str(run.path))}", err=True)
            context.exit(130)
    last = state.history[-1]
    click.echo(
        f"After {state.epoch} epochs: train accuracy {last['train_accuracy']:.2%},"
        f" test accuracy {last['test_accuracy']:.2%}"
    )
    if isinstance(machine, EmbeddedMachine):
        broken = f"{machine.chain_break_fraction:.2%} of chains broken"
        click.echo(f"{machine.num_problems} problems on the chip, {broken}")
    click.echo(f"Run folder: {run.path}")
    _draw(run, dataset, state, run.path, machine)


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--dataset", help="Another data set than the run's own.")
@click.option("--data-dir", type=click.Path(), help="Folder of MNIST's IDX files.")
@click.option("--threads", type=click.IntRange(1), help="Threads.  [default: all cores]")
@one_line_errors
def evaluate(run: Path, dataset: str | None, data_dir: str | None, threads: int | None) -> None:
    """Accuracy and loss of a run on test images, class by class.

    \b
    Examples:
      ising-ep evaluate runs/first
      ising-ep evaluate runs/mnist100 --dataset mnist --data-dir ~/mnist   (all 10,000 test images)
    """
    import numpy as np

    from . import datasets, training

    folder, state, images, machine = _finished(run, threads)
    if dataset is not None or data_dir is not None:
        other = datasets.load(dataset or folder.config.dataset, data_dir=data_dir or folder.config.data_dir)
        if (other.num_inputs, other.num_classes) != (images.num_inputs, images.num_classes):
            raise ValueError(
                f"{other.name} has {other.num_inputs} inputs and {other.num_classes} classes, but the run"
                f" was trained on {images.num_inputs} and {images.num_classes}"
            )
        images = other
    x, y = images.x_test, images.y_test
    result = training.evaluate(folder.config, images, state.parameters, x, y, machine=machine)
    click.echo(f"{len(y)} test images: accuracy {result.accuracy:.2%}, mean squared error {result.loss:.4f}")
    for label in range(images.num_classes):
        of_class = y == label
        if of_class.any():
            right = float(np.mean(result.predictions[of_class] == label))
            click.echo(f"  class {label}: {right:7.2%} of {of_class.sum()}")


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("images", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), help="CSV file for the labels, instead of the screen."
)
@click.option("--threads", type=click.IntRange(1), help="Threads.  [default: all cores]")
@one_line_errors
def predict(run: Path, images: Path, out: Path | None, threads: int | None) -> None:
    """Classes of the images in FILE.npy, or in the array x of FILE.npz.

    \b
    Example:
      ising-ep predict runs/first images.npy --out labels.csv
    """
    import numpy as np

    from . import datasets, training

    folder, state, dataset, machine = _finished(run, threads)
    x = datasets.load_images(images, dataset.num_inputs)
    labels = np.zeros(len(x), dtype=np.int64)  # not looked at: only the predictions are used
    result = training.evaluate(folder.config, dataset, state.parameters, x, labels, machine=machine)
    lines = "image,label\n" + "".join(f"{k},{label}\n" for k, label in enumerate(result.predictions))
    if out is None:
        click.echo(lines, nl=False)
    else:
        out.write_text(lines)
        click.echo(f"{len(x)} labels in {out}")


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the pictures.  [default: the run's]")
@click.option("--threads", type=click.IntRange(1), help="Threads.  [default: all cores]")
@one_line_errors
def plot(run: Path, out: Path | None, threads: int | None) -> None:
    """Learning curves, confusion matrix and first-layer weights of a run, as PNG.

    \b
    Example:
      ising-ep plot runs/first --out pictures
    """
    folder, state, dataset, machine = _finished(run, threads)
    _draw(folder, dataset, state, out or folder.path, machine)


def _new(given: dict[str, Any]) -> tuple[TrainConfig, Dataset]:
    from .config import TrainConfig

    config = TrainConfig.checked(given)
    return config, _load(config)


def _resumed(
    path: Path, given: dict[str, Any], threads: int | None
) -> tuple[RunFolder, TrainState | None, Dataset, Machine]:
    """A run to go on with: it may get more epochs, and its data may have moved."""
    from .config import TrainConfig

    run, state, dataset, machine = _opened(path, threads, given.get("data_dir"))
    asked = TrainConfig.checked(run.config.model_dump() | given)
    for name, value in given.items():
        old, new = getattr(run.config, name), getattr(asked, name)
        if old != new and name != "data_dir" and not (name == "epochs" and new > old):
            option = "--" + name.replace("_", "-")
            raise ValueError(
                f"{option} is {value}, but the run in {path} has {old}; a run keeps its settings"
            )
    run.remove_leftovers()
    if asked != run.config:
        run.change(asked)
    return run, state, dataset, machine


def _opened(
    path: Path, threads: int | None, data_dir: str | None = None
) -> tuple[RunFolder, TrainState | None, Dataset, Machine]:
    """A run folder, its last checkpoint if any, its data, from ``data_dir`` if it moved, and its machine."""
    from . import training
    from .checkpoint import CHECKPOINT, EMBEDDING, RunFolder
    from .embedding import Embedding
    from .machines.configured import chip_of, machine_of

    run = RunFolder.open(path)
    dataset = _load(run.config, data_dir)
    if dataset.fingerprint() != run.fingerprint:
        raise ValueError(
            f"{run.config.dataset} does not hold the images that the run in {path} was trained on"
        )
    network = training.network_of(run.config, dataset)
    embedding = None
    if run.config.machine == "chip":
        embedding = Embedding.load(path / EMBEDDING, chip_of(run.config))
    machine = machine_of(run.config, network, embedding, threads)
    state = run.load() if (path / CHECKPOINT).exists() else None
    if state is not None:
        wanted = network.shapes()
        found = {name: value.shape for name, value in state.parameters.items()}
        if found != wanted:
            raise ValueError(f"{path / CHECKPOINT} holds parameters {found}, expected {wanted}")
        if state.images > len(dataset.x_train):
            raise ValueError(
                f"{path / CHECKPOINT} is {state.images} images into an epoch of {len(dataset.x_train)}"
            )
    return run, state, dataset, machine


def _finished(path: Path, threads: int | None) -> tuple[RunFolder, TrainState, Dataset, Machine]:
    run, state, dataset, machine = _opened(path, threads)
    if state is None:
        raise ValueError(f"{path} holds no checkpoint yet")
    return run, state, dataset, machine


def _load(config: TrainConfig, data_dir: str | None = None) -> Dataset:
    from . import datasets

    return datasets.load(
        config.dataset,
        data_dir=data_dir or config.data_dir,
        train_per_class=config.train_per_class,
        test_per_class=config.test_per_class,
    )


def _draw(run: RunFolder, dataset: Dataset, state: TrainState, out: Path, machine: Machine) -> None:
    from . import plots, training

    out.mkdir(parents=True, exist_ok=True)
    result = training.evaluate(
        run.config, dataset, state.parameters, dataset.x_test, dataset.y_test, machine=machine
    )
    seen = training.network_of(run.config, dataset).receptive_field(dataset.image_shape)
    figures = {
        "confusion.png": plots.confusion_matrix(dataset.y_test, result.predictions, dataset.num_classes),
        "weights.png": plots.first_layer_weights(state.parameters["W0"], seen),
    }
    if state.history:
        figures = {"curves.png": plots.training_curves(state.history), **figures}
    for name, figure in figures.items():
        figure.savefig(out / name)
    click.echo(f"Pictures: {', '.join(str(out / name) for name in figures)}")


@contextmanager
def _stop_between_batches() -> Iterator[Callable[[], bool]]:
    """Ctrl-C asks for a stop after the batch under way, so that the state saved is a whole one.

    A second one stops at once; the last checkpoint stands.
    """
    asked = False

    def ask(*_: Any) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    main()
