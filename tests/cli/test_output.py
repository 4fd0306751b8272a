"""Files that commands write where the user says: none that is there is overwritten without --force, and none
of a run with it."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
import pytest
from click.testing import CliRunner

from ising_ep import cli, datasets, training
from ising_ep.config import TrainConfig
from ising_ep.training.run_folder import CONFIG, FILES
from support.permissions import under_permissions


class Output(NamedTuple):
    """A command that writes a file which an option names.

    Attributes:
        words: The command without the option.
        option: The option.
        file: A name that it takes.
        kept: A name that it takes, under which a run keeps a file.
    """

    words: str
    option: str
    file: str
    kept: str


EMBED = "embed --layers 4,2 --chip chimera:2 --copies 1 --no-cache"
OUTPUTS = [
    Output("predict run images.npy", "--out", "labels.csv", "qpu.sqlite"),
    Output("calibrate run", "--out", "chip.json", "solver.json"),
    Output("inspect run", "--out", "problem.json", "config.json"),
    Output("report run", "--out", "page.html", "report.html"),
    Output("sample problem.coo", "--output", "states.json", "solver.json"),
    Output("sample problem.coo", "--output", "states.csv", "metrics.csv"),
    Output("minimize problem.coo --no-presolve", "--output", "states.npz", "config.json"),
    Output(EMBED, "--out", "chains.json", "embedding.json"),
    Output(EMBED, "--picture", "chip.svg", "curves.png"),
]
# Options that take a path and name no file to write: folders that have a rule of their own, and what is read.
FOLDERS = {("train", "--out"), ("plot", "--out")}
READ = {"--settings", "--resume", "--data-dir", "--chip", "--embedding", "--chip-schedule"}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Two runs, images for one of them, and a problem."""
    folder = tmp_path_factory.mktemp("inputs")
    given = {"dataset": "patterns", "layers": (6, 4), "num_sweeps": 5, "num_reads": 2, "epochs": 1}
    data = datasets.load_patterns()
    training.train(TrainConfig.checked(given), data, folder=folder / "run")
    shutil.copytree(folder / "run", folder / "other")
    np.save(folder / "images.npy", data.x_test)
    (folder / "problem.coo").write_text("# vartype=SPIN\n0 1 1\n")
    return folder


@pytest.fixture(autouse=True)
def here(inputs, tmp_path, monkeypatch):
    monkeypatch.chdir(shutil.copytree(inputs, tmp_path / "here"))
    return tmp_path / "here"


def ising_ep(*words):
    return CliRunner().invoke(cli.main, [str(word) for word in words])


def contents(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def refused(folder, words, line):
    before = contents(folder)
    result = ising_ep(*words)
    assert (result.exit_code, result.output) == (2, f"Error: {line}\n")
    assert contents(folder) == before


def test_every_option_that_names_a_file_to_write_is_here():
    found = {
        (name, parameter.opts[0])
        for name, command in cli.main.commands.items()
        for parameter in command.params
        if isinstance(parameter, click.Option) and isinstance(parameter.type, click.Path)
    }
    here = {(shlex.split(each.words)[0], each.option) for each in OUTPUTS}
    assert {(name, option) for name, option in found - FOLDERS if option not in READ} == here
    assert found >= FOLDERS
    for name, _ in here:
        assert "force" in {parameter.name for parameter in cli.main.commands[name].params}


@pytest.mark.parametrize("output", OUTPUTS, ids=lambda each: f"{each.words.split()[0]} {each.option}")
def test_a_file_that_is_there_is_kept(output, here):
    Path(output.file).write_text("mine")
    line = f"{output.file} exists; give --force to overwrite it, or another {output.option}"
    refused(here, [*shlex.split(output.words), output.option, output.file], line)


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("force", [[], ["--force"]], ids=["", "force"])
@pytest.mark.parametrize("output", OUTPUTS, ids=lambda each: f"{each.words.split()[0]} {each.option}")
def test_a_file_of_a_run_is_kept_even_with_force(output, force, there, here):
    file = Path("other", output.kept)
    if there:
        file.write_text("{" if output.kept == CONFIG else "paid for")  # damaged settings are a run's, too
    elif output.kept != CONFIG:
        file.unlink(missing_ok=True)
    line = (
        f"{file} is the name of a file of the run in other, which is never overwritten; give another"
        f" {output.option}"
    )
    refused(here, [*shlex.split(output.words), output.option, file, *force], line)


@pytest.mark.parametrize("name", [*FILES, "Metrics.csv"])
def test_every_name_that_a_run_keeps_is_kept(name, here):
    result = ising_ep(
        "predict", "run", "images.npy", "--out", here / "other" / ".." / "run" / name, "--force"
    )
    assert result.exit_code == 2
    assert "is the name of a file of the run in" in result.output


def test_other_names_in_a_run_and_kept_names_elsewhere_are_free(here):
    Path("metrics.csv").write_text("mine")
    Path("program").mkdir()
    Path("program", "config.json").write_text('{"indent": 2}')  # of another program
    for file in ("run/labels.csv", "metrics.csv", "program/metrics.csv", "program/config.json"):
        result = ising_ep("predict", "run", "images.npy", "--out", file, "--force")
        assert result.exit_code == 0, result.output
        assert Path(file).read_text().startswith("image,label\n")


@pytest.mark.slow
def test_force_overwrites_what_is_no_runs(here):
    for output in OUTPUTS:
        if output.words.split()[0] in ("calibrate", "inspect"):  # tests/qpu
            continue
        Path(output.file).write_text("mine")
        words = [*shlex.split(output.words), output.option, output.file]
        assert ising_ep(*words, "--force").exit_code == 0
        assert Path(output.file).read_bytes() != b"mine"


def test_predictions_do_not_replace_their_images(here):
    before = contents(here)
    result = ising_ep("predict", "run", "images.npy", "--out", "other/../images.npy", "--force")
    assert result.exit_code == 2
    assert "images.npy holds the images; give another --out" in result.output
    assert contents(here) == before


@pytest.mark.parametrize("command", ["predict run images.npy", "report run", "plot run", EMBED])
def test_force_with_nothing_to_overwrite_is_refused(command, here):
    more = " or --picture" if command == EMBED else ""
    line = f"--force is given, but there is nothing to overwrite without --out{more}"
    refused(here, [*shlex.split(command), "--force"], line)


@pytest.mark.slow
def test_pictures_of_a_run_are_drawn_anew_and_others_kept(here):
    for words in ((), (), ("--out", "run"), ("--out", "pictures")):
        assert ising_ep("plot", "run", *words).exit_code == 0
    Path("pictures", "curves.png").write_text("mine")
    line = "pictures/curves.png exists; give --force to overwrite it, or another --out"
    refused(here, ["plot", "run", "--out", "pictures"], line)
    assert ising_ep("plot", "run", "--out", "pictures", "--force").exit_code == 0
    assert Path("pictures", "curves.png").read_bytes()[1:4] == b"PNG"
    before = contents(Path("other"))
    result = ising_ep("plot", "run", "--out", "other", "--force")
    assert result.exit_code == 2
    assert "other/curves.png is the name of a file of the run in other" in result.output
    assert contents(Path("other")) == before


@pytest.mark.slow
def test_the_report_of_the_run_itself_may_be_asked_for(here):
    for words in ((), ("--out", "run/report.html"), ("--out", "./other/../run/report.html")):
        assert ising_ep("report", "run", *words).exit_code == 0


@pytest.mark.slow
@pytest.mark.parametrize("output", OUTPUTS, ids=lambda each: f"{each.words.split()[0]} {each.option}")
def test_a_folder_that_cannot_be_written_to_is_refused_before_any_work(output, here):
    """Before a search above all, which takes a minute."""
    Path("locked").mkdir()
    Path("locked").chmod(0o555)
    file = f"locked/{output.file}"
    done = under_permissions(here, *shlex.split(output.words), output.option, file)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"Error: {file} cannot be written: no permission\n"


@pytest.mark.slow
def test_a_file_that_must_not_be_changed_is_kept(here):
    Path("labels.csv").write_text("mine")
    Path("labels.csv").chmod(0o444)
    done = under_permissions(here, "predict", "run", "images.npy", "--out", "labels.csv", "--force")
    assert done.stderr == "Error: labels.csv cannot be written: no permission\n"
    assert json.loads(Path("run", CONFIG).read_text())
