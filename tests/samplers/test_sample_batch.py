"""`sample_batch`: reproducible whatever the grouping, arrays in every form, bad ones named."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ising_ep import BatchResult, SimulatedAnnealingSampler
from support.problems import energies_of, layered_batch, random_batch, same, sparse_batch

SAMPLER = SimulatedAnnealingSampler()
NO_COUPLINGS: tuple[list[int], list[int], list[float]] = ([], [], [])
BETAS = np.geomspace(0.1, 5, 40)


# --- reproducible, whatever the threads, the grouping, the number of reads ---------------------------


def mixed_batch(seed: int, batch: int, spins: int) -> tuple[tuple[Any, Any, Any], Any]:
    """Every other problem is one of small integers: the core's multi-spin kernel takes 64 reads and more."""
    (rows, cols, values), fields = sparse_batch(seed, batch, spins)
    fields[::2] = np.rint(fields[::2])
    return (rows, cols, np.sign(values)), fields


KINDS = {"sparse": sparse_batch, "layered": layered_batch, "dense": random_batch, "mixed": mixed_batch}
# The core's layered kernel takes 64 and more.
SPINS = 65


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def problems(request: pytest.FixtureRequest) -> tuple[tuple[Any, Any, Any], Any]:
    couplings, fields = request.param(0, 5, SPINS)
    return couplings, fields


def test_seeds_reproduce_and_differ(problems: Any) -> None:
    runs = [
        SAMPLER.sample_batch(*problems, num_reads=5, beta_schedule=BETAS[:5], seed=seed)
        for seed in (0, 0, 1, 2**32, 2**63, 2**64 - 1, None, None)
    ]
    assert same(runs[0], runs[1])
    assert len({run.states.tobytes() for run in runs[1:]}) == 7


def test_threads_do_not_matter(problems: Any) -> None:
    runs = [
        SAMPLER.sample_batch(*problems, num_reads=33, beta_schedule=BETAS, seed=9, num_threads=threads)
        for threads in (1, 2, 16, None)
    ]
    assert all(same(runs[0], run) for run in runs[1:])


@pytest.mark.parametrize("num_reads", [1, 15, 16, 17, 64])
def test_a_batch_may_be_split_anywhere(problems: Any, num_reads: int) -> None:
    couplings, fields = problems
    ids = np.array([7, 0, 2**32 - 1, 3, 100])
    call = {"num_reads": num_reads, "beta_schedule": BETAS[:10], "seed": 5}
    whole = SAMPLER.sample_batch(couplings, fields, problem_ids=ids, **call)
    assert whole.states.shape == (5, num_reads, SPINS)
    for cut in range(6):
        parts = [
            SAMPLER.sample_batch(couplings, fields[part], problem_ids=ids[part], **call)
            for part in (slice(cut), slice(cut, None))
        ]
        assert np.array_equal(np.concatenate([p.states for p in parts]), whole.states)
        assert np.array_equal(np.concatenate([p.energies for p in parts]), whole.energies)


def test_problem_ids_are_0_1_2_by_default(problems: Any) -> None:
    call = {"num_reads": 3, "beta_schedule": BETAS[:10], "seed": 5}
    assert same(
        SAMPLER.sample_batch(*problems, **call),
        SAMPLER.sample_batch(*problems, problem_ids=range(5), **call),
    )


@pytest.mark.parametrize(("fewer", "most"), [((1, 2, 17), 63), ((200, 201), 600)])
def test_more_reads_leave_the_first_ones_as_they_are(problems: Any, fewer: Any, most: int) -> None:
    call = {"beta_schedule": BETAS[:10], "seed": 5}
    many = SAMPLER.sample_batch(*problems, num_reads=most, **call)
    for num_reads in fewer:
        few = SAMPLER.sample_batch(*problems, num_reads=num_reads, **call)
        assert np.array_equal(few.states, many.states[:, :num_reads])


def test_with_many_reads_integer_problems_and_no_others_have_other_reads(problems: Any) -> None:
    """In single bits, which are faster from 64 to 200 reads on, according to the couplings."""
    call = {"beta_schedule": BETAS[:10], "seed": 5}
    few, more = (SAMPLER.sample_batch(*problems, num_reads=reads, **call).states for reads in (63, 200))
    changed = (few != more[:, :63]).any(axis=(1, 2))
    assert changed.tolist() == (problems[1] == np.rint(problems[1])).all(axis=1).tolist()


def test_reads_and_problems_differ(problems: Any) -> None:
    """Also where problems and initial states are the same, every run has its own random numbers."""
    couplings, fields = problems
    equal = np.zeros_like(fields)
    result = SAMPLER.sample_batch(
        couplings, equal, num_reads=20, beta_schedule=[0.1] * 3, initial_states=np.ones(SPINS), seed=0
    )
    assert len(np.unique(result.states.reshape(-1, SPINS), axis=0)) == 100


# --- arrays in every form ----------------------------------------------------------------------------


@pytest.mark.parametrize("num_reads", [1, 15, 16, 17])
@pytest.mark.parametrize("spins", [1, 2, 15, 16, 17, 33, 66])
@pytest.mark.parametrize("kind", [sparse_batch, layered_batch, random_batch])
def test_energies_of_batches(kind: Any, spins: int, num_reads: int) -> None:
    couplings, fields = kind(1, 3, spins) if spins > 2 else (NO_COUPLINGS, np.ones((3, spins)))
    result = SAMPLER.sample_batch(couplings, fields, num_reads=num_reads, beta_schedule=BETAS, seed=1)
    assert result.states.dtype == np.int8
    assert result.energies.dtype == np.float64
    assert result.states.shape == (3, num_reads, spins)
    assert np.all(np.abs(result.states) == 1)
    expected = energies_of(couplings, fields, result.states)
    np.testing.assert_allclose(result.energies, expected, rtol=1e-9, atol=1e-12)


def test_lowest_is_the_first_of_the_lowest_reads() -> None:
    states = np.array([[[1, 1], [1, -1], [-1, 1]], [[-1, -1], [1, 1], [1, -1]]], dtype=np.int8)
    energies = np.array([[3.0, -1.0, -1.0], [0.0, 1.0, 2.0]])
    assert BatchResult(states, energies).lowest().tolist() == [[1, -1], [-1, -1]]


def test_without_couplings_each_spin_follows_its_field() -> None:
    fields = np.array([[1.0, -2.0, 0.5]])
    result = SAMPLER.sample_batch(NO_COUPLINGS, fields, num_reads=4, beta_schedule=[50.0] * 5)
    assert np.all(result.states == -np.sign(fields))
    assert np.all(result.energies == -3.5)


@pytest.mark.parametrize("shape", [(0, 4), (3, 0), (0, 0)])
def test_nothing_to_sample(shape: tuple[int, int]) -> None:
    result = SAMPLER.sample_batch(NO_COUPLINGS, np.zeros(shape), num_reads=2, beta_schedule=[1.0])
    assert result.states.shape == (shape[0], 2, shape[1])
    assert result.energies.tolist() == [[0.0, 0.0]] * shape[0]


def strided(array: Any) -> Any:
    return np.repeat(array, 2, axis=-1)[..., ::2]


def read_only(array: Any) -> Any:
    array = array.copy()
    array.flags.writeable = False
    return array


def big_endian(array: Any) -> Any:
    return array.astype(array.dtype.newbyteorder(">"))


@pytest.mark.parametrize("form", [strided, read_only, big_endian, np.asfortranarray, np.ndarray.tolist])
def test_memory_layout_does_not_matter(form: Callable[[Any], Any]) -> None:
    (rows, cols, values), fields = random_batch(2)
    initial = np.random.default_rng(0).choice(np.array([-1, 1], np.int8), size=(3, 4, 9))
    call = {"num_reads": 4, "seed": 1}
    plain = SAMPLER.sample_batch(
        (rows, cols, values), fields, beta_schedule=BETAS, initial_states=initial, **call
    )
    other = SAMPLER.sample_batch(
        (form(rows), form(cols), form(values)),
        form(fields),
        beta_schedule=form(BETAS),
        initial_states=form(initial),
        problem_ids=form(np.arange(3)),
        **call,
    )
    assert same(plain, other)


@pytest.mark.parametrize("real", ["f2", "f4", ">f4", "g", "i4", "u1"])
@pytest.mark.parametrize("index", ["i1", "u2", ">i4", "u8"])
@pytest.mark.parametrize("spin", ["i2", "f4", ">f8"])
def test_dtypes_do_not_matter(real: str, index: str, spin: str) -> None:
    rows, cols = np.triu_indices(6, 1)
    values, fields = np.arange(15) % 3, np.arange(12).reshape(2, 6)
    call = {"num_reads": 3, "beta_schedule": BETAS, "seed": 1}
    initial = np.tile([1, -1], 3)
    assert same(
        SAMPLER.sample_batch((rows, cols, values), fields, initial_states=initial, **call),
        SAMPLER.sample_batch(
            (rows.astype(index), cols.astype(index), values.astype(real)),
            fields.astype(real),
            initial_states=initial.astype(spin),
            **call,
        ),
    )


@pytest.mark.parametrize("shape", [(9,), (4, 9), (1, 1, 9), (3, 1, 9), (1, 4, 9), (3, 4, 9), (4, 1), ()])
def test_initial_states_broadcast(shape: tuple[int, ...]) -> None:
    couplings, fields = random_batch(4)
    initial = np.random.default_rng(1).choice([-1, 1], size=shape)
    call = {"num_reads": 4, "beta_schedule": [0.5] * 3, "seed": 1}
    full = np.broadcast_to(initial, (3, 4, 9)).astype(np.int8)
    assert same(
        SAMPLER.sample_batch(couplings, fields, initial_states=initial, **call),
        SAMPLER.sample_batch(couplings, fields, initial_states=full, **call),
    )


def test_cold_batches_keep_their_initial_states() -> None:
    couplings, fields = layered_batch(0, 3, 12)
    ground = SAMPLER.sample_batch(couplings, fields, num_reads=20, beta_schedule=np.geomspace(0.1, 50, 200))
    start = ground.lowest()[:, np.newaxis]
    again = SAMPLER.sample_batch(
        couplings, fields, num_reads=7, beta_schedule=[1e6] * 9, initial_states=start
    )
    assert np.array_equal(again.states, np.broadcast_to(start, (3, 7, 12)))


def test_couplings_of_a_pair_add_up_in_either_order() -> None:
    call = {"num_reads": 9, "beta_schedule": BETAS, "seed": 0}
    fields = np.array([[0.1, 0.2, -0.3]])
    assert same(
        SAMPLER.sample_batch(([0, 1, 1, 0], [1, 0, 2, 1], [1.0, 0.5, 2.0, -3.0]), fields, **call),
        SAMPLER.sample_batch(([0, 1], [1, 2], [-1.5, 2.0]), fields, **call),
    )


@pytest.mark.parametrize("scale", [1e300, 1e30, 1e-30, 1e-300])
@pytest.mark.parametrize("kind", [sparse_batch, layered_batch, random_batch])
def test_huge_and_tiny_values_scale(kind: Any, scale: float) -> None:
    """Scaling J and h up and beta down is the same problem: its ground state is found as well."""
    (rows, cols, values), fields = kind(3, 2, 9)
    betas = np.geomspace(0.1, 30, 200)
    plain = SAMPLER.sample_batch((rows, cols, values), fields, num_reads=20, beta_schedule=betas, seed=0)
    scaled = SAMPLER.sample_batch(
        (rows, cols, values * scale), fields * scale, num_reads=20, beta_schedule=betas / scale, seed=0
    )
    np.testing.assert_allclose(scaled.energies.min(axis=1) / scale, plain.energies.min(axis=1), rtol=1e-9)


def test_huge_beside_tiny() -> None:
    """A spin that only feels 1e-300 beside one that feels 1e300: no overflow, no NaN."""
    result = SAMPLER.sample_batch(
        ([0], [1], [1e300]), [[1e-300, 0.0, 1e-300]], num_reads=17, beta_schedule=[0, 1e-300, 1, 1e300]
    )
    assert np.all(np.isfinite(result.energies))
    assert np.all(result.states[..., 0] == -result.states[..., 1])


GOOD: dict[str, Any] = {
    "couplings": ([0, 1], [1, 2], [1.0, -1.0]),
    "fields": np.zeros((2, 3)),
    "num_reads": 2,
    "beta_schedule": [0.5, 1.0],
}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"couplings": ([0], [1])}, "couplings has 2 parts"),
        ({"couplings": ([0], [0], [1.0])}, "coupling 0 .*spin 0"),
        ({"couplings": ([0], [3], [1.0])}, "spin 3"),
        ({"couplings": ([-1], [1], [1.0])}, "spin -1"),
        ({"couplings": ([0, 1], [1], [1.0])}, "got 2 and 1"),
        ({"couplings": ([0], [1], [np.nan])}, "NaN"),
        ({"couplings": ([0], [1], [-np.inf])}, "-inf"),
        ({"couplings": ([0, 1], [1, 0], [1.7e308, 1.7e308])}, "infinite"),
        ({"couplings": ([0.5], [1], [1.0])}, "rows has dtype float64"),
        ({"couplings": ([0], [True], [1.0])}, "cols has dtype bool"),
        ({"couplings": ([0], [1], [1j])}, "values has dtype complex128"),
        ({"couplings": ([[0]], [1], [1.0])}, r"rows has shape \(1, 1\)"),
        ({"couplings": (np.array([2**64 - 1], np.uint64), [1], [1.0])}, f"rows holds {2**64 - 1}"),
        ({"fields": np.zeros(3)}, r"fields has shape \(3,\)"),
        ({"fields": np.zeros((1, 2, 3))}, r"fields has shape \(1, 2, 3\)"),
        ({"fields": [["a", "b", "c"]]}, "fields has dtype <U1"),
        ({"fields": np.array([[0, 0, np.nan]])}, "NaN"),
        ({"fields": np.array([[0, np.inf, 0]])}, "spin 1 .*inf"),
        ({"fields": np.zeros((2, 2))}, "spin 2"),
        ({"num_reads": 0}, "num_reads is 0"),
        ({"num_reads": 2**32}, f"num_reads is {2**32}"),
        ({"beta_schedule": []}, "beta_schedule is empty"),
        ({"beta_schedule": 1.0}, r"beta_schedule has shape \(\)"),
        ({"beta_schedule": [-0.5]}, "-0.5"),
        ({"beta_schedule": [1, np.nan]}, "sweep 1 is NaN"),
        ({"beta_schedule": [-np.inf]}, "-inf"),
        ({"initial_states": np.zeros((2, 2, 3), np.int8)}, "spin 0"),
        ({"initial_states": np.full(3, -128, np.int8)}, "-128"),
        ({"initial_states": np.full(3, 257)}, "initial_states holds 257"),
        ({"initial_states": np.full(3, 0.5)}, "initial_states holds 0.5"),
        ({"initial_states": np.full(3, np.nan)}, "initial_states holds nan"),
        ({"initial_states": np.ones(3, bool)}, "initial_states has dtype bool"),
        ({"initial_states": np.ones((3, 2, 3))}, r"initial_states has shape \(3, 2, 3\)"),
        ({"initial_states": np.ones(4)}, r"initial_states has shape \(4,\)"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 2**64}, f"seed is {2**64}"),
        ({"num_threads": 0}, "num_threads is 0"),
        ({"num_threads": -2}, "num_threads is -2"),
        ({"proposal_acceptance_criteria": "heat"}, "proposal_acceptance_criteria is 'heat'"),
        ({"problem_ids": [0]}, r"problem_ids has shape \(1,\)"),
        ({"problem_ids": [0, -1]}, "problem_ids holds -1"),
        ({"problem_ids": [0, 2**32]}, f"problem_ids holds {2**32}"),
        ({"problem_ids": [0.0, 1.0]}, "problem_ids has dtype float64"),
    ],
)
def test_bad_batches_are_named_in_one_line(change: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text) as error:
        SAMPLER.sample_batch(**(GOOD | change))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("change", [{"num_reads": 2.0}, {"seed": 1.0}, {"num_threads": "2"}])
def test_numbers_that_are_no_integers_are_named(change: dict[str, Any]) -> None:
    ((name, value),) = change.items()
    with pytest.raises(TypeError, match=f"{name} is {value!r}"):
        SAMPLER.sample_batch(**(GOOD | change))


REAL_DTYPES = st.sampled_from(["f2", "f4", "f8", ">f8", "i4", "u1", "?", "c8", "U1", "O"])


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(
    rows=hnp.arrays(st.sampled_from(["i1", "i8", "u8", "f8"]), hnp.array_shapes(max_dims=2, max_side=4)),
    cols=hnp.arrays("i8", hnp.array_shapes(max_dims=1, max_side=4), elements=st.integers(-1, 4)),
    values=hnp.arrays(REAL_DTYPES, hnp.array_shapes(max_dims=1, max_side=4)),
    fields=hnp.arrays(REAL_DTYPES, hnp.array_shapes(min_dims=1, max_dims=3, max_side=4)),
    betas=hnp.arrays("f8", hnp.array_shapes(max_dims=1, max_side=4)),
    initial=st.none() | hnp.arrays(st.sampled_from(["i1", "i8", "f4"]), hnp.array_shapes(max_side=4)),
    num_reads=st.integers(-1, 20),
    seed=st.integers(-1, 2**64),
)
def test_any_arrays_are_sampled_or_refused(
    rows: Any, cols: Any, values: Any, fields: Any, betas: Any, initial: Any, num_reads: int, seed: int
) -> None:
    """Nothing but ValueError, whatever comes in: no panic, no other exception."""
    call = {"num_reads": num_reads, "beta_schedule": betas, "initial_states": initial, "seed": seed}
    try:
        result = SAMPLER.sample_batch((rows, cols, values), fields, **call)
    except ValueError:
        return
    assert np.all(np.abs(result.states) == 1)


# Sums of these are exact in no format, and far from overflow.
REALS = st.floats(-1e6, 1e6, width=32)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_any_valid_problem_gets_its_exact_energies(data: st.DataObject) -> None:
    spins = data.draw(st.integers(2, 40), label="spins")
    pair = st.tuples(st.integers(0, spins - 1), st.integers(0, spins - 1)).filter(lambda p: p[0] != p[1])
    pairs = data.draw(st.lists(pair, max_size=60), label="pairs")
    rows, cols = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    values = np.array([data.draw(REALS) for _ in pairs])
    fields = data.draw(
        hnp.arrays("f4", (data.draw(st.integers(1, 3)), spins), elements=REALS), label="fields"
    )
    betas = data.draw(hnp.arrays("f8", 3, elements=st.floats(0, 1e300)), label="betas")
    reads = data.draw(st.integers(1, 18), label="reads")
    result = SAMPLER.sample_batch((rows, cols, values), fields, num_reads=reads, beta_schedule=betas)
    expected = energies_of((rows, cols, values), fields, result.states)
    scale = np.abs(values).sum() + np.abs(fields).sum()
    np.testing.assert_allclose(result.energies, expected, rtol=1e-9, atol=1e-12 * scale + 1e-300)
