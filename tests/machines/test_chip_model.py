"""The chip model: what it refuses, what it samples, and its errors.

As in test_statistics.py: fixed seeds, and a false alarm of all tests of this file together with probability
`FALSE_ALARM` at most.
"""

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from dwave.cloud.solver import StructuredSolver
from dwave.system import DWaveSampler
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from ising_ep.chip import Chip
from ising_ep.chip.anneals import check_anneal
from ising_ep.chip.rules import check_graph, check_ranges
from ising_ep.machines.chip_errors import ChipErrors
from ising_ep.machines.chip_model import ChipModel
from ising_ep.machines.chip_rates import BOLTZMANN
from support.boltzmann import FALSE_ALARM, Problem, fit
from support.quantum import distance, of_machine

# More p-values than this file computes.
LEVEL = FALSE_ALARM / 50
PEGASUS, ZEPHYR = Chip.perfect("pegasus", 2), Chip.perfect("zephyr", 2)
CELL = Chip.perfect("chimera", 1)
# With ramps as fast as Pegasus chips have them, and pauses that none has.
PATIENT = PEGASUS.properties | {
    "annealing_time_range": [0.5, 10_000.0],
    "problem_run_duration_range": [0.0, 1e9],
}
PATIENT_CELL = replace(CELL, properties=PATIENT)
EXACT = ChipErrors.none()
FORWARD = [(0, 0), (20, 1)]
REVERSE = [(0, 1), (5, 0.5), (15, 0.5), (20, 1)]


def pause(s: float, time: float = 10_000) -> list[tuple[float, float]]:
    """An anneal that stands still but for ramps shorter than half a microsecond at either end, in which
    hardly a sweep falls where there are 100 in all.
    """
    return [(0, 0), (0.5 * s, s), (time - 0.5 * (1 - s), s), (time, 1)]


# --- what is refused: problems --------------------------------------------------------------------------


def check_problem(chip: Chip, qubits: Any, couplers: Any, fields: Any, couplings: Any) -> None:
    qubits, couplers = np.array(qubits, dtype=np.int64), np.array(couplers, dtype=np.int64).reshape(-1, 2)
    places = check_graph(chip, qubits, couplers)
    check_ranges(chip, qubits, places, np.atleast_2d(np.array(fields, float)), np.atleast_2d(couplings))


def test_a_problem_within_all_ranges_passes() -> None:
    chip = PEGASUS.without(0.1, 0.1, seed=0)
    shape = (2, len(chip.couplers))
    fields = np.stack([np.full(len(chip.qubits), h) for h in chip.h_range])
    check_problem(chip, chip.qubits, chip.couplers[:, ::-1], fields, np.full(shape, -1.0))
    check_problem(chip, chip.qubits, chip.couplers, fields, np.full(shape, 1.0))
    check_problem(chip, [], [], np.zeros((1, 0)), np.zeros((1, 0)))


@pytest.mark.parametrize(
    ("qubits", "couplers", "text"),
    [
        ([0, 1, 8], [], "qubit 8 is missing on the chip (chimera 1x1x4, 7 qubits)"),
        ([-1], [], "qubit -1 is missing on the chip (chimera 1x1x4, 7 qubits)"),
        ([0, 7], [], "qubit 7 is missing on the chip (chimera 1x1x4, 7 qubits)"),
        ([0, 1], [(0, 1)], "coupler (0, 1) is missing on the chip (chimera 1x1x4, 7 qubits)"),
        ([0, 4], [(4, 0), (0, 7)], "coupler (0, 7) is missing on the chip (chimera 1x1x4, 7 qubits)"),
        ([0, 4, 0], [], "qubit 0 is given twice"),
        ([0, 4], [(0, 4), (4, 0)], "coupler (4, 0) is given twice"),
        ([0, 4], [(0, 4), (0, 5)], "coupler (0, 5) ends on a qubit that is not used"),
        ([[0]], [], "qubits and couplers have shapes (1, 1) and (0, 2), expected (n,) and (m, 2)"),
    ],
)
def test_what_is_not_on_the_chip_is_refused(qubits: Any, couplers: Any, text: str) -> None:
    left = CELL.qubits != 7
    chip = replace(CELL, qubits=CELL.qubits[left], couplers=CELL.couplers[(CELL.couplers != 7).all(axis=1)])
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        check_problem(chip, qubits, couplers, [[0] * len(qubits)], [[0.0] * len(couplers)])
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("chip", "h", "text"),
    [
        (CELL, 2.01, "h of qubit 4 is 2.01 in problem 1, expected within the chip's h_range, -2 to 2"),
        (PEGASUS, -4.5, "h of qubit 4 is -4.5 in problem 1, expected within the chip's h_range, -4 to 4"),
        (PEGASUS, np.nan, "h of qubit 4 is nan in problem 1, expected within the chip's h_range, -4 to 4"),
        (PEGASUS, np.inf, "h of qubit 4 is inf in problem 1, expected within the chip's h_range, -4 to 4"),
    ],
)
def test_fields_out_of_range_are_refused(chip: Chip, h: float, text: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        check_problem(chip, [4, 5], [], [[1, 1], [h, 0]], np.zeros((2, 0)))
    assert str(caught.value) == text


@pytest.mark.parametrize("j", [-2.01, 1.01, np.nan])
def test_couplings_out_of_range_are_refused(j: float) -> None:
    edge = PEGASUS.couplers[:1]
    check_problem(PEGASUS, edge[0], edge, [0, 0], [-2.0])
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        check_problem(PEGASUS, edge[0], edge, [0, 0], [j])
    assert str(caught.value) == (
        f"J of coupler (2, 3) is {j}, expected within the chip's extended_j_range, -2 to 1"
    )
    narrow = replace(PEGASUS, properties=PEGASUS.properties | {"extended_j_range": [-1, 1]})
    with pytest.raises(ValueError, match="extended_j_range, -1 to 1"):
        check_problem(narrow, edge[0], edge, [0, 0], [-1.5])


def star(chip: Chip, half: int | None = None) -> tuple[int, NDArray[np.int64], NDArray[np.int64]]:
    """The qubit with most couplers, these (or those of a half of it), and all qubits of both."""
    centre = np.bincount(chip.couplers.ravel()).argmax()
    at = chip.couplers == centre
    if half is not None:
        at &= chip.halves == half
    couplers = chip.couplers[at.any(axis=1)]
    return int(centre), couplers, np.unique(couplers)


def test_couplings_that_add_up_to_too_much_are_refused() -> None:
    chip = Chip.perfect("pegasus", 4)
    centre, couplers, qubits = star(chip)
    assert len(couplers) == 15
    fields = np.zeros(len(qubits))
    j = np.full(15, -18 / 15)
    check_problem(chip, qubits, couplers, fields, j)
    j[3] -= 0.25
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        check_problem(chip, qubits, couplers, fields, j)
    assert str(caught.value) == (
        f"J of qubit {centre} adds up to -18.25, expected within the chip's per_qubit_coupling_range,"
        " -18 to 15"
    )


@pytest.mark.parametrize(("half", "name"), [(0, "lower"), (1, "upper")])
def test_couplings_of_half_a_qubit_that_add_up_to_too_much_are_refused(half: int, name: str) -> None:
    chip = Chip.perfect("zephyr", 3)
    centre, couplers, qubits = star(chip, half)
    assert len(couplers) == 10
    fields, j = np.zeros(len(qubits)), np.full(10, -1.3)
    check_problem(chip, qubits, couplers, fields, j)
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        check_problem(chip, qubits, couplers, fields, j - 0.1)
    assert str(caught.value) == (
        f"J of the {name} half of qubit {centre} adds up to -14, expected within the chip's"
        " per_group_coupling_range, -13 to 10"
    )
    # As much in all, but on both halves.
    both, couplers, qubits = star(chip)
    check_problem(chip, qubits, couplers, np.zeros(len(qubits)), np.full(len(couplers), -1.3))
    assert both == centre


@pytest.mark.parametrize("family", ["pegasus", "zephyr", "chimera"])
def test_couplings_are_refused_just_where_a_sum_leaves_the_range(family: str) -> None:
    chip = Chip.perfect(family, 3)
    halves = np.zeros_like(chip.couplers) if chip.halves is None else chip.halves
    name = "per_qubit_coupling_range" if chip.halves is None else "per_group_coupling_range"
    low, high = chip.properties[name]
    rng = np.random.default_rng(5)
    refused = 0
    for lowest in np.linspace(-2, 1, 60):
        j = rng.uniform(lowest, lowest + 0.2, len(chip.couplers)).clip(-2, 1)
        sums: Counter[tuple[int, int]] = Counter()
        for pair, of_pair, value in zip(chip.couplers.tolist(), halves.tolist(), j, strict=True):
            for end in zip(pair, of_pair, strict=True):
                sums[end] += value
        if low <= min(sums.values()) and max(sums.values()) <= high:
            check_problem(chip, chip.qubits, chip.couplers, np.zeros(len(chip.qubits)), j)
        else:
            refused += 1
            with pytest.raises(ValueError, match=name):
                check_problem(chip, chip.qubits, chip.couplers, np.zeros(len(chip.qubits)), j)
    assert 5 < refused < 55, refused


# --- what is refused: anneals ---------------------------------------------------------------------------

UP = np.ones(len(PEGASUS.qubits), dtype=np.int8)
BAD_ANNEALS: list[tuple[Any, dict[str, Any], str]] = [
    ([(0, 0)], {}, "the schedule has 1 points, expected 2 to 12"),
    (
        [(0, 0), *((k, 0.5) for k in range(1, 12)), (20, 1)],
        {},
        "the schedule has 13 points, expected 2 to 12",
    ),
    (
        [(0, 1), *((k, 0.5) for k in range(1, 13)), (20, 1)],
        {"initial_states": UP},
        "the schedule has 14 points, expected 2 to 13",
    ),
    ([(0, 0), (5, -0.1), (20, 1)], {}, "s is -0.1 at point 2 of the schedule, expected 0 to 1"),
    ([(0, 0), (20, 1.5)], {}, "s is 1.5 at point 2 of the schedule, expected 0 to 1"),
    ([(0, 0), (20, np.nan)], {}, "schedule holds a number that is not finite"),
    ([(1, 0), (20, 1)], {}, "the schedule begins at 1 us, expected 0"),
    ([(0, 0.5), (20, 1)], {}, "the schedule begins with s = 0.5, expected 0 (forward) or 1 (reverse)"),
    ([(0, 0), (20, 1 + 1e-7)], {}, "s is 1.0000001 at point 2 of the schedule, expected 0 to 1"),
    ([(0, 0), (20, 0.9)], {}, "the schedule ends with s = 0.9, expected 1"),
    (
        [(0, 0), (9, 0.5), (9, 0.6), (20, 1)],
        {},
        "time goes from 9 to 9 after point 2 of the schedule, expected times that rise by 0.01",
    ),
    (
        [(0, 0), (9, 0.5), (9.004, 0.5), (20, 1)],
        {},
        "time goes from 9 to 9 after point 2 of the schedule, expected times that rise by 0.01",
    ),
    (
        [(0, 0), (9, 0.5), (15, 0.4), (20, 1)],
        {},
        "s goes from 0.5 to 0.4 after point 2 of the schedule, expected a forward anneal that does not fall",
    ),
    ([(0, 0), (2000.5, 1)], {}, "the schedule takes 2000.5 us, expected at most 2000"),
    (
        [(0, 0), (30, 0.7), (30.04, 0.8), (40, 1)],
        {},
        "s goes from 0.7 to 0.8 in 0.04 us from point 2 of the schedule on, expected at most 2 a us",
    ),
    (
        [(0, 1), (0.1, 0.5), (30, 0.7), (40, 1)],
        {"initial_states": UP},
        "s goes from 1 to 0.5 in 0.1 us from point 1 of the schedule on, expected at most 2 a us",
    ),
    ([[0, 0, 0], [1, 1, 1]], {}, "schedule has shape (2, 3), expected (points, 2): time in us and s"),
    (FORWARD, {"num_reads": 0}, "num_reads is 0, expected an integer from 1 to 10000"),
    (FORWARD, {"num_reads": 10001}, "num_reads is 10001, expected an integer from 1 to 10000"),
    (REVERSE, {}, "the schedule begins with s = 1, a reverse anneal, expected an initial state"),
    (
        FORWARD,
        {"initial_states": UP},
        "an initial state is given, expected a reverse anneal: a schedule from s = 1",
    ),
    (REVERSE, {"initial_states": UP[1:]}, "the initial states have 39 spins, expected 40"),
    (REVERSE, {"initial_states": 3 * UP}, "the initial state of qubit 2 is 3, expected -1 or +1"),
    (REVERSE, {"initial_states": 0 * UP}, "the initial state of qubit 2 is 0, expected -1 or +1"),
]


@pytest.mark.parametrize(("schedule", "change", "text"), BAD_ANNEALS, ids=lambda value: str(value)[-60:])
def test_anneals_that_a_chip_does_not_do_are_refused(
    schedule: Any, change: dict[str, Any], text: str
) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        check_anneal(PEGASUS, schedule, **{"num_reads": 1, "qubits": PEGASUS.qubits} | change)
    assert str(caught.value) == text


def test_anneals_that_it_does_pass() -> None:
    most = [(0, 1), *((k, 0.5) for k in range(1, 12)), (20, 1)]
    for schedule in (
        FORWARD,
        [(0, 0), (0.5, 1)],
        [(0, 0), (30, 0.7), (30.06, 0.8), (40, 1)],
        pause(0.3, 100),
    ):
        check_anneal(PEGASUS, schedule, 10, PEGASUS.qubits)
    for schedule in (REVERSE, most, [(0, 1), (1, 0), (2, 1)]):
        check_anneal(PEGASUS, schedule, 10, PEGASUS.qubits, UP)
    rounded = check_anneal(PEGASUS, [(0, 0), (9.996, 1)], 10, PEGASUS.qubits)
    assert rounded.tolist() == [[0, 0], [10, 1]]
    with pytest.raises(TypeError, match=r"num_reads is 2\.5"):
        check_anneal(PEGASUS, FORWARD, 2.5, PEGASUS.qubits)  # type: ignore[arg-type]


def test_a_run_is_as_long_as_the_client_says() -> None:
    """But for the programming itself and the delays between reads, which do not count."""
    chip = Chip.perfect("pegasus", 4)
    solver = StructuredSolver(None, solver_data(chip))
    timing = chip.properties["problem_timing_data"]
    others = timing["typical_programming_time"] + 1000 * timing["qpu_delay_time_per_sample"]
    for size in (1, 50, len(chip.qubits)):
        access = solver.estimate_qpu_access_time(size, num_reads=1000, annealing_time=500.0)
        for limit, refused in ((access - others - 1, True), (access - others + 1, False)):
            short = replace(chip, properties=chip.properties | {"problem_run_duration_range": [0, limit]})
            if refused:
                with pytest.raises(ValueError, match=r"1000 reads of 500 us take \d+ us"):
                    check_anneal(short, [(0, 0), (500, 1)], 1000, chip.qubits[:size])
            else:
                check_anneal(short, [(0, 0), (500, 1)], 1000, chip.qubits[:size])


@given(
    first=st.sampled_from([0, 1]),
    between=st.lists(st.tuples(st.integers(1, 40), st.sampled_from([0, 0.25, 0.5, 1])), max_size=4),
    last=st.tuples(st.integers(20, 60), st.sampled_from([1, 1, 1, 0.5])),
)
def test_schedules_are_refused_as_dwave_system_does(first: int, between: Any, last: Any) -> None:
    """In steps of 0.2 us, so that some are too steep."""
    schedule = [(t / 5, s) for t, s in ((0, first), *between, last)]

    class Peer:
        parameters = ("anneal_schedule",)
        properties = PEGASUS.properties

    def refuses(check: Callable[[], object]) -> bool:
        try:
            check()
        except ValueError:
            return True
        return False

    states = UP if first else None
    assert refuses(lambda: check_anneal(PEGASUS, schedule, 1, PEGASUS.qubits, states)) == refuses(
        lambda: DWaveSampler.validate_anneal_schedule(Peer(), schedule)
    )


def test_the_model_refuses_what_the_rules_refuse() -> None:
    model = ChipModel(PEGASUS)
    edge = PEGASUS.couplers[:1]
    good: dict[str, Any] = {
        "qubits": edge[0],
        "couplers": edge,
        "fields": np.zeros((1, 2)),
        "couplings": np.zeros((1, 1)),
        "schedule": FORWARD,
        "num_reads": 2,
        "seed": 1,
    }
    assert model.sample(**good).shape == (1, 2, 2)
    two = np.ones((2, 2), dtype=np.int8)
    for change, text in (
        ({"qubits": edge[0] + 1000}, "qubit 1002 is missing"),
        ({"couplers": edge + 1000}, r"coupler \(1002, 1003\) is missing"),
        ({"fields": np.full((1, 2), 5.0)}, "h of qubit 2 is 5"),
        ({"fields": np.zeros((1, 3))}, r"fields has shape \(1, 3\), expected \(1, 2\)"),
        ({"couplings": np.full((1, 1), 5.0)}, "is 5, expected within the chip's extended_j_range"),
        ({"couplings": np.zeros((2, 1))}, r"couplings has shape \(2, 1\), expected \(1, 1\)"),
        ({"schedule": [(0, 0)]}, "1 points"),
        ({"num_reads": 0}, "num_reads is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"problem_ids": [2**32]}, "problem_ids holds 4294967296"),
        ({"problem_ids": [1, 2]}, "problem_ids has shape"),
        ({"schedule": REVERSE}, "expected an initial state"),
        (
            {"schedule": REVERSE, "initial_states": two},
            r"initial_states has shape \(2, 2\), expected \(1, 2\)",
        ),
    ):
        with pytest.raises(ValueError, match=text):
            model.sample(**good | change)


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"model": "classical"}, ValueError, "model is 'classical'"),
        ({"temperature": 0}, ValueError, "temperature is 0, expected a finite number > 0"),
        ({"temperature": "cold"}, TypeError, "temperature is 'cold'"),
        ({"sweeps_per_us": np.nan}, ValueError, "sweeps_per_us is nan"),
        ({"rate": 0}, ValueError, "rate is 0"),
        ({"model": "quantum", "rate": 10.0}, ValueError, "rate is 10.0, but model quantum has none"),
        ({"model": "quantum", "num_slices": 1}, ValueError, "num_slices is 1, expected"),
        ({"num_slices": 16}, ValueError, "num_slices is 16, but model thermal has none"),
        ({"num_threads": 0}, ValueError, "num_threads is 0"),
    ],
)
def test_bad_settings_are_refused(change: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text) as caught:
        ChipModel(PEGASUS, **change)
    assert "\n" not in str(caught.value)


# --- what a solver says of itself -----------------------------------------------------------------------


def solver_data(chip: Chip) -> dict[str, Any]:
    properties = json.loads(json.dumps(ChipModel(chip).properties))
    identity = {"name": "chip-model", "version": {"graph_id": chip.graph_id}}
    return {"identity": identity, "status": "ONLINE", "avg_load": 0, "properties": properties}


@pytest.mark.parametrize("shape", [("chimera", 2, 3, 4), ("pegasus", 3), ("zephyr", 2, 3)], ids=str)
def test_the_client_takes_it_for_a_solver(shape: Any) -> None:
    whole = Chip.perfect(*shape)
    chip = whole.without(0.1, 0.1, seed=0)
    solver = StructuredSolver(None, solver_data(chip))
    assert solver.qpu
    assert solver.graph_id == chip.graph_id
    assert solver.num_qubits == len(whole.qubits) + (8 * (shape[1] - 1) if shape[0] == "pegasus" else 0)
    assert sorted(solver.nodes) == chip.qubits.tolist()
    assert {frozenset(edge) for edge in solver.edges} == set(map(frozenset, chip.couplers.tolist()))
    assert {"anneal_schedule", "initial_state", "reinitialize_state", "num_reads"} <= set(solver.parameters)
    same = Chip.of_solver(solver.properties, solver.graph_id)
    assert (same.shape, same.graph_id) == (chip.shape, chip.graph_id)
    assert same.properties == {**chip.properties, "chip_id": "chip-model"}
    assert np.array_equal(same.couplers, chip.couplers)


# --- what is sampled ------------------------------------------------------------------------------------


def on_cell(seed: int) -> Problem:
    """Qubits 0, 1, 4, 5 of a cell: a ring."""
    rng = np.random.default_rng(seed)
    rows, cols = np.array([0, 0, 1, 1]), np.array([2, 3, 2, 3])
    return Problem(rows, cols, rng.uniform(-0.6, 0.6, 4), rng.uniform(-0.4, 0.4, 4))


def draw(problem: Problem, model: ChipModel, **call: Any) -> NDArray[np.int8]:
    """20,000 reads, in four problems that are the same."""
    qubits = np.array([0, 1, 4, 5])
    couplers = np.stack([qubits[problem.rows], qubits[problem.cols]], axis=1)
    call = {"num_reads": 5000, "seed": 1} | call
    four = [np.tile(numbers, (4, 1)) for numbers in (problem.fields, problem.values)]
    return model.sample(qubits, couplers, *four, **call).reshape(-1, 4)


@pytest.mark.parametrize("s", [0.2, 0.3])
@pytest.mark.parametrize("temperature", [15.0, 40.0])
def test_a_pause_samples_boltzmanns_distribution(s: float, temperature: float) -> None:
    problem = on_cell(0)
    model = ChipModel(PATIENT_CELL, temperature=temperature, sweeps_per_us=0.01, errors=EXACT)
    states = draw(problem, model, schedule=pause(s))
    a, b = map(float, model.scales.at(s))
    beta = b / a * np.tanh(a / (2 * BOLTZMANN * temperature))
    assert fit(states, problem.probabilities(beta)) > LEVEL
    if s == 0.3:
        assert fit(states, problem.probabilities(1.1 * beta)) < LEVEL


@pytest.mark.parametrize("gain", [-1.5, 0.0, 0.5])
def test_a_gain_multiplies_h_alone(gain: float) -> None:
    problem, model = on_cell(0), ChipModel(PATIENT_CELL, sweeps_per_us=0.01, errors=EXACT)
    states = draw(problem, model, schedule=pause(0.3), h_gain_schedule=[(0, gain), (10_000, gain)])
    a, b = map(float, model.scales.at(0.3))
    beta = b / a * np.tanh(a / (2 * BOLTZMANN * model.rates.temperature))
    gained = Problem(problem.rows, problem.cols, problem.values, gain * problem.fields)
    assert fit(states, gained.probabilities(beta)) > LEVEL
    assert fit(states, problem.probabilities(beta)) < LEVEL


def test_a_gain_acts_at_its_time() -> None:
    """A single qubit, which follows its field until it freezes, at s = 0.6 or so."""
    model = ChipModel(CELL, errors=EXACT)
    none: Any = np.zeros((0, 2), dtype=np.int64), np.array([[1.0]]), np.zeros((1, 0))

    def up(*gain: tuple[float, float]) -> float:
        reads = model.sample(
            CELL.qubits[:1], *none, schedule=FORWARD, num_reads=1000, h_gain_schedule=gain, seed=1
        )
        return float((reads == 1).mean())

    plain = model.sample(CELL.qubits[:1], *none, schedule=FORWARD, num_reads=1000, seed=1)
    assert up((0, 1), (20, 1)) == (plain == 1).mean() < 0.05
    assert up((0, 1), (16, 1), (16.1, -3), (20, -3)) < 0.05
    assert up((0, 1), (4, 1), (4.1, -1), (20, -1)) > 0.95
    # None until it is frozen: five standard deviations around one half.
    assert abs(up((0, 0), (16, 0), (16.1, 3), (20, 3)) - 0.5) < 5 * 0.5 / 1000**0.5


@pytest.mark.parametrize(
    ("gain", "text"),
    [
        ([(0, 1)], "h_gain_schedule has 1 points, expected 2 to 20"),
        ([(k, 1) for k in range(21)], "h_gain_schedule has 21 points, expected 2 to 20"),
        ([(1, 1), (20, 1)], "h_gain_schedule begins at 1 us, expected 0"),
        ([(0, 1), (19, 1)], "h_gain_schedule ends at 19 us, expected 20, when the anneal does"),
        (
            [(0, 1), (9, 1), (9, 0), (20, 1)],
            "time goes from 9 to 9 after point 2 of h_gain_schedule, expected",
        ),
        (
            [(0, 1), (20, -3.5)],
            "the gain of h is -3.5 at point 2 of h_gain_schedule, expected -3 to 3 (h_gain_schedule_range)",
        ),
        ([(0, 1), (20, np.nan)], "h_gain_schedule holds a number that is not finite"),
        ([(0, 1, 2)], "h_gain_schedule has shape (1, 3), expected (points, 2): time in us and gain"),
        (5, "h_gain_schedule has shape (), expected (points, 2)"),
    ],
)
def test_gains_that_a_chip_does_not_do_are_refused(gain: Any, text: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(text)}"):
        draw(on_cell(0), ChipModel(CELL), schedule=FORWARD, h_gain_schedule=gain)


def test_the_quantum_model_takes_no_gain() -> None:
    with pytest.raises(ValueError, match=r"^h_gain_schedule is given, but model quantum takes none"):
        draw(on_cell(0), ChipModel(CELL, "quantum"), schedule=FORWARD, h_gain_schedule=[(0, 1), (20, 1)])


@pytest.mark.slow
@pytest.mark.parametrize("s", [0.2, 0.3])
def test_a_pause_samples_the_quantum_machine(s: float) -> None:
    problem = on_cell(1)
    model = ChipModel(PATIENT_CELL, "quantum", sweeps_per_us=0.01, num_slices=40, errors=EXACT)
    states = draw(problem, model, schedule=pause(s))
    a, b = map(float, model.scales.at(s))
    beta = 1 / (BOLTZMANN * 15.0)
    exact = of_machine(problem, beta, a / 2, b / 2)
    assert fit(states, exact) > LEVEL
    assert distance(exact, problem.probabilities(beta * b / 2)) > 0.05
    assert fit(states, problem.probabilities(beta * b / 2)) < LEVEL


@pytest.mark.parametrize("name", ["thermal", "quantum"])
def test_an_anneal_of_any_length_has_a_sweep(name: Any) -> None:
    model = ChipModel(PATIENT_CELL, name, sweeps_per_us=1e-6)
    assert draw(on_cell(0), model, schedule=[(0, 0), (0.5, 1)], num_reads=3).shape == (12, 4)


@pytest.mark.parametrize("name", ["thermal", "quantum"])
def test_a_shallow_reverse_anneal_stays_and_a_deep_one_forgets(name: Any) -> None:
    """From all up, the second of two minima of a ring in a weak field, or from a state that is no minimum."""
    qubits, couplers = CELL.qubits, CELL.couplers
    fields, couplings = np.full((1, 8), 0.02), np.full((1, len(couplers)), -0.5)
    model = ChipModel(CELL, name, errors=EXACT)
    call: dict[str, Any] = {"num_reads": 400, "seed": 2}

    def run(start: NDArray[np.int8], s: float) -> NDArray[np.int8]:
        schedule = [(0, 1), (10, s), (20, s), (30, 1)]
        given = start[np.newaxis]
        return model.sample(
            qubits, couplers, fields, couplings, schedule=schedule, initial_states=given, **call
        )[0]

    up = np.ones(8, dtype=np.int8)
    assert np.all(run(up, 0.95) == 1)
    assert np.all(run(-up, 0.95) == -1)
    counts = [int((run(start, 0.0).sum(axis=1) > 0).sum()) for start in (up, -up)]
    # No more than chance between them, and both wells are found.
    assert stats.fisher_exact([counts, [400 - count for count in counts]]).pvalue > LEVEL
    assert min(counts) > 20


@pytest.mark.parametrize("couplings", [0.0, -0.4, 0.4])
@pytest.mark.parametrize("field", [0.0, 0.1, 4.0])
@pytest.mark.parametrize("turn", [0.999, 0.9, 0.7])
def test_a_reverse_anneal_that_turns_while_all_is_frozen_keeps_its_state(
    turn: float, field: float, couplings: float
) -> None:
    """Down the field and with a broken chain as well: there is no try before the end, and none at it."""
    edge = PEGASUS.couplers[:1]
    start = np.array([[1, -1]], dtype=np.int8)
    fields = np.array([[field, -field]])
    call: dict[str, Any] = {"schedule": [(0, 1), (10, turn), (20, 1)], "num_reads": 50, "seed": 4}
    model = ChipModel(PEGASUS, errors=EXACT)
    states = model.sample(edge[0], edge, fields, np.array([[couplings]]), initial_states=start, **call)[0]
    assert (states == start).all()


def test_qubits_that_never_turn_are_up_by_chance() -> None:
    edge, reads = PEGASUS.couplers[:1], 4000
    model = ChipModel(PEGASUS, rate=1e-12, errors=EXACT)
    call: dict[str, Any] = {"schedule": [(0, 0), (20, 1)], "num_reads": reads, "seed": 4}
    states = model.sample(edge[0], edge, np.full((1, 2), 4.0), np.array([[-1.0]]), **call)[0]
    counts = (states == 1).sum(axis=0)
    assert all(stats.binomtest(int(count), reads).pvalue > LEVEL for count in counts)


@pytest.mark.parametrize("couplings", [0.0, -0.4, 0.4])
def test_a_qubit_without_a_field_is_up_in_half_of_the_reads_after_a_reverse_anneal(couplings: float) -> None:
    """In a ferromagnetic pair and with a gain too, where the core flips chains and not only qubits."""
    edge, reads = PEGASUS.couplers[:1], 4000
    model = ChipModel(PEGASUS, errors=EXACT)
    up = np.ones((1, 2), dtype=np.int8)
    call: dict[str, Any] = {"schedule": REVERSE, "num_reads": reads, "initial_states": up, "seed": 4}
    call["h_gain_schedule"] = None if couplings <= 0 else [(0, 0.5), (20, 1)]
    states = model.sample(edge[0], edge, np.zeros((1, 2)), np.array([[couplings]]), **call)[0]
    counts = (states == 1).sum(axis=0)
    assert all(stats.binomtest(int(count), reads).pvalue > LEVEL for count in counts)


# --- errors ---------------------------------------------------------------------------------------------


def errors(of: str, **settings: Any) -> tuple[NDArray[np.float64], float, float]:
    """The errors of fields, or of couplings, of 16 problems whose h and J are 0, as their reads show them:
    <s> = -tanh(beta h), or <s s'> = -tanh(beta J). And how far that is from the truth, and beta.
    """
    chip = replace(Chip.perfect("chimera", 8), properties=PATIENT)
    cells = chip.qubits.reshape(8, 8, 8)
    # Cells that share no side: the only couplers there are are those within.
    apart = cells[(np.indices((8, 8)).sum(axis=0) % 2) == 0]
    pairs = apart[:, [0, 4]]
    model = ChipModel(chip, sweeps_per_us=0.01, errors=replace(EXACT, **settings))
    n, m = pairs.size, len(pairs)
    states = model.sample(
        pairs.ravel(),
        pairs,
        np.zeros((16, n)),
        np.zeros((16, m)),
        schedule=pause(0.6),
        num_reads=2000,
        seed=5,
    ).astype(np.float64)
    beta = float(model.rates.inverse_temperature(0.6))
    seen = states if of == "fields" else states[:, :, ::2] * states[:, :, 1::2]
    return -np.arctanh(seen.mean(axis=1)) / beta, 1 / (beta * np.sqrt(2000)), beta


@pytest.mark.slow
@pytest.mark.parametrize("of", ["fields", "couplings"])
def test_errors_are_gaussian_with_the_deviation_asked_for(of: str) -> None:
    deviation = 0.03
    found, inexact, _ = errors(of, **{f"{of[:-1]}_noise": deviation})
    total = np.hypot(deviation, inexact)
    assert inexact < 0.2 * deviation
    assert stats.kstest(found.ravel() / total, "norm").pvalue > LEVEL
    squares = float(np.sum((found / total) ** 2))
    # Reads of a biased spin scatter a little less than those of a free one: 2 % of the variance at most.
    for wrong, rejected in ((1.0, False), (1.3, True)):
        tail = stats.chi2(found.size).cdf(squares / wrong**2)
        assert (2 * min(tail, 1 - tail) < LEVEL) == rejected
    # Drawn anew for each problem and for each qubit.
    for a, b in ((found[:-1], found[1:]), (found[:, :-1], found[:, 1:])):
        assert stats.pearsonr(a.ravel(), b.ravel()).pvalue > LEVEL
    # And not at all for the others.
    none, inexact, _ = errors("couplings" if of == "fields" else "fields", **{f"{of[:-1]}_noise": 0.0})
    assert np.abs(none).max() < 6 * inexact


def random_problems(chip: Chip, count: int, seed: int = 0) -> tuple[Any, Any, Any, Any]:
    rng = np.random.default_rng(seed)
    qubits = np.sort(rng.permutation(chip.qubits)[:60])
    couplers = chip.couplers[np.isin(chip.couplers, qubits).all(axis=1)]
    couplers = couplers[rng.random(len(couplers)) < 0.7]
    fields, couplings = rng.uniform(-1, 1, (count, 60)), rng.uniform(-1, 1, (count, len(couplers)))
    return qubits, couplers, fields, couplings


def test_numbers_are_rounded_to_steps_before_the_errors() -> None:
    qubits, couplers, fields, couplings = random_problems(ZEPHYR, 3)
    call: dict[str, Any] = {"schedule": FORWARD, "num_reads": 5, "seed": 3}
    coarse = ChipModel(ZEPHYR, errors=ChipErrors(field_step=0.25, coupling_step=0.5)).sample(
        qubits, couplers, fields, couplings, **call
    )
    plain = ChipModel(ZEPHYR, errors=ChipErrors(field_step=None, coupling_step=None))
    by_hand = plain.sample(qubits, couplers, np.round(fields * 4) / 4, np.round(couplings * 2) / 2, **call)
    assert np.array_equal(coarse, by_hand)
    assert not np.array_equal(coarse, plain.sample(qubits, couplers, fields, couplings, **call))


def test_the_errors_may_exceed_the_ranges() -> None:
    qubits, couplers, fields, couplings = random_problems(ZEPHYR, 2)
    model = ChipModel(ZEPHYR, errors=ChipErrors(field_noise=1.0, coupling_noise=1.0))
    full = model.sample(
        qubits, couplers, np.sign(fields) * 4, np.sign(couplings), schedule=FORWARD, num_reads=2, seed=0
    )
    assert set(np.unique(full)) == {-1, 1}


# --- the same bits --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["thermal", "quantum"])
@pytest.mark.parametrize("reverse", [False, True])
def test_splits_threads_and_orders_change_nothing(name: Any, reverse: bool) -> None:
    qubits, couplers, fields, couplings = random_problems(ZEPHYR, 5)
    rng = np.random.default_rng(1)
    start = rng.choice(np.array([-1, 1], dtype=np.int8), (5, 60)) if reverse else None
    settings: dict[str, Any] = {"sweeps_per_us": 1} | ({"num_slices": 4} if name == "quantum" else {})
    call: dict[str, Any] = {"schedule": REVERSE if reverse else FORWARD, "num_reads": 7, "seed": 11}
    whole = ChipModel(ZEPHYR, name, **settings).sample(
        qubits, couplers, fields, couplings, initial_states=start, **call
    )
    for num_threads in (1, 2, 7):
        model = ChipModel(ZEPHYR, name, num_threads=num_threads, **settings)
        assert np.array_equal(
            model.sample(qubits, couplers, fields, couplings, initial_states=start, **call), whole
        )
    for part in (slice(0, 2), slice(2, 5)):
        ids = np.arange(5)[part]
        given = None if start is None else start[part]
        found = model.sample(
            qubits, couplers, fields[part], couplings[part], initial_states=given, problem_ids=ids, **call
        )
        assert np.array_equal(found, whole[part])
    # In another order, and with the couplers that have no J.
    order = rng.permutation(60)
    all_couplers = ZEPHYR.couplers[np.isin(ZEPHYR.couplers, qubits).all(axis=1)]
    all_couplings = np.zeros((5, len(all_couplers)))
    all_couplings[:, (all_couplers[:, np.newaxis] == couplers).all(axis=2).argmax(axis=0)] = couplings
    mixed = rng.permutation(len(all_couplers))
    found = model.sample(
        qubits[order],
        all_couplers[mixed, ::-1],
        fields[:, order],
        all_couplings[:, mixed],
        initial_states=None if start is None else start[:, order],
        **call,
    )
    assert np.array_equal(found, whole[:, :, order])
    for change in ({"seed": 12}, {"problem_ids": range(1, 6)}):
        other = model.sample(qubits, couplers, fields, couplings, initial_states=start, **call | change)
        assert not np.array_equal(other, whole)


def test_no_problems_and_no_qubits() -> None:
    model = ChipModel(PEGASUS)
    none = np.zeros(0, dtype=np.int64)
    call: dict[str, Any] = {"schedule": FORWARD, "num_reads": 3, "seed": 0}
    pairs = none.reshape(0, 2)
    assert model.sample(none, pairs, np.zeros((2, 0)), np.zeros((2, 0)), **call).shape == (2, 3, 0)
    qubits = PEGASUS.qubits[:2]
    assert model.sample(qubits, pairs, np.zeros((0, 2)), np.zeros((0, 0)), **call).shape == (0, 3, 2)
