"""examples/machine_over_tcp.py: a server, a package that registers the machine, and the command."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from safetensors.numpy import load_file

from ising_ep import datasets, training
from ising_ep.config import TrainConfig
from support.packages import install, ising_ep

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "machine_over_tcp.py"


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location(EXAMPLE.stem, EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder in which the example is installed, by the entry point that its first lines name."""
    name, value = re.search(r'^    (\w+) = "(\w+:\w+)"$', EXAMPLE.read_text(), re.M).groups()
    install(tmp_path / "site", EXAMPLE.stem, EXAMPLE.read_text(), **{name: value})
    return tmp_path / "site"


def start(port: int = 0) -> tuple[subprocess.Popen[str], int]:
    """A server, and its port."""
    server = subprocess.Popen(
        [sys.executable, EXAMPLE, "--port", str(port)], stdout=subprocess.PIPE, text=True
    )
    return server, int(server.stdout.readline().removeprefix("listening on 127.0.0.1:"))


@pytest.fixture
def server() -> Iterator[tuple[subprocess.Popen[str], int]]:
    process, port = start()
    yield process, port
    process.kill()
    process.communicate()


def rows(run: Path) -> list[dict[str, str]]:
    """The lines of metrics.csv without the seconds that they took."""
    with (run / "metrics.csv").open() as file:
        return [
            {name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)
        ]


@pytest.mark.slow
def test_it_is_trained_by_name_and_answers_what_the_annealer_answers(site, server, tmp_path):
    process, port = server

    def command(*arguments: str) -> str:
        done = ising_ep(site, tmp_path, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    new = ("train", "--dataset", "patterns", "--epochs", "8")
    command(*new, "--machine", "tcp", "--tcp-port", str(port), "--out", "tcp")
    command(*new, "--machine", "annealing", "--out", "here")
    tcp, here = tmp_path / "tcp", tmp_path / "here"
    record = json.loads((tcp / "config.json").read_text())["config"]
    assert (record["machine"], record["tcp_port"], record["num_reads"]) == ("tcp", port, 10)
    assert rows(tcp) == rows(here)
    assert float(rows(tcp)[-1]["test_accuracy"]) == 1
    first, second = (load_file(run / "checkpoint.safetensors") for run in (tcp, here))
    assert {name: array.tobytes() for name, array in first.items()} == {
        name: array.tobytes() for name, array in second.items()
    }
    assert "accuracy 100.00%" in command("evaluate", "tcp")
    process.send_signal(signal.SIGINT)
    assert process.wait() == 0
    gone = ising_ep(site, tmp_path, "evaluate", "tcp")
    assert gone.returncode == 2
    assert gone.stderr.startswith(f"Error: no machine listens at 127.0.0.1:{port}: ")
    gone = ising_ep(site, tmp_path, *new, "--machine", "tcp", "--tcp-port", str(port), "--out", "new")
    assert (gone.returncode, (tmp_path / "new").exists()) == (2, False)


@pytest.mark.slow
def test_a_run_whose_server_goes_away_ends_and_goes_on(example, server, tmp_path):
    process, port = server
    patterns = datasets.load_patterns()
    config = TrainConfig.checked({"dataset": "patterns", "epochs": 4})

    class Killing(training.Callback):
        def on_epoch(self, state):
            if state.epoch == 2:
                process.kill()
                process.wait()

    machine = example.TCPMachine("127.0.0.1", port, num_reads=10)
    with pytest.raises(example.StoppedError, match=f"^the machine at 127.0.0.1:{port} is gone: "):
        training.train(config, patterns, machine=machine, callbacks=[Killing()], folder=tmp_path / "run")
    machine.close()
    again, port = start()
    try:
        machine = example.TCPMachine("127.0.0.1", port, num_reads=10)
        run = training.RunFolder.open(tmp_path / "run")
        state = training.train(config, patterns, machine=machine, state=run.load())
        run.close()
        machine.close()
    finally:
        again.kill()
        again.communicate()
    whole = training.train(config, patterns)
    assert all(np.array_equal(state.parameters[name], whole.parameters[name]) for name in whole.parameters)


def test_messages_are_arrays_and_nothing_else(example):
    arrays = [np.arange(6, dtype=np.int8).reshape(2, 3), np.empty((0, 2)), np.array(7, np.uint64)]
    stream = io.BytesIO()
    example.send(stream, *arrays)
    stream.seek(0)
    found = example.receive(stream)
    assert [(a.dtype, a.shape, a.tobytes()) for a in found] == [
        (a.dtype, a.shape, a.tobytes()) for a in arrays
    ]
    with pytest.raises(ValueError, match="pickle"):
        example.send(io.BytesIO(), np.array([print], dtype=object))
    pickled = io.BytesIO()
    np.save(pickled, np.array([None]), allow_pickle=True)
    message = len(pickled.getvalue()).to_bytes(8, "big") + pickled.getvalue()
    with pytest.raises(ValueError, match="pickle"):
        example.receive(io.BytesIO(message))
    with pytest.raises(EOFError):
        example.receive(io.BytesIO(message[:-1]))
    with pytest.raises(ValueError, match=f"{2**40} bytes, expected at most"):
        example.receive(io.BytesIO((2**40).to_bytes(8, "big")))


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"tcp_port": 0}, "tcp_port is 0, expected a number >= 1"),
        ({"tcp_port": 65536}, "tcp_port is 65536, expected a number <= 65535"),
        ({"tcp_host": ""}, "tcp_host is '', expected a text of 1 or more characters"),
        ({"num_reads": 0}, "num_reads is 0, expected a number >= 1"),
    ],
)
def test_settings_are_refused_in_one_line(example, settings, text):
    with pytest.raises(ValueError, match=f"^{text}$"):
        example.TCPSettings.checked(settings)
