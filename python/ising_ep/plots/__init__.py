"""Pictures of a run: learning curves, confusion matrix, first-layer weights, the network on its chip.

Each function returns a `matplotlib.figure.Figure`; nothing touches pyplot or a display.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets import ImageShape
from ..extras import needing
from ..files.atomic import replace, require_replaceable
from ..machines.usage import GAP_STEP, GAP_STEPS, Usage
from ..network import Clamp, Convolution, Input, Interaction, Kind, Network, Parameters
from ..printable import printable

with needing("plot", "a picture"):
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    from .chips import draw_embedding, embedding_on_chip
    from .looks import DPI, TEST, TRAIN

__all__ = [
    "FORMATS",
    "accuracy_axis",
    "chip_reads",
    "confusion_matrix",
    "draw_embedding",
    "embedding_on_chip",
    "epoch_axis",
    "first_layer_weights",
    "input_weights",
    "require_picture",
    "save",
    "training_curves",
]

FORMATS = (".png", ".svg", ".pdf")
# Receptive fields shown; more would be too small to see.
MOST_UNITS = 60
# Letters of the name of a class.
LONGEST_NAME = 20
# Inches that the title of the weights takes.
LEAST_WIDTH = 5.5


def save(figure: Figure, path: Path) -> None:
    """Writes a picture in the format of the name's ending, whole or not at all.

    Raises:
        ValueError: If the name has another ending than `FORMATS`.
        OSError: If it cannot be written.
    """
    require_picture(path)
    content = io.BytesIO()
    figure.savefig(content, format=path.suffix[1:].lower())
    replace(path, content.getvalue())


def require_picture(path: Path) -> None:
    """Refuses a name or place that no picture can be written to.

    Raises:
        ValueError: If the name has another ending than `FORMATS`.
        OSError: If something other than a file stands there.
    """
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"{path}: expected a name that ends in {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")
    require_replaceable(path)


def training_curves(history: Sequence[dict[str, float]]) -> Figure:
    """Accuracy and mean squared error of training and test images over the epochs."""
    figure = Figure(figsize=(9, 3.9), layout="constrained", dpi=DPI)
    accuracy, loss = figure.subplots(1, 2)
    epochs = [row["epoch"] for row in history]
    for axes, name in ((accuracy, "accuracy"), (loss, "loss")):
        # Hollow signs of the test leave those of training to be seen where both are alike, at an edge too.
        for kind, look, size in (("train", TRAIN, 3.5), ("test", TEST, 5.5)):
            values = [row[f"{kind}_{name}"] for row in history]
            fill = look["color"] if kind == "train" else "none"
            signs = {"markersize": size, "markerfacecolor": fill, "clip_on": False}
            axes.plot(epochs, values, label=f"{kind} images", **look, **signs)
        epoch_axis(axes, epochs)
    accuracy.set(ylabel="accuracy", title="Accuracy of the free phase")
    accuracy_axis(accuracy, [row[f"{kind}_accuracy"] for row in history for kind in ("train", "test")])
    loss.set(ylabel="mean squared error", title="Error of the output spins", ylim=(0, None))
    # Beside the axes the legend hides no curve.
    figure.legend(*loss.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    return figure


def epoch_axis(axes: Axes, epochs: Sequence[float]) -> None:
    """Gives axes whole epochs, with room on both sides of the first and the last: of one epoch, too."""
    room = 0.5 + 0.02 * (epochs[-1] - epochs[0])
    axes.set(xlabel="epoch", xlim=(epochs[0] - room, epochs[-1] + room))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(alpha=0.3)


def accuracy_axis(axes: Axes, values: Iterable[float]) -> None:
    """Gives axes percentages of these accuracies: ten points at least, and none beyond 0 and 100 %."""
    found = list(values)
    low, high = min(found), max(found)
    room = max(0.05 * (high - low), 0.05 - 0.5 * (high - low))
    low, high = max(low - room, 0.0), min(high + room, 1.0)
    edge = 0.015 * (high - low)  # for the signs of what is at an end
    axes.set_ylim(low - edge, high + edge)
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1))


def confusion_matrix(
    labels: NDArray[np.int64],
    predictions: NDArray[np.int64],
    num_classes: int,
    names: Sequence[str | int] | None = None,
) -> Figure:
    """Plots the number of images of each class by prediction. The colour is the share of the class.

    Args:
        labels: Class of each image.
        predictions: Class that each was taken for.
        num_classes: Number of classes.
        names: What each class is called; None for its number.
    """
    counts = np.zeros((num_classes, num_classes), dtype=int)
    np.add.at(counts, (labels, predictions), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    texts = [_short(printable(name)) for name in names or ()]
    size = 2.4 + 0.4 * num_classes + 0.09 * max(map(len, texts), default=0)
    figure = Figure(figsize=(size, 0.92 * size), layout="constrained", dpi=DPI)
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=colour, fontsize=8)
    classes = range(num_classes)
    axes.set(xticks=classes, yticks=classes, xlabel="predicted class", ylabel="true class")
    if names is not None:
        # A dollar in a name is no formula.
        axes.set_xticklabels(texts, rotation=45, ha="right", rotation_mode="anchor", parse_math=False)
        axes.set_yticklabels(texts, parse_math=False)
    accuracy = float(np.mean(labels == predictions))
    axes.set_title(f"{len(labels)} test images, {accuracy:.1%} right")
    bar = figure.colorbar(image, ax=axes, shrink=0.8)
    bar.set_label("share of the true class")
    return figure


def _short(name: str) -> str:
    """A name that leaves room for the rest of a picture."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def input_weights(
    network: Network, parameters: Parameters, image_shape: tuple[int, ...] | None
) -> Figure | None:
    """Plots the first weights that lead from the input; None if there are none.

    Args:
        network: The network.
        parameters: Its parameters.
        image_shape: Shape of the images, if it is known.
    """
    for each in network.interactions:
        for name, spec in each.parameters.items():
            if spec.kind is Kind.INPUT:
                return first_layer_weights(parameters[name], _seen(network, each, image_shape))
    return None


def _seen(
    network: Network, interaction: Interaction, image_shape: tuple[int, ...] | None
) -> ImageShape | None:
    """Height, width and channels of the part of the image that a spin sees, if it is one."""
    before = interaction.before
    if not isinstance(interaction, Convolution):
        shape = before.shape if isinstance(before, Input) and len(before.shape) == 3 else image_shape
        if shape is None:
            return None
        height, width, *channels = shape
        return height, width, *(channels or [1])  # type: ignore[return-value]
    if isinstance(before, Input):
        return (*interaction.kernel, before.shape[-1])
    # Spins that are held to the pixels of a window have them as channels.
    held = [each for each in network.interactions if isinstance(each, Clamp) and each.after == before]
    if held and interaction.kernel == (1, 1):
        return (*held[0].window, held[0].before.shape[-1])
    return (*interaction.kernel, before.shape[-1]) if before else None


def first_layer_weights(weights: NDArray[np.float32], image_shape: ImageShape | None) -> Figure:
    """Draw what each first-layer spin sees: ``weights (num_inputs, units)`` as images, or as one matrix.

    Three channels are drawn in colour, two or four side by side.
    """
    limit = float(np.abs(weights).max()) or 1.0
    colours: dict[str, Any] = {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}
    if image_shape is None:
        figure = Figure(figsize=(7, 4), layout="constrained", dpi=DPI)
        axes = figure.subplots()
        image = axes.imshow(weights, aspect="auto", interpolation="nearest", **colours)
        axes.set(xlabel="first-layer spin", ylabel="input", title="First-layer weights")
        grid: Any = axes
    else:
        largest = np.argsort(-np.linalg.norm(weights, axis=0), kind="stable")[:MOST_UNITS]
        shown = _fields(weights[:, largest].T.reshape(-1, *image_shape), limit)
        columns = min(12, len(shown))
        rows = -(-len(shown) // columns)
        # The title is wider than a few fields.
        size = (max(0.75 * columns + 1, LEAST_WIDTH), 0.75 * rows + 0.7)
        figure = Figure(figsize=size, layout="constrained", dpi=DPI)
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes in grid.flat:
            axes.axis("off")
        for axes, field in zip(grid.flat, shown, strict=False):
            image = axes.imshow(field, **colours)
        title = f"Weights onto {len(shown)} of {weights.shape[1]} hidden spins, largest first"
        if shown.ndim == 4:  # a bar has one colour for a weight
            figure.suptitle(f"{title}\ngrey is 0, black {-limit:.2g} and white {limit:.2g} in each channel")
            return figure
        figure.suptitle(title)
    figure.colorbar(image, ax=grid, shrink=0.8, label="weight")
    return figure


def _fields(weights: NDArray[np.float32], limit: float) -> NDArray[np.float32]:
    """Turn weights ``(units, height, width, channels)`` into what `imshow` draws of each unit."""
    units, height, width, channels = weights.shape
    if channels == 3:
        return weights / (2 * limit) + np.float32(0.5)
    return weights.transpose(0, 1, 3, 2).reshape(units, height, channels * width)


def chip_reads(usages: Sequence[Usage]) -> Figure:
    """Plots a chip's energies of reads in the first and the last epoch, and broken chains by epoch.

    Args:
        usages: What it was used for until the end of each epoch.
    """
    figure = Figure(figsize=(9, 3.9), layout="constrained", dpi=DPI)
    energies, breaks = figure.subplots(1, 2)
    epochs = [after - before for before, after in zip([Usage(), *usages], usages, strict=False)]
    edges = GAP_STEP * np.arange(GAP_STEPS + 1)
    shown = {1: TEST, len(epochs): TRAIN}  # of one epoch there is one curve
    for number, look in shown.items():
        used = epochs[number - 1]
        shares = np.array(used.gaps) / max(sum(used.gaps), 1)
        line = {"color": look["color"], "linestyle": look["linestyle"]}
        energies.stairs(shares, edges, label=f"epoch {number}", linewidth=1.5, **line)
    energies.set(
        xlabel="energy above the lowest of its image, % of that",
        ylabel="share of the reads",
        title="Energies of the reads",
        xlim=(0, edges[-1]),
        ylim=(0, None),
    )
    ticks = edges[:-1:10]
    energies.set_xticks(ticks, [f"{100 * tick:g}" for tick in ticks[:-1]] + [f"≥ {100 * ticks[-1]:g}"])
    energies.yaxis.set_major_formatter(PercentFormatter(xmax=1))
    energies.legend(frameon=False)
    energies.grid(alpha=0.3)
    numbers = range(1, len(epochs) + 1)
    broken = [used.chain_break_fraction for used in epochs]
    breaks.plot(numbers, broken, markersize=3.5, clip_on=False, **TRAIN)
    # A percent at least: of fewer broken chains the height says how few.
    breaks.set(ylabel="share of the chains", title="Broken chains", ylim=(0, max(1.1 * max(broken), 0.01)))
    breaks.yaxis.set_major_formatter(PercentFormatter(xmax=1))
    epoch_axis(breaks, numbers)
    return figure
