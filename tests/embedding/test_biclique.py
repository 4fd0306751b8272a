"""Complete bipartite networks on chips with and without defects."""

import gzip
import json
from itertools import pairwise

import dwave.graphs
import homebase
import networkx as nx
import numpy as np
import pytest
from minorminer import busclique

from ising_ep.chip import Chip
from ising_ep.embedding.biclique import Router, Windows, price, rectangles
from ising_ep.embedding.lines import lines_of
from ising_ep.embedding.mending import BicliqueCopy
from ising_ep.embedding.paths import disjoint_paths
from ising_ep.embedding.tiling import FIRST_TWO, Filler, Layout, find_bicliques
from support.chip_data import LOGS, needs

CHIPS = {
    "P4": (dwave.graphs.pegasus_graph, 4),
    "P6": (dwave.graphs.pegasus_graph, 6),
    "Z3": (dwave.graphs.zephyr_graph, 3),
    "Z5": (dwave.graphs.zephyr_graph, 5),
    "C8": (dwave.graphs.chimera_graph, 8),
}


def chip(name, missing=0.0, seed=0):
    """A working graph without a share of the qubits and a tenth as large a share of the couplers."""
    make, size = CHIPS[name]
    graph = make(size)
    rng = np.random.default_rng([seed, len(graph)])
    qubits = sorted(graph)
    graph.remove_nodes_from(rng.choice(qubits, round(missing * len(qubits)), replace=False).tolist())
    couplers = sorted(graph.edges)
    gone = rng.choice(len(couplers), round(missing / 10 * len(couplers)), replace=False)
    graph.remove_edges_from([couplers[i] for i in gone])
    return graph


def check(graph, copies, left, right):
    """Whether all copies are embeddings of K(left, right), by networkx alone."""
    used = [q for left_chains, right_chains in copies for chain in left_chains + right_chains for q in chain]
    assert len(used) == len(set(used))
    assert set(used) <= set(graph)
    for left_chains, right_chains in copies:
        assert (len(left_chains), len(right_chains)) == (left, right)
        for chain in left_chains + right_chains:
            assert chain
            assert nx.is_connected(graph.subgraph(chain))
        for a in left_chains:
            for b in right_chains:
                assert any(graph.has_edge(p, q) for p in a for q in b)


def qubits(copy):
    return sum(map(len, copy[0] + copy[1]))


@pytest.mark.parametrize("name", CHIPS)
def test_lines_are_the_chip(name):
    graph = chip(name, 0.05)
    lines = lines_of(graph)
    assert sorted(lines.qubit[lines.qubit >= 0].tolist()) == sorted(graph)
    crossing = set()
    for horizontal in range(lines.count):
        for vertical in range(lines.count):
            p = int(lines.qubit[0, vertical, lines.segment[0, horizontal, vertical]])
            q = int(lines.qubit[1, horizontal, lines.segment[1, vertical, horizontal]])
            if p >= 0 and q >= 0:
                crossing.add(frozenset((p, q)))
    couplers = set(map(frozenset, graph.edges))
    successive = set()
    for line, cut in zip(
        lines.qubit.reshape(-1, lines.qubit.shape[2]), lines.cut.reshape(-1, lines.cut.shape[2]), strict=True
    ):
        successive |= {
            frozenset((int(p), int(q))) for p, q, no in zip(line[:-1], line[1:], cut, strict=True) if not no
        }
    assert successive <= couplers
    # What is neither successive nor crossing is an odd coupler, of which a qubit has at most two.
    odd = nx.Graph([tuple(pair) for pair in couplers - successive - crossing])
    assert max((degree for _, degree in odd.degree), default=0) <= {"P": 1, "Z": 2, "C": 0}[name[0]]
    lacking = np.zeros(lines.qubit.shape, int)
    for pair in crossing - couplers:
        lacking[np.isin(lines.qubit, list(pair))] += 1
    assert (lines.flaws == lacking).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["P6", "Z5", "C8"])
@pytest.mark.parametrize("missing", [0.02, 0.05])
@pytest.mark.parametrize("sides", [(16, 4), (5, 12)])
def test_copies_are_embeddings_and_disjoint(name, missing, sides):
    graph = chip(name, missing, seed=1)
    copies = find_bicliques(graph, *sides, max_copies=2)
    assert len(copies) == 2
    check(graph, copies, *sides)
    assert [qubits(c) for c in copies] == sorted(qubits(c) for c in copies)


@pytest.mark.slow
@pytest.mark.parametrize("name", CHIPS)
@pytest.mark.parametrize("missing", [0.0, 0.03])
def test_no_more_qubits_than_busclique(name, missing, tmp_path, monkeypatch):
    # Its cache is locked while another process of this user fills it.
    monkeypatch.setattr(homebase, "user_data_dir", lambda *args, **kwargs: str(tmp_path))
    sides = (16, 8)
    graph = chip(name, missing)
    theirs = busclique.busgraph_cache(graph, seed=0).find_biclique_embedding(*sides)
    copies = find_bicliques(graph, *sides, max_copies=1)
    check(graph, copies, *sides)
    if theirs:
        assert copies
        assert qubits(copies[0]) <= sum(map(len, theirs.values()))


@pytest.mark.slow
def test_full_chips():
    for graph, most, longest in (
        (dwave.graphs.pegasus_graph(16), 906, 11),
        (dwave.graphs.zephyr_graph(12), 680, 8),
    ):
        (copy,) = find_bicliques(graph, 120, 40, max_copies=1)
        check(graph, [copy], 120, 40)
        assert qubits(copy) <= most
        assert max(map(len, copy[0] + copy[1])) <= longest


@pytest.mark.slow
def test_one_seed_gives_the_same_copies():
    graph = chip("Z3", 0.03)
    copies = find_bicliques(graph, 36, 12, max_copies=2, seed=3)
    check(graph, copies, 36, 12)
    assert copies == find_bicliques(graph.copy(), 36, 12, max_copies=2, seed=3)


@pytest.mark.slow
def test_progress_counts_up_to_the_end():
    calls = []
    copies = find_bicliques(chip("P4"), 30, 10, progress=lambda *call: calls.append(call))
    done, total, most = zip(*calls, strict=True)
    assert list(done) == list(range(1, total[0] + 1))
    assert list(most) == sorted(most)
    assert most[-1] == len(copies)


@pytest.mark.parametrize("sides", [(200, 4), (40, 40), (4, 200)])
def test_nothing_fits(sides):
    assert find_bicliques(chip("P4"), *sides) == []
    assert find_bicliques(chip("P4"), *sides, max_copies=1) == []


def test_other_graphs_are_refused():
    with pytest.raises(ValueError, match="family is None"):
        find_bicliques(nx.complete_graph(8), 2, 2)
    with pytest.raises(ValueError, match="labels are 'coordinate'"):
        find_bicliques(dwave.graphs.zephyr_graph(2, coordinates=True), 2, 2)


def test_windows_count_what_they_lack():
    graph = chip("Z5", 0.05)
    lines = lines_of(graph)
    windows = Windows(lines, lines.qubit >= 0)
    for direction in (0, 1):
        number, missing = windows(direction, 9)
        for start in range(0, lines.count - 8, 7):
            for line in range(0, lines.count, 5):
                segments = np.unique(lines.segment[direction, start : start + 9, line])
                labels = lines.qubit[direction, line, segments]
                there = labels[labels >= 0].tolist()
                pieces = nx.number_connected_components(graph.subgraph(there)) if there else 0
                assert number[start, line] == len(segments)
                # Whole windows lack nothing, and only they.
                assert (missing[start, line] == 0) == (len(there) == len(segments) and pieces == 1)
                assert missing[start, line] >= len(segments) - len(there)


def test_rectangles_are_sorted_and_hold_enough_lines():
    lines = lines_of(chip("P6", 0.03))
    places = rectangles(Windows(lines, lines.qubit >= 0), 1, 20, 8)
    assert places == sorted(places)
    assert all(p.left_high - p.left_low >= 20 and p.right_high - p.right_low >= 8 for p in places)


@pytest.mark.slow
@pytest.mark.parametrize(("wide", "places"), [(False, [10, 30, 50]), (True, [10, 26, 42])])
def test_wide_copies_lie_closer(wide, places):
    graph = dwave.graphs.pegasus_graph(16)
    lines = lines_of(graph)
    free, copies, found = lines.qubit >= 0, [], []
    for _ in places:
        place = rectangles(Windows(lines, free), 0, 120, 10, gravity=(-1, 4), wide=wide)[0]
        copy = Router(lines, free, place, 120, 10, pull=4.0).lay()
        free &= ~lines.holding(qubit for chain in copy.chains for qubit in chain)
        copies.append((copy.chains[:120], copy.chains[120:]))
        found.append(place.right_low)
    check(graph, copies, 120, 10)
    assert found == places


@pytest.mark.slow
@pytest.mark.parametrize(("wide", "number"), [(False, 11), (True, 12)])
def test_most_copies_of_a_layout(wide, number):
    # One layout of the twelve that find_bicliques tries, which would take a minute.
    graph = dwave.graphs.pegasus_graph(16)
    copies = Filler(lines_of(graph), 120, 10).fill(Layout(FIRST_TWO, direction=0, end=-1, wide=wide))
    assert len(copies) == number
    check(graph, [(copy.chains[:120], copy.chains[120:]) for copy in copies], 120, 10)


@pytest.mark.slow
@needs(LOGS)
@pytest.mark.parametrize(("sides", "wide", "number"), [((120, 40), False, 4), ((120, 10), True, 12)])
def test_as_many_copies_on_a_real_chip_as_on_a_perfect_one(sides, wide, number):
    # One layout of the twelve that find_bicliques tries, which would take a minute.
    with gzip.open(LOGS / "solver_advantage_system4.1.json.gz") as file:
        graph = Chip.of_solver(json.load(file)).graph
    filler = Filler(lines_of(graph), *sides)
    laid = filler.fill(Layout(FIRST_TWO, direction=0, end=1, wide=wide))
    copies = filler.shorten(laid)
    assert len(copies) == number
    check(graph, [(copy.chains[: sides[0]], copy.chains[sides[0] :]) for copy in copies], *sides)
    assert sum(map(price, copies)) < sum(map(price, laid))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["P6", "Z5"])
def test_shortened_copies_are_no_longer_and_disjoint(name):
    graph = chip(name, 0.04, seed=2)
    filler = Filler(lines_of(graph), 20, 6, max_copies=4)
    laid = filler.fill(Layout(FIRST_TWO, direction=0, end=-1, wide=True))
    copies = filler.shorten(laid)
    check(graph, [(copy.chains[:20], copy.chains[20:]) for copy in copies], 20, 6)
    assert len(copies) == len(laid) > 1
    assert all(price(now) <= price(before) for now, before in zip(copies, laid, strict=True))
    assert sum(map(price, copies)) < sum(map(price, laid))


def test_lines_that_all_cross():
    # The first line that the latest lines cross to the last that the earliest do, on either side.
    for graph in (dwave.graphs.pegasus_graph(4), dwave.graphs.zephyr_graph(3), dwave.graphs.chimera_graph(3)):
        lines = lines_of(graph)
        crossed = (lines.segment > 0) & (lines.segment < lines.qubit.shape[2] - 1)  # (2, positions, lines)
        there = (lines.qubit >= 0).any(axis=2)
        for direction in (0, 1):
            assert crossed[direction][:, there[direction]].all(axis=1).sum() == lines.common


def test_disjoint_paths_are_as_many_as_menger_says_and_shortest():
    for seed in range(5):
        graph = nx.gnm_random_graph(30, 60, seed=seed)
        edges = np.array(graph.edges)
        starts, ends = np.arange(30) < 4, np.arange(30) >= 26
        paths = disjoint_paths(edges, np.ones(30), starts, ends, 10)
        graph.add_edges_from([("s", i) for i in range(4)] + [("e", i) for i in range(26, 30)])
        flow = nx.DiGraph()
        for node in graph:
            flow.add_edge((node, 0), (node, 1), capacity=1 if node not in ("s", "e") else 10, weight=1)
        for a, b in graph.edges:
            flow.add_edges_from([((a, 1), (b, 0)), ((b, 1), (a, 0))], capacity=1)
        best = nx.max_flow_min_cost(flow, ("s", 0), ("e", 1))
        assert len(paths) == sum(best[("s", 0)].values())
        nodes = [node for path in paths for node in path]
        assert len(nodes) == len(set(nodes)) == sum(best[(v, 0)][(v, 1)] for v in range(30))
        assert all(graph.has_edge(a, b) for path in paths for a, b in pairwise(path))
        assert {path[0] for path in paths} <= set(range(4))
        assert {path[-1] for path in paths} <= set(range(26, 30))


def test_mending_and_trimming():
    # A ladder: 0..4 above 5..9; the chain over 0, 1, 3, 4 has a hole that the lower rail bridges.
    graph = nx.ladder_graph(5)
    graph.add_edges_from([(4, 10), (10, 11)])
    graph.remove_node(2)
    neighbours = {q: sorted(graph[q]) for q in graph}
    copy = BicliqueCopy(neighbours, [[0, 1, 3, 4], [11]], 1, set(graph))
    assert copy.mend()
    assert set(copy.chains[0]) >= {0, 1, 3, 4, 6, 7, 8}
    assert copy.couplers.tolist() == [[1]]
    copy.trim()
    assert copy.qubits == 2
    assert not BicliqueCopy(neighbours, [[0, 1, 3, 4], [11]], 1, {10}).mend()
