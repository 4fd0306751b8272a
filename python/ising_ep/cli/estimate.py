"""The command `ising-ep estimate`: what a training run costs on a QPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..extras import require
from .errors import one_line_errors
from .help import Command
from .loading import load_dataset
from .options import later, option, preset_option, settings, settings_of
from .qpu import LONGEST_TIMEOUT, Seconds

if TYPE_CHECKING:
    from ..chip import Chip
    from ..config import TrainConfig
    from ..datasets import Dataset
    from ..embedding import Embedding
    from ..network import Network
    from ..qpu.cost import Estimate, Phase

# Settings that decide the cost of a run.
ASKED = (
    *("dataset", "data_dir", "train_per_class", "test_per_class"),
    *("epochs", "mean_field_epochs", "batch_size", "symmetric", "num_reads", "reverse_fraction"),
    *("chip", "chip_missing", "chip_seed", "copies", "embedding", "annealing_time"),
)
# Copies beyond these are not looked for: it takes long, and batches as large learn otherwise.
MOST_COPIES = 16


@click.command(cls=Command)
@settings(*ASKED)
@settings_of("network", without="gains")
@later(preset_option)
@option(
    "--seconds-per-call",
    type=Seconds(0, LONGEST_TIMEOUT),
    help="From a call to its answer, less its QPU time; an assumption.  [default: 0.1]",
    title="Service",
)
@one_line_errors
def estimate(seconds_per_call: float | None, preset: str | None, **settings: Any) -> None:
    """Say what training costs on a QPU, and what would halve it.

    It prints calls, QPU access time and wall time. The options are those of `train`. Nothing is sent and
    nothing is fetched: of a published data set without a folder, the sizes are enough. QPU access time is
    what D-Wave charges for, by the estimator of its own client on the chip's properties, corrected where
    runs of the solver were measured; in brackets is the range of 95 % of runs. Batches learn otherwise than
    single images, and fewer epochs or reads learn less: the table does not know.

    \b
    Examples:
      ising-ep estimate
      ising-ep estimate --dataset mnist --train-per-class 100 --test-per-class 10 --batch-size 4
      ising-ep estimate --preset mnist-100-chip
      ising-ep estimate --dataset patterns --network convolutional --batch-size 2
      ising-ep estimate --chip solver.json --embedding embedding.json --seconds-per-call 0.5
    """
    require("chip", "an estimate")
    from .. import training
    from ..config import TrainConfig, changed_preset
    from ..qpu import cost as costs
    from ..training.build import chip_of
    from ..training.fitting import check_images_of

    # Nothing is annealed, so errors of the chip are of no matter, and its seed of the missing qubits alone.
    given = {"machine": "chip", "chip_offsets": (0.0, 0.0)} | {
        name: value for name, value in settings.items() if value is not None
    }
    config = TrainConfig.checked(given if preset is None else changed_preset(preset, given))
    dataset = _dataset(config)
    network, chip = training.network_of(config, dataset), chip_of(config)
    check_images_of(network, dataset)
    embedding, fitting = _embeddings(config, network, chip)
    run = (config, network, len(dataset.x_train), len(dataset.x_test), chip)
    trip = costs.ROUND_TRIP if seconds_per_call is None else seconds_per_call
    asked = costs.estimate(*run, embedding, round_trip=trip)
    count, means = config.epochs_on_machine, config.mean_field_epochs
    before = f", after {means} of means without it" if means else ""
    click.echo(
        f"{len(dataset.x_train):,} training and {len(dataset.x_test):,} test images,"
        f" {count} {'epoch' if count == 1 else 'epochs'} on {chip}{before}"
    )
    click.echo(asked)
    _phases(asked)
    changes = costs.halving_changes(costs.Run(*run, embedding), fitting, dataset.num_classes, round_trip=trip)
    rows = {
        "as asked": asked,
        "one image a call (the paper's way)": costs.untiled(*run, embedding, round_trip=trip),
        **{f"{change.options} ({change.meaning})": change.estimate for change in changes},
    }
    _table(rows, asked)
    if changes:
        best = changes[0]
        less = asked.qpu_seconds / best.estimate.qpu_seconds
        click.echo(f"The cheapest single change: {best.options}, {less:.1f} times less QPU access time.")
    else:
        click.echo("No single change halves the QPU access time.")


def _dataset(config: TrainConfig) -> Dataset:
    """The run's data, or a stand-in of the same sizes for those that would have to be fetched."""
    from .. import datasets

    loader = datasets.LOADERS.get(config.dataset)
    if loader is None or config.data_dir is not None:
        return load_dataset(config.dataset, config.data_dir, config.train_per_class, config.test_per_class)
    return loader.stand_in((config.train_per_class, config.test_per_class))


def _embeddings(config: TrainConfig, network: Network, chip: Chip) -> tuple[Embedding, Embedding]:
    """The copies of the run, and as many as are found to fit, up to `MOST_COPIES`."""
    from ..machines.embedded import EmbeddedSettings, check_copies, found_on
    from ..training.build import embedding_of

    assert isinstance(config.machine_settings, EmbeddedSettings)
    config.machine_settings.check_on(chip)
    tried = config.copies or config.batch_size
    if config.embedding is not None or tried >= MOST_COPIES:
        embedding = embedding_of(config, network, chip)
        return embedding, embedding
    fitting = found_on(chip, network, MOST_COPIES)
    # The longest search is then the only one, but for runs that use fewer copies, which lie otherwise.
    if 1 < tried >= fitting.num_copies:
        check_copies(config.copies, fitting, chip)
        return fitting, fitting
    return embedding_of(config, network, chip), fitting


def _phases(asked: Estimate) -> None:
    from ..qpu.cost import duration, duration_range

    def line(name: str, phase: Phase, least: str = "", note: str = "") -> None:
        calls = f"{least}{phase.calls:,}"
        total = f"{least}{duration(phase.qpu_seconds)}"
        click.echo(f"  {name:<6} {calls:>14} calls of {duration_range(phase.call)}: {total}{note}")

    line("free", asked.free)
    line("nudge", asked.nudge, "0 to ", ", for images that come out wrong")
    line("test", asked.test)


def _table(rows: dict[str, Estimate], asked: Estimate) -> None:
    from ..qpu.cost import duration

    width = max(map(len, rows))
    click.echo(f"\n{'at most':<{width}} {'calls':>12} {'QPU access':>11} {'wall time':>10} {'ratio':>6}")
    for name, cost in rows.items():
        click.echo(
            f"{name:<{width}} {cost.calls:>12,} {duration(cost.qpu_seconds):>11}"
            f" {duration(cost.wall_seconds):>10} {cost.qpu_seconds / asked.qpu_seconds:>6.2f}"
        )
    click.echo()
