"""Default temperatures: those of dwave-samplers where they are sane, fitted ones with a warning where not."""

import ast
import itertools
import warnings
from collections.abc import Callable
from typing import Any

import dimod
import networkx as nx
import numpy as np
import pytest
from dwave.samplers.sa.sampler import default_beta_range as dwave_range

import ising_ep
from ising_ep import SimulatedAnnealingSampler, default_beta_range
from ising_ep.samplers.default_range import DefaultRangeWarning
from support.problems import ferromagnet, independent_set, random_bqm

SAMPLER = SimulatedAnnealingSampler()


def theirs_of(bqm: Any) -> list[float]:
    with np.errstate(over="ignore"):
        return [float(beta) for beta in dwave_range(bqm.change_vartype("SPIN", inplace=False))]


def warned_range(bqm: Any) -> tuple[list[float], str]:
    """The default range, and the one warning beside it."""
    with pytest.warns(DefaultRangeWarning, match="beta_range is set to") as caught:
        betas = default_beta_range(bqm)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    text = str(caught[0].message)
    assert "\n" not in text
    assert f"beta_range is set to {betas}" in text
    return betas, text


def energies(bqm: Any, beta_range: list[float], num_sweeps: int = 200, num_reads: int = 64) -> Any:
    sampleset = SAMPLER.sample(bqm, beta_range=beta_range, num_reads=num_reads, num_sweeps=num_sweeps, seed=1)
    return sampleset.record.energy


def errors_between(a: Any, b: Any) -> float:
    """How far the mean of b lies above that of a, in standard errors."""
    return float((b.mean() - a.mean()) / np.sqrt(a.var() / len(a) + b.var() / len(b)))


def lattice(size: int, seed: int, stray: float = 0.0, real: bool = False) -> Any:
    graph = nx.grid_graph([size] * 3, periodic=True)
    rng = np.random.default_rng(seed)
    draw = rng.normal if real else lambda: rng.choice([-1.0, 1.0])
    bqm = dimod.BQM({}, {edge: float(draw()) for edge in graph.edges}, 0.0, "SPIN")
    bqm.add_linear((0, 0, 0), stray)
    return bqm


def dense(num_variables: int, seed: int) -> Any:
    rng = np.random.default_rng(seed)
    pairs = itertools.combinations(range(num_variables), 2)
    return dimod.BQM({}, {pair: float(rng.normal()) for pair in pairs}, 0.0, "SPIN")


def salesman(cities: int, penalty: float) -> Any:
    """Each city once, each step one city."""
    place = np.random.default_rng(5).random((cities, 2))
    bqm = dimod.BQM("BINARY")
    for v in itertools.product(range(cities), repeat=2):
        bqm.add_variable(v)
    for k in range(cities):
        for group in ([(k, t) for t in range(cities)], [(c, k) for c in range(cities)]):
            bqm.add_linear_equality_constraint([(v, 1) for v in group], penalty, -1)
    for (a, b), t in itertools.product(itertools.permutations(range(cities), 2), range(cities)):
        bqm.add_quadratic((a, t), (b, (t + 1) % cities), float(np.hypot(*(place[a] - place[b]))))
    return bqm


def partition(numbers: Any) -> Any:
    pairs = itertools.combinations(range(len(numbers)), 2)
    return dimod.BQM({}, {(i, j): 2.0 * numbers[i] * numbers[j] for i, j in pairs}, 0.0, "SPIN")


def knapsack() -> Any:
    return dimod.cqm_to_bqm(dimod.generators.random_knapsack(20, seed=1))[0]


SANE: dict[str, Callable[[], Any]] = {
    "lattice": lambda: lattice(8, 0),
    "small real lattice": lambda: lattice(4, 0, real=True),
    "1 + 0.001 normal": lambda: dimod.BQM(
        {},
        {pair: j * (1 + 0.001 * np.sin(k)) for k, (pair, j) in enumerate(lattice(6, 1).quadratic.items())},
        0.0,
        "SPIN",
    ),
    "integers": lambda: dimod.generators.ran_r(5, 80, seed=1),
    "random QUBO": lambda: dimod.generators.randint(60, "BINARY", low=-100, high=100, seed=1),
    "max-cut": lambda: dimod.BQM(
        {}, dict.fromkeys(nx.gnm_random_graph(100, 600, seed=1).edges, 1.0), 0.0, "SPIN"
    ),
    "mild penalty": lambda: independent_set(10),
    "salesman": lambda: salesman(6, 3.0),
    "salesman, large penalty": lambda: salesman(6, 1e6),
    "partition": lambda: partition(np.random.default_rng(0).integers(1, 10**6, 40)),
    "knapsack": knapsack,
    "ferromagnet": lambda: ferromagnet(30),
    "one variable": lambda: dimod.BQM({"a": -0.3}, {}, 1.0, "BINARY"),
}


@pytest.mark.parametrize("make", SANE.values(), ids=SANE)
def test_sane_ranges_stay_those_of_dwave_samplers_to_the_last_bit(make: Callable[[], Any]) -> None:
    bqm = make()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert default_beta_range(bqm) == theirs_of(bqm)


def test_the_sampler_takes_it_and_warns_its_caller() -> None:
    bqm = lattice(4, 0, 0.1 + 0.2 - 0.3)
    with pytest.warns(UserWarning, match="far below what matters") as caught:
        used = SAMPLER.sample(bqm, num_sweeps=1).info["beta_range"]
    assert [(w.filename, str(w.message)) for w in caught] == [(__file__, warned_range(bqm)[1])]
    assert used == warned_range(bqm)[0]
    assert ising_ep.default_beta_range is default_beta_range


def test_the_warning_holds_the_range_of_dwave_samplers_which_can_be_given() -> None:
    bqm = lattice(4, 0, 0.1 + 0.2 - 0.3)
    text = warned_range(bqm)[1]
    own = ast.literal_eval(text.partition("dwave-samplers' default is beta_range=")[2])
    assert own == theirs_of(bqm)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert SAMPLER.sample(bqm, beta_range=own).info["beta_range"] == own


@pytest.mark.slow
@pytest.mark.parametrize("stray", [0.1 + 0.2 - 0.3, -1e-9, 1e-3, 5e-324])
def test_a_stray_bias_does_not_set_the_temperatures(stray: float) -> None:
    bqm = lattice(8, 2, stray)
    (hot, cold), text = warned_range(bqm)
    assert f"the bias {abs(stray):g} of (0, 0, 0) is far below what matters" in text
    clean_hot, clean_cold = theirs_of(lattice(8, 2))
    assert clean_hot / 10 < hot < clean_hot * 10
    assert clean_cold / 10 < cold < clean_cold * 10
    found = energies(bqm, [hot, cold])
    assert errors_between(energies(lattice(8, 2), [clean_hot, clean_cold]), found) < 3
    if abs(stray) < 1e-8 and np.isfinite(theirs_of(bqm)[1]):
        assert errors_between(found, energies(bqm, theirs_of(bqm))) > 3


def test_a_stray_coupling_is_named_by_its_two_variables() -> None:
    bqm = lattice(4, 0)
    bqm.add_quadratic((0, 0, 0), (2, 2, 2), 1e-12)
    text = warned_range(bqm)[1]
    assert "the bias 1e-12 of (0, 0, 0) and (2, 2, 2)" in text or "of (2, 2, 2) and (0, 0, 0)" in text


@pytest.mark.parametrize("vartype", ["BINARY", "SPIN"])
@pytest.mark.parametrize("penalty", [1e2, 1e4, 1e8, 1e12, 1e15])
def test_weights_under_a_penalty_are_annealed_whatever_the_penalty_is(penalty: float, vartype: str) -> None:
    (hot, cold), text = warned_range(independent_set(penalty, vartype))
    assert "cancel to" in text
    # Weights are 1 to 10, so fields 0.5 to 5: hot enough to move them all, cold enough for the smallest.
    assert hot < np.log(2) / 10
    assert np.log(100) / 1 < cold < 30 * np.log(100)
    # The same as of a penalty that needs no high precision.
    np.testing.assert_allclose([hot, cold], warned_range(independent_set(1e3))[0], rtol=0.2)
    states = SAMPLER.sample(
        independent_set(penalty), beta_range=[hot, cold], num_reads=64, num_sweeps=200, seed=1
    )
    weights = independent_set(1e3).energies(states)  # where penalties are paid these are positive
    default = energies(independent_set(1e3), warned_range(independent_set(1e3))[0])
    assert errors_between(default, weights) < 3
    assert errors_between(weights, energies(independent_set(1e3), theirs_of(independent_set(1e3)))) > 10


def test_spin_reversals_do_not_hide_a_penalty() -> None:
    """After them the biases cancel in other states than that of all spins down."""
    bqm = independent_set(1e6, "SPIN")
    bqm.scale(1.0)
    for v in range(0, 60, 2):
        bqm.flip_variable(v)
    (hot, cold), text = warned_range(bqm)
    assert "cancel to" in text
    found = energies(bqm, [hot, cold])
    assert errors_between(energies(independent_set(1e6), warned_range(independent_set(1e6))[0]), found) < 3


@pytest.mark.slow
@pytest.mark.parametrize("bqm", [lattice(12, 0, real=True), dense(700, 0)], ids=["lattice", "dense"])
def test_the_smallest_of_many_real_couplings_does_not_set_the_cold_end(bqm: Any) -> None:
    betas, text = warned_range(bqm)
    assert "far below what matters" in text
    assert betas[1] < theirs_of(bqm)[1] / 100
    assert errors_between(energies(bqm, betas, 100), energies(bqm, theirs_of(bqm), 100)) > 3


@pytest.mark.parametrize("exponent", [-900, -60, 1, 400, 900])
@pytest.mark.parametrize("make", [lambda: independent_set(1e4), lambda: lattice(4, 0, 1e-12)])
def test_ranges_go_with_the_unit_of_energy(make: Callable[[], Any], exponent: int) -> None:
    bqm = make()
    scaled = bqm.copy()
    scaled.scale(2.0**exponent)
    betas = warned_range(bqm)[0]
    assert warned_range(scaled)[0] == [beta / 2.0**exponent for beta in betas]


def test_biases_without_a_finite_inverse_temperature_are_annealed_by_descent() -> None:
    bqm = dimod.BQM({"a": 1e-320}, {("a", "b"): -2e-320}, 0.0, "SPIN")
    betas, text = warned_range(bqm)
    assert betas == theirs_of(bqm) == [np.inf, np.inf]
    assert "biases are so small that their inverse temperatures are infinite" in text
    with pytest.warns(UserWarning, match="infinite"):
        sampleset = SAMPLER.sample(bqm, num_reads=20, seed=1)
    assert sampleset.first.energy == -3e-320


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, object])
def test_any_model_does(vartype: str, dtype: Any) -> None:
    bqm = random_bqm(3, 12, vartype, dtype)
    kept = bqm.copy()
    assert default_beta_range(bqm) == theirs_of(bqm)
    assert bqm == kept


def test_a_model_without_biases_warns() -> None:
    assert warned_range(dimod.BQM({"a": 0.0}, {}, 1.0, "BINARY"))[0] == [0.1, 1]
    assert warned_range(dimod.BQM("SPIN"))[0] == [0.1, 1]


def test_biases_beyond_numbers_are_named() -> None:
    with pytest.raises(ValueError, match="add up to inf"):
        default_beta_range(dimod.BQM({0: 1e308}, {(0, 1): 1e308}, 0.0, "SPIN"))


@pytest.mark.parametrize("bias", [np.nan, np.inf, -np.inf])
def test_a_bias_that_is_no_finite_number_is_named(bias: float) -> None:
    with pytest.raises(ValueError, match=f"^the bias of 'a' is {bias}, expected a finite number$"):
        default_beta_range(dimod.BQM({"a": bias}, {("a", "b"): 1.0}, 0.0, "SPIN"))
    pair = r"('a' and 'b'|'b' and 'a')"
    with pytest.raises(ValueError, match=f"^the bias of {pair} is {bias}, expected a finite number$"):
        default_beta_range(dimod.BQM({"a": 1.0}, {("a", "b"): bias}, 0.0, "SPIN"))
