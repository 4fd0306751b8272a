"""Calibration: the temperature at which a classifier's decisions give the likeliest probabilities."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

# Temperatures that a fit may find. Decisions are logarithms of shares of 0.01 to 1.01, so that these make
# classes next to equal, or all but certain.
COLDEST, HOTTEST = 0.1, 30.0


def folds(y: NDArray[np.int64], count: int, seed: int) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Parts images into folds that have their share of each class, also of one of fewer images than folds.

    Args:
        y: Classes ``(n,)``.
        count: Number of folds; n of them if there are fewer images.
        seed: Seed of what goes where.

    Yields:
        Numbers of the images outside of a fold, and of those in it, both in order.

    Example:
        >>> [held.tolist() for _, held in folds(np.array([0, 0, 1, 1]), 2, seed=0)]
        [[1, 2], [0, 3]]
    """
    mixed = np.random.default_rng([seed, 3]).permutation(len(y))
    by_class = mixed[np.argsort(y[mixed], kind="stable")]
    fold = np.empty(len(y), dtype=np.intp)
    count = min(count, len(y))
    fold[by_class] = np.arange(len(y)) % count
    for k in range(count):
        yield np.flatnonzero(fold != k), np.flatnonzero(fold == k)


def fit_temperature(
    decisions: NDArray[np.float64], y: NDArray[np.int64], weights: NDArray[np.floating] | None = None
) -> float:
    """Finds the temperature T at which softmax(decisions / T) makes the classes likeliest.

    Each image counts as one of its class, and one image in all as one of every class alike, so that images
    that are all right do not make a classifier certain. (Guo et al., "On calibration of modern neural
    networks", 2017, https://arxiv.org/abs/1706.04599; the targets are Platt's, "Probabilistic outputs for
    support vector machines", 1999.)

    Args:
        decisions: ``(n, num_classes)`` of images that were not learned from.
        y: Their classes ``(n,)``.
        weights: What each counts ``(n,)``; None for 1.

    Returns:
        The temperature, from `COLDEST` to `HOTTEST`.

    Example:
        Three times out of four the surer class is right.

        >>> decisions = np.array([[1.0, 0.0]] * 4)
        >>> round(fit_temperature(decisions, np.array([0, 0, 0, 1])), 2)
        1.18
    """
    counts = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=np.float64)
    of_own_class = np.arange(len(y)), y

    def loss(log_temperature: float) -> float:
        log_p = log_softmax(decisions / np.exp(log_temperature), axis=1)
        return float(-np.sum(counts * log_p[of_own_class]) - np.mean(log_p))

    bounds = np.log(COLDEST), np.log(HOTTEST)
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))
