"""The command `ising-ep`: parses, calls, prints."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ..config import PRESETS
from ..errors import BudgetSpentError, NotSavedError, StoppedError
from ..files.atomic import replace
from .embed import embed
from .emulate import emulate
from .errors import INTERRUPTED, STOPPED, one_line_errors, one_line_warnings
from .estimate import estimate
from .evaluation import evaluation_options, free_outputs, require_writable
from .help import Group
from .options import SETTINGS, choices, option, settings
from .progress import training_progress
from .qpu import cost, qpu_options
from .sample import sample
from .stop import stop_on_signals

if TYPE_CHECKING:
    from ..training.run_folder import TrainState


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ising-ep")
def main() -> None:
    """Train Ising machines with equilibrium propagation.

    \b
    Examples:
      ising-ep train
      ising-ep train --dataset mnist --data-dir ~/mnist --train-per-class 100
      ising-ep evaluate runs/digits-20260101-120000
      ising-ep embed --layers 120,40 --chip pegasus:16 --copies 4
      ising-ep emulate
      ising-ep estimate --batch-size 4
      ising-ep sample problem.coo
    """


main.add_command(embed)
main.add_command(emulate)
main.add_command(estimate)
main.add_command(sample)


@main.command()
@settings(*SETTINGS)
@qpu_options(
    "Seconds of QPU access time that the run may take, in all its sessions; inf for no limit.  [default: no"
    " limit; with --resume the run's]"
)
@option(
    "--preset",
    metavar=choices(PRESETS),
    help="All settings of a task; options change them.",
    title="Run",
)
@option(
    "--out",
    type=click.Path(path_type=Path),
    help="Run folder.  [default: runs/DATASET-TIME]",
    title="Run",
)
@option(
    "--resume",
    type=click.Path(path_type=Path),
    help="Run folder to go on with, under its own settings.",
    title="Run",
)
@option(
    "--checkpoint-every",
    type=click.IntRange(1),
    help="Save every N batches too, not only every epoch.",
    title="Run",
)
@option(
    "--threads",
    type=click.IntRange(1),
    help="Threads; never changes the result.  [default: all cores; with --scheduler 1 a task]",
    title="Run",
)
@option(
    "--scheduler",
    help="Address of a Dask scheduler, such as tcp://127.0.0.1:8786, whose workers share the work; never"
    " changes the result.",
    title="Run",
)
@click.pass_context
@one_line_errors
def train(
    context: click.Context,
    /,
    threads: int | None,
    scheduler: str | None,
    out: Path | None,
    resume: Path | None,
    checkpoint_every: int | None,
    preset: str | None,
    max_qpu_time: float | None,
    when_offline: str | None,
    answer_timeout: float | None,
    **settings: Any,
) -> None:
    """Train a network on images.

    The defaults are the paper's settings; those that a data set, a network or a machine has in their place
    stand behind them.

    \b
    Examples:
      ising-ep train --epochs 5 --out runs/first
      ising-ep train --preset mnist --data-dir ~/mnist
      ising-ep train --dataset mnist --data-dir ~/mnist --train-per-class 100 --test-per-class 10
      ising-ep train --dataset fashion-mnist --epochs 3
      ising-ep train --dataset mine.npz --layers 64,32,20
      ising-ep train --dataset patterns --network convolutional --machine chip
      ising-ep train --machine deterministic
      ising-ep train --machine oscillator
      ising-ep train --machine chip --chip zephyr:12 --batch-size 4
      ising-ep train --machine qpu --batch-size 4 --max-qpu-time 60
      ising-ep train --scheduler tcp://127.0.0.1:8786 --batch-size 1000
      ising-ep train --resume runs/first --epochs 10
    """
    from .. import config, training
    from ..training import cluster, notes
    from . import budget, runs

    given = {
        k: v for k, v in settings.items() if context.get_parameter_source(k) is ParameterSource.COMMANDLINE
    }
    if preset is not None:
        if resume is not None:
            raise ValueError(f"--preset is {preset}, but --resume goes on with the settings of {resume}")
        given = config.preset(preset) | given
    limits = {"max_qpu_time": max_qpu_time, "when_offline": when_offline, "answer_timeout": answer_timeout}
    state = None
    client = None
    if scheduler is not None:
        client = context.with_resource(cluster.connected(scheduler, partial(click.echo, err=True)))
    if resume is None:
        run, dataset, machine = runs.new(given, out, threads, limits, shared=client is not None)
    elif out is not None:
        raise ValueError(f"--out is {out}, but --resume goes on in {resume}; give one of them")
    else:
        run, state, dataset, machine = runs.resumed(resume, given, threads, limits, shared=client is not None)
    qpu = machine.annealer if run.config.machine == "qpu" else None  # type: ignore[attr-defined]
    latest, testing = state, False

    def at_once() -> bool:
        """Whether a stop need not wait for the end of the batch."""
        shared = client is not None and cluster.busy(client) and not testing
        return shared or (qpu is not None and qpu.busy)

    counts = run.config.epochs, len(dataset.x_train), len(dataset.x_test)
    with (
        one_line_warnings(),
        stop_on_signals(at_once) as stop,
        training_progress(*counts, state) as progress,
    ):

        def save(state: TrainState) -> None:
            run.save(state)
            if qpu is not None:
                qpu.journal.forget(before=state.usage.problems)

        def on_batch(state: TrainState) -> None:
            nonlocal latest
            latest = state
            if checkpoint_every and state.batch % checkpoint_every == 0:
                save(state)
            stop.check()
            progress.learned(state)

        def on_test(state: TrainState, done: int) -> None:
            nonlocal testing
            if not testing:
                save(state)  # a test that is stopped is made anew, and nothing else
                testing = True
                stop.hurry()
            progress.tested(state, done)

        def on_epoch(state: TrainState) -> None:
            nonlocal testing
            stop.take_time()
            testing = False
            save(state)
            progress.ended(state)
            stop.check()

        watching = training.Callback()
        watching.on_batch, watching.on_test, watching.on_epoch = on_batch, on_test, on_epoch  # type: ignore[method-assign]
        for note in notes.notes(run.config, dataset):
            click.echo(note, err=True)
        try:
            state = training.train(
                run.config,
                dataset,
                state=state,
                num_threads=threads,
                machine=None if run.config.test_reads else machine,
                scheduler=client,
                callbacks=[watching],
            )
        except (KeyboardInterrupt, StoppedError) as why:
            reason = "Stopped" if isinstance(why, KeyboardInterrupt) else f"Stopped: {why}"
            # A test begins with it saved.
            if latest is not None and stop.safe and not testing and not isinstance(why, NotSavedError):
                try:
                    save(latest)
                except StoppedError as not_saved:
                    reason = f"Stopped: {not_saved}"
            if qpu is not None:
                click.echo(cost(machine), err=True)
            more = [budget.enough(run, dataset, latest, machine)] if isinstance(why, BudgetSpentError) else []
            click.echo(f"{reason}. Go on with: {budget.go_on(context, run, *more)}", err=True)
            context.exit(INTERRUPTED if isinstance(why, KeyboardInterrupt) else STOPPED)
    last = state.history[-1]
    click.echo(
        f"After {state.epoch} epochs: train accuracy {last['train_accuracy']:.2%},"
        f" test accuracy {last['test_accuracy']:.2%}"
    )
    click.echo(f"Mean squared error: train {last['train_loss']:.4f}, test {last['test_loss']:.4f}")
    if state.usage.chains:
        click.echo(cost(machine))
    click.echo(f"Run folder: {run.path}")
    runs.draw(run, state, run.path)


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@option("--dataset", metavar="NAME", help="Another data set.  [default: the run's own]", title="Images")
@option(
    "--data-dir", type=click.Path(), help="Folder of its IDX files.  [default: the run's]", title="Images"
)
@evaluation_options
@one_line_errors
def evaluate(
    run: Path,
    dataset: str | None,
    data_dir: str | None,
    threads: int | None,
    copies: int | None,
    **limits: Any,
) -> None:
    """Accuracy and loss of a run on test images, class by class.

    \b
    Examples:
      ising-ep evaluate runs/first
      ising-ep evaluate runs/mnist100 --dataset mnist --data-dir ~/mnist   (all 10,000 test images)
      ising-ep evaluate runs/qpu --max-qpu-time 1
    """
    import numpy as np

    from ..training import Evaluation
    from . import runs
    from .loading import load_dataset

    folder, state = runs.finished(run)
    data = folder.known_data()
    if dataset is None and data_dir is None:
        images = runs.own_dataset(folder)
    else:
        name = dataset or folder.config.dataset
        # The run's folder holds the run's data set, and no other.
        of_run = folder.config.data_dir if name == folder.config.dataset else None
        images = load_dataset(name, data_dir or of_run)
        if (images.num_inputs, images.num_classes) != (data.num_inputs, data.num_classes):
            raise ValueError(
                f"{images.name} has {images.num_inputs} inputs and {images.num_classes} classes, but the run"
                f" was trained on {data.num_inputs} and {data.num_classes}"
            )
    network, outputs = free_outputs(
        folder, state, images.x_test, threads=threads, copies=copies, limits=limits
    )
    y = images.y_test
    result = Evaluation.of(network, outputs, y)
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
@click.option(
    "--probabilities", is_flag=True, help="Write the probability of each class beside the label, too."
)
@evaluation_options
@one_line_errors
def predict(
    run: Path,
    images: Path,
    out: Path | None,
    probabilities: bool,
    threads: int | None,
    copies: int | None,
    **limits: Any,
) -> None:
    """Classes of the images in FILE.npy, or in the array x of FILE.npz.

    The run folder is enough: the data set that it was trained on is not read.

    \b
    Examples:
      ising-ep predict runs/first images.npy --out labels.csv
      ising-ep predict runs/first images.npy --probabilities
    """
    from .. import datasets, training
    from . import runs

    folder, state = runs.finished(run)
    if out is not None:
        require_writable(out)
    x = datasets.load_images(images, folder.known_data().num_inputs)
    network, outputs = free_outputs(folder, state, x, threads=threads, copies=copies, limits=limits)
    rows = [[str(k), str(label)] for k, label in enumerate(training.classes(network, outputs))]
    names = ["image", "label"]
    if probabilities:
        found = training.probabilities(network, outputs)
        names += [f"p{label}" for label in range(found.shape[1])]
        rows = [row + [f"{p:.4f}" for p in of_image] for row, of_image in zip(rows, found, strict=True)]
    lines = "".join(",".join(row) + "\n" for row in [names, *rows])
    if out is None:
        click.echo(lines, nl=False)
    else:
        replace(out, lines.encode())
        click.echo(f"{len(x)} labels in {out}")


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the pictures.  [default: the run's]")
@one_line_errors
def plot(run: Path, out: Path | None) -> None:
    """Draw the curves, confusion matrix and weights of a run, and how a chip did.

    \b
    Example:
      ising-ep plot runs/first --out pictures
    """
    from ..files.run_lock import InUseError
    from . import runs

    folder, state = runs.finished(run)
    if out is None:
        try:
            runs.hold_to_the_end(folder)
        except InUseError as error:
            click.echo(f"{error}: the pictures are those of its last checkpoint", err=True)
    runs.draw(folder, state, out or folder.path)
