"""The command `ising-ep`: parses, calls, prints."""

from __future__ import annotations

import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from .atomic import replace
from .cli_data import data_dir_option, data_options
from .cli_embed import Layers, chip_options, embed
from .cli_emulate import emulate
from .cli_errors import INTERRUPTED, STOPPED, one_line_errors, one_line_warnings
from .cli_estimate import estimate
from .cli_progress import training_progress
from .cli_qpu import qpu_options
from .cli_reproduce import reproduce
from .cli_sample import sample
from .cli_stop import stop_on_signals
from .stopped import NotSavedError, StoppedError

if TYPE_CHECKING:
    from .checkpoint import TrainState
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
      ising-ep emulate
      ising-ep estimate --batch-size 4
      ising-ep reproduce fully-connected --data-dir ~/mnist
      ising-ep sample problem.coo
    """


main.add_command(embed)
main.add_command(emulate)
main.add_command(estimate)
main.add_command(reproduce)
main.add_command(sample)


@main.command()
@data_options
@click.option(
    "--network", help="layers, or convolutional: the paper's, for images of -1 and +1.  [default: layers]"
)
@click.option("--layers", type=Layers(), help="Spins of hidden layers and outputs.  [default: 120,40]")
@click.option("--epochs", type=int, help="Epochs.  [default: 50; digits 15]")
@click.option("--batch-size", type=int, help="Images an update.  [default: 1]")
@click.option("--num-reads", type=int, help="Anneals of a phase.  [default: 10]")
@click.option("--num-sweeps", type=int, help="Sweeps of a forward anneal.  [default: 100; chip 800]")
@click.option("--nudge", type=float, help="Strength beta of the nudge.  [default: 5; deterministic 2]")
@click.option(
    "--symmetric/--no-symmetric",
    default=None,
    help="Compare nudges of the error by +beta and -beta, not a nudge and the free phase.  [default: no]",
)
@click.option(
    "--learning-rate",
    type=float,
    help="Step of the weights.  [default: 0.01; digits 0.002, patterns 0.1, deterministic 0.01]",
)
@click.option(
    "--bias-learning-rate", type=float, help="Step of the biases.  [default: 0.001; deterministic 0.01]"
)
@click.option(
    "--coupling-learning-rate",
    type=float,
    help="Step of the weights between spins.  [default: as --learning-rate]",
)
@click.option("--optimizer", help="How weights follow the contrast: sgd or adam.  [default: sgd]")
@click.option(
    "--decay", help="Learning rate over the epochs: constant, or cosine, to 0.  [default: constant]"
)
@click.option(
    "--weight-decay", type=float, help="Weights lose it, times their rate, an update.  [default: 0]"
)
@click.option(
    "--centre/--no-centre",
    default=None,
    help="Learn from images less their mean; the network stays as it is.  [default: no]",
)
@click.option("--shift", type=int, help="Move images by up to so many pixels while learning.  [default: 0]")
@click.option(
    "--test-reads", type=int, help="Reads of an image in tests; not on a chip.  [default: as --num-reads]"
)
@click.option("--reverse-fraction", type=float, help="Where the reverse anneal turns.  [default: 0.25]")
@click.option(
    "--beta-range", type=(float, float), help="Hot and cold inverse temperature.  [default: 0.5 20]"
)
@click.option(
    "--statistic", help="Keep the lowest read, or the average of all.  [default: lowest; digits average]"
)
@click.option("--seed", type=int, help="Seed of everything random.  [default: 0]")
@click.option(
    "--machine",
    help="annealing; deterministic: binary neurons that relax; analog, coherent, oscillator: amplitudes,"
    " pulses of light or phases that flow; chip: a model of a D-Wave chip; qpu: the solver that"
    " dwave-cloud-client's configuration chooses.  [default: annealing]",
)
@click.option("--free-steps", type=int, help="Steps of a relaxation from rest.  [default: 20]")
@click.option("--nudge-steps", type=int, help="Steps of a nudged relaxation.  [default: 10]")
@click.option(
    "--num-steps", type=int, help="Steps of analog, coherent, oscillator.  [default: 100; oscillator 200]"
)
@click.option(
    "--gain", type=float, help="Of their couplings, a step.  [default: 1; coherent 0.9, oscillator 0.5]"
)
@click.option(
    "--noise-range",
    type=(float, float),
    help="Of their first and last step.  [default: 0.8 0; coherent 0.2 0, oscillator 0.6 0]",
)
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
    "--threads",
    type=click.IntRange(1),
    help="Threads; never changes the result.  [default: all cores; with --scheduler 1 a task]",
)
@click.option(
    "--scheduler",
    help="Address of a Dask scheduler, such as tcp://127.0.0.1:8786, whose workers share the work; never"
    " changes the result.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Run folder.  [default: runs/DATASET-TIME]")
@click.option(
    "--resume", type=click.Path(path_type=Path), help="Run folder to go on with, under its own settings."
)
@click.option(
    "--checkpoint-every", type=click.IntRange(1), help="Save every N batches too, not only every epoch."
)
@click.option("--preset", help="All settings of a task: mnist, mnist-wide, mnist-100; options change them.")
@qpu_options
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
    """Train a network; the defaults are the paper's settings, on scikit-learn's digits.

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
    from . import cli_runs, cluster, config, notes, training

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
        threads = threads or 1
    if resume is None:
        run, dataset, machine = cli_runs.new(given, out, threads, limits, shared=client is not None)
    elif out is not None:
        raise ValueError(f"--out is {out}, but --resume goes on in {resume}; give one of them")
    else:
        run, state, dataset, machine = cli_runs.resumed(
            resume, given, threads, limits, shared=client is not None
        )
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
                on_batch=on_batch,
                on_test=on_test,
                on_epoch=on_epoch,
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
                click.echo(_cost(machine), err=True)
            click.echo(
                f"{reason}. Go on with: ising-ep train --resume {shlex.quote(str(run.path))}", err=True
            )
            context.exit(INTERRUPTED if isinstance(why, KeyboardInterrupt) else STOPPED)
    last = state.history[-1]
    click.echo(
        f"After {state.epoch} epochs: train accuracy {last['train_accuracy']:.2%},"
        f" test accuracy {last['test_accuracy']:.2%}"
    )
    click.echo(f"Mean squared error: train {last['train_loss']:.4f}, test {last['test_loss']:.4f}")
    if state.usage.chains:
        click.echo(_cost(machine))
    click.echo(f"Run folder: {run.path}")
    cli_runs.draw(run, dataset, state, run.path)


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--dataset", help="Another data set than the run's own.")
@data_dir_option
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

    from . import cli_data, cli_runs, training

    folder, state, own = cli_runs.finished(run)
    images = own
    if dataset is not None or data_dir is not None:
        name = dataset or folder.config.dataset
        # The run's folder holds the run's data set, and no other.
        of_run = folder.config.data_dir if name == folder.config.dataset else None
        other = cli_data.load(name, data_dir or of_run)
        if (other.num_inputs, other.num_classes) != (images.num_inputs, images.num_classes):
            raise ValueError(
                f"{other.name} has {other.num_inputs} inputs and {other.num_classes} classes, but the run"
                f" was trained on {images.num_inputs} and {images.num_classes}"
            )
        images = other
    x, y = images.x_test, images.y_test
    machine = cli_runs.evaluating_machine(folder, own, len(x), threads)
    result = training.evaluate(folder.config.of_tests(), images, state.parameters, x, y, machine=machine)
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

    from . import cli_runs, datasets, training

    folder, state, dataset = cli_runs.finished(run)
    x = datasets.load_images(images, dataset.num_inputs)
    machine = cli_runs.evaluating_machine(folder, dataset, len(x), threads)
    labels = np.zeros(len(x), dtype=np.int64)  # not looked at: only the predictions are used
    result = training.evaluate(
        folder.config.of_tests(), dataset, state.parameters, x, labels, machine=machine
    )
    lines = "image,label\n" + "".join(f"{k},{label}\n" for k, label in enumerate(result.predictions))
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
    """Learning curves, confusion matrix and first-layer weights of a run, and how a chip did, as PNG.

    \b
    Example:
      ising-ep plot runs/first --out pictures
    """
    from . import cli_runs
    from .run_lock import InUseError

    folder, state, dataset = cli_runs.finished(run)
    if out is None:
        try:
            cli_runs.hold_to_the_end(folder)
        except InUseError as error:
            click.echo(f"{error}: the pictures are those of its last checkpoint", err=True)
    cli_runs.draw(folder, dataset, state, out or folder.path)


def _cost(machine: Machine) -> str:
    """What a chip was asked for."""
    used = machine.usage
    return (
        f"{used.problems:,} problems on the chip, {used.chain_break_fraction:.2%} of chains broken,"
        f" QPU access time {used.access_time:.3f} s"
    )


if __name__ == "__main__":
    main()
