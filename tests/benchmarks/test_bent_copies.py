"""Shapes with bends are embeddings, wherever they lie and however they are turned."""

from __future__ import annotations

import dwave.graphs
import pytest

from benchmarks.embedding.bent_copies import PAIR, Pairs, anneal, bent, placed, turned
from benchmarks.embedding.layouts import check
from ising_ep.embedding.lines import lines_of

GRAPH = dwave.graphs.pegasus_graph(6)
RIGHT = 3


@pytest.mark.parametrize(
    ("arms", "back"), [((4, 5, 0), False), ((3, 2, 4), False), ((3, 6, 4), True)], ids=["L", "Z", "U"]
)
@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("flips", [(False, False), (True, False), (True, True)])
def test_bent_shapes_are_embeddings(arms, back, swap, flips):
    pairs = Pairs(lines_of(GRAPH))
    left, found = sum(arms), 0
    for runs in placed(turned(bent(arms, RIGHT, back), flips, swap), pairs.count, 7):
        nodes = [node for run in pairs.nodes(runs) for node in run.tolist()]
        if pairs.there[nodes].all() and len(set(nodes)) == len(nodes):
            chains = pairs.chains(runs, left, RIGHT)
            assert tuple(map(len, chains)) == (PAIR * left, PAIR * RIGHT)
            check(GRAPH, [chains])
            found += 1
    assert found


@pytest.mark.slow
def test_copies_without_overlap_are_disjoint():
    pairs = Pairs(lines_of(GRAPH))
    shapes = [pairs.shapes(12, RIGHT, bends=True)] * 2
    overlap, places = anneal(shapes, seconds=5, seed=0)
    assert overlap == 0
    copies = [shape.runs[place] for shape, place in zip(shapes, places, strict=True)]
    check(GRAPH, [pairs.chains(runs, 12, RIGHT) for runs in copies])
