"""The service's qp format against the client's own coders, and what of a damaged answer is refused."""

from __future__ import annotations

import base64
import warnings

import numpy as np
import pytest
from dwave.cloud.coders import decode_qp, decode_qp_numpy, encode_problem_as_qp
from dwave.cloud.solver import StructuredSolver
from dwave.cloud.testing.mocks import structured_solver_data
from hypothesis import given
from hypothesis import strategies as st

from ising_ep.qpu.qp import BadAnswerError, Format, decode_problem, encode_answer
from support.bits import spins

TEXTS = ("active_variables", "energies", "num_occurrences", "solutions")


class Case:
    """A random solver, which lists its qubits and couplers in any order, and a problem and reads on it."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        total = int(rng.integers(1, 40))
        there = np.sort(rng.choice(total, rng.integers(1, total + 1), replace=False))
        a, b = np.array(np.triu_indices(len(there), 1))[
            :, rng.random(len(there) * (len(there) - 1) // 2) < 0.3
        ]
        pairs = rng.permuted(rng.permutation(np.stack([there[a], there[b]], axis=1)), axis=1)
        self.solver = StructuredSolver(
            None,
            structured_solver_data(
                qubits=rng.permutation(there).tolist(),
                couplers=pairs.tolist(),
                num_qubits=total,
                avg_load=0.0,
            ),
        )
        self.properties = self.solver.properties
        self.qubits = rng.choice(there, rng.integers(1, len(there) + 1), replace=False)
        inside = pairs[np.isin(pairs, self.qubits).all(axis=1)]
        kept = rng.permutation(inside)[: rng.integers(len(inside) + 1)]
        self.couplers = rng.permuted(kept, axis=1)
        self.h, self.j = rng.normal(size=len(self.qubits)), rng.normal(size=len(self.couplers))
        self.reads = rng.choice(np.array([-1, 1], dtype=np.int8), (int(rng.integers(1, 6)), len(self.qubits)))
        place = np.full(total, -1)
        place[self.qubits] = np.arange(len(self.qubits))
        rows, cols = place[self.couplers].T
        self.energies = self.reads @ self.h + (self.reads[:, rows] * self.reads[:, cols]) @ self.j
        self.qp = Format(self.properties, self.qubits, self.couplers)

    @property
    def answer(self):
        return encode_answer(
            self.properties, self.qubits, self.reads, self.energies, {"qpu_access_time": 1.0}
        )

    def decode(self, answer):
        return spins(self.qp.decode(answer, self.h, self.j, len(self.reads)), len(self.qubits))


CASES = st.integers(0, 2**32).map(Case)
CASE = Case(4)


# --- problems -------------------------------------------------------------------------------------------


@given(CASES)
def test_a_problem_is_encoded_as_the_client_does(case):
    linear = dict(zip(case.qubits.tolist(), case.h.tolist(), strict=True))
    quadratic = dict(zip(map(tuple, case.couplers.tolist()), case.j.tolist(), strict=True))
    assert case.qp.encode(case.h, case.j) == encode_problem_as_qp(case.solver, linear, quadratic)


@given(CASES)
def test_a_problem_is_read_back(case):
    qubits, couplers, h, j = decode_problem(case.properties, case.qp.encode(case.h, case.j))
    assert dict(zip(qubits, h, strict=True)) == dict(zip(case.qubits, case.h, strict=True))
    edges = [frozenset(pair) for pair in couplers.tolist()]
    found = {edge: value for edge, value in zip(edges, j, strict=True) if value}
    assert found == {frozenset(pair): v for pair, v in zip(case.couplers.tolist(), case.j, strict=True)}
    assert len(set(edges)) == len(edges)
    # And these encode it alike, in whatever order they came.
    assert Format(case.properties, qubits, couplers).encode(h, j) == case.qp.encode(case.h, case.j)


@given(CASES)
def test_an_initial_state_is_encoded_as_the_client_does(case):
    state = dict(zip(case.qubits.tolist(), case.reads[0].tolist(), strict=True))
    parameters = {"initial_state": state}
    expected = StructuredSolver.reformat_parameters("ising", parameters, case.properties)["initial_state"]
    assert case.qp.initial_state(case.reads[0]) == expected


@pytest.mark.parametrize(
    ("qubits", "couplers"),
    [([0, 3], []), ([0, 1], [[0, 4]]), ([0, 4], [[0, 4]]), ([0, 1, 4], [[1, 1]])],
)
def test_what_the_solver_lacks_is_refused(qubits, couplers):
    properties = {"qubits": [4, 0, 1], "couplers": [[1, 0], [1, 4]], "num_qubits": 6}
    with pytest.raises(ValueError, match="lacks a qubit or a coupler"):
        Format(properties, np.array(qubits), np.array(couplers, dtype=np.int64).reshape(-1, 2))


def test_a_solver_without_couplers_takes_single_qubits():
    properties = {"qubits": [1], "couplers": [], "num_qubits": 2}
    none = np.zeros((0, 2), dtype=np.int64)
    problem = Format(properties, np.array([1]), none).encode(np.array([0.5]), np.zeros(0))
    assert decode_problem(properties, problem)[2].tolist() == [0.5]
    with pytest.raises(ValueError, match="lacks"):
        Format(properties, np.array([1]), np.array([[0, 1]]))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"format": "bq"}, "format is 'bq'"),
        ({"lin": ""}, "0 fields, expected"),
        ({"quad": "AAAAAAAAAAA="}, "1 couplings, expected"),
        ({"quad": "?"}, "not base64"),
        ({"lin": "AAAA"}, "multiple of element size"),
    ],
)
def test_what_is_no_problem_is_refused(changes, text):
    case = Case(1)
    assert len(case.couplers) != 1
    with pytest.raises(ValueError, match=text):
        decode_problem(case.properties, case.qp.encode(case.h, case.j) | changes)


# --- answers --------------------------------------------------------------------------------------------


@given(CASES)
def test_an_answer_is_read_alike_by_the_client_and_here(case):
    assert np.array_equal(case.decode(case.answer), case.reads)
    for decode in (decode_qp, decode_qp_numpy):
        found = decode({"type": "ising", "answer": case.answer})
        solutions = np.array(found["solutions"])
        assert np.array_equal(solutions[:, case.qubits], case.reads)
        assert np.array_equal(found["energies"], case.energies)
        assert list(found["num_occurrences"]) == [1] * len(case.reads)
        assert sorted(found["active_variables"]) == list(found["active_variables"])


@given(CASES)
def test_a_read_that_occurred_more_than_once_comes_as_often(case):
    times = np.arange(1, len(case.reads) + 1)
    text = base64.b64encode(times.astype("<i4").tobytes()).decode()
    found = case.qp.decode(case.answer | {"num_occurrences": text}, case.h, case.j, times.sum())
    assert np.array_equal(spins(found, len(case.qubits)), np.repeat(case.reads, times, axis=0))


def changed(text, change):
    return base64.b64encode(change(base64.b64decode(text))).decode()


@given(CASES, st.sampled_from(TEXTS), st.data())
def test_a_text_of_another_length_is_refused(case, name, data):
    old = base64.b64decode(case.answer[name])
    size = data.draw(st.integers(0, 2 * len(old) + 8).filter(lambda size: size != len(old)))
    new = (3 * old + bytes(8))[:size]
    with pytest.raises(BadAnswerError):
        case.decode(case.answer | {name: base64.b64encode(new).decode()})


@given(CASES, st.data())
def test_a_spin_that_turned_on_its_way_is_seen(case, data):
    row = data.draw(st.integers(0, len(case.reads) - 1))
    bit = data.draw(st.integers(0, len(case.qubits) - 1))
    width = -(-len(case.qubits) // 8)

    def turned(data):
        array = bytearray(data)
        array[row * width + bit // 8] ^= 128 >> bit % 8
        return bytes(array)

    # Its field is that of normal numbers: next to never as small as the tolerance.
    with pytest.raises(BadAnswerError, match=f"read {row} has energy"):
        case.decode(case.answer | {"solutions": changed(case.answer["solutions"], turned)})


@given(CASES, st.sampled_from(TEXTS), st.sampled_from(["*", " ", "é", "=", "\n"]), st.data())
def test_what_is_not_base64_is_refused(case, name, character, data):
    text = case.answer[name]
    place = data.draw(st.integers(0, len(text.rstrip("=")) - 1))
    with pytest.raises(BadAnswerError):
        case.decode(case.answer | {name: text[:place] + character + text[place + 1 :]})


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("value", [None, 3, [1, 2], {}])
def test_what_is_no_text_is_refused(name, value):
    with pytest.raises(BadAnswerError, match="cannot be read"):
        CASE.decode(CASE.answer | {name: value})
    without = {key: text for key, text in CASE.answer.items() if key != name}
    with pytest.raises(BadAnswerError, match="cannot be read"):
        CASE.decode(without)


@given(CASES, st.randoms())
def test_qubits_in_any_order_are_read_as_the_client_reads_them(case, random):
    active = np.sort(case.qubits)
    order = np.array(random.sample(range(len(active)), len(active)))
    columns = np.argsort(case.qubits)[order]
    answer = case.answer | {
        "active_variables": base64.b64encode(active[order].astype("<i4").tobytes()).decode(),
        "solutions": base64.b64encode(np.packbits(case.reads[:, columns] > 0, axis=1).tobytes()).decode(),
    }
    assert np.array_equal(case.decode(answer), case.reads)
    found = decode_qp_numpy({"type": "ising", "answer": answer})
    assert np.array_equal(np.array(found["solutions"])[:, case.qubits], case.reads)


@given(CASES)
def test_other_qubits_are_refused(case):
    active = np.sort(case.qubits).astype("<i4")
    others = np.setdiff1d(np.arange(-1, case.properties["num_qubits"] + 1), active).astype("<i4")
    twice = np.append(active[1:], active[-1:])
    for new in (np.append(active[1:], others[-1]), active[:-1], np.append(active, others[:1]), twice):
        if np.array_equal(new, active):  # a single qubit
            continue
        text = base64.b64encode(np.ascontiguousarray(new).tobytes()).decode()
        with pytest.raises(BadAnswerError, match="qubits, expected"):
            case.decode(case.answer | {"active_variables": text})


@given(CASES, st.integers(-3, 3).filter(bool))
def test_another_number_of_reads_is_refused(case, more):
    with pytest.raises(BadAnswerError, match="reads, expected"):
        case.qp.decode(case.answer, case.h, case.j, len(case.reads) + more)
    # Nor does one that occurred a negative number of times make up for another.
    times = np.ones(len(case.reads) + 1, dtype="<i4")
    times[-1], times[0] = -more, 1 + more
    answer = encode_answer(
        case.properties,
        case.qubits,
        np.append(case.reads, case.reads[:1], axis=0),
        np.append(case.energies, case.energies[:1]),
        {},
    )
    with pytest.raises(BadAnswerError, match="reads, expected"):
        case.decode(answer | {"num_occurrences": base64.b64encode(times.tobytes()).decode()})


@given(CASES, st.sampled_from([np.nan, np.inf, -np.inf, 1e300, 0.01]), st.data())
def test_an_energy_that_is_not_the_reads_is_refused(case, wrong, data):
    energies = case.energies.copy()
    row = data.draw(st.integers(0, len(energies) - 1))
    energies[row] += wrong
    text = base64.b64encode(energies.astype("<f8").tobytes()).decode()
    with np.errstate(all="raise"), pytest.raises(BadAnswerError, match=f"read {row} has energy"):
        case.decode(case.answer | {"energies": text})


@pytest.mark.parametrize("bits", ["7ff0000000000001", "fff0000000000001", "7ff8000000000000"])
def test_numbers_that_are_none_are_refused_without_a_warning(bits):
    energies = bytes.fromhex(bits)[::-1] * len(CASE.reads)
    with warnings.catch_warnings(action="error"), pytest.raises(BadAnswerError, match="has energy"):
        CASE.decode(CASE.answer | {"energies": base64.b64encode(energies).decode()})


@given(CASES)
def test_energies_may_be_added_up_in_another_order(case):
    text = base64.b64encode((case.energies * (1 + 1e-12)).astype("<f8").tobytes()).decode()
    assert np.array_equal(case.decode(case.answer | {"energies": text}), case.reads)
