"""Folds and the temperature of a classifier's decisions, against what must hold of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax

from ising_ep.estimator.calibration import COLDEST, HOTTEST, fit_temperature, folds


@pytest.mark.parametrize("count", [2, 3, 7])
def test_folds_part_the_images_and_their_classes(count):
    y = np.random.default_rng(1).choice(3, size=50, p=[0.6, 0.3, 0.1])
    parts = list(folds(y, count, seed=4))
    assert len(parts) == count
    np.testing.assert_array_equal(np.sort(np.concatenate([held for _, held in parts])), np.arange(50))
    for others, held in parts:
        np.testing.assert_array_equal(np.union1d(others, held), np.arange(50))
        assert not np.intersect1d(others, held).size
    for label in range(3):
        counts = [np.sum(y[held] == label) for _, held in parts]
        assert max(counts) - min(counts) <= 1


def test_fewer_images_than_folds_are_a_fold_each():
    assert [len(held) for _, held in folds(np.array([0, 1]), 5, seed=0)] == [1, 1]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_the_temperature_that_classes_were_drawn_at_is_found(temperature):
    rng = np.random.default_rng(2)
    decisions = rng.normal(size=(20_000, 3))
    p = np.exp(log_softmax(decisions / temperature, axis=1))
    y = (p.cumsum(axis=1) < rng.random((len(p), 1))).sum(axis=1)
    # The standard error of 1 / T is the root of the variance of log p over n, at most 0.01 here.
    assert 1 / fit_temperature(decisions, y) == pytest.approx(1 / temperature, abs=0.04)


def test_no_other_temperature_is_likelier():
    rng = np.random.default_rng(3)
    decisions, y = rng.normal(size=(40, 4)), rng.integers(4, size=40)
    weights = rng.uniform(0, 2, size=40)
    decisions[np.arange(40), y] += 1

    def loss(temperature):
        log_p = log_softmax(decisions / temperature, axis=1)
        return -np.sum(weights * log_p[np.arange(40), y]) - log_p.mean()

    found = loss(fit_temperature(decisions, y, weights))
    assert found <= min(map(loss, np.geomspace(COLDEST, HOTTEST, 300))) + 1e-6


def test_images_that_are_all_right_do_not_make_it_certain():
    decisions = np.tile([1.0, 0.0], (9, 1))
    p = 1 / (1 + np.exp(-1 / fit_temperature(decisions, np.zeros(9, dtype=np.int64))))
    assert p == pytest.approx(9.5 / 10, abs=1e-4)
