"""Training on a QPU: the real client, unmodified, against the stand-in for the service, on the loopback."""

import logging
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from ising_ep import datasets, training
from ising_ep.chip import Chip
from ising_ep.config import TrainConfig
from ising_ep.emulator import Emulator, Fault
from ising_ep.journal import Journal
from ising_ep.machines.chip_model import ChipModel
from ising_ep.machines.configured import machine_of
from ising_ep.machines.connection import Connection
from ising_ep.machines.dimod_sampler import SamplerAnnealer
from ising_ep.machines.qpu import QPU
from ising_ep.stopped import QPUStoppedError

PATTERNS = {"dataset": "patterns", "network": "convolutional", "epochs": 6, "seed": 3}
MODEL = {"temperature": 15.0, "sweeps_per_us": 10.0}


@pytest.fixture(scope="module")
def chip():
    return Chip.perfect("chimera", 4)


@pytest.fixture(scope="module")
def patterns():
    return datasets.load("patterns")


@pytest.fixture
def service(chip):
    with Emulator(ChipModel(chip, **MODEL)) as service:
        yield service


def connect(service, journal=None, patience=20.0, **settings):
    connection = Connection.open(
        endpoint=service.endpoint,
        token=service.token,
        config_file=False,
        cache_enabled=False,
        first_wait=0.01,
        patience=patience,
    )
    return QPU(connection, journal or Journal(None), **{"label_lag": 0.2, **settings})


def train(annealer, data, machine="qpu", state=None, on_batch=None, **settings):
    config = TrainConfig.checked({**PATTERNS, "machine": machine, **settings})
    ready = machine_of(config, training.network_of(config, data), annealer=annealer)
    return training.train(config, data, machine=ready, state=state, on_batch=on_batch)


@pytest.fixture(scope="module")
def direct(chip, patterns):
    """The same training on the chip model itself."""
    return train(ChipModel(chip, **MODEL), patterns, machine="chip")


def assert_same(state, other):
    for name, value in other.parameters.items():
        np.testing.assert_array_equal(state.parameters[name], value)
    assert state.usage == other.usage
    assert [row | {"seconds": 0} for row in state.history] == [row | {"seconds": 0} for row in other.history]


def paid(service):
    """Numbers of the problems that were annealed, of all attempts."""
    return [re.search(r" (\d+)\.\d+ seed", p.label).group(1) for p in service.problems if p.annealed]


def test_the_same_bits_as_the_chip_model(service, patterns, direct):
    state = train(connect(service), patterns)
    assert_same(state, direct)
    assert len(service.problems) == state.usage.problems


@pytest.mark.parametrize("symmetric", [False, True])
def test_a_fully_connected_network_in_tiles_is_the_same_too(symmetric):
    chip = Chip.perfect("pegasus", 4).without(0.01, seed=1)
    data = datasets.load("digits", train_per_class=3, test_per_class=2)
    settings = {"dataset": "digits", "network": "layers", "layers": (16, 10), "epochs": 2, "batch_size": 4}
    settings |= {"copies": 2, "chain_strength": 1.0, "symmetric": symmetric}
    there = train(ChipModel(chip, **MODEL), data, machine="chip", **settings)
    with Emulator(ChipModel(chip, **MODEL)) as service:
        state = train(connect(service), data, **settings)
        assert_same(state, there)
        # Problems of one phase go out in one request: fewer requests than problems.
        assert service.requests["POST", "submit"] < len(service.problems)


FAULTS = [
    *(
        Fault(code, on, after=4, seconds=0.05)
        for code in ("404", "429", "500", "503")
        for on in ("submit", "answer")
    ),
    *(Fault(kind, on, after=4) for kind in ("reset-before", "reset-after") for on in ("submit", "answer")),
    Fault("half", "submit", after=4),
    Fault("half", "answer", after=4),
    Fault("slow", "submit", after=4, seconds=0.2),
    *(Fault(kind, after=4, times=2) for kind in ("corrupt", "reads", "qubits")),
    *(Fault(kind, after=4) for kind in ("failed", "cancelled", "never")),
    Fault("offline", "submit", after=4, seconds=0.2),
    Fault("offline", "problem", after=4, seconds=0.2),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.kind}-{fault.on}")
def test_a_fault_changes_nothing_and_costs_nothing(service, patterns, direct, fault):
    service.add_fault(fault)
    qpu = connect(service, answer_timeout=1.0)
    state = train(qpu, patterns)
    assert_same(state, direct)
    assert sorted(map(int, paid(service))) == list(range(state.usage.problems))


def test_a_problem_that_never_ends_and_then_is_not_found_is_asked_for_anew(service, patterns, direct):
    service.add_fault(Fault("never", after=4))
    service.add_fault(
        Fault("404", "answer", after=5, times=2)
    )  # while it is waited for, and after it is given up
    state = train(connect(service, answer_timeout=1.0), patterns)
    assert_same(state, direct)
    assert len(paid(service)) == state.usage.problems
    assert [p.status for p in service.problems].count("CANCELLED") == 1


@pytest.mark.parametrize("code", ["401", "403"])
def test_a_refusal_stops_and_the_run_goes_on_later(service, patterns, direct, tmp_path, code):
    service.add_fault(Fault(code, "answer", after=7))
    file, saved = tmp_path / "qpu.sqlite", None

    def keep(state):
        nonlocal saved
        saved = state

    with Journal(file) as journal, pytest.raises(QPUStoppedError, match="refuses"):
        train(connect(service, journal), patterns, on_batch=keep)
    with Journal(file) as journal:
        state = train(connect(service, journal), patterns, state=saved)
    assert_same(state, direct)
    assert len(paid(service)) == state.usage.problems


def test_a_damaged_answer_is_not_learned_from(service, patterns, caplog):
    service.add_fault(Fault("corrupt", after=2, times=100))
    with pytest.raises(QPUStoppedError, match=r"problem 2 failed 5 times, at last: DAMAGED"):
        train(connect(service), patterns)
    assert "sent again" in caplog.text


def test_the_budget_ends_the_run_before_it_is_passed(service, patterns, direct):
    budget = direct.usage.access_time / 2
    qpu = connect(service, max_access_time=budget)
    with pytest.raises(QPUStoppedError, match="more than the"):
        train(qpu, patterns)
    spent = sum(p.qpu_access_time for p in service.problems) / 1e6
    assert budget - 0.04 < spent <= budget
    assert qpu.journal.access_time() == pytest.approx(spent)


def test_a_solver_that_is_gone_ends_the_run_if_asked_to(service, patterns):
    service.add_fault(Fault("offline", "submit", after=4, seconds=60))
    with pytest.raises(QPUStoppedError, match="is offline"):
        train(connect(service, when_offline="stop"), patterns)


@pytest.mark.parametrize(
    ("features", "found"),
    [('{"num_active_qubits__gt": 100}', True), ('{"name__regex": "Advantage.*"}', False)],
)
def test_the_clients_own_configuration_chooses_the_solver(service, tmp_path, monkeypatch, features, found):
    for name in [name for name in os.environ if name.startswith("DWAVE_")]:
        monkeypatch.delenv(name)
    file = tmp_path / "dwave.conf"
    file.write_text(
        f"[defaults]\nendpoint = {service.endpoint}\ntoken = {service.token}\nsolver = {features}\n"
    )
    monkeypatch.setenv("DWAVE_CONFIG_FILE", str(file))
    if found:
        assert Connection.open().name == "Emulated_chimera_4_4_4"
    else:
        with pytest.raises(ValueError, match=r"has no solver online that is .*Advantage"):
            Connection.open()


def test_a_wrong_token_is_one_line_without_the_token(service):
    with pytest.raises(QPUStoppedError) as error:
        Connection.open(endpoint=service.endpoint, token="not-this-one", config_file=False)
    assert "Invalid token" in str(error.value)
    assert "not-this-one" not in str(error.value)


def test_without_reverse_annealing_nudges_go_forward(chip, patterns):
    with Emulator(ChipModel(chip, **MODEL), reverses=False) as service:
        state = train(connect(service), patterns)
        assert all("initial_state" not in p.params for p in service.problems)
    assert state.epoch == PATTERNS["epochs"]


def test_dwave_systems_own_sampler_trains_too(service, patterns):
    from dwave.system import DWaveSampler

    sampler = DWaveSampler(endpoint=service.endpoint, token=service.token, config_file=False)
    state = train(SamplerAnnealer(sampler), patterns, epochs=2)
    assert state.usage.problems == len(service.problems) > 4
    assert state.usage.access_time == pytest.approx(sum(p.qpu_access_time for p in service.problems) / 1e6)
    assert any("initial_state" in p.params for p in service.problems)
    sampler.close()


def test_what_the_solver_would_refuse_is_not_sent(service, patterns):
    with pytest.raises(ValueError, match="the schedule takes 5000 us"):
        train(connect(service), patterns, annealing_time=5000.0)
    assert not service.problems


@pytest.mark.parametrize("symmetric", [False, True])
def test_problems_whose_rows_were_lost_are_found_by_their_labels(
    service, chip, patterns, tmp_path, symmetric
):
    direct = train(ChipModel(chip, **MODEL), patterns, machine="chip", symmetric=symmetric)
    file = tmp_path / "qpu.sqlite"
    saved = None

    def after_four_images(state):
        nonlocal saved
        saved = state
        if state.images + 2 * state.epoch == 4:
            raise KeyboardInterrupt

    with Journal(file) as journal:
        with pytest.raises(KeyboardInterrupt):
            train(connect(service, journal), patterns, on_batch=after_four_images, symmetric=symmetric)
        # As if the power had failed before the rows of the last three problems were on the disk.
        kept = saved.usage.problems - 3
        journal._file.execute("DELETE FROM problems WHERE number >= ?", (kept,))
        journal._file.commit()
    with Journal(file) as journal:
        # From the start: no checkpoint was written.
        state = train(connect(service, journal), patterns, symmetric=symmetric)
    assert_same(state, direct)
    assert sorted(map(int, paid(service))) == list(range(direct.usage.problems))


@pytest.mark.parametrize("attempt", [0, 1])
def test_another_attempt_whose_row_was_lost_is_found_too(service, patterns, direct, tmp_path, attempt):
    file = tmp_path / "qpu.sqlite"
    service.add_fault(Fault("failed", after=4))

    def after_four_images(state):
        if state.images + 2 * state.epoch == 4:
            raise KeyboardInterrupt

    with Journal(file) as journal:
        with pytest.raises(KeyboardInterrupt):
            train(connect(service, journal), patterns, on_batch=after_four_images)
        (failed,) = (p.label for p in service.problems if p.status == "FAILED")
        number = int(re.search(r" (\d+)\.0 seed", failed).group(1))
        assert journal.last(number).attempt == 1
        # As if the power had failed before this row, and all that were written after it, were on the disk.
        lost = journal._file.execute(
            "DELETE FROM problems WHERE number > ? OR number = ? AND attempt >= ?", (number, number, attempt)
        )
        assert lost.rowcount > 2 - attempt
        journal._file.commit()
    with Journal(file) as journal:
        state = train(connect(service, journal), patterns)
    assert_same(state, direct)
    assert sorted(map(int, paid(service))) == list(range(direct.usage.problems))


# --- the command line, as processes that are killed and interrupted ----------------------------------------


def command(service, *arguments, verb="train"):
    environment = {
        **os.environ,
        "DWAVE_API_ENDPOINT": service.endpoint,
        "DWAVE_API_TOKEN": service.token,
        "DWAVE_CONFIG_FILE": os.devnull,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "ising_ep.cli", verb, *map(str, arguments)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def new_run(folder):
    settings = {k: v for k, v in PATTERNS.items()}
    options = [f"--{name}={value}" for name, value in settings.items()]
    return [*options, "--machine=qpu", f"--out={folder}"]


def parameters(folder):
    from safetensors.numpy import load_file

    return load_file(folder / "checkpoint.safetensors")


def assert_whole(folder, service, direct):
    found = parameters(folder)
    for name, value in direct.parameters.items():
        np.testing.assert_array_equal(found[name], value)
    assert sorted(map(int, paid(service))) == list(range(direct.usage.problems))


def test_killed_at_any_moment_it_goes_on_and_pays_nothing_twice(service, direct, tmp_path):
    service.add_fault(Fault("slow", "answer", times=10**6, seconds=0.01))
    folder = tmp_path / "run"
    rng = np.random.default_rng(5)
    process = command(service, *new_run(folder))
    for _ in range(3):
        seen, limit = len(service.problems), time.monotonic() + 30
        wanted = seen + int(rng.integers(2, 8))
        while len(service.problems) < wanted and process.poll() is None and time.monotonic() < limit:
            time.sleep(0.002)
        process.kill()
        process.wait()
        process = command(service, "--resume", folder)
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 0, text
    assert_whole(folder, service, direct)


def test_ctrl_c_cancels_what_is_queued_and_says_what_it_cost(service, direct, tmp_path):
    service.add_fault(Fault("never", after=5))
    folder = tmp_path / "run"
    process = command(service, *new_run(folder))
    limit = time.monotonic() + 30
    while len(service.problems) < 6 and time.monotonic() < limit:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    text, _ = process.communicate(timeout=30)
    assert process.returncode == 130, text
    assert re.search(r"\d problems on the chip, .* QPU access time 0\.\d+ s", text)
    assert "Go on with: ising-ep train --resume" in text
    assert service.problems[5].status == "CANCELLED"
    text, _ = (process := command(service, "--resume", folder)).communicate(timeout=60)
    assert process.returncode == 0, text
    assert_whole(folder, service, direct)
    # The token is nowhere: not in what was said, not in the run folder.
    for file in folder.iterdir():
        assert service.token.encode() not in file.read_bytes(), file
    assert service.token not in text


def test_the_run_folder_says_what_it_cost(service, direct, tmp_path):
    folder = tmp_path / "run"
    text, _ = (process := command(service, *new_run(folder))).communicate(timeout=60)
    assert process.returncode == 0, text
    rows = (folder / "chip.csv").read_text().splitlines()
    assert rows[0] == "epoch,calls,qpu_access_time,chain_break_fraction"
    assert len(rows) == 1 + PATTERNS["epochs"]
    assert sum(int(row.split(",")[1]) for row in rows[1:]) == direct.usage.problems
    assert (folder / "chip.png").stat().st_size > 10_000
    assert re.search(r"QPU access time up to .* calls", text)
    # Pictures need no QPU; an evaluation does, says so, and is written down as a series of its own.
    before = len(service.problems)
    here = {**os.environ, "DWAVE_CONFIG_FILE": os.devnull}
    subprocess.run([sys.executable, "-m", "ising_ep.cli", "plot", folder], check=True, env=here)
    assert len(service.problems) == before
    text, _ = (process := command(service, folder, verb="evaluate")).communicate(timeout=60)
    assert process.returncode == 0, text
    assert re.search(r"QPU access time 3\d\.\d ms in 2 calls", text)
    assert re.search("ising-ep [0-9a-f]+ evaluate .* 0.0 seed", service.problems[before].label)


def test_without_a_token_it_says_what_to_do(tmp_path):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DWAVE_")}
    environment["DWAVE_CONFIG_FILE"] = os.devnull
    result = subprocess.run(
        [sys.executable, "-m", "ising_ep.cli", "train", *new_run(tmp_path / "run")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert "dwave config create" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_debug_logs_of_ours_hold_no_token(service, patterns, caplog):
    with caplog.at_level(logging.DEBUG, logger="ising_ep"):
        service.add_fault(Fault("500", "submit", after=2))
        train(connect(service), patterns)
    assert caplog.records
    assert service.token not in caplog.text
