"""Local fields of states, held against sums of numpy."""

from __future__ import annotations

import numpy as np
import pytest

from ising_ep import _core


def problem(spins: int, couplings: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    rows, cols = rng.integers(spins, size=(2, couplings))
    rows, cols = rows[rows != cols], cols[rows != cols]
    return rows, cols, rng.normal(size=len(rows))


@pytest.mark.parametrize(("spins", "couplings"), [(1, 0), (9, 20), (70, 2000)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fields_are_those_of_the_definition(spins, couplings, dtype):
    rows, cols, values = problem(spins, couplings)
    rng = np.random.default_rng(1)
    states = rng.choice(np.array([-1, 1], np.int8), (5, 7, spins))
    fields = rng.normal(size=(5, spins)).astype(dtype)
    dense = np.zeros((spins, spins))
    np.add.at(dense, (rows, cols), values)
    wanted = fields[:, None] + states @ (dense + dense.T)
    model = _core.Model(rows, cols, values, spins)
    got = model.fields(states, fields, num_threads=2)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-6 * np.abs(dense).sum())
    # Each by itself, on one thread, to the last bit.
    for p, r in np.ndindex(5, 7):
        alone = model.fields(states[p : p + 1, r : r + 1].copy(), fields[p : p + 1], num_threads=1)
        assert alone.tobytes() == got[p, r].tobytes()


def test_numbers_that_cancel_keep_what_is_left():
    rows, cols, values = np.array([0, 0]), np.array([1, 2]), np.array([1e8, -1e8])
    model = _core.Model(rows, cols, values, 3)
    got = model.fields(np.ones((1, 1, 3), np.int8), np.array([[0.3, 0.0, 0.0]]))
    assert got[0, 0, 0] == np.float32(0.3)


@pytest.mark.parametrize(
    ("states", "fields", "text"),
    [
        (
            np.ones((1, 1, 2), np.int8),
            np.zeros((1, 3)),
            r"states has shape \[1, 1, 2\], expected \[1, 1, 3\]",
        ),
        (
            np.ones((2, 1, 3), np.int8),
            np.zeros((1, 3)),
            r"states has shape \[2, 1, 3\], expected \[1, 1, 3\]",
        ),
        (np.zeros((1, 1, 3), np.int8), np.zeros((1, 3)), "states hold a spin 0, expected -1 or"),
        (np.ones((1, 1, 3), np.int8), np.array([[0, np.inf, 0]]), "field of spin 1 in problem 0 is inf"),
        (np.ones((1, 1, 3), np.int8), np.zeros((1, 4)), r"fields has shape \[1, 4\], expected \[1, 3\]"),
    ],
)
def test_what_is_wrong_is_named(states, fields, text):
    model = _core.Model(np.array([0]), np.array([1]), np.array([1.0]), 3)
    with pytest.raises(ValueError, match=text):
        model.fields(states, fields)
