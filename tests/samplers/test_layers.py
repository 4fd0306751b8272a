"""Layers with shared weights on the core: Boltzmann's distribution, what holds pair by pair, refusals.

The distribution is exact: of a layer that is coupled to few spins alone, all states can be summed out. Drawn
afresh, the tests of fit would raise a false alarm with probability `FALSE_ALARM` of `support.boltzmann` at
most.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ising_ep import _core
from ising_ep.samplers.couplings import Block, LayerCouplings, Layers, PreparedCouplings
from support.boltzmann import LEVEL, fit

Shapes = list[tuple[int, int, int]]


def pairs_of(shapes: Shapes, blocks: list[tuple[int, int, Block]], values: np.ndarray) -> Any:
    """The couplings one by one, in plain loops."""
    starts = np.cumsum([0, *(np.prod(shape) for shape in shapes)])
    grids = [
        np.arange(start, start + np.prod(shape)).reshape(shape)
        for start, shape in zip(starts, shapes, strict=False)
    ]
    rows, cols, out, at = [], [], [], 0
    for before, after, (kind, (height, width), (down, right)) in blocks:
        one, other = grids[before], grids[after]
        if kind == "dense":
            shape = (one.size, other.size)
        else:
            shape = (height, width, one.shape[2], other.shape[2]) if kind == "filters" else ()
        weights = values[at : at + int(np.prod(shape))].reshape(shape)
        at += weights.size
        if kind == "dense":
            for i, j in np.ndindex(shape):
                rows.append(one.ravel()[i])
                cols.append(other.ravel()[j])
                out.append(weights[i, j])
            continue
        for r, c in np.ndindex(other.shape[:2]):
            for y, x in np.ndindex(height, width):
                for k, f in np.ndindex(one.shape[2], other.shape[2]):
                    if kind == "filters" or k == f:
                        rows.append(one[r * down + y, c * right + x, k])
                        cols.append(other[r, c, f])
                        out.append(weights[y, x, k, f] if kind == "filters" else weights)
    return np.array(rows), np.array(cols), np.array(out, dtype=np.float64)


# A layer of 64 and more spins, and few others.
NETS: dict[str, tuple[Shapes, list[tuple[int, int, Block]]]] = {
    "filters": ([(8, 8, 1), (3, 3, 1)], [(0, 1, Block("filters", (4, 4), (2, 2)))]),
    "filters and dense": (
        [(4, 8, 3), (1, 3, 2), (1, 1, 3)],
        [(0, 1, Block("filters", (3, 4), (3, 2))), (1, 2, Block("dense"))],
    ),
    "pool and dense": (
        [(6, 4, 3), (2, 1, 3), (1, 1, 4)],
        [(0, 1, Block("pool", (3, 4), (3, 1))), (0, 2, Block("dense")), (1, 2, Block("dense"))],
    ),
}


def net(name: str, scale: float = 1.0, seed: int = 0) -> tuple[_core.Model, Any, np.ndarray, int]:
    """Model, pairs, fields and the spins of the first layer."""
    rng = np.random.default_rng(seed)
    shapes, blocks = NETS[name]
    count = sum(
        {
            "dense": int(np.prod(shapes[b])) * int(np.prod(shapes[a])),
            "filters": int(np.prod(block.size)) * shapes[b][2] * shapes[a][2],
            "pool": 1,
        }[block.kind]
        for b, a, block in blocks
    )
    values = scale * rng.normal(size=count)
    layers = Layers(shapes, blocks)
    spins = sum(int(np.prod(shape)) for shape in shapes)
    pairs = pairs_of(shapes, blocks, values)
    fields = 0.4 * rng.normal(size=(3, spins))
    return layers.model(values), pairs, fields, int(np.prod(shapes[0]))


def anneal(model: _core.Model, fields: np.ndarray, betas: Any, **keywords: Any) -> Any:
    asked = {"num_reads": 4, "seed": 3, "problem_ids": np.arange(len(fields), dtype=np.uint32)} | keywords
    gibbs = asked.pop("gibbs", False)
    return model.anneal(fields, _core.Sweeps(np.asarray(betas, dtype=np.float64), gibbs=gibbs), **asked)


@pytest.mark.slow
@pytest.mark.parametrize("gibbs", [False, True])
@pytest.mark.parametrize("beta", [0.3, 1.0])
@pytest.mark.parametrize("name", NETS)
def test_states_follow_boltzmann(name, beta, gibbs):
    model, (rows, cols, values), fields, first = net(name, scale=0.2)
    states, _, arithmetic = anneal(model, fields[:1], np.full(60, beta), num_reads=20_000, gibbs=gibbs)
    assert arithmetic == ["single"]
    # All spins of the later layers and two of the first: the others are summed out.
    spins, others = fields.shape[1], fields.shape[1] - first
    matrix = np.zeros((spins, spins))
    np.add.at(matrix, (rows, cols), values)
    matrix += matrix.T
    upper = 2.0 * (np.arange(2**others)[:, None] >> np.arange(others)[::-1] & 1) - 1
    local = fields[0, :first] + upper @ matrix[first:, :first]
    log = -beta * (upper @ fields[0, first:] + 0.5 * ((upper @ matrix[first:, first:]) * upper).sum(axis=1))
    log += np.log(2 * np.cosh(beta * local)).sum(axis=1)
    of_upper = np.exp(log - log.max())
    shown = [first // 2, first - 1]
    probabilities = (of_upper / of_upper.sum())[:, None]
    for spin in shown:
        up = 1 / (1 + np.exp(2 * beta * local[:, spin]))
        probabilities = (probabilities[:, :, None] * np.stack([1 - up, up], axis=1)[:, None]).reshape(
            len(upper), -1
        )
    seen = np.concatenate([states[0][:, first:], states[0][:, shown]], axis=1)
    assert fit(seen, probabilities.ravel()) > LEVEL
    # The same check tells a temperature that is wrong by a tenth.
    if beta == 1.0 and not gibbs:
        states, *_ = anneal(model, fields[:1], np.full(60, 1.1 * beta), num_reads=20_000)
        seen = np.concatenate([states[0][:, first:], states[0][:, shown]], axis=1)
        assert fit(seen, probabilities.ravel()) < LEVEL


@pytest.mark.parametrize("name", NETS)
def test_energies_and_fields_are_those_of_the_pairs(name):
    model, pairs, fields, _ = net(name)
    states, energies, _ = anneal(model, fields, np.geomspace(0.1, 5, 20))
    alone = _core.Model(*pairs, fields.shape[1])
    for p in range(len(fields)):
        wanted = _core.energies(*pairs, fields[p], states[p])
        np.testing.assert_allclose(energies[p], wanted, rtol=1e-12, atol=1e-12)
    wanted = alone.fields(states, fields)
    np.testing.assert_allclose(model.fields(states, fields), wanted, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("reads", [1, 3, 4, 65])
@pytest.mark.parametrize("gibbs", [False, True])
def test_answers_depend_on_no_threads_and_no_company(reads, gibbs):
    model, _, fields, _ = net("filters and dense")
    start = np.random.default_rng(1).choice(np.array([-1, 1], np.int8), (3, reads, fields.shape[1]))
    for initial in (None, start):
        call = {"num_reads": reads, "gibbs": gibbs}
        betas = np.geomspace(0.1, 3, 12)
        states, energies, _ = anneal(model, fields, betas, initial_states=initial, num_threads=1, **call)
        again, same, _ = anneal(model, fields, betas, initial_states=initial, num_threads=2, **call)
        assert states.tobytes() == again.tobytes()
        assert energies.tobytes() == same.tobytes()
        for p in range(3):
            alone, *_ = anneal(
                model,
                fields[p : p + 1].copy(),
                betas,
                initial_states=None if initial is None else initial[p : p + 1].copy(),
                problem_ids=np.array([p], np.uint32),
                **call,
            )
            assert alone.tobytes() == states[p : p + 1].tobytes()


def test_other_methods_take_the_pairs():
    model, pairs, fields, _ = net("pool and dense")
    other = _core.Model(*pairs, fields.shape[1])
    call = {"num_reads": 3, "seed": 1, "problem_ids": np.arange(3, dtype=np.uint32)}
    ramp = np.linspace(0, 1, 10)
    for method in (
        _core.Paths(beta=2.0, num_slices=3, transverse=ramp[::-1].copy(), problem=ramp),
        _core.Sweeps(np.ones(9), random_order=True),
        _core.Sweeps(np.array([0.1, np.inf])),
        _core.Flow(saturation=None, gain=0.1, spread=0.1, ramp=ramp, noise=ramp),
    ):
        got, wanted = model.anneal(fields, method, **call), other.anneal(fields, method, **call)
        assert got[0].tobytes() == wanted[0].tobytes()
        assert got[2] == wanted[2]


def test_cold_spins_point_against_their_fields():
    model, _, fields, _ = net("filters", scale=0.0)
    states, *_ = anneal(model, fields, np.full(5, 1e4))
    assert (states == np.where(fields > 0, -1, 1)[:, None]).all()


def refused(shapes: Shapes, blocks: list[Any], count: int) -> Callable[[], Any]:
    return lambda: _core.Model.layers(shapes, blocks, np.ones(count))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (refused([(2, 2, 0)], [], 0), r"layer 0 has shape \(2, 2, 0\), expected numbers from 1 on"),
        (refused([(2, 2, 1)], [(0, 1, "dense", (1, 1), (1, 1))], 4), "block 0 joins layers 0 and 1"),
        (refused([(2, 2, 1)], [(0, 0, "dense", (1, 1), (1, 1))], 4), "block 0 joins layers 0 and 0"),
        (
            refused([(2, 2, 1), (1, 1, 1)], [(0, 1, "filters", (3, 2), (1, 1))], 6),
            "windows of 3 x 2 in steps of 1 and 1, expected such as fit into layer 0 of 2 x 2",
        ),
        (refused([(2, 2, 1), (1, 1, 1)], [(0, 1, "filters", (2, 2), (0, 1))], 4), "in steps of 0 and 1"),
        (
            refused([(2, 2, 1), (2, 1, 1)], [(0, 1, "filters", (2, 2), (1, 1))], 4),
            "layer 1 has 2 x 1 places, expected 1 x 1: one for each window of block 0",
        ),
        (refused([(2, 2, 1), (1, 1, 2)], [(0, 1, "pool", (2, 2), (1, 1))], 1), "pools 1 channels into 2"),
        (
            refused([(2, 2, 1), (1, 1, 2)], [(0, 1, "max", (2, 2), (1, 1))], 1),
            "expected 'dense', 'filters' or",
        ),
        (refused([(2, 2, 1), (1, 1, 2)], [(0, 1, "dense", (1, 1), (1, 1))], 7), "7 values, expected 8"),
        (lambda: net("filters")[0].with_values(np.full(16, np.nan)), "weight 0 is NaN"),
    ],
)
def test_what_does_not_fit_is_named(call, text):
    with pytest.raises(ValueError, match=text) as error:
        call()
    assert "\n" not in str(error.value)


def test_couplings_of_layers_are_the_triple_for_whoever_asks():
    shapes, blocks = NETS["filters"]
    values = np.arange(16.0)
    asked = []

    def expanded() -> PreparedCouplings:
        asked.append(1)
        return PreparedCouplings(*pairs_of(shapes, blocks, values))

    layers = Layers(shapes, blocks)
    couplings = layers.with_weights(values, expanded)
    assert isinstance(couplings, LayerCouplings)
    assert layers.with_weights(values.copy(), expanded) is couplings
    assert couplings.model(73) is couplings.model(73)
    assert not asked
    rows, cols, got = couplings
    assert len(rows) == len(cols) == len(got) == 9 * 16
    assert couplings[2] is got is couplings.values
    assert len(couplings) == 3
    assert len(asked) == 1
    with pytest.raises(ValueError, match="fields are of 4 spins, and the layers have 73"):
        couplings.model(4)
