"""`evaluate` and `predict`: options that are used or refused; on a QPU full chips, limits, paid for once."""

import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from ising_ep import cli, datasets, training
from ising_ep.chip import Chip
from ising_ep.config import TrainConfig
from ising_ep.embedding import Embedding, embed
from ising_ep.emulator import Emulator, Fault
from ising_ep.machines.chip_model import ChipModel
from ising_ep.training.build import machine_of
from ising_ep.training.run_folder import RunFolder
from support.anneals import count_anneals
from support.services import log_in

CHIP = Chip.perfect("chimera", 6)
MODEL = ChipModel(CHIP, sweeps_per_us=10.0)
NUM_IMAGES = 45


@pytest.fixture
def service():
    with Emulator(MODEL) as service:
        yield service


@pytest.fixture
def at_the_service(service, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    log_in(monkeypatch, service)
    return service


def ising_ep(*arguments):
    return CliRunner().invoke(cli.main, [*map(str, arguments)])


@pytest.fixture
def run(at_the_service):
    """A run on the QPU, one copy of its network on the chip."""
    options = ("--dataset=patterns", "--network=convolutional", "--epochs=2", "--seed=3", "--machine=qpu")
    result = ising_ep("train", *options, "--out", "run")
    assert result.exit_code == 0, result.output
    return Path("run")


@pytest.fixture
def images(run):
    rng = np.random.default_rng(7)
    x = np.where(rng.random((NUM_IMAGES, 9)) < 0.5, -1, 1).astype(np.float32)
    np.save("images.npy", x)
    return x


def labels_of(run, x):
    """What the chip model itself says of the images, in as many copies as fit."""
    folder = RunFolder.open(run)
    data, parameters = datasets.load("patterns"), folder.load().parameters
    network = training.network_of(folder.config, data)
    many = embed(network, CHIP, copies=None)
    full = Embedding(many.chains[: len(x)], many.graph_id)
    machine = machine_of(folder.config, network, annealer=MODEL, embedding=full)
    found = training.evaluate(
        folder.config,
        data,
        parameters,
        x,
        np.zeros(len(x), np.int64),
        machine=machine,
        batch_size=full.num_copies,
    )
    return found.predictions.tolist(), full.num_copies


def printed(output):
    return [int(label) for _, label in re.findall(r"^(\d+),(\d+)$", output, re.MULTILINE)]


def paid(service, before=0):
    """Labels of what was annealed, but for the attempt at it."""
    problems = service.problems[before:]
    return [re.sub(r"\.\d+ ", " ", problem.label) for problem in problems if problem.annealed]


def journal(run, query):
    with sqlite3.connect(run / "qpu.sqlite") as database:
        return database.execute(query).fetchall()


@pytest.mark.slow
def test_the_chip_is_full_and_a_call_less_is_not_enough(service, run, images):
    sent = len(service.problems)
    expected, copies = labels_of(run, images)
    assert copies > 1
    result = ising_ep("predict", run, "images.npy")
    assert result.exit_code == 0, result.output
    calls = -(-NUM_IMAGES // copies)
    assert len(service.problems) - sent == calls
    assert f"in {calls} calls\n" in result.output
    assert printed(result.stdout) == expected
    assert f"{calls} problems on the chip" in result.stderr
    # Training keeps its single copy.
    assert Embedding.load(run / "embedding.json", CHIP).num_copies == 1

    before = len(service.problems)
    result = ising_ep("predict", run, "images.npy", "--copies", 2)
    assert result.exit_code == 0, result.output
    assert len(service.problems) - before == -(-NUM_IMAGES // 2)

    # More than fit are at most so many, and that is said.
    result = ising_ep("predict", run, "images.npy", "--copies", NUM_IMAGES)
    assert result.exit_code == 0, result.output
    assert f"--copies is {NUM_IMAGES}: {copies} fit, and are taken\n" in result.stderr


@pytest.mark.slow
def test_what_costs_more_than_is_allowed_is_not_begun(service, run, images):
    sent = len(service.problems)
    asked = ising_ep("predict", run, "images.npy", "--max-qpu-time", 0.001)
    assert asked.exit_code == 2
    last = asked.output.splitlines()[-1]
    assert last.startswith("Error: --max-qpu-time is 0.001, but the evaluation takes about ")
    assert len(service.problems) == sent
    needed = float(re.search(r"takes about (\S+) s", last)[1])
    assert ising_ep("predict", run, "images.npy", "--max-qpu-time", 0.98 * needed).exit_code == 2
    assert len(service.problems) == sent
    enough = ising_ep("predict", run, "images.npy", "--max-qpu-time", 1.02 * needed)
    assert enough.exit_code == 0, enough.output
    took = sum(problem.qpu_access_time for problem in service.problems[sent:]) / 1e6
    assert took == pytest.approx(needed, abs=1e-3)


@pytest.mark.slow
def test_an_evaluation_that_was_killed_goes_on_and_is_paid_for_once(service, run, images):
    expected, _ = labels_of(run, images)
    sent = len(service.problems)
    service.add_fault(Fault("slow", "answer", times=10**6, seconds=0.1))
    arguments = ["predict", "run", "images.npy", "--copies", "2"]
    rng = np.random.default_rng(2)
    for _ in range(2):
        process = subprocess.Popen([sys.executable, "-m", "ising_ep", *arguments], stderr=subprocess.DEVNULL)
        limit = time.monotonic() + 60
        while len(service.problems) == sent and process.poll() is None and time.monotonic() < limit:
            time.sleep(0.01)
        time.sleep(float(rng.uniform(0, 1.5)))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    result = ising_ep(*arguments)
    assert result.exit_code == 0, result.output
    assert "were sent before" in result.output
    annealed = paid(service, sent)
    assert len(annealed) == len(set(annealed)) == -(-NUM_IMAGES // 2)
    assert len(printed(result.stdout)) == len(expected)
    assert journal(run, "SELECT count(*) FROM problems WHERE reads NOTNULL") == [(0,)]

    again = ising_ep(*arguments)
    assert printed(again.stdout) == printed(result.stdout)
    assert len(paid(service, sent)) == len(annealed)


@pytest.mark.slow
def test_one_that_was_stopped_says_how_it_goes_on_and_leaves_no_reads(service, run, images):
    service.add_fault(Fault("403", "submit", after=2))
    stopped = ising_ep("predict", run, "images.npy", "--copies", 1)
    assert stopped.exit_code == 75
    assert "With the same arguments it goes on, and what was sent is not paid for again" in stopped.stderr
    held = "SELECT count(*) FROM problems WHERE reads NOTNULL"
    assert journal(run, held) != [(0,)]
    assert ising_ep("evaluate", run).exit_code == 0  # another one: it tidies up behind the first
    assert journal(run, held) == [(0,)]
    before = len(service.problems)
    result = ising_ep("predict", run, "images.npy", "--copies", 1)
    assert result.exit_code == 0, result.output
    assert len(set(paid(service))) == len(paid(service))
    assert len(service.problems) - before < NUM_IMAGES


@pytest.mark.slow
def test_an_evaluation_keeps_the_layout_that_the_user_gave(at_the_service, images_of_a_laid_out_run):
    run, _ = images_of_a_laid_out_run
    before = len(at_the_service.problems)
    result = ising_ep("predict", run, "images.npy")
    assert result.exit_code == 0, result.output
    assert len(at_the_service.problems) - before == -(-NUM_IMAGES // 2)
    refused = ising_ep("predict", run, "images.npy", "--copies", 3)
    assert refused.exit_code == 2
    assert refused.output.splitlines()[-1].startswith("Error: --copies is 3, but ")


@pytest.fixture
def images_of_a_laid_out_run(at_the_service):
    data = datasets.load("patterns")
    config = TrainConfig.checked({"dataset": "patterns", "network": "convolutional", "machine": "qpu"})
    embed(training.network_of(config, data), CHIP, copies=2).save(Path("two.json"))
    options = ("--dataset=patterns", "--network=convolutional", "--epochs=1", "--machine=qpu")
    result = ising_ep("train", *options, "--embedding", "two.json", "--out", "laid_out")
    assert result.exit_code == 0, result.output
    x = np.where(np.random.default_rng(7).random((NUM_IMAGES, 9)) < 0.5, -1, 1).astype(np.float32)
    np.save("images.npy", x)
    return Path("laid_out"), x


# --- options, on other machines ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def computed(tmp_path_factory):
    """Runs of machines that are computed, by name."""
    folder = tmp_path_factory.mktemp("computed")
    x = np.random.default_rng(0).random((12, 4, 4)).astype(np.float32)
    y = np.arange(12) % 3
    np.savez(folder / "data.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    np.save(folder / "images.npy", x)
    small = ("--dataset", folder / "data.npz", "--layers", "6,3", "--epochs", 1)
    for machine, *more in (("annealing", "--test-reads", 3), ("deterministic",)):
        result = ising_ep("train", *small, "--machine", machine, *more, "--out", folder / machine)
        assert result.exit_code == 0, result.output
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2, None])
@pytest.mark.parametrize("command", ["evaluate", "predict"])
def test_threads_are_those_that_anneal(computed, command, threads, monkeypatch):
    """Of a run whose tests have reads of their own, too."""
    used = []
    count_anneals(monkeypatch, lambda call: used.append((call["num_reads"], call["num_threads"])))
    images = [computed / "images.npy"] if command == "predict" else []
    options = [] if threads is None else ["--threads", threads]
    result = ising_ep(command, computed / "annealing", *images, *options)
    assert result.exit_code == 0, result.output
    assert used == [(3, threads)]


@pytest.mark.parametrize(
    ("machine", "option", "text"),
    [
        ("deterministic", ("--threads", 2), "--threads is 2, but machine deterministic takes no"),
        ("annealing", ("--max-qpu-time", 1), "--max-qpu-time is 1.0, but machine annealing takes no"),
        ("annealing", ("--copies", 2), "--copies is 2, but machine annealing takes no"),
        ("deterministic", ("--when-offline", "stop"), "--when-offline is stop, but machine deterministic"),
        (
            "annealing",
            ("--answer-timeout", 5),
            "--answer-timeout is 5.0, but machine annealing takes no",
        ),
        ("annealing", ("--answer-timeout", "inf"), "inf"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(computed, machine, option, text):
    for command, *images in (("evaluate",), ("predict", computed / "images.npy")):
        result = ising_ep(command, computed / machine, *images, *option)
        assert result.exit_code == 2
        assert text in result.output.splitlines()[-1]


def test_a_place_where_no_labels_can_be_written_is_refused_first(computed):
    for place, why in (
        ("no/labels.csv", "cannot be written: there is no folder"),
        ("deterministic", "is a folder, expected a file"),
    ):
        result = ising_ep(
            "predict", computed / "annealing", computed / "images.npy", "--out", computed / place
        )
        assert result.exit_code == 2
        assert f"{computed / place} {why}" in result.output.splitlines()[-1]


@pytest.mark.parametrize(
    ("start", "machine"), [("new", "deterministic"), ("resume", "deterministic"), ("new", "qpu")]
)
def test_training_refuses_threads_that_do_nothing(computed, tmp_path, monkeypatch, start, machine):
    monkeypatch.chdir(tmp_path)
    options = ("--resume", computed / machine) if start == "resume" else ("--machine", machine)
    result = ising_ep("train", *options, "--threads", 2)
    assert result.exit_code == 2
    assert f"--threads is 2, but machine {machine} takes no such option" in result.output.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["evaluate", "predict"])
def test_images_that_the_network_cannot_take_are_refused_before_any_work(tmp_path, monkeypatch, command):
    """Of a run on a chip whose layout would be searched; the file and the image are named."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    options = ("--dataset=patterns", "--network=convolutional", "--epochs=1", "--num-sweeps=10")
    chip = ("--machine=chip", "--chip=chimera:4", "--chip-missing=0")
    result = ising_ep("train", *options, *chip, "--out", "run")
    assert result.exit_code == 0, result.output
    (tmp_path / "run" / "embedding.json").unlink(missing_ok=True)
    patterns = datasets.load_patterns()
    x = patterns.x_test.copy()
    x[1, 4] = 0
    np.save("x.npy", x.reshape(-1, 3, 3))
    y = np.array([0, 1])
    np.savez("own.npz", x_train=x.reshape(-1, 3, 3), y_train=y, x_test=x.reshape(-1, 3, 3), y_test=y)
    images = ["x.npy"] if command == "predict" else ["--dataset", "own.npz"]
    result = ising_ep(command, "run", *images)
    name = "x.npy: x" if command == "predict" else "own: x_test"
    text = "a convolutional network takes images of -1 and +1, and a pixel of image 1 is 0"
    assert (result.exit_code, result.output) == (2, f"Error: {name}: {text}\n")
