"""The command line: a run from beginning to end, and one clear line for every bad input."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from ising_ep import cli
from ising_ep.checkpoint import CHECKPOINT, CONFIG, METRICS, RunFolder

SMALL = ["--layers", "6,4", "--num-reads", "2", "--num-sweeps", "10", "--epochs", "2"]


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data set of two classes in the working directory: bright on the left, or on the right."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    labels = np.arange(16) % 2
    images = rng.integers(0, 60, (16, 4, 4), dtype=np.uint8)
    images[labels == 0, :, :2] += 180
    images[labels == 1, :, 2:] += 180
    arrays = {"x_train": images[:12], "y_train": labels[:12], "x_test": images[12:], "y_test": labels[12:]}
    np.savez("two.npz", **arrays)
    np.save("images.npy", images[12:])
    return tmp_path


def ising_ep(*arguments):
    return CliRunner().invoke(cli.main, [str(a) for a in arguments])


@pytest.fixture
def run(data):
    result = ising_ep("train", "--dataset", "two.npz", *SMALL, "--out", "run")
    assert result.exit_code == 0, result.output
    return data / "run"


def test_a_run_has_everything(run):
    names = {"curves.png", "confusion.png", "weights.png", CONFIG, METRICS, CHECKPOINT}
    assert {p.name for p in run.iterdir()} == names
    for picture in run.glob("*.png"):
        assert picture.read_bytes().startswith(b"\x89PNG\r\n")
        assert picture.stat().st_size > 5000
    assert len((run / METRICS).read_text().splitlines()) == 3


def test_train_says_how_it_went(data):
    result = ising_ep("train", "--dataset", "two.npz", *SMALL, "--out", "run")
    assert "epoch 1/2: train" in result.stderr
    assert "After 2 epochs: train accuracy" in result.stdout
    assert "Pictures: run/curves.png" in result.stdout


def test_evaluate_predict_plot(run):
    evaluated = ising_ep("evaluate", "run")
    assert evaluated.stdout.startswith("4 test images: accuracy ")
    assert "class 1:" in evaluated.stdout

    printed = ising_ep("predict", "run", "images.npy")
    lines = printed.stdout.splitlines()
    assert lines[0] == "image,label"
    assert [line.split(",")[0] for line in lines[1:]] == ["0", "1", "2", "3"]
    assert {line.split(",")[1] for line in lines[1:]} <= {"0", "1"}
    assert ising_ep("predict", "run", "images.npy", "--out", "labels.csv").exit_code == 0
    assert (run.parent / "labels.csv").read_text() == printed.stdout

    assert ising_ep("plot", "run", "--out", "pictures").exit_code == 0
    assert len(list((run.parent / "pictures").glob("*.png"))) == 3


def test_more_epochs_on_a_finished_run(run):
    result = ising_ep("train", "--resume", "run", "--epochs", "4")
    assert result.exit_code == 0, result.output
    straight = ising_ep("train", "--dataset", "two.npz", *SMALL[:-1], "4", "--out", "straight")
    assert straight.exit_code == 0, straight.output
    first, second = (RunFolder.open(run.parent / name).load() for name in ("run", "straight"))
    for name, value in first.parameters.items():
        np.testing.assert_array_equal(value, second.parameters[name])


MNIST = Path(__file__).resolve().parents[2] / "shared/data/mnist"


@pytest.mark.skipif(not MNIST.is_dir(), reason=f"MNIST's files are not in {MNIST}")
def test_data_may_move(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old").symlink_to(MNIST)
    options = ["--train-per-class", "2", "--test-per-class", "1", *SMALL[2:], "--layers", "6,10"]
    assert (
        ising_ep("train", "--dataset", "mnist", "--data-dir", "old", *options, "--out", "run").exit_code == 0
    )
    (tmp_path / "old").rename(tmp_path / "new")
    assert_refused(ising_ep("train", "--resume", "run", "--epochs", "3"), "old")
    result = ising_ep("train", "--resume", "run", "--epochs", "3", "--data-dir", "new")
    assert result.exit_code == 0, result.output
    assert ising_ep("evaluate", "run").exit_code == 0


@pytest.mark.parametrize(
    ("options", "texts"),
    [
        (["--nudge", "3"], ["--nudge", "3.0", "5.0"]),
        (["--layers", "8,4"], ["--layers", "(8, 4)", "(6, 4)"]),
        (["--epochs", "1"], ["--epochs", "1", "2"]),
        (["--seed", "1"], ["--seed", "1", "0"]),
        (["--dataset", "digits"], ["--dataset", "digits", "two.npz"]),
        (["--out", "elsewhere"], ["--out", "elsewhere", "run"]),
    ],
)
def test_a_run_keeps_its_settings(run, options, texts):
    before = {p.name: p.read_bytes() for p in run.iterdir()}
    result = ising_ep("train", "--resume", "run", *options)
    assert_refused(result, *texts)
    assert before == {p.name: p.read_bytes() for p in run.iterdir()}


def test_other_images_under_the_same_name_are_refused(run):
    with np.load("two.npz") as archive:
        arrays = dict(archive)
    arrays["x_train"][0, 0, 0] ^= 1
    np.savez("two.npz", **arrays)
    assert_refused(ising_ep("train", "--resume", "run", "--epochs", "3"), "two.npz", "run")


def assert_refused(result, *texts):
    assert result.exit_code == 2, result.output
    assert not isinstance(result.exception, BaseException) or isinstance(result.exception, SystemExit)
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1, result.stderr
    for text in texts:
        assert text in result.stderr


@pytest.mark.parametrize(
    ("arguments", "texts"),
    [
        (["train", "--dataset", "missing.npz"], ["missing.npz"]),
        (["train", "--dataset", "letters"], ["letters"]),
        (["train", "--dataset", "mnist", "--data-dir", "nowhere"], ["nowhere"]),
        (["train", "--dataset", "nan.npz"], ["nan.npz", "nan"]),
        (["train", "--dataset", "broken.npz"], ["broken.npz"]),
        (["train", "--dataset", "two.npz", "--train-per-class", "100"], ["two.npz"]),
        (["train", "--dataset", "two.npz", "--num-reads", "0"], ["num_reads", "0"]),
        (["train", "--dataset", "two.npz", "--num-sweeps", "0"], ["num_sweeps", "0"]),
        (["train", "--dataset", "two.npz", "--epochs", "-1"], ["epochs", "-1"]),
        (["train", "--dataset", "two.npz", "--nudge", "0"], ["nudge"]),
        (["train", "--dataset", "two.npz", "--nudge", "nan"], ["nudge"]),
        (["train", "--dataset", "two.npz", "--learning-rate", "inf"], ["learning_rate", "inf"]),
        (["train", "--dataset", "two.npz", "--seed", "-1"], ["seed", "-1"]),
        (["train", "--dataset", "two.npz", "--seed", str(2**70)], ["seed", str(2**70)]),
        (["train", "--dataset", "two.npz", "--statistic", "median"], ["statistic", "median"]),
        (["train", "--dataset", "two.npz", "--beta-range", "5", "1"], ["beta_range"]),
        (["train", "--dataset", "two.npz", "--layers", "6,5"], ["5 spins", "2 classes"]),
        (["train", "--dataset", "two.npz", "--layers", "6,x"], ["6,x"]),
        (["train", "--dataset", "two.npz", "--layers", "0,4"], ["layers", "0"]),
        (["train", "--dataset", "two.npz", "--out", "two.npz"], ["two.npz"]),
        (["train", "--dataset", "two.npz", "--out", "two.npz/run"], ["two.npz"]),
        (["train", "--dataset", "two.npz", "--out", "."], ["not an empty folder"]),
        (["train", "--resume", "."], ["is not a run folder"]),
        (["train", "--resume", "nowhere"], ["nowhere"]),
        (["evaluate", "nowhere"], ["nowhere"]),
        (["predict", "nowhere", "images.npy"], ["nowhere"]),
        (["plot", "nowhere"], ["nowhere"]),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(data, arguments, texts):
    arrays = dict(np.load("two.npz"))
    np.savez("nan.npz", **arrays | {"x_train": np.full((12, 4), np.nan)})
    (data / "broken.npz").write_bytes((data / "two.npz").read_bytes()[:200])
    before = sorted(p.name for p in data.iterdir())
    assert_refused(ising_ep(*arguments), *texts)
    assert sorted(p.name for p in data.iterdir()) == before


@pytest.mark.parametrize(
    ("images", "texts"),
    [
        (np.zeros((3, 5), np.float32), ["5 pixels", "16"]),
        (np.full((3, 16), np.inf), ["inf"]),
        (np.array([{}]), ["bad.npy"]),
        (np.zeros(16), ["shape"]),
    ],
)
def test_images_that_do_not_fit_are_refused(run, images, texts):
    np.save("bad.npy", images)
    assert_refused(ising_ep("predict", "run", "bad.npy", "--out", "labels.csv"), *texts)
    assert not (run.parent / "labels.csv").exists()


def test_a_damaged_checkpoint_is_refused(run):
    (run / CHECKPOINT).write_bytes((run / CHECKPOINT).read_bytes()[:-4])
    for command in (["evaluate"], ["plot"], ["train", "--resume"]):
        assert_refused(ising_ep(*command, "run"), CHECKPOINT)


@pytest.mark.parametrize("command", ["train", "evaluate", "predict", "plot"])
def test_help_shows_examples(command):
    result = ising_ep(command, "--help")
    assert result.exit_code == 0
    assert "Example" in result.output
    assert f"ising-ep {command}" in result.output


def test_ctrl_c_keeps_what_was_done(data):
    command = [sys.executable, "-m", "ising_ep.cli", "train"]
    settings = ["--dataset", "two.npz", "--layers", "6,4", "--num-sweeps", "1000", "--num-reads", "20"]
    process = subprocess.Popen(
        [*command, *settings, "--epochs", "200", "--out", "run"], stderr=subprocess.PIPE, text=True
    )
    while not (data / "run" / CHECKPOINT).exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130
    assert "ising-ep train --resume run" in errors
    stopped = RunFolder.open(data / "run").load()
    epochs = str(stopped.epoch + 1)
    straight = [*command, *settings, "--epochs", epochs, "--out", "straight"]
    subprocess.run(straight, check=True, capture_output=True)
    # The run goes on through the rest of the epoch under way; its first epochs are those of a straight run.
    assert stopped.history[: stopped.epoch] == [
        row | {"seconds": old["seconds"]}
        for row, old in zip(RunFolder.open(data / "straight").load().history, stopped.history, strict=False)
    ]
