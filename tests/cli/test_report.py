"""`ising-ep report`: a page of a run, also while the run goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from ising_ep import cli, datasets, training
from ising_ep.chip import Chip
from ising_ep.config import TrainConfig
from ising_ep.emulator import Emulator
from ising_ep.machines.chip_model import ChipModel
from ising_ep.training.run_folder import CONFIG, RunFolder
from support.html import Page
from support.services import log_in

TRAIN = ("train", "--dataset", "patterns", "--layers", "6,4", "--num-sweeps", "5", "--out", "run", "--epochs")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(here):
    config = TrainConfig.checked({"dataset": "patterns", "layers": (6, 4), "num_sweeps": 5, "epochs": 3})
    training.train(config, datasets.load_patterns(), folder="run")
    return here / "run"


def ising_ep(*words):
    return CliRunner().invoke(cli.main, [str(word) for word in words])


def refreshes(file):
    return ("meta", "http-equiv", "refresh") in Page(file.read_text()).attributes


def test_a_report_stands_in_the_folder_or_where_it_is_asked_for(run, here):
    for words, file in (((), run / "report.html"), (("--out", "first.html"), here / "first.html")):
        done = ising_ep("report", "run", *words)
        assert done.exit_code == 0, done.output
        assert done.stdout == f"Report: {file.relative_to(here)}\n"
        assert "Done: 3 epochs." in Page(file.read_text()).text
        assert not refreshes(file)
    assert (here / "first.html").read_text() == (run / "report.html").read_text()


COUNT = """
import sys
opened = []
# The system call that open() makes is an event of its own, without a mode.
sys.addaudithook(lambda event, given: event == "open" and given[1] and opened.append(str(given[0])))
from ising_ep import cli
cli.main(["report", "run"], standalone_mode=False)
print(sum(name.endswith("config.json") for name in opened))
"""


def test_the_settings_are_read_once(run):
    done = subprocess.run([sys.executable, "-c", COUNT], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "1"


def test_a_run_that_nobody_is_at_is_watched_no_longer_than_needed(run):
    done = ising_ep("report", "run", "--watch")
    assert done.exit_code == 0, done.output
    assert not refreshes(run / "report.html")


def until(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("ended", ["by the run", "by Ctrl-C"])
def test_the_page_of_a_run_that_goes_on_follows_it(run, ended):
    """The run is held by this process, and gets a checkpoint more while it is watched."""
    folder = RunFolder.open(run)
    state = folder.load()
    folder.hold()
    try:
        last = dict(state.history[-1])
        state.history.pop(), state.predictions.clear(), state.labels.clear()
        state.epoch = 2
        state.usages.pop()
        folder.save(state)
        command = [sys.executable, "-m", "ising_ep", "report", "run", "--watch"]
        watch = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        page = run / "report.html"
        until(page.exists)
        assert refreshes(page)
        assert "2 of 3 epochs. Running: process" in Page(page.read_text()).text
        state.history.append(last)
        state.usages.append(state.usages[-1])
        state.epoch = 3
        folder.save(state)
        until(lambda: "Done: 3 epochs. Running: process" in Page(page.read_text()).text)
        assert refreshes(page)
        if ended == "by Ctrl-C":
            watch.send_signal(signal.SIGINT)
            out, text = watch.communicate(timeout=60)
    finally:
        folder.close()
    if ended == "by the run":
        out, text = watch.communicate(timeout=60)
    assert watch.returncode == 0, text
    assert out == "Report: run/report.html\n"
    assert text == "Open run/report.html; it follows the run until that ends, or Ctrl-C\n"
    assert not refreshes(page)
    assert ("Running" in Page(page.read_text()).text) is (ended == "by Ctrl-C")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("nothing",), "nothing is not a run folder"),
        (("run", "--out", "report.pdf"), "--out is report.pdf, expected a name that ends in .html"),
        (("run", "--out", "no/report.html"), "there is no folder no"),
        (("run", "--out", "link.html"), "link.html is a symbolic link"),
        (("begun",), "begun is not a run folder: it has no config.json"),
    ],
)
def test_what_cannot_be_reported_is_refused_in_a_line(words, text, run, here):
    (here / "begun").mkdir()
    (here / "link.html").symlink_to("precious")
    done = ising_ep("report", *words)
    assert done.exit_code == 2
    assert text in done.output.splitlines()[-1]
    assert not (here / "precious").exists()


def test_a_page_of_ones_own_is_kept(run, here):
    page = run / "report.html"
    page.write_text("<p>my own page</p>")
    done = ising_ep("report", "run")
    assert (done.exit_code, done.output) == (
        2,
        "Error: run/report.html exists and is no report, expected another --out\n",
    )
    assert page.read_text() == "<p>my own page</p>"
    page.unlink()
    for _ in range(2):  # a report may be written again
        assert ising_ep("report", "run").exit_code == 0


def test_a_link_in_the_place_of_the_report_is_not_followed(run, here):
    (here / "precious").write_text("mine")
    (run / "report.html").symlink_to(here / "precious")
    done = ising_ep("report", "run")
    assert done.exit_code == 2
    assert "report.html is a symbolic link" in done.output
    assert (here / "precious").read_text() == "mine"


def test_a_report_is_made_without_the_images(run, here):
    content = (run / CONFIG).read_text()
    (run / CONFIG).write_text(content.replace('"dataset": "patterns"', '"dataset": "/moved.npz"'))
    done = ising_ep("report", "run")
    assert done.exit_code == 0, done.output
    assert "Test images by class" in Page((run / "report.html").read_text()).text


@pytest.mark.slow
def test_a_run_on_a_qpu_has_its_bill(here, monkeypatch):
    with Emulator(ChipModel(Chip.perfect("chimera", 6), sweeps_per_us=1.0)) as service:
        log_in(monkeypatch, service)
        words = ("--dataset", "patterns", "--network", "convolutional", "--machine", "qpu", "--epochs", "1")
        done = ising_ep("train", *words, "--max-qpu-time", "30", "--out", "run")
        assert done.exit_code == 0, done.output
    done = ising_ep("report", "run")
    assert done.exit_code == 0, done.output
    text = (here / "run" / "report.html").read_text()
    page = Page(text)
    state = RunFolder.open(here / "run").load()
    assert ["QPU access time", f"{state.usage.access_time:,.3f} s"] in page.rows
    share = state.usage.access_time / 30
    assert ["limit of the access time", f"30.000 s, of which {share:.0%} is spent"] in page.rows
    assert ["problems", str(state.usage.problems)] in page.rows
    assert service.token not in text
