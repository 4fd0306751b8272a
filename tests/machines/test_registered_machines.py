"""Machines of other packages: registered by an entry point, trained by name, refused where they are wrong."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from ising_ep.config import OWN
from ising_ep.machines import MACHINES, MachineSettings
from ising_ep.settings import Registry
from support.packages import install, ising_ep

PAGE = Path(__file__).resolve().parents[2] / "docs" / "machines.md"
# The example of the page: steepest descent, with a setting "restarts".
DESCENT = re.search(r"^## A machine of your own$.*?^```py$(.*?)^```$", PAGE.read_text(), re.M | re.S)[1]
MODEL = """
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


def test_the_help_lists_its_option_and_what_cannot_be_loaded(site: Path, tmp_path: Path) -> None:
    done = ising_ep(site, tmp_path, "train", "--help")
    text = " ".join(done.stdout.split())
    assert "|qpu|descent|wrecked]" in text
    assert "descent: steepest descent" in text
    assert "--restarts INTEGER Random states to begin with (descent). [default: 2]" in text
    assert "machine wrecked of wreck:Settings (wreck) cannot be loaded: ModuleNotFoundError" in text
    assert done.stderr == ""
    assert "descent" not in ising_ep(site, tmp_path, "estimate", "--help").stdout


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ("--machine descent --restarts 0", "restarts is 0: Input should be greater than or equal to 1"),
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
    found.reserve(OWN)
    return found


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (
            "seed: int = 1",
            "of other_kind:Settings (other_kind) has a setting seed, which the run has itself; rename it",
        ),
        ("gain: int = 1", "has a setting gain of another type than machine analog; rename it"),
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
    assert machines.broken == {"other": str(error.value)}


@pytest.mark.parametrize(
    ("points", "name", "text"),
    [
        (
            {"annealing": "some_kinds:Settings"},
            "annealing",
            "by ising_ep.machines.annealing:AnnealingSettings",
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
    assert list(machines.broken) == [name]


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
