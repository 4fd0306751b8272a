"""What a reader needs of a figure: titles, labels, legends, and signs that can be told apart."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

# Linear RGB as it looks without one of the three kinds of cones: Machado, Oliveira and Fernandes (2009),
# severity 1.
VISION = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
# Of CIELAB; 2.3 is just seen where the colours touch.
LEAST_DISTANCE = 25.0


def linear(colour) -> np.ndarray:
    """Linear RGB of a colour (sRGB's curve)."""
    values = np.array(to_rgb(colour))
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def contrast_on_white(colour) -> float:
    """Contrast ratio of WCAG."""
    return 1.05 / (linear(colour) @ [0.2126, 0.7152, 0.0722] + 0.05)


def seen(colour, vision: str) -> np.ndarray:
    """CIELAB of a colour as it looks to an eye."""
    rgb = np.clip(VISION[vision] @ linear(colour), 0, 1)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(to_xyz) @ rgb / [0.9505, 1, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def least_distance(colours) -> float:
    """The smallest distance of two colours to any eye."""
    return min(
        float(np.linalg.norm(seen(one, vision) - seen(other, vision)))
        for vision in VISION
        for one, other in combinations(colours, 2)
    )


def faults(figure: Figure) -> list[str]:
    """What a reader would miss in a figure; a line each."""
    FigureCanvasAgg(figure).draw()
    return [
        *_cut_off(figure),
        *(f"{name(axes)}: {fault}" for axes in shown(figure) for fault in _of_axes(figure, axes)),
    ]


def shown(figure: Figure) -> list[Axes]:
    """The axes with data; those of a colour bar are held to their label."""
    return [axes for axes in figure.axes if axes.get_visible() and axes.axison]


def name(axes: Axes) -> str:
    return axes.get_title() or axes.get_ylabel() or "axes without a title"


def _of_axes(figure: Figure, axes: Axes) -> list[str]:
    found = []
    of_bar = axes.get_label() == "<colorbar>"
    suptitle = figure.get_suptitle()
    if not (axes.get_title() or suptitle or of_bar):
        found.append("no title")
    if (
        not of_bar
        and not (axes.get_xlabel() or figure.get_supxlabel())
        and not _words(axes.get_xticklabels())
    ):
        found.append("no x label")
    beside = axes.get_shared_y_axes().get_siblings(axes)
    if not any(each.get_ylabel() for each in beside) and not _words(axes.get_yticklabels()):
        found.append("no y label")
    legends = [each for each in (axes.get_legend(), *figure.legends) if each is not None]
    named = {text.get_text() for legend in legends for text in legend.get_texts()}
    handles, labels = axes.get_legend_handles_labels()
    series = _series(axes)
    if len(series) > 1 or len(labels) > 1:
        found += [f"the legend does not name {label!r}" for label in set(labels) - named]
        looks = {_look(handle) for handle in handles if isinstance(handle, Line2D)}
        unnamed = [line for line in series if line.get_label().startswith("_") and _look(line) not in looks]
        if unnamed:
            found.append(f"{len(unnamed)} of {len(series)} series have no name")
    return found + _alike([handle for handle in handles if isinstance(handle, Line2D)])


def _series(axes: Axes) -> list[Line2D]:
    """Lines that are no parts of error bars."""
    parts = {line for bar in axes.containers for each in bar for line in np.atleast_1d(each).tolist()}
    return [line for line in axes.lines if line not in parts]


def _look(line: Line2D) -> tuple[str, str, str]:
    return line.get_color(), line.get_linestyle(), line.get_marker()


def _alike(lines: list[Line2D]) -> list[str]:
    found = []
    for one, other in combinations(lines, 2):
        pair = f"{one.get_label()!r} and {other.get_label()!r}"
        colours = one.get_color(), other.get_color()
        if colours[0] != colours[1] and least_distance(colours) < LEAST_DISTANCE:
            found.append(f"{pair} are alike to some eyes")
        if (one.get_linestyle(), one.get_marker()) == (other.get_linestyle(), other.get_marker()):
            found.append(f"{pair} have the same line and marker")
    return found


def _words(texts) -> bool:
    """Tells whether ticks say by themselves what they are."""
    return any(any(c.isalpha() for c in text.get_text()) for text in texts)


def words_of(artist) -> str:
    return artist.get_text() if isinstance(artist, Text) else "the legend"


def _cut_off(figure: Figure) -> list[str]:
    """Texts that leave the figure, and labels of two axes that lie on each other."""
    width, height = figure.get_size_inches() * figure.dpi
    texts = [
        text
        for axes in shown(figure)
        for text in (axes.title, axes.xaxis.label, axes.yaxis.label)
        if text.get_text()
    ]
    texts += [] if figure._suptitle is None else [figure._suptitle]
    boxes = {text: text.get_window_extent() for text in texts}
    boxes |= {legend: legend.get_window_extent() for legend in figure.legends}
    found = []
    for artist, box in boxes.items():
        if box.x0 < -1 or box.y0 < -1 or box.x1 > width + 1 or box.y1 > height + 1:
            found.append(f"{words_of(artist)!r} leaves the figure")
    for one, other in combinations(boxes, 2):
        if boxes[one].overlaps(boxes[other]):
            found.append(f"{words_of(one)!r} lies on {words_of(other)!r}")
    return found
