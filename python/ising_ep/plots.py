"""Pictures of a run: learning curves, confusion matrix, first-layer weights, the network on its chip.

Each function returns a `matplotlib.figure.Figure`; nothing touches pyplot or a display.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .chip import Chip
from .datasets import ImageShape
from .embedding import Embedding
from .extras import needing
from .files.atomic import replace, require_replaceable
from .machines.usage import GAP_STEP, GAP_STEPS, Usage
from .network import Clamp, Convolution, Input, Interaction, Kind, Network, Parameters

with needing("plot", "a picture"):
    import matplotlib as mpl
    from matplotlib.axes import Axes
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, PercentFormatter

DPI = 150
# The ten usual colours, then their light versions.
COPY_COLOURS = [mpl.colormaps["tab20"](i) for i in (*range(0, 20, 2), *range(1, 20, 2))]
# Dark and light enough apart to be told in grey.
TRAIN, TEST = "#1b4f72", "#e67e22"
FORMATS = (".png", ".svg", ".pdf")
# Receptive fields shown; more would be too small to see.
MOST_UNITS = 60


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
    figure = Figure(figsize=(9, 3.6), layout="constrained", dpi=DPI)
    accuracy, loss = figure.subplots(1, 2)
    epochs = [row["epoch"] for row in history]
    for axes, name, title in (
        (accuracy, "accuracy", "Accuracy of the free phase"),
        (loss, "loss", "Mean squared error of the outputs"),
    ):
        for kind, colour, style, marker in (("train", TRAIN, "-", "o"), ("test", TEST, "--", "s")):
            values = [row[f"{kind}_{name}"] for row in history]
            axes.plot(epochs, values, style, marker=marker, markersize=3.5, color=colour, label=kind)
        axes.set(xlabel="epoch", title=title)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    accuracy.yaxis.set_major_formatter(PercentFormatter(xmax=1))
    loss.set_ylim(bottom=0)
    return figure


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
    size = 2.4 + 0.4 * num_classes
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
        texts = [str(name) for name in names]
        axes.set_xticklabels(texts, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticklabels(texts)
    accuracy = float(np.mean(labels == predictions))
    axes.set_title(f"{len(labels)} test images, {accuracy:.1%} right")
    bar = figure.colorbar(image, ax=axes, shrink=0.8)
    bar.set_label("share of the true class")
    return figure


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
        figure = Figure(figsize=(0.75 * columns + 1, 0.75 * rows + 0.5), layout="constrained", dpi=DPI)
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
    figure = Figure(figsize=(9, 3.6), layout="constrained", dpi=DPI)
    energies, breaks = figure.subplots(1, 2)
    epochs = [after - before for before, after in zip([Usage(), *usages], usages, strict=False)]
    edges = GAP_STEP * np.arange(GAP_STEPS + 1)
    for used, label, style, colour in (
        (epochs[0], "epoch 1", "--", TEST),
        (epochs[-1], f"epoch {len(epochs)}", "-", TRAIN),
    ):
        shares = np.array(used.gaps) / max(sum(used.gaps), 1)
        energies.stairs(shares, edges, label=label, linestyle=style, color=colour)
    energies.set(
        xlabel="(E - lowest E) / |lowest E| of the same image; last step: all beyond",
        ylabel="reads",
        title="Energies of the reads",
        xlim=(0, edges[-1]),
        ylim=(0, None),
    )
    energies.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    energies.legend(frameon=False)
    numbers = range(1, len(epochs) + 1)
    breaks.plot(numbers, [used.chain_break_fraction for used in epochs], "-o", markersize=3.5, color=TRAIN)
    breaks.set(xlabel="epoch", ylabel="chains", title="Chains that were broken", ylim=(0, None))
    breaks.yaxis.set_major_formatter(PercentFormatter(xmax=1))
    breaks.xaxis.set_major_locator(MaxNLocator(integer=True))
    for axes in (energies, breaks):
        axes.xaxis.grid(alpha=0.3)
        axes.yaxis.grid(alpha=0.3)
    return figure


def embedding_on_chip(chip: Chip, embedding: Embedding) -> Figure:
    """The chip in grey, and on it the chains, as `draw_embedding` draws them."""
    figure = Figure(figsize=(9, 9.3), layout="constrained", dpi=DPI)
    draw_embedding(figure.subplots(), chip, embedding)
    return figure


def draw_embedding(axes: Axes, chip: Chip, embedding: Embedding) -> None:
    """Draws the chip in grey, its missing qubits as black circles, and the chains, a colour for each copy.

    Couplers between chains are fainter. There are twenty colours.
    """
    layout = chip.topology.layout(chip.topology.graph(chip.shape))
    places = np.array([layout[qubit] for qubit in chip.qubits.tolist()])
    chain_of = np.full(len(chip.qubits), -1)
    lengths = embedding.chain_lengths()
    chain_of[chip.positions(embedding.qubits())] = np.repeat(np.arange(len(lengths)), lengths)
    copy_of = np.where(chain_of < 0, -1, chain_of * embedding.num_copies // len(lengths))
    ends = chip.ends
    lines = places[ends]
    same_chain = (chain_of[ends[:, 0]] == chain_of[ends[:, 1]]) & (chain_of[ends[:, 0]] >= 0)
    same_copy = (copy_of[ends[:, 0]] == copy_of[ends[:, 1]]) & (copy_of[ends[:, 0]] >= 0)

    axes.add_collection(LineCollection(list(lines[~same_copy]), colors="#dddddd", linewidths=0.2))
    for copy in range(embedding.num_copies):
        colour = COPY_COLOURS[copy % len(COPY_COLOURS)]
        mine = copy_of[ends[:, 0]] == copy
        between, within = lines[mine & same_copy & ~same_chain], lines[mine & same_chain]
        axes.add_collection(LineCollection(list(between), colors=[colour], linewidths=0.25, alpha=0.35))
        axes.add_collection(LineCollection(list(within), colors=[colour], linewidths=1.3))
        x, y = places[copy_of == copy].T
        axes.scatter(x, y, s=3, color=colour, zorder=3, linewidths=0)
    x, y = places[copy_of < 0].T
    axes.scatter(x, y, s=1, color="#bbbbbb", linewidths=0)
    missing = [place for qubit, place in layout.items() if qubit not in chip.graph]
    x, y = np.array(missing).reshape(-1, 2).T
    axes.scatter(x, y, s=18, facecolors="none", edgecolors="black", zorder=4, linewidths=0.8)
    axes.set_aspect("equal")
    axes.axis("off")
    copies = embedding.num_copies
    axes.set_title(
        f"{copies} {'copy' if copies == 1 else 'copies'} on {chip}: {embedding.num_qubits} in use,"
        f" longest chain {lengths.max()}"
    )
