"""The stand-in for D-Wave's service, asked by the real client: what it answers, refuses and does wrong."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pytest
import requests
from click.testing import CliRunner
from dwave.cloud import Client
from dwave.cloud.api import Problems, exceptions, models
from dwave.cloud.exceptions import (
    CanceledFutureError,
    SolverAuthenticationError,
    SolverError,
    SolverFailureError,
    SolverNotFoundError,
    SolverOfflineError,
)
from dwave.system import DWaveSampler

from ising_ep import cli
from ising_ep.chip import Chip
from ising_ep.chip.timing import access_time
from ising_ep.emulator import KINDS, Emulator, Fault
from ising_ep.emulator.faults import AFTER, BEFORE, DAMAGES, ENDS, STATUSES
from ising_ep.machines.chip_model import ChipModel
from ising_ep.qpu.qp import BadAnswerError, Format
from support.bits import spins

CHIP = Chip.perfect("pegasus", 3).without(0.05, 0.05, seed=4)
MODEL = ChipModel(CHIP, sweeps_per_us=1.0, num_threads=1)
FORWARD = [(0.0, 0.0), (20.0, 1.0)]
REVERSE = [(0.0, 1.0), (5.0, 0.4), (15.0, 0.4), (20.0, 1.0)]
RAW = {"answer_mode": "raw", "auto_scale": False, "num_reads": 7}
# More than any of this takes; a test that waits so long fails.
PATIENCE = 60


class Random:
    """A random problem on a part of the chip, in the client's own form too."""

    def __init__(self, seed, size=25):
        rng = np.random.default_rng(seed)
        self.qubits = np.sort(rng.choice(CHIP.qubits, size, replace=False))
        inside = np.isin(CHIP.couplers, self.qubits).all(axis=1)
        self.couplers = CHIP.couplers[inside]
        self.h = rng.uniform(-1, 1, size)
        self.j = rng.uniform(-1, 1, len(self.couplers))
        self.state = rng.choice(np.array([-1, 1], dtype=np.int8), size)

    @property
    def linear(self):
        return dict(zip(self.qubits.tolist(), self.h.tolist(), strict=True))

    @property
    def quadratic(self):
        return dict(zip(map(tuple, self.couplers.tolist()), self.j.tolist(), strict=True))

    def expected(self, seed, problem_id, schedule=FORWARD, state=None, scale=1.0, gain=None):
        return MODEL.sample(
            self.qubits,
            self.couplers,
            self.h[None] / scale,
            self.j[None] / scale,
            schedule=schedule,
            num_reads=RAW["num_reads"],
            initial_states=None if state is None else state[None],
            h_gain_schedule=gain,
            seed=seed,
            problem_ids=[problem_id],
        )[0]

    def energies(self, reads):
        rows, cols = np.searchsorted(self.qubits, self.couplers).T
        return reads @ self.h + (reads[:, rows] * reads[:, cols]) @ self.j


def reads_of(future, problem):
    samples = np.array(future.samples)
    unused = np.setdiff1d(np.arange(samples.shape[1]), problem.qubits)
    assert (samples[:, unused] != 1).all()
    assert (samples[:, unused] != -1).all()
    return samples[:, problem.qubits]


def label(seed, problem_id):
    return f"ising-ep 01HZX 17.0 seed={seed} problem={problem_id}"


@pytest.fixture
def service():
    with Emulator(MODEL, seed=11) as service:
        yield service


def connect(service, **config):
    return Client(endpoint=service.endpoint, token=service.token, cache_enabled=False, **config)


@pytest.fixture
def client(service):
    client = connect(service)
    yield client
    client.close(wait=False)


@pytest.fixture
def solver(client):
    return client.get_solver()


@pytest.fixture
def problems(service):
    with Problems(endpoint=service.endpoint, token=service.token) as problems:
        yield problems


def sample(solver, problem, number=0, **parameters):
    return solver.sample_ising(
        problem.linear, problem.quadratic, label=label(5, number), **(RAW | parameters)
    )


def job(service, problem, **changes):
    """A problem as it is posted."""
    qp = Format(MODEL.properties, problem.qubits, problem.couplers)
    body = {
        "solver": {"name": "Emulated_pegasus_3", "version": {"graph_id": CHIP.graph_id}},
        "data": qp.encode(problem.h, problem.j),
        "params": dict(RAW),
        "type": "ising",
    }
    return body | changes


def ask(service, method, path, **options):
    return requests.request(
        method, service.endpoint + path, headers={"X-Auth-Token": service.token}, timeout=PATIENCE, **options
    )


def until(is_so):
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.001)


# --- the solver -----------------------------------------------------------------------------------------


def test_the_client_finds_the_solver_by_its_features(client):
    found = client.get_solver(
        qpu=True,
        online=True,
        topology__type="pegasus",
        num_active_qubits__gt=100,
        initial_state=True,
        anneal_schedule=True,
        num_reads_range__covers=10000,
        supported_problem_types__issubset={"ising", "qubo"},
    )
    assert found.name == "Emulated_pegasus_3"
    assert client.get_solver(name=found.name).properties == found.properties
    assert found.identity.to_id() == f"Emulated_pegasus_3;graph_id={CHIP.graph_id}"
    assert found.graph_id == CHIP.graph_id
    again = Chip.of_solver(found.properties, found.graph_id)
    assert np.array_equal(again.qubits, CHIP.qubits)
    assert np.array_equal(again.couplers, CHIP.couplers)
    assert again.properties == {**CHIP.properties, "chip_id": "chip-model"}
    microseconds = found.estimate_qpu_access_time(len(CHIP.qubits), num_reads=10)
    assert microseconds == pytest.approx(1e6 * access_time(CHIP.properties, len(CHIP.qubits), 10, FORWARD))
    assert client.get_solvers(topology__type="zephyr") == []
    with pytest.raises(SolverNotFoundError):
        client.get_solver(name="Advantage_system4")


def test_a_solver_without_reverse_annealing():
    with Emulator(MODEL, reverses=False, solver_name="Old") as service, connect(service) as client:
        solver = client.get_solver(name="Old")
        assert not {"initial_state", "reinitialize_state"} & set(solver.parameters)
        assert client.get_solvers(initial_state=True) == []
    assert "initial_state" in MODEL.properties["parameters"]


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ("all", {"identity", "status", "description", "avg_load", "properties"}),
        ("all,-properties,-status", {"identity", "description", "avg_load"}),
        ("none,+identity,+properties.num_qubits", {"identity", "properties"}),
    ],
)
@pytest.mark.parametrize("slash", ["", "/"])
def test_fields_of_the_solver_are_chosen(service, fields, names, slash):
    found = ask(service, "GET", f"solvers/remote/Emulated_pegasus_3{slash}", params={"filter": fields})
    assert set(found.json()) == names
    (listed,) = ask(service, "GET", f"solvers/remote{slash}", params={"filter": fields}).json()
    assert listed == found.json()
    if "num_qubits" in fields:
        assert listed["properties"] == {"num_qubits": MODEL.properties["num_qubits"]}


def test_an_unknown_field_is_refused(service):
    reply = ask(service, "GET", "solvers/remote/", params={"filter": "all,-name"})
    assert (reply.status_code, reply.json()["error_code"]) == (400, 400)


# --- problems -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("matrix", [False, True])
def test_reads_are_those_of_the_chip_model(service, solver, matrix):
    solver.return_matrix = matrix
    problem, mirrored = Random(1), Random(2)
    forward = sample(solver, problem, 678, annealing_time=20.0)
    reverse = sample(
        solver,
        mirrored,
        679,
        anneal_schedule=REVERSE,
        initial_state=dict(zip(mirrored.qubits.tolist(), mirrored.state.tolist(), strict=True)),
        reinitialize_state=True,
    )
    assert np.array_equal(reads_of(forward, problem), problem.expected(5, 678))
    expected = mirrored.expected(5, 679, REVERSE, mirrored.state)
    assert np.array_equal(reads_of(reverse, mirrored), expected)
    assert not np.array_equal(expected, mirrored.expected(5, 679))
    gain = [(0, 0), (20, -2)]
    gained = sample(solver, problem, 678, annealing_time=20.0, h_gain_schedule=gain)
    assert np.array_equal(reads_of(gained, problem), problem.expected(5, 678, gain=gain))
    assert not np.array_equal(reads_of(gained, problem), reads_of(forward, problem))
    assert forward.energies == pytest.approx(problem.energies(reads_of(forward, problem)))
    assert list(forward.num_occurrences) == [1] * RAW["num_reads"]
    for future, on, schedule in ((forward, problem, FORWARD), (reverse, mirrored, REVERSE)):
        expected = 1e6 * access_time(CHIP.properties, len(on.qubits), RAW["num_reads"], schedule)
        assert future.timing["qpu_access_time"] == pytest.approx(expected)
        parts = future.timing["qpu_programming_time"] + future.timing["qpu_sampling_time"]
        assert parts == pytest.approx(expected)
    first = service.problems[0]
    assert (first.id, first.label, first.status) == (forward.id, label(5, 678), "COMPLETED")
    assert (first.seed, first.problem_id, first.annealed) == (5, 678, True)
    assert first.qpu_access_time == forward.timing["qpu_access_time"]


def test_without_a_label_the_seed_is_the_emulators_and_problems_are_counted(service, solver):
    problem = Random(3)
    texts = [None, "mine", f"seed={2**64} problem=1"]
    for count, text in enumerate(texts):
        future = solver.sample_ising(problem.linear, problem.quadratic, label=text, **RAW)
        assert np.array_equal(reads_of(future, problem), problem.expected(11, count))
    assert [p.label for p in service.problems] == texts


def test_problems_are_scaled_unless_the_client_asks_for_raw_values(solver):
    problem = Random(4)
    problem.h[0], problem.h[1:] = -6.0, problem.h[1:] / 10
    problem.j /= 10
    with pytest.raises(SolverFailureError, match=f"h of qubit {problem.qubits[0]} is -6"):
        sample(solver, problem).result()
    future = sample(solver, problem, auto_scale=True)
    assert np.array_equal(reads_of(future, problem), problem.expected(5, 0, scale=1.5))
    assert future.energies == pytest.approx(problem.energies(reads_of(future, problem)))
    # Too small a problem grows: here J is the first to reach its end.
    problem.h, problem.j = problem.h / 100, problem.j / problem.j.max() / 4
    problem.j = np.maximum(problem.j, -0.25)
    default = sample(solver, problem, auto_scale=True)
    assert np.array_equal(reads_of(default, problem), problem.expected(5, 0, scale=0.25))


def test_a_histogram_counts_the_reads_by_energy(solver):
    problem = Random(5, size=6)
    parameters = {k: v for k, v in RAW.items() if k != "answer_mode"}
    future = solver.sample_ising(problem.linear, problem.quadratic, label=label(5, 0), **parameters)
    raw, counts = np.unique(problem.expected(5, 0), axis=0, return_counts=True)
    found = reads_of(future, problem)
    assert list(future.energies) == sorted(problem.energies(raw))
    for read, count in zip(found, future.num_occurrences, strict=True):
        assert count == counts[(raw == read).all(axis=1)][0]
    assert sum(future.num_occurrences) == RAW["num_reads"]


def test_a_qubo_is_annealed_as_the_ising_problem_that_it_is(solver):
    problem = Random(6)
    qubo = {(q, q): 2 * h for q, h in problem.linear.items()}
    qubo |= {edge: 4 * j for edge, j in problem.quadratic.items()}
    for (u, v), j in problem.quadratic.items():
        qubo[u, u] -= 2 * j
        qubo[v, v] -= 2 * j
    future = solver.sample_qubo(qubo, label=label(5, 0), **RAW)
    bits = np.array(future.samples)[:, problem.qubits]
    assert np.array_equal(2 * bits - 1, problem.expected(5, 0))
    rows, cols = np.searchsorted(problem.qubits, problem.couplers).T
    diagonal = np.array([qubo[q, q] for q in problem.qubits.tolist()])
    assert future.energies == pytest.approx(
        bits @ diagonal + (bits[:, rows] * bits[:, cols]) @ (4 * problem.j)
    )


def test_many_problems_in_flight_are_annealed_once_each_in_order(service, solver):
    several = [Random(seed) for seed in range(30)]
    futures = [sample(solver, problem, number) for number, problem in enumerate(several)]
    for number, (future, problem) in enumerate(zip(futures, several, strict=True)):
        assert np.array_equal(reads_of(future, problem), problem.expected(5, number))
    records = service.problems
    assert sorted(record.problem_id for record in records) == list(range(30))
    assert {record.id for record in records} == {future.id for future in futures}
    solved = [record.solved_on for record in records]
    assert solved == sorted(solved)
    # The client sends what has gathered in one request, up to 20.
    assert 2 <= service.requests["POST", "submit"] <= 30


def test_an_answer_is_there_again_by_its_id(service, solver, problems):
    problem = Random(7)
    first = sample(solver, problem)
    first.result()
    with connect(service) as other:
        again = other.retrieve_answer(first.id)
        assert np.array_equal(reads_of(again, problem), problem.expected(5, 0))
    assert len(service.problems) == 1
    qp = Format(MODEL.properties, problem.qubits, problem.couplers)
    for answer in (problems.get_problem_answer(first.id), problems.get_problem(first.id).answer):
        reads = qp.decode(answer.root.model_dump(), problem.h, problem.j, RAW["num_reads"])
        assert np.array_equal(spins(reads, len(problem.qubits)), problem.expected(5, 0))
    info = problems.get_problem_info(first.id)
    assert info.metadata.status == "COMPLETED"
    assert models.ProblemJob.from_info(info).label == label(5, 0)
    assert info.data.lin == job(service, problem)["data"]["lin"]
    assert problems.get_problem_messages(first.id) == []


def test_the_clients_lower_interface_submits_one_problem_or_many(service, problems):
    problem = Random(8)
    jobs = [models.ProblemJob(**job(service, problem, label=label(5, k))) for k in range(3)]
    done = problems.submit_problem(jobs[0])
    assert done.status == "COMPLETED"
    assert done.answer is not None
    problems.client.config["compress_qpu_problem_data"] = True  # then it sends in chunks
    states = problems.submit_problems(jobs[1:])
    found = problems.get_problem_statuses([state.id for state in states], timeout=30)
    assert [state.label for state in found] == [label(5, 1), label(5, 2)]
    assert problems.get_problem_status(done.id).solved_on is not None


def test_problems_are_found_by_label_status_and_solver(service, problems):
    problem = Random(9)
    service.add_fault(Fault("never", after=2))
    jobs = [models.ProblemJob(**job(service, problem, label=f"run A {k}.0")) for k in range(3)]
    ids = [problems.submit_problem(one).id for one in jobs[:2]]
    ids += [problems.submit_problems(jobs[2:])[0].id]

    def found(**query):
        return [state.id for state in problems.list_problems(**query)]

    assert found(label="run A") == ids[::-1]
    assert found(label="run A 1.0") == [ids[1]]
    assert found(label="run B") == []
    assert found(label="run", max_results=2) == [ids[2], ids[1]]
    assert found(status="COMPLETED") == [ids[1], ids[0]]
    assert found(solver="Emulated_pegasus_3", label="2.0") == [ids[2]]
    assert found(solver="Advantage_system4") == []
    assert found(id=ids[0]) == [ids[0]]
    assert service.requests["GET", "list"] == 7


def test_only_what_waits_is_cancelled(service, solver, problems):
    problem = Random(10)
    service.add_fault(Fault("never"))
    stuck = sample(solver, problem)
    stuck.wait_id(PATIENCE)
    assert not stuck.done()
    stuck.cancel()
    with pytest.raises(CanceledFutureError):
        stuck.result()
    done = sample(solver, problem, 1)
    done.result()
    error = problems.cancel_problems([done.id, "nobody"])
    assert [(one.error_code, one.error_msg) for one in error] == [
        (409, "Problem has been finished."),
        (404, "Problem does not exist or apitoken does not have access"),
    ]
    with pytest.raises(exceptions.ResourceConflictError):
        problems.cancel_problem(done.id)
    assert [record.status for record in service.problems] == ["CANCELLED", "COMPLETED"]
    assert [record.annealed for record in service.problems] == [False, True]
    assert ask(service, "DELETE", "problems/").json() == []


def test_in_real_time_what_waits_is_cancelled_and_what_is_under_way_ends():
    problem = Random(10)
    with Emulator(MODEL, realtime=True) as service:
        # So many reads take a QPU a third of a second.
        long = job(service, problem, params={**RAW, "num_reads": 4000})
        ids = [state["id"] for state in ask(service, "POST", "problems", json=[long, long]).json()]
        until(lambda: service.problems[0].status != "PENDING")
        waiting = ask(service, "DELETE", f"problems/{ids[1]}/")
        assert (waiting.status_code, waiting.json()["status"]) == (200, "CANCELLED")
        running = ask(service, "DELETE", f"problems/{ids[0]}")
        assert (running.status_code, running.json()["error_code"]) == (202, 202)
        (state,) = ask(service, "GET", "problems/", params={"id": ids[0], "timeout": 30}).json()
        assert state["status"] == "COMPLETED"
    first, second = service.problems
    assert (first.annealed, second.annealed, second.qpu_access_time) == (True, False, 0)


def test_a_poll_ends_when_one_of_its_problems_does(service, problems):
    service.add_fault(Fault("never"))
    problem = Random(12)
    stuck, done = problems.submit_problems([models.ProblemJob(**job(service, problem)) for _ in range(2)])
    states = problems.get_problem_statuses([stuck.id, done.id], timeout=30)
    assert [state.status for state in states] == ["IN_PROGRESS", "COMPLETED"]
    assert problems.get_problem_status(stuck.id, timeout=0).status == "IN_PROGRESS"
    assert ask(service, "GET", "problems", params={"id": stuck.id, "timeout": 0.5}).status_code == 400
    with pytest.raises(exceptions.ResourceNotFoundError):
        problems.get_problem_statuses([done.id, "nobody"])


def test_dwave_system_samples_on_it(service):
    with DWaveSampler(
        config_file=False, endpoint=service.endpoint, token=service.token, cache_enabled=False
    ) as sampler:
        assert sampler.properties["topology"]["type"] == "pegasus"
        problem = Random(13)
        found = sampler.sample_ising(problem.linear, problem.quadratic, label=label(5, 0), **RAW)
        assert np.array_equal(found.record.sample, problem.expected(5, 0))
        assert found.info["timing"]["qpu_access_time"] == service.problems[0].qpu_access_time


# --- what is refused ------------------------------------------------------------------------------------


def test_another_token_is_not_let_in(service):
    with (
        Client(endpoint=service.endpoint, token="guess", cache_enabled=False) as client,
        pytest.raises(exceptions.ResourceAuthenticationError),
    ):
        client.get_solver()
    assert requests.get(service.endpoint + "solvers/remote/", timeout=PATIENCE).status_code == 401
    assert len({Emulator(MODEL).token, Emulator(MODEL).token}) == 2
    assert Emulator(MODEL, token="chosen").token == "chosen"


def test_it_is_on_the_loopback_alone(service):
    address = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/sapi/v2/", service.endpoint)
    port = int(address[1])
    # 127.0.0.2 is another address of the same computer: what listens on all of them is there as well.
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port), timeout=PATIENCE)
    with pytest.raises(OSError, match=r"ddress already in use"), Emulator(MODEL, port=port):
        pass


def test_it_has_an_address_only_while_it_serves():
    service = Emulator(MODEL)
    with pytest.raises(RuntimeError, match="no address before it serves"):
        _ = service.endpoint
    with service:
        endpoint = service.endpoint
    with pytest.raises(requests.ConnectionError):
        requests.get(endpoint, timeout=PATIENCE)


PROBLEM = Random(14)
HALF_STATE = [3] * MODEL.properties["num_qubits"]


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"flux_biases": [0]}, "flux_biases is not a parameter of this solver"),
        ({"num_reads": 0}, "num_reads is 0"),
        ({"num_reads": 1.5}, "num_reads is 1.5"),
        ({"annealing_time": 0.1}, "annealing_time is 0.1 us, expected 0.5 to 2000"),
        ({"annealing_time": "long"}, "annealing_time is 'long'"),
        ({"annealing_time": 20, "anneal_schedule": FORWARD}, "are both given"),
        ({"anneal_schedule": [(0, 0), (20, 0.5)]}, "ends with s = 0.5"),
        ({"anneal_schedule": "fast"}, "schedule has"),
        ({"h_gain_schedule": [(0, 1), (20, 4)]}, "the gain of h is 4 at point 2"),
        ({"h_gain_schedule": "up"}, "h_gain_schedule has"),
        ({"anneal_schedule": REVERSE}, "expected an initial state"),
        ({"anneal_schedule": REVERSE, "initial_state": HALF_STATE}, "is 3, expected -1 or 1"),
        ({"anneal_schedule": REVERSE, "initial_state": [1, 1]}, "initial_state is no list of 144"),
        ({"anneal_schedule": REVERSE, "initial_state": [1] * 144}, "expected 3, as the problem does not use"),
        ({"anneal_schedule": REVERSE, "initial_state": ["u"] * 144}, "what is no number"),
        ({"reinitialize_state": False}, "reinitialize_state is False"),
        ({"answer_mode": "sorted"}, "answer_mode is 'sorted'"),
        ({"auto_scale": 1}, "auto_scale is 1, expected true or false"),
        ([1], "params are no JSON object"),
    ],
)
def test_bad_parameters_are_refused_by_name(service, params, text):
    body = job(service, PROBLEM)
    body["params"] = body["params"] | params if isinstance(params, dict) else params
    (refused,) = ask(service, "POST", "problems/", json=[body]).json()
    assert refused["error_code"] == 400
    assert text in refused["error_msg"]
    alone = ask(service, "POST", "problems/", json=body)
    assert (alone.status_code, alone.json()) == (400, refused)
    assert service.problems == []


DATA = job(None, PROBLEM)["data"]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"type": "bqm"}, "Problem type (bqm) is not supported by the solver."),
        ({"solver": "Advantage_system4"}, "Solver does not exist or apitoken does not have access"),
        ({"solver": None}, "Solver does not exist"),
        ({"solver": {"name": "Emulated_pegasus_3", "version": {"graph_id": "old"}}}, "not old"),
        ({"label": 3}, "its label is no text"),
        ({"data": None}, "NoneType"),
        ({"data": {"format": "ref", "data": "x"}}, "format is 'ref'"),
        ({"data": {"format": "qp", "lin": ""}}, "lacks 'quad'"),
        ({"data": DATA | {"lin": "AA*A"}}, "not base64"),
        ({"data": DATA | {"quad": ""}}, "couplings, expected"),
        ({"data": DATA | {"lin": "AAAAAAAAAAA="}}, "1 fields, expected"),
    ],
)
def test_bad_problems_are_refused(service, changes, text):
    good, bad = job(service, PROBLEM), job(service, PROBLEM, **changes)
    replies = ask(service, "POST", "problems", json=[good, bad, good]).json()
    assert ["id" in reply for reply in replies] == [True, False, True]
    assert replies[1]["error_code"] == 400
    assert text in replies[1]["error_msg"]


def test_what_is_out_of_range_or_empty_is_refused(service):
    huge, empty, infinite = Random(15), Random(15), Random(15)
    huge.j[:] = 1.5
    empty.qubits, empty.couplers, empty.h, empty.j = (
        a[:0] for a in (empty.qubits, empty.couplers, empty.h, empty.j)
    )
    infinite.h[0] = np.inf
    bodies = [job(service, problem) for problem in (huge, empty, infinite)]
    texts = [reply["error_msg"] for reply in ask(service, "POST", "problems", json=[*bodies, 7]).json()]
    for text, expected in zip(
        texts, ("extended_j_range", "no qubits", "not finite", "no JSON object"), strict=True
    ):
        assert expected in text


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("POST", "problems/", b"{", 400),
        ("DELETE", "problems/", b'{"a": 1}', 400),
        ("GET", "problems/nobody/", None, 404),
        ("GET", "problems/nobody/answer", None, 404),
        ("GET", "problems/nobody/info", None, 404),
        ("GET", "problems/nobody/messages/", None, 404),
        ("GET", "bqm/multipart", None, 404),
        ("PUT", "problems/", b"", 405),
    ],
)
def test_bad_requests_are_errors_as_json(service, method, path, body, code):
    reply = ask(service, method, path, data=body)
    assert (reply.status_code, reply.json()["error_code"]) == (code, code)


def test_a_body_that_is_not_deflated_is_refused(service):
    headers = {"X-Auth-Token": service.token, "Content-Encoding": "deflate"}
    reply = requests.post(service.endpoint + "problems/", data=b"[]", headers=headers, timeout=PATIENCE)
    assert reply.status_code == 400


def test_the_biases_of_old_problems_are_forgotten(service, problems):
    problem = Random(16, size=2)
    body = job(service, problem, params={**RAW, "num_reads": 1})
    ids = [reply["id"] for reply in ask(service, "POST", "problems", json=[body] * 102).json()]
    problems.get_problem(ids[-1], timeout=30)
    assert ask(service, "GET", f"problems/{ids[1]}/info").status_code == 410
    assert problems.get_problem_info(ids[2]).metadata.status == "COMPLETED"
    assert problems.get_problem_answer(ids[0]).num_variables == MODEL.properties["num_qubits"]


# --- faults ---------------------------------------------------------------------------------------------


def test_every_kind_of_fault_belongs_somewhere():
    assert set(KINDS) == {*BEFORE, *AFTER, *DAMAGES, *ENDS}
    for kind, on in (("corrupt", "poll"), ("missing", "answer"), ("500", "problem"), ("fire", None)):
        with pytest.raises(ValueError, match=kind):
            Fault(kind, on=on)
    for setting in ({"after": -1}, {"times": -1}, {"seconds": -1}, {"every": 0.5}):
        with pytest.raises(ValueError, match=next(iter(setting))):
            Fault("500", **setting)


@pytest.mark.parametrize("kind", STATUSES)
def test_a_submit_that_is_answered_by_a_status_is_not_accepted(service, solver, kind):
    service.add_fault(Fault(kind, seconds=2.5))
    expected = SolverAuthenticationError if kind == "401" else SolverError
    with pytest.raises(expected) as caught:
        sample(solver, PROBLEM).result()
    assert caught.value.error_code == int(kind)
    assert service.problems == []
    assert np.array_equal(reads_of(sample(solver, PROBLEM), PROBLEM), PROBLEM.expected(5, 0))


def test_too_many_requests_say_when_to_come_again(service):
    service.add_fault(Fault("429", seconds=2.5))
    reply = ask(service, "POST", "problems/", json=[])
    assert (reply.status_code, reply.headers["Retry-After"]) == (429, "3")


@pytest.mark.parametrize(("kind", "accepted"), [("reset-before", 0), ("reset-after", 1)])
def test_a_submit_whose_connection_is_reset_is_lost_or_accepted(service, solver, problems, kind, accepted):
    service.add_fault(Fault(kind))
    with pytest.raises(requests.ConnectionError):
        sample(solver, PROBLEM, 3).result()
    assert len(service.problems) == accepted
    if accepted:  # its label finds it again
        (found,) = problems.list_problems(label=label(5, 3))
        again = solver.client.retrieve_answer(found.id)
        assert np.array_equal(reads_of(again, PROBLEM), PROBLEM.expected(5, 3))
        assert service.requests["POST", "submit"] == 1


def test_of_a_connection_that_is_reset_not_a_byte_comes_back(service):
    port = int(service.endpoint.split(":")[2].split("/")[0])
    service.add_fault(Fault("reset-before", on="list"))
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as plain:
        plain.sendall(f"GET /sapi/v2/problems/ HTTP/1.1\r\nX-Auth-Token: {service.token}\r\n\r\n".encode())
        with suppress(ConnectionResetError):
            assert plain.recv(1) == b""


@pytest.mark.parametrize("kind", ["reset-before", "reset-after"])
@pytest.mark.parametrize("on", ["poll", "answer", "solvers"])
def test_the_client_itself_asks_again_when_a_look_is_reset(service, client, kind, on):
    service.add_fault(Fault(kind, on=on))
    future = sample(client.get_solver(), PROBLEM)
    assert np.array_equal(reads_of(future, PROBLEM), PROBLEM.expected(5, 0))
    assert len(service.problems) == 1


def test_a_poll_that_fails_is_asked_again_and_an_answer_is_not(service, solver):
    service.add_fault(Fault("503", on="poll"))
    assert np.array_equal(reads_of(sample(solver, PROBLEM), PROBLEM), PROBLEM.expected(5, 0))
    service.add_fault(Fault("500", on="answer"))
    future = sample(solver, PROBLEM, 1)
    with pytest.raises(SolverError, match="Internal Server Error"):
        future.result()
    again = solver.client.retrieve_answer(future.id)
    assert np.array_equal(reads_of(again, PROBLEM), PROBLEM.expected(5, 1))


@pytest.mark.parametrize("on", ["submit", "poll", "answer"])
def test_half_a_reply_is_an_error(service, solver, on):
    service.add_fault(Fault("half", on=on))
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        sample(solver, PROBLEM).result()
    assert len(service.problems) == 1


@pytest.mark.parametrize("on", ["submit", "answer"])
def test_a_slow_reply_runs_into_the_clients_time_out(service, on):
    service.add_fault(Fault("slow", on=on, seconds=PATIENCE))
    client = connect(service, request_timeout=0.5, http_retry_total=0)
    with pytest.raises(exceptions.RequestTimeout):
        sample(client.get_solver(), PROBLEM).result()
    client.close(wait=False)
    assert len(service.problems) == 1


def test_a_slow_reply_is_right_all_the_same(service, solver):
    service.add_fault(Fault("slow", seconds=0.05))
    assert np.array_equal(reads_of(sample(solver, PROBLEM), PROBLEM), PROBLEM.expected(5, 0))


@pytest.mark.parametrize("kind", ["corrupt", "reads", "qubits", "fewer", "infinite"])
def test_a_damaged_answer_is_told_from_a_right_one_and_the_next_is_whole(service, problems, kind):
    many = 20 if kind == "corrupt" else 1
    done = problems.submit_problem(models.ProblemJob(**job(service, PROBLEM, label=label(5, 0))))
    service.add_fault(Fault(kind, times=many))
    qp = Format(MODEL.properties, PROBLEM.qubits, PROBLEM.couplers)

    def reads():
        answer = ask(service, "GET", f"problems/{done.id}/answer").json()["answer"]
        return spins(qp.decode(answer, PROBLEM.h, PROBLEM.j, RAW["num_reads"]), len(PROBLEM.qubits))

    texts = set()
    for _ in range(many):
        with pytest.raises(BadAnswerError) as caught:
            reads()
        texts.add(str(caught.value).split()[0])
    assert np.array_equal(reads(), PROBLEM.expected(5, 0))
    if kind == "corrupt":  # some of it is base64 still
        assert len(texts) > 1


def test_an_answer_in_another_order_is_the_same_to_the_client(service, solver):
    service.add_fault(Fault("order"))
    assert np.array_equal(reads_of(sample(solver, PROBLEM), PROBLEM), PROBLEM.expected(5, 0))


@pytest.mark.parametrize("kind", [kind for kind in DAMAGES if kind.startswith(("time", "untimed"))])
def test_an_answer_may_lack_its_time(service, problems, kind):
    done = problems.submit_problem(models.ProblemJob(**job(service, PROBLEM)))
    whole = ask(service, "GET", f"problems/{done.id}/answer").json()["answer"]
    service.add_fault(Fault(kind))
    answer = ask(service, "GET", f"problems/{done.id}/answer").json()["answer"]
    assert answer | {"timing": whole["timing"]} == whole
    assert answer.get("timing", {}).get("qpu_access_time") != whole["timing"]["qpu_access_time"]


def test_lists_of_problems_go_wrong(service, problems):
    def found(kind, on, ask):
        service.add_fault(Fault(kind, on=on))
        return [(state.id, state.label) for state in ask()]

    jobs = [models.ProblemJob(**job(service, PROBLEM, label=label(5, k))) for k in range(2)]
    whole = [(state.id, state.label) for state in problems.submit_problems(jobs)]
    assert [name for _, name in found("unlabelled", "submit", lambda: problems.submit_problems(jobs))] == [
        None,
        None,
    ]
    assert len(found("short", "submit", lambda: problems.submit_problems(jobs))) == 1
    assert len(service.problems) == 6
    searched = problems.submit_problems([models.ProblemJob(**job(service, PROBLEM, label="alone"))])[0]

    def search():
        return problems.list_problems(label="alone")

    assert found("missing", "list", search) == []
    assert searched.id not in dict(found("strangers", "list", search))
    (phantom, real) = found("twins", "list", search)
    assert (phantom[1], real) == ("alone", (searched.id, "alone"))
    assert problems.list_problems(label=whole[0][1])


def test_a_submission_may_be_accepted_and_answered_by_an_error(service):
    service.add_fault(Fault("500-after"))
    assert ask(service, "POST", "problems/", json=[job(service, PROBLEM)]).status_code == 500
    assert len(service.problems) == 1


def test_a_retry_may_be_asked_for_in_a_time_that_is_no_float(service):
    service.add_fault(Fault("429-forever"))
    reply = ask(service, "POST", "problems/", json=[])
    assert reply.status_code == 429
    with pytest.raises(OverflowError):
        time.sleep(int(reply.headers["Retry-After"]))


def test_a_problem_may_fail_after_it_was_annealed(service, solver):
    service.add_fault(Fault("spent"))
    with pytest.raises(SolverFailureError, match="after the problem was run"):
        sample(solver, PROBLEM).result()
    (problem,) = service.problems
    assert (problem.annealed, problem.status) == (True, "FAILED")
    assert problem.qpu_access_time > 0


def test_a_solver_may_say_other_things_of_itself():
    qubits = CHIP.qubits[::-1].tolist()
    properties = {"qubits": qubits, "h_range": None}
    with (
        Emulator(MODEL, properties=properties, left_out=["num_qubits"]) as service,
        Problems(endpoint=service.endpoint, token=service.token) as problems,
    ):
        (said,) = ask(service, "GET", "solvers/remote/").json()
        assert said["properties"]["qubits"] == qubits
        assert said["properties"]["h_range"] is None
        assert "num_qubits" not in said["properties"]
        qp = Format(MODEL.properties | {"qubits": qubits}, PROBLEM.qubits, PROBLEM.couplers)
        body = job(service, PROBLEM, label=label(5, 0), data=qp.encode(PROBLEM.h, PROBLEM.j))
        answer = problems.submit_problem(models.ProblemJob(**body)).answer.root.model_dump()
        found = qp.decode(answer, PROBLEM.h, PROBLEM.j, RAW["num_reads"])
        assert np.array_equal(spins(found, len(PROBLEM.qubits)), PROBLEM.expected(5, 0))


def test_a_single_read_comes_twice(service, problems):
    one = job(service, PROBLEM, params={**RAW, "num_reads": 1})
    done = problems.submit_problem(models.ProblemJob(**one))
    service.add_fault(Fault("reads"))
    assert len(problems.get_problem_answer(done.id).num_occurrences) == len("AAAAAAAAAAA=")


def test_damage_waits_for_an_answer(service, problems):
    service.add_fault(Fault("never"))
    service.add_fault(Fault("reads"))
    body = models.ProblemJob(**job(service, PROBLEM))
    stuck, done = problems.submit_problems([body, body])
    assert problems.get_problem(stuck.id, timeout=0).answer is None
    whole, damaged = problems.get_problem_answer(done.id), problems.get_problem_answer(done.id)
    assert len(whole.energies) < len(damaged.energies)


@pytest.mark.parametrize(
    ("kind", "error", "status"),
    [
        ("failed", SolverFailureError, "FAILED"),
        ("cancelled", CanceledFutureError, "CANCELLED"),
        ("offline", SolverOfflineError, "FAILED"),
    ],
)
def test_a_problem_that_the_service_ends_is_not_annealed(service, solver, kind, error, status):
    service.add_fault(Fault(kind, on="problem", after=1, seconds=0))
    first, second = sample(solver, PROBLEM), None
    first.result()
    second = sample(solver, PROBLEM, 1)
    with pytest.raises(error):
        second.result()
    assert [(p.status, p.annealed) for p in service.problems] == [("COMPLETED", True), (status, False)]


def test_a_problem_may_stay_under_way_and_others_pass_it(service, solver):
    service.add_fault(Fault("never"))
    stuck = sample(solver, PROBLEM)
    stuck.wait_id(PATIENCE)
    sample(solver, PROBLEM, 1).result()
    assert not stuck.done()
    assert service.problems[0].status == "IN_PROGRESS"
    stuck.cancel()  # else the client waits for its poll when it is closed


def test_a_poll_may_leave_out_what_it_was_asked_for(service, solver):
    service.add_fault(Fault("missing"))
    future = sample(solver, PROBLEM)
    future.wait_id(PATIENCE)
    again = solver.client.retrieve_answer(future.id)
    assert np.array_equal(reads_of(again, PROBLEM), PROBLEM.expected(5, 0))
    # The client never asks for it again.
    until(lambda: service.requests["GET", "poll"] == 1)
    assert not future.wait(timeout=0.1)


def test_a_solver_that_goes_offline_is_gone_for_a_while(service, client, solver, problems):
    service.add_fault(Fault("offline", on="submit", after=1, seconds=PATIENCE))
    with Emulator(MODEL, realtime=True) as slow, connect(slow) as other:
        slow.add_fault(Fault("offline", on="list", seconds=PATIENCE))
        far = other.get_solver()
        running, waiting = sample(far, PROBLEM, num_reads=2000), sample(far, PROBLEM, 1)
        until(lambda: [p.status for p in slow.problems] == ["IN_PROGRESS", "PENDING"])
        ask(slow, "GET", "problems/")
        with pytest.raises(SolverOfflineError, match="Solver is offline"):
            waiting.result()
        running.result()
    sample(solver, PROBLEM).result()
    with pytest.raises(SolverFailureError, match="Solver is offline"):
        sample(solver, PROBLEM, 1).result()
    assert client.get_solvers(refresh=True) == []
    with pytest.raises(SolverNotFoundError):
        client.get_solver(name="Emulated_pegasus_3", refresh=True)
    assert [p.annealed for p in service.problems] == [True]


def test_a_solver_comes_back(service, solver):
    service.add_fault(Fault("offline", seconds=0))
    sample(solver, PROBLEM).result()
    assert solver.client.get_solver(refresh=True).name == solver.name


def test_faults_strike_after_so_many_and_so_often(service):
    service.add_fault(Fault("500", on="list", after=2, times=2))
    service.add_fault(Fault("403", on="list", after=3, times=1))
    service.add_fault(Fault("404", on="poll", times=9))
    codes = [ask(service, "GET", "problems/").status_code for _ in range(6)]
    # The second is due with the first's last, and strikes after it.
    assert codes == [200, 200, 500, 500, 403, 200]


def test_faults_at_random_are_those_of_the_seed():
    runs = []
    for seed in (1, 1, 2):
        with Emulator(MODEL, seed=seed) as service:
            service.add_fault(Fault("502", on="list", every=2))
            runs.append([ask(service, "GET", "problems/").status_code for _ in range(24)])
    assert runs[0] == runs[1] != runs[2]
    assert set(runs[0]) == {200, 502}


def test_nothing_is_lost_or_done_twice_when_many_ask_at_once():
    problem = Random(17, size=4)
    with Emulator(MODEL, seed=3) as service:
        for on in ("submit", "poll", "answer"):
            service.add_fault(Fault("reset-after", on=on, every=4))

        def one(number):
            """Asks until it has an answer, and looks for its label before it submits again."""
            body = job(service, problem, label=f"thread {number}.", params={**RAW, "num_reads": 2})
            with requests.Session() as session:
                session.headers["X-Auth-Token"] = service.token
                while True:
                    try:
                        query = {"label": body["label"]}
                        found = session.get(
                            service.endpoint + "problems", params=query, timeout=PATIENCE
                        ).json()
                        found = (
                            found
                            or session.post(
                                service.endpoint + "problems", json=[body], timeout=PATIENCE
                            ).json()
                        )
                        path = f"problems/{found[0]['id']}/answer?timeout=30"
                        return session.get(service.endpoint + path, timeout=PATIENCE).json()["answer"]
                    except requests.ConnectionError:
                        continue

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(one, range(40)))
        records = service.problems
    assert sorted(int(re.findall(r"\d+", record.label)[0]) for record in records) == list(range(40))
    assert all(record.annealed for record in records)
    assert {json.dumps(record.answer) for record in records} == {json.dumps(answer) for answer in answers}


# --- the command ----------------------------------------------------------------------------------------


def test_importing_the_package_imports_no_server():
    code = "import ising_ep, ising_ep.cli, sys; print({'werkzeug', 'dwave.cloud'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"


@pytest.mark.slow
def test_the_command_serves_until_ctrl_c():
    arguments = ["--chip", "pegasus:3", "--chip-missing", "0", "--sweeps-per-us", "1", "--seed", "4"]
    arguments += ["--fault", "500:1", "--no-reverse", "--threads", "1"]
    with subprocess.Popen(
        [sys.executable, "-m", "ising_ep", "emulate", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        killer = threading.Timer(PATIENCE, process.kill)
        killer.start()
        settings = dict(
            re.fullmatch(r"export (\w+)=(\S+)\n", process.stdout.readline()).groups() for _ in range(2)
        )
        assert "Ctrl-C" in process.stderr.readline()
        login = {"endpoint": settings["DWAVE_API_ENDPOINT"], "token": settings["DWAVE_API_TOKEN"]}
        with Client(**login, cache_enabled=False) as client:
            solver = client.get_solver()
            assert "initial_state" not in solver.parameters
            assert len(solver.nodes) == len(Chip.perfect("pegasus", 3).qubits)
            with pytest.raises(SolverError):
                solver.sample_ising({solver.properties["qubits"][0]: 1.0}, {}).result()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
        killer.cancel()
    assert process.returncode == 0
    # What a shell would evaluate is alone on stdout.
    assert out == ""
    assert err == "0 problems annealed, 0 s of QPU access time\n"


def test_the_command_trains_as_the_chip_machine_does():
    """The default of --sweeps-per-us is what makes a run on it the same as one on the chip model."""
    from ising_ep.cli.emulate import SWEEPS_PER_US
    from ising_ep.config import TrainConfig

    config = TrainConfig.checked({"machine": "chip"})
    assert config.num_sweeps / config.annealing_time == SWEEPS_PER_US


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--fault", "fire"], "the kind of fault is 'fire'"),
        (["--fault", "500:often"], "--fault is '500:often'"),
        (
            ["--fault", "500:0.5"],
            "--fault is '500:0.5', expected one such as 503 or 503:20, a number from 1 on",
        ),
        (["--chip-temperature", "-1"], "chip_temperature is -1"),
        (["--port", "70000"], "70000 is not in the range"),
        (["--sweeps-per-us", "0"], "sweeps_per_us is 0"),
    ],
)
def test_bad_options_are_one_line(arguments, text):
    result = CliRunner().invoke(cli.main, ["emulate", "--chip", "pegasus:2", *arguments])
    assert result.exit_code == 2
    assert text in result.output.splitlines()[-1]


def test_a_port_that_is_taken_is_one_line(service):
    port = re.search(r":(\d+)/", service.endpoint)[1]
    result = CliRunner().invoke(cli.main, ["emulate", "--chip", "pegasus:2", "--port", port])
    assert result.exit_code == 2
    assert "ddress already in use" in result.output.splitlines()[-1]
