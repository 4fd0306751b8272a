"""Commands that write to a run folder: one at a time, never through a link, and a disk or terminal may go."""

from __future__ import annotations

import os
import pty
import resource
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from ising_ep import cli, datasets
from ising_ep.files.run_lock import LOCK
from ising_ep.training.run_folder import CHECKPOINT, CURVES, WEIGHTS, RunFolder

COMMAND = (sys.executable, "-m", "ising_ep")
# Of some seconds at least, an epoch much less.
LONG = (
    "train",
    "--dataset",
    "few.npz",
    "--layers",
    "6,4",
    "--num-sweeps",
    "20",
    "--threads",
    "1",
    "--epochs",
)


@pytest.fixture(autouse=True)
def few(tmp_path, monkeypatch):
    """Two classes of the digits, 30 and 4 images, in the folder of the test."""
    monkeypatch.chdir(tmp_path)
    digits = datasets.load_digits(train_per_class=15, test_per_class=2)
    arrays = {}
    for split in ("train", "test"):
        x, y = getattr(digits, f"x_{split}"), getattr(digits, f"y_{split}")
        arrays |= {f"x_{split}": np.rint(255 * x[y < 2]).astype(np.uint8), f"y_{split}": y[y < 2]}
    np.savez("few.npz", **arrays)


def ising_ep(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, arguments)


def until(condition, seconds: float = 60) -> None:
    """Waits for it; only a test that would hang fails by it."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def ended_an_epoch() -> bool:
    """Tells whether the run has curves to draw: its first checkpoint is written before the first test."""
    return Path("run", CHECKPOINT).exists() and bool(RunFolder.open(Path("run")).load().history)


@pytest.mark.slow
def test_a_second_command_is_refused_and_pictures_say_whose_they_are():
    first = subprocess.Popen([*COMMAND, *LONG, "100000", "--out", "run"], stderr=subprocess.DEVNULL)
    try:
        until(ended_an_epoch)
        for arguments in (["--resume", "run"], ["--resume", "run", "--epochs", "200000"]):
            done = ising_ep("train", *arguments)
            assert (done.exit_code, done.stdout) == (2, "")
            (line,) = done.stderr.splitlines()
            assert line.startswith(f"Error: run is in use by process {first.pid} on '{os.uname().nodename}'")
        assert ising_ep("evaluate", "run").exit_code == 0
        drawn = ising_ep("plot", "run")
        assert drawn.exit_code == 0
        assert "in use" in drawn.stderr
        assert "the pictures are those of its last checkpoint" in drawn.stderr
        assert Path("run", CURVES).exists()
    finally:
        first.kill()
        first.wait()
    assert Path("run", LOCK).exists()
    epoch = RunFolder.open(Path("run")).load().epoch
    done = ising_ep("plot", "run")
    assert (done.exit_code, done.stderr) == (0, "")
    assert not Path("run", LOCK).exists()
    assert RunFolder.open(Path("run")).load().epoch == epoch


@pytest.mark.slow
@pytest.mark.parametrize("place", ["link", "hard link"])
def test_pictures_do_not_overwrite_what_a_run_folder_points_to(place):
    assert ising_ep(*LONG, "1", "--out", "run").exit_code == 0
    Path("precious").write_text("mine")
    Path("pictures").mkdir()
    for folder in ("run", "pictures"):
        picture = Path(folder, WEIGHTS)
        picture.unlink(missing_ok=True)
        (picture.symlink_to if place == "link" else picture.hardlink_to)(Path("precious").absolute())
        for command in (["plot", "run", "--out", folder], ["train", "--resume", "run", "--epochs", "2"]):
            if command[0] == "plot" or folder == "run":
                done = ising_ep(*command)
                assert done.exit_code == 2
                assert f"{picture} is a " in done.stderr.splitlines()[-1]
        picture.unlink()
    assert Path("precious").read_text() == "mine"


def test_a_terminal_that_goes_away_costs_nothing():
    """As when an ssh line drops: what is printed then goes nowhere, and what was learned is kept."""
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [*COMMAND, *LONG, "100000", "--out", "run"])
    try:
        os.set_blocking(terminal, False)
        said = b""

        def learns() -> bool:
            nonlocal said
            with suppress(BlockingIOError):
                said += os.read(terminal, 65536)
            return Path("run", CHECKPOINT).exists() and b"epoch" in said

        until(learns)
    finally:
        os.close(terminal)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 130
    run = RunFolder.open(Path("run"))
    assert not Path("run", LOCK).exists()
    assert run.load().epoch + run.load().batch > 0


@pytest.mark.slow
def test_a_checkpoint_that_does_not_fit_is_named_and_the_run_goes_on():
    """The limit stands in for a full disk: the system refuses the same write."""
    assert ising_ep(*LONG, "3", "--out", "straight").exit_code == 0

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    try:
        done = ising_ep(*LONG, "3", "--out", "run")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert done.exit_code == 75
    line = done.stderr.splitlines()[-1]
    assert line.startswith("Stopped: run/checkpoint.safetensors: File too large; epoch ")
    assert "the last checkpoint stands; mend that first. Go on with: ising-ep train --resume run" in line
    assert ising_ep("train", "--resume", "run").exit_code == 0
    wanted, found = (RunFolder.open(Path(name)).load().parameters for name in ("straight", "run"))
    for name, value in wanted.items():
        assert value.tobytes() == found[name].tobytes()
