"""A run on a QPU keeps to its own checkpoint, embedding and journal, and says in a line where it cannot."""

import json
import re
import shutil
import sqlite3

import pytest
from click.testing import CliRunner

from ising_ep import cli
from ising_ep.chip import Chip
from ising_ep.emulator import Emulator
from ising_ep.machines.chip_model import ChipModel
from support.permissions import under_permissions
from support.services import log_in

pytestmark = pytest.mark.slow
FOREIGN = "is not a checkpoint of this run: it is that of run '{}', expected '{}'"


def ising_ep(*words):
    return CliRunner().invoke(cli.main, list(map(str, words)))


def begin(folder, seed=1):
    given = ("--dataset=patterns", "--network=convolutional", "--epochs=1", f"--seed={seed}")
    return ising_ep("train", "--machine=qpu", *given, "--out", folder)


@pytest.fixture(scope="module")
def service():
    model = ChipModel(Chip.perfect("chimera", 4), sweeps_per_us=2.0)
    with pytest.MonkeyPatch.context() as patch, Emulator(model) as service:
        log_in(patch, service)
        yield service


@pytest.fixture(scope="module")
def whole(service, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "whole"
    result = begin(folder)
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def run(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "run")


def name_of(run):
    return json.loads((run / "config.json").read_text())["run"]


def refused(service, text, *words):
    before = len(service.problems)
    result = ising_ep(*words)
    assert result.exit_code == 2, result.output
    assert text in result.output, result.output
    assert result.output.count("Error: ") == 1
    assert "Traceback" not in result.output
    assert len(service.problems) == before


def swapped(run):
    """Two chains of one length in each other's place."""
    file = run / "embedding.json"
    content = json.loads(file.read_text())
    chains = content["chains"][0]
    chains[-1], chains[-2] = chains[-2], chains[-1]
    assert len(chains[-1]) == len(chains[-2])
    file.write_text(json.dumps(content))


def test_a_checkpoint_of_another_run_is_not_gone_on_with(service, run, tmp_path):
    other = tmp_path / "other"
    assert begin(other, seed=2).exit_code == 0
    shutil.copyfile(other / "checkpoint.safetensors", run / "checkpoint.safetensors")
    text = FOREIGN.format(name_of(other), name_of(run))
    refused(service, text, "train", "--resume", run, "--epochs=2")
    for verb in ("evaluate", "plot", "report"):
        refused(service, text, verb, run)


def test_the_name_of_the_run_is_that_of_its_problems(service, run):
    solver = json.loads((run / "solver.json").read_text())
    with sqlite3.connect(run / "qpu.sqlite") as journal:
        [(held,)] = journal.execute("SELECT name FROM run").fetchall()
    journal.close()
    assert held == solver["run"] == name_of(run)
    assert re.search(rf"ising-ep {held} train ", "\n".join(p.label for p in service.problems))


def test_a_run_that_was_moved_goes_on_with_its_own_checkpoint(service, run):
    moved = run.rename(run.parent / "moved")
    result = ising_ep("train", "--resume", moved, "--epochs=2")
    assert result.exit_code == 0, result.output


def test_an_edited_embedding_is_told_before_anything_is_asked_for(service, run):
    swapped(run)
    text = "embedding.json is not the embedding that the run's problems so far were sent with. Was it edited?"
    refused(service, text, "train", "--resume", run, "--epochs=2")
    (run / "qpu.sqlite").unlink()  # answers to other problems would be found by their labels
    refused(service, text, "train", "--resume", run, "--epochs=2")


def test_where_the_embedding_is_not_known_the_message_names_it(service, run):
    """As of a run that an earlier version began."""
    solver = json.loads((run / "solver.json").read_text())
    del solver["embedding"]
    (run / "solver.json").write_text(json.dumps(solver))
    swapped(run)
    for name in ("qpu.sqlite", "checkpoint.safetensors"):
        (run / name).unlink()
    result = ising_ep("train", "--resume", run)
    assert result.exit_code == 75, result.output
    assert re.search(r"read 0 has energy .* Was config.json or embedding.json edited\?", result.output)


def test_a_journal_that_may_not_be_read_or_written_is_said(run):
    shutil.copyfile(run / "qpu.sqlite", run / "qpu.sqlite-wal")  # what is beside it must be read, too
    for name, mode in (("qpu.sqlite", 0), ("qpu.sqlite", 0o444), ("qpu.sqlite-wal", 0)):
        (run / name).chmod(mode)
        for words in (("train", "--resume", "run", "--epochs=2"), ("evaluate", "run")):
            done = under_permissions(run.parent, *words)
            assert done.returncode == 2, done.stderr
            assert done.stderr.splitlines()[-1] == f"Error: run/{name}: Permission denied"
            assert "Traceback" not in done.stderr
        (run / name).chmod(0o644)


def test_a_checkpoint_that_may_not_be_read_is_said(run):
    (run / "checkpoint.safetensors").chmod(0)
    for words in (("train", "--resume", "run", "--epochs=2"), ("evaluate", "run"), ("plot", "run")):
        done = under_permissions(run.parent, *words)
        assert (done.returncode, done.stderr) == (2, "Error: run/checkpoint.safetensors: Permission denied\n")
