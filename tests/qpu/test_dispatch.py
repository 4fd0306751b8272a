"""Training on a QPU: the real client, unmodified, against the stand-in for the service, on the loopback."""

import functools
import hashlib
import logging
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import numpy as np
import pytest

from ising_ep import datasets, training
from ising_ep.chip import Chip
from ising_ep.chip.advantage import TIMING
from ising_ep.config import TrainConfig
from ising_ep.emulator import KINDS, Emulator, Fault
from ising_ep.errors import QPUStoppedError
from ising_ep.machines.chip_model import ChipModel
from ising_ep.machines.dimod_sampler import SamplerAnnealer
from ising_ep.qpu.connection import Connection
from ising_ep.qpu.dispatch import QPU
from ising_ep.qpu.journal import Journal
from ising_ep.qpu.layout import Anneal
from ising_ep.training.build import machine_of
from support.callbacks import calling

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
    return training.train(config, data, machine=ready, state=state, callbacks=calling(on_batch=on_batch))


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


@pytest.mark.slow
def test_the_same_bits_as_the_chip_model(service, patterns, direct):
    state = train(connect(service), patterns)
    assert_same(state, direct)
    assert len(service.problems) == state.usage.problems


@pytest.mark.slow
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
    *(Fault(kind, after=4, times=2) for kind in ("corrupt", "reads", "qubits", "fewer", "infinite")),
    *(Fault(kind, after=4) for kind in ("unlabelled", "short", "500-after")),
    Fault("order", every=1),
    *(Fault(kind, after=4) for kind in ("failed", "cancelled", "never")),
    Fault("offline", "submit", after=4, seconds=0.2),
    Fault("offline", "problem", after=4, seconds=0.2),
]


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.kind}-{fault.on}")
def test_a_fault_changes_nothing_and_costs_nothing(service, patterns, direct, fault):
    service.add_fault(fault)
    qpu = connect(service, answer_timeout=1.0)
    state = train(qpu, patterns)
    assert_same(state, direct)
    assert sorted(map(int, paid(service))) == list(range(state.usage.problems))


@pytest.mark.slow
def test_a_problem_that_never_ends_and_then_is_not_found_is_asked_for_anew(service, patterns, direct):
    service.add_fault(Fault("never", after=4))
    service.add_fault(
        Fault("404", "answer", after=5, times=2)
    )  # while it is waited for, and after it is given up
    state = train(connect(service, answer_timeout=1.0), patterns)
    assert_same(state, direct)
    assert len(paid(service)) == state.usage.problems
    assert [p.status for p in service.problems].count("CANCELLED") == 1


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["missing", "strangers", "twins"])
def test_a_search_that_is_late_or_wrong_costs_nothing(service, patterns, direct, kind):
    service.add_fault(Fault("reset-after", "submit", after=4))
    service.add_fault(Fault(kind, "list", after=1, times=3))  # the first looks for what a lost journal had
    state = train(connect(service), patterns)
    assert_same(state, direct)
    assert sorted(map(int, paid(service))) == list(range(state.usage.problems))


@pytest.mark.slow
def test_replies_without_labels_are_taken_by_their_places(direct):
    chip = Chip.perfect("pegasus", 4).without(0.01, seed=1)
    data = datasets.load("digits", train_per_class=2, test_per_class=2)
    settings = {"dataset": "digits", "network": "layers", "layers": (16, 10), "epochs": 1, "batch_size": 8}
    settings |= {"copies": 2, "chain_strength": 1.0}
    there = train(ChipModel(chip, **MODEL), data, machine="chip", **settings)
    with Emulator(ChipModel(chip, **MODEL)) as service:
        service.add_fault(Fault("unlabelled", every=1))
        service.add_fault(Fault("missing", "list", every=1))
        state = train(connect(service), data, **settings)
        assert_same(state, there)
        assert len(paid(service)) == len(set(paid(service)))
        assert service.requests["POST", "submit"] < len(service.problems)


def starts(service, patterns, file, count, **settings):
    """Starts of a run that stops each time, and why it did."""
    why = []
    for _ in range(count):
        with Journal(file) as journal, pytest.raises(QPUStoppedError) as error:
            train(connect(service, journal, **settings), patterns)
        why.append(str(error.value))
    return why


@pytest.mark.slow
def test_without_replies_and_labels_a_problem_is_sent_five_times_in_all_starts(
    service, patterns, direct, tmp_path
):
    service.add_fault(Fault("reset-after", "submit", times=10**6))
    service.add_fault(Fault("missing", "list", times=10**6))
    file = tmp_path / "qpu.sqlite"
    for why in starts(service, patterns, file, 3, label_lag=0.002):
        assert "problem 0 was sent 5 times in all and may have been annealed each time" in why
    assert paid(service) == ["0"] * 5
    # Once the service can find them, one of the five is taken.
    service._faults._plans.clear()
    with Journal(file) as journal:
        state = train(connect(service, journal), patterns)
    for name, value in direct.parameters.items():
        np.testing.assert_array_equal(state.parameters[name], value)
    assert sorted(map(int, paid(service)))[4:] == list(range(direct.usage.problems))


@pytest.mark.slow
def test_an_hour_later_what_was_never_found_does_not_count(service, patterns, direct, tmp_path, monkeypatch):
    service.add_fault(Fault("reset-before", "submit", times=5))
    file = tmp_path / "qpu.sqlite"
    assert "sent 5 times" in starts(service, patterns, file, 1, label_lag=0.002)[0]
    monkeypatch.setattr("ising_ep.qpu.attempts.SURE_LAG", 0.0)
    with Journal(file) as journal:
        assert_same(train(connect(service, journal), patterns), direct)
    assert sorted(map(int, paid(service))) == list(range(direct.usage.problems))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["corrupt", "fewer", "infinite"])
def test_an_answer_that_stays_damaged_stops_the_run_at_once(service, patterns, tmp_path, kind):
    service.add_fault(Fault(kind, after=2, times=10**6))
    file = tmp_path / "qpu.sqlite"
    (why,) = starts(service, patterns, file, 1)
    assert re.match(
        r"the answer to problem 2 \(.*\) cannot be used, in 5 fetches: .* up to 5 times in all", why
    )
    assert paid(service).count("2") == 1
    *others, last = starts(service, patterns, file, 7)
    assert all("cannot be used" in why for why in others[:4])
    assert "problem 2 was sent 5 times in all" in last
    assert paid(service).count("2") == 5


@pytest.mark.slow
def test_an_answer_that_is_whole_again_is_not_annealed_anew(service, patterns, direct, tmp_path):
    service.add_fault(Fault("corrupt", after=2, times=5))
    file = tmp_path / "qpu.sqlite"
    starts(service, patterns, file, 1)
    with Journal(file) as journal:
        assert_same(train(connect(service, journal), patterns), direct)
    assert sorted(map(int, paid(service))) == list(range(direct.usage.problems))


def test_a_problem_that_fails_when_it_was_annealed_is_sent_five_times_in_all(service, patterns, tmp_path):
    service.add_fault(Fault("spent", after=2, times=10**6))
    for why in starts(service, patterns, tmp_path / "qpu.sqlite", 3):
        assert re.match("problem 2 (failed|was sent) 5 times", why)
    assert paid(service).count("2") == 5


TIMES = [kind for kind in KINDS if kind.startswith(("time-", "untimed"))]


@pytest.mark.slow
@pytest.mark.parametrize("kind", TIMES)
def test_the_budget_holds_whatever_answers_say_of_their_time(service, patterns, direct, caplog, kind):
    service.add_fault(Fault(kind, every=1))
    budget = direct.usage.access_time / 2
    qpu = connect(service, max_access_time=budget)
    with pytest.raises(QPUStoppedError, match="more than the"):
        train(qpu, patterns)
    spent = sum(p.qpu_access_time for p in service.problems) / 1e6
    assert budget - 0.04 < spent <= budget
    assert qpu.usage.access_time == pytest.approx(spent)
    assert caplog.text.count("so the estimate of") == 1


@pytest.mark.slow
def test_the_budget_holds_when_answers_say_too_little_and_problems_are_sent_again(service, patterns):
    service.add_fault(Fault("reset-after", "submit", times=10**6))
    service.add_fault(Fault("missing", "list", times=10**6))
    with pytest.raises(QPUStoppedError, match="more than the"):
        train(connect(service, max_access_time=0.06, label_lag=0.002), patterns)
    assert 0.04 < sum(p.qpu_access_time for p in service.problems) / 1e6 <= 0.06


def test_the_budget_outlives_the_journal(service, patterns, direct):
    budget, saved = direct.usage.access_time / 2, None

    def keep(state):
        nonlocal saved
        saved = state

    with pytest.raises(QPUStoppedError, match="more than the"):
        train(connect(service, max_access_time=budget), patterns, on_batch=keep)
    sent = len(service.problems)
    with pytest.raises(QPUStoppedError, match="more than the"):
        train(connect(service, Journal(None), max_access_time=budget), patterns, state=saved)
    # Of the batch under way nothing tells but the journal: its free phase may be sent once more.
    assert len(service.problems) <= sent + 1


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


@pytest.mark.slow
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
    with pytest.raises(ValueError, match="annealing_time is 5000 us"):
        train(connect(service), patterns, annealing_time=5000.0)
    assert not service.problems


@pytest.mark.slow
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


@pytest.mark.slow
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
        assert journal.attempts(number)[-1].attempt == 1
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


def interrupted(service, file, patterns, images=4):
    """A run that is interrupted after so many images, of which no checkpoint was written."""

    def stop(state):
        if state.images + 2 * state.epoch == images:
            raise KeyboardInterrupt

    with Journal(file) as journal, pytest.raises(KeyboardInterrupt):
        train(connect(service, journal), patterns, on_batch=stop)


DAMAGES = [
    "reads = x'00'",
    "reads = substr(reads, 1, 1)",
    "id = 'ab' || id",
    "id = NULL",
    "digest = 'd'",
    "status = 'LOST'",
    "label = 'l'",
    "seed = '7'",
    "seed = 'x'",
    "access_time = 'fast'",
    "number = 900",
]


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_rows_are_asked_for_again_and_never_learned_from(
    service, patterns, direct, tmp_path, caplog, damage
):
    file = tmp_path / "qpu.sqlite"
    interrupted(service, file, patterns)
    with sqlite3.connect(file) as database:
        database.execute(f"UPDATE problems SET {damage} WHERE number = 2")
    database.close()
    with Journal(file) as journal:
        assert_same(train(connect(service, journal), patterns), direct)
    assert sorted(map(int, paid(service))) == list(range(direct.usage.problems))
    if "number" not in damage:
        assert re.search("problem 2 .*damaged", caplog.text)


@pytest.mark.slow
def test_a_journal_of_version_2_is_gone_on_with(service, patterns, direct, tmp_path, monkeypatch):
    """It names problems by SHA-256."""
    file = tmp_path / "qpu.sqlite"
    with monkeypatch.context() as patch:
        patch.setattr(Anneal, "digest", functools.partialmethod(Anneal.digest, kind=hashlib.sha256))
        interrupted(service, file, patterns)
    with sqlite3.connect(file) as database:
        database.execute("PRAGMA user_version = 2")
        names = database.execute("SELECT digest FROM problems").fetchall()
        assert {len(name) for (name,) in names} == {64}
    database.close()
    for _ in range(2):  # the second finds names of both kinds
        with Journal(file) as journal:
            assert_same(train(connect(service, journal), patterns), direct)
    assert sorted(map(int, paid(service))) == list(range(direct.usage.problems))


@pytest.mark.slow
@pytest.mark.parametrize("left", ["no WAL", "no bytes", "nothing"])
@pytest.mark.parametrize("images", [1, 2, 5, 9])
def test_without_its_journal_a_run_is_found_by_its_name(service, patterns, direct, tmp_path, left, images):
    file, after = tmp_path / "qpu.sqlite", tmp_path / "after the power cut.sqlite"

    def stop(state):
        if state.images + 2 * state.epoch == images:
            shutil.copyfile(file, after)  # before it is closed: what is in the WAL is lost
            raise KeyboardInterrupt

    with Journal(file) as journal, pytest.raises(KeyboardInterrupt):
        train(connect(service, journal), patterns, on_batch=stop)
    if left == "no bytes":
        after.write_bytes(b"")
    elif left == "nothing":
        after.unlink()
    with Journal(after, run=None if left == "no WAL" else journal.run) as journal:
        assert journal.attempts(0) == []
        assert_same(train(connect(service, journal), patterns), direct)
    assert sorted(map(int, paid(service))) == list(range(direct.usage.problems))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"seed": 4}, "so far were sent with another seed than"),
        ({"num_reads": 11}, "so far were sent with another number of reads, schedule or qubits than"),
    ],
)
@pytest.mark.parametrize("checkpoint", [False, True])
def test_edited_settings_are_refused_before_they_are_paid_for(
    service, patterns, tmp_path, settings, text, checkpoint
):
    file, saved = tmp_path / "qpu.sqlite", None

    def stop(state):
        nonlocal saved
        if state.images + 2 * state.epoch == 5:
            saved = state if checkpoint else None
            raise KeyboardInterrupt

    with Journal(file) as journal, pytest.raises(KeyboardInterrupt):
        train(connect(service, journal), patterns, on_batch=stop)
    before = len(service.problems)
    with Journal(file) as journal, pytest.raises(ValueError, match=text):
        train(connect(service, journal), patterns, state=saved, **settings)
    assert len(service.problems) == before


def test_other_weights_are_said_once(service, patterns, tmp_path, caplog):
    file = tmp_path / "qpu.sqlite"
    interrupted(service, file, patterns)
    with Journal(file) as journal:
        train(connect(service, journal), patterns, learning_rate=0.2)
    assert caplog.text.count("are not those that the journal has") == 1


def test_a_full_disk_stops_the_run_and_withdraws_what_is_queued(service, patterns, direct, tmp_path):
    file = tmp_path / "qpu.sqlite"

    def fill(state):
        if state.images + 2 * state.epoch == 4:
            journal._file.execute("PRAGMA max_page_count = 1")

    with (
        Journal(file) as journal,
        pytest.raises(QPUStoppedError, match=r"disk is full: make room, then go on"),
    ):
        train(connect(service, journal), patterns, on_batch=fill)
    with Journal(file) as journal:
        assert_same(train(connect(service, journal), patterns), direct)
    assert sorted(map(int, paid(service))) == list(range(direct.usage.problems))


def test_qubits_of_a_solver_in_any_order(chip, patterns, direct):
    qubits = np.random.default_rng(2).permutation(chip.qubits).tolist()
    with Emulator(ChipModel(chip, **MODEL), properties={"qubits": qubits}) as service:
        service.add_fault(Fault("order", every=1))
        assert_same(train(connect(service), patterns), direct)


@pytest.mark.parametrize("parameter", ["num_reads", "anneal_schedule", "auto_scale"])
def test_a_solver_without_a_parameter_that_is_needed_is_refused(chip, patterns, parameter):
    model = ChipModel(chip, **MODEL)
    parameters = {name: text for name, text in model.properties["parameters"].items() if name != parameter}
    with Emulator(model, properties={"parameters": parameters}) as service:
        with pytest.raises(ValueError, match=f"takes no {parameter}, so"):
            train(connect(service), patterns)
        assert not service.problems


@pytest.mark.parametrize(
    ("properties", "left_out", "text"),
    [
        ({}, ["parameters"], "parameters is None"),
        ({}, ["num_qubits"], "num_qubits is None"),
        ({"num_qubits": 10}, [], "num_qubits is 10, but qubit 127 is among the qubits"),
        ({"num_qubits": "many"}, [], "num_qubits is 'many'"),
        ({"h_range": [1]}, [], r"h_range is \[1\], expected two numbers"),
        ({"h_range": [4, -4]}, [], r"h_range is \[4, -4\], expected two numbers, the smaller first"),
        ({"max_anneal_schedule_points": "few"}, [], "max_anneal_schedule_points is 'few'"),
        ({"topology": {"type": "chimera", "shape": None}}, [], "shape of a chimera chip is None"),
        ({"topology": {"type": "chimera", "shape": [[4]]}}, [], r"shape of a chimera chip is \[\[4\]\]"),
        ({"topology": None}, [], "no QPU with a graph of chimera"),
        ({"qubits": [10**30]}, [], r"qubits holds 1e\+30"),
        ({"couplers": [[0, 1, 2]]}, [], r"couplers holds \[0, 1, 2\]"),
    ],
)
def test_a_solver_that_cannot_be_understood_is_refused_in_a_line(chip, properties, left_out, text):
    model = ChipModel(chip, **MODEL)
    with (
        Emulator(model, properties=properties, left_out=left_out) as service,
        pytest.raises(ValueError, match=text),
    ):
        connect(service)


@pytest.mark.parametrize(
    ("properties", "left_out", "text"),
    [
        ({}, ["h_range"], "does not say its h_range: D-Wave 2000Q's are taken"),
        (
            {"extended_j_range": None},
            ["num_reads_range"],
            "does not say its extended_j_range, num_reads_range",
        ),
        ({}, ["problem_timing_data"], "does not say its problem_timing_data: Advantage's are taken"),
        ({"problem_timing_data": {}}, [], "estimates of QPU time are made with Advantage's"),
        ({"problem_timing_data": None}, [], "does not say its problem_timing_data: Advantage's are taken"),
        ({"problem_timing_data": {"version": "9.0.0"}}, [], "version is '9.0.0'"),
        (
            {"problem_timing_data": TIMING | {"typical_programming_time": -5}},
            [],
            "problem_timing_data.typical_programming_time is -5, expected a number >= 0; estimates of QPU",
        ),
    ],
)
def test_what_a_solver_leaves_out_is_said(chip, patterns, caplog, properties, left_out, text):
    with Emulator(ChipModel(chip, **MODEL), properties=properties, left_out=left_out) as service:
        qpu = connect(service, max_access_time=0.1)
        with pytest.raises(QPUStoppedError, match=r"more than the 0\.1 s"):  # so it is estimated
            train(qpu, patterns)
        assert 4 <= len(service.problems) <= 5
    (said,) = [record for record in caplog.records if "solver Emulated" in record.getMessage()]
    assert text in said.getMessage().replace(
        "num_reads_range, extended_j_range", "extended_j_range, num_reads_range"
    )


# --- the command line, as processes that are killed and interrupted ----------------------------------------


def command(service, *arguments, verb="train"):
    environment = {
        **os.environ,
        "DWAVE_API_ENDPOINT": service.endpoint,
        "DWAVE_API_TOKEN": service.token,
        "DWAVE_CONFIG_FILE": os.devnull,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "ising_ep", verb, *map(str, arguments)],
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


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_and_pays_nothing_twice(service, direct, tmp_path):
    service.add_fault(Fault("slow", "answer", times=10**6, seconds=0.01))
    folder = tmp_path / "run"
    rng = np.random.default_rng(5)
    process = command(service, *new_run(folder))
    for lost in ((), ("-wal",), ("", "-wal")):  # of the journal, as a power cut or a careless copy may
        seen, limit = len(service.problems), time.monotonic() + 30
        wanted = seen + int(rng.integers(2, 8))
        while len(service.problems) < wanted and process.poll() is None and time.monotonic() < limit:
            time.sleep(0.002)
        process.kill()
        process.communicate()
        for suffix in lost:
            (folder / f"qpu.sqlite{suffix}").unlink(missing_ok=True)
        process = command(service, "--resume", folder)
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 0, text
    assert "qpu.sqlite is missing or empty: what was sent is looked up at the service by its labels" in text
    assert_whole(folder, service, direct)


@pytest.mark.slow
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


@pytest.mark.slow
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
    subprocess.run([sys.executable, "-m", "ising_ep", "plot", folder], check=True, env=here)
    assert len(service.problems) == before
    text, _ = (process := command(service, folder, verb="evaluate")).communicate(timeout=60)
    assert process.returncode == 0, text
    assert re.search(r"QPU access time 3\d\.\d ms in 2 calls", text)
    assert re.search("ising-ep [0-9a-f]+ evaluate .* 0.0 seed", service.problems[before].label)


@pytest.mark.slow
def test_without_a_token_it_says_what_to_do(tmp_path):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DWAVE_")}
    environment["DWAVE_CONFIG_FILE"] = os.devnull
    result = subprocess.run(
        [sys.executable, "-m", "ising_ep", "train", *new_run(tmp_path / "run")],
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
