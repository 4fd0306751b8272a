"""A kept problem as D-Wave's inspector shows it: beside the inspector's own adapter, and by exact sums."""

import json
import math
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from datetime import datetime
from importlib.util import find_spec

import dimod
import numpy as np
import pytest
import requests
from click.testing import CliRunner
from dwave.cloud import Client

from ising_ep import cli
from ising_ep.chip import Chip
from ising_ep.emulator import Emulator
from ising_ep.machines.chip_model import ChipModel
from ising_ep.qpu.entries import Entry
from ising_ep.qpu.inspector import inspector_data
from ising_ep.qpu.journal import Journal
from ising_ep.qpu.kept import KeptLayout
from ising_ep.qpu.qp import decode_problem
from ising_ep.training.run_folder import RunFolder
from support.permissions import under_permissions
from support.services import log_in

pytestmark = pytest.mark.slow
INSPECTOR = find_spec("dwave.inspector") is not None
NEEDS = pytest.mark.skipif(not INSPECTOR, reason="needs dwave-inspector: pip install dwave-inspector")


def ising_ep(*words):
    return CliRunner().invoke(cli.main, list(map(str, words)))


@pytest.fixture(scope="module")
def service():
    model = ChipModel(Chip.perfect("pegasus", 4).without(0.05, 0.03, seed=2), sweeps_per_us=2.0)
    with pytest.MonkeyPatch.context() as patch, Emulator(model) as service:
        log_in(patch, service)
        yield service


@pytest.fixture(scope="module")
def run(service, tmp_path_factory):
    """A run of two copies with chains, and reads warm enough to break them."""
    folder = tmp_path_factory.mktemp("runs") / "qpu"
    result = ising_ep(
        *("train", "--machine", "qpu", "--dataset", "digits", "--layers", "8,10", "--copies", "2"),
        *("--train-per-class", "1", "--test-per-class", "1", "--epochs", "1", "--batch-size", "2"),
        *("--chain-strength", "0.3", "--annealing-time", "5", "--num-reads", "40", "--out", folder),
    )
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture(scope="module")
def data(run):
    return inspector_data(run)


def energies(answer, h, j):
    """Of each solution, one by one."""
    places = {name: k for k, name in enumerate(answer["active_variables"])}
    return [
        sum(value * read[places[name]] for name, value in h.items())
        + sum(value * read[places[a]] * read[places[b]] for (a, b), value in j.items())
        for read in answer["solutions"]
    ]


def physical(data):
    """h and J of the problem in a file, by the lists of its solver."""
    properties, problem = data["rel"]["solver"]["properties"], data["data"]["data"]
    h = {q: value for q, value in zip(properties["qubits"], problem["lin"], strict=True) if value is not None}
    couplers = [tuple(pair) for pair in properties["couplers"] if h.keys() >= set(pair)]
    return h, dict(zip(couplers, problem["quad"], strict=True))


def test_energies_are_those_of_h_j_and_reads(data):
    h, j = physical(data)
    answer = data["answer"]
    assert answer["active_variables"] == sorted(h)
    assert (
        len(answer["solutions"])
        == len(answer["num_occurrences"])
        == data["data"]["params"]["num_reads"]
        == 40
    )
    np.testing.assert_allclose(answer["energies"], energies(answer, h, j), rtol=0, atol=1e-12)


def test_the_copies_are_one_logical_problem(data, run):
    """Where no chain is broken a read has the energy of its logical state, and that of the chains."""
    h, j = physical(data)
    chains = data["data"]["data"]["embedding"]
    assert {name.split(":")[0] for name in chains} == {"0", "1"}
    assert {name.split(":")[1] for name in chains} == {str(spin) for spin in range(len(chains) // 2)}
    owner = {qubit: name for name, chain in chains.items() for qubit in chain}
    assert owner.keys() == h.keys()
    unembedded, answer = data["unembedded_answer"], data["answer"]
    assert unembedded["active_variables"] == list(chains)
    inner = [value for (a, b), value in j.items() if owner[a] == owner[b]]
    assert {round(value, 6) for value in inner} == {-0.3}
    logical_h = {name: sum(h[qubit] for qubit in chain) for name, chain in chains.items()}
    logical_j = {}
    for (a, b), value in j.items():
        if owner[a] != owner[b]:
            pair = tuple(sorted([owner[a], owner[b]]))
            logical_j[pair] = logical_j.get(pair, 0.0) + value
    expected = energies(unembedded, logical_h, logical_j)
    np.testing.assert_allclose(unembedded["energies"], expected, rtol=0, atol=1e-12)
    whole = broken = 0
    for read, state, energy, logical in zip(
        *(answer["solutions"], unembedded["solutions"], answer["energies"], unembedded["energies"]),
        strict=True,
    ):
        spins = dict(zip(answer["active_variables"], read, strict=True))
        votes = [sum(spins[qubit] for qubit in chain) for chain in chains.values()]
        assert all(vote * spin >= 0 and abs(spin) == 1 for vote, spin in zip(votes, state, strict=True))
        if all(abs(vote) == len(chain) for vote, chain in zip(votes, chains.values(), strict=True)):
            whole += 1
            assert energy == pytest.approx(logical + sum(inner), abs=1e-9)
        else:
            broken += 1
    assert whole > 0
    assert broken > 0
    stats = data["data"]["stats"]
    assert stats["num_source_variables"] == len(chains)
    assert stats["max_chain_length"] == max(map(len, chains.values())) > 1
    assert stats["chain_strength"] == 0.3


def test_times_and_names_are_those_of_the_service(data, service):
    [problem] = [each for each in service.problems if each.id == data["details"]["id"]]
    assert data["details"]["label"] == problem.label
    assert data["answer"]["timing"] == problem.answer["timing"]
    own = [datetime.fromisoformat(data["details"][name]) for name in ("submitted_on", "solved_on")]
    theirs = [datetime.fromisoformat(text) for text in (problem.submitted_on, problem.solved_on)]
    assert own[0] <= theirs[0] <= theirs[1] <= own[1]


def by_the_adapter(service, number, own):
    """What dwave-inspector makes of a problem as the service got it, and of the answer that D-Wave's client
    fetches."""
    from dwave.inspector import from_qmi_response
    from dwave.inspector.adapters import solver_data_postprocessed

    [sent] = [each for each in service.problems if each.id == number]
    logical = own["unembedded_answer"]
    solutions = logical["solutions"], logical["active_variables"]
    sampleset = dimod.SampleSet.from_samples(
        solutions, vartype="SPIN", energy=logical["energies"], sort_labels=False
    )
    context = {"embedding": own["data"]["data"]["embedding"]}
    context |= {"chain_strength": 0.3, "chain_break_method": "majority_vote"}
    with Client(endpoint=service.endpoint, token=service.token, cache_enabled=False) as client:
        response = client.retrieve_answer(number)
        response.result()
        properties = response.solver.properties
        qubits, couplers, h, j = decode_problem(properties, sent.data)
        linear = dict(zip(qubits.tolist(), h.tolist(), strict=True))
        quadratic = dict(zip(map(tuple, couplers.tolist()), j.tolist(), strict=True))
        problem = linear, quadratic
        found = from_qmi_response(problem, response, context, params=dict(sent.params), sampleset=sampleset)
        solver = solver_data_postprocessed(found["rel"]["solver"]).model_dump()
    # Nothing that a problem depends on, and no part of a run's folder.
    found["rel"]["solver"] = {name: solver[name] for name in ("identity", "properties")}
    return json.loads(json.dumps(found))


@NEEDS
def test_it_is_what_the_adapter_makes_of_the_same_problem(run, service, data):
    """But for h, J and energies, of which ours are single precision, and times of two clocks."""
    sent = [each.id for each in service.problems if each.answer and "initial_state" not in each.params]
    assert data["details"]["id"] == sent[-1]
    for number in sent[-3:]:
        own = json.loads(json.dumps(inspector_data(run, number)))
        theirs = by_the_adapter(service, number, own)
        found = []
        for each in (own, theirs):
            del each["details"]["submitted_on"], each["details"]["solved_on"]
            problem = each["data"]["data"]
            lin = [math.nan if value is None else value for value in problem.pop("lin")]
            found.append((lin, problem.pop("quad"), each["answer"].pop("energies")))
        assert own == theirs
        for mine, other in zip(*found, strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-6, atol=1e-6)


def asked(words, environment):
    """Lines of the command, which serves by then, and its process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ising_ep", *map(str, words)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("Open "):
            break
    return lines, process


@NEEDS
def test_the_inspector_serves_a_problem_until_ctrl_c(run, data, tmp_path):
    """With a page in place of D-Wave's own app, which is proprietary."""
    if find_spec("dwave._inspectorapp") is None:
        page = tmp_path / "dwave" / "_inspectorapp" / "build" / "index.html"
        page.parent.mkdir(parents=True)
        page.write_text("<p>the app</p>")
        (page.parents[1] / "__init__.py").write_text("")
    paths = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    lines, process = asked(["inspect", run, "--open"], {"PYTHONPATH": paths, "BROWSER": "true"})
    try:
        url = lines[-1].split()[1].rstrip(";")
        assert url.startswith("http://127.0.0.1:")
        root, _, number = url.partition("/?problemId=")
        assert number == data["details"]["id"]
        shown = requests.get(f"{root}/api/problems/{number}", timeout=30).json()
        solver = requests.get(f"{root}/api/problems/{number}/solver", timeout=30).json()
        assert requests.get(url, timeout=30).ok
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    own = json.loads(json.dumps(data))
    assert solver == own.pop("rel")["solver"]
    assert shown == own


# --- the run is left alone ------------------------------------------------------------------------------


def as_it_is(folder):
    """All files of a folder, with what tells that they were written."""
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


KILLED = """
import os, sys
from pathlib import Path
from ising_ep.qpu.journal import Journal
journal = Journal(Path(sys.argv[1]))
journal._file.execute("UPDATE problems SET label = label")
journal._file.execute("UPDATE kept_answers SET timing = timing")
os._exit(9)
"""


@pytest.fixture(params=["closed", "killed"])
def locked(request, run, tmp_path):
    """A run, the second one with all of its journal's last pages in what SQLite keeps beside the file, that
    nobody may write to."""
    copy = tmp_path / "locked"
    shutil.copytree(run, copy)
    if request.param == "killed":
        subprocess.run([sys.executable, "-c", KILLED, copy / "qpu.sqlite"], check=False)
        assert (copy / "qpu.sqlite-wal").stat().st_size > 0
    for file in copy.iterdir():
        file.chmod(0o444)
    copy.chmod(0o555)
    return copy


def test_a_run_that_must_not_be_written_to_is_read(locked, data, tmp_path):
    before = as_it_is(locked)
    done = under_permissions(tmp_path, "inspect", locked, "--out", "p.json")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "p.json").read_text()) == json.loads(json.dumps(data))
    done = under_permissions(tmp_path, "calibrate", locked, "--out", "c.json")
    assert done.returncode == 0, done.stderr
    assert as_it_is(locked) == before


def test_what_a_run_that_was_killed_wrote_last_is_read(run, data, tmp_path):
    """It is in no page of the file itself, and stays so."""
    copy = tmp_path / "killed"
    shutil.copytree(run, copy)
    last = data["details"]["id"]
    script = KILLED.replace("SET label = label", f"SET label = 'damaged' WHERE id = '{last}'")
    subprocess.run([sys.executable, "-c", script, copy / "qpu.sqlite"], check=False)
    before = as_it_is(copy)
    refused(tmp_path, [copy, "--out", tmp_path / "p.json"], f"what was kept of problem '{last}' is damaged")
    assert as_it_is(copy) == before


def test_a_look_leaves_the_run_as_it_is(run, tmp_path):
    before = as_it_is(run)
    assert ising_ep("inspect", run, "--out", tmp_path / "p.json").exit_code == 0
    refused(tmp_path, [run, "--problem", "mine", "--out", tmp_path / "q.json"], "has not kept")
    assert as_it_is(run) == before


# --- the command ----------------------------------------------------------------------------------------


def test_the_command_writes_a_problem_once(run, data, service, tmp_path):
    out = tmp_path / "problem.json"
    out.write_text("mine")
    result = ising_ep("inspect", run, "--out", out)
    assert result.exit_code == 2
    assert "--force" in result.output
    assert out.read_text() == "mine"
    result = ising_ep("inspect", run, "--problem", data["details"]["id"], "--out", out, "--force")
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"Problem {data['details']['id']}: ")
    assert json.loads(out.read_text()) == json.loads(json.dumps(data))
    assert service.token not in out.read_text()


def refused(folder, words, text):
    before = sorted(folder.rglob("*"))
    result = ising_ep("inspect", *words)
    assert result.exit_code == 2
    assert text in result.output
    assert len(result.output.splitlines()) == 1
    assert sorted(folder.rglob("*")) == before


def test_refusals(run, data, tmp_path):
    to = ("--out", tmp_path / "p.json")
    refused(tmp_path, [tmp_path / "none", *to], "is not a run folder")
    refused(tmp_path, [run], "--out is not given, expected a JSON file, or --open")
    refused(tmp_path, [run, "--force", "--open"], "--out is not given")
    refused(tmp_path, [run, "--out", tmp_path / "no" / "p.json"], "there is no folder")
    refused(
        tmp_path,
        [run, "--problem", "mine", *to],
        f"has not kept problem 'mine'; the last one that it has is {data['details']['id']}",
    )
    held = RunFolder.open(run)
    held.hold()
    refused(tmp_path, [run, *to], f"is in use by process {os.getpid()} on ")
    held.close()
    on_model, empty = tmp_path / "chip", tmp_path / "empty"
    for folder in (on_model, empty):
        folder.mkdir()
        for name in ("config.json", "solver.json", "embedding.json"):
            (folder / name).write_bytes((run / name).read_bytes())
    content = json.loads((run / "config.json").read_text())
    content["config"]["machine"] = "chip"
    (on_model / "config.json").write_text(json.dumps(content))
    refused(tmp_path, [on_model, *to], "is a run on machine chip, expected one on a qpu")
    refused(tmp_path, [empty, *to], "has kept no problem to look at")


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("kept", "reads = x'0102'"),
        ("kept_answers", "timing = '{}'"),
        ("kept_layouts", "num_reads = 3"),
        ("problems", "label = 'x'"),
    ],
)
def test_what_is_damaged_is_not_shown(run, tmp_path, table, change):
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    with sqlite3.connect(copy / "qpu.sqlite") as file:
        file.execute(f"UPDATE {table} SET {change}")
    file.close()
    refused(tmp_path, [copy, "--out", tmp_path / "p.json"], "is damaged")


def test_a_problem_that_is_not_on_the_embedding_of_the_run_is_shown_without(run, data, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    content = json.loads((copy / "embedding.json").read_text())
    content["chains"][0][0] = content["chains"][0][0][:-1] or content["chains"][0][1]
    (copy / "embedding.json").write_text(json.dumps(content))
    found = inspector_data(copy)
    assert found["answer"] == data["answer"]
    assert "embedding" not in found["data"]["data"]
    assert "unembedded_answer" not in found
    assert found["data"]["stats"]["num_source_variables"] == len(data["answer"]["active_variables"])


def test_times_that_are_none_are_not_kept():
    timing = {
        "qpu_access_time": 3,
        "a": "b",
        "c": math.inf,
        "d": math.nan,
        "E-1/2": 1.0,
        "f": 10**400,
        "g": True,
    }
    layout = KeptLayout("one", np.arange(1), np.zeros((0, 2), np.int64), [(0.0, 0.0), (1.0, 1.0)], 1)
    with Journal(None) as journal:
        for number, said in enumerate([timing, None, [1]]):
            entry = Entry(number, 0, "free", 1, 2, "d", "l", "one", id=f"id-{number}")
            journal.answered(entry, np.zeros((1, 1), np.uint8))
            journal.keep(layout, np.ones(1), np.zeros(0), np.zeros((1, 1), np.uint8), entry, said)
        assert journal.kept_problem("id-0").timing == {"qpu_access_time": 3}
        assert journal.kept_problem("id-1").timing == {}
        assert journal.kept_problem().timing == {}
        assert journal.kept_problem().entry.id == "id-2"
        assert journal.kept_problem("id-3") is None
