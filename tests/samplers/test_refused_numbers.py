"""Numbers that double precision does not hold: every sampler refuses them in the same words."""

from collections.abc import Callable
from itertools import product
from typing import Any

import dimod
import numpy as np
import pytest

from ising_ep import (
    ParallelTemperingSampler,
    PathIntegralAnnealingSampler,
    SimulatedAnnealingSampler,
    TabuSampler,
    default_beta_range,
    minimize,
    problem_digest,
)
from ising_ep.checks import MOST_TOTAL
from ising_ep.chip import Chip
from ising_ep.machines.chip_model import ChipModel
from ising_ep.machines.chip_sampler import ChipSampler
from ising_ep.samplers.batch import sample_batch, sample_batch_quantum

pytestmark = pytest.mark.filterwarnings("error")

ANNEALING, TEMPERING = SimulatedAnnealingSampler(), ParallelTemperingSampler()
QUANTUM, TABU = PathIntegralAnnealingSampler(), TabuSampler()
CALLS: dict[str, Callable[[Any], Any]] = {
    "annealing": lambda bqm: ANNEALING.sample(bqm, seed=1),
    "annealing, beta_range given": lambda bqm: ANNEALING.sample(bqm, beta_range=[1, 2], seed=1),
    "annealing, no sweep": lambda bqm: ANNEALING.sample(bqm, num_sweeps=0, seed=1),
    "tempering": lambda bqm: TEMPERING.sample(bqm, num_sweeps=100, seed=1),
    "tempering, betas given": lambda bqm: TEMPERING.sample(bqm, betas=[1, 2], seed=1),
    "path integrals": lambda bqm: QUANTUM.sample(bqm, seed=1),
    "path integrals, beta and gamma given": lambda bqm: QUANTUM.sample(bqm, beta=1, gamma=1, seed=1),
    "tabu": lambda bqm: TABU.sample(bqm, timeout=None, num_restarts=3, seed=1),
    "minimize": lambda bqm: minimize(bqm, seed=1),
    "minimize, no presolve": lambda bqm: minimize(bqm, presolve=False, seed=1),
    "digest": problem_digest,
    "default range": default_beta_range,
}
# Those that choose their temperatures by the problem, or need none.
FREE = ["annealing", "tempering", "path integrals", "tabu", "minimize", "minimize, no presolve"]


def chain(size: float, vartype: str = "SPIN", offset: float = 0.0, **options: Any) -> Any:
    """Three variables; the ground state is a = c = -1, b = 1 with -3 sizes, or in BINARY b, all 0."""
    return dimod.BQM({"a": size}, {("a", "b"): size, ("b", "c"): size}, offset, vartype, **options)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
@pytest.mark.parametrize(
    ("problem", "text"),
    [
        ({"size": 8e307}, r"the bias of 'a' is 8e\+307, and \|biases\| add up to inf, expected at most"),
        ({"size": 1e308}, r"the bias of 'a' is 1e\+308, and \|biases\| add up to inf, expected at most"),
        ({"size": 1e304}, r"the bias of 'a' is 1e\+304, and \|biases\| add up to 3e\+304, expected at most"),
        ({"size": 8e307, "dtype": object}, r"the bias of 'a' is 8e\+307, and \|biases\| add up to inf"),
        ({"size": 1.0, "offset": 1e308}, r"the offset is 1e\+308, and \|biases\| add up to 1e\+308"),
        ({"size": np.nan}, "the bias of 'a' is nan, expected a finite number"),
        ({"size": -np.inf}, "the bias of 'a' is -inf, expected a finite number"),
        ({"size": np.nan, "dtype": np.float32}, "the bias of 'a' is nan, expected a finite number"),
        ({"size": np.inf, "dtype": object}, "the bias of 'a' is inf, expected a finite number"),
        ({"size": 1.0, "offset": np.nan}, "the offset is nan, expected a finite number"),
    ],
    ids=str,
)  # fmt: skip
def test_every_sampler_names_what_is_too_large(problem: Any, text: str, vartype: str, name: str) -> None:
    with pytest.raises(ValueError, match=f"^{text}") as caught:
        CALLS[name](chain(vartype=vartype, **problem))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e304])
@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
def test_an_interaction_is_named_by_its_own_bias(vartype: str, value: float, name: str) -> None:
    """As an Ising problem of a binary model its variables' fields are not finite either."""
    bqm = dimod.BQM({"a": 1.0, "c": 1.0}, {("b", "c"): value}, 0.0, vartype)
    with pytest.raises(ValueError, match=f"^the bias of '[bc]' and '[bc]' is {value}".replace("+", r"\+")):
        CALLS[name](bqm)


@pytest.mark.parametrize("name", FREE)
@pytest.mark.parametrize("size", [MOST_TOTAL / 4, 1e300, 1e-300])
def test_what_is_not_refused_is_right(size: float, name: str) -> None:
    """The ground state, of biases whose squares are beyond double precision."""
    reads = {"annealing": ANNEALING, "path integrals": QUANTUM}  # one of which may end elsewhere
    sampler = reads.get(name)
    found = sampler.sample(chain(size), num_reads=20, seed=1) if sampler else CALLS[name](chain(size))
    first = found.first
    assert first.energy == pytest.approx(-3 * size, rel=1e-14)
    assert dict(first.sample) == {"a": -1, "b": 1, "c": -1}


def lowest(bqm: Any) -> float:
    values = (-1, 1) if bqm.vartype is dimod.SPIN else (0, 1)
    states = np.array(list(product(values, repeat=bqm.num_variables)), dtype=np.int8)
    return float(bqm.energies((states, list(bqm.variables))).min())


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_presolve_is_right_at_the_largest_biases(vartype: str, dtype: Any) -> None:
    """Roof duality, elimination, narrow graphs; single precision overflows in sums of its own."""
    rng = np.random.default_rng(3)
    largest = float(np.finfo(dtype).max) if dtype is np.float32 else MOST_TOTAL / 40
    for k in range(20):
        pairs = {(i, j): rng.uniform(-1, 1) * largest for i in range(7) for j in range(i) if (i + j + k) % 3}
        bqm = dimod.BQM({i: rng.uniform(-1, 1) * largest for i in range(7)}, pairs, 0.0, vartype, dtype=dtype)
        found = minimize(bqm, seed=1)
        assert found.info["optimal"]
        assert found.first.energy == pytest.approx(lowest(bqm), rel=1e-14)
        assert found.info["lower_bound"] <= found.first.energy


def test_no_state_is_called_optimal_where_a_change_of_vartype_loses_bits() -> None:
    """A half of the smallest number is 0: the fields in spins are not those of the problem."""
    found = minimize(chain(5e-324, "BINARY"), seed=1)
    assert found.first.energy == 0
    assert not found.info["optimal"]


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
def test_single_precision_is_double_precision(vartype: str) -> None:
    """Fields and offset of a change to spins, which single precision would round; and sums beyond it."""
    for size in (0.1, 1.0, 3e38):
        given = dimod.BQM({"a": size, "b": -size}, {"ab": size, "bc": 2 * size / 3}, 0.1, vartype)
        bqm = dimod.BQM(given, dtype=np.float32)
        double = dimod.BQM(bqm, dtype=np.float64)
        assert problem_digest(bqm) == problem_digest(double)
        for name in FREE:
            found = CALLS[name](bqm)
            np.testing.assert_array_equal(found.record.energy, bqm.energies(found))


@pytest.mark.parametrize("sampler", [ANNEALING, TEMPERING])
@pytest.mark.parametrize("offset", [0.1, 1e-3, 1e4 / 3])
def test_energies_of_small_integers_in_single_precision(sampler: Any, offset: float) -> None:
    """The core adds up integers; the offset of the Ising problem needs more than single precision."""
    rng = np.random.default_rng(5)
    pairs = {(i, j): float(rng.integers(-3, 4)) for i in range(8) for j in range(i)}
    linear = {i: float(rng.integers(-3, 4)) for i in range(8)}
    bqm = dimod.BQM(linear, pairs, offset, "BINARY", dtype=np.float32)
    found = sampler.sample(bqm, num_reads=512 if sampler is ANNEALING else 2, num_sweeps=20, seed=1)
    assert found.info["arithmetic"] == "integer"
    np.testing.assert_allclose(found.record.energy, bqm.energies(found), rtol=0, atol=1e-15 * (100 + offset))


def test_states_without_a_sweep_have_the_energies_of_the_model() -> None:
    """Under a penalty of 1e16 the offset in spins has no place for what the states differ by."""
    bqm = dimod.BQM({v: -1.0 - v for v in range(4)}, {(0, 1): 1e16, (2, 3): 1e16}, 0.0, "BINARY")
    states = np.array(list(product((0, 1), repeat=4)), dtype=np.int8)
    found = ANNEALING.sample(bqm, [1, 2], num_sweeps=0, initial_states=(states, range(4)), seed=1)
    np.testing.assert_array_equal(found.record.energy, bqm.energies((states, range(4))))


@pytest.mark.parametrize(
    ("values", "fields", "text"),
    [
        ([1e304], [[0.0, 0.0]], "problem 0 add up to 1e.304"),
        ([1.0], [[0.0, 0.0], [1e308, 1e308]], "problem 1 add up to inf"),
    ],
)
def test_arrays_whose_sums_overflow_are_refused(values: Any, fields: Any, text: str) -> None:
    for call, options in (
        (sample_batch, {"beta_schedule": [1.0]}),
        (sample_batch_quantum, {"beta": 1.0, "schedule": [[1.0, 1.0]]}),
    ):
        with pytest.raises(
            ValueError, match=rf"^\|values\| and \|fields\| of {text}, expected at most 1e\+303"
        ):
            call(([0], [1], values), fields, num_reads=1, **options)
        # As much in parts, each of which has room.
        call(([0], [1], [1e302]), [[4e302, 4e302], [-4e302, 4e302]], num_reads=1, **options)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e308])
def test_the_chip_sampler_refuses_them_too(value: float) -> None:
    sampler = ChipSampler(ChipModel(Chip.perfect("chimera", 1)))
    one, other = sampler.edgelist[0]
    with pytest.raises(ValueError, match=f"^the bias of {one} is {value}".replace("+", r"\+")):
        sampler.sample_ising({one: value}, {(one, other): 1.0}, seed=1)


@pytest.mark.parametrize("size", [1e-310, 5e-324])
def test_a_default_beta_that_is_infinite_is_named_as_such(size: float) -> None:
    with pytest.raises(ValueError, match=r"^beta is None, and its default, 20 over .*e-3.*; expected beta"):
        QUANTUM.sample(chain(size), seed=1)
    assert len(QUANTUM.sample(chain(size), beta=1e307, seed=1)) == 1


@pytest.mark.parametrize("num_slices", [10**9, 2**32 - 2])
def test_more_slices_than_memory_has_room_for_are_refused(num_slices: int) -> None:
    """An operating system would promise their memory, and end the process when it is used."""
    wide = dimod.BQM({k: 1.0 for k in range(1000)}, {}, 0.0, "SPIN")
    text = f"^{num_slices} slices of 1000 spins do not fit into memory$"
    with pytest.raises(MemoryError, match=text):
        QUANTUM.sample(wide, num_slices=num_slices)
    with pytest.raises(MemoryError, match=text):
        sample_batch_quantum(
            ([], [], []), np.ones((1, 1000)), num_reads=1, beta=1.0, schedule=[[1, 1]], num_slices=num_slices
        )


@pytest.mark.parametrize("sampler", [ANNEALING, QUANTUM, TABU])
def test_more_reads_than_memory_has_room_for_are_refused(sampler: Any) -> None:
    """States alone may fit, and not with energies and the rows of the sample set beside them."""
    wide = dimod.BQM({k: 1.0 for k in range(1000)}, {}, 0.0, "SPIN")
    with pytest.raises(MemoryError, match=r"^4294967295 reads of 1000 spins do not fit into memory$"):
        sampler.sample(wide, num_reads=2**32 - 1)
