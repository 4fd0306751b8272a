"""Problems on qubits: as dwave-system places them, and nothing is lost on the way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from dwave.embedding import embed_bqm
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ising_ep import _core
from support.bits import packed
from support.placements import Chip, random_chip

SEEDS = st.integers(0, 2**32 - 1)
SIGNS = np.array([-1, 1], dtype=np.int8)
METHODS = ["majority", "weighted_random", "discard", "minimize_energy"]


def images_of(
    chip: Chip, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int8], NDArray[np.int8]]:
    """Couplings, fields and states of some images, so that a problem may have copies without one; gauges."""
    rng = np.random.default_rng(seed + 1)
    images = int(rng.integers(1, 3 * chip.copies + 1))
    problems = -(-images // chip.copies)
    return (
        rng.normal(size=len(chip.rows)),
        rng.normal(size=(images, chip.num_spins)),
        rng.choice(SIGNS, (images, chip.num_spins)),
        rng.choice(SIGNS, (problems, chip.num_qubits)),
    )


# --- there and back ---------------------------------------------------------------------------------------


@given(SEEDS, st.sampled_from(METHODS), st.booleans())
def test_expand_and_unembed_are_inverse(seed: int, method: str, gauged: bool) -> None:
    chip = random_chip(seed)
    placement = chip.placement()
    values, fields, states, gauges = images_of(chip, seed)
    qubits = placement.expand(states, gauges if gauged else None)
    assert qubits.dtype == np.int8
    assert set(np.unique(qubits)) <= {-1, 1}
    h = np.zeros((len(qubits) * chip.copies, chip.num_spins))
    h[: len(fields)] = fields
    padded = np.ones(h.shape, dtype=np.int8)
    padded[: len(states)] = states
    for p, (row, gauge) in enumerate(zip(qubits, gauges, strict=True)):
        copies = slice(p * chip.copies, (p + 1) * chip.copies)
        logical = placement.unembed(
            np.tile(row, (3, 1)), method, 0, gauge=gauge if gauged else None, values=values, fields=h[copies]
        )
        assert logical.states().tolist() == [[state] * 3 for state in padded[copies].tolist()]
        assert not logical.broken().any()
        assert logical.kept().all()


@given(SEEDS, st.integers(1, 150), st.floats(0, 0.5), st.integers(0, 2**64 - 1))
def test_a_batch_is_read_as_its_problems_are(seed: int, reads: int, noise: float, key: int) -> None:
    """From spins and from bits, in which the last byte of a read may be filled up with anything."""
    chip = random_chip(seed)
    placement, rng = chip.placement(), np.random.default_rng(seed)
    values, fields, states, gauges = images_of(chip, seed)
    ids = rng.integers(0, 2**32, len(gauges), dtype=np.uint32)
    samples = np.tile(placement.expand(states, gauges)[:, np.newaxis], (1, reads, 1))
    samples[rng.random(samples.shape) < noise] *= -1
    bits = packed(samples)
    bits[..., -1] |= rng.integers(0, 1 << (-chip.num_qubits % 8), bits.shape[:2], dtype=np.uint8)

    padded = np.zeros((len(gauges) * chip.copies, chip.num_spins))
    padded[: len(fields)] = fields
    alone = [
        placement.unembed(sample, "majority", key, first_read=int(number) * reads, gauge=gauge)
        for sample, number, gauge in zip(samples, ids, gauges, strict=True)
    ]
    own = padded.reshape(len(gauges), chip.copies, -1)
    energies = [logical.energies(values, h) for logical, h in zip(alone, own, strict=True)]
    for given_as in (samples, bits):
        found = placement.read(given_as, gauges, values, fields, key, ids)
        whole = np.concatenate([logical.states() for logical in alone])
        np.testing.assert_array_equal(found[0], whole[: len(fields)])
        np.testing.assert_array_equal(found[1], np.concatenate(energies)[: len(fields)])
        assert found[2] == sum(int(logical.broken().sum()) for logical in alone)


LARGE_SEEDS = [0, 2**32, 2**63 - 1, 2**63, 2**63 + 1025, 2**64 - 1025, 2**64 - 1024, 2**64 - 1]


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")
@given(SEEDS, st.integers(0, 2**64 - 1) | st.sampled_from(LARGE_SEEDS), st.integers(0, 2**32 - 1))
def test_gauges_are_the_coins_that_numpy_tosses(seed: int, key: int, first: int) -> None:
    """So are those of all runs before; one of many spins is below."""
    chip = random_chip(seed)
    images = (first + np.arange(2 * chip.copies + 1)).astype(np.uint32)
    coins = np.array([numpys_coins(key, int(image), chip.num_spins) for image in images])
    placement = chip.placement()
    np.testing.assert_array_equal(placement.gauges(key, images), placement.expand(2 * coins - 1))


@pytest.mark.parametrize("spins", [1, 31, 32, 33, 784])
def test_gauges_of_many_spins(spins: int) -> None:
    none, numbers = np.zeros(0, dtype=np.int64), np.arange(spins + 1)
    placement = _core.Placement(spins, numbers, numbers[:-1], None, None, spins, none, none)
    for key in (7, 2**63 + 10**9):
        found = placement.gauges(key, np.array([3, 2**32 - 1], dtype=np.uint32))
        for row, image in zip(found, (3, 2**32 - 1), strict=True):
            np.testing.assert_array_equal(row, 2 * numpys_coins(key, image, spins) - 1)


def numpys_coins(seed: int, image: int, count: int) -> NDArray[np.int8]:
    stream = np.random.Generator(np.random.Philox(key=np.array([seed, image]).astype(np.uint64)))
    return stream.integers(0, 2, count, dtype=np.int8)


@given(SEEDS, st.booleans())
def test_energies_are_those_of_the_qubits_minus_the_chains(seed: int, gauged: bool) -> None:
    chip = random_chip(seed)
    placement = chip.placement()
    values, fields, states, gauges = images_of(chip, seed)
    used = gauges if gauged else None
    h, j, factors = placement.place(values, fields, 1.5, used)
    assert (factors == 1).all()
    owner = {q: k for k, chain in enumerate(chip.chains) for q in chain}
    ends = chip.couplers.tolist()
    constant = 1.5 * sum(a in owner and owner[a] == owner.get(b) for a, b in ends)
    qubits = placement.expand(states, used).astype(np.float64)
    products = qubits[:, chip.couplers[:, 0]] * qubits[:, chip.couplers[:, 1]]
    physical = (h * qubits).sum(axis=1) + (j * products).sum(axis=1)
    # Copies without an image are all up, with couplings and no fields.
    logical = np.zeros(len(h) * chip.copies) + values.sum()
    for k, (field, state) in enumerate(zip(fields, states, strict=True)):
        logical[k] = chip.bqm(values, field).energy(state)
    assert np.allclose(physical + constant, logical.reshape(len(h), -1).sum(axis=1), rtol=1e-12, atol=1e-11)


# --- against dwave-system ---------------------------------------------------------------------------------


@given(SEEDS)
def test_placed_as_by_embed_bqm(seed: int) -> None:
    chip = random_chip(seed)
    values, fields, _, gauges = images_of(chip, seed)
    h, j, _ = chip.placement().place(values, fields, 2.25)
    assert h.shape == (len(gauges), chip.num_qubits)
    assert j.shape == (len(gauges), len(chip.couplers))
    theirs_h, theirs_j = np.zeros(h.shape), np.zeros(j.shape)
    for image in range(len(gauges) * chip.copies):
        problem, copy = divmod(image, chip.copies)
        field = fields[image] if image < len(fields) else np.zeros(chip.num_spins)
        bqm = embed_bqm(chip.bqm(values, field), chip.embedding(copy), chip.graph, chain_strength=2.25)
        for q, bias in bqm.linear.items():
            theirs_h[problem, q] += bias
        for e, (a, b) in enumerate(chip.couplers.tolist()):
            if a in bqm.variables and b in bqm.variables:
                theirs_j[problem, e] += bqm.get_quadratic(a, b, default=0)
    assert np.allclose(h, theirs_h, rtol=1e-15, atol=0)
    assert np.allclose(j, theirs_j, rtol=1e-15, atol=0)


@given(SEEDS)
def test_gauges_flip(seed: int) -> None:
    chip = random_chip(seed)
    values, fields, _, gauges = images_of(chip, seed)
    placement = chip.placement()
    h, j, _ = placement.place(values, fields, 1.0)
    flipped_h, flipped_j, _ = placement.place(values, fields, 1.0, gauges)
    a, b = chip.couplers.T
    assert np.array_equal(flipped_h, h * gauges)
    assert np.array_equal(flipped_j, j * gauges[:, a] * gauges[:, b])
    zeros = np.concatenate([flipped_h[flipped_h == 0], flipped_j[flipped_j == 0]])
    assert not np.signbit(zeros).any()


# --- ranges -----------------------------------------------------------------------------------------------

# A pair of spins, chains 0-1 and 2-3 with coupler 1-2 between; again with 4-7, but with two couplers between.
TWICE = Chip(
    num_qubits=8,
    num_spins=2,
    chains=[[0, 1], [2, 3], [4, 5], [6, 7]],
    couplers=np.array([[0, 1], [2, 3], [1, 2], [4, 5], [6, 7], [5, 6], [4, 7], [3, 4]]),
    rows=np.array([0]),
    cols=np.array([1]),
)
WIDE: dict[str, Any] = {"h_range": (-4, 4), "j_range": (-1, 1), "chain_range": (-2, 1)}


def test_a_small_case_by_hand() -> None:
    h, j, _ = TWICE.placement().place(np.array([0.5]), np.array([[1.0, 2], [3, 4], [5, 6]]), 2.0)
    assert h.tolist() == [[0.5, 0.5, 1, 1, 1.5, 1.5, 2, 2], [2.5, 2.5, 3, 3, 0, 0, 0, 0]]
    assert j.tolist() == [[-2, -2, 0.5, -2, -2, 0.25, 0.25, 0]] * 2


@pytest.mark.parametrize(
    ("value", "fields", "strength", "gauge", "text"),
    [
        (
            0.5,
            [[1, 2], [3, 4], [9, 8.5]],
            2,
            None,
            "problem 1, copy 0, spin 0: h of qubit 0 is 4.5, outside -4 to 4",
        ),
        (
            0.5,
            [[1, 2], [3, -9]],
            2,
            None,
            "problem 0, copy 1, spin 1: h of qubit 6 is -4.5, outside -4 to 4",
        ),
        (-1.5, [[1, 2]], 2, None, "problem 0, copy 0, spins 0-1: J of coupler 1-2 is -1.5, outside -1 to 1"),
        (2.5, [[1, 2]], 2, 2, "problem 0, copy 0, spins 0-1: J of coupler 1-2 is -2.5, outside -1 to 1"),
        (
            0.5,
            [[1, 2]],
            2.5,
            None,
            "problem 0, copy 0, chain of spin 0: J of coupler 0-1 is -2.5, outside -2 to 1",
        ),
        (0.5, [[1, 2]], 2, 5, "problem 0, copy 1, chain of spin 0: J of coupler 4-5 is 2, outside -2 to 1"),
    ],
)
def test_what_is_outside_is_refused(value, fields, strength, gauge, text) -> None:
    gauges = None
    if gauge is not None:
        gauges = np.ones((1, 8), dtype=np.int8)
        gauges[0, gauge] = -1
        if gauge == 2:
            gauges[0, 3] = -1  # the whole chain
    with pytest.raises(ValueError) as refusal:  # noqa: PT011
        TWICE.placement().place(np.array([value]), np.array(fields, dtype=float), strength, gauges, **WIDE)
    assert str(refusal.value) == text


def test_a_chain_takes_the_range_of_couplings_by_default() -> None:
    with pytest.raises(ValueError, match=r"chain of spin 0: J of coupler 0-1 is -2, outside -1 to 1"):
        TWICE.placement().place(np.array([0.5]), np.ones((1, 2)), 2.0, j_range=(-1, 1))


@given(SEEDS, st.sampled_from(["refuse", "clip", "scale"]), st.booleans(), st.floats(0.1, 4))
def test_ranges(seed: int, excess: str, gauged: bool, strength: float) -> None:
    chip = random_chip(seed)
    values, fields, _, gauges = images_of(chip, seed)
    placement = chip.placement()
    used = gauges if gauged else None
    h, j, _ = placement.place(values, fields, strength, used)
    a, b = chip.couplers.T
    owner = np.full(chip.num_qubits, -1)
    for k, chain in enumerate(chip.chains):
        owner[chain] = k
    in_chain = (owner[a] == owner[b]) & (owner[a] >= 0)
    low, high = np.where(in_chain, -2, -0.75), np.where(in_chain, 1, 0.5)
    ranges: dict[str, Any] = {"h_range": (-1, 0.5), "j_range": (-0.75, 0.5), "chain_range": (-2, 1)}
    fits = (h >= -1).all() and (h <= 0.5).all() and (j >= low).all() and (j <= high).all()
    if excess == "refuse" and not fits:
        with pytest.raises(ValueError, match=r"^problem \d+, copy \d+, .* outside"):
            placement.place(values, fields, strength, used, **ranges)
        return
    got_h, got_j, factors = placement.place(values, fields, strength, used, excess=excess, **ranges)
    assert got_h.min(initial=0) >= -1
    assert got_h.max(initial=0) <= 0.5
    assert (got_j >= low).all()
    assert (got_j <= high).all()
    if excess == "scale":
        expected = np.maximum(np.maximum(h / 0.5, h / -1).max(axis=1, initial=1), 1)
        expected = np.maximum(expected, np.maximum(j / high, j / low).max(axis=1, initial=1))
        assert np.allclose(factors, expected, rtol=1e-15)
        assert np.allclose(got_h, h / factors[:, None], rtol=1e-15)
        assert np.allclose(got_j, j / factors[:, None], rtol=1e-15)
    else:
        assert (factors == 1).all()
        assert np.array_equal(got_h, h.clip(-1, 0.5))
        assert np.array_equal(got_j, j.clip(low, high))


# --- bad input --------------------------------------------------------------------------------------------


def changed(**changes: Any) -> _core.Placement:
    arguments = TWICE.arguments() | changes
    return _core.Placement(*arguments.values())


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"chain_qubits": np.array([0, 1, 2, 3, 4, 5, 6, 8])},
            r"chain of spin 1 in copy 1 has qubit 8, but there are 8 qubits, numbered from 0",
        ),
        ({"chain_qubits": np.array([0, 1, 2, 3, 4, 5, 6, -1])}, "has qubit -1"),
        (
            {"chain_qubits": np.array([0, 1, 2, 3, 4, 5, 6, 0])},
            "qubit 0 is in the chain of spin 0 in copy 0 and in",
        ),
        ({"chain_starts": np.array([0, 2, 2, 6, 8])}, "chain of spin 1 in copy 0 is empty"),
        ({"chain_starts": np.array([0, 2, 4, 6, 7])}, "chain_starts must go from 0 to the 8 chain_qubits"),
        ({"chain_starts": np.array([0, 2, 4, 8])}, "3 chains, expected one for each of 2 spins of each copy"),
        ({"num_spins": 0}, "expected one for each of 0 spins"),
        ({"coupler_rows": np.array([8]), "coupler_cols": np.array([0])}, "coupler 0 names qubit 8"),
        ({"coupler_rows": np.array([3]), "coupler_cols": np.array([3])}, "coupler 0 joins qubit 3 to itself"),
        (
            {"coupler_rows": np.array([0, 1]), "coupler_cols": np.array([1, 0])},
            "qubits 0 and 1 is given twice",
        ),
        ({"coupler_cols": np.array([0])}, "one length"),
        ({"coupler_cols": None}, "go together"),
        (
            {"coupler_rows": np.array([0, 1]), "coupler_cols": np.array([1, 2])},
            "chain of spin 1 in copy 0 falls apart: no couplers lead from qubit 2 to 3",
        ),
        (
            {"coupler_rows": np.array([0, 2, 4, 6, 0]), "coupler_cols": np.array([1, 3, 5, 7, 3])},
            "copy 1 has no coupler for the coupling of spins 0-1",
        ),
        ({"cols": np.array([2])}, "spin 2"),
        ({"cols": np.array([0])}, "spin 0 to itself"),
        ({"num_qubits": 2**40}, "too many"),
    ],
)
def test_bad_embeddings_are_refused(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        changed(**changes)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"values": np.ones(2)}, "values 2"),
        ({"values": np.array([np.nan])}, "NaN"),
        ({"fields": np.ones((1, 3))}, r"fields has shape \[1, 3\]"),
        ({"fields": np.array([[1, 2], [3, np.inf]])}, "field of spin 1 in image 1 is inf"),
        ({"chain_strength": -1.0}, "chain_strength is -1"),
        ({"chain_strength": np.nan}, "chain_strength is NaN"),
        ({"gauges": np.ones((2, 8), dtype=np.int8)}, "gauges has shape"),
        ({"gauges": np.zeros((1, 8), dtype=np.int8)}, "gauge of qubit 0 in problem 0 is 0"),
        ({"h_range": (0, 4)}, "h_range is 0 to 4"),
        ({"j_range": (-1, np.nan)}, "j_range is -1 to NaN"),
        ({"chain_range": (-2, 0)}, "chain_range is -2 to 0"),
        ({"excess": "auto"}, "excess is \"auto\", expected 'refuse', 'clip' or 'scale'"),
    ],
)
def test_bad_problems_are_refused(arguments: dict[str, Any], text: str) -> None:
    call: dict[str, Any] = {"values": np.ones(1), "fields": np.ones((1, 2)), "chain_strength": 1.0}
    with pytest.raises(ValueError, match=text):
        TWICE.placement().place(**call | arguments)


def test_nothing_is_placed_without_couplers() -> None:
    with pytest.raises(ValueError, match="made without couplers"):
        changed(coupler_rows=None, coupler_cols=None).place(np.ones(1), np.ones((1, 2)), 1.0)


def test_bad_states_are_refused() -> None:
    with pytest.raises(ValueError, match="states hold 3 for spin 1 of image 2"):
        TWICE.placement().expand(np.array([[1, 1], [1, 1], [1, 3]], dtype=np.int8))


def test_no_images_are_no_problems() -> None:
    h, j, factors = TWICE.placement().place(np.ones(1), np.ones((0, 2)), 1.0)
    assert (h.shape, j.shape, factors.shape) == ((0, 8), (0, 8), (0,))
    assert TWICE.placement().expand(np.ones((0, 2), dtype=np.int8)).shape == (0, 8)


# --- whatever reaches the core ----------------------------------------------------------------------------

ARRAYS = ["chain_starts", "chain_qubits", "coupler_rows", "coupler_cols", "rows", "cols"]
CHANGES = st.lists(st.tuples(st.sampled_from(ARRAYS), st.integers(0, 7), st.integers(-2, 9)), max_size=3)


@given(CHANGES, st.integers(6, 9), st.sampled_from([1, 2, 4]))
def test_any_embedding_is_taken_or_refused(changes: Any, num_qubits: int, num_spins: int) -> None:
    arguments = TWICE.arguments() | {"num_qubits": num_qubits, "num_spins": num_spins}
    for name, at, number in changes:
        arguments[name] = arguments[name].copy()
        arguments[name][at % len(arguments[name])] = number
    outcome = refusal_of(lambda: changed(**arguments))
    qubits = arguments["chain_qubits"].tolist()
    if len(set(qubits)) < 8 or not set(qubits) <= set(range(num_qubits)):
        assert outcome
    if not changes and num_qubits >= 8:
        assert (outcome is None) == (num_spins > 1)


def refusal_of(call: Callable[[], object]) -> str | None:
    """What is said to a call that is refused; a panic is none of these errors."""
    try:
        call()
    except (ValueError, IndexError) as refusal:
        return str(refusal)
    return None


SHAPES = st.tuples(st.integers(0, 9), st.integers(0, 9))


@given(SHAPES, SHAPES, SHAPES, st.integers(0, 3), st.integers(-2, 2), st.sampled_from(METHODS))
def test_any_shape_is_taken_or_refused(one, other, third, couplings, number, method) -> None:
    placement = TWICE.placement()
    values, fields = np.full(couplings, float(number)), np.zeros(one)
    signs, gauges = np.full(one, number, dtype=np.int8), np.full(other, number, dtype=np.int8)
    for call in (
        lambda: placement.place(values, fields, 1.0, gauges),
        lambda: placement.expand(signs, gauges),
        lambda: placement.read(signs[np.newaxis], gauges, values, fields, 0, np.zeros(1, dtype=np.uint32)),
        lambda: placement.read(
            np.zeros((third[0], *other), dtype=np.uint8),
            gauges,
            values,
            fields,
            0,
            np.arange(3, dtype=np.uint32),
        ),
        lambda: placement.unembed(gauges, method, 0, gauge=gauges[0], values=values, fields=np.zeros(third)),
        lambda: placement.unembed(gauges, method, 0).moments(np.full(third[0], number)),
        lambda: placement.unembed(gauges, method, 0, values=values, fields=np.zeros((2, 2))).energies(
            values, np.zeros(third)
        ),
    ):
        text = refusal_of(call)
        assert text is None or (text and "\n" not in text)


def test_the_last_numbers_of_reads_have_coins_too() -> None:
    placement = TWICE.placement()
    broken = np.tile(np.array([1, -1] * 4, dtype=np.int8), (200, 1))
    first = 2**64 - 100
    states = [
        placement.unembed(broken, method, 0, first_read=first).states()
        for method in ("majority", "weighted_random")
    ]
    assert all((np.abs(s) == 1).all() for s in states)
