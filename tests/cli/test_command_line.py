"""The command line: a run from beginning to end, and one clear line for every bad input."""

from __future__ import annotations

import io
import os
import pty
import re
import shlex
import signal
import struct
import subprocess
import sys
import time
from dataclasses import replace
from importlib.metadata import version

import click
import numpy as np
import pytest
import sklearn.datasets
from click.testing import CliRunner
from rich.console import Console

from ising_ep import cli, datasets
from ising_ep.cli import progress
from ising_ep.config import (
    DEFAULTS,
    PARTS,
    PRESETS,
    TrainConfig,
    changed_preset,
    lacking,
    preset,
)
from ising_ep.machines.chip import MISSING
from ising_ep.qpu.cost import ROUND_TRIP
from ising_ep.qpu.dispatch import ANSWER_TIMEOUT
from ising_ep.training.run_folder import CHECKPOINT, CONFIG, METRICS, TEMPORARY, RunFolder
from ising_ep.training.state import TrainState
from support.data import MNIST, needs_mnist
from support.settings import DEFAULTS_OF_ALL

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


def test_train_says_how_it_went(data, monkeypatch):
    monkeypatch.setattr(progress, "PLAIN_INTERVAL", 0.0)
    result = ising_ep("train", "--dataset", "two.npz", *SMALL, "--out", "run")
    assert "epoch 1/2: train" in result.stderr
    assert "testing 0/4" in result.stderr
    assert "testing 4/4" in result.stderr
    assert re.search(
        r"^All 2 epochs take about .* of learning and .* of testing$", result.stderr, re.MULTILINE
    )
    assert "After 2 epochs: train accuracy" in result.stdout
    assert re.search(r"^Mean squared error: train \d\.\d{4}, test \d\.\d{4}$", result.stdout, re.MULTILINE)
    assert "Pictures: run/curves.png" in result.stdout


@pytest.mark.slow
@pytest.mark.parametrize("width", [120, 38])
def test_the_bar_counts_test_images(data, monkeypatch, width):
    seen = io.StringIO()
    terminal = Console(file=seen, force_terminal=True, width=width, color_system=None)
    monkeypatch.setattr(progress, "drawable", lambda: terminal)
    monkeypatch.setattr(progress, "BAR_INTERVAL", 0.0)
    assert ising_ep("train", "--dataset", "two.npz", *SMALL, "--out", "run").exit_code == 0
    for text in ("1/2", "testing", "All 2 epochs take about"):
        assert text in seen.getvalue()


def test_a_time_for_the_whole_run_follows_from_a_part():
    """Three epochs of 100 and 50 images: 0.1 s to learn from one, as long to test it until it is known."""
    pace = progress.Pace(3, 100, 50)
    state = TrainState({}, batch=20, images=20, seconds=2.0)
    pace.learned(state)
    assert pace.epoch() == pytest.approx((10, 5))
    assert pace.left(state) == pytest.approx(3 * 15 - 2)
    assert pace.in_words() == "All 3 epochs take about 45.0 s, if testing an image takes no longer"
    pace.tested(0)
    pace.tested(50)
    assert pace.epoch()[1] < 5
    assert "10.0 s of learning and" in pace.in_words()


def test_times_of_means_say_nothing_of_the_machine():
    """Two epochs of means of 10 s, then three of the machine of 1,000 s, and tests as long an image."""
    pace = progress.Pace(5, 100, 50, means=2)
    state = TrainState({}, batch=20, images=20, seconds=2.0)
    assert not pace.learned(state)
    assert pace.left(state) == pytest.approx(2 * 15 - 2)
    assert pace.in_words() == "First 2 epochs take about 30.0 s, if testing an image takes no longer"
    assert pace.learned(TrainState({}, epoch=2, batch=1, images=1, seconds=10.0))
    assert not pace.learned(TrainState({}, epoch=2, batch=2, images=2, seconds=20.0))
    assert pace.in_words() == "Last 3 epochs take about 1.2 h, if testing an image takes no longer"


@pytest.mark.slow
def test_a_run_with_reads_of_tests_is_tested_with_them(data):
    train = ("train", "--dataset", "two.npz", *SMALL, "--test-reads", 7, "--statistic", "average")
    assert ising_ep(*train, "--out", "run").exit_code == 0
    row = RunFolder.open(data / "run").load().history[-1]
    wanted = f"accuracy {row['test_accuracy']:.2%}, mean squared error {row['test_loss']:.4f}"
    for threads in ((), ("--threads", 2)):
        assert wanted in ising_ep("evaluate", "run", *threads).stdout


@pytest.mark.slow
def test_what_is_odd_of_a_run_is_said(data):
    patterns = ising_ep("train", "--dataset", "patterns", "--epochs", 1, "--out", "patterns")
    assert "patterns: the test images are those that are learned from" in patterns.stderr
    with np.load("two.npz") as archive:
        arrays = dict(archive)
    floats = {name: arrays[name].astype(np.float32) for name in ("x_train", "x_test")}
    np.savez("large.npz", **arrays | floats)
    large = ising_ep("train", "--dataset", "large.npz", *SMALL, "--out", "large")
    assert_refused(large, "large.npz: x_train holds values up to", "give pixels of 0..255 as uint8")
    assert not (data / "large").exists()


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--symmetric",)])
def test_more_epochs_on_a_finished_run(data, options):
    train = ("train", "--dataset", "two.npz", *options, *SMALL)
    for command in (
        (*train, "--out", "run"),
        ("train", "--resume", "run", "--epochs", "4"),
        (*train, "--epochs", "4", "--out", "straight"),
    ):
        result = ising_ep(*command)
        assert result.exit_code == 0, result.output
    first, second = (RunFolder.open(data / name) for name in ("run", "straight"))
    assert first.config == second.config
    assert first.config.symmetric is bool(options)
    assert_same(first.load(), second.load())


def assert_same(first, second):
    assert first.parameters.keys() == second.parameters.keys()
    for name, value in first.parameters.items():
        np.testing.assert_array_equal(value, second.parameters[name])
    for ours, theirs in zip(first.history, second.history, strict=True):
        assert ours | {"seconds": 0} == theirs | {"seconds": 0}


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_changed_by_what_is_given(data, name):
    of_filters = "filters" in preset(name)
    network = ("--kernels", 2, "--strides", 1, "--layers", "4") if of_filters else ()
    result = ising_ep(
        "train",
        "--preset",
        name,
        "--dataset",
        "two.npz",
        *SMALL,
        *network,
        "--out",
        "run",
        "--train-per-class",
        6,
        "--test-per-class",
        2,
    )
    assert result.exit_code == 0, result.output
    found = RunFolder.open(data / "run").config
    wanted = TrainConfig.checked(changed_preset(name, {"epochs": 2})).model_dump() | {
        "dataset": str(data / "two.npz"),
        "layers": (6, 4),
        "num_reads": 2,
        "num_sweeps": 10,
        "epochs": 2,
        "train_per_class": 6,
        "test_per_class": 2,
    }
    if of_filters:
        wanted |= {"layers": (4,), "kernels": (2,), "strides": (1,)}
    assert found.model_dump() == wanted
    assert found.optimizer == "adam"


def test_a_preset_leaves_out_what_another_machine_has_not():
    given = changed_preset("mnist-100", {"machine": "chip", "num_reads": 3})
    found = TrainConfig.checked(given)
    assert (found.machine, found.num_reads, found.symmetric) == ("chip", 3, True)
    assert found.beta_range is None
    assert found.num_sweeps == TrainConfig.checked({"machine": "chip"}).num_sweeps
    with pytest.raises(ValueError, match=r"beta_range is .*, but machine chip has no such setting"):
        TrainConfig.checked(changed_preset("mnist-100", {"machine": "chip", "beta_range": (1.0, 2.0)}))


@pytest.mark.parametrize("changes", [{"mean_field_epochs": 0}, {"machine": "mean-field"}, {"epochs": 1}])
def test_a_preset_without_its_epochs_of_means_has_their_rates(changes):
    usual = preset("mnist-convolutional")
    found = TrainConfig.checked(changed_preset("mnist-convolutional", changes)).model_dump()
    assert found.get("mean_field_epochs", 0) == 0
    assert "mean_field_rate" not in found
    assert found["learning_rate"] == pytest.approx(usual["learning_rate"] * usual["mean_field_rate"])
    if found["machine"] == "mean-field":
        assert (found["nudge"], found["beta_range"]) == (usual["mean_field_nudge"], (0.5, 1.0))


@pytest.mark.parametrize(("epochs", "means"), [(1, 0), (3, 0), (4, 1), (20, 17), (203, 200), (300, 297)])
def test_a_preset_of_other_epochs_has_as_many_on_the_machine(epochs, means):
    found = TrainConfig.checked(changed_preset("mnist-100-chip", {"epochs": epochs}))
    assert (found.epochs, found.mean_field_epochs) == (epochs, means)


def test_a_preset_of_other_epochs_of_means_has_as_many_on_the_machine():
    assert changed_preset("mnist-100-chip", {"mean_field_epochs": 5})["epochs"] == 8


def test_a_preset_that_is_standardised_is_not_centred_too():
    assert TrainConfig.checked(changed_preset("mnist", {"standardise": True})).standardise


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"mean_field_epochs": 3, "epochs": 3}, "mean_field_epochs is 3, expected less than the 3 epochs"),
        ({"mean_field_epochs": 1, "mean_field_nudge": 0.0}, "mean_field_nudge is 0, expected another number"),
        ({"mean_field_epochs": 1, "mean_field_rate": 1e300}, "with mean_field_rate 1e+300"),
        ({"network": "deep-convolutional", "filters": (0,)}, "filters.0 is 0, expected a number >= 1"),
    ],
)
def test_settings_of_means_that_do_not_fit_are_named(settings, text):
    with pytest.raises(ValueError) as error:  # noqa: PT011
        TrainConfig.checked(settings)
    assert str(error.value).startswith(text)
    assert "too short" not in str(error.value)
    assert "at least 1 item" not in str(error.value)


@pytest.mark.slow
def test_epochs_of_means_are_no_use_of_the_machine(data):
    """And their tests are said to be of means."""
    chip = ("--machine", "chip", "--chip", "chimera:2", "--copies", 1, "--layers", "3,4", "--num-reads", 2)
    train = ("train", "--dataset", "two.npz", *chip, "--epochs", 3, "--mean-field-epochs", 2)
    result = ising_ep(*train, "--out", "run")
    assert result.exit_code == 0, result.output
    assert re.search(r"epoch 2/3: .* test [\d.]+% as means$", result.stderr, re.MULTILINE)
    assert re.search(r"epoch 3/3: .* test [\d.]+%$", result.stderr, re.MULTILINE)
    usages = RunFolder.open(data / "run").load().usages
    assert [used.problems for used in usages[:2]] == [0, 0]
    assert usages[2].problems > 0
    assert usages[2].access_time > 0


@pytest.mark.slow
@needs_mnist
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


@pytest.fixture
def digits_as_idx(data):
    """The folder `idx` with MNIST's four files, of 8x8 images."""
    (data / "idx").mkdir()
    digits = datasets.load_digits(train_per_class=2, test_per_class=1)
    for stem, x, y in (
        ("train", digits.x_train, digits.y_train),
        ("t10k", digits.x_test, digits.y_test),
    ):
        images = np.rint(x * 255).astype(np.uint8).tobytes()
        header = struct.pack(">4I", 0x803, len(x), 8, 8)
        (data / "idx" / f"{stem}-images-idx3-ubyte").write_bytes(header + images)
        header = struct.pack(">2I", 0x801, len(y))
        (data / "idx" / f"{stem}-labels-idx1-ubyte").write_bytes(header + y.astype(np.uint8).tobytes())


@pytest.mark.slow
def test_published_data_sets_by_name(data, digits_as_idx, monkeypatch):
    """From a folder without a word; else it says where the images come from before it asks for them."""

    def fetch(name, **options):
        raise OSError("no route")

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", fetch)
    options = [*SMALL[2:], "--layers", "6,10"]
    result = ising_ep("train", "--dataset", "kmnist", "--data-dir", "idx", *options, "--out", "run")
    assert result.exit_code == 0, result.output
    assert "OpenML" not in result.output
    # The run's folder is no source of another data set.
    for command in (["evaluate", "run"], ["train"]):
        result = ising_ep(*command, "--dataset", "fashion-mnist")
        assert result.exit_code == 2
        said, error = result.stderr.splitlines()
        assert said.startswith("Fashion-MNIST from OpenML")
        assert "could not fetch Fashion-MNIST from OpenML (no route)" in error
    assert ising_ep("evaluate", "run").exit_code == 0
    assert ising_ep("evaluate", "run", "--dataset", "digits").exit_code == 0
    assert ising_ep("evaluate", "run", "--dataset", "mnist", "--data-dir", "idx").exit_code == 0


def options_of(command):
    return {parameter.name: parameter for parameter in cli.main.commands[command].params}


def typed(option, text):
    """What an option makes of a default as its help shows it."""
    if option.is_bool_flag:
        return {"yes": True, "no": False}[text]
    value = option.type_cast_value(click.Context(cli.main), text.split() if option.nargs > 1 else text)
    return tuple(value) if option.nargs > 1 else value


# Each data set that has defaults of its own and one that has none, each network and machine, two at once.
RUNS = [
    *({"dataset": name} for name in (*DEFAULTS, "mnist")),
    *({"dataset": "mnist", "machine": name} for name in PARTS["machine"].names),
    *({"dataset": "patterns", "network": name, "machine": "chip"} for name in PARTS["network"].names),
    {"dataset": "digits", "machine": "deterministic"},
    {"dataset": "patterns", "machine": "chip"},
]


@pytest.mark.parametrize(
    ("command", "run"),
    [
        ("emulate", {"machine": "chip"}),
        *((command, run) for command in ("train", "estimate") for run in RUNS),
    ],
    ids=lambda each: each if isinstance(each, str) else "-".join(each.values()),
)
def test_defaults_in_the_help_are_those_of_the_run(command, run):
    config = TrainConfig.checked(run)
    compared = 0
    for name, option in options_of(command).items():
        wanted = getattr(config, name, None)
        if wanted is None or name in run or name in lacking(run):
            continue
        shown, *others = re.split("; |, ", re.search(r"\[default: (.*)\]", option.help)[1])
        own = dict(other.split(" ", 1) for other in others)
        for key in run.values():  # the machine's, if it has one, else the data set's
            shown = own.get(key, shown)
        if (name, shown) != ("seed", "a new one"):  # emulate's own seed
            assert typed(option, shown) == wanted, name
            compared += 1
    assert compared >= 5


def test_other_defaults_in_the_help():
    assert f"[default: {MISSING:g}; a solver's 0]" in options_of("train")["chip_missing"].help
    assert f"[default: {ANSWER_TIMEOUT:g}]" in options_of("train")["answer_timeout"].help
    assert f"[default: {ROUND_TRIP:g}]" in options_of("estimate")["seconds_per_call"].help
    for name in ("network", "layers", "method", "seed", "copies"):
        option = options_of("embed")[name]
        shown = re.search(r"\[default: (.*?)\]", option.help)[1]
        shown = shown.split(";")[0]
        usual = getattr(TrainConfig.checked({"machine": "chip"}), name, None)
        wanted = usual if name in ("network", "layers") else option.default
        assert shown == "as many as fit" if name == "copies" else typed(option, shown) == wanted


def test_every_setting_is_an_option_of_train():
    # Fields have the chip's range on every machine, so that what was learned on one fits the others.
    assert DEFAULTS_OF_ALL.keys() - set(options_of("train")) == {"field_limit"}


@pytest.mark.parametrize("columns", [38, 60, 80, 100])
@pytest.mark.parametrize("command", [[], *([name] for name in cli.main.commands)], ids=lambda c: c and c[0])
def test_help_is_as_wide_as_the_terminal(command, columns):
    """And breaks no word. A command on several lines has backslashes, so that it can be copied."""

    found = cli.main.commands[command[0]] if command else cli.main

    def help_in(columns):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("COLUMNS", str(columns))
            return found.get_help(found.context_class(found, info_name="ising-ep"))

    text, wide = help_in(columns), help_in(100)
    assert [line for line in text.splitlines() if len(line) > columns and len(line.split()) > 1] == []

    def words(text):
        return re.sub(r"\|\s+", "|", text.replace(" \\\n", " ")).split()

    assert words(text) == words(wide)


def test_help_is_in_groups_and_shows_choices():
    text = ising_ep("train", "--help").stdout
    titles = re.findall(r"^(\w+):$", text, flags=re.MULTILINE)
    assert titles == ["Images", "Network", "Learning", "Machine", "Chip", "QPU", "Run", "Options"]
    for option, choices in (
        ("--optimizer", "[sgd|adam]"),
        ("--chip-model", "[thermal|quantum]"),
        ("--preset", "[mnist|mnist-wide|mnist-convolutional|cifar10|mnist-100|mnist-100-chip]"),
        ("--statistic", "[lowest|average|conditional]"),
    ):
        assert re.search(rf"{option}\s+{re.escape(choices)}\s", text)


@pytest.mark.parametrize("command", ["train", "estimate"])
def test_help_names_every_data_set(command):
    text = ising_ep(command, "--help").stdout
    assert [name for name in datasets.NAMES if not re.search(rf"(?<![\w-]){name}\b", text)] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "texts"),
    [
        (["--nudge", "3"], ["--nudge", "3.0", "5.0"]),
        (["--layers", "8,4"], ["--layers", "(8, 4)", "(6, 4)"]),
        (["--epochs", "1"], ["--epochs", "1", "2"]),
        (["--seed", "1"], ["--seed", "1", "0"]),
        (["--symmetric"], ["--symmetric is True", "False"]),
        (["--dataset", "digits"], ["--dataset", "digits", "two.npz"]),
        (["--out", "elsewhere"], ["--out", "elsewhere", "run"]),
    ],
)
def test_a_run_keeps_its_settings(run, options, texts):
    before = contents(run.parent)
    assert_refused(ising_ep("train", "--resume", "run", *options), *texts)
    assert contents(run.parent) == before


def test_other_images_under_the_same_name_are_refused(run):
    with np.load("two.npz") as archive:
        arrays = dict(archive)
    arrays["x_train"][0, 0, 0] ^= 1
    np.savez("two.npz", **arrays)
    assert_refused(ising_ep("train", "--resume", "run", "--epochs", "3"), "two.npz", "run")


def contents(folder):
    """Every file in it, and what it holds."""
    return {p: p.is_file() and p.read_bytes() for p in folder.rglob("*")}


def assert_refused(result, *texts):
    """Exit code 2 and one line on stderr, after click's usage at most; the line holds all ``texts``."""
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    *usage, error = result.stderr.splitlines()
    assert error.startswith("Error: ")
    assert all(line.startswith(("Usage: ", "Try ")) or not line for line in usage), result.stderr
    for text in texts:
        assert text in error


@pytest.mark.parametrize(
    ("arguments", "texts"),
    [
        (["train", "--dataset", "missing.npz"], ["missing.npz"]),
        (["train", "--dataset", "letters"], ["letters"]),
        (["train", "--dataset", "mnist", "--data-dir", "nowhere"], ["nowhere"]),
        (["train", "--preset", "fast"], ["preset is 'fast'", "mnist, mnist-wide, "]),
        (["train", "--preset", "mnist", "--resume", "run"], ["--preset is mnist", "--resume"]),
        (["train", "--optimizer", "lbfgs"], ["optimizer", "lbfgs", "'sgd' or 'adam'"]),
        (
            ["train", "--machine", "qpu", "--num-sweeps", "100"],
            ["num_sweeps is 100", "annealing, mean-field or chip"],
        ),
        (
            ["train", "--machine", "chip", "--beta-range", "0.5", "20"],
            ["beta_range", "take machine annealing"],
        ),
        (
            ["train", "--network", "convolutional", "--layers", "5,5"],
            ["layers is (5, 5)", "take network layers"],
        ),
        (["train", "--machine", "chip", "--test-reads", "9"], ["test_reads is 9", "take machine annealing"]),
        (
            ["train", "--dataset", "patterns", "--network", "convolutional", "--shift", "1"],
            ["shift is 1, but network convolutional has pixels", "no shift; take network layers"],
        ),
        (["train", "--shift", "8"], ["shift is 8", "8 pixels of a side"]),
        (["train", "--dataset", "row.npz", "--shift", "1"], ["shift is 1", "no known height"]),
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
        (["train", "--dataset", "two.npz", "--num-reads", "many"], ["--num-reads", "many"]),
        (["train", "--dataset", "two.npz", "--batch-size", "0"], ["batch_size", "0"]),
        (["train", "--dataset", "two.npz", "--learning-rate", "1e300"], ["learning rate", "1e+06"]),
        (["train", "--dataset", "two.npz", "--nudge", "1e-300"], ["nudge", "1e+06"]),
        (["train", "--dataset", "two.npz", "--reverse-fraction", "1.5"], ["reverse_fraction", "1.5"]),
        (["train", "--dataset", "two.npz", "--beta-range", "nan", "1"], ["beta_range", "nan"]),
        (["train", "--dataset", "two.npz", "--test-per-class", "0"], ["test_per_class", "0"]),
        (["train", "--dataset", "two.npz", "--threads", "0"], ["--threads", "0"]),
        (["train", "--dataset", "two.npz", "--checkpoint-every", "0"], ["--checkpoint-every", "0"]),
        (["train", "--dataset", "two.npz", "--data-dir", "."], ["data_dir", "two.npz"]),
        (["train", "--dataset", "two.npz", "--colour", "red"], ["--colour"]),
        (["train", "--dataset", "labels.npz"], ["labels.npz", "-1"]),
        (["train", "--dataset", "gap.npz"], ["gap.npz", "without gaps"]),
        (["train", "--dataset", "beyond.npz"], ["beyond.npz", "2"]),
        (["train", "--dataset", "shapes.npz"], ["shapes.npz", "12 images", "11 labels"]),
        (["train", "--dataset", "pickled.npz"], ["pickled.npz", "object"]),
        (["train", "--dataset", "mnist", "--data-dir", "idx"], ["train-images-idx3-ubyte", "promises"]),
        (["train", "--resume", "."], ["is not a run folder"]),
        (["train", "--resume", "nowhere"], ["nowhere"]),
        (["evaluate", "nowhere"], ["nowhere"]),
        (["predict", "nowhere", "images.npy"], ["nowhere"]),
        (["plot", "nowhere"], ["nowhere"]),
        (["emulate", "--fault", "503:0"], ["--fault is '503:0', expected", "from 1 on"]),
        (["emulate", "--fault", "503:often"], ["--fault is '503:often'", "503:20"]),
        (["emulate", "--fault", "504"], ["--fault is '504'", "expected one of 401, 403", "offline"]),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(data, arguments, texts):
    arrays = dict(np.load("two.npz"))
    np.savez("nan.npz", **arrays | {"x_train": np.full((12, 4), np.nan)})
    np.savez("labels.npz", **arrays | {"y_train": arrays["y_train"] - 1})
    np.savez("gap.npz", **arrays | {"y_train": arrays["y_train"] * 2})
    np.savez("beyond.npz", **arrays | {"y_test": arrays["y_test"] + 1})
    np.savez("shapes.npz", **arrays | {"y_train": arrays["y_train"][1:]})
    rows = {name: arrays[name].reshape(len(arrays[name]), -1) for name in ("x_train", "x_test")}
    np.savez("row.npz", **arrays | rows)
    np.savez("pickled.npz", **arrays | {"x_train": np.array([{}] * 12)})
    (data / "broken.npz").write_bytes((data / "two.npz").read_bytes()[:200])
    (data / "idx").mkdir()
    header = struct.pack(">4I", 0x803, 60_000, 28, 28)
    (data / "idx" / "train-images-idx3-ubyte").write_bytes(header + bytes(100))
    before = contents(data)
    assert_refused(ising_ep(*arguments), *texts)
    assert contents(data) == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "texts"),
    [
        (["evaluate", "run", "--dataset", "digits"], ["digits", "64", "16"]),
        (["evaluate", "run", "--dataset", "missing.npz"], ["missing.npz"]),
        (["predict", "run", "missing.npy"], ["missing.npy"]),
        (["predict", "run", "two.npz"], ["two.npz", "x"]),
        (["predict", "run", "images.npy", "--out", "no/such/labels.csv"], ["no/such/labels.csv"]),
        (["predict", "run", "images.npy", "--out", "run"], ["run"]),
        (["plot", "run", "--out", "two.npz"], ["two.npz"]),
        (["plot", "run", "--out", "two.npz/pictures"], ["two.npz"]),
        (["train", "--dataset", "two.npz", "--out", "run"], ["run", "not an empty folder", "--resume"]),
    ],
)
def test_bad_input_leaves_a_run_alone(run, arguments, texts):
    before = contents(run.parent)
    assert_refused(ising_ep(*arguments), *texts)
    assert contents(run.parent) == before


@pytest.mark.slow
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
    assert_checkpoint_refused()


def assert_checkpoint_refused():
    for command in (["evaluate", "run"], ["plot", "run"], ["predict", "run", "images.npy"]):
        assert_refused(ising_ep(*command), CHECKPOINT)
    assert_refused(ising_ep("train", "--resume", "run", "--epochs", "3"), CHECKPOINT)


def test_parameters_of_another_network_are_refused(run):
    folder = RunFolder.open(run)
    whole = folder.load()
    parameters = whole.parameters
    for changed in (
        {"W0": parameters["W0"].T.copy()},
        {"W0": parameters["W0"][:, :-1].copy()},
        {"b7": parameters["b0"]},
    ):
        folder.save(replace(whole, parameters=parameters | changed))
        folder.close()
        assert_checkpoint_refused()
    folder.save(replace(whole, parameters={k: v for k, v in parameters.items() if k != "b1"}))
    folder.close()
    assert_checkpoint_refused()


def test_more_images_than_an_epoch_has_are_refused(run):
    folder = RunFolder.open(run)
    folder.save(replace(folder.load(), batch=13, images=13))
    folder.close()
    assert_refused(ising_ep("train", "--resume", "run", "--epochs", "3"), CHECKPOINT)


@pytest.mark.slow
def test_a_run_without_a_checkpoint_starts_anew(run):
    before = RunFolder.open(run).load()
    (run / CHECKPOINT).unlink()
    assert_refused(ising_ep("evaluate", "run"), "no checkpoint")
    assert ising_ep("train", "--resume", "run").exit_code == 0
    assert_same(before, RunFolder.open(run).load())


@pytest.mark.slow
def test_leftovers_go_on_resuming(run):
    leftover = run / f"{TEMPORARY}{CHECKPOINT}"
    leftover.write_bytes(b"half a checkp")
    assert ising_ep("evaluate", "run").exit_code == 0
    assert ising_ep("train", "--resume", "run", "--epochs", "3").exit_code == 0
    assert not leftover.exists()


@pytest.mark.parametrize("command", ["train", "evaluate", "predict", "plot"])
def test_help_shows_examples_that_parse(command):
    result = ising_ep(command, "--help")
    assert result.exit_code == 0
    assert "Example" in result.output
    unfolded = result.output.replace(" \\\n", " ")
    examples = re.findall(rf"^ +ising-ep {command} (.*)$", unfolded, flags=re.MULTILINE)
    assert examples
    for example in examples:
        arguments = re.sub(r" +\(.*\)$", "", example).split()
        assert cli.main.commands[command].make_context(command, arguments).params


@pytest.mark.slow
def test_ctrl_c_and_resume_is_as_if_never_stopped(data):
    command = [sys.executable, "-m", "ising_ep", "train"]
    options = ["--dataset", "two.npz", "--layers", "6,4", "--num-sweeps", "6000", "--epochs", "8"]
    straight = [*command, *options, "--out", "straight"]
    subprocess.run(straight, check=True, capture_output=True)
    out = "a run"  # the space must not break the line that says how to go on
    process = subprocess.Popen([*command, *options, "--out", out], stderr=subprocess.PIPE, text=True)
    while not (data / out / CHECKPOINT).exists():
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    whole = RunFolder.open(data / "straight").load()
    stopped = RunFolder.open(data / out).load()
    assert 1 <= stopped.epoch < 8

    last = errors.splitlines()[-1]
    assert last.startswith("Stopped. Go on with: ising-ep train --resume ")
    subprocess.run([*command, *shlex.split(last)[6:]], check=True, capture_output=True)
    assert_same(whole, RunFolder.open(data / out).load())


@pytest.mark.slow
@pytest.mark.parametrize("signals", [1, 2])
def test_ctrl_c_in_a_test_stops_it_and_keeps_the_epoch(data, signals):
    """The test would take minutes. Two signals at once, as `timeout` sends them, are one."""
    with np.load("two.npz") as archive:
        arrays = dict(archive)
    arrays |= {name: np.repeat(arrays[name], 5000, axis=0) for name in ("x_test", "y_test")}
    np.savez("long.npz", **arrays)
    command = [sys.executable, "-m", "ising_ep", "train", "--dataset", "long.npz", "--threads", "1"]
    command += ["--layers", "6,4", "--num-sweeps", "2000", "--epochs", "3", "--out", "run"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not (data / "run" / METRICS).exists():  # the checkpoint before the test is whole
        assert process.poll() is None
        time.sleep(0.005)
    for _ in range(signals):
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    _, errors = process.communicate()
    assert process.returncode == 130, errors
    assert errors.splitlines()[-1].startswith("Stopped. Go on with: ising-ep train --resume run")
    assert "Traceback" not in errors
    state = RunFolder.open(data / "run").load()
    assert (state.epoch, state.images, state.history) == (0, 12, [])


COMMAND = [sys.executable, "-m", "ising_ep"]
# A shell says 130 of both; Python chooses the second if it was in the middle of making a class, say.
INTERRUPTED = (130, -signal.SIGINT)


def test_python_m():
    shown = subprocess.run([*COMMAND, "--version"], check=True, capture_output=True, text=True).stdout
    assert shown == f"ising-ep {version('ising-ep')}\n"


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("module", ["click", "numpy", "ising_ep.embedding", "ising_ep.embedding.tiling"])
def test_ctrl_c_is_a_word_and_130(module, times, tmp_path):
    """Here while a layout is looked for, which takes long; as soon as a module is loaded."""
    command = [sys.executable, "-X", "importtime", *COMMAND[1:], "embed", "--no-cache"]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )
    for line in process.stderr:
        if line.split("|")[-1].strip() == module:
            break
    for _ in range(times):
        process.send_signal(signal.SIGINT)
    errors = [line for line in process.communicate()[1].splitlines() if not line.startswith("import time:")]
    assert process.returncode in INTERRUPTED, errors
    assert errors == ["Stopped."]


def test_a_ctrl_c_that_a_library_catches_is_repeated():
    code = """
import signal, time
from ising_ep.cli import errors
errors.REPEAT = 0.05
with errors.interrupted_once():
    try:
        signal.raise_signal(signal.SIGINT)
    except:
        print("lost", flush=True)
    time.sleep(60)
"""
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert process.stdout == "lost\n"
    assert process.stderr.splitlines()[-1].endswith("Interrupted: Stopped.")


def on_a_terminal(columns, *arguments, term="xterm"):
    """What a terminal of so many columns shows, line by line, and the exit code."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ |= {"COLUMNS": str(columns), "LINES": "24", "TERM": term}
        os.execv(sys.executable, [*COMMAND, *arguments])
    text = b""
    try:
        while chunk := os.read(terminal, 2**16):
            text += chunk
    except OSError:  # Linux says so at the end
        pass
    _, status = os.waitpid(pid, 0)
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text.decode())
    return [line.rstrip() for line in re.split(r"[\r\n]+", shown)], os.waitstatus_to_exitcode(status)


@pytest.mark.slow
def test_the_bar_says_what_matters_in_38_columns(data):
    train = ("train", "--dataset", "two.npz", *SMALL)
    lines, code = on_a_terminal(38, *train, "--out", "narrow")
    assert code == 0
    assert [line for line in lines if re.fullmatch(r"2/2 +0:00:00  ?train [\d.]+%, test [\d.]+%", line)]
    assert "…" not in "".join(lines)
    lines, _ = on_a_terminal(100, *train, "--out", "wide")
    last = [line for line in lines if line.startswith("epoch 2/2 ")][-1]
    assert re.search(r" 100% \d+ images/s 0:00:00 train [\d.]+%, test [\d.]+%$", last)


@pytest.mark.slow
def test_a_dumb_terminal_has_lines(data):
    lines, code = on_a_terminal(80, "train", "--dataset", "two.npz", *SMALL, "--out", "run", term="dumb")
    assert code == 0
    assert [line for line in lines if line.startswith("epoch 2/2: train ")]


@pytest.mark.slow
def test_a_name_that_the_locale_has_no_letters_for(data):
    """Is written in escapes: nothing else is left undone."""
    train = [*COMMAND, "train", "--dataset", "two.npz", *SMALL, "--out", "läufe-ラン"]
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    run = subprocess.run(train, capture_output=True, env=environment)
    assert run.returncode == 0, run.stderr
    assert r"Run folder: läufe-\u30e9\u30f3".encode("latin-1") in run.stdout
    assert (data / "läufe-ラン" / "curves.png").exists()
