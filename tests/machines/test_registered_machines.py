"""Machines of other packages: registered by an entry point, trained by name, refused where they are wrong."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import click
import numpy as np
import pytest

from ising_ep import datasets, load, training
from ising_ep.cli import main
from ising_ep.cli.options import every_setting
from ising_ep.config import TrainConfig
from ising_ep.config.names import COMMANDS
from ising_ep.extras import MissingExtraError
from ising_ep.machines import MACHINES, MachineSettings
from ising_ep.settings import Registry
from support.packages import install, ising_ep

PAGE = Path(__file__).resolve().parents[2] / "docs" / "machines.md"
# The example of the page: steepest descent, with a setting "restarts".
DESCENT = re.search(r"^## A machine of your own$.*?^```py$(.*?)^```$", PAGE.read_text(), re.M | re.S)[1]
# That of a dimod sampler: parallel tempering.
TEMPERING = re.search(r"^## Any dimod sampler$.*?^```py$(.*?)^```$", PAGE.read_text(), re.M | re.S)[1]
MODEL = """
import typing
from pydantic import Field
from ising_ep.machines import MachineSettings


class Settings(MachineSettings):
    {field}

    def build(self, network, work):
        raise AssertionError
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one package that works, and one that cannot be imported."""
    folder: Path = tmp_path_factory.mktemp("site")
    install(folder, "downhill", DESCENT, descent="downhill:DescentSettings")
    install(folder, "wreck", "import no_such_module\n", wrecked="wreck:Settings")
    return folder


@pytest.mark.slow
def test_it_is_trained_by_name_resumed_and_evaluated(site: Path, tmp_path: Path) -> None:
    def command(*arguments: str) -> str:
        done = ising_ep(site, tmp_path, *arguments)
        assert done.returncode == 0, done.stderr
        assert "wreck" not in done.stderr  # which nobody asked for
        return done.stdout

    new = ("--dataset", "patterns", "--machine", "descent", "--restarts", "3")
    command("train", *new, "--epochs", "2", "--out", "whole")
    command("train", *new, "--epochs", "1", "--out", "run")
    record = json.loads((tmp_path / "run" / "config.json").read_text())["config"]
    assert (record["machine"], record["restarts"]) == ("descent", 3)
    assert not record.keys() & {"num_reads", "num_sweeps", "chip"}
    command("train", "--resume", "run", "--epochs", "2")
    whole, run = ((tmp_path / name / "metrics.csv").read_text().splitlines() for name in ("whole", "run"))
    assert [line.rpartition(",")[0] for line in run] == [line.rpartition(",")[0] for line in whole]
    accuracy = run[-1].split(",")[3]
    assert f"accuracy {float(accuracy):.2%}" in command("evaluate", "run")
    np.save(tmp_path / "images.npy", np.ones((2, 3, 3), np.float32))
    assert command("predict", "run", "images.npy").splitlines()[0] == "image,label"
    # The package is uninstalled, or does not work any longer: the file is as it was.
    gone = "machine 'descent' is not installed here: install the package that registers it"
    broken = tmp_path / "broken"
    install(broken, "downhill", "import no_such_module\n", descent="downhill:DescentSettings")
    for folder, text in (
        (tmp_path / "nothing", gone),
        (broken, "machine descent of downhill:DescentSettings"),
    ):
        for arguments in (("evaluate", "run"), ("train", "--resume", "run", "--epochs", "3")):
            done = ising_ep(folder, tmp_path, *arguments)
            assert (done.returncode, done.stdout) == (2, "")
            assert done.stderr.startswith(f"Error: {text}")
            assert len(done.stderr.splitlines()) == 1


def test_a_kept_machine_that_is_not_installed_is_no_damage(tmp_path: Path) -> None:
    text = "^machine 'descent' is not installed here: install the package that registers it$"
    patterns = datasets.load_patterns()
    config = TrainConfig.checked({"dataset": "patterns", "machine": "mean-field", "epochs": 1})
    run = tmp_path / "run"
    training.train(config, patterns, folder=run)
    file = run / "config.json"
    file.write_text(file.read_text().replace('"mean-field"', '"descent"'))
    with pytest.raises(MissingExtraError, match=text):
        load(run)
    file.write_text(file.read_text().replace('"descent"', "5"))
    with pytest.raises(ValueError, match="is not the settings of a run: machine is 5, expected annealing, "):
        load(run)


@pytest.mark.slow
def test_a_dimod_sampler_is_trained_by_name_and_resumed(tmp_path: Path) -> None:
    install(tmp_path, "tempered", TEMPERING, tempering="tempered:TemperingSettings")

    def command(*arguments: str) -> str:
        done = ising_ep(tmp_path, tmp_path, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    new = ("--dataset", "patterns", "--layers", "4,4", "--machine", "tempering", "--num-sweeps", "20")
    command("train", *new, "--epochs", "3", "--out", "whole")
    command("train", *new, "--epochs", "2", "--out", "run")
    command("train", "--resume", "run", "--epochs", "3")
    whole, run = ((tmp_path / name / "metrics.csv").read_text().splitlines() for name in ("whole", "run"))
    assert [line.rpartition(",")[0] for line in run] == [line.rpartition(",")[0] for line in whole]
    record = json.loads((tmp_path / "run" / "config.json").read_text())["config"]
    assert (record["machine"], record["num_sweeps"]) == ("tempering", 20)
    assert "num_reads" not in record
    assert "accuracy" in command("evaluate", "run")


@pytest.mark.slow
def test_the_help_lists_its_option_and_what_cannot_be_loaded(site: Path, tmp_path: Path) -> None:
    done = ising_ep(site, tmp_path, "train", "--help")
    text = " ".join(done.stdout.split())
    assert "|qpu|descent|wrecked]" in text
    assert "descent: steepest descent" in text
    assert "--restarts INTEGER Random states to begin with (descent). [default: 2]" in text
    assert "machine wrecked of wreck:Settings (wreck) cannot be loaded: ModuleNotFoundError" in text
    assert done.stderr == ""
    assert "descent" not in ising_ep(site, tmp_path, "estimate", "--help").stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ("--machine descent --restarts 0", "restarts is 0, expected a number >= 1"),
        ("--machine descent --restarts few", "'few' is not a valid integer"),
        (
            "--machine annealing --restarts 2",
            "restarts is 2, but machine annealing has no such setting; take",
        ),
        ("--machine descent --num-sweeps 9", "num_sweeps is 9, but machine descent has no such setting"),
        ("--machine descent --threads 2", "--threads is 2, but machine descent takes no such option"),
        (
            "--machine wrecked",
            "machine wrecked of wreck:Settings (wreck) cannot be loaded: ModuleNotFoundError",
        ),
        ("--machine nothing", "machine is 'nothing', expected annealing, "),
    ],
)
def test_what_is_wrong_is_refused_in_a_line(site: Path, tmp_path: Path, arguments: str, text: str) -> None:
    done = ising_ep(site, tmp_path, "train", *arguments.split())
    assert done.returncode == 2
    *usage, line = done.stderr.splitlines()
    assert line.startswith("Error: ")
    assert text in line
    assert all(each.startswith(("Usage: ", "Try ")) or not each for each in usage)
    assert not list(tmp_path.iterdir())


def registry(patch: pytest.MonkeyPatch, folder: Path) -> Registry[MachineSettings]:
    """A registry of the machines there are with the packages in a folder, none of which is loaded yet."""
    patch.syspath_prepend(str(folder))
    for file in folder.glob("*.py"):
        sys.modules.pop(file.stem, None)
    found: Registry[MachineSettings] = Registry("machine", MachineSettings, dict(MACHINES._own))
    for whose, names in MACHINES._reserved:
        found.reserve(whose, names)
    return found


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (
            "seed: int = 1",
            "of other_kind:Settings (other_kind) has a setting seed, which the run has itself; rename it",
        ),
        ("gain: int = 1", "has a setting gain of another type than machine analog; rename it"),
        ("layers: tuple[int, ...] = (7,)", "has a setting layers, which a network has itself; rename it"),
        ("threads: int = 2", "has a setting threads, which the command has itself; rename it"),
        ("help: int = 2", "has a setting help, which the command has itself; rename it"),
        ("recorded: int = 1", "has a setting recorded, which the run has itself; rename it"),
        ("no_symmetric: int = 1", "has a setting no_symmetric, which the run has itself; rename it"),
        ("about: str = 'text'", "has a setting about, which every machine has itself; rename it"),
        ("Gain: float = 1.0", "has a setting Gain, expected a name in lower case"),
        ("size: dict[str, int] = {}", "has a setting size of type dict[str, int], expected bool, int, "),
        ("size: list[float] = []", "has a setting size of type list[float], expected bool"),
        ("size: 'typing.Literal[1, 2]' = 1", "of type typing.Literal[1, 2], expected bool"),
        ("size: int", "has a setting size without a default"),
        ("title = 5", "has title 5, expected a str"),
        ("size: 'typing.Annotated[int, Field(ge=3, validate_default=True)]' = 1", "defaults that do not fit"),
    ],
)
def test_a_setting_whose_name_is_taken_is_refused(
    field: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "other_kind", MODEL.format(field=field), other="other_kind:Settings")
    machines = registry(monkeypatch, tmp_path)
    with pytest.raises(ValueError, match=r"^machine other ") as error:
        machines.load("other")
    assert text in str(error.value)
    assert "other" not in machines.models()
    assert machines.broken == [str(error.value)]


@pytest.mark.parametrize(
    ("points", "name", "text"),
    [
        (
            {"other": "some_kinds:MachineSettings"},
            "other",
            "of some_kinds:MachineSettings (some_kinds) has no build",
        ),
        ({"other": "some_kinds:nothing"}, "other", "cannot be loaded: AttributeError"),
        (
            {"other": "some_kinds:__name__"},
            "other",
            "is 'some_kinds', expected a subclass of ising_ep.machines",
        ),
    ],
)
def test_an_entry_point_that_is_none_is_named_when_it_is_asked_for(
    points: dict[str, str], name: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "some_kinds", MODEL.format(field="size: int = 1"), **points)
    machines = registry(monkeypatch, tmp_path)
    assert machines.load("oscillator") is MACHINES.load("oscillator")
    with pytest.raises(ValueError, match=f"^machine {name} ") as error:
        machines.load(name)
    assert text in str(error.value)
    assert "\n" not in str(error.value)
    assert machines.broken == [str(error.value)]


def test_two_packages_of_one_name_are_both_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("one", "two"):
        install(
            tmp_path,
            f"kinds_{package}",
            MODEL.format(field="size: int = 1"),
            other=f"kinds_{package}:Settings",
        )
    machines = registry(monkeypatch, tmp_path)
    text = r"^machine other is registered by kinds_one:.* \(kinds_one\) and by kinds_two:.* \(kinds_two\)"
    with pytest.raises(ValueError, match=text):
        machines.load("other")


def test_of_two_packages_the_same_one_gives_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever is asked for first."""
    install(tmp_path, "first_kinds", MODEL.format(field="speed: int = 1"), aa="first_kinds:Settings")
    install(tmp_path, "second_kinds", MODEL.format(field="speed: float = 1"), bb="second_kinds:Settings")
    for asked in (("aa", "bb"), ("bb", "aa")):
        machines = registry(monkeypatch, tmp_path)
        outcomes = {}
        for name in asked:
            try:
                outcomes[name] = machines.load(name).__name__
            except ValueError as error:
                outcomes[name] = str(error)
        assert outcomes == {
            "aa": "Settings",
            "bb": "machine bb of second_kinds:Settings (second_kinds) has a setting speed of another type"
            " than machine aa; rename it",
        }


# Packages that break what does not ask for them, if anything does.
HOSTILE = """
from typing import Annotated
from pydantic import Field
from ising_ep.machines import AnnealingMachine, MachineSettings
from ising_ep.network.settings import NetworkSettings


class Empty(MachineSettings):
    sizes: Annotated[tuple[int, ...], Field(description="Sizes.")] = ()
    switch: bool | None = None

    def build(self, network, work):
        return AnnealingMachine(num_reads=2, num_sweeps=9)


class Nothing(MachineSettings):
    def build(self, network, work):
        return None


class Raises(MachineSettings):
    def build(self, network, work):
        raise KeyError("token")


class Levels(Nothing):
    levels = (0, 2)


class Other(NetworkSettings):
    toggle: int = 1

    def build(self, form, levels):
        return "net"


class Wrong(NetworkSettings):
    def build(self, form, levels):
        from ising_ep.network import FullyConnected

        return FullyConnected(form.num_inputs + 1, (4,), form.num_classes)
"""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("hostile")
    names = {name: f"hostile:{name.title()}" for name in ("empty", "nothing", "raises", "levels")}
    networks = {"layers": "hostile:Other", "other": "hostile:Other", "wrong": "hostile:Wrong"}
    install(folder, "hostile", HOSTILE, networks=networks, annealing="hostile:Empty", **names)
    install(folder, "leaves", "import sys; sys.exit(3)\n", leaves="leaves:Settings")
    return folder


@pytest.mark.slow
def test_what_is_not_asked_for_stands_in_nobodys_way(hostile: Path, tmp_path: Path) -> None:
    plain = ("--dataset", "patterns", "--layers", "4", "--epochs", "1", "--num-reads", "2")
    done = ising_ep(hostile, tmp_path, "train", *plain, "--out", "run")
    assert done.returncode == 0, done.stderr
    np.save(tmp_path / "images.npy", np.ones((2, 3, 3), np.float32))
    for command in (
        ("evaluate", "run"),
        ("predict", "run", "images.npy"),
        ("train", "--machine", "empty", *plain[:6]),
    ):
        done = ising_ep(hostile, tmp_path, *command)
        assert done.returncode == 0, done.stderr
    for command in ("train", "estimate", "embed"):
        done = ising_ep(hostile, tmp_path, command, "--help")
        assert (done.returncode, done.stderr) == (0, "")
        text = " ".join(done.stdout.split())
        assert "--layers N,N,..." in text
        assert "network layers of hostile:Other (hostile) has the name of one of ising-ep's own" in text
    text = " ".join(ising_ep(hostile, tmp_path, "train", "--help").stdout.split())
    assert "machine annealing of hostile:Empty (hostile) has the name of one of ising-ep's own" in text
    assert "machine leaves of leaves:Settings (leaves) cannot be loaded: SystemExit: 3" in text
    assert "--sizes" in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ("--machine leaves", "machine leaves of leaves:Settings (leaves) cannot be loaded: SystemExit: 3"),
        (
            "--machine nothing",
            "machine nothing cannot be built: TypeError: machine is None, expected an object of class",
        ),
        ("--machine raises", "machine raises cannot be built: KeyError: 'token'"),
        ("--machine levels", "machine levels has neurons of 0 and 2; take network another"),
        ("--network other", "network other cannot be built: TypeError: network other is 'net', expected"),
        ("--network wrong", "network wrong has 10 inputs, but the data have 9"),
    ],
)
def test_what_a_package_builds_is_refused_in_a_line(
    hostile: Path, tmp_path: Path, arguments: str, text: str
) -> None:
    done = ising_ep(hostile, tmp_path, "train", "--dataset", "patterns", *arguments.split())
    assert done.returncode == 2
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    assert text in done.stderr
    assert not list(tmp_path.iterdir())


def test_the_names_of_all_options_of_commands_are_taken() -> None:
    """An option that a command gains is no longer a name for a setting of others."""
    for name in ("train", "estimate", "embed"):
        command = main.commands[name]
        for option in command._given:
            if isinstance(option, click.Parameter):
                assert option.name in {*COMMANDS, *every_setting()}, option.name
