"""A run on a model of a chip goes on with the chip that it began with, whatever becomes of a user's file."""

import gzip
import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

import ising_ep
from ising_ep import cli
from ising_ep.chip import Chip
from ising_ep.machines.chip_model import ChipModel

# Few sweeps, for speed.
OPTIONS = (
    *("--machine=chip", "--dataset=patterns", "--network=convolutional", "--epochs=1", "--seed=3"),
    *("--num-reads=4", "--num-sweeps=20"),
)


def command(*words):
    return CliRunner().invoke(cli.main, list(map(str, words)))


def said(*words):
    result = command(*words)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def file(tmp_path):
    """Properties of a solver that no name stands for."""
    file = tmp_path / "own.json.gz"
    write(file, h_range=[-0.5, 0.5])
    return file


def write(file, **changes):
    chip = Chip.perfect("chimera", 4).without(0.02, 0.01, seed=3)
    content = ChipModel(chip).properties | {"graph_id": "own", "chip_id": "Own_system1"} | changes
    file.write_bytes(gzip.compress(json.dumps(content).encode()))


def outputs(run):
    images = np.where(np.random.default_rng(1).random((8, 9)) < 0.5, np.float32(-1), np.float32(1))
    return ising_ep.load(run).outputs(images)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fate", "missing"), [("edited", ()), ("removed", ("--chip-missing=0.03", "--chip-seed=5"))]
)
def test_a_run_keeps_the_chip_of_a_file(file, tmp_path, fate, missing):
    run, other = tmp_path / "run", tmp_path / "other"
    said("train", *OPTIONS, *missing, "--chip", file, "--out", run)
    shutil.copytree(run, other)
    before, evaluated = outputs(run), said("evaluate", run)
    said("train", "--resume", other, "--epochs=2")
    if fate == "edited":
        write(file, h_range=[-4.0, 4.0])
        shutil.copytree(run, follows := tmp_path / "follows")
        (follows / "solver.json").unlink()
        assert not np.array_equal(outputs(follows), before)
    else:
        file.unlink()
    np.testing.assert_array_equal(outputs(run), before)
    assert said("evaluate", run) == evaluated
    said("plot", run)
    said("report", run)
    said("train", "--resume", run, "--epochs=2")
    for name in ("test_loss", "train_loss"):
        assert [row[name] for row in history(run)] == [row[name] for row in history(other)]
    np.testing.assert_array_equal(outputs(run), outputs(other))


def history(run):
    header, *rows = (line.split(",") for line in (run / "metrics.csv").read_text().splitlines())
    return [dict(zip(header, row, strict=True)) for row in rows]


def test_the_file_that_is_kept_is_a_chip(file, tmp_path):
    run = tmp_path / "run"
    said("train", *OPTIONS, "--chip", file, "--out", run)
    found, given = (Chip.named(str(name)) for name in (run / "solver.json", file))
    assert (found.graph_id, found.properties) == (given.graph_id, given.properties)
    np.testing.assert_array_equal(found.couplers, given.couplers)


def test_a_chip_of_a_name_is_not_kept(tmp_path):
    run = tmp_path / "run"
    said("train", *OPTIONS, "--chip=chimera:4", "--out", run)
    assert not (run / "solver.json").exists()


def test_a_run_of_before_follows_the_file_and_keeps_it_from_then_on(file, tmp_path):
    run = tmp_path / "run"
    said("train", *OPTIONS, "--chip", file, "--out", run)
    (run / "solver.json").unlink()
    said("train", "--resume", run, "--epochs=2")
    file.unlink()
    said("evaluate", run)


def test_a_chip_that_is_kept_and_damaged_is_named(file, tmp_path):
    run = tmp_path / "run"
    said("train", *OPTIONS, "--chip", file, "--out", run)
    (run / "solver.json").write_text("{}")
    result = command("evaluate", run)
    assert result.exit_code == 2
    assert "solver.json is not the properties of a solver" in result.output
