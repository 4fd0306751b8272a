"""Embeddings: what is found is right on chips with missing parts, and what is wrong is named."""

from __future__ import annotations

import json
import pickle
import warnings
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest

from ising_ep.chip import Chip
from ising_ep.config import TrainConfig
from ising_ep.embedding import DoesNotFitError, Embedding, Placed, embed
from ising_ep.embedding.patterns import PATTERNS, SIDE, TILE, pattern_of
from ising_ep.embedding.search import Search
from ising_ep.machines.chip_model import ChipModel
from ising_ep.machines.embedded import EmbeddedMachine
from ising_ep.network import Convolutional, FullyConnected
from ising_ep.qpu.cost import estimate

PAIRS = FullyConnected(1, (6, 4), 2)
PATTERN = Convolutional((3, 3), num_classes=2)
P4 = Chip.perfect("pegasus", 4)


def assert_minor(embedding: Embedding, network, chip: Chip) -> None:
    """The definition of a minor-embedding, checked with networkx alone."""
    graph = nx.Graph(chip.couplers.tolist())
    graph.add_nodes_from(chip.qubits.tolist())
    used = [q for copy in embedding.chains for chain in copy for q in chain]
    assert len(used) == len(set(used))
    assert set(used) <= set(graph.nodes)
    for copy in embedding.chains:
        assert all(nx.is_connected(graph.subgraph(chain)) for chain in copy)
        for i, j in zip(network.rows, network.cols, strict=True):
            assert any(graph.has_edge(a, b) for a in copy[i] for b in copy[j])


@pytest.mark.slow
@pytest.mark.parametrize("missing", [0.0, 0.02])
@pytest.mark.parametrize("name", ["chimera:6", "pegasus:4", "zephyr:3"])
@pytest.mark.parametrize("method", ["structured", "minorminer"])
@pytest.mark.parametrize("network", [PAIRS, PATTERN, FullyConnected(1, (5, 4, 4), 2)], ids=str)
def test_what_is_found_is_a_minor(network, method, name, missing):
    chip = Chip.named(name).without(missing, missing / 2, seed=1)
    embedding = embed(network, chip, copies=2, method=method, cache=False)
    assert 1 <= embedding.num_copies <= 2
    assert_minor(embedding, network, chip)
    again = embed(network, chip, copies=2, method=method, cache=False)
    assert again.chains == embedding.chains


def test_layers_without_couplings_get_a_qubit_each():
    network = FullyConnected(3, (4,), 2)
    embedding = embed(network, P4, copies=3, cache=False)
    assert embedding.num_qubits == 12
    assert_minor(embedding, network, P4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["chimera:16", "pegasus:16"])
def test_the_papers_layout_has_56_qubits_and_chains_of_five(name):
    embedding = embed(PATTERN, Chip.named(name), copies=1, cache=False)
    lengths = embedding.chain_lengths()
    assert (embedding.num_qubits, lengths.max(), (lengths == 5).sum()) == (56, 5, 4)


@pytest.mark.slow
def test_seventy_copies_of_the_papers_layout_fit_on_pegasus():
    chip = Chip.perfect("pegasus", 16)
    embedding = embed(PATTERN, chip, copies=None, method="structured", cache=False)
    assert embedding.num_copies >= 70
    assert embedding.num_qubits == 56 * embedding.num_copies
    assert_minor(embedding, PATTERN, chip)


def test_a_network_too_large_is_refused():
    with pytest.raises(DoesNotFitError, match="was not found to fit on chimera 2x2x4"):
        embed(FullyConnected(1, (10, 8), 2), Chip.perfect("chimera", 2), method="structured", cache=False)
    for size, text in (
        (400, "has 800 spins, but .* has 32 qubits"),
        (12, "has 144 couplings, but .* 80 couplers"),
    ):
        with pytest.raises(DoesNotFitError, match=text):
            embed(FullyConnected(1, (size, size), 2), Chip.perfect("chimera", 2), cache=False)
    sparse = FullyConnected(1, (4, 4, 4, 4, 4, 4), 2)
    with pytest.raises(DoesNotFitError, match="no structured layout"):
        embed(sparse, P4, method="structured", cache=False)


@pytest.mark.parametrize(("option", "text"), [({"copies": 0}, "copies is 0"), ({"method": "luck"}, "luck")])
def test_options_out_of_range_are_refused(option, text):
    with pytest.raises(ValueError, match=text):
        embed(PAIRS, P4, cache=False, **option)


@pytest.fixture
def good() -> Embedding:
    return embed(PAIRS, P4, copies=2, cache=False)


def changed(good: Embedding, change) -> Embedding:
    chains = [[list(chain) for chain in copy] for copy in good.chains]
    change(chains)
    return Embedding(chains, good.graph_id)


def far_from(good: Embedding, chain: list[int]) -> int:
    """A free qubit that touches none of a chain."""
    graph = P4.graph
    near = set(chain) | {n for q in chain for n in graph[q]}
    return next(q for q in P4.qubits.tolist() if q not in near and q not in set(good.qubits().tolist()))


def test_each_defect_of_an_embedding_is_named(good):
    good.verify(PAIRS, P4)
    first = good.chains[0][0]

    def append(chains, qubit):
        chains[1][3].append(qubit)

    cases = [
        (lambda c: c[1][3].clear(), "copy 1, spin 3 has no qubits"),
        (lambda c: append(c, 10**6), "copy 1, spin 3: qubit 1000000 is missing on the chip"),
        (
            lambda c: append(c, first[0]),
            f"qubit {first[0]} is twice in the chains of copy 0, spin 0 and copy 1",
        ),
        (lambda c: append(c, c[1][3][0]), "is twice in the chains of copy 1, spin 3 and copy 1, spin 3"),
        (lambda c: append(c, far_from(good, c[1][3])), r"copy 1, spin 3: its chain \[.*\] is not connected"),
        (lambda c: c[0].pop(), "chains for 9 spins, the network has 10"),
        (
            lambda c: c[0].__setitem__(8, [far_from(good, [q for s in range(6) for q in c[0][s]])]),
            "copy 0: no coupler of the chip joins the chains of spins 0 and 8",
        ),
    ]
    for change, text in cases:
        with pytest.raises(ValueError, match=text):
            changed(good, change).verify(PAIRS, P4)
    with pytest.raises(ValueError, match="was made for working graph"):
        good.verify(PAIRS, P4.without(0.1, seed=1))


def test_to_be_placed_is_to_be_verified(good, monkeypatch):
    assert isinstance(good, Placed)
    with pytest.raises(ValueError, match="chains for 10 spins, the network has 9"):
        Placed(good.chains, good.graph_id, FullyConnected(1, (5, 4), 2), P4)
    chains = [[list(chain) for chain in copy] for copy in good.chains]
    mine = Embedding(chains, good.graph_id)
    placed = mine.verify(PAIRS, P4)
    chains[0][0].clear()
    assert placed.chains == mine.chains == good.chains

    # One look is enough for the same network and chip, though they be other objects; not for others.
    looks = []
    look = Placed._check_couplings
    monkeypatch.setattr(Placed, "_check_couplings", lambda self, *given: looks.append(look(self, *given)))
    assert placed.verify(PAIRS, P4) is placed
    assert placed.verify(FullyConnected(7, (6, 4), 2), Chip.perfect("pegasus", 4)) is placed
    assert pickle.loads(pickle.dumps(placed)).chains == placed.chains
    assert looks == []
    fewer = FullyConnected(1, (6, 4), 2, (0, 1))
    assert placed.verify(fewer, P4) is placed
    with pytest.raises(ValueError, match="was made for working graph"):
        placed.verify(PAIRS, P4.without(0.01, seed=1))
    with pytest.raises(ValueError, match="the network has 11"):
        placed.verify(FullyConnected(1, (7, 4), 2), P4)
    same_name = replace(
        P4, qubits=P4.qubits[:-1], couplers=P4.couplers[(P4.couplers < P4.qubits[-1]).all(axis=1)]
    )
    assert placed.verify(PAIRS, same_name) is not placed
    assert len(looks) == 1


def test_one_verification_serves_search_machine_and_estimate(monkeypatch):
    looks = []
    look = Placed._check_couplings
    monkeypatch.setattr(Placed, "_check_couplings", lambda self, *given: looks.append(look(self, *given)))
    config = TrainConfig.checked({"machine": "chip", "layers": (6, 4)})
    embedding = embed(PAIRS, P4, copies=2, cache=False)
    machine = EmbeddedMachine(ChipModel(P4), embedding, PAIRS)
    estimate(config, PAIRS, 10, 10, P4, embedding)
    assert machine.embedding is embedding
    assert len(looks) == 1


def test_a_pattern_is_an_embedding_of_its_network():
    cells = Chip.perfect("chimera", SIDE, SIDE, TILE)
    for network, pattern in zip([PATTERN], PATTERNS, strict=True):
        assert pattern_of(network) is pattern
        Embedding([pattern.chains], cells.graph_id).verify(network, cells)
    for other in (Convolutional((3, 3), num_classes=3), Convolutional((4, 3), num_classes=2), PAIRS):
        assert pattern_of(other) is None


def test_files_come_back_as_they_were(good, tmp_path):
    good.save(tmp_path / "e.json")
    again = Embedding.load(tmp_path / "e.json", P4)
    assert (again.chains, again.graph_id) == (good.chains, good.graph_id)
    (tmp_path / "plain.json").write_text(json.dumps(good.chains[0]))
    plain = Embedding.load(tmp_path / "plain.json", P4)
    assert plain.chains == good.chains[:1]
    plain.verify(PAIRS, P4)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        "3",
        "{}",
        "[]",
        "[[]]",
        "[[[]]]",
        '[["a"]]',
        "[[1], [[2]]]",
        "[[1.5]]",
        "[[true]]",
        "[" * 10**5,
        "[" * 900 + "1" + "]" * 900,
        f"[[{2**70}]]",
        '{"graph_id": [1], "chains": [[1]]}',
        '{"chains": {"0": [1]}}',
        '{"graph_id": 3}',
    ],
)
def test_what_is_no_embedding_is_refused(text, tmp_path):
    (tmp_path / "e.json").write_text(text)
    with pytest.raises(ValueError, match=r"e\.json"):
        Embedding.load(tmp_path / "e.json", P4)


def test_the_cache_is_read_checked_and_replaced(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = embed(PAIRS, P4)
    (file,) = tmp_path.rglob("*.json")
    monkeypatch.setattr(Search, "find", lambda search: pytest.fail("looked for it again"))
    assert embed(PAIRS, P4).chains == first.chains
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    broken = [[*copy[:-1], copy[0]] for copy in first.chains]
    file.write_text(json.dumps({"graph_id": P4.graph_id, "chains": broken}))
    with pytest.warns(UserWarning, match="cached embedding ignored.*is twice"):
        assert embed(PAIRS, P4).chains == first.chains
    assert Embedding.load(file, P4).chains == first.chains
    # Another chip and another network have files of their own.
    embed(PAIRS, P4.without(0.01, seed=3))
    embed(FullyConnected(1, (4, 6), 2), P4)
    assert len(list(tmp_path.rglob("*.json"))) == 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "chip"),
    [(FullyConnected(1, (8, 8), 8), Chip.perfect("chimera", 4)), (PATTERN, P4)],
)
def test_as_many_as_fit_serve_for_as_many_and_are_what_a_search_for_these_finds(
    network, chip, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    all_of_them = embed(network, chip, copies=None)
    most = all_of_them.num_copies
    assert most > 1
    assert embed(network, chip, copies=most + 1).chains == all_of_them.chains
    for copies in (most - 1, most):
        found = embed(network, chip, copies=copies)
        assert found.num_copies == copies
        assert found.chains == embed(network, chip, copies=copies, cache=False).chains


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="not kept"):
        embed(PAIRS, P4)


def test_progress_counts_copies():
    seen: list[int] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        embedding = embed(PATTERN, P4, copies=None, method="minorminer", cache=False, progress=seen.append)
    assert seen == list(range(1, embedding.num_copies + 1))
    assert len(np.unique(embedding.qubits())) == embedding.num_qubits
