"""Reads of qubits as logical spins: dwave-system's answers where determined, fair coins where not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from dwave.embedding import chain_breaks
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ising_ep import correlations, unembed
from ising_ep.embedding import unembed as correlate
from support.placements import Chip, random_chip

SEEDS = st.integers(0, 2**32 - 1)
NOISE = st.sampled_from([0.0, 0.05, 0.5])
METHODS = list(correlate.METHODS)
# Of a normal number to be as far out: a false alarm in a million for each that is tested.
SIGMAS = 4.9


def broken_and_tied(chip: Chip, samples: NDArray[np.int8]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(reads, chains)."""
    ups = np.stack([(samples[:, chain] == 1).mean(axis=1) for chain in chip.chains], axis=1)
    return (ups > 0) & (ups < 1), ups == 0.5


def problem_of(chip: Chip, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Couplings and fields whose sums are exact in any order, and no local field is ever 0."""
    rng = np.random.default_rng(seed)
    return rng.integers(-64, 65, len(chip.rows)) / 64, (2 * rng.integers(-64, 64, chip.num_spins) + 1) / 128


# --- against dwave-system ---------------------------------------------------------------------------------


@given(SEEDS, NOISE)
def test_broken_chains(seed: int, noise: float) -> None:
    chip = random_chip(seed)
    samples = chip.samples(np.random.default_rng(seed), 70, noise)
    theirs = chain_breaks.broken_chains(samples, chip.chains)
    assert np.array_equal(theirs, broken_and_tied(chip, samples)[0])
    assert np.allclose(unembed(samples, chip.chains).broken, theirs.mean(axis=1), rtol=1e-15)
    found = correlations(samples, chip.chains, ([], []))
    assert np.allclose(found.broken, theirs.mean(axis=0), rtol=1e-15)


@given(SEEDS, NOISE)
def test_majority(seed: int, noise: float) -> None:
    chip = random_chip(seed)
    samples = chip.samples(np.random.default_rng(seed), 70, noise)
    theirs, _ = chain_breaks.majority_vote(samples, chip.chains)
    _, tied = broken_and_tied(chip, samples)
    ours = unembed(samples, chip.chains)
    assert np.array_equal(ours.states[~tied], theirs[~tied])
    assert np.array_equal(ours.reads, np.arange(70))


@given(SEEDS, NOISE)
def test_discard(seed: int, noise: float) -> None:
    chip = random_chip(seed)
    samples = chip.samples(np.random.default_rng(seed), 70, noise)
    theirs, kept = chain_breaks.discard(samples, chip.chains)
    ours = unembed(samples, chip.chains, method="discard")
    assert np.array_equal(ours.states, theirs)
    assert np.array_equal(ours.reads, kept)


@given(SEEDS, NOISE)
def test_minimize_energy(seed: int, noise: float) -> None:
    chip = random_chip(seed)
    embedding = chip.embedding(0)
    chains = list(embedding.values())
    samples = chip.samples(np.random.default_rng(seed), 70, noise)
    values, fields = problem_of(chip, seed)
    bqm = chip.bqm(values, fields)
    theirs, _ = chain_breaks.MinimizeEnergy(bqm, embedding)(samples, chains)
    couplings = (chip.rows, chip.cols, values)
    ours = unembed(samples, chains, method="minimize_energy", couplings=couplings, fields=fields)
    assert np.array_equal(ours.states, theirs)
    assert np.array_equal(ours.energies, bqm.energies(theirs))


@given(SEEDS)
def test_weighted_random_takes_what_a_qubit_says(seed: int) -> None:
    chip = random_chip(seed)
    samples = chip.samples(np.random.default_rng(seed), 70, 0.3)
    broken, _ = broken_and_tied(chip, samples)
    ours = unembed(samples, chip.chains, method="weighted_random", seed=seed).states
    theirs, _ = chain_breaks.majority_vote(samples, chip.chains)
    assert np.array_equal(ours[~broken], theirs[~broken])
    assert (np.abs(ours) == 1).all()


@given(SEEDS, NOISE, st.sampled_from(METHODS))
def test_copies_are_unembedded_each_for_itself(seed: int, noise: float, method: str) -> None:
    """What the machines call: all copies at once, each with its own fields and gauge."""
    chip = random_chip(seed)
    rng = np.random.default_rng(seed)
    samples = chip.samples(rng, 70, noise)
    gauge = rng.choice(np.array([-1, 1], dtype=np.int8), chip.num_qubits)
    values, _ = problem_of(chip, seed)
    fields = np.stack([problem_of(chip, seed + copy)[1] for copy in range(chip.copies)])
    whole = chip.placement().unembed(samples * gauge, method, 3, gauge=gauge, values=values, fields=fields)
    _, tied = broken_and_tied(chip, samples)
    kept, energies = whole.kept(), whole.energies(values, fields)
    weight, first, second, breaks = whole.moments()
    for copy in range(chip.copies):
        chains = list(chip.embedding(copy).values())
        couplings = (chip.rows, chip.cols, values)
        one = unembed(samples, chains, method=method, seed=5, couplings=couplings, fields=fields[copy])
        assert np.array_equal(np.flatnonzero(kept[copy]), one.reads)
        assert np.allclose(whole.broken()[copy] / chip.num_spins, one.broken, rtol=1e-15)
        states = whole.states()[copy]
        assert not states[~kept[copy]].any()
        assert np.isposinf(energies[copy, ~kept[copy]]).all()
        bqm = chip.bqm(values, fields[copy])
        assert np.array_equal(energies[copy, kept[copy]], bqm.energies(states[kept[copy]]))
        of_copy = slice(copy * chip.num_spins, (copy + 1) * chip.num_spins)
        if method == "majority":
            clear = ~tied[:, of_copy]
            assert np.array_equal(states[clear], one.states[clear])
        elif method != "weighted_random":
            assert np.array_equal(states[kept[copy]], one.states)
        assert weight[copy] == kept[copy].sum()
        s = states.astype(np.int64)
        assert np.array_equal(first[copy], s.sum(axis=0))
        assert np.array_equal(second[copy], (s[:, chip.rows] * s[:, chip.cols]).sum(axis=0))
        broken = chain_breaks.broken_chains(samples, chains)
        assert np.array_equal(breaks[copy], broken.sum(axis=0))


# --- moments ----------------------------------------------------------------------------------------------


@given(SEEDS, st.sampled_from(METHODS), st.integers(1, 200), st.booleans())
def test_moments_are_averages_of_the_states(seed: int, method: str, reads: int, weighted: bool) -> None:
    chip = random_chip(seed)
    rng = np.random.default_rng(seed)
    samples = chip.samples(rng, reads, 0.02)
    values, fields = problem_of(chip, seed)
    chains = list(chip.embedding(0).values())
    couplings = (chip.rows, chip.cols, values)
    options: dict[str, Any] = {"method": method, "seed": 9, "fields": fields}
    states = unembed(samples, chains, couplings=couplings, **options)
    weights = rng.integers(0, 1000, reads) if weighted else np.ones(reads, dtype=np.int64)
    used = weights[states.reads]
    if not used.sum():
        with pytest.raises(ValueError, match=f"of {reads} reads none is left"):
            correlations(samples, chains, couplings, num_occurrences=weights, **options)
        return
    found = correlations(samples, chains, couplings, num_occurrences=weights if weighted else None, **options)
    s = states.states.astype(np.int64)
    assert found.num_reads == used.sum()
    assert np.array_equal(found.first, (used @ s) / used.sum())
    assert np.array_equal(found.second, used @ (s[:, chip.rows] * s[:, chip.cols]) / used.sum())
    broken = chain_breaks.broken_chains(samples, chains)
    assert np.allclose(found.broken, weights @ broken / weights.sum(), rtol=1e-15)


@given(SEEDS, st.sampled_from(METHODS), st.lists(st.integers(0, 300), max_size=4), st.booleans())
def test_a_stream_is_the_whole(seed: int, method: str, cuts: list[int], weighted: bool) -> None:
    chip = random_chip(seed)
    rng = np.random.default_rng(seed)
    samples, weights = chip.samples(rng, 300, 0.02), rng.integers(1, 50, 300)
    values, fields = problem_of(chip, seed)
    chains = list(chip.embedding(0).values())
    call = (chains, (chip.rows, chip.cols, values))
    options: dict[str, Any] = {"method": method, "seed": 1, "fields": fields}
    whole = correlations(samples, *call, num_occurrences=weights if weighted else None, **options)
    parts = np.split(np.arange(300), sorted(cuts))
    stream: Iterator[Any] = ((samples[p], weights[p]) if weighted else samples[p] for p in parts)
    pieces = correlations(stream, *call, **options)
    assert np.array_equal(pieces.first, whole.first)
    assert np.array_equal(pieces.second, whole.second)
    assert np.array_equal(pieces.broken, whole.broken)
    assert pieces.num_reads == whole.num_reads


def test_blocks_of_one_array_are_a_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    chip = random_chip(3)
    samples = chip.samples(np.random.default_rng(3), 1000, 0.3)
    call = (samples, chip.chains, ([], []))
    whole = correlations(*call, num_occurrences=np.arange(1000), seed=4)
    monkeypatch.setattr(correlate, "_BLOCK", 77)
    assert np.array_equal(correlations(*call, num_occurrences=np.arange(1000), seed=4).first, whole.first)


@given(SEEDS, st.sampled_from(["majority", "discard", "minimize_energy"]))
def test_a_weight_is_as_many_reads(seed: int, method: str) -> None:
    """With chains of odd length: of a tie each read has its own coin."""
    chip = random_chip(seed)
    rng = np.random.default_rng(seed)
    samples, weights = chip.samples(rng, 50, 0.02), rng.integers(0, 9, 50)
    weights[0] = 3
    samples[0] = 1
    chains = [chain[: len(chain) - 1 | 1] for chain in chip.embedding(0).values()]
    values, fields = problem_of(chip, seed)
    call = (chains, (chip.rows, chip.cols, values))
    options: dict[str, Any] = {"method": method, "fields": fields}
    one = correlations(samples, *call, num_occurrences=weights, **options)
    other = correlations(samples.repeat(weights, axis=0), *call, **options)
    assert np.array_equal(one.first, other.first)
    assert np.array_equal(one.second, other.second)
    assert np.array_equal(one.broken, other.broken)
    assert one.num_reads == other.num_reads == weights.sum() or method == "discard"


def test_reads_of_later_pieces_are_named_by_their_number_in_the_stream() -> None:
    pieces = [np.ones((20_000, 4), dtype=np.int8), np.array([[1, 1, 1, 0]])]
    with pytest.raises(ValueError, match="samples hold 0 in read 20000, qubit 3"):
        correlations(iter(pieces), CHAINS, ([], []))
    with pytest.raises(ValueError, match="samples hold 0 in read 20000, qubit 3"):
        correlations(np.concatenate(pieces), CHAINS, ([], []))
    with pytest.raises(ValueError, match="num_occurrences of read 20000 is -2"):
        correlations(iter([pieces[0], (READS[:1], [-2])]), CHAINS, ([], []))


def test_large_weights_are_exact() -> None:
    weights = [2**52, 2**51 + 1, 2**50 + 3]
    found = correlations([[1, 1], [1, -1], [-1, 1]], [[0], [1]], ([0], [1]), num_occurrences=weights)
    total = sum(weights)
    assert found.num_reads == total
    assert found.second.tolist() == [(weights[0] - weights[1] - weights[2]) / total]
    with pytest.raises(ValueError, match="add up to"):
        correlations(iter([([[1]], [2**53]), ([[1]], [1])]), [[0]], ([], []))


# --- coins ------------------------------------------------------------------------------------------------


def coins(method: str, reads: int = 40_000) -> NDArray[np.int8]:
    """(chains, reads) of 20 chains of 2 to 8 qubits, half of them down in every read."""
    lengths = 2 * (1 + np.arange(20) % 4)
    starts = np.cumsum([0, *lengths])
    read = np.concatenate([np.resize([1, -1], length) for length in lengths]).astype(np.int8)
    chains = [list(range(a, b)) for a, b in pairwise(starts)]
    return unembed(np.tile(read, (reads, 1)), chains, method=method, seed=2026).states.T


@pytest.mark.parametrize("method", ["majority", "weighted_random"])
def test_ties_are_fair_and_independent(method: str) -> None:
    """Averages of each chain, of pairs of chains, and of reads that follow each other, are normal.

    dwave-system's +1 would be at 200 standard deviations.
    """
    tossed = coins(method).astype(np.float64)
    chains, reads = tossed.shape
    pairs = (tossed @ tossed.T)[np.triu_indices(chains, 1)]
    lagged = np.concatenate([(tossed[:, lag:] * tossed[:, :-lag]).sum(axis=1) for lag in (1, 2, 64)])
    sums = np.concatenate([tossed.sum(axis=1), pairs, lagged])
    assert np.abs(sums).max() / np.sqrt(reads) < SIGMAS


def test_a_coin_where_the_local_field_is_0() -> None:
    """A broken chain without field or neighbour; dwave-system takes +1."""
    read = np.tile([[1, 1, -1]], (40_000, 1))
    states = unembed(
        read, [[0, 1, 2]], method="minimize_energy", seed=1, couplings=([], [], []), fields=[0]
    ).states
    assert abs(states.sum()) / 200 < SIGMAS


@pytest.mark.parametrize("ups", range(1, 7))
def test_weighted_random_has_the_weights_of_the_qubits(ups: int) -> None:
    read = np.tile(np.where(np.arange(7) < ups, 1, -1), (40_000, 1))
    states = unembed(read, [[3, 0, 6, 1, 2, 5, 4]], method="weighted_random", seed=ups).states
    p = ups / 7
    assert abs((states == 1).sum() - 40_000 * p) / np.sqrt(40_000 * p * (1 - p)) < SIGMAS


@pytest.mark.parametrize("method", ["majority", "weighted_random"])
def test_seeds_reproduce_and_differ(method: str) -> None:
    read = np.tile([[1, -1]], (200, 1))
    runs = [
        unembed(read, [[0, 1]], method=method, seed=seed).states.tobytes()
        for seed in (0, 0, 1, 2**32, 2**64 - 1, None, None)
    ]
    assert runs[0] == runs[1]
    assert len(set(runs)) == 6


# --- what may be given ------------------------------------------------------------------------------------

READS = np.array([[1, 1, -1, 1], [-1, -1, -1, 1], [1, 1, 1, -1]], dtype=np.int8)
CHAINS = [[0, 1], [2], [3]]


@pytest.mark.parametrize(
    "form",
    [
        np.ndarray.tolist,
        np.asfortranarray,
        lambda a: a.astype(np.int64),
        lambda a: a.astype(">i2"),
        lambda a: a.astype(np.float32),
        lambda a: np.repeat(np.repeat(a, 2, axis=0), 3, axis=1)[::2, ::3],
        lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
    ],
)
def test_samples_in_every_form(form: Callable[[Any], Any]) -> None:
    assert np.array_equal(unembed(form(READS), CHAINS).states, READS[:, [0, 2, 3]])
    found = correlations(form(READS), CHAINS, ([0, 1], [1, 2]))
    assert found.second.tolist() == [1 / 3, -1]


@pytest.mark.parametrize(
    "chains",
    [
        ((0, 1), (2,), (3,)),
        {2: {3}, 0: {0, 1}, 1: {2}},
        [np.array([0, 1]), np.array([2], dtype=np.uint8), range(3, 4)],
        {0: [0, 1], 1: [2], 2: [3]}.values(),
    ],
)
def test_chains_in_every_form(chains: Any) -> None:
    assert np.array_equal(unembed(READS, chains).states, READS[:, [0, 2, 3]])


def test_columns_of_no_chain_may_hold_anything() -> None:
    assert unembed([[3, 1, 0], [3, -1, 99]], [[1]]).states.tolist() == [[1], [-1]]


def test_the_gauge_flips_the_samples() -> None:
    gauge = np.array([1, -1, -1, 1])
    assert np.array_equal(unembed(READS * gauge, CHAINS, gauge=gauge).states, READS[:, [0, 2, 3]])


def test_no_reads() -> None:
    result = unembed(np.empty((0, 4), dtype=np.int8), CHAINS)
    assert result.states.shape == (0, 3)
    assert result.broken.shape == (0,)
    for nothing in (np.empty((0, 4)), iter([]), iter([np.empty((0, 4))])):
        with pytest.raises(ValueError, match="of 0 reads none is left to average"):
            correlations(nothing, CHAINS, ([], []))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"samples": [1, -1]}, r"samples has shape \(2,\), expected \(reads, qubits\)"),
        ({"samples": [[1, 0, 1, 1]]}, "samples hold 0 in read 0, qubit 1, expected -1 or"),
        ({"samples": [[1, 1, 1, 1]] * 70 + [[1, 1, 1, 2]]}, "samples hold 2 in read 70, qubit 3"),
        ({"samples": [[1, 1, 1, 0.5]]}, "samples holds 0.5"),
        ({"samples": [[1, 1, 1, 257]]}, "samples holds 257"),
        ({"samples": [[1, 1, 1, np.nan]]}, "samples holds nan"),
        ({"samples": np.ones((1, 4), dtype=bool)}, "dtype bool"),
        ({"samples": [["a"] * 4]}, "samples has dtype"),
        ({"chains": []}, "chains is empty"),
        ({"chains": [[0], []]}, "chain of spin 1 is empty"),
        ({"chains": [[0], [4]]}, r"chain of spin 1 has qubit 4, but there are 4 qubits, numbered from 0"),
        ({"chains": [[0], [1, 0]]}, "qubit 0 is in the chain of spin 0 and in the chain of spin 1"),
        ({"chains": [0, 1]}, "chain of spin 0 is 0, expected columns"),
        ({"chains": [[0.5]]}, r"chain of spin 0 is \[0.5\], expected columns of the samples, integers"),
        ({"chains": {1: [0]}}, "keys"),
        ({"method": "vote"}, "method is 'vote', expected one of"),
        ({"gauge": [1, 1, 1]}, "gauge has shape"),
        ({"gauge": [1, 1, 1, 0]}, "gauge of qubit 3"),
        ({"fields": [0, 0]}, "fields has shape"),
        ({"couplings": ([0], [3], [1.0])}, "spin 3"),
        ({"couplings": ([0], [1], [np.inf])}, "inf"),
        ({"fields": [0, 0, np.nan]}, "field of spin 2"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_bad_input_is_named(arguments: dict[str, Any], text: str) -> None:
    call: dict[str, Any] = {
        "samples": READS,
        "chains": CHAINS,
        "couplings": ([0], [1], [0.5]),
        "fields": [0, 0, 0.0],
        "method": "minimize_energy",
    }
    for function in (unembed, correlations):
        with pytest.raises(ValueError, match=text) as refusal:
            function(**call | arguments)
        assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"num_occurrences": [1, 1]}, r"num_occurrences has shape \(2,\), expected \(3,\)"),
        ({"num_occurrences": [1, 1, -1]}, "num_occurrences of read 2 is -1"),
        ({"num_occurrences": [1, 1, 0.5]}, "dtype"),
        ({"num_occurrences": [0, 0, 0]}, "of 3 reads none is left"),
        ({"num_occurrences": [2**62, 2**62, 2**62]}, "add up to"),
        ({"samples": iter([READS]), "num_occurrences": [1, 1, 1]}, "beside a stream"),
        ({"samples": iter([READS, READS[:, :3]])}, r"samples has shape \[3, 3\], expected \[3, 4\]"),
        ({"couplings": ([0],)}, "couplings has 1 parts"),
        ({"method": "minimize_energy"}, "couplings has 2 parts, expected .* for 'minimize_energy'"),
        ({"couplings": ([0], [1, 2])}, "one length"),
    ],
)
def test_bad_streams_are_named(arguments: dict[str, Any], text: str) -> None:
    call: dict[str, Any] = {"samples": READS, "chains": CHAINS, "couplings": ([0], [1])}
    with pytest.raises(ValueError, match=text):
        correlations(**call | arguments)


def test_energies_need_couplings() -> None:
    assert unembed(READS, CHAINS).energies is None
    with pytest.raises(ValueError, match="fields are given without couplings"):
        unembed(READS, CHAINS, fields=[0, 0, 0])
    with pytest.raises(ValueError, match="method is 'minimize_energy' without couplings"):
        unembed(READS, CHAINS, method="minimize_energy")
