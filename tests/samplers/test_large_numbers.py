"""Problems whose numbers are large and cancel: what is left of them decides, whatever their size.

Each kernel has its problem; shares of ground states are held against exact enumeration and against
dwave-samplers, and at a fixed temperature all states against Boltzmann's weights. Fixed seeds. Drawn afresh,
all tests together would raise a false alarm with probability `FALSE_ALARM` at most (Bonferroni).
"""

import itertools
import warnings
from fractions import Fraction
from functools import partial

import dimod
import networkx as nx
import numpy as np
import pytest
from dwave.samplers import SimulatedAnnealingSampler as PeerSampler
from dwave.system import FixedEmbeddingComposite
from scipy import stats

from ising_ep import ParallelTemperingSampler, PathIntegralAnnealingSampler, SimulatedAnnealingSampler
from ising_ep.samplers.simulated import sample_batch

FALSE_ALARM = 1e-3
# More p-values than this file computes.
LEVEL = FALSE_ALARM / 400

PENALTIES = [1.0, 1e4, 1e6, 1e7, 1e8, 1e10, 1e12, 1e15]
# Calls, and settings with which small and large biases decide.
SAMPLERS = {
    "annealing": (
        SimulatedAnnealingSampler().sample,
        lambda size: [{}, {"beta_range": [1e-4 / size, 1e-3 / size]}],
    ),
    "tempering": (
        partial(ParallelTemperingSampler().sample, returned="last"),
        lambda size: [{"beta_range": [0.1 / size, 1 / size]}],
    ),
    "path integrals": (
        PathIntegralAnnealingSampler().sample,
        lambda size: [{}, {"beta": 1 / size, "gamma": size}],
    ),
}
MODES = {
    "in order": {},
    "random order": {"randomize_order": True},
    "Gibbs": {"proposal_acceptance_criteria": "Gibbs"},
}


def independent_set(penalty: float, weights: list[float], vartype: str) -> dimod.BinaryQuadraticModel:
    """-sum w x + penalty sum x x on a 3-regular graph: a free node gains w, whatever the penalty is."""
    graph = nx.random_regular_graph(3, len(weights), seed=1)
    linear = {v: -weights[v] for v in graph}
    bqm = dimod.BinaryQuadraticModel(linear, {edge: penalty for edge in graph.edges}, 0.0, "BINARY")
    return bqm.change_vartype(vartype, inplace=False)


def least_energies(bqm: dimod.BinaryQuadraticModel) -> tuple[set[tuple[int, ...]], list]:
    """All ground states, in exact numbers."""
    labels = list(bqm.variables)
    values = (-1, 1) if bqm.vartype is dimod.SPIN else (0, 1)
    linear = [Fraction(bqm.linear[v]) for v in labels]
    at = {v: k for k, v in enumerate(labels)}
    quadratic = [(at[u], at[v], Fraction(b)) for (u, v), b in bqm.quadratic.items()]
    best, found = None, set()
    for state in itertools.product(values, repeat=len(labels)):
        energy = sum(h * s for h, s in zip(linear, state, strict=True))
        energy += sum(b * state[i] * state[j] for i, j, b in quadratic)
        if best is None or energy < best:
            best, found = energy, set()
        if energy == best:
            found.add(state)
    return found, labels


def hits(sampleset: dimod.SampleSet, ground: set[tuple[int, ...]], labels: list) -> int:
    columns = [sampleset.variables.index(v) for v in labels]
    return sum(tuple(row) in ground for row in sampleset.record.sample[:, columns].tolist())


def is_no_worse(ours: int, theirs: int, reads: int) -> bool:
    """Fisher's exact test of two shares."""
    table = [[ours, reads - ours], [theirs, reads - theirs]]
    return bool(stats.fisher_exact(table, alternative="less").pvalue > LEVEL)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", ["integer", "real"])
@pytest.mark.parametrize("vartype", ["BINARY", "SPIN"])
def test_share_of_ground_states_with_penalties(vartype, kind, mode):
    reads = 300
    rng = np.random.default_rng(4)
    whole = [float(w) for w in rng.integers(1, 11, 10)]
    weights = (
        whole if kind == "integer" else [w + float(r) for w, r in zip(whole, rng.random(10), strict=True)]
    )
    for penalty in (p for p in PENALTIES if p > 10):
        bqm = independent_set(penalty, weights, vartype)
        ground, labels = least_energies(bqm)
        options = {"beta_range": [0.05, 3.0], "num_sweeps": 60, "num_reads": reads, "seed": 5}
        ours = SimulatedAnnealingSampler().sample(bqm, **options, **MODES[mode])
        theirs = PeerSampler().sample(bqm, **options, **MODES[mode])
        found = hits(ours, ground, labels)
        assert is_no_worse(found, hits(theirs, ground, labels), reads), (penalty, found)
        assert found > reads / 20
        assert penalty < 1e6 or ours.info["arithmetic"] == "wide"


def hidden(size: float, fields: list[float]) -> tuple[tuple, np.ndarray, list[Fraction]]:
    """A ring of spins, each beside a spin of its own that is held up and takes off it a field of this `size`.

    Returns couplings, fields (1, spins), and the fields that are left, in exact numbers.
    """
    n = len(fields)
    x, up = np.arange(n), np.arange(n, 2 * n)
    rows, cols = np.concatenate([x, x]), np.concatenate([(x + 1) % n, up])
    values = np.concatenate([RING[:n], np.full(n, size)])
    given = np.array([h - size for h in fields])
    left = [Fraction(h) + Fraction(size) for h in given.tolist()]
    return (rows, cols, values), np.concatenate([given, np.full(n, -4 * size - 30)])[np.newaxis], left


RING = np.array([0.7, -0.4, 0.55, -0.9, 0.3])
FIELDS = [0.375, -0.625, 0.125, 0.5, -0.25]
BETA = 0.9


def boltzmann_p_value(states: np.ndarray, left: list[Fraction]) -> float:
    """Of the ring's states, by a chi-squared test against exact weights."""
    n = len(left)
    assert (states[:, n:] == 1).all()
    every = np.array(list(itertools.product((-1, 1), repeat=n)))
    energies = every @ np.array([float(h) for h in left])
    energies += (RING[:n] * every * np.roll(every, -1, axis=1)).sum(axis=1)
    weights = np.exp(-BETA * energies)
    seen = np.bincount((states[:, :n] > 0) @ (1 << np.arange(n)[::-1]), minlength=2**n)
    return float(stats.chisquare(seen, weights * len(states) / weights.sum()).pvalue)


@pytest.mark.parametrize("size", [1.0, 1e6, 3e8, 1e11, 1e15])
@pytest.mark.parametrize("mode", MODES)
def test_states_follow_what_is_left_when_large_fields_cancel(mode, size):
    couplings, fields, left = hidden(size, FIELDS)
    result = sample_batch(
        couplings, fields, num_reads=8000, beta_schedule=np.full(30, BETA), seed=11, **MODES[mode]
    )
    assert result.arithmetic == ["wide" if size > 1e4 else "single"]
    assert boltzmann_p_value(result.states[0], left) > LEVEL
    # One read at a time is a kernel of its own.
    many = sample_batch(
        couplings,
        np.repeat(fields, 2000, axis=0),
        num_reads=1,
        beta_schedule=np.full(30, BETA),
        seed=12,
        **MODES[mode],
    )
    assert boltzmann_p_value(many.states[:, 0], left) > LEVEL


@pytest.mark.parametrize("size", [1.0, 1e6, 3e8, 1e11, 1e15])
def test_path_integrals_follow_what_is_left_when_large_fields_cancel(size):
    """Without a transverse field at the end, a path is one state, and its slices move together."""
    couplings, fields, left = hidden(size, FIELDS)
    bqm = dimod.BinaryQuadraticModel(
        dict(enumerate(fields[0])),
        {(i, j): v for i, j, v in zip(*(part.tolist() for part in couplings), strict=True)},
        0.0,
        "SPIN",
    )
    schedule = np.stack([np.zeros(30), np.ones(30)], axis=1)
    found = PathIntegralAnnealingSampler().sample(
        bqm, num_reads=6000, beta=BETA, num_slices=3, schedule=schedule, seed=13, initial_states=up(bqm)
    )
    assert found.info["arithmetic"] == ("wide" if size > 1e4 else "single")
    states = found.record.sample[:, [found.variables.index(k) for k in range(10)]]
    assert boltzmann_p_value(states, left) > LEVEL


def up(bqm: dimod.BinaryQuadraticModel) -> dimod.SampleSet:
    return dimod.SampleSet.from_samples_bqm([{v: 1 for v in bqm.variables}] * 6000, bqm)


@pytest.mark.parametrize("penalty", [1.0, 1e6, 1e9, 1e12])
def test_dense_problems_with_penalties(penalty):
    """Of 120 nodes that exclude each other the heaviest is best; the kernel is that of dense couplings."""
    weights = np.random.default_rng(7).permutation(120) / 8 + 1.0
    pairs = {(i, j): 40 * penalty for i in range(120) for j in range(i)}
    bqm = dimod.BinaryQuadraticModel(dict(enumerate(-weights)), pairs, 0.0, "BINARY")
    options = {"beta_range": [0.01 / penalty, 4.0], "num_sweeps": 300, "num_reads": 48, "seed": 3}
    ours = SimulatedAnnealingSampler().sample(bqm, **options)
    theirs = PeerSampler().sample(bqm, **options)
    np.testing.assert_array_equal(ours.record.energy, bqm.energies(ours))
    # The peer's own energies of such a problem are rounded.
    mine, others = -bqm.energies(ours), -bqm.energies(theirs)
    assert stats.mannwhitneyu(mine, others, alternative="less").pvalue > LEVEL, (mine.mean(), others.mean())
    assert (ours.record.sample.sum(axis=1) == 1).all()
    assert penalty < 1e6 or ours.info["arithmetic"] == "wide"


@pytest.mark.parametrize("penalty", [1.0, 1e7, 1e12])
def test_two_layers_with_penalties(penalty):
    """Forty spins against forty: dense couplings from side to side, whose fields take off all but a half."""
    sides = np.meshgrid(range(40), range(40, 80))
    rows, cols = (side.ravel() for side in sides)
    couplings = (rows, cols, np.full(rows.size, penalty))
    rng = np.random.default_rng(5)
    wanted = rng.choice([-1.0, 1.0], 40)
    # The second side is held up; of the first side a field of -0.5 or 0.5 is left.
    fields = np.concatenate([-40 * penalty + wanted / 2, np.full(40, -50.0 * penalty - 50)])[np.newaxis]
    result = sample_batch(couplings, fields, num_reads=40, beta_schedule=np.geomspace(0.01, 30, 60), seed=2)
    assert (result.states[0, :, :40] == -wanted).all()
    assert (result.states[0, :, 40:] == 1).all()
    assert result.arithmetic == ["wide" if penalty > 1e4 else "single"]


@pytest.mark.parametrize("penalty", [2.0, 1e7, 1e9])
def test_problems_on_chains(penalty):
    """An independent set embedded on a grid, with chains stronger than the penalty."""
    weights = [3.25, 4.5, 5.0, 2.75, 3.5]
    ring = {(i, (i + 1) % 5): penalty * 8 for i in range(5)}
    bqm = dimod.BinaryQuadraticModel(dict(enumerate(-w for w in weights)), ring, 0.0, "BINARY")
    chip = nx.grid_2d_graph(4, 4)
    square = [(0, 0), (0, 1), (0, 2), (0, 3), (1, 3), (2, 3), (3, 3), (3, 2), (3, 1), (3, 0), (2, 0), (1, 0)]
    embedding = dict(enumerate([square[0:3], square[3:6], square[6:8], square[8:10], square[10:12]]))
    best = []
    for sampler in (SimulatedAnnealingSampler(), PeerSampler()):
        on_chip = dimod.StructureComposite(sampler, sorted(chip.nodes), sorted(chip.edges))
        found = FixedEmbeddingComposite(on_chip, embedding).sample(
            bqm, chain_strength=20 * penalty, num_reads=200, beta_range=[0.02, 6.0], seed=4,
            num_sweeps=200,
        )  # fmt: skip
        best.append(hits(found, *least_energies(bqm)))
    assert is_no_worse(*best, 200), best
    assert best[0] > 5


@pytest.mark.parametrize("size", [2.0**20, 2.0**23, 2.0**24, 2.0**30, 2.0**40, 2.0**52])
def test_integers_are_exact(size):
    """A field of one unit more than a coupling decides; so does a weak coupling where strong ones cancel."""
    options = {"num_reads": 100, "beta_range": [1 / size, 10.0], "num_sweeps": 100, "seed": 3}
    ising = SimulatedAnnealingSampler().sample_ising
    found = ising({"a": -(size + 1), "b": 3 * size}, {("a", "b"): -size}, **options)
    assert (found.record.energy == -(size + 1) - 3 * size + size).all()
    found = ising(
        {"u": -9 * size, "v": -9 * size, "w": -9.0}, {"uy": size, "vy": -size, "wy": -1.0}, **options
    )
    assert (found.record.sample[:, found.variables.index("y")] == 1).all()


def test_weights_that_rounding_takes_off_a_binary_model():
    """With P = 1e15 the Ising fields are rounded to quarters: 1.0 and 1.2 would be alike."""
    quadratic = {(i, j): 1e15 for i in range(8) for j in range(i)}
    weights = {0: 1.0, 1: 1.1, 2: 1.2, 3: 1.05, 4: 1.15, 5: 0.9, 6: 1.19, 7: 0.95}
    bqm = dimod.BinaryQuadraticModel({v: -w for v, w in weights.items()}, quadratic, 0.0, "BINARY")
    found = SimulatedAnnealingSampler().sample(
        bqm, num_reads=200, beta_range=[1.0, 1e3], num_sweeps=10_000, beta_schedule_type="linear", seed=1
    )
    np.testing.assert_allclose(found.record.energy, bqm.energies(found), rtol=1e-15)
    share = (found.record.energy == -1.2).mean()
    smaller = dimod.BinaryQuadraticModel(bqm.linear, {pair: 1e4 for pair in quadratic}, 0.0, "BINARY")
    wanted = SimulatedAnnealingSampler().sample(
        smaller, num_reads=200, beta_range=[1.0, 1e3], num_sweeps=10_000, beta_schedule_type="linear", seed=2
    )
    assert stats.fisher_exact(
        [[int(200 * share), 200 - int(200 * share)],
         [(n := int((wanted.record.energy == -1.2).sum())), 200 - n]]
    ).pvalue > LEVEL  # fmt: skip


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_energies_are_those_of_the_biases_given(sampler, vartype):
    """Penalties add up to a weight's size in the Ising problem of a binary model, hot or cold."""
    sample, options = SAMPLERS[sampler]
    for seed in range(12):
        rng = np.random.default_rng(seed)
        size = 10.0 ** rng.integers(0, 18)
        linear, quadratic = (
            dict(zip(keys, rng.integers(-2, 3, len(keys)) * size + rng.normal(size=len(keys)), strict=True))
            for keys in (range(7), list(itertools.combinations(range(7), 2)))
        )
        bqm = dimod.BinaryQuadraticModel(linear, quadratic, rng.normal(), vartype)
        for given in options(size):
            with warnings.catch_warnings(action="ignore"):
                found = sample(bqm, num_sweeps=20, num_reads=100, seed=seed, **given)
            sizes = dimod.BinaryQuadraticModel(
                {v: abs(bias) for v, bias in linear.items()},
                {pair: abs(bias) for pair, bias in quadratic.items()},
                abs(bqm.offset),
                vartype,
            )
            all_up = np.ones((1, 7), np.int8), range(7)
            there = sizes.energies(found if vartype == "BINARY" else all_up)
            assert (abs(found.record.energy - bqm.energies(found)) <= 1e-14 * there).all()


def test_numbers_too_far_apart_are_said():
    with pytest.warns(UserWarning, match="too far apart"):
        found = SimulatedAnnealingSampler().sample_ising(
            {}, {"ab": 1e300, "bc": 1e-300}, beta_range=[1, 1e300], num_sweeps=10
        )
    assert found.info["arithmetic"] == "rounded"
    far = ([0, 1], [1, 2], [1e300, 1e-300])
    with pytest.warns(UserWarning, match="too far apart"):
        result = sample_batch(far, np.zeros((2, 3)), num_reads=2, beta_schedule=[1e300])
    assert result.arithmetic == ["rounded"] * 2
    with warnings.catch_warnings(action="error"):
        SimulatedAnnealingSampler().sample_ising(
            {}, {"ab": 1e300, "bc": 1e-300}, beta_range=[1e-301, 1e-299], num_sweeps=10
        )
