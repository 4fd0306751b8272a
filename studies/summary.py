"""Means and standard deviations over seeds, in words and in figures."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from ising_ep.plots.looks import DPI, SERIES

from .units import Results

G = TypeVar("G", bound=Hashable)


def deviation(values: ArrayLike, axis: int = 0) -> NDArray[np.float64]:
    """Standard deviation over seeds, 0 of one seed."""
    array = np.asarray(values, dtype=np.float64)
    one = array.shape[axis] < 2
    return np.zeros(np.delete(array.shape, axis)) if one else array.std(axis=axis, ddof=1)


def mean(values: ArrayLike) -> float:
    """Mean over seeds."""
    return float(np.mean(np.asarray(values, dtype=np.float64)))


def spread(values: Sequence[float], digits: int = 3) -> str:
    """Mean ± standard deviation.

    Example:
        >>> spread([0.84, 0.86])
        '0.850 ± 0.014'
    """
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{mean(values):.{digits}f} ± {float(deviation(values)):.{digits}f}"


def ranged(values: Sequence[float], digits: int = 3) -> str:
    """Mean, with the lowest and the highest of several.

    Example:
        >>> ranged([0.84, 0.86])
        '0.850 (0.840 to 0.860)'
    """
    text = f"{mean(values):.{digits}f}"
    if len(values) == 1:
        return text
    return f"{text} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def grouped(results: Results, key: Callable[[dict[str, Any]], G]) -> dict[G, list[dict[str, Any]]]:
    """Results with the same ``key``, in order; one group is the seeds of one setting."""
    groups: dict[G, list[dict[str, Any]]] = {}
    for result in results.values():
        groups.setdefault(key(result), []).append(result)
    return groups


def panels(columns: int, rows: int = 1) -> tuple[Figure, NDArray[np.object_]]:
    """A figure of axes ``(rows * columns,)`` with a light grid."""
    figure = Figure(figsize=(4.5 * columns, 3.6 * rows), layout="constrained", dpi=DPI)
    axes: NDArray[np.object_] = np.atleast_1d(figure.subplots(rows, columns)).ravel()
    for each in axes:
        each.grid(alpha=0.3)
    return figure, axes


def band(axes: Axes, x: ArrayLike, runs: ArrayLike, label: str, style: int, markersize: float = 4) -> None:
    """The mean of ``runs (seeds, points)`` over ``x (points,)``, and a band of one standard deviation."""
    values = np.asarray(runs, dtype=np.float64)
    middle, width = values.mean(axis=0), deviation(values)
    looks = SERIES[style % len(SERIES)]
    axes.plot(np.asarray(x), middle, label=label, markersize=markersize, **looks)
    axes.fill_between(
        np.asarray(x), middle - width, middle + width, color=looks["color"], alpha=0.2, linewidth=0
    )


def points(values: Mapping[int, float], others: Mapping[int, float]) -> str:
    """What accuracies are above others, in points: the mean over the seeds of both, and its standard error.

    Args:
        values: Accuracies by seed.
        others: The others, by seed.

    Returns:
        The words, such as ``+0.24 ± 0.07``; without an error of one seed, and empty of none.

    Example:
        >>> points({0: 0.98, 1: 0.97}, {0: 0.97, 1: 0.97, 2: 0.5})
        '+0.50 ± 0.50'
    """
    gains = [100 * (value - others[seed]) for seed, value in values.items() if seed in others]
    if len(gains) < 2:
        return "".join(f"{gain:+.2f}" for gain in gains)
    return f"{mean(gains):+.2f} ± {float(deviation(gains)) / math.sqrt(len(gains)):.2f}"
