"""Pictures of chips: the copies of a network on one, what is missing, and what is free."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from ..chip import Chip
from ..embedding import Embedding
from .looks import BLACK, COPIES, DPI, UNUSED

# Copies up to which the legend has a line for each.
MOST_NAMED = 8
Places = Mapping[int, Sequence[float]]
# What each sign means: a line, or several, which matplotlib has no type for.
Signs = dict[str, Any]


def embedding_on_chip(chip: Chip, embedding: Embedding) -> Figure:
    """The chip in grey, and on it the chains, as `draw_embedding` draws them, with a legend."""
    figure = Figure(figsize=(9, 9.6), layout="constrained", dpi=DPI)
    signs = draw_embedding(figure.subplots(), chip, embedding)
    add_legend(figure, signs)
    return figure


def add_legend(figure: Figure, signs: Signs) -> None:
    """Puts the legend of `draw_embedding` below all axes."""
    figure.legend(
        list(signs.values()),
        list(signs.keys()),
        loc="outside lower center",
        ncols=min(len(signs), 6),
        frameon=False,
        handler_map={tuple: HandlerTuple(ndivide=None, pad=0.1)},
    )


def draw_embedding(axes: Axes, chip: Chip, embedding: Embedding) -> Signs:
    """Draws the chip in grey, what it misses in black, and the chains, a number and a colour for each copy.

    Couplers between chains are fainter. There are five colours, which begin anew.

    Returns:
        What each sign means, for a legend.
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

    axes.add_collection(LineCollection(list(lines[~same_copy]), colors=UNUSED, linewidths=0.2))
    for copy in range(embedding.num_copies):
        colour = COPIES[copy % len(COPIES)]
        mine = copy_of[ends[:, 0]] == copy
        between, within = lines[mine & same_copy & ~same_chain], lines[mine & same_chain]
        axes.add_collection(LineCollection(list(between), colors=[colour], linewidths=0.25, alpha=0.35))
        axes.add_collection(LineCollection(list(within), colors=[colour], linewidths=1.3))
        x, y = places[copy_of == copy].T
        axes.scatter(x, y, s=3, color=colour, zorder=3, linewidths=0)
        _write_number(axes, copy, np.median(places[copy_of == copy], axis=0), embedding.num_copies)
    x, y = places[copy_of < 0].T
    axes.scatter(x, y, s=1, color=UNUSED, linewidths=0)
    signs = _signs_of_copies(embedding.num_copies)
    signs |= {"unused qubit": Line2D([], [], color=UNUSED, marker="o", markersize=3, linestyle="")}
    signs |= _draw_missing(axes, chip, layout)
    axes.set_aspect("equal")
    axes.margins(0.01)
    axes.axis("off")
    copies = embedding.num_copies
    axes.set_title(
        f"{copies} {'copy' if copies == 1 else 'copies'} on {chip}: {embedding.num_qubits:,} in use,"
        f" longest chain {lengths.max()}"
    )
    return signs


def _write_number(axes: Axes, copy: int, place: Sequence[float] | NDArray[np.float64], copies: int) -> None:
    """Writes a copy's number on the copy, smaller where there are many."""
    colour = COPIES[copy % len(COPIES)]
    x, y = place
    axes.text(
        x,
        y,
        str(copy + 1),
        ha="center",
        va="center",
        zorder=5,
        color=colour,
        fontsize=max(5, 13 - copies // 4),
        fontweight="bold",
        bbox={"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": colour, "linewidth": 0.8},
    )


def _signs_of_copies(copies: int) -> Signs:
    """A sign for each copy, or one for all where there are many."""
    lines = [Line2D([], [], color=COPIES[copy % len(COPIES)], linewidth=2.5) for copy in range(copies)]
    if copies > MOST_NAMED:
        return {f"copies 1 to {copies}, by their numbers": tuple(lines[: len(COPIES)])}
    return {f"copy {copy + 1}": line for copy, line in enumerate(lines)}


def _draw_missing(axes: Axes, chip: Chip, layout: Places) -> dict[str, Artist]:
    """Marks qubits and couplers that the working graph lacks; returns the signs that are used."""
    whole = chip.topology.graph(chip.shape)
    working = chip.graph
    qubits = [layout[qubit] for qubit in layout if qubit not in working]
    couplers = [
        np.mean([layout[u], layout[v]], axis=0)
        for u, v in whole.edges
        if u in working and v in working and not working.has_edge(u, v)
    ]
    signs: dict[str, Artist] = {}
    for name, places, marker in (("missing qubit", qubits, "o"), ("missing coupler", couplers, "x")):
        if places:
            signs[name] = _mark(axes, places, marker, f"{name} ({len(places):,})")
    return {str(sign.get_label()): sign for sign in signs.values()}


def _mark(
    axes: Axes, places: Iterable[Sequence[float] | NDArray[np.float64]], marker: str, label: str
) -> Line2D:
    """Draws hollow black signs, and returns one for the legend."""
    x, y = np.array(list(places)).T
    look: dict[str, Any] = {"linestyle": "", "marker": marker, "markersize": 4.2, "markeredgewidth": 0.8}
    (line,) = axes.plot(x, y, color=BLACK, markerfacecolor="none", zorder=4, label=label, **look)
    return line
