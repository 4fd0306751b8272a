"""Couplings that are prepared once: the same answers, and nothing that is out of date."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from ising_ep.samplers.batch import sample_batch
from ising_ep.samplers.couplings import Pairs, PreparedCouplings, prepared

SETTINGS = {"num_reads": 3, "beta_schedule": np.geomspace(0.1, 5, 20), "seed": 1}


def ring(spins: int) -> tuple[np.ndarray, np.ndarray]:
    """A ring, its last pair given twice."""
    rows = np.append(np.arange(spins), 0)
    return rows, np.append(np.roll(np.arange(spins), -1), spins - 1)


def bits(couplings, fields):
    result = sample_batch(couplings, fields, **SETTINGS)
    return result.states.tobytes(), result.energies.tobytes()


@pytest.mark.parametrize("spins", [3, 30])
def test_prepared_couplings_have_the_answers_of_the_triple(spins):
    rng = np.random.default_rng(spins)
    pairs, fields = Pairs(*ring(spins)), rng.normal(size=(4, spins))
    values = rng.normal(size=(3, spins + 1))
    for _ in range(2):
        for row in values:
            couplings = pairs.with_values(row)
            for scale in (1.0, 1e14, 1.0):  # another scale has layouts of its own
                assert bits(couplings, scale * fields) == bits((*ring(spins), row), scale * fields)


def test_the_model_is_made_once_for_the_same_values():
    pairs = Pairs(*ring(4))
    values = np.arange(5.0)
    first = pairs.with_values(values)
    assert prepared(first) is first
    assert pairs.with_values(values.copy()) is first
    assert first.model(4) is first.model(4)
    assert first.model(5).num_spins == 5
    # What the caller does to the array afterwards changes nothing, and is noticed.
    values[0] = 7.0
    assert first.values[0] == 0.0
    assert pairs.with_values(values) is not first
    assert pairs.with_values(np.array([-0.0, 1, 2, 3, 4])) is not first
    with pytest.raises(ValueError, match="read-only"):
        first.values[0] = 1.0


def test_prepared_couplings_are_a_triple_that_is_pickled_without_the_model():
    rows, cols = ring(4)
    couplings = PreparedCouplings(rows, cols, np.arange(5.0))
    couplings.model(4)
    again = pickle.loads(pickle.dumps(couplings))
    for one, other in zip(again, (rows, cols, np.arange(5.0)), strict=True):
        np.testing.assert_array_equal(one, other)
    fields = np.ones((1, 4))
    assert bits(again, fields) == bits(couplings, fields)
    pairs = pickle.loads(pickle.dumps(couplings.pairs))
    assert pairs == couplings.pairs
    assert pairs != Pairs(cols, rows)
    assert bits(pairs.with_values(np.arange(5.0)), fields) == bits(couplings, fields)


@pytest.mark.parametrize(
    ("values", "spins", "text"),
    [
        (np.full(5, np.nan), 4, "coupling 0 is NaN"),
        (np.zeros(4), 4, "rows and cols have 5 entries, values 4"),
        (np.zeros(5), 3, "coupling 2 names spin 3"),
    ],
)
def test_what_is_wrong_is_named_at_each_anneal(values, spins, text):
    pairs = Pairs(*ring(4))
    pairs.with_values(np.ones(5)).model(4)  # pairs that are known
    for _ in range(2):
        with pytest.raises(ValueError, match=text):
            pairs.with_values(values).model(spins)
