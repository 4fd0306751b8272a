"""What `ising-ep train` refuses before there is a folder, and runs whose data have moved."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import load_file

import ising_ep
from ising_ep import cli
from ising_ep.chip import EnergyScales
from support.packages import install
from support.packages import ising_ep as with_packages

SMALL = ["--layers", "6,4", "--num-reads", "2", "--num-sweeps", "10", "--epochs", "1"]


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data set of two classes in the working directory."""
    monkeypatch.chdir(tmp_path)
    y = np.arange(12) % 2
    x = np.repeat(y[:, None], 9, axis=1).astype(np.float32)
    np.savez("two.npz", x_train=x, y_train=y, x_test=x[:4], y_test=y[:4])
    return tmp_path


def command(*arguments):
    return CliRunner().invoke(cli.main, [str(each) for each in arguments])


@pytest.mark.parametrize(
    "options",
    [
        ["--num-reads", 2_000_000_000],
        ["--test-reads", 2_000_000_000],
        ["--layers", "2000000000,4"],
        ["--machine", "oscillator", "--num-reads", 2_000_000_000],
    ],
)
def test_what_cannot_fit_into_memory_is_refused(data, options):
    result = command("train", "--dataset", "two.npz", "--batch-size", 12, *options, "--out", "run")
    assert result.exit_code == 2
    assert result.output.startswith("Error: ")
    assert result.output.endswith(" do not fit into memory\n")
    assert not Path("run").exists()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--annealing-time", "1e9"], "annealing_time is 1000000000 us, expected 1 to 2000"),
        (["--annealing-time", "0.01"], "annealing_time is 0.01 us, expected 1 to 2000"),
        (["--chain-strength", "3"], "chain_strength is 3.0, expected 0 to 2"),
        (["--num-reads", "100001"], "num_reads is 100001"),
        (["--copies", "500"], "copies is 500, but 8 fit on chimera 4x4x4, 125 qubits; take 8, or fewer"),
    ],
)
def test_what_the_chip_refuses_leaves_no_folder(data, options, text):
    result = command(
        *("train", "--dataset", "two.npz", "--layers", "6,4", "--machine", "chip", "--chip", "chimera:4"),
        *("--num-sweeps", 10, *options, "--out", "run"),
    )
    assert result.exit_code == 2
    assert text in result.output.splitlines()[-1]
    assert not Path("run").exists()


@pytest.mark.parametrize(
    ("file", "options", "text"),
    [
        ({"epoch": 3}, [], "given.json: epoch is 3, but there is no such setting; did you mean epochs?"),
        ({"epoch": None}, [], "given.json: epoch is None, but there is no such setting"),
        ({"Foo": [1]}, [], "given.json: Foo is [1], but there is no such setting"),
        ({"epochs": True}, [], "given.json: epochs is True, expected a number"),
        ({"epochs": "few"}, ["--seed", 3], "given.json: epochs is 'few', expected a number"),
        ({"epochs": "3"}, [], "given.json: epochs is '3', expected a number"),
        (
            {"machine": "chip", "chip_temperature": "16"},
            [],
            "given.json: chip_temperature is '16', expected a number",
        ),
        ({"layers": ["6", 4]}, [], "given.json: layers is ['6', 4], expected a tuple or list of numbers"),
        ({"layers": "6,4"}, [], "given.json: layers is '6,4', expected a tuple or list of numbers"),
        ({"symmetric": "yes"}, [], "given.json: symmetric is 'yes', expected True or False"),
        ('{"epochs": 1, "epochs": 2}', [], "given.json is not JSON that can be read: an object has the name"),
        ('{"seed": 1, "nudge": 2, "nudge": 2}', [], "an object has the name 'nudge' twice"),
        ({"learning_rate": 0}, [], "given.json: learning_rate is 0, expected a number > 0"),
        ({"layers": 5}, [], "given.json: layers is 5, expected a tuple or list of numbers"),
        ({"layers": [8, 0]}, [], "given.json: layers.1 is 0, expected a number >= 1"),
        ({"optimizer": "adm"}, [], "given.json: optimizer is 'adm', expected 'sgd' or 'adam'"),
        ({"machine": "chap"}, [], "given.json: machine is 'chap', expected annealing, "),
        ({"chip": "pegasus:2"}, [], "given.json: chip is pegasus:2, but machine annealing has no such"),
        ({"nudge": 0}, ["--preset", "mnist-100"], "given.json: nudge is 0, expected another number"),
        # What an option says is no fault of the file.
        ({"nudge": 0}, ["--epochs", 0], "Error: epochs is 0, expected a number >= 1"),
        ({"seed": 3}, ["--layers", "4,0"], "Error: layers.1 is 0, expected a number >= 1"),
        ({"seed": 3}, ["--preset", "best"], "Error: preset is 'best', expected one of mnist"),
    ],
)
def test_a_file_of_settings_that_is_wrong_is_named(data, file, options, text):
    (data / "given.json").write_text(file if isinstance(file, str) else json.dumps(file))
    result = command("train", "--dataset", "two.npz", "--settings", "given.json", *options, "--out", "run")
    assert result.exit_code == 2
    assert result.output.startswith("Error: ")
    assert text in result.output
    assert result.output.count("\n") == 1
    assert not Path("run").exists()


@pytest.mark.slow
def test_a_run_goes_on_with_the_energy_scales_that_it_began_with(data):
    """Whatever has become of the file."""
    table = EnergyScales.named("advantage_system4")
    table.save("mine.csv")
    chip = ("--machine", "chip", "--chip", "chimera:4", "--chip-schedule", "mine.csv")
    begin = ("train", "--dataset", "two.npz", *SMALL[:6], *chip)
    assert command(*begin, "--epochs", 2, "--out", "whole").exit_code == 0
    assert command(*begin, "--epochs", 1, "--out", "run").exit_code == 0
    Path("mine.csv").unlink()
    replace(table, name="other", a=2 * table.a).save("mine.csv")
    assert command("train", "--resume", "run", "--epochs", 2).exit_code == 0
    whole, run = (load_file(f"{name}/checkpoint.safetensors") for name in ("whole", "run"))
    assert all(np.array_equal(whole[name], run[name]) for name in whole)
    assert command(*begin, "--epochs", 2, "--out", "other").exit_code == 0
    other = load_file("other/checkpoint.safetensors")
    assert not all(np.array_equal(whole[name], other[name]) for name in whole)


@pytest.mark.slow
def test_a_run_whose_file_moved_goes_on_with_it(data, monkeypatch):
    assert command("train", "--dataset", "two.npz", *SMALL, "--out", "run").exit_code == 0
    recorded = json.loads(Path("run/config.json").read_text())["config"]["dataset"]
    assert recorded == str(data / "two.npz")
    (data / "else").mkdir()
    monkeypatch.chdir(data / "else")  # the paths of a run are those of no folder in particular
    again = command("train", "--resume", data / "run", "--epochs", 2, "--dataset", "../two.npz")
    assert again.exit_code == 0, again.output
    (data / "two.npz").rename("moved.npz")
    missing = command("train", "--resume", data / "run", "--epochs", 3)
    assert missing.exit_code == 2
    assert str(data / "two.npz") in missing.output
    moved = command("train", "--resume", data / "run", "--epochs", 3, "--dataset", "moved.npz")
    assert moved.exit_code == 0, moved.output
    recorded = json.loads((data / "run" / "config.json").read_text())["config"]["dataset"]
    assert recorded == str(data / "else" / "moved.npz")
    assert command("evaluate", data / "run").exit_code == 0
    with np.load("moved.npz") as arrays:
        np.savez("other.npz", **{**arrays, "x_train": 1 - arrays["x_train"]})
    other = command("train", "--resume", data / "run", "--epochs", 4, "--dataset", "other.npz")
    assert other.exit_code == 2
    assert "other.npz does not hold the images that the run in" in other.output
    named = command("train", "--resume", data / "run", "--epochs", 4, "--dataset", "digits")
    assert named.exit_code == 2
    assert "a run keeps its settings" in named.output


ANSWERS = """
from ising_ep.machines import Machine, MachineSettings


class Silent(Machine):
    def sample(self, couplings, fields, **given):
        return None


class Settings(MachineSettings):
    def build(self, network, work):
        return Silent()
"""


@pytest.mark.slow
def test_a_machine_that_answers_with_nothing_is_a_line(data):
    install(data / "site", "silent", ANSWERS, silent="silent:Settings")
    done = with_packages(data / "site", data, "train", "--dataset", "two.npz", "--machine", "silent")
    assert done.returncode == 2
    assert done.stderr == "Error: the machine answered with a NoneType, expected a BatchResult\n"


@pytest.mark.slow
def test_the_command_and_python_write_the_same_folder(data):
    """The same files, and each goes on with the other's."""
    given = {"dataset": "two.npz", "layers": (6, 4), "num_reads": 2, "num_sweeps": 10, "epochs": 1}
    dataset = ising_ep.datasets.load("two.npz")
    config = ising_ep.config.TrainConfig.checked(given)
    ising_ep.training.train(config, dataset, folder="python")
    assert command("train", "--dataset", "two.npz", *SMALL, "--out", "command").exit_code == 0
    assert command("train", "--resume", "python", "--epochs", 2).exit_code == 0
    ising_ep.training.resume("command", dataset, epochs=2)
    found = [ising_ep.load(folder).parameters for folder in ("python", "command")]
    for name, value in found[0].items():
        np.testing.assert_array_equal(value, found[1][name])
    written = {file.name for file in Path("command").iterdir() if file.suffix != ".png"}
    assert written == {file.name for file in Path("python").iterdir() if file.suffix != ".png"}
