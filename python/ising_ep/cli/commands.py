"""The command `ising-ep`: parses, calls, prints."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ..checks import short
from ..extras import require
from ..files.atomic import replace
from . import runs
from .calibrate import calibrate
from .completion import completion
from .doctor import doctor
from .embed import embed
from .emulate import emulate
from .errors import one_line_errors
from .estimate import estimate
from .evaluation import evaluation_options, free_outputs
from .help import Group
from .inspect import inspect
from .minimize import minimize
from .options import later, option, preset_option, settings, with_file
from .output import force_option, require_named, require_output
from .qpu import hold_to_the_end, qpu_options
from .report import report
from .sample import sample

if TYPE_CHECKING:
    from ..datasets import Dataset
    from ..training import DataRecord


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ising-ep", prog_name="ising-ep", message="%(prog)s %(version)s")
def main() -> None:
    """Train Ising machines with equilibrium propagation.

    \b
    Examples:
      ising-ep train
      ising-ep train --dataset mnist --data-dir ~/mnist --train-per-class 100
      ising-ep evaluate runs/digits-20260101-120000
      ising-ep report runs/first --watch
      ising-ep calibrate runs/qpu
      ising-ep inspect runs/qpu --out problem.json
      ising-ep doctor
      ising-ep embed --layers 120,40 --chip pegasus:16 --copies 4
      ising-ep emulate
      ising-ep estimate --batch-size 4
      ising-ep sample problem.coo
      ising-ep minimize problem.coo
    """


main.add_command(calibrate)
main.add_command(completion)
main.add_command(doctor)
main.add_command(embed)
main.add_command(emulate)
main.add_command(estimate)
main.add_command(inspect)
main.add_command(minimize)
main.add_command(report)
main.add_command(sample)


@main.command()
@settings()
@qpu_options(
    "Seconds of QPU access time that the run may take, in all its sessions; inf for no limit.  [default: no"
    " limit; with --resume the run's]"
)
@later(preset_option)
@option(
    "--settings",
    "settings_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="JSON file of settings, as `ising-ep calibrate` writes it; options change them.",
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
    settings_file: Path | None,
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
      ising-ep train --settings runs/qpu/calibration.json --batch-size 4
      ising-ep train --scheduler tcp://127.0.0.1:8786 --batch-size 1000
      ising-ep train --resume runs/first --epochs 10
    """
    from .. import config
    from .session import Session

    given = {
        k: v for k, v in settings.items() if context.get_parameter_source(k) is ParameterSource.COMMANDLINE
    }
    for name, value in (("--preset", preset), ("--settings", settings_file)):
        if value is not None and resume is not None:
            raise ValueError(f"{name} is {value}, but --resume goes on with the settings of {resume}")
    if settings_file is not None:
        given = with_file(settings_file, given, preset)
    if preset is not None:
        given = config.changed_preset(preset, given)
    if resume is not None and out is not None:
        raise ValueError(f"--out is {out}, but --resume goes on in {resume}; give one of them")
    options = {
        "threads": threads,
        "max_qpu_time": max_qpu_time,
        "when_offline": when_offline,
        "answer_timeout": answer_timeout,
    }
    session = Session.opened(context, given, options, out=out, resume=resume, scheduler=scheduler)
    state = session.train(checkpoint_every)
    last = state.history[-1]
    click.echo(
        f"After {state.epoch} epochs: train accuracy {last['train_accuracy']:.2%},"
        f" test accuracy {last['test_accuracy']:.2%}"
    )
    click.echo(f"Mean squared error: train {last['train_loss']:.4f}, test {last['test_loss']:.4f}")
    used = session.machine.cost()
    if used is not None:
        click.echo(used)
    click.echo(f"Run folder: {session.run.path}")
    runs.draw_if_can(session.run, state)


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
      ising-ep evaluate runs/mnist100 --dataset mnist --data-dir ~/mnist
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
        _require_like(images, data)
    network, outputs = free_outputs(
        folder, state, images.x_test, f"{images.name}: x_test", threads=threads, copies=copies, limits=limits
    )
    y = images.y_test
    result = Evaluation.of(network, outputs, y)
    click.echo(f"{len(y)} test images: accuracy {result.accuracy:.2%}, mean squared error {result.loss:.4f}")
    for number, label in enumerate(data.labels):
        of_class = y == number
        if of_class.any():
            right = float(np.mean(result.predictions[of_class] == number))
            click.echo(f"  class {label}: {right:7.2%} of {of_class.sum()}")


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("images", type=click.Path(path_type=Path))
@option(
    "--out",
    type=click.Path(path_type=Path),
    help="CSV file for the labels, instead of the screen.",
    title="Output",
)
@force_option
@option(
    "--probabilities",
    is_flag=True,
    help="Write the probability of each class beside the label, too.",
    title="Output",
)
@evaluation_options
@one_line_errors
def predict(
    run: Path,
    images: Path,
    out: Path | None,
    force: bool,
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

    require_named(out, force=force)
    if out is not None:
        if out.exists() and images.exists() and out.samefile(images):
            raise ValueError(f"{out} holds the images; give another --out")
        require_output(out, force=force)
    folder, state = runs.finished(run)
    x = datasets.load_images(images, folder.known_data().num_inputs)
    network, outputs = free_outputs(
        folder, state, x, f"{images}: x", threads=threads, copies=copies, limits=limits
    )
    labels = folder.known_data().labels
    rows = [[str(k), str(labels[found])] for k, found in enumerate(training.classes(network, outputs))]
    columns = ["image", "label"]
    if probabilities:
        shares = training.probabilities(network, outputs)
        columns += [f"p{label}" for label in labels]
        rows = [row + [f"{p:.4f}" for p in of_image] for row, of_image in zip(rows, shares, strict=True)]
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows([columns, *rows])
    if out is None:
        click.echo(table.getvalue(), nl=False)
    else:
        replace(out, table.getvalue().encode())
        click.echo(f"{len(x)} labels in {out}")


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder for the pictures.  [default: the run's]",
    title="Output",
)
@force_option
@one_line_errors
def plot(run: Path, out: Path | None, force: bool) -> None:
    """Draw the curves, confusion matrix and weights of a run, and how a chip did.

    \b
    Example:
      ising-ep plot runs/first --out pictures
    """
    from ..files.run_lock import InUseError
    from . import runs

    require("plot", "a picture")
    require_named(out, force=force)
    folder, state = runs.finished(run)
    if out is None or out.resolve() == run.resolve():
        try:
            hold_to_the_end(folder)
        except InUseError as error:
            click.echo(f"{error}: the pictures are those of its last checkpoint", err=True)
    runs.draw(folder, state, out or folder.path, force=force)


def _require_like(images: Dataset, data: DataRecord) -> None:
    """Refuses images of another size or of other classes than those that a run was trained on."""
    from ..training import DataRecord

    other = DataRecord.of(images)
    for what, found, wanted in (
        ("inputs", other.num_inputs, data.num_inputs),
        ("classes", other.num_classes, data.num_classes),
        ("as labels", other.labels, data.labels),
    ):
        if found != wanted:
            raise ValueError(
                f"{images.name} has {short(found)} {what}, but the run was trained on {short(wanted)}"
            )
