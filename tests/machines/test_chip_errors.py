"""What a chip does to numbers and reads."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import pairwise
from typing import Any

import networkx as nx
import numpy as np
import pytest

from ising_ep.chip import Chip
from ising_ep.machines.chip_errors import ChipErrors
from ising_ep.machines.chip_layout import Layout
from ising_ep.machines.chip_model import ChipModel

CHIP = Chip.perfect("pegasus", 3).without(0.05, 0.05, seed=1)
RNG = np.random.default_rng(3)
QUBITS = RNG.permutation(CHIP.qubits)[:60]
COUPLERS = RNG.permutation(CHIP.couplers[np.isin(CHIP.couplers, QUBITS).all(axis=1)])[:100]
H, J = RNG.uniform(-1, 1, 60), RNG.uniform(-1, 1, 100)
LAYOUT = Layout.of(CHIP, QUBITS, COUPLERS)
EXACT = ChipErrors.none()


def programmed(errors: ChipErrors, problem_id: int = 0, seed: int = 5) -> tuple[dict[Any, float], ...]:
    """h by qubit and J by coupler."""
    asked = errors.rounded(H, J)
    h, j = errors.program(LAYOUT, errors.lasting(CHIP), asked, seed, problem_id)
    qubits = np.sort(QUBITS)
    pairs = zip(qubits[LAYOUT.pairs.rows].tolist(), qubits[LAYOUT.pairs.cols].tolist(), strict=True)
    return dict(zip(qubits.tolist(), h, strict=True)), dict(zip(pairs, j, strict=True))


def asked_for() -> tuple[dict[Any, float], dict[Any, float]]:
    return dict(zip(QUBITS.tolist(), H, strict=True)), {
        tuple(sorted(pair)): value for pair, value in zip(COUPLERS.tolist(), J, strict=True)
    }


def test_without_errors_the_numbers_are_those_asked_for() -> None:
    h, j = programmed(EXACT)
    wanted = asked_for()
    assert h == wanted[0]
    assert {pair: value for pair, value in j.items() if value} == wanted[1]


def test_what_leaks_is_a_product_of_matrices() -> None:
    chi = -0.05
    h, j = programmed(replace(EXACT, susceptibility=chi))
    graph = nx.Graph()
    graph.add_nodes_from(np.sort(QUBITS).tolist())
    graph.add_weighted_edges_from((*pair, value) for pair, value in asked_for()[1].items())
    order = np.sort(QUBITS).tolist()
    couplings = nx.to_numpy_array(graph, order)
    fields_of = np.array([asked_for()[0][q] for q in order])
    wanted_h = fields_of + chi * couplings @ fields_of
    wanted_j = couplings + chi * couplings @ couplings
    assert np.allclose([h[q] for q in order], wanted_h, atol=1e-12)
    triangles = 0
    for (u, v), value in j.items():
        a, b = order.index(u), order.index(v)
        assert value == pytest.approx(wanted_j[a, b], abs=1e-12)
        triangles += abs(wanted_j[a, b] - couplings[a, b]) > 1e-6
    assert triangles > 20
    assert LAYOUT.triangles.shape == (3 * len(LAYOUT.triangles) // 3, 3)


def test_errors_that_stay_are_the_chips_and_others_are_new() -> None:
    lasting = replace(EXACT, field_offset=0.1, coupling_offset=0.2, slope=0.3, seed=4)
    assert programmed(lasting, 0, 5) == programmed(lasting, 1, 6)
    assert programmed(lasting) != programmed(replace(lasting, seed=5))
    new = replace(EXACT, field_noise=0.1, coupling_noise=0.2)
    assert programmed(new, 0) == programmed(new, 0)
    assert programmed(new, 0) != programmed(new, 1)
    # Another problem on the same qubits meets the same offsets.
    part = Layout.of(CHIP, QUBITS[:20], np.zeros((0, 2), dtype=np.int64))
    errors = replace(EXACT, field_offset=0.1)
    h, _ = errors.program(part, errors.lasting(CHIP), (H[:20], np.zeros(0)), 0, 0)
    whole = programmed(errors)[0]
    assert [whole[q] for q in np.sort(QUBITS[:20]).tolist()] == h.tolist()


@pytest.mark.parametrize("name", ["field_offset", "coupling_offset", "slope"])
def test_sizes_of_errors_that_stay(name: str) -> None:
    chip = Chip.perfect("pegasus", 16)
    found = replace(EXACT, **{name: 0.1}).lasting(chip)
    drawn = {field.name: np.asarray(getattr(found, field.name)) for field in fields(found)}
    for of, values in drawn.items():
        if of == name or (name == "slope" and of.endswith("slope")):
            # Five standard errors of a deviation.
            assert abs(values.std() / 0.1 - 1) < 5 / np.sqrt(2 * len(values))
            assert abs(values.mean()) < 5 * 0.1 / np.sqrt(len(values))
        else:
            assert not values.any()


def test_reads_are_wrong_as_often_as_asked() -> None:
    states = np.ones((1000, 200), dtype=np.int8)
    errors = replace(EXACT, readout_error=0.01)
    errors.read(states, 1, 2)
    wrong = states < 0
    # Of 2e5 reads, five standard errors; and no qubit stands out.
    assert abs(wrong.mean() - 0.01) < 5 * np.sqrt(0.01 / wrong.size)
    assert wrong.sum(axis=0).max() < 35
    again = np.ones((1000, 200), dtype=np.int8)
    errors.read(again, 1, 2)
    assert np.array_equal(again, states)
    errors.read(again, 1, 3)
    assert not np.array_equal(again, states)


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9, 1.0])
def test_large_readout_errors_are_as_large_as_asked(probability: float) -> None:
    states = np.ones((1000, 200), dtype=np.int8)
    replace(EXACT, readout_error=probability).read(states, 1, 2)
    wrong = (states < 0).mean()
    assert abs(wrong - probability) <= 5 * np.sqrt(probability * (1 - probability) / states.size)


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"field_noise": -0.1}, ValueError, "field_noise is -0.1, expected a finite number >= 0"),
        ({"coupling_noise": np.inf}, ValueError, "coupling_noise is inf"),
        ({"field_offset": "much"}, TypeError, "field_offset is 'much'"),
        ({"coupling_offset": np.nan}, ValueError, "coupling_offset is nan"),
        ({"slope": -1}, ValueError, "slope is -1"),
        ({"susceptibility": 2}, ValueError, "susceptibility is 2, expected -1 to 1"),
        ({"readout_error": 1.1}, ValueError, "readout_error is 1.1, expected a probability"),
        ({"field_step": 0}, ValueError, "field_step is 0"),
        ({"coupling_step": -1}, ValueError, "coupling_step is -1"),
        ({"seed": -1}, ValueError, "seed is -1"),
    ],
)
def test_bad_sizes_are_refused(change: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        ChipErrors(**change)


# --- chains -----------------------------------------------------------------------------------------------


def chains_of(h_scale: float, strength: float, seed: int = 0) -> tuple[Any, Any]:
    """Chains that are found in a problem with paths of 1 to 6 qubits, and those paths."""
    rng = np.random.default_rng(seed)
    graph = CHIP.graph.copy()
    paths, couplings = [], {}
    for length in (6, 5, 4, 3, 2, 2, 1, 1):
        path = [int(rng.choice(sorted(graph.nodes)))]
        while len(path) < length:
            path.append(min(set(graph[path[-1]]) - set(path)))
        graph.remove_nodes_from(path)
        paths.append(path)
        couplings.update({tuple(sorted(pair)): -strength for pair in pairwise(path)})
    qubits = np.array([q for path in paths for q in path])
    inside = CHIP.couplers[np.isin(CHIP.couplers, qubits).all(axis=1)]
    values = [couplings.get(tuple(pair), h_scale * rng.uniform(-1, 1)) for pair in inside.tolist()]
    layout = Layout.of(CHIP, qubits, inside)
    found = layout.chains(np.array(values))
    of_order = np.sort(qubits)
    groups = {
        frozenset(of_order[found.members[a:b]].tolist())
        for a, b in zip(found.starts[:-1], found.starts[1:], strict=True)
    }
    return groups, {frozenset(path) for path in paths if len(path) > 1}


def test_chains_are_found_by_what_holds_them_together() -> None:
    for seed in range(5):
        found, wanted = chains_of(0.9, 1.0, seed)
        assert found == wanted
    # Of a chain that is weaker than what pulls at it, not all is rigid.
    found, wanted = chains_of(1.0, 0.3)
    assert found != wanted


def test_a_problem_without_chains_has_none() -> None:
    assert len(LAYOUT.chains(np.ones(100)).lengths) == 0
    assert len(LAYOUT.chains(np.zeros(100)).lengths) == 0


def test_chains_turn_as_a_whole_and_so_follow_a_field_that_single_qubits_cannot() -> None:
    """A chain of four, held by J = -2, begins up; a field wants it down."""
    chip = Chip.perfect("chimera", 4)
    path = [int(q) for q in nx.shortest_path(chip.graph, 0, 127)][:4]
    couplers = np.array([sorted(pair) for pair in pairwise(path)])
    qubits = np.array(path)
    model = ChipModel(replace_ranges(chip), errors=EXACT, sweeps_per_us=20.0)
    reads = model.sample(
        qubits,
        couplers,
        np.full((1, 4), 0.05),
        np.full((1, 3), -2.0),
        schedule=[(0, 1), (10, 0.3), (30, 0.3), (40, 1)],
        num_reads=200,
        initial_states=np.ones((1, 4), dtype=np.int8),
        seed=1,
    )[0]
    whole = np.abs(reads.sum(axis=1)) == 4
    assert whole.mean() > 0.9
    assert (reads[whole].sum(axis=1) < 0).mean() > 0.6


def replace_ranges(chip: Chip) -> Chip:
    """The chip, with ramps as fast as Pegasus chips have them."""
    return replace(chip, properties=Chip.perfect("pegasus", 2).properties)
