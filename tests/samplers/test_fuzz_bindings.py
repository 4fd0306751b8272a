"""Whatever reaches the bindings is computed correctly or refused in one clear line; nothing panics.

What is refused has no effect. The file readers are fuzzed in problems/test_read.py.
"""

from __future__ import annotations

import math
import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ising_ep import _core
from ising_ep.checks import MOST_TOTAL
from ising_ep.samplers.batch import sample_batch

pytestmark = pytest.mark.slow

# Not PanicException, which derives from BaseException alone.
REFUSALS = (ValueError, TypeError, OverflowError, MemoryError)


def outcome(function, *arguments, **options):
    """What the function returns, or None where it refuses with a text."""
    try:
        return function(*arguments, **options)
    except REFUSALS as refusal:
        text = str(refusal)
    assert text.strip()
    return None


# --- how an array may lie in memory -----------------------------------------------------------------------


def unaligned(array):
    """The same numbers, not at multiples of their size in memory."""
    buffer = bytearray(array.nbytes + 1)
    copy = np.frombuffer(buffer, array.dtype, array.size, 1).reshape(array.shape)
    copy[...] = array
    return copy


def strided(array):
    """The same numbers with others in between."""
    wide = np.full([3 * side for side in array.shape], 77, dtype=array.dtype)
    view = wide[(..., *[slice(1, None, 3)] * array.ndim)]
    view[...] = array
    return view


def backwards(array):
    """The same numbers with negative strides."""
    turn = (slice(None, None, -1),) * array.ndim
    return array[turn].copy()[turn]


def fortran(array):
    return np.array(array, order="F")


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def swapped(array):
    """The same numbers in the other byte order."""
    return array.astype(array.dtype.newbyteorder())


LAYOUTS = [np.copy, fortran, read_only, unaligned, strided, backwards, swapped]
EDGES = [0.0, -0.0, 1.0, -1.0, 5e-324, 1e-300, 1e-38, 3e38, 1e39, 1e300, 1e306]
NUMBERS = st.sampled_from(
    [st.sampled_from(EDGES), st.floats(-1e3, 1e3), st.integers(-3, 3).map(float), st.floats(-1e306, 1e306)]
)
MOSTLY_COPY = st.sampled_from([np.copy] * 20 + LAYOUTS)
# Nothing that would be begun: 2**31 reads of few spins may fit into memory.
COUNTS = st.sampled_from([0, -1, 1.0, None, 2**32, 2**63, 2**64 - 1, 2**64])
THREADS = st.sampled_from([1, 2, 3, 3, None, None, 0, -1, 2**64 - 1, 2**64])
DEFECTS = ["shape", "number", "index", "loop", "beta", "spin", "reads"]


def array(dtype, shape, elements):
    return hnp.arrays(dtype, shape, elements=elements, fill=st.nothing())


@st.composite
def problems(draw):
    """A problem, and what is wrong with it: None for nothing, which is half of them."""
    batch, spins = draw(st.integers(0, 3)), draw(st.integers(0, 7))
    reads = draw(st.integers(1, 80))
    ends = st.tuples(st.integers(0, max(spins - 1, 0)), st.integers(1, max(spins - 1, 1)))
    pairs = draw(st.lists(ends, max_size=12)) if spins > 1 else []
    numbers = draw(NUMBERS)
    problem = {
        # Spins and others so far ahead: no loops.
        "rows": np.array([i for i, _ in pairs], dtype=np.int64),
        "cols": np.array([(i + step) % spins for i, step in pairs], dtype=np.int64),
        "values": draw(array("f8", len(pairs), numbers)),
        "fields": draw(array("f8", (batch, spins), numbers)),
        "betas": abs(draw(array("f8", draw(st.integers(1, 5)), draw(NUMBERS)))),
        "initial": draw(st.none() | array("i1", (batch, reads, spins), st.sampled_from([-1, 1]))),
        "ids": draw(array("u4", batch, st.integers(0, 2**32 - 1))),
        "reads": reads,
    }
    defect = draw(st.sampled_from([None] * len(DEFECTS) + DEFECTS))
    filled = {name: x for name, x in problem.items() if isinstance(x, np.ndarray) and x.size}
    if defect == "shape":
        name = draw(st.sampled_from([name for name in problem if name not in ("initial", "reads")]))
        shape = draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=7))
        if problem[name].shape == shape:
            defect = None
        else:
            problem[name] = np.zeros(shape, dtype=problem[name].dtype)
    elif defect == "number" and (names := filled.keys() & {"values", "fields"}):
        problem[min(names)].flat[-1] = draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    elif defect == "index" and pairs:
        problem[draw(st.sampled_from(["rows", "cols"]))][-1] = draw(
            st.sampled_from([-1, spins, 2**62, -(2**63)])
        )
    elif defect == "loop" and pairs:
        problem["rows"][-1] = problem["cols"][-1]
    elif defect == "beta":
        problem["betas"][-1] = draw(st.sampled_from([-1.0, -5e-324, np.nan, -np.inf]))
    elif defect == "spin" and "initial" in filled:
        problem["initial"].flat[-1] = draw(st.sampled_from([0, 2, -2, 127, -128]))
    elif defect == "reads":
        problem["reads"] = draw(COUNTS)
    else:
        defect = None
    return problem, defect


def energies_of(problem, states):
    """The energies by numpy, and what they may be off by."""
    rows, cols, values = problem["rows"], problem["cols"], problem["values"]
    pairs = (states[..., rows] * states[..., cols]) @ values if len(rows) else 0.0
    size = np.abs(values).sum() + np.abs(problem["fields"]).sum(initial=0)
    return pairs + np.einsum("brs,bs->br", states.astype(float), problem["fields"]), 1e-12 * size


def sizes_of(problem):
    """The largest sum of |biases| of a problem, 0 where there is no problem."""
    return (np.abs(problem["values"]).sum() + np.abs(problem["fields"]).sum(axis=1)).max(initial=0)


def check_reads(problem, states, energies):
    batch, spins = problem["fields"].shape
    assert (states.dtype, states.shape) == (np.int8, (batch, problem["reads"], spins))
    assert (energies.dtype, energies.shape) == (np.float64, (batch, problem["reads"]))
    assert (np.abs(states) == 1).all()
    # Sums that are too large for a float are the caller's.
    with np.errstate(over="ignore", invalid="ignore"):
        expected, slack = energies_of(problem, states)
    finite = np.isfinite(expected)
    np.testing.assert_allclose(energies[finite], expected[finite], rtol=1e-12, atol=slack)


def core_anneal(problem, threads, fields=None, energies=True, **options):
    def anneal():
        given = problem["fields"] if fields is None else fields
        spins = given.shape[-1] if given.ndim else 0
        model = _core.Model(problem["rows"], problem["cols"], problem["values"], spins)
        return model.anneal(
            given,
            _core.Sweeps(problem["betas"], **options),
            num_reads=problem["reads"],
            initial_states=problem["initial"],
            seed=7,
            problem_ids=problem["ids"],
            num_threads=threads,
            energies=energies,
        )

    return outcome(anneal)


def in_layouts(data, problem, layouts):
    """The problem with half of its arrays laid out in memory, or given, in other ways."""
    arrays = [name for name, x in problem.items() if isinstance(x, np.ndarray)]
    chosen = data.draw(st.dictionaries(st.sampled_from(arrays), st.sampled_from(layouts)), "layouts")
    return problem | {name: layout(problem[name]) for name, layout in chosen.items()}, chosen


@given(st.data())
@settings(max_examples=400)
def test_core_anneal(data):
    problem, defect = data.draw(problems(), "problem")
    threads = data.draw(THREADS, "threads")
    options = {"gibbs": data.draw(st.booleans()), "random_order": data.draw(st.booleans())}
    laid_out, layouts = in_layouts(data, problem, LAYOUTS)
    result = core_anneal(laid_out, threads, **options)
    if result is None:
        assert defect or layouts or threads in (0, -1, 2**64)
        return
    assert defect in (None, "shape")  # which may fit as well
    check_reads(problem, *result[:2])
    again = core_anneal(problem, 2, **options)
    assert again[0].tobytes() == result[0].tobytes()
    assert again[1].tobytes() == result[1].tobytes()
    states, energies, arithmetic = core_anneal(problem, 2, energies=False, **options)
    assert energies is None
    assert (states.tobytes(), arithmetic) == (result[0].tobytes(), result[2])


@given(st.data())
@settings(max_examples=200)
def test_fields_in_single_precision_are_the_doubles_that_they_are(data):
    problem, _ = data.draw(problems(), "problem")
    with np.errstate(over="ignore"):
        single = problem["fields"].astype(np.float32)
    result = core_anneal(problem, 2, fields=single)
    double = core_anneal(problem, 2, fields=single.astype(np.float64))
    assert (result is None) == (double is None)
    if result is not None:
        assert result[0].tobytes() == double[0].tobytes()
        assert result[1].tobytes() == double[1].tobytes()
        assert result[2] == double[2]


@given(st.data())
@settings(max_examples=400)
def test_sample_batch_takes_any_layout(data):
    problem, defect = data.draw(problems(), "problem")
    threads = data.draw(THREADS, "threads")
    empty = not all(x.size for x in problem.values() if isinstance(x, np.ndarray))  # its list has no shape
    laid_out, _ = in_layouts(data, problem, LAYOUTS if empty else [*LAYOUTS, np.ndarray.tolist])

    with warnings.catch_warnings(action="error"):
        warnings.filterwarnings("ignore", "the biases of a variable are too far apart")
        result = outcome(
            sample_batch,
            (laid_out["rows"], laid_out["cols"], laid_out["values"]),
            laid_out["fields"],
            num_reads=laid_out["reads"],
            beta_schedule=laid_out["betas"],
            initial_states=laid_out["initial"],
            problem_ids=laid_out["ids"],
            seed=7,
            num_threads=threads,
        )
    if result is None:
        assert defect or threads in (0, -1, 2**64, 2**64 - 1) or sizes_of(problem) > MOST_TOTAL
        return
    assert defect in (None, "shape")  # which may fit as well
    assert sizes_of(problem) <= MOST_TOTAL
    check_reads(problem, result.states, result.energies)
    plain = core_anneal(problem, 1)
    assert plain[0].tobytes() == result.states.tobytes()
    assert plain[1].tobytes() == result.energies.tobytes()


def test_broadcast_arrays():
    """Strides of zero are read as numpy does by the face, and refused by the core."""
    fields = np.broadcast_to(np.array([0.5, -1.0]), (3, 2))
    couplings = (np.array([0]), np.array([1]), np.array([-0.25]))
    options = {"num_reads": 4, "beta_schedule": np.broadcast_to(2.0, 5), "seed": 1}
    ids = np.broadcast_to(np.uint32(9), 3)
    result = sample_batch(couplings, fields, problem_ids=ids, **options)
    expected = sample_batch(couplings, fields.copy(), problem_ids=[9, 9, 9], **options)
    assert result.states.tobytes() == expected.states.tobytes()
    assert (result.states == result.states[0]).all()
    with pytest.raises(ValueError, match="fields is not C-contiguous"):
        _core.Model(*couplings, 2).anneal(
            fields, _core.Sweeps(np.ones(2)), num_reads=4, seed=0, problem_ids=ids.copy()
        )


# --- the products of learning -----------------------------------------------------------------------------

PIXELS = st.one_of(st.sampled_from([0.0, 1.0, -1.0]), st.floats(-4, 4, width=32))
ANY_PIXEL = st.one_of(PIXELS, st.sampled_from([np.nan, np.inf, -np.inf, 3e38, 1e-45]))


def matrices(data, *names, dtype="f4", elements=PIXELS):
    """Arrays of shapes that fit together, of which one in six then gets another shape."""
    sides = {side: data.draw(st.integers(0, 4), side) for side in ("batch", "inputs", "units")}
    shapes = {
        "x": (sides["batch"], sides["inputs"]),
        "w": (sides["inputs"], sides["units"]),
        "d": (sides["batch"], sides["units"]),
        "bias": (sides["units"],),
    }
    shapes = {name: shapes[name] for name in names}
    if data.draw(st.integers(0, 5)) == 0:
        shapes[data.draw(st.sampled_from(names))] = data.draw(
            hnp.array_shapes(min_dims=0, max_dims=3, max_side=4)
        )
    return [data.draw(array(dtype, shape, elements), name) for name, shape in shapes.items()]


def fit(x, w, d=None, bias=None):
    return (
        x.ndim == w.ndim == 2
        and x.shape[1] == w.shape[0]
        and (d is None or (d.ndim == 2 and d.shape == (len(x), w.shape[1])))
        and (bias is None or bias.shape == w.shape[1:])
    )


@given(st.data())
@settings(max_examples=200)
def test_project(data):
    x, w, bias = matrices(data, "x", "w", "bias", elements=data.draw(st.sampled_from([PIXELS, ANY_PIXEL])))
    layouts = [data.draw(MOSTLY_COPY) for _ in range(3)]
    result = outcome(_core.project, *(layout(a) for layout, a in zip(layouts, (x, w, bias), strict=True)))
    if result is not None:
        assert fit(x, w, bias=bias)
        assert (result.dtype, result.shape) == (np.float32, (len(x), len(bias)))
        with np.errstate(all="ignore"):
            used = np.where(x[:, :, None] == 0, 0, x[:, :, None] * w.astype(float))  # zeros are skipped
            expected = bias + used.sum(axis=1)
            ordinary = np.abs(bias) + np.abs(used).sum(axis=1) < 1e6
        np.testing.assert_allclose(result[ordinary], expected[ordinary], rtol=1e-5, atol=1e-4)
    elif fit(x, w, bias=bias) and w.size:
        assert any(layout is not np.copy for layout in layouts)


@given(st.data())
@settings(max_examples=200)
def test_add_outer(data):
    w, x, d = matrices(data, "w", "x", "d")
    limit = data.draw(st.sampled_from([0.0, 0.5, 1.0, 1e39, np.inf]))
    layouts = [data.draw(MOSTLY_COPY) for _ in range(3)]
    changed, x_given, d_given = (layout(a) for layout, a in zip(layouts, (w, x, d), strict=True))
    try:
        _core.add_outer(changed, x_given, d_given, limit)
    except REFUSALS:
        np.testing.assert_array_equal(changed, w)
        assert not fit(x, w, d) or not w.size or any(layout is not np.copy for layout in layouts)
        return
    assert fit(x, w, d)
    touched = (x != 0).any(axis=0)[:, None]
    expected = np.where(touched, np.clip(w + x.T.astype(float) @ d, -limit, limit), w)
    np.testing.assert_allclose(changed, expected, rtol=1e-5, atol=1e-5)


@given(st.data())
@settings(max_examples=100)
def test_add(data):
    shape = data.draw(hnp.array_shapes(max_dims=3, min_side=0, max_side=6))
    other = data.draw(st.sampled_from([shape, shape, shape, (*shape, 1), shape[1:]]))
    w, change = data.draw(array("f4", shape, PIXELS)), data.draw(array("f4", other, PIXELS))
    limit = data.draw(st.sampled_from([0.0, 0.5, 1.0, np.inf]))
    layouts = [data.draw(MOSTLY_COPY) for _ in range(2)]
    changed, given = (layout(a) for layout, a in zip(layouts, (w, change), strict=True))
    try:
        _core.add(changed, given, limit)
    except REFUSALS:
        np.testing.assert_array_equal(changed, w)
        assert shape != other or any(layout is not np.copy for layout in layouts)
        return
    np.testing.assert_array_equal(changed, np.clip(w + change, -np.float32(limit), np.float32(limit)))


def test_add_outer_refuses_an_array_that_is_also_read():
    w = np.ones((2, 2), dtype=np.float32)
    for arguments in ((w, w, w.copy()), (w, w.copy(), w), (w, w[:], w.T)):
        with pytest.raises(TypeError, match="borrowed"):
            _core.add_outer(*arguments, 1.0)
    assert (w == 1).all()


FAR = st.sampled_from([-1, 7, 2**63, 2**64 - 1, 2**64])


@given(st.data())
@settings(max_examples=200)
def test_products(data):
    shape = data.draw(hnp.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=6))
    states = data.draw(array("i1", shape, st.sampled_from([-1, 1])))
    place = st.integers(0, shape[1])
    ranges = st.tuples(place, place).map(sorted).map(tuple)
    before = data.draw(st.one_of(ranges, ranges, ranges, st.tuples(place, place), st.tuples(place, FAR)))
    after = data.draw(ranges)
    layout = data.draw(MOSTLY_COPY)
    result = outcome(_core.products, layout(states), before, after)
    inside = all(0 <= start <= stop <= shape[1] for start, stop in (before, after))
    if result is not None:
        assert inside
        wide = states.astype(np.int32)
        np.testing.assert_array_equal(result, wide[:, slice(*before)].T @ wide[:, slice(*after)])
        assert result.dtype == np.int32
    else:
        assert not inside or layout is not np.copy


# --- what is too large ------------------------------------------------------------------------------------

LIMITED = """
import resource, numpy as np
from ising_ep import _core
from ising_ep.samplers.batch import sample_batch
now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + {room} * 2**20,) * 2)
none, f4, rng = ([], [], []), np.float32, np.random.default_rng(0)
try:
    {call}
except (MemoryError, RuntimeError, ValueError) as error:
    print(type(error).__name__, error)
"""


def limited(call, room=2000):
    """What a process says that may take so many MiB more than it has."""
    if not sys.platform.startswith("linux"):
        pytest.skip("measures memory through /proc")
    command = [sys.executable, "-c", LIMITED.format(call=call, room=room)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-500:]
    return done.stdout


@pytest.mark.parametrize(
    "call",
    [
        "sample_batch(none, np.zeros((1, 10)), num_reads=2**32 - 1, beta_schedule=[1.0])",
        "sample_batch(none, np.zeros((10**4, 10**3)), num_reads=10**4, beta_schedule=[1.0])",
        "sample_batch(none, np.zeros((2**40, 0)), num_reads=1, beta_schedule=[1.0])",
        "sample_batch(none, np.zeros((1, 2)), num_reads=1, beta_schedule=np.broadcast_to(1.0, 2**40))",
        "sample_batch(none, np.broadcast_to(0.0, (2**20, 2**20)), num_reads=1, beta_schedule=[1.0])",
    ],
)
def test_no_memory_is_an_error(call):
    assert limited(call).startswith("MemoryError ")


@pytest.mark.parametrize(
    ("call", "refused"),
    [
        ("sample_batch(none, np.zeros((0, 2**32 - 2)), num_reads=1, beta_schedule=[1.0])", "MemoryError"),
        ("_core.products(np.zeros((0, 10**5), np.int8), (0, 10**5), (0, 10**5))", "MemoryError"),
        ("_core.products(np.zeros((0, 2**62), np.int8), (0, 2**62), (0, 2**62))", "MemoryError"),
        ("_core.products(np.zeros((0, 2**62), np.int8), (0, 2**62), (0, 0))", "MemoryError"),
        (
            "_core.project(np.broadcast_to(f4(1), (10**10, 1)), np.ones((1, 99), f4), np.ones(99, f4))",
            "ValueError",
        ),
        (
            "_core.project(np.ones((10**5, 1), f4), np.ones((1, 10**5), f4), np.ones(10**5, f4))",
            "MemoryError",
        ),
        (
            "sample_batch((range(1999), range(1, 2000), rng.normal(size=1999)), np.zeros((256, 2000)),"
            " num_reads=16, beta_schedule=np.ones(3), num_threads=256)",
            "RuntimeError",
        ),
    ],
)
def test_no_room_is_an_error_and_no_crash(call, refused):
    """As above, but no array that the caller holds is as large, or threads do not start."""
    assert limited(call, room=300).startswith(refused)


@pytest.mark.parametrize("limit", [np.nan, -1.0])
def test_add_outer_names_a_limit_that_is_none(limit):
    w = np.ones((2, 2), dtype=np.float32)
    with pytest.raises(ValueError, match=f"(?i)limit is {limit}"):
        _core.add_outer(w, w.copy(), w.copy(), limit)
    with pytest.raises(ValueError, match=f"(?i)limit is {limit}"):
        _core.add(w, w.copy(), limit)
    assert (w == 1).all()


METHODS = [
    _core.Sweeps(np.ones(1)),
    _core.Paths(beta=1.0, num_slices=2, transverse=np.ones(1), problem=np.ones(1)),
    _core.Flow(saturation=None, gain=1.0, spread=0.0, ramp=np.ones(1), noise=np.ones(1)),
]


def free_spins(number):
    """A model without couplings."""
    empty = np.zeros(0, dtype=np.int64)
    return _core.Model(empty, empty, np.zeros(0), number)


@pytest.mark.parametrize("method", METHODS)
def test_core_names_shapes_that_do_not_fit(method):
    """Also where the number of spins does."""
    two = np.arange(2, dtype="u4")

    def anneal(fields, reads, initial, spins):
        free_spins(spins).anneal(
            fields, method, num_reads=reads, initial_states=initial, seed=0, problem_ids=two
        )

    with pytest.raises(ValueError, match=r"initial_states has shape \[3, 2, 4\], expected \[2, 3, 4\]"):
        anneal(np.zeros((2, 4)), 3, np.ones((3, 2, 4), dtype="i1"), 4)
    with pytest.raises(ValueError, match=r"initial_states has shape \[2, 1, 3\], expected \[2, 1, 4\]"):
        anneal(np.zeros((2, 4)), 3, np.ones((2, 1, 3), dtype="i1"), 4)
    with pytest.raises(ValueError, match=r"problem_ids has shape \[2\], expected \[3\]"):
        anneal(np.zeros((3, 0)), 1, None, 0)
    with pytest.raises(ValueError, match=r"fields has shape \[2, 4\], expected \[2, 5\]"):
        anneal(np.zeros((2, 4), dtype="f4"), 1, None, 5)


def test_core_names_what_is_no_method():
    with pytest.raises(TypeError, match="method is of type list, expected Sweeps, Paths, Chains or Flow"):
        free_spins(2).anneal(
            np.zeros((1, 2)), [1.0], num_reads=1, seed=0, problem_ids=np.zeros(1, dtype="u4")
        )


@given(st.data())
@settings(max_examples=100)
def test_adam_is_that_of_numpy(data):
    """To the last bit, operation by operation."""
    shape = data.draw(hnp.array_shapes(max_dims=2, max_side=9))
    w, mean, change = (data.draw(array("f4", shape, PIXELS)) for _ in range(3))
    square = data.draw(array("f4", shape, st.floats(0, 4, width=32)))
    update, rate = data.draw(st.integers(1, 10**6)), data.draw(st.floats(0, 0.5))
    limit = data.draw(st.sampled_from([0.5, np.inf]))
    layouts = [data.draw(MOSTLY_COPY) for _ in range(4)]
    found = [layout(a) for layout, a in zip(layouts, (w, change, mean, square), strict=True)]
    with_change = data.draw(st.booleans())
    try:
        _core.adam(
            found[0], found[1] if with_change else None, *found[2:], update=update, rate=rate, limit=limit
        )
    except REFUSALS:
        assert any(layout is not np.copy for layout in layouts)
        for one, other in zip(found, (w, change, mean, square), strict=True):
            np.testing.assert_array_equal(one, other)
        return
    single = np.float32
    mean *= single(0.9)
    square *= single(0.999)
    if with_change:
        mean += single(1 - 0.9) * change
        square += change * change * single(1 - 0.999)
    left = 1 - 0.9**update, 1 - 0.999**update
    step = mean / (np.sqrt(square) + single(1e-8 * math.sqrt(left[1])))
    step *= single(rate * math.sqrt(left[1]) / left[0])
    for one, other in (
        (found[0], np.clip(w + step, -single(limit), single(limit))),
        (found[2], mean),
        (found[3], square),
    ):
        np.testing.assert_array_equal(one, other)
