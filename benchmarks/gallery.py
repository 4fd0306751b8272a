"""The pictures of docs/gallery.md, two of which the README has, too; some minutes of one core.

    python -m benchmarks.gallery [NAME]... [--data-dir DIR] [--out DIR]

Seeds are fixed. `hidden`, `states`, `filters` and `landscape` need MNIST's IDX files.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import dimod
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from numpy.typing import NDArray
from PIL import Image

from benchmarks.support import report
from ising_ep import (
    SimulatedAnnealingSampler,
    datasets,
    minimize,
    plots,
    training,
)
from ising_ep.chip import Chip
from ising_ep.config import TrainConfig, preset
from ising_ep.datasets import Dataset
from ising_ep.embedding import embed
from ising_ep.network import FullyConnected
from ising_ep.plots.looks import DPI, GREY, SERIES, TEST, TRAIN
from ising_ep.training.state import TrainState

DOCS = Path(__file__).parents[1] / "docs"
# Bytes of a picture, and colours where one has few.
MOST_BYTES, COLOURS = 200_000, 64


def hidden(data_dir: Path) -> Figure:
    """What 60 of the hidden spins of a network of the paper's size look for in an image, after training."""
    return _weights(*_mnist(data_dir))


def states(data_dir: Path) -> Figure:
    """Hidden spins of test images of three digits, ten of each: images of one digit have like states."""
    config, data = _mnist(data_dir)
    state = _trained(config, data)
    classes = (0, 1, 7)
    chosen = np.concatenate([np.flatnonzero(data.y_test == label)[:10] for label in classes])
    model = training.Trained(config, training.DataRecord.of(data), state.parameters)
    spins = model.sample(data.x_test[chosen]).states[:, 0]
    network = model.network
    size = network.layers[0].size
    # In the order in which they tell the first digit from the last, so that the eye finds what they share.
    tells = spins[:10, :size].mean(axis=0, dtype=float) - spins[20:, :size].mean(axis=0, dtype=float)
    figure = Figure(figsize=(8, 4.2), layout="constrained", dpi=DPI)
    axes = figure.subplots()
    axes.imshow(spins[:, :size][:, np.argsort(tells)], cmap="gray", vmin=-1, vmax=1, aspect="auto")
    axes.set_yticks([4.5, 14.5, 24.5], [f"ten images of {label}" for label in classes])
    for border in (9.5, 19.5):
        axes.axhline(border, color=TEST["color"], linewidth=1.5)
    axes.set(xlabel="hidden spin, in the order in which they tell 0 from 7; white +1, black -1")
    axes.set_title("Hidden states of the free phase: every digit has a pattern of its own")
    return figure


def filters(data_dir: Path) -> Figure:
    """Filters of a convolutional network."""
    data = datasets.load_mnist(data_dir, train_per_class=100, test_per_class=20)
    given = preset("mnist-convolutional") | {
        "epochs": 8,
        "mean_field_epochs": 7,
        "train_per_class": 100,
        "seed": 0,
    }
    return _weights(TrainConfig.checked(given), data)


def landscape(data_dir: Path) -> Figure:
    """The lowest energy of each class, for an image of three digits, before and after training: exact."""
    config, data = _mnist(data_dir)
    network = training.network_of(config, data)
    begun = network.initial_parameters(np.random.default_rng([config.seed, 0]))
    figure = Figure(figsize=(10, 5.6), layout="constrained", dpi=DPI)
    classes = (0, 1, 7)
    grid = figure.subplots(2, len(classes), sharey="row")
    for row, (when, parameters) in zip(
        grid, (("before", begun), ("after", _trained(config, data).parameters)), strict=True
    ):
        for axes, label in zip(row, classes, strict=True):
            image = data.x_test[np.flatnonzero(data.y_test == label)[0]]
            energies = _lowest_of_classes(network, parameters, image)
            gaps = energies - energies.min()
            others = np.delete(np.arange(10), label)
            for places, look, text in (
                (others, TRAIN, "other classes"),
                ([label], TEST, "the image's class"),
            ):
                signs: Any = {**look, "linestyle": "", "markersize": 7}
                axes.plot(places, gaps[places], label=text, **signs)
            axes.vlines(range(10), 0, gaps, color=GREY, linewidth=1)
            axes.set(xlabel="class that the outputs say", ylabel="energy above the lowest", xticks=range(10))
            axes.set_title(f"{when} training, an image of {label}")
            axes.grid(axis="y", alpha=0.3)
    handles = grid[0, 0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=2, frameon=False)
    return figure


def _lowest_of_classes(network: Any, parameters: Any, image: NDArray[np.float32]) -> NDArray[np.float64]:
    """The lowest energy of all states whose outputs say a class, for each class.

    Hidden spins of one layer do not couple, so each takes the sign against what acts on it.
    """
    fields = np.clip(network.fields(parameters, image[None])[0].astype(float), -4, 4)  # as the rule does
    rows, cols, values = network.couplings(parameters)
    dense = np.zeros((len(fields), len(fields)))
    dense[rows, cols] = values
    dense += dense.T
    outputs, hidden = network.outputs, slice(0, network.outputs.start)
    said = network.targets(np.arange(network.num_classes)).astype(float)
    acting = fields[hidden] + said @ dense[outputs, hidden]
    found: NDArray[np.float64] = said @ fields[outputs] - np.abs(acting).sum(axis=1)
    return found


def curves(_: Path) -> Figure:
    """Learning curves of `ising-ep train`."""
    data = datasets.load("digits")
    return plots.training_curves(_trained(TrainConfig.checked({"dataset": "digits"}), data).history)


def embedding(_: Path) -> Figure:
    """Four copies of a network of 160 spins on a Pegasus chip that lacks some qubits."""
    chip = Chip.named("pegasus:16").without(0.005, seed=0)
    return plots.embedding_on_chip(chip, embed(FullyConnected(1, (120, 40), 10), chip, copies=4))


def search(_: Path) -> Figure:
    """The lowest energy so far against time, of `minimize` and of as many anneals as fit into that time."""
    rng = np.random.default_rng(0)
    graph = Chip.perfect("pegasus", 12).graph
    values = rng.choice([-1.0, 1.0], graph.number_of_edges())
    bqm = dimod.BinaryQuadraticModel({}, dict(zip(graph.edges, values, strict=True)), 0.0, "SPIN")
    limit = 8.0
    found = minimize(bqm, seed=0, num_threads=1, time_limit=limit)
    traces = {"minimize": found.info["trace"]}
    for sweeps in (1000, 100):
        traces[f"anneals of {sweeps:,} sweeps, one after the other"] = _anneals_in(sweeps, bqm, limit)
    figure = Figure(figsize=(8, 4.2), layout="constrained", dpi=DPI)
    axes = figure.subplots()
    best = min(energy for trace in traces.values() for _, energy in trace)
    for look, (name, trace) in zip(SERIES, traces.items(), strict=False):
        times, energies = np.array([*trace, (limit, trace[-1][1])]).T
        gaps = 100 * (energies - best) / abs(best)
        axes.step(times, gaps, where="post", label=name, markersize=4, **look)
    axes.set(xlabel="seconds, one thread (log scale)", ylabel="energy above the lowest, %", xscale="log")
    axes.set(title=f"Spin glass of {bqm.num_variables:,} spins: the lowest energy so far", ylim=(-0.05, None))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure


def _anneals_in(sweeps: int, bqm: Any, limit: float) -> list[tuple[float, float]]:
    """When anneals one after the other have found lower energies."""
    sampler, began, trace, lowest = SimulatedAnnealingSampler(), perf_counter(), [], np.inf
    for seed in range(10_000):
        found = sampler.sample(bqm, num_reads=1, num_sweeps=sweeps, seed=seed, num_threads=1)
        energy = found.first.energy
        took = perf_counter() - began
        if took > limit:
            break
        if energy < lowest:
            lowest = energy
            trace.append((took, float(lowest)))
    return trace


@cache
def _mnist(data_dir: Path) -> tuple[TrainConfig, Dataset]:
    """A part of MNIST, and settings that learn it in a minute."""
    data = datasets.load_mnist(data_dir, train_per_class=100, test_per_class=20)
    given = preset("mnist-100") | {"epochs": 30, "test_per_class": 20, "seed": 0}
    return TrainConfig.checked(given), data


_known: dict[str, TrainState] = {}


def _weights(config: TrainConfig, data: Dataset) -> Figure:
    """Weights of the input after training."""
    parameters = _trained(config, data).parameters
    drawn = plots.input_weights(training.network_of(config, data), parameters, data.image_shape)
    assert drawn is not None
    return drawn


def _trained(config: TrainConfig, data: Dataset) -> TrainState:
    """The state after training; pictures of the same run share it."""
    key = config.model_dump_json()
    if key not in _known:
        _known[key] = training.train(config, data, num_threads=1)
    return _known[key]


def small_png(figure: Figure, width: int = 1200) -> bytes:
    """A figure as a PNG that is quick to load: not wider than this, and of few colours if it is large."""
    content = io.BytesIO()
    figure.savefig(content, format="png")
    image = Image.open(content).convert("RGB")
    if image.width > width:
        image = image.resize((width, width * image.height // image.width), Image.Resampling.LANCZOS)
    for colours in (None, 4 * COLOURS, COLOURS):
        written = io.BytesIO()
        (image if colours is None else _of_few_colours(image, colours)).save(written, "png", optimize=True)
        if written.tell() <= MOST_BYTES:
            return written.getvalue()
    return small_png(figure, width * 4 // 5)


def _of_few_colours(image: Image.Image, colours: int) -> Image.Image:
    """The image with so many colours, of which white stays white."""
    reduced = image.quantize(colours, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    palette = np.array(reduced.getpalette()).reshape(-1, 3)
    palette[palette.min(axis=1) >= 248] = 255
    reduced.putpalette(palette.ravel().tolist())
    return reduced


# Names of their files.
PICTURES: dict[str, Callable[[Path], Figure]] = {
    "hidden": hidden,
    "states": states,
    "filters": filters,
    "landscape": landscape,
    "digits": curves,
    "embedding": embedding,
    "search": search,
}
OF_MNIST = ("hidden", "states", "filters", "landscape")


@click.command(epilog="Example: python -m benchmarks.gallery landscape search --out pictures")
@click.argument("names", nargs=-1, type=click.Choice(tuple(PICTURES)))
@click.option(
    "--data-dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="ISING_EP_MNIST",
    help="Folder of MNIST's IDX files.  [default: $ISING_EP_MNIST]",
)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=DOCS, help="[default: docs]")
def main(names: tuple[str, ...], data_dir: Path | None, out: Path) -> None:
    """Draw these pictures, or all."""
    chosen = names or tuple(PICTURES)
    if data_dir is None and set(chosen) & set(OF_MNIST):
        raise click.UsageError(f"{', '.join(OF_MNIST)} are of MNIST: give --data-dir")
    report.one_thread()
    out.mkdir(parents=True, exist_ok=True)
    for name in chosen:
        content = small_png(PICTURES[name](data_dir or Path()))
        (out / f"{name}.png").write_bytes(content)
        click.echo(f"wrote {name}.png, {len(content) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
