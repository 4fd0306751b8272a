"""`minimize`: against enumeration, dynamic programming and the published results of a QPU."""

import csv
import gzip
from dataclasses import replace
from itertools import product
from time import perf_counter

import dimod
import numpy as np
import pytest

from ising_ep import _core, minimize
from ising_ep.problems.read import read_with_format
from ising_ep.samplers.elites import Elites
from ising_ep.samplers.exact import Eliminated, fixed_variables, without
from ising_ep.samplers.rounds import Rounds, Watch
from ising_ep.samplers.strategies import TabuMoves, Tempering
from support.data import P16
from support.problems import of_fractions


def random_problem(n, seed, vartype="SPIN", whole=True, density=0.5):
    rng = np.random.default_rng(seed)
    rows, cols = np.triu_indices(n, 1)
    kept = rng.random(rows.size) < density
    draw = (lambda k: rng.integers(-3, 4, k).astype(float)) if whole else rng.standard_normal
    labels = [f"v{k}" for k in rng.permutation(n)]
    couplings = (rows[kept], cols[kept], draw(int(kept.sum())))
    return dimod.BinaryQuadraticModel.from_numpy_vectors(
        draw(n), couplings, 0.75, vartype, variable_order=labels
    )


def all_energies(bqm):
    values = (-1, 1) if bqm.vartype is dimod.SPIN else (0, 1)
    states = np.array(list(product(values, repeat=bqm.num_variables)), dtype=np.int8)
    return states, bqm.energies((states, list(bqm.variables)))


@pytest.mark.parametrize("presolve", [True, False])
@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
@pytest.mark.parametrize("whole", [True, False])
def test_the_lowest_energy_is_that_of_all_states(presolve, vartype, whole):
    for seed in range(4):
        bqm = random_problem(14, seed, vartype, whole)
        found = minimize(bqm, seed=seed, presolve=presolve, num_threads=2)
        _, energies = all_energies(bqm)
        assert found.first.energy == pytest.approx(energies.min(), abs=1e-12)
        assert list(found.variables) == list(bqm.variables)
        assert found.vartype is bqm.vartype
        np.testing.assert_allclose(found.record.energy, bqm.energies(found), rtol=1e-13, atol=1e-13)
        assert (np.diff(found.record.energy) >= 0).all()
        assert len(np.unique(found.record.sample, axis=0)) == len(found)


@pytest.mark.parametrize("whole", [True, False])
def test_one_seed_gives_the_same_states_on_any_number_of_threads(whole):
    bqm = random_problem(40, 3, whole=whole, density=0.2)
    one, two, other = (
        minimize(bqm, seed=seed, num_threads=threads) for seed, threads in [(1, 1), (1, 2), (2, 2)]
    )
    np.testing.assert_array_equal(one.record.sample, two.record.sample)
    np.testing.assert_array_equal(one.record.num_occurrences, two.record.num_occurrences)
    energies = [[done["lowest_energy"] for done in found.info["rounds"]] for found in (one, two)]
    assert energies[0] == energies[1]
    assert one.info["ended_by"] == "settled"
    assert one.first.energy == other.first.energy


def test_the_bound_of_a_problem_without_fields_is_that_of_roof_duality():
    from dwave.preprocessing.lower_bounds import roof_duality

    for seed in range(6):
        bqm = random_problem(12, seed, whole=seed % 2 == 0)
        for name in bqm.variables:
            bqm.set_linear(name, 0.0)
        theirs, values = roof_duality(
            bqm.relabel_variables({v: k for k, v in enumerate(bqm.variables)}, inplace=False)
        )
        assert values == {}
        assert fixed_variables(bqm) == (pytest.approx(theirs, abs=1e-9), {})


def test_variables_fixed_by_roof_duality_have_their_values_in_a_ground_state():
    num_fixed = 0
    for seed in range(20):
        bqm = random_problem(10, seed, "BINARY", density=0.25)
        bound, fixed = fixed_variables(bqm)
        states, energies = all_energies(bqm)
        lowest = states[energies == energies.min()]
        assert bound <= energies.min() + 1e-9
        columns = [list(bqm.variables).index(name) for name in fixed]
        assert (lowest[:, columns] == list(fixed.values())).all(axis=1).any()
        num_fixed += len(fixed)
    assert num_fixed > 20


def test_numbers_as_labels_may_come_in_any_order():
    for seed in range(20):
        bqm = random_problem(10, seed, density=0.25)
        bqm.relabel_variables({name: int(name[1:]) for name in bqm.variables})
        states, energies = all_energies(bqm)
        _, fixed = fixed_variables(bqm)
        columns = [list(bqm.variables).index(name) for name in fixed]
        lowest = states[energies == energies.min()]
        assert (lowest[:, columns] == list(fixed.values())).all(axis=1).any()
        assert minimize(bqm, seed=1).first.energy == energies.min()


def test_biases_too_far_apart_fix_and_eliminate_nothing():
    bqm = dimod.BinaryQuadraticModel({"a": 1e-3, "b": 1e12}, {("a", "b"): 1.0}, 0.0, "SPIN")
    assert fixed_variables(bqm) == (-np.inf, {})
    assert Eliminated.of(bqm) is None
    # a b = -1 gains more than a's field, which is far below the rounding of b's.
    assert minimize(bqm, seed=1, presolve=False).first.sample == {"a": 1, "b": -1}


def test_a_problem_without_some_variables_is_that_of_dimod():
    for seed, vartype in [(1, "SPIN"), (2, "BINARY")]:
        bqm = random_problem(9, seed, vartype)
        fixed = {"v3": 1, "v5": 1 if vartype == "SPIN" else 0, "v0": -1 if vartype == "SPIN" else 0}
        expected = bqm.copy()
        expected.fix_variables(fixed)
        left = without(bqm, fixed)
        assert left.is_almost_equal(expected, places=12)


def test_a_long_chain_with_fields_is_solved_exactly():
    n, rng = 20_000, np.random.default_rng(5)
    h, j = rng.standard_normal(n), rng.standard_normal(n - 1)
    chain = (np.arange(n - 1), np.arange(1, n), j)
    found = minimize(dimod.BinaryQuadraticModel.from_numpy_vectors(h, chain, 0.0, "SPIN"), seed=1)
    # The lowest energy of the spins so far, with the last one down and up.
    down, up = -h[0], h[0]
    for field, coupling in zip(h[1:], j, strict=True):
        down, up = min(down + coupling, up - coupling) - field, min(down - coupling, up + coupling) + field
    assert found.first.energy == pytest.approx(min(down, up), abs=1e-6)
    assert found.info["optimal"]


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("has_fields", [True, False])
def test_eliminated_spins_are_the_best_for_every_state_of_the_others(vartype, whole, has_fields):
    num_eliminated, num_left = 0, 0
    for seed in range(30):
        bqm = random_problem(10, seed, "SPIN", whole, density=0.2 + 0.02 * seed)
        if not has_fields:
            bqm.add_linear_from(dict.fromkeys(bqm.variables, 0.0) | {v: -h for v, h in bqm.linear.items()})
        bqm = bqm.change_vartype(vartype, inplace=False)
        left = Eliminated.of(bqm)
        if left is None:
            continue
        states, energies = all_energies(bqm)
        kept, of_kept = all_energies(left.bqm)
        # The lowest energy of the states that agree on the spins kept.
        columns = [list(bqm.variables).index(name) for name in left.bqm.variables]
        weights = 1 << np.arange(len(columns))
        lowest = np.full(len(kept), np.inf)
        np.minimum.at(lowest, (states[:, columns] > 0) @ weights, energies)
        expanded = left.expanded(kept, list(left.bqm.variables))
        assert np.isin(expanded, [-1, 1]).all()
        place = [left.given.index(name) for name in left.bqm.variables]
        np.testing.assert_array_equal(expanded[:, place], kept)
        values = expanded if vartype == "SPIN" else (expanded > 0).astype(np.int8)
        rounding = 0 if whole else 1e-12
        np.testing.assert_allclose(bqm.energies((values, left.given)), of_kept, rtol=0, atol=rounding)
        np.testing.assert_allclose(of_kept, lowest[(kept > 0) @ weights], rtol=0, atol=rounding)
        num_eliminated += bqm.num_variables - left.bqm.num_variables
        num_left += left.bqm.num_variables
    assert num_eliminated > 60
    assert num_left > 30


def test_nothing_is_eliminated_where_all_spins_have_many_neighbours():
    complete = dimod.generators.ran_r(1, 12, seed=1)
    assert Eliminated.of(complete) is None
    assert minimize(complete, seed=1).info["num_eliminated"] == 0


def test_a_tree_is_eliminated_unless_presolve_is_off():
    import networkx as nx

    tree = nx.random_labeled_tree(60, seed=2)
    bqm = dimod.BinaryQuadraticModel({}, dict.fromkeys(tree.edges, 1.5), 0.25, "SPIN")
    exact, searched = minimize(bqm, seed=1), minimize(bqm, seed=1, presolve=False)
    assert exact.info["num_fixed"] + exact.info["num_eliminated"] == 60
    assert exact.info["optimal"]
    assert searched.info["num_eliminated"] == 0
    assert exact.first.energy == searched.first.energy == 0.25 - 1.5 * 59


def test_a_search_of_what_is_left_gives_states_of_the_problem_given():
    import networkx as nx

    graph = nx.random_regular_graph(3, 300, seed=4)
    rng = np.random.default_rng(4)
    bqm = dimod.BinaryQuadraticModel({}, {e: rng.choice([-1.0, 1.0]) for e in graph.edges}, 0.0, "SPIN")
    bqm = bqm.change_vartype("BINARY", inplace=False)
    found, whole = minimize(bqm, seed=1, num_threads=2), minimize(bqm, seed=1, presolve=False)
    assert found.info["rounds"]
    assert found.info["num_eliminated"] > 50
    assert found.vartype is dimod.BINARY
    assert len(np.unique(found.record.sample, axis=0)) == len(found)
    np.testing.assert_array_equal(found.record.energy, bqm.energies(found))
    assert found.first.energy == whole.first.energy


def test_a_narrow_graph_is_solved_exactly():
    import networkx as nx

    rng = np.random.default_rng(8)
    grid = nx.grid_2d_graph(7, 20)
    bqm = dimod.BinaryQuadraticModel({}, {pair: rng.standard_normal() for pair in grid.edges}, 0.0, "SPIN")
    exact, searched = minimize(bqm, seed=1), minimize(bqm, seed=1, presolve=False)
    assert exact.info["optimal"]
    assert not searched.info["optimal"]
    assert exact.first.energy == pytest.approx(searched.first.energy, abs=1e-9)


def lattice(side, seed):
    from benchmarks.support.problems import lattice

    problem = lattice(side, np.random.default_rng(seed))
    return problem.bqms[0]


def test_a_target_a_limit_and_a_wish_end_it():
    bqm = lattice(10, 1)
    far = minimize(bqm, seed=1, target=-1000)
    assert far.info["ended_by"] == "target"
    assert far.first.energy <= -1000
    limited = minimize(bqm, seed=1, time_limit=0.5)
    assert limited.info["ended_by"] == "time_limit"
    told = []
    wished = minimize(
        bqm,
        seed=1,
        progress=lambda seconds, lowest: told.append((seconds, lowest)),
        interrupt_function=lambda: len(told) > 5,
    )
    assert wished.info["ended_by"] == "interrupt_function"
    assert [seconds for seconds, _ in told] == sorted(seconds for seconds, _ in told)
    assert [lowest for _, lowest in told] == sorted((lowest for _, lowest in told), reverse=True)


def test_the_trace_falls_to_the_lowest_energy_and_rounds_count():
    found = minimize(lattice(8, 2), seed=4)
    trace, rounds = found.info["trace"], found.info["rounds"]
    assert [energy for _, energy in trace] == sorted({energy for _, energy in trace}, reverse=True)
    assert [second for second, _ in trace] == sorted(second for second, _ in trace)
    assert trace[-1][1] == found.first.energy
    success = found.info["time_to_solution"]
    assert success["successes"] == sum(done["lowest_energy"] == found.first.energy for done in rounds)
    low, high = success["interval"]
    assert low < success["seconds"] < high
    assert success["rounds"] == len(rounds)


@pytest.mark.parametrize("strategy", [TabuMoves(), Tempering()])
def test_the_trace_has_what_a_round_found_on_its_way(strategy):
    bqm = lattice(6, 3)
    bqm.offset = 7.0
    settings = {"seed": 1, "num_threads": 1, "target": None, "max_states": 9}
    rounds = Rounds(bqm, settings, Watch(0.0, np.inf, None, None), -np.inf)
    told, began = [], perf_counter()
    states, energies = strategy.round(replace(rounds.task, remember=told.extend), 2)
    ended = perf_counter()
    times, falling = zip(*told, strict=True)
    assert [began, *times, ended] == sorted([began, *times, ended])
    assert list(falling) == sorted(set(falling), reverse=True)
    assert falling[-1] == energies.min()
    # What is not below the best so far, or not above what the states have, is left out.
    first = len(told) // 2
    rounds.watch.lowest = falling[first - 1] + 7.0 if first else np.inf
    rounds.task.remember([*told, (times[-1], falling[-1] - 1e-14)])
    rounds.task.tell(states)
    assert rounds.trace == [(time, energy + 7.0) for time, energy in told[first:]]


def test_trivial_problems():
    empty = minimize(dimod.BinaryQuadraticModel({}, {}, 2.5, "SPIN"))
    assert (len(empty), empty.record.energy.tolist(), empty.info["optimal"]) == (1, [2.5], True)
    flat = minimize(dimod.BinaryQuadraticModel({"a": 0, "b": 0}, {}, 1.0, "BINARY"), presolve=False, seed=1)
    assert flat.first.energy == 1.0


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"time_limit": -1}, "time_limit is -1"),
        ({"target": "low"}, "target holds 'low'"),
        ({"num_threads": 0}, "num_threads is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"max_states": 0}, "max_states is 0"),
        ({"presolve": 2}, "presolve is 2"),
        ({"progress": 3}, "progress is 3"),
        ({"interrupt_function": "x"}, "interrupt_function is 'x'"),
    ],
)
def test_wrong_arguments_are_named(wrong, text):
    with pytest.raises((ValueError, TypeError), match=text):
        minimize(random_problem(5, 1), **wrong)


def test_biases_that_are_no_numbers_are_named():
    bqm = dimod.BinaryQuadraticModel({"a": 1.0}, {("a", "b"): np.inf}, 0.0, "SPIN")
    with pytest.raises(ValueError, match=r"'[ab]' and '[ab]' is inf, expected a finite number"):
        minimize(bqm)


def test_elites_are_distinct_and_count_the_rounds_that_found_them():
    elites = Elites.none(3, most=2)
    a, b, c = np.array([1, 1, 1]), np.array([1, -1, 1]), np.array([-1, -1, -1])
    elites.add(np.array([a, a, b], np.int8), np.array([-1.0, -1.0, 0.0]), count=True)
    assert elites.counts.tolist() == [1, 1]
    elites.add(np.array([c, a], np.int8), np.array([-2.0, -1.0]), count=True)
    elites.add(np.array([c], np.int8), np.array([-2.0]), count=False)
    np.testing.assert_array_equal(elites.states, [c, a])
    assert elites.energies.tolist() == [-2.0, -1.0]
    assert elites.counts.tolist() == [1, 2]


def test_there_is_one_state_of_no_variables():
    for presolve in (True, False):
        found = minimize(dimod.BinaryQuadraticModel({}, {}, 2.5, "BINARY"), seed=1, presolve=presolve)
        assert found.record.energy.tolist() == [2.5]


@pytest.mark.skipif(not P16.exists(), reason="the published results of D-Wave Advantage on P16 are not here")
def test_the_best_energy_of_a_qpu_on_a_whole_chip_is_reached():
    with gzip.open(P16 / "results.csv.gz", "rt") as file:
        rows = [row for row in csv.DictReader(file) if row["instance"] == "3"]
    qpu = min(float(row["best_energy"]) for row in rows if row["solver"].startswith("qa"))
    problem = read_with_format(
        P16 / "Pegasus-Lattice_Size-16_00003.json.gz", file_format=None, vartype=None, instance=None
    )
    found = minimize(problem.bqm, seed=1, target=qpu, time_limit=100)
    assert found.info["ended_by"] == "target"
    assert found.first.energy <= qpu


def test_a_population_ends_after_so_many_children():
    bqm = random_problem(30, 4, whole=False)
    linear, (rows, cols, values), _ = bqm.to_numpy_vectors(variable_order=list(bqm.variables))
    model = _core.Model(rows.astype(np.int64), cols.astype(np.int64), values, 30)
    states = np.random.default_rng(1).choice(np.array([-1, 1], np.int8), (40, 30))
    energies = np.asarray(bqm.energies((states, list(bqm.variables))))
    settings = {"sweeps": 4, "reads": 4, "coldest": 3.0, "patience": 1000, "seed": 3}
    *_, free = _core.recombine(model, linear, states, energies, **settings)
    for most in (0, 1, 16, 33):
        *_, children = _core.recombine(model, linear, states, energies, most=most, **settings)
        # A generation has 16.
        assert children == min(-(-most // 16) * 16, free)


def one_of(n, penalty, seed):
    """Exactly one of n variables, weights of about 1; the ground energy is the least weight."""
    weights = np.random.default_rng(seed).normal(size=n)
    rows, cols = np.triu_indices(n, 1)
    couplings = (rows, cols, np.full(rows.size, 2 * penalty))
    bqm = dimod.BinaryQuadraticModel.from_numpy_vectors(weights - penalty, couplings, penalty, "BINARY")
    # The sum that a double holds of the least weight and both penalties.
    return bqm, float(((weights - penalty) + penalty).min())


@pytest.mark.parametrize(("n", "penalty"), [(300, 1e8), (100, 1e9), (20, 1e10)])
def test_a_target_beside_penalties_is_reached_and_not_almost(n, penalty):
    for seed in range(3):
        bqm, lowest = one_of(n, penalty, seed)
        found = minimize(bqm, seed=seed, target=lowest + 1e-15 * penalty)
        assert found.info["ended_by"] == "target"
        assert found.first.energy <= lowest + 1e-13 * penalty


@pytest.mark.parametrize("presolve", [True, False])
def test_the_states_that_are_kept_are_the_lowest_beside_penalties(presolve):
    for seed in range(4):
        bqm, lowest = one_of(20, 1e11, seed)
        for kept in (1, 3, 100):
            found = minimize(bqm, seed=seed, max_states=kept, presolve=presolve)
            assert found.first.energy == lowest
            assert found.info["trace"][-1][1] == lowest


def test_rounds_agree_that_found_the_same_energy():
    rng, side, penalty = np.random.default_rng(3), 7, 1e10
    bqm = dimod.BinaryQuadraticModel("BINARY")
    for place, cost in np.ndenumerate(rng.random((side, side)) + 3):
        bqm.add_linear(place, cost)
    for k in range(side):
        for group in ([(k, j) for j in range(side)], [(j, k) for j in range(side)]):
            bqm.add_linear_equality_constraint([(v, 1) for v in group], penalty, -1)
    found = minimize(bqm, seed=1)
    energies = np.array([done["lowest_energy"] for done in found.info["rounds"]])
    near = energies <= found.first.energy + 1e-3
    assert found.info["time_to_solution"]["successes"] == near.sum() < len(energies)


def test_exact_numbers_come_back_in_the_vartype_given():
    bqm = of_fractions()
    for presolve in (True, False):
        found = minimize(bqm, seed=1, presolve=presolve)
        assert found.vartype is dimod.BINARY
        assert found.first.sample == {"a": 0, "b": 1}
        assert found.first.energy == pytest.approx(-2 / 3)


def test_the_ground_energy_of_single_precision_is_a_target():
    for seed in range(6):
        given = random_problem(12, seed, "BINARY", whole=False)
        given.scale(1000)
        bqm = dimod.BinaryQuadraticModel(given, dtype=np.float32)
        _, energies = all_energies(bqm)
        found = minimize(bqm, seed=seed, target=float(energies.min()), presolve=False)
        assert found.info["ended_by"] == "target"
        assert found.info["trace"][-1][1] == found.first.energy == energies.min()


def test_no_ground_state_is_claimed_that_doubles_cannot_tell():
    rng = np.random.default_rng(5)
    for vartype in ("SPIN", "BINARY"):
        values = {(i, j): float(rng.choice([1, 3, 7, 1e16, 3e16])) for i in range(6) for j in range(i)}
        linear = {i: float(rng.choice([-2, 5, -1e16])) for i in range(6)}
        assert not minimize(dimod.BinaryQuadraticModel(linear, values, 0.0, vartype), seed=1).info["optimal"]


@pytest.mark.parametrize("presolve", [True, False])
def test_a_problem_without_variables_has_its_offset(presolve):
    found = minimize(dimod.BinaryQuadraticModel({}, {}, 2.5, "SPIN"), presolve=presolve)
    assert found.first.energy == 2.5
