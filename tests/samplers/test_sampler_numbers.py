"""Numbers of any Python type, and energies in full."""

import itertools
import re
import warnings
from decimal import Decimal
from fractions import Fraction
from typing import Any

import dimod
import numpy as np
import pytest
from dwave.samplers import SimulatedAnnealingSampler as DWaveSampler

from ising_ep import PathIntegralAnnealingSampler, SimulatedAnnealingSampler
from ising_ep.samplers.batch import sample_batch
from ising_ep.samplers.spin_form import in_floats, spin_form

SAMPLERS = [SimulatedAnnealingSampler(), PathIntegralAnnealingSampler()]
KINDS = {
    "fractions": Fraction,
    "decimals": lambda text: Decimal(Fraction(text).numerator) / Fraction(text).denominator,
    "long integers": lambda text: int(Fraction(text) * 12 * 2**70),
    "integers beyond int64": lambda text: int(Fraction(text) * 12) * 10**30,
}
LINEAR = {"a": "1/4", "b": "-1/3", "c": "1"}
QUADRATIC = {("a", "b"): "-2/3", ("b", "c"): "5/12"}


def lowest(linear: Any, quadratic: Any, offset: Any, values: tuple[int, int]) -> Any:
    """The least energy, in the numbers' own arithmetic."""
    states = (dict(zip(linear, s, strict=True)) for s in itertools.product(values, repeat=len(linear)))
    return min(
        offset
        + sum(bias * s[v] for v, bias in linear.items())
        + sum(bias * s[u] * s[v] for (u, v), bias in quadratic.items())
        for s in states
    )


@pytest.mark.filterwarnings("ignore:.*need more than double precision")
@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("sampler", SAMPLERS, ids=["annealing", "path integrals"])
def test_exact_numbers_are_sampled(sampler: Any, kind: Any, vartype: str) -> None:
    linear = {v: kind(text) for v, text in LINEAR.items()}
    quadratic = {pair: kind(text) for pair, text in QUADRATIC.items()}
    bqm = dimod.DictBQM(linear, quadratic, kind("1/2"), vartype)
    first = sampler.sample(bqm, num_reads=20, num_sweeps=100, seed=1).first
    least = lowest(linear, quadratic, kind("1/2"), (-1, 1) if vartype == "SPIN" else (0, 1))
    assert first.energy == pytest.approx(float(least), rel=1e-12)


@pytest.mark.parametrize("bias", [Fraction(1, 3), 10**30])
def test_the_default_range_is_that_of_dwave_samplers(bias: Any) -> None:
    bqm = dimod.DictBQM({0: bias}, {(0, 1): -2 * bias}, 0, "SPIN")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of 10**30, which double precision rounds
        ours, theirs = (s.sample(bqm).info["beta_range"] for s in (SAMPLERS[0], DWaveSampler()))
    assert ours == pytest.approx([float(beta) for beta in theirs], rel=1e-14)


def test_long_integers_that_cancel_leave_their_difference() -> None:
    """Rounded to double precision one by one, the field would be 0."""
    bqm = dimod.DictBQM({0: 2**60 + 2, 1: 0}, {(0, 1): -(2**61)}, 0, "BINARY")
    spins = spin_form(in_floats(bqm))
    assert spins.linear[0] == 1
    assert spins.quadratic[0, 1] == -(2**59)


def test_integers_that_double_precision_rounds_are_named() -> None:
    bqm = dimod.DictBQM({0: 2**60 + 1}, {(0, 1): 2**60}, 0, "SPIN")
    with pytest.warns(
        UserWarning, match=f"1 of 4 biases need .* as {2**60 + 1} to {re.escape(repr(2.0**60))}"
    ) as caught:
        SAMPLERS[0].sample(bqm, beta_range=[1e-20, 1.0])
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("bias", "text"),
    [
        ("1", "bqm holds '1', expected real numbers"),
        (1j, "bqm holds 1j, expected real numbers"),
        (None, "bqm holds None, expected real numbers"),
        (10**400, "bqm holds a number that is not finite in double precision"),
        (Fraction(10**400), "bqm holds a number that is not finite"),
    ],
)
def test_what_is_no_number_is_refused(bias: Any, text: str) -> None:
    bqm = dimod.DictBQM("SPIN")
    bqm.add_linear("b", Fraction(1, 2))
    bqm.data._adj["a"] = {"a": bias}  # add_linear would add it to 0
    with pytest.raises(ValueError, match=text):
        SAMPLERS[0].sample(bqm)


def test_arrays_of_exact_numbers() -> None:
    couplings = ([0], [1], [Fraction(-3, 2)])
    betas = [Decimal("0.5"), 10**30]
    result = sample_batch(couplings, [[Decimal("0.25"), 0]], num_reads=5, beta_schedule=betas, seed=1)
    assert set(result.energies.ravel()) <= {-1.75, -1.25}  # both are minima
    with pytest.raises(ValueError, match="values holds 'x', expected real numbers"):
        sample_batch(([0], [1], np.array(["x"], dtype=object)), [[0, 0]], num_reads=1, beta_schedule=[1])


@pytest.mark.parametrize("sampler", SAMPLERS, ids=["annealing", "path integrals"])
def test_energies_under_a_large_penalty_are_those_of_the_model(sampler: Any) -> None:
    """In spins they are differences of numbers of 1e16, which are multiples of 2."""
    path = {(v, v + 1): 1e15 for v in range(40)}
    bqm = dimod.BQM({v: -1.0 - v % 3 for v in range(41)}, path, 0.0, "BINARY")
    sampleset = (
        sampler.sample(bqm, num_reads=50, num_sweeps=200, beta=5.0, gamma=2.0, seed=1)
        if (sampler is SAMPLERS[1])
        else sampler.sample(bqm, num_reads=50, num_sweeps=200, beta_range=[0.1, 10], seed=1)
    )
    assert np.array_equal(sampleset.record.energy, bqm.energies(sampleset))


@pytest.mark.parametrize("dtype", [np.int64, np.uint64, object])
def test_long_integers_in_arrays_are_named_where_double_precision_rounds_them(dtype: Any) -> None:
    fields = np.array([[2**60, 2**60 + 1]], dtype=dtype)
    call: dict[str, Any] = {"num_reads": 1, "beta_schedule": [1.0], "seed": 1}
    with pytest.warns(UserWarning, match=f"fields holds {2**60 + 1}, which is rounded to") as caught:
        sample_batch(([0], [1], [1.0]), fields, **call)
    assert [w.filename for w in caught] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sample_batch(([0], [1], [1.0]), fields[:, [0, 0]], **call)


@pytest.mark.parametrize("dtype", [np.float64, object])
def test_floats_in_a_model_of_objects_are_not_rounded_by_its_change_to_spins(dtype: Any) -> None:
    """Penalties that cancel leave each variable its weight, which a field of 1e16 would swallow."""
    weights = [0.3, -0.3] * 5
    linear = {**dict(enumerate(weights)), "up": -100e16, "down": -100e16}
    penalties = {(k, v): sign * 1e16 for k in range(10) for v, sign in (("up", 1), ("down", -1))}
    bqm = dimod.BinaryQuadraticModel(linear, penalties, 0.0, "BINARY", dtype=dtype)
    found = SAMPLERS[0].sample(bqm, num_reads=20, num_sweeps=200, beta_range=[1e-19, 50], seed=1)
    states = found.samples(sorted_by=None)[:, list(range(10))]
    assert (states == (np.array(weights) < 0)).all()
    np.testing.assert_array_equal(found.record.energy, bqm.energies(found))


@pytest.mark.parametrize("sampler", SAMPLERS, ids=["annealing", "path integrals"])
@pytest.mark.parametrize(
    "model",
    [dimod.ConstrainedQuadraticModel(), dimod.QuadraticModel(), {("a", "b"): 1.0}],
    ids=lambda m: type(m).__name__,
)
def test_another_model_is_refused_by_its_name(sampler: Any, model: Any) -> None:
    with pytest.raises(TypeError, match=f"^bqm is a {type(model).__name__}, expected a dimod.BinaryQ"):
        sampler.sample(model)


def test_what_is_not_finite_beside_fractions_is_named() -> None:
    bqm = dimod.DictBQM({0: float("nan")}, {(0, 1): Fraction(1, 2)}, 0, "BINARY")
    with pytest.raises(ValueError, match="the bias of 0 is nan, expected a finite number"):
        SAMPLERS[0].sample(bqm)
