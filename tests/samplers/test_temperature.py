"""The inverse temperature of reads: dwave-system's answer, and the one that the annealer was given."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from dwave.system.temperatures import maximum_pseudolikelihood_temperature
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ising_ep import SimulatedAnnealingSampler, effective_beta
from support.placements import random_chip
from support.problems import layered_batch, random_batch, sparse_batch

SAMPLER = SimulatedAnnealingSampler()
BATCHES = {"dense": random_batch, "sparse": sparse_batch, "layered": layered_batch}


def reads_at(
    beta: float, couplings: Any, fields: NDArray[np.float64], num_reads: int, seed: int
) -> NDArray[np.int8]:
    """(reads, spins) in equilibrium: 300 sweeps at small couplings."""
    result = SAMPLER.sample_batch(
        couplings, fields, num_reads=num_reads, beta_schedule=np.full(300, beta), seed=seed
    )
    return result.states[0]


# --- against dwave-system ---------------------------------------------------------------------------------


@pytest.mark.slow
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_dwave_system_finds_the_same(seed: int, weighted: bool) -> None:
    chip = random_chip(seed)
    rng = np.random.default_rng(seed)
    values, fields = rng.normal(size=len(chip.rows)), rng.normal(size=chip.num_spins)
    states = rng.choice([-1, 1], (40, chip.num_spins), p=[0.3, 0.7])
    weights = rng.integers(1, 9, 40) if weighted else None
    temperature, _ = maximum_pseudolikelihood_temperature(
        chip.bqm(values, fields), (states, range(chip.num_spins)), sample_weights=weights
    )
    found = effective_beta(states, (chip.rows, chip.cols, values), fields, num_occurrences=weights)
    assert found.beta == pytest.approx(1 / temperature, rel=1e-4, abs=1e-4)


# --- against the truth ------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("kind", BATCHES)
@pytest.mark.parametrize("beta", [0.2, 0.5, 1.0])
def test_the_beta_of_the_annealer_is_found(kind: str, beta: float) -> None:
    """5 standard errors: a false alarm in two millions."""
    (rows, cols, values), fields = BATCHES[kind](3, 1, 66)
    couplings = (rows, cols, values / np.sqrt(2 * len(values) / 66))
    found = effective_beta(reads_at(beta, couplings, fields, 2000, 4), couplings, fields[0])
    assert abs(found.beta - beta) < 5 * found.standard_error
    assert found.standard_error < 0.02


@pytest.mark.slow
def test_a_beta_that_is_a_tenth_off_is_noticed() -> None:
    couplings, fields = sparse_batch(3, 1, 66)
    found = effective_beta(reads_at(0.55, couplings, fields, 2000, 4), couplings, fields[0])
    assert abs(found.beta - 0.5) > 5 * found.standard_error


@pytest.mark.slow
def test_the_standard_error_is_the_scatter_of_estimates() -> None:
    """Of 400 estimates the standard deviation is known to 3.5 %; 15 % off is a false alarm in 50,000."""
    couplings, fields = random_batch(5, 1, 9)
    states = reads_at(0.4, couplings, fields, 400 * 100, 6).reshape(400, 100, 9)
    found = [effective_beta(part, couplings, fields[0]) for part in states]
    scatter = np.std([one.beta for one in found])
    assert scatter == pytest.approx(np.mean([one.standard_error for one in found]), rel=0.15)


def test_spins_that_agree_count_as_one() -> None:
    """Ten copies of each read's spins tell no more than one: the beta is the same and so is its error."""
    states = np.where(np.arange(200) % 8 == 0, 1, -1)[:, np.newaxis]
    one = effective_beta(states, ([], [], []), [0.7])
    ten = effective_beta(states.repeat(10, axis=1), ([], [], []), [0.7] * 10)
    assert ten.beta == pytest.approx(one.beta, rel=1e-9)
    assert ten.standard_error == pytest.approx(one.standard_error, rel=1e-9)


def test_the_error_of_free_spins_is_that_of_a_frequency() -> None:
    for downs in (1, 17, 50, 99):
        states = np.where(np.arange(100) < downs, -1, 1)[:, np.newaxis]
        found = effective_beta(states, ([], [], []), [2.0])
        p = downs / 100
        assert found.beta == pytest.approx(np.log(p / (1 - p)) / 4, rel=1e-9, abs=1e-12)
        assert found.standard_error == pytest.approx(1 / (4 * np.sqrt(100 * p * (1 - p))), rel=1e-9)


# --- forms ------------------------------------------------------------------------------------------------


def test_weights_are_repeated_reads() -> None:
    couplings, fields = random_batch(7, 1)
    rng = np.random.default_rng(7)
    states, weights = rng.choice([-1, 1], (30, 9)), rng.integers(0, 5, 30)
    one = effective_beta(states, couplings, fields[0], num_occurrences=weights)
    other = effective_beta(states.repeat(weights, axis=0), couplings, fields[0])
    assert one.beta == pytest.approx(other.beta, rel=1e-9)
    assert one.standard_error == pytest.approx(other.standard_error, rel=1e-9)


def test_each_read_may_have_its_own_fields() -> None:
    couplings, fields = random_batch(8, 2)
    states = np.random.default_rng(8).choice([-1, 1], (20, 9))
    tiled = np.concatenate([np.tile(fields[0], (20, 1)), np.tile(fields[0], (20, 1))])
    one = effective_beta(np.tile(states, (2, 1)), couplings, tiled)
    assert one.beta == pytest.approx(effective_beta(states, couplings, fields[0]).beta, rel=1e-9)
    tiled[20:] = fields[1]
    assert effective_beta(np.tile(states, (2, 1)), couplings, tiled).beta != one.beta


def test_units_of_the_couplings() -> None:
    (rows, cols, values), fields = random_batch(9, 1)
    states = np.random.default_rng(9).choice([-1, 1], (50, 9))
    one = effective_beta(states, (rows, cols, values), fields[0])
    for unit in (1e-200, 1e-3, 1e6, 1e200):
        other = effective_beta(states, (rows, cols, unit * values), unit * fields[0])
        assert other.beta * unit == pytest.approx(one.beta, rel=1e-9)
        assert other.standard_error * unit == pytest.approx(one.standard_error, rel=1e-9)


def test_reads_turned_over_have_the_opposite_beta() -> None:
    couplings, fields = random_batch(10, 1)
    states = np.random.default_rng(10).choice([-1, 1], (50, 9))
    one = effective_beta(states, couplings, fields[0])
    other = effective_beta(states, (*couplings[:2], -couplings[2]), -fields[0])
    assert other.beta == pytest.approx(-one.beta, rel=1e-9)


# --- what tells nothing -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("sign", "what"), [(1, "minima"), (-1, "maxima")])
def test_ground_states_alone_have_an_infinite_beta(sign: int, what: str) -> None:
    ferromagnet = ([0, 1], [1, 2], [-1.0, -1.0])
    with pytest.warns(UserWarning, match=f"all reads are local {what}"):
        found = effective_beta([[sign, 1, sign], [-sign, -1, -sign]], ferromagnet, [0, 0, 0])
    assert found.beta == sign * np.inf
    assert np.isnan(found.standard_error)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        excited = effective_beta([[sign, 1, sign], [-sign, -1, sign], [1, 1, -1]], ferromagnet, [0, 0, 0])
    assert np.isfinite(excited.beta)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"states": [1, -1]}, r"states has shape \(2,\), expected \(reads, spins\)"),
        ({"states": [[1, 0, 1]]}, "states holds 0, expected -1 or"),
        ({"states": np.ones((0, 3))}, r"states has shape \(0, 3\), expected at least one read"),
        ({"fields": [0.0, 1]}, r"fields has shape \(2,\), expected \(3,\) or \(2, 3\)"),
        ({"fields": [0.0, 1, np.nan]}, "fields holds nan"),
        ({"couplings": ([0], [3], [1.0])}, "cols holds spin 3, expected 0 to 2"),
        ({"couplings": ([-1], [1], [1.0])}, "rows holds spin -1"),
        ({"couplings": ([1], [1], [1.0])}, "joins spin 1 to itself"),
        ({"couplings": ([0], [1], [np.inf])}, "values holds inf"),
        ({"couplings": ([0], [1], [1.0, 2.0])}, "1, 1, 2 entries"),
        ({"num_occurrences": [1]}, "expected 2 integers >= 0"),
        ({"num_occurrences": [1, -1]}, "expected 2 integers >= 0"),
        ({"num_occurrences": [0, 0]}, "num_occurrences are all 0"),
        ({"fields": [0, 0, 0], "couplings": ([], [], [])}, "no spin of the reads has a local field"),
    ],
)
def test_bad_input_is_named(arguments: dict[str, Any], text: str) -> None:
    call: dict[str, Any] = {
        "states": [[1, 1, -1], [1, -1, 1]],
        "couplings": ([0], [1], [1.0]),
        "fields": [0.5, 0, 1],
    }
    with pytest.raises(ValueError, match=text):
        effective_beta(**call | arguments)
